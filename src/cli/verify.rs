//! `airlock verify`: a migration as written and as planned, side by side in throwaway databases. (The
//! verify section of a revision is `verify_section.rs`.)

use super::args::Global;
use super::output::{Done, Output};
use super::rehearsal::{Rehearsal, What, server};
use crate::catalog::{self, Catalog, RelationKind, load};
use crate::config::Settings;
use crate::connect::{Connection, Target, database_error};
use crate::error::{Error, Excerpt, Kind};
use crate::plan::{NoteKind, Phase, Plan, PlannedRevision};
use crate::report::verify::{self, Comparison, State};
use crate::revision::RevisionId;
use crate::rewrite::{self, Options};
use crate::run::{self, Hooks, Scope};
use crate::sql::canonical;

/// Run a migration as written and as planned in throwaway databases, and compare the end states
///
/// Both databases begin with the same preparation. In one the statements run as they stand, in the
/// other the plan runs through contract. Then everything in the catalogs, the rows of every table and
/// the positions of sequences are compared. The plan is made as for large tables, whatever is in them.
///
/// Exit code 1 when the end states differ. Values that no two runs have in common (random(), now())
/// are a difference of rows.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub what: What,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let rehearsal = Rehearsal::read(&args.what, &settings)?;
    let cluster = server(&args.what, &rehearsal, output).await?;
    let base = rehearsal.database(&cluster, "prepared", output).await?;
    let base = base.connect("airlock verify").await?;
    let catalog = load(&base).await?;
    base.close().await;
    // Refused before anything runs.
    let plan = plan(&rehearsal, catalog, &settings)?;

    let written = cluster.create_database("as_written", Some("prepared")).await?;
    let connection = written.connect("airlock verify").await?;
    for statement in &rehearsal.script.statements {
        connection.batch_execute(&statement.sql).await.map_err(|error| {
            let shown = database_error(&error, "run the migration as written");
            let mut found = crate::sql::Diagnostic::new(shown.message, statement.span);
            found.detail = shown.detail;
            found.hint = shown.hint;
            Error::at(Kind::Failed, &rehearsal.path, &rehearsal.text, found)
        })?;
    }
    connection.close().await;
    let planned = cluster.create_database("as_planned", Some("prepared")).await?;
    let scope = Scope { through: Phase::Contract };
    run::execute(&planned, &plan, scope, &settings.limits, Hooks::default()).await.map_err(
        |error| {
            let mut error = Error::from(error);
            error.message = format!("the plan failed: {}", error.message);
            error
        },
    )?;
    let announced = |kind: NoteKind| plan.notes.iter().any(|note| note.kind == kind);
    let (mut written, mut planned) = (state(&written).await?, state(&planned).await?);
    if announced(NoteKind::Inheritance) {
        written.forget_local_not_null();
        planned.forget_local_not_null();
    }
    let order_announced = announced(NoteKind::ColumnOrder);
    let comparison = Comparison { written, planned, order_announced };
    let mut done = Done::new(verify::text(&comparison, &plan), verify::json(&comparison, &plan));
    if !comparison.is_equal() {
        done.exit = Some(Kind::Failed);
    }
    Ok(done)
}

fn plan(rehearsal: &Rehearsal, mut catalog: Catalog, settings: &Settings) -> Result<Plan, Error> {
    // As for tables that are large and in use: else an empty one would need no recipe.
    catalog.sizes_known = false;
    let options = Options { small_table_rows: 0, ..settings.planning.clone() };
    let digest = canonical::digest(&rehearsal.script);
    let planned = match &rehearsal.revision {
        Some(revision) => PlannedRevision {
            id: revision.id.to_string(),
            parents: revision.parents.iter().map(RevisionId::to_string).collect(),
            message: revision.message.clone(),
            digest,
        },
        None => PlannedRevision {
            id: digest.chars().filter(char::is_ascii_hexdigit).take(12).collect(),
            parents: Vec::new(),
            message: rehearsal.path.clone(),
            digest,
        },
    };
    rewrite::plan(&rehearsal.script, &catalog, planned, &options).map_err(|error| {
        let kind = error.kind();
        let diagnostics = error.diagnostics();
        let mut shown = Error::new(kind, "the migration cannot be planned");
        if let [only] = &diagnostics[..] {
            return Error::at(kind, &rehearsal.path, &rehearsal.text, only.clone());
        }
        shown.excerpt = Some(Box::new(Excerpt {
            path: rehearsal.path.clone(),
            text: rehearsal.text.clone(),
            diagnostics,
        }));
        shown
    })
}

/// Everything about a database that is compared.
async fn state(target: &Target) -> Result<State, Error> {
    let connection: Connection = target.connect("airlock verify").await?;
    let mut state = State {
        schema: catalog::fingerprint(&connection).await?,
        column_order: catalog::column_order(&connection).await?,
        ..State::default()
    };
    for relation in load(&connection).await?.relations.values() {
        match relation.kind {
            RelationKind::Table | RelationKind::MaterializedView | RelationKind::Sequence => {}
            RelationKind::PartitionedTable
            | RelationKind::View
            | RelationKind::ForeignTable
            | RelationKind::CompositeType => continue,
        }
        let digest = catalog::data_digest(&connection, &relation.name).await?;
        state.data.insert(relation.name.to_string(), (relation.kind, digest));
    }
    connection.close().await;
    Ok(state)
}
