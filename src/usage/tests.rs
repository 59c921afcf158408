//! Texts in, uses out: every place where a name can stand, and those where it only looks like one.

use super::body::{self, Body};
use super::retired::retired;
use super::text::Finder;
use super::{Certainty, Object, Source};
use crate::catalog::Catalog;
use crate::plan::{Action, FORMAT, Phase, Plan, PlannedRevision, Step, Undo};
use crate::sql::QualifiedName;

const SCHEMA: &str = "CREATE TABLE users (id int PRIMARY KEY, name text, email text, mail text);
    CREATE TABLE teams (id int PRIMARY KEY, name text, owner int);
    CREATE SCHEMA other; CREATE TABLE other.teams (id int, name text);
    CREATE TABLE old_orders (id int, total int);
    CREATE SEQUENCE old_numbers;
    CREATE FUNCTION old_price(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE old_mood AS ENUM ('a');";

fn catalog(more: &str) -> Catalog {
    let mut catalog = Catalog::assumed(18);
    let sql = format!("{SCHEMA} {more}");
    for statement in crate::sql::parse(&sql, 0..sql.len()).unwrap().statements {
        catalog.apply(&statement);
    }
    catalog
}

fn plan(contract: &[&str]) -> Plan {
    let step = Step {
        id: "contract-1".into(),
        phase: Phase::Contract,
        statements: vec![],
        why: String::new(),
        action: Action::Transaction { sql: contract.iter().map(|s| (*s).to_owned()).collect() },
        locks: vec![],
        work: vec![],
        undo: Undo::Nothing,
    };
    Plan {
        format: FORMAT,
        revision: PlannedRevision {
            id: "r".into(),
            parents: vec![],
            message: String::new(),
            digest: String::new(),
        },
        server: 18,
        search_path: vec!["public".into()],
        settings: std::collections::BTreeMap::new(),
        digest: String::new(),
        notes: vec![],
        gates: vec![],
        statements: vec![],
        steps: vec![step],
        facts: vec![],
    }
}

fn public(name: &str) -> QualifiedName {
    QualifiedName::new("public", name)
}

fn objects() -> Vec<Object> {
    vec![
        Object::Column(public("users"), "email".into()),
        Object::Column(public("teams"), "name".into()),
        Object::Relation(public("old_orders")),
        Object::Relation(public("old_numbers")),
        Object::Function(public("old_price")),
        Object::Type(public("old_mood")),
    ]
}

/// What `text` uses: the word of each object, with a question mark when it is only possible.
fn found(text: &str, path: &[&str]) -> Vec<String> {
    let (catalog, objects) = (catalog(""), objects());
    let path: Vec<String> = path.iter().map(|s| (*s).to_owned()).collect();
    let found = Finder::new(&catalog, &objects).text(text, &path);
    let mut words: Vec<String> = found
        .iter()
        .map(|(object, certainty)| match certainty {
            Certainty::Certain => object.word().to_owned(),
            Certainty::Possible => format!("{}?", object.word()),
        })
        .collect();
    words.sort();
    words
}

#[track_caller]
fn assert_uses(text: &str, expected: &[&str]) {
    assert_eq!(found(text, &["public"]), expected, "{text}");
}

#[test]
fn a_column_is_found_wherever_the_server_would_take_it_for_one() {
    for text in [
        "SELECT email FROM users WHERE id = $1",
        "SELECT u.email FROM users u",
        "SELECT 1 FROM public.users WHERE users.email = $1",
        "SELECT public.users.email FROM public.users",
        "INSERT INTO users (id, email) VALUES ($1, $2)",
        "INSERT INTO users VALUES (1, 'n', 'e')",
        "UPDATE users SET email = $1",
        "UPDATE users SET name = lower(email)",
        "DELETE FROM users USING teams t WHERE email = t.name || 'x' AND t.owner = users.id AND false",
        "INSERT INTO users (id) VALUES (1) ON CONFLICT (email) DO NOTHING",
        "INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.email",
        "INSERT INTO users (id) VALUES (1) RETURNING email",
        "SELECT (SELECT max(u.email) FROM users u WHERE u.id = t.owner) FROM teams t",
        "SELECT id FROM teams t WHERE EXISTS (SELECT FROM users WHERE id = t.owner AND email = 'x')",
        "SELECT x FROM (SELECT email AS x FROM users) s",
        "WITH w AS (SELECT email FROM users) SELECT 1 FROM w",
        "SELECT id FROM users ORDER BY email",
        "SELECT count(*) FROM users GROUP BY email",
        "SELECT 1 FROM users a JOIN users b USING (email)",
        "COPY users (id, email) FROM STDIN",
        "COPY (SELECT email FROM users) TO STDOUT",
        "PREPARE p AS SELECT email FROM users",
        "EXPLAIN SELECT email FROM users",
        "MERGE INTO users u USING teams t ON t.owner = u.id WHEN MATCHED THEN UPDATE SET email = 'x'",
    ] {
        assert!(found(text, &["public"]).contains(&"email".to_owned()), "{text}");
    }
}

#[test]
fn what_only_looks_like_it_alarms_nobody() {
    for text in [
        "SELECT name FROM users",
        "SELECT mail AS email FROM users",
        "SELECT mail AS email FROM users ORDER BY email",
        "SELECT email FROM customers",
        "SELECT s.email FROM (SELECT mail AS email FROM users) s",
        "WITH users AS (SELECT 1 AS email) SELECT email FROM users",
        "SELECT t.name FROM other.teams t",
        "INSERT INTO users VALUES (1, 'n')",
        "INSERT INTO users (id, mail) VALUES (1, 'n')",
        "SELECT 'email' FROM users",
        "ALTER TABLE users ADD COLUMN x int",
        "SELECT u.name FROM users u JOIN teams t ON t.owner = u.id",
        "BEGIN",
        "SELECT old_price FROM users",
    ] {
        assert_uses(text, &[]);
    }
}

#[test]
fn what_cannot_be_resolved_is_possible() {
    assert_uses("SELECT * FROM users", &["email?"]);
    assert_uses("SELECT u.* FROM users u", &["email?"]);
    assert_uses("SELECT to_jsonb(u) FROM users u", &["email?"]);
    assert_uses("INSERT INTO users SELECT * FROM users", &["email?"]);
    assert_uses("COPY public.users (id, name, email) TO stdout", &["email?"]);
    // Cut off by track_activity_query_size.
    assert_uses("SELECT id, email, mail FROM users WHERE na", &["email"]);
    assert_uses("SELECT id, email, mail FROM users WHERE (na", &["email?"]);
    assert_uses("SELECT email FROM (", &[]);
    // Two tables of the name: the path decides, and a session may have another one.
    assert_uses("SELECT name FROM teams", &["name"]);
    assert_eq!(found("SELECT name FROM teams", &["other", "public"]), ["name?"]);
    assert_eq!(found("SELECT name FROM teams", &[]), ["name?"]);
    assert_eq!(found("SELECT email FROM users", &[]), ["email"], "there is only one");
}

#[test]
fn other_objects_are_found_by_name() {
    assert_uses("SELECT total FROM old_orders", &["old_orders"]);
    assert_uses("TRUNCATE old_orders", &["old_orders"]);
    assert_uses("SELECT nextval('public.old_numbers')", &["old_numbers"]);
    assert_uses("SELECT nextval('old_numbers'::regclass)", &["old_numbers"]);
    assert_uses("SELECT old_price(1)", &["old_price"]);
    assert_uses("SELECT other.old_price(1)", &[]);
    assert_uses("SELECT $1::old_mood", &["old_mood"]);
    assert_uses("CALL old_price(1)", &["old_price"]);
}

#[test]
fn contract_says_itself_what_goes() {
    let gone = |more: &str, contract: &[&str]| {
        let found = retired(&plan(contract), &catalog(more));
        let names: Vec<String> = found.objects.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let drop = ["ALTER TABLE public.users DROP COLUMN email"];
    assert_eq!(gone("", &drop), "column email of public.users");
    assert_eq!(gone("", &["DROP TABLE old_orders"]), "public.old_orders");
    assert_eq!(gone("", &["ALTER TABLE users RENAME TO people"]), "public.users");
    assert_eq!(
        gone("", &["ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"]),
        "value sad of public.mood"
    );
    // The view steps aside for its table.
    let behind =
        "ALTER TABLE users RENAME COLUMN mail TO post; ALTER TABLE users RENAME TO airlock_r_001;
        CREATE VIEW users AS SELECT id, name, email, post AS mail, post FROM airlock_r_001;";
    let back = ["DROP VIEW public.users", "ALTER TABLE public.airlock_r_001 RENAME TO users"];
    assert_eq!(gone(behind, &back), "column mail of public.users");
    // What airlock made itself is nobody's old name.
    let ours = "ALTER TABLE users ADD COLUMN airlock_r_002 int;";
    assert_eq!(gone(ours, &["ALTER TABLE users DROP COLUMN airlock_r_002"]), "");
}

#[test]
fn dependants_without_cascade_stand_in_the_way() {
    let view = "CREATE VIEW v AS SELECT email FROM users;";
    let certainty = |contract: &str| {
        let found = retired(&plan(&[contract]), &catalog(view));
        assert_eq!(found.uses.len(), 1, "{:?}", found.uses);
        assert_eq!(
            (found.uses[0].source, found.uses[0].what.as_str()),
            (Source::Dependant, "public.v")
        );
        found.uses[0].certainty
    };
    assert_eq!(certainty("ALTER TABLE users DROP COLUMN email"), Certainty::Certain);
    assert_eq!(certainty("ALTER TABLE users DROP COLUMN email CASCADE"), Certainty::Possible);
    let both = retired(&plan(&["DROP VIEW v", "DROP TABLE users"]), &catalog(view));
    assert!(both.uses.is_empty(), "{:?}", both.uses);
    // A name that moves takes its dependants along.
    let moved = retired(&plan(&["ALTER TABLE users RENAME COLUMN email TO e"]), &catalog(view));
    assert!(moved.uses.is_empty(), "{:?}", moved.uses);
}

#[test]
fn bodies_of_functions_are_read() {
    let (catalog, objects) = (catalog(""), objects());
    let finder = Finder::new(&catalog, &objects);
    let uses = |language: &str, source: &str| {
        let body = Body {
            name: "public.f()".into(),
            language: language.into(),
            source: source.into(),
            tables: vec![public("users"), QualifiedName::new("other", "teams")],
            path: vec!["public".into()],
        };
        let found = body::uses(&body, &finder);
        found.into_iter().map(|(o, c)| (o.word().to_owned(), c)).collect::<Vec<_>>()
    };
    let certain = vec![("email".to_owned(), Certainty::Certain)];
    let possible = vec![("email".to_owned(), Certainty::Possible)];
    assert_eq!(uses("sql", "SELECT email FROM users"), certain);
    assert_eq!(uses("plpgsql", "BEGIN NEW.email := lower(NEW.mail); RETURN NEW; END"), certain);
    assert_eq!(uses("plpgsql", "BEGIN IF OLD.email = '' THEN RETURN NULL; END IF; END"), certain);
    assert_eq!(
        uses("plpgsql", "BEGIN PERFORM 1 FROM users WHERE email = 'x'; RETURN NEW; END"),
        certain
    );
    assert_eq!(uses("plpgsql", "BEGIN EXECUTE 'SELECT email FROM users'; END"), certain);
    assert_eq!(
        uses("plpgsql", "BEGIN EXECUTE format('SELECT email FROM %I', 'users'); END"),
        possible
    );
    assert_eq!(uses("plpython3u", "plpy.execute('select email from users')"), possible);
    assert_eq!(uses("plpgsql", "BEGIN NEW.mail := 'email of users'; RETURN NEW; END"), []);
}
