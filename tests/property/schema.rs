//! The schema of a case: tables with rows in them, and what hangs on them.

use crate::grammar::Draw;
use crate::model::{Column, Kind, Table};
use airlock::sql::quote_ident;

const TABLES: [&str; 6] = ["people", "Order Items", "user", "töne", "a", "events"];
const COLUMNS: [&str; 12] = [
    "name",
    "email",
    "Mixed Case",
    "order",
    "note",
    "value",
    "b",
    "c",
    "größe",
    "total",
    "kind",
    "x",
];

impl Draw {
    pub fn schema(&mut self) {
        self.setup.push("CREATE SCHEMA \"App x\";".into());
        self.setup.push("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');".into());
        self.setup.push("CREATE DOMAIN code AS text CHECK (VALUE <> '');".into());
        self.setup.push(
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                .into(),
        );
        for index in 0..self.rng.usize(1..=3) {
            self.table(index);
        }
        for index in 0..self.tables.len() {
            self.hang_on(index);
        }
    }

    fn table(&mut self, index: usize) {
        let mut pool: Vec<&str> = TABLES.to_vec();
        self.rng.shuffle(&mut pool);
        let taken = |name: &&&str| self.tables.iter().all(|t| t.name != ***name);
        let name = pool.iter().find(taken).map_or(format!("t{index}"), |n| (*n).to_owned());
        let schema = self.chance(20).then(|| "App x".to_owned());
        let partitioned = self.chance(12);
        let rows = if self.chance(10) { 0 } else { self.rng.u32(1..=120) };
        let mut columns = vec![Column {
            name: "id".into(),
            kind: if self.chance(50) { Kind::BigInt } else { Kind::Int },
            not_null: true,
            nulls: false,
            default: false,
            generated: false,
        }];
        let mut pool: Vec<&str> = COLUMNS.to_vec();
        self.rng.shuffle(&mut pool);
        for name in pool.into_iter().take(self.rng.usize(1..=6)) {
            let kind = Kind::ALL[self.rng.usize(..Kind::ALL.len())];
            let not_null = self.chance(35);
            columns.push(Column {
                name: name.into(),
                kind,
                not_null,
                nulls: !not_null && rows > 0 && self.chance(60),
                default: self.chance(30),
                generated: false,
            });
        }
        let key = match self.rng.u32(..10) {
            0 if !partitioned => vec![],
            1 => {
                let second =
                    columns.iter().find(|c| c.not_null && c.name != "id" && c.kind.ordered());
                let second = second.map(|c| c.name.clone());
                std::iter::once("id".to_owned()).chain(second).collect()
            }
            _ => vec!["id".to_owned()],
        };
        let mut parts: Vec<String> = columns.iter().map(definition).collect();
        if !key.is_empty() {
            let list: Vec<String> = key.iter().map(|c| quote_ident(c)).collect();
            parts.push(format!("PRIMARY KEY ({})", list.join(", ")));
        }
        if self.chance(20)
            && let Some(text) = columns.iter().find(|c| c.kind == Kind::Text)
        {
            parts.push(format!("shouted text GENERATED ALWAYS AS (upper({})) STORED", text.sql()));
            columns.push(Column {
                name: "shouted".into(),
                kind: Kind::Text,
                not_null: false,
                nulls: true,
                default: false,
                generated: true,
            });
        }
        let by = if partitioned { " PARTITION BY RANGE (id)" } else { "" };
        let table = Table {
            name,
            schema,
            columns,
            key,
            indexes: vec![],
            checks: vec![],
            partitioned,
            rows,
        };
        let sql = table.sql();
        self.setup.push(format!("CREATE TABLE {sql} ({}){by};", parts.join(", ")));
        if partitioned {
            for (n, (from, to)) in [("MINVALUE", "50"), ("50", "MAXVALUE")].into_iter().enumerate()
            {
                self.setup.push(format!(
                    "CREATE TABLE part_{index}_{n} PARTITION OF {sql} FOR VALUES FROM ({from}) TO ({to});"
                ));
            }
        }
        if rows > 0 {
            let given: Vec<&Column> = table.columns.iter().filter(|c| !c.generated).collect();
            let names: Vec<String> = given.iter().map(|c| c.sql()).collect();
            let values: Vec<String> = given
                .iter()
                .enumerate()
                .map(|(n, c)| match c.nulls {
                    true => {
                        format!("CASE WHEN i % 3 = {} THEN NULL ELSE {} END", n % 3, c.kind.value())
                    }
                    false => c.kind.value().to_owned(),
                })
                .collect();
            self.setup.push(format!(
                "INSERT INTO {sql} ({}) SELECT {} FROM generate_series(1, {rows}) AS i;",
                names.join(", "),
                values.join(", ")
            ));
        }
        self.tables.push(table);
    }

    /// Indexes, constraints, views, triggers, policies and grants of a table.
    fn hang_on(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        for _ in 0..self.rng.u32(..3) {
            if let Some(statement) = self.index(at, "") {
                self.setup.push(statement);
            }
        }
        if self.chance(30) {
            let column = self.any_column(&table);
            let name = self.new_name("check");
            let condition = column.kind.condition(&column.sql());
            self.setup.push(format!(
                "ALTER TABLE {sql} ADD CONSTRAINT {} CHECK ({condition});",
                quote_ident(&name)
            ));
            self.tables[at].checks.push(name);
        }
        if self.chance(25) {
            let columns: Vec<String> = table.columns.iter().map(Column::sql).collect();
            let shown = &columns[..self.rng.usize(1..=columns.len())];
            let name = self.new_name("view");
            self.views.push(name.clone());
            self.setup.push(format!(
                "CREATE VIEW {} AS SELECT {} FROM {sql};",
                quote_ident(&name),
                shown.join(", ")
            ));
        }
        if self.chance(20) {
            let column = self.any_column(&table);
            let of = if self.chance(50) { format!(" OF {}", column.sql()) } else { String::new() };
            let name = self.new_name("trigger");
            self.setup.push(format!(
                "CREATE TRIGGER {} BEFORE UPDATE{of} ON {sql} FOR EACH ROW EXECUTE FUNCTION touch();",
                quote_ident(&name)
            ));
        }
        if self.chance(12) {
            let column = self.any_column(&table);
            let condition = column.kind.condition(&column.sql());
            self.setup.push(format!("CREATE POLICY seen ON {sql} USING ({condition});"));
        }
        if self.chance(25) {
            let column = self.any_column(&table);
            self.setup.push(format!("GRANT SELECT ({}) ON {sql} TO reporting;", column.sql()));
            self.setup.push(format!("COMMENT ON COLUMN {sql}.{} IS 'it''s';", column.sql()));
        }
        if self.chance(35)
            && let Some((child, parent)) = self.key_pair(at)
        {
            let name = self.new_name("fk");
            let (from, to) = (self.tables[at].sql(), self.tables[parent].sql());
            self.setup.push(format!(
                "ALTER TABLE {from} ADD CONSTRAINT {} FOREIGN KEY ({child}) REFERENCES {to} (id) NOT VALID;",
                quote_ident(&name)
            ));
            self.tables[at].checks.push(name);
        }
    }
}

fn definition(column: &Column) -> String {
    let mut sql = format!("{} {}", column.sql(), column.kind.sql());
    if column.default {
        sql.push_str(&format!(" DEFAULT {}", column.kind.constant()));
    }
    if column.not_null {
        sql.push_str(" NOT NULL");
    }
    sql
}
