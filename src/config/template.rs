//! The `airlock.toml` that `airlock init` writes: every setting with its default, commented out.

/// The file's text.
pub const TEMPLATE: &str = r#"# Settings of airlock. Every value below is the default; take away the `# ` to change one.
# A flag (--max-stall) wins over an environment variable (AIRLOCK_MAX_STALL), that over this file. In this
# file an environment that is chosen (--env NAME, below [env.NAME]) wins over the rest.

# Where the database is. Better left out of a file that others read: set DATABASE_URL, and keep the
# password in ~/.pgpass.
# database_url = "postgresql://user@host:5432/database"

# A command that prints the password when the server wants one and nothing else gives it: program and
# arguments, or a string for the shell. How long it may take, and how long what it printed is used.
# password_command = ["vault", "read", "-field=password", "database/creds/migrator"]
# password_timeout = "10s"
# password_max_age = "5m"

# Refuse a revision that has no plan file yet, instead of making one.
# reviewed = false

# Folders, from where this file is.
# migrations = "migrations"
# plans = "plans"

[limits]
# Longest time an application statement may wait because of us.
# max_stall = "50ms"

# Longest time one of our short transactions may hold its locks before it is cancelled.
# max_hold = "2s"

# Longest time to try for the locks of one step.
# patience = "10m"

# Ceiling to which the stall budget may grow when no attempt succeeds. Not set: it does not grow.
# escalate_to = "500ms"

# Aim for the duration of one backfill batch.
# batch_target = "25ms"

# Share of a table that a backfill may leave behind as dead rows before it vacuums.
# bloat_limit = "15%"

# Block ranges of a table that a backfill walks side by side.
# jobs = 1

# What to do about a transaction in our way that is older than blocker_age: wait, cancel, terminate.
# on_blocker = "wait"
# blocker_age = "1m"

[throttle]
# Signals by which a run slows down (from half of a threshold) or waits (from the threshold on).
# Without a threshold a signal is not read. docs/throttle.md describes each.
# interval = "1s"
# What a signal that cannot be read means: wait, ignore.
# unreadable = "wait"
# Share of the time that a backfill stands still in any case.
# ratio = "0%"
# replica_lag = "10s"
# slot_bytes = "10GB"
# wal_rate = "50MB"
# archive_backlog = 100
# active_backends_per_core = 2.0
# Processors of the server, which does not tell how many it has.
# cores = 16
# oldest_xmin = 10000000
# autovacuum = true
# stall = "20ms"
# file = "/run/airlock.stop"
# windows = ["01:00-05:00 Europe/Oslo", "sat,sun 00:00-24:00 UTC"]
# [[throttle.query]]
# name = "open carts"
# sql = "SELECT count(*) FROM shop.cart WHERE open"
# max = 5000

# docs/observing.md describes the next three.
[metrics]
# For the textfile collector of node_exporter, and an address at which GET /metrics is answered.
# textfile = "/var/lib/node_exporter/airlock.prom"
# listen = "127.0.0.1:9187"

[log]
# Events, one JSON object a line, appended.
# file = "airlock.log"

# Called with JSON on its input. on: start, gate, done, rolled-back, failed, paused, throttled, resumed,
# revision (a file was written; {path} in the command), before- and after-upgrade, -downgrade, -phase,
# -contract. Those before something are required unless said otherwise.
# [[hook]]
# on = ["gate", "done", "failed"]
# command = ["/usr/local/bin/tell-the-team"]
# timeout = "10s"
# required = false

# A backup in the folder `directory` before anything that cannot be taken back; no backup, no contract.
# [[hook]]
# on = ["before-contract", "before-downgrade"]
# preset = "pg_dump"
# directory = "backups"

[revision]
# What stands in a new revision file below its header; docs/revision-files.md describes it.
# template = "revision.template.sql"

[plan]
# Tables of fewer rows are changed in one statement.
# small_table_rows = 10000

# A column of a table up to this size is renamed by copying it; above, through a view.
# dual_column_limit = "10GB"

[report]
# How fast the server reads and writes a table, per second: what times are estimated from.
# scan_speed = "600MB"
# write_speed = "100MB"

[schema]
# Where the desired schema comes from, for `diff` and `revision --autogenerate`: an SQL file or folder,
# or a command that prints SQL. docs/diff.md describes them.
# path = "schema.sql"
# command = "python -m app.print_ddl"

[variables]
# Values of the variables of revision files; docs/revision-files.md describes them. --set wins.
# owner = "app"

# [env.NAME] holds for one environment whatever this file may hold, and what only an environment can ask for;
# docs/environments.md describes them. Chosen with --env NAME or AIRLOCK_ENV.
# [env.production]
# database_url_env = "PRODUCTION_URL"  # the environment variable that holds the URL
# confirm = true                       # whoever changes it types its name: --confirm production
# after = "staging"                    # a plan runs only when it, the same, has run there
# [env.production.limits]
# max_stall = "20ms"

[lint]
# postgres, tool, fail_on, severity and [[lint.ignore]] go here; docs/lint.md describes them.
"#;
