//! Every call into PostgreSQL's grammar (libpg_query) goes through here.
//!
//! One place that turns its errors into words, and that knows which of its functions are sound. Its
//! node types are free to use elsewhere. Safe from many threads: its state is per thread.

use super::nesting;
use pg_query::NodeEnum;
use pg_query::protobuf::{KeywordKind, ObjectType, ParseResult, ScanToken, Token};
use std::collections::HashSet;
use std::sync::LazyLock;

/// What is said of a text whose tree this thread's stack, or the library's, may not hold. It may be
/// right all the same.
pub(super) const TOO_DEEP: &str = "statement is nested too deeply to be analysed";

/// The parse tree of `text`, which may be several statements.
///
/// # Errors
/// The grammar's own message, which says no place; [`TOO_DEEP`].
pub fn parse(text: &str) -> Result<ParseResult, String> {
    refuse_endless(text)?;
    if nesting::too_deep(text).is_some() {
        return Err(TOO_DEEP.to_owned());
    }
    pg_query::parse(text, 0).map(|parsed| parsed.protobuf).map_err(message)
}

/// The tokens of `text`, comments among them.
///
/// # Errors
/// The scanner's own message: an unterminated string or comment, a malformed number.
pub fn scan(text: &str) -> Result<Vec<ScanToken>, String> {
    // In pg_query 18.1 `scan_tokens` makes a slice of a null pointer when there is no token; anything
    // but white space is one. It takes a third of the time of `scan`.
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    if text.bytes().all(blank) {
        return Ok(Vec::new());
    }
    refuse_endless(text)?;
    pg_query::scan_tokens(text).map_err(message)
}

/// The scanner reads a run of operator characters again for every `/*` in it (PostgreSQL's `scan.l`,
/// `xcstart`): some hundred kilobytes of them would take minutes.
fn refuse_endless(text: &str) -> Result<(), String> {
    const MAX_BYTES_READ: usize = 100_000_000;
    if !text.contains("/*") {
        return Ok(());
    }
    let bytes = text.as_bytes();
    let runs = bytes.split(|byte| !b"~!@#^&|`?+-*/%<>=".contains(byte));
    let longest = runs
        .map(|run| run.len().saturating_mul(run.windows(2).filter(|pair| *pair == b"/*").count()))
        .max();
    if longest.unwrap_or(0) > MAX_BYTES_READ {
        return Err("comments are nested too deeply".to_owned());
    }
    Ok(())
}

/// SQL text for a tree.
///
/// # Errors
/// The deparser's own message, for a tree that no text gives.
pub fn deparse(tree: &ParseResult) -> Result<String, String> {
    let mut statements = tree.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref());
    // `GRANT … ON PARAMETER`: the deparser loses the name, or ends the process where it is built to
    // check itself.
    let loses = |node: &NodeEnum| matches!(node, NodeEnum::GrantStmt(grant) if grant.objtype() == ObjectType::ObjectParameterAcl);
    if statements.any(loses) {
        return Err("GRANT and REVOKE on a parameter cannot be written out".to_owned());
    }
    pg_query::deparse(tree, pg_query::DeparseOptions::default()).map_err(message)
}

/// The tree of a PL/pgSQL body, given as the whole `DO` or `CREATE FUNCTION` statement.
///
/// # Errors
/// When it is no PL/pgSQL.
pub fn plpgsql(statement: &str) -> Result<serde_json::Value, String> {
    pg_query::parse_plpgsql(statement).map_err(message)
}

fn message(error: pg_query::Error) -> String {
    use pg_query::Error;
    match error {
        // The limits of the library's own: its call stack, and the grammar's.
        Error::Parse(message)
            if message.starts_with("stack depth limit exceeded")
                || message.starts_with("memory exhausted") =>
        {
            TOO_DEEP.to_owned()
        }
        Error::Parse(message)
        | Error::Scan(message)
        | Error::Split(message)
        | Error::InvalidJson(message)
        | Error::IsUtility(message) => message,
        // What the library has encoded, so only its depth can be at fault.
        Error::Decode(_) => TOO_DEEP.to_owned(),
        Error::Conversion(_) => "text contains a NUL byte".to_owned(),
        Error::InvalidPointer => "parser ran out of memory".to_owned(),
    }
}

/// Whether `token` is a comment.
pub(crate) fn is_comment(token: &ScanToken) -> bool {
    token.token == Token::SqlComment as i32 || token.token == Token::CComment as i32
}

/// The byte offsets of `token` in the text that was scanned.
pub(crate) fn place(token: &ScanToken) -> std::ops::Range<usize> {
    // The scanner gives offsets into a C string, never negative.
    token.start.unsigned_abs() as usize..token.end.unsigned_abs() as usize
}

/// Places of the comments in `text`; `None` when it does not scan to its end.
pub fn comments(text: &str) -> Option<Vec<std::ops::Range<usize>>> {
    let tokens = scan(text).ok()?;
    Some(tokens.iter().filter(|token| is_comment(token)).map(place).collect())
}

/// Words that cannot stand as a name of any kind without quotes: every keyword that is not
/// "unreserved". Taken from the grammar itself.
static QUOTED_KEYWORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    // Token names are keywords in capitals, some with `_P` added where C needed another name.
    let words: Vec<String> = (0..2_000)
        .filter_map(|number| Token::try_from(number).ok())
        .map(|token| token.as_str_name().trim_end_matches("_P").to_ascii_lowercase())
        .collect();
    let text = words.join(" ");
    let tokens = scan(&text).expect("a list of words scans");
    tokens
        .iter()
        .filter(|token| {
            !matches!(
                KeywordKind::try_from(token.keyword_kind),
                Ok(KeywordKind::NoKeyword | KeywordKind::UnreservedKeyword)
            )
        })
        .map(|token| text[place(token)].to_owned())
        .collect()
});

/// Whether the lower-case `word` is a keyword that must be quoted to be a name everywhere.
pub(super) fn is_quoted_keyword(word: &str) -> bool {
    QUOTED_KEYWORDS.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_tokens_has_none() {
        assert_eq!(scan(""), Ok(vec![]));
        assert_eq!(comments(" \n"), Some(vec![]));
    }

    #[test]
    fn words_that_need_quotes_are_the_grammars() {
        // `name` counts on it.
        let digits = |word: &&String| word.bytes().any(|byte| byte.is_ascii_digit());
        assert_eq!(QUOTED_KEYWORDS.iter().find(digits), None);
        for word in ["select", "between", "left", "varchar", "user", "current_timestamp"] {
            assert!(is_quoted_keyword(word), "{word}");
        }
        for word in ["text", "name", "abort", "sql_comment", "ident", "email"] {
            assert!(!is_quoted_keyword(word), "{word}");
        }
    }
}
