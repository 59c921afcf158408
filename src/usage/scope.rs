//! Which relation a name in a query means, as far as the catalog and a search path tell.

use super::{Certainty, Object};
use crate::catalog::Catalog;
use crate::sql::QualifiedName;
use std::collections::{BTreeMap, BTreeSet};

/// The catalog, seen for the retired names.
#[derive(Debug)]
pub(super) struct Names<'a> {
    catalog: &'a Catalog,
    objects: BTreeSet<&'a Object>,
    /// Schemas with a relation of a name that matters.
    schemas: BTreeMap<&'a str, Vec<&'a QualifiedName>>,
}

/// A relation that a name means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meant {
    pub name: QualifiedName,
    pub certainty: Certainty,
}

impl<'a> Names<'a> {
    pub(super) fn new(catalog: &'a Catalog, objects: &'a [Object]) -> Self {
        let mut schemas: BTreeMap<&str, Vec<&QualifiedName>> = BTreeMap::new();
        for object in objects {
            let (Object::Relation(name) | Object::Column(name, _)) = object else { continue };
            schemas.entry(&name.name).or_default();
        }
        for name in catalog.relations.keys() {
            if let Some(known) = schemas.get_mut(name.name.as_str()) {
                known.push(name);
            }
        }
        Self { catalog, objects: objects.iter().collect(), schemas }
    }

    /// The relation that matters, if `schema.name` can be one.
    pub(super) fn relation(
        &self,
        path: &[String],
        schema: Option<&str>,
        name: &str,
    ) -> Option<Meant> {
        let candidates = self.schemas.get(name)?;
        if let Some(schema) = schema {
            let found = candidates.iter().find(|candidate| candidate.schema == schema)?;
            return Some(Meant { name: (*found).clone(), certainty: Certainty::Certain });
        }
        let by_path = path.iter().find_map(|schema| {
            candidates.iter().find(|candidate| candidate.schema == *schema).copied()
        });
        let certain = match candidates.as_slice() {
            [only] => Some(*only),
            _ => by_path.filter(|found| self.matters(found)),
        };
        if let Some(found) = certain {
            return Some(Meant { name: found.clone(), certainty: Certainty::Certain });
        }
        // A session may have set another path.
        let ours = candidates.iter().find(|candidate| self.matters(candidate))?;
        Some(Meant { name: (*ours).clone(), certainty: Certainty::Possible })
    }

    fn matters(&self, name: &QualifiedName) -> bool {
        self.objects.iter().any(|object| match object {
            Object::Relation(of) | Object::Column(of, _) => of == name,
            Object::Function(_) | Object::Type(_) | Object::Label(..) => false,
        })
    }

    pub(super) fn retired_relation(&self, name: &QualifiedName) -> Option<&'a Object> {
        self.objects.get(&Object::Relation(name.clone())).copied()
    }

    pub(super) fn retired_column(&self, table: &QualifiedName, name: &str) -> Option<&'a Object> {
        self.objects.get(&Object::Column(table.clone(), name.to_owned())).copied()
    }

    /// Retired columns of `table` with their places from 1, in the order of the table.
    pub(super) fn retired_columns(&self, table: &QualifiedName) -> Vec<(usize, &'a Object)> {
        let Some(relation) = self.catalog.relation(table) else { return Vec::new() };
        relation
            .columns
            .iter()
            .enumerate()
            .filter_map(|(index, c)| Some((index + 1, self.retired_column(table, &c.name)?)))
            .collect()
    }

    pub(super) fn has_column(&self, table: &QualifiedName, name: &str) -> bool {
        self.catalog.relation(table).is_some_and(|relation| relation.column(name).is_some())
    }

    /// Functions and types by name; several of one name make it only possible.
    pub(super) fn other(&self, parts: &[&str], path: &[String]) -> Option<(&'a Object, Certainty)> {
        let (schema, name) = match parts {
            [name] => (None, *name),
            [.., schema, name] => (Some(*schema), *name),
            [] => return None,
        };
        let found = self.objects.iter().copied().find(|object| match object {
            Object::Function(of) | Object::Type(of) => {
                of.name == name && schema.is_none_or(|schema| of.schema == schema)
            }
            Object::Relation(_) | Object::Column(..) | Object::Label(..) => false,
        })?;
        let certain =
            match found {
                Object::Function(of) => {
                    let visible =
                        |schema: &str| path.iter().any(|s| s == schema) || schema == of.schema;
                    let named = self.catalog.functions.get(name).into_iter().flatten();
                    named.filter(|function| visible(&function.schema)).count() == 1
                }
                _ => {
                    schema.is_some()
                        || !self.catalog.types.keys().any(|t| {
                            t.name == name && !matches!(found, Object::Type(of) if of == t)
                        })
                }
            };
        let certainty = if certain { Certainty::Certain } else { Certainty::Possible };
        Some((found, certainty))
    }

    pub(super) fn label(&self, text: &str) -> Option<&'a Object> {
        self.objects
            .iter()
            .copied()
            .find(|object| matches!(object, Object::Label(_, label) if label == text))
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().copied()
    }
}

/// What one level of a query can name: aliases and what stands behind them.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    /// `None` for what is not a relation that matters: a subquery, a function, another table.
    pub sources: Vec<(String, Option<Meant>)>,
    /// Columns of sources that are not relations of the catalog are not known.
    pub ctes: BTreeSet<String>,
}

/// Levels from the outermost to the innermost.
pub(super) type Levels = Vec<Level>;

/// The relation behind `alias`, innermost level first; `Some(None)` when it is something else.
pub(super) fn by_alias<'l>(levels: &'l [Level], alias: &str) -> Option<&'l Option<Meant>> {
    levels.iter().rev().find_map(|level| {
        level.sources.iter().find(|(name, _)| name == alias).map(|(_, meant)| meant)
    })
}
