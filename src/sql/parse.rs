//! A text becomes statements with byte spans, parsed by PostgreSQL's own grammar.

use super::directive::{self, Directive, DirectiveKind};
use super::{Diagnostic, Span, SqlError, gaps, grammar, locate};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RawStmt, ScanToken};
use std::ops::Range;

/// A parsed text.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub statements: Vec<Statement>,
    /// Directives that speak of the whole file.
    pub directives: Vec<Directive>,
}

/// One statement and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The statement as written, without the semicolon, surrounding space or leading comments.
    pub sql: String,
    /// Where `sql` stands in the file.
    pub span: Span,
    /// Line of `span.start`, from 1.
    pub line: usize,
    /// The tree; `location`s in it are byte offsets into `sql`.
    pub node: NodeEnum,
    /// Directives that apply to it.
    pub directives: Vec<Directive>,
}

/// The text of a file's bytes, without a byte order mark.
///
/// # Errors
/// When the bytes are not UTF-8; the span counts in the lossily decoded text.
pub fn decode(bytes: &[u8]) -> Result<&str, SqlError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        let found = bytes.get(place).copied().unwrap_or_default();
        let diagnostic = Diagnostic::new("file is not UTF-8", Span::new(place, place))
            .label(format!("byte 0x{found:02X}"));
        SqlError::NotSql(if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            diagnostic.hint("It looks like UTF-16. Save it as UTF-8.")
        } else {
            diagnostic.hint("Save it as UTF-8.")
        })
    })
}

/// Parses `text[section]`; spans and lines are those of the whole `text`.
///
/// # Errors
/// A syntax error with its place; an unknown or dangling directive; a psql meta-command.
pub fn parse(text: &str, section: Range<usize>) -> Result<Script, SqlError> {
    let mut offset = section.start;
    let mut body = &text[section];
    if let Some(rest) = body.strip_prefix('\u{feff}') {
        offset += body.len() - rest.len();
        body = rest;
    }
    if let Some(nul) = body.find('\0') {
        let span = Span::new(offset + nul, offset + nul + 1);
        return Err(SqlError::NotSql(
            Diagnostic::new("text contains a NUL byte", span)
                .hint("PostgreSQL cannot take it anywhere in a statement. Remove it."),
        ));
    }
    let tree =
        grammar::parse(body).map_err(|message| locate::error(body, &message).shifted(offset))?;
    let tokens =
        grammar::scan(body).map_err(|message| locate::error(body, &message).shifted(offset))?;

    let mut statements = Vec::with_capacity(tree.stmts.len());
    // Counted on from statement to statement: a file may have many.
    let (mut line, mut counted) = (1, 0);
    for raw in &tree.stmts {
        let Some(span) = statement_span(body, raw, &tokens) else { continue };
        let sql = &body[span.range()];
        let node = single_node(sql).map_err(|error| error.shifted(span.start + offset))?;
        let span = span.shifted(offset);
        refuse_inline_data(&node, span)?;
        line += text[counted..span.start].matches('\n').count();
        counted = span.start;
        statements.push(Statement { sql: sql.to_owned(), span, line, node, directives: vec![] });
    }
    let comments = tokens.iter().filter(|token| grammar::is_comment(token));
    let mut whole_file = Vec::new();
    for comment in comments.map(grammar::place) {
        let span = Span::new(comment.start, comment.end).shifted(offset);
        let Some(directive) = directive::in_comment(&text[span.range()], span)? else { continue };
        if matches!(directive.kind, DirectiveKind::AllowFile { .. }) {
            whole_file.push(directive);
            continue;
        }
        let home = home(span, text, statements.len(), |index| statements[index].span)?;
        if let Some(statement) = statements.get_mut(home) {
            attach(directive, text, &mut statement.directives)?;
        }
    }
    Ok(Script { statements, directives: whole_file })
}

/// Parses the text of one expression. `location`s in the tree say nothing about `text`.
///
/// # Errors
/// When it is no expression, or more than one; spans count in `text`.
pub fn parse_expression(text: &str) -> Result<Node, SqlError> {
    let whole = Span::new(0, text.len());
    let no_expression = || SqlError::Syntax(Diagnostic::new("this is not one expression", whole));
    if text.contains('\0') {
        return Err(SqlError::NotSql(Diagnostic::new("text contains a NUL byte", whole)));
    }
    let select = |before: &str, after: &str| -> Result<Node, SqlError> {
        let sql = format!("{before}{text}{after}");
        let tree = grammar::parse(&sql).map_err(|message| {
            locate::error(&sql, &message).map_span(|span| {
                let inside = |place: usize| place.saturating_sub(before.len()).min(text.len());
                Span::new(inside(span.start), inside(span.end))
            })
        })?;
        only_target(tree.stmts).ok_or_else(no_expression)
    };
    // `SELECT x` refuses what only makes sense between parentheses, such as `1) + (2`;
    // `SELECT (x)` refuses what only a select list allows, such as `ALL x` or `*`.
    let node = select("SELECT ", "\n")?;
    select("SELECT (", "\n)").map_err(|_| no_expression())?;
    Ok(node)
}

/// The columns that the list of an `UPDATE … SET` assigns to. `None` when it cannot be read.
pub fn assigned_columns(set: &str) -> Option<Vec<String>> {
    let tree = grammar::parse(&format!("UPDATE t SET {set}\n")).ok()?;
    let statement = tree.stmts.into_iter().next()?.stmt?.node?;
    let NodeEnum::UpdateStmt(update) = statement else { return None };
    let targets = update.target_list.into_iter().map(|target| match target.node {
        Some(NodeEnum::ResTarget(target)) => Some(target.name),
        _ => None,
    });
    targets.collect()
}

/// The expression of a `SELECT` that has one unnamed target and nothing else.
fn only_target(statements: Vec<RawStmt>) -> Option<Node> {
    let [statement] = <[RawStmt; 1]>::try_from(statements).ok()?;
    let Some(NodeEnum::SelectStmt(mut select)) = statement.stmt?.node else { return None };
    let targets = std::mem::take(&mut select.target_list);
    let plain = pg_query::protobuf::SelectStmt {
        limit_option: select.limit_option,
        op: select.op,
        ..Default::default()
    };
    if *select != plain || select.op != pg_query::protobuf::SetOperation::SetopNone as i32 {
        return None;
    }
    let [target] = <[Node; 1]>::try_from(targets).ok()?;
    let Some(NodeEnum::ResTarget(target)) = target.node else { return None };
    let value = *target.val?;
    // The grammar takes `DEFAULT` for an expression until it knows where it stands.
    let is_default = matches!(value.node, Some(NodeEnum::SetToDefault(_)));
    (target.name.is_empty() && !is_default).then_some(value)
}

/// From the first to the last token of the statement; comments do not count.
fn statement_span(body: &str, raw: &RawStmt, tokens: &[ScanToken]) -> Option<Span> {
    let start = usize::try_from(raw.stmt_location).unwrap_or(0);
    let length = usize::try_from(raw.stmt_len).unwrap_or(0);
    let end = if length == 0 { body.len() } else { start + length };
    let first = tokens.partition_point(|token| grammar::place(token).start < start);
    let mut within = tokens[first..]
        .iter()
        .take_while(|token| grammar::place(token).end <= end)
        .filter(|token| !grammar::is_comment(token))
        .map(grammar::place)
        // A last statement without length reaches to the end, over its semicolon.
        .filter(|place| length != 0 || &body[place.clone()] != ";");
    let first = within.next()?;
    let last = within.last().unwrap_or_else(|| first.clone());
    Some(Span::new(first.start, last.end))
}

/// Parses the text of one statement on its own, so that places in its tree count from its start.
fn single_node(sql: &str) -> Result<NodeEnum, SqlError> {
    let whole = Span::new(0, sql.len());
    let unreadable = |detail: String| {
        SqlError::Syntax(
            Diagnostic::new("statement cannot be read back from its parse tree", whole)
                .detail(detail)
                .hint("Please report it: this is a defect of the parser library."),
        )
    };
    let tree = grammar::parse(sql).map_err(|message| locate::error(sql, &message))?;
    refuse_unwritten(&tree.stmts, whole)?;
    // What rewrite and the digest build on; checked here so that they need not fail.
    gaps::deparse(&tree).map_err(|message| match &*message {
        grammar::TOO_DEEP => locate::error(sql, &message),
        _ => unreadable(message),
    })?;
    match <[RawStmt; 1]>::try_from(tree.stmts) {
        Ok([RawStmt { stmt: Some(node), .. }]) => {
            node.node.ok_or_else(|| unreadable("The tree is empty.".to_owned()))
        }
        Ok([_]) => Err(unreadable("The tree is empty.".to_owned())),
        Err(several) => Err(unreadable(format!("The text gives {} statements.", several.len()))),
    }
}

/// Refuses what the deparser would spoil; the server refuses it too.
pub(super) fn refuse_unwritten(statements: &[RawStmt], whole: Span) -> Result<(), SqlError> {
    let nodes = statements.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref());
    match nodes.filter_map(gaps::refusal).next() {
        Some(message) => Err(SqlError::Syntax(Diagnostic::new(message, whole))),
        None => Ok(()),
    }
}

fn refuse_inline_data(node: &NodeEnum, span: Span) -> Result<(), SqlError> {
    match node {
        NodeEnum::CopyStmt(copy) if copy.is_from && copy.filename.is_empty() => {
            Err(SqlError::NotSql(locate::inline_data(span)))
        }
        _ => Ok(()),
    }
}

/// The statement that a directive at `place` applies to, of `count` statements at `spans`.
pub(super) fn home(
    place: Span,
    text: &str,
    count: usize,
    spans: impl Fn(usize) -> Span,
) -> Result<usize, SqlError> {
    let same_line = |from: usize, to: usize| !text[from..to].contains('\n');
    let (mut next, mut end) = (0, count);
    while next < end {
        let middle = next + (end - next) / 2;
        if spans(middle).end <= place.start { next = middle + 1 } else { end = middle }
    }
    let next = (next < count).then_some(next);
    let index = match next {
        // Within the statement, or before it on the line where it begins.
        Some(next)
            if spans(next).start < place.start || same_line(place.end, spans(next).start) =>
        {
            Some(next)
        }
        next => {
            let before = next.unwrap_or(count).checked_sub(1);
            before.filter(|index| same_line(spans(*index).end, place.start)).or(next)
        }
    };
    index.ok_or_else(|| {
        SqlError::Directive(Diagnostic::new("directive applies to nothing", place).hint(
            "Put it before the statement that it is about, or on that statement's last line.",
        ))
    })
}

/// Adds a directive to those of a statement.
pub(super) fn attach(
    directive: Directive,
    text: &str,
    directives: &mut Vec<Directive>,
) -> Result<(), SqlError> {
    let place = directive.span;
    if let Some(earlier) =
        directives.iter().find(|earlier| earlier.kind.collides_with(&directive.kind))
    {
        let (line, _) = earlier.span.line_and_column(text);
        return Err(SqlError::Directive(
            Diagnostic::new("directive repeats an earlier one of the same statement", place)
                .detail(format!("The earlier one stands on line {line}.")),
        ));
    }
    directives.push(directive);
    Ok(())
}
