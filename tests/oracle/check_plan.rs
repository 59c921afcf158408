//! Snapshot: the plan of each case as the file that people review; and that this file is the plan.

use crate::case::{Case, Rollback};
use crate::engine;
use crate::server::Server;
use airlock::plan::file;
use std::path::Path;

/// The version whose plans the snapshots without a version in their names are.
pub const SNAPSHOT_BASE: u32 = 15;

/// The other versions whose plans are kept; those between differ in nothing that these do not show.
const SNAPSHOT_OTHERS: [u32; 1] = [18];

/// The plan of `case`, against the snapshot, or its refusal against what the case expects.
pub async fn check(server: &Server, case: &Case) {
    let database = server.database(case).await;
    let planned = engine::plan(&database, case).await;
    if let Some(expected) = &case.refusal {
        let refused = planned.expect_err("the plan should be refused");
        assert_eq!(refused.kind.name(), expected.kind, "{}", refused.text);
        let found = refused.text.to_lowercase().contains(&expected.words.to_lowercase());
        assert!(found, "\"{}\" is not in:\n{}", expected.words, refused.text);
        return database.drop().await;
    }
    let plan = planned.unwrap_or_else(|refused| panic!("{:?}: {}", refused.kind, refused.text));
    for kind in &case.notes {
        assert!(engine::has_note(&plan, *kind), "no note {kind:?}: {:#?}", plan.notes);
    }
    let reversible = engine::is_reversible(&plan);
    assert_eq!(reversible, case.rollback == Rollback::Complete, "{:#?}", plan.notes);

    let text = file::to_toml(&plan);
    let again = engine::planned(&database, case).await;
    assert_eq!(file::to_toml(&again), text, "planned twice");
    let read = file::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(read, plan, "written and read");
    assert_eq!(file::to_toml(&read), text, "written, read and written");
    compare(case, server.cluster.major(), &without_digests(&text));
    database.drop().await;
}

/// One snapshot for [`SNAPSHOT_BASE`]; another version has one where it differs.
fn compare(case: &Case, major: u32, text: &str) {
    let others =
        |other: &u32| SNAPSHOT_OTHERS.contains(other) || !case.servers.include(SNAPSHOT_BASE);
    if major != SNAPSHOT_BASE && !others(&major) {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut name = case.name.clone();
    if major != SNAPSHOT_BASE {
        let base = std::fs::read_to_string(folder.join(format!("{name}.snap")));
        let own = format!("{name}@{major}");
        let same = base.is_ok_and(|base| contents(&base).trim_end() == text.trim_end());
        if same {
            let left = folder.join(format!("{own}.snap"));
            assert!(!left.exists(), "{} is the same as the one without @", left.display());
            return;
        }
        name = own;
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Whether the plan of `case` is not the same on all versions.
pub fn differs(case: &Case) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    SNAPSHOT_OTHERS.iter().any(|major| folder.join(format!("{}@{major}.snap", case.name)).exists())
}

/// A snapshot file without its heading.
fn contents(snapshot: &str) -> &str {
    snapshot.splitn(3, "---\n").nth(2).unwrap_or_default()
}

/// Digests change with every word and the version with the server: neither says more than the
/// lines that they stand for.
fn without_digests(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once(" = ") {
            Some((key @ ("digest" | "server"), _)) => format!("{key} = …\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}
