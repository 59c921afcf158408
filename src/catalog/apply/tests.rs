//! What moving the catalog forward promises beyond what the comparison with servers covers.

use crate::catalog::{Catalog, Persistence};
use crate::sql::QualifiedName;

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.server.version_num = 150_000;
    catalog.server.role.name = "me".to_owned();
    catalog.server.search_path = vec!["public".to_owned()];
    catalog.server.settings.insert("search_path".to_owned(), "\"$user\", public".to_owned());
    catalog.schemas = ["public".to_owned(), "app".to_owned()].into();
    catalog
}

fn apply(catalog: &mut Catalog, sql: &str) {
    let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
    script.statements.iter().for_each(|statement| catalog.apply(statement));
}

fn names(catalog: &Catalog) -> Vec<String> {
    catalog.relations.keys().map(ToString::to_string).collect()
}

#[test]
fn the_search_path_is_followed() {
    let mut catalog = catalog();
    apply(&mut catalog, "SET LOCAL search_path TO app, nowhere; CREATE TABLE a (id int)");
    assert_eq!(catalog.server.search_path, ["app"]);
    apply(&mut catalog, "CREATE SCHEMA nowhere; DROP SCHEMA app CASCADE; CREATE TABLE b (id int)");
    assert_eq!(catalog.server.search_path, ["nowhere"]);
    assert_eq!(names(&catalog), ["nowhere.b"]);
    apply(&mut catalog, "SELECT pg_catalog.set_config('search_path', '', false)");
    assert!(catalog.server.search_path.is_empty());
    apply(&mut catalog, "RESET search_path; CREATE SCHEMA me; CREATE TABLE c (id int)");
    assert_eq!(catalog.server.search_path, ["me", "public"]);
    assert_eq!(names(&catalog), ["me.c", "nowhere.b"]);
}

#[test]
fn a_temporary_table_hides_another_of_its_name() {
    let mut catalog = catalog();
    apply(
        &mut catalog,
        "CREATE TABLE t (a int); CREATE TEMP TABLE t (b int); CREATE TABLE u (c int)",
    );
    let found = catalog.resolve(None, "t").unwrap();
    assert_eq!(found.persistence, Persistence::Temporary);
    assert!(found.column("b").is_some());
    assert_eq!(names(&catalog), ["pg_temp.t", "public.t", "public.u"]);
}

#[test]
fn what_is_made_is_known_to_be_new() {
    let mut catalog = catalog();
    apply(&mut catalog, "CREATE TABLE t (a int); CREATE TABLE filled AS SELECT 1 AS one");
    let t = catalog.resolve(None, "t").unwrap();
    assert!(t.created_here && t.empty);
    let filled = catalog.resolve(None, "filled").unwrap();
    assert!(filled.created_here && !filled.empty);
}

#[test]
fn statements_that_change_no_structure_change_nothing() {
    let mut catalog = catalog();
    apply(&mut catalog, "CREATE TABLE t (a int)");
    let before = catalog.clone();
    apply(
        &mut catalog,
        "INSERT INTO t VALUES (1); UPDATE t SET a = 2; SELECT set_config('work_mem', '1GB', true);
         DO $$ BEGIN END $$; VACUUM t; ALTER TABLE nowhere ADD COLUMN b int; DROP TABLE IF EXISTS no",
    );
    assert_eq!(catalog, before);
}

#[test]
fn dropping_a_table_takes_what_needs_it_along() {
    let mut catalog = catalog();
    apply(
        &mut catalog,
        "CREATE TABLE t (id serial PRIMARY KEY); CREATE TABLE u (t int REFERENCES t);
         CREATE VIEW v AS SELECT id FROM t; CREATE VIEW w AS SELECT id FROM v",
    );
    assert_eq!(catalog.incoming_foreign_keys(&QualifiedName::new("public", "t")).count(), 1);
    apply(&mut catalog, "DROP TABLE t CASCADE");
    assert_eq!(names(&catalog), ["public.u"]);
    assert!(catalog.resolve(None, "u").unwrap().constraints.is_empty());
}
