//! `CREATE INDEX … IF NOT EXISTS` over an invalid leftover.

use super::{Context, Error, Found, Hazard};
use crate::sql::quote_ident;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL058",
    name: "invalid-index-kept",
    severity: Error,
    summary: "CREATE INDEX IF NOT EXISTS finds an invalid index of that name and leaves it as it is",
    effect: "A concurrent build that failed leaves an index that every write maintains and no query uses; \
             a unique one does not keep duplicates out reliably. IF NOT EXISTS takes it for the index that \
             is wanted, and reports success.",
    remedy: "DROP INDEX CONCURRENTLY the invalid index, then create it again.",
    bad: "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_broken_idx ON users (nick);",
    good: "DROP INDEX CONCURRENTLY users_broken_idx;\n\
           CREATE INDEX CONCURRENTLY IF NOT EXISTS users_broken_idx ON users (nick);",
    source: "PostgreSQL documentation, CREATE INDEX, Building Indexes Concurrently and IF NOT EXISTS.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::IndexStmt(create) = cx.node() else { return };
    let Some(name) = create.relation.as_ref().filter(|_| create.if_not_exists) else { return };
    let table = cx.name(name);
    let there = cx.catalog.resolve_index(Some(&table.schema), &create.idxname);
    let Some((relation, _)) = there.filter(|(_, index)| !index.valid) else { return };
    // The index ON ONLY a partitioned table is invalid until every partition has one.
    if relation.kind == crate::catalog::RelationKind::PartitionedTable {
        return;
    }
    let index = table.sibling(&*create.idxname);
    let message = format!(
        "{} is there and invalid: it stays so, and nothing is built",
        quote_ident(&create.idxname)
    );
    let remedy = format!("DROP INDEX CONCURRENTLY {index}; first.");
    cx.report(found, &HAZARD, cx.span_of_word(&create.idxname), message, Some(remedy));
}

#[cfg(test)]
#[test]
fn fires_over_a_leftover() {
    crate::hazard::testing::check(
        &HAZARD,
        &["CREATE INDEX IF NOT EXISTS users_broken_idx ON users (nick)"],
        &[
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_login_key ON users (login)",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS fresh ON users (nick)",
        ],
    );
}
