//! What is left out, kept and refused.

use super::check;
use crate::sql::Script;
use std::collections::BTreeMap;

fn script(sql: &str) -> Script {
    crate::sql::parse(sql, 0..sql.len()).unwrap()
}

fn kept(sql: &str) -> BTreeMap<String, String> {
    check(&script(sql)).unwrap_or_else(|refused| panic!("{sql}: {refused:?}"))
}

/// The texts that are marked, each with its message.
fn refused(sql: &str) -> Vec<(String, String)> {
    let Err(refused) = check(&script(sql)) else { panic!("{sql} is not refused") };
    refused
        .into_iter()
        .map(|refusal| {
            assert!(refusal.diagnostic.hint.is_some(), "{refusal:?}");
            (sql[refusal.diagnostic.span.range()].to_owned(), refusal.diagnostic.message)
        })
        .collect()
}

#[test]
fn a_plain_transaction_is_left_out() {
    for sql in [
        "BEGIN; DELETE FROM t; COMMIT",
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE; DELETE FROM t; END",
        "BEGIN; DELETE FROM t; COMMIT; DELETE FROM t; BEGIN; DELETE FROM t; END TRANSACTION",
        "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; COMMIT AND NO CHAIN",
    ] {
        assert!(kept(sql).is_empty());
    }
}

#[test]
fn what_would_take_work_back_is_refused() {
    for (sql, place) in [
        ("BEGIN; DELETE FROM t; ROLLBACK", "ROLLBACK"),
        ("BEGIN; DELETE FROM t; ABORT", "ABORT"),
        ("BEGIN; SAVEPOINT x; DELETE FROM t; COMMIT", "SAVEPOINT x"),
        ("BEGIN; RELEASE x; COMMIT", "RELEASE x"),
        ("BEGIN; ROLLBACK TO x; COMMIT", "ROLLBACK TO x"),
        ("BEGIN; DELETE FROM t; PREPARE TRANSACTION 'abc'", "PREPARE TRANSACTION 'abc'"),
        ("COMMIT PREPARED 'abc'", "COMMIT PREPARED 'abc'"),
        ("ROLLBACK PREPARED 'abc'", "ROLLBACK PREPARED 'abc'"),
        ("BEGIN; COMMIT AND CHAIN; COMMIT", "COMMIT AND CHAIN"),
        ("BEGIN READ ONLY; COMMIT", "BEGIN READ ONLY"),
        ("BEGIN; SET TRANSACTION READ ONLY; COMMIT", "SET TRANSACTION READ ONLY"),
        ("BEGIN; BEGIN; COMMIT", "BEGIN"),
        ("DELETE FROM t; COMMIT", "COMMIT"),
        ("BEGIN; DELETE FROM t", "BEGIN"),
        ("BEGIN; SET CONSTRAINTS ALL DEFERRED; COMMIT", "SET CONSTRAINTS ALL DEFERRED"),
    ] {
        let found = refused(sql);
        assert!(found.iter().any(|(marked, _)| marked == place), "{sql}: {found:?}");
    }
}

#[test]
fn the_head_of_a_dump_is_understood() {
    let sql = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
        SET transaction_timeout = 0; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;
        SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = false;
        SET xmloption = content; SET client_min_messages = warning; SET row_security = off;
        CREATE SCHEMA s; SET default_tablespace = ''; SET default_table_access_method = heap;
        CREATE TABLE s.t (id int); RESET lock_timeout";
    let kept = kept(sql);
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["check_function_bodies", "xmloption"]);
}

#[test]
fn settings_that_values_depend_on_are_kept_when_they_come_first() {
    let found =
        kept("SET datestyle = 'SQL, DMY'; SET TIME ZONE 'UTC'; SET app.by = 'me'; DELETE FROM t");
    let wanted = [("app.by", "me"), ("datestyle", "SQL, DMY"), ("timezone", "UTC")];
    assert_eq!(found, wanted.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    assert_eq!(kept("BEGIN; SET LOCAL work_mem = '1GB'; DELETE FROM t; COMMIT").len(), 1);
    for sql in [
        "DELETE FROM t; SET datestyle = 'SQL, DMY'",
        "SET datestyle = 'SQL, DMY'; DELETE FROM t; RESET datestyle",
        "SET LOCAL datestyle = 'SQL, DMY'; DELETE FROM t",
        "BEGIN; SET LOCAL datestyle = 'SQL, DMY'; COMMIT; DELETE FROM t",
        "DELETE FROM t; SET search_path = s",
        "SET search_path = pg_temp, public",
    ] {
        assert_eq!(refused(sql).len(), 1, "{sql}");
    }
}

#[test]
fn what_lives_in_a_session_is_refused() {
    for sql in [
        "SET ROLE owner",
        "SET SESSION AUTHORIZATION owner",
        "SET session_replication_role = replica",
        "SET standard_conforming_strings = off",
        "SET client_encoding = 'LATIN1'",
        "SET default_tablespace = fast",
        "SET something_else = 1",
        "RESET ALL",
        "SET TIME ZONE INTERVAL '1' HOUR",
        "SELECT set_config('role', 'owner', false)",
        "SELECT set_config('app.by', current_user, false)",
        "SELECT set_config('app.by', name, false) FROM t",
        "DISCARD ALL",
        "DECLARE c CURSOR FOR SELECT 1",
        "FETCH c",
        "MOVE c",
        "CLOSE c",
        "LISTEN l",
        "UNLISTEN *",
        "PREPARE p AS DELETE FROM t",
        "EXECUTE p",
        "CREATE TABLE u AS EXECUTE p",
        "DEALLOCATE p",
        "LOAD 'auto_explain'",
        "SELECT pg_advisory_lock(1)",
        "INSERT INTO t SELECT 1 WHERE pg_try_advisory_xact_lock(1)",
        "INSERT INTO t VALUES (currval('s'))",
        "CREATE TEMP TABLE m (id int)",
        "CREATE TEMP TABLE m AS SELECT 1",
        "CREATE TABLE pg_temp.m (id int)",
        "SELECT 1 AS one INTO TEMP m",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE TEMP SEQUENCE s",
        "CREATE TYPE pg_temp.e AS ENUM ('a')",
        "CREATE DOMAIN pg_temp.d AS int",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        let found = refused(sql);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, sql);
    }
}

#[test]
fn what_only_names_such_a_function_is_not() {
    for sql in [
        "CREATE VIEW v AS SELECT currval('s')",
        "INSERT INTO t VALUES (nextval('s'), currval('s'))",
        "SELECT setval('s', 7)",
        "NOTIFY done",
        "SHOW work_mem",
        "DO $$ BEGIN CREATE TEMP TABLE m ON COMMIT DROP AS SELECT 1; END $$",
    ] {
        assert!(kept(sql).is_empty());
    }
}
