//! Runs a difference on copies in a throwaway server until both schemas are the same, and proves it
//! with their fingerprints.
//!
//! A server knows what no catalog query tells: which type needs a cast, which function body names
//! what. So each statement is executed on a copy as it is found; one that comes too early waits for
//! the others; and when all have run, the copy is read again and what is still different is written
//! too.

use super::model::{Key, Kind, Schema};
use super::rename::{self, Candidate, Named, Rename};
use super::write::{Hints, Statement, Step};
use super::{compare, load, order, write};
use crate::catalog::fingerprint;
use crate::connect::{Connection, Target, database_error, sqlstate};
use crate::error::{Error, Kind as ErrorKind};
use crate::sandbox::{Cluster, SUPERUSER};
use crate::sql::quote_ident;
use std::collections::VecDeque;
use tokio_postgres::Client;

/// Most times that the copy is read again.
const MAX_ROUNDS: usize = 5;
/// Most roles that are made because a statement names them.
const MAX_ROLES: usize = 100;
/// Most lines that an error shows of what is left over.
const MAX_LINES: usize = 20;

/// SQLSTATEs of a statement that may only have come too early: undefined table, function, object,
/// column; something still depends on it; the name is still taken.
const TOO_EARLY: [&str; 8] =
    ["42P01", "42883", "42704", "42703", "2BP01", "42P07", "42710", "3F000"];
/// `datatype_mismatch`: there is no cast that is made without being asked for.
const NEEDS_CAST: &str = "42804";

/// What a person has decided.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub renames: Vec<Rename>,
    /// What is dropped and not renamed.
    pub drops: Vec<Vec<String>>,
    pub hints: Hints,
}

/// The steps from one schema to another and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub major: u32,
    pub upgrade: Vec<Step>,
    pub downgrade: Vec<Step>,
    /// Why there is no downgrade, when there is none.
    pub no_way_back: Option<Error>,
    /// Tables whose columns stand in another order, which nothing changes.
    pub column_order: Vec<String>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.upgrade.is_empty() && self.downgrade.is_empty()
    }
}

/// The difference between two databases of `cluster`, to which nobody may be connected. A way back
/// that cannot be written is no obstacle: [`Difference::no_way_back`] says why.
///
/// # Errors
/// `Kind::Refused`: a rename that nobody has decided, or a change that no statement can make.
/// `Kind::Failed`: a difference that cannot be written, with its lines; the server's own errors.
pub async fn settle(
    cluster: &Cluster,
    from: &str,
    to: &str,
    options: &Options,
) -> Result<Difference, Error> {
    let (old, new) = (read(cluster, from).await?, read(cluster, to).await?);
    let candidates = rename::candidates(&old.schema, &new.schema);
    let undecided = rename::undecided(&candidates, &options.renames, &options.drops);
    if !undecided.is_empty() {
        return Err(ask(&undecided));
    }
    let inverse = Options {
        renames: options.renames.iter().map(Rename::inverse).collect(),
        ..Options::default()
    };
    let upgrade = lead(cluster, from, &new, options, "upgrade").await?;
    let (downgrade, no_way_back) = match lead(cluster, to, &old, &inverse, "downgrade").await {
        Ok(led) => (led.steps, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Ok(Difference {
        major: cluster.major(),
        upgrade: upgrade.steps,
        downgrade,
        no_way_back,
        column_order: upgrade.column_order,
    })
}

/// Makes `schema` in `database` of `cluster`, which is new and empty.
///
/// # Errors
/// As [`settle`].
pub async fn build(cluster: &Cluster, schema: &Schema, database: &str) -> Result<(), Error> {
    let connection = cluster.connect(database).await?;
    converge(&connection, schema, &Options::default()).await?;
    // Extensions have the version that is there.
    let left = compare::compare(&portable(load(&connection).await?, true), schema);
    connection.close().await;
    if left.of.is_empty() && left.impossible.is_empty() {
        return Ok(());
    }
    let names: Vec<String> =
        left.of.keys().chain(left.impossible.keys()).take(MAX_LINES).map(Key::to_string).collect();
    let message = "the database's schema cannot be made again in a throwaway server";
    Err(Error::new(ErrorKind::Failed, message)
        .detail(format!("Different there: {}.", names.join(", "))))
}

/// A database as it is to be.
struct Goal {
    schema: Schema,
    fingerprint: Vec<String>,
    column_order: Vec<String>,
}

async fn read(cluster: &Cluster, database: &str) -> Result<Goal, Error> {
    let connection = cluster.connect(database).await?;
    let goal = read_from(&connection).await?;
    connection.close().await;
    Ok(goal)
}

async fn read_from(connection: &Connection) -> Result<Goal, Error> {
    Ok(Goal {
        schema: load(connection).await?,
        fingerprint: comparable(fingerprint(connection).await?),
        column_order: crate::catalog::column_order(connection).await?,
    })
}

/// Lines of a fingerprint without what no statement changes: the name of a NOT NULL that is inherited, and whether a
/// column that is inherited alone is marked as identity, which is the parent's to say.
#[must_use]
pub fn comparable(mut lines: Vec<String>) -> Vec<String> {
    for line in lines.iter_mut().filter(|line| line.starts_with("constraint ")) {
        if line.contains(": NOT NULL ")
            && !line.contains("; inherited 0; ")
            && let Some(at) = line.find(" on ")
        {
            line.replace_range(..at, "constraint inherited");
        }
    }
    for line in lines.iter_mut().filter(|line| line.starts_with("column ")) {
        if line.contains("; local f; ") {
            *line = line
                .replace("; identity a; ", "; identity ; ")
                .replace("; identity d; ", "; identity ; ");
        }
    }
    lines.sort();
    lines
}

struct Led {
    steps: Vec<Step>,
    column_order: Vec<String>,
}

/// The steps from a copy of database `from` to `goal`, each of them run.
async fn lead(
    cluster: &Cluster,
    from: &str,
    goal: &Goal,
    options: &Options,
    direction: &str,
) -> Result<Led, Error> {
    let copy = format!("{from} {direction}");
    cluster.drop_database(&copy).await?;
    let target: Target = cluster.create_database(&copy, Some(from)).await?;
    let connection = target.connect("airlock diff").await?;
    let mut steps = converge(&connection, &goal.schema, options).await?;
    let reached = read_from(&connection).await?;
    connection.close().await;
    let without = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|line| !b.contains(line)).cloned().collect()
    };
    let missing = without(&goal.fingerprint, &reached.fingerprint);
    let left = without(&reached.fingerprint, &goal.fingerprint);
    if !missing.is_empty() || !left.is_empty() {
        return Err(incomplete(direction, &missing, &left));
    }
    if direction == "downgrade" {
        for step in &mut steps {
            for statement in &mut step.statements {
                // Nothing waits for a value when a column comes back.
                statement.note = None;
            }
        }
    }
    let column_order = without(&goal.column_order, &reached.column_order);
    Ok(Led { steps, column_order })
}

fn incomplete(direction: &str, missing: &[String], left: &[String]) -> Error {
    let sign = |sign: &str, lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| format!("{sign} {line}")).collect()
    };
    let mut lines = [sign("+", missing), sign("-", left)].concat();
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    Error::new(ErrorKind::Failed, format!("the {direction} cannot be written completely"))
        .detail(format!(
            "Still different after every statement had run on a copy (+ is missing, - is left):\n{}",
            lines.join("\n")
        ))
        .hint("airlock has no statements for this kind of object: write that part by hand.")
}

fn ask(undecided: &[&Candidate]) -> Error {
    let lines: Vec<String> = undecided
        .iter()
        .map(|candidate| {
            let (rename, kind) = (candidate.rename(), candidate.old.key.kind.word());
            let kind = if candidate.old.label.is_some() { "label" } else { kind };
            format!("--rename {rename}  ({kind}; {})", candidate.why)
        })
        .collect();
    let message = match lines.len() {
        1 => "something may have been renamed, or dropped and added".to_owned(),
        many => format!("{many} things may have been renamed, or dropped and added"),
    };
    Error::new(ErrorKind::Refused, message)
        .detail(format!(
            "Nothing is guessed where rows would be lost. It may be:\n{}",
            lines.join("\n")
        ))
        .hint(
            "Say --rename OLD=NEW for what was renamed and --drop OLD for what is to go, or write \
             `-- airlock: renamed-from OLD to NEW` into the desired schema.",
        )
}

fn impossible(changes: &compare::Changes) -> Error {
    let lines: Vec<String> =
        changes.impossible.iter().map(|(key, why)| format!("{key}: {why}")).collect();
    Error::new(ErrorKind::Refused, "a change has to be made by hand")
        .detail(lines.join("\n"))
        .hint("Write these steps by hand in a revision of their own, then compare again.")
}

/// Runs step after step on `connection` until its schema is `goal`, as far as that goes.
async fn converge(
    connection: &Connection,
    goal: &Schema,
    options: &Options,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let mut now = load(connection).await?;
    while let Some(next) = rename::next_decided(&now, goal, &options.renames) {
        run_rename(connection, &next, &mut steps).await?;
        now = load(connection).await?;
    }
    for harmless in rename::harmless(&now, goal) {
        run_rename(connection, &harmless, &mut steps).await?;
    }
    let mut before = None;
    for _ in 0..MAX_ROUNDS {
        now = load(connection).await?;
        let changes = compare::compare(&now, goal);
        if !changes.impossible.is_empty() {
            return Err(impossible(&changes));
        }
        if changes.of.is_empty() || before.as_ref() == Some(&changes) {
            break;
        }
        let groups = order::order(&changes, &now, goal);
        let found = groups.iter().map(|group| write::step(group, &now, goal, &options.hints));
        let found = found.filter(|step| !step.statements.is_empty()).collect();
        steps.extend(run_all(connection, found).await?);
        before = Some(changes);
    }
    Ok(steps)
}

async fn run_rename(
    connection: &Connection,
    rename: &Candidate,
    steps: &mut Vec<Step>,
) -> Result<(), Error> {
    let name = |named: &Named| match &named.label {
        Some(label) => format!("'{label}'"),
        None => named.key.name_for_display(),
    };
    let step = Step {
        act: order::Act::Alter,
        key: rename.old.key.clone(),
        what: vec![format!("{} renamed to {}", name(&rename.old), name(&rename.new))],
        caution: None,
        statements: vec![rename.statement().into()],
    };
    steps.extend(run_all(connection, vec![step]).await?);
    Ok(())
}

/// Runs the steps, those that come too early after the others. The order that worked.
async fn run_all(connection: &Connection, steps: Vec<Step>) -> Result<Vec<Step>, Error> {
    let mut done = Vec::new();
    let mut open: VecDeque<Step> = steps.into();
    // Steps put back since the last one that worked.
    let mut waiting = 0;
    while let Some(mut step) = open.pop_front() {
        match run(connection, &mut step).await {
            Ok(()) => {
                done.push(step);
                waiting = 0;
            }
            Err(refused) => {
                waiting += 1;
                let early = sqlstate(&refused.error).is_some_and(|code| TOO_EARLY.contains(&code));
                if !early || waiting > open.len() {
                    let mut error = database_error(&refused.error, "try a difference on a copy");
                    let detail = error.detail.take().unwrap_or_default();
                    let detail = format!("{detail}\nStatement: {}", refused.sql);
                    return Err(error.detail(detail.trim().to_owned()));
                }
                open.push_back(step);
            }
        }
    }
    Ok(done)
}

struct Refusal {
    error: tokio_postgres::Error,
    sql: String,
}

/// Runs a step, all of it or nothing; a cast that has to be written is put in.
async fn run(client: &Client, step: &mut Step) -> Result<(), Refusal> {
    for _ in 0..MAX_ROLES {
        let Err((at, error)) = attempt(client, &step.statements).await else { return Ok(()) };
        let statement = &mut step.statements[at];
        if sqlstate(&error) == Some(NEEDS_CAST)
            && let Some(instead) = statement.instead.take()
        {
            statement.sql = instead;
            continue;
        }
        if let Some(role) = missing_role(&error) {
            let sql = format!("CREATE ROLE {}", quote_ident(&role));
            if client.batch_execute(&sql).await.is_ok() {
                continue;
            }
        }
        return Err(Refusal { error, sql: statement.sql.clone() });
    }
    // Each attempt before made a role or put in a cast, so this one has nothing left to mend.
    match attempt(client, &step.statements).await {
        Ok(()) => Ok(()),
        Err((at, error)) => Err(Refusal { error, sql: step.statements[at].sql.clone() }),
    }
}

async fn attempt(
    client: &Client,
    statements: &[Statement],
) -> Result<(), (usize, tokio_postgres::Error)> {
    client.batch_execute("BEGIN").await.map_err(|error| (0, error))?;
    for (at, statement) in statements.iter().enumerate() {
        if let Err(error) = client.batch_execute(&statement.sql).await {
            // The first error says what is wrong.
            let _ = client.batch_execute("ROLLBACK").await;
            return Err((at, error));
        }
    }
    let last = statements.len().saturating_sub(1);
    client.batch_execute("COMMIT").await.map_err(|error| (last, error))
}

/// The role that `error` says does not exist.
pub fn missing_role(error: &tokio_postgres::Error) -> Option<String> {
    const UNDEFINED_OBJECT: &str = "42704";
    if sqlstate(error) != Some(UNDEFINED_OBJECT) {
        return None;
    }
    let message = error.as_db_error()?.message();
    let name = message.strip_prefix("role \"")?.strip_suffix("\" does not exist")?;
    Some(name.to_owned())
}

/// Whether a statement may only have come too early.
pub fn is_too_early(error: &tokio_postgres::Error) -> bool {
    sqlstate(error).is_some_and(|code| TOO_EARLY.contains(&code))
}

/// The schema without what differs between servers for no fault of the schema: owners, unless they
/// are asked for, and versions of extensions.
#[must_use]
pub fn portable(mut schema: Schema, owners: bool) -> Schema {
    for object in schema.objects.values_mut() {
        let by_a_role = object.text("owner").is_some_and(|owner| !owner.starts_with("pg_"));
        if !owners && by_a_role {
            object.parts.insert("owner".to_owned(), SUPERUSER.into());
        }
        if object.key.kind == Kind::Extension {
            object.parts.remove("version");
        }
    }
    schema
}
