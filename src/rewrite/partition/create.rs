//! `CREATE TABLE … PARTITION OF`.
//!
//! *In words*: as written it takes ACCESS EXCLUSIVE on the parent, and reads a default partition under
//! it. Instead the table is made like its parent and attached in one transaction: SHARE UPDATE
//! EXCLUSIVE on the parent, whose readers and writers do not notice. The default partition is proven
//! to hold no row for it first, by a check that is NOT VALID and then validated.

use super::super::add_unique::range_of;
use super::super::as_is;
use super::super::dispatch::target;
use super::super::draft::{Draft, lock_set};
use super::super::text::{self, alter};
use super::attach::detach_locks;
use super::{default_of, guard_default, is_read};
use crate::analyze::Impact;
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, Undo};
use crate::sql::{QualifiedName, Statement, deparse};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, CreateStmt, DropBehavior, Node, ObjectType,
    PartitionCmd, TableLikeClause,
};

/// Bits of `TableLikeClause.options`: what a partition takes over from its parent without being
/// attached. Indexes, foreign keys, triggers and identity come with the attach, comments and
/// statistics not at all.
const LIKE: u32 =
    LIKE_COMPRESSION | LIKE_CONSTRAINTS | LIKE_DEFAULTS | LIKE_GENERATED | LIKE_STORAGE;
const LIKE_COMPRESSION: u32 = 2;
const LIKE_CONSTRAINTS: u32 = 4;
const LIKE_DEFAULTS: u32 = 8;
const LIKE_GENERATED: u32 = 16;
const LIKE_STORAGE: u32 = 256;

pub(in super::super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    create: &CreateStmt,
    impact: &Impact,
) {
    let Some(above) = parent(draft, create) else {
        return as_is::steps(draft, statement, impact);
    };
    let (Some(range), Some(name)) = (&create.relation, new_name(draft, create)) else { return };
    if draft.is_new(&above.name)
        || range.relpersistence == "t"
        || draft.catalog.name_is_taken(&name)
    {
        return as_is::steps(draft, statement, impact);
    }
    let phase = match default_of(&draft.catalog, &above).cloned() {
        Some(default) if is_read(draft, &default, impact) => Phase::Migrate,
        _ => Phase::Expand,
    };
    let bound = create.partbound.as_ref();
    let Some(clear) = guard_default(draft, &above, &name, bound, impact) else {
        return as_is::steps(draft, statement, impact);
    };
    let plain = create.table_elts.is_empty() && create.constraints.is_empty();
    let requested = as_is::requested(draft, impact);
    // Columns or constraints of its own: made as written.
    let (mut sql, locks) = if plain {
        let weaker = requested.into_iter().map(|lock| match lock.relation == above.name {
            true => (lock.relation, LockMode::ShareUpdateExclusive),
            false => (lock.relation, lock.mode),
        });
        (vec![like(&above, create, &name), attach(&above, create, &name)], lock_set(weaker))
    } else {
        (vec![statement.sql.clone()], requested)
    };
    sql.extend(clear);
    let undo = take_back(draft, &above, &name);
    let why = if plain {
        format!("{name} is made beside {} and attached: nobody waits", above.name)
    } else {
        format!("{name} has columns or constraints of its own: made as written, in milliseconds")
    };
    draft.step(phase, why, Action::Transaction { sql }).locks(locks).undo(undo);
    if phase > Phase::Expand {
        draft.floors.relation(&name, phase);
    }
}

fn parent(draft: &Draft<'_>, create: &CreateStmt) -> Option<Relation> {
    create.partbound.as_ref()?;
    let Some(NodeEnum::RangeVar(range)) = create.inh_relations.first()?.node.as_ref() else {
        return None;
    };
    let name = target(draft, Some(range))?;
    let found = draft.catalog.relation(&name)?;
    (found.kind == RelationKind::PartitionedTable).then(|| found.clone())
}

fn new_name(draft: &Draft<'_>, create: &CreateStmt) -> Option<QualifiedName> {
    let range = create.relation.as_ref()?;
    let schema = if range.schemaname.is_empty() {
        draft.catalog.creation_schema()?.to_owned()
    } else {
        range.schemaname.clone()
    };
    Some(QualifiedName::new(schema, range.relname.clone()))
}

/// `CREATE TABLE name (LIKE parent …)`, with what else the statement says of the table.
fn like(above: &Relation, create: &CreateStmt, name: &QualifiedName) -> String {
    let clause = TableLikeClause {
        relation: Some(range_of(&above.name)),
        options: LIKE,
        ..TableLikeClause::default()
    };
    let mut alone = CreateStmt {
        inh_relations: Vec::new(),
        partbound: None,
        if_not_exists: false,
        table_elts: vec![Node { node: Some(NodeEnum::TableLikeClause(clause)) }],
        ..create.clone()
    };
    if let Some(range) = alone.relation.as_mut() {
        range.schemaname.clone_from(&name.schema);
    }
    // A partition is made where its parent says, and with its access method.
    if alone.tablespacename.is_empty() {
        alone.tablespacename = above.tablespace.clone().unwrap_or_default();
    }
    if alone.access_method.is_empty() {
        alone.access_method = above.access_method.clone().unwrap_or_default();
    }
    deparse::statement(&NodeEnum::CreateStmt(alone))
}

fn attach(above: &Relation, create: &CreateStmt, name: &QualifiedName) -> String {
    let partition = PartitionCmd {
        name: Some(range_of(name)),
        bound: create.partbound.clone(),
        concurrent: false,
    };
    let command = AlterTableCmd {
        subtype: AlterTableType::AtAttachPartition as i32,
        def: Some(Box::new(Node { node: Some(NodeEnum::PartitionCmd(partition)) })),
        behavior: DropBehavior::DropRestrict as i32,
        ..AlterTableCmd::default()
    };
    deparse::statement(&NodeEnum::AlterTableStmt(AlterTableStmt {
        relation: Some(range_of(&above.name)),
        cmds: vec![Node { node: Some(NodeEnum::AlterTableCmd(Box::new(command))) }],
        objtype: ObjectType::ObjectTable as i32,
        missing_ok: false,
    }))
}

/// Rows that have been written into the partition go where they would have gone without it. Where
/// no other partition takes them the server refuses that, and nothing is lost.
fn take_back(draft: &Draft<'_>, above: &Relation, name: &QualifiedName) -> Undo {
    let columns: Vec<&str> = above
        .columns
        .iter()
        .filter(|column| column.generated.is_none())
        .map(|column| column.name.as_str())
        .collect();
    let columns = text::columns(&columns);
    let mut locks: Vec<_> = detach_locks(draft, above, above)
        .into_iter()
        .filter(|lock| {
            lock.relation == above.name
                || default_of(&draft.catalog, above).is_some_and(|d| d.name == lock.relation)
                || lock.mode != LockMode::AccessExclusive
        })
        .map(|lock| (lock.relation, lock.mode))
        .collect();
    locks.push((name.clone(), LockMode::AccessExclusive));
    // The table that goes lets go of what its foreign keys refer to.
    let referenced = above.constraints.iter().filter_map(|key| key.references.clone());
    locks.extend(referenced.map(|table| (table, LockMode::AccessExclusive)));
    Undo::Transaction {
        sql: vec![
            alter(&above.name, &format!("DETACH PARTITION {name}")),
            format!(
                "INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {name}",
                above.name
            ),
            format!("DROP TABLE {name}"),
        ],
        locks: lock_set(locks),
    }
}
