//! Draws a case: a schema with rows in it, and a migration of some statements on it.
//!
//! Everything comes from one number. Weights follow what is risky, not what is common: what several
//! recipes touch at once is drawn often.

use crate::model::{Column, Kind, Table};
use airlock::sql::quote_ident;
use fastrand::Rng;

pub struct Draw {
    pub rng: Rng,
    pub major: u32,
    pub tables: Vec<Table>,
    pub setup: Vec<String>,
    pub migration: Vec<String>,
    pub volatile: Vec<String>,
    /// Views of the setup, all in `public`.
    pub views: Vec<String>,
    pub names: u32,
}

/// The case of `seed`, as a case file.
pub fn case(seed: u64, major: u32) -> String {
    let mut draw = Draw {
        rng: Rng::with_seed(seed),
        major,
        tables: Vec::new(),
        setup: Vec::new(),
        migration: Vec::new(),
        volatile: Vec::new(),
        views: Vec::new(),
        names: 0,
    };
    draw.schema();
    let wanted = draw.rng.usize(1..=6);
    // What does not fit the schema draws nothing.
    for _ in 0..40 {
        if draw.migration.len() < wanted {
            draw.statement();
        }
    }
    if draw.migration.is_empty() {
        draw.migration.push("CREATE TABLE made (id int);".to_owned());
    }
    let volatile = match draw.volatile.as_slice() {
        [] => String::new(),
        columns => format!("-- volatile: {}\n", columns.join(", ")),
    };
    format!(
        "-- case: generated\n-- shows: seed {seed}\n{volatile}-- setup\n{}\n-- migration\n{}\n",
        draw.setup.join("\n"),
        draw.migration.join("\n")
    )
}

impl Draw {
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    pub fn one<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.rng.usize(..from.len())].clone()) }
    }

    pub fn new_name(&mut self, stem: &str) -> String {
        self.names += 1;
        if self.chance(20) {
            format!("{stem} {}", self.names)
        } else {
            format!("{stem}_{}", self.names)
        }
    }

    /// A column of the table that can point to the key of another.
    pub fn key_pair(&mut self, at: usize) -> Option<(String, usize)> {
        let candidates: Vec<String> = self.tables[at]
            .columns
            .iter()
            .filter(|c| matches!(c.kind, Kind::Int | Kind::BigInt) && !c.generated)
            .map(Column::sql)
            .collect();
        let parents: Vec<usize> =
            (0..self.tables.len()).filter(|other| self.tables[*other].key == ["id"]).collect();
        Some((self.one(&candidates)?, self.one(&parents)?))
    }

    pub fn any_column(&mut self, table: &Table) -> Column {
        let at = self.rng.usize(..table.columns.len());
        table.columns[at].clone()
    }

    /// A column that statements may do anything to.
    fn plain_column(&mut self, table: &Table) -> Option<Column> {
        let plain: Vec<Column> = table
            .columns
            .iter()
            .filter(|c| !c.generated && !table.key.contains(&c.name))
            .cloned()
            .collect();
        self.one(&plain)
    }

    pub fn index(&mut self, at: usize, concurrently: &str) -> Option<String> {
        let table = self.tables[at].clone();
        let ordered: Vec<Column> =
            table.columns.iter().filter(|c| c.kind.ordered()).cloned().collect();
        let column = self.one(&ordered)?;
        let name = self.new_name("index");
        let unique = column.kind.distinct() && !table.partitioned && self.chance(25);
        let key = match self.rng.u32(..5) {
            0 if column.kind == Kind::Text => format!("lower({})", column.sql()),
            1 => format!("{} DESC NULLS LAST", column.sql()),
            2 => format!("{}, id", column.sql()),
            _ => column.sql(),
        };
        let filter = if self.chance(20) {
            format!(" WHERE {}", column.kind.condition(&column.sql()))
        } else {
            String::new()
        };
        let include = if self.chance(15) { " INCLUDE (id)" } else { "" };
        self.tables[at].indexes.push(name.clone());
        Some(format!(
            "CREATE {}INDEX {concurrently}{} ON {} ({key}){include}{filter};",
            if unique { "UNIQUE " } else { "" },
            quote_ident(&name),
            table.sql()
        ))
    }

    /// One statement of the migration, or a few that belong together.
    fn statement(&mut self) {
        if self.tables.is_empty() {
            return;
        }
        // What several statements do to one table is where recipes meet.
        let at = if self.chance(65) { 0 } else { self.rng.usize(..self.tables.len()) };
        match self.rng.u32(..122) {
            0..18 => self.add_column(at),
            18..28 => self.rename_column(at),
            28..34 => self.rename_table(at),
            34..43 => self.drop_column(at),
            43..47 => self.drop_table(at),
            47..55 => self.alter_null(at),
            55..60 => self.alter_default(at),
            60..69 => {
                if let Some(statement) = self.index(at, "") {
                    self.migration.push(statement);
                }
            }
            69..73 => self.drop_index(at),
            73..84 => self.add_constraint(at),
            84..87 => self.drop_constraint(at),
            87..93 => self.change_rows(at),
            93..96 => self.widen(at),
            100..106 => self.split_column(at),
            106..112 => self.several(at),
            112..122 => self.rename_or_drop_hanging(at),
            _ => self.create(at),
        }
    }

    pub fn add_column(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        let kind = Kind::ALL[self.rng.usize(..Kind::ALL.len())];
        let name = self.new_name("added");
        let quoted = quote_ident(&name);
        let constant = kind.constant();
        let mut column = Column {
            name: name.clone(),
            kind,
            not_null: false,
            nulls: table.rows > 0,
            default: false,
            generated: false,
        };
        let form = self.rng.u32(..12);
        let tail = match form {
            10 if !table.partitioned => {
                let kind = self.one(&["bigserial", "int GENERATED BY DEFAULT AS IDENTITY"]);
                self.volatile.push(format!("{sql}.{quoted}"));
                self.migration
                    .push(format!("ALTER TABLE {sql} ADD COLUMN {quoted} {};", kind.unwrap()));
                let kind = Kind::BigInt;
                let column =
                    Column { kind, not_null: true, nulls: false, generated: true, ..column };
                return self.tables[at].columns.push(column);
            }
            0 => String::new(),
            1 | 2 => {
                column.default = true;
                column.nulls = false;
                column.not_null = form == 2;
                let not_null = if form == 2 { " NOT NULL" } else { "" };
                format!(" DEFAULT {constant}{not_null}")
            }
            3 => {
                column.nulls = false;
                column.default = true;
                format!(" DEFAULT {constant} CHECK ({})", kind.condition(&quoted))
            }
            4 if kind.distinct() && !table.partitioned => " UNIQUE".to_owned(),
            5 if kind == Kind::Uuid => {
                self.volatile.push(format!("{sql}.{quoted}"));
                column.nulls = false;
                column.default = true;
                " DEFAULT gen_random_uuid() NOT NULL".to_owned()
            }
            _ => {
                // Filled by the same migration.
                self.migration
                    .push(format!("ALTER TABLE {sql} ADD COLUMN {quoted} {};", kind.sql()));
                let value = match self.source(&table, kind) {
                    Some(source) => source,
                    None => constant.to_owned(),
                };
                self.migration.push(format!("UPDATE {sql} SET {quoted} = {value};"));
                if self.chance(60) {
                    self.migration
                        .push(format!("ALTER TABLE {sql} ALTER COLUMN {quoted} SET NOT NULL;"));
                    column.not_null = true;
                }
                column.nulls = false;
                return self.tables[at].columns.push(column);
            }
        };
        self.migration.push(format!("ALTER TABLE {sql} ADD COLUMN {quoted} {}{tail};", kind.sql()));
        self.tables[at].columns.push(column);
    }

    /// An expression of another column that has the type.
    fn source(&mut self, table: &Table, kind: Kind) -> Option<String> {
        let alike: Vec<Column> = table
            .columns
            .iter()
            .filter(|c| c.kind == kind && !c.nulls && !c.generated)
            .cloned()
            .collect();
        let column = self.one(&alike)?.sql();
        Some(match kind {
            Kind::Text => format!("upper({column}) || '!'"),
            Kind::Int | Kind::BigInt => format!("{column} + 1"),
            _ => column,
        })
    }

    fn rename_column(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let column =
            if self.chance(85) { self.plain_column(&table) } else { Some(self.any_column(&table)) };
        let Some(column) = column else { return };
        let new = self.new_name("renamed");
        let directive = match self.rng.u32(..10) {
            0..4 => Some("dual-column"),
            4..6 => Some("view"),
            6..8 => Some("in-place"),
            _ => None,
        };
        if let Some(strategy) = directive {
            self.migration.push(format!("-- airlock: rename {strategy}"));
        }
        self.migration.push(format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {};",
            table.sql(),
            column.sql(),
            quote_ident(&new)
        ));
        let table = &mut self.tables[at];
        for known in table.columns.iter_mut().filter(|c| c.name == column.name) {
            known.name.clone_from(&new);
        }
        for key in table.key.iter_mut().filter(|key| **key == column.name) {
            key.clone_from(&new);
        }
    }

    fn rename_table(&mut self, at: usize) {
        let new = self.new_name("moved");
        let sql = self.tables[at].sql();
        self.migration.push(format!("ALTER TABLE {sql} RENAME TO {};", quote_ident(&new)));
        let schema = self.tables[at].schema.clone();
        for entry in &mut self.volatile {
            if let Some(rest) = entry.strip_prefix(&format!("{sql}.")) {
                let moved =
                    Table { name: new.clone(), schema: schema.clone(), ..self.tables[at].clone() };
                *entry = format!("{}.{rest}", moved.sql());
            }
        }
        self.tables[at].name = new;
    }

    pub fn drop_column(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let Some(column) = self.plain_column(&table) else { return };
        let cascade = if self.chance(50) { " CASCADE" } else { "" };
        self.migration.push(format!(
            "ALTER TABLE {} DROP COLUMN {}{cascade};",
            table.sql(),
            column.sql()
        ));
        self.tables[at].columns.retain(|c| c.name != column.name && !c.generated);
        let entry = format!("{}.{}", table.sql(), column.sql());
        self.volatile.retain(|known| *known != entry);
    }

    fn drop_table(&mut self, at: usize) {
        let cascade = if self.chance(70) { " CASCADE" } else { "" };
        let sql = self.tables[at].sql();
        self.migration.push(format!("DROP TABLE {sql}{cascade};"));
        self.tables.remove(at);
        self.volatile.retain(|known| !known.starts_with(&format!("{sql}.")));
    }

    pub fn alter_null(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let Some(column) = self.plain_column(&table) else { return };
        let set = !column.nulls && (!column.not_null || self.chance(20));
        let word = if set { "SET" } else { "DROP" };
        self.migration.push(format!(
            "ALTER TABLE {} ALTER COLUMN {} {word} NOT NULL;",
            table.sql(),
            column.sql()
        ));
        for known in self.tables[at].columns.iter_mut().filter(|c| c.name == column.name) {
            known.not_null = set;
        }
    }

    pub fn alter_default(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let Some(column) = self.plain_column(&table) else { return };
        let change = if self.chance(60) {
            format!("SET DEFAULT {}", column.kind.constant())
        } else {
            "DROP DEFAULT".to_owned()
        };
        self.migration.push(format!(
            "ALTER TABLE {} ALTER COLUMN {} {change};",
            table.sql(),
            column.sql()
        ));
    }

    fn drop_index(&mut self, at: usize) {
        let indexes = self.tables[at].indexes.clone();
        let Some(index) = self.one(&indexes) else { return };
        let schema = self.tables[at].schema.clone();
        let prefix = schema.map(|s| format!("{}.", quote_ident(&s))).unwrap_or_default();
        self.migration.push(format!("DROP INDEX {prefix}{};", quote_ident(&index)));
        self.tables[at].indexes.retain(|known| *known != index);
    }

    pub fn add_constraint(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        let name = self.new_name("constraint");
        let quoted = quote_ident(&name);
        let column = self.any_column(&table);
        let body = match self.rng.u32(..4) {
            0 => format!("CHECK ({})", column.kind.condition(&column.sql())),
            1 if column.kind.distinct() && !table.partitioned => {
                format!("UNIQUE ({})", column.sql())
            }
            2 if table.key.is_empty() => {
                self.tables[at].key = vec!["id".to_owned()];
                "PRIMARY KEY (id)".to_owned()
            }
            _ => match self.key_pair(at) {
                Some((child, parent)) => {
                    let to = self.tables[parent].sql();
                    let valid = if self.chance(40) { " NOT VALID" } else { "" };
                    format!("FOREIGN KEY ({child}) REFERENCES {to} (id){valid}")
                }
                None => return,
            },
        };
        self.migration.push(format!("ALTER TABLE {sql} ADD CONSTRAINT {quoted} {body};"));
        self.tables[at].checks.push(name);
    }

    fn drop_constraint(&mut self, at: usize) {
        let names = self.tables[at].checks.clone();
        let Some(name) = self.one(&names) else { return };
        let sql = self.tables[at].sql();
        self.migration.push(format!("ALTER TABLE {sql} DROP CONSTRAINT {};", quote_ident(&name)));
        self.tables[at].checks.retain(|known| *known != name);
    }

    fn change_rows(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        let Some(column) = self.plain_column(&table) else { return };
        let (quoted, kind) = (column.sql(), column.kind);
        let statement = match self.rng.u32(..3) {
            0 => format!("UPDATE {sql} SET {quoted} = {} WHERE {quoted} IS NULL;", kind.constant()),
            1 => format!("UPDATE {sql} SET {quoted} = {};", kind.constant()),
            _ => format!("DELETE FROM {sql} WHERE id % 7 = 3;"),
        };
        if statement.starts_with("UPDATE") {
            for known in self.tables[at].columns.iter_mut().filter(|c| c.name == column.name) {
                known.nulls = false;
            }
        }
        self.migration.push(statement);
    }

    /// Type changes that are free.
    fn widen(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let changed: Vec<Column> =
            table.columns.iter().filter(|c| c.kind == Kind::Varchar).cloned().collect();
        let Some(column) = self.one(&changed) else { return };
        let to = if self.chance(50) { "varchar(60)" } else { "text" };
        self.migration.push(format!(
            "ALTER TABLE {} ALTER COLUMN {} TYPE {to};",
            table.sql(),
            column.sql()
        ));
    }
}
