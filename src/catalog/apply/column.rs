//! A column definition into a column and the constraints that stand at it.

use super::reference;
use crate::catalog::type_name::{default_storage, serial_type, strings, type_name, user_type};
use crate::catalog::{
    Catalog, Column, Dependant, DependantKind, Generated, Identity, RelationKind, names, volatility,
};
use crate::sql::parse::parse_expression;
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, Node, TypeName, node};

/// A column as its definition gives it.
pub(super) struct Defined {
    pub(super) column: Column,
    /// Clauses that make constraints, with the attributes (`DEFERRABLE`, …) that follow them.
    pub(super) clauses: Vec<Constraint>,
    /// `serial` or identity: the column gets a sequence.
    sequence: Option<SequenceFor>,
    /// Other columns that a generation expression reads, sequences that a default calls.
    default: Option<Node>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum SequenceFor {
    Serial,
    Identity,
}

/// Reads a column definition. The sequence that it may need is made by [`finish`].
pub(super) fn define(catalog: &Catalog, definition: &ColumnDef, position: i16) -> Defined {
    let mut defined = Defined {
        column: Column { name: definition.colname.clone(), position, ..Column::default() },
        clauses: Vec::new(),
        sequence: None,
        default: None,
    };
    let column = &mut defined.column;
    if let Some(written) = &definition.type_name {
        if let Some(serial) = serial_type(written) {
            column.type_name = serial.to_owned();
            column.not_null = true;
            defined.sequence = Some(SequenceFor::Serial);
        } else {
            set_type(catalog, column, written);
        }
    }
    if let Some(collation) = &definition.coll_clause {
        column.collation = collation_name(&collation.collname);
    }
    if !definition.compression.is_empty() && definition.compression != "default" {
        column.compression = Some(definition.compression.clone());
    }
    set_storage(catalog, column, &definition.storage_name);
    for item in &definition.constraints {
        if let Some(node::Node::Constraint(clause)) = &item.node {
            defined.clause(catalog, clause);
        }
    }
    // A serial column is NOT NULL without saying so.
    let says_so = |clause: &Constraint| clause.contype() == ConstrType::ConstrNotnull;
    if defined.sequence == Some(SequenceFor::Serial) && !defined.clauses.iter().any(says_so) {
        defined.clauses.push(not_null_clause(&defined.column.name));
    }
    defined
}

impl Defined {
    /// A column copied from another table. Its identity needs a sequence of its own when
    /// `own_sequence` says so.
    pub(super) fn taken_over(column: Column, own_sequence: bool) -> Self {
        let expression = column.generated.as_ref().map(|generated| &generated.expression);
        let text = expression.or(column.default.as_ref());
        Self {
            default: text.and_then(|text| parse_expression(text).ok()),
            sequence: (own_sequence && column.identity.is_some()).then_some(SequenceFor::Identity),
            clauses: Vec::new(),
            column,
        }
    }

    /// Takes over what another definition of the same column adds.
    pub(super) fn merge(&mut self, other: Self) {
        let column = other.column;
        self.column.not_null |= column.not_null;
        if column.default.is_some() || column.generated.is_some() {
            self.column.default = column.default;
            self.column.default_is_volatile = column.default_is_volatile;
            self.column.generated = column.generated;
            self.default = other.default;
        }
        if column.identity.is_some() {
            self.column.identity = column.identity;
            self.sequence = other.sequence;
        }
        self.column.storage = column.storage.or(self.column.storage);
        self.column.compression = column.compression.or(self.column.compression.take());
    }

    fn clause(&mut self, catalog: &Catalog, clause: &Constraint) {
        let expression = clause.raw_expr.as_deref();
        match clause.contype() {
            ConstrType::ConstrDefault => {
                set_default(catalog, &mut self.column, expression);
                self.default = expression.cloned();
            }
            ConstrType::ConstrGenerated => {
                self.column.generated = expression.map(|expression| Generated {
                    expression: deparse::expression(expression),
                    stored: clause.generated_kind != "v",
                });
                self.default = expression.cloned();
            }
            ConstrType::ConstrIdentity => {
                self.column.identity = Some(identity(&clause.generated_when));
                self.column.not_null = true;
                self.sequence = Some(SequenceFor::Identity);
                self.clauses.push(not_null_clause(&self.column.name));
            }
            ConstrType::ConstrNotnull => {
                self.column.not_null = true;
                // The identity of the column has brought one already.
                self.clauses.retain(|known| known.contype() != ConstrType::ConstrNotnull);
                self.clauses.push(clause.clone());
            }
            ConstrType::ConstrCheck
            | ConstrType::ConstrPrimary
            | ConstrType::ConstrUnique
            | ConstrType::ConstrExclusion
            | ConstrType::ConstrForeign => self.clauses.push(clause.clone()),
            ConstrType::ConstrAttrDeferrable => {
                self.last(|clause| clause.deferrable = true);
            }
            ConstrType::ConstrAttrDeferred => self.last(|clause| {
                clause.deferrable = true;
                clause.initdeferred = true;
            }),
            ConstrType::ConstrAttrNotEnforced => {
                self.last(|clause| clause.is_enforced = false);
            }
            ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrNull
            | ConstrType::Undefined => {}
        }
    }

    fn last(&mut self, change: impl FnOnce(&mut Constraint)) {
        if let Some(clause) = self.clauses.last_mut() {
            change(clause);
        }
    }
}

/// After the column stands in its table: makes the sequence, and records what hangs on what.
pub(super) fn finish(catalog: &mut Catalog, table: &QualifiedName, defined: &Defined) {
    let name = &defined.column.name;
    if let Some(kind) = defined.sequence {
        let sequence = make_sequence(catalog, table, name, kind);
        if kind == SequenceFor::Serial {
            let default =
                format!("nextval({}::regclass)", crate::sql::quote_literal(&sequence.to_string()));
            if let Some(column) = column_mut(catalog, table, name) {
                column.default = Some(default);
                column.default_is_volatile = true;
            }
            default_uses(catalog, table, name, &sequence);
        }
    }
    if let Some(expression) = &defined.default {
        record_expression(catalog, table, name, expression);
    }
}

/// The sequence of a `serial` or identity column, owned by it.
pub(super) fn make_sequence(
    catalog: &mut Catalog,
    table: &QualifiedName,
    column: &str,
    kind: SequenceFor,
) -> QualifiedName {
    let name = table.sibling(names::sequence_name(catalog, table, column));
    let mut sequence = catalog.new_relation(&name, RelationKind::Sequence);
    sequence.owned_by = Some((table.clone(), column.to_owned()));
    sequence.of_identity = kind == SequenceFor::Identity;
    if let Some(table) = catalog.relation(table) {
        sequence.owner.clone_from(&table.owner);
        sequence.owned_by_us = table.owned_by_us;
    }
    catalog.relations.insert(name.clone(), sequence);
    own_sequence(catalog, &name, table, column);
    name
}

/// Says on the table that its column owns a sequence.
pub(super) fn own_sequence(
    catalog: &mut Catalog,
    sequence: &QualifiedName,
    table: &QualifiedName,
    column: &str,
) {
    let dependant = Dependant {
        kind: DependantKind::Sequence,
        name: sequence.to_string(),
        relation: Some(sequence.clone()),
        columns: vec![column.to_owned()],
    };
    catalog.add_dependant(table, dependant);
}

/// What the default or generation expression of a column hangs on.
pub(super) fn record_expression(
    catalog: &mut Catalog,
    table: &QualifiedName,
    column: &str,
    expression: &Node,
) {
    let Ok(tree) = serde_json::to_value(expression) else { return };
    for sequence in reference::sequences_named(&tree, catalog) {
        default_uses(catalog, table, column, &sequence);
    }
    let Some(relation) = catalog.relation(table) else { return };
    if relation.column(column).is_none_or(|column| column.generated.is_none()) {
        return;
    }
    let mut columns = names::check_columns(relation, Some(expression));
    columns.sort();
    let dependant = Dependant {
        kind: DependantKind::GeneratedColumn,
        name: format!("column {table}.{}", quote_ident(column)),
        relation: Some(table.clone()),
        columns,
    };
    catalog.add_dependant(table, dependant);
}

fn default_uses(
    catalog: &mut Catalog,
    table: &QualifiedName,
    column: &str,
    sequence: &QualifiedName,
) {
    let dependant = Dependant {
        kind: DependantKind::ColumnDefault,
        name: default_name(table, column),
        relation: Some(table.clone()),
        columns: Vec::new(),
    };
    catalog.add_dependant(sequence, dependant);
}

/// What a dependant that is a column's default is called.
pub(super) fn default_name(table: &QualifiedName, column: &str) -> String {
    format!("default of {table}.{}", quote_ident(column))
}

pub(super) fn column_mut<'a>(
    catalog: &'a mut Catalog,
    table: &QualifiedName,
    name: &str,
) -> Option<&'a mut Column> {
    catalog.relations.get_mut(table)?.columns.iter_mut().find(|column| column.name == name)
}

pub(super) fn set_type(catalog: &Catalog, column: &mut Column, written: &TypeName) {
    column.type_name = type_name(written, catalog);
    column.user_type = user_type(written, catalog);
}

pub(super) fn set_default(catalog: &Catalog, column: &mut Column, expression: Option<&Node>) {
    // The server keeps no default that is a plain NULL, unless it has to coerce it to a length.
    let kept = expression.filter(|node| !is_null(node) || column.type_name.contains('('));
    column.default = kept.map(deparse::expression);
    column.default_is_volatile = kept.is_some_and(|node| volatility::is_volatile(node, catalog));
}

fn is_null(expression: &Node) -> bool {
    match &expression.node {
        Some(node::Node::AConst(constant)) => constant.isnull,
        Some(node::Node::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_null),
        _ => false,
    }
}

pub(super) fn set_storage(catalog: &Catalog, column: &mut Column, word: &str) {
    let own = default_storage(&column.type_name, catalog);
    let letter = match word.to_ascii_lowercase().as_str() {
        "plain" => 'p',
        "external" => 'e',
        "main" => 'm',
        "extended" => 'x',
        _ => own,
    };
    column.storage = (letter != own).then_some(letter);
}

pub(super) fn identity(letter: &str) -> Identity {
    if letter == "d" { Identity::ByDefault } else { Identity::Always }
}

/// `COLLATE "default"` is the collation of the type itself. A name without schema is taken for one
/// of the server's own collations: those of other schemas are not in the catalog.
pub(super) fn collation_name(names: &[Node]) -> Option<QualifiedName> {
    match strings(names).as_slice() {
        [.., schema, name] => Some(QualifiedName::new(schema, name)),
        [name] => Some(QualifiedName::new("pg_catalog", name)),
        [] => None,
    }
    .filter(|name| *name != QualifiedName::new("pg_catalog", "default"))
}

/// `NOT NULL column`, as a clause at table level.
pub(super) fn not_null_clause(column: &str) -> Constraint {
    let key = node::Node::String(pg_query::protobuf::String { sval: column.to_owned() });
    Constraint {
        contype: ConstrType::ConstrNotnull as i32,
        keys: vec![Node { node: Some(key) }],
        initially_valid: true,
        is_enforced: true,
        ..Constraint::default()
    }
}
