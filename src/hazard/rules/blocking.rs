//! Long work under a strong lock that no other hazard describes.

use super::{Context, Error, Found, Hazard, listed};
use crate::analyze::Verdict;
use crate::plan::WorkKind;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL099",
    name: "blocks-for-long",
    severity: Error,
    summary: "the statement holds locks that the application waits for while it works through a table",
    effect: "The application waits for as long as the work takes, which grows with the table. No more \
             particular hazard describes the statement.",
    remedy: "Ask airlock plan what it would do instead; or split the work from the change that needs the \
             lock.",
    bad: "SELECT id FROM orders WHERE total > 0 FOR UPDATE;",
    good: "SELECT id FROM orders WHERE id = 17 FOR UPDATE;",
    source: "PostgreSQL documentation, Explicit Locking.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if cx.impact.verdict != Verdict::Blocking || found.has(super::Severity::Error) {
        return;
    }
    let works: Vec<String> = cx
        .impact
        .work
        .iter()
        .map(|work| {
            let what = match work.kind {
                WorkKind::Scan | WorkKind::Validate => "is read",
                WorkKind::IndexBuild => "gets an index",
                WorkKind::Rewrite => "is written anew",
                WorkKind::RowChanges => "has rows changed",
            };
            format!("{} {what}", cx.sized(&work.relation))
        })
        .collect();
    let locks: Vec<String> =
        cx.strong_locks().map(|(table, mode)| format!("{table} ({mode})")).collect();
    let held = if locks.is_empty() { "indexes or rows in use".to_owned() } else { listed(&locks) };
    let message = format!(
        "{} while the statement holds {held}{}",
        listed(&works),
        cx.for_about(&cx.impact.work)
    );
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_where_nothing_else_does() {
    crate::hazard::testing::check(
        &HAZARD,
        &["SELECT * FROM users FOR SHARE"],
        &[
            "CREATE INDEX ON orders (user_id)",
            "UPDATE users SET score = 0",
            "SELECT count(*) FROM orders",
            "CREATE TABLE n AS SELECT * FROM orders",
            "INSERT INTO archive (id) SELECT id FROM orders",
        ],
    );
}
