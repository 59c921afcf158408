//! What the model says of a text.

use airlock::analyze::{Verdict, analyze};
use airlock::catalog::Catalog;
use airlock::observe::{Difference, Effects, Relations, Sight, differences};
use airlock::sql;

#[derive(Debug, Default)]
pub(crate) struct Claim {
    pub(crate) effects: Effects,
    pub(crate) opaque: bool,
    pub(crate) unknown: bool,
}

impl Claim {
    /// Adds what the statements of `text` do to relations that were there before.
    pub(crate) fn add(
        &mut self,
        text: &str,
        catalog: &Catalog,
        before: &Relations,
    ) -> Result<(), String> {
        let script = sql::parse(text, 0..text.len()).map_err(|e| format!("refused: {e}"))?;
        for statement in &script.statements {
            let impact = analyze(statement, catalog).map_err(|e| format!("refused: {e}"))?;
            self.effects.add(&impact, before);
            self.opaque |= impact.verdict == Verdict::Opaque;
            self.unknown |= impact.verdict == Verdict::Unknown;
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
