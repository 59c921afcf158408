//! `pg_stat_statements`, where it is there: every statement that was run, with its calls.

use super::failed;
use super::path::Paths;
use crate::error::Error;
use crate::sql::quote_ident;
use crate::usage::judge::{Seen, Statement};
use crate::usage::text::Finder;
use tokio_postgres::Client;

const EXTENSION: &str = "
SELECT n.nspname::text
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'pg_stat_statements'";

const HIDDEN: &str = "<insufficient privilege>";

pub(super) async fn read(
    client: &Client,
    finder: &Finder<'_>,
    paths: &Paths,
    seen: &mut Seen,
) -> Result<(), Error> {
    let Some(extension) = client.query_opt(EXTENSION, &[]).await.map_err(failed)? else {
        seen.unseen.push(
            "The extension pg_stat_statements is not in this database: statements between two looks \
             are not seen."
                .to_owned(),
        );
        return Ok(());
    };
    let schema = quote_ident(&extension.get::<_, String>(0));
    // `toplevel` came with version 1.9 of the extension; one that was not updated has none.
    let sql = format!(
        "SELECT pg_catalog.pg_get_userbyid(s.userid)::text AS role, s.queryid, s.calls, s.query, \
                pg_catalog.to_jsonb(s) ->> 'toplevel' AS toplevel \
           FROM {schema}.pg_stat_statements AS s \
          WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database \
                           WHERE datname = pg_catalog.current_database())"
    );
    let rows = match client.query(&sql, &[]).await {
        Ok(rows) => rows,
        Err(error) if error.as_db_error().is_some() => {
            seen.unseen.push(format!(
                "pg_stat_statements cannot be read: {}.",
                error.as_db_error().map(|e| e.message()).unwrap_or_default()
            ));
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut hidden = 0;
    for row in rows {
        let text = row.get::<_, Option<String>>("query").unwrap_or_default();
        if text == HIDDEN {
            hidden += 1;
            continue;
        }
        let role: String = row.get("role");
        let found = finder.text(&text, &paths.of(&role));
        if found.is_empty() {
            continue;
        }
        let id = row.get::<_, Option<i64>>("queryid").unwrap_or_default();
        let level = row.get::<_, Option<String>>("toplevel").unwrap_or_default();
        seen.statements.push(Statement {
            key: format!("{role}/{id}/{level}"),
            role,
            text,
            calls: row.get("calls"),
            found,
        });
    }
    if hidden > 0 {
        seen.unseen.push(format!(
            "{hidden} statements of other roles are hidden in pg_stat_statements (grant \
             pg_read_all_stats)."
        ));
    }
    let info = format!(
        "SELECT dealloc, (pg_catalog.date_part('epoch', stats_reset) * 1000000)::bigint AS since \
         FROM {schema}.pg_stat_statements_info"
    );
    // Not there before version 1.9.
    if let Ok(row) = client.query_one(&info, &[]).await {
        seen.evictions = row.get("dealloc");
        seen.counting_since = row.get("since");
    }
    Ok(())
}
