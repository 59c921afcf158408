//! Settings of a session that a statement makes, whichever way it is written.

use super::quote_ident;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    FuncCall, Node, SelectStmt, TypeCast, VariableSetKind, VariableSetStmt, a_const,
};

pub const SEARCH_PATH: &str = "search_path";

/// `SET`, `RESET`, or a `SELECT` of nothing but `set_config(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// In lower case; `all` for `RESET ALL`.
    pub name: String,
    pub value: Value,
    /// Up to the end of the transaction.
    pub local: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// As `set_config` takes it.
    To(String),
    /// What it is without the statement.
    Default,
    /// Not a constant, or of a form with a meaning of its own (`SET TRANSACTION`).
    Other,
}

/// The setting that the statement makes.
pub fn setting(node: &NodeEnum) -> Option<Setting> {
    match node {
        NodeEnum::VariableSetStmt(set) => Some(of_set(set)),
        NodeEnum::SelectStmt(select) => of_call(only_call(select)?),
        _ => None,
    }
}

fn of_set(set: &VariableSetStmt) -> Setting {
    let name = set.name.to_ascii_lowercase();
    let value = match set.kind() {
        VariableSetKind::VarSetValue => of_list(&name, &set.args),
        VariableSetKind::VarSetDefault
        | VariableSetKind::VarReset
        | VariableSetKind::VarResetAll => Value::Default,
        VariableSetKind::VarSetCurrent
        | VariableSetKind::VarSetMulti
        | VariableSetKind::Undefined => Value::Other,
    };
    let all = set.kind() == VariableSetKind::VarResetAll;
    Setting { name: if all { "all".to_owned() } else { name }, value, local: set.is_local }
}

fn of_list(name: &str, list: &[Node]) -> Value {
    let words: Option<Vec<String>> = list.iter().map(constant).collect();
    let Some(mut words) = words else { return Value::Other };
    if name == SEARCH_PATH {
        words = words.iter().map(|word| quote_ident(word)).collect();
    }
    Value::To(words.join(", "))
}

/// The call when the query is nothing else.
fn only_call(select: &SelectStmt) -> Option<&FuncCall> {
    let plain = select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.into_clause.is_none()
        && select.with_clause.is_none()
        && select.limit_count.is_none()
        && select.larg.is_none();
    let [Node { node: Some(NodeEnum::ResTarget(target)) }] = select.target_list.as_slice() else {
        return None;
    };
    match target.val.as_ref()?.node.as_ref()? {
        NodeEnum::FuncCall(call) if plain => Some(call),
        _ => None,
    }
}

fn of_call(call: &FuncCall) -> Option<Setting> {
    if called(call) != "set_config" {
        return None;
    }
    let [name, value, local] = call.args.as_slice() else { return None };
    let local = match local.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Boolval(local) => local.boolval,
            _ => return None,
        },
        _ => return None,
    };
    let value = constant(value).map_or(Value::Other, Value::To);
    Some(Setting { name: constant(name)?.to_ascii_lowercase(), value, local })
}

/// The name of the function, without its schema.
pub fn called(call: &FuncCall) -> &str {
    match call.funcname.last().and_then(|name| name.node.as_ref()) {
        Some(NodeEnum::String(name)) => &name.sval,
        _ => "",
    }
}

fn constant(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Sval(text) => Some(text.sval.clone()),
            a_const::Val::Ival(number) => Some(number.ival.to_string()),
            a_const::Val::Fval(number) => Some(number.fval.clone()),
            a_const::Val::Boolval(boolean) => Some(boolean.boolval.to_string()),
            a_const::Val::Bsval(_) => None,
        },
        // `set_config('search_path'::text, …)`; of `INTERVAL '1' HOUR` the argument does not say all.
        NodeEnum::TypeCast(cast) if is_text(cast) => constant(cast.arg.as_deref()?),
        _ => None,
    }
}

fn is_text(cast: &TypeCast) -> bool {
    let names = cast.type_name.as_ref().and_then(|name| name.names.last());
    matches!(names.and_then(|name| name.node.as_ref()), Some(NodeEnum::String(name)) if name.sval == "text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Option<(String, Value, bool)> {
        let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
        let found = setting(&script.statements[0].node)?;
        Some((found.name, found.value, found.local))
    }

    #[test]
    fn every_way_of_setting_something_is_the_same() {
        let to =
            |name: &str, value: &str| Some((name.to_owned(), Value::To(value.to_owned()), false));
        assert_eq!(read("SET DateStyle = 'SQL, DMY'"), to("datestyle", "SQL, DMY"));
        assert_eq!(read("SET datestyle TO sql, dmy"), to("datestyle", "sql, dmy"));
        assert_eq!(read("SET search_path = \"A\", b"), to("search_path", "\"A\", b"));
        assert_eq!(read("SET search_path = ''"), to("search_path", "\"\""));
        assert_eq!(
            read("SELECT pg_catalog.set_config('search_path', '', false)"),
            to("search_path", "")
        );
        assert_eq!(read("SET TIME ZONE 'UTC'"), to("timezone", "UTC"));
        assert_eq!(read("SET NAMES 'UTF8'"), to("client_encoding", "UTF8"));
        assert_eq!(read("SET ROLE owner"), to("role", "owner"));
        assert_eq!(read("SET lock_timeout = 0"), to("lock_timeout", "0"));
        let local = Some(("work_mem".to_owned(), Value::To("1GB".to_owned()), true));
        assert_eq!(read("SET LOCAL work_mem = '1GB'"), local);
        assert_eq!(read("SELECT set_config('work_mem', '1GB', true)"), local);
        let default = |name: &str| Some((name.to_owned(), Value::Default, false));
        assert_eq!(read("RESET ALL"), default("all"));
        assert_eq!(read("RESET work_mem"), default("work_mem"));
        assert_eq!(read("SET work_mem TO DEFAULT"), default("work_mem"));
    }

    #[test]
    fn what_is_no_constant_is_told_apart() {
        let other = |name: &str| Some((name.to_owned(), Value::Other, false));
        assert_eq!(read("SET TRANSACTION READ ONLY").map(|f| f.1), Some(Value::Other));
        assert_eq!(read("SET TIME ZONE INTERVAL '1' HOUR"), other("timezone"));
        assert_eq!(read("SELECT set_config('a.b', current_user, false)"), other("a.b"));
        assert_eq!(read("SELECT set_config('a.b', 'c', false) FROM t"), None);
        assert_eq!(read("SELECT 1"), None);
    }
}
