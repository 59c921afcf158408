//! What can be seen of a script without a server. That it does its work is tested with psql, in
//! `tests/cli/offline_sql.rs`.

use super::text::{comment, dollar, echo, statement};
use crate::plan::{FORMAT, Plan, PlannedRevision};

#[test]
fn quotes_do_not_end_inside_what_they_quote() {
    assert_eq!(dollar("x"), "$airlock$x$airlock$");
    assert_eq!(dollar("$airlock$"), "$airlock_1$$airlock$$airlock_1$");
    // `$airlock` at the end of the text would run together with the quote.
    assert_eq!(dollar("a $airlock"), "$airlock_1$a $airlock$airlock_1$");
}

#[test]
fn what_people_wrote_stays_a_comment_and_a_word() {
    assert_eq!(comment("one\n\\! two"), "-- one\n-- \\! two\n");
    assert_eq!(echo("it's\n`x` \\! :y"), "\\echo 'it''s `x` \\\\! :y'\n");
    assert_eq!(statement("SELECT 1; -- x"), "SELECT 1; -- x\n;\n");
    assert_eq!(statement("SELECT 1;\n"), "SELECT 1\n;\n");
}

#[test]
fn settings_hold_for_their_revision_only() {
    let plan = Plan {
        format: FORMAT,
        revision: PlannedRevision {
            id: "aaaa1111".to_owned(),
            parents: Vec::new(),
            message: String::new(),
            digest: String::new(),
        },
        server: 18,
        search_path: vec!["public".to_owned()],
        settings: [("datestyle", "SQL, DMY"), ("app.by", "it's me")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        digest: String::new(),
        notes: Vec::new(),
        gates: Vec::new(),
        statements: Vec::new(),
        steps: Vec::new(),
        facts: Vec::new(),
    };
    assert_eq!(
        super::session(&plan),
        "SET search_path = public;\nSET app.by = 'it''s me';\nSET datestyle = 'SQL, DMY';\n"
    );
    assert_eq!(super::settings_back(&plan), "RESET app.by;\nRESET datestyle;\n");
}
