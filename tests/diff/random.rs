//! Pairs of random schemas over the same few names, so that most of what differs is altered, not made.
//!
//! `AIRLOCK_TEST_PAIRS` says how many pairs for each version, `AIRLOCK_TEST_SEED` the first seed.

use crate::both_ways::{cluster, database, difference};
use airlock::diff::{Options, load, rename};
use airlock::sandbox::{Cluster, test_versions};
use fastrand::Rng;
use std::fmt::Write;

const PAIRS: u64 = 6;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test]
async fn what_is_written_leads_from_one_random_schema_to_another_and_back() {
    let mut wrong = Vec::new();
    let first = number("AIRLOCK_TEST_SEED", 1);
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        for seed in first..first + number("AIRLOCK_TEST_PAIRS", PAIRS) {
            let mut random = Rng::with_seed(seed);
            let (a, b) = (schema(&mut random, major), schema(&mut random, major));
            database(&cluster, "a", &a).await;
            database(&cluster, "b", &b).await;
            let options = Options { drops: drops(&cluster).await, ..Options::default() };
            if let Err(error) = difference(&cluster, &options).await {
                wrong.push(format!("seed {seed} on {major}: {error}\nfrom\n{a}\nto\n{b}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} pairs:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Everything that could be a rename is none.
async fn drops(cluster: &Cluster) -> Vec<Vec<String>> {
    let (a, b) = (cluster.connect("a").await.unwrap(), cluster.connect("b").await.unwrap());
    let found = rename::candidates(&load(&a).await.unwrap(), &load(&b).await.unwrap());
    a.close().await;
    b.close().await;
    found.iter().map(|candidate| candidate.rename().old).collect()
}

/// Types of the column with that number: rows of any of them can become rows of any other.
const TYPES: [&[&str]; 5] = [
    &["integer", "bigint", "smallint", "numeric(12,2)"],
    &["text", "varchar(20)", "varchar(40)", "s.mood"],
    &["timestamptz", "timestamp", "date"],
    &["text COLLATE \"C\"", "text", "s.email"],
    &["s.mood[]", "text"],
];

const LABELS: [&str; 5] = ["sad", "ok", "happy", "it's", "new"];

struct Made {
    text: String,
    random: Rng,
}

impl Made {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.random.usize(0..of.len())]
    }

    fn say(&mut self, sql: &str) {
        writeln!(self.text, "{sql};").unwrap();
    }
}

/// A schema in `s`: types, tables with keys of all kinds, views over them, and what stands beside.
fn schema(random: &mut Rng, major: u32) -> String {
    let mut made = Made { text: String::new(), random: random.fork() };
    made.say("CREATE SCHEMA s");
    let mut labels: Vec<&str> = LABELS.to_vec();
    labels.retain(|label| *label == "sad" || made.random.bool());
    let labels: Vec<String> =
        labels.iter().map(|label| format!("'{}'", label.replace('\'', "''"))).collect();
    made.say(&format!("CREATE TYPE s.mood AS ENUM ({})", labels.join(", ")));
    let default = made.one(&["", " DEFAULT 'a@b'"]);
    made.say(&format!("CREATE DOMAIN s.email AS text{default}"));
    if made.chance(50) {
        let check = made.one(&["VALUE <> ''", "VALUE LIKE '%@%'"]);
        made.say(&format!("ALTER DOMAIN s.email ADD CONSTRAINT c CHECK ({check})"));
    }
    if made.chance(50) {
        let attributes = made.one(&["a integer", "a integer, b text", "b text, c date"]);
        made.say(&format!("CREATE TYPE s.pair AS ({attributes})"));
    }
    let volatility = made.one(&["IMMUTABLE", "STABLE"]);
    let body = made.one(&["SELECT 1", "SELECT 2"]);
    made.say(&format!(
        "CREATE FUNCTION s.f() RETURNS integer LANGUAGE sql {volatility} AS '{body}'"
    ));
    let name = made.one(&["x", "y"]);
    made.say(&format!(
        "CREATE FUNCTION s.g({name} integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1'"
    ));
    made.say("CREATE FUNCTION s.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
    if made.chance(60) {
        let options = made.one(&["", " AS integer", " INCREMENT 5 CYCLE", " START 7"]);
        made.say(&format!("CREATE SEQUENCE s.numbers{options}"));
    }
    let mut tables: Vec<Table> = Vec::new();
    for number in 0..4 {
        if made.chance(75) {
            let table = table(&mut made, number, major);
            tables.push(table);
        }
    }
    foreign_keys(&mut made, &tables);
    views(&mut made, &tables);
    partitions(&mut made);
    beside(&mut made, &tables);
    made.text
}

struct Table {
    name: String,
    columns: Vec<String>,
    key: bool,
}

fn table(made: &mut Made, number: usize, major: u32) -> Table {
    let name = ["s.plain", "s.\"Quo ted\"", "s.third", "s.fourth"][number].to_owned();
    let id = made.one(&[
        "id bigint",
        "id integer",
        "id bigint GENERATED ALWAYS AS IDENTITY",
        "id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT 3)",
        "id serial",
        "id bigserial",
    ]);
    let mut lines = vec![id.to_owned()];
    let mut columns = Vec::new();
    for (index, types) in TYPES.iter().enumerate() {
        if !made.chance(70) {
            continue;
        }
        let column = format!("c{index}");
        let of_type = made.one(types);
        let mut line = format!("{column} {of_type}");
        if made.chance(30) {
            line.push_str(" NOT NULL");
        }
        match (index, made.random.u32(0..4)) {
            (0, 0) => line.push_str(" DEFAULT 5"),
            (0, 1) => line.push_str(" DEFAULT s.f()"),
            (1 | 4, 0) if !of_type.ends_with("[]") => line.push_str(" DEFAULT 'sad'"),
            (2, 0) => line.push_str(" DEFAULT now()"),
            _ => {}
        }
        lines.push(line);
        columns.push(column);
    }
    let has = |wanted: &str| columns.iter().any(|column| column == wanted);
    if has("c0") && made.chance(30) {
        let expression = made.one(&["c0 * 2", "c0 + 1"]);
        let kind = if major >= 18 { made.one(&["STORED", "VIRTUAL"]) } else { "STORED" };
        lines.push(format!("made numeric GENERATED ALWAYS AS ({expression}) {kind}"));
    }
    let key = made.chance(70);
    if key {
        lines.push("PRIMARY KEY (id)".to_owned());
    }
    if has("c0") && made.chance(40) {
        let check = made.one(&["c0 > 0", "c0 > 1", "c0 > s.g(1)"]);
        lines.push(format!("CONSTRAINT positive CHECK ({check})"));
    }
    if has("c2") && made.chance(30) {
        let definition =
            made.one(&["UNIQUE (c2)", "UNIQUE (c2, id)", "UNIQUE (id, c2) DEFERRABLE"]);
        lines.push(format!("CONSTRAINT only_one_{number} {definition}"));
    }
    let with = made.one(&["", "", " WITH (fillfactor = 70)"]);
    made.say(&format!("CREATE TABLE {name} ({}){with}", lines.join(", ")));
    for column in &columns {
        if made.chance(25) {
            let kind = made.one(&["", "UNIQUE "]);
            let index = format!("i{number}_{column}");
            let filter = made.one(&["", " WHERE id > 0"]);
            made.say(&format!("CREATE {kind}INDEX {index} ON {name} ({column}){filter}"));
        }
        if made.chance(15) {
            made.say(&format!("COMMENT ON COLUMN {name}.{column} IS 'it''s {column}'"));
        }
        if made.chance(10) {
            made.say(&format!("GRANT SELECT ({column}) ON {name} TO reader"));
        }
        if made.chance(10) {
            made.say(&format!("ALTER TABLE {name} ALTER {column} SET STATISTICS 50"));
        }
    }
    table_extras(made, &name, &columns);
    Table { name, columns, key }
}

fn table_extras(made: &mut Made, name: &str, columns: &[String]) {
    if made.chance(30) {
        made.say(&format!("COMMENT ON TABLE {name} IS 'a table'"));
    }
    if made.chance(30) {
        let privileges = made.one(&["SELECT", "SELECT, INSERT", "ALL"]);
        made.say(&format!("GRANT {privileges} ON {name} TO reader"));
    }
    if made.chance(30) {
        let of = made.one(&["INSERT", "UPDATE", "INSERT OR UPDATE"]);
        made.say(&format!(
            "CREATE TRIGGER fires BEFORE {of} ON {name} FOR EACH ROW EXECUTE FUNCTION s.t()"
        ));
        if made.chance(30) {
            made.say(&format!("ALTER TABLE {name} DISABLE TRIGGER fires"));
        }
    }
    if made.chance(30) {
        let using = made.one(&["id > 0", "id > 1", "CURRENT_USER = 'reader'"]);
        let kind = made.one(&["FOR SELECT TO reader", "TO PUBLIC", "AS RESTRICTIVE"]);
        made.say(&format!("CREATE POLICY mine ON {name} {kind} USING ({using})"));
        made.say(&format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"));
    }
    if made.chance(20) {
        let kind = made.one(&["FULL", "NOTHING"]);
        made.say(&format!("ALTER TABLE {name} REPLICA IDENTITY {kind}"));
    }
    if columns.len() > 1 && made.chance(20) {
        let (a, b) = (&columns[0], &columns[1]);
        let statistics = format!("s.st_{}", name.len());
        made.say(&format!("CREATE STATISTICS {statistics} ON {a}, {b} FROM {name}"));
    }
}

fn foreign_keys(made: &mut Made, tables: &[Table]) {
    for (index, table) in tables.iter().enumerate() {
        for other in tables.iter().filter(|other| other.key) {
            if made.chance(25) {
                let action = made.one(&["", " ON DELETE CASCADE", " DEFERRABLE", " NOT VALID"]);
                made.say(&format!(
                    "ALTER TABLE {} ADD CONSTRAINT fk{index}_{} FOREIGN KEY (id) REFERENCES {}{action}",
                    table.name,
                    other.name.len(),
                    other.name
                ));
            }
        }
    }
}

fn views(made: &mut Made, tables: &[Table]) {
    let mut last: Option<String> = None;
    for (index, table) in tables.iter().enumerate() {
        if !made.chance(50) {
            continue;
        }
        let columns = match &table.columns[..] {
            [] => "id".to_owned(),
            columns => columns[..=made.random.usize(0..columns.len())].join(", "),
        };
        let name = format!("s.v{index}");
        let kind = made.one(&["VIEW", "VIEW", "MATERIALIZED VIEW"]);
        made.say(&format!("CREATE {kind} {name} AS SELECT id, {columns} AS c FROM {}", table.name));
        if made.chance(40) {
            made.say(&format!("GRANT SELECT ON {name} TO reader"));
        }
        if let Some(last) = &last {
            made.say(&format!("CREATE VIEW s.w{index} AS SELECT a.id FROM {name} a, {last} b"));
        }
        last = Some(name);
    }
}

/// What is partitioned stays so; how, nothing can alter.
fn partitions(made: &mut Made) {
    made.say("CREATE TABLE s.parts (day date NOT NULL, n integer) PARTITION BY RANGE (day)");
    for year in 2024..2027 {
        if made.chance(60) {
            let next = year + 1;
            made.say(&format!(
                "CREATE TABLE s.parts_{year} PARTITION OF s.parts \
                 FOR VALUES FROM ('{year}-01-01') TO ('{next}-01-01')"
            ));
        }
    }
    if made.chance(50) {
        made.say("ALTER TABLE s.parts ADD COLUMN extra text DEFAULT 'x'");
    }
    if made.chance(50) {
        made.say("ALTER TABLE s.parts ALTER n TYPE bigint");
    }
    if made.chance(50) {
        let columns = made.one(&["n", "n, day"]);
        made.say(&format!("CREATE INDEX parts_n ON s.parts ({columns})"));
    }
    if made.chance(50) {
        made.say("ALTER TABLE s.parts ADD PRIMARY KEY (day)");
    }
    made.say("CREATE TABLE s.parent (a integer, b text)");
    if made.chance(50) {
        made.say("CREATE TABLE s.child (c integer) INHERITS (s.parent)");
        if made.chance(50) {
            made.say("ALTER TABLE s.parent ADD COLUMN d integer DEFAULT 1");
        }
        if made.chance(50) {
            made.say("ALTER TABLE s.parent ADD CONSTRAINT positive CHECK (a > 0)");
        }
    }
}

fn beside(made: &mut Made, tables: &[Table]) {
    if let [first, ..] = tables
        && made.chance(50)
    {
        let publish = made.one(&["insert", "insert, update"]);
        made.say(&format!(
            "CREATE PUBLICATION p FOR TABLE {} WITH (publish = '{publish}')",
            first.name
        ));
    }
    if made.chance(30) {
        let privilege = made.one(&["SELECT", "INSERT"]);
        made.say(&format!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT {privilege} ON TABLES TO reader"
        ));
    }
    if made.chance(30) {
        made.say("GRANT USAGE ON SCHEMA s TO reader");
    }
    if made.chance(30) {
        made.say(
            "CREATE AGGREGATE s.total(integer) (sfunc = int4pl, stype = integer, initcond = '0')",
        );
    }
}
