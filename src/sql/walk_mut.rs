//! Walks a raw parse tree to change it: [`super::walk`] for who writes.
//!
//! Goes below statements of the schema too, as far as they hold expressions and names of parameters.
//! A test holds the two walks together: what one meets, the other meets.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    InsertStmt, JsonAggConstructor, JsonBehavior, JsonKeyValue, JsonValueExpr, Node,
    ReturningClause, SelectStmt, WindowDef, WithClause,
};

/// A node that may be changed. Those that the tree holds by their type alone have a
/// variant here; names of tables are not met.
pub(crate) enum Met<'a> {
    Node(&'a mut NodeEnum),
    Select(&'a mut SelectStmt),
    Window(&'a mut WindowDef),
    JsonValue(&'a mut JsonValueExpr),
    JsonKeyValue(&'a mut JsonKeyValue),
}

/// `root` and the nodes below it, parents before children, in no promised order of siblings. Goes below
/// a node only when `visit` gives true for it, and then below what `visit` made of it.
pub(crate) fn walk_mut(root: &mut NodeEnum, mut visit: impl FnMut(&mut Met<'_>) -> bool) {
    let mut stack = vec![Met::Node(root)];
    while let Some(mut met) = stack.pop() {
        if visit(&mut met) {
            Below(&mut stack).children_of(met);
        }
    }
}

/// Collects the children of one node.
struct Below<'s, 'a>(&'s mut Vec<Met<'a>>);

impl<'a> Below<'_, 'a> {
    fn node(&mut self, node: Option<&'a mut Node>) {
        self.0.extend(node.and_then(|node| node.node.as_mut()).map(Met::Node));
    }

    fn boxed(&mut self, node: &'a mut Option<Box<Node>>) {
        self.node(node.as_deref_mut());
    }

    fn list(&mut self, nodes: &'a mut [Node]) {
        nodes.iter_mut().for_each(|node| self.node(Some(node)));
    }

    fn with(&mut self, with: &'a mut Option<WithClause>) {
        with.iter_mut().for_each(|with| self.list(&mut with.ctes));
    }

    fn returning(&mut self, returning: &'a mut Option<ReturningClause>) {
        returning.iter_mut().for_each(|returning| self.list(&mut returning.exprs));
    }

    fn over(&mut self, window: &'a mut Option<Box<WindowDef>>) {
        self.0.extend(window.as_deref_mut().map(Met::Window));
    }

    fn json(&mut self, value: &'a mut Option<Box<JsonValueExpr>>) {
        self.0.extend(value.as_deref_mut().map(Met::JsonValue));
    }

    fn behavior(&mut self, behavior: &'a mut Option<Box<JsonBehavior>>) {
        behavior.iter_mut().for_each(|behavior| self.boxed(&mut behavior.expr));
    }

    fn aggregate(&mut self, constructor: &'a mut Option<Box<JsonAggConstructor>>) {
        if let Some(constructor) = constructor {
            self.boxed(&mut constructor.agg_filter);
            self.list(&mut constructor.agg_order);
            self.over(&mut constructor.over);
        }
    }

    fn children_of(&mut self, met: Met<'a>) {
        match met {
            Met::Node(node) => self.statement(node),
            Met::Select(select) => self.select(select),
            Met::Window(window) => self.window(window),
            Met::JsonValue(value) => self.boxed(&mut value.raw_expr),
            Met::JsonKeyValue(pair) => self.pair(pair),
        }
    }

    fn select(&mut self, s: &'a mut SelectStmt) {
        self.with(&mut s.with_clause);
        for list in [
            &mut s.distinct_clause,
            &mut s.target_list,
            &mut s.from_clause,
            &mut s.group_clause,
            &mut s.window_clause,
            &mut s.values_lists,
            &mut s.sort_clause,
            &mut s.locking_clause,
        ] {
            self.list(list);
        }
        for node in
            [&mut s.where_clause, &mut s.having_clause, &mut s.limit_offset, &mut s.limit_count]
        {
            self.boxed(node);
        }
        for arm in [&mut s.larg, &mut s.rarg] {
            self.0.extend(arm.as_deref_mut().map(Met::Select));
        }
    }

    fn insert(&mut self, s: &'a mut InsertStmt) {
        self.with(&mut s.with_clause);
        self.list(&mut s.cols);
        self.boxed(&mut s.select_stmt);
        if let Some(conflict) = &mut s.on_conflict_clause {
            if let Some(infer) = &mut conflict.infer {
                self.list(&mut infer.index_elems);
                self.boxed(&mut infer.where_clause);
            }
            self.list(&mut conflict.target_list);
            self.boxed(&mut conflict.where_clause);
        }
        self.returning(&mut s.returning_clause);
    }

    fn window(&mut self, w: &'a mut WindowDef) {
        self.list(&mut w.partition_clause);
        self.list(&mut w.order_clause);
        self.boxed(&mut w.start_offset);
        self.boxed(&mut w.end_offset);
    }

    fn pair(&mut self, pair: &'a mut JsonKeyValue) {
        self.boxed(&mut pair.key);
        self.json(&mut pair.value);
    }

    fn statement(&mut self, node: &'a mut NodeEnum) {
        match node {
            NodeEnum::SelectStmt(s) => self.select(s),
            NodeEnum::InsertStmt(s) => self.insert(s),
            NodeEnum::UpdateStmt(s) => {
                self.with(&mut s.with_clause);
                self.list(&mut s.target_list);
                self.list(&mut s.from_clause);
                self.boxed(&mut s.where_clause);
                self.returning(&mut s.returning_clause);
            }
            NodeEnum::DeleteStmt(s) => {
                self.with(&mut s.with_clause);
                self.list(&mut s.using_clause);
                self.boxed(&mut s.where_clause);
                self.returning(&mut s.returning_clause);
            }
            NodeEnum::MergeStmt(s) => {
                self.with(&mut s.with_clause);
                self.boxed(&mut s.source_relation);
                self.boxed(&mut s.join_condition);
                self.list(&mut s.merge_when_clauses);
                self.returning(&mut s.returning_clause);
            }
            NodeEnum::MergeWhenClause(c) => {
                self.boxed(&mut c.condition);
                self.list(&mut c.target_list);
                self.list(&mut c.values);
            }
            NodeEnum::CommonTableExpr(c) => self.boxed(&mut c.ctequery),
            NodeEnum::RangeSubselect(r) => self.boxed(&mut r.subquery),
            NodeEnum::RangeFunction(r) => self.list(&mut r.functions),
            NodeEnum::RangeTableSample(r) => {
                self.boxed(&mut r.relation);
                self.list(&mut r.args);
                self.boxed(&mut r.repeatable);
            }
            NodeEnum::RangeTableFunc(r) => {
                self.boxed(&mut r.docexpr);
                self.boxed(&mut r.rowexpr);
                self.list(&mut r.namespaces);
                self.list(&mut r.columns);
            }
            NodeEnum::RangeTableFuncCol(c) => {
                self.boxed(&mut c.colexpr);
                self.boxed(&mut c.coldefexpr);
            }
            NodeEnum::JoinExpr(j) => {
                self.boxed(&mut j.larg);
                self.boxed(&mut j.rarg);
                self.boxed(&mut j.quals);
            }
            NodeEnum::ResTarget(t) => {
                self.list(&mut t.indirection);
                self.boxed(&mut t.val);
            }
            NodeEnum::SortBy(s) => self.boxed(&mut s.node),
            NodeEnum::WindowDef(w) => self.window(w),
            NodeEnum::IndexElem(e) => self.boxed(&mut e.expr),
            NodeEnum::PartitionElem(e) => self.boxed(&mut e.expr),
            NodeEnum::List(l) => self.list(&mut l.items),
            _ => self.schema_statement(node),
        }
    }

    /// Where the reading walk does not go.
    fn schema_statement(&mut self, node: &'a mut NodeEnum) {
        match node {
            NodeEnum::AlterTableStmt(s) => self.list(&mut s.cmds),
            NodeEnum::AlterTableCmd(c) => self.boxed(&mut c.def),
            NodeEnum::AlterDomainStmt(s) => self.boxed(&mut s.def),
            NodeEnum::CreateStmt(s) => {
                self.list(&mut s.table_elts);
                self.list(&mut s.constraints);
            }
            NodeEnum::CreateForeignTableStmt(s) => {
                s.base_stmt.iter_mut().for_each(|base| self.list(&mut base.table_elts));
            }
            NodeEnum::CreateDomainStmt(s) => self.list(&mut s.constraints),
            NodeEnum::ColumnDef(c) => {
                self.list(&mut c.constraints);
                self.boxed(&mut c.raw_default);
            }
            NodeEnum::Constraint(c) => {
                self.boxed(&mut c.raw_expr);
                self.boxed(&mut c.where_clause);
            }
            NodeEnum::CreateStatsStmt(s) => self.list(&mut s.exprs),
            NodeEnum::StatsElem(e) => self.boxed(&mut e.expr),
            NodeEnum::CreateFunctionStmt(s) => {
                self.list(&mut s.parameters);
                self.boxed(&mut s.sql_body);
            }
            NodeEnum::DropStmt(s) => self.list(&mut s.objects),
            NodeEnum::RenameStmt(s) => self.boxed(&mut s.object),
            NodeEnum::AlterOwnerStmt(s) => self.boxed(&mut s.object),
            NodeEnum::AlterObjectSchemaStmt(s) => self.boxed(&mut s.object),
            NodeEnum::CommentStmt(s) => self.boxed(&mut s.object),
            NodeEnum::GrantStmt(s) => self.list(&mut s.objects),
            NodeEnum::AlterFunctionStmt(s) => {
                s.func.iter_mut().for_each(|function| self.list(&mut function.objfuncargs));
            }
            NodeEnum::ObjectWithArgs(o) => self.list(&mut o.objfuncargs),
            NodeEnum::FunctionParameter(p) => self.boxed(&mut p.defexpr),
            NodeEnum::IndexStmt(s) => {
                self.list(&mut s.index_params);
                self.list(&mut s.index_including_params);
                self.boxed(&mut s.where_clause);
            }
            NodeEnum::CreateTrigStmt(s) => self.boxed(&mut s.when_clause),
            NodeEnum::CreatePolicyStmt(s) => {
                self.boxed(&mut s.qual);
                self.boxed(&mut s.with_check);
            }
            NodeEnum::AlterPolicyStmt(s) => {
                self.boxed(&mut s.qual);
                self.boxed(&mut s.with_check);
            }
            NodeEnum::ViewStmt(s) => self.boxed(&mut s.query),
            NodeEnum::CreateTableAsStmt(s) => self.boxed(&mut s.query),
            _ => self.expression(node),
        }
    }

    fn expression(&mut self, node: &'a mut NodeEnum) {
        match node {
            NodeEnum::AExpr(e) => {
                self.boxed(&mut e.lexpr);
                self.boxed(&mut e.rexpr);
            }
            NodeEnum::BoolExpr(e) => self.list(&mut e.args),
            NodeEnum::BooleanTest(e) => self.boxed(&mut e.arg),
            NodeEnum::NullTest(e) => self.boxed(&mut e.arg),
            NodeEnum::CaseExpr(e) => {
                self.boxed(&mut e.arg);
                self.list(&mut e.args);
                self.boxed(&mut e.defresult);
            }
            NodeEnum::CaseWhen(e) => {
                self.boxed(&mut e.expr);
                self.boxed(&mut e.result);
            }
            NodeEnum::CoalesceExpr(e) => self.list(&mut e.args),
            NodeEnum::MinMaxExpr(e) => self.list(&mut e.args),
            NodeEnum::RowExpr(e) => self.list(&mut e.args),
            NodeEnum::AArrayExpr(e) => self.list(&mut e.elements),
            NodeEnum::AIndirection(e) => {
                self.boxed(&mut e.arg);
                self.list(&mut e.indirection);
            }
            NodeEnum::AIndices(e) => {
                self.boxed(&mut e.lidx);
                self.boxed(&mut e.uidx);
            }
            NodeEnum::TypeCast(e) => self.boxed(&mut e.arg),
            NodeEnum::CollateClause(e) => self.boxed(&mut e.arg),
            NodeEnum::NamedArgExpr(e) => self.boxed(&mut e.arg),
            // Each column of `(a, b) = (…)` carries a copy of the source, and all are written to.
            NodeEnum::MultiAssignRef(e) => self.boxed(&mut e.source),
            NodeEnum::SubLink(e) => {
                self.boxed(&mut e.testexpr);
                self.boxed(&mut e.subselect);
            }
            NodeEnum::FuncCall(e) => {
                self.list(&mut e.args);
                self.list(&mut e.agg_order);
                self.boxed(&mut e.agg_filter);
                self.over(&mut e.over);
            }
            NodeEnum::GroupingFunc(e) => self.list(&mut e.args),
            NodeEnum::GroupingSet(e) => self.list(&mut e.content),
            NodeEnum::XmlExpr(e) => {
                self.list(&mut e.named_args);
                self.list(&mut e.args);
            }
            NodeEnum::XmlSerialize(e) => self.boxed(&mut e.expr),
            _ => self.json_expression(node),
        }
    }

    fn json_expression(&mut self, node: &'a mut NodeEnum) {
        match node {
            NodeEnum::JsonValueExpr(e) => self.boxed(&mut e.raw_expr),
            NodeEnum::JsonKeyValue(e) => self.pair(e),
            NodeEnum::JsonArgument(e) => self.json(&mut e.val),
            NodeEnum::JsonFuncExpr(e) => {
                self.json(&mut e.context_item);
                self.boxed(&mut e.pathspec);
                self.list(&mut e.passing);
                self.behavior(&mut e.on_empty);
                self.behavior(&mut e.on_error);
            }
            NodeEnum::JsonParseExpr(e) => self.json(&mut e.expr),
            NodeEnum::JsonScalarExpr(e) => self.boxed(&mut e.expr),
            NodeEnum::JsonSerializeExpr(e) => self.json(&mut e.expr),
            NodeEnum::JsonObjectConstructor(e) => self.list(&mut e.exprs),
            NodeEnum::JsonArrayConstructor(e) => self.list(&mut e.exprs),
            NodeEnum::JsonArrayQueryConstructor(e) => self.boxed(&mut e.query),
            NodeEnum::JsonObjectAgg(e) => {
                self.0.extend(e.arg.as_deref_mut().map(Met::JsonKeyValue));
                self.aggregate(&mut e.constructor);
            }
            NodeEnum::JsonArrayAgg(e) => {
                self.json(&mut e.arg);
                self.aggregate(&mut e.constructor);
            }
            NodeEnum::JsonIsPredicate(e) => self.boxed(&mut e.expr),
            NodeEnum::JsonTable(e) => {
                self.json(&mut e.context_item);
                self.list(&mut e.passing);
                self.list(&mut e.columns);
                self.behavior(&mut e.on_error);
            }
            NodeEnum::JsonTableColumn(e) => {
                self.list(&mut e.columns);
                self.behavior(&mut e.on_empty);
                self.behavior(&mut e.on_error);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{grammar, walk};

    /// Every statement of the oracle's cases and what the reading walk's tests have.
    fn texts() -> Vec<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut texts: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        texts.push(
            "SELECT JSON_OBJECT(f(1): f(2)), JSON_ARRAY(f(3)), JSON_ARRAY(SELECT f(4)), \
             JSON_VALUE(f(5), '$' PASSING f(6) AS x DEFAULT f(7) ON EMPTY), f(8) IS JSON, \
             JSON_SERIALIZE(f(9)), JSON_SCALAR(f(10)), JSON(f(11)), JSON_ARRAYAGG(f(12) ORDER BY \
             f(13)), JSON_OBJECTAGG(f(14): f(15)), xmlelement(name a, f(16)), xmlforest(f(1) AS a), \
             xmlserialize(content f(17) AS text) FROM JSON_TABLE(f(18), '$' COLUMNS (a int DEFAULT \
             f(19) ON ERROR)); \
             WITH c AS (SELECT f(1)) SELECT DISTINCT ON (f(2)) f(3), (f(7)).x[f(8)], \
             f(x => f(12)) OVER (PARTITION BY f(13) ORDER BY f(14)), f(16) FILTER (WHERE f(17)) \
             FROM a TABLESAMPLE f(f(24)) GROUP BY GROUPING SETS (f(28)) WINDOW w AS (ORDER BY f(30)) \
             UNION SELECT f(31) ORDER BY f(32) LIMIT f(33) OFFSET f(34); \
             INSERT INTO t SELECT f(1) ON CONFLICT (a) WHERE f(2) DO UPDATE SET a = f(3) RETURNING f(5); \
             MERGE INTO t USING (SELECT f(1)) s ON f(2) WHEN MATCHED AND f(3) THEN UPDATE SET a = f(4)"
                .to_owned(),
        );
        texts
    }

    #[test]
    fn both_walks_meet_the_same_calls_and_columns() {
        let mut met = 0;
        for text in texts() {
            for statement in text.split(';') {
                let Ok(parsed) = grammar::parse(statement) else { continue };
                for raw in parsed.stmts {
                    let mut root = raw.stmt.and_then(|node| node.node).unwrap();
                    let mut read = Vec::new();
                    walk::walk(&root, |node| match node {
                        pg_query::NodeRef::FuncCall(call) => read.push(call.location),
                        pg_query::NodeRef::ColumnRef(column) => read.push(column.location),
                        _ => {}
                    });
                    let mut written = Vec::new();
                    walk_mut(&mut root, |node| {
                        match node {
                            Met::Node(NodeEnum::FuncCall(call)) => written.push(call.location),
                            Met::Node(NodeEnum::ColumnRef(column)) => written.push(column.location),
                            _ => {}
                        }
                        true
                    });
                    for places in [&mut read, &mut written] {
                        places.sort_unstable();
                        places.dedup();
                    }
                    if matches!(
                        root,
                        NodeEnum::SelectStmt(_)
                            | NodeEnum::InsertStmt(_)
                            | NodeEnum::UpdateStmt(_)
                            | NodeEnum::DeleteStmt(_)
                            | NodeEnum::MergeStmt(_)
                    ) {
                        assert_eq!(read, written, "{statement}");
                        met += written.len();
                    } else {
                        assert!(read.iter().all(|place| written.contains(place)), "{statement}");
                    }
                }
            }
        }
        assert!(met > 1000, "{met}");
    }
}
