//! A statement whose effect cannot be seen.

use super::{Context, Found, Hazard, Warning};
use crate::analyze::Verdict;
use pg_query::NodeEnum;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL090",
    name: "opaque-statement",
    severity: Warning,
    summary: "what the statement does cannot be seen from its text",
    effect: "DO, CALL, EXECUTE and functions with side effects run code that decides for itself what it \
             locks and changes, in one transaction. What a DO block plainly says is taken into account; \
             whether it is reached, and what it puts together while it runs, is not known.",
    remedy: "Write plain statements where possible. Otherwise run airlock trace, which shows what it really \
             locks.",
    bad: "DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'orders' || ' ADD COLUMN note text'; END $$;",
    good: "ALTER TABLE orders ADD COLUMN note text;",
    source: "PostgreSQL documentation, DO; PL/pgSQL, Executing Dynamic Commands.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if cx.impact.verdict != Verdict::Opaque {
        return;
    }
    let what = match cx.node() {
        NodeEnum::DoStmt(_) => "a DO block",
        NodeEnum::CallStmt(_) => "CALL",
        NodeEnum::ExecuteStmt(_) => "EXECUTE",
        _ => "the statement",
    };
    let seen: Vec<String> =
        cx.strong_locks().map(|(table, mode)| format!("{mode} on {table}")).collect();
    let work: Vec<String> = cx.impact.work.iter().map(|work| work.relation.to_string()).collect();
    let mut message = format!("{what} decides itself what it locks and changes");
    if !seen.is_empty() {
        message += &format!("; what can be seen takes {}", super::listed(&seen));
    }
    if !work.is_empty() {
        message += &format!("; it works through {}", super::listed(&work));
    }
    cx.report(found, &HAZARD, cx.statement.span, message, None);
}

#[cfg(test)]
#[test]
fn fires_for_code() {
    use crate::hazard::testing::{check, run};
    check(
        &HAZARD,
        &["DO $$ BEGIN NULL; END $$", "CALL nothing()"],
        &["SELECT now()", "UPDATE users SET score = 1 WHERE id = 1"],
    );
    let code = "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'; \
        CREATE FUNCTION g(a int, b int DEFAULT f(1)) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; \
        CREATE FUNCTION s(int, int) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'; \
        CREATE TYPE c AS (a int); CREATE TYPE d AS (a int); \
        CREATE CAST (int AS c) WITH FUNCTION f(int); CREATE CAST (int AS d) WITH FUNCTION s(int, int); \
        CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = f); \
        CREATE OPERATOR ## (LEFTARG = int, RIGHTARG = int, PROCEDURE = s); \
        CREATE DOMAIN v AS int CHECK (f(VALUE) > 0); CREATE DOMAIN w AS v; \
        CREATE DOMAIN x AS int CHECK (VALUE > 0);";
    let with = |query: &str| format!("{code} {query}");
    let bad = [
        "SELECT 1 ### 2",
        "SELECT 1 OPERATOR(public.###) 2",
        "SELECT 5::c",
        "SELECT 1::v",
        "SELECT '{1}'::w[]",
        "SELECT g(1)",
        "SELECT g(a => 1)",
        "SELECT 1 #### 2",
    ]
    .map(with);
    let good = [
        "SELECT 1 ## 2",
        "SELECT 1 # 2",
        "SELECT '(5)'::c, 5::d",
        "SELECT 1::x, 'sad'::mood, NULL::remark",
        "SELECT g(1, 2)",
        "SELECT sum(score) FROM users WHERE id IN (1, 2) AND nick LIKE 'a%'",
    ]
    .map(with);
    check(&HAZARD, &bad.each_ref().map(String::as_str), &good.each_ref().map(String::as_str));
    let found = run("DO $$ BEGIN ALTER TABLE orders ADD COLUMN note text; END $$");
    let message = &found.iter().find(|found| found.hazard == &HAZARD).unwrap().message;
    assert!(message.contains("ACCESS EXCLUSIVE on public.orders"), "{message}");
}
