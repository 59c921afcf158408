//! Directives: what a migration tells airlock in comments, `-- airlock: …`.
//!
//! An unknown directive is an error, never ignored: it was written because it matters.

use super::nearest::{distance, nearest};
use super::{Diagnostic, Span, SqlError, deparse, grammar, name, parse_expression};
use pg_query::protobuf::Token;
use serde::{Deserialize, Serialize};

/// A directive and its place in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Directive {
    pub kind: DirectiveKind,
    pub span: Span,
}

/// What can be asked for. A directive applies to the statement that follows it, or on whose last line it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectiveKind {
    /// `backfill [schema.]table.column = <expression>`: the value of rows that exist already.
    Backfill { schema: Option<String>, table: String, column: String, expression: String },
    /// `reverse [schema.]table.column = <expression>`: what a column held before its type changed,
    /// from what it holds afterwards.
    Reverse { schema: Option<String>, table: String, column: String, expression: String },
    /// `rename auto | dual-column | view | in-place`: how a renamed column is rolled out.
    Rename(RenameStrategy),
    /// `batch`: split this `UPDATE` or `DELETE` even when its table looks small.
    Batch,
    /// `marker`: split this `UPDATE` by marking the rows that exist when it starts.
    Marker,
    /// `stored trigger`: a stored generated column becomes a plain one that a trigger computes.
    StoredTrigger,
    /// `allow <hazard> "<reason>"`.
    Allow { hazard: AllowedHazard, reason: String },
    /// `allow <code or name of a hazard> "<reason>"`: `lint` says nothing of it here.
    AllowHazard { hazard: String, reason: String },
    /// `allow-file <code or name of a hazard> "<reason>"`: the same for the whole file, wherever it
    /// stands.
    AllowFile { hazard: String, reason: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenameStrategy {
    Auto,
    DualColumn,
    View,
    InPlace,
}

/// What a user may allow knowingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedHazard {
    /// A statement that airlock does not know: runs as written, under the stall budget.
    Unknown,
    /// A statement whose effect cannot be seen (`DO`, function calls).
    Opaque,
    /// The statement keeps a strong lock for as long as its work takes.
    Blocking,
    /// An `UPDATE`/`DELETE` of a large table in one transaction.
    Unbatched,
    /// The application's triggers fire for rows that a backfill of ours touches.
    TriggersFire,
}

const WORDS: [&str; 8] =
    ["backfill", "reverse", "rename", "batch", "marker", "stored", "allow", "allow-file"];

const STRATEGIES: [(&str, RenameStrategy); 4] = [
    ("auto", RenameStrategy::Auto),
    ("dual-column", RenameStrategy::DualColumn),
    ("view", RenameStrategy::View),
    ("in-place", RenameStrategy::InPlace),
];

const HAZARDS: [(&str, AllowedHazard); 5] = [
    ("unknown", AllowedHazard::Unknown),
    ("opaque", AllowedHazard::Opaque),
    ("blocking", AllowedHazard::Blocking),
    ("unbatched", AllowedHazard::Unbatched),
    ("triggers-fire", AllowedHazard::TriggersFire),
];

impl DirectiveKind {
    /// Whether a statement cannot have both.
    pub(super) fn collides_with(&self, other: &DirectiveKind) -> bool {
        use DirectiveKind::{
            Allow, AllowFile, AllowHazard, Backfill, Batch, Marker, Rename, Reverse, StoredTrigger,
        };
        match (self, other) {
            (
                Backfill { schema, table, column, .. },
                Backfill { schema: s, table: t, column: c, .. },
            )
            | (
                Reverse { schema, table, column, .. },
                Reverse { schema: s, table: t, column: c, .. },
            ) => (schema, table, column) == (s, t, c),
            (Allow { hazard, .. }, Allow { hazard: other, .. }) => hazard == other,
            (AllowHazard { hazard, .. }, AllowHazard { hazard: other, .. })
            | (AllowFile { hazard, .. }, AllowFile { hazard: other, .. }) => hazard == other,
            (Rename(_), Rename(_))
            | (Batch, Batch)
            | (Marker, Marker)
            | (StoredTrigger, StoredTrigger) => true,
            (
                Backfill { .. }
                | Reverse { .. }
                | Rename(_)
                | Batch
                | Marker
                | StoredTrigger
                | Allow { .. }
                | AllowHazard { .. }
                | AllowFile { .. },
                _,
            ) => false,
        }
    }

    /// Whether it changes what is planned; else it speaks to `lint` alone.
    pub fn matters_to_plan(&self) -> bool {
        match self {
            DirectiveKind::Backfill { .. }
            | DirectiveKind::Reverse { .. }
            | DirectiveKind::Rename(_)
            | DirectiveKind::Batch
            | DirectiveKind::Marker
            | DirectiveKind::StoredTrigger
            | DirectiveKind::Allow { .. } => true,
            DirectiveKind::AllowHazard { .. } | DirectiveKind::AllowFile { .. } => false,
        }
    }

    /// The same directive with its expression in canonical layout.
    pub(super) fn canonical(&self) -> DirectiveKind {
        let mut canonical = self.clone();
        if let DirectiveKind::Backfill { expression, .. }
        | DirectiveKind::Reverse { expression, .. } = &mut canonical
            && let Ok(node) = parse_expression(expression)
        {
            *expression = deparse::expression(&node);
        }
        canonical
    }
}

/// The directive in `comment`, which stands at `span`, if it is one.
///
/// # Errors
/// When it is one, or was clearly meant to be, and is not understood.
pub(super) fn in_comment(comment: &str, span: Span) -> Result<Option<Directive>, SqlError> {
    let inner = comment
        .strip_prefix("--")
        .or_else(|| comment.strip_prefix("/*").map(|rest| rest.strip_suffix("*/").unwrap_or(rest)));
    let Some(inner) = inner else { return Ok(None) };
    // Both ways to open a comment are two bytes long.
    let text = Part { text: inner, at: span.start + 2 }.trimmed();
    if let Some((head, rest)) = text.split_at_char(':') {
        let word = head.text.trim();
        if word.eq_ignore_ascii_case("airlock") {
            let kind = kind(rest.trimmed(), span)?;
            return Ok(Some(Directive { kind, span }));
        }
        let misspelt = distance(&word.to_ascii_lowercase(), "airlock") <= 2;
        if misspelt && nearest(rest.trimmed().first_word().0.text, &WORDS).is_some() {
            return Err(error("misspelt directive", head.trimmed().span())
                .hint("Write `-- airlock: …`.")
                .into());
        }
    }
    let (first, rest) = text.first_word();
    if first.text.eq_ignore_ascii_case("airlock") && WORDS.contains(&rest.first_word().0.text) {
        return Err(error("directive without a colon", first.span())
            .hint("Write `-- airlock: …`.")
            .into());
    }
    Ok(None)
}

/// A part of the text and where it stands.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Part<'a> {
    fn span(self) -> Span {
        Span::new(self.at, self.at + self.text.len())
    }

    fn from(self, start: usize) -> Part<'a> {
        Part { text: &self.text[start..], at: self.at + start }
    }

    fn trimmed(self) -> Part<'a> {
        let start = self.text.len() - self.text.trim_start().len();
        Part { text: self.text.trim(), at: self.at + start }
    }

    fn split_at_char(self, at: char) -> Option<(Part<'a>, Part<'a>)> {
        let place = self.text.find(at)?;
        let head = Part { text: &self.text[..place], at: self.at };
        Some((head, self.from(place + at.len_utf8())))
    }

    /// The text up to the first white space, and what follows it.
    fn first_word(self) -> (Part<'a>, Part<'a>) {
        let end = self.text.find(char::is_whitespace).unwrap_or(self.text.len());
        (Part { text: &self.text[..end], at: self.at }, self.from(end).trimmed())
    }
}

fn error(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::new(message, span)
}

impl From<Diagnostic> for SqlError {
    fn from(diagnostic: Diagnostic) -> Self {
        SqlError::Directive(diagnostic)
    }
}

fn kind(text: Part<'_>, comment: Span) -> Result<DirectiveKind, SqlError> {
    let (word, rest) = text.first_word();
    match word.text {
        "backfill" => assignment("backfill", rest).map(|(schema, table, column, expression)| {
            DirectiveKind::Backfill { schema, table, column, expression }
        }),
        "reverse" => assignment("reverse", rest).map(|(schema, table, column, expression)| {
            DirectiveKind::Reverse { schema, table, column, expression }
        }),
        "rename" => choice(rest, "strategy", &STRATEGIES, comment).and_then(|(strategy, rest)| {
            nothing_more(rest)?;
            Ok(DirectiveKind::Rename(strategy))
        }),
        "batch" => nothing_more(rest).map(|()| DirectiveKind::Batch),
        "marker" => nothing_more(rest).map(|()| DirectiveKind::Marker),
        "stored" => choice(rest, "form", &[("trigger", ())], comment).and_then(|((), rest)| {
            nothing_more(rest)?;
            Ok(DirectiveKind::StoredTrigger)
        }),
        "allow" if is_hazard(rest.first_word().0.text) => {
            let (word, rest) = rest.first_word();
            let hazard = word.text.to_owned();
            Ok(DirectiveKind::AllowHazard { hazard, reason: reason(rest)? })
        }
        "allow-file" => {
            let (word, rest) = rest.first_word();
            if word.text.is_empty() {
                return Err(error("directive without a hazard", comment)
                    .hint("Name the hazard by its code or name: `allow-file AL001 \"why\"`.")
                    .into());
            }
            let hazard = word.text.to_owned();
            Ok(DirectiveKind::AllowFile { hazard, reason: reason(rest)? })
        }
        "allow" => {
            let (hazard, rest) = choice(rest, "hazard", &HAZARDS, comment)?;
            Ok(DirectiveKind::Allow { hazard, reason: reason(rest)? })
        }
        "" => Err(error("empty directive", comment).hint(known(&WORDS)).into()),
        other => Err(unknown("directive", other, word.span(), &WORDS)),
    }
}

/// Whether `word` has the form of a hazard's code or name and is not meant to be one of [`HAZARDS`].
/// Which hazards there are is not known here.
fn is_hazard(word: &str) -> bool {
    let words: Vec<&str> = HAZARDS.iter().map(|(word, _)| *word).collect();
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let code = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let name = word.contains('-') && word.chars().all(|c| c == '-' || c.is_ascii_alphanumeric());
    (code || name) && nearest(word, &words).is_none()
}

fn known(words: &[&str]) -> String {
    format!("Known are {}.", words.join(", "))
}

fn unknown(what: &str, found: &str, span: Span, words: &[&str]) -> SqlError {
    let mut diagnostic = error(format!("unknown {what} `{found}`"), span).hint(known(words));
    if let Some(near) = nearest(found, words) {
        diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
    }
    diagnostic.into()
}

/// One of the words of `choices` at the start of `text`.
fn choice<'a, T: Copy>(
    text: Part<'a>,
    what: &str,
    choices: &[(&str, T)],
    comment: Span,
) -> Result<(T, Part<'a>), SqlError> {
    let (word, rest) = text.first_word();
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    if word.text.is_empty() {
        return Err(error(format!("directive without a {what}"), comment)
            .hint(known(&words))
            .into());
    }
    match choices.iter().find(|(name, _)| *name == word.text) {
        Some((_, value)) => Ok((*value, rest)),
        None => Err(unknown(what, word.text, word.span(), &words)),
    }
}

fn nothing_more(rest: Part<'_>) -> Result<(), SqlError> {
    if rest.text.is_empty() {
        return Ok(());
    }
    Err(error("directive takes nothing more", rest.span()).into())
}

fn reason(text: Part<'_>) -> Result<String, SqlError> {
    const HINT: &str = "Write why, in double quotes: `allow blocking \"maintenance window\"`.";
    let Some(quoted) = text.text.strip_prefix('"') else {
        return Err(error("reason is missing", text.span()).hint(HINT).into());
    };
    let Some(end) = quoted.find('"') else {
        return Err(error("reason never ends", text.span()).hint(HINT).into());
    };
    let reason = quoted[..end].trim();
    if reason.is_empty() {
        return Err(error("reason is empty", text.span()).hint(HINT).into());
    }
    nothing_more(text.from(end + 2).trimmed())?;
    Ok(reason.to_owned())
}

/// Schema, table, column and expression.
type Assignment = (Option<String>, String, String, String);

/// `[schema.]table.column = <expression>`, behind the directive `word`.
fn assignment(word: &str, text: Part<'_>) -> Result<Assignment, SqlError> {
    let hint = format!("Write `{word} [schema.]table.column = <expression>`.");
    let tokens = grammar::scan(text.text)
        .map_err(|message| error(message, text.span()).hint(hint.as_str()))?;
    let mut names = Vec::new();
    let mut rest = None;
    let mut wants_name = true;
    for token in &tokens {
        let place = grammar::place(token);
        let part = Part { text: &text.text[place.clone()], at: text.at + place.start };
        if wants_name {
            names.push(identifier(part)?);
        } else if part.text == "=" {
            rest = Some(text.from(place.end).trimmed());
            break;
        } else if part.text != "." {
            return Err(error("expected `.` or `=`", part.span()).hint(hint.as_str()).into());
        }
        wants_name = !wants_name;
    }
    let end = Span::new(text.span().end, text.span().end);
    let Some(value) = rest else {
        return Err(error(format!("{word} without a value"), end).hint(hint.as_str()).into());
    };
    if value.text.is_empty() {
        return Err(error(format!("{word} without a value"), end).hint(hint.as_str()).into());
    }
    refuse_comments_and_parameters(value)?;
    parse_expression(value.text)
        .map_err(|error| SqlError::Directive(error.shifted(value.at).into_diagnostic()))?;
    let expression = value.text.to_owned();
    let before = Span::new(text.at, value.at);
    let column = names.pop().unwrap_or_default();
    match <[String; 2]>::try_from(names) {
        Ok([schema, table]) => Ok((Some(schema), table, column, expression)),
        Err(names) => match <[String; 1]>::try_from(names) {
            Ok([table]) => Ok((None, table, column, expression)),
            Err(_) => Err(error(format!("{word} needs a table and a column"), before)
                .hint(hint.as_str())
                .into()),
        },
    }
}

/// The name that an identifier token stands for.
fn identifier(token: Part<'_>) -> Result<String, SqlError> {
    let bad = |message: &str| Err(error(message, token.span()).into());
    let starts_name = |c: char| c.is_alphabetic() || c == '_';
    let name = if let Some(quoted) = token.text.strip_prefix('"') {
        quoted.strip_suffix('"').unwrap_or(quoted).replace("\"\"", "\"")
    } else if token.text.starts_with(starts_name) && !token.text.contains(['&', '\'']) {
        token.text.to_ascii_lowercase()
    } else {
        return bad("expected a name");
    };
    if name.len() > name::MAX_IDENTIFIER_BYTES {
        return bad("name is longer than 63 bytes");
    }
    Ok(name)
}

/// The expression becomes part of statements of ours: a comment could swallow what follows it.
fn refuse_comments_and_parameters(value: Part<'_>) -> Result<(), SqlError> {
    let tokens = grammar::scan(value.text).map_err(|message| error(message, value.span()))?;
    for token in tokens {
        let place = grammar::place(&token);
        let span = Span::new(place.start, place.end).shifted(value.at);
        if grammar::is_comment(&token) {
            return Err(error("comment within a directive", span).into());
        }
        if token.token == Token::Param as i32 {
            return Err(error("parameter has no value here", span).into());
        }
    }
    Ok(())
}
