//! A schema as a plain value: objects with their parts, and what each needs.

use crate::sql::{QualifiedName, quote_ident};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What an object is. The order is that in which independent objects are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Schema,
    DefaultPrivileges,
    Extension,
    Collation,
    Enum,
    Range,
    Composite,
    Domain,
    DomainConstraint,
    Sequence,
    Table,
    Column,
    Default,
    /// That a sequence goes when its column goes.
    SequenceOwner,
    /// That a table is a child or a partition of another.
    Inheritance,
    Constraint,
    /// The copy of a constraint that a partition has; only its name is its own.
    ConstraintPartition,
    Index,
    /// The copy of an index that a partition has; only its name is its own.
    IndexPartition,
    Statistics,
    Function,
    Aggregate,
    View,
    MaterializedView,
    Rule,
    Trigger,
    /// The copy of a trigger that a partition has; only whether it fires is its own.
    TriggerPartition,
    Policy,
    Publication,
    PublicationTable,
    EventTrigger,
}

impl Kind {
    /// As people call it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Schema => "schema",
            Kind::DefaultPrivileges => "default privileges",
            Kind::Extension => "extension",
            Kind::Collation => "collation",
            Kind::Enum => "enum",
            Kind::Range => "range type",
            Kind::Composite => "composite type",
            Kind::Domain => "domain",
            Kind::DomainConstraint => "domain constraint",
            Kind::Sequence => "sequence",
            Kind::Table => "table",
            Kind::Column => "column",
            Kind::Default => "default of",
            Kind::SequenceOwner => "owner column of",
            Kind::Inheritance => "inheritance",
            Kind::Constraint => "constraint",
            Kind::ConstraintPartition => "constraint of partition",
            Kind::Index => "index",
            Kind::IndexPartition => "index of partition",
            Kind::Statistics => "statistics",
            Kind::Function => "function",
            Kind::Aggregate => "aggregate",
            Kind::View => "view",
            Kind::MaterializedView => "materialized view",
            Kind::Rule => "rule",
            Kind::Trigger => "trigger",
            Kind::TriggerPartition => "trigger of partition",
            Kind::Policy => "policy",
            Kind::Publication => "publication",
            Kind::PublicationTable => "published table",
            Kind::EventTrigger => "event trigger",
        }
    }

    /// Whether dropping one loses what cannot be made again from its definition.
    pub fn holds_data(self) -> bool {
        matches!(self, Kind::Table | Kind::Column | Kind::Sequence)
    }
}

/// The identity of an object. All three are real names, not their quoted spelling; what is not of a
/// kind is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    pub schema: String,
    /// Of the object, or of the relation (domain, publication) that it is in.
    pub name: String,
    /// Within the relation; the argument types of a function.
    pub item: String,
}

impl Key {
    pub fn new(kind: Kind, schema: &str, name: &str, item: &str) -> Self {
        Self { kind, schema: schema.into(), name: name.into(), item: item.into() }
    }

    pub fn table(schema: &str, name: &str) -> Self {
        Self::new(Kind::Table, schema, name, "")
    }

    /// The schema-qualified name, quoted: of the object or of the relation that it is in.
    pub fn qualified(&self) -> String {
        if self.schema.is_empty() {
            return quote_ident(&self.name);
        }
        QualifiedName::new(self.schema.clone(), self.name.clone()).to_string()
    }

    /// The table that an object in a table is in.
    pub fn of_table(&self) -> Self {
        Self::table(&self.schema, &self.name)
    }

    pub fn same_place(&self, kind: Kind) -> Self {
        Self { kind, ..self.clone() }
    }

    /// The name without kind: `public.users.email`, `public.f(integer)`.
    pub fn name_for_display(&self) -> String {
        let name = self.qualified();
        match self.kind {
            Kind::Column | Kind::Default => format!("{name}.{}", quote_ident(&self.item)),
            Kind::Constraint
            | Kind::DomainConstraint
            | Kind::ConstraintPartition
            | Kind::Trigger
            | Kind::TriggerPartition
            | Kind::Policy
            | Kind::Rule => format!("{} on {name}", quote_ident(&self.item)),
            Kind::Function | Kind::Aggregate => format!("{name}{}", self.item),
            Kind::Inheritance => format!("{name} below {}", self.item),
            Kind::IndexPartition => format!("{name} for {}", self.item),
            Kind::PublicationTable => format!("{} in {name}", self.item),
            Kind::DefaultPrivileges => {
                let within = if self.schema.is_empty() { "" } else { " in " };
                let schema = if self.schema.is_empty() { "" } else { &self.schema };
                format!("of {} on {}{within}{schema}", quote_ident(&self.name), self.item)
            }
            Kind::Schema
            | Kind::Extension
            | Kind::Collation
            | Kind::Enum
            | Kind::Range
            | Kind::Composite
            | Kind::Domain
            | Kind::Sequence
            | Kind::Table
            | Kind::SequenceOwner
            | Kind::Index
            | Kind::Statistics
            | Kind::View
            | Kind::MaterializedView
            | Kind::Publication
            | Kind::EventTrigger => name,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.name_for_display())
    }
}

/// An object: its parts by name, and what it hangs on.
///
/// Parts whose name begins with `_` help to write statements and are not compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub key: Key,
    pub parts: BTreeMap<String, Value>,
    /// What has to be there before it.
    pub needs: BTreeSet<Key>,
    /// What takes it along, without being asked, when dropped.
    pub falls_with: BTreeSet<Key>,
}

impl Object {
    pub fn text(&self, part: &str) -> Option<&str> {
        self.parts.get(part)?.as_str()
    }

    /// As [`Object::text`], empty when there is none.
    pub fn text_or_empty(&self, part: &str) -> &str {
        self.text(part).unwrap_or_default()
    }

    pub fn flag(&self, part: &str) -> bool {
        self.parts.get(part).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn number(&self, part: &str) -> Option<i64> {
        self.parts.get(part)?.as_i64()
    }

    pub fn list(&self, part: &str) -> &[Value] {
        self.parts.get(part).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub fn texts(&self, part: &str) -> Vec<&str> {
        self.list(part).iter().filter_map(Value::as_str).collect()
    }

    /// Names of the parts that differ.
    pub fn differing<'a>(&'a self, other: &'a Object) -> Vec<&'a str> {
        let names: BTreeSet<&String> = self.parts.keys().chain(other.parts.keys()).collect();
        names
            .into_iter()
            .filter(|name| !name.starts_with('_'))
            .filter(|name| self.parts.get(*name) != other.parts.get(*name))
            .map(String::as_str)
            .collect()
    }

    /// Whether `part` differs.
    pub fn differs_in(&self, other: &Object, part: &str) -> bool {
        self.parts.get(part) != other.parts.get(part)
    }
}

/// Everything in a database that a migration can change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    /// As `server_version_num`.
    pub version_num: u32,
    pub objects: BTreeMap<Key, Object>,
}

impl Schema {
    pub fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects.values().filter(move |object| object.key.kind == kind)
    }

    /// The columns of a table, in order.
    pub fn columns(&self, table: &Key) -> Vec<&Object> {
        let first = Key::new(Kind::Column, &table.schema, &table.name, "");
        let mut columns: Vec<&Object> = self
            .objects
            .range(first..)
            .map(|(_, object)| object)
            .take_while(|object| {
                let key = &object.key;
                (key.kind, &key.schema, &key.name) == (Kind::Column, &table.schema, &table.name)
            })
            .collect();
        columns.sort_by_key(|column| column.number("_position"));
        columns
    }

    /// The table that a table is a partition of.
    pub fn partitioned(&self, partition: &Key) -> Option<Key> {
        let first = Key::new(Kind::Inheritance, &partition.schema, &partition.name, "");
        let (key, of) = self.objects.range(first..).next()?;
        let other = of.list("_other");
        let found = key.kind == Kind::Inheritance && key.of_table() == *partition;
        if !found || of.text("bound").is_none() {
            return None;
        }
        Some(Key::table(other.first()?.as_str()?, other.get(1)?.as_str()?))
    }

    /// For each object, what needs it.
    pub fn dependants(&self) -> BTreeMap<&Key, Vec<&Object>> {
        let mut dependants: BTreeMap<&Key, Vec<&Object>> = BTreeMap::new();
        for object in self.objects.values() {
            for needed in object.needs.union(&object.falls_with) {
                dependants.entry(needed).or_default().push(object);
            }
        }
        dependants
    }
}
