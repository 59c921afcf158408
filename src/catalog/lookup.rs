//! What statements ask of a catalog: which object a name means, what hangs together.

use super::model::{Catalog, Constraint, Index, Relation, RelationKind};
use crate::sql::QualifiedName;

impl Constraint {
    /// Whether rows have to keep to it: only checks and foreign keys may be there for show, from version 18 on.
    pub fn is_enforced(&self) -> bool {
        !self.definition.ends_with("NOT ENFORCED")
    }
}

impl Catalog {
    pub fn relation(&self, name: &QualifiedName) -> Option<&Relation> {
        self.relations.get(name)
    }

    /// The relation that `name` means under the search path, as the server would resolve it.
    pub fn resolve(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        match schema {
            Some(schema) => self.relations.find(schema, name),
            None => {
                let mut path = self.server.search_path.iter();
                path.find_map(|schema| self.relations.find(schema, name))
            }
        }
    }

    /// The table that the index belongs to, and the index.
    pub fn resolve_index(&self, schema: Option<&str>, name: &str) -> Option<(&Relation, &Index)> {
        let within = |schema: &str| {
            self.relations
                .perhaps_with(name)
                .filter_map(|relation| relation.index(name).map(|index| (relation, index)))
                .find(|(relation, _)| relation.name.schema == schema)
        };
        match schema {
            Some(schema) => within(schema),
            None => self.server.search_path.iter().find_map(|schema| within(schema)),
        }
    }

    /// The schema in which an unqualified `CREATE` puts an object.
    pub fn creation_schema(&self) -> Option<&str> {
        self.server.search_path.iter().find(|name| self.schemas.contains(*name)).map(String::as_str)
    }

    /// Whether a relation, index or composite type has this name already (one namespace in
    /// PostgreSQL, `pg_class`).
    pub fn name_is_taken(&self, name: &QualifiedName) -> bool {
        self.relations.contains_key(name)
            || self.relations.others_have(&name.schema, &name.name)
            || self
                .relations
                .perhaps_with(&name.name)
                // Hardly any name is the same: the schema is looked at last.
                .any(|r| r.index(&name.name).is_some() && r.name.schema == name.schema)
    }

    /// Foreign keys of other tables, and of the table itself, that point to `name`.
    pub fn incoming_foreign_keys<'a>(
        &'a self,
        name: &'a QualifiedName,
    ) -> impl Iterator<Item = (&'a Relation, &'a Constraint)> {
        self.relations.perhaps_referencing(name).flat_map(move |relation| {
            relation
                .constraints
                .iter()
                .filter(move |constraint| constraint.references.as_ref() == Some(name))
                .map(move |constraint| (relation, constraint))
        })
    }

    /// `relation` itself when it is no partitioned table, else every leaf below it.
    pub fn leaves<'a>(&'a self, relation: &'a Relation) -> Vec<&'a Relation> {
        if relation.kind != RelationKind::PartitionedTable {
            return vec![relation];
        }
        relation
            .children
            .iter()
            .filter_map(|child| self.relation(child))
            .flat_map(|child| self.leaves(child))
            .collect()
    }

    /// The sequence of the identity column `column` of `table`. A catalog that was saved by an older
    /// program does not tell it from others that the column owns: then the only one.
    pub fn identity_sequence(&self, table: &QualifiedName, column: &str) -> Option<&Relation> {
        let owned = || {
            self.relations.values().filter(|relation| {
                relation.owned_by.as_ref().is_some_and(|(on, of)| on == table && of == column)
            })
        };
        owned().find(|sequence| sequence.of_identity).or_else(|| {
            let mut all = owned();
            all.next().filter(|_| all.next().is_none())
        })
    }

    /// `relation` and everything below it: partitions or inheritance children, at any depth.
    pub fn family<'a>(&'a self, relation: &'a Relation) -> Vec<&'a Relation> {
        let mut all = vec![relation];
        for child in relation.children.iter().filter_map(|child| self.relation(child)) {
            all.extend(self.family(child));
        }
        all
    }
}
