//! What each tool's files become, and in which order they run.

use super::{Candidate, Tool, Transaction, adapt, arrange, detect};

/// The text that is left to lint, with its blanks squeezed, after checking that nothing moved.
fn left(tool: Tool, text: &str) -> String {
    let adapted = adapt(tool, "x.sql", text);
    assert_eq!(adapted.text.len(), text.len());
    assert_eq!(adapted.text.matches('\n').count(), text.matches('\n').count());
    adapted.text[adapted.section].split_whitespace().collect::<Vec<_>>().join(" ")
}

fn order(paths: &[&str]) -> Vec<String> {
    let files: Vec<_> = paths.iter().map(|path| Candidate { path, text: "" }).collect();
    arrange(&files, None).into_iter().map(|(index, _)| paths[index].to_owned()).collect()
}

#[test]
fn tools_are_recognised() {
    for (path, text, tool) in [
        ("x.sql", "SELECT 1", Tool::Sql),
        ("db/V1.2__add.sql", "", Tool::Flyway),
        ("R__views.sql", "", Tool::Flyway),
        ("2024_x.sql", "-- migrate:up\nSELECT 1\n-- migrate:down\n", Tool::Dbmate),
        ("001_x.sql", "-- +goose Up\nSELECT 1", Tool::Goose),
        ("20240101120000_x.up.sql", "", Tool::Sqlx),
        ("000001_x.up.sql", "", Tool::GolangMigrate),
        ("1700000000_x.up.sql", "", Tool::GolangMigrate),
        ("prisma/migrations/20240101000000_init/migration.sql", "", Tool::Prisma),
        ("db/structure.sql", "--\n-- PostgreSQL database dump\n--\n", Tool::Structure),
        ("db/structure.sql", "\\restrict abc\n", Tool::Structure),
        ("out.sql", "BEGIN;\n\n-- Running upgrade  -> 1975ea83b712\n", Tool::Alembic),
        ("m.sql", "-- revision: aaaa\n-- parents: none\n\n-- upgrade\n", Tool::Airlock),
    ] {
        assert_eq!(detect(path, text), tool, "{path}");
    }
}

#[test]
fn only_the_way_up_is_left() {
    let dbmate = "-- head\n-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nDROP é;\n";
    assert_eq!(left(Tool::Dbmate, dbmate), "-- migrate:up transaction:false SELECT 1;");
    assert_eq!(adapt(Tool::Dbmate, "x", dbmate).transaction, Transaction::Statement);
    let goose = "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n\
                 -- +goose StatementEnd\n-- +goose Down\nSELECT 2;\n";
    assert_eq!(
        left(Tool::Goose, goose),
        "-- +goose Up -- +goose StatementBegin SELECT 1; -- +goose StatementEnd"
    );
    assert_eq!(adapt(Tool::Goose, "x", goose).transaction, Transaction::Statement);
    let airlock = "-- revision: aaaa\n-- parents: none\n-- message: m\n\
                   -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\nSELECT 1;\n-- downgrade\nSELECT 2;\n";
    assert_eq!(left(Tool::Airlock, airlock), "SELECT 1;");
}

#[test]
fn what_only_psql_knows_is_passed_over() {
    let text = "\\set ON_ERROR_STOP on\nSELECT '\\i x', E'\\'\\i y', $$ \\i z $$ -- \\i w\n;\n\
                COPY public.t (a, b) FROM stdin;\n1\t;'\n\\i\tnot a command\n\\.\n\nSELECT 2 \\g\nSELECT 3;\n";
    let adapted = adapt(Tool::Sql, "x", text);
    assert_eq!(adapted.problems, []);
    assert_eq!(
        left(Tool::Sql, text),
        "SELECT '\\i x', E'\\'\\i y', $$ \\i z $$ -- \\i w ; COPY public.t (a, b) FROM stdin; \
         SELECT 2 ; SELECT 3;"
    );
}

#[test]
fn what_decides_which_sql_runs_is_a_problem_with_its_place() {
    let text = "SELECT 1;\n\\i other.sql\n\\if :x\nSELECT 'DROP' \\gexec\n\\connect other\n";
    let adapted = adapt(Tool::Sql, "x", text);
    let places: Vec<&str> =
        adapted.problems.iter().map(|p| &text[p.diagnostic().span.range()]).collect();
    assert_eq!(places, ["\\i", "\\if", "\\gexec"]);
    assert_eq!(adapted.notes.len(), 1);
}

#[test]
fn unterminated_things_end_with_the_text() {
    for text in
        ["\\", "'\\", "/* \\", "$a$ \\", "E'\\", "COPY t FROM stdin;\n1", "\"\\", "$\\", "é\\"]
    {
        left(Tool::Sql, text);
    }
}

#[test]
fn folders_have_the_order_of_their_tool() {
    assert_eq!(
        order(&["R__v.sql", "U2__b.sql", "V1.10__c.sql", "V1_9__b.sql", "V1__a.sql", "V2__d.sql"]),
        ["V1__a.sql", "V1_9__b.sql", "V1.10__c.sql", "V2__d.sql", "R__v.sql"]
    );
    assert_eq!(
        order(&["10_c.up.sql", "2_b.up.sql", "2_b.down.sql", "1_a.up.sql"]),
        ["1_a.up.sql", "2_b.up.sql", "10_c.up.sql"]
    );
    assert_eq!(
        order(&["20240102_b/migration.sql", "20240101_a/migration.sql"]),
        ["20240101_a/migration.sql", "20240102_b/migration.sql"]
    );
    assert_eq!(order(&["b.sql", "a10.sql", "a9.sql"]), ["a9.sql", "a10.sql", "b.sql"]);
}

#[test]
fn revisions_have_the_order_of_their_parents() {
    let revision = |id: &str, parents: &str| {
        format!(
            "-- revision: {id}\n-- parents: {parents}\n-- message: m\n\
             -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n"
        )
    };
    let (child, parent) = (revision("bbbb", "aaaa"), revision("aaaa", "none"));
    let files =
        [Candidate { path: "1.sql", text: &child }, Candidate { path: "2.sql", text: &parent }];
    let order: Vec<usize> = arrange(&files, None).into_iter().map(|(index, _)| index).collect();
    assert_eq!(order, [1, 0]);
}
