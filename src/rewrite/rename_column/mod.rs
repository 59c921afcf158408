//! `ALTER TABLE … RENAME COLUMN a TO b`.
//!
//! *In words*: as written it is brief but breaks every running application. Three strategies:
//! - `dual-column` ([`dual`]): both columns exist and are kept in step; indexes, constraints and
//!   everything else on the old one are built again on the new one; contract drops the old one.
//! - `view` ([`view`]): nothing is copied; the table steps aside and an updatable view under its
//!   name shows the column under both names.
//! - `in-place`: the plain rename, for teams that can stop the application.
//!
//! `auto`: nothing to do on a new or empty table; `view`, where that is possible, above a size limit and where
//! something hangs on the column that cannot be built again or is no part of the table (a foreign key to it, a view);
//! `dual-column` otherwise. The plan says which and why.

mod dual;
mod obstacles;
mod view;
mod views;

use super::as_is;
use super::draft::Draft;
use super::rename_table::{in_place, strategy};
use crate::analyze::Impact;
use crate::catalog::{Relation, RelationKind};
use crate::plan::NoteKind;
use crate::sql::directive::RenameStrategy;
use crate::sql::{Diagnostic, QualifiedName, Statement};
use pg_query::protobuf::RenameStmt;
use std::collections::BTreeMap;

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    rename: &RenameStmt,
    impact: &Impact,
) {
    let Some(name) = super::dispatch::target(draft, rename.relation.as_ref()) else {
        return as_is::steps(draft, statement, impact);
    };
    let Some(found) = draft.catalog.relation(&name).cloned() else { return };
    let Some(column) = found.column(&rename.subname).cloned() else { return };
    let strategy = strategy(draft, statement);
    if draft.is_new(&name) {
        return as_is::steps(draft, statement, impact);
    }
    let refuse = |draft: &mut Draft<'_>, form: &str, reasons: &[String]| {
        draft.refuse(
            Diagnostic::new(
                format!("column {} of {name} cannot be renamed by {form}", column.name),
                statement.span,
            )
            .detail(format!("The reason: {}.", reasons.join("; ")))
            .hint("Write `-- airlock: rename in-place` above the statement if every application can be stopped for it."),
        );
    };
    let mut to_dual = obstacles::of(draft, &found, &column);
    to_dual.extend(views::obstacles(draft, &found, &column.name, &rename.newname));
    let to_view = view::obstacles(draft, &found);
    match strategy {
        RenameStrategy::InPlace => in_place(draft, statement, impact, &name),
        RenameStrategy::DualColumn if to_dual.is_empty() => {
            dual::steps(draft, &found, &column, &rename.newname);
        }
        RenameStrategy::DualColumn => refuse(draft, "a second column", &to_dual),
        RenameStrategy::View if to_view.is_empty() => {
            view::steps(draft, &found, &column, &rename.newname);
        }
        RenameStrategy::View => refuse(draft, "a view", &to_view),
        RenameStrategy::Auto => {
            let limit = draft.options.dual_column_limit_bytes;
            let too_large = copied_bytes(draft, &found) > limit && draft.catalog.sizes_known;
            let outside = obstacles::outside(draft, &found, &column);
            let why = if !to_dual.is_empty() {
                format!("the column cannot be copied: {}", to_dual.join("; "))
            } else if too_large {
                "the table is larger than the limit for copying a column".to_owned()
            } else if outside.is_empty() || !to_view.is_empty() {
                return dual::steps(draft, &found, &column, &rename.newname);
            } else {
                format!("so nothing else is built again ({})", outside.join("; "))
            };
            if to_view.is_empty() {
                draft.note(
                    NoteKind::Information,
                    format!("{} of {name} is renamed through a view: {why}", column.name),
                );
                return view::steps(draft, &found, &column, &rename.newname);
            }
            let reasons = [vec![why], to_view].concat();
            refuse(draft, "a second column or a view", &reasons);
        }
    }
}

/// How large the tables are whose rows get the column; that of a partitioned table is of all its partitions.
fn copied_bytes(draft: &Draft<'_>, found: &Relation) -> u64 {
    if found.kind == RelationKind::PartitionedTable {
        return found.table_bytes;
    }
    let family: BTreeMap<&QualifiedName, u64> =
        draft.catalog.family(found).into_iter().map(|r| (&r.name, r.table_bytes)).collect();
    family.values().sum()
}
