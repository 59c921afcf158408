//! Queries: which relations a statement reads and changes, at any depth of subqueries, `WITH`
//! clauses and views.
//!
//! What cannot be seen is what functions do ([`hidden`](super::hidden)): a volatile function of the
//! application makes the statement opaque.

use super::changes::Change;
use super::hidden::hides_something;
use super::sequence::sequence_of;
use super::{changes, conditions, pruning};
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::analyze::resolve::{Context, Found};
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::grammar;
use crate::sql::walk::walk_some;
use pg_query::protobuf::{Alias, FuncCall, Node, RangeVar, SelectStmt, WithClause};
use pg_query::{NodeEnum, NodeRef};

/// How far the server goes with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analyze) enum How {
    /// Names are looked up and what is named is locked: `CREATE VIEW`, the body of a function.
    Parsed,
    /// A plan is made: views are expanded, partitions and indexes looked at.
    Planned,
    Executed,
}

/// Views within views are followed so far.
const MAX_VIEW_DEPTH: usize = 64;

/// A query, while it is gone through.
pub(super) struct Query<'s, 'c, 'e> {
    pub(super) cx: Context<'s, 'c>,
    pub(super) fx: &'e mut Effects<'c>,
    pub(super) how: How,
    depth: usize,
}

/// Names that `WITH` clauses around the current place define.
pub(super) type Scope = Vec<String>;

/// The impact of `statement`, which is a query or a change of rows.
pub(in crate::analyze) fn read<'c>(
    cx: Context<'_, 'c>,
    statement: &NodeEnum,
    how: How,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    Query { cx, fx, how, depth: 0 }.statement(statement.to_ref(), &Scope::new())
}

impl<'c> Query<'_, 'c, '_> {
    pub(super) fn statement(
        &mut self,
        statement: NodeRef<'_>,
        scope: &Scope,
    ) -> Result<(), AnalyzeError> {
        match statement {
            NodeRef::SelectStmt(select) => self.select(select, scope, None),
            NodeRef::InsertStmt(insert) => changes::insert(self, insert, scope),
            NodeRef::UpdateStmt(update) => {
                let change = Change {
                    target: update.relation.as_ref(),
                    sets: Some(&update.target_list),
                    others: &update.from_clause,
                    condition: update.where_clause.as_deref(),
                    returning: update.returning_clause.as_ref(),
                    with: update.with_clause.as_ref(),
                };
                changes::update_or_delete(self, &change, scope)
            }
            NodeRef::DeleteStmt(delete) => {
                let change = Change {
                    target: delete.relation.as_ref(),
                    sets: None,
                    others: &delete.using_clause,
                    condition: delete.where_clause.as_deref(),
                    returning: delete.returning_clause.as_ref(),
                    with: delete.with_clause.as_ref(),
                };
                changes::update_or_delete(self, &change, scope)
            }
            NodeRef::MergeStmt(merge) => changes::merge(self, merge, scope),
            other => self.expression(other, scope),
        }
    }

    /// Goes through a `WITH` clause; gives the names that the statement behind it sees.
    pub(super) fn with(
        &mut self,
        with: Option<&WithClause>,
        scope: &Scope,
    ) -> Result<Scope, AnalyzeError> {
        let mut scope = scope.clone();
        let Some(with) = with else { return Ok(scope) };
        let tables = || {
            with.ctes.iter().filter_map(|cte| match &cte.node {
                Some(NodeEnum::CommonTableExpr(cte)) => Some(cte),
                _ => None,
            })
        };
        if with.recursive {
            scope.extend(tables().map(|cte| cte.ctename.clone()));
        }
        for cte in tables() {
            if let Some(query) = cte.ctequery.as_deref().and_then(|query| query.node.as_ref()) {
                self.statement(query.to_ref(), &scope)?;
            }
            scope.push(cte.ctename.clone());
        }
        Ok(scope)
    }

    /// `forced` is the row lock that a query around this one asks of it.
    fn select(
        &mut self,
        select: &SelectStmt,
        scope: &Scope,
        forced: Option<LockMode>,
    ) -> Result<(), AnalyzeError> {
        let scope = self.with(select.with_clause.as_ref(), scope)?;
        for item in &select.from_clause {
            self.read_side(select, item, &scope, forced)?;
        }
        let lists = [
            &select.distinct_clause,
            &select.target_list,
            &select.group_clause,
            &select.window_clause,
            &select.values_lists,
            &select.sort_clause,
        ];
        for node in lists.into_iter().flatten() {
            self.node(Some(node), &scope)?;
        }
        for node in
            [&select.where_clause, &select.having_clause, &select.limit_offset, &select.limit_count]
        {
            self.node(node.as_deref(), &scope)?;
        }
        for arm in [&select.larg, &select.rarg].into_iter().flatten() {
            self.select(arm, &scope, forced)?;
        }
        Ok(())
    }

    /// The sides of a join are locked each by itself: `FOR UPDATE OF` may name one of them.
    fn read_side(
        &mut self,
        select: &SelectStmt,
        item: &Node,
        scope: &Scope,
        forced: Option<LockMode>,
    ) -> Result<(), AnalyzeError> {
        if let Some(NodeEnum::JoinExpr(join)) = &item.node
            && join.alias.is_none()
        {
            for side in [&join.larg, &join.rarg].into_iter().flatten() {
                self.read_side(select, side, scope, forced)?;
            }
            return self.node(join.quals.as_deref(), scope);
        }
        let locked = forced.is_some() || is_locked(select, item);
        let mode = if locked { LockMode::RowShare } else { LockMode::AccessShare };
        let reading = Reading {
            mode,
            condition: select.where_clause.as_deref(),
            stops_early: select.limit_count.is_some() && select.sort_clause.is_empty(),
        };
        self.read_item(item, scope, &reading)
    }

    pub(super) fn read_item(
        &mut self,
        item: &Node,
        scope: &Scope,
        reading: &Reading<'_>,
    ) -> Result<(), AnalyzeError> {
        match &item.node {
            Some(NodeEnum::RangeVar(name)) => self.range(name, scope, reading),
            Some(NodeEnum::JoinExpr(join)) => {
                for side in [&join.larg, &join.rarg].into_iter().flatten() {
                    self.read_item(side, scope, reading)?;
                }
                self.node(join.quals.as_deref(), scope)
            }
            Some(NodeEnum::RangeSubselect(sub)) => {
                match sub.subquery.as_deref().and_then(|query| query.node.as_ref()) {
                    Some(NodeEnum::SelectStmt(select)) => {
                        let forced = (reading.mode > LockMode::AccessShare).then_some(reading.mode);
                        self.select(select, scope, forced)
                    }
                    Some(query) => self.statement(query.to_ref(), scope),
                    None => Ok(()),
                }
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                if let Some(relation) = sample.relation.as_deref() {
                    self.read_item(relation, scope, reading)?;
                }
                sample.args.iter().try_for_each(|arg| self.node(Some(arg), scope))
            }
            _ => self.node(Some(item), scope),
        }
    }

    /// A table or view in `FROM`.
    fn range(
        &mut self,
        name: &RangeVar,
        scope: &Scope,
        reading: &Reading<'_>,
    ) -> Result<(), AnalyzeError> {
        if name.schemaname.is_empty() && scope.contains(&name.relname) {
            return Ok(());
        }
        match self.cx.find(name) {
            Found::Relation(relation) => {
                let known_as = known_as(name.alias.as_ref(), relation);
                self.table(relation, known_as, name.inh, reading);
                Ok(())
            }
            Found::System => Ok(()),
            Found::Missing => self.cx.relation(name).map(|_| ()),
        }
    }

    /// Reads `relation`, called `known_as` in the condition.
    fn table(
        &mut self,
        relation: &'c Relation,
        known_as: &str,
        inherit: bool,
        reading: &Reading<'_>,
    ) {
        if self.how == How::Parsed {
            return self.fx.lock(relation, reading.mode);
        }
        match relation.kind {
            RelationKind::View => self.view(relation, reading.mode),
            RelationKind::Sequence | RelationKind::CompositeType => {
                self.fx.lock(relation, reading.mode);
            }
            RelationKind::Table
            | RelationKind::PartitionedTable
            | RelationKind::MaterializedView
            | RelationKind::ForeignTable => {
                let condition = reading.condition;
                let parts = if inherit {
                    pruning::remaining(self.cx.catalog, relation, known_as, condition)
                } else {
                    vec![relation]
                };
                for part in parts {
                    // A row lock on a materialized view is refused; a child is locked as its parent.
                    if inherit {
                        self.fx.plan_query_on(part, reading.mode);
                    } else {
                        self.fx.plan_query_on_only(part, reading.mode);
                    }
                    let searched = conditions::uses_index(part, known_as, condition);
                    if self.how == How::Executed && !searched && !reading.stops_early {
                        self.fx.scan(part);
                    }
                }
                if self.how == How::Executed && reading.mode > LockMode::AccessShare {
                    self.row_locks(relation, known_as, condition);
                }
            }
        }
    }

    /// Rows of `relation` stay locked: a few, when a unique key picks them.
    pub(super) fn row_locks(
        &mut self,
        relation: &'c Relation,
        known_as: &str,
        condition: Option<&Node>,
    ) {
        if conditions::picks_by_key(relation, known_as, condition) {
            self.fx.touch_rows();
        } else {
            self.fx.hold_rows(relation);
        }
    }

    /// A view is replaced by its query, with the same lock on what that names.
    fn view(&mut self, view: &'c Relation, mode: LockMode) {
        self.fx.lock(view, mode);
        if self.depth >= MAX_VIEW_DEPTH {
            return self.fx.opaque();
        }
        let Some(definition) = parsed_view(view) else { return self.fx.opaque() };
        let forced = (mode > LockMode::AccessShare).then_some(LockMode::RowShare);
        self.depth += 1;
        // The definition comes from the server: what it names exists, unless the catalog is partial.
        if self.select(&definition, &Scope::new(), forced).is_err() {
            self.fx.opaque();
        }
        self.depth -= 1;
    }

    /// Any other node: subqueries and function calls below it.
    pub(super) fn node(&mut self, node: Option<&Node>, scope: &Scope) -> Result<(), AnalyzeError> {
        match node.and_then(|node| node.node.as_ref()) {
            Some(node) => self.expression(node.to_ref(), scope),
            None => Ok(()),
        }
    }

    fn expression(&mut self, root: NodeRef<'_>, scope: &Scope) -> Result<(), AnalyzeError> {
        let catalog = self.cx.catalog;
        let mut queries = Vec::new();
        let mut calls = Vec::new();
        let mut hidden = false;
        walk_some(root, |node| match node {
            NodeRef::SelectStmt(_)
            | NodeRef::InsertStmt(_)
            | NodeRef::UpdateStmt(_)
            | NodeRef::DeleteStmt(_)
            | NodeRef::MergeStmt(_) => {
                queries.push(node);
                false
            }
            NodeRef::FuncCall(call) => {
                calls.push(call);
                true
            }
            _ => {
                hidden = hidden || hides_something(catalog, node);
                true
            }
        });
        if hidden && self.how == How::Executed {
            self.fx.opaque();
        }
        for call in calls {
            self.call(call);
        }
        queries.into_iter().try_for_each(|query| self.statement(query, scope))
    }

    pub(super) fn call(&mut self, call: &FuncCall) {
        if self.how != How::Executed {
            return;
        }
        if let Some(sequence) = sequence_of(self.cx, call) {
            self.fx.lock(sequence, LockMode::RowExclusive);
        }
        if hides_something(self.cx.catalog, NodeRef::FuncCall(call)) {
            self.fx.opaque();
        }
    }
}

/// How a table in `FROM` is read.
pub(super) struct Reading<'q> {
    pub(super) mode: LockMode,
    /// The `WHERE` clause of the query.
    pub(super) condition: Option<&'q Node>,
    /// `LIMIT` without `ORDER BY`.
    pub(super) stops_early: bool,
}

/// The name by which a condition speaks of `relation`.
pub(super) fn known_as<'n>(alias: Option<&'n Alias>, relation: &'n Relation) -> &'n str {
    alias.map_or(relation.name.name.as_str(), |alias| alias.aliasname.as_str())
}

fn is_locked(select: &SelectStmt, item: &Node) -> bool {
    let mut names: Vec<&str> = Vec::new();
    if let Some(item) = &item.node {
        walk_some(item.to_ref(), |node| {
            if let NodeRef::RangeVar(name) = node {
                names.push(name.alias.as_ref().map_or(&name.relname, |alias| &alias.aliasname));
            }
            if let NodeRef::RangeSubselect(sub) = node {
                names.extend(sub.alias.as_ref().map(|alias| alias.aliasname.as_str()));
            }
            !matches!(node, NodeRef::SelectStmt(_))
        });
    }
    select.locking_clause.iter().any(|clause| match &clause.node {
        Some(NodeEnum::LockingClause(clause)) => {
            clause.locked_rels.is_empty()
                || clause.locked_rels.iter().any(|locked| {
                    matches!(&locked.node, Some(NodeEnum::RangeVar(locked))
                        if names.contains(&locked.relname.as_str()))
                })
        }
        _ => false,
    })
}

/// The query of a view or materialized view.
pub(in crate::analyze) fn parsed_view(view: &Relation) -> Option<SelectStmt> {
    let tree = grammar::parse(view.view_definition.as_deref()?).ok()?;
    match tree.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::SelectStmt(select) => Some(*select),
        _ => None,
    }
}

/// The sequences that `expression` draws from.
pub(in crate::analyze) fn sequences_in<'c>(
    cx: Context<'_, 'c>,
    expression: &Node,
) -> Vec<&'c Relation> {
    let mut found = Vec::new();
    if let Some(root) = &expression.node {
        walk_some(root.to_ref(), |node| {
            if let NodeRef::FuncCall(call) = node {
                found.extend(sequence_of(cx, call));
            }
            true
        });
    }
    found
}
