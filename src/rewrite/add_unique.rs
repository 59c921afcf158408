//! `ADD UNIQUE` and `ADD PRIMARY KEY`.
//!
//! *In words*: as written an index is built under ACCESS EXCLUSIVE. Instead a unique index is built
//! concurrently under the constraint's own name, then `ADD … USING INDEX` takes it over (brief). For
//! a primary key every column becomes NOT NULL first, by the recipe of *set NOT NULL*, else `USING
//! INDEX` scans under ACCESS EXCLUSIVE. Duplicates are looked for before anything is built.

use super::again;
use super::as_is;
use super::create_index::{self, Build};
use super::draft::Draft;
use super::drop_index;
use super::groups::strings;
use super::partitioned;
use super::set_not_null;
use super::text::{self, alter};
use crate::analyze::Impact;
use crate::catalog::{RelationKind, names};
use crate::lock::LockMode;
use crate::plan::{Action, Check, NoteKind, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    ConstrType, Constraint, IndexElem, IndexStmt, Node, RangeVar, SortByDir, SortByNulls,
};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
    impact: &Impact,
) {
    let dropped = replaced(draft, constraint, relation);
    if dropped.is_some() {
        // REFERENCES without columns would find the old primary key until contract.
        draft.floors.rekeyed(relation);
    }
    if draft.is_unused(relation) {
        let exclusive = as_is::requested(draft, impact);
        if dropped.is_some_and(|d| again::join(draft, &d, part.sql.clone(), exclusive)) {
            return;
        }
        return as_is::steps(draft, part, impact);
    }
    if let Some(dropped) = dropped {
        exchange(draft, part, constraint, relation, &dropped);
    } else if constraint.indexname.is_empty() {
        emit(draft, part, constraint, relation);
    } else {
        using_index(draft, part, constraint, relation, impact);
    }
}

/// The key that an earlier statement drops, in contract, and whose place this one takes: the one
/// primary key of the table, or one of the same name.
fn replaced(
    draft: &Draft<'_>,
    constraint: &Constraint,
    relation: &QualifiedName,
) -> Option<again::Dropped> {
    let primary = constraint.contype() == ConstrType::ConstrPrimary;
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    draft.dropped_before(relation, |dropped| {
        let key = matches!(dropped.kind, again::Kind::PrimaryKey | again::Kind::Unique);
        key && (dropped.name == name || (primary && dropped.kind == again::Kind::PrimaryKey))
    })
}

/// The new key is finished beside the old one, and takes its place in contract.
fn exchange(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
    dropped: &again::Dropped,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let primary = constraint.contype() == ConstrType::ConstrPrimary;
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    if found.kind == RelationKind::PartitionedTable {
        draft.note(
            NoteKind::Information,
            format!("{name} is built in contract, after {} is gone: until it is finished {relation} has neither", dropped.name),
        );
        draft.raise(Phase::Contract);
        return emit(draft, part, constraint, relation);
    }
    let floor = draft.lower_floor_of_part(part, relation, &dropped.name);
    // The index of a key over a column that itself comes in contract is built there, when the old key has gone.
    let in_time = draft.floor() < Phase::Contract;
    let index = if constraint.indexname.is_empty() {
        let keys = strings(&constraint.keys);
        duplicates(draft, relation, &keys, constraint.nulls_not_distinct || primary);
        if primary {
            make_not_null(draft, relation, &keys);
        }
        let index = draft.temporary_name();
        let why = format!(
            "the index of the new {name} is built beside that of {} while the application goes on",
            dropped.name
        );
        create_index::build(
            draft,
            Build {
                index: index_of(constraint, relation, &index),
                name: index.clone(),
                relation: relation.clone(),
                why,
            },
        );
        index
    } else {
        if primary {
            let keys = found.index(&constraint.indexname).map(|index| index.keys.clone());
            let keys: Vec<String> = keys.into_iter().flatten().flatten().collect();
            make_not_null(draft, relation, &keys);
        }
        constraint.indexname.clone()
    };
    draft.restore_floor(floor);
    let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
    let add = alter(
        relation,
        &format!(
            "ADD CONSTRAINT {} {kind} USING INDEX {}{}",
            quote_ident(&name),
            quote_ident(&index),
            timing(constraint)
        ),
    );
    let locks = draft.locks(&found, LockMode::AccessExclusive);
    if !in_time || !again::join(draft, dropped, add.clone(), locks.clone()) {
        draft
            .step(
                Phase::Contract,
                format!("{name} takes the finished index over"),
                Action::Transaction { sql: vec![add] },
            )
            .locks(locks);
    }
    // What comes later may need the key.
    draft.floors.member(relation, &name, Phase::Contract);
}

/// The index behind a key, under a name of its own.
fn index_of(constraint: &Constraint, relation: &QualifiedName, name: &str) -> IndexStmt {
    let keys = strings(&constraint.keys);
    IndexStmt {
        idxname: name.to_owned(),
        relation: Some(range_of(relation)),
        access_method: "btree".to_owned(),
        table_space: constraint.indexspace.clone(),
        index_params: keys.iter().map(|key| key_node(key)).collect(),
        index_including_params: strings(&constraint.including)
            .iter()
            .map(|c| key_node(c))
            .collect(),
        options: constraint.options.clone(),
        unique: true,
        nulls_not_distinct: constraint.nulls_not_distinct,
        ..IndexStmt::default()
    }
}

/// The index is there already: only a primary key over nullable columns needs anything first.
fn using_index(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
    impact: &Impact,
) {
    if constraint.contype() == ConstrType::ConstrPrimary {
        let keys: Vec<String> = draft
            .catalog
            .relation(relation)
            .and_then(|found| found.index(&constraint.indexname))
            .map(|index| index.keys.iter().flatten().cloned().collect())
            .unwrap_or_default();
        make_not_null(draft, relation, &keys);
    }
    let undo = give_back(draft, constraint, relation);
    let mut impact = impact.clone();
    impact.work.clear();
    impact.verdict = crate::analyze::Verdict::Brief;
    as_is::at_phase(draft, part, &impact, Phase::Migrate);
    if let (Some(undo), Some(step)) = (undo, draft.last_of_phase(Phase::Migrate)) {
        step.undo = undo;
    }
}

/// Dropping the constraint takes the user's index with it: a twin is built first, which gets its
/// name, and what hung on it, in the transaction that drops the constraint.
fn give_back(
    draft: &mut Draft<'_>,
    constraint: &Constraint,
    relation: &QualifiedName,
) -> Option<Undo> {
    let found = draft.catalog.relation(relation)?.clone();
    let index = found.index(&constraint.indexname)?.clone();
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    let twin = relation.sibling(draft.temporary_name());
    let original = quote_ident(&index.name);
    let mut sql = vec![
        alter(relation, &format!("DROP CONSTRAINT IF EXISTS {}", quote_ident(&name))),
        format!("ALTER INDEX {twin} RENAME TO {original}"),
    ];
    sql.extend(drop_index::belongings(&found, &index));
    if index.is_replica_identity {
        sql.push(alter(relation, &format!("REPLICA IDENTITY USING INDEX {original}")));
    }
    let locks = draft.locks(&found, LockMode::AccessExclusive);
    Some(Undo::Sequence {
        parts: vec![
            drop_index::rebuild(&twin, &index.definition),
            Undo::Transaction { sql, locks },
        ],
    })
}

pub(super) fn make_not_null(draft: &mut Draft<'_>, relation: &QualifiedName, keys: &[String]) {
    for key in keys {
        let nullable = draft.catalog.relation(relation).is_some_and(|r| !r.is_not_null(key));
        if nullable {
            set_not_null::emit(draft, relation, key, None);
        }
    }
}

pub(super) fn emit(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
) {
    let keys = strings(&constraint.keys);
    let primary = constraint.contype() == ConstrType::ConstrPrimary;
    duplicates(draft, relation, &keys, constraint.nulls_not_distinct || primary);
    if primary {
        make_not_null(draft, relation, &keys);
    }
    build(draft, part, constraint, relation);
}

/// The same for a key that is written behind a new column.
pub(super) fn emit_inline(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
) {
    match replaced(draft, constraint, relation) {
        Some(dropped) => {
            draft.floors.rekeyed(relation);
            exchange(draft, part, constraint, relation, &dropped);
        }
        None => emit(draft, part, constraint, relation),
    }
}

/// Index and constraint, once it is certain that no row is in the way.
pub(super) fn build(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let primary = constraint.contype() == ConstrType::ConstrPrimary;
    let name = names::constraint_name(&draft.catalog, relation, constraint);
    if found.kind == RelationKind::PartitionedTable {
        return partitioned::unique(draft, part, &found, constraint, &name);
    }
    let index = index_of(constraint, relation, &name);
    create_index::build(
        draft,
        Build {
            index,
            name: name.clone(),
            relation: relation.clone(),
            why: format!("the index behind {name} is built while the application goes on"),
        },
    );
    let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
    let alter = if found.partition_bound.is_some() { text::alter_if_there } else { alter };
    let quoted = quote_ident(&name);
    let timing = timing(constraint);
    let locks = draft.locks(&found, LockMode::AccessExclusive);
    draft
        .step(
            Phase::Migrate,
            format!("{name} takes the finished index over"),
            Action::Transaction {
                sql: vec![alter(
                    relation,
                    &format!("ADD CONSTRAINT {quoted} {kind} USING INDEX {quoted}{timing}"),
                )],
            },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction {
            sql: vec![alter(relation, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
            locks,
        });
}

/// ` DEFERRABLE INITIALLY DEFERRED` and so on.
fn timing(constraint: &Constraint) -> &'static str {
    match (constraint.deferrable, constraint.initdeferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

fn duplicates(draft: &mut Draft<'_>, relation: &QualifiedName, keys: &[String], nulls_count: bool) {
    let columns = text::columns(keys);
    let condition = if nulls_count {
        String::new()
    } else {
        let parts: Vec<String> =
            keys.iter().map(|key| format!("{} IS NOT NULL", quote_ident(key))).collect();
        format!(" WHERE {}", parts.join(" AND "))
    };
    draft
        .step(
            Phase::Migrate,
            format!("({columns}) can only be unique when no value occurs twice"),
            Action::Verify {
                relation: relation.clone(),
                check: Check::Query { sql: format!("SELECT count(*) FROM (SELECT 1 FROM {relation}{condition} GROUP BY {columns} HAVING count(*) > 1) AS duplicates") },
                meaning: format!("values of ({columns}) that occur more than once in {relation}"),
            },
        )
        .work(WorkKind::Scan, relation);
}

fn key_node(column: &str) -> Node {
    Node {
        node: Some(NodeEnum::IndexElem(Box::new(IndexElem {
            name: column.to_owned(),
            ordering: SortByDir::SortbyDefault as i32,
            nulls_ordering: SortByNulls::SortbyNullsDefault as i32,
            ..IndexElem::default()
        }))),
    }
}

pub(super) fn range_of(relation: &QualifiedName) -> RangeVar {
    RangeVar {
        schemaname: relation.schema.clone(),
        relname: relation.name.clone(),
        inh: true,
        relpersistence: "p".to_owned(),
        ..RangeVar::default()
    }
}
