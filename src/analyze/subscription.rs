//! Subscriptions and extensions: what they do to relations of this database.

use super::AnalyzeError;
use super::effects::Effects;
use super::misc::is_false;
use super::resolve::{Context, range_from};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterExtensionContentsStmt, AlterSubscriptionStmt, AlterSubscriptionType,
    CreateSubscriptionStmt, Node, ObjectType,
};

/// Whether an option of a subscription is given and says no.
fn is_off(options: &[Node], name: &str) -> bool {
    options.iter().any(|option| {
        matches!(&option.node, Some(NodeEnum::DefElem(option))
            if option.defname == name && is_false(option))
    })
}

/// `CREATE SUBSCRIPTION`: which tables it looks at is for the publisher to say.
pub(super) fn create_subscription(statement: &CreateSubscriptionStmt, fx: &mut Effects<'_>) {
    if !is_off(&statement.options, "connect") {
        fx.opaque();
    }
}

/// `ALTER SUBSCRIPTION`: likewise when it refreshes the list of tables.
pub(super) fn alter_subscription(statement: &AlterSubscriptionStmt, fx: &mut Effects<'_>) {
    use AlterSubscriptionType as Kind;
    let refreshes = match statement.kind() {
        Kind::AlterSubscriptionRefresh => true,
        Kind::AlterSubscriptionSetPublication
        | Kind::AlterSubscriptionAddPublication
        | Kind::AlterSubscriptionDropPublication => !is_off(&statement.options, "refresh"),
        _ => false,
    };
    if refreshes {
        fx.opaque();
    }
}

/// `ALTER EXTENSION … ADD` and `DROP`: the member is held while its place in the extension changes.
pub(super) fn extension_contents<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterExtensionContentsStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let parts: &[Node] = match statement.object.as_ref().and_then(|object| object.node.as_ref()) {
        Some(NodeEnum::List(list)) => &list.items,
        _ => &[],
    };
    match statement.objtype() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => {
            fx.lock(cx.relation(&range_from(parts))?, LockMode::ShareUpdateExclusive);
        }
        ObjectType::ObjectIndex => {
            let (table, index) = cx.index(&range_from(parts))?;
            fx.lock_index(table, index, LockMode::ShareUpdateExclusive);
        }
        _ => {}
    }
    Ok(())
}
