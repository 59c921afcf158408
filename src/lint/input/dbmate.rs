//! dbmate: `-- migrate:up` and `-- migrate:down` in one file.
//!
//! Each way runs in a transaction unless its line says `transaction:false` (dbmate's README,
//! "Migration options").

use super::sections::{Mark, keep_up};
use super::{Adapted, Transaction, line_with};

pub(super) fn recognises(text: &str) -> bool {
    text.contains("migrate:up") && line_with(text, |line| mark(line) == Some(Mark::Up)).is_some()
}

fn mark(line: &str) -> Option<Mark> {
    let rest = line.strip_prefix("--")?.trim_start();
    match rest.split_whitespace().next()? {
        "migrate:up" => Some(Mark::Up),
        "migrate:down" => Some(Mark::Down),
        _ => None,
    }
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let up = line_with(text, |line| mark(line) == Some(Mark::Up));
    let outside = up.is_some_and(|span| {
        text[span.range()].split_whitespace().any(|word| word == "transaction:false")
    });
    let transaction = if outside { Transaction::Statement } else { Transaction::File };
    let mut adapted = Adapted::whole(text, transaction);
    keep_up(&mut adapted, mark);
    adapted
}
