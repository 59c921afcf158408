//! Looks at who uses the old names, beside the rollout that they are about: counts to compare the
//! next look with, and under which reason contract was allowed in spite of what was seen.
//!
//! The table is made by the first look, so that a journal of before needs nothing done to it. No
//! runner is at work at a gate: nothing here asks for its row.

use super::JournalError;
use serde_json::Value;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

const EXISTS: &str = "SELECT pg_catalog.to_regclass('airlock.usage') IS NOT NULL";

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS airlock.usage (
    revision text NOT NULL REFERENCES airlock.rollout ON DELETE CASCADE,
    looked_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    verdict text NOT NULL CHECK (verdict IN ('gate', 'clean', 'in-use', 'overridden')),
    counts jsonb NOT NULL,
    evidence jsonb NOT NULL,
    because text,
    looked_by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (revision, looked_at),
    CHECK ((verdict = 'overridden') = (because IS NOT NULL))
)",
    "COMMENT ON TABLE airlock.usage IS
'Who used the old names of a rollout, look by look. counts: what the next look is compared with. because: the reason given for contract in spite of the evidence'",
];

/// Looks that are kept of one rollout, apart from those under which contract ran.
const KEPT: i64 = 50;

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Taken when the gate was reached.
    Gate,
    Clean,
    InUse,
    /// In use, and contract was run all the same for this reason.
    Overridden(&'a str),
}

impl Verdict<'_> {
    fn name(self) -> &'static str {
        match self {
            Verdict::Gate => "gate",
            Verdict::Clean => "clean",
            Verdict::InUse => "in-use",
            Verdict::Overridden(_) => "overridden",
        }
    }
}

/// A look as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub at: jiff::Timestamp,
    pub counts: Value,
    /// The reason of an override.
    pub because: Option<String>,
}

/// Looks at `revision`, oldest first.
///
/// # Errors
/// Trouble with the database.
pub async fn read(client: &Client, revision: &str) -> Result<Vec<Kept>, JournalError> {
    if !client.query_typed_one(EXISTS, &[]).await?.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let sql = "SELECT (pg_catalog.date_part('epoch', looked_at) * 1000000)::bigint AS looked_us, \
               counts, because FROM airlock.usage WHERE revision = $1 ORDER BY looked_at";
    let rows = client.query_typed(sql, &[(&revision, Type::TEXT)]).await?;
    Ok(rows.iter().map(kept).collect())
}

fn kept(row: &Row) -> Kept {
    Kept {
        at: super::timestamp(row.get("looked_us")),
        counts: row.get("counts"),
        because: row.get("because"),
    }
}

/// The time of the server, by which looks are dated.
///
/// # Errors
/// Trouble with the database.
pub async fn now(client: &Client) -> Result<jiff::Timestamp, JournalError> {
    let sql =
        "SELECT (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000000)::bigint";
    Ok(super::timestamp(client.query_typed_one(sql, &[]).await?.get(0)))
}

/// Keeps a look. Nothing is kept of a rollout that is not in the journal.
///
/// # Errors
/// Trouble with the database.
pub async fn write(
    client: &Client,
    revision: &str,
    verdict: Verdict<'_>,
    counts: &Value,
    evidence: &Value,
) -> Result<(), JournalError> {
    if !client.query_typed_one(EXISTS, &[]).await?.get::<_, bool>(0) {
        for sql in CREATE {
            client.batch_execute(sql).await?;
        }
    }
    let because = match verdict {
        Verdict::Overridden(reason) => Some(reason),
        Verdict::Gate | Verdict::Clean | Verdict::InUse => None,
    };
    let sql = "INSERT INTO airlock.usage (revision, verdict, counts, evidence, because) \
               SELECT r.revision, $2, $3, $4, $5 FROM airlock.rollout AS r WHERE r.revision = $1";
    client
        .query_typed(
            sql,
            &[
                (&revision, Type::TEXT),
                (&verdict.name(), Type::TEXT),
                (counts, Type::JSONB),
                (evidence, Type::JSONB),
                (&because, Type::TEXT),
            ],
        )
        .await?;
    let old = "DELETE FROM airlock.usage AS u WHERE u.revision = $1 AND u.verdict <> 'overridden' \
               AND (SELECT count(*) FROM airlock.usage AS v WHERE v.revision = u.revision \
                    AND v.looked_at > u.looked_at) >= $2";
    client.query_typed(old, &[(&revision, Type::TEXT), (&KEPT, Type::INT8)]).await?;
    Ok(())
}
