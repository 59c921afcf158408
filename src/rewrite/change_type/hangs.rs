//! What names a column that changes and can be taken off the table and put back in one transaction: policies,
//! triggers, and what a publication says of columns and rows.
//!
//! A publication that loses a table and gets it back in one transaction never misses a change: what was
//! written before is decoded with the catalog of before, what is written after with that of after.

use crate::catalog::{DependantKind, Policy, Published, Relation, RelationKind, Trigger};
use crate::rewrite::rebuild::if_there;
use crate::rewrite::substitute::Columns;
use crate::rewrite::text::{self, alter};
use crate::sql::{QualifiedName, quote_ident, quote_literal};

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
    for policy in policies {
        sql.push(policy.definition.clone());
        sql.extend(comment(&found.name, "POLICY", &policy.name, &policy.comment));
    }
    for trigger in triggers {
        sql.push(trigger.definition.clone());
        if trigger.enabled != 'O' {
            sql.push(alter(&found.name, &enable(trigger)));
        }
        sql.extend(comment(&found.name, "TRIGGER", &trigger.name, &trigger.comment));
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

/// The copies that partitions have of the triggers that [`put_back`] makes again on `found`: each may be switched
/// on or off by itself, and have a comment of its own. `family` is `found` and what is below it, parents first.
pub(super) fn copies_as_they_were(
    found: &Relation,
    family: Vec<&Relation>,
    columns: &Columns,
) -> Vec<String> {
    let mut sql = Vec::new();
    if found.kind != RelationKind::PartitionedTable {
        return sql;
    }
    let (_, triggers) = held(found, columns);
    for above in triggers {
        for member in family.iter().filter(|member| member.partition_bound.is_some()) {
            let copy = member.triggers.iter().find(|copy| copy.name == above.name);
            let Some(copy) = copy.filter(|_| member.name != found.name) else { continue };
            if copy.enabled != above.enabled {
                let only = text::only(member);
                sql.push(format!("ALTER TABLE {}{only} {}", if_there(member), enable(copy)));
            }
            sql.extend(comment(&member.name, "TRIGGER", &copy.name, &copy.comment));
        }
    }
    sql
}

fn enable(trigger: &Trigger) -> String {
    let word = match trigger.enabled {
        'D' => "DISABLE",
        'R' => "ENABLE REPLICA",
        'A' => "ENABLE ALWAYS",
        _ => "ENABLE",
    };
    format!("{word} TRIGGER {}", quote_ident(&trigger.name))
}

fn comment(on: &QualifiedName, kind: &str, name: &str, text: &Option<String>) -> Option<String> {
    let (name, text) = (quote_ident(name), quote_literal(text.as_ref()?));
    Some(format!("COMMENT ON {kind} {name} ON {on} IS {text}"))
}
