//! A change of rows that runs the application's triggers.

use super::{Context, Found, Hazard, Info, listed};
use crate::analyze::fired_triggers;
use crate::sql::quote_ident;
use std::collections::BTreeMap;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL092",
    name: "change-fires-trigger",
    severity: Info,
    summary: "a change of rows runs the triggers of the table, and what they do is not looked at",
    effect: "The functions of the triggers run for each row, or once for the statement, as they do for the \
             application's own writes. What they lock, write and cost comes on top of what is said of the \
             statement.",
    remedy: "Look at what the functions do to many rows at once (an audit row for each, a message for \
             each). airlock trace shows what they really lock.",
    bad: "UPDATE users SET score = 1 WHERE id = 1;",
    good: "UPDATE orders SET status = 'old' WHERE id = 17;",
    source: "PostgreSQL documentation, Overview of Trigger Behavior.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let mut by_table: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (table, trigger) in fired_triggers(cx.statement, cx.catalog) {
        by_table.entry(table).or_default().push(quote_ident(&trigger.name));
    }
    for (table, triggers) in by_table {
        let message = match &triggers[..] {
            [one] => format!("fires the trigger {one} of {table}"),
            many => format!("fires the triggers {} of {table}", listed(many)),
        };
        cx.report(found, &HAZARD, cx.span_of_word(&table.name), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_a_trigger_does() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "UPDATE users SET score = 0",
            "WITH u AS (UPDATE users SET score = 0 RETURNING id) SELECT count(*) FROM u",
            "INSERT INTO users (login) VALUES ('a') ON CONFLICT (login) DO UPDATE SET score = 1",
        ],
        &[
            "INSERT INTO users (login) VALUES ('a')",
            "DELETE FROM users WHERE id = 1",
            "UPDATE orders SET total = 0",
            "ALTER TABLE users DISABLE TRIGGER users_touch; UPDATE users SET score = 0",
        ],
    );
}
