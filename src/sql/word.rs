//! Where a name stands in a statement, without scanning it: for the usual text, which has no quotes
//! and comments in it. `None` always means "scan it", never "it is not there".

/// Whether the byte can be part of a word that needs no quotes. Letters beyond ASCII can as well;
/// texts with such are left to the scanner.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The end of the dotted name that begins at byte `location`.
pub(crate) fn name_end(sql: &str, location: usize) -> Option<usize> {
    let rest = sql.as_bytes().get(location..)?;
    let length = rest.iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
    let plain = rest[..length]
        .split(|byte| *byte == b'.')
        .all(|part| part.first().is_some_and(|first| is_word(*first) && !first.is_ascii_digit()));
    // What follows may be a dot after space or a comment, a quoted part or a letter beyond ASCII.
    let after = rest[length..].iter().position(|byte| !byte.is_ascii_whitespace());
    let ends = match after.map(|at| (at, rest[length + at])) {
        None | Some((_, b'(' | b')' | b',' | b';')) => true,
        Some((at, next)) => at > 0 && is_word(next),
    };
    (plain && ends).then_some(location + length)
}

/// Where the lower-case `word` first stands as a word of its own, at or after byte `from`.
pub(crate) fn find(sql: &str, word: &str, from: usize) -> Option<usize> {
    let bytes = sql.as_bytes();
    let strange = |byte: &u8| matches!(byte, b'\'' | b'"' | b'$' | b'-' | b'/') || !byte.is_ascii();
    if word.is_empty()
        || word.starts_with(|c: char| c.is_ascii_digit())
        || !word.bytes().all(is_word)
        || bytes.iter().any(strange)
    {
        return None;
    }
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| !is_word(*byte));
    (from..(bytes.len() + 1).checked_sub(word.len())?).find(|start| {
        let end = start + word.len();
        bytes[*start..end].eq_ignore_ascii_case(word.as_bytes())
            && edge(start.checked_sub(1).and_then(|before| bytes.get(before)))
            && edge(bytes.get(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_they_do() {
        let end =
            |sql: &str, location| name_end(sql, location).map(|end| sql[location..end].to_owned());
        assert_eq!(end("ALTER TABLE s.t ADD", 12).as_deref(), Some("s.t"));
        assert_eq!(end("DROP TABLE t", 11).as_deref(), Some("t"));
        assert_eq!(end("f(a, t)", 5).as_deref(), Some("t"));
        for (sql, location) in [
            ("a . b", 0),
            ("s.\"T\" x", 0),
            ("\"T\"", 0),
            ("ä", 0),
            ("t/**/.b", 0),
            ("U&\"t\"", 0),
            ("t", 5),
        ] {
            assert_eq!(end(sql, location), None, "{sql}");
        }
    }

    #[test]
    fn words_are_found_whole() {
        assert_eq!(find("ALTER TABLE tab ADD ab int, ADD b int", "b", 0), Some(32));
        assert_eq!(find("DROP TABLE B", "b", 0), Some(11));
        assert_eq!(find("b b b", "b", 1), Some(2));
        assert_eq!(find("abc", "abcd", 0), None);
        for sql in ["SELECT 'b' b", "SELECT 1 -- b\n b", "SELECT \"b\"", "b_ b2 ab", "ü b"] {
            assert_eq!(find(sql, "b", 0), None, "{sql}");
        }
    }
}
