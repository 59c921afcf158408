//! Strings of a migration that the role's own sessions read in another way than a run does.
//!
//! *In words*: with `standard_conforming_strings = off` a backslash in `'…'` begins an escape, for everyone who runs the
//! file with psql. A run always has the setting on, as the parser here has, so the backslash would be one of the
//! value. Which of the two is meant only `E'…'` says.

use super::Refusal;
use crate::catalog::Catalog;
use crate::error::Kind;
use crate::sql::setting::{Value, setting};
use crate::sql::{Diagnostic, Script, Span, Statement, grammar};
use pg_query::NodeEnum;

const SETTING: &str = "standard_conforming_strings";

/// Every ordinary string with a backslash, when the role has the setting off and the migration itself does not switch
/// it on before.
pub(in crate::rewrite) fn ambiguous(script: &Script, catalog: &Catalog) -> Vec<Refusal> {
    let by_role = catalog.server.settings.get(SETTING).is_some_and(|value| value == "off");
    let mut off = by_role;
    let mut found = Vec::new();
    for statement in &script.statements {
        if let Some(set) = setting(&statement.node).filter(|set| set.name == SETTING && !set.local)
        {
            off = by_role && !matches!(set.value, Value::To(_));
        }
        if off {
            found.extend(escaped(statement).into_iter().map(refusal));
        }
    }
    found
}

fn refusal(span: Span) -> Refusal {
    let diagnostic = Diagnostic::new("a backslash in this string has two meanings", span)
        .detail("The role's sessions have standard_conforming_strings off, where it begins an escape; in a run the setting is on.")
        .hint("Write the string as E'…', with \\\\ for a backslash of the value; or ALTER ROLE … SET standard_conforming_strings = on.");
    Refusal { kind: Kind::Refused, diagnostic }
}

/// Where ordinary strings with a backslash stand; in the body of a `DO`, which runs at once, too.
fn escaped(statement: &Statement) -> Vec<Span> {
    let runs_body = matches!(statement.node, NodeEnum::DoStmt(_));
    let mut found = Vec::new();
    in_text(&statement.sql, runs_body, &mut found);
    found.into_iter().map(|span| span.shifted(statement.span.start)).collect()
}

fn in_text(text: &str, runs_body: bool, found: &mut Vec<Span>) {
    let Ok(tokens) = grammar::scan(text) else { return };
    for token in &tokens {
        let (Ok(start), Ok(end)) = (usize::try_from(token.start), usize::try_from(token.end))
        else {
            continue;
        };
        let Some(token) = text.get(start..end) else { continue };
        if token.starts_with('\'') && token.contains('\\') {
            found.push(Span::new(start, end));
        }
        if runs_body && let Some(body) = dollar_quoted(token) {
            let mut within = Vec::new();
            in_text(&token[body.range()], true, &mut within);
            found.extend(within.into_iter().map(|span| span.shifted(start + body.start)));
        }
    }
}

/// What stands between the `$tag$`s of `token`.
fn dollar_quoted(token: &str) -> Option<Span> {
    let tag = token.strip_prefix('$')?.find('$')? + 2;
    (token.len() >= 2 * tag).then(|| Span::new(tag, token.len() - tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str, setting: Option<&str>) -> Vec<String> {
        let mut catalog = Catalog::default();
        let setting = setting.map(|value| (SETTING.to_owned(), value.to_owned()));
        catalog.server.settings.extend(setting);
        let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
        let refused = ambiguous(&script, &catalog);
        refused.iter().map(|refusal| sql[refusal.diagnostic.span.range()].to_owned()).collect()
    }

    #[test]
    fn an_ordinary_string_with_a_backslash_is_refused_where_the_role_reads_escapes() {
        let sql =
            r"SELECT 1; ALTER TABLE t ADD COLUMN x text DEFAULT 'a\\b', ADD y text DEFAULT 'c';";
        assert_eq!(found(sql, Some("off")), [r"'a\\b'"]);
        assert!(found(sql, Some("on")).is_empty());
        assert!(found(sql, None).is_empty(), "the server's own default");
        let clear = r"SELECT E'a\\b', $$a\b$$, 'ab', B'0' -- 'a\b'";
        assert!(found(clear, Some("off")).is_empty());
    }

    #[test]
    fn the_body_of_a_block_runs_at_once_and_that_of_a_function_does_not() {
        let body = r"$x$ BEGIN EXECUTE $$SELECT 'a\b'$$; PERFORM 'c\d'; END $x$";
        assert_eq!(found(&format!("DO {body};"), Some("off")), [r"'a\b'", r"'c\d'"]);
        let function = format!("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {body};");
        assert!(found(&function, Some("off")).is_empty());
    }

    #[test]
    fn a_migration_that_switches_it_on_is_clear_from_there_on() {
        let sql = r"SELECT 'a\b'; SET standard_conforming_strings = on; SELECT 'c\d'; RESET standard_conforming_strings; SELECT 'e\f';";
        assert_eq!(found(sql, Some("off")), [r"'a\b'", r"'e\f'"]);
    }
}
