//! One statement, in the way that it allows: in a transaction, or watched from outside.

use super::{Effects, Relations, Sight, inside, outside};
use crate::connect::{Connection, Target, sqlstate};
use crate::error::Error;

/// SQLSTATE of what "cannot run inside a transaction block".
const ACTIVE_SQL_TRANSACTION: &str = "25001";

/// What becomes of a statement that runs in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Commit,
    Rollback,
}

/// What came of one statement.
#[derive(Debug)]
pub enum Outcome {
    Done {
        effects: Effects,
        sight: Sight,
    },
    /// The server refused it; nothing is left of it.
    Failed(Refusal),
}

/// Why the server refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub message: String,
    pub sqlstate: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Refusal {
    fn of(error: &tokio_postgres::Error) -> Option<Self> {
        error.as_db_error().map(|server| Self {
            message: server.message().to_owned(),
            sqlstate: server.code().code().to_owned(),
            detail: server.detail().map(str::to_owned),
            hint: server.hint().map(str::to_owned),
        })
    }
}

/// Runs `sql`, one statement, on `connection` (which leads to `target` and has no transaction open).
/// What runs outside a transaction stays done whatever `end` says.
///
/// # Errors
/// When the server cannot be asked.
pub async fn observe(
    connection: &Connection,
    target: &Target,
    sql: &str,
    known: &Relations,
    end: End,
) -> Result<Outcome, Error> {
    let major = connection.server_version()?.major;
    let lost = |error: &tokio_postgres::Error| {
        crate::connect::database_error(error, "observe the statement")
    };
    connection.batch_execute("BEGIN").await.map_err(|error| lost(&error))?;
    let refused = match inside::observe(connection, sql, known).await {
        Ok(effects) => {
            let word = if end == End::Commit { "COMMIT" } else { "ROLLBACK" };
            // What is deferred to the end can fail there.
            match connection.batch_execute(word).await {
                Ok(()) => return Ok(Outcome::Done { effects, sight: Sight::Inside { major } }),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    let Some(refusal) = Refusal::of(&refused) else { return Err(lost(&refused)) };
    connection.batch_execute("ROLLBACK").await.map_err(|error| lost(&error))?;
    if sqlstate(&refused) != Some(ACTIVE_SQL_TRANSACTION) {
        return Ok(Outcome::Failed(refusal));
    }
    let words = sql.trim_start().to_ascii_lowercase();
    let concurrent = words.contains("concurrently");
    let vacuum = words.starts_with("vacuum");
    match outside::observe(connection, target, sql, known).await? {
        Ok(effects) => Ok(Outcome::Done { effects, sight: Sight::Outside { concurrent, vacuum } }),
        Err(refusal) => Ok(Outcome::Failed(refusal)),
    }
}

pub(super) fn refusal(error: &tokio_postgres::Error) -> Result<Refusal, Error> {
    Refusal::of(error).ok_or_else(|| crate::connect::database_error(error, "run the statement"))
}
