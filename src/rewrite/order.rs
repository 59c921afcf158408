//! Statements that change what others use without naming it, and the phase before which they cannot
//! come.
//!
//! *In words*: an `UPDATE` in migrate may call a function, read a view or draw from a sequence, itself
//! or behind a trigger. What replaces one of these comes after every such statement before it, and what may
//! evaluate it again comes after the replacement. An INSERT that leaves a column out takes its default: it comes
//! after a change of that default. A rename in place, of what the migration has made or as the user says, and
//! TRUNCATE or DROP COLUMN of a table that the migration has made, come after the work before them. Objects that come late, and privileges that are given to whatever is there or
//! will be, keep their order too ([`super::privileges`]).

use super::dispatch::target;
use super::draft::Draft;
use super::groups::strings;
use super::{awaited_key, rename_table, text, whole_row};
use crate::catalog::{Catalog, RelationKind};
use crate::plan::Phase;
use crate::sql::directive::RenameStrategy;
use crate::sql::{Diagnostic, QualifiedName, Statement, walk};
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, Node, ObjectType, RangeVar,
};
use pg_query::{NodeEnum, NodeRef};

/// The earliest phase of `statement`, as far as names do not tell it.
pub(super) fn floor(draft: &mut Draft<'_>, statement: &Statement) -> Phase {
    let mut floor = draft.ledger.all_floor;
    if replaces(draft, statement) || takes_away(draft, statement) {
        floor = floor.max(draft.latest_work());
    }
    if draft.ledger.replaced > Phase::Expand && may_use_replaced(&draft.catalog, statement) {
        floor = floor.max(draft.ledger.replaced);
    }
    for table in filled(draft, statement) {
        floor = floor.max(draft.floors.default_of(&table));
    }
    floor = floor.max(awaited_key::floor(draft, statement));
    let creation = draft.ledger.creation_floor;
    if creation > Phase::Expand && creates(&statement.node) {
        if creation == Phase::Contract {
            draft.refuse(
                Diagnostic::new(
                    "this creates something after a change of privileges that has to wait for contract",
                    statement.span,
                )
                .detail("An earlier statement gives privileges to whatever is there, or will be, and itself comes after something that is made in contract.")
                .hint("Put this statement into a revision of its own, after this one."),
            );
        }
        floor = floor.max(creation);
    }
    floor
}

/// Keeps in mind what the statement at hand, which has its steps by now, means for later ones.
pub(super) fn remember(draft: &mut Draft<'_>, statement: &Statement) {
    whole_row::note_order(draft, statement);
    let Some(phase) = draft.phase_of_statement() else { return };
    if phase > Phase::Expand && replaces(draft, statement) {
        draft.ledger.replaced = draft.ledger.replaced.max(phase);
        for name in changed_names(&statement.node) {
            draft.floors.word(&name, phase);
        }
    }
    if phase > Phase::Expand && takes_away(draft, statement) {
        keep_behind(draft, &statement.node, phase);
    }
    for (relation, phase) in draft.rows_changed() {
        draft.floors.rows(&relation, phase);
    }
    super::privileges::remember(draft, statement, phase);
}

/// Whether the statement puts something else in the place of what statements before it may use without
/// naming it.
fn replaces(draft: &Draft<'_>, statement: &Statement) -> bool {
    let known = |name: &str| {
        let functions = draft.catalog.functions.get(name).into_iter().flatten();
        functions.into_iter().any(|function| function.schema != "pg_catalog")
    };
    match &statement.node {
        // Another one of the name may be preferred from then on.
        NodeEnum::CreateFunctionStmt(create) => {
            strings(&create.funcname).last().is_some_and(|name| known(name))
        }
        NodeEnum::ViewStmt(view) => target(draft, view.view.as_ref()).is_some(),
        NodeEnum::AlterFunctionStmt(_) | NodeEnum::AlterDomainStmt(_) => true,
        // What it gives next.
        NodeEnum::AlterSeqStmt(alter) => alter.options.iter().any(|option| match &option.node {
            Some(NodeEnum::DefElem(option)) => {
                matches!(option.defname.as_str(), "restart" | "increment")
            }
            _ => false,
        }),
        NodeEnum::AlterOwnerStmt(alter) => is_routine(alter.object_type()),
        NodeEnum::AlterObjectSchemaStmt(alter) => is_routine(alter.object_type()),
        _ => false,
    }
}

/// Whether the statement takes a name, a column or rows away at once, of which an earlier statement may
/// still have need when its rows are changed. What the application uses stays until contract anyway.
fn takes_away(draft: &mut Draft<'_>, statement: &Statement) -> bool {
    let new = |draft: &Draft<'_>, range: Option<&RangeVar>| {
        target(draft, range).is_some_and(|name| draft.is_new(&name))
    };
    match &statement.node {
        NodeEnum::TruncateStmt(truncate) => truncate.relations.iter().any(
            |node| matches!(&node.node, Some(NodeEnum::RangeVar(range)) if new(draft, Some(range))),
        ),
        NodeEnum::AlterEnumStmt(alter) => !alter.old_val.is_empty(),
        NodeEnum::AlterTableStmt(alter) if new(draft, alter.relation.as_ref()) => {
            alter.cmds.iter().any(|node| match &node.node {
                Some(NodeEnum::AlterTableCmd(command)) => matches!(
                    command.subtype(),
                    AlterTableType::AtDropColumn
                        | AlterTableType::AtAlterColumnType
                        | AlterTableType::AtDropConstraint
                ),
                _ => false,
            })
        }
        NodeEnum::RenameStmt(rename) => match rename.rename_type() {
            ObjectType::ObjectSchema
            | ObjectType::ObjectType
            | ObjectType::ObjectDomain
            | ObjectType::ObjectSequence
            | ObjectType::ObjectAttribute => true,
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectColumn => {
                new(draft, rename.relation.as_ref())
                    || rename_table::strategy(draft, statement) == RenameStrategy::InPlace
            }
            // Nobody says the names of indexes, triggers and the like; functions have a recipe.
            _ => false,
        },
        _ => false,
    }
}

/// Keeps later statements behind one that [`takes_away`] something in `phase`. New names have their floor by
/// themselves.
fn keep_behind(draft: &mut Draft<'_>, node: &NodeEnum, phase: Phase) {
    let mut words = Vec::new();
    match node {
        NodeEnum::TruncateStmt(truncate) => {
            words.extend(truncate.relations.iter().filter_map(|node| match &node.node {
                Some(NodeEnum::RangeVar(range)) => Some(range.relname.clone()),
                _ => None,
            }));
        }
        NodeEnum::AlterTableStmt(alter) => {
            words.extend(alter.relation.iter().map(|range| range.relname.clone()));
        }
        // What was called so may be something else from then on; a value stands in strings.
        NodeEnum::AlterEnumStmt(_) => draft.ledger.all_floor = draft.ledger.all_floor.max(phase),
        NodeEnum::RenameStmt(rename) => {
            words.extend(rename.relation.iter().map(|range| range.relname.clone()));
            words.push(rename.subname.clone());
            if let Some(NodeEnum::List(path)) =
                rename.object.as_deref().and_then(|object| object.node.as_ref())
            {
                words.extend(strings(&path.items).pop());
            }
        }
        _ => {}
    }
    for word in words.iter().filter(|word| !word.is_empty()) {
        draft.floors.word(word, phase);
    }
}

fn is_routine(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine
    )
}

/// The names of what a replacing statement is about.
fn changed_names(node: &NodeEnum) -> Vec<String> {
    let of_object = |object: Option<&Node>| match object.and_then(|object| object.node.as_ref()) {
        Some(NodeEnum::ObjectWithArgs(named)) => strings(&named.objname).pop(),
        _ => None,
    };
    let name = match node {
        NodeEnum::CreateFunctionStmt(create) => strings(&create.funcname).pop(),
        NodeEnum::ViewStmt(view) => view.view.as_ref().map(|range| range.relname.clone()),
        NodeEnum::AlterFunctionStmt(alter) => {
            alter.func.as_ref().and_then(|named| strings(&named.objname).pop())
        }
        NodeEnum::AlterSeqStmt(alter) => alter.sequence.as_ref().map(|range| range.relname.clone()),
        NodeEnum::AlterDomainStmt(alter) => strings(&alter.type_name).pop(),
        NodeEnum::AlterOwnerStmt(alter) => of_object(alter.object.as_deref()),
        NodeEnum::AlterObjectSchemaStmt(alter) => of_object(alter.object.as_deref()),
        _ => None,
    };
    name.into_iter().collect()
}

/// Whether the statement may use what was replaced, behind something that it names.
fn may_use_replaced(catalog: &Catalog, statement: &Statement) -> bool {
    match &statement.node {
        NodeEnum::SelectStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::DoStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::RefreshMatViewStmt(_)
        | NodeEnum::AlterTableStmt(_) => {}
        _ => return false,
    }
    let is_program = |word: &String| {
        let functions = catalog.functions.get(word).into_iter().flatten();
        let view = catalog.resolve(None, word).is_some_and(|found| {
            matches!(found.kind, RelationKind::View | RelationKind::MaterializedView)
        });
        view || functions.into_iter().any(|function| function.schema != "pg_catalog")
    };
    text::words(&statement.sql).iter().any(is_program)
}

/// The tables into which the statement may put rows that take defaults.
fn filled(draft: &Draft<'_>, statement: &Statement) -> Vec<QualifiedName> {
    let mut found = Vec::new();
    if let NodeEnum::CopyStmt(copy) = &statement.node {
        found.extend(target(draft, copy.relation.as_ref()));
    }
    walk::walk(&statement.node, |node| match node {
        NodeRef::InsertStmt(insert) => found.extend(target(draft, insert.relation.as_ref())),
        NodeRef::MergeStmt(merge) => found.extend(target(draft, merge.relation.as_ref())),
        _ => {}
    });
    found
}

/// The default of a column of `relation` is changed in `phase`: rows that take it come after that.
pub(super) fn default_changed(
    draft: &mut Draft<'_>,
    alter: &AlterTableStmt,
    relation: &QualifiedName,
    phase: Phase,
) {
    let changes = |node: &Node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => is_default(command),
        _ => false,
    };
    if phase == Phase::Expand || !alter.cmds.iter().any(changes) {
        return;
    }
    let Some(found) = draft.catalog.relation(relation) else { return };
    let family: Vec<QualifiedName> =
        draft.catalog.family(found).into_iter().map(|member| member.name.clone()).collect();
    for member in family {
        draft.floors.default_changes(&member, phase);
    }
}

fn is_default(command: &AlterTableCmd) -> bool {
    command.subtype() == AlterTableType::AtColumnDefault
}

/// Whether the statement makes something that has privileges of its own.
pub(super) fn creates(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::CreateStmt(_)
            | NodeEnum::CreateTableAsStmt(_)
            | NodeEnum::ViewStmt(_)
            | NodeEnum::CreateSeqStmt(_)
            | NodeEnum::CreateForeignTableStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::CompositeTypeStmt(_)
            | NodeEnum::CreateSchemaStmt(_)
    )
}
