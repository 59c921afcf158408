//! What differs between two schemas, and which objects have to be dropped and made again for it.
//! Pure.

use super::model::{Key, Kind, Object, Schema};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Make,
    Unmake,
    Alter,
    /// Dropped and made again.
    Replace,
}

/// Everything that differs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    pub of: BTreeMap<Key, Change>,
    /// What no statement does here, mostly because rows would be lost, and why.
    pub impossible: BTreeMap<Key, String>,
}

/// Parts that an `ALTER` or a statement of their own changes, whatever the kind.
const SOFT: [&str; 8] = [
    "owner",
    "privileges",
    "comment",
    "column_comments",
    "clustered",
    "replica_identity",
    "enabled",
    "statistics",
];

enum Verdict {
    Alter,
    Replace,
    Impossible(&'static str),
}

/// The changes that lead from one schema to the other.
pub fn compare(from: &Schema, to: &Schema) -> Changes {
    let mut changes = Changes::default();
    for (key, object) in &from.objects {
        match to.get(key) {
            None if is_copy(key.kind) => {}
            None => {
                changes.of.insert(key.clone(), Change::Unmake);
            }
            Some(other) if object.differing(other).is_empty() => {}
            Some(other) => match verdict(object, other, from.version_num) {
                Verdict::Alter => {
                    changes.of.insert(key.clone(), Change::Alter);
                }
                Verdict::Replace => {
                    changes.of.insert(key.clone(), Change::Replace);
                }
                Verdict::Impossible(why) => {
                    changes.impossible.insert(key.clone(), why.to_owned());
                }
            },
        }
    }
    for key in to.objects.keys().filter(|key| !is_copy(key.kind)) {
        if !from.objects.contains_key(key) {
            changes.of.insert(key.clone(), Change::Make);
        }
    }
    leave_to_parents(from, to, &mut changes);
    leave_to_attachment(from, to, &mut changes);
    propagate(from, to, &mut changes);
    changes
}

/// What happens to a parent's column happens to those of its children too; what is then still
/// different shows when the schema is looked at again.
fn leave_to_parents(from: &Schema, to: &Schema, changes: &mut Changes) {
    let both = |table: &Key| from.get(table).is_some() && to.get(table).is_some();
    let parents = |table: &Key| -> Vec<Key> {
        let below = |object: &&Object| object.key.of_table() == *table;
        let of = |schema: &Schema| -> Vec<Key> {
            schema.of_kind(Kind::Inheritance).filter(below).filter_map(other_table).collect()
        };
        [of(from), of(to)].concat()
    };
    let mut left = Vec::new();
    for (key, change) in &changes.of {
        let table = key.of_table();
        if !matches!(key.kind, Kind::Column | Kind::Default) || !both(&table) {
            continue;
        }
        let column = key.same_place(Kind::Column);
        let inherited =
            |schema: &Schema| schema.get(&column).is_some_and(|column| !column.flag("_local"));
        let with_parent = key.kind == Kind::Column
            && match change {
                Change::Make => inherited(to),
                Change::Unmake => inherited(from),
                Change::Alter | Change::Replace => false,
            };
        let parent_changes = || {
            parents(&table).iter().any(|parent| {
                [Kind::Column, Kind::Default].iter().any(|kind| {
                    let of_parent = Key::new(*kind, &parent.schema, &parent.name, &key.item);
                    changes.of.contains_key(&of_parent)
                })
            })
        };
        if with_parent || parent_changes() {
            left.push(key.clone());
        }
    }
    for key in left {
        changes.of.remove(&key);
    }
}

/// A detached partition keeps what was a copy as its own, an attached one gives its own for a copy.
fn leave_to_attachment(from: &Schema, to: &Schema, changes: &mut Changes) {
    let copies = |schema: &Schema| -> BTreeSet<(String, String)> {
        let kinds = [Kind::ConstraintPartition, Kind::IndexPartition];
        let copies = schema.objects.values().filter(|object| kinds.contains(&object.key.kind));
        copies.map(|o| (o.key.schema.clone(), o.text_or_empty("name").to_owned())).collect()
    };
    let (before, after) = (copies(from), copies(to));
    changes.of.retain(|key, change| {
        let name = match key.kind {
            Kind::Constraint => &key.item,
            Kind::Index => &key.name,
            _ => return true,
        };
        let name = (key.schema.clone(), name.clone());
        match change {
            Change::Make => !before.contains(&name),
            Change::Unmake => !after.contains(&name),
            Change::Alter | Change::Replace => true,
        }
    });
}

/// The table that an inheritance leads to.
fn other_table(inheritance: &Object) -> Option<Key> {
    let other = inheritance.list("_other");
    Some(Key::table(other.first()?.as_str()?, other.get(1)?.as_str()?))
}

/// What the server makes and drops along with the parent's.
fn is_copy(kind: Kind) -> bool {
    matches!(kind, Kind::ConstraintPartition | Kind::IndexPartition | Kind::TriggerPartition)
}

fn verdict(from: &Object, to: &Object, version_num: u32) -> Verdict {
    let hard: Vec<&str> =
        from.differing(to).into_iter().filter(|part| !SOFT.contains(part)).collect();
    if hard.is_empty() {
        return Verdict::Alter;
    }
    let differs = |part: &str| hard.contains(&part);
    let replace_if = |replace: bool| if replace { Verdict::Replace } else { Verdict::Alter };
    match from.key.kind {
        Kind::Schema
        | Kind::DefaultPrivileges
        | Kind::Extension
        | Kind::Enum
        | Kind::Composite
        | Kind::Sequence
        | Kind::SequenceOwner
        | Kind::Default
        | Kind::ConstraintPartition
        | Kind::IndexPartition
        | Kind::TriggerPartition => Verdict::Alter,
        Kind::Table if differs("partition_key") => Verdict::Impossible(
            "how a table is partitioned cannot be altered: make a new table and move the rows",
        ),
        Kind::Table if differs("of_type") => {
            Verdict::Impossible("of which type a table is cannot be changed here")
        }
        Kind::Table => Verdict::Alter,
        Kind::Column => column_verdict(from, to, version_num),
        Kind::Domain => replace_if(differs("base") || differs("collation")),
        Kind::Constraint => replace_if(!only_validated(from, to)),
        Kind::View => replace_if(differs("definition") && !extends(from, to)),
        Kind::MaterializedView => replace_if(differs("definition") || differs("access_method")),
        Kind::Function => replace_if(
            ["_kind", "_result", "_arguments"].iter().any(|part| from.differs_in(to, part)),
        ),
        Kind::Policy => replace_if(
            differs("permissive")
                || differs("command")
                || ["using", "check"]
                    .iter()
                    .any(|part| from.text(part).is_some() != to.text(part).is_some()),
        ),
        Kind::Publication => replace_if(differs("all_tables")),
        Kind::Statistics => replace_if(hard != ["target"]),
        Kind::Collation
        | Kind::Range
        | Kind::DomainConstraint
        | Kind::Inheritance
        | Kind::Index
        | Kind::Aggregate
        | Kind::Rule
        | Kind::Trigger
        | Kind::PublicationTable
        | Kind::EventTrigger => Verdict::Replace,
    }
}

fn column_verdict(from: &Object, to: &Object, version_num: u32) -> Verdict {
    /// `ALTER COLUMN … SET EXPRESSION` is there since.
    const SET_EXPRESSION: u32 = 170_000;
    match (from.text("generated"), to.text("generated")) {
        (None, None) | (Some("s"), None) => Verdict::Alter,
        (None, Some(_)) | (Some(_), None) => Verdict::Replace,
        (Some(a), Some(b)) if a != b => Verdict::Replace,
        (Some(_), Some(_)) if !from.differs_in(to, "expression") => Verdict::Alter,
        (Some(_), Some(_)) if version_num >= SET_EXPRESSION => Verdict::Alter,
        (Some(_), Some(_)) => Verdict::Replace,
    }
}

/// Whether the only difference is that the constraint has been validated.
pub(super) fn only_validated(from: &Object, to: &Object) -> bool {
    from.text_or_empty("definition").strip_suffix(" NOT VALID") == to.text("definition")
}

/// `CREATE OR REPLACE VIEW` may add columns behind those that are there.
fn extends(from: &Object, to: &Object) -> bool {
    let (old, new) = (from.list("_columns"), to.list("_columns"));
    new.len() >= old.len() && new[..old.len()] == *old
}

/// Whether labels are only added, so that no value can be in the way.
pub(super) fn only_adds_labels(from: &Object, to: &Object) -> bool {
    let mut wanted = to.texts("labels").into_iter();
    from.texts("labels").iter().all(|label| wanted.any(|other| other == *label))
}

/// Whether the column gets another type, of its own or because its enum is made anew.
fn retyped(key: &Key, from: &Schema, to: &Schema, rebuilt: &[Key]) -> bool {
    let (Some(old), Some(new)) = (from.get(key), to.get(key)) else { return false };
    let of_rebuilt = || old.needs.iter().any(|needed| rebuilt.contains(needed));
    key.kind == Kind::Column
        && (old.differs_in(new, "type") || old.differs_in(new, "collation") || of_rebuilt())
}

/// Marks for replacement what cannot stay while something that it needs is changed.
fn propagate(from: &Schema, to: &Schema, changes: &mut Changes) {
    let rebuilt: Vec<Key> = changes
        .of
        .iter()
        .filter(|(key, change)| key.kind == Kind::Enum && **change == Change::Alter)
        .filter(|(key, _)| match (from.get(key), to.get(key)) {
            (Some(old), Some(new)) => !only_adds_labels(old, new),
            _ => false,
        })
        .map(|(key, _)| key.clone())
        .collect();
    let dependants = from.dependants();
    let mut queue: VecDeque<Key> = changes.of.keys().cloned().collect();
    // A column keeps its place in the list of changes, but what hangs on it has to go.
    for key in &rebuilt {
        let columns = dependants.get(key).into_iter().flatten();
        queue.extend(columns.filter(|o| o.key.kind == Kind::Column).map(|o| o.key.clone()));
    }
    while let Some(key) = queue.pop_front() {
        let change = changes.of.get(&key).copied();
        let retyped = change != Some(Change::Unmake) && retyped(&key, from, to, &rebuilt);
        for dependant in dependants.get(&key).into_iter().flatten() {
            let Some(stays) = to.get(&dependant.key) else { continue };
            let its_change = changes.of.get(&dependant.key).copied();
            if matches!(its_change, Some(Change::Replace | Change::Unmake)) {
                continue;
            }
            let goes = match change {
                Some(Change::Unmake) => its_change.is_none(),
                Some(Change::Replace) => its_change.is_none() || stays.needs.contains(&key),
                Some(Change::Alter) | None if rebuilt.contains(&key) => {
                    dependant.key.kind != Kind::Column || dependant.text("generated").is_some()
                }
                Some(Change::Alter) | None => {
                    // A default is cast along where it can be; one that changes anyway need not be.
                    let other_default = dependant.key.kind == Kind::Default && its_change.is_some();
                    retyped && (other_default || stands_in_the_way(dependant))
                }
                Some(Change::Make) => false,
            };
            if !goes || is_copy(dependant.key.kind) {
                continue;
            }
            if is_kept(dependant) {
                let why = format!("it needs {key}, which has to be dropped and made again");
                changes.impossible.entry(dependant.key.clone()).or_insert(why);
                continue;
            }
            changes.of.insert(dependant.key.clone(), Change::Replace);
            queue.push_back(dependant.key.clone());
        }
    }
}

/// Whether the server refuses another type for a column because of this.
fn stands_in_the_way(dependant: &Object) -> bool {
    match dependant.key.kind {
        Kind::View
        | Kind::MaterializedView
        | Kind::Rule
        | Kind::Policy
        | Kind::Trigger
        | Kind::Function
        | Kind::PublicationTable => true,
        Kind::Column => dependant.text("generated").is_some(),
        Kind::Schema
        | Kind::DefaultPrivileges
        | Kind::Extension
        | Kind::Collation
        | Kind::Enum
        | Kind::Range
        | Kind::Composite
        | Kind::Domain
        | Kind::DomainConstraint
        | Kind::Sequence
        | Kind::Table
        | Kind::Default
        | Kind::SequenceOwner
        | Kind::Inheritance
        | Kind::Constraint
        | Kind::ConstraintPartition
        | Kind::Index
        | Kind::IndexPartition
        | Kind::TriggerPartition
        | Kind::Statistics
        | Kind::Aggregate
        | Kind::Publication
        | Kind::EventTrigger => false,
    }
}

/// What holds rows, or what rows are made of: never dropped for something else's sake.
fn is_kept(object: &Object) -> bool {
    match object.key.kind {
        Kind::Schema
        | Kind::Table
        | Kind::Sequence
        | Kind::Enum
        | Kind::Range
        | Kind::Composite
        | Kind::Domain
        | Kind::Extension => true,
        Kind::Column => object.text("generated").is_none(),
        Kind::DefaultPrivileges
        | Kind::Collation
        | Kind::DomainConstraint
        | Kind::Default
        | Kind::SequenceOwner
        | Kind::Inheritance
        | Kind::Constraint
        | Kind::ConstraintPartition
        | Kind::Index
        | Kind::IndexPartition
        | Kind::TriggerPartition
        | Kind::Statistics
        | Kind::Function
        | Kind::Aggregate
        | Kind::View
        | Kind::MaterializedView
        | Kind::Rule
        | Kind::Trigger
        | Kind::Policy
        | Kind::Publication
        | Kind::PublicationTable
        | Kind::EventTrigger => false,
    }
}
