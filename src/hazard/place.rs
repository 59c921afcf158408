//! Where in the file something stands. Only asked when there is a finding.

use crate::sql::{Span, Statement, grammar, word};
use pg_query::protobuf::AlterTableStmt;

struct Token {
    span: Span,
}

fn tokens(statement: &Statement) -> Vec<Token> {
    let scanned = grammar::scan(&statement.sql).unwrap_or_default();
    scanned
        .iter()
        .filter(|token| !grammar::is_comment(token))
        .map(|token| {
            let place = grammar::place(token);
            Token { span: Span::new(place.start, place.end) }
        })
        .collect()
}

fn text<'s>(statement: &'s Statement, token: &Token) -> &'s str {
    statement.sql.get(token.span.range()).unwrap_or_default()
}

/// The dotted name that begins at byte `location`; the whole statement when there is none.
pub(super) fn name_at(statement: &Statement, location: i32) -> Span {
    let Ok(location) = usize::try_from(location) else { return statement.span };
    if let Some(end) = word::name_end(&statement.sql, location) {
        return Span::new(location, end).shifted(statement.span.start);
    }
    let tokens = tokens(statement);
    match name_end(statement, &tokens, location) {
        Some((_, end)) => Span::new(location, end).shifted(statement.span.start),
        None => statement.span,
    }
}

/// Index of the token after the dotted name at `location`, and where the name ends.
fn name_end(statement: &Statement, tokens: &[Token], location: usize) -> Option<(usize, usize)> {
    let first = tokens.iter().position(|token| token.span.start == location)?;
    let mut last = first;
    while tokens.get(last + 1).is_some_and(|token| text(statement, token) == ".")
        && last + 2 < tokens.len()
    {
        last += 2;
    }
    Some((last + 1, tokens[last].span.end))
}

/// The first place where `word` stands as a name, quoted or not; else the whole statement.
pub(super) fn word(statement: &Statement, word: &str) -> Span {
    let is_it = |written: &str| match written.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\"") == word,
        None => written.eq_ignore_ascii_case(word),
    };
    let tokens = tokens(statement);
    let found = tokens.iter().find(|token| is_it(text(statement, token)));
    found.map_or(statement.span, |token| token.span.shifted(statement.span.start))
}

/// The subcommand of this index: what stands between the commas of the outermost level, after the
/// name of the relation.
pub(super) fn subcommand(statement: &Statement, index: usize, alter: &AlterTableStmt) -> Span {
    let tokens = tokens(statement);
    let location = alter.relation.as_ref().and_then(|name| usize::try_from(name.location).ok());
    let after = location.and_then(|location| name_end(statement, &tokens, location));
    let Some((mut first, _)) = after else { return statement.span };
    // `ALTER TABLE ONLY (t)` and `t *`.
    while tokens.get(first).is_some_and(|token| matches!(text(statement, token), "*" | ")")) {
        first += 1;
    }
    let (mut depth, mut seen) = (0_usize, 0_usize);
    let mut span: Option<Span> = None;
    for token in tokens.get(first..).unwrap_or_default() {
        match text(statement, token) {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                seen += 1;
                continue;
            }
            _ => {}
        }
        if seen == index {
            let start = span.map_or(token.span.start, |span| span.start);
            span = Some(Span::new(start, token.span.end));
        }
    }
    span.map_or(statement.span, |span| span.shifted(statement.span.start))
}
