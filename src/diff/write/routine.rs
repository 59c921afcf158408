//! Functions, aggregates, event triggers and publications.

use super::relation::literals;
use super::{Statement, target};
use crate::diff::model::{Kind, Object};
use crate::sql::{quote_ident, quote_literal};

pub(super) fn make(object: &Object) -> Vec<Statement> {
    let sql = match object.key.kind {
        // CREATE OR REPLACE, as the server writes it; there is none to replace.
        Kind::Function => function(object).replacen("CREATE OR REPLACE ", "CREATE ", 1),
        Kind::Aggregate => aggregate(object),
        Kind::EventTrigger => event_trigger(object),
        Kind::PublicationTable => {
            let publication = object.key.qualified();
            format!("ALTER PUBLICATION {publication} ADD TABLE ONLY {}", published(object))
        }
        _ => publication(object),
    };
    vec![sql.into()]
}

fn function(object: &Object) -> String {
    object.text_or_empty("definition").trim_end().to_owned()
}

fn aggregate(object: &Object) -> String {
    let name = object.key.qualified();
    let arguments = match object.text_or_empty("arguments") {
        "" => "*",
        arguments => arguments,
    };
    let mut options = Vec::new();
    for (word, part) in [
        ("SFUNC", "sfunc"),
        ("STYPE", "stype"),
        ("FINALFUNC", "finalfunc"),
        ("COMBINEFUNC", "combinefunc"),
        ("SERIALFUNC", "serialfunc"),
        ("DESERIALFUNC", "deserialfunc"),
        ("MSFUNC", "msfunc"),
        ("MINVFUNC", "minvfunc"),
        ("MSTYPE", "mstype"),
        ("MFINALFUNC", "mfinalfunc"),
        ("SORTOP", "sortop"),
    ] {
        if let Some(text) = object.text(part) {
            options.push(format!("{word} = {text}"));
        }
    }
    for (word, part) in [("SSPACE", "sspace"), ("MSSPACE", "msspace")] {
        if let Some(number) = object.number(part) {
            options.push(format!("{word} = {number}"));
        }
    }
    for (word, part) in [("INITCOND", "initcond"), ("MINITCOND", "minitcond")] {
        if let Some(text) = object.text(part) {
            options.push(format!("{word} = {}", quote_literal(text)));
        }
    }
    for (word, part) in
        [("FINALFUNC_EXTRA", "finalfunc_extra"), ("MFINALFUNC_EXTRA", "mfinalfunc_extra")]
    {
        if object.flag(part) {
            options.push(word.to_owned());
        }
    }
    // Only an aggregate over plain arguments is read-only by itself.
    for (word, part, of) in [
        ("FINALFUNC_MODIFY", "finalfunc_modify", "finalfunc"),
        ("MFINALFUNC_MODIFY", "mfinalfunc_modify", "mfinalfunc"),
    ] {
        let modify = match object.text_or_empty(part) {
            "s" => "SHAREABLE",
            "w" => "READ_WRITE",
            _ => "READ_ONLY",
        };
        if object.text(of).is_some() {
            options.push(format!("{word} = {modify}"));
        }
    }
    if object.text_or_empty("aggregate_kind") == "h" {
        options.push("HYPOTHETICAL".to_owned());
    }
    match object.text_or_empty("parallel") {
        "s" => options.push("PARALLEL = SAFE".to_owned()),
        "r" => options.push("PARALLEL = RESTRICTED".to_owned()),
        _ => {}
    }
    format!("CREATE AGGREGATE {name}({arguments}) (\n    {}\n)", options.join(",\n    "))
}

fn event_trigger(object: &Object) -> String {
    let when = match &object.texts("tags")[..] {
        [] => String::new(),
        tags => format!(" WHEN TAG IN ({})", literals(tags)),
    };
    format!(
        "CREATE EVENT TRIGGER {} ON {}{when} EXECUTE FUNCTION {}()",
        object.key.qualified(),
        object.text_or_empty("event"),
        object.text_or_empty("function")
    )
}

fn publication(object: &Object) -> String {
    let mut sql = format!("CREATE PUBLICATION {}", object.key.qualified());
    if object.flag("all_tables") {
        sql.push_str(" FOR ALL TABLES");
    } else if let schemas @ [_, ..] = &object.texts("schemas")[..] {
        sql.push_str(&format!(" FOR TABLES IN SCHEMA {}", identifiers(schemas)));
    }
    let settings = settings(object);
    format!("{sql} WITH ({settings})")
}

fn identifiers(names: &[&str]) -> String {
    names.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

fn settings(object: &Object) -> String {
    let publish = quote_literal(object.text_or_empty("publish"));
    let via_root = object.flag("via_root");
    let generated = match object.text("generated") {
        Some(kind) => format!(", publish_generated_columns = {kind}"),
        None => String::new(),
    };
    format!("publish = {publish}, publish_via_partition_root = {via_root}{generated}")
}

fn published(object: &Object) -> String {
    let mut text = object.key.item.clone();
    if let columns @ [_, ..] = &object.texts("columns")[..] {
        text.push_str(&format!(" ({})", identifiers(columns)));
    }
    if let Some(condition) = object.text("where") {
        text.push_str(&format!(" WHERE ({condition})"));
    }
    text
}

pub(super) fn alter(old: &Object, new: &Object) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    match new.key.kind {
        Kind::Function if old.differs_in(new, "definition") => {
            statements.push(function(new).into());
        }
        Kind::Publication => {
            let target = target(new);
            if ["publish", "via_root", "generated"].iter().any(|part| old.differs_in(new, part)) {
                let mut settings = settings(new);
                if new.text("generated").is_none() && old.text("generated").is_some() {
                    settings.push_str(", publish_generated_columns = none");
                }
                statements.push(format!("ALTER {target} SET ({settings})").into());
            }
            let (before, after) = (old.texts("schemas"), new.texts("schemas"));
            for (verb, some, others) in [("ADD", &after, &before), ("DROP", &before, &after)] {
                let names: Vec<&str> =
                    some.iter().filter(|name| !others.contains(name)).copied().collect();
                if !names.is_empty() {
                    let names = identifiers(&names);
                    statements
                        .push(format!("ALTER {target} {verb} TABLES IN SCHEMA {names}").into());
                }
            }
        }
        _ => {}
    }
    statements
}
