//! What hangs on columns is built again on the columns that take their place, under passing names,
//! while the application goes on. A later transaction gives them the names of the old ones, once
//! those are gone or have stepped aside.

use super::add_check::not_valid_then_validate;
use super::add_foreign_key::{add_constraint, both_locks};
use super::create_index::{self, Build};
use super::draft::Draft;
use super::substitute::{self, Columns};
use super::text::{self, alter, alter_of};
use super::{groups, set_not_null};
use crate::catalog::{Column, Constraint, ConstraintKind, Index, Relation, StatisticsObject};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, deparse, quote_ident, quote_literal};

/// Statements that give what was built the names of the old ones.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub sql: Vec<String>,
}

/// Checks on `columns` of `found`.
pub(super) fn checks(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    names: &mut Names,
) {
    for constraint in found.constraints.iter().filter(|c| columns.touch(&c.columns)) {
        if constraint.kind == ConstraintKind::Check {
            check(draft, found, columns, constraint, names);
        }
    }
}

/// What ends the definition of a check that no row that exists has to pass: one that is not enforced passes over what is
/// written later, too, and is never validated.
pub(super) fn unproven(constraint: &Constraint) -> &'static str {
    if constraint.is_enforced() { " NOT VALID" } else { " NOT ENFORCED" }
}

/// The definition of a check for other columns, without `NOT VALID` or `NOT ENFORCED`.
pub(super) fn check_definition(constraint: &Constraint, columns: &Columns) -> Option<String> {
    let node = substitute::constraint(&constraint.definition, columns)?;
    let expression = node.raw_expr.as_deref().map(deparse::expression)?;
    let inherit = if constraint.no_inherit { " NO INHERIT" } else { "" };
    Some(format!("CHECK ({expression}){inherit}"))
}

pub(super) fn check(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    constraint: &Constraint,
    names: &mut Names,
) {
    let Some(definition) = check_definition(constraint, columns) else { return };
    let passing = draft.temporary_name();
    if constraint.validated {
        not_valid_then_validate(draft, &found.name, &passing, &definition);
    } else {
        let locks = draft.locks(found, LockMode::AccessExclusive);
        let quoted = quote_ident(&passing);
        draft
            .step(
                Phase::Migrate,
                format!(
                    "{} is kept for {}, {} as it is",
                    constraint.name,
                    text::listed(&columns.names()),
                    if constraint.is_enforced() { "not valid" } else { "not enforced" }
                ),
                Action::Transaction {
                    sql: vec![alter(
                        &found.name,
                        &format!("ADD CONSTRAINT {quoted} {definition}{}", unproven(constraint)),
                    )],
                },
            )
            .locks(locks.clone())
            .undo(Undo::Transaction {
                sql: vec![alter(&found.name, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
                locks,
            });
    }
    names.sql.push(rename_constraint(&found.name, &passing, &constraint.name));
    names.sql.extend(comment_on_constraint(found, constraint));
}

/// A foreign key of `found`, for `columns` of it and for columns of the table that it points to; `passing` is its name.
pub(super) fn foreign_key_as(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    referenced_columns: &Columns,
    constraint: &Constraint,
    passing: &str,
) {
    let Some(mut node) = substitute::constraint(&constraint.definition, columns) else {
        return;
    };
    substitute::referenced(&mut node, referenced_columns);
    let on = text::listed(&groups::strings(&node.fk_attrs));
    let Some(other) = constraint.references.clone() else { return };
    let Some(referenced) = draft.catalog.relation(&other).cloned() else { return };
    passing.clone_into(&mut node.conname);
    node.skip_validation = true;
    node.initially_valid = false;
    let mode = LockMode::ShareRowExclusive;
    let both = both_locks(draft, found, &referenced, mode, mode);
    let exclusive = LockMode::AccessExclusive;
    let undo_locks = both_locks(draft, found, &referenced, exclusive, exclusive);
    let quoted = quote_ident(passing);
    let partition = found.partition_bound.is_some();
    draft
        .step(
            Phase::Migrate,
            format!("{} holds for {on} from here on", constraint.name),
            Action::Transaction { sql: vec![add_constraint(&found.name, node, partition)] },
        )
        .locks(both)
        .undo(Undo::Transaction {
            sql: vec![alter_of(found, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
            locks: undo_locks,
        });
    if constraint.validated {
        let (weak, row) = (LockMode::ShareUpdateExclusive, LockMode::RowShare);
        let locks = both_locks(draft, found, &referenced, weak, row);
        draft
            .step(
                Phase::Migrate,
                format!("existing rows are looked up for {} on {on}", constraint.name),
                Action::Validate { sql: alter_of(found, &format!("VALIDATE CONSTRAINT {quoted}")) },
            )
            .locks(locks)
            .work(WorkKind::Validate, &found.name);
    }
    draft.rely(&other);
}

/// NOT NULL of `column`, for the column `new`.
pub(super) fn not_null(
    draft: &mut Draft<'_>,
    phase: Phase,
    found: &Relation,
    column: &Column,
    new: &str,
    names: &mut Names,
) {
    match not_null_constraint(found, &column.name) {
        // 18: the constraint has a name of its own, which a rename leaves as it is.
        Some(existing) => {
            let passing = draft.temporary_name();
            set_not_null::named(draft, phase, &found.name, new, &passing);
            names.sql.push(rename_constraint(&found.name, &passing, &existing.name));
            names.sql.extend(comment_on_constraint(found, existing));
        }
        None => set_not_null::proven_by_check(draft, phase, &found.name, new),
    }
}

/// The constraint behind NOT NULL of `column`, which has a name from version 18 on.
pub(super) fn not_null_constraint<'r>(found: &'r Relation, column: &str) -> Option<&'r Constraint> {
    found.constraints.iter().find(|c| c.kind == ConstraintKind::NotNull && c.columns == [column])
}

pub(super) fn indexes(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    names: &mut Names,
) {
    for index in found.indexes.iter().filter(|i| columns.touch(&i.columns)) {
        self::index(draft, found, columns, index, names);
    }
}

fn index(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    index: &Index,
    names: &mut Names,
) {
    let Some(node) = substitute::index(&index.definition, columns) else { return };
    let passing = draft.temporary_name();
    create_index::build(
        draft,
        Build {
            index: node,
            name: passing.clone(),
            relation: found.name.clone(),
            why: format!(
                "{} is built on {} while the application goes on",
                index.name,
                text::listed(&columns.names())
            ),
        },
    );
    names.sql.extend(take_index(found, index, &passing));
}

/// The statements that make the index `passing` what `index` was: its name, the constraint that it
/// stood behind, and what is said of it.
pub(super) fn take_index(found: &Relation, index: &Index, passing: &str) -> Vec<String> {
    let (table, old) = (&found.name, quote_ident(&index.name));
    let mut sql = Vec::new();
    match index.constraint.as_ref().and_then(|name| found.constraint(name)) {
        Some(constraint) => {
            let kind = if index.primary { "PRIMARY KEY" } else { "UNIQUE" };
            sql.push(alter_of(
                found,
                &format!(
                    "ADD CONSTRAINT {} {kind} USING INDEX {}{}",
                    quote_ident(&constraint.name),
                    quote_ident(passing),
                    timing(constraint)
                ),
            ));
            sql.extend(comment_on_constraint(found, constraint));
        }
        None => {
            let there = if_there(found);
            sql.push(format!("ALTER INDEX {there}{} RENAME TO {old}", table.sibling(passing)));
        }
    }
    sql.extend(index_belongings(found, index));
    sql
}

/// `IF EXISTS ` for what hangs on a partition, which may be dropped while the rollout is on.
pub(super) fn if_there(found: &Relation) -> &'static str {
    if found.partition_bound.is_some() { "IF EXISTS " } else { "" }
}

/// What is said of `index`, for the one that has its name now.
pub(super) fn index_belongings(found: &Relation, index: &Index) -> Vec<String> {
    let qualified = found.name.sibling(&index.name);
    let mut sql: Vec<String> = index
        .statistics_targets
        .iter()
        .map(|(position, target)| {
            let there = if_there(found);
            format!(
                "ALTER INDEX {there}{qualified} ALTER COLUMN {position} SET STATISTICS {target}"
            )
        })
        .collect();
    sql.extend(take_roles(found, index));
    if let Some(comment) = &index.comment {
        sql.push(format!("COMMENT ON INDEX {qualified} IS {}", quote_literal(comment)));
    }
    sql
}

/// `CLUSTER ON` and `REPLICA IDENTITY` for an index that has its name already.
pub(super) fn take_roles(found: &Relation, index: &Index) -> Vec<String> {
    let name = quote_ident(&index.name);
    let mut sql = Vec::new();
    if index.is_clustered {
        sql.push(alter_of(found, &format!("CLUSTER ON {name}")));
    }
    if index.is_replica_identity {
        sql.push(alter_of(found, &format!("REPLICA IDENTITY USING INDEX {name}")));
    }
    sql
}

fn timing(constraint: &Constraint) -> &'static str {
    match (constraint.deferrable, constraint.initially_deferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

pub(super) fn statistics(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    names: &mut Names,
) {
    for statistics in found.statistics.iter().filter(|s| columns.touch(&s.columns)) {
        extended_statistics(draft, found, columns, statistics, names);
    }
}

fn extended_statistics(
    draft: &mut Draft<'_>,
    found: &Relation,
    columns: &Columns,
    statistics: &StatisticsObject,
    names: &mut Names,
) {
    let passing = QualifiedName::new(statistics.name.schema.clone(), draft.temporary_name());
    let Some(create) =
        substitute::statistics(&statistics.definition, &passing, &found.name, columns)
    else {
        return;
    };
    let mut sql = vec![create];
    sql.extend(statistics_belongings(statistics, &passing));
    let locks = draft.locks(found, LockMode::ShareUpdateExclusive);
    draft
        .step(
            Phase::Migrate,
            format!(
                "statistics {} are kept for {}",
                statistics.name,
                text::listed(&columns.names())
            ),
            Action::Transaction { sql },
        )
        .locks(locks)
        .undo(Undo::Transaction {
            sql: vec![format!("DROP STATISTICS IF EXISTS {passing}")],
            locks: Vec::new(),
        });
    names.sql.push(format!(
        "ALTER STATISTICS {passing} RENAME TO {}",
        quote_ident(&statistics.name.name)
    ));
}

/// What is said of `statistics`, for those at `passing` that take their place.
pub(super) fn statistics_belongings(
    statistics: &StatisticsObject,
    passing: &QualifiedName,
) -> Vec<String> {
    let target = statistics
        .target
        .map(|target| format!("ALTER STATISTICS {passing} SET STATISTICS {target}"));
    let comment = statistics
        .comment
        .as_ref()
        .map(|text| format!("COMMENT ON STATISTICS {passing} IS {}", quote_literal(text)));
    target.into_iter().chain(comment).collect()
}

/// The comment of `constraint`, for the one that has its name now.
pub(super) fn comment_on_constraint(found: &Relation, constraint: &Constraint) -> Option<String> {
    constraint.comment.as_ref().map(|comment| {
        format!(
            "COMMENT ON CONSTRAINT {} ON {} IS {}",
            quote_ident(&constraint.name),
            found.name,
            quote_literal(comment)
        )
    })
}

pub(super) fn rename_constraint(table: &QualifiedName, from: &str, to: &str) -> String {
    alter(table, &format!("RENAME CONSTRAINT {} TO {}", quote_ident(from), quote_ident(to)))
}
