//! What a table, a partition or an extension has of its own beside what its type, its parent or its files
//! bring along.

use crate::both_ways::{cluster, database, difference};
use airlock::diff::{Difference, Options, settle};
use airlock::sandbox::test_versions;

/// A partition, and one below another, that were tables before; with everything that attaching asks for.
const ATTACHED: &str = "
    CREATE TABLE par (k int NOT NULL, ts date NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, n int DEFAULT 3,
      g int GENERATED ALWAYS AS (k * 2) STORED, CHECK (k > 0), CONSTRAINT named CHECK (n > 0), PRIMARY KEY (k, ts))
      PARTITION BY RANGE (ts);
    CREATE TABLE pre (k int NOT NULL, ts date NOT NULL, id bigint NOT NULL, n int DEFAULT 4,
      g int GENERATED ALWAYS AS (k * 2) STORED, CONSTRAINT par_k_check CHECK (k > 0), CONSTRAINT named CHECK (n > 0));
    ALTER TABLE par ATTACH PARTITION pre FOR VALUES FROM (MINVALUE) TO ('2019-01-01');
    CREATE TABLE mid (k int NOT NULL, ts date NOT NULL, id bigint NOT NULL, n int DEFAULT 4,
      g int GENERATED ALWAYS AS (k * 2) STORED, CONSTRAINT par_k_check CHECK (k > 0), CONSTRAINT named CHECK (n > 0))
      PARTITION BY LIST (k);
    CREATE TABLE low (LIKE mid INCLUDING ALL);
    ALTER TABLE mid ATTACH PARTITION low DEFAULT;
    ALTER TABLE par ATTACH PARTITION mid FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
    CREATE TABLE plain PARTITION OF par DEFAULT;
    CREATE TABLE above (k int NOT NULL);
    CREATE TABLE below (k int NOT NULL) INHERITS (above);
    CREATE TABLE beside (k int NOT NULL);
    ALTER TABLE beside INHERIT above;";

fn sql(found: &Difference) -> String {
    airlock::report::diff::sql(&found.upgrade)
}

#[tokio::test]
async fn a_not_null_keeps_its_name_when_its_table_is_attached() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        database(&cluster, "a", "").await;
        database(&cluster, "b", ATTACHED).await;
        let found = difference(&cluster, &Options::default()).await.unwrap();
        let sql = sql(&found);
        assert!(found.no_way_back.is_none() && sql.contains("plain PARTITION OF"), "{found:?}");
        // Before 18 there is no name, and so no reason to attach it.
        for named in
            ["ATTACH PARTITION public.pre ", "k integer CONSTRAINT pre_k_not_null NOT NULL"]
        {
            assert_eq!(sql.contains(named), major >= 18, "{sql}");
        }
    }
}

#[tokio::test]
async fn the_name_of_an_inherited_not_null_is_no_difference() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let par = "CREATE TABLE par (k int NOT NULL, ts date NOT NULL) PARTITION BY RANGE (ts);";
        let bound = "FOR VALUES FROM (MINVALUE) TO ('2019-01-01')";
        database(&cluster, "a", &format!("{par} CREATE TABLE pre PARTITION OF par {bound}")).await;
        let attached = format!(
            "{par} CREATE TABLE pre (k int NOT NULL, ts date NOT NULL);
             ALTER TABLE par ATTACH PARTITION pre {bound}"
        );
        database(&cluster, "b", &attached).await;
        let found = settle(&cluster, "a", "b", &Options::default()).await.unwrap();
        assert!(found.is_empty() && found.no_way_back.is_none(), "{found:?}");
        // Once it is a table of its own, the name is its own too.
        database(&cluster, "b", &format!("{attached}; ALTER TABLE par DETACH PARTITION pre")).await;
        difference(&cluster, &Options::default()).await.unwrap();
    }
}

const TRIGGERS: &str = "
    CREATE TABLE par (k int, d date) PARTITION BY RANGE (d);
    CREATE TABLE par_d PARTITION OF par DEFAULT PARTITION BY LIST (k);
    CREATE TABLE par_e PARTITION OF par FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE par_d_1 PARTITION OF par_d FOR VALUES IN (1);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER tp BEFORE INSERT ON par FOR EACH ROW EXECUTE FUNCTION f();
    CREATE TRIGGER tq AFTER INSERT ON par FOR EACH ROW EXECUTE FUNCTION f();
    CREATE TABLE other (id int PRIMARY KEY);
    ALTER TABLE par ADD FOREIGN KEY (k) REFERENCES other;";

#[tokio::test]
async fn whether_a_trigger_fires_is_each_partitions_own() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let changes = [
            "ALTER TABLE par_e DISABLE TRIGGER tp",
            "ALTER TABLE par_d_1 ENABLE ALWAYS TRIGGER tp; ALTER TABLE par_e ENABLE REPLICA TRIGGER tq",
            "ALTER TABLE par DISABLE TRIGGER tp; ALTER TABLE par_d_1 ENABLE TRIGGER tp",
        ];
        for change in changes {
            let changed = format!("{TRIGGERS} {change}");
            for from in ["", TRIGGERS] {
                database(&cluster, "a", from).await;
                database(&cluster, "b", &changed).await;
                let found = difference(&cluster, &Options::default()).await.unwrap();
                assert!(sql(&found).contains(" TRIGGER t") && found.no_way_back.is_none());
            }
        }
        database(&cluster, "a", TRIGGERS).await;
        let one = format!("{TRIGGERS} {}", changes[0]);
        database(&cluster, "b", &one).await;
        let found = difference(&cluster, &Options::default()).await.unwrap();
        assert_eq!(sql(&found), "ALTER TABLE public.par_e DISABLE TRIGGER tp;\n");
    }
}

#[tokio::test]
async fn an_extension_has_a_comment_of_its_own() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let plain = "CREATE EXTENSION pg_trgm;";
        let ours = format!("{plain} COMMENT ON EXTENSION pg_trgm IS 'for the search'");
        let none = format!("{plain} COMMENT ON EXTENSION pg_trgm IS NULL");
        for (from, to, wanted) in [
            ("", plain, None),
            ("", &*ours, Some("COMMENT ON EXTENSION pg_trgm IS 'for the search';\n")),
            (plain, &none, Some("COMMENT ON EXTENSION pg_trgm IS NULL;\n")),
            (&ours, plain, Some("COMMENT ON EXTENSION pg_trgm IS 'text similarity")),
        ] {
            database(&cluster, "a", from).await;
            database(&cluster, "b", to).await;
            let found = difference(&cluster, &Options::default()).await.unwrap();
            let sql = sql(&found);
            match wanted {
                Some(comment) => assert!(sql.contains(comment), "{sql}"),
                None => assert!(!sql.contains("COMMENT"), "{sql}"),
            }
        }
    }
}

#[tokio::test]
async fn a_table_of_a_type_is_made_and_not_turned_into_another() {
    let made = "CREATE SEQUENCE numbers; CREATE TYPE pair AS (a int, \"B c\" text COLLATE \"C\", d int[]);";
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let typed = format!(
            "{made} CREATE TABLE t OF pair; COMMENT ON TABLE t IS 'typed';
             CREATE TABLE u OF pair (a WITH OPTIONS PRIMARY KEY DEFAULT nextval('numbers'),
               \"B c\" WITH OPTIONS CONSTRAINT given NOT NULL CHECK (\"B c\" <> ''));
             ALTER TABLE u ALTER \"B c\" SET STORAGE EXTERNAL, ALTER d SET COMPRESSION pglz;
             CREATE TABLE v OF pair (a NOT NULL) PARTITION BY LIST (a);
             CREATE TABLE w PARTITION OF v DEFAULT;"
        );
        database(&cluster, "a", "").await;
        database(&cluster, "b", &typed).await;
        let found = difference(&cluster, &Options::default()).await.unwrap();
        assert!(found.no_way_back.is_none(), "{found:?}");
        assert!(sql(&found).contains("CREATE TABLE public.t OF public.pair;\n"), "{}", sql(&found));
        // Another type, or one no more, is for a person.
        database(&cluster, "a", &format!("{made} CREATE TABLE t OF pair")).await;
        let other = "CREATE TABLE t (a int, \"B c\" text COLLATE \"C\", d int[])";
        database(&cluster, "b", &format!("{made} {other}")).await;
        let refused = settle(&cluster, "a", "b", &Options::default()).await.unwrap_err();
        assert_eq!(refused.message, "a change has to be made by hand");
        let detail = refused.detail.unwrap();
        assert_eq!(detail, "table public.t: of which type a table is cannot be changed here");
    }
}
