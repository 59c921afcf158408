//! What the model says of a text.

use airlock::analyze::{Verdict, analyze};
use airlock::catalog::Catalog;
use airlock::observe::{Difference, Effects, Relations, Sight, differences};
use airlock::sql::{self, QualifiedName};
use std::borrow::Cow;
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(crate) struct Claim {
    pub(crate) effects: Effects,
    /// Tables on which an index is built.
    built: BTreeSet<QualifiedName>,
    pub(crate) opaque: bool,
    pub(crate) unknown: bool,
}

impl Claim {
    /// Adds what the statements of `text` do to relations that were there before, each on the catalog
    /// that those before it leave.
    pub(crate) fn add(
        &mut self,
        text: &str,
        catalog: &Catalog,
        before: &Relations,
    ) -> Result<(), String> {
        let script = sql::parse(text, 0..text.len()).map_err(|e| format!("refused: {e}"))?;
        let mut catalog = Cow::Borrowed(catalog);
        for (index, statement) in script.statements.iter().enumerate() {
            let impact = analyze(statement, &catalog).map_err(|e| format!("refused: {e}"))?;
            self.effects.add(&impact, before);
            self.opaque |= impact.verdict == Verdict::Opaque;
            self.unknown |= impact.verdict == Verdict::Unknown;
            self.built.extend(impact.built.into_iter().filter(|table| before.contains(table)));
            if index + 1 < script.statements.len() {
                catalog.to_mut().apply(statement);
            }
        }
        Ok(())
    }
}

/// Every difference in words. `schema`: what is outside it was not recorded.
pub(crate) fn compare(
    observed: &Result<Effects, String>,
    said: &Result<Claim, String>,
    sight: Sight,
    schema: Option<&str>,
) -> Vec<String> {
    let (observed, said) = match (observed, said) {
        (Err(_), Err(said)) if said.starts_with("refused") => return Vec::new(),
        (Err(error), Err(said)) => return vec![format!("{said}; the server: {error}")],
        (Err(error), Ok(_)) => return vec![format!("no error said; the server: {error}")],
        (Ok(_), Err(said)) => return vec![said.clone()],
        (Ok(observed), Ok(said)) => (observed, said),
    };
    let recorded = |difference: &Difference| {
        let (Difference::Lock { relation, .. }
        | Difference::Rewrite { relation, .. }
        | Difference::NewFile { relation, .. }
        | Difference::Scan { relation, .. }) = difference;
        schema.is_none_or(|schema| relation.schema == schema)
    };
    let found = differences(observed, &said.effects, sight);
    let mut wrong: Vec<String> =
        found.iter().filter(|found| recorded(found)).map(ToString::to_string).collect();
    if said.unknown {
        wrong.push("said to be unknown".to_owned());
    }
    if said.opaque && !wrong.is_empty() {
        wrong.push("(said to be opaque)".to_owned());
    }
    wrong
}

/// What the server's messages say of index builds, beside what was said. They name no schema.
pub(crate) fn compare_builds<'m>(
    messages: impl IntoIterator<Item = &'m String>,
    said: &Result<Claim, String>,
    known: impl Fn(&str) -> bool,
) -> Vec<String> {
    let Ok(said) = said else { return Vec::new() };
    let observed: BTreeSet<&str> = messages
        .into_iter()
        .filter_map(|message| {
            let (_, table) =
                message.strip_prefix("building index \"")?.split_once("\" on table \"")?;
            Some(table.split_once('"')?.0)
        })
        .filter(|table| known(table))
        .collect();
    let said: BTreeSet<&str> = said.built.iter().map(|table| &*table.name).collect();
    let side = |yes| if yes { "observed, not said" } else { "said, not observed" };
    observed
        .symmetric_difference(&said)
        .map(|table| format!("{table}: index build {}", side(observed.contains(table))))
        .collect()
}
