//! Tables and what `ALTER TABLE` makes and drops in them.

use super::{Between, Statement, column, options, options_changes};
use crate::diff::compare::only_validated;
use crate::diff::model::{Key, Kind, Object, Schema};
use crate::sql::quote_ident;

/// `CREATE TABLE` with the columns and constraints that it takes in.
pub(super) fn make(table: &Object, taken: &[&Object], between: Between<'_>) -> Vec<Statement> {
    let of_kind = |kind: Kind| taken.iter().copied().filter(move |object| object.key.kind == kind);
    let mut parents: Vec<&Object> = of_kind(Kind::Inheritance).collect();
    parents.sort_by_key(|parent| parent.number("_number"));
    let mut columns: Vec<&Object> = of_kind(Kind::Column).collect();
    columns.sort_by_key(|column| column.number("_position"));
    let own = |column: &&&Object| parents.is_empty() || column.flag("_local");
    let of_type = table.text("of_type");
    // A partition that is not made as one becomes one afterwards.
    let attached = parents.is_empty() && between.to.partitioned(&table.key).is_some();
    let mut lines: Vec<String> = Vec::new();
    for column in columns.iter().filter(own) {
        let default = of_kind(Kind::Default).find(|default| default.key.item == column.key.item);
        match of_type {
            Some(_) => lines.extend(column::of_typed(column, default)),
            None if attached => lines.push(column::definition_to_attach(column, default)),
            None => lines.push(column::definition(column, default)),
        }
    }
    for constraint in of_kind(Kind::Constraint) {
        lines.push(constraint_definition(constraint));
    }
    if attached {
        let known: Vec<&str> = of_kind(Kind::Constraint).map(|own| &*own.key.item).collect();
        let mut checks = inherited_checks(&table.key, between.to);
        checks.retain(|check| !known.contains(&&*check.key.item));
        lines.extend(checks.into_iter().map(constraint_definition));
    }
    let body = if lines.is_empty() {
        "()".to_owned()
    } else {
        format!("(\n    {}\n)", lines.join(",\n    "))
    };
    let unlogged = if table.flag("unlogged") { "UNLOGGED " } else { "" };
    let mut sql = format!("CREATE {unlogged}TABLE {}", table.key.qualified());
    match parents[..] {
        [parent] if parent.text("bound").is_some() => {
            sql.push_str(&format!(" PARTITION OF {}", parent.key.item));
            if !lines.is_empty() {
                sql.push_str(&format!(" {body}"));
            }
            sql.push_str(&format!(" {}", parent.text_or_empty("bound")));
        }
        _ => {
            if let Some(of_type) = of_type {
                sql.push_str(&format!(" OF {of_type}"));
            }
            if of_type.is_none() || !lines.is_empty() {
                sql.push_str(&format!(" {body}"));
            }
            if !parents.is_empty() {
                let names: Vec<&str> = parents.iter().map(|parent| &*parent.key.item).collect();
                sql.push_str(&format!(" INHERITS ({})", names.join(", ")));
            }
        }
    }
    if let Some(key) = table.text("partition_key") {
        sql.push_str(&format!(" PARTITION BY {key}"));
    }
    if let Some(method) = table.text("access_method") {
        sql.push_str(&format!(" USING {}", quote_ident(method)));
    }
    let with: Vec<&str> =
        [table.texts("options"), table.texts("toast_options")].into_iter().flatten().collect();
    if !with.is_empty() {
        sql.push_str(&format!(" WITH ({})", options(&with)));
    }
    if let Some(space) = table.text("tablespace") {
        sql.push_str(&format!(" TABLESPACE {}", quote_ident(space)));
    }
    let mut statements = vec![sql.into()];
    for column in columns.iter().filter(own) {
        statements.extend(column::rest(column));
        if of_type.is_some() {
            statements.extend(column::compression_of_typed(column));
        }
    }
    statements.extend(row_security(None, table));
    statements.extend(replica_identity(None, table));
    statements
}

/// The checks of the tables above a partition, which it has to have before it can be attached.
fn inherited_checks<'s>(partition: &Key, schema: &'s Schema) -> Vec<&'s Object> {
    let mut found = Vec::new();
    let mut at = schema.partitioned(partition);
    while let Some(parent) = at {
        found.extend(schema.of_kind(Kind::Constraint).filter(|constraint| {
            let definition = constraint.text_or_empty("definition");
            constraint.key.of_table() == parent
                && constraint.text("_type") == Some("c")
                && !definition.ends_with(" NO INHERIT")
        }));
        at = schema.partitioned(&parent);
    }
    found
}

fn constraint_definition(constraint: &Object) -> String {
    let definition = constraint.text_or_empty("definition");
    format!("CONSTRAINT {} {definition}", quote_ident(&constraint.key.item))
}

fn row_security(old: Option<&Object>, new: &Object) -> Vec<Statement> {
    let table = new.key.qualified();
    let was = |part: &str| old.is_some_and(|old| old.flag(part));
    let mut statements = Vec::new();
    for (part, on, off) in
        [("row_security", "ENABLE", "DISABLE"), ("force_row_security", "FORCE", "NO FORCE")]
    {
        if was(part) != new.flag(part) {
            let word = if new.flag(part) { on } else { off };
            statements.push(format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY").into());
        }
    }
    statements
}

/// That of an index is said with the index.
fn replica_identity(old: Option<&Object>, new: &Object) -> Option<Statement> {
    let was = old.and_then(|old| old.text("replica_identity"));
    let word = match (was, new.text("replica_identity")) {
        (was, is) if was == is => return None,
        (_, Some("i")) => return None,
        (_, Some("f")) => "FULL",
        (_, Some("n")) => "NOTHING",
        _ => "DEFAULT",
    };
    Some(format!("ALTER TABLE {} REPLICA IDENTITY {word}", new.key.qualified()).into())
}

pub(super) fn alter(old: &Object, new: &Object) -> Vec<Statement> {
    let table = format!("ALTER TABLE {}", new.key.qualified());
    let mut statements: Vec<Statement> = Vec::new();
    let mut say = |sql: String| statements.push(sql.into());
    if old.differs_in(new, "unlogged") {
        let word = if new.flag("unlogged") { "UNLOGGED" } else { "LOGGED" };
        say(format!("{table} SET {word}"));
    }
    for part in ["options", "toast_options"] {
        let (set, reset) = options_changes(&old.texts(part), &new.texts(part));
        if !set.is_empty() {
            say(format!("{table} SET ({})", set.join(", ")));
        }
        if !reset.is_empty() {
            say(format!("{table} RESET ({})", reset.join(", ")));
        }
    }
    if old.differs_in(new, "access_method") {
        let method = new.text("access_method").unwrap_or("heap");
        say(format!("{table} SET ACCESS METHOD {}", quote_ident(method)));
    }
    if old.differs_in(new, "tablespace") {
        let space = new.text("tablespace").unwrap_or("pg_default");
        say(format!("{table} SET TABLESPACE {}", quote_ident(space)));
    }
    statements.extend(row_security(Some(old), new));
    statements.extend(replica_identity(Some(old), new));
    statements
}

/// A default, owned sequence, parent or constraint on its own.
pub(super) fn make_part(object: &Object) -> Vec<Statement> {
    let table = format!("ALTER TABLE {}", object.key.qualified());
    let item = quote_ident(&object.key.item);
    let sql = match object.key.kind {
        Kind::Default => {
            let expression = object.text_or_empty("expression");
            format!("{table} ALTER COLUMN {item} SET DEFAULT {expression}")
        }
        Kind::SequenceOwner => {
            let column = object.text_or_empty("column");
            format!("ALTER SEQUENCE {} OWNED BY {column}", object.key.qualified())
        }
        Kind::Inheritance => match object.text("bound") {
            Some(bound) => {
                let child = object.key.qualified();
                format!("ALTER TABLE {} ATTACH PARTITION {child} {bound}", object.key.item)
            }
            None => format!("{table} INHERIT {}", object.key.item),
        },
        _ => format!("{table} ADD {}", constraint_definition(object)),
    };
    vec![sql.into()]
}

pub(super) fn unmake_part(object: &Object) -> String {
    let table = format!("ALTER TABLE {}", object.key.qualified());
    let item = quote_ident(&object.key.item);
    match object.key.kind {
        Kind::Column => format!("{table} DROP COLUMN {item}"),
        Kind::Default => format!("{table} ALTER COLUMN {item} DROP DEFAULT"),
        Kind::SequenceOwner => {
            format!("ALTER SEQUENCE {} OWNED BY NONE", object.key.qualified())
        }
        Kind::Inheritance if object.text("bound").is_some() => {
            let child = object.key.qualified();
            format!("ALTER TABLE {} DETACH PARTITION {child}", object.key.item)
        }
        Kind::Inheritance => format!("{table} NO INHERIT {}", object.key.item),
        _ => format!("{table} DROP CONSTRAINT {item}"),
    }
}

pub(super) fn alter_part(old: &Object, new: &Object) -> Vec<Statement> {
    let table = format!("ALTER TABLE {}", new.key.qualified());
    match new.key.kind {
        Kind::Default if old.differs_in(new, "expression") => make_part(new),
        Kind::SequenceOwner if old.differs_in(new, "column") => make_part(new),
        Kind::Constraint if old.differs_in(new, "definition") && only_validated(old, new) => {
            let name = quote_ident(&new.key.item);
            vec![format!("{table} VALIDATE CONSTRAINT {name}").into()]
        }
        Kind::ConstraintPartition if old.differs_in(new, "name") => {
            let was = quote_ident(old.text_or_empty("name"));
            let is = quote_ident(new.text_or_empty("name"));
            vec![format!("{table} RENAME CONSTRAINT {was} TO {is}").into()]
        }
        _ => Vec::new(),
    }
}
