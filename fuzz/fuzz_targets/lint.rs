//! Any bytes as a file of any tool, linted and rendered in every form: nothing may panic or hang, and
//! every place must lie within the text. `migrations/` and `tests/cases/` are good seeds.

#![no_main]

use airlock::catalog::Catalog;
use airlock::lint::format::{Form, render};
use airlock::lint::input::TOOLS;
use airlock::lint::{self, File, Knowledge, Options, Rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte chooses the tool, so that the corpus covers all of them.
    let Some((choice, bytes)) = data.split_first() else { return };
    let Ok(text) = airlock::sql::parse::decode(bytes) else { return };
    let (_, tool) = TOOLS[usize::from(*choice) % TOOLS.len()];
    let file = File {
        path: "fuzz.sql".to_owned(),
        text: text.to_owned(),
        tool,
        linted: true,
        problem: None,
    };
    let options =
        Options { knowledge: Knowledge::Files, rules: Rules::default(), whole_folder: false };
    let report = lint::check(vec![file], Catalog::assumed(14 + u32::from(*choice) % 5), &options);
    for statement in report.files.iter().flat_map(|file| &file.statements) {
        assert!(text.get(statement.span.range()).is_some());
    }
    for form in [
        Form::Terminal,
        Form::Json,
        Form::Markdown,
        Form::Sarif,
        Form::Github,
        Form::Gitlab,
        Form::Junit,
    ] {
        let _ = render(&report, form);
    }
});
