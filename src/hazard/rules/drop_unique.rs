//! A unique index or constraint goes.

use super::{Context, Found, Hazard, Warning, dropped};
use crate::catalog::ConstraintKind;
use crate::sql::quote_ident;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, ObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL066",
    name: "drop-unique",
    severity: Warning,
    summary: "dropping a unique index or constraint breaks ON CONFLICT of the running application",
    effect: "INSERT … ON CONFLICT (columns) fails without an index that proves the columns unique, and \
             duplicates are let in from that moment on: the index cannot be created again over them.",
    remedy: "Release an application that does not rely on it first. To replace it, create the new unique \
             index concurrently before the old one is dropped.",
    bad: "DROP INDEX CONCURRENTLY users_login_key;",
    good: "DROP INDEX CONCURRENTLY users_name_idx;",
    source: "PostgreSQL documentation, INSERT, ON CONFLICT Clause.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let loses = |relation: &crate::catalog::Relation, columns: &[Option<String>], but: &str| {
        // Another unique index over the same columns serves as well.
        !relation.indexes.iter().any(|other| {
            other.name != but
                && other.unique
                && other.valid
                && other.predicate.is_none()
                && other.keys == columns
        })
    };
    let words = |what: &str, table: &crate::sql::QualifiedName| {
        format!(
            "{what} of {table} keeps no duplicates out any more, and ON CONFLICT over its columns fails"
        )
    };
    match cx.node() {
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectIndex => {
            for name in dropped(drop) {
                let schema = (!name.schemaname.is_empty()).then_some(name.schemaname.as_str());
                let owner = cx.catalog.resolve_index(schema, &name.relname);
                let Some((table, index)) = owner else { continue };
                if index.unique
                    && super::known(table)
                    && index.valid
                    && cx.in_use(&table.name)
                    && loses(table, &index.keys, &index.name)
                {
                    let message =
                        words(&format!("index {}", quote_ident(&index.name)), &table.name);
                    cx.report(found, &HAZARD, cx.span_of_word(&name.relname), message, None);
                }
            }
        }
        NodeEnum::AlterTableStmt(_) => {
            for sub in cx.subcommands.iter().filter(|sub| cx.in_use(&sub.table)) {
                if sub.kind() != AlterTableType::AtDropConstraint {
                    continue;
                }
                let Some(table) = sub.relation else { continue };
                let Some(gone) = table.constraint(&sub.command.name) else { continue };
                let keys: Vec<Option<String>> = gone.columns.iter().cloned().map(Some).collect();
                let index = gone.index.as_deref().unwrap_or_default();
                let unique =
                    matches!(gone.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey);
                if unique && loses(table, &keys, index) {
                    let message =
                        words(&format!("constraint {}", quote_ident(&gone.name)), &table.name);
                    cx.report(found, &HAZARD, sub.span(), message, None);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[test]
fn fires_unless_another_index_is_there() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TABLE shipments DROP CONSTRAINT shipments_pkey", "DROP INDEX users_login_key"],
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY again ON users (login);
             DROP INDEX CONCURRENTLY users_login_key",
            "ALTER TABLE users DROP CONSTRAINT bio_is_short",
            "CREATE TABLE n (a int UNIQUE); ALTER TABLE n DROP CONSTRAINT n_a_key",
        ],
    );
}
