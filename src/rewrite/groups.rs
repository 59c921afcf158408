//! Statements that belong together: a column, the `UPDATE` that fills it, and what follows from it.
//!
//! *In words*: two ways of writing a migration are recognised and become one rollout with a sync
//! trigger, because the rows that the application writes between the `UPDATE` and the end of the
//! rollout need the value too:
//! - the classic three steps: add a nullable column; `UPDATE`; `SET NOT NULL` (also with the
//!   `NOT NULL` in the `ADD COLUMN`, with a primary key in place of it, or for a column that exists
//!   already and whose NULLs the `UPDATE` fills);
//! - the classic split: add columns; fill them from others; drop the others.
//!
//! An `UPDATE` that fills a new column for good, without either, stays a plain backfill: as written
//! it touches only the rows that exist when it runs. So does one of a column that was added with a
//! default: every row has a value, later ones too, and nobody could tell a row that is still to be
//! filled from one in which the application has written the default on purpose.

use super::op;
use crate::analyze::{columns, volatility};
use crate::catalog::{Catalog, Volatility};
use crate::sql::{DirectiveKind, QualifiedName, Script, Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableType, BoolExprType, ConstrType, Node, NullTestType, UpdateStmt,
};
use std::collections::BTreeMap;

/// Columns that are filled together and kept in step by one trigger.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub relation: QualifiedName,
    /// Name under which the expressions know the table.
    pub alias: String,
    pub targets: Vec<Target>,
    /// Rows to which the `UPDATE` applies, without the conditions `target IS NULL`.
    pub condition: Option<String>,
    /// Other columns of the table that the expressions read.
    pub sources: Vec<String>,
    /// The expressions read nothing but the row, and the row alone decides them.
    pub reads_other_tables: bool,
    pub volatility: Volatility,
    /// An expression reads a column that the same `UPDATE` sets.
    pub reads_targets: bool,
    /// A source is dropped later in the migration.
    pub source_dropped: bool,
    /// The old application may leave the targets NULL, which the migration's end forbids.
    pub not_null: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub column: String,
    pub expression: String,
    /// Added by this migration, so that every value in it came from us or the new application.
    pub new: bool,
    /// Added together with a default (or numbers), which the rows that existed then show.
    pub added_with_default: bool,
    /// The default that it has in the end, when that is not volatile: a row that gives no value shows it.
    pub default: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Groups {
    /// By index of the `UPDATE` in the script, from 0.
    pub by_update: BTreeMap<usize, Group>,
}

impl Groups {
    /// Whether a group fills `column`, so that its NOT NULL can wait for it.
    pub fn fills(&self, relation: &QualifiedName, column: &str) -> bool {
        self.by_update.values().any(|group| {
            group.relation == *relation && group.targets.iter().any(|t| t.column == column)
        })
    }
}

/// What the migration does to a column, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Added,
    AddedNotNull,
    AddedWithDefault,
    SetNotNull,
    Dropped,
}

/// Finds the groups of `script`.
pub(super) fn recognise(script: &Script, catalog: &Catalog) -> Groups {
    let mut catalog = catalog.clone();
    let mut events: Vec<(usize, QualifiedName, String, Event)> = Vec::new();
    let mut updates: Vec<(usize, Group)> = Vec::new();
    for (index, statement) in script.statements.iter().enumerate() {
        let mut found = column_events(statement, &catalog);
        if let NodeEnum::UpdateStmt(update) = &statement.node
            && let Some(group) = read_update(update, &catalog)
        {
            updates.push((index, group));
        }
        catalog.apply(statement);
        for (relation, column, event) in &mut found {
            let added = matches!(event, Event::Added | Event::AddedNotNull);
            if added && has_value(&catalog, relation, column) {
                *event = Event::AddedWithDefault;
            }
        }
        events.extend(
            found.into_iter().map(|(relation, column, event)| (index, relation, column, event)),
        );
    }
    let mut groups = Groups::default();
    for (at, mut group) in updates {
        let relation = group.relation.clone();
        let has = |column: &str, wanted: &[Event], before: bool| {
            events.iter().any(|(index, on, name, event)| {
                *on == relation
                    && name == column
                    && wanted.contains(event)
                    && (if before { *index < at } else { *index > at })
            })
        };
        for target in &mut group.targets {
            target.added_with_default = has(&target.column, &[Event::AddedWithDefault], true);
            target.new = target.added_with_default
                || has(&target.column, &[Event::Added, Event::AddedNotNull], true);
        }
        for target in &mut group.targets {
            let column = catalog.relation(&relation).and_then(|found| found.column(&target.column));
            let column = column.filter(|column| target.new && !column.default_is_volatile);
            target.default = column.and_then(|column| column.default.clone());
        }
        group.not_null = group.targets.iter().any(|target| {
            let null = !target.added_with_default;
            null && (has(&target.column, &[Event::SetNotNull], false)
                || has(&target.column, &[Event::AddedNotNull], true))
        });
        group.source_dropped =
            group.sources.iter().any(|source| has(source, &[Event::Dropped], false));
        let all_new = group.targets.iter().all(|target| target.new);
        let fills_nulls = fills_only_nulls(&script.statements[at], &group);
        if !group.reads_targets
            && ((all_new && (group.not_null || group.source_dropped))
                || (fills_nulls && group.not_null))
        {
            groups.by_update.insert(at, group);
        }
    }
    groups
}

/// A group for one column whose value a directive gives.
pub(super) fn from_directive(
    statement: &Statement,
    relation: &QualifiedName,
    column: &str,
    catalog: &Catalog,
) -> Option<(Group, crate::sql::Directive)> {
    let (directive, expression) =
        statement.directives.iter().find_map(|directive| match &directive.kind {
            DirectiveKind::Backfill { schema, table, column: on, expression }
                if on == column
                    && *table == relation.name
                    && schema.as_ref().is_none_or(|schema| *schema == relation.schema) =>
            {
                Some((directive.clone(), expression.clone()))
            }
            DirectiveKind::Backfill { .. }
            | DirectiveKind::Reverse { .. }
            | DirectiveKind::Rename(_)
            | DirectiveKind::Batch
            | DirectiveKind::Marker
            | DirectiveKind::StoredTrigger
            | DirectiveKind::AllowHazard { .. }
            | DirectiveKind::AllowFile { .. }
            | DirectiveKind::Allow { .. } => None,
        })?;
    let node = crate::sql::parse::parse_expression(&expression).ok()?;
    let mut group = group_of(relation, &relation.name, &[(column.to_owned(), &node)], &[], catalog);
    group.targets[0].new = true;
    group.not_null = true;
    Some((group, directive))
}

fn column_events(statement: &Statement, catalog: &Catalog) -> Vec<(QualifiedName, String, Event)> {
    let mut found = Vec::new();
    for part in op::split(statement) {
        let NodeEnum::AlterTableStmt(alter) = &part.node else { continue };
        let (Some(range), Some(command)) = (alter.relation.as_ref(), op::command(alter)) else {
            continue;
        };
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        let Some(relation) = catalog.resolve(schema, &range.relname) else { continue };
        let mut push = |column: &str, event| {
            found.push((relation.name.clone(), column.to_owned(), event));
        };
        match (command.subtype(), command.def.as_ref().and_then(|def| def.node.as_ref())) {
            (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                let kinds: Vec<ConstrType> = column
                    .constraints
                    .iter()
                    .filter_map(|node| match &node.node {
                        Some(NodeEnum::Constraint(constraint)) => Some(constraint.contype()),
                        _ => None,
                    })
                    .collect();
                // With a value in every row it is `AddedWithDefault`, which only the catalog tells.
                let not_null = kinds.iter().any(|kind| {
                    matches!(kind, ConstrType::ConstrNotnull | ConstrType::ConstrPrimary)
                });
                let event = if not_null { Event::AddedNotNull } else { Event::Added };
                push(&column.colname, event);
            }
            (AlterTableType::AtSetNotNull, _) => push(&command.name, Event::SetNotNull),
            (AlterTableType::AtDropColumn, _) => push(&command.name, Event::Dropped),
            (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint)))
                if constraint.contype() == ConstrType::ConstrPrimary =>
            {
                for key in strings(&constraint.keys) {
                    push(&key, Event::SetNotNull);
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether rows that were there when the column came have a value in it.
fn has_value(catalog: &Catalog, relation: &QualifiedName, column: &str) -> bool {
    let found = catalog.relation(relation).and_then(|found| found.column(column));
    found.is_some_and(|column| {
        let null = |default: &String| default.to_lowercase().starts_with("null");
        column.identity.is_some()
            || column.generated.is_some()
            || column.default.as_ref().is_some_and(|default| !null(default))
    })
}

pub(super) fn strings(nodes: &[Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(string)) => Some(string.sval.clone()),
            _ => None,
        })
        .collect()
}

/// The `UPDATE` as a group, when it is plain enough: one table, simple `SET` items, nothing returned.
fn read_update(update: &UpdateStmt, catalog: &Catalog) -> Option<Group> {
    if update.with_clause.is_some()
        || update.returning_clause.is_some()
        || !update.from_clause.is_empty()
    {
        return None;
    }
    let range = update.relation.as_ref()?;
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    let relation = catalog.resolve(schema, &range.relname)?.name.clone();
    let alias = range.alias.as_ref().map_or(range.relname.as_str(), |alias| &alias.aliasname);
    let mut targets = Vec::new();
    for node in &update.target_list {
        let Some(NodeEnum::ResTarget(target)) = &node.node else { return None };
        let value = target.val.as_ref()?;
        if !target.indirection.is_empty()
            || matches!(
                value.node,
                Some(NodeEnum::MultiAssignRef(_) | NodeEnum::SetToDefault(_)) | None
            )
        {
            return None;
        }
        targets.push((target.name.clone(), &**value));
    }
    let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
    let conditions: Vec<&Node> = conjuncts(update.where_clause.as_deref())
        .into_iter()
        .filter(|condition| null_tested(condition).is_none_or(|c| !names.contains(&c.as_str())))
        .collect();
    Some(group_of(&relation, alias, &targets, &conditions, catalog))
}

fn group_of(
    relation: &QualifiedName,
    alias: &str,
    targets: &[(String, &Node)],
    conditions: &[&Node],
    catalog: &Catalog,
) -> Group {
    let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
    let mut sources: Vec<String> = Vec::new();
    let mut reads_targets = false;
    for node in targets.iter().map(|(_, value)| *value).chain(conditions.iter().copied()) {
        match columns_read(node, relation, alias, catalog) {
            Some(read) => {
                for name in read {
                    if names.contains(&name.as_str()) {
                        reads_targets = true;
                    } else if !sources.contains(&name) {
                        sources.push(name);
                    }
                }
            }
            // The row as a whole: the targets are part of it.
            None => reads_targets = true,
        }
    }
    let nodes = || targets.iter().map(|(_, value)| *value).chain(conditions.iter().copied());
    Group {
        relation: relation.clone(),
        alias: alias.to_owned(),
        condition: (!conditions.is_empty()).then(|| {
            conditions
                .iter()
                .map(|node| format!("({})", deparse::expression(node)))
                .collect::<Vec<_>>()
                .join(" AND ")
        }),
        sources,
        reads_other_tables: nodes().any(columns::has_subquery),
        volatility: nodes()
            .map(|node| volatility::of_expression(node, catalog))
            .max()
            .unwrap_or(Volatility::Immutable),
        reads_targets,
        source_dropped: false,
        not_null: false,
        targets: targets
            .iter()
            .map(|(column, value)| Target {
                column: column.clone(),
                expression: deparse::expression(value),
                new: false,
                added_with_default: false,
                default: None,
            })
            .collect(),
    }
}

/// Columns of `relation` that `node` reads; `None` when it reads the row as a whole. In a subquery a
/// name may belong to another table: then it counts all the same.
pub(super) fn columns_read(
    node: &Node,
    relation: &QualifiedName,
    alias: &str,
    catalog: &Catalog,
) -> Option<Vec<String>> {
    let found = catalog.relation(relation)?;
    let mut names = Vec::new();
    for reference in columns::read_by(node) {
        let ours = reference.table.as_deref().is_none_or(|t| t == alias || t == relation.name);
        if !ours {
            continue;
        }
        let column = reference.column?;
        if found.column(&column).is_some() {
            if !names.contains(&column) {
                names.push(column);
            }
        } else if column == alias {
            return None;
        }
    }
    Some(names)
}

/// The parts of a condition that are joined by `AND`.
pub(super) fn conjuncts(node: Option<&Node>) -> Vec<&Node> {
    let Some(node) = node else { return Vec::new() };
    match &node.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() == BoolExprType::AndExpr => {
            expression.args.iter().flat_map(|arg| conjuncts(Some(arg))).collect()
        }
        _ => vec![node],
    }
}

/// The column `c` when the condition is `c IS NULL`.
pub(super) fn null_tested(node: &Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNull => {
            let argument = test.arg.as_ref()?;
            match &argument.node {
                Some(NodeEnum::ColumnRef(reference)) => strings(&reference.fields).pop(),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `UPDATE t SET c = … WHERE c IS NULL`: one existing column, only its NULLs.
fn fills_only_nulls(statement: &Statement, group: &Group) -> bool {
    let NodeEnum::UpdateStmt(update) = &statement.node else { return false };
    let [target] = group.targets.as_slice() else { return false };
    conjuncts(update.where_clause.as_deref())
        .into_iter()
        .any(|condition| null_tested(condition).as_deref() == Some(&target.column))
}
