//! `INSERT`, `UPDATE`, `DELETE` and `MERGE`, at the top or inside a `WITH` clause.

use super::query::{How, Query, Reading, Scope, known_as};
use super::{conditions, keys, pruning};
use crate::analyze::AnalyzeError;
use crate::analyze::columns::{has_subquery, read_by};
use crate::analyze::resolve::{Found, is_system_column};
use crate::catalog::{Catalog, Column, Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::parse_expression;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AConst, CmdType, InsertStmt, MergeStmt, Node, OnConflictAction, RangeVar, ReturningClause,
    SelectStmt, WithClause,
};

/// An `UPDATE` or `DELETE`.
pub(super) struct Change<'q> {
    pub(super) target: Option<&'q RangeVar>,
    /// The `SET` list; `None` for a deletion.
    pub(super) sets: Option<&'q [Node]>,
    /// `FROM` or `USING`.
    pub(super) others: &'q [Node],
    pub(super) condition: Option<&'q Node>,
    pub(super) returning: Option<&'q ReturningClause>,
    pub(super) with: Option<&'q WithClause>,
}

/// The table whose rows change: behind an updatable view, the one below.
struct Target<'c> {
    named: &'c Relation,
    table: Option<&'c Relation>,
}

fn target<'c>(
    query: &mut Query<'_, 'c, '_>,
    name: Option<&RangeVar>,
) -> Result<Option<Target<'c>>, AnalyzeError> {
    let Some(name) = name else { return Ok(None) };
    let named = match query.cx.find(name) {
        Found::Relation(relation) => relation,
        Found::System => return Ok(None),
        Found::Missing => return query.cx.relation(name).map(|_| None),
    };
    query.fx.lock(named, LockMode::RowExclusive);
    let table = match named.kind {
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {
            Some(named)
        }
        RelationKind::View if query.how == How::Parsed => None,
        RelationKind::View => {
            let below = table_below(query, named, 0);
            if below.is_none() {
                // A trigger or rule of the view does something else instead.
                query.fx.opaque();
            }
            below
        }
        RelationKind::MaterializedView | RelationKind::Sequence | RelationKind::CompositeType => {
            return Err(query.cx.wrong_kind(named, "a table or view whose rows can change", name));
        }
    };
    if !named.rules.is_empty() {
        query.fx.opaque();
    }
    Ok(Some(Target { named, table }))
}

/// The one table of an automatically updatable view, through views below it.
fn table_below<'c>(
    query: &mut Query<'_, 'c, '_>,
    view: &'c Relation,
    depth: usize,
) -> Option<&'c Relation> {
    /// Views within views are followed so far.
    const MAX_DEPTH: usize = 32;
    if depth > MAX_DEPTH || !view.triggers.is_empty() || !view.rules.is_empty() {
        return None;
    }
    let select = super::query::parsed_view(view)?;
    let [Node { node: Some(NodeEnum::RangeVar(name)) }] = &select.from_clause[..] else {
        return None;
    };
    let Found::Relation(below) = query.cx.find(name) else { return None };
    query.fx.lock(below, LockMode::RowExclusive);
    match below.kind {
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {
            Some(below)
        }
        RelationKind::View => table_below(query, below, depth + 1),
        RelationKind::MaterializedView | RelationKind::Sequence | RelationKind::CompositeType => {
            None
        }
    }
}

fn nodes<'q>(
    query: &mut Query<'_, '_, '_>,
    list: impl IntoIterator<Item = &'q Node>,
    scope: &Scope,
) -> Result<(), AnalyzeError> {
    list.into_iter().try_for_each(|node| query.node(Some(node), scope))
}

pub(super) fn insert(
    query: &mut Query<'_, '_, '_>,
    statement: &InsertStmt,
    scope: &Scope,
) -> Result<(), AnalyzeError> {
    let scope = query.with(statement.with_clause.as_ref(), scope)?;
    let target = target(query, statement.relation.as_ref())?;
    let written: Vec<String> = set_columns(&statement.cols);
    if let Some(target) = &target {
        check_columns(query, target.named, &written, statement.relation.as_ref())?;
    }
    query.node(statement.select_stmt.as_deref(), &scope)?;
    if let Some(returning) = &statement.returning_clause {
        nodes(query, &returning.exprs, &scope)?;
    }
    let conflict = statement.on_conflict_clause.as_deref();
    if let Some(conflict) = conflict {
        nodes(query, &conflict.target_list, &scope)?;
        query.node(conflict.where_clause.as_deref(), &scope)?;
    }
    let Some(table) = target.and_then(|target| target.table) else { return Ok(()) };
    if let Some(conflict) = conflict {
        if conflict.infer.is_some() && query.how != How::Parsed {
            query.fx.lock_indexes(table, LockMode::RowExclusive);
        }
        if conflict.action() == OnConflictAction::OnconflictUpdate {
            query.fx.touch_rows();
        }
    }
    if query.how != How::Executed {
        return Ok(());
    }
    let cx = query.cx;
    let rows = values(statement);
    let value_of = |name: &str| row_values(table, name, &written, rows);
    for part in pruning::receiving(cx.catalog, table, &value_of) {
        query.fx.lock(part, LockMode::RowExclusive);
    }
    query.fx.look_at_bound(table);
    defaults(query, table, &written, statement.select_stmt.is_none());
    let all_null = |column: &str| {
        let values = row_values(table, column, &written, rows);
        !values.is_empty()
            && values.iter().all(|value| {
                value.as_ref().is_some_and(|value| {
                    matches!(&value.node, Some(NodeEnum::AConst(constant)) if constant.isnull)
                })
            })
    };
    keys::look_up(cx, table, |key| !key.columns.iter().any(|c| all_null(c)), query.fx);
    Ok(())
}

/// The rows of `INSERT … VALUES`.
fn values(statement: &InsertStmt) -> Option<&SelectStmt> {
    match statement.select_stmt.as_deref().and_then(|select| select.node.as_ref()) {
        Some(NodeEnum::SelectStmt(select)) if !select.values_lists.is_empty() => Some(select),
        _ => None,
    }
}

/// What an insert writes into `column`, row by row; `None` where it is not written down.
fn row_values(
    table: &Relation,
    column: &str,
    written: &[String],
    rows: Option<&SelectStmt>,
) -> Vec<Option<Node>> {
    let place = if written.is_empty() {
        table.columns.iter().position(|known| known.name == column)
    } else {
        written.iter().position(|known| known == column)
    };
    let default = || {
        let default = table.column(column).and_then(|column| column.default.as_deref());
        match default {
            Some(default) => parse_expression(default).ok(),
            None => Some(null()),
        }
    };
    match (rows, place) {
        (_, None) => vec![default()],
        (None, Some(_)) => vec![None],
        (Some(rows), Some(place)) => rows
            .values_lists
            .iter()
            .map(|row| match &row.node {
                Some(NodeEnum::List(row)) => match row.items.get(place) {
                    Some(Node { node: Some(NodeEnum::SetToDefault(_)) }) | None => default(),
                    Some(value) => Some(value.clone()),
                },
                _ => None,
            })
            .collect(),
    }
}

/// Sequences behind columns that an insert leaves to their defaults.
fn defaults(query: &mut Query<'_, '_, '_>, table: &Relation, written: &[String], all: bool) {
    let given = if written.is_empty() && !all { table.columns.len() } else { 0 };
    let left: Vec<&Column> =
        table.columns.iter().skip(given).filter(|column| !written.contains(&column.name)).collect();
    for column in left {
        if column.identity.is_some() {
            for sequence in identity_sequences(query.cx.catalog, table, &column.name) {
                query.fx.lock(sequence, LockMode::RowExclusive);
            }
        }
        let default = column.default.as_deref().filter(|text| text.contains("nextval("));
        if let Some(default) = default.and_then(|text| parse_expression(text).ok()) {
            for sequence in super::sequences_in(query.cx, &default) {
                query.fx.lock(sequence, LockMode::RowExclusive);
            }
        }
    }
}

fn null() -> Node {
    let null = AConst { isnull: true, ..Default::default() };
    Node { node: Some(NodeEnum::AConst(null)) }
}

pub(super) fn set_columns(list: &[Node]) -> Vec<String> {
    list.iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::ResTarget(target)) => Some(target.name.clone()),
            _ => None,
        })
        .collect()
}

fn check_columns(
    query: &Query<'_, '_, '_>,
    relation: &Relation,
    names: &[String],
    after: Option<&RangeVar>,
) -> Result<(), AnalyzeError> {
    let from = after.map_or(0, |name| {
        let length = i32::try_from(name.relname.len()).unwrap_or(0);
        name.location.max(0).saturating_add(length)
    });
    match names.iter().find(|name| relation.column(name).is_none()) {
        Some(missing) => Err(query.cx.no_column(relation, missing, from)),
        None => Ok(()),
    }
}

pub(super) fn update_or_delete(
    query: &mut Query<'_, '_, '_>,
    change: &Change<'_>,
    scope: &Scope,
) -> Result<(), AnalyzeError> {
    let scope = query.with(change.with, scope)?;
    let target = target(query, change.target)?;
    let written = change.sets.map(set_columns);
    if let (Some(target), Some(written)) = (&target, &written) {
        check_columns(query, target.named, written, change.target)?;
    }
    if let Some(target) = &target {
        check_condition(query, target.named, change)?;
    }
    for other in change.others {
        let reading = Reading {
            mode: LockMode::AccessShare,
            condition: change.condition,
            stops_early: false,
        };
        query.read_item(other, &scope, &reading)?;
    }
    nodes(query, change.sets.unwrap_or_default(), &scope)?;
    query.node(change.condition, &scope)?;
    if let Some(returning) = change.returning {
        nodes(query, &returning.exprs, &scope)?;
    }
    let Some(Target { named, table: Some(table) }) = target else { return Ok(()) };
    let alias = change.target.and_then(|name| name.alias.as_ref());
    let known_as = known_as(alias, named);
    let inherit = change.target.is_none_or(|name| name.inh);
    changed_rows(query, table, known_as, inherit, change, written.as_deref());
    Ok(())
}

fn changed_rows<'c>(
    query: &mut Query<'_, 'c, '_>,
    table: &'c Relation,
    known_as: &str,
    inherit: bool,
    change: &Change<'_>,
    written: Option<&[String]>,
) {
    if query.how == How::Parsed {
        return;
    }
    let cx = query.cx;
    let condition = change.condition;
    let parts = if inherit {
        pruning::remaining(cx.catalog, table, known_as, condition)
    } else {
        vec![table]
    };
    let joined = !change.others.is_empty();
    for part in &parts {
        if inherit {
            query.fx.plan_query_on(part, LockMode::RowExclusive);
        } else {
            query.fx.plan_query_on_only(part, LockMode::RowExclusive);
        }
        if query.how == How::Executed {
            let searched = conditions::uses_index(part, known_as, condition);
            if conditions::picks_by_key(part, known_as, condition) && !joined {
                query.fx.touch_rows();
            } else {
                query.fx.change_rows(part);
            }
            if !searched {
                query.fx.reads_whole(part);
            }
        }
    }
    if query.how != How::Executed || parts.iter().all(|part| query.fx.is_empty(part)) {
        return;
    }
    if let Some(written) = written {
        if table.kind != RelationKind::PartitionedTable {
            query.fx.look_at_bound(table);
        }
        if inherit {
            moved_rows(query, table, change, written);
        }
        keys::look_up(cx, table, |key| key.columns.iter().any(|c| written.contains(c)), query.fx);
    }
    keys::follow(cx, table, written, query.fx);
}

/// A row whose partition key changes goes to another partition.
fn moved_rows<'c>(
    query: &mut Query<'_, 'c, '_>,
    table: &'c Relation,
    change: &Change<'_>,
    written: &[String],
) {
    if table.kind != RelationKind::PartitionedTable {
        return;
    }
    let value_of = |name: &str| {
        let sets = change.sets.unwrap_or_default().iter();
        let set = sets.filter_map(|set| match &set.node {
            Some(NodeEnum::ResTarget(target)) if target.name == name => Some(target),
            _ => None,
        });
        set.map(|target| target.val.as_deref().cloned()).collect()
    };
    let keys = crate::analyze::alter_table::partition_columns(table);
    if keys.iter().any(|key| written.contains(key)) {
        for part in pruning::receiving(query.cx.catalog, table, &value_of) {
            query.fx.lock(part, LockMode::RowExclusive);
        }
    }
}

/// Columns in the condition and on the right of `SET`, when there is but one table to have them.
fn check_condition(
    query: &Query<'_, '_, '_>,
    relation: &Relation,
    change: &Change<'_>,
) -> Result<(), AnalyzeError> {
    let values = change.sets.unwrap_or_default().iter().filter_map(|set| match &set.node {
        Some(NodeEnum::ResTarget(target)) => target.val.as_deref(),
        _ => None,
    });
    let alias = change.target.and_then(|name| name.alias.as_ref());
    let known = known_as(alias, relation);
    for expression in values.chain(change.condition) {
        if !change.others.is_empty() || has_subquery(expression) {
            continue;
        }
        for reference in read_by(expression) {
            let Some(column) = &reference.column else { continue };
            let own = reference.table.as_deref().is_none_or(|table| table == known);
            let whole_row = reference.table.is_none() && column == known;
            let exists = relation.column(column).is_some() || is_system_column(column) || whole_row;
            if own && !exists {
                return Err(query.cx.no_column(relation, column, reference.location));
            }
        }
    }
    Ok(())
}

pub(super) fn merge(
    query: &mut Query<'_, '_, '_>,
    statement: &MergeStmt,
    scope: &Scope,
) -> Result<(), AnalyzeError> {
    query.cx.needs(15, "MERGE", "merge")?;
    let scope = query.with(statement.with_clause.as_ref(), scope)?;
    let target = target(query, statement.relation.as_ref())?;
    let reading = Reading { mode: LockMode::AccessShare, condition: None, stops_early: false };
    if let Some(source) = statement.source_relation.as_deref() {
        query.read_item(source, &scope, &reading)?;
    }
    query.node(statement.join_condition.as_deref(), &scope)?;
    nodes(query, &statement.merge_when_clauses, &scope)?;
    let Some(table) = target.and_then(|target| target.table) else { return Ok(()) };
    if query.how == How::Parsed {
        return Ok(());
    }
    let inherit = statement.relation.as_ref().is_none_or(|name| name.inh);
    let parts = if inherit { query.cx.catalog.family(table) } else { vec![table] };
    for part in parts {
        if inherit {
            query.fx.plan_query_on(part, LockMode::RowExclusive);
        } else {
            query.fx.plan_query_on_only(part, LockMode::RowExclusive);
        }
        if query.how == How::Executed {
            query.fx.change_rows(part);
            query.fx.reads_whole(part);
        }
    }
    if query.how != How::Executed {
        return Ok(());
    }
    let cx = query.cx;
    for clause in &statement.merge_when_clauses {
        let Some(NodeEnum::MergeWhenClause(clause)) = &clause.node else { continue };
        let written = set_columns(&clause.target_list);
        check_columns(query, table, &written, statement.relation.as_ref())?;
        match clause.command_type() {
            CmdType::CmdUpdate if !query.fx.is_empty(table) => {
                query.fx.look_at_bound(table);
                let changes = |columns: &[String]| columns.iter().any(|c| written.contains(c));
                keys::look_up(cx, table, |key| changes(&key.columns), query.fx);
                keys::follow(cx, table, Some(&written), query.fx);
            }
            CmdType::CmdDelete if !query.fx.is_empty(table) => {
                keys::follow(cx, table, None, query.fx);
            }
            CmdType::CmdInsert => {
                query.fx.look_at_bound(table);
                keys::look_up(cx, table, |_| true, query.fx);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Since 17 a partition counts with the sequence of its parent.
fn identity_sequences<'c>(
    catalog: &'c Catalog,
    table: &'c Relation,
    column: &str,
) -> Vec<&'c Relation> {
    let own = crate::analyze::alter_table::owned_sequences(catalog, table, Some(column));
    if !own.is_empty() || table.partition_bound.is_none() || catalog.server.major() < 17 {
        return own;
    }
    let parents = table.parents.iter().filter_map(|parent| catalog.relation(parent));
    parents.flat_map(|parent| identity_sequences(catalog, parent, column)).collect()
}
