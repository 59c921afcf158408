//! What holds for every hazard.

use super::testing::run;
use super::{all, find, page};
use std::collections::BTreeSet;

#[test]
fn codes_are_in_order_and_names_are_kebab_case() {
    let codes: Vec<&str> = all().iter().map(|hazard| hazard.code).collect();
    let sorted: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes, sorted.iter().copied().collect::<Vec<_>>());
    let names: BTreeSet<&str> = all().iter().map(|hazard| hazard.name).collect();
    assert_eq!(names.len(), codes.len());
    for hazard in all() {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(hazard.name.chars().all(kebab), "{}", hazard.name);
        assert!(hazard.code.len() == 5 && hazard.code.starts_with("AL"), "{}", hazard.code);
        assert!(!hazard.summary.ends_with('.'), "{}", hazard.code);
        for sentences in [hazard.effect, hazard.remedy, hazard.source] {
            assert!(sentences.ends_with('.'), "{}: {sentences}", hazard.code);
        }
        assert_eq!(find(&hazard.code.to_lowercase()), Some(*hazard));
        assert_eq!(find(hazard.name), Some(*hazard));
    }
    assert_eq!(find("AL999"), None);
}

/// The examples are no decoration: the one has the hazard, the other has not.
#[test]
fn every_example_is_true() {
    for hazard in all() {
        let found = |sql: &str| run(sql).iter().any(|finding| finding.hazard == *hazard);
        assert!(found(hazard.bad), "{} is not in its example:\n{}", hazard.code, hazard.bad);
        assert!(!found(hazard.good), "{} is in the other example:\n{}", hazard.code, hazard.good);
    }
}

/// `docs/hazards/` holds the pages. With `AIRLOCK_UPDATE_DOCS=1` this test writes them.
#[test]
fn the_pages_are_current() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hazards");
    let mut pages = vec![("README.md".to_owned(), page::index())];
    pages.extend(all().iter().map(|h| (format!("{}.md", h.code), page::markdown(h))));
    if std::env::var_os("AIRLOCK_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for old in std::fs::read_dir(&folder).unwrap() {
            std::fs::remove_file(old.unwrap().path()).unwrap();
        }
        for (name, text) in &pages {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    let there: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, pages.iter().map(|(name, _)| name.clone()).collect());
    for (name, text) in &pages {
        let written = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(written == *text, "docs/hazards/{name} is stale: run with AIRLOCK_UPDATE_DOCS=1");
    }
}
