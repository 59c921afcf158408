//! Files in which comment lines part the way up from the way down.

use super::Adapted;

/// What a line means to the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Up,
    Down,
}

/// Blanks out everything that is not below a line marked [`Mark::Up`].
pub(super) fn keep_up(adapted: &mut Adapted<'_>, mark: impl Fn(&str) -> Option<Mark>) {
    let mut remove = Vec::new();
    let (mut at, mut from, mut up) = (0, 0, false);
    for line in adapted.text.split_inclusive('\n') {
        match mark(line.trim()) {
            Some(Mark::Up) if !up => {
                remove.push(from..at);
                up = true;
            }
            Some(Mark::Down) if up => {
                from = at;
                up = false;
            }
            Some(Mark::Up | Mark::Down) | None => {}
        }
        at += line.len();
    }
    if !up {
        remove.push(from..at);
    }
    adapted.blank(&remove);
}
