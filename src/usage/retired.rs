//! Which names the contract phase of a plan takes away, and what the server knows to hang on them.

use super::{Certainty, Object, Source, Use};
use crate::catalog::{Catalog, DependantKind, Relation, TypeDef};
use crate::plan::{Action, Phase, Plan};
use crate::sql::{QualifiedName, grammar, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, DropBehavior, DropStmt, ObjectType};
use std::collections::BTreeSet;

/// How names begin that only airlock gives.
const OURS: &str = "airlock_";

/// What contract takes away, and the dependants that stand in its way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Retired {
    pub objects: Vec<Object>,
    pub uses: Vec<Use>,
    pub functions: Vec<RetiredFunction>,
}

/// One function that contract takes away; what hangs on it is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredFunction {
    pub name: QualifiedName,
    /// `pg_get_function_identity_arguments`.
    pub arguments: String,
    /// Without CASCADE the server refuses to drop it while something hangs on it.
    pub certainty: Certainty,
}

/// A sequence that counts the rows which were written through an old name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    pub sequence: QualifiedName,
    pub object: Object,
}

/// Applies the contract steps of `plan` to `catalog`, which is that of the gate.
pub fn retired(plan: &Plan, catalog: &Catalog) -> Retired {
    let mut now = catalog.clone();
    now.server.search_path.clone_from(&plan.search_path);
    let (mut uses, mut functions) = (Vec::new(), Vec::new());
    for sql in contract_statements(plan) {
        let Ok(parsed) = grammar::parse(sql) else { continue };
        for node in parsed.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()) {
            let before = now.clone();
            now.apply_node(node);
            for object in &gone(&before, &now) {
                hanging(&before, object, node, &mut uses);
            }
            if let NodeEnum::DropStmt(drop) = node {
                functions.extend(dropped_functions(&before, drop));
            }
        }
    }
    // From end to end: a view that steps aside for its table leaves the name in use, and takes only
    // the column's old name with it.
    Retired { objects: gone(catalog, &now).into_iter().collect(), uses, functions }
}

fn dropped_functions(before: &Catalog, drop: &DropStmt) -> Vec<RetiredFunction> {
    let kinds =
        [ObjectType::ObjectFunction, ObjectType::ObjectProcedure, ObjectType::ObjectRoutine];
    if !kinds.contains(&drop.remove_type()) {
        return Vec::new();
    }
    let cascade = drop.behavior == DropBehavior::DropCascade as i32;
    let certainty = if cascade { Certainty::Possible } else { Certainty::Certain };
    let meant = drop.objects.iter().filter_map(|object| before.functions_meant(object));
    meant
        .flat_map(|(name, found)| {
            found.into_iter().map(move |function| RetiredFunction {
                name: QualifiedName::new(&*function.schema, &*name),
                arguments: function.arguments.clone(),
                certainty,
            })
        })
        .filter(|function| !is_ours(&function.name))
        .collect()
}

/// The sequences of `plan` that count writes; `retired` as [`retired`] gives them.
pub fn counters(plan: &Plan, objects: &[Object]) -> Vec<Counter> {
    let mut found = Vec::new();
    for sql in plan.steps.iter().flat_map(|step| match &step.action {
        Action::Transaction { sql } => sql.as_slice(),
        _ => &[],
    }) {
        // As `rewrite::witness` writes it; the comment is where the two meet.
        let Some(rest) = sql.strip_prefix("COMMENT ON SEQUENCE ") else { continue };
        let Some((sequence, comment)) = rest.split_once(" IS ") else { continue };
        let Ok(sequence) = sequence.parse::<QualifiedName>() else { continue };
        let Some((_, column)) = comment.split_once("through column ") else { continue };
        // The table may have another name by now: then its column alone says which one is meant.
        let columns = objects.iter().filter(|object| matches!(object, Object::Column(..)));
        let same = |object: &&Object| format!("{object}'") == format!("column {column}");
        let alike =
            |object: &&Object| column.starts_with(&format!("{} of ", quote_ident(object.word())));
        let object = columns.clone().find(same).or_else(|| columns.clone().find(alike));
        if let Some(object) = object {
            found.push(Counter { sequence: sequence.clone(), object: object.clone() });
        }
    }
    found
}

pub(super) fn contract_statements(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.steps.iter().filter(|step| step.phase == Phase::Contract).flat_map(|step| {
        match &step.action {
            Action::Transaction { sql } => sql.iter().map(String::as_str).collect::<Vec<_>>(),
            Action::Concurrent { sql, .. } | Action::Statement { sql } => vec![sql.as_str()],
            Action::Maintenance { .. } => Vec::new(),
            Action::Validate { .. } | Action::Backfill(_) | Action::Verify { .. } => Vec::new(),
        }
    })
}

/// Every name that a contract statement of `plan` mentions.
pub(super) fn named(plan: &Plan) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for sql in contract_statements(plan) {
        for token in grammar::scan(sql).unwrap_or_default() {
            let place = usize::try_from(token.start).ok().zip(usize::try_from(token.end).ok());
            let Some(word) = place.and_then(|(start, end)| sql.get(start..end)) else { continue };
            names.insert(match word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => word.to_lowercase(),
            });
        }
    }
    names
}

fn is_ours(name: &QualifiedName) -> bool {
    name.schema == "airlock" || name.name.starts_with(OURS)
}

fn gone(before: &Catalog, after: &Catalog) -> BTreeSet<Object> {
    let mut found = BTreeSet::new();
    for (name, relation) in before.relations.iter().filter(|(name, _)| !is_ours(name)) {
        match after.relations.get(name) {
            None => {
                found.insert(Object::Relation(name.clone()));
            }
            Some(same) => found.extend(
                relation
                    .columns
                    .iter()
                    .filter(|c| same.column(&c.name).is_none() && !c.name.starts_with(OURS))
                    .map(|c| Object::Column(name.clone(), c.name.clone())),
            ),
        }
    }
    for (name, functions) in &before.functions {
        let left = after.functions.get(name);
        for function in functions.iter().filter(|f| f.schema != "pg_catalog") {
            let qualified = QualifiedName::new(&*function.schema, &**name);
            if !left.is_some_and(|left| left.contains(function)) && !is_ours(&qualified) {
                found.insert(Object::Function(qualified));
            }
        }
    }
    for (name, definition) in before.types.iter().filter(|(name, _)| !is_ours(name)) {
        match (definition, after.types.get(name)) {
            // The row type of a relation goes with it.
            (_, None) if before.relations.contains_key(name) => {}
            (_, None) => {
                found.insert(Object::Type(name.clone()));
            }
            (TypeDef::Enum { labels }, Some(TypeDef::Enum { labels: left })) => found.extend(
                labels
                    .iter()
                    .filter(|label| !left.contains(label))
                    .map(|label| Object::Label(name.clone(), label.clone())),
            ),
            (_, Some(_)) => {}
        }
    }
    found
}

/// What hangs on `object` just before the statement that takes it away. Without CASCADE the server
/// would refuse the statement; with it they go too, which the plan has listed.
fn hanging(before: &Catalog, object: &Object, node: &NodeEnum, uses: &mut Vec<Use>) {
    let (relation, column) = match object {
        Object::Relation(name) => (before.relation(name), None),
        Object::Column(table, name) => (before.relation(table), Some(name)),
        Object::Function(_) | Object::Type(_) | Object::Label(..) => return,
    };
    // A name that only moves takes everything with it.
    let Some(relation) = relation.filter(|_| !matches!(node, NodeEnum::RenameStmt(_))) else {
        return;
    };
    let certainty = if cascades(node) { Certainty::Possible } else { Certainty::Certain };
    let mut names = BTreeSet::new();
    for dependant in &relation.dependants {
        let touches = match column {
            Some(column) => dependant.columns.contains(column),
            None => true,
        };
        let counts = match dependant.kind {
            DependantKind::View
            | DependantKind::MaterializedView
            | DependantKind::Function
            | DependantKind::Policy
            | DependantKind::GeneratedColumn
            | DependantKind::Trigger
            | DependantKind::Rule
            | DependantKind::ForeignKey => true,
            // They go along without being asked, or the plan has seen to them.
            DependantKind::ColumnDefault
            | DependantKind::Publication
            | DependantKind::Sequence
            | DependantKind::PartitionKey
            | DependantKind::Other => false,
        };
        let own = dependant.relation.as_ref().is_some_and(is_ours);
        if touches && counts && !own && !is_dropped_too(node, dependant.relation.as_ref(), before) {
            names.insert(dependant.name.clone());
        }
    }
    if let Some(column) = column {
        names.extend(members(relation, column));
    }
    uses.extend(names.into_iter().map(|what| Use {
        object: object.clone(),
        source: Source::Dependant,
        certainty,
        who: None,
        what,
        count: None,
    }));
}

/// Triggers and policies of the table itself that name the column.
fn members(relation: &Relation, column: &String) -> Vec<String> {
    let triggers = relation
        .triggers
        .iter()
        .filter(|trigger| !trigger.ours && trigger.columns.contains(column))
        .map(|trigger| format!("trigger {} on {}", quote_ident(&trigger.name), relation.name));
    let policies = relation
        .policies
        .iter()
        .filter(|policy| policy.columns.contains(column))
        .map(|policy| format!("policy {} on {}", quote_ident(&policy.name), relation.name));
    triggers.chain(policies).collect()
}

fn cascades(node: &NodeEnum) -> bool {
    let cascade = |behavior: i32| behavior == DropBehavior::DropCascade as i32;
    match node {
        NodeEnum::DropStmt(drop) => cascade(drop.behavior),
        NodeEnum::AlterTableStmt(AlterTableStmt { cmds, .. }) => cmds.iter().any(
            |cmd| matches!(&cmd.node, Some(NodeEnum::AlterTableCmd(cmd)) if cascade(cmd.behavior)),
        ),
        _ => false,
    }
}

/// `DROP TABLE a, b` where one hangs on the other.
fn is_dropped_too(node: &NodeEnum, relation: Option<&QualifiedName>, catalog: &Catalog) -> bool {
    let (NodeEnum::DropStmt(drop), Some(relation)) = (node, relation) else { return false };
    let relations = matches!(
        drop.remove_type(),
        ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview
    );
    relations
        && drop.objects.iter().any(|object| {
            let Some(NodeEnum::List(list)) = &object.node else { return false };
            let names: Vec<&str> = list
                .items
                .iter()
                .filter_map(|item| match &item.node {
                    Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
                    _ => None,
                })
                .collect();
            let schema = names.len().checked_sub(2).map(|at| names[at]);
            names.last().and_then(|name| catalog.resolve(schema, name)).map(|r| &r.name)
                == Some(relation)
        })
}
