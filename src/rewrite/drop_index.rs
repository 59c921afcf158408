//! `DROP INDEX`.
//!
//! *In words*: as written it takes ACCESS EXCLUSIVE on the table. `CONCURRENTLY` takes SHARE UPDATE
//! EXCLUSIVE. A unique index goes in contract, because `ON CONFLICT` of the old application may rely
//! on it; another one in migrate, where `rollback` can build it again from its definition.

use super::again;
use super::as_is;
use super::draft::Draft;
use super::text;
use crate::analyze::Impact;
use crate::catalog::{Index, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo};
use crate::sql::{
    Diagnostic, QualifiedName, Statement, deparse, grammar, quote_ident, quote_literal,
};
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
        draft.remember_dropped(&table.name, &index.name, again::Kind::Index, &sql);
        let undo = if index.unique { Undo::Nothing } else { put_back(&table, &index) };
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

/// Builds `index` again after it was dropped, with what hung on it.
pub(super) fn put_back(table: &Relation, index: &Index) -> Undo {
    let qualified = table.name.sibling(&index.name);
    let build = rebuild(&qualified, &index.definition);
    let sql = belongings(table, index);
    if sql.is_empty() {
        return build;
    }
    Undo::Sequence { parts: vec![build, Undo::Transaction { sql, locks: Vec::new() }] }
}

/// `definition` built concurrently under the name `qualified`. `pg_get_indexdef` begins with
/// `CREATE [UNIQUE] INDEX name ON`.
pub(super) fn rebuild(qualified: &QualifiedName, definition: &str) -> Undo {
    let parsed = grammar::parse(definition).ok().and_then(|tree| tree.stmts.into_iter().next());
    let sql = match parsed.and_then(|raw| raw.stmt).and_then(|node| node.node) {
        Some(NodeEnum::IndexStmt(mut index)) => {
            index.idxname.clone_from(&qualified.name);
            index.concurrent = true;
            deparse::statement(&NodeEnum::IndexStmt(index))
        }
        // What the server itself printed and this parser does not read: a newer server's syntax.
        _ => {
            return Undo::Irreversible {
                why: format!("index {qualified} does not come back: {definition}"),
            };
        }
    };
    Undo::Concurrent {
        sql,
        probe: text::index_built_probe(qualified),
        cleanup: format!("DROP INDEX CONCURRENTLY IF EXISTS {qualified}"),
    }
}

/// What a definition does not say of an index, as statements that put it back.
pub(super) fn belongings(table: &Relation, index: &Index) -> Vec<String> {
    let qualified = table.name.sibling(&index.name);
    let mut sql = Vec::new();
    if let Some(comment) = &index.comment {
        sql.push(format!("COMMENT ON INDEX {qualified} IS {}", quote_literal(comment)));
    }
    for (position, target) in &index.statistics_targets {
        sql.push(format!(
            "ALTER INDEX {qualified} ALTER COLUMN {position} SET STATISTICS {target}"
        ));
    }
    if index.is_clustered {
        let name = quote_ident(&index.name);
        sql.push(text::alter(&table.name, &format!("CLUSTER ON {name}")));
    }
    sql
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
