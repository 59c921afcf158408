//! The command line: arguments to library calls to reports. One file per subcommand, named after
//! it.
//!
//! Data goes to stdout, everything said on the way to stderr. With `--format json` stdout holds one
//! JSON document: the result, or `{"error": …}`.

mod adopting;
mod args;
mod baseline;
mod branches;
mod cancel;
mod catalog;
mod check;
mod completions;
mod contract;
mod current;
mod demo;
mod diff;
mod downgrade;
mod dump;
mod edit;
mod environment;
mod explain;
mod failing;
mod fleet;
mod gates;
mod heads;
mod history;
mod import;
mod init;
mod lint;
mod lint_files;
mod lint_rules;
mod lint_variables;
mod locks;
mod making;
mod man;
mod measuring;
mod merge;
mod offline;
mod offline_back;
mod output;
mod pause;
mod plan;
mod planning;
mod progress;
mod project;
mod rebase;
mod rehearsal;
mod repair;
mod repeatables;
mod replay;
mod report;
mod reporting;
mod resume;
mod revision;
mod rollback;
mod rollout;
mod schema;
mod schemas;
mod seed;
mod show;
mod squash;
mod squash_diff;
mod stamp;
mod standing;
mod status;
mod steering;
mod stopping;
mod sum;
mod test;
mod trace;
mod tune;
mod upgrade;
mod usage;
mod verify;
mod verify_section;
mod waiting;

pub use args::command;

use crate::error::{Error, Kind};
use crate::sql::nesting;
use args::{Cli, Command, Format};
use clap::Parser;
use output::Output;
use std::process::ExitCode;

/// Threads that drive connections.
const WORKERS: usize = 2;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(output::usage(&error)),
    };
    // Statements may nest deeply.
    crate::threads::on_large_stack(|| {
        let follows = match &cli.command {
            Command::Status(args) => args.watch,
            Command::Locks(args) => args.watch,
            _ => false,
        };
        let output = Output::new(cli.global.format, cli.global.color).in_lines(follows);
        let result = dispatch(cli, &output);
        ExitCode::from(output.finish(result))
    })
}

fn dispatch(cli: Cli, output: &Output) -> Result<output::Done, Error> {
    let lints = matches!(cli.command, Command::Lint(_));
    if !lints && !matches!(cli.global.format, Format::Text | Format::Json) {
        return Err(Error::new(Kind::Input, "this format is for `airlock lint`")
            .hint("Everything else prints text, or with --format json JSON."));
    }
    if !lints {
        stay_small();
    }
    match cli.command {
        Command::Init(args) => init::run(args, &cli.global),
        Command::Baseline(args) => block_on(baseline::run(args, &cli.global, output)),
        Command::Import(args) => import::run(args, &cli.global, output),
        Command::Repair(args) => block_on(repair::run(args, &cli.global, output)),
        Command::Revision(args) => block_on(revision::run(args, &cli.global, output)),
        Command::Lint(args) => lint::run(args, &cli.global, output),
        Command::Plan(args) => block_on(plan::run(args, &cli.global, output)),
        Command::Report(args) => block_on(report::run(args, &cli.global, output)),
        Command::Upgrade(args) => block_on(upgrade::run(args, &cli.global, output)),
        Command::Seed(args) => block_on(seed::run(args, &cli.global, output)),
        Command::Contract(args) => block_on(contract::run(args, &cli.global, output)),
        Command::Rollback(args) => block_on(rollback::run(args, &cli.global, output)),
        Command::Status(args) => block_on(status::run(args, &cli.global, output)),
        Command::Pause(args) => block_on(pause::run(args, &cli.global)),
        Command::Resume(args) => block_on(resume::run(args, &cli.global)),
        Command::Tune(args) => block_on(tune::run(args, &cli.global)),
        Command::Cancel(args) => block_on(cancel::run(args, &cli.global)),
        Command::Show(args) => block_on(show::run(args, &cli.global)),
        Command::Edit(args) => block_on(edit::run(args, &cli.global, output)),
        Command::Branches(args) => branches::run(args, &cli.global),
        Command::Merge(args) => block_on(merge::run(args, &cli.global, output)),
        Command::Rebase(args) => block_on(rebase::run(args, &cli.global, output)),
        Command::Squash(args) => block_on(squash::run(args, &cli.global, output)),
        Command::Sum(args) => sum::run(args, &cli.global),
        Command::Downgrade(args) => block_on(downgrade::run(args, &cli.global, output)),
        Command::Stamp(args) => block_on(stamp::run(args, &cli.global, output)),
        Command::History(args) => block_on(history::run(args, &cli.global)),
        Command::Fleet(args) => block_on(fleet::run(args, &cli.global, output)),
        Command::Trace(args) => block_on(trace::run(args, &cli.global, output)),
        Command::Verify(args) => block_on(verify::run(args, &cli.global, output)),
        Command::Locks(args) => block_on(locks::run(args, &cli.global, output)),
        Command::Check(args) => block_on(check::run(args, &cli.global, output)),
        Command::Test(args) => block_on(test::run(args, &cli.global, output)),
        Command::Heads(args) => heads::run(args, &cli.global),
        Command::Current(args) => block_on(current::run(args, &cli.global)),
        Command::Dump(args) => block_on(dump::run(args, &cli.global, output)),
        Command::Diff(args) => block_on(diff::run(args, &cli.global, output)),
        Command::Catalog(args) => block_on(catalog::run(args, &cli.global)),
        Command::Schema(args) => schema::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::Man(args) => man::run(&args),
        Command::Demo(args) => block_on(demo::run(args, output)),
    }
}

/// Huge pages would make a program that needs little, and may run for days, three times as large.
/// Linting needs much for a moment and is faster with them.
fn stay_small() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
}

fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    // What we do is waiting for servers; a thread for each of many processors would only take memory.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .thread_stack_size(nesting::STACK_BYTES)
        .on_thread_start(nesting::stack_is_large)
        .build();
    let runtime = runtime.map_err(|error| {
        Error::new(Kind::Failed, "cannot start the runtime").detail(format!("{error}."))
    })?;
    runtime.block_on(work)
}
