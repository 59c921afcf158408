//! How a statement that was kept as it is can be taken back before contract.
//!
//! What cannot be restored exactly from the catalog is said to be irreversible: the plan announces
//! it, and `rollback` reports it.

use super::dispatch::target;
use super::draft::{Draft, lock_set};
use super::op;
use super::text::alter;
use super::{
    acl, again, awaited_key, groups, identity, partition, privileges, rename_other, replaced_view,
    schema_elements_back, set_not_null, undo_locks,
};
use crate::catalog::{Relation, ReplicaIdentity, names, type_name};
use crate::lock::LockMode;
use crate::plan::{Phase, RelationLock, Undo};
use crate::sql::{QualifiedName, Statement, deparse, quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableType, CommentStmt, FunctionParameterMode, GrantStmt, ObjectType,
    RangeVar, RenameStmt,
};

/// The undo of `statement` on the catalog as it is before it, with the locks that it takes.
pub(super) fn of(draft: &mut Draft<'_>, statement: &Statement) -> Undo {
    match unannounced(draft, statement) {
        Undo::Transaction { sql, locks } => {
            let found = undo_locks::of(&draft.catalog, statement, &sql);
            let all = locks.into_iter().chain(found).map(|lock| (lock.relation, lock.mode));
            Undo::Transaction { sql, locks: lock_set(all) }
        }
        undo => undo,
    }
}

fn unannounced(draft: &mut Draft<'_>, statement: &Statement) -> Undo {
    match &statement.node {
        NodeEnum::AlterTableStmt(alter) => alter_table(draft, statement, alter.relation.as_ref()),
        NodeEnum::CommentStmt(comment) => comment_of(draft, comment),
        NodeEnum::GrantStmt(grant) => revoke(draft, statement, grant),
        NodeEnum::AlterSeqStmt(alter) => {
            super::sequence::back(draft, alter).unwrap_or_else(|| irreversible(draft, statement))
        }
        NodeEnum::RenameStmt(rename) => rename_back(draft, rename),
        NodeEnum::AlterEnumStmt(alter) if !alter.old_val.is_empty() => {
            match rename_other::enum_value_back(alter) {
                Some(sql) => Undo::Transaction { sql: vec![sql], locks: Vec::new() },
                None => irreversible(draft, statement),
            }
        }
        NodeEnum::ViewStmt(view) if view.replace => {
            match target(draft, view.view.as_ref()).filter(|name| !draft.is_new(name)) {
                Some(name) => replaced_view::back(draft, &name)
                    .unwrap_or_else(|| irreversible(draft, statement)),
                None => plain(draft, statement),
            }
        }
        NodeEnum::CreateSchemaStmt(create) if !create.schema_elts.is_empty() => {
            schema_elements_back::back(create).unwrap_or_else(|| irreversible(draft, statement))
        }
        // Undoing the CREATE TABLE takes the rows with it.
        NodeEnum::InsertStmt(insert)
            if target(draft, insert.relation.as_ref()).is_some_and(|name| draft.is_new(&name)) =>
        {
            Undo::Nothing
        }
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectTrigger => {
            again::trigger_back(draft, drop).unwrap_or_else(|| irreversible(draft, statement))
        }
        // Only what the migration itself has made goes before contract.
        _ if privileges::ends_new(draft, statement) => Undo::Nothing,
        _ => plain(draft, statement),
    }
}

/// The undo of a statement that creates something.
fn plain(draft: &Draft<'_>, statement: &Statement) -> Undo {
    match created(draft, &statement.node) {
        Some(Created::There) => Undo::Nothing,
        Some(Created::New(drop)) => Undo::Transaction { sql: vec![drop], locks: Vec::new() },
        None => irreversible(draft, statement),
    }
}

fn irreversible(draft: &Draft<'_>, statement: &Statement) -> Undo {
    let line = statement.sql.lines().next().unwrap_or_default();
    let short: String = line.chars().take(80).collect();
    let dots = if short.len() < statement.sql.len() { "…" } else { "" };
    Undo::Irreversible {
        why: format!("statement {} stays done after a rollback: {short}{dots}", draft.number()),
    }
}

enum Created {
    /// `IF NOT EXISTS` of something that is there.
    There,
    /// The statement that removes it.
    New(String),
}

fn created(draft: &Draft<'_>, node: &NodeEnum) -> Option<Created> {
    let relation = |range: Option<&RangeVar>, kind: &str| -> Option<Created> {
        let range = range?;
        if target(draft, Some(range)).is_some() {
            return Some(Created::There);
        }
        Some(Created::New(format!("DROP {kind} IF EXISTS {}", new_name(draft, range)?)))
    };
    let list = |names: &[pg_query::protobuf::Node], kind: &str| -> Option<Created> {
        let quoted: Vec<String> = groups::strings(names).iter().map(|n| quote_ident(n)).collect();
        let path = match quoted.as_slice() {
            [name] => format!("{}.{name}", quote_ident(draft.catalog.creation_schema()?)),
            several => several.join("."),
        };
        Some(Created::New(format!("DROP {kind} IF EXISTS {path}")))
    };
    match node {
        NodeEnum::CreateStmt(create) => relation(create.relation.as_ref(), "TABLE"),
        NodeEnum::CreateTableAsStmt(create) => {
            let kind = if create.objtype() == ObjectType::ObjectMatview {
                "MATERIALIZED VIEW"
            } else {
                "TABLE"
            };
            relation(create.into.as_ref()?.rel.as_ref(), kind)
        }
        NodeEnum::ViewStmt(view) => {
            if target(draft, view.view.as_ref()).is_some() {
                return None;
            }
            relation(view.view.as_ref(), "VIEW")
        }
        NodeEnum::CreateSeqStmt(create) => relation(create.sequence.as_ref(), "SEQUENCE"),
        NodeEnum::CreateEnumStmt(create) => list(&create.type_name, "TYPE"),
        NodeEnum::CreateRangeStmt(create) => list(&create.type_name, "TYPE"),
        NodeEnum::CompositeTypeStmt(create) => relation(create.typevar.as_ref(), "TYPE"),
        NodeEnum::CreateDomainStmt(create) => list(&create.domainname, "DOMAIN"),
        NodeEnum::CreateSchemaStmt(create) => {
            if draft.catalog.schemas.contains(&create.schemaname) {
                return Some(Created::There);
            }
            Some(Created::New(format!("DROP SCHEMA IF EXISTS {}", quote_ident(&create.schemaname))))
        }
        NodeEnum::IndexStmt(index) => {
            let table = target(draft, index.relation.as_ref())?;
            let name = if index.idxname.is_empty() {
                names::index_name(&draft.catalog, &table, index)
            } else {
                index.idxname.clone()
            };
            Some(Created::New(format!("DROP INDEX IF EXISTS {}", table.sibling(name))))
        }
        NodeEnum::CreateTrigStmt(trigger) => {
            let table = target(draft, trigger.relation.as_ref())?;
            if draft.catalog.relation(&table)?.triggers.iter().any(|t| t.name == trigger.trigname) {
                return None;
            }
            Some(Created::New(format!(
                "DROP TRIGGER IF EXISTS {} ON {table}",
                quote_ident(&trigger.trigname)
            )))
        }
        NodeEnum::CreatePolicyStmt(policy) => {
            let table = target(draft, policy.table.as_ref())?;
            Some(Created::New(format!(
                "DROP POLICY IF EXISTS {} ON {table}",
                quote_ident(&policy.policy_name)
            )))
        }
        NodeEnum::CreateExtensionStmt(extension) => {
            if draft.catalog.extensions.contains(&extension.extname) {
                return Some(Created::There);
            }
            Some(Created::New(format!(
                "DROP EXTENSION IF EXISTS {}",
                quote_ident(&extension.extname)
            )))
        }
        NodeEnum::CreateFunctionStmt(function) => {
            let path = groups::strings(&function.funcname);
            if draft.catalog.functions.contains_key(path.last()?) {
                return None;
            }
            let quoted: Vec<String> = path.iter().map(|n| quote_ident(n)).collect();
            let types: Vec<String> = function
                .parameters
                .iter()
                .filter_map(|node| match &node.node {
                    Some(NodeEnum::FunctionParameter(parameter))
                        if !matches!(
                            parameter.mode(),
                            FunctionParameterMode::FuncParamOut
                                | FunctionParameterMode::FuncParamTable
                        ) =>
                    {
                        parameter.arg_type.as_ref().map(deparse::type_name)
                    }
                    _ => None,
                })
                .collect();
            let kind = if function.is_procedure { "PROCEDURE" } else { "FUNCTION" };
            Some(Created::New(format!(
                "DROP {kind} IF EXISTS {}({})",
                quoted.join("."),
                types.join(", ")
            )))
        }
        _ => None,
    }
}

fn new_name(draft: &Draft<'_>, range: &RangeVar) -> Option<QualifiedName> {
    let schema = if range.schemaname.is_empty() {
        draft.catalog.creation_schema()?.to_owned()
    } else {
        range.schemaname.clone()
    };
    Some(QualifiedName::new(schema, range.relname.clone()))
}

fn alter_table(draft: &mut Draft<'_>, statement: &Statement, range: Option<&RangeVar>) -> Undo {
    let Some(name) = target(draft, range) else { return Undo::Nothing };
    let new = draft.is_new(&name);
    if new {
        // Undoing the CREATE TABLE takes everything with it, and lets go of what it refers to; but a key that was built
        // for a foreign key goes before that.
        undo_locks::with_new_table(draft, statement, &name);
        if awaited_key::floor(draft, statement) == Phase::Expand {
            return Undo::Nothing;
        }
    }
    let Some(found) = draft.catalog.relation(&name).cloned() else { return Undo::Nothing };
    let mut clauses = Vec::new();
    let parts = op::split(statement);
    for part in parts.iter().rev() {
        let NodeEnum::AlterTableStmt(alter) = &part.node else { continue };
        let Some(command) = op::command(alter) else { continue };
        if command.subtype() == AlterTableType::AtDropNotNull && !new {
            if parts.len() == 1 {
                return match found.is_not_null(&command.name) {
                    true => set_not_null::restore(draft, &name, &command.name),
                    false => Undo::Nothing,
                };
            }
            return irreversible(draft, statement);
        }
        match back(draft, &found, command) {
            Some(sql) => clauses.extend(sql),
            None if new => {}
            None => return irreversible(draft, statement),
        }
    }
    if clauses.is_empty() {
        return Undo::Nothing;
    }
    let locks: Vec<RelationLock> = draft.locks(&found, LockMode::AccessExclusive);
    Undo::Transaction { sql: clauses.iter().map(|clause| alter(&name, clause)).collect(), locks }
}

/// The clauses that restore what `command` changes; `None` when the catalog does not tell.
fn back(draft: &Draft<'_>, found: &Relation, command: &AlterTableCmd) -> Option<Vec<String>> {
    let quoted = quote_ident(&command.name);
    let column = found.column(&command.name);
    let one = |text: String| Some(vec![text]);
    match command.subtype() {
        AlterTableType::AtAddColumn => {
            let Some(NodeEnum::ColumnDef(added)) = command.def.as_ref()?.node.as_ref() else {
                return None;
            };
            if found.column(&added.colname).is_some() {
                return Some(Vec::new());
            }
            one(format!("DROP COLUMN IF EXISTS {}", quote_ident(&added.colname)))
        }
        AlterTableType::AtColumnDefault => match &column?.default {
            Some(default) => one(format!("ALTER COLUMN {quoted} SET DEFAULT {default}")),
            None => one(format!("ALTER COLUMN {quoted} DROP DEFAULT")),
        },
        AlterTableType::AtSetNotNull => {
            if column?.not_null {
                return Some(Vec::new());
            }
            one(format!("ALTER COLUMN {quoted} DROP NOT NULL"))
        }
        AlterTableType::AtAddConstraint => {
            let Some(NodeEnum::Constraint(added)) = command.def.as_ref()?.node.as_ref() else {
                return None;
            };
            let name = names::constraint_name(&draft.catalog, &found.name, added);
            one(format!("DROP CONSTRAINT IF EXISTS {}", quote_ident(&name)))
        }
        AlterTableType::AtValidateConstraint => Some(Vec::new()),
        AlterTableType::AtAttachPartition => one(partition::attach::back(draft, command)?),
        AlterTableType::AtAddIdentity => {
            one(format!("ALTER COLUMN {quoted} DROP IDENTITY IF EXISTS"))
        }
        AlterTableType::AtSetIdentity if identity::only_switches(command) => {
            one(identity::switched_back(&quoted, column?.identity?))
        }
        // `IF EXISTS` of what is not there; the others have recipes.
        AlterTableType::AtDropConstraint if found.constraint(&command.name).is_none() => {
            Some(Vec::new())
        }
        AlterTableType::AtSetOptions | AlterTableType::AtResetOptions => {
            let mut clauses =
                vec![format!("ALTER COLUMN {quoted} RESET (n_distinct, n_distinct_inherited)")];
            let old = &column?.options;
            if !old.is_empty() {
                clauses.push(format!("ALTER COLUMN {quoted} SET ({})", old.join(", ")));
            }
            Some(clauses)
        }
        AlterTableType::AtSetStatistics => {
            let target = column?.statistics_target.unwrap_or(-1);
            one(format!("ALTER COLUMN {quoted} SET STATISTICS {target}"))
        }
        AlterTableType::AtSetStorage => {
            let column = column?;
            let own = type_name::default_storage(&column.type_name, &draft.catalog);
            let word = match column.storage.unwrap_or(own) {
                'p' => "PLAIN",
                'e' => "EXTERNAL",
                'm' => "MAIN",
                'x' => "EXTENDED",
                _ => return None,
            };
            one(format!("ALTER COLUMN {quoted} SET STORAGE {word}"))
        }
        AlterTableType::AtSetCompression => {
            let method = column?.compression.as_deref().unwrap_or("default");
            one(format!("ALTER COLUMN {quoted} SET COMPRESSION {method}"))
        }
        AlterTableType::AtReplicaIdentity => one(match &found.replica_identity {
            ReplicaIdentity::Default => "REPLICA IDENTITY DEFAULT".to_owned(),
            ReplicaIdentity::Nothing => "REPLICA IDENTITY NOTHING".to_owned(),
            ReplicaIdentity::Full => "REPLICA IDENTITY FULL".to_owned(),
            ReplicaIdentity::Index(name) => {
                format!("REPLICA IDENTITY USING INDEX {}", quote_ident(name))
            }
        }),
        AlterTableType::AtChangeOwner => one(format!("OWNER TO {}", quote_ident(&found.owner))),
        AlterTableType::AtEnableRowSecurity | AlterTableType::AtDisableRowSecurity => {
            let word = if found.row_security { "ENABLE" } else { "DISABLE" };
            one(format!("{word} ROW LEVEL SECURITY"))
        }
        AlterTableType::AtForceRowSecurity | AlterTableType::AtNoForceRowSecurity => {
            let word = if found.force_row_security { "FORCE" } else { "NO FORCE" };
            one(format!("{word} ROW LEVEL SECURITY"))
        }
        AlterTableType::AtEnableTrig
        | AlterTableType::AtEnableAlwaysTrig
        | AlterTableType::AtEnableReplicaTrig
        | AlterTableType::AtDisableTrig => {
            let trigger = found.triggers.iter().find(|t| t.name == command.name)?;
            let word = match trigger.enabled {
                'O' => "ENABLE",
                'A' => "ENABLE ALWAYS",
                'R' => "ENABLE REPLICA",
                'D' => "DISABLE",
                _ => return None,
            };
            one(format!("{word} TRIGGER {quoted}"))
        }
        _ => None,
    }
}

fn comment_of(draft: &mut Draft<'_>, comment: &CommentStmt) -> Undo {
    let Some(object) = comment.object.as_ref() else { return Undo::Nothing };
    let Some(NodeEnum::List(list)) = object.node.as_ref() else {
        return Undo::Irreversible { why: "the comment stays after a rollback".to_owned() };
    };
    let path = groups::strings(&list.items);
    let resolve = |path: &[String]| match path {
        [name] => draft.catalog.resolve(None, name),
        [schema, name] => draft.catalog.resolve(Some(schema), name),
        _ => None,
    };
    let text = |old: Option<&String>| old.map_or("NULL".to_owned(), |text| quote_literal(text));
    let sql = match (comment.objtype(), path.as_slice()) {
        (ObjectType::ObjectTable, path) => resolve(path)
            .map(|r| format!("COMMENT ON TABLE {} IS {}", r.name, text(r.comment.as_ref()))),
        (ObjectType::ObjectView, path) => resolve(path)
            .map(|r| format!("COMMENT ON VIEW {} IS {}", r.name, text(r.comment.as_ref()))),
        (ObjectType::ObjectTabconstraint, [table @ .., name]) => resolve(table).map(|r| {
            let old = r.constraint(name).and_then(|c| c.comment.as_ref());
            format!("COMMENT ON CONSTRAINT {} ON {} IS {}", quote_ident(name), r.name, text(old))
        }),
        (ObjectType::ObjectIndex, [schema @ .., name]) => draft
            .catalog
            .resolve_index(schema.last().map(String::as_str), name)
            .map(|(table, index)| {
                let qualified = table.name.sibling(name);
                format!("COMMENT ON INDEX {qualified} IS {}", text(index.comment.as_ref()))
            }),
        (ObjectType::ObjectColumn, [table @ .., column]) => resolve(table).and_then(|r| {
            let old = r.column(column)?.comment.as_ref();
            Some(format!("COMMENT ON COLUMN {}.{} IS {}", r.name, quote_ident(column), text(old)))
        }),
        _ => None,
    };
    match sql {
        Some(sql) => Undo::Transaction { sql: vec![sql], locks: Vec::new() },
        None => Undo::Irreversible { why: "the comment stays after a rollback".to_owned() },
    }
}

/// A `GRANT` on tables to roles that had nothing on them before is revoked; otherwise what was
/// there already and what came new can no longer be told apart.
fn revoke(draft: &mut Draft<'_>, statement: &Statement, grant: &GrantStmt) -> Undo {
    let roles: Vec<String> = grant
        .grantees
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RoleSpec(role)) if !role.rolename.is_empty() => {
                Some(role.rolename.clone())
            }
            _ => None,
        })
        .collect();
    let objects: Vec<Relation> = grant
        .objects
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RangeVar(range)) => target(draft, Some(range)),
            _ => None,
        })
        // As it was before the migration, which may give more than once.
        .filter_map(|name| draft.start.relation(&name).or(draft.catalog.relation(&name)).cloned())
        .collect();
    let plain = grant.is_grant
        && roles.len() == grant.grantees.len()
        && objects.len() == grant.objects.len()
        && objects.iter().all(|object| {
            let items = object.privileges.iter().flatten();
            let of_columns = object.columns.iter().flat_map(|column| &column.privileges);
            object.created_here || !items.chain(of_columns).any(|item| acl::is_for(item, &roles))
        });
    if !plain {
        return privileges::undo(draft, grant).unwrap_or_else(|| irreversible(draft, statement));
    }
    let to: Vec<String> = roles.iter().map(|role| quote_ident(role)).collect();
    let sql = objects
        .iter()
        .map(|object| format!("REVOKE ALL ON {} FROM {}", object.name, to.join(", ")))
        .collect();
    Undo::Transaction { sql, locks: Vec::new() }
}

fn rename_back(draft: &mut Draft<'_>, rename: &RenameStmt) -> Undo {
    let Some(name) = target(draft, rename.relation.as_ref()) else {
        return if rename.rename_type() == ObjectType::ObjectSchema {
            let (old, new) = (quote_ident(&rename.subname), quote_ident(&rename.newname));
            let sql = vec![format!("ALTER SCHEMA {new} RENAME TO {old}")];
            Undo::Transaction { sql, locks: Vec::new() }
        } else if rename.rename_type() == ObjectType::ObjectIndex {
            rename_other::index_back(draft, rename)
        } else if rename.rename_type() == ObjectType::ObjectType {
            rename_other::type_back(draft, rename)
        } else if let Some(sql) = rename_other::back(rename) {
            Undo::Transaction { sql: vec![sql], locks: Vec::new() }
        } else {
            Undo::Irreversible { why: "the rename stays after a rollback".to_owned() }
        };
    };
    let (old, new) = (quote_ident(&rename.subname), quote_ident(&rename.newname));
    let sql = match rename.rename_type() {
        ObjectType::ObjectAttribute => {
            format!("ALTER TYPE {name} RENAME ATTRIBUTE {new} TO {old}")
        }
        ObjectType::ObjectColumn => alter(&name, &format!("RENAME COLUMN {new} TO {old}")),
        ObjectType::ObjectTabconstraint => {
            alter(&name, &format!("RENAME CONSTRAINT {new} TO {old}"))
        }
        ObjectType::ObjectTrigger => format!("ALTER TRIGGER {new} ON {name} RENAME TO {old}"),
        ObjectType::ObjectPolicy => format!("ALTER POLICY {new} ON {name} RENAME TO {old}"),
        kind @ (ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence) => {
            let word = match kind {
                ObjectType::ObjectView => "VIEW",
                ObjectType::ObjectMatview => "MATERIALIZED VIEW",
                ObjectType::ObjectSequence => "SEQUENCE",
                _ => "TABLE",
            };
            let renamed = name.sibling(&rename.newname);
            format!("ALTER {word} {renamed} RENAME TO {}", quote_ident(&name.name))
        }
        _ => {
            return Undo::Irreversible { why: "the rename stays after a rollback".to_owned() };
        }
    };
    Undo::Transaction { sql: vec![sql], locks: Vec::new() }
}
