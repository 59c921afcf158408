//! Changes of a column's type on real servers while the application writes what the other type cannot hold: before
//! the switch a value that does not convert, after it one that the old type cannot hold; and partitions
//! that come and go meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::catalog;
use airlock::connect::Target;
use airlock::plan::{Phase, Plan, PlannedRevision};
use airlock::rewrite::{self, Options};
use airlock::run::{self, End, Hooks, Limits, Outcome, RunError, Scope};
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use airlock::sql;

async fn plan(target: &Target, migration: &str) -> Plan {
    let connection = target.connect("test").await.unwrap();
    let found = catalog::load(&connection).await.unwrap();
    connection.close().await;
    let script = sql::parse(migration, 0..migration.len()).unwrap();
    let revision = PlannedRevision {
        id: "0123456789ab".to_owned(),
        parents: Vec::new(),
        message: "retyping".to_owned(),
        digest: sql::canonical::digest(&script),
    };
    rewrite::plan(&script, &found, revision, &Options::default()).unwrap()
}

async fn through(target: &Target, plan: &Plan, phase: Phase) -> Result<Outcome, RunError> {
    run::execute(target, plan, Scope { through: phase }, &Limits::default(), Hooks::default()).await
}

async fn roll_back(target: &Target, plan: &Plan) -> Result<Outcome, RunError> {
    run::rollback(target, plan, &Limits::default(), Hooks::default()).await
}

async fn send(target: &Target, sql: &str) {
    let connection = target.connect("test").await.unwrap();
    connection.batch_execute(sql).await.unwrap();
    connection.close().await;
}

async fn refused(target: &Target, sql: &str) -> String {
    let connection = target.connect("test").await.unwrap();
    let error = connection.batch_execute(sql).await.unwrap_err();
    connection.close().await;
    format!("{error:?}")
}

async fn text(target: &Target, sql: &str) -> String {
    let connection = target.connect("test").await.unwrap();
    let found = connection.query_one(sql, &[]).await.unwrap().get(0);
    connection.close().await;
    found
}

async fn database(major: u32, setup: &str) -> (Cluster, Target) {
    let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
    let cluster = Cluster::start(&options).unwrap();
    let target = cluster.create_database("retyping", None).await.unwrap();
    send(&target, setup).await;
    (cluster, target)
}

const TYPE: &str = "SELECT atttypid::regtype::text FROM pg_attribute
    WHERE attrelid = 't'::regclass AND attname = 'c'";

fn fails_with(error: &RunError, words: &[&str]) {
    let all = format!("{error} {error:?}");
    for word in words {
        assert!(all.contains(word), "{word} is not in {all}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_convert_stops_the_run_and_nobody_else() {
    for major in test_versions().unwrap() {
        let (_cluster, target) = database(
            major,
            "CREATE TABLE t (id bigint PRIMARY KEY, c text NOT NULL);
             INSERT INTO t SELECT i, i FROM generate_series(1, 500) AS i;",
        )
        .await;
        let plan = plan(&target, "ALTER TABLE t ALTER COLUMN c TYPE int USING c::int;").await;
        through(&target, &plan, Phase::Expand).await.unwrap();
        // The application's statement goes through; the run stops and says which rows.
        send(&target, "INSERT INTO t VALUES (1001, 'abc'); UPDATE t SET c = '' WHERE id = 7").await;
        let error = through(&target, &plan, Phase::Contract).await.unwrap_err();
        assert!(
            matches!(error, RunError::VerificationFailed { count: 2, .. }),
            "{major}: {error:?}"
        );
        fails_with(&error, &["c is not converted, or cannot be", "1001", "\"id\""]);
        send(&target, "UPDATE t SET c = '5' WHERE id IN (7, 1001)").await;
        through(&target, &plan, Phase::Migrate).await.unwrap();
        // One more, in front of the switch.
        send(&target, "UPDATE t SET c = '9 9' WHERE id = 9").await;
        let error = through(&target, &plan, Phase::Contract).await.unwrap_err();
        assert!(
            matches!(error, RunError::VerificationFailed { count: 1, .. }),
            "{major}: {error:?}"
        );
        fails_with(&error, &["c cannot become integer", "9"]);
        // It can be taken back now, with everything that was written.
        roll_back(&target, &plan).await.unwrap();
        assert_eq!(text(&target, TYPE).await, "text", "{major}");
        let kept = "SELECT string_agg(c, ',' ORDER BY id) FROM t WHERE id IN (7, 9, 1001)";
        assert_eq!(text(&target, kept).await, "5,9 9,5", "{major}");
        send(&target, "UPDATE t SET c = '9' WHERE id = 9").await;
        assert_eq!(through(&target, &plan, Phase::Contract).await.unwrap().end, End::Finished);
        assert_eq!(text(&target, TYPE).await, "integer", "{major}");
    }
}

#[tokio::test]
async fn a_rollback_that_would_lose_a_value_is_refused_before_it_changes_anything() {
    for major in test_versions().unwrap() {
        let (_cluster, target) = database(
            major,
            "CREATE TABLE t (c int PRIMARY KEY, other text);
             CREATE TABLE child (id bigint PRIMARY KEY, t int REFERENCES t);
             INSERT INTO t SELECT i FROM generate_series(1, 500) AS i;
             INSERT INTO child SELECT i, i FROM generate_series(1, 500) AS i;",
        )
        .await;
        let migration = "ALTER TABLE t ALTER COLUMN c TYPE bigint;
            ALTER TABLE child ALTER COLUMN t TYPE bigint;";
        let plan = plan(&target, migration).await;
        through(&target, &plan, Phase::Switch).await.unwrap();
        send(&target, "INSERT INTO t (c) VALUES (3000000000), (3000000001), (7000)").await;
        send(&target, "INSERT INTO child (id, t) VALUES (9001, 3000000000), (9002, 7000)").await;
        let error = roll_back(&target, &plan).await.unwrap_err();
        fails_with(&error, &["2 rows of public.t hold a value of c that integer cannot hold"]);
        assert_eq!(text(&target, TYPE).await, "bigint", "{major}");
        // The application goes on, and can read what it has written.
        send(&target, "UPDATE t SET other = 'x' WHERE c = 3000000000").await;
        send(&target, "DELETE FROM child WHERE id = 9001; DELETE FROM t WHERE c >= 3000000000")
            .await;
        roll_back(&target, &plan).await.unwrap();
        assert_eq!(text(&target, TYPE).await, "integer", "{major}");
        let rows = "SELECT count(*) || ' ' || max(c) FROM t";
        assert_eq!(text(&target, rows).await, "501 7000", "{major}");
        let error = refused(&target, "INSERT INTO child (id, t) VALUES (9003, 8000)").await;
        assert!(error.contains("child_t_fkey"), "{major}: {error}");
        // And once more, to the end.
        assert_eq!(through(&target, &plan, Phase::Contract).await.unwrap().end, End::Finished);
        assert_eq!(text(&target, TYPE).await, "bigint", "{major}");
    }
}

const PARTED: &str = "
    CREATE TABLE other (id int PRIMARY KEY);
    INSERT INTO other SELECT generate_series(1, 100);
    CREATE TABLE t (c int, day int NOT NULL, o int REFERENCES other, PRIMARY KEY (c, day)) PARTITION BY RANGE (day);
    CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100);
    CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (100) TO (200);
    CREATE INDEX ON t (o, c);
    INSERT INTO t SELECT i, i % 200, 1 + i % 100 FROM generate_series(1, 500) AS i;";

const PARTED_CHANGE: &str = "ALTER TABLE t ALTER COLUMN c TYPE bigint, ALTER COLUMN o TYPE bigint;";

const KEYS: &str = "SELECT string_agg(conrelid::regclass || ' ' || contype::text, ', '
    ORDER BY conrelid::regclass::text, contype) FROM pg_constraint
    WHERE conrelid IN (SELECT relid FROM pg_partition_tree('t')) AND contype IN ('p', 'f')
      AND convalidated";

#[tokio::test]
async fn a_partition_that_is_dropped_or_added_empty_does_not_matter() {
    for major in test_versions().unwrap() {
        let (_cluster, target) = database(major, PARTED).await;
        let plan = plan(&target, PARTED_CHANGE).await;
        through(&target, &plan, Phase::Expand).await.unwrap();
        send(
            &target,
            "DROP TABLE t1; CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (300) TO (400)",
        )
        .await;
        through(&target, &plan, Phase::Switch).await.unwrap();
        send(&target, "INSERT INTO t (c, day, o) VALUES (7000, 350, 5)").await;
        assert_eq!(text(&target, KEYS).await, "t f, t p, t2 f, t2 p, t3 f, t3 p", "{major}");
        roll_back(&target, &plan).await.unwrap();
        assert_eq!(text(&target, TYPE).await, "integer", "{major}");
        assert_eq!(text(&target, KEYS).await, "t f, t p, t2 f, t2 p, t3 f, t3 p", "{major}");
        assert_eq!(text(&target, "SELECT max(c)::text FROM t").await, "7000", "{major}");
    }
}

const NAMES: &str = "SELECT string_agg(name, ' ' ORDER BY name) FROM (
    SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 't3'::regclass
    UNION ALL SELECT conname::text FROM pg_constraint WHERE conrelid = 't3'::regclass AND contype <> 'n') AS all_of_them";

#[tokio::test]
async fn what_hangs_on_a_partition_that_came_meanwhile_is_called_as_the_server_calls_it() {
    let long = format!("t3{}", "_table".repeat(10));
    let renamed =
        "ALTER TABLE t RENAME COLUMN o TO other_id; ALTER TABLE t RENAME COLUMN c TO code;";
    for major in test_versions().unwrap() {
        for (change, phases) in [
            (PARTED_CHANGE, &[Phase::Expand, Phase::Migrate, Phase::Switch][..]),
            (renamed, &[Phase::Expand, Phase::Migrate][..]),
        ] {
            for phase in phases {
                let setup = format!(
                    "{PARTED} CREATE INDEX ON t USING hash (c) WHERE o > 5; CREATE INDEX mine_airlock_own ON t1 (c);"
                );
                let (_cluster, target) = database(major, &setup).await;
                let plan = plan(&target, change).await;
                through(&target, &plan, *phase).await.unwrap();
                send(
                    &target,
                    &format!(
                        "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (300) TO (400);
                         CREATE TABLE {long} PARTITION OF t FOR VALUES FROM (400) TO (500)"
                    ),
                )
                .await;
                through(&target, &plan, Phase::Contract).await.unwrap();
                let ours = "SELECT coalesce(string_agg(name, ' '), '') FROM (
                    SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
                    UNION ALL SELECT conname FROM pg_constraint) AS names WHERE name LIKE '%airlock\\_%'";
                assert_eq!(
                    text(&target, ours).await,
                    "mine_airlock_own",
                    "{major} {phase:?} {change}"
                );
                // After the switch it has an index on the old column too, which took the name first.
                let expected = match (change == renamed, phase) {
                    (true, _) => "t3_code_idx t3_other_id_code_idx t3_pkey t3_pkey t_o_fkey",
                    (false, Phase::Switch) => "t3_c_idx1 t3_o_c_idx1 t3_pkey t3_pkey t_o_fkey",
                    (false, _) => "t3_c_idx t3_o_c_idx t3_pkey t3_pkey t_o_fkey",
                };
                assert_eq!(text(&target, NAMES).await, expected, "{major} {phase:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_partition_that_was_added_with_rows_stops_the_run_before_the_switch() {
    for major in test_versions().unwrap() {
        let (_cluster, target) = database(major, PARTED).await;
        let plan = plan(&target, PARTED_CHANGE).await;
        through(&target, &plan, Phase::Migrate).await.unwrap();
        send(
            &target,
            "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (300) TO (400);
             INSERT INTO t (c, day, o) SELECT i, 300 + i % 50, 1 FROM generate_series(1, 300) AS i",
        )
        .await;
        let error = through(&target, &plan, Phase::Contract).await.unwrap_err();
        fails_with(&error, &["partitions of public.t with rows that came after", "index t_pkey"]);
        let new = text(
            &target,
            "SELECT attname::text FROM pg_attribute WHERE attrelid = 't'::regclass
              AND attname LIKE 'airlock%' AND atttypid = 'bigint'::regtype ORDER BY attnum LIMIT 1",
        )
        .await;
        send(&target, &format!("CREATE UNIQUE INDEX ON t3 ({new}, day)")).await;
        assert_eq!(through(&target, &plan, Phase::Contract).await.unwrap().end, End::Finished);
        assert_eq!(text(&target, KEYS).await, "t f, t p, t1 f, t1 p, t2 f, t2 p, t3 f, t3 p");
    }
}

/// What others do, how they take it back, and what the run says of it.
const STRANGERS: [[&str; 3]; 7] = [
    ["CREATE INDEX newidx ON t (c)", "DROP INDEX newidx", "index newidx"],
    [
        "ALTER TABLE t ADD CONSTRAINT newck CHECK (c > -5)",
        "ALTER TABLE t DROP CONSTRAINT newck",
        "constraint newck",
    ],
    ["CREATE STATISTICS newst ON c, d FROM t", "DROP STATISTICS newst", "newst"],
    [
        "GRANT SELECT (c) ON t TO PUBLIC",
        "REVOKE SELECT (c) ON t FROM PUBLIC",
        "the privileges of c of public.t",
    ],
    ["COMMENT ON COLUMN t.c IS 'new'", "COMMENT ON COLUMN t.c IS 'old'", "the comment of c"],
    [
        "ALTER TABLE t ALTER c SET STATISTICS 77",
        "ALTER TABLE t ALTER c SET STATISTICS 55",
        "the statistics target of c",
    ],
    [
        "ALTER TABLE t ALTER c SET (n_distinct = 5)",
        "ALTER TABLE t ALTER c RESET (n_distinct)",
        "the options of c",
    ],
];

const WITH_ALL_KINDS: &str = "CREATE TABLE t (id int PRIMARY KEY, c int, d int);
    INSERT INTO t SELECT i, i, i FROM generate_series(1, 500) AS i;
    CREATE INDEX known ON t (c);
    ALTER TABLE t ADD CONSTRAINT positive CHECK (c > 0);
    CREATE STATISTICS together ON c, d FROM t;
    GRANT UPDATE (c) ON t TO PUBLIC;
    COMMENT ON COLUMN t.c IS 'old';
    ALTER TABLE t ALTER c SET STATISTICS 55;
    CREATE VIEW v AS SELECT c FROM t;
    CREATE MATERIALIZED VIEW m AS SELECT c, d FROM t;";

async fn stops(target: &Target, plan: &Plan, word: &str) {
    let error = through(target, plan, Phase::Contract).await.unwrap_err();
    fails_with(&error, &[word, "would be lost"]);
}

#[tokio::test]
async fn what_others_put_on_the_column_is_never_lost_in_silence() {
    for major in test_versions().unwrap() {
        let (_cluster, target) = database(major, WITH_ALL_KINDS).await;
        let plan = plan(&target, "ALTER TABLE t ALTER COLUMN c TYPE bigint").await;
        through(&target, &plan, Phase::Expand).await.unwrap();
        let on_views = [
            [
                "GRANT SELECT ON v TO PUBLIC",
                "REVOKE SELECT ON v FROM PUBLIC",
                "the privileges of public.v",
            ],
            ["COMMENT ON VIEW v IS 'new'", "COMMENT ON VIEW v IS NULL", "the comment of public.v"],
        ];
        for [come, go, word] in STRANGERS.into_iter().chain(on_views) {
            send(&target, come).await;
            stops(&target, &plan, word).await;
            send(&target, go).await;
        }
        through(&target, &plan, Phase::Switch).await.unwrap();
        // What came after the switch would be lost by going back.
        let in_view = ["CREATE INDEX newm ON m (c)", "DROP INDEX newm"];
        send(&target, in_view[0]).await;
        fails_with(&roll_back(&target, &plan).await.unwrap_err(), &["index newm", "public.m"]);
        send(&target, in_view[1]).await;
        for [come, go, word] in STRANGERS {
            send(&target, come).await;
            let error = roll_back(&target, &plan).await.unwrap_err();
            fails_with(&error, &[word, "would be lost"]);
            send(&target, go).await;
        }
        roll_back(&target, &plan).await.unwrap();
        assert_eq!(text(&target, TYPE).await, "integer", "{major}");
        assert_eq!(through(&target, &plan, Phase::Contract).await.unwrap().end, End::Finished);
    }
}

#[tokio::test]
async fn neither_is_what_they_put_on_a_column_that_is_renamed() {
    for major in test_versions().unwrap() {
        let (_cluster, target) = database(major, WITH_ALL_KINDS).await;
        let migration = "-- airlock: rename dual-column\nALTER TABLE t RENAME COLUMN c TO cc";
        let plan = plan(&target, migration).await;
        through(&target, &plan, Phase::Switch).await.unwrap();
        for [come, go, word] in STRANGERS {
            send(&target, come).await;
            stops(&target, &plan, word).await;
            send(&target, go).await;
        }
        assert_eq!(through(&target, &plan, Phase::Contract).await.unwrap().end, End::Finished);

        let (_cluster, target) = database(major, WITH_ALL_KINDS).await;
        through(&target, &plan, Phase::Switch).await.unwrap();
        // On the second column it would go with a rollback, and stays in contract.
        send(&target, "CREATE INDEX newidx ON t (cc)").await;
        let rolled = roll_back(&target, &plan).await;
        fails_with(&rolled.unwrap_err(), &["index newidx", "cc of public.t"]);
        send(&target, "DROP INDEX newidx").await;
        roll_back(&target, &plan).await.unwrap();
        through(&target, &plan, Phase::Switch).await.unwrap();
        send(&target, "CREATE INDEX newidx ON t (cc)").await;
        assert_eq!(through(&target, &plan, Phase::Contract).await.unwrap().end, End::Finished);
        let there = "SELECT indexdef FROM pg_indexes WHERE indexname = 'newidx'";
        assert!(text(&target, there).await.ends_with("(cc)"), "{major}");
    }
}
