//! Ids, times and file names of revisions, from what other tools call their migrations.

use super::Migration;
use crate::revision::RevisionId;
use crate::revision::file::check_label;
use std::collections::BTreeSet;

const MIN_CHARS: usize = 4;
const MAX_CHARS: usize = 40;

/// An id for each migration, none of them twice.
pub(super) fn ids(migrations: &[Migration]) -> Vec<RevisionId> {
    let mut taken = BTreeSet::new();
    migrations
        .iter()
        .map(|migration| {
            let base = plain(&migration.version);
            let mut wanted = base.clone();
            let mut n = 2;
            loop {
                let free = check_label(&wanted).is_ok()
                    || wanted.starts_with(|c: char| c.is_ascii_digit());
                if let Some(id) =
                    wanted.parse::<RevisionId>().ok().filter(|id| free && !taken.contains(id))
                {
                    taken.insert(id.clone());
                    return id;
                }
                let suffix = format!("_{n}");
                let room = MAX_CHARS - suffix.len();
                wanted = format!("{}{suffix}", base.get(..room).unwrap_or(&base));
                n += 1;
            }
        })
        .collect()
}

/// `1.2` as `01_2`: 4 to 40 of `a-z`, `0-9` and `_`.
fn plain(version: &str) -> String {
    let mut text = String::new();
    for c in version.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
    }
    let text: String = text.trim_end_matches('_').chars().take(MAX_CHARS).collect();
    format!("{text:0>MIN_CHARS$}")
}

/// When the version says that the migration was made: a time stamp, or seconds since 1970. Else a
/// time that keeps the order.
pub(super) fn created(version: &str, index: usize) -> jiff::Timestamp {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    let stamped = match digits.len() {
        14 => jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", &digits)
            .ok()
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|time| time.timestamp()),
        10 => digits.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
        _ => None,
    };
    let seconds = 946_684_800 + i64::try_from(index).unwrap_or(0);
    stamped.unwrap_or_else(|| jiff::Timestamp::from_second(seconds).unwrap_or_default())
}

/// Name of the file: the version, so that files sort as they run, and what it is about.
pub(super) fn file(version: &str, message: &str, index: usize) -> String {
    const MAX_SLUG_CHARS: usize = 60;
    let words = |text: &str| -> String {
        let parts: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        parts.join("_").to_lowercase().chars().take(MAX_SLUG_CHARS).collect()
    };
    let stamped = version.chars().take_while(char::is_ascii_digit).count() >= MIN_CHARS;
    let first =
        if stamped { words(version) } else { format!("{:04}_{}", index + 1, words(version)) };
    let slug = words(message);
    let name =
        if slug.is_empty() || first.ends_with(&slug) { first } else { format!("{first}_{slug}") };
    format!("{name}.sql")
}
