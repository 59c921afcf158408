//! Which changes of a column's type need the recipe, and which of them belong together.
//!
//! *In words*: changes of columns of one table, and of tables that a foreign key over such a column
//! joins, are one rollout with one switch. A `SET` or `DROP DEFAULT` of such a column in the same
//! migration says what default the column ends with; it is part of the rollout, not a step of its
//! own. What is free, concerns an unused table, or was allowed to block, needs no recipe.

use super::hindrance::unhindered;
use super::materialized;
use super::views::{self, View};
use crate::analyze::{self, Verdict};
use crate::catalog::{Catalog, Column, Relation, volatility};
use crate::rewrite::{op, text};
use crate::sql::directive::AllowedHazard;
use crate::sql::{Directive, DirectiveKind, QualifiedName, Script, Span, Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, Node, ObjectType};
use std::collections::BTreeSet;

/// A column that gets another type.
#[derive(Debug, Clone)]
pub(in crate::rewrite) struct Request {
    pub relation: QualifiedName,
    /// The column before the migration.
    pub before: Column,
    /// The column as the type change as written leaves it; its default is the one that it has at
    /// the end of the migration.
    pub after: Column,
    pub using: Option<Node>,
    /// The directive that says how a new value becomes an old one, and its expression.
    pub reverse: Option<(Directive, String)>,
    /// Index of the statement, from 0.
    pub statement: usize,
    pub span: Span,
}

/// Requests that are carried out together, in the order of their statements.
#[derive(Debug, Clone, Default)]
pub(in crate::rewrite) struct Rollout {
    pub requests: Vec<Request>,
    /// Views over the columns, each after those that it reads.
    pub views: Vec<View>,
    /// Statements that it stands for, by index from 0.
    pub statements: BTreeSet<usize>,
}

/// All rollouts of a migration.
#[derive(Debug, Clone, Default)]
pub(in crate::rewrite) struct Retypes {
    pub rollouts: Vec<Rollout>,
    /// Defaults that are part of a rollout: statement, table, column.
    defaults: BTreeSet<(usize, QualifiedName, String)>,
    /// Statements that are part of a rollout as a whole.
    absorbed: BTreeSet<usize>,
}

impl Retypes {
    /// The rollout in which statement `index` changes the type of `column`.
    pub fn of(&self, index: usize, column: &str) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| {
            rollout.requests.iter().any(|r| r.statement == index && r.before.name == column)
        })
    }

    /// Whether statement `index` is part of a rollout, without a step of its own.
    pub fn absorbs(&self, index: usize) -> bool {
        self.absorbed.contains(&index)
    }

    /// Whether the `SET` or `DROP DEFAULT` of `column` in statement `index` is part of a rollout.
    pub fn has_default(&self, index: usize, relation: &QualifiedName, column: &str) -> bool {
        self.defaults.contains(&(index, relation.clone(), column.to_owned()))
    }
}

/// A `SET DEFAULT` (with its expression) or `DROP DEFAULT`.
struct DefaultChange {
    statement: usize,
    relation: QualifiedName,
    column: String,
    expression: Option<String>,
}

/// Finds the rollouts of `script`.
pub(in crate::rewrite) fn recognise(script: &Script, catalog: &Catalog) -> Retypes {
    if !script.statements.iter().any(|s| op::split(s).iter().any(is_type_change)) {
        return Retypes::default();
    }
    let mut moved = catalog.clone();
    // The same with every default left as it is, under the names that types have by then.
    let mut kept = catalog.clone();
    let mut requests: Vec<Request> = Vec::new();
    let mut defaults = Vec::new();
    for (index, statement) in script.statements.iter().enumerate() {
        for part in op::split(statement) {
            let again = |request: &Request| {
                requests.iter().any(|other| {
                    other.relation == request.relation && other.before.name == request.before.name
                })
            };
            let found = request(script, index, &part, catalog, [&moved, &kept]);
            if let Some(request) = found.filter(|request| !again(request)) {
                requests.push(request);
            } else if let Some(change) = default_change(index, &part, &moved) {
                defaults.push(change);
            }
            moved.apply(&part);
            if !is_default_change(&part) {
                let before: BTreeSet<QualifiedName> = kept.types.keys().cloned().collect();
                kept.apply(&part);
                retell_defaults(&part, &before, &mut kept);
            }
        }
    }
    let mut found = Retypes::default();
    let defaults_used =
        |name: &QualifiedName| script.statements.iter().any(|s| uses_defaults(s, name));
    for request in &mut requests {
        if defaults_used(&request.relation) {
            continue;
        }
        for change in defaults
            .iter()
            .filter(|d| d.relation == request.relation && d.column == request.before.name)
        {
            request.after.default.clone_from(&change.expression);
            request.after.default_is_volatile = change
                .expression
                .as_ref()
                .is_some_and(|text| volatility::text_is_volatile(text, &moved));
            found.defaults.insert((
                change.statement,
                change.relation.clone(),
                change.column.clone(),
            ));
        }
    }
    found.rollouts = joined(requests, catalog);
    for rollout in &mut found.rollouts {
        let of_defaults = found.defaults.iter().filter(|(_, relation, column)| {
            rollout.requests.iter().any(|r| r.relation == *relation && r.before.name == *column)
        });
        rollout.statements.extend(of_defaults.map(|(statement, _, _)| *statement));
        let (views, used) = views_of(script, catalog, rollout);
        rollout.views = views;
        rollout.statements.extend(&used);
        found.absorbed.extend(used);
    }
    found
}

/// The views over the columns of `rollout`, and the statements of the migration that exchange them.
fn views_of(script: &Script, catalog: &Catalog, rollout: &Rollout) -> (Vec<View>, Vec<usize>) {
    let columns = rollout.requests.iter().flat_map(|request| {
        let family = catalog.relation(&request.relation).map(|found| catalog.family(found));
        family.into_iter().flatten().map(|member| (member, request.before.name.as_str()))
    });
    // What cannot come back is refused when the rollout is planned.
    let found = views::over(catalog, columns).unwrap_or_default();
    let first = rollout.requests.first().map_or(0, |request| request.statement);
    views::exchanged(script, catalog, first, found)
}

/// After a `RENAME` of a type the server prints defaults with its new name.
fn retell_defaults(part: &Statement, before: &BTreeSet<QualifiedName>, kept: &mut Catalog) {
    if !matches!(part.node, NodeEnum::RenameStmt(_)) {
        return;
    }
    let gone = before.iter().find(|name| !kept.types.contains_key(*name)).cloned();
    let come = kept.types.keys().find(|name| !before.contains(*name)).cloned();
    let (Some(gone), Some(come)) = (gone, come) else { return };
    for relation in kept.relations.values_mut() {
        for default in relation.columns.iter_mut().filter_map(|column| column.default.as_mut()) {
            *default = text::renamed(default, &gone, &come);
        }
    }
}

fn subtype(part: &Statement) -> Option<AlterTableType> {
    let NodeEnum::AlterTableStmt(alter) = &part.node else { return None };
    (alter.objtype() == ObjectType::ObjectTable).then(|| op::command(alter))?.map(|c| c.subtype())
}

fn is_type_change(part: &Statement) -> bool {
    subtype(part) == Some(AlterTableType::AtAlterColumnType)
}

fn is_default_change(part: &Statement) -> bool {
    subtype(part) == Some(AlterTableType::AtColumnDefault)
}

/// The relation that a subcommand is about, and the column that it names.
fn target<'c>(part: &Statement, catalog: &'c Catalog) -> Option<(&'c Relation, String)> {
    let NodeEnum::AlterTableStmt(alter) = &part.node else { return None };
    let range = alter.relation.as_ref()?;
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    let relation = catalog.resolve(schema, &range.relname)?;
    Some((relation, op::command(alter)?.name.clone()))
}

fn default_change(index: usize, part: &Statement, moved: &Catalog) -> Option<DefaultChange> {
    if !is_default_change(part) {
        return None;
    }
    let (relation, column) = target(part, moved)?;
    let NodeEnum::AlterTableStmt(alter) = &part.node else { return None };
    let expression = op::command(alter)?.def.as_deref().map(deparse::expression);
    Some(DefaultChange { statement: index, relation: relation.name.clone(), column, expression })
}

/// The change of type in `part`, when it needs the recipe.
fn request(
    script: &Script,
    index: usize,
    part: &Statement,
    original: &Catalog,
    [moved, kept]: [&Catalog; 2],
) -> Option<Request> {
    if !is_type_change(part) {
        return None;
    }
    let (now, name) = target(part, moved)?;
    // A table or column of this migration, or one under another name, is another matter.
    original.relation(&now.name)?.column(&name)?;
    if now.created_here {
        return None;
    }
    let mut before = now.column(&name)?.clone();
    let default = kept.relation(&now.name).and_then(|relation| relation.column(&name));
    before.default = default.and_then(|column| column.default.clone());
    before.default_is_volatile = default.is_some_and(|column| column.default_is_volatile);
    let allowed = part.directives.iter().any(|directive| {
        matches!(directive.kind, DirectiveKind::Allow { hazard: AllowedHazard::Blocking, .. })
    });
    let impact = analyze::analyze(part, &unhindered(moved, part)).ok()?;
    let family = moved.family(now);
    let column = std::slice::from_ref(&name);
    let materialized = family.iter().any(|member| materialized::reads(moved, member, column));
    let blocks = materialized || (impact.verdict == Verdict::Blocking && !impact.work.is_empty());
    let unused = !materialized
        && impact.work.iter().all(|work| {
            original.relation(&work.relation).is_some_and(|relation| {
                original.sizes_known
                    && original.leaves(relation).iter().all(|leaf| leaf.empty)
                    && !script.statements[..index].iter().any(|s| writes(s, &relation.name))
            })
        });
    if allowed || !blocks || unused {
        return None;
    }
    let NodeEnum::AlterTableStmt(alter) = &part.node else { return None };
    let Some(NodeEnum::ColumnDef(definition)) =
        op::command(alter)?.def.as_ref().and_then(|def| def.node.as_ref())
    else {
        return None;
    };
    let mut changed = moved.clone();
    changed.apply(part);
    let mut after = changed.relation(&now.name)?.column(&name)?.clone();
    after.default.clone_from(&before.default);
    after.default_is_volatile = before.default_is_volatile;
    Some(Request {
        relation: now.name.clone(),
        using: definition.raw_default.as_deref().cloned(),
        reverse: reverse(part, &now.name, &name),
        before,
        after,
        statement: index,
        span: part.span,
    })
}

fn reverse(
    part: &Statement,
    relation: &QualifiedName,
    column: &str,
) -> Option<(Directive, String)> {
    part.directives.iter().find_map(|directive| match &directive.kind {
        DirectiveKind::Reverse { schema, table, column: on, expression }
            if on == column
                && *table == relation.name
                && schema.as_ref().is_none_or(|schema| *schema == relation.schema) =>
        {
            Some((directive.clone(), expression.clone()))
        }
        _ => None,
    })
}

/// Whether `statement` writes rows and names `relation`.
fn writes(statement: &Statement, relation: &QualifiedName) -> bool {
    let writes = matches!(
        statement.node,
        NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_)
            | NodeEnum::CopyStmt(_)
    );
    writes && text::words(&statement.sql).contains(&relation.name)
}

/// Whether a statement may give a column of `relation` its default: then it matters which one it has
/// at that moment.
fn uses_defaults(statement: &Statement, relation: &QualifiedName) -> bool {
    let words = text::words(&statement.sql);
    let gives = match statement.node {
        NodeEnum::InsertStmt(_) | NodeEnum::MergeStmt(_) | NodeEnum::CopyStmt(_) => true,
        // SET c = DEFAULT, or an INSERT within WITH.
        NodeEnum::UpdateStmt(_) | NodeEnum::DeleteStmt(_) | NodeEnum::SelectStmt(_) => {
            ["default", "insert", "merge"].iter().any(|word| words.contains(*word))
        }
        _ => false,
    };
    gives && words.contains(&relation.name)
}

/// Requests by rollout: those of one table, and of tables that a foreign key over one of the columns
/// joins, share one.
fn joined(requests: Vec<Request>, catalog: &Catalog) -> Vec<Rollout> {
    let mut rollouts: Vec<Rollout> = Vec::new();
    for request in requests {
        let mut into = Rollout::default();
        let (linked, apart): (Vec<_>, Vec<_>) = rollouts.into_iter().partition(|rollout| {
            rollout.requests.iter().any(|other| are_joined(other, &request, catalog))
        });
        for rollout in linked {
            into.requests.extend(rollout.requests);
            into.statements.extend(rollout.statements);
        }
        into.statements.insert(request.statement);
        into.requests.push(request);
        into.requests.sort_by_key(|request| request.statement);
        rollouts = apart;
        rollouts.push(into);
    }
    rollouts
}

fn are_joined(one: &Request, other: &Request, catalog: &Catalog) -> bool {
    let points = |from: &Request, to: &Request| {
        catalog.relation(&from.relation).is_some_and(|relation| {
            relation.constraints.iter().any(|key| {
                key.references.as_ref() == Some(&to.relation)
                    && (key.columns.contains(&from.before.name)
                        || key.referenced_columns.contains(&to.before.name))
            })
        })
    };
    one.relation == other.relation || points(one, other) || points(other, one)
}
