//! How much of a database's catalog some files need.

use super::check::prepare;
use super::model::File;
use crate::catalog::Need;
use crate::sql::outline;

/// Above so many bytes it costs more to find out than to load everything.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What the statements of `files` need; `None` when that is everything, or cannot be told.
pub fn need(files: &[File]) -> Option<Need> {
    if files.iter().map(|file| file.text.len()).sum::<usize>() > MAX_BYTES {
        return None;
    }
    let (mut text, mut statements) = (String::new(), Vec::new());
    for file in prepare(files) {
        for piece in &file.outline.pieces {
            statements.extend(outline::statements(&file.adapted.text, piece).ok()?);
        }
        text.push_str(&file.adapted.text);
        text.push('\n');
    }
    Need::of(&text, &statements)
}
