//! An application that writes what is there already, through the names of before: no value may change
//! by it, and no statement may fail but for a name that contract has taken away.

use crate::server::Database;
use airlock::connect::{Connection, sqlstate};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(3);

/// Every table with rows and without triggers of its own (an audit log would tell of our writes), and a
/// column that can be written.
const TABLES: &str = "
SELECT format('UPDATE %1$s SET %2$I = %2$I WHERE ctid = \
               (SELECT ctid FROM %1$s ORDER BY random() LIMIT 1)', c.oid::regclass, a.attname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^(pg_|airlock|information_schema)'
  JOIN LATERAL (SELECT attname FROM pg_attribute
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                   AND attidentity <> 'a' ORDER BY attnum DESC LIMIT 1) a ON true
 WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't'
   AND NOT c.relrowsecurity
   AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
   AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)";

/// `undefined_column`, `undefined_table`; what stood there is a view by now; changed under a plan.
const GONE: [&str; 5] = ["42703", "42P01", "42809", "55000", "0A000"];

/// At work until it is stopped.
pub struct Application {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<usize, String>>,
}

/// Under a name that is not the program's.
async fn connect(database: &Database<'_>) -> Connection {
    let connection = database.connect().await;
    connection.batch_execute("SET application_name = 'shop'").await.unwrap();
    connection
}

impl Application {
    pub async fn start(database: &Database<'_>, silent: bool) -> Self {
        let connection = connect(database).await;
        let rows = connection.query(TABLES, &[]).await.unwrap();
        let rows = if silent { Vec::new() } else { rows };
        let statements: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let of_task = stop.clone();
        let task = tokio::spawn(async move { write(&connection, &statements, &of_task).await });
        Self { stop, task }
    }

    /// The number of statements.
    pub async fn stop(self, what: &str) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.task.await.unwrap();
        ended.unwrap_or_else(|why| panic!("{what}: a statement of the application failed: {why}"))
    }
}

async fn write(
    connection: &Connection,
    statements: &[String],
    stop: &AtomicBool,
) -> Result<usize, String> {
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) && !statements.is_empty() {
        let sql = &statements[fastrand::usize(..statements.len())];
        match connection.batch_execute(sql).await {
            Ok(()) => count += 1,
            Err(error) if sqlstate(&error).is_some_and(|code| GONE.contains(&code)) => {}
            Err(error) => return Err(format!("{sql}: {error:?}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(count)
}

/// Ends `most` connections of the program; how many there were.
pub async fn terminate(database: &Database<'_>, most: i64) -> i64 {
    let connection = connect(database).await;
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM (
                   SELECT pid FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'airlock%'
                    ORDER BY random() LIMIT $1) AS ours";
    let row = connection.query_one(sql, &[&most]).await.unwrap();
    connection.close().await;
    row.get(0)
}
