//! Partitions on real servers: those that come and go between the plan and the end of its rollout,
//! and attaches that the server finds proven, so that it reads and builds nothing under its lock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::catalog;
use airlock::connect::Target;
use airlock::observe::{Relations, inside};
use airlock::plan::{Action, Phase, Plan, PlannedRevision};
use airlock::rewrite::{self, Options};
use airlock::run::{self, End, Hooks, Limits, Outcome, RunError, Scope};
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use airlock::sql;

const SETUP: &str = "
    CREATE TABLE regions (id int PRIMARY KEY);
    INSERT INTO regions SELECT generate_series(0, 9);
    CREATE TABLE t (id bigint, day date NOT NULL, region int) PARTITION BY RANGE (day);
    CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    INSERT INTO t SELECT i, '2026-01-01'::date + i % 59, i % 10 FROM generate_series(1, 500) AS i;";

const MIGRATION: &str = "
    CREATE INDEX by_region ON t (region DESC) WHERE id > 5;
    ALTER TABLE t ADD CONSTRAINT key PRIMARY KEY (id, day);
    ALTER TABLE t ADD CONSTRAINT in_region FOREIGN KEY (region) REFERENCES regions;";

async fn plan(target: &Target) -> Plan {
    plan_of(target, MIGRATION).await
}

async fn plan_of(target: &Target, migration: &str) -> Plan {
    let connection = target.connect("test").await.unwrap();
    let found = catalog::load(&connection).await.unwrap();
    connection.close().await;
    let script = sql::parse(migration, 0..migration.len()).unwrap();
    let revision = PlannedRevision {
        id: "0123456789ab".to_owned(),
        parents: Vec::new(),
        message: "moving".to_owned(),
        digest: sql::canonical::digest(&script),
    };
    rewrite::plan(&script, &found, revision, &Options::default()).unwrap()
}

async fn execute(target: &Target, plan: &Plan) -> Result<Outcome, RunError> {
    let scope = Scope { through: Phase::Contract };
    run::execute(target, plan, scope, &Limits::default(), Hooks::default()).await
}

async fn send(target: &Target, sql: &str) {
    let connection = target.connect("test").await.unwrap();
    connection.batch_execute(sql).await.unwrap();
    connection.close().await;
}

async fn number(target: &Target, sql: &str) -> i64 {
    let connection = target.connect("test").await.unwrap();
    let found = connection.query_one(sql, &[]).await.unwrap().get(0);
    connection.close().await;
    found
}

const INVALID: &str = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
const WITHOUT: &str = "SELECT count(*) FROM pg_partition_tree('t') AS t WHERE t.isleaf AND
    ((SELECT count(*) FROM pg_index WHERE indrelid = t.relid) <> 2
     OR (SELECT count(*) FROM pg_constraint WHERE conrelid = t.relid AND contype = 'f') <> 1)";

#[tokio::test]
async fn an_empty_partition_that_was_added_and_one_that_was_dropped_do_not_matter() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let target = cluster.create_database("moving", None).await.unwrap();
        send(&target, SETUP).await;
        let plan = plan(&target).await;
        send(
            &target,
            "DROP TABLE t1; CREATE TABLE t3 PARTITION OF t FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
        )
        .await;
        let outcome = execute(&target, &plan).await.unwrap();
        assert_eq!(outcome.end, End::Finished, "{major}");
        assert_eq!(number(&target, INVALID).await, 0, "{major}");
        assert_eq!(number(&target, WITHOUT).await, 0, "{major}");
    }
}

#[tokio::test]
async fn a_partition_that_was_added_with_rows_stops_the_run_until_it_has_what_the_others_have() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let target = cluster.create_database("moving", None).await.unwrap();
        send(&target, SETUP).await;
        let plan = plan(&target).await;
        send(
            &target,
            "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
             INSERT INTO t SELECT i, '2026-03-05', 1 FROM generate_series(1, 50) AS i",
        )
        .await;
        let add = |sql: &'static str, words: &'static str| {
            let (target, plan) = (&target, &plan);
            async move {
                let error = execute(target, plan).await.unwrap_err();
                assert!(
                    matches!(&error, RunError::VerificationFailed { .. })
                        && format!("{error:?}").contains(words),
                    "{major}: {error:?}"
                );
                send(target, sql).await;
            }
        };
        add("CREATE INDEX ON t3 (region DESC) WHERE id > 5", "by_region").await;
        add("ALTER TABLE t3 ADD PRIMARY KEY (id, day)", "key").await;
        if major < 18 {
            add(
                "ALTER TABLE t3 ADD CONSTRAINT in_region FOREIGN KEY (region) REFERENCES regions",
                "in_region",
            )
            .await;
        }
        assert_eq!(execute(&target, &plan).await.unwrap().end, End::Finished, "{major}");
        assert_eq!(number(&target, INVALID).await, 0, "{major}");
        assert_eq!(number(&target, WITHOUT).await, 0, "{major}");
    }
}

/// Partition keys over (a int, b timestamptz, c varchar(9), e mood) with a bound for table `n`, and
/// the rows of `n`. Rows of the default partition have a = 100, b = 2030, c = 'z', e = 'calm'.
const PROVEN: [(&str, &str, &str); 13] = [
    ("RANGE (a)", "FOR VALUES FROM (1) TO (10)", "1, '2026-01-05', 'x', 'sad'"),
    ("RANGE (a)", "FOR VALUES FROM (MINVALUE) TO (10)", "1, '2026-01-05', 'x', 'sad'"),
    (
        "RANGE (b)",
        "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01 00:00+02')",
        "1, '2026-01-05', 'x', 'sad'",
    ),
    (
        "RANGE (b, a)",
        "FOR VALUES FROM ('2026-01-01', 5) TO ('2026-02-01', 7)",
        "1, '2026-01-05', 'x', 'sad'",
    ),
    (
        "RANGE (a, b)",
        "FOR VALUES FROM (1, MINVALUE) TO (2, MAXVALUE)",
        "1, '2026-01-05', 'x', 'sad'",
    ),
    (
        "RANGE (a, b)",
        "FOR VALUES FROM (1, '2026-01-01') TO (1, '2026-02-01')",
        "1, '2026-01-05', 'x', 'sad'",
    ),
    ("RANGE (c)", "FOR VALUES FROM ('a') TO ('y')", "1, '2026-01-05', 'x', 'sad'"),
    (
        "RANGE ((a + 1), lower(c))",
        "FOR VALUES FROM (1, 'a') TO (10, 'b')",
        "1, '2026-01-05', 'x', 'sad'",
    ),
    ("LIST (c)", "FOR VALUES IN ('x')", "1, '2026-01-05', 'x', 'sad'"),
    ("LIST (c)", "FOR VALUES IN ('x', 'y', NULL)", "1, '2026-01-05', NULL, 'sad'"),
    ("LIST (c)", "FOR VALUES IN (NULL)", "1, '2026-01-05', NULL, 'sad'"),
    ("LIST (e)", "FOR VALUES IN ('sad', 'happy')", "1, '2026-01-05', 'x', 'sad'"),
    ("LIST (upper(c))", "FOR VALUES IN ('X')", "1, '2026-01-05', 'x', 'sad'"),
];

#[tokio::test]
async fn the_server_takes_the_checks_of_an_attach_for_proofs() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        for (index, (key, bound, row)) in PROVEN.iter().enumerate() {
            let target = cluster.create_database(&format!("p{index}"), None).await.unwrap();
            let columns = "a int, b timestamptz, c varchar(9), e mood";
            let setup = format!(
                "CREATE TYPE mood AS ENUM ('happy', 'sad', 'calm');
                 CREATE TABLE \"T t\" ({columns}) PARTITION BY {key};
                 CREATE TABLE d PARTITION OF \"T t\" DEFAULT;
                 INSERT INTO d SELECT 100, '2030-01-01', 'z', 'calm' FROM generate_series(1, 50);
                 CREATE TABLE n ({columns});
                 INSERT INTO n SELECT {row} FROM generate_series(1, 50);
                 CREATE INDEX ON \"T t\" (b DESC) WHERE a > 3; CREATE INDEX ON \"T t\" (lower(c))"
            );
            send(&target, &setup).await;
            let plan =
                plan_of(&target, &format!("ALTER TABLE \"T t\" ATTACH PARTITION n {bound}")).await;
            let (last, before) = plan.steps.split_last().unwrap();
            let connection = target.connect("test").await.unwrap();
            for step in before {
                match &step.action {
                    Action::Transaction { sql } => {
                        connection.batch_execute(&sql.join("; ")).await.unwrap();
                    }
                    Action::Validate { sql } | Action::Concurrent { sql, .. } => {
                        connection.batch_execute(sql).await.unwrap();
                    }
                    Action::Verify { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            let Action::Transaction { sql } = &last.action else { panic!("{last:?}") };
            assert!(sql[0].contains("ATTACH PARTITION"), "{sql:?}");
            let known = Relations::load(&connection).await.unwrap();
            connection
                .batch_execute("BEGIN; SET LOCAL client_min_messages = debug1")
                .await
                .unwrap();
            let effects = inside::observe(&connection, &sql[0], &known).await.unwrap();
            let what = format!("{major}, {key}, {bound}: {effects:#?}");
            assert!(effects.scanned.is_empty(), "{what}");
            let proven =
                effects.messages.iter().filter(|m| m.contains("implied by existing")).count();
            assert_eq!(proven, 1, "{what}");
            assert!(!effects.messages.iter().any(|m| m.contains("building index")), "{what}");
            connection.batch_execute("COMMIT").await.unwrap();
            connection.close().await;
        }
    }
}

const LATE: &str = "
    CREATE TABLE p (id int, k int NOT NULL, a int DEFAULT 3, b text) PARTITION BY RANGE (k);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);
    INSERT INTO p SELECT i, i, i, 'b' FROM generate_series(1, 300) AS i;";

const LOADED: &str = "
    CREATE TABLE p9 (LIKE p INCLUDING DEFAULTS);
    INSERT INTO p9 (id, k, a) VALUES (900, 2000, 900);
    ALTER TABLE p ATTACH PARTITION p9 FOR VALUES FROM (2000) TO (3000)";

#[tokio::test]
async fn a_partition_that_comes_loaded_after_the_walk_loses_no_value() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        for (number_of, (migration, through, mended, after)) in [
            (
                "-- airlock: rename dual-column\nALTER TABLE p RENAME COLUMN a TO aa",
                Phase::Switch,
                Some("UPDATE p9 SET aa = a"),
                "SELECT count(*) FROM p WHERE id = 900 AND aa = 900",
            ),
            (
                "ALTER TABLE p ALTER COLUMN a TYPE bigint",
                Phase::Migrate,
                None,
                "SELECT count(*) FROM p WHERE id = 900 AND a = 900",
            ),
            (
                "ALTER TABLE p ADD COLUMN c int; UPDATE p SET c = a + 1 WHERE c IS NULL; \
                 ALTER TABLE p DROP COLUMN a",
                Phase::Switch,
                Some("UPDATE p9 SET c = a + 1"),
                "SELECT count(*) FROM p WHERE id = 900 AND c = 901",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let target = cluster.create_database(&format!("late{number_of}"), None).await.unwrap();
            send(&target, LATE).await;
            let plan = plan_of(&target, migration).await;
            let scope = Scope { through };
            run::execute(&target, &plan, scope, &Limits::default(), Hooks::default())
                .await
                .unwrap();
            send(&target, LOADED).await;
            let error = execute(&target, &plan).await.unwrap_err();
            let RunError::CameLate { tables, .. } = &error else { panic!("{migration}: {error}") };
            assert_eq!(tables, &[("public.p9".to_owned(), 1)], "{migration}");
            let column = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'p'::regclass
                AND attname LIKE 'airlock%' LIMIT 1";
            let mended = match mended {
                Some(sql) => sql.to_owned(),
                None => {
                    let connection = target.connect("test").await.unwrap();
                    let row = connection.query_one(column, &[]).await.unwrap();
                    connection.close().await;
                    format!("UPDATE p9 SET {} = a", row.get::<_, String>(0))
                }
            };
            send(&target, &mended).await;
            assert_eq!(execute(&target, &plan).await.unwrap().end, End::Finished, "{migration}");
            assert_eq!(number(&target, after).await, 1, "{migration}");
        }
    }
}

#[tokio::test]
async fn a_rollout_whose_table_somebody_dropped_can_be_taken_back() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let target = cluster.create_database("dropped", None).await.unwrap();
        send(&target, LATE).await;
        let plan = plan_of(&target, "ALTER TABLE p ALTER COLUMN a TYPE bigint").await;
        let scope = Scope { through: Phase::Switch };
        run::execute(&target, &plan, scope, &Limits::default(), Hooks::default()).await.unwrap();
        send(&target, "DROP TABLE p CASCADE").await;
        let ended =
            run::rollback(&target, &plan, &Limits::default(), Hooks::default()).await.unwrap();
        assert_eq!(ended.end, End::RolledBack);
        let left = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'airlock%'
            OR pronamespace = to_regnamespace('airlock')";
        assert_eq!(number(&target, left).await, 0, "functions are left");
    }
}
