//! A definition that the server printed, with other columns put in the place of some.
//!
//! Works on the parse tree, never on text: a string or a function that happens to be called like
//! the column stays what it is.

use super::add_unique::range_of;
use crate::sql::walk_mut::{Met, walk_mut};
use crate::sql::{QualifiedName, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, Constraint, CreateStatsStmt, IndexElem, IndexStmt, Node};

/// Which column stands for which other one.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns(Vec<(String, String)>);

impl Columns {
    pub fn new<S: Into<String>, T: Into<String>>(pairs: impl IntoIterator<Item = (S, T)>) -> Self {
        Self(pairs.into_iter().map(|(from, to)| (from.into(), to.into())).collect())
    }

    /// The column that stands for `from`.
    pub fn get(&self, from: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == from).map(|(_, to)| to.as_str())
    }

    /// Whether one of `columns` is replaced.
    pub fn touch(&self, columns: &[String]) -> bool {
        columns.iter().any(|column| self.get(column).is_some())
    }

    /// The new columns, for sentences.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(_, to)| to.as_str()).collect()
    }

    fn put(&self, name: &mut String) {
        if let Some(to) = self.get(name) {
            to.clone_into(name);
        }
    }
}

/// `CREATE INDEX …` for other columns, without its name. `None` when it cannot be read.
pub(super) fn index(definition: &str, columns: &Columns) -> Option<IndexStmt> {
    let mut node = parse(definition)?;
    let NodeEnum::IndexStmt(index) = &mut node else { return None };
    for part in index.index_params.iter_mut().chain(index.index_including_params.iter_mut()) {
        let Some(NodeEnum::IndexElem(elem)) = part.node.as_mut() else { return None };
        replace_in_elem(elem, columns);
    }
    if let Some(condition) = index.where_clause.as_deref_mut() {
        replace(condition, columns);
    }
    Some((**index).clone())
}

fn replace_in_elem(elem: &mut IndexElem, columns: &Columns) {
    columns.put(&mut elem.name);
    // A printed definition never names the index's own columns, but be exact.
    elem.indexcolname.clear();
    if let Some(expression) = elem.expr.as_deref_mut() {
        replace(expression, columns);
    }
}

/// A constraint as `pg_get_constraintdef` prints it, for other columns, as a parse node.
pub(super) fn constraint(definition: &str, columns: &Columns) -> Option<Constraint> {
    let node = parse(&format!("ALTER TABLE t ADD {definition}"))?;
    let NodeEnum::AlterTableStmt(alter) = node else { return None };
    let command = alter.cmds.into_iter().next()?.node?;
    let NodeEnum::AlterTableCmd(command) = command else { return None };
    let AlterTableCmd { def: Some(def), .. } = *command else { return None };
    let Some(NodeEnum::Constraint(mut constraint)) = def.node else { return None };
    if let Some(expression) = constraint.raw_expr.as_deref_mut() {
        replace(expression, columns);
    }
    for names in [
        &mut constraint.keys,
        &mut constraint.including,
        &mut constraint.fk_attrs,
        &mut constraint.fk_del_set_cols,
    ] {
        replace_names(names, columns);
    }
    Some(*constraint)
}

/// The same for the columns that a foreign key points to.
pub(super) fn referenced(constraint: &mut Constraint, columns: &Columns) {
    replace_names(&mut constraint.pk_attrs, columns);
}

fn replace_names(names: &mut [Node], columns: &Columns) {
    for name in names {
        if let Some(NodeEnum::String(string)) = name.node.as_mut() {
            columns.put(&mut string.sval);
        }
    }
}

/// `CREATE STATISTICS` for other columns under another name.
pub(super) fn statistics(
    definition: &str,
    name: &QualifiedName,
    relation: &QualifiedName,
    columns: &Columns,
) -> Option<String> {
    let mut node = parse(definition)?;
    let NodeEnum::CreateStatsStmt(statistics) = &mut node else { return None };
    let CreateStatsStmt { defnames, exprs, relations, .. } = statistics;
    *defnames = [&name.schema, &name.name]
        .into_iter()
        .map(|part| Node {
            node: Some(NodeEnum::String(pg_query::protobuf::String { sval: part.clone() })),
        })
        .collect();
    *relations = vec![Node { node: Some(NodeEnum::RangeVar(range_of(relation))) }];
    for expression in exprs {
        let Some(NodeEnum::StatsElem(elem)) = expression.node.as_mut() else { return None };
        columns.put(&mut elem.name);
        if let Some(inner) = elem.expr.as_deref_mut() {
            replace(inner, columns);
        }
    }
    Some(deparse::statement(&node))
}

fn parse(sql: &str) -> Option<NodeEnum> {
    let parsed = crate::sql::grammar::parse(sql).ok()?;
    parsed.stmts.into_iter().next()?.stmt?.node
}

/// Replaces every reference to one of `columns` in an expression. Sub-selects are left alone: what a
/// name means there is not told by the name.
fn replace(node: &mut Node, columns: &Columns) {
    let Some(root) = node.node.as_mut() else { return };
    walk_mut(root, |met| {
        if let Met::Node(NodeEnum::ColumnRef(reference)) = met
            && let Some(Node { node: Some(NodeEnum::String(last)) }) = reference.fields.last_mut()
        {
            columns.put(&mut last.sval);
        }
        !matches!(met, Met::Select(_) | Met::Node(NodeEnum::SelectStmt(_)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_replaced_and_nothing_else() {
        let found = index(
            "CREATE INDEX i ON public.t USING btree (lower(a) COLLATE \"C\" DESC, a text_pattern_ops) INCLUDE (a) WHERE ((a IS NOT NULL) AND (b <> 'a'::text))",
            &Columns::new([("a", "B b")]),
        )
        .unwrap();
        let sql = deparse::statement(&NodeEnum::IndexStmt(Box::new(found)));
        assert_eq!(
            sql,
            "CREATE INDEX i ON public.t USING btree (lower(\"B b\") COLLATE \"C\" DESC, \"B b\" text_pattern_ops) INCLUDE (\"B b\") WHERE \"B b\" IS NOT NULL AND b <> 'a'::text"
        );
    }

    #[test]
    fn columns_in_json_and_xml_expressions_are_replaced() {
        let written = |check: &str, columns: &Columns| {
            let check = constraint(&format!("CHECK ({check})"), columns).unwrap();
            deparse::expression(check.raw_expr.as_deref().unwrap())
        };
        let columns = Columns::new([("a", "c")]);
        for (given, wanted) in [
            ("a IS JSON OBJECT", "c IS JSON OBJECT"),
            ("json_exists(a, '$.x')", "json_exists(c, '$.x')"),
            (
                "json_value(b, '$.x' PASSING a AS y) > 'a'",
                "json_value(b, '$.x' PASSING c AS y) > 'a'",
            ),
            ("xmlforest(a AS a) IS DOCUMENT", "xmlforest(c AS a) IS DOCUMENT"),
            ("json_object(a: b) IS NOT NULL", "json_object(c: b) IS NOT NULL"),
        ] {
            assert_eq!(written(given, &columns), written(wanted, &Columns::default()));
        }
    }

    #[test]
    fn constraints_are_replaced() {
        let one = Columns::new([("a", "c")]);
        let check = constraint("CHECK (((a > 0) AND (a < b)))", &one).unwrap();
        assert_eq!(deparse::expression(check.raw_expr.as_deref().unwrap()), "c > 0 AND c < b");
        let key = constraint("FOREIGN KEY (x, a) REFERENCES s.r(p, a) ON DELETE CASCADE", &one);
        let mut key = key.unwrap();
        assert_eq!(super::super::groups::strings(&key.fk_attrs), ["x", "c"]);
        assert_eq!(super::super::groups::strings(&key.pk_attrs), ["p", "a"]);
        referenced(&mut key, &Columns::new([("a", "z"), ("p", "a")]));
        assert_eq!(super::super::groups::strings(&key.pk_attrs), ["a", "z"]);
    }
}
