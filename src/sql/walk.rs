//! Walks a raw parse tree: every node below a node, whatever kind of statement or expression it is.
//!
//! Uses an explicit stack, so that deep nesting costs heap and not the call stack. Knows the nodes
//! that the grammar itself makes, not those that the server's analysis adds later.

use pg_query::protobuf::{
    InsertStmt, JsonBehavior, JsonValueExpr, Node, SelectStmt, WindowDef, WithClause,
};
use pg_query::{NodeEnum, NodeRef};

/// `root` and all nodes below it, parents before children, in no promised order of siblings.
pub fn walk<'a>(root: &'a NodeEnum, mut visit: impl FnMut(NodeRef<'a>)) {
    walk_some(root.to_ref(), |node| {
        visit(node);
        true
    });
}

/// Like [`walk`], but goes below a node only when `visit` gives true for it.
pub fn walk_some<'a>(root: NodeRef<'a>, mut visit: impl FnMut(NodeRef<'a>) -> bool) {
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if visit(node) {
            let mut below = Below(&mut stack);
            below.children_of(node);
        }
    }
}

/// Collects the children of one node.
struct Below<'s, 'a>(&'s mut Vec<NodeRef<'a>>);

impl<'a> Below<'_, 'a> {
    fn node(&mut self, node: Option<&'a Node>) {
        if let Some(node) = node.and_then(|node| node.node.as_ref()) {
            self.0.push(node.to_ref());
        }
    }

    fn boxed(&mut self, node: &'a Option<Box<Node>>) {
        self.node(node.as_deref());
    }

    fn list(&mut self, nodes: &'a [Node]) {
        for node in nodes {
            self.node(Some(node));
        }
    }

    fn with(&mut self, with: &'a Option<WithClause>) {
        if let Some(with) = with {
            self.list(&with.ctes);
        }
    }

    fn window(&mut self, window: &'a Option<Box<WindowDef>>) {
        if let Some(window) = window {
            self.0.push(NodeRef::WindowDef(window));
        }
    }

    fn json(&mut self, value: &'a Option<Box<JsonValueExpr>>) {
        if let Some(value) = value {
            self.0.push(NodeRef::JsonValueExpr(value));
        }
    }

    fn behavior(&mut self, behavior: &'a Option<Box<JsonBehavior>>) {
        if let Some(behavior) = behavior {
            self.boxed(&behavior.expr);
        }
    }

    fn select(&mut self, s: &'a SelectStmt) {
        self.with(&s.with_clause);
        for list in [
            &s.distinct_clause,
            &s.target_list,
            &s.from_clause,
            &s.group_clause,
            &s.window_clause,
            &s.values_lists,
            &s.sort_clause,
            &s.locking_clause,
        ] {
            self.list(list);
        }
        for node in [&s.where_clause, &s.having_clause, &s.limit_offset, &s.limit_count] {
            self.boxed(node);
        }
        for arm in [&s.larg, &s.rarg].into_iter().flatten() {
            self.0.push(NodeRef::SelectStmt(arm));
        }
    }

    fn insert(&mut self, s: &'a InsertStmt) {
        self.with(&s.with_clause);
        if let Some(relation) = &s.relation {
            self.0.push(NodeRef::RangeVar(relation));
        }
        self.list(&s.cols);
        self.boxed(&s.select_stmt);
        if let Some(conflict) = &s.on_conflict_clause {
            if let Some(infer) = &conflict.infer {
                self.list(&infer.index_elems);
                self.boxed(&infer.where_clause);
            }
            self.list(&conflict.target_list);
            self.boxed(&conflict.where_clause);
        }
        if let Some(returning) = &s.returning_clause {
            self.list(&returning.exprs);
        }
    }

    fn children_of(&mut self, node: NodeRef<'a>) {
        match node {
            NodeRef::SelectStmt(s) => self.select(s),
            NodeRef::InsertStmt(s) => self.insert(s),
            NodeRef::UpdateStmt(s) => {
                self.with(&s.with_clause);
                self.0.extend(s.relation.as_ref().map(NodeRef::RangeVar));
                self.list(&s.target_list);
                self.list(&s.from_clause);
                self.boxed(&s.where_clause);
                self.list(s.returning_clause.as_ref().map_or(&[], |r| &r.exprs));
            }
            NodeRef::DeleteStmt(s) => {
                self.with(&s.with_clause);
                self.0.extend(s.relation.as_ref().map(NodeRef::RangeVar));
                self.list(&s.using_clause);
                self.boxed(&s.where_clause);
                self.list(s.returning_clause.as_ref().map_or(&[], |r| &r.exprs));
            }
            NodeRef::MergeStmt(s) => {
                self.with(&s.with_clause);
                self.0.extend(s.relation.as_ref().map(NodeRef::RangeVar));
                self.boxed(&s.source_relation);
                self.boxed(&s.join_condition);
                self.list(&s.merge_when_clauses);
                self.list(s.returning_clause.as_ref().map_or(&[], |r| &r.exprs));
            }
            NodeRef::MergeWhenClause(c) => {
                self.boxed(&c.condition);
                self.list(&c.target_list);
                self.list(&c.values);
            }
            NodeRef::CommonTableExpr(c) => self.boxed(&c.ctequery),
            NodeRef::RangeSubselect(r) => self.boxed(&r.subquery),
            NodeRef::RangeFunction(r) => self.list(&r.functions),
            NodeRef::RangeTableSample(r) => {
                self.boxed(&r.relation);
                self.list(&r.args);
                self.boxed(&r.repeatable);
            }
            NodeRef::RangeTableFunc(r) => {
                self.boxed(&r.docexpr);
                self.boxed(&r.rowexpr);
                self.list(&r.namespaces);
                self.list(&r.columns);
            }
            NodeRef::RangeTableFuncCol(c) => {
                self.boxed(&c.colexpr);
                self.boxed(&c.coldefexpr);
            }
            NodeRef::JoinExpr(j) => {
                self.boxed(&j.larg);
                self.boxed(&j.rarg);
                self.boxed(&j.quals);
            }
            NodeRef::ResTarget(t) => {
                self.list(&t.indirection);
                self.boxed(&t.val);
            }
            NodeRef::SortBy(s) => self.boxed(&s.node),
            NodeRef::WindowDef(w) => {
                self.list(&w.partition_clause);
                self.list(&w.order_clause);
                self.boxed(&w.start_offset);
                self.boxed(&w.end_offset);
            }
            NodeRef::IndexElem(e) => self.boxed(&e.expr),
            NodeRef::PartitionElem(e) => self.boxed(&e.expr),
            NodeRef::List(l) => self.list(&l.items),
            _ => self.expression(node),
        }
    }

    fn expression(&mut self, node: NodeRef<'a>) {
        match node {
            NodeRef::AExpr(e) => {
                self.boxed(&e.lexpr);
                self.boxed(&e.rexpr);
            }
            NodeRef::BoolExpr(e) => self.list(&e.args),
            NodeRef::BooleanTest(e) => self.boxed(&e.arg),
            NodeRef::NullTest(e) => self.boxed(&e.arg),
            NodeRef::CaseExpr(e) => {
                self.boxed(&e.arg);
                self.list(&e.args);
                self.boxed(&e.defresult);
            }
            NodeRef::CaseWhen(e) => {
                self.boxed(&e.expr);
                self.boxed(&e.result);
            }
            NodeRef::CoalesceExpr(e) => self.list(&e.args),
            NodeRef::MinMaxExpr(e) => self.list(&e.args),
            NodeRef::RowExpr(e) => self.list(&e.args),
            NodeRef::AArrayExpr(e) => self.list(&e.elements),
            NodeRef::AIndirection(e) => {
                self.boxed(&e.arg);
                self.list(&e.indirection);
            }
            NodeRef::AIndices(e) => {
                self.boxed(&e.lidx);
                self.boxed(&e.uidx);
            }
            NodeRef::TypeCast(e) => self.boxed(&e.arg),
            NodeRef::CollateClause(e) => self.boxed(&e.arg),
            NodeRef::NamedArgExpr(e) => self.boxed(&e.arg),
            // Each column of `(a, b) = (…)` carries the same source.
            NodeRef::MultiAssignRef(e) if e.colno > 1 => {}
            NodeRef::MultiAssignRef(e) => self.boxed(&e.source),
            NodeRef::SubLink(e) => {
                self.boxed(&e.testexpr);
                self.boxed(&e.subselect);
            }
            NodeRef::FuncCall(e) => {
                self.list(&e.args);
                self.list(&e.agg_order);
                self.boxed(&e.agg_filter);
                self.window(&e.over);
            }
            NodeRef::GroupingFunc(e) => self.list(&e.args),
            NodeRef::GroupingSet(e) => self.list(&e.content),
            NodeRef::XmlExpr(e) => {
                self.list(&e.named_args);
                self.list(&e.args);
            }
            NodeRef::XmlSerialize(e) => self.boxed(&e.expr),
            _ => self.json_expression(node),
        }
    }

    fn json_expression(&mut self, node: NodeRef<'a>) {
        match node {
            NodeRef::JsonValueExpr(e) => self.boxed(&e.raw_expr),
            NodeRef::JsonKeyValue(e) => {
                self.boxed(&e.key);
                self.json(&e.value);
            }
            NodeRef::JsonArgument(e) => self.json(&e.val),
            NodeRef::JsonFuncExpr(e) => {
                self.json(&e.context_item);
                self.boxed(&e.pathspec);
                self.list(&e.passing);
                self.behavior(&e.on_empty);
                self.behavior(&e.on_error);
            }
            NodeRef::JsonParseExpr(e) => self.json(&e.expr),
            NodeRef::JsonScalarExpr(e) => self.boxed(&e.expr),
            NodeRef::JsonSerializeExpr(e) => self.json(&e.expr),
            NodeRef::JsonObjectConstructor(e) => self.list(&e.exprs),
            NodeRef::JsonArrayConstructor(e) => self.list(&e.exprs),
            NodeRef::JsonArrayQueryConstructor(e) => self.boxed(&e.query),
            NodeRef::JsonObjectAgg(e) => {
                if let Some(arg) = &e.arg {
                    self.0.push(NodeRef::JsonKeyValue(arg));
                }
                self.aggregate(&e.constructor);
            }
            NodeRef::JsonArrayAgg(e) => {
                self.json(&e.arg);
                self.aggregate(&e.constructor);
            }
            NodeRef::JsonIsPredicate(e) => self.boxed(&e.expr),
            NodeRef::JsonTable(e) => {
                self.json(&e.context_item);
                self.list(&e.passing);
                self.list(&e.columns);
                self.behavior(&e.on_error);
            }
            NodeRef::JsonTableColumn(e) => {
                self.list(&e.columns);
                self.behavior(&e.on_empty);
                self.behavior(&e.on_error);
            }
            _ => {}
        }
    }

    fn aggregate(&mut self, constructor: &'a Option<Box<pg_query::protobuf::JsonAggConstructor>>) {
        if let Some(constructor) = constructor {
            self.boxed(&constructor.agg_filter);
            self.list(&constructor.agg_order);
            self.window(&constructor.over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(sql: &str, wanted: fn(NodeRef<'_>) -> bool) -> usize {
        let parsed = crate::sql::grammar::parse(sql).unwrap();
        let root = parsed.stmts[0].stmt.as_ref().unwrap().node.as_ref().unwrap();
        let mut found = 0;
        walk(root, |node| found += usize::from(wanted(node)));
        found
    }

    #[test]
    fn every_function_call_is_met_once() {
        let sql = "WITH c AS (SELECT f(1)) SELECT DISTINCT ON (f(2)) f(3), CASE WHEN f(4) THEN f(5) \
                   ELSE ARRAY[f(6)] END, (f(7)).x[f(8)], ROW(f(9), GREATEST(f(10), COALESCE(f(11)))), \
                   f(x => f(12)) OVER (PARTITION BY f(13) ORDER BY f(14)), f(15) COLLATE \"C\", \
                   f(16) FILTER (WHERE f(17)), f(18)::int, f(19) IS NULL, f(20) IS TRUE \
                   FROM a JOIN b ON f(21), LATERAL f(22), (SELECT f(23)) s, \
                   a TABLESAMPLE f(f(24)) WHERE EXISTS (SELECT f(25)) AND f(26) IN (SELECT f(27)) \
                   GROUP BY GROUPING SETS (f(28)) HAVING f(29) WINDOW w AS (ORDER BY f(30)) \
                   UNION SELECT f(31) ORDER BY f(32) LIMIT f(33) OFFSET f(34)";
        let sql = sql.replace("f(x => f(12))", "f(x => f(12), 0)");
        // 34 numbered calls and the outer `f(x => …)`.
        assert_eq!(count(&sql, |n| matches!(n, NodeRef::FuncCall(_))), 35);
    }

    #[test]
    fn data_statements_are_walked() {
        let calls = |sql: &str| count(sql, |n| matches!(n, NodeRef::FuncCall(_)));
        assert_eq!(
            calls(
                "INSERT INTO t SELECT f(1) ON CONFLICT (a) WHERE f(2) DO UPDATE SET a = f(3) \
                 WHERE f(4) RETURNING f(5)"
            ),
            5
        );
        assert_eq!(
            calls("UPDATE t SET (a, b) = (SELECT f(1), f(2)) FROM f(3) WHERE f(4) RETURNING f(5)"),
            5
        );
        assert_eq!(calls("DELETE FROM t USING f(1) WHERE f(2) RETURNING f(3)"), 3);
        assert_eq!(
            calls(
                "MERGE INTO t USING (SELECT f(1)) s ON f(2) WHEN MATCHED AND f(3) THEN UPDATE SET \
                 a = f(4) WHEN NOT MATCHED THEN INSERT VALUES (f(5))"
            ),
            5
        );
    }

    #[test]
    fn json_and_xml_expressions_are_walked() {
        let sql = "SELECT JSON_OBJECT(f(1): f(2)), JSON_ARRAY(f(3)), JSON_ARRAY(SELECT f(4)), \
                   JSON_VALUE(f(5), '$' PASSING f(6) AS x DEFAULT f(7) ON EMPTY), f(8) IS JSON, \
                   JSON_SERIALIZE(f(9)), JSON_SCALAR(f(10)), JSON(f(11)), \
                   JSON_ARRAYAGG(f(12) ORDER BY f(13)), JSON_OBJECTAGG(f(14): f(15)), \
                   xmlelement(name a, f(16)), xmlserialize(content f(17) AS text) \
                   FROM JSON_TABLE(f(18), '$' COLUMNS (a int DEFAULT f(19) ON ERROR))";
        assert_eq!(count(sql, |n| matches!(n, NodeRef::FuncCall(_))), 19);
    }
}
