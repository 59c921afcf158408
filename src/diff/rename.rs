//! What may have been renamed. Pure.
//!
//! Something that is gone and something new of the same make look the same as a rename, and only a
//! person knows. Where rows hang on it, nothing is guessed: [`candidates`] lists what has to be
//! decided. Of indexes, constraints and owned sequences nothing can be lost either way: those are
//! renamed by themselves ([`harmless`]).

use super::model::{Key, Kind, Object, Schema};
use crate::sql::name::{NamePart, split_name};
use crate::sql::{quote_ident, quote_literal};
use std::collections::BTreeSet;
use std::fmt;

/// `a.b=a.c`, as a person says it: the names in parts, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rename {
    pub old: Vec<String>,
    pub new: Vec<String>,
}

impl Rename {
    /// Reads `old=new`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (old, new) =
            text.split_once('=').ok_or("write old=new, as in users.name=users.full_name")?;
        let renamed = Self { old: name_parts(old.trim())?, new: name_parts(new.trim())? };
        if renamed.old == renamed.new {
            return Err("both names are the same".to_owned());
        }
        Ok(renamed)
    }

    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { old: self.new.clone(), new: self.old.clone() }
    }
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", joined(&self.old), joined(&self.new))
    }
}

fn joined(parts: &[String]) -> String {
    parts.iter().map(|part| quote_ident(part)).collect::<Vec<_>>().join(".")
}

/// The parts of a dotted name; unquoted ones are folded as the server does it (ASCII letters only).
///
/// # Errors
/// What is wrong with it.
pub fn name_parts(text: &str) -> Result<Vec<String>, String> {
    let parts = split_name(text).ok_or_else(|| format!("`{text}` is not a name"))?;
    let folded = |part: NamePart| {
        if part.quoted { part.text } else { part.text.to_ascii_lowercase() }
    };
    Ok(parts.into_iter().map(folded).collect())
}

/// Something with a name: an object, or a label of an enum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub key: Key,
    pub label: Option<String>,
}

impl Named {
    fn object(key: &Key) -> Self {
        Self { key: key.clone(), label: None }
    }

    fn parts(&self) -> Vec<String> {
        let mut parts = vec![self.key.schema.clone(), self.key.name.clone()];
        parts.retain(|part| !part.is_empty());
        if self.key.kind == Kind::Column {
            parts.push(self.key.item.clone());
        }
        parts.extend(self.label.clone());
        parts
    }

    /// Whether a person who leaves out schema `public` means this.
    fn is_called(&self, name: &[String]) -> bool {
        let parts = self.parts();
        parts == name || (self.key.schema == "public" && parts[1..] == *name)
    }
}

/// What may be a rename, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub old: Named,
    pub new: Named,
    pub why: String,
}

impl Candidate {
    /// As `--rename` takes it.
    pub fn rename(&self) -> Rename {
        Rename { old: self.old.parts(), new: self.new.parts() }
    }

    /// The statement, with the object where it is by now.
    pub fn statement(&self) -> String {
        let (old, new) = (&self.old.key, &self.new.key);
        if let (Some(was), Some(is)) = (&self.old.label, &self.new.label) {
            let (was, is) = (quote_literal(was), quote_literal(is));
            return format!("ALTER TYPE {} RENAME VALUE {was} TO {is}", old.qualified());
        }
        let kind = match old.kind {
            Kind::Column => {
                let (was, is) = (quote_ident(&old.item), quote_ident(&new.item));
                return format!("ALTER TABLE {} RENAME COLUMN {was} TO {is}", old.qualified());
            }
            Kind::DomainConstraint => {
                let (was, is) = (quote_ident(&old.item), quote_ident(&new.item));
                return format!("ALTER DOMAIN {} RENAME CONSTRAINT {was} TO {is}", old.qualified());
            }
            Kind::Constraint => {
                let (was, is) = (quote_ident(&old.item), quote_ident(&new.item));
                return format!("ALTER TABLE {} RENAME CONSTRAINT {was} TO {is}", old.qualified());
            }
            Kind::Schema => "SCHEMA",
            Kind::Sequence => "SEQUENCE",
            Kind::Index => "INDEX",
            Kind::Enum | Kind::Composite | Kind::Range => "TYPE",
            Kind::Domain => "DOMAIN",
            Kind::View => "VIEW",
            Kind::MaterializedView => "MATERIALIZED VIEW",
            _ => "TABLE",
        };
        if old.schema != new.schema {
            // The name, if it is another one too, is the next step.
            return format!(
                "ALTER {kind} {} SET SCHEMA {}",
                old.qualified(),
                quote_ident(&new.schema)
            );
        }
        format!("ALTER {kind} {} RENAME TO {}", old.qualified(), quote_ident(&new.name))
    }
}

/// Kinds that are compared part by part, so that a rename can be seen.
const BY_PARTS: [Kind; 4] = [Kind::Enum, Kind::Composite, Kind::Domain, Kind::Range];

/// Everything that may be a rename and that rows hang on.
pub fn candidates(from: &Schema, to: &Schema) -> Vec<Candidate> {
    let gone: Vec<&Object> = from.objects.values().filter(|o| to.get(&o.key).is_none()).collect();
    let new: Vec<&Object> = to.objects.values().filter(|o| from.get(&o.key).is_none()).collect();
    let mut found = Vec::new();
    for old in &gone {
        for new in new.iter().filter(|new| new.key.kind == old.key.kind) {
            let (a, b) = (&old.key, &new.key);
            let why = match a.kind {
                Kind::Schema => shared_tables(from, to, a, b),
                Kind::Table => shared_columns(from, to, a, b),
                Kind::Column if a.of_table() == b.of_table() => same_column(old, new),
                Kind::Sequence if !is_owned(from, a) && !is_owned(to, b) => {
                    old.differing(new).is_empty().then(|| "the same settings".to_owned())
                }
                kind if BY_PARTS.contains(&kind) => {
                    old.differing(new).is_empty().then(|| "the same definition".to_owned())
                }
                _ => None,
            };
            if let Some(why) = why {
                found.push(Candidate { old: Named::object(a), new: Named::object(b), why });
            }
        }
    }
    for old in from.of_kind(Kind::Enum) {
        if let Some(new) = to.get(&old.key) {
            found.extend(labels(old, new));
        }
    }
    found
}

fn is_owned(schema: &Schema, sequence: &Key) -> bool {
    schema.get(&sequence.same_place(Kind::SequenceOwner)).is_some()
}

fn shared_tables(from: &Schema, to: &Schema, a: &Key, b: &Key) -> Option<String> {
    let tables = |schema: &Schema, name: &str| -> BTreeSet<String> {
        let tables = schema.of_kind(Kind::Table).filter(|table| table.key.schema == name);
        tables.map(|table| table.key.name.clone()).collect()
    };
    let (old, new) = (tables(from, &a.name), tables(to, &b.name));
    let shared = old.intersection(&new).count();
    (shared > 0).then(|| format!("{shared} tables of the same name"))
}

/// At least half of the columns have to be the same.
fn shared_columns(from: &Schema, to: &Schema, a: &Key, b: &Key) -> Option<String> {
    let columns = |schema: &Schema, table: &Key| -> BTreeSet<(String, String)> {
        let of = |c: &&Object| (c.key.item.clone(), c.text_or_empty("type").to_owned());
        schema.columns(table).iter().map(of).collect()
    };
    let (old, new) = (columns(from, a), columns(to, b));
    let (shared, all) = (old.intersection(&new).count(), old.len().max(new.len()));
    (shared > 0 && shared * 2 >= all).then(|| format!("{shared} of {all} columns are the same"))
}

fn same_column(old: &Object, new: &Object) -> Option<String> {
    let stored = |column: &Object| column.text("generated").is_none();
    // A length or precision may have changed with the name.
    let of_type = (!old.differs_in(new, "_type_name")).then(|| old.text_or_empty("_type_name"));
    let place = !old.differs_in(new, "_position");
    match (of_type, place) {
        _ if !stored(old) || !stored(new) => None,
        (Some(of_type), true) => Some(format!("both {of_type}, the same place")),
        (Some(of_type), false) => Some(format!("both {of_type}")),
        (None, true) => Some("the same place".to_owned()),
        (None, false) => None,
    }
}

/// Labels that are gone and new ones that stand in their place.
fn labels(old: &Object, new: &Object) -> Vec<Candidate> {
    let (before, after) = (old.texts("labels"), new.texts("labels"));
    let named = |object: &Object, label: &str| Named {
        key: object.key.clone(),
        label: Some(label.to_owned()),
    };
    before
        .iter()
        .zip(&after)
        .filter(|(was, is)| !after.contains(was) && !before.contains(is))
        .map(|(was, is)| Candidate {
            old: named(old, was),
            new: named(new, is),
            why: "the same place in the enum".to_owned(),
        })
        .collect()
}

/// Of `candidates`, what nobody has decided: neither renamed nor dropped on purpose.
pub fn undecided<'a>(
    candidates: &'a [Candidate],
    renames: &[Rename],
    drops: &[Vec<String>],
) -> Vec<&'a Candidate> {
    candidates
        .iter()
        .filter(|candidate| {
            let renamed = renames.iter().any(|rename| {
                candidate.old.is_called(&rename.old) || candidate.new.is_called(&rename.new)
            });
            let dropped = drops.iter().any(|name| candidate.old.is_called(name));
            !renamed && !dropped
        })
        .collect()
}

/// The next step of what a person has said to be renamed: the outermost first, because what is
/// inside is looked for where its table is by then. `None` when all of it is done.
pub fn next_decided(from: &Schema, to: &Schema, renames: &[Rename]) -> Option<Candidate> {
    let mut steps: Vec<Candidate> = Vec::new();
    for rename in renames {
        for new in to.objects.values() {
            let kind = new.key.kind;
            let renamable = BY_PARTS.contains(&kind)
                || matches!(
                    kind,
                    Kind::Schema
                        | Kind::Table
                        | Kind::Column
                        | Kind::Sequence
                        | Kind::View
                        | Kind::MaterializedView
                        | Kind::Index
                );
            if !renamable {
                continue;
            }
            if Named::object(&new.key).is_called(&rename.new) && from.get(&new.key).is_none() {
                steps.extend(step(from, &new.key, rename));
            }
            if kind == Kind::Enum {
                steps.extend(label_step(from, new, rename));
            }
        }
    }
    steps.into_iter().min_by_key(|step| step.old.key.kind)
}

fn step(from: &Schema, new: &Key, rename: &Rename) -> Option<Candidate> {
    let last = rename.old.last()?;
    // What it is in has been renamed already, so only the last part is the old one.
    let mut old = new.clone();
    if new.kind == Kind::Column {
        old.item.clone_from(last);
    } else {
        old.name.clone_from(last);
        if new.kind != Kind::Schema && rename.old.len() > 1 && from.get(&old).is_none() {
            old.schema.clone_from(&rename.old[rename.old.len() - 2]);
        }
        if from.get(&old).is_none() && old.schema != new.schema {
            // Moved to its schema before; only the name is left.
            old.schema.clone_from(&new.schema);
        }
        if from.get(&old).is_none() && rename.old.len() > 1 {
            // Not yet moved, but of the same name.
            old.schema.clone_from(&rename.old[rename.old.len() - 2]);
        }
    }
    from.get(&old)?;
    Some(Candidate { old: Named::object(&old), new: Named::object(new), why: String::new() })
}

fn label_step(from: &Schema, new: &Object, rename: &Rename) -> Option<Candidate> {
    let (was, is) = (rename.old.last()?, rename.new.last()?);
    let named = |label: &str| Named { key: new.key.clone(), label: Some(label.to_owned()) };
    let old = from.get(&new.key)?;
    let there = old.texts("labels").contains(&was.as_str())
        && !old.texts("labels").contains(&is.as_str())
        && new.texts("labels").contains(&is.as_str());
    (there && named(is).is_called(&rename.new)).then(|| Candidate {
        old: named(was),
        new: named(is),
        why: String::new(),
    })
}

/// Renames by which nothing can be lost.
pub fn harmless(from: &Schema, to: &Schema) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut taken: BTreeSet<&Key> = BTreeSet::new();
    for old in from.objects.values().filter(|object| to.get(&object.key).is_none()) {
        let Some(shape) = shape(old, from) else { continue };
        let new = to.objects.values().find(|new| {
            new.key.kind == old.key.kind
                && from.get(&new.key).is_none()
                && !taken.contains(&new.key)
                && self::shape(new, to).as_ref() == Some(&shape)
        });
        if let Some(new) = new {
            taken.insert(&new.key);
            found.push(Candidate {
                old: Named::object(&old.key),
                new: Named::object(&new.key),
                why: String::new(),
            });
        }
    }
    found
}

/// What an index, constraint or owned sequence is, its name aside.
fn shape(object: &Object, schema: &Schema) -> Option<String> {
    let key = &object.key;
    match key.kind {
        Kind::Constraint | Kind::DomainConstraint => {
            Some(format!("{}: {}", key.qualified(), object.text_or_empty("definition")))
        }
        Kind::Index => {
            let definition = object.text_or_empty("definition");
            let at = definition.find(" ON ")?;
            let unique = definition.starts_with("CREATE UNIQUE");
            Some(format!("{unique} {}", &definition[at..]))
        }
        Kind::Sequence => {
            let owner = schema.get(&key.same_place(Kind::SequenceOwner))?;
            Some(format!("{} {}", key.schema, owner.text_or_empty("column")))
        }
        _ => None,
    }
}
