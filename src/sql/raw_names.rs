//! Names that the library's deparser writes as they are, without the quotes that they need.
//!
//! Source: `postgres_deparse.c` of the library, every place that writes a name and does not call
//! `quote_identifier`. What is written as it is can be given with its quotes, which is what happens here.

use super::quote_ident;
use pg_query::NodeEnum;
use pg_query::protobuf::{Constraint, Node, ParseResult, SelectStmt, WindowDef};

/// `tree` with quotes around such names where they need them.
pub(super) fn quoted(tree: &ParseResult) -> ParseResult {
    let mut tree = tree.clone();
    for raw in &mut tree.stmts {
        boxed(&mut raw.stmt);
    }
    tree
}

fn quote(name: &mut String) {
    if !name.is_empty() {
        *name = quote_ident(name);
    }
}

fn all(nodes: &mut [Node]) {
    nodes.iter_mut().for_each(put);
}

fn boxed(node: &mut Option<Box<Node>>) {
    if let Some(node) = node.as_deref_mut() {
        put(node);
    }
}

fn window(window: &mut WindowDef) {
    quote(&mut window.name);
    all(&mut window.partition_clause);
    all(&mut window.order_clause);
}

fn constraint(constraint: &mut Constraint) {
    for name in &mut constraint.fk_del_set_cols {
        if let Some(NodeEnum::String(string)) = name.node.as_mut() {
            quote(&mut string.sval);
        }
    }
    boxed(&mut constraint.raw_expr);
    boxed(&mut constraint.where_clause);
}

fn select(select: &mut SelectStmt) {
    all(&mut select.distinct_clause);
    all(&mut select.target_list);
    all(&mut select.from_clause);
    all(&mut select.group_clause);
    all(&mut select.window_clause);
    all(&mut select.values_lists);
    all(&mut select.sort_clause);
    boxed(&mut select.where_clause);
    boxed(&mut select.having_clause);
    for side in [&mut select.larg, &mut select.rarg].into_iter().flatten() {
        self::select(side);
    }
    if let Some(with) = select.with_clause.as_mut() {
        all(&mut with.ctes);
    }
}

fn put(node: &mut Node) {
    let Some(inner) = node.node.as_mut() else { return };
    match inner {
        NodeEnum::AlterTableStmt(alter) => all(&mut alter.cmds),
        NodeEnum::AlterTableCmd(command) => boxed(&mut command.def),
        NodeEnum::AlterDomainStmt(alter) => boxed(&mut alter.def),
        NodeEnum::CreateStmt(create) => {
            all(&mut create.table_elts);
            all(&mut create.constraints);
        }
        NodeEnum::CreateForeignTableStmt(create) => {
            if let Some(base) = create.base_stmt.as_mut() {
                all(&mut base.table_elts);
            }
        }
        NodeEnum::CreateDomainStmt(create) => all(&mut create.constraints),
        NodeEnum::ColumnDef(column) => {
            all(&mut column.constraints);
            boxed(&mut column.raw_default);
        }
        NodeEnum::Constraint(it) => constraint(it),
        NodeEnum::CreateStatsStmt(create) => all(&mut create.exprs),
        NodeEnum::StatsElem(elem) => {
            quote(&mut elem.name);
            boxed(&mut elem.expr);
        }
        NodeEnum::CreateFunctionStmt(create) => {
            all(&mut create.parameters);
            boxed(&mut create.sql_body);
        }
        NodeEnum::DropStmt(drop) => all(&mut drop.objects),
        NodeEnum::RenameStmt(rename) => boxed(&mut rename.object),
        NodeEnum::AlterOwnerStmt(alter) => boxed(&mut alter.object),
        NodeEnum::AlterObjectSchemaStmt(alter) => boxed(&mut alter.object),
        NodeEnum::CommentStmt(comment) => boxed(&mut comment.object),
        NodeEnum::GrantStmt(grant) => all(&mut grant.objects),
        NodeEnum::AlterFunctionStmt(alter) => {
            alter.func.iter_mut().for_each(|object| all(&mut object.objfuncargs));
        }
        NodeEnum::ObjectWithArgs(object) => all(&mut object.objfuncargs),
        NodeEnum::FunctionParameter(parameter) => {
            quote(&mut parameter.name);
            boxed(&mut parameter.defexpr);
        }
        NodeEnum::IndexStmt(index) => {
            all(&mut index.index_params);
            boxed(&mut index.where_clause);
        }
        NodeEnum::IndexElem(elem) => boxed(&mut elem.expr),
        NodeEnum::CreateTrigStmt(create) => boxed(&mut create.when_clause),
        NodeEnum::CreatePolicyStmt(create) => {
            boxed(&mut create.qual);
            boxed(&mut create.with_check);
        }
        NodeEnum::ViewStmt(view) => boxed(&mut view.query),
        NodeEnum::CreateTableAsStmt(create) => boxed(&mut create.query),
        NodeEnum::SelectStmt(it) => select(it),
        NodeEnum::InsertStmt(insert) => boxed(&mut insert.select_stmt),
        NodeEnum::UpdateStmt(update) => {
            all(&mut update.target_list);
            all(&mut update.from_clause);
            boxed(&mut update.where_clause);
        }
        NodeEnum::DeleteStmt(delete) => {
            all(&mut delete.using_clause);
            boxed(&mut delete.where_clause);
        }
        NodeEnum::CommonTableExpr(cte) => boxed(&mut cte.ctequery),
        NodeEnum::RangeSubselect(range) => boxed(&mut range.subquery),
        NodeEnum::RangeFunction(range) => all(&mut range.functions),
        NodeEnum::JoinExpr(join) => {
            if let Some(alias) = join.join_using_alias.as_mut() {
                quote(&mut alias.aliasname);
            }
            boxed(&mut join.larg);
            boxed(&mut join.rarg);
            boxed(&mut join.quals);
        }
        NodeEnum::WindowDef(it) => window(it),
        NodeEnum::ResTarget(target) => boxed(&mut target.val),
        NodeEnum::MultiAssignRef(assign) => boxed(&mut assign.source),
        NodeEnum::SortBy(sort) => boxed(&mut sort.node),
        NodeEnum::SubLink(link) => {
            boxed(&mut link.testexpr);
            boxed(&mut link.subselect);
        }
        NodeEnum::NamedArgExpr(argument) => {
            quote(&mut argument.name);
            boxed(&mut argument.arg);
        }
        NodeEnum::FuncCall(call) => {
            all(&mut call.args);
            all(&mut call.agg_order);
            boxed(&mut call.agg_filter);
            if let Some(over) = call.over.as_deref_mut() {
                window(over);
            }
        }
        NodeEnum::AExpr(e) => {
            boxed(&mut e.lexpr);
            boxed(&mut e.rexpr);
        }
        NodeEnum::BoolExpr(e) => all(&mut e.args),
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
        NodeEnum::CaseExpr(e) => {
            boxed(&mut e.arg);
            all(&mut e.args);
            boxed(&mut e.defresult);
        }
        NodeEnum::CaseWhen(e) => {
            boxed(&mut e.expr);
            boxed(&mut e.result);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::{deparse, grammar};
    use pg_query::NodeEnum;
    use pg_query::protobuf::ParseResult;

    fn read(sql: &str) -> NodeEnum {
        let ParseResult { stmts, .. } =
            grammar::parse(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        stmts.into_iter().next().unwrap().stmt.unwrap().node.unwrap()
    }

    /// Each `{}` is a name, each kind of statement one that recipes write.
    const STATEMENTS: &[&str] = &[
        "ALTER TABLE {}.{} ADD CONSTRAINT {} FOREIGN KEY ({}, {}) REFERENCES {}.{} ({}, {}) ON DELETE SET NULL ({}) NOT VALID",
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}, {}) REFERENCES {} ON DELETE SET DEFAULT ({}, {}) DEFERRABLE",
        "CREATE TABLE {} ({} int, FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE SET NULL ({}))",
        "ALTER TABLE {} ADD COLUMN {} {}.{} COLLATE {}.{} CONSTRAINT {} NOT NULL DEFAULT {}.{}(1)",
        "ALTER TABLE {} ADD COLUMN {} int GENERATED ALWAYS AS ({} + 1) STORED",
        "ALTER TABLE {} ADD COLUMN {} int GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME {}.{} START 3)",
        "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} > 0 AND {}.{}({}) IS NOT NULL)",
        "ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({}, {}) INCLUDE ({})",
        "ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}",
        "ALTER TABLE {} ADD CONSTRAINT {} EXCLUDE USING gist ({} WITH OPERATOR({}.&&), {} WITH =) WHERE ({} > 0)",
        "ALTER TABLE {} ADD CONSTRAINT {} NOT NULL {}",
        "ALTER TABLE {} ALTER COLUMN {} TYPE {}.{} USING {}::{}.{}",
        "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT nextval('x'), ALTER COLUMN {} SET STATISTICS 7",
        "ALTER TABLE {} ALTER COLUMN {} SET (n_distinct = 5)",
        "ALTER TABLE {} DROP COLUMN {}, DROP CONSTRAINT {}",
        "ALTER TABLE {} RENAME COLUMN {} TO {}",
        "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
        "ALTER TABLE {} RENAME TO {}",
        "ALTER TABLE {} ATTACH PARTITION {}.{} FOR VALUES FROM (1) TO (2)",
        "ALTER TABLE {} DETACH PARTITION {}.{} CONCURRENTLY",
        "ALTER TABLE {} REPLICA IDENTITY USING INDEX {}",
        "ALTER TABLE {} DISABLE TRIGGER {}",
        "ALTER TABLE {} OWNER TO {}",
        "ALTER TABLE {} SET SCHEMA {}",
        "CREATE TABLE {}.{} PARTITION OF {}.{} FOR VALUES IN (1)",
        "CREATE TABLE {} ({} int) PARTITION BY RANGE ({}, ({} + 1))",
        "CREATE UNIQUE INDEX CONCURRENTLY {} ON {}.{} USING btree ({} COLLATE {}.{} {}.{} DESC, (lower({}))) INCLUDE ({}) WHERE {} IS NOT NULL",
        "CREATE INDEX {} ON {} ({}({} => {}))",
        "ALTER INDEX {}.{} RENAME TO {}",
        "ALTER INDEX {} ATTACH PARTITION {}.{}",
        "CREATE STATISTICS {}.{} (ndistinct, mcv) ON {}, {}, (lower({})) FROM {}.{}",
        "CREATE SEQUENCE {}.{} AS bigint OWNED BY {}.{}",
        "ALTER SEQUENCE {} OWNED BY {}.{}.{}",
        "CREATE TRIGGER {} BEFORE UPDATE OF {}, {} ON {}.{} FOR EACH ROW WHEN (NEW.{} > 5) EXECUTE FUNCTION {}.{}('a')",
        "ALTER TRIGGER {} ON {} RENAME TO {}",
        "CREATE POLICY {} ON {}.{} FOR SELECT TO {} USING ({} = {}.{}())",
        "CREATE FUNCTION {}.{}({} int, OUT {} {}.{}) LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION {}.{}({} int) RENAME TO {}",
        "DROP FUNCTION {}.{}({} int)",
        "CREATE VIEW {}.{} ({}, {}) WITH (security_barrier=true) AS SELECT {}.{}, {} AS {} FROM {}.{} AS {} JOIN {} AS {} USING ({}, {}) AS {}",
        "CREATE MATERIALIZED VIEW {}.{} AS SELECT sum({}) OVER {} FROM {} WINDOW {} AS (PARTITION BY {} ORDER BY {})",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY {}.{}",
        "UPDATE {}.{} AS {} SET {} = {}.{} + 1, ({}, {}) = (SELECT {}, 2) FROM {} AS {} WHERE {}.{} IS NULL",
        "DELETE FROM {} AS {} USING {} WHERE {}.{} = {}",
        "INSERT INTO {} AS {} ({}, {}) SELECT {}, {} FROM {} ON CONFLICT ({}) DO UPDATE SET {} = excluded.{} RETURNING {}",
        "WITH {} ({}) AS (SELECT 1) SELECT {}.{} FROM {}",
        "ALTER TYPE {}.{} RENAME TO {}",
        "ALTER TYPE {}.{} ADD VALUE 'x' BEFORE 'y'",
        "ALTER DOMAIN {}.{} ADD CONSTRAINT {} CHECK (VALUE > 0)",
        "CREATE DOMAIN {}.{} AS {}.{} CONSTRAINT {} NOT NULL",
        "VACUUM (ANALYZE) {}.{} ({}, {})",
        "REINDEX (VERBOSE) INDEX {}.{}",
        "GRANT SELECT ({}), UPDATE ({}, {}) ON {}.{} TO {} WITH GRANT OPTION",
        "ALTER PUBLICATION {} ADD TABLE ONLY {}.{} ({}, {}) WHERE ({} > 0)",
        "COMMENT ON COLUMN {}.{} IS 'x'",
        "DROP INDEX CONCURRENTLY {}.{}",
        "SELECT {}({} => 1, {} => {}), {}.{}({}) FILTER (WHERE {} > 0)",
    ];

    #[test]
    fn odd_names_survive_in_every_statement_that_is_written() {
        for name in [
            "\"mixed Case\"",
            "\"ownerId\"",
            "\"with \"\"quote\"",
            "\"it's\"",
            "\"select\"",
            "\"user\"",
            "\"left\"",
            "\"between\"",
            "\"$1\"",
            "\"Ünï\"",
            "plain",
        ] {
            for template in STATEMENTS {
                let sql = template.replace("{}", name);
                let node = read(&sql);
                let written = deparse::statement(&node);
                let again = grammar::parse(&written);
                assert!(again.is_ok(), "{sql}\n{written}\n{again:?}");
                // Places in the text are not the tree's.
                assert_eq!(written, deparse::statement(&read(&written)), "{sql}");
                let times = |text: &str| text.matches(name).count();
                assert!(times(&written) >= times(&sql), "{sql}\n{written}");
            }
        }
    }
}
