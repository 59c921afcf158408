//! What hangs on a column that an earlier statement gives a second column, for a new type or a new name.
//!
//! *In words*: its indexes, constraints, statistics, triggers and policies are made once more for the second
//! column, from what the catalog says of them, and change places with the first ones in the switch or in contract. A
//! statement that says something of one of them in between would be about the one that goes: it is refused.
//! So is the change of a column after what the catalog does not keep: storage parameters of an index, say.

use super::dispatch::target;
use super::draft::Draft;
use super::groups::strings;
use super::rename_table;
use crate::catalog::Relation;
use crate::sql::directive::RenameStrategy;
use crate::sql::{Diagnostic, QualifiedName, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, Node, ObjectType, RangeVar,
};

/// Something that a table has, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Index,
    Constraint,
    Statistics,
    Trigger,
    Policy,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    table: QualifiedName,
    kind: Kind,
    name: String,
}

/// Refuses `statement` when it is about something that is being made once more; whether it did.
pub(super) fn refuse(draft: &mut Draft<'_>, statement: &Statement) -> bool {
    let Some((member, column)) = members(draft, &statement.node)
        .into_iter()
        .find_map(|member| Some((hangs_on(draft, &member)?, member)))
        .map(|(column, member)| (member, column))
    else {
        return refuse_other_end(draft, statement) || refuse_move(draft, statement);
    };
    draft.refuse(
        Diagnostic::new(
            format!(
                "{} of {} is changed while {column} is being renamed or given another type",
                member.name, member.table
            ),
            statement.span,
        )
        .detail(format!(
            "It is made once more for the column that takes the place of {column}, as it was before this statement."
        ))
        .hint("Put this statement before the other one, or in a revision of its own, after this one."),
    );
    true
}

/// Refuses the change of a column at one end of a foreign key while that at the other end has not its final
/// shape: the key is being made again for that one.
fn refuse_other_end(draft: &mut Draft<'_>, statement: &Statement) -> bool {
    let found = changed_columns(draft, &statement.node).into_iter().find_map(|(table, column)| {
        let (key, other) = other_end(draft, &statement.node, &table, &column)?;
        Some((table, column, key, other))
    });
    let Some((table, column, key, other)) = found else {
        return refuse_key_that_goes(draft, statement);
    };
    draft.refuse(
        Diagnostic::new(
            format!("{column} of {table} is changed while {other}, at the other end of {key}, is being renamed or given another type"),
            statement.span,
        )
        .detail("Both changes make the foreign key again, each as the other end was before.")
        .hint("Put this statement in a revision of its own, after this one."),
    );
    true
}

/// Refuses to give a table another name or schema, or other parents or children, while steps that are still to come
/// name it by this one, and go through its family as it is. A column that is renamed follows its table behind a view.
fn refuse_move(draft: &mut Draft<'_>, statement: &Statement) -> bool {
    let (range, in_place) = match &statement.node {
        NodeEnum::AlterTableStmt(alter)
            if commands(alter).any(|command| {
                matches!(
                    command.subtype(),
                    AlterTableType::AtAttachPartition
                        | AlterTableType::AtAddInherit
                        | AlterTableType::AtDropInherit
                )
            }) =>
        {
            (alter.relation.as_ref(), true)
        }
        NodeEnum::AlterObjectSchemaStmt(alter) => (alter.relation.as_ref(), true),
        NodeEnum::RenameStmt(rename) if rename.rename_type() == ObjectType::ObjectTable => {
            let strategy = rename_table::strategy(draft, statement);
            (rename.relation.as_ref(), strategy == RenameStrategy::InPlace)
        }
        _ => return false,
    };
    let Some(table) = target(draft, range).and_then(|name| draft.catalog.relation(&name)) else {
        return false;
    };
    let Some(column) = table.columns.iter().map(|column| column.name.clone()).find(|column| {
        draft.floors.is_half_done(&table.name, column)
            && (in_place || draft.floors.other_name(&table.name, column).is_none())
    }) else {
        return false;
    };
    draft.refuse(
        Diagnostic::new(
            format!("the name or family of {} changes while {column} is being renamed or given another type", table.name),
            statement.span,
        )
        .detail("What is still to be done for the column goes by the table's name and family as they are now.")
        .hint("Put this statement in a revision of its own, after this one."),
    );
    true
}

/// Refuses the change of a column of a primary key that an earlier statement drops: the key stays until another one
/// can take its place, or contract, and would be in the way of the column.
fn refuse_key_that_goes(draft: &mut Draft<'_>, statement: &Statement) -> bool {
    let found = changed_columns(draft, &statement.node).into_iter().find_map(|(table, column)| {
        let key = draft.start.relation(&table)?.primary_key()?;
        let there = draft.catalog.relation(&table)?.constraint(&key.name).is_some();
        (!there && key.columns.contains(&column)).then(|| (table.clone(), column, key.name.clone()))
    });
    let Some((table, column, key)) = found else { return false };
    draft.refuse(
        Diagnostic::new(
            format!("{column} of {table} is changed after its key {key} was dropped"),
            statement.span,
        )
        .detail("The key stays until contract, or until another one takes its place.")
        .hint("Put this statement in a revision of its own, before or after this one."),
    );
    true
}

/// Columns that get another name or type.
fn changed_columns(draft: &Draft<'_>, node: &NodeEnum) -> Vec<(QualifiedName, String)> {
    let (range, columns) = match node {
        NodeEnum::RenameStmt(rename) if rename.rename_type() == ObjectType::ObjectColumn => {
            (rename.relation.as_ref(), vec![rename.subname.clone()])
        }
        NodeEnum::AlterTableStmt(alter) => {
            let types =
                |command: &&AlterTableCmd| command.subtype() == AlterTableType::AtAlterColumnType;
            let columns = commands(alter).filter(types).map(|command| command.name.clone());
            (alter.relation.as_ref(), columns.collect())
        }
        _ => return Vec::new(),
    };
    let Some(table) = target(draft, range) else { return Vec::new() };
    columns.into_iter().map(|column| (table.clone(), column)).collect()
}

/// A foreign key of `column`, or to it, and what is half done at its other end. Changes of type at both ends go
/// together, and so does a rename by a second column after one of the key that is referred to.
fn other_end(
    draft: &Draft<'_>,
    node: &NodeEnum,
    table: &QualifiedName,
    column: &str,
) -> Option<(String, String)> {
    let is_rename = matches!(node, NodeEnum::RenameStmt(_));
    let half_done = |other: &QualifiedName, columns: &[String], refers: bool| {
        if other == table {
            return None;
        }
        if draft.floors.is_away(other) {
            return Some(other.to_string());
        }
        let changes = |column: &&String| {
            let renamed = draft.floors.other_name(other, column).is_some();
            draft.floors.is_half_done(other, column)
                && if is_rename { refers || !renamed } else { renamed }
        };
        Some(format!("{} of {other}", columns.iter().find(changes)?))
    };
    let has = |columns: &[String]| columns.iter().any(|name| name == column);
    let own = draft.catalog.relation(table)?.constraints.iter().find_map(|key| {
        let to = key.references.as_ref().filter(|_| has(&key.columns))?;
        Some((key.name.clone(), half_done(to, &key.referenced_columns, false)?))
    });
    own.or_else(|| {
        draft.catalog.incoming_foreign_keys(table).find_map(|(from, key)| {
            let meant = has(&key.referenced_columns);
            Some((key.name.clone(), half_done(&from.name, &key.columns, true).filter(|_| meant)?))
        })
    })
}

/// Keeps in mind what `statement` makes once more, and what it says that the catalog does not show; refuses it when
/// such was said before of what it makes.
pub(super) fn remember(draft: &mut Draft<'_>, statement: &Statement) {
    let known = draft.ledger.half_done_known;
    let new: Vec<(QualifiedName, String)> = draft.floors.half_done_columns(known).to_vec();
    draft.ledger.half_done_known += new.len();
    for (table, column) in new {
        let members = all_on(draft, &table, &column);
        draft.ledger.remade.extend(members.into_iter().map(|member| (member, column.clone())));
    }
    let lost =
        draft.ledger.unseen.iter().find_map(|member| Some((hangs_on(draft, member)?, member)));
    if let Some((column, member)) = lost {
        let diagnostic = Diagnostic::new(
            format!("{column} is renamed or given another type after {} was changed", member.name),
            statement.span,
        )
        .detail(format!(
            "{} of {} is made once more for it, as it was before this migration.",
            member.name, member.table
        ))
        .hint("Put one of the two statements in a revision of its own.");
        draft.ledger.unseen.clear();
        return draft.refuse(diagnostic);
    }
    if is_unseen(&statement.node) {
        let members = members(draft, &statement.node);
        draft.ledger.unseen.extend(members);
    }
}

/// Whether the statement says something that [`crate::catalog::Catalog::apply`] does not keep.
fn is_unseen(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::AlterStatsStmt(_) => true,
        NodeEnum::AlterTableStmt(alter) => {
            alter.objtype() == ObjectType::ObjectIndex
                || commands(alter).any(|command| {
                    matches!(
                        command.subtype(),
                        AlterTableType::AtAlterConstraint | AlterTableType::AtClusterOn
                    )
                })
        }
        _ => false,
    }
}

/// The column for which `member` is made once more.
fn hangs_on(draft: &Draft<'_>, member: &Member) -> Option<String> {
    let same_table =
        |table: &QualifiedName| *table == member.table || draft.floors.is_moved(&member.table);
    let mut all = draft.ledger.remade.iter();
    all.find(|(made, _)| {
        made.kind == member.kind && made.name == member.name && same_table(&made.table)
    })
    .map(|(_, column)| column.clone())
}

/// All that hangs on `column` of `table`, in the catalog as it is before the statement at hand, and so is made
/// once more; what comes later is made for the new column alone.
fn all_on(draft: &Draft<'_>, table: &QualifiedName, column: &str) -> Vec<Member> {
    let Some(found) = draft.catalog.relation(table) else { return Vec::new() };
    let old = draft.floors.other_name(table, column).unwrap_or(column);
    let on = |columns: &[String]| columns.iter().any(|name| name == old || name == column);
    let member = |kind, name: &str| Member { table: table.clone(), kind, name: name.to_owned() };
    let mut all = Vec::new();
    let indexes = found.indexes.iter().filter(|index| on(&index.columns));
    all.extend(indexes.map(|index| member(Kind::Index, &index.name)));
    let constraints = found.constraints.iter().filter(|constraint| on(&constraint.columns));
    all.extend(constraints.map(|constraint| member(Kind::Constraint, &constraint.name)));
    let statistics = found.statistics.iter().filter(|object| on(&object.columns));
    all.extend(statistics.map(|object| member(Kind::Statistics, &object.name.name)));
    let triggers = found.triggers.iter().filter(|trigger| on(&trigger.columns));
    all.extend(triggers.map(|trigger| member(Kind::Trigger, &trigger.name)));
    let policies = found.policies.iter().filter(|policy| on(&policy.columns));
    all.extend(policies.map(|policy| member(Kind::Policy, &policy.name)));
    let keys = draft.catalog.incoming_foreign_keys(table);
    all.extend(keys.filter(|(_, key)| on(&key.referenced_columns)).map(|(from, key)| Member {
        table: from.name.clone(),
        kind: Kind::Constraint,
        name: key.name.clone(),
    }));
    all
}

/// What the statement is about.
fn members(draft: &Draft<'_>, node: &NodeEnum) -> Vec<Member> {
    let object = |kind: ObjectType, object: Option<&Node>| match object?.node.as_ref()? {
        NodeEnum::List(list) => named(draft, kind, &strings(&list.items)),
        _ => None,
    };
    match node {
        NodeEnum::AlterTableStmt(alter) => of_table(draft, alter),
        NodeEnum::RenameStmt(rename) => {
            let (range, name) = (rename.relation.as_ref(), &rename.subname);
            match rename.rename_type() {
                ObjectType::ObjectTabconstraint => of(draft, range, Kind::Constraint, name),
                ObjectType::ObjectTrigger => of(draft, range, Kind::Trigger, name),
                ObjectType::ObjectPolicy => of(draft, range, Kind::Policy, name),
                ObjectType::ObjectIndex | ObjectType::ObjectTable => of_index(draft, range),
                kind => object(kind, rename.object.as_deref()),
            }
            .into_iter()
            .collect()
        }
        NodeEnum::DropStmt(drop) => {
            drop.objects.iter().filter_map(|node| object(drop.remove_type(), Some(node))).collect()
        }
        NodeEnum::CommentStmt(comment) => {
            object(comment.objtype(), comment.object.as_deref()).into_iter().collect()
        }
        NodeEnum::AlterStatsStmt(alter) => {
            let path = strings(&alter.defnames);
            named(draft, ObjectType::ObjectStatisticExt, &path).into_iter().collect()
        }
        NodeEnum::AlterPolicyStmt(alter) => {
            of(draft, alter.table.as_ref(), Kind::Policy, &alter.policy_name).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn of_table(draft: &Draft<'_>, alter: &AlterTableStmt) -> Vec<Member> {
    let range = alter.relation.as_ref();
    if alter.objtype() == ObjectType::ObjectIndex {
        return of_index(draft, range).into_iter().collect();
    }
    let member = |command: &AlterTableCmd| {
        let def = command.def.as_ref().and_then(|def| def.node.as_ref());
        let (kind, name) = match (command.subtype(), def) {
            (AlterTableType::AtDropConstraint, _) => (Kind::Constraint, &command.name),
            (AlterTableType::AtClusterOn, _) => (Kind::Index, &command.name),
            (AlterTableType::AtReplicaIdentity, Some(NodeEnum::ReplicaIdentityStmt(identity))) => {
                (Kind::Index, &identity.name)
            }
            (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
                (Kind::Index, &constraint.indexname)
            }
            (AlterTableType::AtAlterConstraint, Some(NodeEnum::Constraint(constraint))) => {
                (Kind::Constraint, &constraint.conname)
            }
            // PostgreSQL 18's parser has a node of its own.
            (AlterTableType::AtAlterConstraint, Some(NodeEnum::AtalterConstraint(constraint))) => {
                (Kind::Constraint, &constraint.conname)
            }
            (
                AlterTableType::AtEnableTrig
                | AlterTableType::AtEnableAlwaysTrig
                | AlterTableType::AtEnableReplicaTrig
                | AlterTableType::AtDisableTrig,
                _,
            ) => (Kind::Trigger, &command.name),
            _ => return None,
        };
        of(draft, range, kind, name)
    };
    commands(alter).filter_map(member).collect()
}

fn commands(alter: &AlterTableStmt) -> impl Iterator<Item = &AlterTableCmd> {
    alter.cmds.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(&**command),
        _ => None,
    })
}

fn of(draft: &Draft<'_>, range: Option<&RangeVar>, kind: Kind, name: &str) -> Option<Member> {
    let table = target(draft, range)?;
    (!name.is_empty()).then(|| Member { table, kind, name: name.to_owned() })
}

fn of_index(draft: &Draft<'_>, range: Option<&RangeVar>) -> Option<Member> {
    let range = range?;
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    index(draft, schema, &range.relname)
}

fn index(draft: &Draft<'_>, schema: Option<&str>, name: &str) -> Option<Member> {
    let (table, index) = draft.catalog.resolve_index(schema, name)?;
    Some(Member { table: table.name.clone(), kind: Kind::Index, name: index.name.clone() })
}

/// What `COMMENT ON` and `DROP` name by a path.
fn named(draft: &Draft<'_>, kind: ObjectType, path: &[String]) -> Option<Member> {
    let (name, above) = path.split_last()?;
    let kind = match kind {
        ObjectType::ObjectIndex => return index(draft, above.last().map(String::as_str), name),
        ObjectType::ObjectStatisticExt => {
            let has = |relation: &&Relation| {
                relation.statistics.iter().any(|object| {
                    object.name.name == *name
                        && above.last().is_none_or(|schema| object.name.schema == *schema)
                })
            };
            let table = draft.catalog.relations.values().find(has)?.name.clone();
            return Some(Member { table, kind: Kind::Statistics, name: name.clone() });
        }
        ObjectType::ObjectTabconstraint => Kind::Constraint,
        ObjectType::ObjectTrigger => Kind::Trigger,
        ObjectType::ObjectPolicy => Kind::Policy,
        _ => return None,
    };
    let (table, schema) = above.split_last()?;
    let table = draft.catalog.resolve(schema.last().map(String::as_str), table)?.name.clone();
    Some(Member { table, kind, name: name.clone() })
}
