//! `TRUNCATE`.

use super::{Context, Error, Found, Hazard, listed};
use pg_query::NodeEnum;
use pg_query::protobuf::DropBehavior;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL041",
    name: "truncate",
    severity: Error,
    summary: "TRUNCATE throws all rows away under ACCESS EXCLUSIVE, with CASCADE those of other tables too",
    effect: "Reads and writes queue, and transactions with an older snapshot see the tables empty. With \
             CASCADE every table that references the truncated one is emptied as well, whatever its own \
             foreign key says.",
    remedy: "Delete in batches, or rename the table away and drop it in a later release. Name every table \
             that is to be emptied instead of CASCADE.",
    bad: "TRUNCATE users CASCADE;",
    good: "DELETE FROM shipments WHERE id = 1;",
    source: "PostgreSQL documentation, TRUNCATE.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::TruncateStmt(truncate) = cx.node() else { return };
    let emptied: Vec<String> = cx
        .impact
        .rewritten
        .iter()
        .filter(|name| cx.is_live(name))
        .map(|name| cx.sized(name))
        .collect();
    if emptied.is_empty() {
        return;
    }
    let cascade = truncate.behavior() == DropBehavior::DropCascade;
    let how = if cascade { "with CASCADE, all rows of" } else { "all rows of" };
    let message = format!("{how} {} are thrown away under ACCESS EXCLUSIVE", listed(&emptied));
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_on_tables_with_rows() {
    crate::hazard::testing::check(
        &HAZARD,
        &["TRUNCATE shipments", "TRUNCATE events"],
        &["TRUNCATE archive", "CREATE TABLE n AS SELECT 1 AS a; TRUNCATE n"],
    );
}
