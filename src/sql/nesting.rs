//! How deeply a text nests, told from its tokens before it is parsed: a tree is walked, copied and
//! dropped by functions that call themselves for each level, and the call stack ends somewhere.
//!
//! Parentheses, brackets and `CASE` nest; so do operators in a row, because `a + b + c` is
//! `(a + b) + c`, and `JOIN`s and `UNION`s. What is counted is never less than the depth of the tree
//! and may be more.

use super::grammar;
use pg_query::protobuf::{ScanToken, Token};
use std::cell::Cell;
use std::ops::Range;

/// Levels that a statement may have on a thread with a stack of [`STACK_BYTES`].
pub const MAX_LEVELS: usize = 1_000;
/// Levels that a statement may have on any other thread: the usual stack has 2 MB.
const MAX_LEVELS_ANYWHERE: usize = 50;
/// Room for every walk over a tree of [`MAX_LEVELS`], in a program built without optimization too.
/// Memory that is not reached is only an address.
pub const STACK_BYTES: usize = 64 * 1024 * 1024;

thread_local! {
    static LEVELS: Cell<usize> = const { Cell::new(MAX_LEVELS_ANYWHERE) };
}

/// Tells that this thread was started with a stack of [`STACK_BYTES`] at least.
pub fn stack_is_large() {
    LEVELS.set(MAX_LEVELS);
}

/// Whether this thread was started with such a stack.
pub fn has_large_stack() -> bool {
    LEVELS.get() == MAX_LEVELS
}

/// The token that goes beyond what this thread's stack is sure to hold.
pub(super) fn too_deep(text: &str) -> Option<Range<usize>> {
    let limit = LEVELS.get();
    // A level takes a character and a space between it and the next.
    if text.len() <= limit {
        return None;
    }
    let tokens = grammar::scan(text).ok()?;
    let mut levels = Levels::default();
    tokens.iter().find(|token| levels.after(token) > limit).map(grammar::place)
}

/// One parenthesis, bracket or `CASE`, or the whole statement.
#[derive(Default)]
struct Level {
    is_case: bool,
    /// Levels around it.
    outside: usize,
    /// Operators of the item that is being read, and the most of any item before.
    operators: usize,
    most_operators: usize,
    /// `JOIN`s and `UNION`s.
    chain: usize,
    /// Levels of the deepest that was closed in it.
    inside: usize,
    /// `BETWEEN`s whose `AND` is still to come.
    between: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.operators.max(self.most_operators) + self.chain + self.inside + 1
    }

    /// What follows stands beside what came before, not below it.
    fn next_item(&mut self) {
        self.most_operators = self.most_operators.max(self.operators);
        self.operators = 0;
    }
}

#[derive(Default)]
struct Levels {
    open: Vec<Level>,
    now: Level,
}

impl Levels {
    /// The depth of all that has been read, of which `token` is the last.
    fn after(&mut self, token: &ScanToken) -> usize {
        let Ok(kind) = Token::try_from(token.token) else { return 0 };
        match kind {
            Token::SqlComment | Token::CComment => {}
            Token::Ascii59 => {
                // No statement ends within a `CASE`: it was a name.
                self.close_cases();
                self.now.next_item();
                if self.open.is_empty() {
                    self.now = Level::default();
                }
            }
            Token::Ascii40 | Token::Ascii91 => self.open(false),
            Token::Case => self.open(true),
            Token::Ascii41 | Token::Ascii93 => {
                self.close_cases();
                self.close();
            }
            Token::EndP if self.now.is_case => self.close(),
            Token::And if self.now.between > 0 => {
                self.now.between -= 1;
                self.now.operators += 1;
            }
            // A row of `AND`s, or of `OR`s, is one node.
            Token::Ascii44 | Token::And | Token::Or => self.now.next_item(),
            Token::When | Token::Then | Token::Else | Token::Create | Token::Grant => {
                self.now.next_item();
            }
            Token::Join | Token::Union | Token::Except | Token::Intersect => {
                self.now.next_item();
                self.now.chain += 1;
            }
            Token::Ascii46
            | Token::Ident
            | Token::Uident
            | Token::Fconst
            | Token::Sconst
            | Token::Usconst
            | Token::Bconst
            | Token::Xconst
            | Token::Iconst
            | Token::Param => {}
            _ => {
                self.now.between += usize::from(kind == Token::Between);
                self.now.operators += 1;
            }
        }
        self.now.outside + self.now.depth()
    }

    fn open(&mut self, is_case: bool) {
        let outside = self.now.outside + self.now.operators + self.now.chain + 1;
        let inner = Level { is_case, outside, ..Level::default() };
        self.open.push(std::mem::replace(&mut self.now, inner));
    }

    fn close_cases(&mut self) {
        while self.now.is_case && !self.open.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(outer) = self.open.pop() {
            let depth = std::mem::replace(&mut self.now, outer).depth();
            self.now.inside = self.now.inside.max(depth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> usize {
        let mut levels = Levels::default();
        grammar::scan(text).unwrap().iter().map(|token| levels.after(token)).max().unwrap_or(0)
    }

    #[test]
    fn what_nests_is_counted() {
        for (open, middle, close) in [
            ("(", "1", ")"),
            ("- ", "x", ""),
            ("NOT ", "true", ""),
            ("ARRAY[", "1", "]"),
            ("(SELECT ", "1", ")"),
            ("CASE WHEN true THEN ", "1", " END"),
            ("f(", "1", ")"),
            ("", "1", " + 1"),
            ("", "'a'", " || 'a'"),
            ("", "1", " UNION SELECT 1"),
            ("", "x", "::int"),
            ("", "x", " COLLATE c"),
            ("", "x", " AT TIME ZONE 'UTC'"),
            ("", "x", " IS NULL"),
            ("", "x", " AT LOCAL"),
            ("", "x", " OPERATOR(+) y"),
            ("", "1 FROM a", " JOIN b ON true AND x"),
            ("f(x, ", "1", ", y) + 1"),
            ("x BETWEEN 1 AND - ", "1", ""),
        ] {
            let text = format!("SELECT {}{middle}{}", open.repeat(200), close.repeat(200));
            assert!(levels(&text) >= 200, "{text}");
            assert!(levels(&text) <= 1_100, "{} {text}", levels(&text));
        }
    }

    #[test]
    fn what_stands_side_by_side_is_not() {
        let many = |part: &str| vec![part; 2_000].join("");
        for text in [
            format!("INSERT INTO t VALUES (1, -2){}", many(", (1, 'x' || 'y')")),
            format!("SELECT 1 WHERE a = 1{}", many(" AND b + 1 > 2 OR c")),
            format!("SELECT CASE x{} END", many(" WHEN 1 THEN 2")),
            format!("CREATE TABLE t (a int{})", many(", b numeric(10, 2) NOT NULL DEFAULT 0")),
            many("SELECT a + b FROM c JOIN d ON true; "),
        ] {
            assert!(levels(&text) < 20, "{}", levels(&text));
        }
    }
}
