//! Indexes: made by themselves, behind constraints, and on every partition of a partitioned table.

use super::constraint::quoted_list;
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Index, Relation, RelationKind, ReplicaIdentity,
    expression, names, type_name,
};
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::protobuf::{self, IndexElem, IndexStmt, Node, SortByDir, SortByNulls, node};

/// What an index is made of, apart from its name and table.
#[derive(Clone, PartialEq)]
pub(super) struct Shape {
    method: String,
    keys: Vec<Key>,
    include: Vec<String>,
    predicate: Option<String>,
    predicate_columns: Vec<String>,
    unique: bool,
    nulls_not_distinct: bool,
    options: String,
}

#[derive(Clone, PartialEq)]
struct Key {
    /// `None` for an expression.
    column: Option<String>,
    /// Columns that the key reads.
    reads: Vec<String>,
    /// As in `pg_get_indexdef`: column or expression, collation, operator class, order.
    text: String,
    /// What the server calls the column of the index.
    label: String,
}

impl Shape {
    pub(super) fn of_statement(statement: &IndexStmt) -> Self {
        let labels = names::index_columns(&statement.index_params, &[]);
        let predicate = statement.where_clause.as_deref();
        Self {
            method: method(&statement.access_method),
            keys: keys(elements(&statement.index_params), &labels),
            include: elements(&statement.index_including_params)
                .map(|element| element.name.clone())
                .collect(),
            predicate: predicate.map(deparse::expression),
            predicate_columns: predicate.map(expression::column_names).unwrap_or_default(),
            unique: statement.unique,
            nulls_not_distinct: statement.nulls_not_distinct,
            options: options(&statement.options),
        }
    }

    pub(super) fn of_clause(
        kind: ConstraintKind,
        clause: &protobuf::Constraint,
        columns: &[String],
    ) -> Self {
        let predicate = clause.where_clause.as_deref();
        let keys = if kind == ConstraintKind::Exclude {
            keys(names::exclusion_elements(clause).into_iter(), &names::exclusion_columns(clause))
        } else {
            columns.iter().map(|column| Key::of_column(column)).collect()
        };
        Self {
            method: method(&clause.access_method),
            keys,
            include: names::key_columns(&clause.including, None),
            predicate: predicate.map(deparse::expression),
            predicate_columns: predicate.map(expression::column_names).unwrap_or_default(),
            unique: kind != ConstraintKind::Exclude,
            nulls_not_distinct: clause.nulls_not_distinct,
            options: options(&clause.options),
        }
    }

    /// Of an index that exists, from its definition.
    pub(super) fn of_index(index: &Index) -> Option<Self> {
        let parsed = crate::sql::grammar::parse(&index.definition).ok()?;
        match parsed.stmts.first()?.stmt.as_ref()?.node.as_ref()? {
            node::Node::IndexStmt(statement) => Some(Self::of_statement(statement)),
            _ => None,
        }
    }

    /// Names of the columns of the index, for the name that the server makes from them.
    fn labels(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.label.clone()).chain(self.include.iter().cloned()).collect()
    }

    fn definition(&self, name: &str, table: &QualifiedName, kind: RelationKind) -> String {
        let keys: Vec<&str> = self.keys.iter().map(|key| key.text.as_str()).collect();
        let mut text = format!(
            "CREATE {}INDEX {} ON {}{} USING {} ({})",
            if self.unique { "UNIQUE " } else { "" },
            quote_ident(name),
            if kind == RelationKind::PartitionedTable { "ONLY " } else { "" },
            table,
            self.method,
            keys.join(", ")
        );
        if !self.include.is_empty() {
            text.push_str(&format!(" INCLUDE ({})", quoted_list(&self.include)));
        }
        if self.nulls_not_distinct {
            text.push_str(" NULLS NOT DISTINCT");
        }
        if !self.options.is_empty() {
            text.push_str(&format!(" WITH ({})", self.options));
        }
        if let Some(predicate) = &self.predicate {
            text.push_str(&format!(" WHERE ({predicate})"));
        }
        text
    }

    fn index(&self, name: String, table: &Relation) -> Index {
        let reads = |name: &String| {
            self.keys.iter().any(|key| key.reads.contains(name))
                || self.include.contains(name)
                || self.predicate_columns.contains(name)
        };
        Index {
            definition: self.definition(&name, &table.name, table.kind),
            name,
            method: self.method.clone(),
            keys: self.keys.iter().map(|key| key.column.clone()).collect(),
            include: self.include.clone(),
            columns: table.columns.iter().map(|c| c.name.clone()).filter(reads).collect(),
            predicate: self.predicate.clone(),
            has_expressions: self.keys.iter().any(|key| key.column.is_none()),
            unique: self.unique,
            primary: false,
            valid: true,
            ready: true,
            is_replica_identity: false,
            is_clustered: false,
            constraint: None,
            parent: None,
            bytes: 0,
            comment: None,
            statistics_targets: Vec::new(),
        }
    }
}

impl Key {
    fn of_column(column: &str) -> Self {
        Self {
            column: Some(column.to_owned()),
            reads: vec![column.to_owned()],
            text: quote_ident(column),
            label: column.to_owned(),
        }
    }
}

fn method(written: &str) -> String {
    if written.is_empty() { "btree".to_owned() } else { written.to_owned() }
}

fn elements(list: &[Node]) -> impl Iterator<Item = &IndexElem> {
    list.iter().filter_map(|item| match &item.node {
        Some(node::Node::IndexElem(element)) => Some(element.as_ref()),
        _ => None,
    })
}

fn keys<'a>(elements: impl Iterator<Item = &'a IndexElem>, labels: &[String]) -> Vec<Key> {
    elements
        .zip(labels)
        .map(|(element, label)| {
            let (column, reads) = match element.expr.as_deref() {
                None => (Some(element.name.clone()), vec![element.name.clone()]),
                Some(expression) => (None, expression::column_names(expression)),
            };
            Key { column, reads, text: key_text(element), label: label.clone() }
        })
        .collect()
}

fn key_text(element: &IndexElem) -> String {
    let mut text = match element.expr.as_deref() {
        None => quote_ident(&element.name),
        Some(expression) => {
            let text = deparse::expression(expression);
            let is_call = matches!(expression.node, Some(node::Node::FuncCall(_)));
            if is_call { text } else { format!("({text})") }
        }
    };
    for (word, name) in [(" COLLATE", &element.collation), ("", &element.opclass)] {
        let name: Vec<String> =
            type_name::strings(name).iter().map(|part| quote_ident(part)).collect();
        if !name.is_empty() {
            text.push_str(&format!("{word} {}", name.join(".")));
        }
    }
    let descending = element.ordering() == SortByDir::SortbyDesc;
    if descending {
        text.push_str(" DESC");
    }
    match element.nulls_ordering() {
        SortByNulls::SortbyNullsFirst if !descending => text.push_str(" NULLS FIRST"),
        SortByNulls::SortbyNullsLast if descending => text.push_str(" NULLS LAST"),
        SortByNulls::SortbyNullsFirst
        | SortByNulls::SortbyNullsLast
        | SortByNulls::SortbyNullsDefault
        | SortByNulls::Undefined => {}
    }
    text
}

/// Storage parameters as `pg_get_indexdef` prints them.
fn options(list: &[Node]) -> String {
    super::alter_table::options(list)
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => format!("{name}='{value}'"),
            None => option.clone(),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn create(catalog: &mut Catalog, statement: &IndexStmt) {
    let Some(table) = catalog.target(statement.relation.as_ref()) else { return };
    let name = names::index_name(catalog, &table, statement);
    if statement.if_not_exists && catalog.name_is_taken(&table.sibling(&name)) {
        return;
    }
    let below = statement.relation.as_ref().is_none_or(|range| range.inh);
    build(catalog, &table, name, &Shape::of_statement(statement), None, None, below);
}

/// Puts an index on `table` and, when it is partitioned and `below` says so, one on each partition.
/// `kind` tells of which kind of constraint it is part.
pub(super) fn build(
    catalog: &mut Catalog,
    table: &QualifiedName,
    name: String,
    shape: &Shape,
    kind: Option<ConstraintKind>,
    parent: Option<&QualifiedName>,
    below: bool,
) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    let partitioned = relation.kind == RelationKind::PartitionedTable;
    let mut index = shape.index(name.clone(), relation);
    index.primary = kind == Some(ConstraintKind::PrimaryKey);
    index.constraint = kind.map(|_| name.clone());
    index.parent = parent.cloned();
    // `ON ONLY` gives an index that becomes valid when every partition has one attached to it.
    index.valid = below || !partitioned || relation.children.is_empty();
    relation.indexes.push(index);
    relation.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    if partitioned && below {
        for partition in relation.children.clone() {
            build_on_partition(catalog, &partition, &table.sibling(&name), shape, kind);
        }
    }
}

/// The index of a partition that belongs to `parent`: one that fits and is there, or a new one.
pub(super) fn build_on_partition(
    catalog: &mut Catalog,
    partition: &QualifiedName,
    parent: &QualifiedName,
    shape: &Shape,
    kind: Option<ConstraintKind>,
) {
    let Some(relation) = catalog.relations.get_mut(partition) else { return };
    if relation.indexes.iter().any(|index| index.parent.as_ref() == Some(parent)) {
        return;
    }
    let fitting = relation.indexes.iter_mut().find(|index| {
        index.parent.is_none()
            && index.valid
            && (kind.is_none() || index.constraint.is_some())
            && Shape::of_index(index).is_some_and(|known| known.fits(shape))
    });
    if let Some(index) = fitting {
        index.parent = Some(parent.clone());
        let (constraint, own) = (index.constraint.clone(), partition.sibling(&index.name));
        for known in &mut relation.constraints {
            known.inherited |= kind.is_some() && Some(&known.name) == constraint.as_ref();
        }
        for below in relation.children.clone() {
            build_on_partition(catalog, &below, &own, shape, kind);
        }
        return;
    }
    let name = names::chosen_index_name(catalog, partition, &shape.labels(), kind);
    if let Some(kind) = kind {
        inherit_key(catalog, partition, parent, &name, kind);
    }
    build(catalog, partition, name, shape, kind, Some(parent), true);
}

impl Shape {
    fn fits(&self, other: &Self) -> bool {
        Self { options: String::new(), ..self.clone() }
            == Self { options: String::new(), ..other.clone() }
    }
}

/// The constraint of a partition that stands for the one behind index `parent`.
fn inherit_key(
    catalog: &mut Catalog,
    partition: &QualifiedName,
    parent: &QualifiedName,
    name: &str,
    kind: ConstraintKind,
) {
    let above = catalog
        .relations
        .values()
        .filter(|relation| relation.name.schema == parent.schema)
        .flat_map(|relation| &relation.constraints)
        .find(|known| known.kind == kind && known.index.as_ref() == Some(&parent.name))
        .cloned();
    if let (Some(above), Some(relation)) = (above, catalog.relations.get_mut(partition)) {
        relation.constraints.push(Constraint {
            name: name.to_owned(),
            index: Some(name.to_owned()),
            comment: None,
            inherited: true,
            ..above
        });
        relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// `ADD CONSTRAINT … USING INDEX`: the index takes the name of the constraint. Gives its columns.
pub(super) fn adopt(
    catalog: &mut Catalog,
    table: &QualifiedName,
    index: &str,
    constraint: &str,
    kind: ConstraintKind,
) -> Vec<String> {
    rename(catalog, table, index, constraint);
    let found = catalog
        .relations
        .get_mut(table)
        .and_then(|relation| relation.indexes.iter_mut().find(|known| known.name == constraint));
    let Some(index) = found else { return Vec::new() };
    index.constraint = Some(constraint.to_owned());
    index.primary = kind == ConstraintKind::PrimaryKey;
    index.keys.iter().flatten().cloned().collect()
}

/// Gives an index another name, wherever it is mentioned, its constraint included.
pub(super) fn rename(catalog: &mut Catalog, table: &QualifiedName, from: &str, to: &str) {
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    for index in relation.indexes.iter_mut().filter(|index| index.name == from) {
        index.name = to.to_owned();
        if let Some(shape) = Shape::of_index(index) {
            index.definition = shape.definition(to, table, relation.kind);
        }
        if index.constraint.is_some() {
            index.constraint = Some(to.to_owned());
        }
    }
    relation.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    for constraint in &mut relation.constraints {
        let is_key = matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclude
        );
        if is_key && constraint.index.as_deref() == Some(from) {
            constraint.name = to.to_owned();
        }
    }
    relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    if relation.replica_identity == ReplicaIdentity::Index(from.to_owned()) {
        relation.replica_identity = ReplicaIdentity::Index(to.to_owned());
    }
    let (old, new) = (table.sibling(from), table.sibling(to));
    for relation in catalog.relations.values_mut() {
        for index in relation.indexes.iter_mut().filter(|i| i.parent.as_ref() == Some(&old)) {
            index.parent = Some(new.clone());
        }
        let own = relation.name == *table;
        for constraint in &mut relation.constraints {
            let leans = own || constraint.references.as_ref() == Some(table);
            if leans && constraint.index.as_deref() == Some(from) {
                constraint.index = Some(to.to_owned());
            }
        }
    }
}

/// Writes the definitions of a table's indexes anew, after the table got another name.
pub(super) fn redefine(relation: &mut Relation) {
    for index in &mut relation.indexes {
        if let Some(shape) = Shape::of_index(index) {
            index.definition = shape.definition(&index.name, &relation.name, relation.kind);
        }
    }
}

/// An index that `CREATE TABLE … (LIKE … INCLUDING INDEXES)` copies.
pub(super) struct TakenOver {
    shape: Shape,
    constraint: Option<Constraint>,
    comment: Option<String>,
}

/// The indexes of `source`, with the constraints that they stand behind.
pub(super) fn taken_over(source: &Relation, with_comments: bool) -> Vec<TakenOver> {
    let of = |index: &Index| {
        let behind = |constraint: &&Constraint| {
            constraint.index.as_ref() == Some(&index.name)
                && constraint.kind != ConstraintKind::ForeignKey
        };
        let constraint = source.constraints.iter().find(behind).cloned();
        let comment = index.comment.clone().filter(|_| with_comments);
        Some(TakenOver { shape: Shape::of_index(index)?, constraint, comment })
    };
    source.indexes.iter().filter_map(of).collect()
}

/// Puts a copied index on `table`, under a name that the server would choose.
pub(super) fn put(catalog: &mut Catalog, table: &QualifiedName, taken: TakenOver) {
    let kind = taken.constraint.as_ref().map(|constraint| constraint.kind);
    let name = names::chosen_index_name(catalog, table, &taken.shape.labels(), kind);
    build(catalog, table, name.clone(), &taken.shape, kind, None, true);
    let Some(relation) = catalog.relations.get_mut(table) else { return };
    for index in relation.indexes.iter_mut().filter(|index| index.name == name) {
        index.comment.clone_from(&taken.comment);
    }
    if let Some(constraint) = taken.constraint {
        if constraint.kind == ConstraintKind::PrimaryKey {
            for column in &mut relation.columns {
                column.not_null |= constraint.columns.contains(&column.name);
            }
        }
        relation.constraints.push(Constraint {
            name: name.clone(),
            index: Some(name),
            inherited: false,
            comment: None,
            ..constraint
        });
        relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    }
}
