//! pgroll: JSON files with a list of operations. What an operation says becomes the plain statements that
//! it stands for; how it is done without blocking is airlock's own affair.
//!
//! Columns are NOT NULL in pgroll unless they say `nullable: true` (pgroll's documentation, "Add column",
//! "Create table").

use super::fields::{Fields, Refusal};
use super::{File, Migration, Problem};
use crate::sql::{quote_ident, quote_literal};
use serde_json::{Map, Value};

pub(super) fn recognises(file: &File) -> bool {
    let named = [".json", ".yaml", ".yml"].iter().any(|ending| file.path.ends_with(ending));
    named && file.text.contains("operations")
}

pub(super) fn read(
    files: &[File],
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Vec<Migration> {
    let mut ordered: Vec<&File> = files.iter().filter(|file| recognises(file)).collect();
    ordered.sort_by(|a, b| a.path.cmp(&b.path));
    let mut found = Vec::new();
    for file in ordered {
        if !file.path.ends_with(".json") {
            let hint = "Turn it into JSON first, for example with `yq -o json`.";
            problems.push(Problem::at(file, 0, "YAML is not read", hint));
            continue;
        }
        match serde_json::from_str::<Value>(&file.text) {
            Ok(value) => found.extend(migration(file, &value, problems, notes)),
            Err(error) => {
                let line = error.line().saturating_sub(1);
                let at = file.text.split_inclusive('\n').take(line).map(str::len).sum();
                problems.push(Problem::at(
                    file,
                    at,
                    format!("not JSON: {error}"),
                    "Correct the file.",
                ));
            }
        }
    }
    found
}

fn migration(
    file: &File,
    value: &Value,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Option<Migration> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let operations = value.get("operations")?.as_array()?;
    let mut migration = Migration {
        version: stem.to_owned(),
        message: stem.replace(['_', '-'], " "),
        path: file.path.clone(),
        ..Migration::default()
    };
    // The statements of each operation, and those that take it back.
    let mut done: Vec<(String, String)> = Vec::new();
    for operation in operations {
        let one = operation.as_object().filter(|object| object.len() == 1);
        let Some((kind, body)) = one.and_then(|object| object.iter().next()) else {
            problems.push(Problem::at(
                file,
                0,
                "an operation has not exactly one name",
                "Correct the file.",
            ));
            continue;
        };
        let empty = Map::new();
        let fields = Fields { of: body.as_object().unwrap_or(&empty) };
        match statements(kind, &fields) {
            Ok(ways) => done.push(ways),
            Err(why) => {
                let at = file.text.find(&format!("\"{kind}\"")).unwrap_or_default();
                let line = file.text[..at].rfind('\n').map_or(0, |before| before + 1);
                problems.push(Problem::at(
                    file,
                    line,
                    format!("{kind}: {why}"),
                    "Write this migration by hand: `airlock revision`.",
                ));
            }
        }
    }
    ways(&mut migration, &done, notes);
    Some(migration)
}

/// The two sections. pgroll gives the way back of `sql` alone and knows that of the rest by itself, as
/// airlock does. A downgrade section is the whole way back, so half of one would leave the other
/// operations in place and say that they are gone: there is none unless every operation is in it.
fn ways(migration: &mut Migration, done: &[(String, String)], notes: &mut Vec<String>) {
    let whole = done.iter().all(|(_, down)| !down.is_empty());
    if whole {
        migration.downgrade = done.iter().rev().map(|(_, down)| down.as_str()).collect();
    } else if done.iter().any(|(_, down)| !down.is_empty()) {
        notes.push(format!(
            "{}: `down` stands in a comment, because the other operations of the file have none and a \
             downgrade section has to take everything back",
            migration.path
        ));
    }
    for (up, down) in done {
        if !whole && !down.is_empty() {
            migration.upgrade.push_str("-- pgroll takes the next statement back with:\n");
            migration.upgrade.extend(down.lines().map(|line| format!("-- | {line}\n")));
        }
        migration.upgrade.push_str(up);
    }
}

/// `schema.table` in its parts, quoted.
pub(super) fn relation(name: &str) -> String {
    name.split('.').map(quote_ident).collect::<Vec<_>>().join(".")
}

fn ident(name: &str) -> String {
    quote_ident(name)
}

/// The statements of an operation, and those that take it back where the operation gives them.
fn statements(kind: &str, of: &Fields<'_>) -> Result<(String, String), Refusal> {
    let alone = |sql: String| Ok((format!("{sql};\n"), String::new()));
    match kind {
        "create_table" => create_table(of).map(|sql| (sql, String::new())),
        "drop_table" => {
            of.only(&["name"])?;
            alone(format!("DROP TABLE {}", of.name("name")?))
        }
        "rename_table" => {
            of.only(&["from", "to"])?;
            alone(format!("ALTER TABLE {} RENAME TO {}", of.name("from")?, ident(of.text("to")?)))
        }
        "add_column" => add_column(of).map(|sql| (sql, String::new())),
        "drop_column" => {
            of.only(&["table", "column", "down"])?;
            alone(format!(
                "ALTER TABLE {} DROP COLUMN {}",
                of.name("table")?,
                ident(of.text("column")?)
            ))
        }
        "rename_column" => {
            of.only(&["table", "from", "to"])?;
            let (table, from) = (of.name("table")?, ident(of.text("from")?));
            alone(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {}", ident(of.text("to")?)))
        }
        "alter_column" => alter_column(of).map(|sql| (sql, String::new())),
        "create_index" => create_index(of).map(|sql| (sql, String::new())),
        "drop_index" => {
            of.only(&["name"])?;
            alone(format!("DROP INDEX {}", of.name("name")?))
        }
        "create_constraint" => create_constraint(of).map(|sql| (sql, String::new())),
        "drop_constraint" | "drop_multicolumn_constraint" => {
            of.only(&["table", "name", "column", "up", "down"])?;
            let (table, name) = (of.name("table")?, ident(of.text("name")?));
            alone(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"))
        }
        "rename_constraint" => {
            of.only(&["table", "from", "to"])?;
            let (table, from) = (of.name("table")?, ident(of.text("from")?));
            alone(format!(
                "ALTER TABLE {table} RENAME CONSTRAINT {from} TO {}",
                ident(of.text("to")?)
            ))
        }
        "sql" | "raw_sql" => {
            of.only(&["up", "down", "onComplete"])?;
            let end = |sql: &str| format!("{}\n;\n", sql.trim().trim_end_matches(';').trim_end());
            Ok((end(of.text("up")?), of.given("down").map(end).unwrap_or_default()))
        }
        "set_replica_identity" => {
            of.only(&["table", "identity"])?;
            let identity = of.inner("identity").ok_or("`identity` is missing")?;
            let how = match identity.text("type")?.to_ascii_lowercase().as_str() {
                "index" => format!("USING INDEX {}", ident(identity.text("index")?)),
                how @ ("full" | "default" | "nothing") => how.to_ascii_uppercase(),
                other => return Err(format!("identity `{other}` is not known")),
            };
            alone(format!("ALTER TABLE {} REPLICA IDENTITY {how}", of.name("table")?))
        }
        _ => Err("this operation is not known".to_owned()),
    }
}

/// A column as it stands in CREATE TABLE and ADD COLUMN.
fn column(of: &Fields<'_>) -> Result<String, Refusal> {
    of.only(&[
        "name",
        "type",
        "pk",
        "nullable",
        "unique",
        "default",
        "check",
        "references",
        "generated",
        "comment",
    ])?;
    let mut sql = format!("{} {}", ident(of.text("name")?), of.text("type")?);
    if let Some(generated) = of.inner("generated") {
        generated.only(&["expression", "identity"])?;
        match (generated.given("expression"), generated.inner("identity")) {
            (Some(expression), None) => {
                sql.push_str(&format!(" GENERATED ALWAYS AS ({expression}) STORED"));
            }
            (None, Some(identity)) => {
                identity.only(&["user_specified_values"])?;
                let how = identity.given("user_specified_values").unwrap_or("ALWAYS");
                sql.push_str(&format!(" GENERATED {how} AS IDENTITY"));
            }
            _ => {
                return Err(
                    "`generated` has neither an expression nor an identity alone".to_owned()
                );
            }
        }
    }
    match of.of.get("default") {
        None | Some(Value::Null) => {}
        Some(Value::String(default)) => sql.push_str(&format!(" DEFAULT {default}")),
        Some(other) => sql.push_str(&format!(" DEFAULT {other}")),
    }
    if !of.is("nullable") && !of.is("pk") {
        sql.push_str(" NOT NULL");
    }
    if of.is("pk") {
        sql.push_str(" PRIMARY KEY");
    }
    if of.is("unique") {
        sql.push_str(" UNIQUE");
    }
    if let Some(check) = of.inner("check") {
        check.only(&["name", "constraint", "no_inherit"])?;
        sql.push_str(&format!(
            " CONSTRAINT {} CHECK ({}){}",
            ident(check.text("name")?),
            check.text("constraint")?,
            if check.is("no_inherit") { " NO INHERIT" } else { "" }
        ));
    }
    if let Some(reference) = of.inner("references") {
        let name = ident(reference.text("name")?);
        sql.push_str(&format!(" CONSTRAINT {name} {}", references(&reference, "column")?));
    }
    Ok(sql)
}

/// `REFERENCES …`; `columns`: the key that names the columns.
fn references(of: &Fields<'_>, columns: &str) -> Result<String, Refusal> {
    of.only(&[
        "name",
        "table",
        "column",
        "columns",
        "on_delete",
        "on_update",
        "deferrable",
        "initially_deferred",
        "match_type",
    ])?;
    let list = match columns {
        "column" => ident(of.text("column")?),
        _ => of.names("columns")?,
    };
    let mut sql = format!("REFERENCES {} ({list})", of.name("table")?);
    for (key, word) in
        [("match_type", "MATCH"), ("on_delete", "ON DELETE"), ("on_update", "ON UPDATE")]
    {
        if let Some(action) = of.given(key) {
            sql.push_str(&format!(" {word} {action}"));
        }
    }
    if of.is("deferrable") {
        sql.push_str(" DEFERRABLE");
    }
    if of.is("initially_deferred") {
        sql.push_str(" INITIALLY DEFERRED");
    }
    Ok(sql)
}

fn comment(what: &str, of: &Fields<'_>) -> String {
    let text = of.given("comment").map(quote_literal);
    text.map(|text| format!("COMMENT ON {what} IS {text};\n")).unwrap_or_default()
}

fn create_table(of: &Fields<'_>) -> Result<String, Refusal> {
    of.only(&["name", "columns", "constraints", "comment"])?;
    let table = of.name("name")?;
    let list = |key: &str| of.of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut lines = Vec::new();
    let mut comments = comment(&format!("TABLE {table}"), of);
    let mut keys = Vec::new();
    for value in list("columns") {
        let fields = Fields { of: value.as_object().ok_or("a column is no object")? };
        let name = ident(fields.text("name")?);
        comments.push_str(&comment(&format!("COLUMN {table}.{name}"), &fields));
        lines.push(column(&fields)?);
        if fields.is("pk") {
            keys.push(name);
        }
    }
    // Several columns marked as key make one key together.
    if keys.len() > 1 {
        lines.iter_mut().for_each(|line| *line = line.replace(" PRIMARY KEY", " NOT NULL"));
        lines.push(format!("PRIMARY KEY ({})", keys.join(", ")));
    }
    for value in list("constraints") {
        let fields = Fields { of: value.as_object().ok_or("a constraint is no object")? };
        lines.push(constraint(&fields)?);
    }
    Ok(format!("CREATE TABLE {table} (\n    {}\n);\n{comments}", lines.join(",\n    ")))
}

fn constraint(of: &Fields<'_>) -> Result<String, Refusal> {
    of.only(&[
        "name",
        "table",
        "type",
        "columns",
        "check",
        "references",
        "deferrable",
        "initially_deferred",
        "nulls_not_distinct",
        "no_inherit",
        "up",
        "down",
    ])?;
    let name = ident(of.text("name")?);
    let what = match of.text("type")? {
        "unique" => {
            let nulls = if of.is("nulls_not_distinct") { "NULLS NOT DISTINCT " } else { "" };
            format!("UNIQUE {nulls}({})", of.names("columns")?)
        }
        "primary_key" => format!("PRIMARY KEY ({})", of.names("columns")?),
        "check" => format!(
            "CHECK ({}){}",
            of.text("check")?,
            if of.is("no_inherit") { " NO INHERIT" } else { "" }
        ),
        "foreign_key" => {
            let to = of.inner("references").ok_or("`references` is missing")?;
            format!("FOREIGN KEY ({}) {}", of.names("columns")?, references(&to, "columns")?)
        }
        other => return Err(format!("constraint of type `{other}` cannot be brought over")),
    };
    let mut sql = format!("CONSTRAINT {name} {what}");
    if of.is("deferrable") {
        sql.push_str(" DEFERRABLE");
    }
    if of.is("initially_deferred") {
        sql.push_str(" INITIALLY DEFERRED");
    }
    Ok(sql)
}

fn create_constraint(of: &Fields<'_>) -> Result<String, Refusal> {
    // Values that make the constraint hold would be lost.
    let changes = of.inner("up").is_some_and(|up| {
        up.of.iter().any(|(column, value)| value.as_str().is_none_or(|value| value != column))
    });
    if changes {
        return Err("`up` changes rows before the constraint holds".to_owned());
    }
    Ok(format!("ALTER TABLE {} ADD {};\n", of.name("table")?, constraint(of)?))
}

fn add_column(of: &Fields<'_>) -> Result<String, Refusal> {
    of.only(&["table", "column", "up"])?;
    let table = of.name("table")?;
    let added = of.inner("column").ok_or("`column` is missing")?;
    let name = ident(added.text("name")?);
    let backfill = match of.given("up").map(str::trim).filter(|up| !up.is_empty()) {
        Some(up) if up.contains('\n') => return Err("`up` has several lines".to_owned()),
        Some(up) => format!("-- airlock: backfill {table}.{name} = {up}\n"),
        None => String::new(),
    };
    let comment = comment(&format!("COLUMN {table}.{name}"), &added);
    Ok(format!("{backfill}ALTER TABLE {table} ADD COLUMN {};\n{comment}", column(&added)?))
}

fn alter_column(of: &Fields<'_>) -> Result<String, Refusal> {
    of.only(&[
        "table",
        "column",
        "name",
        "type",
        "nullable",
        "default",
        "unique",
        "check",
        "references",
        "comment",
        "up",
        "down",
    ])?;
    let (table, name) = (of.name("table")?, ident(of.text("column")?));
    let alter = |what: String| format!("ALTER TABLE {table} {what};\n");
    let (up, down) = (of.given("up").filter(|up| !up.is_empty()), of.given("down"));
    let mut sql = String::new();
    if let Some(new) = of.given("type") {
        if let Some(down) = down.filter(|down| !down.is_empty()) {
            if down.contains('\n') {
                return Err("`down` has several lines".to_owned());
            }
            sql.push_str(&format!("-- airlock: reverse {table}.{name} = {down}\n"));
        }
        let using = up.map(|up| format!(" USING ({up})")).unwrap_or_default();
        sql.push_str(&alter(format!("ALTER COLUMN {name} TYPE {new}{using}")));
    }
    match of.of.get("default") {
        None => {}
        Some(Value::Null) => sql.push_str(&alter(format!("ALTER COLUMN {name} DROP DEFAULT"))),
        Some(Value::String(value)) => {
            sql.push_str(&alter(format!("ALTER COLUMN {name} SET DEFAULT {value}")));
        }
        Some(other) => sql.push_str(&alter(format!("ALTER COLUMN {name} SET DEFAULT {other}"))),
    }
    let fills = of.given("type").is_none();
    match of.of.get("nullable").and_then(Value::as_bool) {
        Some(true) => sql.push_str(&alter(format!("ALTER COLUMN {name} DROP NOT NULL"))),
        Some(false) => {
            if let Some(up) = up.filter(|_| fills) {
                sql.push_str(&format!(
                    "UPDATE {table} SET {name} = ({up}) WHERE {name} IS NULL;\n"
                ));
            }
            sql.push_str(&alter(format!("ALTER COLUMN {name} SET NOT NULL")));
        }
        None => {}
    }
    let constrains = ["unique", "check", "references"].iter().any(|key| of.of.contains_key(*key));
    let same = |up: &str| up.trim_matches('"') == of.given("column").unwrap_or_default();
    if constrains && up.is_some_and(|up| !same(up)) {
        return Err("`up` changes rows before the constraint holds".to_owned());
    }
    if let Some(unique) = of.inner("unique") {
        unique.only(&["name"])?;
        let of_name = ident(unique.text("name")?);
        sql.push_str(&alter(format!("ADD CONSTRAINT {of_name} UNIQUE ({name})")));
    }
    if let Some(check) = of.inner("check") {
        check.only(&["name", "constraint"])?;
        let (of_name, condition) = (ident(check.text("name")?), check.text("constraint")?);
        sql.push_str(&alter(format!("ADD CONSTRAINT {of_name} CHECK ({condition})")));
    }
    if let Some(to) = of.inner("references") {
        let of_name = ident(to.text("name")?);
        let clause = references(&to, "column")?;
        sql.push_str(&alter(format!("ADD CONSTRAINT {of_name} FOREIGN KEY ({name}) {clause}")));
    }
    sql.push_str(&comment(&format!("COLUMN {table}.{name}"), of));
    if let Some(new) = of.given("name") {
        sql.push_str(&alter(format!("RENAME COLUMN {name} TO {}", ident(new))));
    }
    Ok(sql)
}

fn create_index(of: &Fields<'_>) -> Result<String, Refusal> {
    of.only(&["name", "table", "columns", "predicate", "method", "unique", "storage_parameters"])?;
    let columns = match of.of.get("columns") {
        Some(Value::Array(_)) => of.names("columns")?,
        Some(Value::Object(columns)) => {
            let mut list = Vec::new();
            for (name, value) in columns {
                let empty = Map::new();
                let how = Fields { of: value.as_object().unwrap_or(&empty) };
                how.only(&["collate", "sort", "nulls"])?;
                let collate =
                    how.given("collate").map(|name| format!(" COLLATE {}", relation(name)));
                let sort = how.given("sort").map(|sort| format!(" {sort}"));
                let nulls = how.given("nulls").map(|nulls| format!(" NULLS {nulls}"));
                let parts = [collate, sort, nulls].into_iter().flatten().collect::<String>();
                list.push(format!("{}{parts}", ident(name)));
            }
            list.join(", ")
        }
        _ => return Err("`columns` is missing".to_owned()),
    };
    let unique = if of.is("unique") { "UNIQUE " } else { "" };
    let method = of.given("method").map(|method| format!(" USING {method}")).unwrap_or_default();
    let with =
        of.given("storage_parameters").map(|list| format!(" WITH ({list})")).unwrap_or_default();
    let predicate = of.given("predicate").map(|text| format!(" WHERE {text}")).unwrap_or_default();
    Ok(format!(
        "CREATE {unique}INDEX {} ON {}{method} ({columns}){with}{predicate};\n",
        ident(of.text("name")?),
        of.name("table")?
    ))
}
