//! `DROP INDEX`.
//!
//! *In words*: as written it takes ACCESS EXCLUSIVE on the table. `CONCURRENTLY` takes SHARE UPDATE
//! EXCLUSIVE. A unique index goes in contract, because `ON CONFLICT` of the old application may rely
//! on it; another one in migrate, where `rollback` can build it again from its definition.

use super::as_is;
use super::draft::Draft;
use super::text;
use crate::analyze::Impact;
use crate::catalog::RelationKind;
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo};
use crate::sql::{Diagnostic, QualifiedName, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, DropStmt, Node};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    drop: &DropStmt,
    impact: &Impact,
) {
    for object in &drop.objects {
        let Some(path) = path(object) else { continue };
        let (schema, name) = match path.as_slice() {
            [name] => (None, name.as_str()),
            [schema, name] => (Some(schema.as_str()), name.as_str()),
            _ => continue,
        };
        let Some((table, index)) = draft.catalog.resolve_index(schema, name) else {
            draft
                .note(NoteKind::Information, format!("index {name} is not there: nothing to drop"));
            continue;
        };
        let (table, index) = (table.clone(), index.clone());
        if table.kind == RelationKind::PartitionedTable || draft.is_new(&table.name) {
            return as_is::steps(draft, statement, impact);
        }
        if drop.behavior() == DropBehavior::DropCascade {
            let relying: Vec<String> = draft
                .catalog
                .incoming_foreign_keys(&table.name)
                .filter(|(_, key)| key.index.as_deref() == Some(index.name.as_str()))
                .map(|(other, key)| format!("{} of {}", key.name, other.name))
                .collect();
            if !relying.is_empty() {
                draft.refuse(
                    Diagnostic::new(
                        format!("DROP INDEX {} CASCADE would drop foreign keys", index.name),
                        statement.span,
                    )
                    .detail(format!("These rely on it: {}.", text::listed(&relying)))
                    .hint("Drop them in statements of their own first."),
                );
                return;
            }
        }
        let qualified = table.name.sibling(&index.name);
        let phase = if index.unique { Phase::Contract } else { Phase::Migrate };
        let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {qualified}");
        let undo = if index.unique {
            Undo::Nothing
        } else {
            Undo::Concurrent { sql: concurrently(&index.definition) }
        };
        draft
            .step(
                phase,
                format!("{} is dropped while the application goes on", index.name),
                Action::Concurrent {
                    sql: sql.clone(),
                    probe: text::index_dropped_probe(&qualified),
                    cleanup: sql,
                },
            )
            .locks(vec![RelationLock {
                relation: table.name.clone(),
                mode: LockMode::ShareUpdateExclusive,
            }])
            .undo(undo);
        if index.unique {
            draft.gate(
                Phase::Contract,
                format!("no application relies on {} being unique (ON CONFLICT)", index.name),
            );
        }
        draft.floors.member(&table.name, &index.name, phase);
    }
}

/// The definition with `CONCURRENTLY IF NOT EXISTS`: `pg_get_indexdef` begins with `CREATE [UNIQUE]
/// INDEX name`.
pub(super) fn concurrently(definition: &str) -> String {
    definition.replacen(" INDEX ", " INDEX CONCURRENTLY IF NOT EXISTS ", 1)
}

/// The parts of an object's name in a `DROP`.
pub(super) fn path(object: &Node) -> Option<Vec<String>> {
    match &object.node {
        Some(NodeEnum::List(list)) => Some(super::groups::strings(&list.items)),
        _ => None,
    }
}

/// The relation that a `DROP` names.
pub(super) fn dropped_relation(draft: &Draft<'_>, object: &Node) -> Option<QualifiedName> {
    let path = path(object)?;
    let (schema, name) = match path.as_slice() {
        [name] => (None, name.as_str()),
        [.., schema, name] => (Some(schema.as_str()), name.as_str()),
        [] => return None,
    };
    draft.catalog.resolve(schema, name).map(|relation| relation.name.clone())
}
