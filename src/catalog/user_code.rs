//! Code that runs where no function is called by name: behind operators and casts that somebody has
//! made, and in the defaults and checks of domains.

use super::overload::without_modifiers;
use super::{Catalog, Column, TypeDef, Volatility, type_name, user_type};
use crate::sql::QualifiedName;
use crate::sql::parse::parse_expression;
use pg_query::protobuf::{Node, TypeCast, TypeName, a_const, node};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The functions behind operators and casts that somebody has made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UserCode {
    /// Of casts, by the type that they give, without modifiers.
    casts: BTreeMap<String, BTreeSet<QualifiedName>>,
    operators: BTreeMap<QualifiedName, BTreeSet<QualifiedName>>,
}

impl UserCode {
    pub fn is_empty(&self) -> bool {
        self.casts.is_empty() && self.operators.is_empty()
    }

    /// A cast without a function goes through the text form, or does nothing at all.
    pub(super) fn add_cast(&mut self, target: String, function: Option<QualifiedName>) {
        if let Some(function) = function {
            self.casts.entry(target).or_default().insert(function);
        }
    }

    pub(super) fn add_operator(&mut self, operator: QualifiedName, function: QualifiedName) {
        self.operators.entry(operator).or_default().insert(function);
    }
}

/// Domains over domains are followed so far.
const MAX_DOMAINS: usize = 32;

impl Catalog {
    /// The functions behind user-made operators that the name `parts` may mean.
    pub(crate) fn operator_functions(&self, parts: &[&str]) -> Vec<&QualifiedName> {
        let (schema, name) = match *parts {
            [name] => (None, name),
            [.., schema, name] => (Some(schema), name),
            [] => return Vec::new(),
        };
        let named = self.user_code.operators.iter().filter(|(operator, _)| {
            operator.name == name
                && match schema {
                    Some(schema) => operator.schema == schema,
                    None => self.server.search_path.contains(&operator.schema),
                }
        });
        named.flat_map(|(_, functions)| functions).collect()
    }

    /// The functions behind user-made casts to `target`, or to what a domain is made of. None for a
    /// literal in quotes and for NULL: those are read as the type, not converted.
    pub(crate) fn cast_functions(&self, cast: &TypeCast) -> Vec<&QualifiedName> {
        let literal = cast.arg.as_deref().is_some_and(is_untyped);
        match cast.type_name.as_ref().filter(|_| !literal) {
            Some(target) => self.functions_of_casts_to(target),
            None => Vec::new(),
        }
    }

    /// The same for whatever is stored in a column of type `target`.
    pub(crate) fn functions_of_casts_to(&self, target: &TypeName) -> Vec<&QualifiedName> {
        if self.user_code.casts.is_empty() {
            return Vec::new();
        }
        let base = match self.domains(target).last() {
            Some(TypeDef::Domain { base, .. }) => base.clone(),
            _ => type_name(target, self),
        };
        let base = without_modifiers(&base);
        let element = base.strip_suffix("[]").unwrap_or(&base);
        self.user_code.casts.get(element).into_iter().flatten().collect()
    }

    /// The most volatile of all functions of this name.
    pub(crate) fn volatility_of(&self, function: &QualifiedName) -> Volatility {
        let known = self.functions.get(&function.name).into_iter().flatten();
        known
            .filter(|known| known.schema == function.schema)
            .map(|known| known.volatility)
            .max()
            .unwrap_or(Volatility::Volatile)
    }

    /// The domain of this name and the domains below it.
    fn domains_of(&self, name: Option<QualifiedName>) -> Vec<&TypeDef> {
        let mut found = Vec::new();
        let mut next = name;
        while let Some(of) = next.take().and_then(|name| self.types.get(&name))
            && found.len() < MAX_DOMAINS
        {
            let TypeDef::Domain { base, .. } = of else { break };
            found.push(of);
            next = base.strip_suffix("[]").unwrap_or(base).parse().ok();
        }
        found
    }

    /// The domain that `written` or its elements are of, and the domains below it.
    fn domains(&self, written: &TypeName) -> Vec<&TypeDef> {
        self.domains_of(user_type(written, self))
    }

    /// What a column of type `written` has for a default when it has none of its own.
    pub(crate) fn domain_default(&self, written: &TypeName) -> Option<&str> {
        if !written.array_bounds.is_empty() {
            return None;
        }
        self.default_of(&user_type(written, self)?)
    }

    fn default_of(&self, domain: &QualifiedName) -> Option<&str> {
        match self.types.get(domain)? {
            TypeDef::Domain { default, .. } => default.as_deref(),
            _ => None,
        }
    }

    /// The default of the domain that `column` is of, whether it has one of its own or not.
    pub(crate) fn default_by_domain(&self, column: &Column) -> Option<&str> {
        let domain = column.user_type.as_ref().filter(|_| !column.type_name.ends_with("[]"))?;
        self.default_of(domain)
    }

    /// The same as an expression.
    pub fn default_of_domain(&self, written: &TypeName) -> Option<Node> {
        parse_expression(self.domain_default(written)?).ok()
    }

    /// Whether adding a column of type `written` checks every row against a domain. The server looks at
    /// the domain of the column, not at that of its elements.
    pub(crate) fn is_checked_by_domain(&self, written: &TypeName) -> bool {
        written.array_bounds.is_empty() && any_checks(&self.domains(written))
    }

    /// The same for the type of a column that there is.
    pub(crate) fn is_column_checked_by_domain(&self, column: &Column) -> bool {
        !column.type_name.ends_with("[]") && any_checks(&self.domains_of(column.user_type.clone()))
    }

    /// What the checks of the domains in `written` compute. `None` when one cannot be read.
    pub(crate) fn domain_checks(&self, written: &TypeName) -> Option<Vec<Node>> {
        let checks = self.domains(written).into_iter().flat_map(|of| match of {
            TypeDef::Domain { checks, .. } => checks.as_slice(),
            _ => &[],
        });
        checks.map(|check| checked_expression(check)).collect()
    }
}

fn any_checks(domains: &[&TypeDef]) -> bool {
    domains.iter().any(|of| {
        matches!(of, TypeDef::Domain { not_null, checks, .. } if *not_null || !checks.is_empty())
    })
}

/// A literal in quotes, or NULL.
pub(super) fn is_untyped(node: &Node) -> bool {
    match &node.node {
        Some(node::Node::AConst(constant)) => {
            constant.isnull || matches!(constant.val, Some(a_const::Val::Sval(_)))
        }
        _ => false,
    }
}

/// The expression in a check as a domain has it, such as `name CHECK ((VALUE > 0))`.
fn checked_expression(check: &str) -> Option<Node> {
    let tree =
        crate::sql::grammar::parse(&format!("ALTER DOMAIN d ADD CONSTRAINT {check}")).ok()?;
    let Some(node::Node::AlterDomainStmt(alter)) = tree.stmts.into_iter().next()?.stmt?.node else {
        return None;
    };
    match alter.def?.node? {
        node::Node::Constraint(constraint) => constraint.raw_expr.map(|expression| *expression),
        _ => None,
    }
}

/// The expressions in a list with commas between them.
pub(super) fn expressions(list: &str) -> Option<Vec<Node>> {
    let tree = crate::sql::grammar::parse(&format!("SELECT {list}")).ok()?;
    let Some(node::Node::SelectStmt(select)) = tree.stmts.into_iter().next()?.stmt?.node else {
        return None;
    };
    let targets = select.target_list.into_iter();
    targets
        .map(|target| match target.node? {
            node::Node::ResTarget(target) => Some(*target.val?),
            _ => None,
        })
        .collect()
}
