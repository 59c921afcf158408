//! Which family a statement belongs to. What is not listed is unknown.

use super::AnalyzeError;
use super::effects::Effects;
use super::resolve::Context;
use super::{
    alter_table, create, data, drop, index, maintenance, misc, plpgsql, rename, subscription,
};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ReassignOwnedStmt};

/// Puts what the statement does into `fx`.
pub(super) fn statement<'c>(cx: Context<'_, 'c>, fx: &mut Effects<'c>) -> Result<(), AnalyzeError> {
    match &cx.statement.node {
        NodeEnum::SelectStmt(select) if select.into_clause.is_none() => {
            data::execute(cx, &cx.statement.node, fx)
        }
        NodeEnum::SelectStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_) => data::execute(cx, &cx.statement.node, fx),
        NodeEnum::CopyStmt(copy) => data::copy(cx, copy, fx),
        NodeEnum::TruncateStmt(truncate) => data::truncate(cx, truncate, fx),
        NodeEnum::ExplainStmt(explain) => data::explain(cx, explain, fx),
        NodeEnum::PrepareStmt(prepare) => {
            data::query_of(prepare.query.as_deref(), cx, data::How::Parsed, fx)
        }
        NodeEnum::DeclareCursorStmt(cursor) => {
            data::query_of(cursor.query.as_deref(), cx, data::How::Planned, fx)
        }
        NodeEnum::AlterTableStmt(alter) => alter_table::alter_table(cx, alter, fx),
        NodeEnum::RenameStmt(renaming) => rename::rename(cx, renaming, fx),
        NodeEnum::AlterObjectSchemaStmt(moving) => rename::set_schema(cx, moving, fx),
        NodeEnum::AlterOwnerStmt(owner) => rename::owner(cx, owner),
        NodeEnum::AlterObjectDependsStmt(depends) => rename::depends(cx, depends, fx),
        NodeEnum::IndexStmt(create) => index::create(cx, create, fx),
        NodeEnum::DropStmt(dropping) => drop::drop(cx, dropping, fx),
        NodeEnum::DropOwnedStmt(owned) => drop::drop_owned(cx, owned, fx),
        NodeEnum::ReassignOwnedStmt(owned) => {
            reassign_owned(cx, owned, fx);
            Ok(())
        }
        NodeEnum::VacuumStmt(vacuum) => maintenance::vacuum(cx, vacuum, fx),
        NodeEnum::ClusterStmt(cluster) => maintenance::cluster(cx, cluster, fx),
        NodeEnum::ReindexStmt(reindex) => maintenance::reindex(cx, reindex, fx),
        NodeEnum::RefreshMatViewStmt(refresh) => maintenance::refresh(cx, refresh, fx),
        NodeEnum::AlterTableMoveAllStmt(all) => {
            maintenance::move_all(cx, all, fx);
            Ok(())
        }
        NodeEnum::CommentStmt(comment) => {
            misc::comment(cx, comment.objtype(), comment.object.as_deref(), fx)
        }
        NodeEnum::SecLabelStmt(label) => {
            misc::comment(cx, label.objtype(), label.object.as_deref(), fx)
        }
        NodeEnum::GrantStmt(grant) => misc::grant(cx, grant, fx),
        NodeEnum::LockStmt(lock) => misc::lock(cx, lock, fx),
        NodeEnum::CreateTrigStmt(trigger) => misc::create_trigger(cx, trigger, fx),
        NodeEnum::CreatePolicyStmt(policy) => misc::create_policy(cx, policy, fx),
        NodeEnum::AlterPolicyStmt(policy) => misc::alter_policy(cx, policy, fx),
        NodeEnum::RuleStmt(rule) => misc::create_rule(cx, rule, fx),
        NodeEnum::CreateStatsStmt(statistics) => misc::create_statistics(cx, statistics, fx),
        NodeEnum::CreatePublicationStmt(create) => misc::create_publication(cx, create, fx),
        NodeEnum::AlterPublicationStmt(alter) => misc::alter_publication(cx, alter, fx),
        _ => create_or_other(cx, fx),
    }
}

fn create_or_other<'c>(cx: Context<'_, 'c>, fx: &mut Effects<'c>) -> Result<(), AnalyzeError> {
    match &cx.statement.node {
        NodeEnum::CreateStmt(table) => create::create_table(cx, table, fx),
        NodeEnum::CreateForeignTableStmt(foreign) => match &foreign.base_stmt {
            Some(table) => create::create_table(cx, table, fx),
            None => Ok(()),
        },
        NodeEnum::CreateTableAsStmt(table) => create::create_table_as(cx, table, fx),
        NodeEnum::ViewStmt(view) => create::create_view(cx, view, fx),
        NodeEnum::CreateSeqStmt(sequence) => create::create_sequence(cx, sequence, fx),
        NodeEnum::AlterSeqStmt(sequence) => create::alter_sequence(cx, sequence, fx),
        NodeEnum::CreateSchemaStmt(schema) => create::create_schema(cx, schema, fx),
        NodeEnum::CreateFunctionStmt(function) => create::create_function(cx, function, fx),
        NodeEnum::CreateEnumStmt(new) => create::new_type(cx, &new.type_name),
        NodeEnum::CreateRangeStmt(new) => create::new_type(cx, &new.type_name),
        NodeEnum::CreateDomainStmt(domain) => {
            create::new_type(cx, &domain.domainname)?;
            match &domain.type_name {
                Some(base) => cx.column_type(base).map(|_| ()),
                None => Ok(()),
            }
        }
        NodeEnum::CompositeTypeStmt(composite) => match &composite.typevar {
            Some(name) => {
                cx.place_for(&name.schemaname, &name.relname, name.location, false).map(|_| ())
            }
            None => Ok(()),
        },
        NodeEnum::AlterEnumStmt(alter) => create::alter_enum(cx, alter),
        NodeEnum::AlterDomainStmt(alter) => create::alter_domain(cx, alter, fx),
        NodeEnum::DoStmt(block) => {
            plpgsql::do_block(cx, block, fx);
            Ok(())
        }
        NodeEnum::CreateSubscriptionStmt(subscription) => {
            subscription::create_subscription(subscription, fx);
            Ok(())
        }
        NodeEnum::AlterSubscriptionStmt(subscription) => {
            subscription::alter_subscription(subscription, fx);
            Ok(())
        }
        NodeEnum::AlterExtensionContentsStmt(contents) => {
            subscription::extension_contents(cx, contents, fx)
        }
        // The script of an extension can do anything.
        NodeEnum::CallStmt(_) | NodeEnum::ExecuteStmt(_) | NodeEnum::AlterExtensionStmt(_) => {
            fx.opaque();
            Ok(())
        }
        node if locks_nothing(node) => Ok(()),
        _ => {
            fx.unknown();
            Ok(())
        }
    }
}

/// Statements that lock no relation of the application.
fn locks_nothing(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::TransactionStmt(_)
            | NodeEnum::VariableSetStmt(_)
            | NodeEnum::VariableShowStmt(_)
            | NodeEnum::ConstraintsSetStmt(_)
            | NodeEnum::DiscardStmt(_)
            | NodeEnum::DeallocateStmt(_)
            | NodeEnum::ClosePortalStmt(_)
            | NodeEnum::CheckPointStmt(_)
            | NodeEnum::NotifyStmt(_)
            | NodeEnum::ListenStmt(_)
            | NodeEnum::UnlistenStmt(_)
            | NodeEnum::LoadStmt(_)
            | NodeEnum::AlterDefaultPrivilegesStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::AlterStatsStmt(_)
            | NodeEnum::AlterTypeStmt(_)
            | NodeEnum::AlterCollationStmt(_)
            | NodeEnum::AlterOperatorStmt(_)
            | NodeEnum::AlterOpFamilyStmt(_)
            | NodeEnum::AlterTsdictionaryStmt(_)
            | NodeEnum::AlterTsconfigurationStmt(_)
            | NodeEnum::AlterEventTrigStmt(_)
            | NodeEnum::AlterFdwStmt(_)
            | NodeEnum::AlterForeignServerStmt(_)
            | NodeEnum::AlterUserMappingStmt(_)
            | NodeEnum::AlterRoleStmt(_)
            | NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterDatabaseStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_)
            | NodeEnum::AlterSystemStmt(_)
            | NodeEnum::AlterTableSpaceOptionsStmt(_)
            | NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::CreateEventTrigStmt(_)
            | NodeEnum::CreateFdwStmt(_)
            | NodeEnum::CreateForeignServerStmt(_)
            | NodeEnum::CreateUserMappingStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::CreateTableSpaceStmt(_)
            | NodeEnum::CreatedbStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateConversionStmt(_)
            | NodeEnum::CreateTransformStmt(_)
            | NodeEnum::CreatePlangStmt(_)
            | NodeEnum::CreateAmStmt(_)
            | NodeEnum::CreateOpClassStmt(_)
            | NodeEnum::CreateOpFamilyStmt(_)
            | NodeEnum::DefineStmt(_)
            | NodeEnum::DropRoleStmt(_)
            | NodeEnum::DropTableSpaceStmt(_)
            | NodeEnum::DropdbStmt(_)
            | NodeEnum::DropUserMappingStmt(_)
            | NodeEnum::GrantRoleStmt(_)
            | NodeEnum::ImportForeignSchemaStmt(_)
            | NodeEnum::FetchStmt(_)
            | NodeEnum::DropSubscriptionStmt(_)
    )
}

/// Everything that the roles own changes hands, as with `OWNER TO`.
fn reassign_owned<'c>(cx: Context<'_, 'c>, statement: &ReassignOwnedStmt, fx: &mut Effects<'c>) {
    let roles = role_names(&statement.roles);
    for relation in cx.catalog.relations.values() {
        if roles.contains(&relation.owner.as_str()) {
            fx.lock(relation, LockMode::AccessExclusive);
            fx.lock_indexes(relation, LockMode::AccessExclusive);
        }
    }
}

/// The roles that a statement names.
pub(super) fn role_names(roles: &[Node]) -> Vec<&str> {
    roles
        .iter()
        .filter_map(|role| match &role.node {
            Some(NodeEnum::RoleSpec(role)) => Some(role.rolename.as_str()),
            _ => None,
        })
        .collect()
}
