//! `RENAME COLUMN`.

use super::{Context, Error, Found, Hazard};
use crate::sql::quote_ident;
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL062",
    name: "rename-column",
    severity: Error,
    summary: "renaming a column breaks the running application",
    effect: "At no moment does the column have both names: the old application fails from the rename on, \
             the new one until then.",
    remedy: "Add a column of the new name, keep both in step by a trigger, fill it in batches, move the \
             application over, drop the old one. airlock plan does this by itself.",
    bad: "ALTER TABLE users RENAME COLUMN login TO username;",
    good: "ALTER TABLE users ADD COLUMN username text;",
    source: "PostgreSQL documentation, ALTER TABLE, RENAME.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::RenameStmt(rename) = cx.node() else { return };
    let Some(name) = rename.relation.as_ref() else { return };
    let table = cx.name(name);
    if rename.rename_type() != ObjectType::ObjectColumn
        || !cx.in_use(&table)
        || cx.lock_on(&table).is_none()
        || cx.file.has_added_column(&table, &rename.subname)
    {
        return;
    }
    let (old, new) = (quote_ident(&rename.subname), quote_ident(&rename.newname));
    let message = format!(
        "statements that name {old} of {table} fail from here on, those that name {new} until here"
    );
    cx.report(found, &HAZARD, cx.span_of_word(&rename.subname), message, None);
}

#[cfg(test)]
#[test]
fn fires_for_columns_that_were_there() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER TABLE orders RENAME code TO number",
            "ALTER VIEW active_users RENAME COLUMN id TO uid",
        ],
        &[
            "CREATE TABLE n (a int); ALTER TABLE n RENAME a TO b",
            "ALTER TABLE users ADD a int; ALTER TABLE users RENAME a TO b",
            "ALTER TABLE users RENAME CONSTRAINT bio_is_short TO short_bio",
            "ALTER INDEX users_name_idx RENAME TO by_name",
        ],
    );
}
