//! A downgrade for a migration that has none, where nothing is lost on the way: what was made is dropped, what was
//! renamed gets its old name back, a type its old type. The result is a migration like any other, and is
//! planned like one.
//!
//! Told from the statements and from what the plan knew of the columns before. What has dropped something, or
//! changed rows that were there, has no such way.

use super::op;
use crate::plan::Fact;
use crate::sql::{DirectiveKind, Script, Statement, deparse, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, DropBehavior, ObjectType, RangeVar, RenameStmt,
};
use std::collections::BTreeSet;

/// Why there is no such way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoWay {
    /// Of the statement, from 1.
    pub number: usize,
    pub why: &'static str,
}

/// The statements that take `script` back, each ended by a semicolon. `facts`: those of its plan.
///
/// # Errors
/// The last statement that has no way back.
pub fn reverse(script: &Script, facts: &[Fact]) -> Result<String, NoWay> {
    let mut made = Made::default();
    script.statements.iter().for_each(|statement| made.note(statement));
    let mut back = Vec::new();
    for (index, statement) in script.statements.iter().enumerate().rev() {
        match of(statement, &made, facts) {
            Ok(lines) => back.extend(lines),
            Err(why) => return Err(NoWay { number: index + 1, why }),
        }
    }
    // What decides how names are read stands first on both ways.
    let settings = script.statements.iter().filter(|statement| {
        matches!(&statement.node, NodeEnum::VariableSetStmt(set) if set.name == "search_path")
    });
    let lines = settings.map(|statement| statement.sql.clone()).chain(back);
    Ok(lines.map(|line| format!("{line};\n")).collect())
}

/// What the migration itself makes: with it goes whatever is done to it.
#[derive(Default)]
struct Made {
    tables: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
}

impl Made {
    fn note(&mut self, statement: &Statement) {
        match &statement.node {
            NodeEnum::CreateStmt(create) => {
                self.tables.extend(create.relation.as_ref().map(name));
            }
            NodeEnum::AlterTableStmt(alter) => {
                for part in op::split(statement) {
                    let NodeEnum::AlterTableStmt(one) = &part.node else { continue };
                    if let Some(column) = op::command(one).and_then(added)
                        && let Some(range) = &alter.relation
                    {
                        self.columns.insert((name(range), column.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }

    fn has(&self, range: Option<&RangeVar>) -> bool {
        range.is_some_and(|range| self.tables.contains(&name(range)))
    }
}

fn added(command: &AlterTableCmd) -> Option<&str> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::ColumnDef(column) if command.subtype() == AlterTableType::AtAddColumn => {
            Some(&column.colname)
        }
        _ => None,
    }
}

fn of(statement: &Statement, made: &Made, facts: &[Fact]) -> Result<Vec<String>, &'static str> {
    let one = |sql: String| Ok(vec![sql]);
    match &statement.node {
        NodeEnum::TransactionStmt(_) | NodeEnum::VariableSetStmt(_) => Ok(Vec::new()),
        NodeEnum::CreateStmt(create) if create.if_not_exists => Err("it may have found the table"),
        NodeEnum::CreateStmt(create) => match &create.relation {
            Some(range) => one(format!("DROP TABLE {}", name(range))),
            None => Err("it names no table"),
        },
        NodeEnum::IndexStmt(index) => {
            if made.has(index.relation.as_ref()) {
                return Ok(Vec::new());
            }
            if index.idxname.is_empty() || index.if_not_exists {
                return Err("it does not say which index it has made");
            }
            let schema = index.relation.as_ref().map_or("", |range| &range.schemaname);
            one(format!("DROP INDEX {}", dotted(schema, &index.idxname)))
        }
        NodeEnum::InsertStmt(insert) if made.has(insert.relation.as_ref()) => Ok(Vec::new()),
        NodeEnum::UpdateStmt(update) => {
            let Some(range) = &update.relation else { return Err("it changes rows") };
            let new = |target: &pg_query::protobuf::Node| match &target.node {
                Some(NodeEnum::ResTarget(set)) => {
                    made.columns.contains(&(name(range), set.name.clone()))
                }
                _ => false,
            };
            if made.has(Some(range)) || update.target_list.iter().all(new) {
                return Ok(Vec::new());
            }
            Err("it changes rows that were there")
        }
        NodeEnum::RenameStmt(rename) => renamed(rename).map(|sql| vec![sql]),
        NodeEnum::AlterTableStmt(alter) => {
            if made.has(alter.relation.as_ref()) {
                return Ok(Vec::new());
            }
            let mut lines = Vec::new();
            for part in op::split(statement).iter().rev() {
                let NodeEnum::AlterTableStmt(single) = &part.node else { continue };
                lines.push(altered(statement, single, facts)?);
            }
            Ok(lines)
        }
        _ => Err("what it did cannot be told from it"),
    }
}

fn altered(
    statement: &Statement,
    alter: &AlterTableStmt,
    facts: &[Fact],
) -> Result<String, &'static str> {
    let (Some(range), Some(command)) = (&alter.relation, op::command(alter)) else {
        return Err("it names no table");
    };
    let table = name(range);
    let clause = match command.subtype() {
        AlterTableType::AtAddColumn => match added(command) {
            Some(column) => format!("DROP COLUMN {}", quote_ident(column)),
            None => return Err("it names no column"),
        },
        AlterTableType::AtSetNotNull => {
            format!("ALTER COLUMN {} DROP NOT NULL", quote_ident(&command.name))
        }
        AlterTableType::AtAddConstraint => {
            match command.def.as_ref().and_then(|def| def.node.as_ref()) {
                Some(NodeEnum::Constraint(constraint)) if !constraint.conname.is_empty() => {
                    format!("DROP CONSTRAINT {}", quote_ident(&constraint.conname))
                }
                _ => return Err("it does not say what the constraint is called"),
            }
        }
        AlterTableType::AtAlterColumnType => retyped(statement, range, command, facts)?,
        AlterTableType::AtDropColumn => return Err("the values of the column are gone"),
        _ => return Err("what it did cannot be told from it"),
    };
    Ok(format!("ALTER TABLE {table} {clause}"))
}

/// Back to the old type where every value comes back as it was, or the migration says how.
fn retyped(
    statement: &Statement,
    range: &RangeVar,
    command: &AlterTableCmd,
    facts: &[Fact],
) -> Result<String, &'static str> {
    let schema = if range.schemaname.is_empty() { "public" } else { &range.schemaname };
    let about = format!("column {schema}.{}.{}", range.relname, command.name);
    let known = facts.iter().find(|fact| fact.about == about);
    let Some(old) = known.map(|fact| type_of(&fact.value)) else {
        return Err("what type the column had is not known");
    };
    let new = match command.def.as_ref().and_then(|def| def.node.as_ref()) {
        Some(NodeEnum::ColumnDef(column)) => {
            column.type_name.as_ref().map(deparse::type_name).unwrap_or_default()
        }
        _ => return Err("it names no type"),
    };
    let said = statement.directives.iter().find_map(|directive| match &directive.kind {
        DirectiveKind::Reverse { column, expression, .. } if *column == command.name => {
            Some(expression.clone())
        }
        _ => None,
    });
    let column = quote_ident(&command.name);
    match said {
        Some(expression) => Ok(format!("ALTER COLUMN {column} TYPE {old} USING {expression}")),
        None if is_integer(&old) && is_integer(&new) => {
            Ok(format!("ALTER COLUMN {column} TYPE {old}"))
        }
        None => Err(
            "whether every value comes back as it was is not known; `-- airlock: reverse` says how",
        ),
    }
}

/// The type at the beginning of what a fact says of a column.
fn type_of(value: &str) -> String {
    let ends = [" collate ", " not null", " default ", " generated "];
    let end = ends.iter().filter_map(|end| value.find(end)).min().unwrap_or(value.len());
    value[..end].to_owned()
}

fn is_integer(name: &str) -> bool {
    let name = name.trim_start_matches("pg_catalog.").to_lowercase();
    ["smallint", "integer", "int", "bigint", "int2", "int4", "int8"].contains(&name.as_str())
}

fn renamed(rename: &RenameStmt) -> Result<String, &'static str> {
    let mut back = rename.clone();
    back.missing_ok = false;
    back.behavior = DropBehavior::DropRestrict as i32;
    match (rename.rename_type(), &mut back.relation) {
        (
            ObjectType::ObjectColumn
            | ObjectType::ObjectTabconstraint
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectPolicy
            | ObjectType::ObjectSchema,
            _,
        ) => std::mem::swap(&mut back.subname, &mut back.newname),
        (
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectSequence
            | ObjectType::ObjectIndex
            | ObjectType::ObjectForeignTable,
            Some(relation),
        ) => std::mem::swap(&mut relation.relname, &mut back.newname),
        _ => return Err("what it renames is not known here"),
    }
    Ok(deparse::statement(&NodeEnum::RenameStmt(Box::new(back))))
}

fn name(range: &RangeVar) -> String {
    dotted(&range.schemaname, &range.relname)
}

fn dotted(schema: &str, name: &str) -> String {
    match schema {
        "" => quote_ident(name),
        schema => format!("{}.{}", quote_ident(schema), quote_ident(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(sql: &str) -> Result<String, NoWay> {
        let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
        let facts = [Fact { about: "column public.t.n".into(), value: "integer not null".into() }];
        reverse(&script, &facts).map(|text| text.trim().replace('\n', " "))
    }

    #[test]
    fn what_was_made_goes_and_what_was_renamed_comes_back() {
        for (up, down) in [
            ("ALTER TABLE t RENAME a TO b", "ALTER TABLE t RENAME COLUMN b TO a;"),
            (
                "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME a TO b;",
                "ALTER TABLE u RENAME COLUMN b TO a; ALTER TABLE u RENAME TO t;",
            ),
            ("ALTER TABLE s.t RENAME TO u", "ALTER TABLE s.u RENAME TO t;"),
            (
                "ALTER TABLE t ADD a int, ADD b int; UPDATE t SET a = 1, b = 2; ALTER TABLE t ALTER a SET NOT NULL",
                "ALTER TABLE t ALTER COLUMN a DROP NOT NULL; ALTER TABLE t DROP COLUMN b; ALTER TABLE t DROP COLUMN a;",
            ),
            (
                "CREATE TABLE x (a int); CREATE INDEX ON x (a); INSERT INTO x VALUES (1)",
                "DROP TABLE x;",
            ),
            ("CREATE INDEX i ON s.t (a)", "DROP INDEX s.i;"),
            ("ALTER TABLE t ALTER n TYPE bigint", "ALTER TABLE t ALTER COLUMN n TYPE integer;"),
            (
                "-- airlock: reverse t.n = n::integer\nALTER TABLE t ALTER n TYPE text",
                "ALTER TABLE t ALTER COLUMN n TYPE integer USING n::integer;",
            ),
        ] {
            assert_eq!(back(up), Ok(down.to_owned()), "{up}");
        }
    }

    #[test]
    fn what_loses_something_has_no_way_back() {
        for up in [
            "ALTER TABLE t DROP COLUMN a",
            "DROP TABLE t",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "INSERT INTO t VALUES (1)",
            "ALTER TABLE t ALTER n TYPE text",
            "ALTER TABLE t ALTER unknown TYPE bigint",
            "ALTER TABLE t ADD CHECK (a > 0)",
            "DO $$ BEGIN END $$",
        ] {
            assert!(back(up).is_err(), "{up}");
        }
        let several = "ALTER TABLE t RENAME a TO b; ALTER TABLE t DROP COLUMN c; CREATE TABLE x ()";
        assert_eq!(back(several).unwrap_err().number, 2);
    }
}
