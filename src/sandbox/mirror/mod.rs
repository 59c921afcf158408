//! The schema of a live database, and some rows of each table if wanted, in a throwaway one. There,
//! it only reads: `pg_dump --schema-only`, and `COPY … TO` of a bounded number of rows.

mod keys;

use super::cluster::Cluster;
use super::dump;
use crate::connect::{Connection, Target, database_error};
use crate::error::{Error, Kind};
use crate::sql::quote_ident;
use futures_util::{SinkExt, TryStreamExt};
use std::pin::pin;
use std::process::Command;

/// Longest wait for a lock of the live database: whoever changes a table there comes first.
const LOCK_TIMEOUT: &str = "1s";
/// Longest that a query may read there.
const STATEMENT_TIMEOUT: &str = "60s";

/// What has been brought over.
#[derive(Debug, Default)]
pub struct Mirrored {
    pub tables: usize,
    pub rows: u64,
    /// Tables whose rows could not be brought over, with the reason.
    pub left_out: Vec<String>,
}

/// A table with rows of its own.
struct Table {
    name: String,
    /// Those that can be written, quoted.
    columns: String,
}

impl Cluster {
    /// Makes the empty `database` look like the one at `source`: roles, schema, positions of
    /// sequences, and up to `rows` rows of each table with the rows that they point to. Schema `airlock` is left out.
    ///
    /// # Errors
    /// No `pg_dump` as new as the server, what it says, and what this server refuses to create (an
    /// extension that is not installed here).
    pub async fn mirror(
        &self,
        source: &Target,
        database: &str,
        rows: u32,
    ) -> Result<Mirrored, Error> {
        let live = source.connect("airlock").await?;
        let asked = format!(
            "SET default_transaction_read_only = on; SET lock_timeout = '{LOCK_TIMEOUT}'; \
             SET statement_timeout = '{STATEMENT_TIMEOUT}'"
        );
        let failed = |error: &tokio_postgres::Error, what: &str| database_error(error, what);
        live.batch_execute(&asked).await.map_err(|error| failed(&error, "read the schema"))?;
        let major = live.server_version()?.major;
        if self.major() < major {
            let message = format!(
                "the throwaway server is PostgreSQL {}, the database's is {major}",
                self.major()
            );
            return Err(Error::new(Kind::Input, message)
                .hint("Its schema may need what an older server has not. Name the version with --postgres."));
        }
        let schema = schema(source, major).await?;

        let here = self.connect(database).await?;
        for role in roles(&live).await? {
            let missing = "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1";
            let known = here.query_opt(missing, &[&role]).await;
            if known.map_err(|error| failed(&error, "look for roles"))?.is_none() {
                let sql = format!("CREATE ROLE {}", quote_ident(&role));
                here.batch_execute(&sql).await.map_err(|e| failed(&e, "make a role"))?;
            }
        }
        here.batch_execute(&schema).await.map_err(|error| {
            failed(&error, "create the schema in the throwaway server")
                .hint("What it needs has to be installed here: extensions above all.")
        })?;
        here.batch_execute("RESET ALL; SET session_replication_role = replica")
            .await
            .map_err(|error| failed(&error, "prepare the throwaway server"))?;
        positions(&live, &here).await?;
        let mut mirrored = Mirrored::default();
        for table in tables(&live).await? {
            mirrored.tables += 1;
            if rows == 0 {
                continue;
            }
            match copy(&live, &here, &table, rows).await {
                Ok(copied) => mirrored.rows += copied,
                Err(error) => {
                    let why = failed(&error, "copy").message;
                    mirrored.left_out.push(format!("{}: {why}", table.name));
                }
            }
        }
        if rows > 0 {
            mirrored.rows += keys::complete(&live, &here).await?;
        }
        here.batch_execute("ANALYZE").await.map_err(|error| failed(&error, "gather statistics"))?;
        here.close().await;
        live.close().await;
        Ok(mirrored)
    }
}

async fn schema(source: &Target, major: u32) -> Result<String, Error> {
    let Some(binaries) = dump::dumper(major) else {
        let message = format!("there is no pg_dump {major} or newer on this machine");
        return Err(Error::new(Kind::Input, message)
            .hint("Install it, or give what it prints elsewhere with --setup."));
    };
    let mut command = Command::new(binaries.program("pg_dump"));
    command
        .args(["--schema-only", "--no-password", "--exclude-schema=airlock"])
        .arg(format!("--lock-wait-timeout={LOCK_TIMEOUT}"))
        .envs(source.libpq_environment().await?);
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    let failed = |detail: String| {
        Error::new(Kind::Failed, format!("pg_dump of {source} failed")).detail(detail)
    };
    let output = ran
        .map_err(|error| failed(format!("{error}.")))?
        .map_err(|error| failed(format!("{error}.")))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(dump::stable(&String::from_utf8_lossy(&output.stdout)))
}

async fn roles(live: &Connection) -> Result<Vec<String>, Error> {
    let sql = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1";
    let rows = live.query(sql, &[]).await;
    let rows = rows.map_err(|error| database_error(&error, "list the roles"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn tables(live: &Connection) -> Result<Vec<Table>, Error> {
    let sql = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), \
                   (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) \
                    FROM pg_catalog.pg_attribute AS a \
                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                        AND a.attgenerated = '') \
               FROM pg_catalog.pg_class AS c \
               JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
               WHERE c.relkind = 'r' AND c.relpersistence <> 't' \
                   AND n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema', 'airlock']) \
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d \
                       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
                           AND d.objid = c.oid AND d.deptype = 'e') \
               ORDER BY 1";
    let rows = live.query(sql, &[]).await;
    let rows = rows.map_err(|error| database_error(&error, "list the tables"))?;
    let table = |row: &tokio_postgres::Row| {
        Some(Table { name: row.get(0), columns: row.get::<_, Option<String>>(1)? })
    };
    Ok(rows.iter().filter_map(table).collect())
}

async fn copy(
    live: &Connection,
    here: &Connection,
    table: &Table,
    rows: u32,
) -> Result<u64, tokio_postgres::Error> {
    let Table { name, columns } = table;
    let from = format!("SELECT {columns} FROM ONLY {name} LIMIT {rows}");
    copy_rows(live, here, &from, name, columns).await
}

/// Puts what the query `from` gives there into `table` here.
async fn copy_rows(
    live: &Connection,
    here: &Connection,
    from: &str,
    table: &str,
    columns: &str,
) -> Result<u64, tokio_postgres::Error> {
    let mut from = pin!(live.copy_out(&format!("COPY ({from}) TO STDOUT")).await?);
    let mut into = pin!(here.copy_in(&format!("COPY {table} ({columns}) FROM STDIN")).await?);
    while let Some(bytes) = from.try_next().await? {
        into.send(bytes).await?;
    }
    into.finish().await
}

/// Sequences stand where those of the live database do, as far as we may see it.
async fn positions(live: &Connection, here: &Connection) -> Result<(), Error> {
    let sql = "SELECT pg_catalog.format('%I.%I', schemaname, sequencename), last_value \
               FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL AND schemaname <> 'airlock'";
    let rows = live.query(sql, &[]).await;
    for row in rows.map_err(|error| database_error(&error, "read the sequences"))? {
        let (name, value): (String, i64) = (row.get(0), row.get(1));
        let set = "SELECT pg_catalog.setval($1::text::pg_catalog.regclass, $2)";
        let set = here.execute(set, &[&name, &value]).await;
        set.map_err(|error| database_error(&error, &format!("set {name}")))?;
    }
    Ok(())
}
