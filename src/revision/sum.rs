//! `airlock.sum`: the revisions of a folder in a file, so that two branches which both add one touch the
//! same line, and git asks which it is to be instead of making two heads in silence.
//!
//! It holds the graph and not the SQL: that a revision which ran has not been changed is the journal's
//! to know, and a plan's that it was made for this text.

use super::{Graph, Revision, file};
use crate::sql::canonical::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Name of the file, in the folder of the revisions.
pub const FILE_NAME: &str = "airlock.sum";

const HEADER: &str = "\
# The revisions of this folder, written by airlock. Two branches that both add one change the line
# below, so that git asks. Then: airlock merge, or airlock rebase; both write this file anew.
";

/// The file's text for `graph`.
pub fn write(graph: &Graph) -> String {
    let lines = lines(graph);
    format!("{HEADER}sum {}\n{lines}", digest(&lines))
}

fn lines(graph: &Graph) -> String {
    graph.revisions().iter().map(|of| format!("{} {}\n", of.id, before(of))).collect()
}

/// What comes before a revision, in one word.
fn before(revision: &Revision) -> String {
    let parents = file::ids(&revision.parents).replace(", ", ",");
    if revision.depends_on.is_empty() {
        return parents;
    }
    format!("{parents} after {}", file::ids(&revision.depends_on).replace(", ", ","))
}

fn digest(lines: &str) -> String {
    hex(&Sha256::digest(lines.as_bytes()))
}

/// What of `text` does not fit the folder, a line for each; empty when it is what [`write`] gives.
pub fn differences(text: &str, graph: &Graph) -> Vec<String> {
    // A checkout may have changed the line ends.
    let text = text.replace("\r\n", "\n");
    if text == write(graph) {
        return Vec::new();
    }
    if text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
        return vec!["git's marks of a conflict are in it".to_owned()];
    }
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    let mut sum = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("sum", digest)) => sum = Some(digest),
            Some((id, before)) => {
                listed.insert(id, before);
            }
            None => {}
        }
    }
    let mut found = Vec::new();
    for revision in graph.revisions() {
        let before = before(revision);
        match listed.remove(revision.id.as_str()) {
            None => found.push(format!("{} ({}) is not in it", revision.id, revision.path)),
            Some(other) if other != before => {
                found.push(format!("{} comes after {before}, in it after {other}", revision.id));
            }
            Some(_) => {}
        }
    }
    found.extend(listed.keys().map(|id| format!("{id} is in it and has no file")));
    if found.is_empty() && sum != Some(&digest(&lines(graph))) {
        found.push("its first line does not fit the others".to_owned());
    }
    if found.is_empty() {
        found.push("its lines are not in the order in which the revisions run".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::Revision;

    fn revision(id: &str, parents: &str) -> Revision {
        let text = format!(
            "-- revision: {id}\n-- parents: {parents}\n-- message: m\n\
             -- created: 2026-01-01T00:00:00Z\n-- upgrade\n"
        );
        file::read(&format!("migrations/{id}.sql"), &text).unwrap()
    }

    fn graph(revisions: &[(&str, &str)]) -> Graph {
        Graph::build(revisions.iter().map(|(id, parents)| revision(id, parents)).collect()).unwrap()
    }

    #[test]
    fn what_is_written_fits() {
        let graph = graph(&[("aaaa", "none"), ("bbbb", "aaaa")]);
        let text = write(&graph);
        assert_eq!(differences(&text, &graph), Vec::<String>::new());
        assert_eq!(differences(&text.replace('\n', "\r\n"), &graph), Vec::<String>::new());
    }

    #[test]
    fn two_branches_change_the_same_line() {
        let line = |id| {
            let text = write(&graph(&[("aaaa", "none"), (id, "aaaa")]));
            text.lines()
                .position(|line| line.starts_with("sum "))
                .map(|at| (at, text.lines().nth(at).unwrap().to_owned()))
        };
        let (left, right) = (line("bbbb").unwrap(), line("cccc").unwrap());
        assert_eq!(left.0, right.0);
        assert_ne!(left.1, right.1);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let one = graph(&[("aaaa", "none"), ("bbbb", "aaaa")]);
        let two = graph(&[("aaaa", "none"), ("cccc", "aaaa")]);
        assert_eq!(
            differences(&write(&one), &two),
            ["cccc (migrations/cccc.sql) is not in it", "bbbb is in it and has no file"]
        );
        let other = graph(&[("aaaa", "none"), ("bbbb", "none")]);
        assert_eq!(differences(&write(&one), &other), ["bbbb comes after none, in it after aaaa"]);
        let edited = write(&one).replace("sum ", "sum 0");
        assert_eq!(differences(&edited, &one), ["its first line does not fit the others"]);
        let marked = format!("<<<<<<< HEAD\n{}", write(&one));
        assert_eq!(differences(&marked, &one), ["git's marks of a conflict are in it"]);
    }
}
