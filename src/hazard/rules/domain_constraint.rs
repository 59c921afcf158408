//! `ALTER DOMAIN` that tests every column of the domain.

use super::{Context, Error, Found, Hazard, listed};
use crate::analyze::Verdict;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL022",
    name: "domain-constraint-scans",
    severity: Error,
    summary: "a new constraint of a domain has every table with a column of it read under SHARE",
    effect: "ADD CONSTRAINT, SET NOT NULL and VALIDATE CONSTRAINT of a domain read all those tables, one \
             after the other, and hold each until the end. Writes to them wait. Unlike for a table, \
             VALIDATE is no way out: it takes the same lock.",
    remedy: "Put the CHECK on the tables instead, as NOT VALID, and validate it table by table. ADD \
             CONSTRAINT … NOT VALID alone makes new values obey and takes a moment.",
    bad: "ALTER DOMAIN email ADD CONSTRAINT no_space CHECK (VALUE NOT LIKE '% %');",
    good: "ALTER DOMAIN email ADD CONSTRAINT no_space CHECK (VALUE NOT LIKE '% %') NOT VALID;",
    source: "PostgreSQL source, typecmds.c, `validateDomainCheckConstraint`.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let NodeEnum::AlterDomainStmt(_) = cx.node() else { return };
    if cx.impact.verdict != Verdict::Blocking {
        return;
    }
    let tables: Vec<String> = cx.impact.work.iter().map(|work| cx.sized(&work.relation)).collect();
    let message = format!(
        "writes to {} wait{} while all values of the domain are tested",
        listed(&tables),
        cx.for_about(&cx.impact.work)
    );
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_where_tables_use_the_domain() {
    crate::hazard::testing::check(
        &HAZARD,
        &[
            "ALTER DOMAIN email SET NOT NULL",
            "ALTER DOMAIN email ADD CONSTRAINT c CHECK (VALUE <> '') NOT VALID;
             ALTER DOMAIN email VALIDATE CONSTRAINT c",
        ],
        &[
            "ALTER DOMAIN remark SET NOT NULL",
            "ALTER DOMAIN email SET DEFAULT 'a@b'",
            "ALTER DOMAIN email DROP NOT NULL",
        ],
    );
}
