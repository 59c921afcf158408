//! Renaming a type, or a value of an enum.

use super::{Context, Error, Found, Hazard};
use crate::hazard::context::in_use;
use crate::hazard::history::strings;
use crate::sql::{quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ObjectType};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL070",
    name: "rename-type-or-value",
    severity: Error,
    summary: "renaming a type or an enum value breaks the running application that uses the old name",
    effect: "The old application sends the old value, or casts to the old type, and gets an error; what it \
             reads has a name that it does not know.",
    remedy: "Add a new value, move rows and application over, and stop using the old one; an enum cannot \
             lose a value, but need not use it. For a type, create a new one and a new column.",
    bad: "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';",
    good: "ALTER TYPE mood ADD VALUE 'blue';",
    source: "PostgreSQL documentation, ALTER TYPE, RENAME VALUE and RENAME TO.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    let name_in = |nodes: &[Node]| strings(nodes).pop().unwrap_or_default();
    let (of, message, word) = match cx.node() {
        NodeEnum::AlterEnumStmt(alter) if !alter.old_val.is_empty() => {
            let of = name_in(&alter.type_name);
            let message = format!(
                "statements that use {} of {} fail from here on",
                quote_literal(&alter.old_val),
                quote_ident(&of)
            );
            (of.clone(), message, of)
        }
        NodeEnum::RenameStmt(rename)
            if matches!(
                rename.rename_type(),
                ObjectType::ObjectType | ObjectType::ObjectDomain
            ) =>
        {
            let of = match rename.object.as_deref().and_then(|object| object.node.as_ref()) {
                Some(NodeEnum::List(list)) => name_in(&list.items),
                _ => return,
            };
            let message =
                format!("statements that name type {} fail from here on", quote_ident(&of));
            (of.clone(), message, of)
        }
        _ => return,
    };
    let used = cx.catalog.relations.values().filter(|relation| in_use(relation)).any(|relation| {
        relation
            .columns
            .iter()
            .any(|column| column.user_type.as_ref().is_some_and(|name| name.name == of))
    });
    // Without a database a type that no known table uses may be used all the same.
    let made_here = cx.file.enums.contains(&of);
    if used || (!cx.catalog.sizes_known && !made_here) {
        cx.report(found, &HAZARD, cx.span_of_word(&word), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_where_a_table_has_the_type() {
    crate::hazard::testing::check(
        &HAZARD,
        &["ALTER TYPE mood RENAME TO feeling", "ALTER DOMAIN email RENAME TO address"],
        &[
            "ALTER DOMAIN remark RENAME TO comment",
            "CREATE TYPE m AS ENUM ('a'); ALTER TYPE m RENAME VALUE 'a' TO 'b'",
            "ALTER TYPE mood ADD VALUE 'x'",
        ],
    );
}
