//! One statement of a file as the checks see it.

use super::alter::Subcommand;
use super::find::Found;
use super::history::History;
use super::words;
use super::{Finding, Hazard, place};
use crate::analyze::Impact;
use crate::catalog::{Catalog, Persistence, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Work, WorkKind};
use crate::sql::{QualifiedName, Span, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::RangeVar;

/// The statement, the catalog before it, its impact there, and what the file has done before.
///
/// A relation that the catalog does not know is taken for one that exists, is in use and has rows.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub statement: &'a Statement,
    pub catalog: &'a Catalog,
    pub impact: &'a Impact,
    /// Of an `ALTER TABLE` and its kin, each with its own impact.
    pub(super) subcommands: &'a [Subcommand<'a>],
    pub(super) file: &'a History,
    /// Relations that the statement locks, looked up once for all checks.
    pub(super) locked: &'a [(&'a QualifiedName, Option<&'a Relation>)],
}

impl<'a> Context<'a> {
    /// Number of the statement in the file, from 1.
    pub fn number(&self) -> usize {
        self.file.number
    }

    pub(super) fn node(&self) -> &'a NodeEnum {
        &self.statement.node
    }

    /// The relation of this name.
    pub(super) fn relation(&self, name: &QualifiedName) -> Option<&'a Relation> {
        match self.locked.iter().find(|(locked, _)| *locked == name) {
            Some((_, relation)) => *relation,
            None => self.catalog.relation(name),
        }
    }

    /// The full name of what `name` means, in the schema of new objects when nobody knows it.
    pub(super) fn name(&self, name: &RangeVar) -> QualifiedName {
        full_name(self.catalog, name)
    }

    /// Whether there may be things that the catalog does not know: it comes from files alone.
    pub(super) fn may_exist_unseen(&self) -> bool {
        self.catalog.assumed
    }

    /// Whether somebody else can be using the relation.
    pub(super) fn in_use(&self, name: &QualifiedName) -> bool {
        self.relation(name).is_none_or(in_use)
    }

    /// Whether the relation may have rows and be in use: what is done to it is felt.
    pub(super) fn is_live(&self, name: &QualifiedName) -> bool {
        self.relation(name)
            .is_none_or(|relation| in_use(relation) && !is_empty(relation, self.catalog))
    }

    /// Whether the relation may have rows.
    pub(super) fn has_rows(&self, name: &QualifiedName) -> bool {
        self.relation(name).is_none_or(|relation| !is_empty(relation, self.catalog))
    }

    /// The lock of the statement on `name`.
    pub(super) fn lock_on(&self, name: &QualifiedName) -> Option<LockMode> {
        lock_on(self.impact, name)
    }

    /// Relations in use, and with rows, that the statement locks so that writers wait; with the mode.
    pub(super) fn strong_locks(&self) -> impl Iterator<Item = (&'a QualifiedName, LockMode)> {
        let cx = *self;
        self.impact
            .locks
            .iter()
            .filter(move |lock| lock.mode.blocks_writes() && cx.is_live(&lock.relation))
            .map(|lock| (&lock.relation, lock.mode))
    }

    /// Whether the server refuses the statement inside a transaction, or it would be in one.
    pub(super) fn in_transaction(&self) -> bool {
        self.file.in_transaction()
    }

    /// `public.orders (1.2 GB, about 3 million rows)`; the sizes only when they are known.
    pub(super) fn sized(&self, name: &QualifiedName) -> String {
        words::sized(self.catalog, name)
    }

    /// ` for about 4 s`, when the time of this work can be told.
    pub(super) fn for_about(&self, work: &[Work]) -> String {
        words::for_about(self.catalog, work)
    }

    /// The dotted name at byte `location` of the statement; the whole statement for -1.
    pub(super) fn span_at(&self, location: i32) -> Span {
        place::name_at(self.statement, location)
    }

    pub(super) fn span_of(&self, name: &RangeVar) -> Span {
        self.span_at(name.location)
    }

    /// The first place where `word` stands as a name.
    pub(super) fn span_of_word(&self, word: &str) -> Span {
        place::word(self.statement, word)
    }

    pub(super) fn report(
        &self,
        found: &mut Found,
        hazard: &'static Hazard,
        span: Span,
        message: impl Into<String>,
        remedy: Option<String>,
    ) {
        found.add(hazard, self.number(), span, message.into(), remedy);
    }

    /// The same, unless a relation called `name` exists again at the end of the file.
    pub(super) fn report_unless_again(
        &self,
        found: &mut Found,
        hazard: &'static Hazard,
        span: Span,
        message: String,
        name: QualifiedName,
    ) {
        let statement = self.number();
        found.later(name, Finding { hazard, statement, span, message, remedy: None });
    }

    /// Work of this kind that the statement does, one entry for each relation.
    pub(super) fn work(&self, kind: WorkKind) -> impl Iterator<Item = &'a QualifiedName> {
        work_of(self.impact, kind)
    }
}

pub(super) fn lock_on(impact: &Impact, name: &QualifiedName) -> Option<LockMode> {
    impact.locks.iter().find(|lock| lock.relation == *name).map(|lock| lock.mode)
}

pub(super) fn work_of(impact: &Impact, kind: WorkKind) -> impl Iterator<Item = &QualifiedName> {
    impact.work.iter().filter(move |work| work.kind == kind).map(|work| &work.relation)
}

pub(super) fn resolve<'c>(catalog: &'c Catalog, name: &RangeVar) -> Option<&'c Relation> {
    let schema = (!name.schemaname.is_empty()).then_some(name.schemaname.as_str());
    let temporary = schema.is_none().then(|| catalog.resolve(Some("pg_temp"), &name.relname));
    temporary.flatten().or_else(|| catalog.resolve(schema, &name.relname))
}

pub(super) fn full_name(catalog: &Catalog, name: &RangeVar) -> QualifiedName {
    match resolve(catalog, name) {
        Some(relation) => relation.name.clone(),
        None if name.schemaname.is_empty() => {
            QualifiedName::new(catalog.creation_schema().unwrap_or("public"), &*name.relname)
        }
        None => QualifiedName::new(&*name.schemaname, &*name.relname),
    }
}

pub(super) fn in_use(relation: &Relation) -> bool {
    !relation.created_here
        && relation.persistence != Persistence::Temporary
        && relation.kind != RelationKind::CompositeType
}

/// Whether the relation certainly holds no row.
pub(super) fn is_empty(relation: &Relation, catalog: &Catalog) -> bool {
    relation.empty && (catalog.sizes_known || relation.created_here)
}
