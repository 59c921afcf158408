//! Statements that would hurt a busy database become steps, phase by phase. Pure; one file per
//! recipe, each of which begins with the recipe in words.
//!
//! [`plan`] reads the statements of a migration in order, against a catalog that it moves forward,
//! and asks the recipe of each for steps. It never guesses: what no recipe knows is refused.

mod acl;
mod add_check;
mod add_column;
mod add_foreign_key;
mod add_numbered;
mod add_stored;
mod add_unique;
mod add_volatile;
mod again;
mod alternatives;
mod as_is;
mod awaited_key;
mod change_type;
mod column;
mod create_index;
mod created;
mod data;
mod dispatch;
mod draft;
mod drop_column;
mod drop_index;
mod drop_table;
mod error;
mod fill;
mod floors;
mod groups;
mod half_done;
mod idempotence;
mod identity;
mod inverse;
mod maintenance;
mod marker;
mod not_null_names;
mod one_transaction;
mod op;
mod order;
mod partition;
mod partitioned;
mod privileges;
mod reached;
mod rebuild;
mod refresh;
mod rename_column;
mod rename_function;
mod rename_other;
mod rename_table;
mod renamed;
mod replaced_view;
pub mod reverse;
mod schema_elements_back;
mod sequence;
mod session;
mod set_not_null;
mod shadow_view;
mod strangers;
mod substitute;
mod sync;
mod text;
mod undo_locks;
mod view_query;
mod walks;
mod whole_row;
mod witness;

pub use error::{Refusal, RewriteError};
pub use one_transaction::one_transaction;
pub use session::{of_session, of_transactions};

use crate::analyze;
use crate::catalog::{Catalog, facts};
use crate::plan::{self, Fact, Gate, Phase, Plan, PlannedRevision, PlannedStatement};
use crate::sql::{Script, Statement};
use draft::Draft;

/// What decides between recipes, beside the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// An `UPDATE` or `DELETE` of a table with at most this many rows stays one statement.
    pub small_table_rows: u64,
    /// Above this size (bytes, TOAST included) a renamed column is not copied.
    pub dual_column_limit_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { small_table_rows: 10_000, dual_column_limit_bytes: 10 * 1024 * 1024 * 1024 }
    }
}

/// The plan that does what `script` says to a database that looks like `catalog`.
///
/// # Errors
/// Every statement that names what does not exist, or that has no safe form and was not allowed,
/// all of them at once and each with its place.
pub fn plan(
    script: &Script,
    catalog: &Catalog,
    revision: PlannedRevision,
    options: &Options,
) -> Result<Plan, RewriteError> {
    let settings = session::check(script).map_err(RewriteError::Refused)?;
    let ambiguous = session::ambiguous(script, catalog);
    if !ambiguous.is_empty() {
        return Err(RewriteError::Refused(ambiguous));
    }
    let groups = groups::recognise(script, catalog);
    let retypes = change_type::recognise(script, catalog);
    let mut draft = Draft::new(catalog, options, &revision.id, groups, retypes, script);
    draft.settings = settings;
    let mut statements = Vec::new();
    for (index, statement) in script.statements.iter().enumerate() {
        let (written_out, floor) = whole_row::written_out(&mut draft, statement);
        let written = statement;
        let statement: &Statement = &written_out;
        let seen = change_type::unhindered(&draft.catalog, statement);
        let impact = match analyze::analyze(statement, &seen) {
            Ok(impact) => impact,
            // What follows may depend on what could not be read: one message says more than ten
            // that only repeat it.
            Err(error) => {
                let error = change_type::explained(&draft.catalog, statement, error);
                return Err(RewriteError::Analyze(error));
            }
        };
        statements.push(PlannedStatement {
            number: index + 1,
            line: statement.line,
            sql: written.sql.clone(),
            locks: impact.locks.clone(),
            work: impact.work.clone(),
        });
        draft.begin(index, statement, &impact);
        let floor = floor.max(order::floor(&mut draft, statement));
        draft.raise_all(floor);
        dispatch::statement(&mut draft, statement, &impact);
        half_done::remember(&mut draft, statement);
        order::remember(&mut draft, statement);
        draft.end(statement);
    }
    walks::refuse(&mut draft, script);
    draft.refuse_unused_directives(script);
    let drafted = draft.finish()?;
    let mut found: Vec<Fact> = facts::facts(catalog, &drafted.relied);
    found.extend(facts::of_functions(catalog, &drafted.relied_functions));
    found.extend(
        drafted
            .empty
            .iter()
            .map(|name| Fact { about: format!("{} {name}", plan::EMPTY), value: "yes".to_owned() }),
    );
    found.sort();
    found.dedup();
    let gates = drafted
        .gates
        .into_iter()
        .map(|(before, until)| Gate {
            before,
            until: until.into_iter().collect::<Vec<_>>().join("; "),
        })
        .collect();
    let mut plan = Plan {
        format: plan::FORMAT,
        revision,
        server: catalog.server.major(),
        search_path: drafted.search_path,
        settings: drafted.settings,
        digest: String::new(),
        notes: drafted.notes,
        gates,
        statements,
        steps: drafted.steps,
        facts: found,
    };
    plan.digest = plan::file::digest(&plan);
    Ok(plan)
}

/// Phases that a plan passes without asking.
pub fn is_automatic(plan: &Plan, phase: Phase) -> bool {
    plan.gates.iter().all(|gate| gate.before != phase)
}
