//! An existing key that is about to run out.

use super::{Context, Found, Hazard, Warning, new_int_key};
use crate::catalog::Relation;
use crate::hazard::words::grouped;
use crate::sql::quote_ident;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL081",
    name: "int-key-near-end",
    severity: Warning,
    summary: "the sequence of an integer primary key has used up more than half of its numbers",
    effect: "At the end every INSERT fails. Going to bigint takes weeks when it is done online, and writes \
             the table anew under ACCESS EXCLUSIVE when it is not. Said of the tables that the migration \
             changes, when the position of the sequence is known from a database.",
    remedy: "Plan the move to bigint now: a new column, a trigger, a backfill in batches, a switch.",
    bad: "ALTER TABLE orders ADD COLUMN note text;",
    good: "ALTER TABLE users ADD COLUMN note text;",
    source: "PostgreSQL documentation, Numeric Types; pg_sequences.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for lock in cx.impact.locks.iter().filter(|lock| lock.mode.blocks_writes()) {
        let Some(relation) = cx.relation(&lock.relation) else { continue };
        let Some((column, at, limit)) = position(cx, relation) else { continue };
        if at <= limit / 2 || !found.first(&HAZARD, &lock.relation.to_string()) {
            continue;
        }
        // Both fit: the limit is far below 2^63.
        let percent = at.saturating_mul(100) / limit.max(1);
        let message = format!(
            "the key {} of {} has come to {} of {} ({percent} %)",
            quote_ident(column),
            lock.relation,
            grouped(at),
            grouped(limit)
        );
        cx.report(found, &HAZARD, cx.statement.span, message, None);
    }
}

/// The numbered key of `relation`, where its sequence stands, and where it ends.
fn position<'r>(cx: &Context<'_>, relation: &'r Relation) -> Option<(&'r str, i64, i64)> {
    if relation.created_here || !cx.catalog.sizes_known {
        return None;
    }
    let key = new_int_key::numbered_key(relation)?;
    let of_type = new_int_key::limit(&key.type_name)?;
    let owned = |sequence: &&Relation| {
        sequence
            .owned_by
            .as_ref()
            .is_some_and(|(table, column)| *table == relation.name && *column == key.name)
    };
    let sequence = cx.catalog.relations.values().find(owned)?.sequence.as_ref()?;
    let last = sequence.last_value?;
    (sequence.increment > 0).then(|| (key.name.as_str(), last, of_type.min(sequence.max_value)))
}

#[cfg(test)]
#[test]
fn fires_once_for_a_table_whose_sequence_is_known() {
    use crate::hazard::testing::{check, public, run, shop};
    check(
        &HAZARD,
        &["CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()"],
        &["CREATE INDEX CONCURRENTLY ON orders (user_id)", "ALTER TABLE shipments ADD a int"],
    );
    let sql = "ALTER TABLE orders ADD a int; ALTER TABLE orders ADD b int";
    assert_eq!(run(sql).iter().filter(|found| found.hazard == &HAZARD).count(), 1);
    let mut early = shop();
    let sequence = early.relations.get_mut(&public("orders_id_seq")).unwrap();
    sequence.sequence.as_mut().unwrap().last_value = Some(1_000_000);
    crate::hazard::testing::check_in(&early, &HAZARD, &[], &[sql]);
}
