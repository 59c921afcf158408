//! Hazards against real servers: the examples of the pages ([`examples`]), what the pages say of
//! PostgreSQL ([`claims`]), and what servers were seen to do ([`facts`]).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod examples;
mod facts;
mod shop;

use airlock::analyze::{AnalyzeError, analyze};
use airlock::catalog::Catalog;
use airlock::hazard::{Checker, Finding, Options};
use airlock::sql::parse;

/// The findings of a file on a database that looks like `catalog`.
pub(crate) fn findings(sql: &str, mut catalog: Catalog) -> Result<Vec<Finding>, AnalyzeError> {
    let mut checker = Checker::new(Options::default());
    let mut findings = Vec::new();
    for statement in parse(sql, 0..sql.len()).unwrap().statements {
        let impact = analyze(&statement, &catalog)?;
        findings.extend(checker.statement(&statement, &catalog, &impact));
        catalog.apply(&statement);
    }
    findings.extend(checker.end(&catalog));
    Ok(findings)
}
