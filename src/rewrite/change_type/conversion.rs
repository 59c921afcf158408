//! How a value of the old type becomes one of the new type, and back.
//!
//! A few pairs convert without ever failing, whatever the session is set to; they are written in
//! line. Every other conversion is a function in schema `airlock`: with the settings that the
//! migration was planned under, because the application's session may have others, and with an
//! exception block, because a value that does not convert must not make the application's statement
//! fail. Such a function gives NULL where the conversion raises an error; its twin tells that apart
//! from a NULL that is meant.
//!
//! Assignments of PL/pgSQL convert as storing a value does: too long a text is an error, not cut
//! off (manual, "Expressions", PL/pgSQL). That is what `ALTER COLUMN … TYPE` without `USING` does too.

use super::recognise::Request;
use crate::analyze::volatility;
use crate::catalog::{Catalog, Column, Relation, Volatility};
use crate::rewrite::groups::{columns_read, strings};
use crate::rewrite::{sync, text};
use crate::sql::{QualifiedName, deparse, parse_expression, quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, Node};

/// Types that print the same way whatever the session is set to.
const STEADY: [&str; 7] = ["smallint", "integer", "bigint", "uuid", "text", "name", "boolean"];

/// A way from one column to another.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// The server's own assignment, which cannot fail.
    Plain,
    /// The server's own assignment between integers, NULL outside of these bounds.
    Within(i64, i64),
    /// A function of ours.
    Called(Function),
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    name: QualifiedName,
    /// Tells whether the conversion succeeds.
    fits: QualifiedName,
    /// The columns that it is given, with their types.
    arguments: Vec<(String, String)>,
    result: String,
    /// The expression of the user; without one the only argument is assigned.
    expression: Option<String>,
    /// Name of the table in the expression.
    alias: String,
    settings: Vec<(String, String)>,
}

impl Way {
    /// The value, where `row` is what stands before the source's columns (`NEW.`).
    pub fn value(&self, row: &str, source: &str) -> String {
        let source = format!("{row}{}", quote_ident(source));
        match self {
            Way::Plain => source,
            Way::Within(low, high) => {
                format!("CASE WHEN {source} BETWEEN {low} AND {high} THEN {source} END")
            }
            Way::Called(function) => function.call(&function.name, row),
        }
    }

    /// The value with the type of the target, so that images can be compared.
    pub fn typed(&self, row: &str, source: &str, target: &str) -> String {
        match self {
            Way::Plain | Way::Within(..) => {
                format!("CAST({} AS {target})", self.value(row, source))
            }
            Way::Called(_) => self.value(row, source),
        }
    }

    /// A condition that holds for rows that cannot be converted; `None` when there are none.
    pub fn fails(&self, row: &str, source: &str) -> Option<String> {
        match self {
            Way::Plain => None,
            Way::Within(low, high) => {
                Some(format!("{row}{} NOT BETWEEN {low} AND {high}", quote_ident(source)))
            }
            Way::Called(function) => Some(format!("NOT {}", function.call(&function.fits, row))),
        }
    }

    pub fn create(&self, search_path: &[String]) -> Vec<String> {
        match self {
            Way::Plain | Way::Within(..) => Vec::new(),
            Way::Called(function) => function.create(search_path),
        }
    }

    pub fn remove_if_there(&self) -> Vec<String> {
        match self {
            Way::Plain | Way::Within(..) => Vec::new(),
            Way::Called(function) => [&function.name, &function.fits]
                .map(|name| format!("DROP FUNCTION IF EXISTS {name}({})", function.types()))
                .into(),
        }
    }

    /// Whether two values that differ before differ afterwards too, as far as can be told.
    pub fn keeps_apart(&self) -> bool {
        match self {
            Way::Plain | Way::Within(..) => true,
            Way::Called(function) => {
                function.expression.is_none()
                    && matches!(function.result.as_str(), "text" | "character varying")
            }
        }
    }

    pub fn is_called(&self) -> bool {
        matches!(self, Way::Called(_))
    }
}

impl Function {
    fn types(&self) -> String {
        self.arguments.iter().map(|(_, of)| of.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn call(&self, name: &QualifiedName, row: &str) -> String {
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|(column, _)| format!("{row}{}", quote_ident(column)))
            .collect();
        format!("{name}({})", arguments.join(", "))
    }

    fn create(&self, search_path: &[String]) -> Vec<String> {
        let value = match &self.expression {
            None => "$1".to_owned(),
            Some(expression) if self.arguments.is_empty() => format!("({expression})"),
            Some(expression) => {
                let columns: Vec<String> = self
                    .arguments
                    .iter()
                    .enumerate()
                    .map(|(index, (column, _))| {
                        format!("${} AS {}", index + 1, quote_ident(column))
                    })
                    .collect();
                format!(
                    "(SELECT {expression} FROM (SELECT {}) AS {})",
                    columns.join(", "),
                    quote_ident(&self.alias)
                )
            }
        };
        let one = |name: &QualifiedName, result: &str, good: &str, bad: &str| {
            let code = format!(
                "\n#variable_conflict use_column\nDECLARE\n  airlock_value {};\nBEGIN\n  \
                 airlock_value := {value};\n  RETURN {good};\nEXCEPTION WHEN OTHERS THEN\n  \
                 RETURN {bad};\nEND\n",
                self.result
            );
            let settings: String = self
                .settings
                .iter()
                .map(|(name, value)| {
                    format!(" SET {} = {}", quote_ident(name), quote_literal(value))
                })
                .collect();
            [
                format!(
                    "CREATE FUNCTION {name}({}) RETURNS {result} LANGUAGE plpgsql STABLE SET search_path = {}{settings} AS {}",
                    self.types(),
                    sync::pinned_path(search_path),
                    text::dollar_quoted(&code)
                ),
                format!("REVOKE ALL ON FUNCTION {name}({}) FROM PUBLIC", self.types()),
            ]
        };
        [
            one(&self.name, &self.result, "airlock_value", "NULL"),
            one(&self.fits, "boolean", "true", "false"),
        ]
        .concat()
    }
}

/// Both ways of a change, or why there is none. `changed` are the columns of the table as they are
/// after the switch; `names` gives passing names.
pub(super) fn ways(
    request: &Request,
    catalog: &Catalog,
    found: &Relation,
    changed: &[Column],
    names: [String; 2],
) -> Result<(Way, Way), Obstacle> {
    let (before, after) = (&request.before, &request.after);
    let [forward_name, back_name] = names;
    let own = |column: &Column| vec![(column.name.clone(), column.type_name.clone())];
    let function = |name: &str, from: &Column, to: &Column| Function {
        name: QualifiedName::new("airlock", format!("{name}_cast")),
        fits: QualifiedName::new("airlock", format!("{name}_fits")),
        arguments: own(from),
        result: to.type_name.clone(),
        expression: None,
        alias: found.name.name.clone(),
        settings: Vec::new(),
    };
    let using = request.using.as_ref().filter(|node| !is_only_cast(node, before, after, catalog));
    let forward = match using {
        None if cannot_fail(&before.type_name, &after.type_name) => Way::Plain,
        None => Way::Called(Function {
            settings: settings(&[before, after], false, catalog),
            ..function(&forward_name, before, after)
        }),
        Some(node) => {
            let volatility = volatility::of_expression_over(node, catalog, &found.columns);
            if volatility == Volatility::Volatile {
                return Err(Obstacle::Reason("USING gives another value every time".to_owned()));
            }
            let arguments = arguments(node, found, &found.columns, catalog)
                .map_err(|what| Obstacle::Reason(format!("USING reads {what}")))?;
            Way::Called(Function {
                arguments,
                expression: Some(deparse::expression(node)),
                settings: settings(&[before, after], volatility != Volatility::Immutable, catalog),
                ..function(&forward_name, before, after)
            })
        }
    };
    let derived = match (&request.reverse, using) {
        (Some((_, expression)), _) => Some(expression.clone()),
        (None, None) => None,
        (None, Some(node)) => derive(node, &before.name).ok_or(Obstacle::NoReverse)?,
    };
    let back = match derived {
        None => match bounds(&after.type_name, &before.type_name) {
            Some((low, high)) => Way::Within(low, high),
            None if cannot_fail(&after.type_name, &before.type_name) => Way::Plain,
            None => Way::Called(Function {
                settings: settings(&[before, after], using.is_some(), catalog),
                ..function(&back_name, after, before)
            }),
        },
        Some(expression) => {
            let node = parse_expression(&expression).map_err(|_| Obstacle::NoReverse)?;
            let arguments = arguments(&node, found, changed, catalog)
                .map_err(|what| Obstacle::Reason(format!("the reverse expression reads {what}")))?;
            Way::Called(Function {
                arguments,
                expression: Some(expression),
                settings: settings(&[before, after], true, catalog),
                ..function(&back_name, after, before)
            })
        }
    };
    Ok((forward, back))
}

/// Why a column cannot be changed this way.
pub(super) enum Obstacle {
    Reason(String),
    /// The way back has to be given.
    NoReverse,
}

/// The columns of `columns` that an expression reads, with their types.
fn arguments(
    node: &Node,
    found: &Relation,
    columns: &[Column],
    catalog: &Catalog,
) -> Result<Vec<(String, String)>, String> {
    let read = columns_read(node, &found.name, &found.name.name, catalog)
        .ok_or_else(|| "the row as a whole".to_owned())?;
    read.iter()
        .filter_map(|name| columns.iter().find(|column| column.name == *name))
        .map(|column| {
            if column.generated.is_some() {
                return Err(format!("the generated column {}", column.name));
            }
            Ok((column.name.clone(), column.type_name.clone()))
        })
        .collect()
}

/// Conversions that succeed for every value and depend on no setting.
fn cannot_fail(from: &str, to: &str) -> bool {
    let rank =
        |name: &str| ["smallint", "integer", "bigint", "numeric"].iter().position(|n| *n == name);
    if let (Some(from), Some(to)) = (rank(from), rank(to)) {
        return from < to;
    }
    let plain_text = matches!(to, "text" | "character varying");
    let from_text = from.starts_with("character varying") && !from.contains('[');
    (plain_text && (STEADY.contains(&from) || from_text))
        || matches!(
            (from, to),
            ("smallint" | "integer" | "real", "double precision")
                | ("date", "timestamp without time zone")
        )
}

/// The range of the integer type `to`, when `from` is a wider one.
fn bounds(from: &str, to: &str) -> Option<(i64, i64)> {
    match (from, to) {
        ("integer" | "bigint", "smallint") => Some((i16::MIN.into(), i16::MAX.into())),
        ("bigint", "integer") => Some((i32::MIN.into(), i32::MAX.into())),
        _ => None,
    }
}

/// Settings that the conversion may read, with the values that they have now.
fn settings(columns: &[&Column], reads: bool, catalog: &Catalog) -> Vec<(String, String)> {
    let timed = columns.iter().any(|column| {
        ["time", "date", "interval"].iter().any(|part| column.type_name.contains(part))
    });
    if !timed && !reads {
        return Vec::new();
    }
    ["TimeZone", "DateStyle", "IntervalStyle"]
        .iter()
        .filter_map(|name| {
            let value = catalog.server.settings.get(*name)?;
            Some((name.to_lowercase(), value.clone()))
        })
        .collect()
}

/// `USING c::new_type` where the assignment does the same.
fn is_only_cast(node: &Node, before: &Column, after: &Column, catalog: &Catalog) -> bool {
    let Some(NodeEnum::TypeCast(cast)) = &node.node else { return is_column(node, &before.name) };
    let to = cast.type_name.as_ref().map(|name| crate::catalog::type_name(name, catalog));
    to.as_deref() == Some(after.type_name.as_str())
        && cast.arg.as_deref().is_some_and(|inner| is_column(inner, &before.name))
        && cannot_fail(&before.type_name, &after.type_name)
}

fn is_column(node: &Node, column: &str) -> bool {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => {
            strings(&reference.fields).last().is_some_and(|name| name == column)
        }
        _ => false,
    }
}

/// The way back of a `USING` that only converts: `Some(None)` for the assignment, else its
/// expression. `None` when it computes something else.
fn derive(node: &Node, column: &str) -> Option<Option<String>> {
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(_) => is_column(node, column).then_some(None),
        NodeEnum::TypeCast(cast) => derive(cast.arg.as_deref()?, column),
        NodeEnum::CollateClause(clause) => derive(clause.arg.as_deref()?, column),
        NodeEnum::AExpr(expression) if expression.kind() == AExprKind::AexprNullif => {
            derive(expression.lexpr.as_deref()?, column)
        }
        NodeEnum::FuncCall(call) => {
            let name = strings(&call.funcname).pop()?;
            match (name.as_str(), call.args.as_slice()) {
                ("btrim" | "ltrim" | "rtrim", [inner, ..]) => derive(inner, column),
                ("timezone", [zone, inner]) => {
                    let constant = matches!(zone.node, Some(NodeEnum::AConst(_)));
                    let inner = derive(inner, column)?;
                    (constant && inner.is_none()).then(|| {
                        let zone = deparse::expression(zone);
                        Some(format!("{} AT TIME ZONE {zone}", quote_ident(column)))
                    })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_of_a_conversion_is_known() {
        let back = |using: &str| derive(&parse_expression(using).unwrap(), "c");
        assert_eq!(back("c::text::mood"), Some(None));
        assert_eq!(back("nullif(btrim(t.c), '')::int"), Some(None));
        assert_eq!(back("c AT TIME ZONE 'UTC'"), Some(Some("c AT TIME ZONE 'UTC'".to_owned())));
        assert_eq!(back("c * 100"), None);
        assert_eq!(back("other::int"), None);
        assert_eq!(back("lower(c)"), None);
    }

    #[test]
    fn only_what_never_fails_is_written_in_line() {
        for (from, to) in [
            ("integer", "bigint"),
            ("smallint", "numeric"),
            ("uuid", "text"),
            ("character varying(10)", "text"),
            ("date", "timestamp without time zone"),
        ] {
            assert!(cannot_fail(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("bigint", "integer"),
            ("text", "integer"),
            ("timestamp without time zone", "text"),
            ("text", "character varying(10)"),
            ("integer", "numeric(4,2)"),
            ("double precision", "text"),
            ("character varying(10)[]", "text"),
            ("date", "timestamp with time zone"),
        ] {
            assert!(!cannot_fail(from, to), "{from} to {to}");
        }
    }
}
