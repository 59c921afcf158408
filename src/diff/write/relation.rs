//! Views, indexes, statistics, rules, triggers and policies; comments on columns of views.

use super::{Statement, column, options, options_changes, target};
use crate::diff::model::{Kind, Object};
use crate::sql::{quote_ident, quote_literal};
use serde_json::Value;

pub(super) fn make(object: &Object) -> Vec<Statement> {
    let definition = object.text_or_empty("definition");
    let sql = match object.key.kind {
        Kind::View => view(object, "CREATE VIEW"),
        Kind::MaterializedView => materialized_view(object),
        Kind::Policy => policy(object),
        Kind::Index => index(object, definition),
        Kind::Statistics => object.text_or_empty("_definition").to_owned(),
        _ => definition.trim_end_matches(';').to_owned(),
    };
    let mut statements = vec![sql.into()];
    if object.key.kind == Kind::Statistics
        && let Some(number) = object.number("target")
    {
        let name = object.key.qualified();
        statements.push(format!("ALTER STATISTICS {name} SET STATISTICS {number}").into());
    }
    statements
}

fn index(object: &Object, definition: &str) -> String {
    // So the server writes that of a partitioned table, whose partitions' indexes stand beside it.
    let whole = if object.flag("_valid") {
        definition.replacen(" ON ONLY ", " ON ", 1)
    } else {
        definition.to_owned()
    };
    match object.text("tablespace") {
        // The server leaves it out of the definition.
        Some(space) => with_tablespace(&whole, space),
        None => whole,
    }
}

fn with_tablespace(definition: &str, space: &str) -> String {
    let clause = format!(" TABLESPACE {}", quote_ident(space));
    match definition.find(" WHERE ") {
        Some(at) => format!("{}{clause}{}", &definition[..at], &definition[at..]),
        None => format!("{definition}{clause}"),
    }
}

fn query(object: &Object) -> &str {
    object.text_or_empty("definition").trim().trim_end_matches(';')
}

fn view(object: &Object, verb: &str) -> String {
    let with = match &object.texts("options")[..] {
        [] => String::new(),
        list => format!(" WITH ({})", options(list)),
    };
    format!("{verb} {}{with} AS\n{}", object.key.qualified(), query(object))
}

fn materialized_view(object: &Object) -> String {
    let mut sql = format!("CREATE MATERIALIZED VIEW {}", object.key.qualified());
    if let Some(method) = object.text("access_method") {
        sql.push_str(&format!(" USING {}", quote_ident(method)));
    }
    if let list @ [_, ..] = &object.texts("options")[..] {
        sql.push_str(&format!(" WITH ({})", options(list)));
    }
    if let Some(space) = object.text("tablespace") {
        sql.push_str(&format!(" TABLESPACE {}", quote_ident(space)));
    }
    sql.push_str(&format!(" AS\n{}", query(object)));
    if object.flag("empty") {
        sql.push_str("\nWITH NO DATA");
    }
    sql
}

fn policy(object: &Object) -> String {
    let mut sql = format!("CREATE {}", target(object));
    if !object.flag("permissive") {
        sql.push_str(" AS RESTRICTIVE");
    }
    let command = match object.text_or_empty("command") {
        "r" => " FOR SELECT",
        "a" => " FOR INSERT",
        "w" => " FOR UPDATE",
        "d" => " FOR DELETE",
        _ => "",
    };
    sql.push_str(command);
    sql.push_str(&policy_rest(object));
    sql
}

fn policy_rest(object: &Object) -> String {
    let roles: Vec<String> = object
        .list("roles")
        .iter()
        .map(|role| role.as_str().map_or("PUBLIC".to_owned(), quote_ident))
        .collect();
    let mut sql = format!(" TO {}", roles.join(", "));
    if let Some(expression) = object.text("using") {
        sql.push_str(&format!(" USING ({expression})"));
    }
    if let Some(expression) = object.text("check") {
        sql.push_str(&format!(" WITH CHECK ({expression})"));
    }
    sql
}

pub(super) fn alter(old: &Object, new: &Object) -> Vec<Statement> {
    let name = new.key.qualified();
    let target = target(new);
    let mut statements: Vec<Statement> = Vec::new();
    let mut say = |sql: String| statements.push(sql.into());
    match new.key.kind {
        Kind::View if old.differs_in(new, "definition") => {
            say(view(new, "CREATE OR REPLACE VIEW"));
        }
        Kind::View | Kind::MaterializedView => {
            let (set, reset) = options_changes(&old.texts("options"), &new.texts("options"));
            if !set.is_empty() {
                say(format!("ALTER {target} SET ({})", set.join(", ")));
            }
            if !reset.is_empty() {
                say(format!("ALTER {target} RESET ({})", reset.join(", ")));
            }
            if old.differs_in(new, "tablespace") {
                let space = quote_ident(new.text("tablespace").unwrap_or("pg_default"));
                say(format!("ALTER {target} SET TABLESPACE {space}"));
            }
            if old.differs_in(new, "empty") {
                let empty = if new.flag("empty") { " WITH NO DATA" } else { "" };
                say(format!("REFRESH MATERIALIZED VIEW {name}{empty}"));
            }
        }
        Kind::Statistics if old.differs_in(new, "target") => {
            let number = new.number("target").unwrap_or(-1);
            say(format!("ALTER STATISTICS {name} SET STATISTICS {number}"));
        }
        Kind::IndexPartition if old.differs_in(new, "name") => {
            let was = super::target(old);
            say(format!("ALTER {was} RENAME TO {}", quote_ident(new.text_or_empty("name"))));
        }
        Kind::Policy
            if ["roles", "using", "check"].iter().any(|part| old.differs_in(new, part)) =>
        {
            say(format!("ALTER {target}{}", policy_rest(new)));
        }
        _ => {}
    }
    statements
}

/// Marks that an index or constraint, a trigger or a rule bears.
pub(super) fn marks(old: &Object, new: &Object) -> Vec<Statement> {
    let key = &new.key;
    let mut statements: Vec<Statement> = Vec::new();
    if old.differs_in(new, "enabled") {
        let what = match key.kind {
            Kind::Rule => "RULE",
            _ => "TRIGGER",
        };
        let word = match new.text("enabled") {
            None => "ENABLE",
            Some("D") => "DISABLE",
            Some("R") => "ENABLE REPLICA",
            Some(_) => "ENABLE ALWAYS",
        };
        statements.push(if key.kind == Kind::EventTrigger {
            format!("ALTER EVENT TRIGGER {} {word}", key.qualified()).into()
        } else {
            let item = quote_ident(&key.item);
            format!("ALTER TABLE {} {word} {what} {item}", key.qualified()).into()
        });
    }
    let index = match key.kind {
        Kind::Constraint => Some((key.qualified(), quote_ident(&key.item))),
        Kind::Index => Some((new.text_or_empty("_table").to_owned(), quote_ident(&key.name))),
        Kind::ConstraintPartition | Kind::IndexPartition => {
            Some((key.qualified(), quote_ident(new.text_or_empty("name"))))
        }
        _ => None,
    };
    if let Some((table, index)) = index {
        if old.differs_in(new, "clustered") {
            let mark = if new.flag("clustered") {
                format!("CLUSTER ON {index}")
            } else {
                "SET WITHOUT CLUSTER".to_owned()
            };
            statements.push(format!("ALTER TABLE {table} {mark}").into());
        }
        // Its end is said with the table.
        if new.flag("replica_identity") && !old.flag("replica_identity") {
            let sql = format!("ALTER TABLE {table} REPLICA IDENTITY USING INDEX {index}");
            statements.push(sql.into());
        }
    }
    if key.kind == Kind::Index && old.differs_in(new, "statistics") {
        let of = |object: &Object| -> Vec<(i64, i64)> {
            let number = |v: &Value, at: usize| v.get(at).and_then(Value::as_i64);
            let pairs = object.list("statistics").iter();
            pairs.filter_map(|v| Some((number(v, 0)?, number(v, 1)?))).collect()
        };
        let (before, after) = (of(old), of(new));
        let gone = before.iter().filter(|(at, _)| !after.iter().any(|(other, _)| other == at));
        let reset = gone.map(|(at, _)| (*at, -1));
        let set = after.iter().filter(|pair| !before.contains(pair)).copied();
        for (at, number) in reset.chain(set) {
            let name = key.qualified();
            let sql = format!("ALTER INDEX {name} ALTER COLUMN {at} SET STATISTICS {number}");
            statements.push(sql.into());
        }
    }
    statements
}

/// Comments on the columns of a view or composite type.
pub(super) fn column_comments(old: &Object, new: &Object) -> Vec<Statement> {
    let of = |object: &Object| -> Vec<(String, String)> {
        let text = |v: &Value, at: usize| v.get(at).and_then(Value::as_str).map(str::to_owned);
        let list = object.list("column_comments").iter();
        list.filter_map(|v| Some((text(v, 0)?, text(v, 1)?))).collect()
    };
    let (before, after) = (of(old), of(new));
    let name = new.key.qualified();
    let gone = before.iter().filter(|(column, _)| !after.iter().any(|(other, _)| other == column));
    let reset = gone.map(|(item, _)| column::comment(&name, item, None));
    let changed = after.iter().filter(|pair| !before.contains(pair));
    let set = changed.map(|(item, text)| column::comment(&name, item, Some(text)));
    reset.chain(set).map(Statement::from).collect()
}

/// A list of string literals.
pub(super) fn literals(texts: &[&str]) -> String {
    texts.iter().map(|text| quote_literal(text)).collect::<Vec<_>>().join(", ")
}
