//! The library under test, as the checks call it: plan a case, run the plan, take it back.

use crate::case::Case;
use crate::server::Database;
use airlock::catalog::Need;
use airlock::error::Kind;
use airlock::plan::{NoteKind, Phase, Plan, PlannedRevision, Undo, file};
use airlock::rewrite::{self, Options, RewriteError};
use airlock::run::{self, Hooks, Limits, Outcome, RunError, Scope};
use airlock::sql::{self, Diagnostic, canonical};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The last phase before the applications have to have changed.
pub const BEFORE_GATE: Phase = Phase::Switch;

/// Why a migration was not planned.
#[derive(Debug)]
pub struct Refused {
    pub kind: Kind,
    /// Every message, label, detail and hint.
    pub text: String,
}

impl Refused {
    fn new(kind: Kind, diagnostics: &[Diagnostic]) -> Self {
        let mut text = String::new();
        for Diagnostic { message, label, detail, hint, .. } in diagnostics {
            for part in [Some(message), label.as_ref(), detail.as_ref(), hint.as_ref()] {
                text.push_str(part.map_or("", String::as_str));
                text.push('\n');
            }
        }
        Self { kind, text }
    }
}

/// The plan of `case` for a database with its setup. Data statements are batched whatever the size
/// of the table, or no case could see a batch.
///
/// The same plan must come of as much of the catalog as [`Need`] says.
pub async fn plan(database: &Database<'_>, case: &Case) -> Result<Plan, Refused> {
    let script = sql::parse(&case.text, case.migration.clone())
        .map_err(|error| Refused::new(Kind::Input, &[error.diagnostic().clone()]))?;
    let connection = database.connect().await;
    let catalog = airlock::catalog::load(&connection).await.unwrap();
    let needed = match Need::of(&case.text[case.migration.clone()], &script.statements) {
        Some(need) => Some(airlock::catalog::load_needed(&connection, &need).await.unwrap()),
        None => None,
    };
    connection.close().await;
    let id = Sha256::digest(case.name.as_bytes())[..6].iter().map(|b| format!("{b:02x}")).collect();
    let revision = PlannedRevision {
        id,
        parents: Vec::new(),
        message: case.name.replace('_', " "),
        digest: canonical::digest(&script),
    };
    let options = Options { small_table_rows: 0, ..Options::default() };
    let planned = rewrite::plan(&script, &catalog, revision.clone(), &options);
    if let (Some(needed), Ok(plan)) = (&needed, &planned) {
        let same = rewrite::plan(&script, needed, revision, &options)
            .unwrap_or_else(|error| panic!("by need: {:#?}", error.diagnostics()));
        assert_eq!(file::to_toml(&same), file::to_toml(plan), "planned by need");
    }
    planned.map_err(|error: RewriteError| Refused::new(error.kind(), &error.diagnostics()))
}

/// The plan of a case that can be planned.
pub async fn planned(database: &Database<'_>, case: &Case) -> Plan {
    plan(database, case)
        .await
        .unwrap_or_else(|refused| panic!("not planned ({:?}): {}", refused.kind, refused.text))
}

/// Bounds of a run in a test: the budgets as they are, no patience for what never comes.
pub fn limits() -> Limits {
    Limits { patience: Duration::from_secs(60), ..Limits::default() }
}

pub async fn execute(
    database: &Database<'_>,
    plan: &Plan,
    through: Phase,
    hooks: &Hooks,
) -> Result<Outcome, RunError> {
    let scope = Scope { through };
    run::execute(&database.target(), plan, scope, &limits(), hooks.clone()).await
}

/// A run that nothing disturbs.
pub async fn run_through(database: &Database<'_>, plan: &Plan, through: Phase) -> Outcome {
    execute(database, plan, through, &Hooks::default())
        .await
        .unwrap_or_else(|error| panic!("run through {through}: {}", explain(error)))
}

pub async fn rollback(
    database: &Database<'_>,
    plan: &Plan,
    hooks: &Hooks,
) -> Result<Outcome, RunError> {
    run::rollback(&database.target(), plan, &limits(), hooks.clone()).await
}

/// Message, detail and hint.
pub fn explain(error: RunError) -> String {
    let airlock::error::Error { message, detail, hint, .. } = error.into();
    [Some(message), detail, hint].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

pub fn has_note(plan: &Plan, kind: NoteKind) -> bool {
    plan.notes.iter().any(|note| note.kind == kind)
}

/// Whether every step before contract can be taken back.
pub fn is_reversible(plan: &Plan) -> bool {
    let before_contract = plan.steps.iter().filter(|step| step.phase != Phase::Contract);
    !before_contract.map(|step| &step.undo).any(|undo| matches!(undo, Undo::Irreversible { .. }))
}
