//! `GRANT`, `REVOKE` and `ALTER DEFAULT PRIVILEGES`.

use super::{Statement, target};
use crate::diff::model::{Kind, Object};
use crate::sql::quote_ident;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Grantee in SQL, privilege, with grant option.
type Entry = (String, String, bool);

/// What makes the privileges on an object those of `new`.
pub(super) fn statements(old: &Object, new: &Object) -> Vec<Statement> {
    if !old.differs_in(new, "privileges") {
        return Vec::new();
    }
    let on = match new.key.kind {
        Kind::Column => format!("TABLE {}", new.key.qualified()),
        Kind::View | Kind::MaterializedView => format!("TABLE {}", new.key.qualified()),
        Kind::Enum | Kind::Range | Kind::Composite => format!("TYPE {}", new.key.qualified()),
        Kind::Aggregate => format!("FUNCTION {}{}", new.key.qualified(), new.key.item),
        _ => target(new),
    };
    let column = (new.key.kind == Kind::Column).then(|| quote_ident(&new.key.item));
    changes(&entries(old), &entries(new), &on, column.as_deref(), "")
}

/// Default privileges, once they are to be those of `new`.
pub(super) fn defaults(old: &BTreeSet<Entry>, new: &Object) -> Vec<Statement> {
    let on = new.key.item.clone();
    changes(old, &entries(new), &on, None, &prefix(new))
}

/// Back to no default privileges of one's own. Several statements in one text: they are sent so.
pub(super) fn reset_defaults(object: &Object) -> String {
    let blank = base(object);
    let on = object.key.item.clone();
    let statements = changes(&entries(object), &blank, &on, None, &prefix(object));
    statements.into_iter().map(|statement| statement.sql).collect::<Vec<_>>().join(";\n")
}

/// What holds when nobody has said anything.
pub(super) fn base(object: &Object) -> BTreeSet<Entry> {
    of_list(object.list("_privileges"))
}

pub(super) fn entries(object: &Object) -> BTreeSet<Entry> {
    of_list(object.list("privileges"))
}

fn prefix(object: &Object) -> String {
    let schema = match object.key.schema.as_str() {
        "" => String::new(),
        schema => format!(" IN SCHEMA {}", quote_ident(schema)),
    };
    format!("ALTER DEFAULT PRIVILEGES FOR ROLE {}{schema} ", quote_ident(&object.key.name))
}

fn of_list(list: &[Value]) -> BTreeSet<Entry> {
    list.iter()
        .map(|entry| {
            let role = match entry.get(0).and_then(Value::as_str) {
                None => "PUBLIC".to_owned(),
                Some("") => "CURRENT_USER".to_owned(),
                Some(role) => quote_ident(role),
            };
            let privilege = entry.get(1).and_then(Value::as_str).unwrap_or_default();
            let option = entry.get(2).and_then(Value::as_bool).unwrap_or(false);
            (role, privilege.to_owned(), option)
        })
        .collect()
}

fn changes(
    old: &BTreeSet<Entry>,
    new: &BTreeSet<Entry>,
    on: &str,
    column: Option<&str>,
    prefix: &str,
) -> Vec<Statement> {
    let mut revoked: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let mut granted: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let written = |privilege: &str| match column {
        Some(column) => format!("{privilege} ({column})"),
        None => privilege.to_owned(),
    };
    for (role, privilege, option) in old.difference(new) {
        let without_option = (role.clone(), privilege.clone(), false);
        // With the grant option before, without it now: only that is taken.
        let kind = if *option && new.contains(&without_option) { "GRANT OPTION FOR " } else { "" };
        let stronger = !*option && new.contains(&(role.clone(), privilege.clone(), true));
        if !stronger {
            revoked.entry((role, kind)).or_default().push(written(privilege));
        }
    }
    for (role, privilege, option) in new.difference(old) {
        let kept = !*option && old.contains(&(role.clone(), privilege.clone(), true));
        if !kept {
            let kind = if *option { " WITH GRANT OPTION" } else { "" };
            granted.entry((role, kind)).or_default().push(written(privilege));
        }
    }
    // `TABLE` in front of a table is allowed; in default privileges the word is the plural alone.
    let revokes = revoked.into_iter().map(|((role, kind), privileges)| {
        format!("{prefix}REVOKE {kind}{} ON {on} FROM {role}", privileges.join(", "))
    });
    let grants = granted.into_iter().map(|((role, kind), privileges)| {
        format!("{prefix}GRANT {} ON {on} TO {role}{kind}", privileges.join(", "))
    });
    revokes.chain(grants).map(Statement::from).collect()
}
