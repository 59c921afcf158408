//! Pieces of script: comments, blocks of PL/pgSQL, words for the screen.

/// `text` as comment lines, one for each of its lines.
pub(super) fn comment(text: &str) -> String {
    text.lines().map(|line| format!("-- {}\n", line.trim_end())).collect()
}

/// `body` between dollar quotes that do not occur in it.
pub(super) fn dollar(body: &str) -> String {
    let tag = (0_u32..)
        .map(|n| if n == 0 { "$airlock$".to_owned() } else { format!("$airlock_{n}$") })
        .find(|tag| !body.contains(tag.trim_end_matches('$')))
        .unwrap_or_default();
    format!("{tag}{body}{tag}")
}

/// A `DO` block; `declare` and `body` end with line breaks or are empty.
pub(super) fn block(declare: &str, body: &str) -> String {
    let declare = if declare.is_empty() { String::new() } else { format!("DECLARE\n{declare}") };
    format!("DO {};\n", dollar(&format!("\n{declare}BEGIN\n{body}END\n")))
}

/// A line that psql prints.
pub(super) fn echo(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("\\echo '{}'\n", words.join(" ").replace('\\', "\\\\").replace('\'', "''"))
}

/// A statement with its end. The end stands on a line of its own: the text may close with a comment.
pub(super) fn statement(sql: &str) -> String {
    format!("{}\n;\n", sql.trim_end().trim_end_matches(';').trim_end())
}
