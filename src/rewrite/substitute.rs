//! A definition that the server printed, with one column put in the place of another.
//!
//! Works on the parse tree, never on text: a string or a function that happens to be called like
//! the column stays what it is.

use super::add_unique::range_of;
use crate::sql::{QualifiedName, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, Constraint, CreateStatsStmt, IndexElem, IndexStmt, Node};

/// `CREATE INDEX …` for another column, without its name. `None` when it cannot be read.
pub(super) fn index(definition: &str, from: &str, to: &str) -> Option<IndexStmt> {
    let mut node = parse(definition)?;
    let NodeEnum::IndexStmt(index) = &mut node else { return None };
    for part in index.index_params.iter_mut().chain(index.index_including_params.iter_mut()) {
        let Some(NodeEnum::IndexElem(elem)) = part.node.as_mut() else { return None };
        replace_in_elem(elem, from, to);
    }
    if let Some(condition) = index.where_clause.as_deref_mut() {
        replace(condition, from, to);
    }
    Some((**index).clone())
}

fn replace_in_elem(elem: &mut IndexElem, from: &str, to: &str) {
    if elem.name == from {
        to.clone_into(&mut elem.name);
    }
    // A printed definition never names the index's own columns, but be exact.
    elem.indexcolname.clear();
    if let Some(expression) = elem.expr.as_deref_mut() {
        replace(expression, from, to);
    }
}

/// A constraint as `pg_get_constraintdef` prints it, for another column, as a parse node.
pub(super) fn constraint(definition: &str, from: &str, to: &str) -> Option<Constraint> {
    let node = parse(&format!("ALTER TABLE t ADD {definition}"))?;
    let NodeEnum::AlterTableStmt(alter) = node else { return None };
    let command = alter.cmds.into_iter().next()?.node?;
    let NodeEnum::AlterTableCmd(command) = command else { return None };
    let AlterTableCmd { def: Some(def), .. } = *command else { return None };
    let Some(NodeEnum::Constraint(mut constraint)) = def.node else { return None };
    if let Some(expression) = constraint.raw_expr.as_deref_mut() {
        replace(expression, from, to);
    }
    for names in [
        &mut constraint.keys,
        &mut constraint.including,
        &mut constraint.fk_attrs,
        &mut constraint.fk_del_set_cols,
    ] {
        for name in names {
            if let Some(NodeEnum::String(string)) = name.node.as_mut()
                && string.sval == from
            {
                to.clone_into(&mut string.sval);
            }
        }
    }
    Some(*constraint)
}

/// `CREATE STATISTICS` for another column under another name.
pub(super) fn statistics(
    definition: &str,
    name: &QualifiedName,
    relation: &QualifiedName,
    from: &str,
    to: &str,
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
        if elem.name == from {
            to.clone_into(&mut elem.name);
        }
        if let Some(inner) = elem.expr.as_deref_mut() {
            replace(inner, from, to);
        }
    }
    Some(deparse::statement(&node))
}

fn parse(sql: &str) -> Option<NodeEnum> {
    let parsed = crate::sql::grammar::parse(sql).ok()?;
    parsed.stmts.into_iter().next()?.stmt?.node
}

/// Replaces every reference to column `from` in an expression without sub-selects.
fn replace(node: &mut Node, from: &str, to: &str) {
    let Some(inner) = node.node.as_mut() else { return };
    let all = |nodes: &mut Vec<Node>| {
        for node in nodes {
            replace(node, from, to);
        }
    };
    let boxed = |node: &mut Option<Box<Node>>| {
        if let Some(node) = node.as_deref_mut() {
            replace(node, from, to);
        }
    };
    match inner {
        NodeEnum::ColumnRef(reference) => {
            if let Some(Node { node: Some(NodeEnum::String(last)) }) = reference.fields.last_mut()
                && last.sval == from
            {
                to.clone_into(&mut last.sval);
            }
        }
        NodeEnum::AExpr(e) => {
            boxed(&mut e.lexpr);
            boxed(&mut e.rexpr);
        }
        NodeEnum::BoolExpr(e) => all(&mut e.args),
        NodeEnum::FuncCall(e) => {
            all(&mut e.args);
            boxed(&mut e.agg_filter);
        }
        NodeEnum::TypeCast(e) => boxed(&mut e.arg),
        NodeEnum::NullTest(e) => boxed(&mut e.arg),
        NodeEnum::BooleanTest(e) => boxed(&mut e.arg),
        NodeEnum::CoalesceExpr(e) => all(&mut e.args),
        NodeEnum::MinMaxExpr(e) => all(&mut e.args),
        NodeEnum::CollateClause(e) => boxed(&mut e.arg),
        NodeEnum::AArrayExpr(e) => all(&mut e.elements),
        NodeEnum::RowExpr(e) => all(&mut e.args),
        NodeEnum::List(e) => all(&mut e.items),
        NodeEnum::AIndirection(e) => {
            boxed(&mut e.arg);
            all(&mut e.indirection);
        }
        NodeEnum::AIndices(e) => {
            boxed(&mut e.lidx);
            boxed(&mut e.uidx);
        }
        NodeEnum::NamedArgExpr(e) => boxed(&mut e.arg),
        NodeEnum::CaseExpr(e) => {
            boxed(&mut e.arg);
            all(&mut e.args);
            boxed(&mut e.defresult);
        }
        NodeEnum::CaseWhen(e) => {
            boxed(&mut e.expr);
            boxed(&mut e.result);
        }
        NodeEnum::XmlExpr(e) => all(&mut e.args),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_replaced_and_nothing_else() {
        let found = index(
            "CREATE INDEX i ON public.t USING btree (lower(a) COLLATE \"C\" DESC, a text_pattern_ops) INCLUDE (a) WHERE ((a IS NOT NULL) AND (b <> 'a'::text))",
            "a",
            "B b",
        )
        .unwrap();
        let sql = deparse::statement(&NodeEnum::IndexStmt(Box::new(found)));
        assert_eq!(
            sql,
            "CREATE INDEX i ON public.t USING btree (lower(\"B b\") COLLATE \"C\" DESC, \"B b\" text_pattern_ops) INCLUDE (\"B b\") WHERE \"B b\" IS NOT NULL AND b <> 'a'::text"
        );
    }

    #[test]
    fn constraints_are_replaced() {
        let check = constraint("CHECK (((a > 0) AND (a < b)))", "a", "c").unwrap();
        assert_eq!(deparse::expression(check.raw_expr.as_deref().unwrap()), "c > 0 AND c < b");
        let key = constraint("FOREIGN KEY (x, a) REFERENCES s.r(p, a) ON DELETE CASCADE", "a", "c");
        let key = key.unwrap();
        assert_eq!(super::super::groups::strings(&key.fk_attrs), ["x", "c"]);
        assert_eq!(super::super::groups::strings(&key.pk_attrs), ["p", "a"]);
    }
}
