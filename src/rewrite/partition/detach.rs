//! `DETACH PARTITION`, and dropping a partition.
//!
//! *In words*: contract, since applications may read the rows through the parent. As written it takes
//! ACCESS EXCLUSIVE on the parent. `CONCURRENTLY` (SHARE UPDATE EXCLUSIVE) waits for the transactions
//! that still use the partition; cut off half-way it is brought to its end by `FINALIZE`. It leaves a
//! CHECK of the bounds behind, which the plain form does not, so that is dropped. While there is a
//! default partition the server refuses `CONCURRENTLY`: then the plain form runs under the stall
//! budget. A partition that is dropped is detached first: `DROP TABLE` takes the same strong lock.

use super::super::as_is;
use super::super::dispatch::target;
use super::super::draft::Draft;
use super::super::text::alter;
use super::attach::detach_locks;
use super::{bound, default_of};
use crate::analyze::Impact;
use crate::catalog::{Relation, names};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Phase, RelationLock};
use crate::sql::{QualifiedName, Statement, parse_expression, quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, ConstrType, Constraint};

pub(in super::super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    parent: &QualifiedName,
    impact: &Impact,
) {
    let Some(NodeEnum::PartitionCmd(detach)) = command.def.as_ref().and_then(|d| d.node.as_ref())
    else {
        return as_is::steps(draft, part, impact);
    };
    let Some(name) = target(draft, detach.name.as_ref()) else { return };
    let (Some(above), Some(partition)) =
        (draft.catalog.relation(parent).cloned(), draft.catalog.relation(&name).cloned())
    else {
        return;
    };
    if draft.is_new(parent) || draft.is_new(&name) {
        return as_is::steps(draft, part, impact);
    }
    draft.gate(
        Phase::Contract,
        format!("no running application reads or writes rows of {name} through {parent}"),
    );
    draft.floors.relation(&name, Phase::Contract);
    if default_of(&draft.catalog, &above).is_some() {
        draft.note(
            NoteKind::Information,
            format!(
                "{name} is detached under ACCESS EXCLUSIVE on {parent}, in milliseconds: with a default partition the server has no concurrent form"
            ),
        );
        let locks = detach_locks(draft, &above, &partition);
        let action = Action::Transaction { sql: vec![part.sql.clone()] };
        draft
            .step(Phase::Contract, "metadata only: milliseconds whatever the size", action)
            .locks(locks);
        return;
    }
    concurrently(draft, &above, &partition);
    if !detach.concurrent {
        drop_left_check(draft, &above, &partition);
    }
}

/// The detach outside a transaction.
pub(in super::super) fn concurrently(
    draft: &mut Draft<'_>,
    above: &Relation,
    partition: &Relation,
) {
    let (parent, name) = (&above.name, &partition.name);
    let detach = |how: &str| alter(parent, &format!("DETACH PARTITION {name} {how}"));
    draft
        .step(
            Phase::Contract,
            format!("{name} leaves {parent} while the application goes on"),
            Action::Concurrent {
                sql: detach("CONCURRENTLY"),
                probe: probe(parent, name),
                cleanup: detach("FINALIZE"),
            },
        )
        .locks(vec![RelationLock {
            relation: parent.clone(),
            mode: LockMode::ShareUpdateExclusive,
        }]);
}

/// `half-done`: the first of its two transactions has committed.
fn probe(parent: &QualifiedName, partition: &QualifiedName) -> String {
    let relation = |name: &QualifiedName| {
        format!(
            "(SELECT c.oid FROM pg_catalog.pg_class AS c \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {})",
            quote_literal(&name.schema),
            quote_literal(&name.name)
        )
    };
    format!(
        "SELECT CASE WHEN i.inhrelid IS NULL THEN 'done' WHEN i.inhdetachpending THEN 'half-done' \
         ELSE 'absent' END FROM (SELECT 1) AS one \
         LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = {} AND i.inhparent = {}",
        relation(partition),
        relation(parent)
    )
}

/// The check that the concurrent form leaves, under the name that the server chooses for it
/// (`DetachAddConstraintIfNeeded`). It is not there when another one implies it.
fn drop_left_check(draft: &mut Draft<'_>, above: &Relation, partition: &Relation) {
    let columns: Vec<String> = bound::columns_of_bounds(&draft.catalog, above)
        .iter()
        .map(|column| format!("{} IS NOT NULL", quote_ident(column)))
        .collect();
    let Ok(expression) = parse_expression(&columns.join(" AND ")) else { return };
    let clause = Constraint {
        contype: ConstrType::ConstrCheck as i32,
        raw_expr: Some(Box::new(expression)),
        ..Constraint::default()
    };
    let name = names::constraint_name(&draft.catalog, &partition.name, &clause);
    let locks = draft.locks(partition, LockMode::AccessExclusive);
    let sql =
        vec![alter(&partition.name, &format!("DROP CONSTRAINT IF EXISTS {}", quote_ident(&name)))];
    draft
        .step(
            Phase::Contract,
            "the concurrent form leaves a check of the bounds, the plain one does not",
            Action::Transaction { sql },
        )
        .locks(locks);
}

/// The table that `partition` is a partition of, when it can be detached from it concurrently.
pub(in super::super) fn parent_of(draft: &Draft<'_>, partition: &Relation) -> Option<Relation> {
    partition.partition_bound.as_ref()?;
    let above = draft.catalog.relation(partition.parents.first()?)?;
    Some(above.clone())
}
