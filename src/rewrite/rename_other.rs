//! Renames of what is neither a table nor a column.
//!
//! *In words*: as written each is brief but breaks every running application that says the old name.
//! - View, materialized view, foreign table: as a table, the old name is a view until contract
//!   (`rename_table`); a column of a view by the `view` strategy (`rename_column`).
//! - Domain: expand, one transaction: the new name, and a domain over it under the old one. Casts, parameters
//!   and the texts of functions go on; contract drops it.
//! - Function: as in [`rename_function`].
//! - Schema, type, sequence, enum value, attribute: PostgreSQL has nothing that could stand under
//!   the old name with the same effect: in place, under the budget, when the user says so
//!   (`-- airlock: rename in-place`).
//! - Index, trigger, policy, rule, statistics, constraint: no application says their names, apart from
//!   `ON CONFLICT ON CONSTRAINT`, of which a note speaks.

use super::as_is;
use super::draft::Draft;
use super::groups::strings;
use super::rename_function;
use super::rename_table::strategy;
use crate::analyze::Impact;
use crate::catalog::{ConstraintKind, TypeDef};
use crate::plan::{Action, NoteKind, Phase, Undo};
use crate::sql::directive::RenameStrategy;
use crate::sql::{Diagnostic, QualifiedName, Statement, deparse, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterEnumStmt, Node, ObjectType, RenameStmt};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    rename: &RenameStmt,
    impact: &Impact,
) {
    let new = &rename.newname;
    match rename.rename_type() {
        ObjectType::ObjectSchema => {
            if !draft.start.schemas.contains(&rename.subname) {
                return as_is::steps(draft, statement, impact);
            }
            let what = format!("schema {}", quote_ident(&rename.subname));
            consented(draft, statement, impact, &what, "a schema has one name");
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            type_or_domain(draft, statement, rename, impact);
        }
        ObjectType::ObjectSequence => {
            let found = super::dispatch::target(draft, rename.relation.as_ref());
            let Some(name) = found.filter(|name| !draft.is_new(name)) else {
                return as_is::steps(draft, statement, impact);
            };
            let why = "no other sequence could give out the same numbers";
            consented(draft, statement, impact, &format!("sequence {name}"), why);
        }
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => {
            rename_function::steps(draft, statement, rename, impact);
        }
        ObjectType::ObjectAttribute => {
            let of = super::dispatch::target(draft, rename.relation.as_ref());
            if of.is_some_and(|of| !draft.start.types.contains_key(&of)) {
                return as_is::steps(draft, statement, impact);
            }
            let what = format!("attribute {}", quote_ident(&rename.subname));
            consented(draft, statement, impact, &what, "an attribute has one name");
        }
        ObjectType::ObjectTabconstraint => {
            let table = super::dispatch::target(draft, rename.relation.as_ref());
            let key =
                table.as_ref().and_then(|table| draft.catalog.relation(table)).and_then(|r| {
                    r.constraint(&rename.subname).filter(|c| {
                        matches!(
                            c.kind,
                            ConstraintKind::Unique
                                | ConstraintKind::PrimaryKey
                                | ConstraintKind::Exclude
                        )
                    })
                });
            if key.is_some() && !table.as_ref().is_some_and(|table| draft.is_new(table)) {
                let text = format!(
                    "ON CONFLICT ON CONSTRAINT {} fails from expand on: it is called {} then",
                    quote_ident(&rename.subname),
                    quote_ident(new)
                );
                draft.note(NoteKind::Application, text);
            }
            as_is::steps(draft, statement, impact);
        }
        _ => as_is::steps(draft, statement, impact),
    }
}

/// `ALTER TYPE … RENAME VALUE`.
pub(super) fn enum_value(
    draft: &mut Draft<'_>,
    statement: &Statement,
    alter: &AlterEnumStmt,
    impact: &Impact,
) {
    let is_new = resolve(draft, &strings(&alter.type_name))
        .is_none_or(|name| !draft.start.types.contains_key(&name));
    if alter.old_val.is_empty() || is_new {
        return as_is::steps(draft, statement, impact);
    }
    let what = format!("value {} of {}", alter.old_val, strings(&alter.type_name).join("."));
    consented(draft, statement, impact, &what, "a value of an enum has one name");
}

/// In place when the user says so, else refused.
pub(super) fn consented(
    draft: &mut Draft<'_>,
    statement: &Statement,
    impact: &Impact,
    what: &str,
    why: &str,
) {
    if strategy(draft, statement) == RenameStrategy::InPlace {
        draft.note(
            NoteKind::Application,
            format!(
                "the rename of {what} happens at once: what says the old name fails from then on"
            ),
        );
        return as_is::steps(draft, statement, impact);
    }
    draft.refuse(
        Diagnostic::new(format!("{what} cannot have both names for a while"), statement.span)
            .detail(format!("The reason: {why}. Running applications that say the old name would fail."))
            .hint("Write `-- airlock: rename in-place` above the statement if no running application says the old name, or all can be stopped for it."),
    );
}

fn type_or_domain(
    draft: &mut Draft<'_>,
    statement: &Statement,
    rename: &RenameStmt,
    impact: &Impact,
) {
    let Some(old) = resolve(draft, &object_names(rename)) else {
        return as_is::steps(draft, statement, impact);
    };
    // A type of that name is made anew by this migration: applications go on saying it.
    let replaced = draft.later_has(&["create", "type", &old.name]);
    if replaced || !draft.start.types.contains_key(&old) {
        return as_is::steps(draft, statement, impact);
    }
    let what = format!("type {old}");
    match (strategy(draft, statement), draft.catalog.types.get(&old)) {
        (RenameStrategy::Auto | RenameStrategy::View, Some(TypeDef::Domain { base, .. }))
            if !is_enum(draft, base) => {}
        // No operator takes an enum and a domain over it (observed on 15 and 18: "operator does not
        // exist: feeling = mood").
        _ => {
            let why = "a domain could stand under the old name, but would not compare with it";
            return consented(draft, statement, impact, &what, why);
        }
    }
    let new = old.sibling(&rename.newname);
    let sql = vec![
        format!("ALTER DOMAIN {old} RENAME TO {}", quote_ident(&new.name)),
        format!("CREATE DOMAIN {old} AS {new}"),
    ];
    let undo = vec![
        format!("DROP DOMAIN {old}"),
        format!("ALTER DOMAIN {new} RENAME TO {}", quote_ident(&old.name)),
    ];
    let why = format!("{} has both names: the old one is a domain over it", new.name);
    draft
        .step(Phase::Expand, why, Action::Transaction { sql })
        .undo(Undo::Transaction { sql: undo, locks: Vec::new() });
    let why = format!("no application uses the name {old} any more");
    let action = Action::Transaction { sql: vec![format!("DROP DOMAIN {old}")] };
    draft.step(Phase::Contract, why, action);
    draft.gate(Phase::Contract, format!("every running application uses {new} instead of {old}"));
    draft.note(
        NoteKind::Application,
        format!("until contract {old} is a domain over {new}: columns have {new} at once"),
    );
    draft.floors.word(&old.name, Phase::Contract);
}

/// Whether the base of a domain, as the server prints it, is an enum.
fn is_enum(draft: &Draft<'_>, base: &str) -> bool {
    draft.catalog.types.iter().any(|(name, definition)| {
        matches!(definition, TypeDef::Enum { .. })
            && (base == name.to_string() || *base == name.name)
    })
}

fn object_names(rename: &RenameStmt) -> Vec<String> {
    match rename.object.as_deref().and_then(|object| object.node.as_ref()) {
        Some(NodeEnum::List(list)) => strings(&list.items),
        Some(NodeEnum::TypeName(name)) => strings(&name.names),
        Some(NodeEnum::ObjectWithArgs(function)) => strings(&function.objname),
        _ => Vec::new(),
    }
}

/// The type that a name means.
fn resolve(draft: &Draft<'_>, names: &[String]) -> Option<QualifiedName> {
    match names {
        [name] => draft
            .catalog
            .server
            .search_path
            .iter()
            .map(|schema| QualifiedName::new(&**schema, &**name))
            .find(|candidate| draft.catalog.types.contains_key(candidate)),
        [.., schema, name] => {
            let candidate = QualifiedName::new(&**schema, &**name);
            draft.catalog.types.contains_key(&candidate).then_some(candidate)
        }
        [] => None,
    }
}

/// The undo of a renamed type.
pub(super) fn type_back(draft: &Draft<'_>, rename: &RenameStmt) -> Undo {
    match resolve(draft, &object_names(rename)) {
        Some(name) => {
            let renamed = name.sibling(&rename.newname);
            let sql = vec![format!("ALTER TYPE {renamed} RENAME TO {}", quote_ident(&name.name))];
            Undo::Transaction { sql, locks: Vec::new() }
        }
        None => Undo::Irreversible { why: "the rename stays after a rollback".to_owned() },
    }
}

/// The statement that renames back, for what has no table: run under the plan's search path.
pub(super) fn back(rename: &RenameStmt) -> Option<String> {
    let mut reverse = rename.clone();
    let swap_last = |names: &mut Vec<Node>| -> Option<String> {
        match &mut names.last_mut()?.node {
            Some(NodeEnum::String(name)) => {
                Some(std::mem::replace(&mut name.sval, rename.newname.clone()))
            }
            _ => None,
        }
    };
    match rename.rename_type() {
        ObjectType::ObjectDomconstraint => {
            reverse.subname.clone_from(&rename.newname);
            reverse.newname.clone_from(&rename.subname);
        }
        ObjectType::ObjectType
        | ObjectType::ObjectDomain
        | ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate
        | ObjectType::ObjectStatisticExt => {
            reverse.newname = match reverse.object.as_mut()?.node.as_mut()? {
                NodeEnum::List(list) => swap_last(&mut list.items)?,
                NodeEnum::TypeName(name) => swap_last(&mut name.names)?,
                NodeEnum::ObjectWithArgs(function) => swap_last(&mut function.objname)?,
                _ => return None,
            };
        }
        _ => return None,
    }
    Some(deparse::statement(&NodeEnum::RenameStmt(Box::new(reverse))))
}

/// The same for a value of an enum.
pub(super) fn enum_value_back(alter: &AlterEnumStmt) -> Option<String> {
    if alter.old_val.is_empty() {
        return None;
    }
    let mut reverse = alter.clone();
    reverse.old_val.clone_from(&alter.new_val);
    reverse.new_val.clone_from(&alter.old_val);
    Some(deparse::statement(&NodeEnum::AlterEnumStmt(reverse)))
}

/// The old name of an index.
pub(super) fn index_back(draft: &Draft<'_>, rename: &RenameStmt) -> Undo {
    let found = rename.relation.as_ref().and_then(|range| {
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        draft.catalog.resolve_index(schema, &range.relname)
    });
    match found {
        Some((table, index)) => {
            let renamed = table.name.sibling(&rename.newname);
            let sql = vec![format!("ALTER INDEX {renamed} RENAME TO {}", quote_ident(&index.name))];
            Undo::Transaction { sql, locks: Vec::new() }
        }
        None => Undo::Nothing,
    }
}
