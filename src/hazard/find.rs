//! Gathers findings.

use super::{Finding, Hazard, Severity};
use crate::catalog::Catalog;
use crate::sql::{QualifiedName, Span};
use std::collections::BTreeSet;

/// The findings of a statement, and what has been said of the file already.
#[derive(Debug, Default)]
pub(super) struct Found {
    findings: Vec<Finding>,
    said: BTreeSet<(&'static str, String)>,
    later: Vec<(QualifiedName, Finding)>,
}

impl Found {
    pub(super) fn add(
        &mut self,
        hazard: &'static Hazard,
        statement: usize,
        span: Span,
        message: String,
        remedy: Option<String>,
    ) {
        let finding = Finding { hazard, statement, span, message, remedy };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Keeps a finding for the end of the file.
    pub(super) fn later(&mut self, name: QualifiedName, finding: Finding) {
        self.later.push((name, finding));
    }

    /// Adds what was kept of names that mean nothing in `catalog`.
    pub(super) fn end(&mut self, catalog: &Catalog) {
        for (name, finding) in std::mem::take(&mut self.later) {
            if catalog.relation(&name).is_none() {
                self.findings.push(finding);
            }
        }
    }

    /// Whether this is the first time in the file that `about` comes up under `hazard`.
    pub(super) fn first(&mut self, hazard: &'static Hazard, about: &str) -> bool {
        self.said.insert((hazard.code, about.to_owned()))
    }

    /// Whether the statement has a finding of this severity already.
    pub(super) fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.hazard.severity == severity)
    }

    pub(super) fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }
}
