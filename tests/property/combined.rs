//! Statements that belong together, and those about what hangs on a table.

use crate::grammar::Draw;
use crate::model::{Column, Kind};
use airlock::sql::quote_ident;

impl Draw {
    /// A column replaced by another that is computed from it.
    pub fn split_column(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        let plain: Vec<Column> = table
            .columns
            .iter()
            .filter(|c| !c.generated && !table.key.contains(&c.name) && c.kind == Kind::Text)
            .cloned()
            .collect();
        let Some(source) = self.one(&plain) else { return };
        let name = self.new_name("split");
        let quoted = quote_ident(&name);
        self.migration.push(format!("ALTER TABLE {sql} ADD COLUMN {quoted} text;"));
        self.migration.push(format!("UPDATE {sql} SET {quoted} = lower({});", source.sql()));
        let not_null = !source.nulls && self.chance(50);
        if not_null {
            self.migration.push(format!("ALTER TABLE {sql} ALTER COLUMN {quoted} SET NOT NULL;"));
        }
        if self.chance(70) {
            self.migration.push(format!("ALTER TABLE {sql} DROP COLUMN {};", source.sql()));
            self.tables[at].columns.retain(|c| c.name != source.name);
        }
        self.tables[at].columns.push(Column { name, not_null, default: false, ..source });
    }

    /// Several subcommands of one `ALTER TABLE`.
    pub fn several(&mut self, at: usize) {
        let before = self.migration.len();
        for _ in 0..self.rng.u32(1..=3) {
            match self.rng.u32(..4) {
                0 => self.alter_null(at),
                1 => self.alter_default(at),
                2 => self.add_constraint(at),
                _ => self.drop_column(at),
            }
        }
        // Last: the server runs subcommands by kind, and some before the column is there.
        if self.chance(50) {
            self.add_column(at);
        }
        let head = format!("ALTER TABLE {} ", self.tables[at].sql());
        let drawn = self.migration.split_off(before);
        let parts: Vec<&str> =
            drawn.iter().filter_map(|sql| sql.strip_prefix(&head)?.strip_suffix(';')).collect();
        if parts.len() == drawn.len() && !parts.is_empty() {
            self.migration.push(format!("{head}{};", parts.join(", ")));
        } else {
            self.migration.extend(drawn);
        }
    }

    /// What hangs on a table, under another name or gone.
    pub fn rename_or_drop_hanging(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        let new = self.new_name("other");
        let quoted = quote_ident(&new);
        let statement = match self.rng.u32(..6) {
            0 => {
                let Some(name) = self.one(&table.checks) else { return };
                self.tables[at].checks.retain(|known| *known != name);
                self.tables[at].checks.push(new);
                format!("ALTER TABLE {sql} RENAME CONSTRAINT {} TO {quoted};", quote_ident(&name))
            }
            1 => {
                let Some(name) = self.one(&table.indexes) else { return };
                self.tables[at].indexes.retain(|known| *known != name);
                self.tables[at].indexes.push(new);
                let prefix = table.schema.map(|s| format!("{}.", quote_ident(&s)));
                let prefix = prefix.unwrap_or_default();
                format!("ALTER INDEX {prefix}{} RENAME TO {quoted};", quote_ident(&name))
            }
            2 | 3 => {
                let views = self.views.clone();
                let Some(name) = self.one(&views) else { return };
                self.views.retain(|known| *known != name);
                if self.chance(50) {
                    self.views.push(new);
                    format!("ALTER VIEW {} RENAME TO {quoted};", quote_ident(&name))
                } else {
                    format!("DROP VIEW {};", quote_ident(&name))
                }
            }
            4 => format!("ALTER TABLE {sql} ENABLE ROW LEVEL SECURITY;"),
            _ => {
                let column = self.any_column(&table);
                format!("ALTER TABLE {sql} ALTER COLUMN {} SET STATISTICS 50;", column.sql())
            }
        };
        self.migration.push(statement);
    }

    /// Things beside the table.
    pub fn create(&mut self, at: usize) {
        let table = self.tables[at].clone();
        let sql = table.sql();
        let column = self.any_column(&table);
        let name = quote_ident(&self.new_name("made"));
        let statement = match self.rng.u32(..5) {
            0 => format!("CREATE VIEW {name} AS SELECT {} FROM {sql};", column.sql()),
            1 => format!("CREATE TABLE {name} (id int PRIMARY KEY, other text DEFAULT 'x');"),
            2 => format!("COMMENT ON COLUMN {sql}.{} IS 'seen';", column.sql()),
            3 => format!("GRANT SELECT ({}) ON {sql} TO auditor;", column.sql()),
            _ => format!(
                "CREATE TRIGGER {name} AFTER INSERT ON {sql} FOR EACH ROW EXECUTE FUNCTION touch();"
            ),
        };
        self.migration.push(statement);
    }
}
