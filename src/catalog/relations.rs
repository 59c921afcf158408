//! The relations of a catalog by name, with a way to find an index or constraint by its name alone,
//! and the tables that reference another.
//!
//! Looking through every relation costs little once and much for ten thousand statements. The hints
//! only ever name too many relations, never too few: whoever follows one looks whether it is true.

use super::Relation;
use crate::sql::{NameParts, QualifiedName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

/// Reads are those of the map. Changes go through methods, so that new names are noticed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Relations {
    map: BTreeMap<QualifiedName, Relation>,
    /// `None` as long as nobody asked for hints.
    #[serde(skip)]
    hints: Option<Hints>,
    /// When not every relation of the database is here.
    #[serde(skip)]
    others: Option<Arc<OtherNames>>,
}

/// Names in a database that what is not here has, by schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OtherNames {
    /// Of relations and indexes.
    pub(super) relations: HashMap<String, HashSet<String>>,
    pub(super) constraints: HashMap<String, HashSet<String>>,
}

impl OtherNames {
    fn take(of: &mut HashMap<String, HashSet<String>>, schema: &str, name: &str) {
        if let Some(names) = of.get_mut(schema) {
            names.remove(name);
        }
    }
}

fn has(of: &HashMap<String, HashSet<String>>, schema: &str, name: &str) -> bool {
    of.get(schema).is_some_and(|names| names.contains(name))
}

#[derive(Debug, Clone, Default)]
struct Hints {
    /// Name of an index or constraint → relations that have, or had, one of that name.
    owners: HashMap<String, Vec<QualifiedName>>,
    /// Table → tables that have, or had, a foreign key to it.
    referencing: HashMap<QualifiedName, BTreeSet<QualifiedName>>,
    /// Relations that may have got names since [`Relations::settle`].
    touched: Vec<QualifiedName>,
    /// Relations inserted as made by the migration, since [`Relations::made`].
    made: Vec<QualifiedName>,
}

impl Hints {
    fn add(&mut self, relation: &Relation) {
        let indexes = relation.indexes.iter().map(|index| &index.name);
        for name in indexes.chain(relation.constraints.iter().map(|c| &c.name)) {
            match self.owners.get_mut(name) {
                Some(owners) if owners.contains(&relation.name) => {}
                Some(owners) => owners.push(relation.name.clone()),
                None => {
                    self.owners.insert(name.clone(), vec![relation.name.clone()]);
                }
            }
        }
        for referenced in relation.constraints.iter().filter_map(|c| c.references.as_ref()) {
            self.referencing.entry(referenced.clone()).or_default().insert(relation.name.clone());
        }
    }
}

impl Relations {
    /// From now on [`Relations::perhaps_with`] looks at few relations: worth it before very many
    /// statements.
    pub fn keep_hints(&mut self) {
        let mut hints = Hints::default();
        self.map.values().for_each(|relation| hints.add(relation));
        let made = self.map.values().filter(|relation| relation.created_here);
        hints.made = made.map(|relation| relation.name.clone()).collect();
        self.hints = Some(hints);
    }

    pub fn find(&self, schema: &str, name: &str) -> Option<&Relation> {
        let key: &dyn NameParts = &(schema, name);
        self.map.get(key)
    }

    /// Says that these are only some relations of a database in which all `names` are taken.
    pub(super) fn with_others(&mut self, mut names: OtherNames) {
        for relation in self.map.values() {
            let QualifiedName { schema, name } = &relation.name;
            OtherNames::take(&mut names.relations, schema, name);
            for index in &relation.indexes {
                OtherNames::take(&mut names.relations, schema, &index.name);
            }
            for constraint in &relation.constraints {
                OtherNames::take(&mut names.constraints, schema, &constraint.name);
            }
        }
        self.others = Some(Arc::new(names));
    }

    /// Whether there are relations in the database that are not here.
    pub fn are_partial(&self) -> bool {
        self.others.is_some()
    }

    /// Whether a relation or index that is not here has this name.
    pub(super) fn others_have(&self, schema: &str, name: &str) -> bool {
        self.others.as_ref().is_some_and(|others| has(&others.relations, schema, name))
    }

    /// Whether a constraint of a relation that is not here has this name.
    pub(super) fn others_have_constraint(&self, schema: &str, name: &str) -> bool {
        self.others.as_ref().is_some_and(|others| has(&others.constraints, schema, name))
    }

    /// Takes notice of new names; after every statement.
    pub(super) fn settle(&mut self) {
        let Some(hints) = &mut self.hints else { return };
        for name in std::mem::take(&mut hints.touched) {
            if let Some(relation) = self.map.get(&name) {
                hints.add(relation);
            }
        }
        debug_assert!(self.hints_are_complete());
    }

    fn hints_are_complete(&self) -> bool {
        self.map.values().all(|relation| {
            let names = relation.indexes.iter().map(|index| &index.name);
            let mut names = names.chain(relation.constraints.iter().map(|c| &c.name));
            let mut referenced = relation.constraints.iter().filter_map(|c| c.references.as_ref());
            names.all(|name| self.perhaps_with(name).any(|found| found.name == relation.name))
                && referenced.all(|name| {
                    self.perhaps_referencing(name).any(|found| found.name == relation.name)
                })
        })
    }

    /// Every relation that has an index or constraint `name`, and perhaps others.
    pub(super) fn perhaps_with<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Relation> {
        let all = self.hints.is_none().then(|| self.map.values()).into_iter().flatten();
        let hinted = self.hints.iter().flat_map({
            let name = name.to_owned();
            move |hints| hints.owners.get(&name).into_iter().flatten().chain(&hints.touched)
        });
        all.chain(hinted.filter_map(|owner| self.map.get(owner)))
    }

    /// Every relation that has a foreign key to `name`, and perhaps others, each once and in order.
    pub(super) fn perhaps_referencing<'a>(
        &'a self,
        name: &QualifiedName,
    ) -> impl Iterator<Item = &'a Relation> {
        let all = self.hints.is_none().then(|| self.map.values()).into_iter().flatten();
        let hinted = self.hints.iter().flat_map({
            let name = name.clone();
            move |hints| {
                let mut owners: Vec<&QualifiedName> =
                    hints.referencing.get(&name).into_iter().flatten().collect();
                if !hints.touched.is_empty() {
                    owners.extend(&hints.touched);
                    owners.sort_unstable();
                    owners.dedup();
                }
                owners
            }
        });
        all.chain(hinted.filter_map(|owner| self.map.get(owner)))
    }

    pub fn get_mut(&mut self, name: &QualifiedName) -> Option<&mut Relation> {
        let found = self.map.get_mut(name)?;
        if let Some(hints) = &mut self.hints
            && hints.touched.last() != Some(name)
        {
            hints.touched.push(name.clone());
        }
        Some(found)
    }

    pub fn insert(&mut self, name: QualifiedName, relation: Relation) -> Option<Relation> {
        if let Some(hints) = &mut self.hints {
            hints.touched.push(name.clone());
            if relation.created_here {
                hints.made.push(name.clone());
            }
        }
        self.map.insert(name, relation)
    }

    pub fn remove(&mut self, name: &QualifiedName) -> Option<Relation> {
        self.map.remove(name)
    }

    /// Takes notice that foreign keys to `from` point to `to` now.
    pub(super) fn references_moved(&mut self, from: &QualifiedName, to: &QualifiedName) {
        if let Some(hints) = &mut self.hints
            && let Some(owners) = hints.referencing.get(from).cloned()
        {
            hints.referencing.entry(to.clone()).or_default().extend(owners);
        }
    }

    /// Calls `change` for every relation that is `created_here`, at least those that have become so
    /// since the last call.
    pub fn made(&mut self, change: impl FnMut(&mut Relation)) {
        match &mut self.hints {
            None => self.map.values_mut().filter(|r| r.created_here).for_each(change),
            Some(hints) => {
                let mut change = change;
                for name in std::mem::take(&mut hints.made) {
                    self.map.get_mut(&name).filter(|r| r.created_here).map(&mut change);
                }
                debug_assert!(self.map.values().all(|relation| !relation.created_here));
            }
        }
    }

    /// To change anything but the names of indexes and constraints and what foreign keys point to, and not to add any.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Relation> {
        self.map.values_mut()
    }
}

/// The hints say nothing that the relations do not.
impl PartialEq for Relations {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map && self.others == other.others
    }
}

impl Deref for Relations {
    type Target = BTreeMap<QualifiedName, Relation>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl From<BTreeMap<QualifiedName, Relation>> for Relations {
    fn from(map: BTreeMap<QualifiedName, Relation>) -> Self {
        Self { map, hints: None, others: None }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::sql::QualifiedName;

    #[test]
    fn hints_follow_every_change_of_a_name() {
        let sql = "CREATE TABLE a (id int PRIMARY KEY, b int UNIQUE, c int CHECK (c > 0));
            CREATE INDEX i ON a (b); ALTER INDEX i RENAME TO j; ALTER TABLE a RENAME TO d;
            ALTER TABLE d RENAME CONSTRAINT a_c_check TO k; ALTER TABLE d ADD CONSTRAINT u UNIQUE (c);
            CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE INDEX pi ON p (id);
            CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1);
            CREATE TABLE l (LIKE d INCLUDING ALL); CREATE SCHEMA s; ALTER TABLE d SET SCHEMA s;
            DROP INDEX pi; CREATE TABLE e () INHERITS (s.d); ALTER TABLE s.d ADD CHECK (b > 0);
            CREATE TABLE f (x int REFERENCES e, y int REFERENCES f (x)); ALTER TABLE e ADD PRIMARY KEY (id);
            ALTER TABLE e RENAME TO g; ALTER TABLE f RENAME TO h; ALTER TABLE g SET SCHEMA s;";
        let mut catalog = Catalog::assumed(18);
        catalog.relations.keep_hints();
        let mut plain = Catalog::assumed(18);
        for statement in crate::sql::parse(sql, 0..sql.len()).unwrap().statements {
            // That no name is missing is asserted within.
            catalog.apply(&statement);
            plain.apply(&statement);
            assert_eq!(catalog, plain);
        }
        for name in ["i", "j", "k", "u", "a_pkey", "pi", "p1_id_idx", "l_pkey", "nothing"] {
            for schema in ["public", "s"] {
                assert_eq!(
                    catalog.resolve_index(Some(schema), name),
                    plain.resolve_index(Some(schema), name)
                );
                let name = QualifiedName::new(schema, name);
                assert_eq!(catalog.name_is_taken(&name), plain.name_is_taken(&name));
            }
        }
        for name in plain.relations.keys() {
            let keys = |catalog: &Catalog| -> Vec<String> {
                let found = catalog.incoming_foreign_keys(name);
                found.map(|(relation, key)| format!("{} {}", relation.name, key.name)).collect()
            };
            assert_eq!(keys(&catalog), keys(&plain));
        }
    }
}
