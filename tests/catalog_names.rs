//! Names that the server invents, against those that `catalog::names` foretells: every statement is
//! run on a real server, and what it made is looked up by the foretold name.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::catalog::{Catalog, load, names};
use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use airlock::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, ConstrType, Constraint};

const SETUP: &str = r#"
CREATE SCHEMA app;
SET search_path = app, public;
CREATE TABLE other (id int PRIMARY KEY, x int, UNIQUE (id, x));
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE TABLE t (a int, b int, c text, "Mixed Case" text, p pair, r int4range, j jsonb, ts timestamptz,
    abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789 text);
CREATE TABLE "größe größe größe größe größe größe größe größe" (
    "ééééééééééééééééééééééééééééééé" int, b int);
CREATE TABLE a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 (
    a_column_name_of_exactly_sixty_three_bytes_which_is_the_most_01 int, b int, c text);
CREATE TABLE "we;rd ""name""" ("a""b" int, "select" int);
CREATE TABLE keyed (a int, b int);
CREATE TABLE keyed_2 (a int, b int);
CREATE TABLE u (a int, b int);
CREATE UNIQUE INDEX a_plain_one ON u (b);
-- Names that stand in the way.
CREATE TABLE u_a_idx (id int);
CREATE VIEW u_a_idx1 AS SELECT 1 AS id;
CREATE SEQUENCE u_a_key;
CREATE TABLE blocker (id int CONSTRAINT u_a_key1 CHECK (id > 0), b int CONSTRAINT u_check CHECK (b > 0));
CREATE DOMAIN d AS int CONSTRAINT u_b_check CHECK (VALUE > 0);
CREATE TABLE public.u_a_fkey (id int CONSTRAINT u_a_fkey CHECK (id > 0));
CREATE TABLE parted (a int, b text) PARTITION BY RANGE (a);
"#;

/// Run one after the other, each in a schema that holds what those before it made.
const STATEMENTS: &[&str] = &[
    "CREATE INDEX ON t (a)",
    "CREATE INDEX ON t (a)",
    "CREATE UNIQUE INDEX ON app.t (a, b) INCLUDE (c)",
    "CREATE INDEX ON t (lower(c), lower(\"Mixed Case\"), a)",
    "CREATE INDEX ON t ((a + b))",
    "CREATE INDEX ON t ((a + b), (a * b), a)",
    "CREATE INDEX ON t ((a::text))",
    "CREATE INDEX ON t ((c::varchar(10)))",
    "CREATE INDEX ON t (((a + b)::bigint))",
    "CREATE INDEX ON t (coalesce(a, b), greatest(a, b), least(a, b), nullif(a, b))",
    "CREATE INDEX ON t ((CASE WHEN a > 0 THEN b ELSE a END))",
    "CREATE INDEX ON t ((CASE WHEN a > 0 THEN 1 END))",
    "CREATE INDEX ON t ((CASE WHEN a > 0 THEN 1 ELSE 2::bigint END))",
    "CREATE INDEX ON t (((p).b))",
    "CREATE INDEX ON t ((j -> 'x'), (j ->> 'y'))",
    "CREATE INDEX ON t ((j['x']))",
    "CREATE INDEX ON t ((ARRAY[a, b]))",
    "CREATE INDEX ON t ((c IS NULL))",
    "CREATE INDEX ON t ((c COLLATE \"C\"))",
    "CREATE INDEX ON t (app.f(c))",
    "CREATE INDEX ON t (extract(year FROM ts AT TIME ZONE 'UTC'))",
    "CREATE INDEX ON t (date_trunc('day', ts AT TIME ZONE 'UTC'))",
    "CREATE INDEX ON t (substring(c from 1 for 3))",
    "CREATE INDEX ON t (trim(c))",
    "CREATE INDEX ON t ((c || 'x')) WHERE a > 0",
    "CREATE INDEX ON t (((1)))",
    "CREATE INDEX ON t (abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789, a)",
    "CREATE INDEX ON t (a, abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789, b)",
    "CREATE INDEX ON t (abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789, \
     abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789)",
    "CREATE INDEX a_name_that_is_longer_than_sixty_three_bytes_and_so_is_cut_off_here ON t (a)",
    "CREATE INDEX ON \"größe größe größe größe größe größe größe größe\" \
     (\"ééééééééééééééééééééééééééééééé\")",
    "CREATE INDEX ON \"größe größe größe größe größe größe größe größe\" \
     (\"ééééééééééééééééééééééééééééééé\", b)",
    "CREATE INDEX ON a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 \
     (a_column_name_of_exactly_sixty_three_bytes_which_is_the_most_01)",
    "CREATE INDEX ON a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 \
     (a_column_name_of_exactly_sixty_three_bytes_which_is_the_most_01)",
    "CREATE INDEX ON a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 (b)",
    "ALTER TABLE a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 ADD PRIMARY KEY (b)",
    "ALTER TABLE a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 ADD CHECK \
     (a_column_name_of_exactly_sixty_three_bytes_which_is_the_most_01 > 0)",
    "CREATE INDEX ON \"we;rd \"\"name\"\"\" (\"a\"\"b\", \"select\")",
    "ALTER TABLE \"we;rd \"\"name\"\"\" ADD UNIQUE (\"select\", \"a\"\"b\")",
    "ALTER TABLE \"we;rd \"\"name\"\"\" ADD FOREIGN KEY (\"a\"\"b\", \"select\") REFERENCES other (id, x)",
    "CREATE INDEX ON u (a)",
    "ALTER TABLE u ADD UNIQUE (a)",
    "ALTER TABLE u ADD UNIQUE (a) INCLUDE (b)",
    "ALTER TABLE u ADD UNIQUE USING INDEX a_plain_one",
    "ALTER TABLE u ADD CHECK (a > 0)",
    "ALTER TABLE u ADD CHECK (a > 1 OR a < -1)",
    "ALTER TABLE u ADD CHECK (b > 0)",
    "ALTER TABLE u ADD CHECK (a > b)",
    "ALTER TABLE u ADD CHECK (u.a > u.b)",
    "ALTER TABLE u ADD CHECK (true)",
    "ALTER TABLE u ADD CHECK (u IS NOT NULL)",
    "ALTER TABLE u ADD FOREIGN KEY (a) REFERENCES other",
    "ALTER TABLE u ADD FOREIGN KEY (a) REFERENCES other",
    "ALTER TABLE u ADD FOREIGN KEY (a, b) REFERENCES other (id, x)",
    "ALTER TABLE u ADD CONSTRAINT \"My name\" FOREIGN KEY (b) REFERENCES other",
    "ALTER TABLE keyed ADD PRIMARY KEY (a, b)",
    "ALTER TABLE keyed_2 ADD CONSTRAINT pk PRIMARY KEY (a)",
    "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
    "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&, int4range(a, b) WITH &&) WHERE (a > 0)",
    "CREATE INDEX ON parted (b)",
    "CREATE INDEX ON ONLY parted (b, a)",
    "ALTER TABLE parted ADD UNIQUE (a)",
];

const SINCE_18: &[&str] = &[
    "ALTER TABLE blocker ADD NOT NULL id",
    "ALTER TABLE blocker ADD CONSTRAINT given NOT NULL b NOT VALID",
    "ALTER TABLE a_table_name_of_exactly_sixty_three_bytes_which_is_the_most_012 ADD NOT NULL \
     a_column_name_of_exactly_sixty_three_bytes_which_is_the_most_01",
];

fn parsed(sql: &str) -> NodeEnum {
    airlock::sql::parse(sql, 0..sql.len()).unwrap().statements.remove(0).node
}

fn added(command: &AlterTableCmd) -> &Constraint {
    assert_eq!(command.subtype(), AlterTableType::AtAddConstraint);
    match command.def.as_ref().unwrap().node.as_ref().unwrap() {
        NodeEnum::Constraint(clause) => clause,
        other => panic!("{other:?}"),
    }
}

/// The names of all constraints and indexes, as `table: name`.
fn all_names(catalog: &Catalog) -> Vec<String> {
    let mut all = Vec::new();
    for relation in catalog.relations.values() {
        for constraint in &relation.constraints {
            all.push(format!("{}: constraint {}", relation.name, constraint.name));
        }
        for index in &relation.indexes {
            all.push(format!("{}: index {}", relation.name, index.name));
        }
    }
    all
}

/// What `sql` should add to `all_names`.
fn foretold(catalog: &Catalog, sql: &str) -> Vec<String> {
    match parsed(sql) {
        NodeEnum::IndexStmt(statement) => {
            let table = &statement.relation.as_ref().unwrap().relname;
            let table = QualifiedName::new("app", table);
            vec![format!("{table}: index {}", names::index_name(catalog, &table, &statement))]
        }
        NodeEnum::AlterTableStmt(statement) => {
            let table = &statement.relation.as_ref().unwrap().relname;
            let relation = catalog.relation(&QualifiedName::new("app", table)).unwrap();
            let NodeEnum::AlterTableCmd(command) = statement.cmds[0].node.as_ref().unwrap() else {
                panic!("{sql}")
            };
            let clause = added(command);
            let name = names::constraint_name(catalog, &relation.name, clause);
            let mut all = vec![format!("{}: constraint {name}", relation.name)];
            let builds =
                [ConstrType::ConstrPrimary, ConstrType::ConstrUnique, ConstrType::ConstrExclusion];
            if builds.contains(&clause.contype()) && clause.indexname.is_empty() {
                all.push(format!("{}: index {name}", relation.name));
            }
            if clause.contype() == ConstrType::ConstrPrimary && catalog.server.major() >= 18 {
                let mut taken = Vec::new();
                for column in names::key_columns(&clause.keys, None) {
                    let name = names::not_null_name(catalog, &relation.name, &column, &taken);
                    all.push(format!("{}: constraint {name}", relation.name));
                    taken.push(name);
                }
            }
            all
        }
        other => panic!("{other:?}"),
    }
}

async fn compare(connection: &Connection, statements: &[&str]) {
    let mut before = load(connection).await.unwrap();
    for sql in statements {
        let mut expected = foretold(&before, sql);
        connection.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let after = load(connection).await.unwrap();
        let known = all_names(&before);
        let mut made = all_names(&after);
        made.retain(|name| !known.contains(name));
        made.sort();
        expected.sort();
        assert_eq!(made, expected, "{sql} on {}", after.server.major());
        before = after;
    }
}

#[tokio::test]
async fn constraints_and_indexes_are_named_as_the_server_names_them() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let connection = cluster.connect("postgres").await.unwrap();
        connection.batch_execute(SETUP).await.unwrap();
        compare(&connection, STATEMENTS).await;
        if major >= 18 {
            compare(&connection, SINCE_18).await;
        }
    }
}
