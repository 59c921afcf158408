//! Columns: their definition, `ADD COLUMN` and `ALTER COLUMN`.

use super::{Between, Statement, options_changes};
use crate::diff::model::{Kind, Object};
use crate::sql::{derived_name, quote_ident, quote_literal};
use serde_json::Value;

/// A column as it stands in `CREATE TABLE` or behind `ADD COLUMN`.
pub(super) fn definition(column: &Object, default: Option<&Object>) -> String {
    let identity = identity(column);
    format!("{}{}", head(column), clauses(column, default, identity.as_deref()))
}

/// A column of a table that is attached to a partitioned one afterwards: identity is the parent's.
pub(super) fn definition_to_attach(column: &Object, default: Option<&Object>) -> String {
    format!("{}{}", head(column), clauses(column, default, None))
}

/// What a column of a table adds to what the table's type says of it.
pub(super) fn of_typed(column: &Object, default: Option<&Object>) -> Option<String> {
    let clauses = clauses(column, default, None);
    let name = quote_ident(&column.key.item);
    (!clauses.is_empty()).then(|| format!("{name} WITH OPTIONS{clauses}"))
}

/// A column of a table that is of a type has no place for it in its definition.
pub(super) fn compression_of_typed(column: &Object) -> Option<Statement> {
    let (table, name) = (column.key.qualified(), quote_ident(&column.key.item));
    let method = compression(column)?;
    Some(format!("ALTER TABLE {table} ALTER COLUMN {name} SET COMPRESSION {method}").into())
}

fn head(column: &Object) -> String {
    let mut text = format!("{} {}", quote_ident(&column.key.item), column.text_or_empty("type"));
    if let Some(method) = compression(column) {
        text.push_str(&format!(" COMPRESSION {method}"));
    }
    if let Some(collation) = column.text("collation") {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    text
}

fn clauses(column: &Object, default: Option<&Object>, identity: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(expression) = default.and_then(|default| default.text("expression")) {
        text.push_str(&format!(" DEFAULT {expression}"));
    }
    if let Some(kind) = column.text("generated") {
        let kept = if kind == "v" { "VIRTUAL" } else { "STORED" };
        let expression = column.text_or_empty("expression");
        text.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {kept}"));
    }
    if let Some(identity) = identity {
        text.push_str(&format!(" {identity}"));
    }
    if column.text("not_null").is_some() && has_plain_not_null(column) {
        // Beside a parent the server would take the parent's name.
        let inherited = column.number("_inherited").unwrap_or(0) > 0;
        let name = not_null_name(column);
        if !name.is_empty() && (inherited || name != usual_not_null(column)) {
            text.push_str(&format!(" CONSTRAINT {}", quote_ident(name)));
        }
        text.push_str(" NOT NULL");
    }
    text
}

/// The name of a NOT NULL, from 18 on, also of one that is inherited.
fn not_null_name(column: &Object) -> &str {
    column.text_or_empty("_not_null_name")
}

fn type_of(column: &Object) -> String {
    let collation =
        column.text("collation").map(|name| format!(" COLLATE {name}")).unwrap_or_default();
    format!("{}{collation}", column.text_or_empty("type"))
}

fn compression(column: &Object) -> Option<&'static str> {
    match column.text("compression")? {
        "p" => Some("pglz"),
        "l" => Some("lz4"),
        _ => None,
    }
}

/// The name that the server gives to a NOT NULL, from 18 on.
fn usual_not_null(column: &Object) -> String {
    let usual = format!("{}_{}_not_null", column.key.name, column.key.item);
    if usual.len() <= crate::sql::name::MAX_IDENTIFIER_BYTES {
        usual
    } else {
        // Never equal to what the server makes of it, so that the name is written.
        derived_name(&[&usual, "?"])
    }
}

/// Neither `NO INHERIT` nor `NOT VALID`, which stand in a constraint only.
fn has_plain_not_null(column: &Object) -> bool {
    let plain = format!("NOT NULL {}", quote_ident(&column.key.item));
    column.text("not_null_definition").is_none_or(|definition| definition == plain)
}

fn identity(column: &Object) -> Option<String> {
    let kind = identity_kind(column)?;
    let options =
        sequence_options(column.parts.get("identity_sequence"), column.text_or_empty("type"));
    Some(match options.as_str() {
        "" => format!("GENERATED {kind} AS IDENTITY"),
        options => format!("GENERATED {kind} AS IDENTITY ({options})"),
    })
}

fn identity_kind(column: &Object) -> Option<&'static str> {
    match column.text("identity")? {
        "a" => Some("ALWAYS"),
        _ => Some("BY DEFAULT"),
    }
}

/// Largest value of an integer type.
pub(super) fn largest(of_type: &str) -> i64 {
    match of_type {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    }
}

fn smallest(of_type: &str) -> i64 {
    -largest(of_type) - 1
}

/// The options of a sequence that are not what it has by itself.
pub(super) fn sequence_options(sequence: Option<&Value>, of_type: &str) -> String {
    let Some(sequence) = sequence else { return String::new() };
    let number = |name: &str| sequence.get(name).and_then(Value::as_i64).unwrap_or_default();
    let increment = number("increment");
    let (min, max) = if increment < 0 { (smallest(of_type), -1) } else { (1, largest(of_type)) };
    let mut options = Vec::new();
    let (name, usual) = (sequence.get("name"), sequence.get("_default_name"));
    if let Some(name) = name.and_then(Value::as_str).filter(|_| name != usual) {
        options.push(format!("SEQUENCE NAME {name}"));
    }
    if increment != 1 {
        options.push(format!("INCREMENT BY {increment}"));
    }
    if number("min") != min {
        options.push(format!("MINVALUE {}", number("min")));
    }
    if number("max") != max {
        options.push(format!("MAXVALUE {}", number("max")));
    }
    let start = if increment < 0 { number("max") } else { number("min") };
    if number("start") != start {
        options.push(format!("START WITH {}", number("start")));
    }
    if number("cache") != 1 {
        options.push(format!("CACHE {}", number("cache")));
    }
    if sequence.get("cycle").and_then(Value::as_bool) == Some(true) {
        options.push("CYCLE".to_owned());
    }
    options.join(" ")
}

/// `ADD COLUMN`, and what can only be said afterwards.
pub(super) fn make(column: &Object, taken: &[&Object], between: Between<'_>) -> Vec<Statement> {
    let default = taken.iter().find(|object| object.key.kind == Kind::Default).copied();
    let table = column.key.qualified();
    let mut add: Statement =
        format!("ALTER TABLE {table} ADD COLUMN {}", definition(column, default)).into();
    add.note = backfill(column, between);
    let mut statements = vec![add];
    statements.extend(rest(column));
    statements
}

/// What rows that exist get, where only a person can say it.
fn backfill(column: &Object, between: Between<'_>) -> Option<String> {
    let key = &column.key;
    let has_default = between.to.get(&key.same_place(Kind::Default)).is_some();
    let valued = has_default || column.text("generated").or(column.text("identity")).is_some();
    let directive = format!("-- airlock: backfill {} =", key.name_for_display());
    match between.hints.backfills.get(key) {
        Some(expression) => Some(format!("{directive} {expression}")),
        None if valued || column.text("not_null").is_none() => None,
        None => Some(format!(
            "-- Rows that exist have no value for this column: write one behind the equals sign.\n{directive}"
        )),
    }
}

/// Settings of a column that its definition has no place for on every version.
pub(super) fn rest(column: &Object) -> Vec<Statement> {
    let mut blank = column.clone();
    for part in ["storage", "statistics", "options"] {
        blank.parts.remove(part);
    }
    if !has_plain_not_null(column) {
        blank.parts.remove("not_null");
        blank.parts.remove("not_null_definition");
    }
    alter(&blank, column)
}

/// `ALTER COLUMN` for everything that differs.
pub(super) fn alter(old: &Object, new: &Object) -> Vec<Statement> {
    let table = format!("ALTER TABLE {}", new.key.qualified());
    let name = quote_ident(&new.key.item);
    let column = format!("{table} ALTER COLUMN {name}");
    let mut statements: Vec<Statement> = Vec::new();
    let mut say = |sql: String| statements.push(sql.into());
    if old.text("identity").is_some() && new.text("identity").is_none() {
        say(format!("{column} DROP IDENTITY"));
    }
    if old.text("generated").is_some() && new.text("generated").is_none() {
        say(format!("{column} DROP EXPRESSION"));
    }
    // A child's column gets its type from its parent.
    let inherited = [old, new].iter().all(|o| o.number("_inherited").unwrap_or(0) > 0);
    if !inherited && (old.differs_in(new, "type") || old.differs_in(new, "collation")) {
        let plain = format!("{column} TYPE {}", type_of(new));
        let cast = format!("{plain} USING {name}::{}", new.text_or_empty("type"));
        statements.push(Statement { sql: plain, instead: Some(cast), note: None });
    }
    let mut say = |sql: String| statements.push(sql.into());
    if new.text("generated").is_some() && old.differs_in(new, "expression") {
        say(format!("{column} SET EXPRESSION AS ({})", new.text_or_empty("expression")));
    }
    not_null(old, new, &table, &name, &mut say);
    identity_changes(old, new, &column, &mut say);
    if old.differs_in(new, "storage") {
        let letter = new.text("storage").or(new.text("_storage")).unwrap_or("p");
        let word = match letter {
            "e" => "EXTERNAL",
            "m" => "MAIN",
            "x" => "EXTENDED",
            _ => "PLAIN",
        };
        say(format!("{column} SET STORAGE {word}"));
    }
    if old.differs_in(new, "compression") {
        say(format!("{column} SET COMPRESSION {}", compression(new).unwrap_or("DEFAULT")));
    }
    if old.differs_in(new, "statistics") {
        say(format!("{column} SET STATISTICS {}", new.number("statistics").unwrap_or(-1)));
    }
    let (set, reset) = options_changes(&old.texts("options"), &new.texts("options"));
    if !set.is_empty() {
        say(format!("{column} SET ({})", set.join(", ")));
    }
    if !reset.is_empty() {
        say(format!("{column} RESET ({})", reset.join(", ")));
    }
    statements
}

fn not_null(old: &Object, new: &Object, table: &str, name: &str, say: &mut dyn FnMut(String)) {
    let add = |say: &mut dyn FnMut(String)| {
        let constraint = new.text("not_null").unwrap_or_default();
        let usual = constraint.is_empty() || constraint == usual_not_null(new);
        if usual && has_plain_not_null(new) {
            say(format!("{table} ALTER COLUMN {name} SET NOT NULL"));
        } else {
            let definition = new.text_or_empty("not_null_definition");
            say(format!("{table} ADD CONSTRAINT {} {definition}", quote_ident(constraint)));
        }
    };
    match (old.text("not_null"), new.text("not_null")) {
        (None, None) => {}
        (None, Some(_)) => add(say),
        (Some(_), None) => say(format!("{table} ALTER COLUMN {name} DROP NOT NULL")),
        (Some(was), Some(is)) => {
            // Neither has a name of its own while it is inherited.
            let renamed = was != is && !was.is_empty() && !is.is_empty();
            if renamed {
                let (was, is) = (quote_ident(was), quote_ident(is));
                say(format!("{table} RENAME CONSTRAINT {was} TO {is}"));
            }
            let there = if renamed { is } else { not_null_name(old) };
            let definition = |o: &'_ Object| o.text_or_empty("not_null_definition").to_owned();
            let (before, after) = (definition(old), definition(new));
            if before.strip_suffix(" NOT VALID") == Some(&after) {
                say(format!("{table} VALIDATE CONSTRAINT {}", quote_ident(there)));
            } else if before != after {
                say(format!("{table} ALTER COLUMN {name} DROP NOT NULL"));
                add(say);
            }
        }
    }
}

fn identity_changes(old: &Object, new: &Object, column: &str, say: &mut dyn FnMut(String)) {
    let (Some(kind), Some(after)) = (identity_kind(new), new.parts.get("identity_sequence")) else {
        return;
    };
    let Some(before) =
        old.parts.get("identity_sequence").filter(|_| old.text("identity").is_some())
    else {
        let options = identity(new).unwrap_or_default();
        return say(format!("{column} ADD {options}"));
    };
    let mut changes = Vec::new();
    if old.differs_in(new, "identity") {
        changes.push(format!("SET GENERATED {kind}"));
    }
    changes.extend(sequence_changes(before, after).iter().map(|change| format!("SET {change}")));
    if !changes.is_empty() {
        say(format!("{column} {}", changes.join(" ")));
    }
    let name = |sequence: &Value| sequence.get("name").and_then(Value::as_str).map(str::to_owned);
    if let (Some(was), Some(is)) = (name(before), name(after))
        && was != is
        && let (Ok(was), Ok(is)) = (was.parse(), is.parse())
    {
        let (was, is): (crate::sql::QualifiedName, crate::sql::QualifiedName) = (was, is);
        if was.name != is.name {
            say(format!("ALTER SEQUENCE {was} RENAME TO {}", quote_ident(&is.name)));
        }
    }
}

/// `INCREMENT BY 2` and so on for every option that differs.
pub(super) fn sequence_changes(before: &Value, after: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    for (part, words) in [
        ("increment", "INCREMENT BY"),
        ("min", "MINVALUE"),
        ("max", "MAXVALUE"),
        ("start", "START WITH"),
        ("cache", "CACHE"),
    ] {
        if before.get(part) != after.get(part)
            && let Some(number) = after.get(part).and_then(Value::as_i64)
        {
            changes.push(format!("{words} {number}"));
        }
    }
    if before.get("cycle") != after.get("cycle") {
        let cycle = after.get("cycle").and_then(Value::as_bool) == Some(true);
        changes.push(if cycle { "CYCLE" } else { "NO CYCLE" }.to_owned());
    }
    changes
}

/// `COMMENT ON COLUMN` of a view or composite type.
pub(super) fn comment(of: &str, column: &str, text: Option<&str>) -> String {
    let text = text.map_or("NULL".to_owned(), quote_literal);
    format!("COMMENT ON COLUMN {of}.{} IS {text}", quote_ident(column))
}
