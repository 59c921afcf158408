//! What a publication says of a table alone, and whether the server can tell subscribers which row it speaks of.

use super::model::{Catalog, ConstraintKind, Relation, ReplicaIdentity};
use super::names;
use crate::sql::parse_expression;
use serde::{Deserialize, Serialize};

/// A table that a publication names, with a list of columns or a condition on rows (15 and later).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Published {
    pub publication: String,
    /// Empty for all.
    pub columns: Vec<String>,
    pub condition: Option<String>,
    #[serde(default)]
    pub updates: bool,
    #[serde(default)]
    pub deletes: bool,
    /// It holds for the partitions of the table too (`publish_via_partition_root`).
    #[serde(default)]
    pub via_root: bool,
}

/// Of which of the changes that a publication may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    Updates,
    Deletes,
}

impl Catalog {
    /// The publication that keeps rows of `table` from being changed, because its list of columns lacks a part of the
    /// replica identity, or its condition reads a column beside it; and which of the two it is.
    pub fn publication_beside_identity(
        &self,
        table: &Relation,
        changes: Changes,
    ) -> Option<(String, &'static str)> {
        let identity = identity(table);
        let mut entries: Vec<&Published> = table.published.iter().collect();
        let mut above = vec![table];
        while let Some(member) = above.pop() {
            if member.partition_bound.is_none() {
                continue;
            }
            for parent in member.parents.iter().filter_map(|name| self.relation(name)) {
                entries.extend(parent.published.iter().filter(|entry| entry.via_root));
                above.push(parent);
            }
        }
        entries.into_iter().find_map(|entry| {
            let sent = match changes {
                Changes::Updates => entry.updates,
                Changes::Deletes => entry.deletes,
            };
            let what = sent.then(|| beside(table, entry, identity.as_deref())).flatten()?;
            Some((entry.publication.clone(), what))
        })
    }
}

/// What of `entry` does not go together with `identity`, which is `None` for all columns.
fn beside(
    table: &Relation,
    entry: &Published,
    identity: Option<&[String]>,
) -> Option<&'static str> {
    // A list next to FULL is refused even when it names every column.
    let lacking = match identity {
        None => true,
        Some(identity) => identity.iter().any(|column| !entry.columns.contains(column)),
    };
    if !entry.columns.is_empty() && lacking {
        return Some("list of columns");
    }
    let expression = parse_expression(entry.condition.as_deref()?).ok()?;
    let read = names::check_columns(table, Some(&expression));
    let outside = |column: &String| identity.is_some_and(|identity| !identity.contains(column));
    read.iter().any(outside).then_some("WHERE")
}

/// The columns by which subscribers know a row of `table`; `None` for all of them.
fn identity(table: &Relation) -> Option<Vec<String>> {
    let keys = |name: &str| {
        let index = table.index(name);
        index.map(|index| index.keys.iter().flatten().cloned().collect()).unwrap_or_default()
    };
    match &table.replica_identity {
        ReplicaIdentity::Full => None,
        ReplicaIdentity::Nothing => Some(Vec::new()),
        ReplicaIdentity::Index(name) => Some(keys(name)),
        ReplicaIdentity::Default => {
            let primary = |kind: ConstraintKind| kind == ConstraintKind::PrimaryKey;
            let key = table.constraints.iter().find(|c| primary(c.kind) && !c.deferrable);
            Some(key.map(|key| key.columns.clone()).unwrap_or_default())
        }
    }
}
