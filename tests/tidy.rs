//! Holds the tree to what `ARCHITECTURE.md` says: who may know whom, which modules do no I/O, how
//! long a file may be. Reads the sources as text; each finding is `file:line: what`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// Longest file: past it a module holds more than one idea.
const LINES_MAX: usize = 500;

/// Which modules of this crate a module may name. A module that is not listed is a finding, so a new
/// one has to be placed here, and in `ARCHITECTURE.md`, first.
///
/// `catalog::load` stands apart from the rest of `catalog`, which is pure. `error` is what every
/// module's errors become at the edge; only `lock` and `sql`, on which it stands itself, have none
/// of it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("lock", &[]),
    ("sql", &[]),
    ("error", &["sql"]),
    ("plan", &["error", "lock", "sql"]),
    ("revision", &["error", "sql"]),
    // `plan` for `Fact`: what a plan relies on is said in the words of the catalog.
    ("catalog", &["error", "lock", "plan", "sql"]),
    ("catalog::load", &["catalog", "connect", "error", "lock", "sql"]),
    ("analyze", &["catalog", "error", "lock", "plan", "sql"]),
    ("rewrite", &["analyze", "catalog", "error", "lock", "plan", "sql"]),
    ("hazard", &["analyze", "catalog", "error", "lock", "plan", "sql"]),
    // Of `journal`, `observe` and `run` only the values that they give.
    (
        "report",
        &[
            "analyze", "catalog", "diff", "error", "hazard", "journal", "lock", "observe", "plan",
            "revision", "rewrite", "run", "sql", "usage", "fleet",
        ],
    ),
    // Of `lint` how each tool's files are recognised and ordered.
    ("import", &["error", "lint", "revision", "sql"]),
    // Not pure: it parses on several threads.
    (
        "lint",
        &["analyze", "catalog", "hazard", "lock", "plan", "report", "revision", "sql", "threads"],
    ),
    // `sql` for how deep a statement may nest.
    ("threads", &["sql"]),
    // Takes work from whoever calls it and does none itself.
    ("fleet", &[]),
    ("connect", &["error"]),
    // `sql` for quoting.
    ("sandbox", &["catalog", "catalog::load", "connect", "error", "sql"]),
    // Its `load` and `settle` talk to servers; `settle` to throwaway ones alone.
    ("diff", &["catalog", "catalog::load", "connect", "error", "sandbox", "sql"]),
    ("journal", &["connect", "error", "lock", "plan", "sql"]),
    ("run", &["catalog", "catalog::load", "connect", "error", "journal", "lock", "plan", "sql"]),
    // Of `journal` the tables and words, of `catalog` those of facts.
    ("script", &["catalog", "journal", "lock", "plan", "sql"]),
    // `analyze` for walking through statements.
    ("usage", &["analyze", "catalog", "plan", "sql"]),
    ("usage::load", &["catalog", "catalog::load", "connect", "error", "plan", "sql", "usage"]),
    // `analyze` for the claim that an observation is held beside.
    ("observe", &["analyze", "connect", "error", "lock", "sql"]),
    // The edge: settings, subcommands and the demonstration put the rest together.
    ("telemetry", &["connect", "error", "report", "run"]),
    (
        "config",
        &["connect", "error", "fleet", "plan", "report", "rewrite", "run", "sql", "telemetry"],
    ),
    ("cli", ANY),
    ("demo", ANY),
    ("main", ANY),
    ("lib", ANY),
];

const ANY: &[&str] = &["*"];

/// Modules that only turn values into values.
const PURE: &[&str] = &[
    "analyze", "catalog", "error", "hazard", "import", "lock", "plan", "report", "revision",
    "rewrite", "script", "sql", "usage",
];

/// What a pure module does not name: the outside world, other processes, the clock.
const OUTSIDE: &[&str] = &[
    "nix",
    "rustls",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tempfile",
    "tokio",
    "tokio_postgres",
    "tokio_util",
];

/// Macros that write to the terminal.
const PRINTING: &[&str] = &["print!", "println!", "eprint!", "eprintln!"];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// `sql` for `src/sql/name.rs`, `catalog::load` for that one file; nothing outside `src`.
    fn module(&self) -> Option<String> {
        let path = self.path.strip_prefix("src").ok()?.with_extension("");
        let mut parts = path.iter().map(|part| part.to_string_lossy().into_owned());
        let first = parts.next()?;
        Some(match parts.next() {
            Some(second) if is_own_module(&first, &second) => format!("{first}::{second}"),
            _ => first,
        })
    }

    /// `super::x` as `crate::…::x`. (Inline modules other than tests would be read one level off;
    /// there are none.)
    fn spelled_out(&self, path: &str) -> String {
        let file = self.path.strip_prefix("src").unwrap_or(&self.path).with_extension("");
        let mut place: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
        if place.last().is_some_and(|last| last == "mod") {
            place.pop();
        }
        let mut rest = path;
        while let Some(above) = rest.strip_prefix("super::") {
            place.pop();
            rest = above;
        }
        format!("crate::{}", [&place[..], &[rest.into()]].concat().join("::"))
    }

    /// The lines without comments and without the inline tests, numbered from 1.
    fn code(&self) -> Vec<(usize, &str)> {
        if self.path.ends_with("tests.rs") {
            return Vec::new();
        }
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .map(|(index, line)| (index + 1, without_comment(line)))
            .collect()
    }

    fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

/// Whether the table tells a file of a module apart from the module.
fn is_own_module(first: &str, second: &str) -> bool {
    MAY_USE.iter().any(|(name, _)| *name == format!("{first}::{second}"))
}

fn without_comment(line: &str) -> &str {
    match line.find("//") {
        // Not the slashes of a URL in a string.
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        collect(root, &root.join(folder), &is_rust, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.iter().any(|source| source.path == Path::new("src/lib.rs")), "wrong folder");
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The texts in a folder whose paths are `wanted`.
fn collect(root: &Path, folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, wanted, found);
        } else if wanted(&path)
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push(Source { path: path.strip_prefix(root).unwrap().to_owned(), text });
        }
    }
}

/// Every path in the code that starts with one of `roots`, `a::{b, c::d}` spelled out as `a::b` and
/// `a::c::d`, with its line.
fn paths(source: &Source, roots: &[&str]) -> Vec<(usize, String)> {
    let mut text = String::new();
    let mut lines = Vec::new();
    for (number, line) in source.code() {
        lines.extend(std::iter::repeat_n(number, line.len() + 1));
        text.push_str(line);
        text.push('\n');
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for root in roots {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            let after = &text[at + root.len()..];
            let whole = !before.is_some_and(|c| is_word(c) || c == ':' || c == '"')
                && !after.starts_with(is_word);
            if whole && after.trim_start().starts_with("::") {
                tree(&text[at..], (*root).to_owned(), &mut |path| found.push((lines[at], path)));
            }
        }
    }
    found
}

/// Reads one path or use-tree at the start of `text`, calls `found` with every path in it, and
/// returns what follows. `prefix` is the path so far; `text` starts at its last segment.
fn tree<'a>(text: &'a str, prefix: String, found: &mut dyn FnMut(String)) -> &'a str {
    let segment = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let rest = text[segment..].trim_start();
    let Some(rest) = rest.strip_prefix("::") else {
        found(prefix);
        return rest;
    };
    let mut rest = rest.trim_start();
    let Some(list) = rest.strip_prefix('{') else {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            found(prefix);
            return rest;
        }
        let longer = format!("{prefix}::{}", &rest[..end]);
        return tree(rest, longer, found);
    };
    rest = list.trim_start();
    while !rest.is_empty() && !rest.starts_with('}') {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            rest = rest[1..].trim_start();
            continue;
        }
        let longer = format!("{prefix}::{}", &rest[..end]);
        rest = tree(rest, longer, found);
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

/// The module of the table that a path such as `crate::catalog::load::load` names.
fn named_module(path: &str) -> String {
    let mut parts = path.split("::").skip(1);
    let first = parts.next().unwrap_or_default();
    match parts.next() {
        Some(second) if is_own_module(first, second) => format!("{first}::{second}"),
        _ => first.to_owned(),
    }
}

fn report(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn modules_know_only_what_the_architecture_lets_them() {
    let mut findings = Vec::new();
    for source in sources() {
        let Some(module) = source.module() else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            findings.push(source.finding(1, &format!("module {module} has no place in the table")));
            continue;
        };
        let named = paths(&source, &["crate"]).into_iter().chain(
            paths(&source, &["super"])
                .into_iter()
                .map(|(line, path)| (line, source.spelled_out(&path))),
        );
        for (line, path) in named {
            let target = named_module(&path);
            let within = target == module || *allowed == ANY;
            let declared = MAY_USE.iter().any(|(name, _)| *name == target);
            if declared && !within && !allowed.contains(&target.as_str()) {
                findings.push(source.finding(line, &format!("{module} must not know {target}")));
            }
        }
    }
    report(&findings);
}

#[test]
fn pure_modules_do_no_io() {
    let mut findings = Vec::new();
    for source in sources() {
        let Some(module) = source.module().filter(|module| PURE.contains(&module.as_str())) else {
            continue;
        };
        let roots = ["nix", "rustls", "std", "tempfile", "tokio", "tokio_postgres", "tokio_util"];
        for (line, path) in paths(&source, &roots) {
            let outside = |name: &&&str| path == **name || path.starts_with(&format!("{name}::"));
            if let Some(name) = OUTSIDE.iter().find(outside) {
                findings.push(source.finding(line, &format!("{module} is pure; here is {name}")));
            }
        }
        for (line, text) in source.code() {
            for name in PRINTING.iter().filter(|name| text.contains(*name)) {
                findings.push(source.finding(line, &format!("{module} is pure; here is {name}")));
            }
        }
    }
    report(&findings);
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            findings
                .push(source.finding(LINES_MAX, &format!("{lines} lines, {LINES_MAX} at most")));
        }
        if !source.text.starts_with("//! ") {
            findings.push(source.finding(1, "the file does not open by saying what it is for"));
        }
    }
    report(&findings);
}

#[test]
fn nothing_is_left_for_later() {
    // In pieces, so that this file is not a finding itself.
    let words = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME")];
    let mut findings = Vec::new();
    for source in sources() {
        for (index, line) in source.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(*word)) {
                findings.push(source.finding(index + 1, &format!("{word} is left here")));
            }
        }
    }
    report(&findings);
}

/// What a merge that was not finished leaves in a file.
#[test]
fn no_file_has_the_marks_of_a_conflict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "docs", "scripts", "migrations", "plans"]
    {
        collect(root, &root.join(folder), &|_| true, &mut texts);
    }
    for file in ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "Cargo.toml"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        texts.push(Source { path: file.into(), text });
    }
    assert!(texts.iter().any(|source| source.path == Path::new("docs/operating.md")));
    let marks = [concat!("<<<<", "<<< "), concat!(">>>>", ">>> ")];
    let mut findings = Vec::new();
    for source in &texts {
        for (index, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.starts_with(mark)) {
                findings.push(source.finding(index + 1, "a merge was not finished here"));
            }
        }
    }
    report(&findings);
}

/// `sql::grammar` knows which functions of the library are sound and puts its errors into words.
#[test]
fn only_the_grammar_calls_into_libpg_query() {
    const CALLS: [&str; 7] = [
        "pg_query::parse",
        "pg_query::scan",
        "pg_query::scan_tokens",
        "pg_query::deparse",
        "pg_query::parse_plpgsql",
        "pg_query::split_with_scanner",
        "pg_query::split_with_parser",
    ];
    let mut findings = Vec::new();
    for source in sources() {
        // Case files hold statements with placeholders, which only the scanner can split.
        let exempt = source.path.ends_with("sql/grammar.rs")
            || source.path.ends_with("tidy.rs")
            || source.path.ends_with("oracle/case.rs");
        for (index, line) in source.text.lines().enumerate().filter(|_| !exempt) {
            let line = without_comment(line);
            for call in CALLS.iter().filter(|call| line.contains(&format!("{call}("))) {
                findings.push(source.finding(index + 1, &format!("{call} past sql::grammar")));
            }
        }
    }
    report(&findings);
}

#[test]
fn the_reader_of_paths_sees_through_groups_and_comments() {
    let source = Source {
        path: "src/plan/x.rs".into(),
        text: "use crate::{lock, sql::{self, name::quote}};\n// crate::run\nfn f() {\n    \
               crate::catalog::load::load();\n    let u = \"postgres://h\"; std::fs::read();\n}\n\
               #[cfg(test)]\nuse crate::cli;\n"
            .into(),
    };
    let found = paths(&source, &["crate", "std"]);
    let found: Vec<_> = found.iter().map(|(line, path)| (*line, path.as_str())).collect();
    assert_eq!(
        found,
        [
            (1, "crate::lock"),
            (1, "crate::sql::self"),
            (1, "crate::sql::name::quote"),
            (4, "crate::catalog::load::load"),
            (5, "std::fs::read"),
        ]
    );
    assert_eq!(named_module("crate::catalog::load::load"), "catalog::load");
    assert_eq!(named_module("crate::sql::name"), "sql");
    assert_eq!(source.spelled_out("super::model::Plan"), "crate::plan::model::Plan");
    assert_eq!(source.spelled_out("super::super::run::x"), "crate::run::x");
    let module = Source { path: "src/catalog/mod.rs".into(), text: String::new() };
    assert_eq!(module.spelled_out("super::run"), "crate::run");
}
