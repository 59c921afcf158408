//! Materialized views over columns that change. The server lets no such column change its type.
//!
//! *In words*: the switch does not touch them: they go on showing what they hold, and read the old
//! column, which is kept in step. After it each is built anew beside the old one, with its indexes, and takes its name
//! in a short transaction. Contract drops the old one; a rollback gives it its name back.

use super::Table;
use crate::catalog::{Catalog, DependantKind, Index, Relation, RelationKind, StatisticsObject};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock, Undo, Work, WorkKind};
use crate::rewrite::acl;
use crate::rewrite::add_unique::range_of;
use crate::rewrite::draft::Draft;
use crate::rewrite::rebuild::statistics_belongings;
use crate::rewrite::strangers;
use crate::rewrite::substitute::{self, Columns};
use crate::sql::{QualifiedName, deparse, quote_ident, quote_literal};
use pg_query::NodeEnum;

/// A materialized view that is built anew.
pub(in crate::rewrite) struct Materialized {
    found: Relation,
    query: String,
    passing: QualifiedName,
    aside: QualifiedName,
    /// Each index with its passing name and the name that it steps aside under.
    indexes: Vec<(Index, String, String)>,
    /// The same of extended statistics.
    statistics: Vec<(StatisticsObject, QualifiedName, QualifiedName)>,
    reads: Vec<QualifiedName>,
}

/// The materialized view that `name` is, when it can be built anew.
///
/// # Errors
/// Why it cannot.
pub(in crate::rewrite) fn known<'c>(
    catalog: &'c Catalog,
    name: &QualifiedName,
) -> Result<&'c Relation, String> {
    let found = catalog.relation(name).filter(|found| found.kind == RelationKind::MaterializedView);
    let Some(found) = found.filter(|found| found.view_definition.is_some()) else {
        return Err(format!("materialized view {name} is not known"));
    };
    match found.dependants.first() {
        Some(reader) => Err(format!(
            "{} depends on materialized view {name}, which would have to be built anew under another one",
            reader.name
        )),
        None => Ok(found),
    }
}

/// Whether a materialized view that can be built anew reads one of `columns` of `relation`.
pub(super) fn reads(catalog: &Catalog, relation: &Relation, columns: &[String]) -> bool {
    relation.dependants.iter().any(|dependant| {
        dependant.kind == DependantKind::MaterializedView
            && dependant.columns.iter().any(|read| columns.contains(read))
            && dependant.relation.as_ref().is_some_and(|name| known(catalog, name).is_ok())
    })
}

/// Those over the columns of `tables`.
pub(super) fn over(draft: &mut Draft<'_>, tables: &[Table]) -> Vec<Materialized> {
    let mut all: Vec<Materialized> = Vec::new();
    for table in tables {
        for dependant in &table.found.dependants {
            if dependant.kind != DependantKind::MaterializedView
                || !table.news().touch(&dependant.columns)
            {
                continue;
            }
            let found = dependant
                .relation
                .as_ref()
                .and_then(|name| known(&draft.catalog, name).ok().cloned());
            let Some(found) = found else { continue };
            if let Some(known) = all.iter_mut().find(|known| known.found.name == found.name) {
                known.reads.push(table.found.name.clone());
                continue;
            }
            let query = found.view_definition.clone().unwrap_or_default();
            let reads = vec![table.found.name.clone()];
            all.push(Materialized::new(draft, found, query, reads));
        }
    }
    all
}

impl Materialized {
    /// `found`, built anew from `query`, which reads the relations `reads`.
    pub fn new(
        draft: &mut Draft<'_>,
        found: Relation,
        query: String,
        reads: Vec<QualifiedName>,
    ) -> Self {
        let (passing, aside) = (draft.temporary_name(), draft.temporary_name());
        let indexes = found
            .indexes
            .iter()
            .map(|index| (index.clone(), draft.temporary_name(), draft.temporary_name()))
            .collect();
        let statistics = found
            .statistics
            .iter()
            .map(|object| {
                let mut passing = || object.name.sibling(draft.temporary_name());
                (object.clone(), passing(), passing())
            })
            .collect();
        Self {
            statistics,
            passing: found.name.sibling(&passing),
            aside: found.name.sibling(&aside),
            indexes,
            reads,
            query,
            found,
        }
    }

    /// When the new column holds everything.
    pub fn build(&self, draft: &mut Draft<'_>, phase: Phase) {
        let create = self.create();
        let name = &self.found.name;
        draft.rely(name);
        acl::note_grantors(draft, &self.found, &[]);
        draft.note(
            NoteKind::Information,
            format!(
                "materialized view {name} is built anew {} and shows what it held until then; both builds take up room until contract",
                if phase == Phase::Switch { "after the switch" } else { "for the new column" }
            ),
        );
        let of = |mode: LockMode| {
            self.reads.iter().map(move |relation| RelationLock { relation: relation.clone(), mode })
        };
        let own = |mode: LockMode| RelationLock { relation: self.passing.clone(), mode };
        let works = self
            .reads
            .iter()
            .map(|relation| Work { kind: WorkKind::Scan, relation: relation.clone() })
            .collect();
        draft
            .step(
                phase,
                format!("{name} is built anew while the old one is read"),
                Action::Statement { sql: create },
            )
            .locks(of(LockMode::AccessShare).chain([own(LockMode::AccessExclusive)]).collect())
            .works(works)
            .undo(Undo::Transaction {
                sql: vec![format!("DROP MATERIALIZED VIEW IF EXISTS {}", self.passing)],
                locks: Vec::new(),
            });
        for (index, passing, _) in &self.indexes {
            let Some(mut node) = substitute::index(&index.definition, &Columns::default()) else {
                continue;
            };
            passing.clone_into(&mut node.idxname);
            node.relation = Some(range_of(&self.passing));
            let sql = deparse::statement(&NodeEnum::IndexStmt(Box::new(node)));
            draft
                .step(
                    phase,
                    format!("{} of {name}; nobody reads the new one yet", index.name),
                    Action::Statement { sql },
                )
                .locks(vec![own(LockMode::Share)]);
        }
        let mode = LockMode::AccessExclusive;
        let locks = vec![RelationLock { relation: name.clone(), mode }, own(mode)];
        let nobody_else = strangers::on_views(draft, [&self.found]);
        let mut sql: Vec<String> = nobody_else.clone().into_iter().collect();
        sql.extend(self.belongings(draft));
        sql.extend(self.exchange(true));
        let mut back: Vec<String> = nobody_else.into_iter().collect();
        back.extend(self.exchange(false));
        draft
            .step(phase, format!("the new {name} takes over"), Action::Transaction { sql })
            .locks(locks.clone())
            .undo(Undo::Transaction { sql: back, locks });
    }

    /// Before the old columns are dropped.
    pub fn contract(&self, draft: &mut Draft<'_>) {
        let mode = LockMode::AccessExclusive;
        draft
            .step(
                Phase::Contract,
                format!("the old {} is kept for no rollback any more", self.found.name),
                Action::Transaction { sql: vec![format!("DROP MATERIALIZED VIEW {}", self.aside)] },
            )
            .locks(vec![RelationLock { relation: self.aside.clone(), mode }]);
    }

    fn create(&self) -> String {
        let query = self.query.trim().trim_end_matches(';');
        let columns: Vec<String> =
            self.found.columns.iter().map(|c| quote_ident(&c.name)).collect();
        let options = match self.found.options.as_slice() {
            [] => String::new(),
            options => format!(" WITH ({})", options.join(", ")),
        };
        let space = self.found.tablespace.as_ref();
        let space = space.map(|t| format!(" TABLESPACE {}", quote_ident(t))).unwrap_or_default();
        format!(
            "CREATE MATERIALIZED VIEW {} ({}){options}{space} AS {query}",
            self.passing,
            columns.join(", ")
        )
    }

    /// The one under the name goes aside and the one under the passing name takes it, or back again; so do their
    /// indexes and statistics.
    fn exchange(&self, forth: bool) -> Vec<String> {
        let name = &self.found.name;
        let (there, here) = turned(&self.aside, &self.passing, forth);
        let mut sql = vec![
            format!("ALTER MATERIALIZED VIEW {name} RENAME TO {}", quote_ident(&there.name)),
            format!("ALTER MATERIALIZED VIEW {here} RENAME TO {}", quote_ident(&name.name)),
        ];
        for (index, passing, aside) in &self.indexes {
            let (there, here) = turned(aside, passing, forth);
            let own = name.sibling(&index.name);
            sql.push(format!("ALTER INDEX {own} RENAME TO {}", quote_ident(there)));
            let own = quote_ident(&index.name);
            sql.push(format!("ALTER INDEX {} RENAME TO {own}", name.sibling(here)));
        }
        for (object, passing, aside) in &self.statistics {
            let (there, here) = turned(aside, passing, forth);
            let (own, short) = (&object.name, quote_ident(&object.name.name));
            sql.push(format!("ALTER STATISTICS {own} RENAME TO {}", quote_ident(&there.name)));
            sql.push(format!("ALTER STATISTICS {here} RENAME TO {short}"));
        }
        sql
    }

    /// Owner, privileges, comments, and what is said of columns and indexes; under the passing names.
    fn belongings(&self, draft: &Draft<'_>) -> Vec<String> {
        let (found, view) = (&self.found, &self.passing);
        let mut sql = Vec::new();
        if found.owner != draft.catalog.server.role.name {
            sql.push(format!(
                "ALTER MATERIALIZED VIEW {view} OWNER TO {}",
                quote_ident(&found.owner)
            ));
        }
        sql.extend(acl::exactly(draft, found, view, acl::Kind::Table));
        if let Some(comment) = &found.comment {
            sql.push(format!("COMMENT ON MATERIALIZED VIEW {view} IS {}", quote_literal(comment)));
        }
        for column in &found.columns {
            let quoted = quote_ident(&column.name);
            if let Some(comment) = &column.comment {
                let comment = quote_literal(comment);
                sql.push(format!("COMMENT ON COLUMN {view}.{quoted} IS {comment}"));
            }
            if let Some(target) = column.statistics_target {
                sql.push(format!(
                    "ALTER MATERIALIZED VIEW {view} ALTER COLUMN {quoted} SET STATISTICS {target}"
                ));
            }
        }
        for (object, passing, _) in &self.statistics {
            let columns = Columns::default();
            sql.extend(substitute::statistics(&object.definition, passing, view, &columns));
            sql.extend(statistics_belongings(object, passing));
        }
        for (index, passing, _) in &self.indexes {
            let own = found.name.sibling(passing);
            for (position, target) in &index.statistics_targets {
                sql.push(format!(
                    "ALTER INDEX {own} ALTER COLUMN {position} SET STATISTICS {target}"
                ));
            }
            if let Some(comment) = &index.comment {
                sql.push(format!("COMMENT ON INDEX {own} IS {}", quote_literal(comment)));
            }
            if index.is_clustered {
                let passing = quote_ident(passing);
                sql.push(format!("ALTER MATERIALIZED VIEW {view} CLUSTER ON {passing}"));
            }
        }
        sql
    }
}

fn turned<T>(aside: T, passing: T, forth: bool) -> (T, T) {
    if forth { (aside, passing) } else { (passing, aside) }
}
