//! The harness itself: a case file that says something which nobody reads would test nothing.

use crate::case::{self, Servers};
use crate::clients::Template;
use crate::compare::without_column_order;

const GOOD: &str = "-- case: c\n-- shows: something\n-- servers: 15+\n-- volatile: t.a, s.u.b\n\
    -- setup\nCREATE TABLE t (a int);\n-- migration\n-- airlock: batch\nUPDATE t SET a = 1;\n\
    -- old application\nSELECT a FROM t;\n";

pub const ALL: [(&str, fn()); 5] = [
    ("harness::a_case_is_read", a_case_is_read),
    ("harness::what_is_not_understood_is_an_error", what_is_not_understood_is_an_error),
    ("harness::every_snapshot_has_its_case", every_snapshot_has_its_case),
    ("harness::placeholders_become_parameters", placeholders_become_parameters),
    ("harness::only_the_order_of_columns_goes", only_the_order_of_columns_goes),
];

fn a_case_is_read() {
    let case = case::parse("c", GOOD).unwrap();
    assert_eq!(case.setup, ["CREATE TABLE t (a int)"]);
    assert_eq!(&case.text[case.migration.clone()], "-- airlock: batch\nUPDATE t SET a = 1;\n");
    assert_eq!(case.old, ["SELECT a FROM t"]);
    assert_eq!(case.servers, Servers::From(15));
    assert_eq!(case.volatile[1].table.to_string(), "s.u");
}

fn what_is_not_understood_is_an_error() {
    let bad = [
        ("-- setup\n", "-- setpu\n", "6: expected a heading"),
        ("-- old application\n", "-- old aplication\n", "10: unknown section"),
        ("-- old application\n", "-- setup\n", "10: section \"setup\" stands here twice"),
        ("-- case: c\n", "-- case: d\n", "1: the file is named c.sql"),
        ("-- case: c\n", "", "1: does not begin"),
        ("-- shows: something\n", "", "1: no `-- shows:`"),
        ("-- servers: 15+\n", "-- servers: new\n", "3: new"),
        ("-- servers: 15+\n", "-- expect note: pretty\n", "3: \"pretty\" is no kind of note"),
        ("-- servers: 15+\n", "-- rollback: never\n", "3: unknown heading"),
        ("UPDATE t SET a = 1;\n", "-- a comment\nUPDATE t SET a = 1;\n", "9: unknown section"),
        ("SELECT a FROM t;\n", "", "10: empty section"),
        ("-- servers: 15+\n", "-- expect refusal: input words\n", "1: a refused migration"),
    ];
    for (from, to, expected) in bad {
        let error = case::parse("c", &GOOD.replace(from, to)).expect_err(to);
        assert!(error.starts_with(expected), "{error:?} is not {expected:?}");
    }
}

fn every_snapshot_has_its_case() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let cases = case::load_all(&tests.join("cases")).unwrap();
    for entry in std::fs::read_dir(tests.join("snapshots")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".snap").unwrap_or_else(|| panic!("{file}"));
        let name = name.split('@').next().unwrap_or_default();
        let found = cases.iter().any(|case| case.name == name && case.refusal.is_none());
        assert!(found, "{file} belongs to no case");
    }
}

fn placeholders_become_parameters() {
    let template = Template::new("SELECT ':id', :s::text, a[1:2] FROM t WHERE id = :id AND x = :s");
    assert_eq!(
        template.with_parameters(),
        "SELECT ':id', $1::text, a[1:2] FROM t WHERE id = $2 AND x = $1"
    );
}

fn only_the_order_of_columns_goes() {
    let a = "CREATE TABLE t (\n    a int,\n    b int\n);\nA\nB";
    let b = "CREATE TABLE t (\n    b int,\n    a int\n);\nA\nB";
    let c = "CREATE TABLE t (\n    a int,\n    b int\n);\nB\nA";
    assert_eq!(without_column_order(a), without_column_order(b));
    assert_ne!(without_column_order(a), without_column_order(c));
}
