//! `DROP TABLE`.
//!
//! *In words*: contract phase. Its foreign keys to other tables are dropped first, one transaction
//! each, since each takes ACCESS EXCLUSIVE on the other table as well; the same for foreign keys of
//! other tables that CASCADE would drop. A partition is detached concurrently before that. Everything else that CASCADE reaches is listed.

use super::as_is;
use super::draft::{Draft, lock_set};
use super::drop_index::dropped_relation;
use super::partition::{default_of, detach};
use super::reached;
use super::text::{self, alter};
use crate::analyze::Impact;
use crate::catalog::Relation;
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase};
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::protobuf::{DropBehavior, DropStmt};

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    drop: &DropStmt,
    impact: &Impact,
) {
    let tables: Vec<QualifiedName> =
        drop.objects.iter().filter_map(|object| dropped_relation(draft, object)).collect();
    if tables.is_empty() {
        draft.note(
            NoteKind::Information,
            format!("statement {} finds nothing to drop", draft.number()),
        );
        return;
    }
    if tables.iter().all(|table| draft.is_new(table)) {
        return as_is::steps(draft, statement, impact);
    }
    let cascade = drop.behavior() == DropBehavior::DropCascade;
    for table in &tables {
        let Some(found) = draft.catalog.relation(table).cloned() else { continue };
        let above = detach::parent_of(draft, &found).filter(|above| !tables.contains(&above.name));
        let detached = above.filter(|above| default_of(&draft.catalog, above).is_none());
        if let Some(above) = &detached {
            detach::concurrently(draft, above, &found);
        }
        drop_foreign_keys(draft, &found, &tables, cascade, detached.is_some());
    }
    for table in &tables {
        draft.gate(Phase::Contract, format!("no running application uses {table}"));
    }
    if cascade {
        let reached = reached::beyond(&draft.catalog, statement, &tables, None);
        if !reached.is_empty() {
            let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
            draft.note(
                NoteKind::Irreversible,
                format!(
                    "CASCADE reaches beyond {}: {}",
                    text::listed(&names),
                    text::listed(&reached)
                ),
            );
        }
    }
    let locks: Vec<_> = tables
        .iter()
        .filter_map(|table| draft.catalog.relation(table))
        .flat_map(|found| draft.locks(found, LockMode::AccessExclusive))
        .map(|lock| (lock.relation, lock.mode))
        .collect();
    // A partition that is not detached first takes its parent's lock, and that of a default partition.
    let above = tables
        .iter()
        .filter_map(|table| detach::parent_of(draft, draft.catalog.relation(table)?))
        .filter_map(|above| {
            let default = default_of(&draft.catalog, &above)?.name.clone();
            Some([above.name, default])
        })
        .flatten()
        .map(|name| (name, LockMode::AccessExclusive));
    let locks: Vec<_> = locks.into_iter().chain(above).collect();
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let sql = format!("DROP TABLE {}{}", names.join(", "), if cascade { " CASCADE" } else { "" });
    let views = impact.locks.iter().map(|lock| (lock.relation.clone(), lock.mode)).filter(
        |(name, mode)| {
            *mode == LockMode::AccessExclusive
                && draft.catalog.relation(name).is_some_and(|r| r.view_definition.is_some())
        },
    );
    let locks = lock_set(locks.into_iter().chain(views));
    draft
        .step(
            Phase::Contract,
            format!("{} is used by no application any more", text::listed(&names)),
            Action::Transaction { sql: vec![sql] },
        )
        .locks(locks);
    for table in &tables {
        draft.floors.relation(table, Phase::Contract);
    }
}

/// Foreign keys from and, with CASCADE, to the table; one transaction each.
fn drop_foreign_keys(
    draft: &mut Draft<'_>,
    found: &Relation,
    tables: &[QualifiedName],
    cascade: bool,
    detached: bool,
) {
    // What a partition has inherited is its own once it is detached.
    let outgoing = found.constraints.iter().filter(|c| detached || !c.inherited).filter_map(|c| {
        c.references.clone().map(|other| (found.name.clone(), c.name.clone(), other))
    });
    let incoming = draft
        .catalog
        .incoming_foreign_keys(&found.name)
        .filter(|(other, key)| !tables.contains(&other.name) && cascade && !key.inherited)
        .map(|(other, key)| (other.name.clone(), key.name.clone(), found.name.clone()));
    let keys: Vec<_> =
        outgoing.chain(incoming).filter(|(table, _, other)| table != other).collect();
    for (table, name, other) in keys {
        drop_key(draft, &table, &name, &other);
    }
}

/// A step that drops foreign key `name` of `table`, which points to `other`, on its own.
pub(super) fn drop_key(
    draft: &mut Draft<'_>,
    table: &QualifiedName,
    name: &str,
    other: &QualifiedName,
) {
    if draft.floors.is_dropped(table, name) {
        return;
    }
    let both = [table, other].into_iter().filter_map(|name| draft.catalog.relation(name));
    let family = both.flat_map(|relation| draft.locks(relation, LockMode::AccessExclusive));
    let locks = lock_set(family.map(|lock| (lock.relation, lock.mode)));
    draft
        .step(
            Phase::Contract,
            format!("{name} goes on its own: it locks {other} too"),
            Action::Transaction {
                sql: vec![alter(table, &format!("DROP CONSTRAINT {}", quote_ident(name)))],
            },
        )
        .locks(locks);
    draft.floors.dropped(table, name);
}
