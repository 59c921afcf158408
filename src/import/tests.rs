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
