//! Two databases are the same when their catalogs, their rows and the positions of their sequences
//! are. Reads both with queries of its own beside the library's fingerprint, so that an error in the
//! one is seen by the other.

use crate::case::{Case, Rollback, VolatileColumn};
use crate::engine;
use crate::server::Database;
use airlock::catalog;
use airlock::connect::Connection;
use airlock::plan::{NoteKind, Plan};
use airlock::sql::{QualifiedName, quote_ident};
use std::collections::BTreeMap;

/// Everything about a database that is compared, by a readable name.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// One line for each thing in the catalog.
    pub schema: String,
    /// Indexes that are not valid serve nobody: nothing has to bring one back.
    pub invalid: Vec<String>,
    pub column_order: String,
    /// `pg_dump --schema-only`, where that program is there.
    pub dump: Option<String>,
    pub data: BTreeMap<String, String>,
}

/// What is allowed to differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    pub schema: bool,
    pub column_order: bool,
    /// Whether an inherited NOT NULL is the partition's own, too.
    pub local_not_null: bool,
    /// Sequences may have moved on: nothing takes back the numbers of a transaction that was cut or
    /// rolled back. Falling behind is never allowed.
    pub sequences: bool,
    pub data: bool,
}

impl Allowed {
    /// After a rollback.
    pub fn after_rollback(case: &Case, plan: &Plan) -> Self {
        Self {
            local_not_null: engine::has_note(plan, NoteKind::Inheritance),
            schema: case.rollback == Rollback::Incomplete,
            column_order: false,
            sequences: true,
            data: case.rollback != Rollback::Complete,
        }
    }
}

/// The user's relations with rows of their own, and the columns of each.
const TABLES: &str = "
    SELECT n.nspname::text, c.relname::text,
        coalesce(array_agg(a.attname::text ORDER BY a.attname) FILTER (WHERE a.attname IS NOT NULL), '{}')
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'airlock')
    GROUP BY 1, 2 ORDER BY 1, 2";

const SEQUENCES: &str = "
    SELECT n.nspname::text, c.relname::text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'airlock')
    ORDER BY 1, 2";

/// What is left of a rollout where nothing should be, and what is not as it should be.
const LEFTOVERS: &str = "
    SELECT 'function ' || p.oid::regprocedure::text
    FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace('airlock')
UNION ALL
    SELECT 'sequence ' || c.oid::regclass::text
    FROM pg_class AS c WHERE c.relkind = 'S' AND c.relnamespace = to_regnamespace('airlock')
UNION ALL
    SELECT 'trigger ' || quote_ident(t.tgname) || ' on ' || t.tgrelid::regclass::text
    FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND (p.pronamespace = to_regnamespace('airlock') OR t.tgname ~* 'airlock')
UNION ALL
    SELECT 'relation ' || c.oid::regclass::text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'airlock' AND c.relname ~* 'airlock'
UNION ALL
    SELECT 'constraint ' || quote_ident(conname) FROM pg_constraint WHERE conname ~* 'airlock'
UNION ALL
    SELECT 'column ' || quote_ident(attname) || ' of ' || attrelid::regclass::text
    FROM pg_attribute WHERE NOT attisdropped AND attname ~* 'airlock'
        AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace <> to_regnamespace('airlock'))
UNION ALL
    SELECT 'invalid index ' || indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid";

impl State {
    pub async fn read(database: &Database<'_>, case: &Case) -> Self {
        let connection = database.connect().await;
        let lines = catalog::fingerprint(&connection).await.unwrap();
        let is_invalid = |line: &String| line.starts_with("index ") && line.contains("; valid f;");
        let (invalid, lines): (Vec<String>, Vec<String>) = lines.into_iter().partition(is_invalid);
        let schema = lines.join("\n");
        let column_order = catalog::column_order(&connection).await.unwrap().join("\n");
        let data = data(&connection, &case.volatile).await;
        connection.close().await;
        let dump =
            database.server.cluster.pg_dump_schema(&database.name, &["--exclude-schema=airlock"]);
        Self { schema, invalid, column_order, dump: dump.unwrap(), data }
    }

    /// Panics with the difference unless `self` is what `expected` is.
    pub fn assert_is(&self, expected: &State, allowed: Allowed, what: &str) {
        let mut differences = String::new();
        let mut compare = |title: &str, left: &str, right: &str| {
            if left != right {
                let diff = similar::TextDiff::from_lines(left, right);
                let shown =
                    diff.unified_diff().context_radius(1).header("expected", "found").to_string();
                differences.push_str(&format!("{title}:\n{shown}\n"));
            }
        };
        let order = |text: &str| {
            let text =
                if allowed.column_order { without_column_order(text) } else { text.to_owned() };
            if allowed.local_not_null { without_local_not_null(&text) } else { text }
        };
        if !allowed.schema {
            compare("catalog", &order(&expected.schema), &order(&self.schema));
            if !allowed.column_order {
                compare("column order", &expected.column_order, &self.column_order);
            }
            if let (Some(expected), Some(found)) = (&expected.dump, &self.dump) {
                compare("pg_dump", &order(expected), &order(found));
            }
        }
        if !allowed.data {
            let moved_on = |name: &String| {
                allowed.sequences
                    && name.starts_with("sequence ")
                    && position(&self.data, name) >= position(&expected.data, name)
            };
            let lines = |data: &BTreeMap<String, String>| -> String {
                data.iter()
                    .filter(|(name, _)| !moved_on(name))
                    .map(|(name, digest)| format!("{name}: {digest}\n"))
                    .collect()
            };
            compare("data", &lines(&expected.data), &lines(&self.data));
        }
        assert!(differences.is_empty(), "{what}\n{differences}");
    }
}

/// Last number given out, and whether it was; `None` for a sequence that is not there.
fn position(data: &BTreeMap<String, String>, name: &str) -> Option<(i64, bool)> {
    let (last, is_called) = data.get(name)?.split_once(' ')?;
    Some((last.parse().ok()?, is_called == "true"))
}

async fn data(connection: &Connection, volatile: &[VolatileColumn]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for row in connection.query(TABLES, &[]).await.unwrap() {
        let table = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let columns: Vec<String> = row.get(2);
        let is_volatile =
            |column: &String| volatile.iter().any(|v| v.table == table && v.column == *column);
        let compared: Vec<String> =
            columns.iter().filter(|c| !is_volatile(c)).map(|c| quote_ident(c)).collect();
        // Names with their values: a value in the wrong column is a difference, the order is not.
        let sql = format!(
            "SELECT count(*) || ' rows ' || coalesce(md5(string_agg(r, E'\\n' ORDER BY r COLLATE \"C\")), '') \
             FROM (SELECT (SELECT row_to_json(the_row)::text FROM (SELECT {}) AS the_row) AS r FROM ONLY {table} AS t) AS s",
            if compared.is_empty() {
                "1".to_owned()
            } else {
                compared.iter().map(|c| format!("t.{c}")).collect::<Vec<_>>().join(", ")
            },
        );
        let digest = connection.query_one(&sql, &[]).await.unwrap().get::<_, String>(0);
        found.insert(format!("table {table}"), digest);
        for column in columns.iter().filter(|c| is_volatile(c)) {
            let quoted = quote_ident(column);
            let sql = format!(
                "SELECT count(*) - count({quoted}) || ' NULL, ' || CASE \
                 WHEN count({quoted}) = count(DISTINCT {quoted}) THEN 'all different' \
                 ELSE 'some equal' END FROM ONLY {table}"
            );
            let digest = connection.query_one(&sql, &[]).await.unwrap().get::<_, String>(0);
            found.insert(format!("column {table}.{quoted}"), digest);
        }
    }
    for row in connection.query(SEQUENCES, &[]).await.unwrap() {
        let name = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let sql = format!("SELECT last_value || ' ' || is_called FROM {name}");
        let position = connection.query_one(&sql, &[]).await.unwrap().get::<_, String>(0);
        found.insert(format!("sequence {name}"), position);
    }
    found
}

/// Panics when anything of a rollout is left outside the journal.
pub async fn assert_nothing_left(database: &Database<'_>, case: &Case) {
    let connection = database.connect().await;
    let rows = connection.query(LEFTOVERS, &[]).await.unwrap();
    let left: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    connection.close().await;
    assert!(left.is_empty(), "{}: left behind: {left:#?}", case.name);
}

/// The same text with the columns of each `CREATE TABLE` and `CREATE STATISTICS` sorted: the server
/// prints both in the order of the table.
pub fn without_column_order(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut table: Option<Vec<String>> = None;
    for line in text.lines() {
        if let Some(columns) = &mut table {
            if !line.starts_with(')') {
                columns.push(line.trim_end_matches(',').to_owned());
                continue;
            }
            columns.sort();
            lines.append(columns);
            table = None;
        } else if line.starts_with("CREATE TABLE ") && line.ends_with('(') {
            table = Some(Vec::new());
        }
        lines.push(if line.contains("CREATE STATISTICS ") {
            statistics(line)
        } else {
            line.into()
        });
    }
    lines.join("\n")
}

/// The fingerprint without the word of inherited NOT NULL constraints on whether they are local too.
fn without_local_not_null(text: &str) -> String {
    let line = |line: &str| match line.starts_with("constraint ") && line.contains(": NOT NULL ") {
        true if !line.contains("; inherited 0;") => line.replace("; local t;", "; local f;"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn statistics(line: &str) -> String {
    let parts = line.split_once(" ON ").and_then(|(a, rest)| Some((a, rest.split_once(" FROM ")?)));
    let Some((head, (columns, tail))) = parts else { return line.to_owned() };
    let mut columns: Vec<&str> = columns.split(", ").collect();
    columns.sort_unstable();
    format!("{head} ON {} FROM {tail}", columns.join(", "))
}
