//! Retired names in the bodies of functions, as far as they can be read.
//!
//! SQL and PL/pgSQL are parsed; in a trigger function `NEW` and `OLD` are rows of the tables that it
//! is a trigger of. Texts put together while the function runs, and other languages, are only looked
//! through for words.

use super::text::{Finder, Found};
use crate::analyze::function_texts;
use crate::sql::QualifiedName;

/// A function as the server describes it.
#[derive(Debug, Clone)]
pub struct Body {
    /// With its arguments.
    pub name: String,
    pub language: String,
    /// `pg_proc.prosrc`.
    pub source: String,
    /// Tables with a trigger that calls it.
    pub tables: Vec<QualifiedName>,
    /// The search path that it sets itself, or that of its owner.
    pub path: Vec<String>,
}

/// What `body` uses.
pub fn uses(body: &Body, finder: &Finder<'_>) -> Found {
    let mut found = Found::new();
    let mut add = |more: Found| {
        for (object, certainty) in more {
            let known = found.entry(object).or_insert(certainty);
            *known = (*known).max(certainty);
        }
    };
    let readable = matches!(body.language.as_str(), "sql" | "plpgsql");
    let dynamic = body.source.to_lowercase().contains("execute");
    if !readable || dynamic {
        add(finder.words(&body.source));
    }
    match body.language.as_str() {
        "sql" => add(finder.text(&body.source, &body.path)),
        "plpgsql" => {
            let rows: Vec<(&str, QualifiedName)> = body
                .tables
                .iter()
                .flat_map(|table| [("new", table.clone()), ("old", table.clone())])
                .collect();
            // One table at a time: a row has one type.
            let rows: Vec<&[(&str, QualifiedName)]> =
                if rows.is_empty() { vec![&[]] } else { rows.chunks(2).collect() };
            let texts = function_texts(&body.source);
            if texts.is_none() {
                add(finder.words(&body.source));
            }
            for text in texts.unwrap_or_default() {
                rows.iter().for_each(|rows| add(finder.text_with(&text, &body.path, rows)));
            }
        }
        _ => {}
    }
    found
}
