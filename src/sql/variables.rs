//! psql's variables, bound: `:name`, `:'name'` and `:"name"` become a token, a literal or an identifier.
//!
//! Only tokens of the text itself count: within strings, comments and dollar quotes nothing is a
//! variable, nor is `::` or `:=`. A value never becomes more than the one token that is asked for.

use super::{Diagnostic, Span, SqlError, grammar, quote_ident, quote_literal};
use pg_query::protobuf::{ScanToken, Token};
use std::collections::BTreeMap;
use std::ops::Range;

/// PostgreSQL cuts longer names off.
const MAX_IDENT_BYTES: usize = 63;

/// Keywords that are values and nothing else.
const VALUE_WORDS: [&str; 3] = ["true", "false", "null"];

/// A variable as a file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// What it is when nobody says otherwise.
    pub default: Option<String>,
}

/// A text with values in place of its variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    pub text: String,
    pub places: Places,
}

/// Where values were put in, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places(Vec<Place>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Of the variable, in the text as written.
    written: Range<usize>,
    /// Of the value, in the text with values.
    bound: Range<usize>,
}

impl Places {
    /// Where `span` of the text with values stands in the text as written.
    pub fn written(&self, span: Span) -> Span {
        let start = self.one(span.start, false);
        Span::new(start, self.one(span.end, true).max(start))
    }

    /// `end`: the place is one behind the last byte that is meant.
    fn one(&self, at: usize, end: bool) -> usize {
        let before = self.0.partition_point(|place| {
            if end { place.bound.start < at } else { place.bound.start <= at }
        });
        let Some(place) = before.checked_sub(1).and_then(|last| self.0.get(last)) else {
            return at;
        };
        if at >= place.bound.end {
            return at - place.bound.end + place.written.end;
        }
        if end { place.written.end } else { place.written.start }
    }
}

/// How a variable is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bare,
    Literal,
    Identifier,
}

/// `text` with the values of the variables that stand in `text[section]`.
///
/// # Errors
/// A variable that is not declared, that has no value, or whose value cannot stand there, with its
/// place. A text that does not scan is for the parser to refuse: it stays as it is.
pub fn bind(
    text: &str,
    section: Range<usize>,
    declared: &[Declared],
    values: &BTreeMap<String, String>,
) -> Result<Bound, SqlError> {
    let mut bound = Bound { text: text[..section.start].to_owned(), places: Places::default() };
    let body = &text[section.clone()];
    let tokens = grammar::scan(body).unwrap_or_default();
    let tokens: Vec<ScanToken> =
        tokens.into_iter().filter(|token| !grammar::is_comment(token)).collect();
    let mut copied = section.start;
    let mut brackets = Brackets::default();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let before = index.checked_sub(1).map(|last| tokens[last].token);
        let Some((form, name, place)) = variable(body, &tokens, index) else {
            brackets.pass(token.token, before);
            index += 1;
            continue;
        };
        index += 2;
        let span = Span::new(place.start, place.end).shifted(section.start);
        let Some(found) = declared.iter().find(|found| found.name == name) else {
            if brackets.subscript() && form == Form::Bare {
                continue;
            }
            return Err(undeclared(name, span, declared));
        };
        if brackets.subscript() && form == Form::Bare {
            let message = format!("`:{name}` is a bound of a slice or a variable");
            return Err(SqlError::NotSql(Diagnostic::new(message, span).hint(format!(
                "Write `: {name}` for the slice, and `(:{name})` for the variable."
            ))));
        }
        let Some(value) = values.get(name).or(found.default.as_ref()) else {
            return Err(without_value(name, span));
        };
        let written = written(form, name, value, span)?;
        bound.text.push_str(&text[copied..span.start]);
        let start = bound.text.len();
        // A value never grows together with what stands beside it.
        if bound.text.bytes().next_back().is_some_and(glues) {
            bound.text.push(' ');
        }
        bound.text.push_str(&written);
        if text.as_bytes().get(span.end).copied().is_some_and(glues) {
            bound.text.push(' ');
        }
        bound.places.0.push(Place { written: span.range(), bound: start..bound.text.len() });
        copied = span.end;
    }
    bound.text.push_str(&text[copied..]);
    Ok(bound)
}

/// Whether a value beside this byte could be read as one token with it.
fn glues(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b'[' | b']' | b',' | b';' | b'.')
}

/// The variable that begins at token `index`: nothing stands between the colon and the name.
fn variable<'t>(
    body: &'t str,
    tokens: &[ScanToken],
    index: usize,
) -> Option<(Form, &'t str, Range<usize>)> {
    let colon = &tokens[index];
    if colon.token != Token::Ascii58 as i32 {
        return None;
    }
    let colon = grammar::place(colon);
    let named = grammar::place(tokens.get(index + 1)?);
    if colon.end != named.start {
        return None;
    }
    let text = &body[named.clone()];
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let (form, name) = match within('\'') {
        Some(name) => (Form::Literal, name),
        None => match within('"') {
            Some(name) => (Form::Identifier, name),
            None => (Form::Bare, text),
        },
    };
    is_name(name).then_some((form, name, colon.start..named.end))
}

/// Whether `name` can be a variable's.
pub fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(word)
        && name.chars().all(|c| word(c) || c.is_ascii_digit())
        && name.len() <= MAX_IDENT_BYTES
}

/// Which brackets are open, and whether a colon directly within them parts the bounds of a slice.
#[derive(Default)]
struct Brackets(Vec<Open>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Parenthesis,
    /// `ARRAY[…]`, and `[…]` within it.
    Array,
    Subscript,
}

impl Brackets {
    fn pass(&mut self, token: i32, before: Option<i32>) {
        let is = |one: Token| token == one as i32;
        if is(Token::Ascii40) {
            self.0.push(Open::Parenthesis);
        } else if is(Token::Ascii91) {
            let begins = |one: Token| before == Some(one as i32);
            let nested = self.0.last() == Some(&Open::Array)
                && (begins(Token::Ascii91) || begins(Token::Ascii44));
            let array = begins(Token::Array) || nested;
            self.0.push(if array { Open::Array } else { Open::Subscript });
        } else if is(Token::Ascii41) || is(Token::Ascii93) {
            self.0.pop();
        } else if is(Token::Ascii59) {
            self.0.clear();
        }
    }

    fn subscript(&self) -> bool {
        self.0.last() == Some(&Open::Subscript)
    }
}

/// The value as SQL.
fn written(form: Form, name: &str, value: &str, span: Span) -> Result<String, SqlError> {
    let refuse = |message: String, hint: &str| {
        Err(SqlError::NotSql(Diagnostic::new(message, span).hint(hint.to_owned())))
    };
    match form {
        Form::Literal => Ok(quote_literal(value)),
        Form::Identifier if value.is_empty() => {
            refuse(format!("the value of `{name}` is empty and cannot be a name"), "Give a name.")
        }
        Form::Identifier if value.len() > MAX_IDENT_BYTES => refuse(
            format!("the value of `{name}` is longer than {MAX_IDENT_BYTES} bytes"),
            "PostgreSQL cuts such a name off.",
        ),
        Form::Identifier => Ok(quote_ident(value)),
        Form::Bare if is_number(value) => Ok(match value.starts_with('-') {
            // `a -:x` must not become a comment, nor `:x::text` the negative of a text.
            true => format!("({value})"),
            false => value.to_owned(),
        }),
        Form::Bare if VALUE_WORDS.contains(&value) => Ok(value.to_owned()),
        // What needs no quotes as a name is no keyword that means something.
        Form::Bare if !value.is_empty() && quote_ident(value) == value => Ok(value.to_owned()),
        Form::Bare => refuse(
            format!("the value of `{name}` cannot stand there without quotes"),
            &format!(
                "Only a number or a plain word can. Write `:'{name}'` for a string or `:\"{name}\"` for a name."
            ),
        ),
    }
}

fn is_number(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.strip_prefix('-').unwrap_or(value);
    match value.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(value),
    }
}

fn undeclared(name: &str, span: Span, declared: &[Declared]) -> SqlError {
    let names: Vec<&str> = declared.iter().map(|found| found.name.as_str()).collect();
    let found = Diagnostic::new(format!("variable `{name}` is not declared"), span)
        .hint(format!("Add it to the header: `-- variables: {}, {name}`.", names.join(", ")));
    SqlError::NotSql(match super::nearest::nearest(name, &names) {
        Some(near) => found.label(format!("did you mean `{near}`?")),
        None => found,
    })
}

fn without_value(name: &str, span: Span) -> SqlError {
    let message = format!("variable `{name}` has no value");
    SqlError::NotSql(Diagnostic::new(message, span).hint(format!(
        "Give it with --set {name}=…, or write it below [variables] or [env.NAME.variables] in airlock.toml."
    )))
}

/// A syntax error at what looks like a variable, in a file that declares none, says how to have one.
pub fn explained(error: SqlError, text: &str) -> SqlError {
    let SqlError::Syntax(mut found) = error else { return error };
    let rest = text.get(found.span.start..).unwrap_or_default();
    let rest = rest.strip_prefix(':').map(|rest| rest.trim_start_matches(['\'', '"']));
    let name = rest.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    if let Some(name) = name.filter(|name| is_name(name)) {
        found.hint =
            Some(format!("A variable has to be declared in the header: `-- variables: {name}`."));
    }
    SqlError::Syntax(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(names: &[&str]) -> Vec<Declared> {
        names.iter().map(|name| Declared { name: (*name).to_owned(), default: None }).collect()
    }

    fn with(sql: &str, value: &str) -> Result<String, SqlError> {
        let values = BTreeMap::from([("x".to_owned(), value.to_owned())]);
        bind(sql, 0..sql.len(), &declared(&["x", "y"]), &values).map(|bound| bound.text)
    }

    #[test]
    fn each_form_becomes_one_token() {
        for (sql, value, wanted) in [
            ("SELECT :'x'", "it's", "SELECT 'it''s'"),
            ("SELECT :'x'", "'; DROP TABLE t; --", "SELECT '''; DROP TABLE t; --'"),
            ("SELECT :'x'", "a\\", "SELECT E'a\\\\'"),
            ("SELECT * FROM s.:\"x\"", "T\"; --", "SELECT * FROM s.\"T\"\"; --\""),
            ("SELECT * FROM :\"x\".t", "plain", "SELECT * FROM plain.t"),
            ("SELECT :x", "12.5", "SELECT 12.5"),
            ("SELECT 1 -:x", "-1", "SELECT 1 - (-1)"),
            ("SELECT :x", "true", "SELECT true"),
            ("SELECT :x", "column_a", "SELECT column_a"),
            ("SELECT ARRAY[:x, 2]", "1", "SELECT ARRAY[1, 2]"),
            ("SELECT ARRAY[[:x], [:x]]", "1", "SELECT ARRAY[[1], [1]]"),
            ("SELECT a[(:x)]", "1", "SELECT a[(1)]"),
            // Nothing grows together with its neighbours.
            ("SELECT E:'x'", "\\", "SELECT E E'\\\\'"),
            ("SELECT :'x':'x'", "a", "SELECT 'a' 'a'"),
            ("SELECT a:x", "b", "SELECT a b"),
            ("SELECT :x::text", "1", "SELECT 1 ::text"),
        ] {
            assert_eq!(with(sql, value).unwrap(), wanted, "{sql}");
        }
    }

    #[test]
    fn what_is_no_variable_stays() {
        for sql in [
            "SELECT ':x', \":x\", $$:x$$, E':x' -- :x\n/* :'x' */",
            "SELECT '1'::x, a[1:2], a[lo:hi], a[lo : x], f(a := 1), a::y",
            "SELECT : x",
        ] {
            assert_eq!(with(sql, "1").unwrap(), sql);
        }
    }

    #[test]
    fn what_cannot_be_bound_is_refused_with_its_place() {
        for (sql, value, place, word) in [
            ("SELECT :x", "a b", ":x", "without quotes"),
            ("SELECT :x", "select", ":x", "without quotes"),
            ("SELECT :x", "1; DROP TABLE t", ":x", "without quotes"),
            ("SELECT :x", "1.", ":x", "without quotes"),
            ("SELECT :x", "A", ":x", "without quotes"),
            ("SELECT :x", "", ":x", "without quotes"),
            ("SELECT :\"x\"", "", ":\"x\"", "empty"),
            ("SELECT :'y'", "1", ":'y'", "no value"),
            ("SELECT 1, :z", "1", ":z", "not declared"),
            ("SELECT a[1:x]", "1", ":x", "slice"),
        ] {
            let error = with(sql, value).expect_err(sql).into_diagnostic();
            assert_eq!(&sql[error.span.range()], place, "{sql}");
            assert!(error.message.contains(word) && error.hint.is_some(), "{sql}: {error:?}");
        }
    }

    #[test]
    fn places_lead_back_to_the_text_as_written() {
        let sql = "SELECT :'x' + a, :x + b";
        let values = BTreeMap::from([("x".to_owned(), "long_value".to_owned())]);
        let bound = bind(sql, 0..sql.len(), &declared(&["x"]), &values).unwrap();
        assert_eq!(bound.text, "SELECT 'long_value' + a, long_value + b");
        for (there, here) in [
            ("'long_value'", ":'x'"),
            ("value'", ":'x'"),
            ("+ a", "+ a"),
            (", long_value", ", :x"),
            ("b", "b"),
            ("SELECT", "SELECT"),
        ] {
            let start = match there {
                "b" => bound.text.len() - 1,
                _ => bound.text.find(there).unwrap(),
            };
            let span = bound.places.written(Span::new(start, start + there.len()));
            assert_eq!(&sql[span.range()], here, "{there}");
        }
    }

    #[test]
    fn a_syntax_error_at_a_colon_says_how_variables_are_declared() {
        let sql = "SELECT :'owner'";
        let error = explained(crate::sql::parse(sql, 0..sql.len()).unwrap_err(), sql);
        assert!(error.diagnostic().hint.as_ref().unwrap().contains("-- variables: owner"));
    }
}
