//! Changes in an order in which the server accepts them. Pure.
//!
//! Each change is a node, or two when an object is replaced. What needs something is dropped before
//! it and made after it. Then nodes that one statement does together become a group: a new table
//! takes in its columns, and its constraints as far as no circle of foreign keys arises; a dropped
//! table or column takes along what falls with it.

use super::compare::{Change, Changes};
use super::model::{Key, Kind, Object, Schema};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// What one node does. The order is that of independent nodes: what is dropped goes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    Alter,
    Make,
    Unmake,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Op {
    pub act: Act,
    pub key: Key,
}

/// What is done together: the first is the one that the others are part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub op: Op,
    pub takes_in: Vec<Op>,
}

/// The changes in order.
pub fn order(changes: &Changes, from: &Schema, to: &Schema) -> Vec<Group> {
    let mut graph = Graph::new(changes);
    graph.needs(from, to);
    graph.names(from, to);
    graph.take_in(from, to);
    graph.sorted()
}

struct Graph {
    ops: Vec<Op>,
    at: BTreeMap<Op, usize>,
    /// For each node, those that come after it.
    after: Vec<BTreeSet<usize>>,
    /// For each node, those that come before it.
    before: Vec<BTreeSet<usize>>,
    /// The node that does its work: itself, or the one that took it in.
    host: Vec<usize>,
    /// For each such node, itself and those that it took in.
    members: Vec<Vec<usize>>,
}

impl Graph {
    fn new(changes: &Changes) -> Self {
        let mut ops = Vec::new();
        for (key, change) in &changes.of {
            let acts: &[Act] = match change {
                Change::Make => &[Act::Make],
                Change::Unmake => &[Act::Unmake],
                Change::Alter => &[Act::Alter],
                Change::Replace => &[Act::Unmake, Act::Make],
            };
            ops.extend(acts.iter().map(|act| Op { act: *act, key: key.clone() }));
        }
        let at = ops.iter().cloned().enumerate().map(|(index, op)| (op, index)).collect();
        let after = vec![BTreeSet::new(); ops.len()];
        let before = after.clone();
        let host = (0..ops.len()).collect();
        let members = (0..ops.len()).map(|index| vec![index]).collect();
        Self { ops, at, after, before, host, members }
    }

    fn find(&self, act: Act, key: &Key) -> Option<usize> {
        self.at.get(&Op { act, key: key.clone() }).copied()
    }

    fn edge(&mut self, first: Option<usize>, then: Option<usize>) {
        if let (Some(first), Some(then)) = (first, then)
            && first != then
        {
            self.after[first].insert(then);
            self.before[then].insert(first);
        }
    }

    fn needs(&mut self, from: &Schema, to: &Schema) {
        for object in from.objects.values() {
            let key = &object.key;
            let (unmake, alter) = (self.find(Act::Unmake, key), self.find(Act::Alter, key));
            self.edge(unmake, self.find(Act::Make, key));
            if unmake.is_none() && alter.is_none() {
                continue;
            }
            for needed in &object.needs {
                let dropped = self.find(Act::Unmake, needed);
                self.edge(unmake, dropped);
                self.edge(unmake, self.find(Act::Alter, needed));
                if unmake.is_none() {
                    self.edge(alter, dropped);
                    let stays = to.get(key).is_some_and(|new| new.needs.contains(needed));
                    if !stays {
                        self.edge(alter, self.find(Act::Alter, needed));
                    }
                }
            }
        }
        for object in to.objects.values() {
            let key = &object.key;
            for then in [self.find(Act::Make, key), self.find(Act::Alter, key)] {
                if then.is_none() {
                    continue;
                }
                for needed in &object.needs {
                    self.edge(self.find(Act::Make, needed), then);
                    self.edge(self.find(Act::Alter, needed), then);
                }
            }
        }
    }

    /// A name is free only when what had it is gone.
    fn names(&mut self, from: &Schema, to: &Schema) {
        let mut freed: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for (index, op) in self.ops.iter().enumerate().filter(|(_, op)| op.act == Act::Unmake) {
            for name in from.get(&op.key).map(claims).unwrap_or_default() {
                freed.insert(name, index);
            }
        }
        for index in 0..self.ops.len() {
            if self.ops[index].act != Act::Make {
                continue;
            }
            for name in to.get(&self.ops[index].key).map(claims).unwrap_or_default() {
                let first = freed.get(&name).copied();
                self.edge(first, Some(index));
            }
        }
    }

    fn take_in(&mut self, from: &Schema, to: &Schema) {
        let mut candidates: Vec<usize> = (0..self.ops.len()).collect();
        // A generated column needs others: only once they are part of the table is no way left to it that
        // leads through a third.
        let generated = |op: &Op| {
            let schema = if op.act == Act::Make { to } else { from };
            schema.get(&op.key).is_some_and(|column| column.text("generated").is_some())
        };
        candidates.sort_by_cached_key(|index| {
            let op = &self.ops[*index];
            (op.key.kind, generated(op), op.key.clone())
        });
        for index in candidates {
            let op = self.ops[index].clone();
            let hosts: Vec<Key> = match op.act {
                Act::Alter => Vec::new(),
                Act::Make => to.get(&op.key).map(|o| made_with(o, to)).unwrap_or_default(),
                Act::Unmake => from.get(&op.key).map(|o| dropped_with(o, from)).unwrap_or_default(),
            };
            for host in hosts {
                let Some(host) = self.find(op.act, &host) else { continue };
                if self.may_join(index, host) {
                    self.join(index, host);
                    break;
                }
            }
        }
    }

    fn join(&mut self, index: usize, host: usize) {
        let (old, into) = (self.host[index], self.host[host]);
        let moved = std::mem::take(&mut self.members[old]);
        for member in &moved {
            self.host[*member] = into;
        }
        self.members[into].extend(moved);
    }

    /// Whether a node can be part of its host without a circle: no path from one to the other leads
    /// through a third. What is made comes after its host, what is dropped before it; so the search
    /// starts at the node and goes towards the host, where the graph is small.
    fn may_join(&self, node: usize, host: usize) -> bool {
        let next = match self.ops[node].act {
            Act::Make => &self.before,
            Act::Unmake | Act::Alter => &self.after,
        };
        let (node, host) = (self.host[node], self.host[host]);
        if node == host {
            return false;
        }
        let steps = |at: usize| {
            let members = self.members[at].iter();
            members.flat_map(|member| &next[*member]).map(|then| self.host[*then])
        };
        let mut seen = BTreeSet::from([node]);
        let mut open: Vec<usize> = steps(node).filter(|then| *then != host).collect();
        while let Some(at) = open.pop() {
            if at == host {
                return false;
            }
            if seen.insert(at) {
                open.extend(steps(at));
            }
        }
        true
    }

    fn sorted(self) -> Vec<Group> {
        let mut before: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut then: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (index, after) in self.after.iter().enumerate() {
            let first = self.host[index];
            before.entry(first).or_default();
            for next in after.iter().map(|next| self.host[*next]).filter(|next| *next != first) {
                before.entry(next).or_default().insert(first);
                then.entry(first).or_default().insert(next);
            }
        }
        let rank = |index: usize| {
            Reverse((self.ops[index].act == Act::Unmake, &self.ops[index].key, index))
        };
        let mut ready: BinaryHeap<_> =
            before.iter().filter(|(_, first)| first.is_empty()).map(|(i, _)| rank(*i)).collect();
        let mut done = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let next = match ready.pop() {
                Some(Reverse((_, _, index))) => index,
                // A circle that nothing breaks: the server has the last word.
                None => {
                    match before.keys().filter(|i| !seen.contains(*i)).max_by_key(|i| rank(**i)) {
                        Some(index) => *index,
                        None => break,
                    }
                }
            };
            if !seen.insert(next) {
                continue;
            }
            done.push(next);
            for later in then.get(&next).into_iter().flatten() {
                if let Some(first) = before.get_mut(later) {
                    first.remove(&next);
                    if first.is_empty() && !seen.contains(later) {
                        ready.push(rank(*later));
                    }
                }
            }
        }
        done.into_iter()
            .map(|index| Group {
                op: self.ops[index].clone(),
                takes_in: self.members[index]
                    .iter()
                    .filter(|other| **other != index)
                    .map(|other| self.ops[*other].clone())
                    .collect(),
            })
            .collect()
    }
}

/// Which names an object takes, each with the space that it is taken in.
fn claims(object: &Object) -> Vec<(&'static str, String)> {
    let key = &object.key;
    let name = key.qualified();
    match key.kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::Composite => {
            vec![("relation", name.clone()), ("type", name)]
        }
        Kind::Sequence | Kind::Index => vec![("relation", name)],
        Kind::Enum | Kind::Range | Kind::Domain => vec![("type", name)],
        Kind::Constraint if object.text("_type").is_some_and(|t| "pux".contains(t)) => {
            let index = Key::new(Kind::Index, &key.schema, &key.item, "");
            vec![("relation", index.qualified())]
        }
        Kind::Function | Kind::Aggregate => vec![("routine", format!("{name}{}", key.item))],
        Kind::Constraint
        | Kind::Schema
        | Kind::DefaultPrivileges
        | Kind::Extension
        | Kind::Collation
        | Kind::DomainConstraint
        | Kind::Column
        | Kind::Default
        | Kind::SequenceOwner
        | Kind::Inheritance
        | Kind::ConstraintPartition
        | Kind::IndexPartition
        | Kind::Statistics
        | Kind::Rule
        | Kind::Trigger
        | Kind::TriggerPartition
        | Kind::Policy
        | Kind::Publication
        | Kind::PublicationTable
        | Kind::EventTrigger => Vec::new(),
    }
}

/// What may make the object along with itself.
fn made_with(object: &Object, to: &Schema) -> Vec<Key> {
    let key = &object.key;
    match key.kind {
        Kind::Column => vec![key.of_table()],
        Kind::Default => vec![key.same_place(Kind::Column)],
        // In CREATE TABLE such a constraint would count as valid.
        Kind::Constraint if object.text_or_empty("definition").ends_with(" NOT VALID") => vec![],
        Kind::Constraint => vec![key.of_table()],
        Kind::Inheritance => {
            // A column of the child's own stays so only when the child is attached afterwards.
            let partition = object.text("bound").is_some();
            let columns = to.columns(&key.of_table());
            let own = columns.iter().any(|column| column.flag("_local") || named_apart(column, to));
            if partition && own { vec![] } else { vec![key.of_table()] }
        }
        _ => Vec::new(),
    }
}

/// Whether a partition's column has a NOT NULL under another name than the parent's. It is inherited, so
/// it cannot be renamed; a table keeps its own name when it is attached.
fn named_apart(column: &Object, to: &Schema) -> bool {
    let name = column.text_or_empty("_not_null_name");
    let of_parent = || {
        let parent = to.partitioned(&column.key.of_table())?;
        to.get(&Key::new(Kind::Column, &parent.schema, &parent.name, &column.key.item))
    };
    let inherited = !name.is_empty() && column.text("not_null") == Some("");
    inherited && of_parent().is_some_and(|parent| parent.text_or_empty("_not_null_name") != name)
}

/// What takes the object along when dropped: its table rather than a column.
fn dropped_with(object: &Object, from: &Schema) -> Vec<Key> {
    if object.key.kind == Kind::Table {
        return Vec::new();
    }
    let mut hosts: Vec<Key> =
        object.falls_with.iter().filter(|key| from.get(key).is_some()).cloned().collect();
    hosts.sort_by_key(|key| (key.kind == Kind::Column, key.clone()));
    // A column that is itself taken along leads to its table.
    hosts
}
