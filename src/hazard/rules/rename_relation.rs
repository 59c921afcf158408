//! Renaming a table, view or sequence, or moving it to another schema.

use super::{Context, Error, Found, Hazard};
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL063",
    name: "rename-relation",
    severity: Error,
    summary: "renaming a table or view, or moving it to another schema, breaks the running application",
    effect: "Statements that use the old name fail from that moment on, those with the new name until then.",
    remedy: "In the same transaction create a view of the old name over the new table: a simple view can \
             be written to. Drop it once no application uses it. airlock plan does this by itself.",
    bad: "ALTER TABLE users RENAME TO customers;",
    good: "BEGIN;\nALTER TABLE users RENAME TO customers;\nCREATE VIEW users AS SELECT * FROM customers;\nCOMMIT;",
    source: "PostgreSQL documentation, ALTER TABLE, RENAME and SET SCHEMA; CREATE VIEW, Updatable Views.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let is_relation = |kind: ObjectType| {
        matches!(
            kind,
            ObjectType::ObjectTable
                | ObjectType::ObjectView
                | ObjectType::ObjectMatview
                | ObjectType::ObjectForeignTable
                | ObjectType::ObjectSequence
        )
    };
    let (name, new) = match cx.node() {
        NodeEnum::RenameStmt(rename) if is_relation(rename.rename_type()) => {
            let Some(name) = rename.relation.as_ref() else { return };
            (name, cx.name(name).sibling(&*rename.newname))
        }
        NodeEnum::AlterObjectSchemaStmt(moving) if is_relation(moving.object_type()) => {
            let Some(name) = moving.relation.as_ref() else { return };
            (name, QualifiedName::new(&*moving.newschema, cx.name(name).name))
        }
        _ => return,
    };
    let old = cx.name(name);
    if !cx.in_use(&old) || cx.lock_on(&old).is_none() || old == new {
        return;
    }
    let message =
        format!("statements that use {old} fail from here on, those that use {new} until here");
    cx.report_unless_again(found, &HAZARD, cx.span_of(name), message, old);
}

#[cfg(test)]
#[test]
fn fires_unless_the_old_name_still_works() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE users RENAME TO customers; CREATE VIEW people AS SELECT * FROM customers",
            "CREATE SCHEMA app; ALTER TABLE orders SET SCHEMA app",
            "ALTER VIEW active_users RENAME TO busy",
        ],
        &[
            "CREATE TABLE n (a int); ALTER TABLE n RENAME TO m",
            "ALTER INDEX users_name_idx RENAME TO by_name",
            "ALTER TABLE IF EXISTS nowhere RENAME TO m",
        ],
    );
}
