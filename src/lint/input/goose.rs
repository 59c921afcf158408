//! goose: `-- +goose Up`, `-- +goose Down`, `-- +goose StatementBegin` and `StatementEnd`.
//!
//! A file runs in one transaction unless it says `-- +goose NO TRANSACTION` (goose's documentation,
//! "Annotations"). `StatementBegin` only helps goose to find the end of a function's body, which
//! PostgreSQL's parser finds by itself.

use super::sections::{Mark, keep_up};
use super::{Adapted, Transaction, line_with};

pub(super) fn recognises(text: &str) -> bool {
    text.contains("+goose") && line_with(text, |line| mark(line) == Some(Mark::Up)).is_some()
}

fn annotation(line: &str) -> Option<String> {
    let rest = line.strip_prefix("--")?.trim_start();
    let rest = rest.strip_prefix("+goose").or_else(|| rest.strip_prefix("+Goose"))?;
    Some(rest.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase())
}

fn mark(line: &str) -> Option<Mark> {
    match annotation(line)?.as_str() {
        "up" => Some(Mark::Up),
        "down" => Some(Mark::Down),
        _ => None,
    }
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let outside =
        line_with(text, |line| annotation(line).as_deref() == Some("no transaction")).is_some();
    let transaction = if outside { Transaction::Statement } else { Transaction::File };
    let mut adapted = Adapted::whole(text, transaction);
    keep_up(&mut adapted, mark);
    adapted
}
