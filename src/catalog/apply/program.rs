//! Functions, triggers, policies, rules and statistics objects.

use super::constraint::deferral;
use super::reference;
use crate::catalog::type_name::strings;
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Dependant, DependantKind, Function, Policy, Relation,
    StatisticsObject, Trigger, Volatility, expression, names, type_name,
};
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::protobuf::{
    AlterFunctionStmt, AlterStatsStmt, CreateFunctionStmt, CreatePolicyStmt, CreateStatsStmt,
    CreateTrigStmt, FunctionParameterMode, Node, RangeVar, RuleStmt, node,
};
use serde_json::Value;

/// Bits of `CreateTrigStmt.timing` and `.events`, as in `pg_trigger.tgtype`.
const TRIGGER_BEFORE: i32 = 2;
const TRIGGER_INSERT: i32 = 4;
const TRIGGER_DELETE: i32 = 8;
const TRIGGER_UPDATE: i32 = 16;

/// Prefix of the names of airlock's own triggers.
const OUR_TRIGGERS: &str = "~airlock";

pub(super) fn create_function(catalog: &mut Catalog, create: &CreateFunctionStmt) {
    let Some(name) = catalog.created_from_list(&strings(&create.funcname)) else { return };
    let (arguments, types) = arguments(catalog, &create.parameters, create.is_procedure);
    let mut function = Function {
        schema: name.schema.clone(),
        arguments,
        volatility: Volatility::Volatile,
        language: "sql".to_owned(),
        defaults: defaults(&create.parameters),
        routine: None,
    };
    set_attributes(&mut function, &create.options);
    let known = catalog.functions.entry(name.name.clone()).or_default();
    known.retain(|f| f.schema != function.schema || f.arguments != function.arguments);
    known.push(function);
    known.sort_by(|a, b| (&a.schema, &a.arguments).cmp(&(&b.schema, &b.arguments)));
    if let Some(tree) = create.sql_body.as_ref().and_then(|body| serde_json::to_value(body).ok()) {
        hang_on(catalog, &tree, DependantKind::Function, &format!("{name}({types})"), None);
    }
}

/// The defaults of the parameters, as a list.
fn defaults(parameters: &[Node]) -> Option<String> {
    let of = parameters.iter().filter_map(|item| match &item.node {
        Some(node::Node::FunctionParameter(parameter)) => parameter.defexpr.as_deref(),
        _ => None,
    });
    let list: Vec<String> = of.map(deparse::expression).collect();
    (!list.is_empty()).then(|| list.join(", "))
}

fn set_attributes(function: &mut Function, options: &[Node]) {
    for option in options {
        let Some(node::Node::DefElem(element)) = &option.node else { continue };
        let Some(node::Node::String(word)) = element.arg.as_ref().and_then(|arg| arg.node.as_ref())
        else {
            continue;
        };
        match (element.defname.as_str(), word.sval.as_str()) {
            ("volatility", "immutable") => function.volatility = Volatility::Immutable,
            ("volatility", "stable") => function.volatility = Volatility::Stable,
            ("volatility", _) => function.volatility = Volatility::Volatile,
            ("language", language) => language.clone_into(&mut function.language),
            _ => {}
        }
    }
}

/// The arguments as `pg_get_function_identity_arguments` prints them, and the types of the inputs.
fn arguments(catalog: &Catalog, parameters: &[Node], of_procedure: bool) -> (String, String) {
    let mut all = Vec::new();
    let mut inputs = Vec::new();
    for item in parameters {
        let Some(node::Node::FunctionParameter(parameter)) = &item.node else { continue };
        let Some(written) = &parameter.arg_type else { continue };
        let printed = type_name(written, catalog);
        let mode = match parameter.mode() {
            FunctionParameterMode::FuncParamTable => continue,
            FunctionParameterMode::FuncParamOut => "OUT ",
            FunctionParameterMode::FuncParamInout => "INOUT ",
            FunctionParameterMode::FuncParamVariadic => "VARIADIC ",
            FunctionParameterMode::FuncParamIn
            | FunctionParameterMode::FuncParamDefault
            | FunctionParameterMode::Undefined => {
                if of_procedure {
                    "IN "
                } else {
                    ""
                }
            }
        };
        if parameter.mode() != FunctionParameterMode::FuncParamOut {
            inputs.push(printed.clone());
        }
        let name = if parameter.name.is_empty() {
            String::new()
        } else {
            format!("{} ", quote_ident(&parameter.name))
        };
        all.push(format!("{mode}{name}{printed}"));
    }
    (all.join(", "), inputs.join(","))
}

/// The functions of the catalog that an object means: all of a name, or those with its arguments.
fn meant<'a>(
    catalog: &Catalog,
    object: &'a Node,
) -> Option<(String, impl Fn(&Function) -> bool + use<'a>)> {
    let Some(node::Node::ObjectWithArgs(object)) = &object.node else { return None };
    let names = strings(&object.objname);
    let name = names.last()?.clone();
    let schema = names.len().checked_sub(2).map(|at| names[at].clone());
    let path = catalog.server.search_path.clone();
    let types: Vec<String> = object
        .objargs
        .iter()
        .filter_map(|item| match &item.node {
            Some(node::Node::TypeName(written)) => Some(type_name(written, catalog)),
            _ => None,
        })
        .collect();
    let unspecified = object.args_unspecified;
    let matches = move |function: &Function| {
        let there = match &schema {
            Some(schema) => function.schema == *schema,
            None => path.contains(&function.schema),
        };
        let ends = |(argument, wanted): (&str, &String)| argument.trim().ends_with(wanted.as_str());
        let arguments: Vec<&str> =
            function.arguments.split(", ").filter(|argument| !argument.is_empty()).collect();
        let same = |arguments: &[&str]| {
            arguments.len() == types.len() && arguments.iter().copied().zip(&types).all(ends)
        };
        // A function is told by what its callers give.
        let inputs: Vec<&str> =
            arguments.iter().copied().filter(|argument| !argument.starts_with("OUT ")).collect();
        there && (unspecified || same(&arguments) || same(&inputs))
    };
    Some((name, matches))
}

impl Catalog {
    /// The functions that `object` of a statement means, with their name.
    pub(crate) fn functions_meant(&self, object: &Node) -> Option<(String, Vec<&Function>)> {
        let (name, matches) = meant(self, object)?;
        let known = self.functions.get(&name).map(Vec::as_slice).unwrap_or_default();
        let found = known.iter().filter(|function| matches(function)).collect();
        Some((name, found))
    }
}

pub(super) fn drop_function(catalog: &mut Catalog, object: &Node) {
    let Some((name, matches)) = meant(catalog, object) else { return };
    let Some(known) = catalog.functions.get_mut(&name) else { return };
    let (gone, kept): (Vec<Function>, Vec<Function>) = known.drain(..).partition(matches);
    *known = kept;
    catalog.functions.retain(|_, known| !known.is_empty());
    catalog.forget_dependants(|dependant| {
        dependant.kind == DependantKind::Function
            && gone.iter().any(|function| is_called(function, &name, &dependant.name))
    });
}

/// Drops the function that is called so as a dependant: `schema.name(types)`.
pub(super) fn drop_named(catalog: &mut Catalog, shown: &str) {
    for (name, known) in &mut catalog.functions {
        known.retain(|function| !is_called(function, name, shown));
    }
    catalog.functions.retain(|_, known| !known.is_empty());
}

/// Whether a dependant of this name is the function. Names of arguments are in the one and not in
/// the other.
fn is_called(function: &Function, name: &str, shown: &str) -> bool {
    let Some((called, types)) = shown.strip_suffix(')').and_then(|shown| shown.split_once('('))
    else {
        return false;
    };
    if called != QualifiedName::new(&function.schema, name).to_string() {
        return false;
    }
    let split = |list: &str| -> Vec<String> {
        list.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    let (arguments, types) = (split(&function.arguments), split(types));
    let ends = |(argument, wanted): (&String, &String)| argument.ends_with(wanted.as_str());
    arguments.len() == types.len() && arguments.iter().zip(&types).all(ends)
}

pub(super) fn rename_function(catalog: &mut Catalog, object: &Node, to: &str) {
    let Some((name, matches)) = meant(catalog, object) else { return };
    let Some(known) = catalog.functions.remove(&name) else { return };
    let (renamed, kept): (Vec<Function>, Vec<Function>) = known.into_iter().partition(matches);
    for relation in catalog.relations.values_mut() {
        for trigger in &mut relation.triggers {
            let is_it = trigger.function.name == name
                && renamed.iter().any(|function| function.schema == trigger.function.schema);
            if is_it {
                trigger.function = trigger.function.sibling(to);
            }
        }
    }
    if !kept.is_empty() {
        catalog.functions.insert(name, kept);
    }
    catalog.functions.entry(to.to_owned()).or_default().extend(renamed);
}

pub(super) fn move_function(catalog: &mut Catalog, object: &Node, schema: &str) {
    let Some((name, matches)) = meant(catalog, object) else { return };
    for function in catalog.functions.get_mut(&name).into_iter().flatten() {
        if matches(function) {
            schema.clone_into(&mut function.schema);
        }
    }
}

pub(super) fn alter_function(catalog: &mut Catalog, alter: &AlterFunctionStmt) {
    let Some(object) = alter.func.clone() else { return };
    let object = Node { node: Some(node::Node::ObjectWithArgs(object)) };
    let Some((name, matches)) = meant(catalog, &object) else { return };
    for function in catalog.functions.get_mut(&name).into_iter().flatten() {
        if matches(function) {
            set_attributes(function, &alter.actions);
            function.routine = None;
        }
    }
}

/// Says on every relation that `tree` reads that something of this kind and name hangs on it.
pub(super) fn hang_on(
    catalog: &mut Catalog,
    tree: &Value,
    kind: DependantKind,
    name: &str,
    own: Option<&QualifiedName>,
) {
    for (relation, columns) in reference::relations_read(tree, catalog, own) {
        if own != Some(&relation) {
            let dependant =
                Dependant { kind, name: name.to_owned(), relation: own.cloned(), columns };
            catalog.add_dependant(&relation, dependant);
        }
    }
}

/// The statement with its table written in full, as the server would print it.
fn qualified(range: Option<&RangeVar>, table: &QualifiedName) -> Option<RangeVar> {
    let mut range = range?.clone();
    range.schemaname.clone_from(&table.schema);
    range.relname.clone_from(&table.name);
    Some(range)
}

fn in_table_order(relation: &Relation, names: &[String]) -> Vec<String> {
    relation.columns.iter().map(|c| c.name.clone()).filter(|name| names.contains(name)).collect()
}

pub(super) fn create_trigger(catalog: &mut Catalog, create: &CreateTrigStmt) {
    let Some(table) = catalog.target(create.relation.as_ref()) else { return };
    let function = match strings(&create.funcname).as_slice() {
        [.., schema, name] => QualifiedName::new(schema, name),
        [name] => {
            let known = catalog.functions.get(name).map(Vec::as_slice).unwrap_or_default();
            let has = |schema: &&String| known.iter().any(|function| function.schema == **schema);
            let schema = catalog.server.search_path.iter().find(has).cloned();
            QualifiedName::new(schema.unwrap_or_else(|| "public".to_owned()), name)
        }
        [] => return,
    };
    let Some(relation) = catalog.relation(&table) else { return };
    let statement = CreateTrigStmt {
        relation: qualified(create.relation.as_ref(), &table),
        replace: false,
        ..create.clone()
    };
    let update_of = in_table_order(relation, &strings(&create.columns));
    let mut columns =
        create.when_clause.as_deref().map(expression::column_names).unwrap_or_default();
    columns.extend(update_of.iter().cloned());
    let trigger = Trigger {
        name: create.trigname.clone(),
        definition: deparse::statement(&node::Node::CreateTrigStmt(Box::new(statement))),
        enabled: 'O',
        comment: None,
        function,
        on_insert: create.events & TRIGGER_INSERT != 0,
        on_update: create.events & TRIGGER_UPDATE != 0,
        on_delete: create.events & TRIGGER_DELETE != 0,
        row: create.row,
        before: create.timing & TRIGGER_BEFORE != 0,
        columns: in_table_order(relation, &columns),
        update_of,
        ours: create.trigname.starts_with(OUR_TRIGGERS),
    };
    let reached: Vec<QualifiedName> = if create.row && relation.partition_key.is_some() {
        catalog.family(relation).into_iter().map(|relation| relation.name.clone()).collect()
    } else {
        vec![table]
    };
    for table in reached {
        let Some(relation) = catalog.relations.get_mut(&table) else { continue };
        relation.triggers.retain(|known| known.name != trigger.name);
        relation.triggers.push(trigger.clone());
        relation.triggers.sort_by(|a, b| a.name.cmp(&b.name));
        if create.isconstraint {
            relation.constraints.push(trigger_constraint(create));
            relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
}

/// A constraint trigger is a constraint, too.
fn trigger_constraint(create: &CreateTrigStmt) -> Constraint {
    Constraint {
        name: create.trigname.clone(),
        kind: ConstraintKind::Trigger,
        columns: Vec::new(),
        definition: format!("TRIGGER{}", deferral(create.deferrable, create.initdeferred)),
        expression: None,
        validated: true,
        deferrable: create.deferrable,
        initially_deferred: create.initdeferred,
        no_inherit: false,
        references: None,
        referenced_columns: Vec::new(),
        index: None,
        comment: None,
        inherited: false,
        own_too: false,
    }
}

pub(super) fn create_policy(catalog: &mut Catalog, create: &CreatePolicyStmt) {
    let Some(table) = catalog.target(create.table.as_ref()) else { return };
    let mut read = Vec::new();
    for expression in [create.qual.as_deref(), create.with_check.as_deref()].into_iter().flatten() {
        if let Ok(tree) = serde_json::to_value(expression) {
            let name = format!("policy {} on {table}", quote_ident(&create.policy_name));
            let relations = reference::relations_read(&tree, catalog, Some(&table));
            read.extend(relations.get(&table).cloned().unwrap_or_default());
            hang_on(catalog, &tree, DependantKind::Policy, &name, Some(&table));
        }
    }
    let Some(relation) = catalog.relations.get_mut(&table) else { return };
    let statement =
        CreatePolicyStmt { table: qualified(create.table.as_ref(), &table), ..create.clone() };
    relation.policies.push(Policy {
        name: create.policy_name.clone(),
        definition: deparse::statement(&node::Node::CreatePolicyStmt(Box::new(statement))),
        comment: None,
        columns: in_table_order(relation, &read),
    });
    relation.policies.sort_by(|a, b| a.name.cmp(&b.name));
}

pub(super) fn create_rule(catalog: &mut Catalog, create: &RuleStmt) {
    let Some(table) = catalog.target(create.relation.as_ref()) else { return };
    if let Some(relation) = catalog.relations.get_mut(&table)
        && !relation.rules.contains(&create.rulename)
    {
        relation.rules.push(create.rulename.clone());
        relation.rules.sort();
    }
    let name = format!("rule {} on {table}", quote_ident(&create.rulename));
    for part in create.actions.iter().chain(create.where_clause.as_deref()) {
        if let Ok(tree) = serde_json::to_value(part) {
            hang_on(catalog, &tree, DependantKind::Rule, &name, Some(&table));
        }
    }
}

pub(super) fn create_statistics(catalog: &mut Catalog, create: &CreateStatsStmt) {
    let table = create.relations.first().and_then(|item| match &item.node {
        Some(node::Node::RangeVar(range)) => catalog.target(Some(range)),
        _ => None,
    });
    let Some(table) = table else { return };
    let name = names::statistics_name(catalog, &table, create);
    let mut mentioned = Vec::new();
    let mut listed = Vec::new();
    for item in &create.exprs {
        let Some(node::Node::StatsElem(element)) = &item.node else { continue };
        match element.expr.as_deref() {
            None => {
                mentioned.push(element.name.clone());
                listed.push(quote_ident(&element.name));
            }
            Some(expression) => {
                mentioned.extend(expression::column_names(expression));
                listed.push(format!("({})", deparse::expression(expression)));
            }
        }
    }
    let kinds = strings(&create.stat_types);
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let Some(relation) = catalog.relations.get_mut(&table) else { return };
    relation.statistics.push(StatisticsObject {
        definition: format!(
            "CREATE STATISTICS {name}{kinds} ON {} FROM {table}",
            listed.join(", ")
        ),
        name,
        columns: in_table_order(relation, &mentioned),
        target: None,
        comment: None,
    });
    relation.statistics.sort_by(|a, b| a.name.cmp(&b.name));
}

pub(super) fn alter_statistics(catalog: &mut Catalog, alter: &AlterStatsStmt) {
    let names = strings(&alter.defnames);
    let Some(name) = names.last() else { return };
    let schema = names.len().checked_sub(2).map(|at| names[at].as_str());
    let target = match alter.stxstattarget.as_ref().and_then(|target| target.node.as_ref()) {
        Some(node::Node::Integer(number)) if number.ival >= 0 => Some(number.ival),
        _ => None,
    };
    for object in catalog.relations.values_mut().flat_map(|relation| &mut relation.statistics) {
        if object.name.name == *name && schema.is_none_or(|s| object.name.schema == s) {
            object.target = target;
        }
    }
}
