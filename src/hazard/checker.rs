//! Goes through the statements of one file, in order.

use super::context::Context;
use super::find::Found;
use super::history::History;
use super::registry::RULES;
use super::{Finding, alter};
use crate::analyze::Impact;
use crate::catalog::Catalog;
use crate::sql::Statement;

/// What is known of a file beside its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// The tool that runs the file puts all of it in one transaction.
    pub in_transaction: bool,
    /// The tool, or the settings of the role, bound the wait for a lock (`lock_timeout`).
    pub lock_timeout: bool,
}

/// Relations that are looked up before the checks; few, because they are gone through one by one.
const LOOKED_UP: usize = 4;

/// The checks of one file. The catalogs that it is given mark as `created_here` what this file has
/// made, and nothing else.
#[derive(Debug)]
pub struct Checker {
    history: History,
    found: Found,
}

impl Checker {
    pub fn new(options: Options) -> Self {
        Self { history: History::new(options), found: Found::default() }
    }

    /// What is hazardous in the next statement of the file. `catalog` is the one before it, `impact`
    /// what `analyze` says of it there. A statement that `analyze` refuses goes to
    /// [`Checker::refused`] instead, so that numbers and transactions stay right.
    pub fn statement(
        &mut self,
        statement: &Statement,
        catalog: &Catalog,
        impact: &Impact,
    ) -> Vec<Finding> {
        self.history.begin();
        let subcommands = alter::subcommands(statement, catalog, impact);
        let locks = impact.locks.iter().take(LOOKED_UP).map(|lock| &lock.relation);
        let locked: Vec<_> = locks.map(|name| (name, catalog.relation(name))).collect();
        let cx = Context {
            statement,
            catalog,
            impact,
            subcommands: &subcommands,
            file: &self.history,
            locked: &locked,
        };
        for rule in RULES {
            (rule.check)(&cx, &mut self.found);
        }
        self.history.end(statement, catalog, impact);
        self.found.take()
    }

    /// Counts a statement of which nothing can be said.
    pub fn refused(&mut self, statement: &Statement) {
        self.history.begin();
        self.history.refused(statement);
    }

    /// Counts a statement that cannot be read.
    pub fn unread(&mut self) {
        self.history.begin();
    }

    /// What can only be said once the whole file is known. `catalog` is the one after the last
    /// statement.
    pub fn end(&mut self, catalog: &Catalog) -> Vec<Finding> {
        for rule in RULES {
            if let Some(end) = rule.end {
                end(&self.history, catalog, &mut self.found);
            }
        }
        self.found.end(catalog);
        self.found.take()
    }
}
