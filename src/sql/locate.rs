//! Where an error is. libpg_query's messages say what is wrong but not at which place; this finds
//! the token by parsing growing prefixes of the text.

use super::{Diagnostic, Span, SqlError, grammar, nesting};
use pg_query::NodeEnum;
use std::ops::Range;

/// The error for `text`, which the grammar refused with `message`.
pub(super) fn error(text: &str, message: &str) -> SqlError {
    if message == grammar::TOO_DEEP {
        return too_deep(text);
    }
    let place = place_of(text, message);
    let span = Span::new(place.start, place.end);
    if let Some(error) = not_sql(text, &place) {
        return error;
    }
    let mut diagnostic = Diagnostic::new(tidy(message), span);
    let found = text.get(place).unwrap_or_default();
    if found == ":" {
        diagnostic =
            diagnostic.hint("psql variables are not replaced here; write the value itself.");
    } else if message.starts_with("unterminated") {
        diagnostic = diagnostic.label("begins here and never ends");
    }
    SqlError::Syntax(diagnostic)
}

fn too_deep(text: &str) -> SqlError {
    let place = nesting::too_deep(text).unwrap_or_else(|| end_of(text));
    SqlError::TooDeep(
        Diagnostic::new(grammar::TOO_DEEP, Span::new(place.start, place.end))
            .label("too deep here")
            .hint(format!(
                "It may be right: PostgreSQL takes more. At most {} levels of parentheses, `CASE`, \
                 operators in a row, joins and unions are analysed. Split it up.",
                nesting::MAX_LEVELS
            )),
    )
}

/// The message without the quotation of the place, which the mark shows better: an unterminated
/// string would quote the whole rest of the file.
fn tidy(message: &str) -> String {
    match message.find(" at or near \"") {
        Some(end) if message.len() - end > 80 || message.starts_with("unterminated") => {
            message[..end].to_owned()
        }
        Some(_) | None => message.to_owned(),
    }
}

fn place_of(text: &str, message: &str) -> Range<usize> {
    // The scanner's errors quote everything from the place of the error to where it gave up.
    if let Err(from_scanner) = grammar::scan(text)
        && from_scanner == message
        && let Some(quoted) = quoted_text(message)
        && let Some(start) = scanner_place(text, message, quoted)
    {
        // One character is enough to mark the start of what never ends.
        let length = if message.starts_with("unterminated") {
            opening_length(&text[start..])
        } else {
            quoted.len()
        };
        return start..start + length;
    }
    let Some(ends) = token_places(text) else { return end_of(text) };
    if message.ends_with("at end of input") {
        return end_of(text);
    }
    first_refused(text, message, &ends).unwrap_or_else(|| end_of(text))
}

/// Binary search for the first token with which the text is refused as the whole is: once the
/// parser has met the offending token, nothing that follows can change its mind.
fn first_refused(text: &str, message: &str, tokens: &[Range<usize>]) -> Option<Range<usize>> {
    let refused = |count: usize| {
        let Some(last) = count.checked_sub(1).and_then(|index| tokens.get(index)) else {
            return false;
        };
        grammar::parse(&text[..last.end]).is_err_and(|found| found == message)
    };
    let (mut accepted, mut bad) = (0, tokens.len());
    if !refused(bad) {
        return None;
    }
    while accepted + 1 < bad {
        let middle = accepted + (bad - accepted) / 2;
        if refused(middle) { bad = middle } else { accepted = middle }
    }
    tokens.get(bad - 1).cloned()
}

/// Places of the tokens; of those before the scanner's error when there is one.
fn token_places(text: &str) -> Option<Vec<Range<usize>>> {
    let tokens = match grammar::scan(text) {
        Ok(tokens) => tokens,
        Err(message) => {
            let start = scanner_place(text, &message, quoted_text(&message)?)?;
            grammar::scan(&text[..start]).ok()?
        }
    };
    Some(tokens.iter().filter(|token| !grammar::is_comment(token)).map(grammar::place).collect())
}

fn quoted_text(message: &str) -> Option<&str> {
    let (_, quoted) = message.split_once(" at or near \"")?;
    quoted.strip_suffix('"')
}

/// Where the scanner stopped. For something unterminated the quoted text is the rest of the input;
/// else the first place where it stands and where everything before it scans.
fn scanner_place(text: &str, message: &str, quoted: &str) -> Option<usize> {
    if message.starts_with("unterminated") && text.ends_with(quoted) {
        return Some(text.len() - quoted.len());
    }
    text.match_indices(quoted).map(|(start, _)| start).find(|start| {
        grammar::scan(&text[..*start]).is_ok()
            && grammar::scan(&text[..*start + quoted.len()]).is_err()
    })
}

/// Length of what opens a string, quoted name, comment or dollar quote at the start of `text`.
fn opening_length(text: &str) -> usize {
    if text.starts_with("/*") {
        return 2;
    }
    if let Some(rest) = text.strip_prefix('$') {
        return rest.find('$').map_or(1, |end| end + 2);
    }
    text.find(['\'', '"']).map_or(text.len(), |quote| quote + 1)
}

/// The end of what is written, an empty span behind the last token.
fn end_of(text: &str) -> Range<usize> {
    let end = grammar::scan(text)
        .ok()
        .and_then(|tokens| {
            tokens.iter().rfind(|token| !grammar::is_comment(token)).map(grammar::place)
        })
        .map_or(text.trim_end().len(), |last| last.end);
    end..end
}

/// psql's own language, and data behind `COPY … FROM stdin`.
fn not_sql(text: &str, place: &Range<usize>) -> Option<SqlError> {
    let before = text.get(..place.start)?;
    if let Some(end) = before.rfind(';')
        && let Some(copy) = copy_from_stdin(&before[..=end])
    {
        return Some(SqlError::NotSql(inline_data(copy)));
    }
    if !text[place.start..].starts_with('\\') {
        return None;
    }
    let line_end = text[place.start..].find(['\r', '\n']).map_or(text.len(), |n| place.start + n);
    let word = text[place.start..line_end].split_whitespace().next().unwrap_or("\\");
    let span = Span::new(place.start, place.start + word.len());
    Some(SqlError::NotSql(
        Diagnostic::new(format!("psql meta-command `{word}`"), span)
            .label("the server never sees this")
            .hint("Only SQL can stand in a revision. Write out what the meta-command would do."),
    ))
}

/// The place of the last statement of `text` when it is `COPY … FROM stdin`.
fn copy_from_stdin(text: &str) -> Option<Span> {
    let tree = grammar::parse(text).ok()?;
    let last = tree.stmts.last()?;
    match last.stmt.as_ref()?.node.as_ref()? {
        NodeEnum::CopyStmt(copy) if copy.is_from && copy.filename.is_empty() => {
            let start = usize::try_from(last.stmt_location).ok()?;
            let blank = text[start..].len() - text[start..].trim_start().len();
            Some(Span::new(start + blank, text.trim_end_matches([';', ' ']).len()))
        }
        _ => None,
    }
}

pub(super) fn inline_data(span: Span) -> Diagnostic {
    Diagnostic::new("`COPY … FROM stdin` needs psql", span)
        .label("its data is not SQL")
        .hint("Write the rows as `INSERT … VALUES`, or let the server read a file with `COPY … FROM '/path'`.")
}
