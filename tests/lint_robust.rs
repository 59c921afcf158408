//! Whatever a file holds, lint ends, in bounded time and memory, without a panic. `fuzz/` has the same
//! as a target for cargo-fuzz.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::analyze::Verdict;
use airlock::catalog::Catalog;
use airlock::lint::format::{Form, render};
use airlock::lint::input::{TOOLS, Tool};
use airlock::lint::{self, File, Knowledge, Options, ProblemKind, Report, Rules};
use airlock::sql::SqlError;
use proptest::prelude::*;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const FORMS: [Form; 7] = [
    Form::Terminal,
    Form::Json,
    Form::Markdown,
    Form::Sarif,
    Form::Github,
    Form::Gitlab,
    Form::Junit,
];

fn lint(text: &str, tool: Tool) -> Report {
    let file = File { path: "x.sql".into(), text: text.into(), tool, linted: true, problem: None };
    let options =
        Options { knowledge: Knowledge::Files, rules: Rules::default(), whole_folder: false };
    lint::check(vec![file], Catalog::assumed(17), &options)
}

/// Lints and renders in every form; every place lies in the text.
fn survives(text: &str, tool: Tool) {
    let report = lint(text, tool);
    for file in &report.files {
        for statement in &file.statements {
            assert!(text.get(statement.span.range()).is_some());
        }
    }
    for form in FORMS {
        let rendered = render(&report, form);
        if form == Form::Json || form == Form::Sarif {
            serde_json::from_str::<serde_json::Value>(&rendered).unwrap();
        }
    }
}

/// Real migrations to take apart.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds: Vec<String> = ["migrations", "tests/cases"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    seeds.sort();
    assert!(seeds.len() > 10);
    seeds.push(
        "-- migrate:up\nCOPY t (a) FROM stdin;\n1\t2\n\\.\n\\set x 1\n-- migrate:down\n\
         -- airlock: allow AL001 \"x\"\n-- +goose Up\n-- +goose StatementBegin\nDO $$ BEGIN END $$;\n"
            .to_owned(),
    );
    seeds
});

fn tool() -> impl Strategy<Value = Tool> {
    (0..TOOLS.len()).prop_map(|index| TOOLS[index].1)
}

/// A seed with a piece cut out, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,6}",
        "\\PC{0,4}",
        Just("$$".to_owned()),
        Just("'".to_owned()),
        Just("/*".to_owned()),
        Just("\\".to_owned()),
        Just(";\n".to_owned()),
        Just("\0".to_owned()),
        Just("-- airlock: allow-file ".to_owned()),
    ];
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..60, piece).prop_map(
        |(seed, at, length, piece)| {
            let seed = &SEEDS[seed.index(SEEDS.len())];
            let places: Vec<usize> =
                (0..=seed.len()).filter(|place| seed.is_char_boundary(*place)).collect();
            let from = at.index(places.len());
            let to = (from + length).min(places.len() - 1);
            format!("{}{piece}{}", &seed[..places[from]], &seed[places[to]..])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), tool in tool()) {
        let text = String::from_utf8_lossy(&bytes);
        survives(&text, tool);
    }

    #[test]
    fn truncated_migrations(seed in any::<prop::sample::Index>(), end in any::<prop::sample::Index>(), tool in tool()) {
        let seed = &SEEDS[seed.index(SEEDS.len())];
        let mut end = end.index(seed.len());
        while !seed.is_char_boundary(end) {
            end -= 1;
        }
        survives(&seed[..end], tool);
    }

    #[test]
    fn mutated_migrations(text in mutated(), tool in tool()) {
        survives(&text, tool);
    }

    #[test]
    fn words_in_any_order(words in prop::collection::vec(prop_oneof![
        Just("ALTER"), Just("TABLE"), Just("t"), Just("ADD"), Just("DROP"), Just("COLUMN"), Just("c"), Just("int"),
        Just("SET"), Just("NOT"), Just("NULL"), Just(";"), Just("("), Just(")"), Just(","), Just("CREATE"), Just("INDEX"),
        Just("ON"), Just("CONSTRAINT"), Just("CHECK"), Just("1"), Just("BEGIN"), Just("ATOMIC"), Just("END"), Just("CASE"),
        Just("UPDATE"), Just("FROM"), Just("SELECT"), Just("RENAME"), Just("TO"), Just("TYPE"), Just("IF"), Just("EXISTS"),
    ], 0..40)) {
        survives(&words.join(" "), Tool::Sql);
    }
}

/// Far above what any of these takes, so that only a hang or a square law fails.
const BOUND: Duration = Duration::from_secs(120);

fn within_bound(text: &str) -> Report {
    let start = Instant::now();
    let report = lint(text, Tool::Sql);
    for form in [Form::Json, Form::Terminal] {
        let _ = render(&report, form);
    }
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    report
}

#[test]
fn a_hundred_thousand_statements() {
    let text = "ALTER TABLE t ADD COLUMN IF NOT EXISTS c int;".repeat(100_000);
    let report = within_bound(&text);
    assert_eq!(report.files[0].statements.len(), 100_000);
}

#[test]
fn ten_megabytes() {
    let rows = vec!["(1, 'some text that fills a row', NULL)"; 250_000].join(",\n");
    let good = format!("INSERT INTO t VALUES {rows};");
    assert_eq!(within_bound(&good).files[0].problems, []);
    let bad = format!("INSERT INTO t VALUES {rows} nonsense here;");
    assert_eq!(within_bound(&bad).files[0].problems.len(), 1);
    within_bound(&format!("SELECT '{}", "x\n".repeat(5_000_000)));
    within_bound(&"garbage ".repeat(1_250_000));
    within_bound(&"-- airlock is a comment: yes\n".repeat(350_000));
    within_bound(&"\u{1f980}".repeat(2_500_000));
}

/// Ways to nest a query: what opens a level, what stands within, what closes it.
const NESTED: [(&str, &str, &str); 11] = [
    ("- ", "x", ""),
    ("NOT ", "true", ""),
    ("ARRAY[", "1", "]"),
    ("(SELECT ", "1", ")"),
    ("CASE WHEN true THEN ", "1", " END"),
    ("f(", "1", ")"),
    ("", "1", " + 1"),
    ("", "'a'", " || 'a'"),
    ("", "1", " UNION SELECT 1"),
    ("", "x", "::int"),
    ("", "1 FROM a", " JOIN b ON true"),
];

fn nested((open, middle, close): (&str, &str, &str), depth: usize) -> String {
    format!("SELECT {}{middle}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn nested_statements_are_analysed() {
    for form in NESTED {
        for depth in [40, 60, 200, 400] {
            let query = nested(form, depth);
            let text = format!("CREATE VIEW v AS {query};\nALTER TABLE t DROP COLUMN a;");
            let report = within_bound(&text);
            let file = &report.files[0];
            assert_eq!(file.problems, [], "{depth} times {form:?}");
            let verdicts: Vec<Verdict> = file.statements.iter().map(|one| one.verdict).collect();
            assert_eq!(verdicts, [Verdict::Safe, Verdict::Brief], "{depth} times {form:?}");
            // What a plan does with it.
            let digest = airlock::threads::on_large_stack(|| {
                let script = airlock::sql::parse(&text, 0..text.len()).unwrap();
                assert_eq!(script.clone(), script);
                airlock::sql::canonical::digest(&script)
            });
            assert_eq!(digest.len(), 64);
        }
    }
}

#[test]
fn what_is_nested_too_deeply_is_said_to_be_so() {
    for form in NESTED {
        for depth in [1_001, 20_000] {
            let text = format!("SELECT 1;\n{};\nDROP TABLE t;", nested(form, depth));
            let report = within_bound(&text);
            let file = &report.files[0];
            let verdicts: Vec<Verdict> = file.statements.iter().map(|one| one.verdict).collect();
            assert_eq!(verdicts, [Verdict::Safe, Verdict::Unknown, Verdict::Brief], "{form:?}");
            let [problem] = file.problems.as_slice() else { panic!("{:?}", file.problems) };
            assert_eq!(problem.kind, ProblemKind::TooDeep, "{form:?}");
            assert!(problem.diagnostic.hint.is_some());
            assert!(problem.diagnostic.span.start > 10, "{:?}", problem.diagnostic.span);
            assert!(report.has_bad_input());
        }
    }
    // On a stack of the usual size less is taken, and nothing ends the program.
    for form in NESTED {
        for depth in [30, 60, 200, 1_000, 20_000] {
            let text = nested(form, depth);
            if let Err(error) = airlock::sql::parse(&text, 0..text.len()) {
                assert!(matches!(error, SqlError::TooDeep(_)), "{error:?}");
            }
        }
    }
}

#[test]
fn deep_nesting() {
    const DEPTH: usize = 100_000;
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("- ", "1", ""),
        ("NOT ", "true", ""),
        ("ARRAY[", "1", "]"),
        ("(SELECT ", "1", ")"),
        ("CASE WHEN true THEN ", "1", " END"),
        ("f(", "1", ")"),
        ("", "1", " + 1"),
        ("", "'a'", " || 'a'"),
        ("", "true", " AND true"),
        ("", "1", " UNION SELECT 1"),
        ("", "x", "::int"),
        ("/*", "", "*/"),
        ("", "1 FROM a", " JOIN b ON true"),
        ("$a$", "", "$a$"),
    ] {
        let text = format!("SELECT {}{middle}{};", open.repeat(DEPTH), close.repeat(DEPTH));
        within_bound(&text);
    }
    within_bound(&"(".repeat(1_000_000));
    within_bound(&"CREATE SCHEMA a ".repeat(100_000));
}
