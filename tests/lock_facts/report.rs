//! Matched and all by family of statements, and every difference in words.

use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Report {
    /// Matched and all, by the first words of the statement.
    families: BTreeMap<String, (usize, usize)>,
    wrong: BTreeMap<String, Vec<String>>,
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

    /// Takes over what another has gathered.
    pub(crate) fn merge(&mut self, other: Report) {
        for (family, (good, of)) in other.families {
            let (matched, all) = self.families.entry(family).or_default();
            *matched += good;
            *all += of;
        }
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
