//! What can be seen of a script without a server. That it does its work is tested with psql, in
//! `tests/cli/offline_sql.rs`.

use super::text::{comment, dollar, echo, statement};

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
