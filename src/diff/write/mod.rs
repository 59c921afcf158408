//! The statements of a change. Pure.
//!
//! Plain SQL that says what is wanted; making it safe is the plan's work.

mod column;
mod grants;
mod relation;
mod routine;
mod table;
mod types;

use super::model::{Key, Kind, Object, Schema};
use super::order::{Act, Group};
use crate::sandbox::SUPERUSER;
use crate::sql::{quote_ident, quote_literal};
use std::collections::BTreeMap;

/// A statement, without semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    /// When the server says that a type cannot be cast by itself.
    pub instead: Option<String>,
    /// Comment lines before it.
    pub note: Option<String>,
}

impl From<String> for Statement {
    fn from(sql: String) -> Self {
        Self { sql, instead: None, note: None }
    }
}

/// The statements that do one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub act: Act,
    pub key: Key,
    /// In words, the names of what changes.
    pub what: Vec<String>,
    /// What it costs: `loses its rows`.
    pub caution: Option<String>,
    pub statements: Vec<Statement>,
}

/// What the writers know beside the two schemas.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Values of new columns for rows that exist: column → expression.
    pub backfills: BTreeMap<Key, String>,
}

/// The two schemas of a difference.
#[derive(Clone, Copy)]
pub(super) struct Between<'a> {
    pub from: &'a Schema,
    pub to: &'a Schema,
    pub hints: &'a Hints,
}

/// The statements of a group of changes.
pub fn step(group: &Group, from: &Schema, to: &Schema, hints: &Hints) -> Step {
    let between = Between { from, to, hints };
    let key = &group.op.key;
    let mut step = Step {
        act: group.op.act,
        key: key.clone(),
        what: Vec::new(),
        caution: None,
        statements: Vec::new(),
    };
    match (group.op.act, from.get(key), to.get(key)) {
        (Act::Make, _, Some(object)) => {
            let taken: Vec<&Object> =
                group.takes_in.iter().filter_map(|op| to.get(&op.key)).collect();
            step.statements = make(object, &taken, between);
            for taken in &taken {
                step.statements.extend(afterwards(taken));
            }
        }
        (Act::Unmake, Some(object), _) => {
            step.statements = vec![unmake(object).into()];
            step.caution = losses(group, to);
        }
        (Act::Alter, Some(old), Some(new)) => {
            let parts = old.differing(new);
            step.what = parts.iter().map(|part| part_in_words(part, old, new)).collect();
            step.statements = alter(old, new, between);
            if key.kind == Kind::Enum {
                step.caution = types::lost_labels(old, new);
            }
        }
        // Both come from the two schemas, so there is nothing to say of anything else.
        (Act::Make | Act::Unmake | Act::Alter, _, _) => {}
    }
    step
}

fn losses(group: &Group, to: &Schema) -> Option<String> {
    let key = &group.op.key;
    if !key.kind.holds_data() {
        return None;
    }
    Some(match key.kind {
        Kind::Column if to.get(key).is_some() => {
            "loses its values, which are computed anew".to_owned()
        }
        Kind::Column => "loses its values".to_owned(),
        Kind::Sequence => "loses its position".to_owned(),
        _ => "loses its rows".to_owned(),
    })
}

fn part_in_words(part: &str, old: &Object, new: &Object) -> String {
    const LONGEST: usize = 60;
    let word = part.replace('_', " ");
    match (old.text(part), new.text(part)) {
        (Some(""), None) => format!("{word} no more"),
        (Some(was), Some(is)) if was.len() + is.len() <= LONGEST && !was.contains('\n') => {
            format!("{word} {was} → {is}")
        }
        (None, Some("")) => word,
        (None, Some(is)) if is.len() <= LONGEST && !is.contains('\n') => format!("{word} {is}"),
        (Some(was), None) if was.len() <= LONGEST && !was.contains('\n') => {
            format!("{word} {was} no more")
        }
        _ => word,
    }
}

fn make(object: &Object, taken: &[&Object], between: Between<'_>) -> Vec<Statement> {
    let mut statements = match object.key.kind {
        Kind::Table => table::make(object, taken, between),
        Kind::Column => column::make(object, taken, between),
        Kind::Default | Kind::SequenceOwner | Kind::Inheritance | Kind::Constraint => {
            table::make_part(object)
        }
        Kind::Schema
        | Kind::DefaultPrivileges
        | Kind::Extension
        | Kind::Collation
        | Kind::Enum
        | Kind::Range
        | Kind::Composite
        | Kind::Domain
        | Kind::DomainConstraint
        | Kind::Sequence => types::make(object),
        Kind::Index
        | Kind::Statistics
        | Kind::View
        | Kind::MaterializedView
        | Kind::Rule
        | Kind::Trigger
        | Kind::Policy => relation::make(object),
        Kind::Function
        | Kind::Aggregate
        | Kind::Publication
        | Kind::PublicationTable
        | Kind::EventTrigger => routine::make(object),
        // Their parents' make them.
        Kind::ConstraintPartition | Kind::IndexPartition | Kind::TriggerPartition => Vec::new(),
    };
    statements.extend(afterwards(object));
    statements
}

/// What is said of an object in statements of its own once it is there.
fn afterwards(object: &Object) -> Vec<Statement> {
    let blank = Object {
        key: object.key.clone(),
        parts: object
            .parts
            .iter()
            // What a new object has by itself.
            .filter_map(|(part, value)| match part.as_str() {
                "_privileges" => Some(("privileges".to_owned(), value.clone())),
                "owner" if value.as_str().is_some_and(|owner| !owner.starts_with("pg_")) => {
                    Some((part.clone(), SUPERUSER.into()))
                }
                "owner" => Some((part.clone(), value.clone())),
                _ => None,
            })
            .collect(),
        needs: object.needs.clone(),
        falls_with: object.falls_with.clone(),
    };
    soft(&blank, object, false)
}

fn alter(old: &Object, new: &Object, between: Between<'_>) -> Vec<Statement> {
    let mut statements = match old.key.kind {
        Kind::Table => table::alter(old, new),
        Kind::Column => column::alter(old, new),
        Kind::Default
        | Kind::SequenceOwner
        | Kind::Inheritance
        | Kind::Constraint
        | Kind::ConstraintPartition => table::alter_part(old, new),
        Kind::Schema
        | Kind::DefaultPrivileges
        | Kind::Extension
        | Kind::Collation
        | Kind::Enum
        | Kind::Range
        | Kind::Composite
        | Kind::Domain
        | Kind::DomainConstraint
        | Kind::Sequence => types::alter(old, new, between),
        Kind::Index
        | Kind::IndexPartition
        | Kind::Statistics
        | Kind::View
        | Kind::MaterializedView
        | Kind::Rule
        | Kind::Trigger
        | Kind::TriggerPartition
        | Kind::Policy => relation::alter(old, new),
        Kind::Function
        | Kind::Aggregate
        | Kind::Publication
        | Kind::PublicationTable
        | Kind::EventTrigger => routine::alter(old, new),
    };
    let owner = old.key.same_place(Kind::SequenceOwner);
    let linked = old.key.kind == Kind::Sequence && between.from.get(&owner).is_some();
    statements.extend(soft(old, new, linked));
    statements
}

/// Owner, privileges, comments: the same for every kind. The owner of a `linked` sequence is that of
/// its table.
fn soft(old: &Object, new: &Object, linked: bool) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let key = &new.key;
    if !linked
        && old.differs_in(new, "owner")
        && let Some(owner) = new.text("owner")
    {
        let target = target(new);
        statements.push(format!("ALTER {target} OWNER TO {}", quote_ident(owner)).into());
    }
    statements.extend(relation::marks(old, new));
    if key.kind == Kind::DefaultPrivileges {
        return statements;
    }
    statements.extend(grants::statements(old, new));
    if old.differs_in(new, "comment") {
        // An extension has one of its own, and an empty one where that was taken away.
        let text =
            new.text("comment").or(new.text("_usual_comment")).filter(|text| !text.is_empty());
        let text = text.map_or("NULL".to_owned(), quote_literal);
        statements.push(format!("COMMENT ON {} IS {text}", target(new)).into());
    }
    if old.differs_in(new, "column_comments") {
        statements.extend(relation::column_comments(old, new));
    }
    statements
}

/// `TABLE public.users`, as `ALTER`, `DROP` and `COMMENT ON` name an object.
pub(super) fn target(object: &Object) -> String {
    let key = &object.key;
    let name = key.qualified();
    match key.kind {
        Kind::Schema => format!("SCHEMA {name}"),
        Kind::Extension => format!("EXTENSION {name}"),
        Kind::Collation => format!("COLLATION {name}"),
        Kind::Enum | Kind::Range | Kind::Composite => format!("TYPE {name}"),
        Kind::Domain => format!("DOMAIN {name}"),
        Kind::Sequence | Kind::SequenceOwner => format!("SEQUENCE {name}"),
        Kind::Table | Kind::Inheritance | Kind::DefaultPrivileges => format!("TABLE {name}"),
        Kind::Column | Kind::Default => format!("COLUMN {name}.{}", quote_ident(&key.item)),
        Kind::Constraint => format!("CONSTRAINT {} ON {name}", quote_ident(&key.item)),
        Kind::ConstraintPartition => {
            let own = object.text_or_empty("name");
            format!("CONSTRAINT {} ON {name}", quote_ident(own))
        }
        Kind::DomainConstraint => {
            format!("CONSTRAINT {} ON DOMAIN {name}", quote_ident(&key.item))
        }
        Kind::Index => format!("INDEX {name}"),
        Kind::IndexPartition => {
            let own = Key::new(Kind::Index, &key.schema, object.text_or_empty("name"), "");
            format!("INDEX {}", own.qualified())
        }
        Kind::Statistics => format!("STATISTICS {name}"),
        Kind::Function => {
            let kind = object.text("_kind").unwrap_or("FUNCTION");
            format!("{kind} {name}{}", key.item)
        }
        Kind::Aggregate if key.item == "()" => format!("AGGREGATE {name}(*)"),
        Kind::Aggregate => format!("AGGREGATE {name}({})", object.text_or_empty("arguments")),
        Kind::View => format!("VIEW {name}"),
        Kind::MaterializedView => format!("MATERIALIZED VIEW {name}"),
        Kind::Rule => format!("RULE {} ON {name}", quote_ident(&key.item)),
        Kind::Trigger | Kind::TriggerPartition => {
            format!("TRIGGER {} ON {name}", quote_ident(&key.item))
        }
        Kind::Policy => format!("POLICY {} ON {name}", quote_ident(&key.item)),
        Kind::Publication | Kind::PublicationTable => format!("PUBLICATION {name}"),
        Kind::EventTrigger => format!("EVENT TRIGGER {name}"),
    }
}

fn unmake(object: &Object) -> String {
    match object.key.kind {
        Kind::Column
        | Kind::Default
        | Kind::SequenceOwner
        | Kind::Inheritance
        | Kind::Constraint => table::unmake_part(object),
        Kind::DomainConstraint => {
            let (domain, name) = (object.key.qualified(), quote_ident(&object.key.item));
            format!("ALTER DOMAIN {domain} DROP CONSTRAINT {name}")
        }
        Kind::DefaultPrivileges => grants::reset_defaults(object),
        Kind::PublicationTable => {
            format!(
                "ALTER PUBLICATION {} DROP TABLE ONLY {}",
                object.key.qualified(),
                object.key.item
            )
        }
        _ => format!("DROP {}", target(object)),
    }
}

/// `WITH (…)` options as the server keeps them, `name=value`, for SQL.
pub(super) fn options(options: &[&str]) -> String {
    let written: Vec<String> = options
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => format!("{name} = {}", quote_literal(value)),
            None => (*option).to_owned(),
        })
        .collect();
    written.join(", ")
}

/// What has to be set and what has to be reset to come from one list of options to another.
pub(super) fn options_changes(old: &[&str], new: &[&str]) -> (Vec<String>, Vec<String>) {
    let name = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let set = new.iter().filter(|option| !old.contains(option)).map(|o| options(&[o])).collect();
    let names: Vec<String> = new.iter().map(|option| name(option)).collect();
    let reset = old.iter().map(|o| name(o)).filter(|o| !names.contains(o)).collect();
    (set, reset)
}
