//! A foreign key locks the table that it points to.

use super::{Context, Found, Hazard, Warning};
use crate::hazard::alter::inline;
use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL033",
    name: "foreign-key-locks-referenced",
    severity: Warning,
    summary: "a new foreign key takes SHARE ROW EXCLUSIVE on the table that it points to",
    effect: "Triggers are created on the referenced table, so writes to it wait, even when the key is NOT \
             VALID or its own table is new and empty. It is quick once it has the lock.",
    remedy: "Set lock_timeout and try again until it succeeds, and give the statement a transaction of its \
             own, so that the lock goes at once.",
    bad: "CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));",
    good: "CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint);",
    source: "PostgreSQL documentation, ALTER TABLE, ADD table_constraint; `CREATE TRIGGER`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    match cx.node() {
        NodeEnum::CreateStmt(create) => {
            let elements = create.table_elts.iter().chain(&create.constraints);
            for element in elements {
                match &element.node {
                    Some(NodeEnum::ColumnDef(column)) => {
                        inline(column).for_each(|constraint| key(cx, constraint, found));
                    }
                    Some(NodeEnum::Constraint(constraint)) => key(cx, constraint, found),
                    _ => {}
                }
            }
        }
        NodeEnum::AlterTableStmt(_) => {
            for (sub, constraint) in super::key_constraints(cx) {
                if !sub.blocks() {
                    key(cx, constraint, found);
                }
            }
        }
        _ => {}
    }
}

fn key(cx: &Context<'_>, constraint: &Constraint, found: &mut Found) {
    let (ConstrType::ConstrForeign, Some(other)) = (constraint.contype(), &constraint.pktable)
    else {
        return;
    };
    let table = cx.name(other);
    let locked = cx.lock_on(&table).is_some_and(|mode| mode.blocks_writes());
    if !locked || !cx.is_live(&table) {
        return;
    }
    let message = format!("writes to {table} wait: the foreign key creates triggers on it");
    cx.report(found, &HAZARD, cx.span_of(other), message, None);
}

#[cfg(test)]
#[test]
fn fires_where_the_other_table_is_in_use() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "CREATE TABLE n (o int, FOREIGN KEY (o) REFERENCES orders)",
            "ALTER TABLE shipments ADD FOREIGN KEY (order_id) REFERENCES orders NOT VALID",
            "ALTER TABLE archive ADD FOREIGN KEY (user_id) REFERENCES users",
        ],
        &[
            "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)",
            "CREATE TABLE n (a int REFERENCES archive)",
            "ALTER TABLE shipments VALIDATE CONSTRAINT shipments_user_fk",
        ],
    );
}
