//! What is written out, and what cannot be.

use super::queries;
use super::query::Reading;
use crate::catalog::Catalog;
use crate::plan::Phase;
use crate::rewrite::floors::Shape;
use crate::sql::QualifiedName;

fn read(sql: &str) -> (String, usize) {
    let mut catalog = Catalog::assumed(18);
    let tables = "CREATE TABLE t (id int, \"B\" int); CREATE TABLE o (x int, y int, z int);";
    for statement in crate::sql::parse(tables, 0..tables.len()).unwrap().statements {
        catalog.apply(&statement);
    }
    let shape = |name: &QualifiedName| {
        (name.name == "t").then_some(Shape { until: Phase::Contract, reordered: true })
    };
    let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
    let mut reading = Reading::new(&catalog, &shape, sql);
    reading.queries(&queries(&script.statements[0].node));
    let wholes = reading.wholes.iter().filter(|whole| !whole.by_name).count();
    (reading.text().unwrap_or_else(|| sql.to_owned()), wholes)
}

#[test]
fn columns_are_written_out() {
    for (sql, wanted) in [
        ("SELECT * FROM t", "SELECT t.id, t.\"B\" FROM t"),
        (
            "SELECT /* all */ * FROM public.t AS x",
            "SELECT /* all */ x.id, x.\"B\" FROM public.t AS x",
        ),
        ("SELECT o.*, t.* FROM t, o", "SELECT o.*, t.id, t.\"B\" FROM t, o"),
        (
            "SELECT * FROM o LEFT JOIN t ON true",
            "SELECT o.*, t.id, t.\"B\" FROM o LEFT JOIN t ON true",
        ),
        ("SELECT * FROM o", "SELECT * FROM o"),
        ("SELECT count(*), count(t) FROM t", "SELECT count(*), count(t) FROM t"),
        ("TABLE ONLY t", "SELECT t.id, t.\"B\" FROM ONLY t"),
        ("SELECT 1 UNION TABLE t", "SELECT 1 UNION SELECT t.id, t.\"B\" FROM t"),
        ("INSERT INTO t VALUES (1)", "INSERT INTO t (id) VALUES (1)"),
        ("INSERT INTO t SELECT x, y FROM o", "INSERT INTO t (id, \"B\") SELECT x, y FROM o"),
        ("INSERT INTO public.t AS n DEFAULT VALUES", "INSERT INTO public.t AS n DEFAULT VALUES"),
        ("INSERT INTO t SELECT * FROM t", "INSERT INTO t (id, \"B\") SELECT t.id, t.\"B\" FROM t"),
        ("INSERT INTO o TABLE t", "INSERT INTO o SELECT t.id, t.\"B\" FROM t"),
        ("UPDATE t SET id = 1 RETURNING *", "UPDATE t SET id = 1 RETURNING t.id, t.\"B\""),
        (
            "CREATE VIEW v AS SELECT (SELECT max(x) FROM o WHERE x = t.id) FROM t",
            "CREATE VIEW v AS SELECT (SELECT max(x) FROM o WHERE x = t.id) FROM t",
        ),
        ("SELECT t FROM o AS n(t)", "SELECT t FROM o AS n(t)"),
    ] {
        assert_eq!(read(sql), (wanted.to_owned(), 0), "{sql}");
    }
}

#[test]
fn what_cannot_be_written_out_is_told() {
    for sql in [
        "SELECT t FROM t",
        "SELECT public.t FROM t",
        "SELECT row_to_json(x.*) FROM t AS x",
        "SELECT * FROM t JOIN o ON true JOIN o AS p USING (x)",
        "SELECT * FROM t NATURAL JOIN o",
        "SELECT * FROM t AS x (a, b)",
        "WITH t AS (SELECT 1) SELECT * FROM t",
        "SELECT NULL::t",
        "INSERT INTO t SELECT * FROM generate_series(1, 2)",
        "MERGE INTO t USING o ON x = id WHEN NOT MATCHED THEN INSERT VALUES (1, 2)",
        "SELECT (SELECT t) FROM t",
    ] {
        assert!(read(sql).1 > 0, "{sql}");
    }
}
