//! An INSERT that does not say which columns it fills.

use super::{Context, Found, Hazard, Warning};
use crate::sql::walk;
use pg_query::protobuf::RangeVar;
use pg_query::{NodeEnum, NodeRef};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL072",
    name: "insert-without-columns",
    severity: Warning,
    summary: "an INSERT without a list of columns depends on their order, which is not the same in every database",
    effect: "The values go to the columns in the order that they have in that database. It differs where a column was \
             made anew, by a change of type or a rename through a second column for example: there a value lands in \
             another column, without an error if the types allow it.",
    remedy: "Name the columns.",
    bad: "INSERT INTO events VALUES ('2024-06-06', 'x');",
    good: "INSERT INTO events (at, kind) VALUES ('2024-06-06', 'x');",
    source: "PostgreSQL documentation, INSERT, column_name.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let mut filled: Vec<&RangeVar> = Vec::new();
    match cx.node() {
        NodeEnum::CopyStmt(copy) if copy.is_from && copy.attlist.is_empty() => {
            filled.extend(copy.relation.as_ref());
        }
        node => walk::walk(node, |node| {
            if let NodeRef::InsertStmt(insert) = node
                && insert.cols.is_empty()
                && insert.select_stmt.is_some()
            {
                filled.extend(insert.relation.as_ref());
            }
        }),
    }
    for range in filled {
        let name = cx.name(range);
        if cx.in_use(&name) {
            let message = format!("the values go to whatever columns {name} has, in their order");
            cx.report(found, &HAZARD, cx.span_of(range), message, None);
        }
    }
}

#[cfg(test)]
#[test]
fn fires_where_no_column_is_named() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "INSERT INTO events SELECT * FROM events_2025",
            "WITH new AS (INSERT INTO archive VALUES (1) RETURNING *) SELECT count(*) FROM new",
        ],
        &["INSERT INTO users DEFAULT VALUES", "CREATE TABLE n (a int); INSERT INTO n VALUES (1)"],
    );
}
