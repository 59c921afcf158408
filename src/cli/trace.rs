//! `airlock trace`: what each statement really locks, rewrites and scans, beside what the model says.

use super::args::Global;
use super::output::{Done, Output};
use super::rehearsal::{Rehearsal, What, server};
use crate::analyze::{AnalyzeError, Impact, analyze, fired_triggers};
use crate::catalog::load;
use crate::connect::{Connection, Target, database_error};
use crate::error::{Error, Kind};
use crate::observe::run::{End, Outcome, observe};
use crate::observe::{Difference, Effects, Relations, differences};
use crate::report::trace::{self, Seen, Traced};
use crate::rewrite;
use crate::sql::{Script, Shape, quote_ident, shape};

/// Run a migration in a throwaway server and show what it really locks
///
/// Each statement runs, as written, in a transaction of its own; what it then holds is read from
/// pg_locks, and its rewrites and scans from the server's files, counters and messages. A statement
/// that forbids a transaction is watched from another session, where a lock held for an instant can
/// be missed. BEGIN and COMMIT in the file are left out.
///
/// Exit code 1 when the model and the server differ, or when the server refuses a statement. A
/// statement that the model calls opaque or unknown is shown and is no difference: it makes no claim.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub what: What,
    /// Run in this database instead of a throwaway server; the migration stays done there
    #[arg(long, value_name = "URL", conflicts_with = "like")]
    pub scratch_url: Option<String>,
    /// Use the scratch database although it has tables
    #[arg(long, requires = "scratch_url")]
    pub allow_tables: bool,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let rehearsal = Rehearsal::read(&args.what, &settings)?;
    // The statements run one by one: what the migration takes back would stay.
    if let Some(found) = rewrite::of_transactions(&rehearsal.script).into_iter().next() {
        return Err(Error::at(Kind::Refused, &rehearsal.path, &rehearsal.text, found));
    }
    let cluster;
    let target = match &args.scratch_url {
        Some(url) => scratch(settings.target_at(url)?, args.allow_tables).await?,
        None => {
            cluster = server(&args.what, &rehearsal, output).await?;
            rehearsal.database(&cluster, "trace", output).await?
        }
    };
    let connection = target.connect("airlock trace").await?;
    if args.scratch_url.is_some() {
        rehearsal.prepare(&connection).await?;
    }
    let asked = connection.batch_execute("SET client_min_messages = debug1").await;
    asked.map_err(|error| database_error(&error, "ask for messages"))?;
    let traced = statements(&connection, &target, &rehearsal.script).await?;
    let version = connection.server_version()?.to_string();
    let mut done = Done::new(trace::text(&version, &traced), trace::json(&version, &traced));
    if trace::is_wrong(&traced) {
        done.exit = Some(Kind::Failed);
    }
    Ok(done)
}

/// The scratch database, if it may be used.
async fn scratch(target: Target, allow_tables: bool) -> Result<Target, Error> {
    let connection = target.connect("airlock trace").await?;
    let relations = Relations::load(&connection).await;
    let relations = relations.map_err(|error| database_error(&error, "look for tables"))?;
    connection.close().await;
    if relations.is_empty() || allow_tables {
        return Ok(target);
    }
    let message = format!("the scratch database has {} relations", relations.len());
    Err(Error::new(Kind::Input, message)
        .detail("The migration would run there and stay done.")
        .hint("Name an empty database, or say --allow-tables if this one may be changed."))
}

async fn statements(
    connection: &Connection,
    target: &Target,
    script: &Script,
) -> Result<Vec<Traced>, Error> {
    let mut traced = Vec::new();
    for (index, statement) in script.statements.iter().enumerate() {
        let sql = statement.sql.clone();
        let mut next = Traced {
            number: index + 1,
            line: statement.line,
            sql,
            claim: None,
            triggers: Vec::new(),
            seen: Seen::LeftOut,
        };
        if shape(&statement.sql) == Ok(Shape::TransactionControl) {
            traced.push(next);
            continue;
        }
        let catalog = load(connection).await?;
        let known = Relations::load(connection).await;
        let known = known.map_err(|error| database_error(&error, "list the relations"))?;
        let claim: Result<Impact, AnalyzeError> = analyze(statement, &catalog);
        next.triggers = fired_triggers(statement, &catalog)
            .into_iter()
            .map(|(table, trigger)| format!("{} of {table}", quote_ident(&trigger.name)))
            .collect();
        let outcome = observe(connection, target, &statement.sql, &known, End::Commit).await?;
        next.seen = match outcome {
            Outcome::Failed(refusal) => Seen::Failed(refusal),
            Outcome::Done { effects, sight } => {
                let mut found = match &claim {
                    Ok(impact) => differences(&effects, &Effects::claimed(impact, &known), sight),
                    Err(_) => Vec::new(),
                };
                if !next.triggers.is_empty() {
                    found.retain(Difference::is_said);
                }
                Seen::Done { effects, sight, differences: found }
            }
        };
        next.claim = Some(claim.map_err(|error| error.diagnostic().message.clone()));
        let stop = matches!(next.seen, Seen::Failed(_));
        traced.push(next);
        if stop {
            break;
        }
    }
    Ok(traced)
}
