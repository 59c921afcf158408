//! What other sessions do, or did last.

use super::failed;
use super::path::Paths;
use crate::error::Error;
use crate::usage::judge::{Seen, Session};
use crate::usage::text::Finder;
use tokio_postgres::Client;

/// Connections of airlock are left out by their name.
const SESSIONS: &str = "
SELECT a.pid, a.usename::text AS role, a.application_name AS application, a.state, a.query,
       (pg_catalog.date_part('epoch', a.query_start) * 1000000)::bigint AS started
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database()
   AND a.backend_type = 'client backend'
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.application_name NOT LIKE 'airlock%'
 ORDER BY a.pid";

const HIDDEN: &str = "<insufficient privilege>";

pub(super) async fn read(
    client: &Client,
    finder: &Finder<'_>,
    paths: &Paths,
    seen: &mut Seen,
) -> Result<(), Error> {
    let mut hidden = 0;
    for row in client.query(SESSIONS, &[]).await.map_err(failed)? {
        let text = row.get::<_, Option<String>>("query").unwrap_or_default();
        if text == HIDDEN {
            hidden += 1;
            continue;
        }
        let role = row.get::<_, Option<String>>("role").unwrap_or_default();
        let found = finder.text(&text, &paths.of(&role));
        if found.is_empty() {
            continue;
        }
        let state = row.get::<_, Option<String>>("state").unwrap_or_default();
        let application = row.get::<_, Option<String>>("application").unwrap_or_default();
        let named = if application.is_empty() { String::new() } else { format!(" {application},") };
        seen.sessions.push(Session {
            who: format!("pid {},{named} role {role}, {state}", row.get::<_, i32>("pid")),
            text,
            busy: state != "idle",
            started: row
                .get::<_, Option<i64>>("started")
                .and_then(|at| jiff::Timestamp::from_microsecond(at).ok()),
            found,
        });
    }
    if hidden > 0 {
        seen.unseen.push(format!(
            "The statements of {hidden} sessions of other roles are hidden (grant pg_read_all_stats)."
        ));
    }
    Ok(())
}
