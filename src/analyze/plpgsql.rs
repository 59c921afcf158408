//! What can be seen in a `DO` block: the statements of a PL/pgSQL body, and texts given to `EXECUTE`
//! as a plain literal.
//!
//! The verdict stays opaque: loops, conditions and texts put together while the block runs are not
//! followed, and nothing here says that a statement is reached.

use super::dispatch;
use super::effects::Effects;
use super::resolve::Context;
use crate::sql::{Statement, grammar};
use pg_query::NodeEnum;
use pg_query::protobuf::{DoStmt, Node, a_const};
use serde_json::Value;

/// Statements of one block that are looked at; more than any person writes.
const MAX_STATEMENTS: usize = 10_000;

/// How PL/pgSQL has an expression parsed (`RawParseMode`).
mod parse_mode {
    pub(super) const STATEMENT: u64 = 0;
    pub(super) const EXPRESSION: u64 = 2;
}

/// Puts what the block would do into `fx`.
pub(super) fn do_block<'c>(cx: Context<'_, 'c>, block: &DoStmt, fx: &mut Effects<'c>) {
    fx.opaque();
    let other_language = block.args.iter().any(|arg| match &arg.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "language" => !matches!(
            option.arg.as_deref().and_then(|arg| arg.node.as_ref()),
            Some(NodeEnum::String(name)) if name.sval == "plpgsql"
        ),
        _ => false,
    });
    if other_language {
        return;
    }
    let Ok(tree) = grammar::plpgsql(&cx.statement.sql) else { return };
    let mut texts = Vec::new();
    collect(&tree, &mut texts);
    for text in texts.into_iter().take(MAX_STATEMENTS) {
        let Ok(parsed) = grammar::parse(&text) else { continue };
        for node in parsed.stmts.into_iter().filter_map(|raw| raw.stmt?.node) {
            let inner = Statement { sql: text.clone(), node, ..cx.statement.clone() };
            // Names may be variables of the block, or made by an earlier statement of it: what does
            // not fit the catalog is no error here.
            let _ = dispatch::statement(Context { statement: &inner, ..cx }, fx);
        }
    }
    fx.opaque();
}

/// The SQL in the body of a PL/pgSQL function; what is assigned to stands in a `SELECT` of its own.
/// `None` when it is no PL/pgSQL.
pub fn function_texts(source: &str) -> Option<Vec<String>> {
    // As a trigger function libpg_query 18.1 gives JSON that cannot be read: `NEW` and `OLD` are
    // arguments here.
    let quote = (0..).map(|n| format!("$body{n}$")).find(|quote| !source.contains(quote))?;
    let tree = grammar::plpgsql(&format!(
        "CREATE FUNCTION f(new record, old record) RETURNS record LANGUAGE plpgsql AS \
         {quote}{source}{quote}"
    ))
    .ok()?;
    let mut texts = Vec::new();
    collect(&tree, &mut texts);
    let mut targets = Vec::new();
    crate::catalog::expression::walk_json(&tree, &mut |kind, node| {
        let is_assignment = kind == "PLpgSQL_expr"
            && node["parseMode"].as_u64().is_some_and(|mode| mode > parse_mode::EXPRESSION);
        if let Some(text) = node["query"].as_str().filter(|_| is_assignment)
            && let Some((target, _)) = text.split_once(":=").or_else(|| text.split_once('='))
        {
            targets.push(format!("SELECT {target}"));
        }
    });
    texts.extend(targets);
    texts.truncate(MAX_STATEMENTS);
    Some(texts)
}

/// The SQL in every expression of a PL/pgSQL tree.
fn collect(tree: &Value, into: &mut Vec<String>) {
    let mut stack = vec![(tree, false)];
    while let Some((value, executed)) = stack.pop() {
        match value {
            Value::Object(fields) => {
                for (kind, below) in fields {
                    if kind == "PLpgSQL_expr" {
                        into.extend(sql_of(below, executed));
                    }
                    // `EXECUTE` and its kin keep their text here; a text that is parsed as a
                    // statement is one itself.
                    let executed = matches!(kind.as_str(), "query" | "dynquery");
                    stack.push((below, executed));
                }
            }
            Value::Array(items) => stack.extend(items.iter().map(|item| (item, false))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn sql_of(expr: &Value, executed: bool) -> Option<String> {
    let text = expr.get("query")?.as_str()?;
    let mode = expr.get("parseMode").and_then(Value::as_u64).unwrap_or(parse_mode::STATEMENT);
    match mode {
        parse_mode::STATEMENT => Some(text.to_owned()),
        parse_mode::EXPRESSION if executed => literal(text),
        parse_mode::EXPRESSION => Some(format!("SELECT {text}")),
        // An assignment: `variable := expression`.
        _ => {
            let (_, value) = text.split_once(":=").or_else(|| text.split_once('='))?;
            Some(format!("SELECT {value}"))
        }
    }
}

/// The text of `EXECUTE 'text'`.
fn literal(expression: &str) -> Option<String> {
    let node: Node = crate::sql::parse_expression(expression).ok()?;
    match node.node? {
        NodeEnum::AConst(constant) => match constant.val? {
            a_const::Val::Sval(text) => Some(text.sval),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        let tree = grammar::plpgsql(&format!("DO $do$ {body} $do$")).unwrap();
        let mut texts = Vec::new();
        collect(&tree, &mut texts);
        texts.sort();
        texts
    }

    #[test]
    fn statements_are_found_wherever_they_stand() {
        let found = texts(
            "DECLARE r record; n int := (SELECT count(*) FROM a); BEGIN \
             IF EXISTS (SELECT FROM b) THEN UPDATE c SET x = 1; END IF; \
             FOR r IN SELECT * FROM d LOOP DELETE FROM e WHERE id = r.id; END LOOP; \
             n := (SELECT 1 FROM f); PERFORM g(); \
             EXCEPTION WHEN others THEN INSERT INTO h VALUES (1); END",
        );
        for table in ["FROM a", "FROM b", "UPDATE c", "FROM d", "FROM e", "FROM f", "g()", "INTO h"]
        {
            assert!(found.iter().any(|text| text.contains(table)), "{table} in {found:?}");
        }
    }

    #[test]
    fn bodies_of_trigger_functions_can_be_read() {
        let found = function_texts(
            "DECLARE n int; BEGIN NEW.a := lower(NEW.b); n := OLD.c; INSERT INTO d VALUES (1); \
             RETURN NEW; END",
        )
        .unwrap();
        for text in ["NEW.a", "lower(NEW.b)", "OLD.c", "INSERT INTO d"] {
            assert!(found.iter().any(|found| found.contains(text)), "{text} in {found:?}");
        }
        assert_eq!(function_texts("not a body"), None);
    }

    #[test]
    fn only_literal_texts_of_execute_are_seen() {
        let found = texts(
            "BEGIN EXECUTE 'ALTER TABLE a ADD COLUMN b int'; \
             EXECUTE format('DROP TABLE %I', 'c'); EXECUTE 'SELECT ' || 'x' USING 'DROP TABLE d'; END",
        );
        assert!(found.contains(&"ALTER TABLE a ADD COLUMN b int".to_owned()));
        assert!(!found.iter().any(|text| text.starts_with("DROP")), "{found:?}");
    }
}
