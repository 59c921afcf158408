//! Dropping a table, view or sequence.

use super::{Context, Error, Found, Hazard, dropped};
use crate::catalog::RelationKind;
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL064",
    name: "drop-relation",
    severity: Error,
    summary: "dropping a table, view or sequence breaks the running application that still uses it",
    effect: "Every statement that uses it fails from that moment on; the rows of a table are lost. A table \
             that it has a foreign key to is locked ACCESS EXCLUSIVE too.",
    remedy: "Release an application that does not use it first, and drop it in a later migration. airlock \
             plan puts the drop behind a gate.",
    bad: "DROP TABLE shipments;",
    good: "DROP VIEW active_users;\nCREATE VIEW active_users AS SELECT id, login, name FROM users;",
    source: "PostgreSQL documentation, DROP TABLE.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::DropStmt(drop) = cx.node() else { return };
    let is_relation = matches!(
        drop.remove_type(),
        ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectSequence
    );
    if !is_relation {
        return;
    }
    for name in dropped(drop) {
        let full = cx.name(&name);
        let there = cx.relation(&full);
        if !cx.in_use(&full) || (there.is_none() && !cx.may_exist_unseen()) {
            continue;
        }
        let span = cx.span_of_word(&name.relname);
        let holds =
            there.is_none_or(super::holds_rows) && drop.remove_type() == ObjectType::ObjectTable;
        let message = if holds && cx.has_rows(&full) {
            format!("statements that use {} fail from here on; its rows are lost", cx.sized(&full))
        } else {
            format!("statements that use {full} fail from here on")
        };
        let again = there.is_some_and(|relation| {
            matches!(relation.kind, RelationKind::View | RelationKind::MaterializedView)
        });
        if again {
            cx.report_unless_again(found, &HAZARD, span, message, full);
        } else {
            cx.report(found, &HAZARD, span, message, None);
        }
    }
}

#[cfg(test)]
#[test]
fn fires_for_what_is_gone_at_the_end() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "DROP TABLE IF EXISTS shipments, archive",
            "DROP VIEW active_users",
            "DROP MATERIALIZED VIEW totals CASCADE",
            "DROP TABLE shipments; CREATE TABLE shipments (id int)",
        ],
        &[
            "DROP TABLE IF EXISTS nowhere",
            "CREATE TABLE n (a int); DROP TABLE n",
            "DROP INDEX users_name_idx",
        ],
    );
}
