//! Each tool's form, and what cannot be brought over.

use super::{File, From, Imported, import};
use crate::error::Error;

fn read(files: &[(&str, &str)]) -> Result<Imported, Error> {
    let files: Vec<File> = files
        .iter()
        .map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    import(&files, None)
}

/// Everything that came of the files, as one text.
fn shown(files: &[(&str, &str)]) -> String {
    let found = read(files).unwrap_or_else(|error| panic!("{error:?}"));
    let mut text = format!("{:?}\n", found.tool);
    for note in &found.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    for revision in &found.revisions {
        text.push_str(&format!("=== {} ({})\n{}", revision.name, revision.from, revision.text));
    }
    text
}

const CREATE: &str = "CREATE TABLE t (id bigint PRIMARY KEY);\n";

#[test]
fn tools_with_a_file_for_each_migration() {
    let flyway = [
        ("sql/V10__last.sql", "ALTER TABLE t ADD b int;"),
        ("sql/V1.2__second_one.sql", "ALTER TABLE t ADD a int;"),
        ("sql/V1__first.sql", CREATE),
        ("sql/U1.2__second_one.sql", "ALTER TABLE t DROP a;"),
        ("sql/R__views.sql", "CREATE OR REPLACE VIEW v AS SELECT 1;"),
        ("sql/beforeMigrate.sql", "SELECT 1;"),
    ];
    let goose = [(
        "20240102030405_add_f.sql",
        "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n-- upgrade\nSELECT 1; $$;\n\
         -- +goose StatementEnd\n-- downgrade\nSELECT 2;\n-- +goose Down\nDROP FUNCTION f();\n",
    )];
    let dbmate = [(
        "db/20240102030405_t.sql",
        "-- migrate:up transaction:false\nCREATE TABLE t ();\n-- migrate:down\nDROP TABLE t;\n",
    )];
    let counted = [
        ("000001_init.up.sql", CREATE),
        ("000001_init.down.sql", "DROP TABLE t;"),
        ("000002_more.up.sql", "BEGIN;\nALTER TABLE t ADD c text;\nCOMMIT;\n"),
    ];
    let prisma = [
        ("migrations/20240102030405_init/migration.sql", CREATE),
        ("migrations/migration_lock.toml", "provider = 'postgresql'"),
    ];
    let sqlx =
        [("20240102030405_init.up.sql", CREATE), ("20240102030405_init.down.sql", "DROP TABLE t;")];
    let all: Vec<String> =
        [&flyway[..], &goose, &dbmate, &counted, &prisma, &sqlx].iter().map(|f| shown(f)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn alembic_scripts_in_both_directions() {
    let up = "BEGIN;\n\nCREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL, \n    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n);\n\n\
        -- Running upgrade  -> 1975ea83b712\n\nCREATE TABLE t (id INTEGER);\n\nINSERT INTO alembic_version (version_num) VALUES ('1975ea83b712') RETURNING alembic_version.version_num;\n\n\
        -- Running upgrade 1975ea83b712 -> ae1027a6acf\n\nALTER TABLE t ADD COLUMN a INTEGER;\n\nUPDATE alembic_version SET version_num='ae1027a6acf' WHERE alembic_version.version_num = '1975ea83b712';\n\n\
        -- Running upgrade 1975ea83b712 -> bbbb27a6acf\n\nALTER TABLE t ADD COLUMN b INTEGER;\n\nINSERT INTO alembic_version (version_num) VALUES ('bbbb27a6acf');\n\n\
        -- Running upgrade ae1027a6acf, bbbb27a6acf -> cccc27a6acf\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = 'ae1027a6acf';\n\nCOMMIT;\n";
    let down = "BEGIN;\n\n-- Running downgrade ae1027a6acf -> 1975ea83b712\n\nALTER TABLE t DROP COLUMN a;\n\nUPDATE alembic_version SET version_num='1975ea83b712' WHERE alembic_version.version_num = 'ae1027a6acf';\n\n\
        -- Running downgrade 1975ea83b712 -> \n\nDROP TABLE t;\n\nDELETE FROM alembic_version WHERE alembic_version.version_num = '1975ea83b712';\n\nDROP TABLE alembic_version;\n\nCOMMIT;\n";
    insta::assert_snapshot!(shown(&[("up.sql", up), ("down.sql", down)]));
    let middle = up.split_once("-- Running upgrade 1975ea83b712 -> ae").unwrap().1;
    let middle = format!("-- Running upgrade 1975ea83b712 -> ae{middle}");
    let refused = read(&[("up.sql", &middle)]).unwrap_err();
    assert!(
        refused.message.contains("cannot be brought over")
            || refused.message.contains("not in this script")
    );
}

#[test]
fn formatted_sql_of_liquibase() {
    let text = "-- liquibase formatted sql\n\n--changeset jo:1 splitStatements:false dbms:postgresql\n--comment: make t\nCREATE TABLE t (id int);\n-- why\n\
        --rollback DROP TABLE t;\n\n--changeset jo:2 dbms:mysql\nCREATE TABLE t ENGINE=x;\n\n-- changeset jo:add-a\nALTER TABLE t ADD a int;\n\
        /* liquibase rollback\nALTER TABLE t DROP a;\n*/\n--changeset jo:3\nSELECT 1;\n--rollback empty\n";
    insta::assert_snapshot!(shown(&[("db/changelog.sql", text)]));
    for (bad, what) in [
        ("--changeset a:1 context:test\nSELECT 1;", "`context`"),
        ("--changeset a:1 runOnChange:true\nSELECT 1;", "`runonchange`"),
        ("--changeset a:1\n--preconditions onFail:HALT\nSELECT 1;", "`preconditions`"),
        ("--changeset a:1\nSELECT ${x};", "${…}"),
        ("--changeset a:1 endDelimiter:/\nSELECT 1\n/", "`enddelimiter`"),
    ] {
        let text = format!("--liquibase formatted sql\n{bad}\n");
        let refused = read(&[("c.sql", &text)]).unwrap_err();
        assert!(format!("{refused:?}").contains(what), "{refused:?}");
    }
}

#[test]
fn operations_of_pgroll() {
    let one = r#"{"operations": [
      {"create_table": {"name": "users", "comment": "who's who", "columns": [
        {"name": "id", "type": "serial", "pk": true},
        {"name": "Full Name", "type": "varchar(255)", "unique": true, "comment": "c"},
        {"name": "bio", "type": "text", "nullable": true, "default": "'x'"},
        {"name": "team", "type": "int", "references": {"name": "fk", "table": "teams", "column": "id", "on_delete": "CASCADE"}}],
        "constraints": [{"name": "c1", "type": "check", "check": "id > 0"}]}},
      {"create_index": {"name": "i", "table": "users", "columns": {"bio": {"sort": "DESC", "nulls": "LAST"}}, "predicate": "id > 9", "method": "btree"}}]}"#;
    let two = r#"{"operations": [
      {"add_column": {"table": "users", "up": "lower(bio)", "column": {"name": "slug", "type": "text"}}},
      {"alter_column": {"table": "users", "column": "bio", "nullable": false, "up": "SELECT CASE WHEN bio IS NULL THEN '' ELSE bio END", "down": "bio"}},
      {"alter_column": {"table": "users", "column": "team", "type": "bigint", "up": "CAST(team AS bigint)", "down": "CAST(team AS int)"}},
      {"rename_column": {"table": "users", "from": "slug", "to": "handle"}},
      {"drop_column": {"table": "users", "column": "Full Name", "down": "''"}},
      {"sql": {"up": "CREATE VIEW v AS SELECT 1;", "down": "DROP VIEW v"}}]}"#;
    insta::assert_snapshot!(shown(&[("m/02_more.json", two), ("m/01_create.json", one)]));
    for (bad, what) in [
        (
            r#"{"operations": [{"teleport_table": {"name": "t"}}]}"#,
            "teleport_table: this operation is not known",
        ),
        (
            r#"{"operations": [{"drop_table": {"name": "t", "cascade": true}}]}"#,
            "`cascade` cannot be brought over",
        ),
        (
            r#"{"operations": [{"create_constraint": {"name": "c", "table": "t", "type": "check", "check": "a > 0", "columns": ["a"], "up": {"a": "1"}}}]}"#,
            "changes rows",
        ),
        (r#"{"operations": ["#, "not JSON"),
    ] {
        let refused = read(&[("m/1.json", bad)]).unwrap_err();
        assert!(refused.message.contains(what), "{refused:?}");
    }
    assert!(
        read(&[("m/1.yaml", "operations:\n  - drop_table:\n      name: t\n")])
            .unwrap_err()
            .message
            .contains("YAML")
    );
}

/// A downgrade section with the `down` of one operation alone would leave the others in place.
#[test]
fn half_a_way_back_of_pgroll_is_no_downgrade_section() {
    let file = |operations: &str| format!("{{\"operations\": [{operations}]}}");
    let sql = r#"{"sql": {"up": "CREATE TABLE z ()", "down": "DROP TABLE z"}}"#;
    let with = |others: &str| read(&[("m/1.json", &file(&format!("{others}{sql}")))]).unwrap();
    for others in [
        r#"{"rename_column": {"table": "t", "from": "a", "to": "b"}}, "#,
        r#"{"drop_column": {"table": "t", "column": "a", "down": "''"}}, "#,
        r#"{"sql": {"up": "SELECT 1"}}, "#,
    ] {
        let found = with(others);
        let text = &found.revisions[0].text;
        let (_, back) = text.split_once("\n-- downgrade\n").unwrap();
        assert!(!back.contains(';'), "{text}");
        assert!(text.contains("-- | DROP TABLE z\n"), "{text}");
        assert!(found.notes[0].starts_with("m/1.json: `down` stands in a comment"), "{found:?}");
    }
    let found = with(r#"{"sql": {"up": "CREATE TABLE y ()", "down": "DROP TABLE y"}}, "#);
    let text = &found.revisions[0].text;
    assert!(text.contains("\n-- downgrade\nDROP TABLE z\n;\nDROP TABLE y\n;\n"), "{text}");
    assert!(found.notes.is_empty() && !text.contains("-- | "), "{found:?}");
}

/// Line and column of what is wrong with `text`, and whether that was found in `text` itself.
fn wrong_at(path: &str, text: &str) -> (bool, (usize, usize)) {
    let excerpt = read(&[(path, text)]).unwrap_err().excerpt.unwrap();
    (excerpt.text == text, excerpt.diagnostics[0].span.line_and_column(&excerpt.text))
}

#[test]
fn what_is_wrong_is_shown_where_it_stands_in_the_file() {
    let liquibase = |rest: &str| {
        let head = "--liquibase formatted sql\n--changeset a:1\ncreate table a(id int);\n\n";
        wrong_at("c.sql", &format!("{head}--changeset a:2\n{rest}"))
    };
    assert_eq!(liquibase("select 1 +;\n"), (true, (6, 11)));
    assert_eq!(liquibase("create table a(id int);\n  select 1 +;\n"), (true, (7, 13)));
    // What ends too early, before the next changeset.
    assert_eq!(liquibase("select 1 +\n--changeset a:3\nselect 2;\n"), (true, (6, 11)));
    // The way back, and what comes behind it.
    let rollback = "/* liquibase rollback\ndrop table b;\nselect 1 +;\n*/\nselect 2;\n";
    assert_eq!(liquibase(&format!("select 1;\n{rollback}")), (true, (9, 11)));
    assert_eq!(liquibase("--rollback select 1;\nselect 1;\nselect 1 +;\n"), (true, (8, 11)));
    let alembic =
        "-- Running upgrade  -> aa\n\nSELECT 1;\n\n-- Running upgrade aa -> bb\n\nSELECT 1 +;\n";
    assert_eq!(wrong_at("up.sql", alembic), (true, (7, 11)));
    // What stands in a JSON text is shown as the revision has it, unless it is there once.
    let json = |sql: &str| format!("{{\"operations\": [\n{{\"sql\": {{\"up\": \"{sql}\"}}}}]}}");
    assert!(!wrong_at("m/1.json", &json("SELECT 1; SELECT 1 +;")).0);
    assert_eq!(wrong_at("m/1.json", &json("SELEC 1")), (true, (2, 17)));
}

#[test]
fn what_no_revision_can_hold_is_refused_with_its_place() {
    let refused = read(&[
        ("V1__a.sql", "CREATE TABLE ${schema}.t ();"),
        ("V2__b.sql", "SELEC 1;"),
        ("V3__c.sql", "COPY t FROM stdin;\n1\n\\.\n"),
    ])
    .unwrap_err();
    assert!(refused.message.contains("cannot be brought over; nothing was written"), "{refused:?}");
    let detail = refused.detail.unwrap_or_default();
    assert!(detail.contains("V2__b.sql") && detail.contains("V3__c.sql"), "{detail}");
    assert!(read(&[("a.sql", "SELECT 1;")]).unwrap_err().message.contains("no migration tool"));
}

#[test]
fn every_id_is_good_and_there_once() {
    let names = [
        "1_a.sql",
        "2_head.sql",
        "003.sql",
        "base.sql",
        "BASE.sql",
        "20240102030405_x.sql",
        "x".repeat(60).as_str(),
    ]
    .map(str::to_owned);
    let files: Vec<File> = names
        .iter()
        .map(|name| {
            let path = if name.ends_with(".sql") { name.clone() } else { format!("{name}.sql") };
            File { path, text: "SELECT 1;".to_owned() }
        })
        .collect();
    let found = import(&files, Some(From::Sql)).unwrap();
    let ids: Vec<&str> = found.revisions.iter().map(|r| r.id.as_str()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 7, "{ids:?}");
    assert!(ids.contains(&"0001") && !ids.contains(&"base"), "{ids:?}");
}
