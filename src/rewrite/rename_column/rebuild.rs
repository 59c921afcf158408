//! What hangs on the old column is built again on the new one, under passing names, while the
//! application goes on; contract then gives them the names of the old ones, which went with the
//! column.

use super::super::add_check::not_valid_then_validate;
use super::super::add_foreign_key::{add_statement, both_locks};
use super::super::create_index::{self, Build};
use super::super::draft::Draft;
use super::super::text::alter;
use super::super::{set_not_null, substitute};
use crate::catalog::{Column, Constraint, ConstraintKind, Index, Relation};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, deparse, quote_ident, quote_literal};

/// Statements for the transaction of contract, behind the drop of the old column.
#[derive(Debug, Default)]
pub(super) struct Contract {
    pub sql: Vec<String>,
}

pub(super) fn steps(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    contract: &mut Contract,
) {
    for constraint in found.constraints.iter().filter(|c| c.columns.contains(&column.name)) {
        match constraint.kind {
            ConstraintKind::Check => check(draft, found, column, new, constraint, contract),
            ConstraintKind::ForeignKey => {
                foreign_key(draft, found, column, new, constraint, contract);
            }
            ConstraintKind::PrimaryKey
            | ConstraintKind::Unique
            // Dealt with below, or excluded by `obstacles`.
            | ConstraintKind::NotNull
            | ConstraintKind::Exclude
            | ConstraintKind::Trigger => {}
        }
    }
    if column.not_null {
        not_null(draft, found, column, new, contract);
    }
    for index in found.indexes.iter().filter(|i| i.columns.contains(&column.name)) {
        rebuild_index(draft, found, column, new, index, contract);
    }
    for statistics in found.statistics.iter().filter(|s| s.columns.contains(&column.name)) {
        extended_statistics(draft, found, column, new, statistics, contract);
    }
}

fn not_null(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    contract: &mut Contract,
) {
    let existing = found
        .constraints
        .iter()
        .find(|c| c.kind == ConstraintKind::NotNull && c.columns == [column.name.clone()]);
    match existing {
        // 18: the constraint has a name of its own, which a rename leaves as it is.
        Some(existing) => {
            let passing = draft.temporary_name();
            set_not_null::named(draft, &found.name, new, &passing);
            contract.sql.push(rename_constraint(&found.name, &passing, &existing.name));
            contract.comment_constraint(found, existing);
        }
        None => set_not_null::proven_by_check(draft, &found.name, new),
    }
}

fn check(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    constraint: &Constraint,
    contract: &mut Contract,
) {
    let Some(node) = substitute::constraint(&constraint.definition, &column.name, new) else {
        return;
    };
    let Some(expression) = node.raw_expr.as_deref().map(deparse::expression) else { return };
    let passing = draft.temporary_name();
    let inherit = if constraint.no_inherit { " NO INHERIT" } else { "" };
    let definition = format!("CHECK ({expression}){inherit}");
    if constraint.validated {
        not_valid_then_validate(draft, &found.name, &passing, &definition);
    } else {
        let locks = draft.locks(found, LockMode::AccessExclusive);
        let quoted = quote_ident(&passing);
        draft
            .step(
                Phase::Migrate,
                format!("{} is kept for {new}, not valid as it is", constraint.name),
                Action::Transaction {
                    sql: vec![alter(
                        &found.name,
                        &format!("ADD CONSTRAINT {quoted} {definition} NOT VALID"),
                    )],
                },
            )
            .locks(locks.clone())
            .undo(Undo::Transaction {
                sql: vec![alter(&found.name, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
                locks,
            });
    }
    contract.sql.push(rename_constraint(&found.name, &passing, &constraint.name));
    contract.comment_constraint(found, constraint);
}

fn foreign_key(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    constraint: &Constraint,
    contract: &mut Contract,
) {
    let Some(mut node) = substitute::constraint(&constraint.definition, &column.name, new) else {
        return;
    };
    let Some(other) = constraint.references.clone() else { return };
    let Some(referenced) = draft.catalog.relation(&other).cloned() else { return };
    let passing = draft.temporary_name();
    node.conname.clone_from(&passing);
    node.skip_validation = true;
    node.initially_valid = false;
    let mode = LockMode::ShareRowExclusive;
    let both = both_locks(draft, found, &referenced, mode, mode);
    let exclusive = LockMode::AccessExclusive;
    let undo_locks = both_locks(draft, found, &referenced, exclusive, exclusive);
    let quoted = quote_ident(&passing);
    draft
        .step(
            Phase::Migrate,
            format!("{} holds for {new} from here on", constraint.name),
            Action::Transaction { sql: vec![add_statement(&found.name, node)] },
        )
        .locks(both)
        .undo(Undo::Transaction {
            sql: vec![alter(&found.name, &format!("DROP CONSTRAINT IF EXISTS {quoted}"))],
            locks: undo_locks,
        });
    if constraint.validated {
        let (weak, row) = (LockMode::ShareUpdateExclusive, LockMode::RowShare);
        let locks = both_locks(draft, found, &referenced, weak, row);
        draft
            .step(
                Phase::Migrate,
                format!("existing rows are looked up for {} on {new}", constraint.name),
                Action::Validate {
                    sql: alter(&found.name, &format!("VALIDATE CONSTRAINT {quoted}")),
                },
            )
            .locks(locks)
            .work(WorkKind::Validate, &found.name);
    }
    contract.sql.push(rename_constraint(&found.name, &passing, &constraint.name));
    contract.comment_constraint(found, constraint);
    draft.rely(&other);
}

fn rebuild_index(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    index: &Index,
    contract: &mut Contract,
) {
    let Some(node) = substitute::index(&index.definition, &column.name, new) else { return };
    let passing = draft.temporary_name();
    create_index::build(
        draft,
        Build {
            index: node,
            name: passing.clone(),
            relation: found.name.clone(),
            why: format!("{} is built on {new} while the application goes on", index.name),
        },
    );
    let (table, old) = (&found.name, quote_ident(&index.name));
    let qualified = table.sibling(&index.name);
    let constraint = index.constraint.as_ref().and_then(|name| found.constraint(name));
    match constraint {
        Some(constraint) => {
            let kind = if index.primary { "PRIMARY KEY" } else { "UNIQUE" };
            let timing = match (constraint.deferrable, constraint.initially_deferred) {
                (_, true) => " DEFERRABLE INITIALLY DEFERRED",
                (true, false) => " DEFERRABLE",
                (false, false) => "",
            };
            contract.sql.push(alter(
                table,
                &format!(
                    "ADD CONSTRAINT {} {kind} USING INDEX {}{timing}",
                    quote_ident(&constraint.name),
                    quote_ident(&passing)
                ),
            ));
            contract.comment_constraint(found, constraint);
        }
        None => {
            let temporary = table.sibling(&passing);
            contract.sql.push(format!("ALTER INDEX {temporary} RENAME TO {old}"));
        }
    }
    for (position, target) in &index.statistics_targets {
        contract.sql.push(format!(
            "ALTER INDEX {qualified} ALTER COLUMN {position} SET STATISTICS {target}"
        ));
    }
    if index.is_clustered {
        contract.sql.push(alter(table, &format!("CLUSTER ON {old}")));
    }
    if index.is_replica_identity {
        contract.sql.push(alter(table, &format!("REPLICA IDENTITY USING INDEX {old}")));
    }
    if let Some(comment) = &index.comment {
        contract.sql.push(format!("COMMENT ON INDEX {qualified} IS {}", quote_literal(comment)));
    }
}

fn extended_statistics(
    draft: &mut Draft<'_>,
    found: &Relation,
    column: &Column,
    new: &str,
    statistics: &crate::catalog::StatisticsObject,
    contract: &mut Contract,
) {
    let passing = QualifiedName::new(statistics.name.schema.clone(), draft.temporary_name());
    let Some(create) =
        substitute::statistics(&statistics.definition, &passing, &found.name, &column.name, new)
    else {
        return;
    };
    let mut sql = vec![create];
    if let Some(target) = statistics.target {
        sql.push(format!("ALTER STATISTICS {passing} SET STATISTICS {target}"));
    }
    if let Some(comment) = &statistics.comment {
        sql.push(format!("COMMENT ON STATISTICS {passing} IS {}", quote_literal(comment)));
    }
    let locks = draft.locks(found, LockMode::ShareUpdateExclusive);
    draft
        .step(
            Phase::Migrate,
            format!("statistics {} are kept for {new}", statistics.name),
            Action::Transaction { sql },
        )
        .locks(locks)
        .undo(Undo::Transaction {
            sql: vec![format!("DROP STATISTICS IF EXISTS {passing}")],
            locks: Vec::new(),
        });
    // The old object goes with the column that it is about.
    contract.sql.push(format!(
        "ALTER STATISTICS {passing} RENAME TO {}",
        quote_ident(&statistics.name.name)
    ));
}

impl Contract {
    fn comment_constraint(&mut self, found: &Relation, constraint: &Constraint) {
        if let Some(comment) = &constraint.comment {
            self.sql.push(format!(
                "COMMENT ON CONSTRAINT {} ON {} IS {}",
                quote_ident(&constraint.name),
                found.name,
                quote_literal(comment)
            ));
        }
    }
}

fn rename_constraint(table: &QualifiedName, from: &str, to: &str) -> String {
    alter(table, &format!("RENAME CONSTRAINT {} TO {}", quote_ident(from), quote_ident(to)))
}
