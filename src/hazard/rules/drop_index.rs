//! `DROP INDEX` without `CONCURRENTLY`.

use super::{Context, Found, Hazard, Warning, dropped};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, ObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL030",
    name: "drop-index-blocks",
    severity: Warning,
    summary: "DROP INDEX without CONCURRENTLY takes ACCESS EXCLUSIVE on the table",
    effect: "It is quick once it has the lock, but it queues for it behind every running query, and \
             everybody else queues behind it.",
    remedy: "DROP INDEX CONCURRENTLY, outside a transaction. The index of a constraint and one of a \
             partitioned table cannot go that way: set lock_timeout and try again until it succeeds.",
    bad: "DROP INDEX users_name_idx;",
    good: "DROP INDEX CONCURRENTLY users_name_idx;",
    source: "PostgreSQL documentation, DROP INDEX, CONCURRENTLY.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::DropStmt(drop) = cx.node() else { return };
    if drop.remove_type() != ObjectType::ObjectIndex || drop.concurrent {
        return;
    }
    for name in dropped(drop) {
        let schema = (!name.schemaname.is_empty()).then_some(name.schemaname.as_str());
        let owner = cx.catalog.resolve_index(schema, &name.relname);
        if owner.is_none() && !cx.may_exist_unseen() {
            continue;
        }
        let table = owner.map(|(relation, _)| &relation.name);
        if let Some(table) = table
            && (!cx.is_live(table) || cx.lock_on(table) != Some(LockMode::AccessExclusive))
        {
            continue;
        }
        // An index that no file creates has a table that nobody knows.
        let known = owner.filter(|(relation, _)| super::known(relation));
        let on = known.map_or("its table".to_owned(), |(relation, _)| relation.name.to_string());
        let message = format!("DROP INDEX takes ACCESS EXCLUSIVE on {on}: reads and writes queue");
        let alone = drop.objects.len() == 1 && drop.behavior() != DropBehavior::DropCascade;
        let remedy = alone.then(|| "DROP INDEX CONCURRENTLY, outside a transaction.".to_owned());
        cx.report(found, &HAZARD, cx.span_of_word(&name.relname), message, remedy);
    }
}

#[cfg(test)]
#[test]
fn fires_unless_concurrently() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "DROP INDEX IF EXISTS public.users_login_key",
            "DROP INDEX users_name_idx, users_login_key",
        ],
        &[
            "DROP INDEX CONCURRENTLY users_login_key",
            "DROP INDEX IF EXISTS nowhere",
            "CREATE TABLE n (a int); CREATE INDEX i ON n (a); DROP INDEX i",
        ],
    );
}
