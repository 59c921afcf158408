//! Matched and all by family of statements, and every difference in words.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Report {
    /// Matched and all, by the first words of the statement.
    families: BTreeMap<String, (usize, usize)>,
    wrong: BTreeMap<String, Vec<String>>,
    /// Statements of patterns that the server refused, and those of them that the model did not.
    refused: usize,
    let_through: BTreeSet<String>,
}

impl Report {
    pub(crate) fn add(&mut self, statement: &str, id: &str, major: u32, wrong: Vec<String>) {
        let (matched, all) = self.families.entry(family(statement)).or_default();
        *all += 1;
        if wrong.is_empty() {
            *matched += 1;
        } else {
            let lines = self.wrong.entry(id.to_owned()).or_default();
            lines.push(format!("{major}: {}", wrong.join("; ")));
        }
    }

    /// The server refused a statement of a pattern, which leaves no lock behind.
    pub(crate) fn refused(&mut self, statement: &str, major: u32, why: &str, said: bool) {
        self.refused += 1;
        if !said {
            self.let_through.insert(format!("{major}: {statement}: {why}"));
        }
    }

    /// Takes over what another has gathered.
    pub(crate) fn merge(&mut self, other: Report) {
        for (family, (good, of)) in other.families {
            let (matched, all) = self.families.entry(family).or_default();
            *matched += good;
            *all += of;
        }
        self.refused += other.refused;
        self.let_through.extend(other.let_through);
        for (id, lines) in other.wrong {
            self.wrong.entry(id).or_default().extend(lines);
        }
    }

    /// Prints the numbers; fails unless the cases that differ are exactly the `open` ones.
    pub(crate) fn check(&self, open: &[&str]) {
        let (mut matched, mut all) = (0, 0);
        for (family, (good, of)) in &self.families {
            println!("{family:40} {good:4} of {of:4}");
            matched += good;
            all += of;
        }
        println!("{:40} {matched:4} of {all:4}", "all");
        let both = self.refused - self.let_through.len();
        println!("{:40} {both:4} of {:4}", "refused", self.refused);
        if std::env::var_os("AIRLOCK_LOCK_REFUSED").is_some() {
            self.let_through.iter().for_each(|line| println!("only the server refuses {line}"));
        }
        for (id, lines) in &self.wrong {
            println!("{id}");
            lines.iter().for_each(|line| println!("    {line}"));
        }
        let wrong: Vec<&str> = self.wrong.keys().map(String::as_str).collect();
        assert!(wrong == open, "{} cases differ, {} are known to", wrong.len(), open.len());
    }
}

/// The first two words of a statement.
fn family(statement: &str) -> String {
    statement.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
