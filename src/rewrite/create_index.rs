//! `CREATE [UNIQUE] INDEX`.
//!
//! *In words*: as written it holds SHARE on the table while it builds: no writes. Built
//! `CONCURRENTLY`, outside a transaction, it holds SHARE UPDATE EXCLUSIVE. A probe tells from the
//! catalog whether the index is absent, half-done or done; a half-done (invalid) one is dropped
//! concurrently and built again. `IF NOT EXISTS` is answered from the catalog, the definition
//! compared: the server compares the name alone and takes SHARE even when it finds it.

use super::again;
use super::as_is;
use super::draft::Draft;
use super::partitioned;
use super::text;
use crate::analyze::Impact;
use crate::catalog::{Index, RelationKind, names};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo, WorkKind};
use crate::sql::{Diagnostic, QualifiedName, Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::IndexStmt;

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    index: &IndexStmt,
    impact: &Impact,
) {
    let Some(relation) = super::dispatch::target(draft, index.relation.as_ref()) else { return };
    let Some(found) = draft.catalog.relation(&relation).cloned() else { return };
    let name = if index.idxname.is_empty() {
        names::index_name(&draft.catalog, &relation, index)
    } else {
        index.idxname.clone()
    };
    if let Some(existing) = found.index(&name)
        && index.if_not_exists
        && !existing.is_replaced_by_build()
    {
        return compare(draft, statement, index, &relation, existing);
    }
    let leftover = found.index(&name).is_some();
    if !leftover && !index.concurrent && draft.is_new(&relation) {
        return as_is::steps(draft, statement, impact);
    }
    let only = index.relation.as_ref().is_some_and(|range| !range.inh);
    if found.kind == RelationKind::PartitionedTable {
        if only {
            return as_is::steps(draft, statement, impact);
        }
        partitioned::index(draft, &found, index, &name);
        return;
    }
    if leftover {
        draft.note(
            NoteKind::Information,
            format!("index {name} is there but invalid, left by a failed build: it is dropped and built again"),
        );
    }
    let dropped =
        draft.dropped_before(&relation, |d| d.kind == again::Kind::Index && d.name == name);
    let old = draft.start.relation(&relation).and_then(|start| start.index(&name)).cloned();
    if let (Some(dropped), Some(old)) = (dropped, old) {
        let why =
            format!("the new {name} is built beside the old one while the application goes on");
        let exchanged = again::index(draft, &found, &dropped, &old, |draft, name| {
            build(draft, Build { index: index.clone(), name, relation: relation.clone(), why });
        });
        if exchanged {
            return;
        }
    }
    build(
        draft,
        Build {
            index: index.clone(),
            why: format!("{name} is built while the application goes on"),
            name,
            relation,
        },
    );
}

impl Index {
    /// A concurrent build left it unfinished.
    fn is_replaced_by_build(&self) -> bool {
        !self.valid
    }
}

/// `IF NOT EXISTS` with an index of that name: the definitions must say the same.
fn compare(
    draft: &mut Draft<'_>,
    statement: &Statement,
    index: &IndexStmt,
    relation: &QualifiedName,
    existing: &Index,
) {
    let wanted = normalized(index, relation, &existing.name);
    let present = match crate::sql::grammar::parse(&existing.definition) {
        Ok(parsed) => parsed.stmts.into_iter().next().and_then(|raw| raw.stmt).and_then(|node| {
            match node.node {
                Some(NodeEnum::IndexStmt(found)) => {
                    Some(normalized(&found, relation, &existing.name))
                }
                _ => None,
            }
        }),
        Err(_) => None,
    };
    if present.as_deref() == Some(wanted.as_str()) {
        draft.note(
            NoteKind::Information,
            format!("index {} is there already with this definition: nothing to do", existing.name),
        );
    } else {
        draft.reject(
            Diagnostic::new(
                format!("index {} exists with another definition", existing.name),
                statement.span,
            )
            .detail(format!("The one in the database is: {}.", existing.definition))
            .hint("IF NOT EXISTS compares names alone and would silently keep it. Choose another name or drop the old one first."),
        );
    }
}

/// The definition without what does not matter for comparing.
fn normalized(index: &IndexStmt, relation: &QualifiedName, name: &str) -> String {
    let mut plain = index.clone();
    plain.idxname = name.to_owned();
    plain.relation = Some(super::add_unique::range_of(relation));
    plain.concurrent = false;
    plain.if_not_exists = false;
    if plain.access_method.is_empty() {
        plain.access_method = "btree".to_owned();
    }
    deparse::statement(&NodeEnum::IndexStmt(Box::new(plain)))
}

/// An index to be built concurrently.
pub(super) struct Build {
    pub index: IndexStmt,
    pub name: String,
    pub relation: QualifiedName,
    pub why: String,
}

/// The step that builds it.
pub(super) fn build(draft: &mut Draft<'_>, build: Build) {
    let Build { index, name, relation, why } = build;
    let qualified = relation.sibling(&name);
    let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {qualified}");
    let mut probe = text::index_built_probe(&qualified);
    if draft.catalog.relation(&relation).is_some_and(|found| found.partition_bound.is_some()) {
        probe = text::done_without(&relation, &probe);
    }
    draft
        .step(
            Phase::Migrate,
            why,
            Action::Concurrent {
                sql: concurrently(index, &relation, &name),
                probe,
                cleanup: drop.clone(),
            },
        )
        .locks(vec![RelationLock {
            relation: relation.clone(),
            mode: LockMode::ShareUpdateExclusive,
        }])
        .work(WorkKind::IndexBuild, &relation)
        .undo(Undo::Concurrent {
            sql: drop.clone(),
            probe: text::index_dropped_probe(&qualified),
            cleanup: drop,
        });
}

/// The statement that builds `index` under `name` while the application goes on.
pub(super) fn concurrently(mut index: IndexStmt, relation: &QualifiedName, name: &str) -> String {
    name.clone_into(&mut index.idxname);
    index.concurrent = true;
    index.if_not_exists = false;
    let alias = index.relation.as_ref().and_then(|range| range.alias.clone());
    index.relation = Some(super::add_unique::range_of(relation));
    if let Some(range) = index.relation.as_mut() {
        range.alias = alias;
    }
    deparse::statement(&NodeEnum::IndexStmt(Box::new(index)))
}
