//! Which of the functions of one name a call means, as far as the types of its arguments are known.

use super::result;
use super::type_name::{type_name, user_type};
use super::user_code::expressions;
use super::volatility::name_parts;
use super::{Catalog, Column, Function};
use pg_query::protobuf::{FuncCall, Node, a_const, node};

/// What is known of the type of an argument.
pub(super) enum Argument {
    Type(String),
    /// A literal in quotes, or NULL: it becomes whatever is wanted.
    Any,
}

/// Of `candidates` those that the server would choose among. Where all arguments are known, one that has exactly the
/// types of all of them, but for literals, which go with everything, is preferred to all that have not
/// (`func_select_candidate` keeps those with most exact matches).
pub(super) fn meant<'f>(
    call: &FuncCall,
    candidates: &[&'f Function],
    catalog: &Catalog,
    columns: &[Column],
) -> Vec<&'f Function> {
    let known: Option<Vec<Argument>> =
        call.args.iter().map(|argument| of_argument(argument, catalog, columns)).collect();
    let Some(arguments) = known.filter(|_| !call.func_variadic) else {
        return candidates.to_vec();
    };
    let types = arguments.iter().any(|argument| matches!(argument, Argument::Type(_)));
    let exact = |function: &&&Function| {
        let inputs: Vec<&str> = inputs(function).collect();
        inputs.len() >= arguments.len()
            && arguments.iter().zip(inputs).all(|(argument, input)| match argument {
                Argument::Type(known) => is_of(input, known),
                Argument::Any => true,
            })
    };
    if !types || !candidates.iter().any(|function| exact(&function)) {
        return candidates.to_vec();
    }
    candidates.iter().filter(|f| is_variadic(f) || exact(f)).copied().collect()
}

/// `None` when nothing is known of it.
pub(super) fn of_argument(
    argument: &Node,
    catalog: &Catalog,
    columns: &[Column],
) -> Option<Argument> {
    let whole = |name: &str| Some(Argument::Type(without_modifiers(name)));
    match argument.node.as_ref()? {
        node::Node::AConst(constant) if constant.isnull => Some(Argument::Any),
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Sval(_) => Some(Argument::Any),
            a_const::Val::Ival(_) => whole("integer"),
            a_const::Val::Boolval(_) => whole("boolean"),
            a_const::Val::Fval(number) => {
                whole(if number.fval.parse::<i64>().is_ok() { "bigint" } else { "numeric" })
            }
            a_const::Val::Bsval(_) => None,
        },
        // A domain counts as what it is made of, and a type of the same name may be another one.
        node::Node::TypeCast(cast) => {
            let target = cast.type_name.as_ref()?;
            let own = user_type(target, catalog).is_none();
            own.then(|| type_name(target, catalog)).and_then(|name| whole(&name))
        }
        node::Node::ColumnRef(reference) => {
            let name = *name_parts(&reference.fields).last()?;
            let column = columns.iter().find(|column| column.name == name)?;
            column.user_type.is_none().then(|| whole(&column.type_name)).flatten()
        }
        other => result::of(other, catalog, columns).map(Argument::Type),
    }
}

/// `timestamp(3) with time zone` without the `(3)`: functions are declared so.
pub(super) fn without_modifiers(name: &str) -> String {
    match (name.find('('), name.find(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", &name[..open], &name[close + 1..])
        }
        _ => name.to_owned(),
    }
}

/// Whether the declared argument `input`, which may have a name, has the type `known`.
fn is_of(input: &str, known: &str) -> bool {
    let input = input.strip_prefix("INOUT ").or_else(|| input.strip_prefix("IN ")).unwrap_or(input);
    input == known
        || input.strip_suffix(known).and_then(|name| name.strip_suffix(' ')).is_some_and(|name| {
            name.starts_with('"') || name.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

fn inputs(function: &Function) -> impl Iterator<Item = &str> {
    split_arguments(&function.arguments).filter(|part| !part.starts_with("OUT "))
}

fn is_variadic(function: &Function) -> bool {
    split_arguments(&function.arguments).any(|part| part.starts_with("VARIADIC "))
}

/// Whether `function` can be called with so many arguments. More declared than given is possible:
/// the rest may have defaults.
pub(super) fn takes(function: &Function, given: usize) -> bool {
    inputs(function).count() >= given || is_variadic(function)
}

impl Function {
    /// The defaults of arguments that the call leaves out; all, where it is not plain which it gives.
    /// `None` when they cannot be read.
    pub(crate) fn defaults_used(&self, call: &FuncCall) -> Option<Vec<Node>> {
        let named = |argument: &Node| matches!(argument.node, Some(node::Node::NamedArgExpr(_)));
        let left_out = inputs(self).count().saturating_sub(call.args.len());
        let Some(list) = self.defaults.as_deref().filter(|_| left_out > 0) else {
            return Some(Vec::new());
        };
        let mut all = expressions(list)?;
        if is_variadic(self) || call.args.iter().any(named) {
            return Some(all);
        }
        Some(all.split_off(all.len().saturating_sub(left_out)))
    }
}

/// Splits `a integer, b numeric(10,2), "x,y" text` at the commas between arguments.
fn split_arguments(list: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quoted) = (0_usize, false);
    list.split(move |c| {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' => return !quoted && depth == 0,
            _ => {}
        }
        false
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::catalog::Volatility::{Immutable, Stable, Volatile};
    use crate::catalog::volatility::of_expression_over;
    use crate::sql::QualifiedName;

    #[test]
    fn types_of_arguments_choose_the_function() {
        let mut catalog = Catalog::assumed(14);
        let sql = "CREATE DOMAIN when_ AS timestamp; CREATE TABLE t (at timestamp(3), tz timestamptz, tt timetz, n int, d when_); \
            CREATE FUNCTION pick(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; \
            CREATE FUNCTION pick(a bigint) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'; \
            CREATE FUNCTION spread(a int, b text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; \
            CREATE FUNCTION spread(VARIADIC a int[]) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';";
        for statement in crate::sql::parse(sql, 0..sql.len()).unwrap().statements {
            catalog.apply(&statement);
        }
        let table = catalog.relation(&QualifiedName::new("public", "t")).unwrap().clone();
        let of = |text: &str| {
            let node = crate::sql::parse_expression(text).unwrap();
            of_expression_over(&node, &catalog, &table.columns)
        };
        assert_eq!(of("at AT TIME ZONE 'UTC'"), Immutable);
        assert_eq!(of("t.tz AT TIME ZONE 'UTC'"), Immutable);
        assert_eq!(of("tt AT TIME ZONE 'UTC'"), Volatile);
        assert_eq!(of("date_trunc('day', at)"), Immutable);
        assert_eq!(of("date_trunc('day', tz)"), Stable);
        assert_eq!(of("date_trunc('day', '2024-01-01'::timestamp)"), Immutable);
        assert_eq!(of("pick(n)"), Immutable);
        assert_eq!(of("pick(1)"), Immutable);
        assert_eq!(of("pick(5000000000)"), Volatile);
        // What is not known may be anything: a domain, a name of a subquery, the result of a function, a literal alone.
        assert_eq!(of("d AT TIME ZONE 'UTC'"), Volatile);
        assert_eq!(of("(SELECT at AT TIME ZONE 'UTC' FROM (SELECT 1) AS s (at))"), Volatile);
        assert_eq!(of("pick(abs(n))"), Volatile);
        assert_eq!(of("pick('1')"), Volatile);
        assert_eq!(of("other AT TIME ZONE 'UTC'"), Volatile);
        // One that takes any number of arguments stays in the running.
        assert_eq!(of("spread(1, 'x')"), Volatile);
    }
}
