//! What a query refers to: relations, and the columns of each.

use crate::catalog::{Catalog, RelationKind, expression};
use crate::sql::QualifiedName;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Relations that `tree` (a serialized parse tree) reads or writes, with the columns of each,
/// sorted. `own` is the relation whose columns stand outside any `FROM`: the table of a policy.
///
/// Names are looked up scope by scope, as the server does; what a name in a subquery of unknown
/// columns means is not told.
pub(super) fn relations_read(
    tree: &Value,
    catalog: &Catalog,
    own: Option<&QualifiedName>,
) -> BTreeMap<QualifiedName, Vec<String>> {
    let outermost =
        own.map(|name| Source { alias: name.name.clone(), relation: Some(name.clone()) });
    let mut reader = Reader {
        catalog,
        scopes: vec![outermost.into_iter().collect()],
        common: Vec::new(),
        found: BTreeMap::new(),
    };
    reader.visit(tree);
    reader.found.into_iter().map(|(name, columns)| (name, columns.into_iter().collect())).collect()
}

/// Something in a `FROM` list. Subqueries, functions and common table expressions are no relation.
struct Source {
    alias: String,
    relation: Option<QualifiedName>,
}

struct Reader<'a> {
    catalog: &'a Catalog,
    /// Innermost last.
    scopes: Vec<Vec<Source>>,
    /// Names of common table expressions.
    common: Vec<String>,
    found: BTreeMap<QualifiedName, BTreeSet<String>>,
}

impl Reader<'_> {
    fn visit(&mut self, tree: &Value) {
        match tree {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("ColumnRef") {
                    self.column(&reference["fields"]);
                }
                if is_statement(fields) {
                    self.statement(fields);
                } else {
                    fields.values().for_each(|value| self.visit(value));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn statement(&mut self, fields: &Map<String, Value>) {
        let known = self.common.len();
        expression::walk_json(&fields["with_clause"], &mut |kind, node| {
            if kind == "CommonTableExpr" {
                self.common.extend(node["ctename"].as_str().map(str::to_owned));
            }
        });
        let mut scope = Vec::new();
        let target = fields.get("relation").filter(|range| range.is_object());
        if let Some(range) = target {
            self.range(range, &mut scope);
            self.written(fields, scope.first());
        }
        for list in ["from_clause", "using_clause"] {
            if let Some(list) = fields.get(list) {
                self.sources(list, &mut scope);
            }
        }
        self.scopes.push(scope);
        fields.values().for_each(|value| self.visit(value));
        self.scopes.pop();
        self.common.truncate(known);
    }

    /// Columns that an `INSERT` or `UPDATE` sets.
    fn written(&mut self, fields: &Map<String, Value>, target: Option<&Source>) {
        let Some(relation) = target.and_then(|source| source.relation.clone()) else { return };
        let list = fields.get("cols").or_else(|| fields.get("target_list"));
        for item in list.and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = item["node"]["ResTarget"]["name"].as_str() {
                self.mention(&relation, name);
            }
        }
    }

    fn range(&mut self, range: &Value, scope: &mut Vec<Source>) {
        let schema = range["schemaname"].as_str().filter(|schema| !schema.is_empty());
        let name = range["relname"].as_str().unwrap_or_default();
        let alias = range["alias"]["aliasname"].as_str().unwrap_or(name).to_owned();
        let is_common = schema.is_none() && self.common.iter().any(|common| common == name);
        let found = self.catalog.resolve(schema, name).filter(|_| !is_common);
        let relation = found.map(|relation| relation.name.clone());
        if let Some(relation) = &relation {
            self.found.entry(relation.clone()).or_default();
        }
        scope.push(Source { alias, relation });
    }

    fn sources(&mut self, tree: &Value, scope: &mut Vec<Source>) {
        match tree {
            Value::Array(items) => items.iter().for_each(|item| self.sources(item, scope)),
            Value::Object(fields) => {
                for (kind, node) in fields {
                    match kind.as_str() {
                        "RangeVar" => self.range(node, scope),
                        "RangeSubselect" | "RangeFunction" => {
                            let alias = node["alias"]["aliasname"].as_str().unwrap_or_default();
                            scope.push(Source { alias: alias.to_owned(), relation: None });
                        }
                        "node" | "JoinExpr" | "larg" | "rarg" => self.sources(node, scope),
                        _ => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn column(&mut self, fields: &Value) {
        let star = fields
            .as_array()
            .is_some_and(|fields| fields.iter().any(|field| !field["node"]["AStar"].is_null()));
        let mut names = expression::strings(fields);
        let column = if star { None } else { names.pop() };
        let qualifier = names.pop();
        let Some(meant) = self.meant(qualifier.as_deref(), column.as_deref()) else { return };
        for relation in meant {
            match &column {
                Some(column) => self.mention(&relation, column),
                None => {
                    let all = self.catalog.relation(&relation).map(|relation| &relation.columns);
                    let all: Vec<String> =
                        all.into_iter().flatten().map(|column| column.name.clone()).collect();
                    all.iter().for_each(|column| self.mention(&relation, column));
                }
            }
        }
    }

    /// The relations that a reference is about: one, but for an unqualified `*`.
    fn meant(&self, qualifier: Option<&str>, column: Option<&str>) -> Option<Vec<QualifiedName>> {
        let has = |relation: &QualifiedName| {
            let relation = self.catalog.relation(relation);
            column.is_none_or(|name| relation.is_some_and(|r| r.column(name).is_some()))
        };
        for scope in self.scopes.iter().rev() {
            if let Some(qualifier) = qualifier {
                if let Some(source) = scope.iter().find(|source| source.alias == qualifier) {
                    return source.relation.clone().filter(has).map(|relation| vec![relation]);
                }
                continue;
            }
            let mut relations: Vec<QualifiedName> =
                scope.iter().filter_map(|source| source.relation.clone()).filter(has).collect();
            if column.is_some() {
                relations.truncate(1);
            }
            if !relations.is_empty() || column.is_none() {
                return Some(relations);
            }
        }
        None
    }

    fn mention(&mut self, relation: &QualifiedName, column: &str) {
        let Some(known) = self.catalog.relation(relation) else { return };
        if known.kind != RelationKind::Sequence && known.column(column).is_some() {
            self.found.entry(relation.clone()).or_default().insert(column.to_owned());
        }
    }
}

/// Whether these are the fields of a query or of a statement that changes rows.
fn is_statement(fields: &Map<String, Value>) -> bool {
    fields.contains_key("with_clause")
}

/// Sequences that an expression names in `nextval` and its kin.
pub(super) fn sequences_named(tree: &Value, catalog: &Catalog) -> Vec<QualifiedName> {
    let mut found = Vec::new();
    expression::walk_json(tree, &mut |kind, node| {
        if kind != "FuncCall" {
            return;
        }
        let function = expression::strings(&node["funcname"]).pop().unwrap_or_default();
        if matches!(function.as_str(), "nextval" | "currval" | "setval") {
            found.extend(literal(&node["args"][0]).and_then(|text| named(&text, catalog)));
        }
    });
    found
}

/// The text of a literal, with or without a cast.
fn literal(node: &Value) -> Option<String> {
    let mut text = None;
    expression::walk_json(node, &mut |kind, node| {
        if kind == "AConst" {
            text = node["val"]["Sval"]["sval"].as_str().map(str::to_owned);
        }
    });
    text
}

/// The sequence that the text of a `regclass` literal means.
fn named(text: &str, catalog: &Catalog) -> Option<QualifiedName> {
    let parsed = crate::sql::grammar::parse(&format!("TABLE {text}")).ok()?;
    let tree = serde_json::to_value(&parsed).ok()?;
    let mut found = None;
    expression::walk_json(&tree, &mut |kind, node| {
        if kind == "RangeVar" {
            let schema = node["schemaname"].as_str().filter(|schema| !schema.is_empty());
            let name = node["relname"].as_str().unwrap_or_default();
            found = catalog.resolve(schema, name).map(|relation| relation.name.clone());
        }
    });
    found
}
