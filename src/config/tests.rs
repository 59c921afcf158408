//! Precedence, places of errors, and what makes no sense.

use super::*;
use crate::run::limits::OnBlocker;
use crate::run::throttle::{self, Unreadable};
use std::time::Duration;

fn settings(flags: Flags, environment: &[(&str, &str)], file: &str) -> Result<Settings, Error> {
    let get = |name: &str| {
        environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    super::settings(flags, &get, "airlock.toml", file, Path::new("project"))
}

fn limits(file: &str) -> Result<Limits, Error> {
    settings(Flags::default(), &[], &format!("[limits]\n{file}")).map(|settings| settings.limits)
}

#[test]
fn without_anything_the_defaults_hold() {
    let found = settings(Flags::default(), &[], "").unwrap();
    assert_eq!(found.limits, Limits::default());
    assert_eq!(found.planning, rewrite::Options::default());
    assert_eq!(found.migrations, Path::new("project/migrations"));
    assert_eq!(found.database_url, None);
    assert_eq!(found.target().unwrap_err().kind, Kind::Input);
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "database_url = 'c'\n[limits]\nmax_stall = '30ms'\npatience = '3s'\njobs = 3";
    let environment = [("DATABASE_URL", "b"), ("AIRLOCK_PATIENCE", "2s"), ("AIRLOCK_JOBS", "2")];
    let flags = Flags {
        database_url: Some("a".to_owned()),
        limits: LimitsLayer { jobs: Some(1), ..LimitsLayer::default() },
        ..Flags::default()
    };
    let found = settings(flags, &environment, file).unwrap();
    assert_eq!(found.database_url, Some(DatabaseUrl("a".to_owned())));
    assert_eq!(found.limits.jobs, 1);
    assert_eq!(found.limits.patience, Duration::from_secs(2));
    assert_eq!(found.limits.max_stall, Duration::from_millis(30));
    let found = settings(Flags::default(), &environment, file).unwrap();
    assert_eq!(found.database_url, Some(DatabaseUrl("b".to_owned())));
    let found = settings(Flags::default(), &[("DATABASE_URL", "")], file).unwrap();
    assert_eq!(found.database_url, Some(DatabaseUrl("c".to_owned())), "empty is as if not set");
}

#[test]
fn every_setting_can_come_from_every_source() {
    let file = "max_stall='40ms'\nmax_hold='1s'\npatience='9m'\nescalate_to='90ms'\n\
        batch_target='9ms'\nbloat_limit='20%'\njobs=4\non_blocker='cancel'\nblocker_age='9s'";
    let environment = [
        ("AIRLOCK_MAX_STALL", "40ms"),
        ("AIRLOCK_MAX_HOLD", "1s"),
        ("AIRLOCK_PATIENCE", "9m"),
        ("AIRLOCK_ESCALATE_TO", "90ms"),
        ("AIRLOCK_BATCH_TARGET", "9ms"),
        ("AIRLOCK_BLOAT_LIMIT", "0.2"),
        ("AIRLOCK_JOBS", "4"),
        ("AIRLOCK_ON_BLOCKER", "cancel"),
        ("AIRLOCK_BLOCKER_AGE", "9s"),
    ];
    let wanted = Limits {
        max_stall: Duration::from_millis(40),
        max_hold: Duration::from_secs(1),
        patience: Duration::from_secs(540),
        escalate_to: Some(Duration::from_millis(90)),
        batch_target: Duration::from_millis(9),
        bloat_limit: 0.2,
        jobs: 4,
        on_blocker: OnBlocker::Cancel,
        blocker_age: Duration::from_secs(9),
        throttle: Arc::default(),
    };
    assert_eq!(limits(file), Ok(wanted.clone()));
    assert_eq!(settings(Flags::default(), &environment, "").unwrap().limits, wanted);
}

#[test]
fn a_file_with_a_mistake_says_where() {
    let place = |file: &str| {
        let error = settings(Flags::default(), &[], file).unwrap_err();
        let excerpt = error.excerpt.unwrap_or_else(|| panic!("{file}"));
        let found = &excerpt.diagnostics[0];
        let (line, column) = found.span.line_and_column(file);
        format!("{line}:{column} {}", found.message)
    };
    let found = [
        place("databse_url = 'x'"),
        place("[limits]\n\nmax_stal = '1s'"),
        place("[limits]\nmax_stall = 'soon'"),
        place("[limits]\nmax_stall = 50"),
        place("[limits]\nbloat_limit = 'much'"),
        place("[limits]\non_blocker = 'kill'"),
        place("[limits]\njobs = -1"),
        place("[plan]\ndual_column_limit = '10 apples'"),
        place("[plan]\nsmall_table_rows = 1.5"),
        place("migrations = "),
        place("[throttle]\nreplica_lag = 10"),
        place("[throttle]\nreplica_lagg = '10s'"),
        place("[throttle]\nunreadable = 'maybe'"),
        place("[throttle]\nwindows = ['01:00-05:00 UTC', '01:00-05:00 Europe/Olso']"),
        place("[[throttle.query]]\nname = 'carts'\nsql = 'SELECT 1'"),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn a_variable_with_a_mistake_is_named() {
    let error = settings(Flags::default(), &[("AIRLOCK_MAX_STALL", "50")], "").unwrap_err();
    assert_eq!(
        error.message,
        "environment variable AIRLOCK_MAX_STALL: a duration needs a unit, for example 50ms or 50s"
    );
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    for bad in [
        "max_stall = '0s'",
        "max_stall = '2m'",
        "max_hold = '1ms'",
        "patience = '8d'",
        "escalate_to = '10ms'",
        "max_stall = '20ms'\nbatch_target = '20ms'",
        "batch_target = '0s'",
        "jobs = 0",
        "jobs = 65",
        "bloat_limit = '0%'",
        "bloat_limit = '101%'",
        "bloat_limit = nan",
    ] {
        assert_eq!(limits(bad).map_err(|error| error.kind), Err(Kind::Input), "{bad}");
    }
    assert!(limits("bloat_limit = 1.0\njobs = 64\npatience = '0s'").is_ok());
}

#[test]
fn a_lower_stall_budget_brings_the_batches_down_with_it() {
    let found = limits("max_stall = '10ms'").unwrap();
    assert_eq!(found.batch_target, Duration::from_millis(5));
}

#[test]
fn every_signal_can_be_given_a_threshold() {
    let file = "[throttle]\ninterval = '2s'\nunreadable = 'ignore'\nratio = '30%'\n\
        replica_lag = '10s'\nreplicas = ['a', 'b']\nslot_bytes = '1GB'\nwal_rate = '50MB'\n\
        archive_backlog = 100\nactive_backends_per_core = 1.5\ncores = 8\noldest_xmin = 1000\n\
        autovacuum = true\nstall = '20ms'\nfile = '/run/stop'\n\
        windows = ['sat,sun 00:00-24:00 UTC']\n\
        [[throttle.query]]\nname = 'carts'\nsql = 'SELECT 1'\nmax = 5";
    let found = settings(Flags::default(), &[], file).unwrap().limits.throttle;
    let wanted = throttle::Settings {
        interval: Duration::from_secs(2),
        unreadable: Unreadable::Ignore,
        ratio: 0.3,
        replica_lag: Some(Duration::from_secs(10)),
        replicas: vec!["a".to_owned(), "b".to_owned()],
        slot_bytes: Some(1 << 30),
        wal_rate: Some(50 << 20),
        archive_backlog: Some(100),
        active_backends_per_core: Some(1.5),
        cores: Some(8),
        oldest_xmin: Some(1000),
        autovacuum: true,
        stall: Some(Duration::from_millis(20)),
        file: Some("/run/stop".into()),
        windows: vec![throttle::Window::parse("sat,sun 00:00-24:00 UTC").unwrap()],
        queries: vec![throttle::Query {
            name: "carts".to_owned(),
            sql: "SELECT 1".to_owned(),
            max: 5.0,
        }],
    };
    assert_eq!(*found, wanted);
    let error = settings(Flags::default(), &[], "[throttle]\nratio = 1.0").unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert!(error.message.contains("[throttle]"), "{}", error.message);
}

#[test]
fn telemetry_is_off_until_it_is_asked_for() {
    use crate::telemetry::hook::Occasion;
    let nothing = settings(Flags::default(), &[], "").unwrap().telemetry;
    assert_eq!(nothing, Telemetry::default());
    let file = "[metrics]\ntextfile = '/m/a.prom'\nlisten = '127.0.0.1:9187'\n\
        [log]\nfile = 'a.log'\n[[hook]]\non = ['gate', 'rolled-back']\ncommand = ['x', 'y']\n\
        timeout = '2s'\nrequired = true";
    let found = settings(Flags::default(), &[], file).unwrap().telemetry;
    assert_eq!(found.textfile.as_deref(), Some(Path::new("/m/a.prom")));
    assert_eq!(found.listen.map(|at| at.port()), Some(9187));
    assert_eq!(found.hooks[0].on, [Occasion::Gate, Occasion::RolledBack]);
    assert!(found.hooks[0].required && found.hooks[0].timeout == Duration::from_secs(2));
    for bad in [
        "[[hook]]\non = ['gate']\ncommand = []",
        "[[hook]]\non = []\ncommand = ['x']",
        "[[hook]]\non = ['lunch']\ncommand = ['x']",
        "[[hook]]\non = ['gate']\ncommand = ['x']\ntimeout = '0s'",
        "[metrics]\nlisten = '9187'",
    ] {
        assert_eq!(settings(Flags::default(), &[], bad).unwrap_err().kind, Kind::Input, "{bad}");
    }
}

#[test]
fn the_template_holds_the_defaults() {
    let uncommented = |text: &str| -> String {
        text.lines()
            .map(|line| {
                let setting = |line: &&str| line.contains(" = ") || line.starts_with("[[");
                line.strip_prefix("# ").filter(setting).unwrap_or(line)
            })
            .map(|line| format!("{line}\n"))
            .collect()
    };
    // Signals have no default threshold; what is shown can be taken as it stands.
    let (before, rest) = template::TEMPLATE.split_once("[throttle]").unwrap();
    let (throttle, after) = rest.split_once("# docs/observing.md").unwrap();
    let after = after.split_once("[plan]").unwrap().1;
    let throttle = uncommented(&format!("[throttle]{throttle}"));
    let signals = settings(Flags::default(), &[], &throttle).unwrap().limits.throttle;
    assert!(signals.queries.len() == 1 && signals.windows.len() == 2 && signals.stall.is_some());
    // Nor does the desired schema come from anywhere by itself.
    let (plan, rest) = after.split_once("[schema]").unwrap();
    let (schema, lint) = rest.split_once("[lint]").unwrap();
    // Nor is there any environment.
    let (schema, environments) = schema.split_once("# [env.NAME]").unwrap();
    let environments = uncommented(environments.split_once('\n').unwrap().1);
    let environments = environments.replace("# [env", "[env") + "[env.staging]\ndatabase_url = 'u'";
    let flags = Flags { env: Some("production".to_owned()), ..Flags::default() };
    let found = settings(flags, &[("PRODUCTION_URL", "p")], &environments).unwrap();
    assert!(found.environment.unwrap().confirm && found.limits.max_stall.as_millis() == 20);
    let schema = uncommented(&format!("[schema]{schema}"));
    assert!(settings(Flags::default(), &[], &schema).is_err(), "both at once");
    let schema = schema.replace("command = ", "# command = ");
    assert!(settings(Flags::default(), &[], &schema).unwrap().schema.path.is_some());
    let before = uncommented(before);
    // Nor is there any password command; what is said of it are its defaults.
    let password = |begins: &str| -> String {
        let lines = before.lines().filter(|line| line.starts_with(begins));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let command = |text: &str| settings(Flags::default(), &[], text).unwrap().password_command;
    assert!(command(&password("password_")).is_some());
    assert_eq!(command(&password("password_")), command(&password("password_command")));
    let not_set = ["escalate_to", "database_url", "password_"];
    let plain: String = uncommented(&format!("{before}[plan]{plan}[lint]{lint}"))
        .lines()
        .filter(|line| !not_set.iter().any(|name| line.starts_with(name)))
        .map(|line| format!("{line}\n"))
        .collect();
    let found = settings(Flags::default(), &[], &plain).unwrap();
    assert_eq!(found, settings(Flags::default(), &[], "").unwrap());
    assert_eq!(found, settings(Flags::default(), &[], template::TEMPLATE).unwrap());
    for name in ["max_stall", "jobs", "on_blocker", "small_table_rows", "dual_column_limit"] {
        assert!(plain.lines().any(|line| line.starts_with(name)), "{name}");
    }
}

#[test]
fn passwords_are_not_shown() {
    let flags =
        Flags { database_url: Some("postgresql://u:secret@h/d".to_owned()), ..Flags::default() };
    let found = settings(flags, &[], "").unwrap();
    assert!(!format!("{found:?}").contains("secret"));
}

#[test]
fn a_named_file_must_be_there() {
    let flags = Flags { config: Some("no/such/file.toml".into()), ..Flags::default() };
    let error = load(flags, &|_| None).unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert!(error.message.contains("no/such/file.toml"));
}

#[test]
fn speeds_are_bytes_a_second_and_no_typing_mistakes() {
    let speed = |file: &str| settings(Flags::default(), &[], file).map(|settings| settings.speed);
    assert_eq!(speed("").unwrap(), Speed::default());
    let fast = speed("[report]\nscan_speed = '2GB'").unwrap();
    assert_eq!(fast, Speed { scan: 2 << 30, ..Speed::default() });
    assert_eq!(speed("[report]\nwrite_speed = '50'").unwrap_err().kind, Kind::Input);
}

fn in_environment(name: &str, variables: &[(&str, &str)], file: &str) -> Result<Settings, Error> {
    settings(Flags { env: Some(name.to_owned()), ..Flags::default() }, variables, file)
}

const ENVIRONMENTS: &str = "database_url = 'shared'\n[limits]\nmax_stall = '30ms'\njobs = 2\n\
    [env.staging]\ndatabase_url = 's'\n[env.ci]\nreviewed = true\n[env.ci.limits]\njobs = 3\n\
    [env.production]\ndatabase_url_env = 'PRODUCTION'\nconfirm = true\nafter = 'staging'\n\
    [env.production.limits]\nmax_stall = '20ms'\n";

#[test]
fn an_environment_lies_over_the_rest_of_the_file() {
    let url = |found: &Settings| found.database_url.clone().unwrap().0;
    let plain = settings(Flags::default(), &[], ENVIRONMENTS).unwrap();
    assert_eq!((url(&plain).as_str(), plain.limits.jobs, plain.environment), ("shared", 2, None));
    let variables = [("PRODUCTION", "p"), ("DATABASE_URL", "d"), ("AIRLOCK_JOBS", "4")];
    let found = in_environment("production", &variables, ENVIRONMENTS).unwrap();
    assert_eq!(url(&found), "p", "who names an environment means its database");
    assert_eq!(found.limits.max_stall, Duration::from_millis(20));
    assert_eq!(found.limits.jobs, 4, "a variable wins over the file");
    let environment = found.environment.unwrap();
    assert!(environment.confirm);
    assert_eq!(environment.after.unwrap().url, DatabaseUrl("s".to_owned()));
    let found = in_environment("ci", &variables, ENVIRONMENTS).unwrap();
    assert_eq!(url(&found), "d", "an environment without a database leaves that open");
    assert!(found.reviewed && !found.environment.unwrap().confirm);
    assert_eq!(in_environment("ci", &[], ENVIRONMENTS).unwrap().limits.jobs, 3);
    let variables = [("AIRLOCK_ENV", "staging")];
    assert_eq!(url(&settings(Flags::default(), &variables, ENVIRONMENTS).unwrap()), "s");
    let flags = Flags {
        env: Some("staging".to_owned()),
        database_url: Some("a".to_owned()),
        ..Flags::default()
    };
    assert_eq!(url(&settings(flags, &[], ENVIRONMENTS).unwrap()), "a");
}

#[test]
fn an_environment_that_makes_no_sense_is_refused() {
    let missing = in_environment("produktion", &[], ENVIRONMENTS).unwrap_err();
    assert_eq!(missing.kind, Kind::Input);
    assert_eq!(missing.hint.as_deref(), Some("Did you mean `production`?"));
    let unset = in_environment("production", &[], ENVIRONMENTS).unwrap_err();
    assert!(unset.message.contains("PRODUCTION"), "{}", unset.message);
    for bad in [
        "confirm = true",
        "after = 'x'",
        "[env.a.env.b]\nconfirm = true",
        "[env.a]\nafter = 'a'",
        "[env.a]\nafter = 'b'",
        "[env.a]\ndatabase_url = 'x'\ndatabase_url_env = 'X'",
        "[env.a]\nconfirmed = true",
        "[env.'']\nconfirm = true",
    ] {
        assert_eq!(settings(Flags::default(), &[], bad).unwrap_err().kind, Kind::Input, "{bad}");
    }
    let nowhere = "[env.a]\nafter = 'b'\n[env.b]\n";
    assert!(in_environment("a", &[], nowhere).unwrap_err().message.contains("names no database"));
}
