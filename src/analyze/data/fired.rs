//! The triggers that a change of rows fires: code of the application, whose effect is not looked at.

use crate::analyze::resolve::{Context, Found};
use crate::catalog::{Catalog, Relation, Trigger};
use crate::sql::walk::walk;
use crate::sql::{QualifiedName, Statement};
use pg_query::protobuf::{CmdType, Node, OnConflictAction, RangeVar};
use pg_query::{NodeEnum, NodeRef};
use std::collections::BTreeMap;

/// What a part of a statement does to rows.
#[derive(Clone, Copy)]
enum Event<'q> {
    Insert,
    /// Of the columns in this `SET` list.
    Update(&'q [Node]),
    Delete,
    Truncate,
}

/// The application's triggers that `statement` fires, by table; those of partitions are those of
/// the partitioned table. A trigger that is disabled, or fires on replicas alone, is left out.
pub fn fired_triggers<'c>(
    statement: &Statement,
    catalog: &'c Catalog,
) -> Vec<(QualifiedName, &'c Trigger)> {
    let cx = Context { statement, catalog };
    let mut found: BTreeMap<_, (&Relation, &Trigger)> = BTreeMap::new();
    let mut fires = |name: Option<&RangeVar>, event: Event<'_>| {
        let Some(Found::Relation(relation)) = name.map(|name| cx.find(name)) else { return };
        for trigger in relation.triggers.iter().filter(|trigger| fires_on(trigger, event)) {
            found.insert((relation.name.clone(), trigger.name.as_str()), (relation, trigger));
        }
    };
    walk(&statement.node, |node| match node {
        NodeRef::InsertStmt(insert) => {
            fires(insert.relation.as_ref(), Event::Insert);
            if let Some(conflict) = &insert.on_conflict_clause
                && conflict.action() == OnConflictAction::OnconflictUpdate
            {
                fires(insert.relation.as_ref(), Event::Update(&conflict.target_list));
            }
        }
        NodeRef::UpdateStmt(update) => {
            fires(update.relation.as_ref(), Event::Update(&update.target_list));
        }
        NodeRef::DeleteStmt(delete) => fires(delete.relation.as_ref(), Event::Delete),
        NodeRef::MergeStmt(merge) => {
            for clause in &merge.merge_when_clauses {
                let Some(NodeEnum::MergeWhenClause(clause)) = &clause.node else { continue };
                let event = match clause.command_type() {
                    CmdType::CmdInsert => Event::Insert,
                    CmdType::CmdUpdate => Event::Update(&clause.target_list),
                    CmdType::CmdDelete => Event::Delete,
                    _ => continue,
                };
                fires(merge.relation.as_ref(), event);
            }
        }
        NodeRef::CopyStmt(copy) if copy.is_from => fires(copy.relation.as_ref(), Event::Insert),
        NodeRef::TruncateStmt(truncate) => {
            for table in &truncate.relations {
                if let Some(NodeEnum::RangeVar(name)) = &table.node {
                    fires(Some(name), Event::Truncate);
                }
            }
        }
        _ => {}
    });
    found.into_values().map(|(relation, trigger)| (relation.name.clone(), trigger)).collect()
}

/// The catalog keeps no flag for it; the events stand before the first `ON` of the definition.
fn truncates(trigger: &Trigger) -> bool {
    trigger.definition.split(" ON ").next().is_some_and(|events| events.contains("TRUNCATE"))
}

fn fires_on(trigger: &Trigger, event: Event<'_>) -> bool {
    let enabled = matches!(trigger.enabled, 'O' | 'A');
    if trigger.ours || !enabled {
        return false;
    }
    match event {
        Event::Insert => trigger.on_insert,
        Event::Delete => trigger.on_delete,
        Event::Truncate => truncates(trigger),
        Event::Update(sets) => {
            let named = |column: &String| super::changes::set_columns(sets).contains(column);
            trigger.on_update
                && (trigger.update_of.is_empty() || trigger.update_of.iter().any(named))
        }
    }
}
