//! `timestamp` to `timestamptz` or back, where the session's time zone makes it a rewrite.

use super::{Context, Error, Found, Hazard, Subcommand};
use crate::sql::quote_ident;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL002",
    name: "timestamp-time-zone",
    severity: Error,
    summary: "timestamp and timestamptz differ by the session's time zone, unless that is UTC",
    effect: "With TimeZone at UTC the change leaves every stored value as it is and takes a moment. \
             In any other zone each value is shifted: the whole table is written anew while reads and \
             writes wait, and the result depends on who runs the migration.",
    remedy: "When the values are meant as UTC, set TimeZone to UTC for the statement. When they are \
             not, fill a new column in batches.",
    bad: "ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz;",
    good: "ALTER TABLE users ADD COLUMN created timestamptz;\n\
           -- or, when the values are UTC: SET LOCAL TimeZone = 'UTC' before the change",
    source: "PostgreSQL release notes 12; `ATColumnChangeRequiresRewrite`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    for sub in cx.subcommands.iter().filter(|sub| applies(cx, sub)) {
        let zone = cx.catalog.server.settings.get("TimeZone");
        let zone = zone.map_or("not known".to_owned(), |zone| format!("\"{zone}\""));
        let message = format!(
            "with TimeZone {zone} changing the type of {} writes {} anew under ACCESS EXCLUSIVE{}",
            quote_ident(&sub.command.name),
            cx.sized(&sub.table),
            cx.for_about(&sub.impact.work),
        );
        let remedy = "If the stored values are UTC, run SET LOCAL TimeZone = 'UTC' first in the same \
                      transaction; then nothing is rewritten.";
        cx.report(found, &HAZARD, sub.span(), message, Some(remedy.to_owned()));
    }
}

/// Whether the change goes between the two types and rewrites, without an expression of its own.
pub(super) fn applies(_cx: &Context<'_>, sub: &Subcommand<'_>) -> bool {
    let (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(new))) =
        (sub.kind(), sub.definition())
    else {
        return false;
    };
    let Some(old) = sub.column(&sub.command.name) else { return false };
    let new_name = new.type_name.as_ref().map(|name| crate::hazard::history::strings(&name.names));
    let new_name = new_name.and_then(|parts| parts.last().cloned());
    let crosses = match new_name.as_deref() {
        Some("timestamptz") => {
            old.type_name.starts_with("timestamp")
                && !old.type_name.ends_with("with time zone")
                && old.type_name != "timestamptz"
        }
        Some("timestamp") => {
            old.type_name.ends_with("with time zone") && old.type_name.starts_with("timestamp")
                || old.type_name == "timestamptz"
        }
        _ => false,
    };
    crosses && new.raw_default.is_none() && sub.blocks() && sub.rewrites()
}

#[cfg(test)]
#[test]
fn fires_unless_the_zone_is_utc() {
    use crate::hazard::testing::{check, check_in, shop};
    let changes = [
        "ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz",
        "ALTER TABLE users ALTER COLUMN updated_at TYPE timestamp",
    ];
    check(&HAZARD, &changes, &["ALTER TABLE users ALTER COLUMN created_at TYPE date"]);
    let mut utc = shop();
    utc.server.settings.insert("TimeZone".into(), "UTC".into());
    check_in(&utc, &HAZARD, &[], &changes);
    check_in(&utc, &super::type_change::HAZARD, &[], &changes);
}
