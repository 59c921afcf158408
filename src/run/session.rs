//! One connection, and the only way in which the runner sends a statement: tapped, one statement a
//! message, cancelled when the user insists.
//!
//! Never retries and never decides what an error means.

use super::error::{RunError, ServerError};
use super::flight::Flights;
use super::stop::Stop;
use super::tap::{Label, Tap, Verdict};
use crate::connect::{Canceller, Connection, database_error, is_connection_lost};
use crate::journal::{Command, Hits, Value};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::Row;

/// How long a cancelled statement may take to end before we stop listening to it.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a statement did not do what it should.
#[derive(Debug)]
pub(super) enum Fault {
    /// A tap cut us off; the connection is of no use any more.
    Cut,
    /// The connection is gone. Whether the statement took effect is not known.
    Lost(String),
    /// The user has asked to stop for the second time.
    Insisted,
    /// A write to the journal hit nothing: another runner took over, or the row is in a state that
    /// does not allow the write.
    Refused(&'static str),
    /// The server's answer is an error.
    Server(Box<ServerError>),
}

impl Fault {
    pub(super) fn sqlstate(&self) -> Option<&str> {
        match self {
            Fault::Server(error) => Some(&error.sqlstate),
            Fault::Cut | Fault::Lost(_) | Fault::Insisted | Fault::Refused(_) => None,
        }
    }

    /// The error that ends the run, for a fault that nobody has an answer to.
    pub(super) fn doing(self, doing: impl Into<String>) -> RunError {
        match self {
            Fault::Cut => RunError::Cut,
            Fault::Lost(reason) => RunError::Lost { step: None, reason },
            Fault::Insisted => RunError::Interrupted { step: None, note: None },
            Fault::Refused(write) => RunError::Replaced { refused: Some(write) },
            Fault::Server(error) => RunError::Server { doing: doing.into(), step: None, error },
        }
    }
}

/// What came of a statement and the write to the journal that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// Rows touched by the statement.
    pub rows: u64,
    /// Rows touched by the write.
    pub hit: u64,
    /// Row versions that are in the block of the one before them, if that was asked for ("HOT").
    pub kept: u64,
}

fn count(rows: &[Row]) -> i64 {
    rows.first().map(|row| row.get(0)).unwrap_or_default()
}

/// What a counter has grown by.
fn kept(before: i64, after: i64) -> u64 {
    u64::try_from(after - before).unwrap_or_default()
}

/// What a session shares with the others of its run.
#[derive(Clone)]
pub(super) struct Shared {
    pub stop: Stop,
    pub tap: Option<Arc<dyn Tap>>,
    /// Set by the first cut: every session of the run is cut off with it.
    pub cut: Arc<AtomicBool>,
    pub flights: Flights,
}

impl Shared {
    pub(super) fn new(stop: Stop, tap: Option<Arc<dyn Tap>>) -> Self {
        Self { stop, tap, cut: Arc::new(AtomicBool::new(false)), flights: Flights::default() }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

/// A connection of the runner.
pub(super) struct Session {
    connection: Connection,
    canceller: Canceller,
    shared: Shared,
    place: Mutex<Place>,
    /// An answer did not arrive: nothing of this connection can be relied on.
    lost: AtomicBool,
    /// Process id of the backend.
    pub pid: i32,
}

#[derive(Default)]
struct Place {
    step: String,
    ordinal: u32,
}

impl Session {
    /// `connection` as a session whose statements are tapped, before any was sent.
    pub(super) async fn new(connection: Connection, shared: Shared) -> Result<Self, Fault> {
        let canceller = connection.canceller();
        let place = Mutex::new(Place { step: "run".to_owned(), ordinal: 0 });
        let lost = AtomicBool::new(false);
        let mut session = Self { connection, canceller, shared, place, lost, pid: 0 };
        let row = session.row("backend pid", "SELECT pg_catalog.pg_backend_pid()", &[]).await?;
        session.pid = row.get(0);
        Ok(session)
    }

    /// Labels of the statements to come: `step`, counted from 1.
    pub(super) fn enter(&self, step: &str) {
        *self.place() = Place { step: step.to_owned(), ordinal: 0 };
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For reading the journal; nothing else may be sent past the taps.
    pub(super) fn client(&self) -> &tokio_postgres::Client {
        &self.connection.client
    }

    pub(super) fn closed(&self) -> bool {
        self.connection.closed()
    }

    /// Waits for a notification.
    pub(super) async fn notified(&self) {
        self.connection.notified().await;
    }

    pub(super) fn notices(&self) -> Vec<tokio_postgres::error::DbError> {
        self.connection.take_notices()
    }

    /// A statement without parameters or answer, of ours: `BEGIN`, `SET`, `COMMIT`. (By the simple
    /// protocol, so it must be one statement.)
    pub(super) async fn control(&self, sql: &str) -> Result<(), Fault> {
        self.send(sql, self.connection.batch_execute(sql)).await
    }

    /// As [`Session::control`], also when the user has insisted: `ROLLBACK`, restoring settings.
    pub(super) async fn tidy(&self, sql: &str) -> Result<(), Fault> {
        self.tapped(sql, self.connection.batch_execute(sql)).await
    }

    /// A statement, of a plan or ours; gives the rows touched. By the extended protocol, in one
    /// round trip: the server refuses a text that holds more than one statement.
    pub(super) async fn execute(
        &self,
        what: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<u64, Fault> {
        let typed: Vec<_> = params.iter().map(Value::typed).collect();
        self.send(what, self.connection.execute_typed(sql, &typed)).await
    }

    /// A query.
    pub(super) async fn rows(
        &self,
        what: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Row>, Fault> {
        let typed: Vec<_> = params.iter().map(Value::typed).collect();
        self.send(what, self.connection.query_typed(sql, &typed)).await
    }

    /// A query that gives one row.
    pub(super) async fn row(&self, what: &str, sql: &str, params: &[Value]) -> Result<Row, Fault> {
        let typed: Vec<_> = params.iter().map(Value::typed).collect();
        self.send(what, self.connection.query_typed_one(sql, &typed)).await
    }

    /// A query of the journal.
    pub(super) async fn ask(&self, command: &Command) -> Result<Vec<Row>, Fault> {
        self.rows(command.label, &command.sql, &command.params).await
    }

    /// A write to the journal.
    pub(super) async fn write(&self, command: &Command) -> Result<u64, Fault> {
        let hit = self.execute(command.label, &command.sql, &command.params).await?;
        match command.hits {
            Hits::Some if hit == 0 => Err(Fault::Refused(command.label)),
            Hits::Some | Hits::Any => Ok(hit),
        }
    }

    /// A query that gives one text, also when the user has insisted.
    pub(super) async fn last_text(&self, what: &str, sql: &str) -> Result<String, Fault> {
        let row = self.tapped(what, self.connection.query_typed_one(sql, &[])).await?;
        Ok(row.try_get(0).unwrap_or_default())
    }

    /// As [`Session::write`], also when the user has insisted.
    pub(super) async fn write_last(&self, command: &Command) -> Result<(), Fault> {
        let typed: Vec<_> = command.params.iter().map(Value::typed).collect();
        let sent = self.connection.execute_typed(&command.sql, &typed);
        self.tapped(command.label, sent).await.map(drop)
    }

    /// `BEGIN`, a statement and a write to the journal without waiting for answers in between. Each
    /// is a message of its own, so the server sees a statement each. With a tap they go one by one,
    /// so that each can be cut. `gauge`: the table for which to count updates in place.
    pub(super) async fn pipeline(
        &self,
        what: &str,
        sql: &str,
        journal: &Command,
        gauge: Option<u32>,
    ) -> Result<Sent, Fault> {
        // Counts of this transaction and of those before it that the server has not added up yet.
        let gauge = gauge.map(|relation| {
            format!("SELECT pg_catalog.pg_stat_get_xact_tuples_hot_updated({relation})")
        });
        if self.shared.tap.is_some() {
            self.control("BEGIN").await?;
            let before = self.gauge(gauge.as_deref()).await?;
            let rows = self.execute(what, sql, &[]).await?;
            let after = self.gauge(gauge.as_deref()).await?;
            let hit = self.execute(journal.label, &journal.sql, &journal.params).await?;
            return Ok(Sent { rows, hit, kept: kept(before, after) });
        }
        let typed: Vec<_> = journal.params.iter().map(Value::typed).collect();
        let count = async || match &gauge {
            Some(sql) => self.connection.query_typed(sql, &[]).await.map(|rows| count(&rows)),
            None => Ok(0),
        };
        self.send(what, async {
            let (begun, before, rows, after, hit) = tokio::join!(
                biased;
                self.connection.batch_execute("BEGIN"),
                count(),
                self.connection.execute_typed(sql, &[]),
                count(),
                self.connection.execute_typed(&journal.sql, &typed),
            );
            begun?;
            Ok(Sent { rows: rows?, hit: hit?, kept: kept(before?, after?) })
        })
        .await
    }

    async fn gauge(&self, sql: Option<&str>) -> Result<i64, Fault> {
        match sql {
            Some(sql) => self.rows("updates in place", sql, &[]).await.map(|rows| count(&rows)),
            None => Ok(0),
        }
    }

    /// Cancels the statement in flight.
    pub(super) fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    async fn send<T>(
        &self,
        what: &str,
        sent: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        if self.shared.stop.insisted() {
            return Err(Fault::Insisted);
        }
        let flight = self.shared.flights.depart(self.pid);
        self.tapped(what, async {
            // On the heap: every statement of a run has a place for this on its callers' stacks.
            let mut sent = Box::pin(sent);
            tokio::select! {
                biased;
                answer = &mut sent => return answer.map_err(InFlight::Failed),
                why = flight.lost() => return Err(InFlight::Lost(why)),
                () = self.shared.stop.now() => {}
            }
            // A failure to cancel leaves the statement running; the timeout is for that as well.
            let _ = Box::pin(self.canceller.cancel()).await;
            match tokio::time::timeout(CANCEL_TIMEOUT, sent).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) if is_connection_lost(&error) => Err(InFlight::Failed(error)),
                Ok(Err(_)) | Err(_) => Err(InFlight::Insisted),
            }
        })
        .await
    }

    async fn tapped<T, E: Into<InFlight>>(
        &self,
        what: &str,
        sent: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Fault> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(Fault::Lost("the connection was given up".to_owned()));
        }
        let sent = async {
            let answer = sent.await.map_err(Into::into);
            // Nothing is sent any more on a connection whose answers do not arrive.
            if matches!(answer, Err(InFlight::Lost(_))) {
                self.lost.store(true, Ordering::Relaxed);
            }
            answer
        };
        let Some(tap) = &self.shared.tap else {
            return sent.await.map_err(|error| fault(error, what));
        };
        let (step, ordinal) = {
            let mut place = self.place();
            place.ordinal += 1;
            (place.step.clone(), place.ordinal)
        };
        let label = Label { step: &step, ordinal, what };
        self.heed(|| tap.before(label))?;
        let answer = sent.await;
        self.heed(|| tap.after(label))?;
        answer.map_err(|error| fault(error, what))
    }

    fn heed(&self, tap: impl FnOnce() -> Verdict) -> Result<(), Fault> {
        if self.shared.is_cut() {
            return Err(Fault::Cut);
        }
        match tap() {
            Verdict::GoOn => Ok(()),
            Verdict::Cut => {
                self.shared.cut.store(true, Ordering::Relaxed);
                Err(Fault::Cut)
            }
        }
    }
}

/// How a statement on its way can end other than well.
enum InFlight {
    Insisted,
    /// The guard has seen that no answer will come.
    Lost(&'static str),
    Failed(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for InFlight {
    fn from(error: tokio_postgres::Error) -> Self {
        InFlight::Failed(error)
    }
}

fn fault(error: InFlight, what: &str) -> Fault {
    let error = match error {
        InFlight::Insisted => return Fault::Insisted,
        InFlight::Lost(why) => return Fault::Lost(why.to_owned()),
        InFlight::Failed(error) => error,
    };
    if is_connection_lost(&error) {
        return Fault::Lost(database_error(&error, what).message);
    }
    Fault::Server(Box::new(server_error(&error, what)))
}

/// Everything that the server said. An error of the driver itself, which is a bug of ours (a type
/// that does not fit), has no SQLSTATE.
pub(super) fn server_error(error: &tokio_postgres::Error, what: &str) -> ServerError {
    let said = database_error(error, "").detail.unwrap_or_default();
    let full_detail = format!("{said}\nStatement: {what}");
    match error.as_db_error() {
        Some(server) => ServerError {
            sqlstate: server.code().code().to_owned(),
            message: server.message().to_owned(),
            detail: server.detail().map(str::to_owned),
            hint: server.hint().map(str::to_owned),
            full_detail,
            sent: what.to_owned(),
        },
        None => ServerError {
            sqlstate: String::new(),
            message: error.to_string(),
            detail: None,
            hint: None,
            full_detail,
            sent: what.to_owned(),
        },
    }
}
