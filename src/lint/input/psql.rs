//! psql's own language in a file of SQL: meta-commands, and data behind `COPY … FROM stdin`.
//!
//! What changes nothing for the statements around it is passed over; what brings in other SQL, or
//! decides which SQL runs, is a problem with its place.

use super::Adapted;
use crate::sql::{Diagnostic, Span, SqlError};
use std::ops::Range;

/// Meta-commands that neither hold SQL nor decide which SQL runs.
const HARMLESS: [&str; 22] = [
    "a",
    "C",
    "cd",
    "connect",
    "c",
    "conninfo",
    "echo",
    "encoding",
    "f",
    "H",
    "o",
    "p",
    "prompt",
    "pset",
    "q",
    "qecho",
    "r",
    "restrict",
    "t",
    "timing",
    "unrestrict",
    "x",
];
/// Settings of psql: harmless unless a statement uses the variable, which the parser then refuses.
const SETTINGS: [&str; 5] = ["set", "unset", "setenv", "warn", "errverbose"];
/// Meta-commands that send the statement before them, as a semicolon does.
const SENDING: [&str; 6] = ["g", "gx", "gset", "gdesc", "crosstabview", "watch"];

/// Blanks out what psql keeps to itself.
pub(super) fn take_out(adapted: &mut Adapted<'_>) {
    let text: &str = &adapted.text;
    if !text.contains('\\') && !mentions_stdin(text) {
        return;
    }
    let mut lexer = Lexer { text, at: 0, found: Found::default() };
    lexer.run();
    let found = lexer.found;
    adapted.blank(&found.blank);
    if !found.semicolons.is_empty() {
        let mut bytes = std::mem::take(&mut adapted.text).into_owned().into_bytes();
        found.semicolons.iter().for_each(|at| bytes[*at] = b';');
        adapted.text = String::from_utf8(bytes).map(Into::into).unwrap_or_default();
    }
    adapted.problems.extend(found.problems);
    adapted.notes.extend(found.notes);
}

fn mentions_stdin(text: &str) -> bool {
    text.as_bytes().windows(5).any(|word| word.eq_ignore_ascii_case(b"stdin"))
}

#[derive(Default)]
struct Found {
    blank: Vec<Range<usize>>,
    /// Where a meta-command stands for a semicolon.
    semicolons: Vec<usize>,
    problems: Vec<SqlError>,
    notes: Vec<Diagnostic>,
}

/// As much of SQL's lexical structure as it takes to know what is text and what is not (manual,
/// "Lexical Structure").
struct Lexer<'a> {
    text: &'a str,
    at: usize,
    found: Found,
}

/// What is known of the statement that is being read.
#[derive(Default)]
struct Words {
    count: usize,
    copy: bool,
    from: bool,
    from_stdin: bool,
}

impl Words {
    fn word(&mut self, word: &str) {
        self.count += 1;
        if self.count == 1 {
            self.copy = word.eq_ignore_ascii_case("copy");
        }
        if self.from && word.eq_ignore_ascii_case("stdin") {
            self.from_stdin = true;
        }
        self.from = word.eq_ignore_ascii_case("from");
    }
}

impl Lexer<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut words = Words::default();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'\'' => self.quoted(b'\'', false),
                b'"' => self.quoted(b'"', false),
                b'-' if bytes.get(self.at + 1) == Some(&b'-') => self.skip_line(),
                b'/' if bytes.get(self.at + 1) == Some(&b'*') => self.comment(),
                b'$' => self.dollar(),
                b';' => {
                    self.at += 1;
                    if words.copy && words.from_stdin {
                        self.copy_data();
                    }
                    words = Words::default();
                }
                b'\\' => {
                    if self.meta_command() {
                        words = Words::default();
                    }
                }
                _ if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                    let start = self.at;
                    while bytes.get(self.at).is_some_and(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || *b >= 0x80
                    }) {
                        self.at += 1;
                    }
                    let word = &self.text[start..self.at];
                    if word.eq_ignore_ascii_case("e") && bytes.get(self.at) == Some(&b'\'') {
                        self.quoted(b'\'', true);
                    } else {
                        words.word(word);
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Goes on at the byte after the next `\n`, or at the end.
    fn skip_line(&mut self) {
        self.at = self.line_end(self.at);
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..].find('\n').map_or(self.text.len(), |n| from + n + 1)
    }

    fn quoted(&mut self, quote: u8, escapes: bool) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            if byte == quote {
                return;
            }
            if escapes && byte == b'\\' {
                self.at += 1;
            }
        }
        self.at = self.at.min(bytes.len());
    }

    fn comment(&mut self) {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        while self.at < bytes.len() {
            match bytes.get(self.at..self.at + 2) {
                Some(b"/*") => {
                    depth += 1;
                    self.at += 2;
                }
                Some(b"*/") => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// A dollar quote, or a dollar sign that opens none.
    fn dollar(&mut self) {
        let rest = &self.text[self.at + 1..];
        let tag = rest.find('$').map(|end| &rest[..end]).filter(|tag| {
            let word = |c: char| c == '_' || c.is_alphanumeric();
            tag.chars().all(word) && !tag.starts_with(|c: char| c.is_ascii_digit())
        });
        let Some(tag) = tag else {
            self.at += 1;
            return;
        };
        let quote = format!("${tag}$");
        let inside = self.at + quote.len();
        let end = self.text[inside..].find(&quote);
        self.at = end.map_or(self.text.len(), |end| inside + end + quote.len());
    }

    /// The lines after `COPY … FROM stdin;`, up to `\.` alone on its line.
    fn copy_data(&mut self) {
        let start = self.line_end(self.at);
        let mut at = start;
        while at < self.text.len() {
            let end = self.line_end(at);
            let line = self.text[at..end].trim_end_matches(['\r', '\n']);
            at = end;
            if line == "\\." {
                break;
            }
        }
        self.found.blank.push(start..at);
        self.at = at;
    }

    /// A meta-command and its arguments: to the end of the line, or `\\`. True when it ends a
    /// statement.
    fn meta_command(&mut self) -> bool {
        let start = self.at;
        let line_end = self.line_end(start);
        let line = self.text[start..line_end].trim_end();
        let end = line[1..].find("\\\\").map_or(start + line.len(), |at| start + at + 3);
        let rest = &line[1..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '?');
        let name = &rest[..length.unwrap_or(rest.len())];
        let span = Span::new(start, start + 1 + name.len());
        self.at = end.max(start + 1);
        self.found.blank.push(start..end);
        let title = format!("psql meta-command `\\{name}`");
        if HARMLESS.contains(&name) || SETTINGS.contains(&name) || name.starts_with('d') {
            if matches!(name, "connect" | "c") {
                let note = Diagnostic::new(format!("{title} is passed over"), span)
                    .detail("What follows may run in another database.");
                self.found.notes.push(note);
            }
            return false;
        }
        if SENDING.contains(&name) {
            self.found.semicolons.push(start);
            return true;
        }
        let problem = Diagnostic::new(title, span);
        self.found.problems.push(SqlError::NotSql(match name {
            "i" | "ir" | "include" | "include_relative" => problem
                .label("brings in another file")
                .hint("Name that file on the command line too, in the order in which they run."),
            "if" | "elif" | "else" | "endif" => problem
                .label("decides which SQL runs")
                .hint("All branches are linted. Put each into a file of its own to lint it alone."),
            "gexec" => problem
                .label("runs the rows of a query as SQL")
                .hint("What it runs cannot be seen. Write the statements out."),
            "copy" => problem
                .label("writes rows that are not here")
                .hint("Lint knows only what the server is sent. Write `COPY … FROM stdin`."),
            _ => problem
                .label("the server never sees this")
                .hint("Only SQL can be linted. Write out what the meta-command would do."),
        }));
        if name == "gexec" {
            self.found.semicolons.push(start);
        }
        name == "gexec"
    }
}
