//! A function is replaced that tables rely on.

use super::{Context, Found, Hazard, Warning, listed};
use crate::catalog::{Catalog, Relation};
use crate::hazard::context::in_use;
use crate::hazard::history::strings;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL039",
    name: "replace-used-function",
    severity: Warning,
    summary: "replacing a function changes every trigger, index, check and generated column that calls it",
    effect: "A trigger does something else from the next statement on, in whatever release of the \
             application. An index, a CHECK and a stored generated column keep what the old function gave: \
             the index then misses rows, until it is built again.",
    remedy: "Give a changed function a new name, and move triggers, indexes and columns over one by one. \
             When it only becomes faster, replace it.",
    bad: "CREATE OR REPLACE FUNCTION normalized(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';",
    good: "CREATE FUNCTION normalized_v2(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';",
    source: "PostgreSQL documentation, CREATE INDEX, Notes; Function Volatility Categories.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::CreateFunctionStmt(create) = cx.node() else { return };
    let names = strings(&create.funcname);
    let Some(name) = names.last().filter(|_| create.replace) else { return };
    let users = users(cx.catalog, name);
    if users.is_empty() {
        return;
    }
    let message = format!("{name} is called by {}", listed(&users));
    cx.report(found, &HAZARD, cx.span_of_word(name), message, None);
}

/// What calls a function of this name, whatever its arguments.
fn users(catalog: &Catalog, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for relation in catalog.relations.values().filter(|relation| in_use(relation)) {
        let of = |what: &str, member: &str| format!("{what} {member} of {}", relation.name);
        for trigger in relation.triggers.iter().filter(|t| t.function.name == name) {
            found.push(of("trigger", &trigger.name));
        }
        for (what, member, expression) in expressions(relation) {
            if calls(expression, name) {
                found.push(of(what, member));
            }
        }
    }
    found
}

fn expressions(relation: &Relation) -> Vec<(&'static str, &str, &str)> {
    let indexes = relation.indexes.iter().filter(|i| i.has_expressions || i.predicate.is_some());
    let indexes = indexes.map(|index| ("index", &*index.name, &*index.definition));
    let checks = relation.constraints.iter().filter_map(|constraint| {
        Some(("check", &*constraint.name, constraint.expression.as_deref()?))
    });
    let columns = relation.columns.iter().filter_map(|column| {
        Some(("generated column", &*column.name, &*column.generated.as_ref()?.expression))
    });
    indexes.chain(checks).chain(columns).collect()
}

/// Whether `name(` stands in the text as a word of its own.
fn calls(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let after = text[at + name.len()..].trim_start_matches('"').trim_start();
        after.starts_with('(') && !text[..at].chars().next_back().is_some_and(word)
    })
}

#[cfg(test)]
#[test]
fn fires_where_the_function_is_called() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        ],
        &[
            "CREATE OR REPLACE FUNCTION unused() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            "CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            "CREATE OR REPLACE FUNCTION mal() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        ],
    );
}
