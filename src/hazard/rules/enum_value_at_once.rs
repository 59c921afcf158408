//! A new enum value is used in the transaction that adds it.

use super::{Context, Error, Found, Hazard, inline};
use crate::sql::quote_literal;
use crate::sql::walk::walk;
use pg_query::protobuf::a_const::Val;
use pg_query::{NodeEnum, NodeRef};

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL054",
    name: "enum-value-in-same-transaction",
    severity: Error,
    summary: "a new enum value cannot be used before the transaction that adds it has committed",
    effect: "PostgreSQL refuses the statement: \"unsafe use of new value\". The migration stops there.",
    remedy: "COMMIT after ALTER TYPE … ADD VALUE; with a tool that wraps each file in a transaction, put \
             it in a file of its own.",
    bad: "BEGIN;\nALTER TYPE mood ADD VALUE 'curious';\nUPDATE users SET feeling = 'curious' WHERE id = 1;\nCOMMIT;",
    good: "ALTER TYPE mood ADD VALUE 'curious';\nUPDATE users SET feeling = 'curious' WHERE id = 1;",
    source: "PostgreSQL documentation, ALTER TYPE, Notes; since 17 not for an enum made in the same transaction.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if cx.file.values.is_empty() || matches!(cx.node(), NodeEnum::AlterEnumStmt(_)) {
        return;
    }
    let mut used = Vec::new();
    let mut casts = Vec::new();
    each_node(cx.node(), |node| match node {
        NodeRef::AConst(constant) => {
            if let Some(Val::Sval(text)) = &constant.val
                && let Some((label, added)) = cx.file.values.get_key_value(&text.sval)
            {
                used.extend(added.iter().map(|added| (label, added, constant.location)));
            }
        }
        NodeRef::TypeCast(cast) => casts.extend(cast.type_name.as_ref().map(super::last_name)),
        _ => {}
    });
    for (label, added, location) in used {
        // The same word in a column of another type is harmless.
        let typed = || {
            cx.impact.locks.iter().any(|lock| {
                cx.relation(&lock.relation).is_none_or(|relation| {
                    !super::known(relation)
                        || relation.columns.iter().any(|column| {
                            column.user_type.as_ref().is_some_and(|of| of.name == added.of)
                        })
                })
            })
        };
        if !casts.contains(&added.of) && !typed() {
            continue;
        }
        let message = format!(
            "{} is a value since statement {} of the same transaction: PostgreSQL refuses to use it",
            quote_literal(label),
            added.statement
        );
        let remedy = "COMMIT after ALTER TYPE … ADD VALUE.".to_owned();
        cx.report(found, &HAZARD, cx.span_at(location), message, Some(remedy));
    }
}

/// Every node of a query, or of the expressions of `ALTER TABLE`.
fn each_node<'a>(root: &'a NodeEnum, mut visit: impl FnMut(NodeRef<'a>)) {
    let NodeEnum::AlterTableStmt(alter) = root else { return walk(root, visit) };
    for node in &alter.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { continue };
        match command.def.as_ref().and_then(|def| def.node.as_ref()) {
            Some(NodeEnum::ColumnDef(column)) => {
                let constraints = inline(column).filter_map(|c| c.raw_expr.as_deref());
                for expression in constraints.chain(column.raw_default.as_deref()) {
                    if let Some(root) = &expression.node {
                        walk(root, &mut visit);
                    }
                }
            }
            Some(expression) => walk(expression, &mut visit),
            None => {}
        }
    }
}

#[cfg(test)]
#[test]
fn fires_before_the_commit() {
    use crate::hazard::testing::{check, check_in, shop};
    let mut old = shop();
    old.server.version_num = 160_000;
    let new =
        "BEGIN; CREATE TYPE m AS ENUM ('a'); ALTER TYPE m ADD VALUE 'x'; SELECT 'x'::m; COMMIT";
    check_in(&old, &HAZARD, &[new], &[]);
    check(
        &HAZARD,
        &[
            "BEGIN; ALTER TYPE mood ADD VALUE 'x'; ALTER TABLE users ALTER feeling SET DEFAULT 'x'; COMMIT",
            "BEGIN; ALTER TYPE mood ADD VALUE 'x'; SELECT 'x'::mood; COMMIT",
            "BEGIN; ALTER TYPE mood ADD VALUE 'x'; INSERT INTO users (login, feeling) VALUES ('a', 'x'); COMMIT",
        ],
        &[
            "BEGIN; ALTER TYPE mood ADD VALUE 'x'; COMMIT; SELECT 'x'::mood",
            "BEGIN; ALTER TYPE mood ADD VALUE 'x'; UPDATE orders SET status = 'x' WHERE id = 1; COMMIT",
            new,
            "BEGIN; ALTER TYPE mood ADD VALUE 'x'; ALTER TYPE mood ADD VALUE 'y' AFTER 'x'; COMMIT",
        ],
    );
}
