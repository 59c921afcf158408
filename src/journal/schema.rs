//! The tables of schema `airlock` in the target database and how they come to be.
//!
//! A journal of an older version is added to, and nothing of it is dropped; one of a newer version is
//! refused.

/// Version of the journal's tables, in `airlock.meta`.
pub const VERSION: i64 = 2;

/// Whether the journal exists. One row, one boolean.
pub const EXISTS: &str = "SELECT pg_catalog.to_regclass('airlock.meta') IS NOT NULL";

/// Whether the schema exists, with or without its tables. One row, one boolean.
pub const SCHEMA_EXISTS: &str = "SELECT pg_catalog.to_regnamespace('airlock') IS NOT NULL";

/// Sent only when the schema is missing: even `IF NOT EXISTS` asks for `CREATE` on the database.
pub const CREATE_SCHEMA: &str = "CREATE SCHEMA airlock";

/// The version of the journal's tables. One row, one bigint.
pub const READ_VERSION: &str = "SELECT version FROM airlock.meta";

/// Statements that create the journal's tables, in order, to be sent in one transaction by the
/// holder of the runner lock. The schema may have been made beforehand by an administrator, so that the role
/// that migrates needs no `CREATE` on the database.
///
/// Privileges: `CREATE` on the database, or `CREATE` and `USAGE` on an existing schema `airlock`.
pub const CREATE: [&str; 15] = [
    "COMMENT ON SCHEMA airlock IS 'State of airlock: schema changes that are rolled out, and how far each is'",
    "CREATE TABLE airlock.meta (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL
)",
    "COMMENT ON TABLE airlock.meta IS 'Version of the tables in this schema; one row'",
    "CREATE TABLE airlock.rollout (
    revision text PRIMARY KEY,
    parents text[] NOT NULL,
    message text NOT NULL,
    plan_digest text NOT NULL,
    migration_digest text NOT NULL,
    plan text NOT NULL,
    state text NOT NULL
        CHECK (state IN ('running', 'at-gate', 'done', 'rolling-back', 'rolled-back')),
    phase text NOT NULL CHECK (phase IN ('expand', 'migrate', 'switch', 'contract')),
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    applied_by text NOT NULL,
    applied_from text NOT NULL,
    applied_with text NOT NULL,
    facts jsonb
)",
    "COMMENT ON TABLE airlock.rollout IS
'One row for each revision that was started. phase: the one at work, or the one behind the gate. plan: the plan file that runs. facts: what the relations concerned looked like after the last completed phase'",
    "CREATE TABLE airlock.step (
    revision text NOT NULL REFERENCES airlock.rollout ON DELETE CASCADE,
    step text NOT NULL,
    ordinal bigint NOT NULL,
    phase text NOT NULL CHECK (phase IN ('expand', 'migrate', 'switch', 'contract')),
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'running', 'done', 'undone')),
    started_at timestamptz,
    finished_at timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    waited_ms double precision NOT NULL DEFAULT 0,
    held_ms double precision NOT NULL DEFAULT 0,
    worst_stall_ms double precision NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    vacuums bigint NOT NULL DEFAULT 0,
    detail text,
    PRIMARY KEY (revision, step)
)",
    "COMMENT ON TABLE airlock.step IS
'Steps of a rollout. done commits in the same transaction as the work of the step. waited_ms: time spent trying for locks, held_ms: time they were held, worst_stall_ms: longest wait of another backend behind us that was observed'",
    "CREATE TABLE airlock.walk (
    revision text NOT NULL,
    step text NOT NULL,
    relation oid NOT NULL,
    first_block bigint NOT NULL,
    relation_name text NOT NULL,
    filenode oid NOT NULL,
    next_block bigint NOT NULL,
    end_block bigint NOT NULL,
    pass bigint NOT NULL DEFAULT 1,
    restarts bigint NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    pass_rows bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false,
    PRIMARY KEY (revision, step, relation, first_block),
    FOREIGN KEY (revision, step) REFERENCES airlock.step ON DELETE CASCADE,
    CHECK (first_block <= next_block AND next_block <= end_block)
)",
    "COMMENT ON TABLE airlock.walk IS
'How far a backfill is, one row for each range of blocks of each table. Everything before next_block is done; it commits with the rows of the batch. A changed filenode (VACUUM FULL, CLUSTER) starts the walk of a table again'",
    "CREATE TABLE airlock.runner (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    runner uuid NOT NULL UNIQUE,
    revision text NOT NULL,
    pid bigint NOT NULL,
    host text NOT NULL,
    os_user text NOT NULL,
    db_user text NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    activity text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'working',
    reason text
)",
    "COMMENT ON TABLE airlock.runner IS
'The runner at work: none, or one row, whose heartbeat advances every second. Every write to the journal asks for this row, so that a runner that was taken for dead cannot write any more. pid: of the process on its host. state: working, busy (with a statement that cannot be paused), throttled, paused; reason: why'",
    "CREATE INDEX step_order ON airlock.step (revision, ordinal)",
    CREATE_CONTROL,
    COMMENT_CONTROL,
    "INSERT INTO airlock.meta (version) VALUES (2)",
];

const CREATE_CONTROL: &str = "CREATE TABLE airlock.control (
    key text PRIMARY KEY,
    value text NOT NULL,
    set_by text NOT NULL,
    revision text,
    set_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    expires_at timestamptz
)";

const COMMENT_CONTROL: &str = "COMMENT ON TABLE airlock.control IS
'Orders to the runner, from airlock pause, tune and cancel: in force until they are taken back or expire. With a revision: for that one only. NOTIFY airlock_control makes the runner look at once'";

/// Statements that bring a journal of version 1 to this one, in one transaction.
pub const UPGRADE: [&str; 4] = [
    "ALTER TABLE airlock.runner ADD COLUMN state text NOT NULL DEFAULT 'working', \
     ADD COLUMN reason text",
    CREATE_CONTROL,
    COMMENT_CONTROL,
    "UPDATE airlock.meta SET version = 2",
];

#[cfg(test)]
mod tests {
    use super::{CREATE, VERSION};
    use crate::journal::state::{RolloutState, StepState};
    use crate::plan::Phase;

    /// The check constraints and the enums must speak of the same words.
    #[test]
    fn every_state_is_allowed_by_its_check() {
        let whole = CREATE.join(";\n");
        for name in RolloutState::ALL
            .map(RolloutState::name)
            .into_iter()
            .chain(StepState::ALL.map(StepState::name))
            .chain(Phase::ALL.map(Phase::name))
        {
            assert!(whole.contains(&format!("'{name}'")), "{name}");
        }
        assert!(whole.contains(&format!("VALUES ({VERSION})")));
    }
}
