//! `CASCADE`, with what goes along.

use super::{Context, Error, Found, Hazard, dropped, listed};
use crate::catalog::{Catalog, Relation};
use crate::hazard::history::strings;
use crate::sql::{QualifiedName, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, DropBehavior, DropStmt, ObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL065",
    name: "drop-cascade",
    severity: Error,
    summary: "CASCADE drops whatever depends on the object, without naming it",
    effect: "Views, foreign keys, defaults, functions and whole columns of other tables go along, those \
             made since the migration was written included. Every table that loses something is locked \
             ACCESS EXCLUSIVE.",
    remedy: "Name what is to be dropped, one statement each, and leave CASCADE out.",
    bad: "DROP TABLE users CASCADE;",
    good: "DROP TABLE shipments;",
    source: "PostgreSQL documentation, Dependency Tracking.",
};

const WHATEVER: &str = "everything that depends on it is dropped, whatever that is";

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    match cx.node() {
        NodeEnum::DropStmt(drop) if drop.behavior() == DropBehavior::DropCascade => {
            let Some(goes) = goes_with(cx, drop) else {
                return cx.report(found, &HAZARD, cx.statement.span, WHATEVER, None);
            };
            say(cx, found, cx.statement.span, &goes);
        }
        NodeEnum::DropOwnedStmt(_) => {
            let message = "everything that the role owns is dropped, and all its privileges go";
            cx.report(found, &HAZARD, cx.statement.span, message, None);
        }
        NodeEnum::AlterTableStmt(_) => {
            for sub in cx.subcommands {
                if sub.command.behavior() != DropBehavior::DropCascade {
                    continue;
                }
                let Some(relation) = sub.relation.filter(|relation| super::known(relation)) else {
                    let drops = matches!(
                        sub.kind(),
                        AlterTableType::AtDropColumn | AlterTableType::AtDropConstraint
                    );
                    if drops {
                        cx.report(found, &HAZARD, sub.span(), WHATEVER, None);
                    }
                    continue;
                };
                let name = &sub.command.name;
                let goes = match sub.kind() {
                    AlterTableType::AtDropColumn => dependants(cx.catalog, relation, Some(name)),
                    AlterTableType::AtDropConstraint => keys_on(cx.catalog, relation, name),
                    _ => continue,
                };
                say(cx, found, sub.span(), &goes);
            }
        }
        _ => {}
    }
}

fn say(cx: &Context<'_>, found: &mut Found, span: crate::sql::Span, goes: &[String]) {
    if !goes.is_empty() {
        let message = format!("CASCADE drops {} too", listed(goes));
        cx.report(found, &HAZARD, span, message, None);
    }
}

/// What a `DROP … CASCADE` takes along; `None` when the catalog cannot tell.
fn goes_with(cx: &Context<'_>, drop: &DropStmt) -> Option<Vec<String>> {
    let names = dropped(drop);
    let mut goes: Vec<String> = Vec::new();
    match drop.remove_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectSequence => {
            let full: Vec<QualifiedName> = names.iter().map(|name| cx.name(name)).collect();
            for relation in full.iter().filter_map(|name| cx.relation(name)) {
                if !super::known(relation) {
                    return None;
                }
                goes.extend(dependants(cx.catalog, relation, None));
            }
            goes.retain(|gone| !full.iter().any(|name| name.to_string() == *gone));
        }
        ObjectType::ObjectSchema => {
            for object in &drop.objects {
                let Some(NodeEnum::String(schema)) = &object.node else { continue };
                let within = cx.catalog.relations.values().filter(|r| r.name.schema == schema.sval);
                goes.extend(within.filter(|r| !r.created_here).map(|r| r.name.to_string()));
            }
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            for object in &drop.objects {
                let Some(NodeEnum::TypeName(name)) = &object.node else { return None };
                let name = super::last_name(name);
                for relation in cx.catalog.relations.values() {
                    let of = relation.columns.iter().filter(|column| {
                        column.user_type.as_ref().is_some_and(|of| of.name == name)
                    });
                    goes.extend(of.map(|column| {
                        format!("column {} of {}", quote_ident(&column.name), relation.name)
                    }));
                }
            }
        }
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure => {
            for object in &drop.objects {
                let Some(NodeEnum::ObjectWithArgs(function)) = &object.node else { return None };
                let parts = strings(&function.objname);
                let name = parts.last()?;
                for relation in cx.catalog.relations.values() {
                    let on = relation.triggers.iter().filter(|t| t.function.name == *name);
                    goes.extend(on.map(|trigger| {
                        format!("trigger {} of {}", quote_ident(&trigger.name), relation.name)
                    }));
                }
            }
        }
        ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule => {}
        ObjectType::ObjectIndex => {
            for name in &names {
                let schema = (!name.schemaname.is_empty()).then_some(name.schemaname.as_str());
                if let Some((table, index)) = cx.catalog.resolve_index(schema, &name.relname) {
                    goes.extend(keys_with_index(cx.catalog, table, &index.name));
                }
            }
        }
        _ => return None,
    }
    goes.sort();
    goes.dedup();
    // What files alone tell of a schema, type or function is not all that uses it.
    (!goes.is_empty() || !cx.may_exist_unseen() || !names.is_empty()).then_some(goes)
}

/// What hangs on a relation, or on one of its columns.
fn dependants(catalog: &Catalog, relation: &Relation, column: Option<&str>) -> Vec<String> {
    let concerns =
        |columns: &[String]| column.is_none_or(|column| columns.iter().any(|name| name == column));
    let own = relation.dependants.iter().filter(|dependant| {
        use crate::catalog::DependantKind as Kind;
        !matches!(dependant.kind, Kind::ForeignKey | Kind::Sequence | Kind::Publication)
            && concerns(&dependant.columns)
            && dependant
                .relation
                .as_ref()
                .and_then(|name| catalog.relation(name))
                .is_none_or(|other| !other.created_here)
    });
    let mut names: Vec<String> = own.map(|dependant| dependant.name.clone()).collect();
    for (other, key) in catalog.incoming_foreign_keys(&relation.name) {
        if other.name != relation.name && !key.inherited && concerns(&key.referenced_columns) {
            names.push(foreign_key(other, &key.name));
        }
    }
    names
}

fn foreign_key(table: &Relation, name: &str) -> String {
    format!("foreign key {} of {}", quote_ident(name), table.name)
}

fn keys_on(catalog: &Catalog, relation: &Relation, constraint: &str) -> Vec<String> {
    let index = relation.constraint(constraint).and_then(|constraint| constraint.index.as_deref());
    index.map(|index| keys_with_index(catalog, relation, index)).unwrap_or_default()
}

/// Foreign keys that rely on a unique index.
fn keys_with_index(catalog: &Catalog, relation: &Relation, index: &str) -> Vec<String> {
    catalog
        .incoming_foreign_keys(&relation.name)
        .filter(|(_, key)| key.index.as_deref() == Some(index) && !key.inherited)
        .map(|(other, key)| foreign_key(other, &key.name))
        .collect()
}

#[cfg(test)]
#[test]
fn names_what_goes_along() {
    use crate::hazard::testing::{check, run};
    check(
        &HAZARD,
        &[
            "ALTER TABLE users DROP COLUMN login CASCADE",
            "ALTER TABLE orders DROP CONSTRAINT orders_code_key CASCADE",
            "DROP DOMAIN email CASCADE",
            "DROP TYPE mood CASCADE",
            "DROP FUNCTION touch CASCADE",
            "DROP SCHEMA public CASCADE",
        ],
        &[
            "DROP TABLE shipments CASCADE",
            "DROP VIEW active_users CASCADE",
            "ALTER TABLE users DROP COLUMN nick CASCADE",
            "DROP DOMAIN remark CASCADE",
            "DROP FUNCTION unused CASCADE",
            "CREATE TABLE n (a int); CREATE VIEW v AS SELECT a FROM n; DROP TABLE n CASCADE",
        ],
    );
    let found = run("DROP TABLE users CASCADE");
    let message = &found.iter().find(|found| found.hazard == &HAZARD).unwrap().message;
    assert!(message.contains("active_users"), "{message}");
    assert!(message.contains("foreign key"), "{message}");
}
