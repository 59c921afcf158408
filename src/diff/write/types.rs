//! Schemas, extensions, types and sequences.

use super::{Between, Statement, column, grants, target};
use crate::diff::compare::only_adds_labels;
use crate::diff::model::{Key, Kind, Object};
use crate::sql::{derived_name, quote_ident, quote_literal};
use serde_json::{Map, Value};

pub(super) fn make(object: &Object) -> Vec<Statement> {
    let name = object.key.qualified();
    let sql = match object.key.kind {
        Kind::Schema => format!("CREATE SCHEMA {name}"),
        Kind::DefaultPrivileges => return grants::defaults(&grants::base(object), object),
        Kind::Extension => extension(object, &name),
        Kind::Collation => collation(object, &name),
        Kind::Enum => create_enum(object, &name),
        Kind::Range => range(object, &name),
        Kind::Composite => {
            let attributes: Vec<String> = object.list("attributes").iter().map(attribute).collect();
            format!("CREATE TYPE {name} AS ({})", attributes.join(", "))
        }
        Kind::Domain => domain(object, &name),
        Kind::DomainConstraint => {
            let item = quote_ident(&object.key.item);
            let definition = object.text_or_empty("definition");
            format!("ALTER DOMAIN {name} ADD CONSTRAINT {item} {definition}")
        }
        _ => sequence(object, &name),
    };
    vec![sql.into()]
}

fn extension(object: &Object, name: &str) -> String {
    let mut sql = format!("CREATE EXTENSION {name}");
    if let Some(schema) = object.text("schema").filter(|schema| *schema != "pg_catalog") {
        sql.push_str(&format!(" WITH SCHEMA {}", quote_ident(schema)));
    }
    if let Some(version) = object.text("version") {
        sql.push_str(&format!(" VERSION {}", quote_literal(version)));
    }
    sql
}

fn collation(object: &Object, name: &str) -> String {
    let mut options = Vec::new();
    let mut option = |word: &str, part: &str| {
        if let Some(text) = object.text(part) {
            options.push(format!("{word} = {}", quote_literal(text)));
        }
    };
    option("LOCALE", "locale");
    option("LC_COLLATE", "collate");
    option("LC_CTYPE", "ctype");
    option("RULES", "rules");
    let provider = match object.text_or_empty("provider") {
        "i" => "icu",
        "b" => "builtin",
        _ => "libc",
    };
    options.push(format!("PROVIDER = {provider}"));
    if !object.flag("deterministic") {
        options.push("DETERMINISTIC = false".to_owned());
    }
    format!("CREATE COLLATION {name} ({})", options.join(", "))
}

fn create_enum(object: &Object, name: &str) -> String {
    let labels: Vec<String> = object.texts("labels").into_iter().map(quote_literal).collect();
    format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))
}

fn range(object: &Object, name: &str) -> String {
    let mut options = vec![format!("SUBTYPE = {}", object.text_or_empty("subtype"))];
    for (word, part) in [
        ("SUBTYPE_OPCLASS", "subtype_opclass"),
        ("COLLATION", "collation"),
        ("CANONICAL", "canonical"),
        ("SUBTYPE_DIFF", "subtype_diff"),
        ("MULTIRANGE_TYPE_NAME", "multirange"),
    ] {
        if let Some(text) = object.text(part) {
            options.push(format!("{word} = {text}"));
        }
    }
    format!("CREATE TYPE {name} AS RANGE ({})", options.join(", "))
}

fn attribute(value: &Value) -> String {
    let part = |at: usize| value.get(at).and_then(Value::as_str);
    let collation = part(2).map(|name| format!(" COLLATE {name}")).unwrap_or_default();
    let name = quote_ident(part(0).unwrap_or_default());
    format!("{name} {}{collation}", part(1).unwrap_or_default())
}

fn domain(object: &Object, name: &str) -> String {
    let mut sql = format!("CREATE DOMAIN {name} AS {}", object.text_or_empty("base"));
    if let Some(collation) = object.text("collation") {
        sql.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some(default) = object.text("default") {
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(constraint) = object.text("not_null") {
        if !constraint.is_empty() {
            sql.push_str(&format!(" CONSTRAINT {}", quote_ident(constraint)));
        }
        sql.push_str(" NOT NULL");
    }
    sql
}

fn as_value(sequence: &Object) -> Value {
    let parts: Map<String, Value> =
        sequence.parts.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Value::Object(parts)
}

fn sequence(object: &Object, name: &str) -> String {
    let of_type = object.text("type").unwrap_or("bigint");
    let unlogged = if object.flag("unlogged") { "UNLOGGED " } else { "" };
    let mut sql = format!("CREATE {unlogged}SEQUENCE {name}");
    if of_type != "bigint" {
        sql.push_str(&format!(" AS {of_type}"));
    }
    let options = column::sequence_options(Some(&as_value(object)), of_type);
    if !options.is_empty() {
        sql.push_str(&format!(" {options}"));
    }
    sql
}

pub(super) fn alter(old: &Object, new: &Object, between: Between<'_>) -> Vec<Statement> {
    let target = target(new);
    let mut statements: Vec<Statement> = Vec::new();
    let mut say = |sql: String| statements.push(sql.into());
    match new.key.kind {
        Kind::DefaultPrivileges => return grants::defaults(&grants::entries(old), new),
        Kind::Extension => {
            if old.differs_in(new, "schema") {
                let schema = quote_ident(new.text_or_empty("schema"));
                say(format!("ALTER {target} SET SCHEMA {schema}"));
            }
            if let Some(version) = new.text("version").filter(|_| old.differs_in(new, "version")) {
                say(format!("ALTER {target} UPDATE TO {}", quote_literal(version)));
            }
        }
        Kind::Enum if old.differs_in(new, "labels") && only_adds_labels(old, new) => {
            return add_labels(old, new);
        }
        Kind::Enum if old.differs_in(new, "labels") => return rebuild_enum(old, new, between),
        Kind::Composite => return alter_attributes(old, new),
        Kind::Domain => {
            if old.differs_in(new, "default") {
                match new.text("default") {
                    Some(default) => say(format!("ALTER {target} SET DEFAULT {default}")),
                    None => say(format!("ALTER {target} DROP DEFAULT")),
                }
            }
            match (old.text("not_null"), new.text("not_null")) {
                (Some(was), Some(is)) if was != is => {
                    let (was, is) = (quote_ident(was), quote_ident(is));
                    say(format!("ALTER {target} RENAME CONSTRAINT {was} TO {is}"));
                }
                (Some(_), None) => say(format!("ALTER {target} DROP NOT NULL")),
                (None, Some(_)) => say(format!("ALTER {target} SET NOT NULL")),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        Kind::Sequence => {
            let mut changes = Vec::new();
            if let Some(of_type) = new.text("type").filter(|_| old.differs_in(new, "type")) {
                changes.push(format!("AS {of_type}"));
            }
            // With its type it changes its end by itself.
            let own_end = |o: &Object| o.number("max") == o.text("type").map(column::largest);
            let mut before = as_value(old);
            if old.differs_in(new, "type") && own_end(old) && own_end(new) {
                before["max"] = new.number("max").into();
            }
            changes.extend(column::sequence_changes(&before, &as_value(new)));
            if !changes.is_empty() {
                say(format!("ALTER {target} {}", changes.join(" ")));
            }
            if old.differs_in(new, "unlogged") {
                let word = if new.flag("unlogged") { "UNLOGGED" } else { "LOGGED" };
                say(format!("ALTER {target} SET {word}"));
            }
        }
        _ => {}
    }
    statements
}

fn add_labels(old: &Object, new: &Object) -> Vec<Statement> {
    let name = new.key.qualified();
    let known = old.texts("labels");
    let labels = new.texts("labels");
    // Placed before the next label that is there already, as pg_dump's own order needs.
    let mut statements = Vec::new();
    let mut there = known.clone();
    for (at, label) in labels.iter().enumerate() {
        if known.contains(label) {
            continue;
        }
        let next = labels[at + 1..].iter().find(|later| there.contains(later));
        let place = next.map(|next| format!(" BEFORE {}", quote_literal(next))).unwrap_or_default();
        statements
            .push(format!("ALTER TYPE {name} ADD VALUE {}{place}", quote_literal(label)).into());
        there.push(label);
    }
    statements
}

/// Labels that rows may hold and that are to go.
pub(super) fn lost_labels(old: &Object, new: &Object) -> Option<String> {
    let kept = new.texts("labels");
    let lost: Vec<&str> = old.texts("labels").into_iter().filter(|l| !kept.contains(l)).collect();
    match lost[..] {
        [] => None,
        _ => Some(format!("fails where a row holds {}", lost.join(", "))),
    }
}

/// A label cannot be dropped or moved: a new type takes the place of the old one.
fn rebuild_enum(old: &Object, new: &Object, between: Between<'_>) -> Vec<Statement> {
    let key = &new.key;
    let name = key.qualified();
    let aside = Key::new(Kind::Enum, &key.schema, &derived_name(&[&key.name, "old"]), "");
    let mut statements: Vec<Statement> = vec![
        format!("ALTER TYPE {name} RENAME TO {}", quote_ident(&aside.name)).into(),
        create_enum(new, &name).into(),
    ];
    for column in between.from.of_kind(Kind::Column) {
        let stays = between.to.get(&column.key).is_some_and(|column| column.needs.contains(key));
        let inherited = column.number("_inherited").unwrap_or(0) > 0;
        if !column.needs.contains(&old.key) || !stays || inherited {
            continue;
        }
        let (table, item) = (column.key.qualified(), quote_ident(&column.key.item));
        let of_type = column.text_or_empty("type");
        let text = if of_type.ends_with("[]") { "text[]" } else { "text" };
        statements.push(
            format!(
                "ALTER TABLE {table} ALTER COLUMN {item} TYPE {of_type} USING {item}::{text}::{of_type}"
            )
            .into(),
        );
    }
    statements.push(format!("DROP TYPE {}", aside.qualified()).into());
    statements
}

fn alter_attributes(old: &Object, new: &Object) -> Vec<Statement> {
    let name = new.key.qualified();
    let of = |object: &Object| -> Vec<(String, Value)> {
        let named = |value: &Value| value.get(0).and_then(Value::as_str).map(str::to_owned);
        object.list("attributes").iter().filter_map(|v| Some((named(v)?, v.clone()))).collect()
    };
    let (before, after) = (of(old), of(new));
    let mut changes = Vec::new();
    // Only at the end can an attribute be added: from where the order differs on, all are new.
    let kept: Vec<&String> = before
        .iter()
        .map(|(name, _)| name)
        .filter(|name| after.iter().any(|(other, _)| other == *name))
        .collect();
    let same = kept.iter().zip(&after).take_while(|(name, (other, _))| **name == other).count();
    for (attribute, _) in &before {
        if !after.iter().take(same).any(|(other, _)| other == attribute) {
            changes.push(format!("DROP ATTRIBUTE {}", quote_ident(attribute)));
        }
    }
    for (index, (attribute_name, value)) in after.iter().enumerate() {
        let was = before.iter().find(|(other, _)| other == attribute_name);
        match was {
            Some((_, was)) if index < same => {
                if was != value {
                    let definition = attribute(value);
                    let item = quote_ident(attribute_name);
                    let of_type = definition.strip_prefix(&item).unwrap_or_default();
                    changes.push(format!("ALTER ATTRIBUTE {item} TYPE{of_type}"));
                }
            }
            _ => changes.push(format!("ADD ATTRIBUTE {}", attribute(value))),
        }
    }
    if changes.is_empty() {
        return Vec::new();
    }
    vec![format!("ALTER TYPE {name} {}", changes.join(", ")).into()]
}
