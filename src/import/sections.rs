//! Files in which comment lines part the way up from the way down.

/// What a line means to the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Up,
    Down,
    /// For the tool alone; left out.
    Aside,
    Sql,
}

/// The text of both ways. What stands before the first mark is left out.
pub(super) fn split(text: &str, read: impl Fn(&str) -> Line) -> (String, String) {
    let (mut up, mut down) = (String::new(), String::new());
    let mut now = None;
    for line in text.split_inclusive('\n') {
        match (read(line.trim()), now) {
            (mark @ (Line::Up | Line::Down), _) => now = Some(mark),
            (Line::Sql, Some(Line::Up)) => up.push_str(line),
            (Line::Sql, Some(Line::Down)) => down.push_str(line),
            (Line::Aside | Line::Sql, _) => {}
        }
    }
    (up, down)
}

/// dbmate: `-- migrate:up transaction:false`.
pub(super) fn dbmate(line: &str) -> Line {
    let word = line.strip_prefix("--").and_then(|rest| rest.split_whitespace().next());
    match word {
        Some("migrate:up") => Line::Up,
        Some("migrate:down") => Line::Down,
        _ => Line::Sql,
    }
}

/// goose: `-- +goose Up`.
pub(super) fn goose(line: &str) -> Line {
    match goose_word(line).as_deref() {
        Some("up") => Line::Up,
        Some("down") => Line::Down,
        Some(_) => Line::Aside,
        None => Line::Sql,
    }
}

/// What stands behind `-- +goose`, in lower case.
pub(super) fn goose_word(line: &str) -> Option<String> {
    let rest = line.strip_prefix("--")?.trim_start();
    let rest = rest.strip_prefix("+goose").or_else(|| rest.strip_prefix("+Goose"))?;
    Some(rest.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase())
}
