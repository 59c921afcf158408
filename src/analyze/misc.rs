//! Statements about a relation that change none of its rows or columns: comments, privileges,
//! triggers, policies, rules, statistics, publications, `LOCK`.

use super::AnalyzeError;
use super::data::{How, parsed_view, read};
use super::drop::member;
use super::effects::Effects;
use super::resolve::{Context, Found, range_from};
use super::volatility::name_parts;
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::sql::Diagnostic;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterPolicyStmt, AlterPublicationAction, AlterPublicationStmt, CreatePolicyStmt,
    CreatePublicationStmt, CreateStatsStmt, CreateTrigStmt, DefElem, GrantStmt, GrantTargetType,
    LockStmt, Node, ObjectType, PublicationObjSpecType, RangeVar, RuleStmt, a_const,
};

/// Views within views are followed so far by `LOCK`.
const MAX_VIEW_DEPTH: usize = 32;

/// Whether an option says no: `(analyze false)`, `(full off)`, `(freeze 0)`.
pub(super) fn is_false(option: &DefElem) -> bool {
    match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::String(word)) => matches!(word.sval.as_str(), "false" | "off"),
        Some(NodeEnum::Integer(number)) => number.ival == 0,
        Some(NodeEnum::Boolean(truth)) => !truth.boolval,
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Boolval(truth)) => !truth.boolval,
            Some(a_const::Val::Ival(number)) => number.ival == 0,
            _ => false,
        },
        _ => false,
    }
}

/// `COMMENT ON` and `SECURITY LABEL ON`.
pub(super) fn comment<'c>(
    cx: Context<'_, 'c>,
    kind: ObjectType,
    object: Option<&Node>,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let parts: &[Node] = match object.and_then(|object| object.node.as_ref()) {
        Some(NodeEnum::List(list)) => &list.items,
        _ => &[],
    };
    match kind {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => {
            let relation = cx.relation(&range_from(parts))?;
            fx.lock(relation, LockMode::ShareUpdateExclusive);
        }
        ObjectType::ObjectIndex => {
            let (table, index) = cx.index(&range_from(parts))?;
            fx.lock_index(table, index, LockMode::ShareUpdateExclusive);
        }
        ObjectType::ObjectColumn => {
            if let Some((relation, column)) = member(cx, parts, false)? {
                cx.column(relation, &column, 0)?;
                fx.lock(relation, LockMode::ShareUpdateExclusive);
            }
        }
        ObjectType::ObjectTabconstraint => {
            if let Some((relation, name)) = member(cx, parts, false)? {
                cx.constraint(relation, &name, 0)?;
                fx.lock(relation, LockMode::AccessShare);
            }
        }
        ObjectType::ObjectPolicy | ObjectType::ObjectTrigger | ObjectType::ObjectRule => {
            if let Some((relation, _)) = member(cx, parts, false)? {
                fx.lock(relation, LockMode::AccessShare);
            }
        }
        ObjectType::ObjectSchema => {
            let name = object.map(|object| name_parts(std::slice::from_ref(object)));
            if let Some(name) = name.as_ref().and_then(|name| name.first()) {
                cx.schema(name)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// `GRANT` and `REVOKE`. Since 18 the named tables are locked, though weakly.
pub(super) fn grant<'c>(
    cx: Context<'_, 'c>,
    statement: &GrantStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let tables =
        matches!(statement.objtype(), ObjectType::ObjectTable | ObjectType::ObjectSequence);
    if statement.targtype() != GrantTargetType::AclTargetObject || !tables {
        if statement.objtype() == ObjectType::ObjectSchema {
            for schema in name_parts(&statement.objects) {
                cx.schema(schema)?;
            }
        }
        return Ok(());
    }
    for object in &statement.objects {
        let Some(NodeEnum::RangeVar(name)) = &object.node else { continue };
        let Found::Relation(relation) = cx.find(name) else {
            match cx.find(name) {
                Found::System => continue,
                Found::Relation(_) | Found::Missing => return cx.relation(name).map(|_| ()),
            }
        };
        for privilege in &statement.privileges {
            let Some(NodeEnum::AccessPriv(privilege)) = &privilege.node else { continue };
            for column in name_parts(&privilege.cols) {
                cx.column(relation, column, 0)?;
            }
        }
        if cx.catalog.server.major() >= 18 {
            fx.lock(relation, LockMode::AccessShare);
        }
    }
    Ok(())
}

/// `LOCK TABLE`: descendants too, and what a view reads.
pub(super) fn lock<'c>(
    cx: Context<'_, 'c>,
    statement: &LockStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let number = usize::try_from(statement.mode).unwrap_or(0);
    let Some(mode) = number.checked_sub(1).and_then(|n| LockMode::ALL.get(n)).copied() else {
        fx.unknown();
        return Ok(());
    };
    for node in &statement.relations {
        let Some(NodeEnum::RangeVar(name)) = &node.node else { continue };
        let relation = cx.relation(name)?;
        match relation.kind {
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::View => {}
            RelationKind::MaterializedView
            | RelationKind::ForeignTable
            | RelationKind::Sequence
            | RelationKind::CompositeType => {
                return Err(cx.wrong_kind(relation, "a table or view", name));
            }
        }
        lock_one(cx, relation, name.inh, mode, 0, fx);
    }
    Ok(())
}

fn lock_one<'c>(
    cx: Context<'_, 'c>,
    relation: &'c Relation,
    inherit: bool,
    mode: LockMode,
    depth: usize,
    fx: &mut Effects<'c>,
) {
    fx.lock(relation, mode);
    if relation.kind == RelationKind::View {
        if depth > MAX_VIEW_DEPTH {
            return fx.opaque();
        }
        let Some(query) = parsed_view(relation) else { return fx.opaque() };
        for node in &query.from_clause {
            lock_from(cx, node, mode, depth, fx);
        }
    } else if inherit {
        fx.lock_all(cx.catalog.family(relation), mode);
    }
}

/// Tables in the `FROM` clause of a view; those in its subqueries elsewhere are left alone.
fn lock_from<'c>(
    cx: Context<'_, 'c>,
    node: &Node,
    mode: LockMode,
    depth: usize,
    fx: &mut Effects<'c>,
) {
    match &node.node {
        Some(NodeEnum::RangeVar(name)) => {
            if let Found::Relation(relation) = cx.find(name) {
                let lockable = matches!(
                    relation.kind,
                    RelationKind::Table | RelationKind::PartitionedTable | RelationKind::View
                );
                if lockable {
                    lock_one(cx, relation, name.inh, mode, depth + 1, fx);
                }
            }
        }
        Some(NodeEnum::JoinExpr(join)) => {
            for side in [&join.larg, &join.rarg].into_iter().flatten() {
                lock_from(cx, side, mode, depth, fx);
            }
        }
        Some(NodeEnum::RangeSubselect(sub)) => {
            if let Some(NodeEnum::SelectStmt(select)) =
                sub.subquery.as_deref().and_then(|query| query.node.as_ref())
            {
                for inner in &select.from_clause {
                    lock_from(cx, inner, mode, depth, fx);
                }
            }
        }
        _ => {}
    }
}

/// `CREATE TRIGGER`: writers wait for a moment. A row trigger is copied to every partition.
pub(super) fn create_trigger<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateTrigStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    let relation = cx.relation(name)?;
    let exists = relation.triggers.iter().any(|trigger| trigger.name == statement.trigname);
    if exists && !statement.replace {
        let message = format!(
            "trigger \"{}\" for relation \"{}\" already exists",
            statement.trigname, relation.name.name
        );
        let span = cx.span_of(&statement.trigname, 0);
        return Err(AnalyzeError::Exists(Diagnostic::new(message, span).label("already there")));
    }
    for column in name_parts(&statement.columns) {
        cx.column(relation, column, 0)?;
    }
    fx.lock(relation, LockMode::ShareRowExclusive);
    if statement.row && relation.kind == RelationKind::PartitionedTable {
        fx.lock_all(cx.catalog.family(relation), LockMode::ShareRowExclusive);
    }
    if let Some(from) = &statement.constrrel {
        fx.lock(cx.relation(from)?, LockMode::AccessShare);
    }
    Ok(())
}

fn expression<'c>(
    cx: Context<'_, 'c>,
    node: Option<&Node>,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    match node.and_then(|node| node.node.as_ref()) {
        Some(node) => read(cx, node, How::Parsed, fx),
        None => Ok(()),
    }
}

pub(super) fn create_policy<'c>(
    cx: Context<'_, 'c>,
    statement: &CreatePolicyStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.table else { return Ok(()) };
    let relation = cx.relation(name)?;
    if relation.policies.iter().any(|policy| policy.name == statement.policy_name) {
        let message = format!(
            "policy \"{}\" for table \"{}\" already exists",
            statement.policy_name, relation.name.name
        );
        let span = cx.span_of(&statement.policy_name, 0);
        return Err(AnalyzeError::Exists(Diagnostic::new(message, span).label("already there")));
    }
    fx.lock(relation, LockMode::AccessExclusive);
    expression(cx, statement.qual.as_deref(), fx)?;
    expression(cx, statement.with_check.as_deref(), fx)
}

pub(super) fn alter_policy<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterPolicyStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.table else { return Ok(()) };
    let relation = cx.relation(name)?;
    let known: Vec<&str> = relation.policies.iter().map(|policy| policy.name.as_str()).collect();
    if !known.contains(&statement.policy_name.as_str()) {
        return Err(cx.no_such("policy", &statement.policy_name, &known));
    }
    fx.lock(relation, LockMode::AccessExclusive);
    expression(cx, statement.qual.as_deref(), fx)?;
    expression(cx, statement.with_check.as_deref(), fx)
}

pub(super) fn create_rule<'c>(
    cx: Context<'_, 'c>,
    statement: &RuleStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    fx.lock(cx.relation(name)?, LockMode::AccessExclusive);
    for action in &statement.actions {
        expression(cx, Some(action), fx)?;
    }
    Ok(())
}

pub(super) fn create_statistics<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateStatsStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for node in &statement.relations {
        let Some(NodeEnum::RangeVar(name)) = &node.node else { continue };
        let relation = cx.relation(name)?;
        fx.lock(relation, LockMode::ShareUpdateExclusive);
        for element in &statement.exprs {
            if let Some(NodeEnum::StatsElem(element)) = &element.node
                && !element.name.is_empty()
            {
                cx.column(relation, &element.name, 0)?;
            }
        }
    }
    Ok(())
}

/// The tables that a publication statement names, with inheritance children.
fn published<'c>(cx: Context<'_, 'c>, objects: &[Node]) -> Result<Vec<&'c Relation>, AnalyzeError> {
    let mut found = Vec::new();
    for node in objects {
        let Some(NodeEnum::PublicationObjSpec(object)) = &node.node else { continue };
        match object.pubobjtype() {
            PublicationObjSpecType::PublicationobjTablesInSchema => {
                cx.needs(15, "TABLES IN SCHEMA", "tables")?;
                cx.schema(&object.name)?;
            }
            PublicationObjSpecType::PublicationobjTable
            | PublicationObjSpecType::PublicationobjTablesInCurSchema
            | PublicationObjSpecType::PublicationobjContinuation
            | PublicationObjSpecType::Undefined => {
                let Some(table) = &object.pubtable else { continue };
                let Some(name): Option<&RangeVar> = table.relation.as_ref() else { continue };
                let relation = cx.relation(name)?;
                let plain = relation.kind == RelationKind::Table && name.inh;
                found.extend(if plain { cx.catalog.family(relation) } else { vec![relation] });
                for column in name_parts(&table.columns) {
                    cx.column(relation, column, name.location.max(0))?;
                }
            }
        }
    }
    Ok(found)
}

pub(super) fn create_publication<'c>(
    cx: Context<'_, 'c>,
    statement: &CreatePublicationStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    fx.lock_all(published(cx, &statement.pubobjects)?, LockMode::ShareUpdateExclusive);
    Ok(())
}

pub(super) fn alter_publication<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterPublicationStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    fx.lock_all(published(cx, &statement.pubobjects)?, LockMode::ShareUpdateExclusive);
    if statement.action() == AlterPublicationAction::ApSetObjects
        && !statement.pubobjects.is_empty()
    {
        let members = cx.catalog.relations.values();
        let members = members.filter(|r| r.publications.contains(&statement.pubname));
        // Partitions are members through their table.
        fx.lock_all(
            members.filter(|r| r.partition_bound.is_none()),
            LockMode::ShareUpdateExclusive,
        );
    }
    Ok(())
}
