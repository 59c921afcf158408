//! `GRANT`, `REVOKE`, `ALTER DEFAULT PRIVILEGES`.
//!
//! *In words*: what gives something runs in expand, so that the new application has it; what takes something
//! away waits for contract, because the old one may need it. The end has to be that of the order as written:
//! - a GRANT of what an earlier REVOKE takes from the same role joins it in contract;
//! - a GRANT on all objects of a schema is given once more to those that are made later than in expand;
//!   where that cannot be said, it comes after them, as default privileges do;
//! - nobody uses what the migration itself has made: a REVOKE on it happens in the transaction that makes it.

use super::as_is;
use super::draft::Draft;
use super::groups::strings;
use super::order;
use crate::analyze::Impact;
use crate::catalog::Catalog;
use crate::plan::{Action, Phase, Undo};
use crate::sql::{QualifiedName, Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    DropBehavior, GrantRoleStmt, GrantStmt, GrantTargetType, Node, ObjectType, RangeVar,
    RoleSpecType,
};
use std::collections::BTreeSet;

/// What has one list of privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Relation,
    Routine,
    Type,
    Schema,
    Role,
    Other,
}

/// Something that the migration makes.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    pub class: Class,
    pub name: QualifiedName,
    /// The schema that it was in before.
    pub from: Option<String>,
    pub statement: usize,
    pub phase: Phase,
}

/// Who is given something, or loses it, on what.
#[derive(Debug, Clone)]
pub(super) struct Given {
    class: Class,
    /// Bare names; `None` for all of some schema.
    objects: Option<BTreeSet<String>>,
    roles: BTreeSet<String>,
}

impl Given {
    fn meets(&self, other: &Self) -> bool {
        let objects = match (&self.objects, &other.objects) {
            (Some(ours), Some(theirs)) => !ours.is_disjoint(theirs),
            _ => true,
        };
        // Who CURRENT_USER is may be anyone.
        let anyone = |given: &Self| given.roles.contains("");
        let roles = !self.roles.is_disjoint(&other.roles) || anyone(self) || anyone(other);
        self.class == other.class && objects && roles
    }
}

pub(super) fn grant(
    draft: &mut Draft<'_>,
    statement: &Statement,
    grant: &GrantStmt,
    impact: &Impact,
) {
    let given = given(grant);
    if !grant.is_grant {
        if is_new(draft, grant) {
            return at_once(draft, statement, &given, impact);
        }
        draft.ledger.revoked.push(given);
        return as_is::steps(draft, statement, impact);
    }
    if draft.ledger.revoked.iter().any(|revoked| revoked.meets(&given)) {
        draft.raise(Phase::Contract);
    } else if grant.targtype() == GrantTargetType::AclTargetAllInSchema {
        all_in_schema(draft, grant);
    }
    draft.ledger.granted.push(given);
    as_is::steps(draft, statement, impact);
    if grant.targtype() == GrantTargetType::AclTargetAllInSchema {
        to_late_ones(draft, grant);
    }
}

pub(super) fn role(
    draft: &mut Draft<'_>,
    statement: &Statement,
    grant: &GrantRoleStmt,
    impact: &Impact,
) {
    let names = grant.granted_roles.iter().filter_map(|role| match &role.node {
        Some(NodeEnum::AccessPriv(role)) => Some(role.priv_name.clone()),
        _ => None,
    });
    let given = Given {
        class: Class::Role,
        objects: Some(names.collect()),
        roles: roles(&grant.grantee_roles),
    };
    if !grant.is_grant {
        draft.ledger.revoked.push(given);
    } else if draft.ledger.revoked.iter().any(|revoked| revoked.meets(&given)) {
        draft.raise(Phase::Contract);
    }
    as_is::steps(draft, statement, impact);
}

/// `ALTER DEFAULT PRIVILEGES` is for what is made after it.
pub(super) fn default(draft: &mut Draft<'_>, statement: &Statement, impact: &Impact) {
    let late = draft.ledger.created.iter().map(|created| created.phase).max();
    after(draft, late.unwrap_or(Phase::Expand));
    as_is::steps(draft, statement, impact);
}

fn after(draft: &mut Draft<'_>, phase: Phase) {
    if phase > Phase::Expand {
        draft.raise(phase);
        draft.ledger.creation_floor = draft.ledger.creation_floor.max(phase);
    }
}

/// Where what is made late cannot be told by name, or has left the schema late, all of it waits.
fn all_in_schema(draft: &mut Draft<'_>, grant: &GrantStmt) {
    let schemas = strings(&grant.objects);
    let class = class(grant.objtype());
    let of_class = draft.ledger.created.iter().filter(|created| created.class == class);
    let waits = of_class.filter(|created| {
        let left = created.from.as_ref().is_some_and(|from| schemas.contains(from));
        left || (class != Class::Relation && schemas.contains(&created.name.schema))
    });
    let phase = waits.map(|created| created.phase).max().unwrap_or(Phase::Expand);
    after(draft, phase);
}

/// The same for each table and view that comes later than the statement does.
fn to_late_ones(draft: &mut Draft<'_>, grant: &GrantStmt) {
    let Some(phase) = draft.phase_of_statement() else { return };
    let schemas = strings(&grant.objects);
    let late: Vec<Creation> = draft
        .ledger
        .created
        .iter()
        .filter(|created| created.class == class(grant.objtype()) && created.phase > phase)
        .filter(|created| schemas.contains(&created.name.schema))
        .filter(|created| draft.catalog.relation(&created.name).is_some())
        .cloned()
        .collect();
    for created in late {
        let range = RangeVar {
            schemaname: created.name.schema.clone(),
            relname: created.name.name.clone(),
            inh: true,
            relpersistence: "p".to_owned(),
            ..RangeVar::default()
        };
        let one = GrantStmt {
            targtype: GrantTargetType::AclTargetObject as i32,
            objects: vec![Node { node: Some(NodeEnum::RangeVar(range)) }],
            ..grant.clone()
        };
        let sql = deparse::statement(&NodeEnum::GrantStmt(one));
        if !draft.join_statement(created.statement, &sql) {
            draft.step(
                created.phase,
                format!("{} is there only now", created.name),
                Action::Transaction { sql: vec![sql] },
            );
        }
    }
}

/// In the transaction that makes the last of the objects, or as soon as they are there.
fn at_once(draft: &mut Draft<'_>, statement: &Statement, given: &Given, impact: &Impact) {
    let made = draft.ledger.created.iter().filter(|created| {
        created.class == given.class
            && given.objects.as_ref().is_none_or(|names| names.contains(&created.name.name))
    });
    let last = made.clone().map(|created| created.statement).max();
    let late = made.map(|created| created.phase).max();
    let met = draft.ledger.granted.iter().any(|granted| granted.meets(given));
    let joined = match last {
        Some(number) if !met => {
            let roles = given.roles.iter().filter(|role| *role != "public");
            let named = roles.into_iter().any(|role| draft.word_since(number, role));
            !named && given.objects.is_some() && draft.join_statement(number, &statement.sql)
        }
        _ => false,
    };
    if !joined {
        draft.raise(late.unwrap_or(Phase::Expand));
        as_is::at_phase(draft, statement, impact, Phase::Expand);
    }
}

/// Whether the migration itself makes all that the statement is about.
pub(super) fn is_new(draft: &Draft<'_>, grant: &GrantStmt) -> bool {
    let (start, now) = (draft.start, &draft.catalog);
    if grant.targtype() == GrantTargetType::AclTargetAllInSchema {
        return strings(&grant.objects).iter().all(|schema| !start.schemas.contains(schema));
    }
    grant.targtype() == GrantTargetType::AclTargetObject
        && !grant.objects.is_empty()
        && grant.objects.iter().all(|object| object_is_new(start, now, object, grant.objtype()))
}

/// Whether the statement drops or empties only what the migration itself has made. What CASCADE reaches
/// may have been there before.
pub(super) fn ends_new(draft: &Draft<'_>, statement: &Statement) -> bool {
    let new = |object: &Node, kind| object_is_new(draft.start, &draft.catalog, object, kind);
    match &statement.node {
        NodeEnum::DropStmt(drop) => {
            drop.behavior() != DropBehavior::DropCascade
                && drop.objects.iter().all(|object| new(object, drop.remove_type()))
        }
        NodeEnum::TruncateStmt(truncate) => {
            truncate.behavior() != DropBehavior::DropCascade
                && truncate.relations.iter().all(|table| new(table, ObjectType::ObjectTable))
        }
        _ => false,
    }
}

/// Whether `object` is there now and was not at the start.
fn object_is_new(start: &Catalog, now: &Catalog, object: &Node, kind: ObjectType) -> bool {
    let user = |catalog: &Catalog, name: &str| {
        let functions = catalog.functions.get(name).into_iter().flatten();
        functions.into_iter().any(|function| function.schema != "pg_catalog")
    };
    let made = |catalog: &Catalog, name: &str| catalog.types.keys().any(|t| t.name == name);
    let Some(path) = path(object) else { return false };
    let Some((name, schema)) = path.split_last() else { return false };
    match class(kind) {
        Class::Relation => now
            .resolve(schema.last().map(String::as_str), name)
            .is_some_and(|relation| relation.created_here),
        Class::Routine => !user(start, name) && user(now, name),
        Class::Type => !made(start, name) && made(now, name),
        Class::Schema => !start.schemas.contains(name) && now.schemas.contains(name),
        Class::Role | Class::Other => false,
    }
}

fn path(object: &Node) -> Option<Vec<String>> {
    Some(match object.node.as_ref()? {
        NodeEnum::RangeVar(range) if range.schemaname.is_empty() => vec![range.relname.clone()],
        NodeEnum::RangeVar(range) => vec![range.schemaname.clone(), range.relname.clone()],
        NodeEnum::ObjectWithArgs(named) => strings(&named.objname),
        NodeEnum::TypeName(named) => strings(&named.names),
        NodeEnum::List(list) => strings(&list.items),
        NodeEnum::String(name) => vec![name.sval.clone()],
        _ => return None,
    })
}

fn class(kind: ObjectType) -> Class {
    match kind {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectSequence => Class::Relation,
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => Class::Routine,
        ObjectType::ObjectType | ObjectType::ObjectDomain => Class::Type,
        ObjectType::ObjectSchema => Class::Schema,
        _ => Class::Other,
    }
}

fn given(grant: &GrantStmt) -> Given {
    let all = grant.targtype() != GrantTargetType::AclTargetObject;
    let names = grant.objects.iter().filter_map(|object| path(object)?.pop());
    Given {
        class: class(grant.objtype()),
        objects: (!all).then(|| names.collect()),
        roles: roles(&grant.grantees),
    }
}

/// Empty for a role that only the session tells.
fn roles(nodes: &[Node]) -> BTreeSet<String> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RoleSpec(role)) if role.roletype() == RoleSpecType::RolespecPublic => {
                Some("public".to_owned())
            }
            Some(NodeEnum::RoleSpec(role)) => Some(role.rolename.clone()),
            _ => None,
        })
        .collect()
}

/// Keeps in mind what the statement at hand makes, in `phase`, or moves to another schema.
pub(super) fn remember(draft: &mut Draft<'_>, statement: &Statement, phase: Phase) {
    let schema_of = |range: &RangeVar| match range.schemaname.as_str() {
        "" => draft.catalog.creation_schema().unwrap_or_default().to_owned(),
        schema => schema.to_owned(),
    };
    let of_path = |nodes: &[Node]| {
        let mut path = strings(nodes);
        let name = path.pop()?;
        let schema = path.pop();
        let schema = schema.or_else(|| draft.catalog.creation_schema().map(str::to_owned));
        Some(QualifiedName::new(schema.unwrap_or_default(), name))
    };
    let relation = |range: Option<&RangeVar>| {
        range.map(|range| QualifiedName::new(schema_of(range), range.relname.clone()))
    };
    let (class, name, from) = match &statement.node {
        NodeEnum::CreateStmt(create) => (Class::Relation, relation(create.relation.as_ref()), None),
        NodeEnum::CreateForeignTableStmt(create) => {
            let base = create.base_stmt.as_ref();
            (Class::Relation, relation(base.and_then(|base| base.relation.as_ref())), None)
        }
        NodeEnum::CreateTableAsStmt(create) => {
            let into = create.into.as_ref();
            (Class::Relation, relation(into.and_then(|into| into.rel.as_ref())), None)
        }
        NodeEnum::ViewStmt(view) => (Class::Relation, relation(view.view.as_ref()), None),
        NodeEnum::CreateSeqStmt(create) => {
            (Class::Relation, relation(create.sequence.as_ref()), None)
        }
        NodeEnum::CreateFunctionStmt(create) => (Class::Routine, of_path(&create.funcname), None),
        NodeEnum::CreateEnumStmt(create) => (Class::Type, of_path(&create.type_name), None),
        NodeEnum::CreateRangeStmt(create) => (Class::Type, of_path(&create.type_name), None),
        NodeEnum::CreateDomainStmt(create) => (Class::Type, of_path(&create.domainname), None),
        NodeEnum::CompositeTypeStmt(create) => {
            (Class::Type, relation(create.typevar.as_ref()), None)
        }
        NodeEnum::CreateSchemaStmt(create) => {
            (Class::Schema, Some(QualifiedName::new("", create.schemaname.clone())), None)
        }
        NodeEnum::AlterObjectSchemaStmt(moved) => {
            let before = moved
                .relation
                .as_ref()
                .and_then(|range| super::dispatch::target(draft, Some(range)));
            let name =
                before.as_ref().map(|name| QualifiedName::new(&*moved.newschema, &*name.name));
            (class(moved.object_type()), name, before.map(|name| name.schema))
        }
        _ => return,
    };
    let moves = from.is_some();
    debug_assert!(moves || order::creates(&statement.node));
    if let Some(name) = name {
        let statement = draft.number();
        draft.ledger.created.push(Creation { class, name, from, statement, phase });
    }
}

/// A view is there anew from `phase` on, with the privileges that it had at the start.
pub(super) fn made_again(draft: &mut Draft<'_>, view: &QualifiedName, phase: Phase) {
    let (class, name, statement) = (Class::Relation, view.clone(), draft.number());
    draft.ledger.created.push(Creation { class, name, from: None, statement, phase });
}

/// The undo of a `GRANT` on what the migration itself makes: it goes with it.
pub(super) fn undo(draft: &Draft<'_>, grant: &GrantStmt) -> Option<Undo> {
    is_new(draft, grant).then_some(Undo::Nothing)
}
