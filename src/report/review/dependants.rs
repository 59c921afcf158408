//! What hangs on a relation and may break, or stand in the way, when it changes.

use super::Subject;
use crate::catalog::{DependantKind, Relation};
use crate::plan::PlannedStatement;
use crate::sql::{QualifiedName, quote_ident};
use std::collections::BTreeSet;

/// Views, functions, policies and so on, those first that read a column which the migration names.
#[derive(Debug, Default)]
pub struct Dependants<'a> {
    pub items: Vec<Item<'a>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item<'a> {
    /// Columns that it reads and that a statement about the relation names, negated so that what
    /// names some sorts first.
    unnamed: bool,
    pub kind: &'static str,
    pub name: String,
    /// Columns of the relation that it reads; empty when it hangs on the whole.
    pub columns: &'a [String],
}

impl Item<'_> {
    /// Whether it reads a column that the migration names.
    pub fn is_named(&self) -> bool {
        !self.unnamed
    }
}

pub(super) fn of<'a>(subject: &Subject<'a>, name: &QualifiedName) -> Dependants<'a> {
    let Some(relation) = subject.catalog.and_then(|catalog| catalog.relation(name)) else {
        return Dependants::default();
    };
    let words = words(&subject.plan.statements, name);
    let mut items: BTreeSet<Item<'a>> = BTreeSet::new();
    let mut add = |kind: &'static str, name: String, columns: &'a [String]| {
        let unnamed = !columns.iter().any(|column| is_named(&words, column));
        items.insert(Item { unnamed, kind, name, columns });
    };
    for dependant in &relation.dependants {
        // Some are named with their kind: `policy p on public.t`.
        let kind = kind(dependant.kind);
        let name = dependant.name.strip_prefix(kind).map_or(&*dependant.name, str::trim_start);
        add(kind, name.to_owned(), &dependant.columns);
    }
    own(relation, &mut add);
    Dependants { items: items.into_iter().collect() }
}

/// What belongs to the relation itself and runs or applies when it is used.
fn own<'a>(relation: &'a Relation, add: &mut dyn FnMut(&'static str, String, &'a [String])) {
    for trigger in relation.triggers.iter().filter(|trigger| !trigger.ours) {
        add("trigger", quote_ident(&trigger.name), &trigger.columns);
    }
    for policy in &relation.policies {
        add("policy", quote_ident(&policy.name), &policy.columns);
    }
    for rule in &relation.rules {
        add("rule", quote_ident(rule), &[]);
    }
    for publication in &relation.publications {
        add("publication", quote_ident(publication), &[]);
    }
}

fn kind(kind: DependantKind) -> &'static str {
    match kind {
        DependantKind::View => "view",
        DependantKind::MaterializedView => "materialized view",
        DependantKind::Function => "function",
        DependantKind::Policy => "policy",
        DependantKind::GeneratedColumn => "generated column",
        DependantKind::ColumnDefault => "column default",
        DependantKind::Trigger => "trigger",
        DependantKind::Rule => "rule",
        DependantKind::ForeignKey => "foreign key",
        DependantKind::Publication => "publication",
        DependantKind::Sequence => "sequence",
        DependantKind::PartitionKey => "partition key",
        DependantKind::Other => "other",
    }
}

/// The text of the statements that touch the relation.
fn words(statements: &[PlannedStatement], name: &QualifiedName) -> Vec<String> {
    let about = statements.iter().filter(|statement| {
        statement.locks.iter().any(|lock| lock.relation == *name)
            || statement.work.iter().any(|work| work.relation == *name)
    });
    about.map(|statement| statement.sql.clone()).collect()
}

/// Whether a statement has the column's name as a word, or in quotes. A word of another meaning counts
/// too: rather one line too many at the top than one too few.
fn is_named(statements: &[String], column: &str) -> bool {
    let quoted = format!("\"{}\"", column.replace('"', "\"\""));
    statements.iter().any(|sql| {
        sql.contains(&quoted)
            || sql
                .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
                .any(|word| word.eq_ignore_ascii_case(column))
    })
}
