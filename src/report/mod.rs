//! Plan, impact, journal and errors as text for people and JSON for scripts. Pure.
//!
//! Text is written with terminal styles; whoever prints it takes them out where they do not belong
//! (`anstream`). No meaning hangs on a style.

pub mod diff;
pub mod error;
pub mod escape;
pub mod estimate;
pub mod fleet;
pub mod hazard;
pub mod html;
pub mod impact;
pub mod locks;
pub mod loss;
pub mod markdown;
pub mod plan;
pub mod progress;
pub mod review;
pub mod revision;
pub mod run;
pub mod status;
pub mod trace;
pub mod usage;
pub mod verify;

use anstyle::{AnsiColor, Style};

/// Headings and names.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is beside the point.
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CARE: Style = AnsiColor::Yellow.on_default();

/// `text` in `style`.
pub(crate) fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// `text` without characters that a terminal would obey: what a database or a file says is not
/// trusted with the screen.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            // Marks that turn the direction of writing would show other SQL than runs.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// `text` on one line, cut to `width` characters.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let line = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// `text` with every line but the first indented by `width`.
pub(crate) fn hanging(text: &str, width: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(width)))
}

#[cfg(test)]
mod tests;
