//! The oracle: a planned migration must equal the SQL that it replaces.
//!
//! No expectations written by hand. Each file of `tests/cases` is run on real servers in every way
//! that matters, and each way is a test of its own, `15::rename_column::crash`. `tests/README.md`
//! says what each check does and how to run some of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::map_entry, reason = "the value comes from an await, which an entry cannot hold")]

mod case;
mod check_applications;
mod check_crash;
mod check_equivalence;
mod check_locks;
mod check_plan;
mod check_rollback;
mod clients;
mod compare;
mod engine;
mod self_test;
mod server;

use case::Case;
use check_crash::Sweep;
use libtest_mimic::{Arguments, Failed, Trial};
use server::Server;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Each test keeps a server busy by itself; more at a time only wait for each other.
const THREADS: usize = 2;

/// `every` cuts at every place of every case on every version; `isolated` does so with a new database
/// for each place, which takes hours.
const SWEEP_VARIABLE: &str = "AIRLOCK_SWEEP";

/// Versions that get a check of every case in every run. The recipes differ between 17 and 18, and
/// between 14 and 15 hardly.
const THOROUGH: [u32; 2] = [15, 18];

/// Stack of a check, in bytes.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Of these each case gets one in the usual run, for equivalence, the next one on the next day; with
/// `AIRLOCK_SWEEP`, all for everything.
const BETWEEN: [u32; 3] = [14, 16, 17];

/// `all` gives each case every kind of check in the usual run too, and not one of those that take long.
const CHECKS_VARIABLE: &str = "AIRLOCK_CHECKS";

/// When set, each test that passes says on standard error how long it took.
const TIMES_VARIABLE: &str = "AIRLOCK_TEST_TIMES";

/// Cases with an isolated sweep in every run, and at how many places, drawn anew each time.
const ISOLATED: [&str; 3] = ["three_steps", "rename_column", "add_unique"];
const ISOLATED_PLACES: usize = 8;

#[derive(Debug, Clone, Copy)]
enum Check {
    Plan,
    Equivalence,
    Locks,
    Rollback,
    Crash { sweep: Sweep },
    CrashIsolated { sample: Option<usize> },
    Applications,
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Check::Plan => "plan",
            Check::Equivalence => "equivalence",
            Check::Locks => "locks",
            Check::Rollback => "rollback",
            Check::Crash { .. } => "crash",
            Check::CrashIsolated { .. } => "crash_isolated",
            Check::Applications => "applications",
        }
    }

    async fn run(self, server: &Server, case: &Case) {
        match self {
            Check::Plan => check_plan::check(server, case).await,
            Check::Equivalence => check_equivalence::check(server, case).await,
            Check::Locks => check_locks::check(server, case).await,
            Check::Rollback => check_rollback::check(server, case).await,
            Check::Crash { sweep } => check_crash::check(server, case, sweep).await,
            Check::CrashIsolated { sample } => {
                check_crash::check_isolated(server, case, sample).await;
            }
            Check::Applications => check_applications::check(server, case).await,
        }
    }
}

/// What the usual run gives to each case.
struct Usual {
    /// Of the checks that take long, one for each case; which one moves on from day to day. `None`: all.
    day: Option<usize>,
}

impl Usual {
    /// Whoever names tests gets what is named, whatever the day.
    fn new(arguments: &Arguments) -> Self {
        let all = std::env::var(CHECKS_VARIABLE).is_ok_and(|checks| checks == "all");
        let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let day = usize::try_from(seconds / 86_400).unwrap_or_default();
        Self { day: (!all && arguments.filter.is_none()).then_some(day) }
    }

    /// Whether the check that takes long and has this number is the one of `case`.
    fn takes(&self, case: &Case, number: usize, of: usize) -> bool {
        self.day.is_none_or(|day| (sum(case) + day) % of == number)
    }

    /// Whether `major` is the one of `majors` that `case` gets; all of those that it is for where all is wanted.
    fn draws(&self, case: &Case, majors: &[u32], major: u32) -> bool {
        let Some(day) = self.day else { return majors.contains(&major) };
        let mut majors = majors.to_vec();
        majors.retain(|major| case.servers.include(*major));
        majors.get((sum(case) + day) % majors.len().max(1)) == Some(&major)
    }
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let usual = Usual::new(&arguments);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = case::load_all(&folder).unwrap_or_else(|why| panic!("{why}"));
    let majors = airlock::sandbox::test_versions().unwrap();
    let sweep = std::env::var(SWEEP_VARIABLE).unwrap_or_default();
    let own = |(name, test): (&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let mut trials: Vec<Trial> = self_test::ALL.into_iter().map(own).collect();
    for case in cases.into_iter().map(Arc::new) {
        for major in majors.iter().copied().filter(|major| case.servers.include(*major)) {
            for check in checks(&case, major, &sweep, &usual) {
                trials.push(trial(major, case.clone(), check));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    server::stop_all();
    conclusion.exit();
}

/// Which checks a case gets on a version. In the usual run one of those that take long runs on 18, and
/// on 15 when the plan is another one there; a case whose plan is the same runs it, and equivalence, on one of the
/// two, and is looked at for its locks on the other. What is refused is planned on both, and run as written on one
/// version, for its locks.
fn checks(case: &Case, major: u32, sweep: &str, usually: &Usual) -> Vec<Check> {
    let usual = sweep.is_empty();
    let thorough = THOROUGH.contains(&major);
    if case.refusal.is_some() {
        let mut checks = Vec::new();
        if thorough || !usual || usually.day.is_none() {
            checks.push(Check::Plan);
        }
        if !usual || usually.draws(case, &[14, 15, 16, 17, 18], major) {
            checks.push(Check::Locks);
        }
        return checks;
    }
    if usual && !thorough {
        return match usually.draws(case, &BETWEEN, major) {
            true => vec![Check::Equivalence],
            false => Vec::new(),
        };
    }
    let both =
        check_plan::differs(case) || THOROUGH.iter().any(|major| !case.servers.include(*major));
    if usual && !both && !usually.draws(case, &THOROUGH, major) {
        return vec![Check::Plan, Check::Locks];
    }
    let mut checks = vec![Check::Plan, Check::Equivalence];
    let mut long = vec![
        Check::Rollback,
        Check::Crash { sweep: if usual { Sweep::Sample } else { Sweep::Every } },
    ];
    if case.has_applications() {
        long.push(Check::Applications);
    }
    let of = long.len();
    let mut number = 0..;
    long.retain(|_| !usual || usually.takes(case, number.next().unwrap_or_default(), of));
    checks.extend(long);
    if sweep == "isolated" {
        checks.push(Check::CrashIsolated { sample: None });
    } else if ISOLATED.contains(&case.name.as_str()) {
        checks.push(Check::CrashIsolated { sample: Some(ISOLATED_PLACES) });
    }
    checks
}

/// A number that spreads the cases.
fn sum(case: &Case) -> usize {
    case.name.bytes().map(usize::from).sum()
}

fn trial(major: u32, case: Arc<Case>, check: Check) -> Trial {
    Trial::test(format!("{major}::{}::{}", case.name, check.name()), move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let begun = Instant::now();
        // Frames of an unoptimized build are many times those of a release, which has 8 MB.
        let checked = std::thread::scope(|scope| {
            let whole = || {
                runtime.block_on(async {
                    let server = server::server(major).await;
                    check.run(&server, &case).await;
                });
            };
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, whole).map(std::thread::ScopedJoinHandle::join)
        });
        if let Err(panic) = checked? {
            std::panic::resume_unwind(panic);
        }
        if std::env::var_os(TIMES_VARIABLE).is_some() {
            eprintln!(
                "{:8.3} s {major}::{}::{}",
                begun.elapsed().as_secs_f64(),
                case.name,
                check.name()
            );
        }
        Ok::<(), Failed>(())
    })
}
