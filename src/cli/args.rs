//! What can be typed: options that several subcommands share, and the list of subcommands.

use super::{
    baseline, branches, cancel, catalog, check, completions, contract, current, demo, diff,
    downgrade, dump, edit, explain, fleet, heads, history, import, init, lint, lint_rules, locks,
    man, merge, pause, plan, rebase, repair, report, resume, revision, rollback, schema, seed,
    show, squash, stamp, status, sum, test, trace, tune, upgrade, verify,
};
use crate::config::layer::LimitsLayer;
use crate::config::{self, Flags, Settings, value};
use crate::error::Error;
use crate::run::limits::OnBlocker;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Exit codes, for `--help` and `docs/cli.md`.
const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    tried and failed; run the same command again once the cause is gone
  2    usage or bad input; nothing was tried
  3    not up to date, or drift: plan, migration or database is not what was reviewed
  4    a hazard that nobody has allowed, or a rename that nobody has decided
  5    a lock was not had in time; nothing has changed, try again
  6    another runner is at work
  7    old names are still in use; contract has not begun
  130  interrupted";

/// Online schema changes for PostgreSQL: an ordinary migration in SQL becomes a reviewed plan and
/// runs on a busy database unnoticed.
#[derive(Debug, Parser)]
#[command(name = "airlock", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::Args),
    Baseline(baseline::Args),
    Import(import::Args),
    Revision(revision::Args),
    Lint(lint::Args),
    Plan(plan::Args),
    Report(report::Args),
    Upgrade(upgrade::Args),
    Seed(seed::Args),
    Contract(contract::Args),
    Rollback(rollback::Args),
    Downgrade(downgrade::Args),
    Status(status::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Tune(tune::Args),
    Cancel(cancel::Args),
    History(history::Args),
    Show(show::Args),
    Heads(heads::Args),
    Branches(branches::Args),
    Merge(merge::Args),
    Rebase(rebase::Args),
    Edit(edit::Args),
    Squash(squash::Args),
    Sum(sum::Args),
    Current(current::Args),
    Stamp(stamp::Args),
    Fleet(fleet::Args),
    Trace(trace::Args),
    Verify(verify::Args),
    Locks(locks::Args),
    Diff(diff::Args),
    Dump(dump::Args),
    Check(check::Args),
    Repair(repair::Args),
    Test(test::Args),
    Catalog(catalog::Args),
    Schema(schema::Args),
    Explain(explain::Args),
    Completions(completions::Args),
    Man(man::Args),
    Demo(demo::Args),
}

/// The complete command, for documentation and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    /// For a comment on a pull request (lint)
    Markdown,
    /// SARIF 2.1.0, for code scanning (lint)
    Sarif,
    /// Annotations of a GitHub Actions run (lint)
    Github,
    /// GitLab's code quality report (lint)
    Gitlab,
    /// JUnit's XML, for CI servers (lint)
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options everywhere")]
pub struct Global {
    /// Where the database is: a postgresql:// URL or a key=value string [env: DATABASE_URL]
    // The environment is read in `config`, where precedence is decided once.
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Settings file instead of ./airlock.toml [env: AIRLOCK_CONFIG]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Environment to work on, [env.NAME] in the settings file [env: AIRLOCK_ENV]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// The environment's name, typed to change its database where that is asked for (confirm = true)
    #[arg(long, global = true, value_name = "NAME")]
    pub confirm: Option<String>,
    /// The value of a variable of the revision files; may be given more than once
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// When to use colour; NO_COLOR is honoured too
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

impl Global {
    /// Settings of a command that has no limits of its own.
    pub fn settings(&self) -> Result<Settings, Error> {
        self.settings_with(LimitsLayer::default())
    }

    pub fn settings_with(&self, limits: LimitsLayer) -> Result<Settings, Error> {
        let flags = Flags {
            config: self.config.clone(),
            env: self.env.clone(),
            confirm: self.confirm.clone(),
            database_url: self.database_url.clone(),
            set: self.set.clone(),
            limits,
        };
        let settings = config::load(flags, &|name| std::env::var(name).ok())?;
        // Names of hazards and tools are known here only.
        lint_rules::check(&settings.lint).map_err(|mut error| {
            error.message = format!("{}: {}", settings.file, error.message);
            error
        })?;
        Ok(settings)
    }
}

/// Bounds of a run. Each is also an environment variable (`AIRLOCK_MAX_STALL`) and a setting of
/// `airlock.toml`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits (also in airlock.toml, or as AIRLOCK_MAX_STALL and so on)")]
pub struct Limits {
    /// Longest time an application statement may wait because of us [default: 50ms]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub max_stall: Option<Duration>,
    /// Longest time a short transaction of ours may hold its locks [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub max_hold: Option<Duration>,
    /// Longest time to try for the locks of one step [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub patience: Option<Duration>,
    /// Let the stall budget grow up to this when no attempt succeeds
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub escalate_to: Option<Duration>,
    /// Aim for the duration of one backfill batch [default: 25ms]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub batch_target: Option<Duration>,
    /// Share of a table left behind as dead rows before it is vacuumed [default: 15%]
    #[arg(long, value_name = "SHARE", value_parser = value::share)]
    pub bloat_limit: Option<f64>,
    /// Block ranges of a table walked side by side [default: 1]
    #[arg(long, value_name = "N", value_parser = value::jobs)]
    pub jobs: Option<usize>,
    /// What to do about an old transaction in our way [default: wait]
    #[arg(long, value_name = "ACTION", value_enum)]
    pub on_blocker: Option<OnBlocker>,
    /// Age from which --on-blocker acts [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub blocker_age: Option<Duration>,
}

impl From<&Limits> for LimitsLayer {
    fn from(limits: &Limits) -> Self {
        Self {
            max_stall: limits.max_stall,
            max_hold: limits.max_hold,
            patience: limits.patience,
            escalate_to: limits.escalate_to,
            batch_target: limits.batch_target,
            bloat_limit: limits.bloat_limit,
            jobs: limits.jobs,
            on_blocker: limits.on_blocker,
            blocker_age: limits.blocker_age,
        }
    }
}
