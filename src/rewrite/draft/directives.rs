//! What the directives above statements allow and ask for, and that none is left unused.

use super::Draft;
use crate::error::Kind;
use crate::rewrite::error::Refusal;
use crate::sql::{Diagnostic, Directive, DirectiveKind, Script, Statement};

impl Draft<'_> {
    /// The directive of the statement at hand for which `pick` gives something; it counts as used.
    pub fn directive<'s, T>(
        &mut self,
        statement: &'s Statement,
        pick: impl Fn(&'s DirectiveKind) -> Option<T>,
    ) -> Option<T> {
        let found = statement
            .directives
            .iter()
            .find_map(|directive| pick(&directive.kind).map(|picked| (directive, picked)));
        let (directive, picked) = found?;
        self.use_directive(directive);
        Some(picked)
    }

    pub fn use_directive(&mut self, directive: &Directive) {
        self.used_directives.insert(directive.span.start);
    }

    /// Whether the user allows `hazard` for the statement at hand.
    pub fn allows(
        &mut self,
        statement: &Statement,
        hazard: crate::sql::directive::AllowedHazard,
    ) -> bool {
        self.directive(statement, |kind| match kind {
            DirectiveKind::Allow { hazard: allowed, .. } if *allowed == hazard => Some(()),
            DirectiveKind::Allow { .. }
            | DirectiveKind::Backfill { .. }
            | DirectiveKind::Reverse { .. }
            | DirectiveKind::Rename(_)
            | DirectiveKind::Batch
            | DirectiveKind::Marker
            | DirectiveKind::StoredTrigger
            | DirectiveKind::AllowHazard { .. }
            | DirectiveKind::AllowFile { .. } => None,
        })
        .is_some()
    }

    /// A directive that changed nothing is a mistake: it was written because it matters.
    pub fn refuse_unused_directives(&mut self, script: &Script) {
        for statement in &script.statements {
            for directive in &statement.directives {
                // An allowance that turned out not to be needed does no harm: the same file may
                // meet a small and a large table.
                let harmless = match directive.kind {
                    DirectiveKind::Allow { .. }
                    | DirectiveKind::Batch
                    | DirectiveKind::Marker
                    | DirectiveKind::AllowHazard { .. }
                    | DirectiveKind::AllowFile { .. }
                    | DirectiveKind::Reverse { .. }
                    | DirectiveKind::Rename(_) => true,
                    DirectiveKind::Backfill { .. } | DirectiveKind::StoredTrigger => false,
                };
                if !harmless && !self.used_directives.contains(&directive.span.start) {
                    self.refusals.push(Refusal {
                        kind: Kind::Input,
                        diagnostic: Diagnostic::new(
                            "this directive applies to nothing in its statement",
                            directive.span,
                        )
                        .hint("Put it above the ALTER TABLE … ADD COLUMN that adds the column."),
                    });
                }
            }
        }
    }
}
