//! What the module promises as a whole: spans, places of errors, directives.

use super::*;
use super::{directive::*, parse::parse_expression};

fn statements(sql: &str) -> Vec<Statement> {
    parse(sql, 0..sql.len()).unwrap_or_else(|error| panic!("{sql}: {error:?}")).statements
}

fn texts(sql: &str) -> Vec<String> {
    statements(sql).into_iter().map(|statement| statement.sql).collect()
}

fn refused(sql: &str) -> SqlError {
    parse(sql, 0..sql.len()).expect_err(sql)
}

/// The text that the error marks, and its message.
fn marked(sql: &str) -> (&str, String) {
    let error = refused(sql);
    let diagnostic = error.diagnostic();
    (&sql[diagnostic.span.range()], diagnostic.message.clone())
}

#[test]
fn statements_come_without_comments_space_or_semicolon() {
    let sql = "-- one\n  ALTER TABLE t ADD a int /* inside */ NOT NULL -- tail\n ;;\n\n/* two */ SELECT 1 ; -- end";
    let found = statements(sql);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].sql, "ALTER TABLE t ADD a int /* inside */ NOT NULL");
    assert_eq!(found[1].sql, "SELECT 1");
    assert_eq!((found[0].line, found[1].line), (2, 5));
    for statement in &found {
        assert_eq!(&sql[statement.span.range()], statement.sql);
    }
}

#[test]
fn semicolons_inside_a_statement_do_not_split_it() {
    let function =
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $x$ BEGIN; RETURN 1; END $x$";
    let atomic = "CREATE FUNCTION g(a int) RETURNS int BEGIN ATOMIC SELECT a; SELECT 2; END";
    let rule = "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b)";
    let quoted = "SELECT ';' AS \"a;b\", E'\\';', $$;$$ /* ; /* ; */ ; */";
    let all = format!("{function};\n{atomic};{rule};\n{quoted} ;");
    let quoted = "SELECT ';' AS \"a;b\", E'\\';', $$;$$";
    assert_eq!(texts(&all), [function, atomic, rule, quoted]);
}

#[test]
fn a_section_keeps_the_places_of_the_whole_file() {
    let text = "garbage (\nSELECT 1;\nSELECT é, 2;\nmore garbage";
    let start = text.find("SELECT").unwrap();
    let end = text.find("more").unwrap();
    let script = parse(text, start..end).unwrap();
    assert_eq!(script.statements[1].line, 3);
    assert_eq!(&text[script.statements[1].span.range()], "SELECT é, 2");
    let bad = text.replace("é, 2", "é, 2 2");
    let error = parse(&bad, start..bad.find("more").unwrap()).unwrap_err();
    let span = error.diagnostic().span;
    assert_eq!(&bad[span.range()], "2");
    assert_eq!(span.line_and_column(&bad), (3, 13));
}

#[test]
fn locations_in_the_tree_count_from_the_statement() {
    let found = statements("SELECT 1;\n\n  SELECT nothing_here");
    let pg_query::NodeEnum::SelectStmt(select) = &found[1].node else { panic!() };
    let Some(pg_query::NodeEnum::ResTarget(target)) = &select.target_list[0].node else { panic!() };
    assert_eq!(target.location, 7);
}

#[test]
fn carriage_returns_and_byte_order_marks_are_layout() {
    let bytes = b"\xEF\xBB\xBF-- x\r\nSELECT 1;\r\n-- airlock: batch\r\nDELETE FROM t;\r\n";
    let text = decode(bytes).unwrap();
    let found = statements(text);
    assert_eq!(found[1].sql, "DELETE FROM t");
    assert_eq!(found[1].line, 4);
    assert_eq!(found[1].directives[0].kind, DirectiveKind::Batch);
    assert_eq!(texts("\u{feff}SELECT 1"), ["SELECT 1"]);
    assert!(texts(" -- nothing\n ; ").is_empty());
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let error = decode(b"SELECT 'caf\xE9'").unwrap_err();
    assert_eq!(error.diagnostic().span, Span::new(11, 11));
    assert_eq!(error.diagnostic().label.as_deref(), Some("byte 0xE9"));
    assert!(decode(b"\xFF\xFES\0").unwrap_err().diagnostic().hint.as_ref().unwrap().contains("16"));
    assert_eq!(marked("SELECT 1;\0 SELECT 2").0, "\0");
}

#[test]
fn syntax_errors_mark_the_offending_token() {
    for (sql, token, message) in [
        (
            "SELECT 1;\nALTER TABEL t ADD c int;\nSELECT 2",
            "TABEL",
            "syntax error at or near \"TABEL\"",
        ),
        ("CREATE TABLE t (a int, b int c)", "c", "syntax error at or near \"c\""),
        ("CREATE TABLE t (a int,)", ")", "syntax error at or near \")\""),
        ("SELECT a a a a, a a a FROM a a", "a", "syntax error at or near \"a\""),
        ("SELECT 1 FROM", "", "syntax error at end of input"),
        ("SELECT (1 -- open\n  ", "", "syntax error at end of input"),
        ("SELECT 1;;; UPDATE SET a = 1", "=", "syntax error at or near \"=\""),
        ("SELECT 'é', ü ü ü", "ü", "syntax error at or near \"ü\""),
        ("SELECT 12ab", "12ab", "trailing junk after numeric literal at or near \"12ab\""),
        ("SELECT \"\"", "\"\"", "zero-length delimited identifier at or near \"\"\"\""),
        ("SELECT a.b.c.d.e.f FROM t ORDER x", "x", "syntax error at or near \"x\""),
        ("SELECT :name", ":", "syntax error at or near \":\""),
    ] {
        let (at, what) = marked(sql);
        assert!(token.starts_with(at) && at.is_empty() == token.is_empty(), "{sql}: marks {at:?}");
        assert_eq!(what, message);
    }
    let sql = "SELECT a a a a, a a a FROM a a";
    assert_eq!(refused(sql).diagnostic().span.start, 11, "the third a");
    let (line, column) =
        refused("SELECT 'éé' x y").diagnostic().span.line_and_column("SELECT 'éé' x y");
    assert_eq!((line, column), (1, 15));
}

#[test]
fn a_long_file_is_read_in_time_that_grows_with_its_length() {
    let statements = 5_000;
    let sql = "-- airlock: batch\nDELETE FROM t WHERE a = 'é';\n".repeat(statements);
    let started = std::time::Instant::now();
    let script = parse(&sql, 0..sql.len()).unwrap();
    assert_eq!(script.statements.len(), statements);
    assert_eq!(script.statements[statements - 1].line, 2 * statements);
    assert!(script.statements.iter().all(|statement| statement.directives.len() == 1));
    // Seconds where a square would take minutes.
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn what_never_ends_is_marked_where_it_begins() {
    for (sql, opening, message) in [
        ("SELECT 1; SELECT 'abc;\nSELECT 2;", "'", "unterminated quoted string"),
        ("SELECT E'abc\\'", "E'", "unterminated quoted string"),
        ("SELECT 1 /* a /* b */", "/*", "unterminated /* comment"),
        ("DO $body$ BEGIN $$ END", "$body$", "unterminated dollar-quoted string"),
        ("SELECT \"abc", "\"", "unterminated quoted identifier"),
        ("SELECT x'1f", "x'", "unterminated hexadecimal string literal"),
    ] {
        assert_eq!(marked(sql), (opening, message.to_owned()));
    }
    assert_eq!(refused("SELECT ''; SELECT 'abc").diagnostic().span.start, 18);
}

#[test]
fn a_syntax_error_before_something_unterminated_comes_first() {
    let sql = "SELEC 1; SELECT 'abc";
    assert_eq!(marked(sql).0, "SELEC");
}

#[test]
fn psql_is_not_sql() {
    for (sql, word) in [
        ("SELECT 1;\n\\connect other\nSELECT 2", "\\connect"),
        ("\\set x 'it''s'\n", "\\set"),
        ("SELECT 1 \\gexec", "\\gexec"),
    ] {
        let error = refused(sql);
        assert!(matches!(error, SqlError::NotSql(_)), "{sql}");
        assert_eq!(marked(sql).0, word);
    }
    let copy = "SELECT 1;\nCOPY t (a) FROM stdin;\n1\tit's\n\\.\nSELECT 2;";
    for sql in [copy, &copy.replace('\'', ""), "COPY t FROM stdin"] {
        assert!(matches!(refused(sql), SqlError::NotSql(_)), "{sql}");
        assert!(marked(sql).0.starts_with("COPY t"), "{sql}: {:?}", marked(sql));
    }
    assert_eq!(texts("COPY t FROM '/data/t.csv'").len(), 1);
}

fn directives(sql: &str) -> Vec<Vec<DirectiveKind>> {
    statements(sql)
        .into_iter()
        .map(|statement| statement.directives.into_iter().map(|found| found.kind).collect())
        .collect()
}

#[test]
fn a_directive_belongs_to_the_next_statement_or_the_one_it_ends() {
    use DirectiveKind::{Batch, Marker};
    let batch = || vec![Batch];
    assert_eq!(directives("-- airlock: batch\n\nSELECT 1; SELECT 2"), [batch(), vec![]]);
    assert_eq!(directives("SELECT 1; -- airlock: batch\nSELECT 2"), [batch(), vec![]]);
    assert_eq!(directives("SELECT 1 -- airlock: batch\n;SELECT 2"), [batch(), vec![]]);
    assert_eq!(directives("SELECT\n1; -- airlock: batch"), [batch()]);
    assert_eq!(directives("SELECT -- airlock: batch\n1; SELECT 2"), [batch(), vec![]]);
    assert_eq!(directives("SELECT 1; /* airlock: batch */ SELECT 2"), [vec![], batch()]);
    assert_eq!(directives("SELECT 1;\n-- airlock: batch\nSELECT 2"), [vec![], batch()]);
    assert_eq!(
        directives("--airlock: batch\n-- AIRLOCK : marker\nSELECT 1"),
        [vec![Batch, Marker]]
    );
}

#[test]
fn directives_are_understood() {
    let backfill = |sql: &str| match directives(&format!("-- airlock: backfill {sql}\nSELECT 1"))
        .remove(0)
        .remove(0)
    {
        DirectiveKind::Backfill { schema, table, column, expression } => {
            (schema, table, column, expression)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        backfill("Users.Email = lower(login) || '@x.org'"),
        (None, "users".into(), "email".into(), "lower(login) || '@x.org'".into())
    );
    assert_eq!(
        backfill("\"S\".\"a\"\".b\" . \"c d\"=-1"),
        (Some("S".into()), "a\".b".into(), "c d".into(), "-1".into())
    );
    assert_eq!(backfill("t.größe = '='").2, "größe");
    let one = |text: &str| directives(&format!("-- airlock: {text}\nSELECT 1")).remove(0).remove(0);
    assert_eq!(one("rename in-place"), DirectiveKind::Rename(RenameStrategy::InPlace));
    assert_eq!(
        one("allow triggers-fire  \"they only log\""),
        DirectiveKind::Allow {
            hazard: AllowedHazard::TriggersFire,
            reason: "they only log".into()
        }
    );
}

#[test]
fn directives_that_are_not_understood_are_errors_with_their_place() {
    for (directive, place, message) in [
        ("-- airlock: bakfill t.c = 1", "bakfill", "unknown directive `bakfill`"),
        ("-- airlock:", "-- airlock:", "empty directive"),
        ("-- airlock: rename", "-- airlock: rename", "directive without a strategy"),
        ("-- airlock: rename dual_column", "dual_column", "unknown strategy `dual_column`"),
        ("-- airlock: batch 100", "100", "directive takes nothing more"),
        ("-- airlock: allow blocking", "", "reason is missing"),
        ("-- airlock: allow blocking \"  \"", "\"  \"", "reason is empty"),
        ("-- airlock: allow blocking \"why", "\"why", "reason never ends"),
        ("-- airlock: allow locks \"why\"", "locks", "unknown hazard `locks`"),
        ("-- airlock: backfill t.c = lower(", "", "syntax error at end of input"),
        ("-- airlock: backfill t.c = a b c", "c", "syntax error at or near \"c\""),
        ("-- airlock: backfill t.c = 1, 2", "1, 2", "this is not one expression"),
        ("-- airlock: backfill t.c = $1", "$1", "parameter has no value here"),
        ("-- airlock: backfill t.c = 1 -- one", "-- one", "comment within a directive"),
        ("-- airlock: backfill c = 1", "c = ", "backfill needs a table and a column"),
        ("-- airlock: backfill t.c", "", "backfill without a value"),
        ("-- airlock: backfill t c = 1", "c", "expected `.` or `=`"),
        ("-- airlok: backfill t.c = 1", "airlok", "misspelt directive"),
        ("-- airlock backfill t.c = 1", "airlock", "directive without a colon"),
    ] {
        let sql = format!("SELECT 0;\n{directive}\nSELECT 1");
        let error = refused(&sql);
        assert!(matches!(error, SqlError::Directive(_)), "{directive}: {error:?}");
        let (at, what) = marked(&sql);
        assert_eq!((at, what.as_str()), (place, message));
    }
    let error = refused("-- airlock: bakfill t.c = 1\nSELECT 1");
    assert_eq!(error.diagnostic().label.as_deref(), Some("did you mean `backfill`?"));
}

#[test]
fn ordinary_comments_that_speak_of_airlock_are_not_directives() {
    let sql = "-- airlock is careful\n-- see airlock docs: batch\n/* air */ SELECT '-- airlock: x'";
    assert_eq!(directives(sql), [vec![]]);
}

#[test]
fn dangling_and_repeated_directives_are_errors() {
    let (_, message) = marked("SELECT 1;\n-- airlock: batch\n");
    assert_eq!(message, "directive applies to nothing");
    let (_, message) = marked("-- airlock: rename view\n-- airlock: rename auto\nSELECT 1;");
    assert_eq!(message, "directive repeats an earlier one of the same statement");
}

#[test]
fn only_one_expression_is_an_expression() {
    for text in ["1", "a.b", "(SELECT 1)", "'x'::text", "CASE WHEN a THEN b END", "a\n+ b"] {
        assert!(parse_expression(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "1, 2",
        "1; SELECT 2",
        "1 AS x",
        "1 x",
        "*",
        "ALL 1",
        "DISTINCT a",
        "1 FROM t",
        "1) + (2",
        "1 UNION SELECT 2",
        "1 LIMIT 1",
        "1 -- c\n)",
        "a, ",
        "1)",
        "DEFAULT",
        "1 WHERE true",
        "1 FOR UPDATE",
        "1 INTO t",
        "\0",
    ] {
        assert!(parse_expression(text).is_err(), "{text}");
    }
}

mod properties {
    use super::super::{QualifiedName, grammar, parse, quote_ident};
    use pg_query::NodeEnum;
    use proptest::prelude::*;

    /// What `name` becomes when it stands, quoted by us, in every position that takes a name.
    fn read_back(quoted: &str) -> Vec<String> {
        let sql = format!("SELECT {quoted}.{quoted} AS {quoted} FROM {quoted}.{quoted} {quoted}");
        let script = parse(&sql, 0..sql.len()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(script.statements.len(), 1);
        let NodeEnum::SelectStmt(select) = &script.statements[0].node else { panic!("{sql}") };
        let Some(NodeEnum::ResTarget(target)) = &select.target_list[0].node else { panic!() };
        let Some(NodeEnum::ColumnRef(column)) = &target.val.as_ref().unwrap().node else {
            panic!()
        };
        let mut names = vec![target.name.clone()];
        for field in &column.fields {
            let Some(NodeEnum::String(field)) = &field.node else { panic!() };
            names.push(field.sval.clone());
        }
        let Some(NodeEnum::RangeVar(table)) = &select.from_clause[0].node else { panic!() };
        let alias = table.alias.as_ref().unwrap().aliasname.clone();
        names.extend([table.schemaname.clone(), table.relname.clone(), alias]);
        names
    }

    fn hostile_name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[^\0]{1,15}",
            "[a-z_][a-z0-9_]{0,12}",
            "[a-zA-Z\"'\\\\;$.\\- \n]{1,20}",
            Just("select".to_owned()),
            Just("between".to_owned()),
            Just("left".to_owned()),
            Just("text".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_one_token_and_reads_back(name in hostile_name()) {
            let quoted = quote_ident(&name);
            prop_assert_eq!(grammar::scan(&quoted).unwrap().len(), 1, "{}", quoted);
            for found in read_back(&quoted) {
                prop_assert_eq!(&found, &name);
            }
        }

        #[test]
        fn quotes_stand_only_where_they_must(name in "[a-z_][a-z0-9_]{0,8}") {
            let quoted = quote_ident(&name);
            if quoted != name {
                let kind = grammar::scan(&name).unwrap()[0].keyword_kind;
                prop_assert!(kind > 1, "{} is quoted without need", name);
            }
        }

        #[test]
        fn qualified_names_read_back(schema in hostile_name(), name in hostile_name()) {
            let written = QualifiedName::new(schema, name);
            prop_assert_eq!(written.to_string().parse::<QualifiedName>(), Ok(written));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            if let Err(error) = parse(&text, 0..text.len()) {
                prop_assert!(text.get(error.diagnostic().span.range()).is_some());
            }
        }

        #[test]
        fn no_mutilated_statement_makes_the_parser_panic(cut in 0usize..200, put in "[^a]{0,3}") {
            let sql = "-- airlock: backfill t.c = a || 'x'\nALTER TABLE \"t\" ADD c text NOT NULL DEFAULT E'\\n' CHECK (c <> $$a$$); /* b */ SELECT 1.5 FROM x;";
            let cut = cut.min(sql.len());
            let text = format!("{}{put}{}", &sql[..cut], &sql[(cut + 1).min(sql.len())..]);
            if let Err(error) = parse(&text, 0..text.len()) {
                prop_assert!(text.get(error.diagnostic().span.range()).is_some());
            }
        }
    }
}
