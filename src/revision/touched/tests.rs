//! What two branches touch, as a specification.

use super::*;
use crate::revision::file;

fn touches(name: &str, sql: &str) -> Vec<Touch> {
    let text = format!(
        "-- revision: aaaa\n-- parents: none\n-- message: m\n-- created: 2026-01-01T00:00:00Z\n\
         -- upgrade\n{sql}\n"
    );
    touched(&file::read(name, &text).unwrap()).unwrap()
}

fn meet(left: &str, right: &str) -> bool {
    let (left, right) = (touches("a.sql", left), touches("b.sql", right));
    let both = !clashes(&left, &right).is_empty();
    assert_eq!(both, !clashes(&right, &left).is_empty(), "the other way round");
    both
}

#[test]
fn sides_that_touch_the_same() {
    for (left, right) in [
        ("ALTER TABLE users ADD phone text", "ALTER TABLE public.users ADD phone text"),
        ("ALTER TABLE users RENAME name TO full_name", "ALTER TABLE users ALTER name SET NOT NULL"),
        ("ALTER TABLE users RENAME TO people", "ALTER TABLE users ADD phone text"),
        ("DROP TABLE users", "CREATE INDEX ON users (name)"),
        ("DROP TABLE users", "CREATE TABLE o (u bigint REFERENCES users)"),
        ("CREATE TABLE o (a int)", "CREATE VIEW o AS SELECT 1"),
        ("CREATE INDEX i ON a (x)", "CREATE INDEX i ON b (y)"),
        ("UPDATE users SET name = 'x'", "ALTER TABLE users DROP name"),
        ("ALTER TYPE mood ADD VALUE 'a'", "DROP TYPE public.mood"),
        (
            "CREATE OR REPLACE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE sql",
            "DROP FUNCTION f()",
        ),
        ("SET search_path = s; DROP TABLE t", "ALTER TABLE s.t ADD x int"),
        ("DROP TRIGGER g ON t", "CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()"),
    ] {
        assert!(meet(left, right), "{left} | {right}");
    }
}

#[test]
fn sides_that_do_not_get_in_each_others_way() {
    for (left, right) in [
        ("ALTER TABLE users ADD phone text", "ALTER TABLE users ADD mail text"),
        ("ALTER TABLE users ADD phone text", "CREATE TABLE o (u bigint REFERENCES users)"),
        ("CREATE INDEX a ON users (x)", "CREATE INDEX b ON users (x)"),
        ("INSERT INTO roles VALUES (1)", "INSERT INTO roles VALUES (2)"),
        ("SELECT * FROM users", "SELECT * FROM users"),
        ("ALTER TABLE a.t ADD x int", "ALTER TABLE b.t ADD x int"),
    ] {
        assert!(!meet(left, right), "{left} | {right}");
    }
}

#[test]
fn each_object_is_named_once_with_its_places() {
    let left = touches("a.sql", "ALTER TABLE users ADD phone text;\nUPDATE users SET phone = ''");
    let right = touches("b.sql", "SELECT 1;\nALTER TABLE users ADD phone text");
    let found = clashes(&left, &right);
    let found: Vec<String> = found
        .iter()
        .map(|(one, other)| {
            format!("{} {}:{} {}:{}", one.object, one.path, one.line, other.path, other.line)
        })
        .collect();
    assert_eq!(found, ["public.users.phone a.sql:6 b.sql:7"]);
}
