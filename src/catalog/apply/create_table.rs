//! `CREATE TABLE`: columns, constraints, `LIKE`, `INHERITS`, partitions.

use super::column::{self, Defined};
use super::constraint::{self, Origin};
use super::{alter_table, index, partition};
use crate::catalog::{
    Catalog, Column, Constraint, ConstraintKind, Persistence, Relation, RelationKind, user_type,
};
use crate::sql::QualifiedName;
use pg_query::protobuf::{self, ColumnDef, ConstrType, CreateStmt, TableLikeClause, node};

/// Bits of `TableLikeClause.options`.
const LIKE_COMMENTS: u32 = 1;
const LIKE_COMPRESSION: u32 = 2;
const LIKE_CONSTRAINTS: u32 = 4;
const LIKE_DEFAULTS: u32 = 8;
const LIKE_GENERATED: u32 = 16;
const LIKE_IDENTITY: u32 = 32;
const LIKE_INDEXES: u32 = 64;
const LIKE_STORAGE: u32 = 256;

pub(super) fn create(catalog: &mut Catalog, create: &CreateStmt) {
    let kind = match create.partspec {
        Some(_) => RelationKind::PartitionedTable,
        None => RelationKind::Table,
    };
    create_as_kind(catalog, create, kind);
}

pub(super) fn create_foreign(catalog: &mut Catalog, create: &CreateStmt) {
    create_as_kind(catalog, create, RelationKind::ForeignTable);
}

fn create_as_kind(catalog: &mut Catalog, create: &CreateStmt, kind: RelationKind) {
    let Some(range) = &create.relation else { return };
    let name = catalog.created_name(range);
    // `IF NOT EXISTS`; without it the server refuses.
    if catalog.name_is_taken(&name) {
        return;
    }
    let mut relation = catalog.new_relation(&name, kind);
    relation.persistence = persistence(&range.relpersistence);
    relation.options = alter_table::options(&create.options);
    if !create.access_method.is_empty() {
        relation.access_method = Some(create.access_method.clone());
    }
    if !create.tablespacename.is_empty() {
        relation.tablespace = Some(create.tablespacename.clone());
    }
    let mut building = Building::default();
    let parents: Vec<QualifiedName> = create
        .inh_relations
        .iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::RangeVar(range)) => catalog.target(Some(range)),
            _ => None,
        })
        .collect();
    for parent in &parents {
        building.inherit(catalog, parent, create.partbound.is_some());
    }
    if let Some(of_type) = &create.of_typename {
        building.of_type(catalog, of_type);
    }
    for element in &create.table_elts {
        match &element.node {
            Some(node::Node::ColumnDef(definition)) => building.column(catalog, definition),
            Some(node::Node::Constraint(clause)) => {
                building.clauses.push((None, clause.as_ref().clone()));
            }
            Some(node::Node::TableLikeClause(like)) => building.like(catalog, like),
            _ => {}
        }
    }
    relation.parents.clone_from(&parents);
    relation.partition_key = create.partspec.as_ref().map(partition::key);
    relation.partition_bound = create.partbound.as_ref().map(partition::bound);
    if range.relpersistence == "t" && !catalog.server.search_path.contains(&name.schema) {
        catalog.server.search_path.insert(0, name.schema.clone());
    }
    building.finish(catalog, &name, relation);
    for parent in &parents {
        partition::adopt(catalog, parent, &name, create.partbound.is_some());
    }
    if let Some(partspec) = &create.partspec {
        partition::record_key(catalog, &name, partspec);
    }
}

pub(super) fn persistence(letter: &str) -> Persistence {
    match letter {
        "t" => Persistence::Temporary,
        "u" => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

/// A table that is being put together.
#[derive(Default)]
struct Building {
    columns: Vec<Defined>,
    /// Clauses with the column that they stand at.
    clauses: Vec<(Option<String>, protobuf::Constraint)>,
    /// Checks and not-null constraints taken over as they are.
    taken_over: Vec<Constraint>,
    indexes: Vec<index::TakenOver>,
}

impl Building {
    fn position(&self) -> i16 {
        i16::try_from(self.columns.len() + 1).unwrap_or(i16::MAX)
    }

    fn column(&mut self, catalog: &Catalog, definition: &ColumnDef) {
        let mut defined = column::define(catalog, definition, self.position());
        let clauses = std::mem::take(&mut defined.clauses);
        let name = defined.column.name.clone();
        self.clauses.extend(clauses.into_iter().map(|clause| (Some(name.clone()), clause)));
        match self.columns.iter_mut().find(|known| known.column.name == name) {
            // Said again of an inherited column, or of one in the type of the table.
            Some(known) => known.merge(defined),
            None => self.columns.push(defined),
        }
    }

    fn inherit(&mut self, catalog: &Catalog, parent: &QualifiedName, as_partition: bool) {
        let Some(parent) = catalog.relation(parent) else { return };
        let keeps_identity = as_partition && catalog.server.major() >= 17;
        for column in &parent.columns {
            if let Some(known) = self.columns.iter_mut().find(|c| c.column.name == column.name) {
                known.column.not_null |= column.not_null;
                if known.column.default.is_none() {
                    known.column.default.clone_from(&column.default);
                    known.column.default_is_volatile = column.default_is_volatile;
                }
                continue;
            }
            let inherited = Column {
                position: self.position(),
                identity: column.identity.filter(|_| keeps_identity),
                inherited: true,
                statistics_target: None,
                options: Vec::new(),
                privileges: Vec::new(),
                comment: None,
                ..column.clone()
            };
            self.columns.push(Defined::taken_over(inherited, false));
        }
        for constraint in &parent.constraints {
            let handed_down =
                matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::NotNull);
            let known = self.taken_over.iter().any(|known| known.name == constraint.name);
            if handed_down && !constraint.no_inherit && !known {
                self.taken_over.push(Constraint {
                    inherited: true,
                    comment: None,
                    ..constraint.clone()
                });
            }
        }
    }

    fn of_type(&mut self, catalog: &Catalog, of_type: &protobuf::TypeName) {
        let Some(found) = user_type(of_type, catalog).and_then(|name| catalog.relation(&name))
        else {
            return;
        };
        for column in &found.columns {
            self.columns.push(Defined::taken_over(column.clone(), false));
        }
    }

    fn like(&mut self, catalog: &Catalog, like: &TableLikeClause) {
        let Some(source) =
            catalog.target(like.relation.as_ref()).and_then(|name| catalog.relation(&name))
        else {
            return;
        };
        let includes = |bit: u32| like.options & bit != 0;
        for column in &source.columns {
            let generated = column.generated.clone().filter(|_| includes(LIKE_GENERATED));
            let copied = Column {
                position: self.position(),
                default: column.default.clone().filter(|_| includes(LIKE_DEFAULTS)),
                default_is_volatile: column.default_is_volatile && includes(LIKE_DEFAULTS),
                generated,
                identity: column.identity.filter(|_| includes(LIKE_IDENTITY)),
                storage: column.storage.filter(|_| includes(LIKE_STORAGE)),
                compression: column.compression.clone().filter(|_| includes(LIKE_COMPRESSION)),
                comment: column.comment.clone().filter(|_| includes(LIKE_COMMENTS)),
                statistics_target: None,
                options: Vec::new(),
                privileges: Vec::new(),
                inherited: false,
                ..column.clone()
            };
            self.columns.push(Defined::taken_over(copied, true));
        }
        for constraint in &source.constraints {
            let copied = match constraint.kind {
                ConstraintKind::Check => includes(LIKE_CONSTRAINTS),
                ConstraintKind::NotNull => true,
                ConstraintKind::ForeignKey
                | ConstraintKind::PrimaryKey
                | ConstraintKind::Unique
                | ConstraintKind::Exclude
                | ConstraintKind::Trigger => false,
            };
            if copied {
                self.taken_over.push(Constraint {
                    inherited: false,
                    validated: !constraint.definition.ends_with(" NOT ENFORCED"),
                    comment: constraint.comment.clone().filter(|_| includes(LIKE_COMMENTS)),
                    ..constraint.clone()
                });
            }
        }
        if includes(LIKE_INDEXES) {
            self.indexes.extend(index::taken_over(source, includes(LIKE_COMMENTS)));
        }
    }

    /// Puts the table into the catalog, in the order in which the server names things: sequences,
    /// checks, not-null constraints, indexes with the primary key first, foreign keys.
    fn finish(self, catalog: &mut Catalog, name: &QualifiedName, mut relation: Relation) {
        relation.columns = self.columns.iter().map(|defined| defined.column.clone()).collect();
        relation.constraints = self.taken_over;
        catalog.relations.insert(name.clone(), relation);
        for defined in &self.columns {
            column::finish(catalog, name, defined);
        }
        let mut clauses = self.clauses;
        clauses.sort_by_key(|(_, clause)| match clause.contype() {
            ConstrType::ConstrCheck => 0,
            ConstrType::ConstrNotnull => 1,
            ConstrType::ConstrPrimary => 2,
            ConstrType::ConstrForeign => 4,
            _ => 3,
        });
        for (column, clause) in &clauses {
            constraint::add_at(catalog, name, clause, column.as_deref(), Origin::Created);
        }
        for taken in self.indexes {
            index::put(catalog, name, taken);
        }
    }
}

/// The columns of a composite type.
pub(super) fn composite_columns(catalog: &Catalog, list: &[protobuf::Node]) -> Vec<Column> {
    let mut building = Building::default();
    for item in list {
        if let Some(node::Node::ColumnDef(definition)) = &item.node {
            building.column(catalog, definition);
        }
    }
    building.columns.into_iter().map(|defined| defined.column).collect()
}
