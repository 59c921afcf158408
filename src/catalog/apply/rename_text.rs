//! Names inside definitions that are kept as text.
//!
//! Works on tokens, not on trees: a definition keeps its spelling. A name is taken for a column
//! where a column can stand; this is for what is shown and for later statements of the same file,
//! the server itself renames by number.

use crate::sql::{QualifiedName, quote_ident, quote_literal};
use pg_query::protobuf::{ScanToken, Token};

/// `text` with every column `from` of `table` called `to`.
pub(super) fn column(text: &str, table: &str, from: &str, to: &str) -> String {
    let Ok(scanned) = crate::sql::grammar::scan(text) else { return text.to_owned() };
    let tokens = &scanned;
    let word = |at: usize| tokens.get(at).map_or("", |token| slice(text, token));
    let mut renamed = String::with_capacity(text.len());
    let mut written = 0;
    for (at, token) in tokens.iter().enumerate() {
        if !is_name(text, token, from) || matches!(word(at + 1), "(" | ".") {
            continue;
        }
        let before = if at == 0 { "" } else { word(at - 1) };
        if before == "::" || before.eq_ignore_ascii_case("collate") {
            continue;
        }
        if before == "." && at >= 2 && !qualifies(text, &tokens[at - 2], table) {
            continue;
        }
        let (start, end) = place(token);
        renamed.push_str(&text[written..start]);
        renamed.push_str(&quote_ident(to));
        written = end;
    }
    renamed.push_str(&text[written..]);
    renamed
}

/// `text` with the value `from` of the enum `of` called `to`, where it stands as the server prints it.
pub(super) fn label(text: &str, of: &QualifiedName, from: &str, to: &str) -> String {
    let Ok(tokens) = crate::sql::grammar::scan(text) else { return text.to_owned() };
    let word = |at: usize| tokens.get(at).map_or("", |token| slice(text, token));
    let (old, schema, name) = (quote_literal(from), quote_ident(&of.schema), quote_ident(&of.name));
    let mut renamed = String::with_capacity(text.len());
    let mut written = 0;
    for (at, token) in tokens.iter().enumerate() {
        let qualified = word(at + 2) == schema && word(at + 3) == "." && word(at + 4) == name;
        let is_of = word(at + 1) == "::" && (qualified || word(at + 2) == name);
        if !is_of || slice(text, token) != old {
            continue;
        }
        let (start, end) = place(token);
        renamed.push_str(&text[written..start]);
        renamed.push_str(&quote_literal(to));
        written = end;
    }
    renamed.push_str(&text[written..]);
    renamed
}

/// Whether `token` before a dot means the table: by its name, or as a row of a trigger.
fn qualifies(text: &str, token: &ScanToken, table: &str) -> bool {
    [table, "new", "old", "excluded"].iter().any(|name| is_name(text, token, name))
}

fn place(token: &ScanToken) -> (usize, usize) {
    (usize::try_from(token.start).unwrap_or(0), usize::try_from(token.end).unwrap_or(0))
}

fn slice<'a>(text: &'a str, token: &ScanToken) -> &'a str {
    let (start, end) = place(token);
    text.get(start..end).unwrap_or_default()
}

/// Whether a token spells `name`, in quotes or without.
fn is_name(text: &str, token: &ScanToken, name: &str) -> bool {
    let spelled = slice(text, token);
    if token.token() == Token::Sconst {
        return false;
    }
    match spelled.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\"") == name,
        None => spelled.eq_ignore_ascii_case(name) && !name.chars().any(|c| c.is_ascii_uppercase()),
    }
}

/// `text` with the qualified name `from` written as `to`, also where it stands in a literal such as
/// the argument of `nextval`.
pub(super) fn relation(text: &str, from: &QualifiedName, to: &QualifiedName) -> String {
    let (from, to) = (from.to_string(), to.to_string());
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&from) {
        let before = rest[..at].chars().next_back();
        let after = rest[at + from.len()..].chars().next();
        renamed.push_str(&rest[..at]);
        let apart =
            |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || "_\"$.".contains(c)));
        // A dot behind it is a column of the relation.
        let ends = after == Some('.') || apart(after);
        renamed.push_str(if apart(before) && ends { &to } else { &from });
        rest = &rest[at + from.len()..];
    }
    renamed.push_str(rest);
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_from_functions_types_and_strings() {
        let renamed = |text: &str| column(text, "t", "lower", "to do");
        assert_eq!(renamed("lower(lower)"), "lower(\"to do\")");
        assert_eq!(renamed("((lower)::lower)"), "((\"to do\")::lower)");
        assert_eq!(renamed("'lower' || \"lower\""), "'lower' || \"to do\"");
        assert_eq!(renamed("t.lower > o.lower"), "t.\"to do\" > o.lower");
        assert_eq!(
            renamed("(old.lower IS DISTINCT FROM new.lower)"),
            "(old.\"to do\" IS DISTINCT FROM new.\"to do\")"
        );
        assert_eq!(column("\"A b\" > a", "t", "A b", "c"), "c > a");
        assert_eq!(column("a > \"A\"", "t", "A", "c"), "a > c");
    }

    #[test]
    fn relations_are_whole_names() {
        let (from, to) = (QualifiedName::new("s", "t"), QualifiedName::new("s", "New"));
        let renamed = |text: &str| relation(text, &from, &to);
        assert_eq!(renamed("REFERENCES s.t(id)"), "REFERENCES s.\"New\"(id)");
        assert_eq!(renamed("s.t2 ss.t s.t"), "s.t2 ss.t s.\"New\"");
        assert_eq!(renamed("nextval('s.t'::regclass)"), "nextval('s.\"New\"'::regclass)");
        assert_eq!(renamed("s.t.a"), "s.\"New\".a");
    }
}
