//! What comes from outside, in Markdown: it stands in code or is escaped, so that it can make no
//! heading, link, tag or mention.

use super::{one_line, printable};

/// Code within a line, whatever backquotes it holds. In a table: [`cell`].
pub fn code(text: &str) -> String {
    let text = one_line(text, usize::MAX);
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Code in a cell of a table, where a bar would end the cell.
pub fn cell(text: &str) -> String {
    code(&text.replace('|', "\\|"))
}

/// A fence longer than any run of backquotes in `text`.
pub fn fence(text: &str) -> String {
    "`".repeat((longest_run(text) + 1).max(3))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Plain text on one line: what Markdown or HTML would take for markup is not.
pub fn inline(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Nobody is called upon.
            '@' => out.push_str("@<!-- -->"),
            '\n' => out.push(' '),
            '*' | '_' | '[' | ']' | '\\' | '|' | '#' | '`' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{cell, code, inline};

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(
            inline("@team <b>*x*</b>\n`y`"),
            "@<!-- -->team &lt;b&gt;\\*x\\*&lt;/b&gt; \\`y\\`"
        );
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("a|b"), "`a|b`");
        assert_eq!(cell("a|b"), "`a\\|b`");
    }
}
