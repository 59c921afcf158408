//! What names a column that changes and can be taken off the table and put back in one transaction: policies,
//! triggers, and what a publication says of columns and rows.
//!
//! A publication that loses a table and gets it back in one transaction never misses a change: what was
//! written before is decoded with the catalog of before, what is written after with that of after.

use crate::catalog::{DependantKind, Policy, Published, Relation, Trigger};
use crate::rewrite::substitute::Columns;
use crate::rewrite::text::alter;
use crate::sql::{quote_ident, quote_literal};

fn held<'t>(
    found: &'t Relation,
    columns: &'t Columns,
) -> (impl Iterator<Item = &'t Policy>, impl Iterator<Item = &'t Trigger>) {
    (
        found.policies.iter().filter(|policy| columns.touch(&policy.columns)),
        found.triggers.iter().filter(|t| !t.ours && columns.touch(&t.columns)),
    )
}

/// Entries of publications whose list or condition names one of `columns`.
fn published<'t>(found: &'t Relation, columns: &'t Columns) -> impl Iterator<Item = &'t Published> {
    found.published.iter().filter(|entry| {
        found.dependants.iter().any(|dependant| {
            dependant.kind == DependantKind::Publication
                && dependant.name == format!("publication {}", quote_ident(&entry.publication))
                && columns.touch(&dependant.columns)
        })
    })
}

/// Whether `dependant` of `found` is an entry that [`take_off`] takes off.
pub(super) fn is_published(found: &Relation, name: &str) -> bool {
    found
        .published
        .iter()
        .any(|entry| name == format!("publication {}", quote_ident(&entry.publication)))
}

/// The publications that say something of `columns`, by name.
pub(super) fn publications(found: &Relation, columns: &Columns) -> Vec<String> {
    published(found, columns).map(|entry| entry.publication.clone()).collect()
}

pub(super) fn take_off(found: &Relation, columns: &Columns) -> Vec<String> {
    let (policies, triggers) = held(found, columns);
    let table = &found.name;
    let entries = published(found, columns).map(|entry| {
        format!("ALTER PUBLICATION {} DROP TABLE ONLY {table}", quote_ident(&entry.publication))
    });
    policies
        .map(|policy| format!("DROP POLICY {} ON {table}", quote_ident(&policy.name)))
        .chain(triggers.map(|t| format!("DROP TRIGGER {} ON {table}", quote_ident(&t.name))))
        .chain(entries)
        .collect()
}

pub(super) fn put_back(found: &Relation, columns: &Columns) -> Vec<String> {
    let (policies, triggers) = held(found, columns);
    let mut sql = Vec::new();
    let comment = |kind: &str, name: &str, text: &Option<String>| {
        text.as_ref().map(|text| {
            let (name, text) = (quote_ident(name), quote_literal(text));
            format!("COMMENT ON {kind} {name} ON {} IS {text}", found.name)
        })
    };
    for policy in policies {
        sql.push(policy.definition.clone());
        sql.extend(comment("POLICY", &policy.name, &policy.comment));
    }
    for trigger in triggers {
        sql.push(trigger.definition.clone());
        let word = match trigger.enabled {
            'D' => Some("DISABLE"),
            'R' => Some("ENABLE REPLICA"),
            'A' => Some("ENABLE ALWAYS"),
            _ => None,
        };
        sql.extend(word.map(|word| {
            alter(&found.name, &format!("{word} TRIGGER {}", quote_ident(&trigger.name)))
        }));
        sql.extend(comment("TRIGGER", &trigger.name, &trigger.comment));
    }
    for entry in published(found, columns) {
        let list: Vec<String> = entry.columns.iter().map(|column| quote_ident(column)).collect();
        let list = if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) };
        let rows = entry.condition.as_ref();
        let rows = rows.map(|condition| format!(" WHERE ({condition})")).unwrap_or_default();
        sql.push(format!(
            "ALTER PUBLICATION {} ADD TABLE ONLY {}{list}{rows}",
            quote_ident(&entry.publication),
            found.name
        ));
    }
    sql
}
