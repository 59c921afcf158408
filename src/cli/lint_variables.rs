//! Revision files with values in place of their variables are linted; places are those of the files as
//! written.

use crate::config::Settings;
use crate::lint::input::Tool;
use crate::lint::{File, Report};
use crate::revision::{Binding, file, repeatable, seed};
use crate::sql::variables::Places;
use std::collections::BTreeMap;

/// The texts as written, by path.
pub struct Written(BTreeMap<String, (String, Places)>);

/// Puts the settings' values into `files`.
pub fn bind(files: &mut [File], settings: &Settings) -> Written {
    let mut written = BTreeMap::new();
    for linted in files.iter_mut().filter(|found| found.tool == Tool::Airlock) {
        // What is wrong with the file's form the linter says itself.
        let values = settings.variables.values();
        let read = if repeatable::is_path(&linted.path) {
            // A seed's header may say more; what is bound is the same.
            let seed = seed::read(&linted.path, &linted.text, values).map(|seed| seed.revision);
            seed.or_else(|_| repeatable::read(&linted.path, &linted.text, values))
        } else {
            file::read_bound(&linted.path, &linted.text, values)
        };
        let Ok(revision) = read else { continue };
        match revision.binding {
            Binding::None => {}
            Binding::Failed(error) => {
                linted.problem.get_or_insert_with(|| error.into_diagnostic());
            }
            Binding::Bound { written: text, places } => {
                linted.text = revision.text;
                written.insert(linted.path.clone(), (text, places));
            }
        }
    }
    Written(written)
}

impl Written {
    /// Leads every place of `report` back.
    pub fn lead_back(self, report: &mut Report) {
        for file in &mut report.files {
            let Some((text, places)) = self.0.get(&file.path) else { continue };
            file.text.clone_from(text);
            let spans = file.statements.iter_mut().map(|statement| &mut statement.span);
            let spans = spans
                .chain(file.findings.iter_mut().map(|found| &mut found.finding.span))
                .chain(file.problems.iter_mut().map(|problem| &mut problem.diagnostic.span))
                .chain(file.notes.iter_mut().map(|note| &mut note.diagnostic.span))
                .chain(file.unused.iter_mut().map(|unused| &mut unused.span));
            for span in spans {
                *span = places.written(*span);
            }
        }
    }
}
