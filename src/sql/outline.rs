//! Cuts a text into statements by its tokens alone, so that they can be parsed one by one, side by
//! side, and so that an error in one of them does not hide the others.
//!
//! Gives the same statements as [`super::parse()`], but does not check that they deparse.

use super::directive::{self, Directive, DirectiveKind};
use super::parse::{attach, home, refuse_unwritten};
use super::{Diagnostic, Span, SqlError, Statement, grammar, locate};
use pg_query::protobuf::{RawStmt, ScanToken, Token};
use std::ops::Range;

/// What the tokens of a text show.
#[derive(Debug, Default)]
pub struct Outline {
    pub pieces: Vec<Piece>,
    /// Directives that speak of the whole file.
    pub directives: Vec<Directive>,
    /// What cannot be read: something unterminated, directives that are not understood.
    pub problems: Vec<SqlError>,
}

/// Where one statement stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// From its first to its last token, without the semicolon.
    pub span: Span,
    /// Behind the semicolon; the same as the end of `span` when there is none.
    pub end: usize,
    /// Line of the start, from 1.
    pub line: usize,
    pub directives: Vec<Directive>,
}

/// Cuts `text[section]`; places are those of the whole `text`, which PostgreSQL limits to 2 GB.
pub fn outline(text: &str, section: Range<usize>) -> Outline {
    let mut found = Outline::default();
    let mut end = section.end;
    if let Some(nul) = text[section.clone()].find('\0') {
        end = section.start + nul;
        found.problems.push(SqlError::NotSql(
            Diagnostic::new("text contains a NUL byte", Span::new(end, end + 1))
                .hint("PostgreSQL cannot take it anywhere in a statement. Remove it."),
        ));
    }
    let body = &text[section.start..end];
    let tokens = match grammar::scan(body) {
        Ok(tokens) => tokens,
        Err(message) => {
            let error = locate::error(body, &message).shifted(section.start);
            // What stands before can still be read, up to the statement that it is in.
            let before = error.diagnostic().span.start.clamp(section.start, end);
            let tokens = grammar::scan(&text[section.start..before]).unwrap_or_default();
            found.problems.push(error);
            let whole = tokens.iter().rposition(|token| token.token == Token::Ascii59 as i32);
            tokens.into_iter().take(whole.map_or(0, |last| last + 1)).collect()
        }
    };
    found.pieces = pieces(&tokens, section.start);
    number_lines(text, &mut found.pieces);
    for comment in tokens.iter().filter(|token| grammar::is_comment(token)).map(grammar::place) {
        let span = Span::new(comment.start, comment.end).shifted(section.start);
        if let Err(error) = take_comment(&mut found, text, span) {
            found.problems.push(error);
        }
    }
    found
}

fn take_comment(found: &mut Outline, text: &str, span: Span) -> Result<(), SqlError> {
    let Some(directive) = directive::in_comment(&text[span.range()], span)? else { return Ok(()) };
    if matches!(directive.kind, DirectiveKind::AllowFile { .. }) {
        found.directives.push(directive);
        return Ok(());
    }
    let index = home(span, text, found.pieces.len(), |index| found.pieces[index].span)?;
    match found.pieces.get_mut(index) {
        Some(piece) => attach(directive, text, &mut piece.directives),
        None => Ok(()),
    }
}

fn number_lines(text: &str, pieces: &mut [Piece]) {
    let (mut line, mut counted) = (1, 0);
    for piece in pieces {
        line += text.as_bytes()[counted..piece.span.start].iter().filter(|b| **b == b'\n').count();
        counted = piece.span.start;
        piece.line = line;
    }
}

/// A semicolon ends a statement unless it stands in parentheses (`CREATE RULE … DO (a; b)`) or in
/// the body of an SQL function (`BEGIN ATOMIC … END`).
fn pieces(tokens: &[ScanToken], offset: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open: Option<Span> = None;
    let (mut depth, mut body) = (0_usize, 0_usize);
    let mut previous = 0;
    let mut push = |span: Span, end: usize| {
        pieces.push(Piece { span, end, line: 0, directives: Vec::new() });
    };
    for token in tokens.iter().filter(|token| !grammar::is_comment(token)) {
        let kind = token.token;
        let place = grammar::place(token);
        let place = Span::new(place.start, place.end).shifted(offset);
        if kind == Token::Ascii59 as i32 && depth == 0 && body == 0 {
            if let Some(span) = open.take() {
                push(span, place.end);
            }
            previous = 0;
            continue;
        }
        match kind {
            _ if kind == Token::Ascii40 as i32 => depth += 1,
            _ if kind == Token::Ascii41 as i32 => depth = depth.saturating_sub(1),
            _ if kind == Token::Atomic as i32 && previous == Token::BeginP as i32 => body += 1,
            _ if kind == Token::Case as i32 && body > 0 => body += 1,
            _ if kind == Token::EndP as i32 => body = body.saturating_sub(1),
            _ => {}
        }
        previous = kind;
        open = Some(Span::new(open.map_or(place.start, |span| span.start), place.end));
    }
    if let Some(span) = open {
        push(span, span.end);
    }
    pieces
}

/// The statement of `piece`: one, unless a keyword that stands for a name misled [`outline`].
///
/// # Errors
/// A syntax error with its place in `text`.
pub fn statements(text: &str, piece: &Piece) -> Result<Vec<Statement>, SqlError> {
    let sql = &text[piece.span.range()];
    let tree = match grammar::parse(sql) {
        Ok(tree) => tree,
        Err(message) => {
            // With its semicolon: a statement that ends too early is refused there.
            let whole = &text[piece.span.start..piece.end];
            let message = grammar::parse(whole).err().unwrap_or(message);
            return Err(locate::error(whole, &message).shifted(piece.span.start));
        }
    };
    if sql.contains('(') {
        refuse_unwritten(&tree.stmts, piece.span)?;
    }
    let statement = |stmt: RawStmt, span: Span, line: usize| {
        let node = stmt.stmt?.node?;
        let sql = text[span.range()].to_owned();
        Some(Statement { sql, span, line, node, directives: piece.directives.clone() })
    };
    let mut trees = tree.stmts;
    if trees.len() == 1 {
        return Ok(trees
            .pop()
            .and_then(|stmt| statement(stmt, piece.span, piece.line))
            .into_iter()
            .collect());
    }
    let script = super::parse(text, piece.span.start..piece.end)?;
    Ok(script.statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Statement> {
        let outline = outline(text, 0..text.len());
        assert_eq!(outline.problems, []);
        outline.pieces.iter().flat_map(|piece| statements(text, piece).unwrap()).collect()
    }

    #[test]
    fn gives_what_the_parser_gives() {
        for text in [
            "",
            ";;",
            "SELECT 1",
            "-- c\nSELECT 1; /* ; */ SELECT ';' ;\n\nSELECT 3",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT 1",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; BEGIN; SELECT 1; END; SELECT 2",
            "SELECT 1 AS end; SELECT 2 AS case; SELECT 'ü';\r\nSELECT \"a;b\"",
            "-- airlock: batch\nUPDATE t SET a = 1; SELECT 1 -- airlock: marker",
        ] {
            let parsed = crate::sql::parse(text, 0..text.len()).unwrap();
            assert_eq!(read(text), parsed.statements, "{text}");
        }
    }

    #[test]
    fn an_error_hides_no_other_statement() {
        let text = "SELECT 1; SELEC 2; SELECT (; SELECT 4;\nSELECT 'x";
        let outline = outline(text, 0..text.len());
        let read: Vec<_> = outline.pieces.iter().map(|piece| statements(text, piece)).collect();
        assert!(read[0].is_ok());
        let place = |error: &SqlError| text[error.diagnostic().span.range()].to_owned();
        assert_eq!(read[1].as_ref().map_err(place), Err("SELEC".to_owned()));
        assert_eq!(read[2].as_ref().map_err(place), Err(";".to_owned()));
        assert_eq!(outline.problems.iter().map(place).collect::<Vec<_>>(), ["'"]);
    }

    #[test]
    fn directives_for_the_file_stand_anywhere() {
        let text = "SELECT 1;\n-- airlock: allow-file AL001 \"why\"\n";
        let outline = outline(text, 0..text.len());
        assert_eq!(outline.directives.len(), 1);
        assert_eq!(outline.problems, []);
    }
}
