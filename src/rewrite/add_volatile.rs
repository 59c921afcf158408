//! `ADD COLUMN` with a volatile default, its own or that of its domain, which would rewrite the table.

use super::add_column::Parts;
use super::data;
use super::draft::Draft;
use super::groups;
use super::marker::Marker;
use super::text::alter;
use crate::analyze::volatility;
use crate::catalog::Volatility;
use crate::lock::LockMode;
use crate::plan::{Action, Backfill, Change, Phase, Undo, WorkKind};
use crate::sql::{QualifiedName, deparse, quote_ident};
use pg_query::protobuf::Node;

/// A default of the column's domain that is volatile stands for one of its own.
pub(super) fn take_default_of_domain(draft: &Draft<'_>, parts: &mut Parts) {
    let Some(written) = parts.bare.type_name.as_ref().filter(|_| parts.default.is_none()) else {
        return;
    };
    let default = draft.catalog.default_of_domain(written).filter(|_| parts.generated.is_none());
    if default.as_ref().is_some_and(|default| is_volatile(draft, parts, default)) {
        parts.default = default;
        parts.of_domain = true;
    }
}

pub(super) fn is_volatile(draft: &Draft<'_>, parts: &Parts, default: &Node) -> bool {
    let written = parts.bare.type_name.as_ref();
    written.is_some_and(|written| {
        volatility::of_default(default, written, &draft.catalog) == Volatility::Volatile
    })
}

/// A volatile default: rows to come get it from the server, rows that exist from the backfill.
pub(super) fn steps(
    draft: &mut Draft<'_>,
    relation: &QualifiedName,
    parts: &Parts,
    default: &Node,
) {
    let name = parts.bare.colname.clone();
    let quoted = quote_ident(&name);
    let expression = deparse::expression(default);
    let Some(found) = draft.catalog.relation(relation) else { return };
    let locks = draft.locks(found, LockMode::AccessExclusive);
    let type_name = parts.bare.type_name.as_ref().map(deparse::type_name).unwrap_or_default();
    let collation = parts
        .bare
        .coll_clause
        .as_ref()
        .map(|clause| {
            let names = groups::strings(&clause.collname);
            let quoted: Vec<String> = names.iter().map(|name| quote_ident(name)).collect();
            format!(" COLLATE {}", quoted.join("."))
        })
        .unwrap_or_default();
    let written = parts.bare.type_name.as_ref();
    let of_domain = written.and_then(|written| draft.catalog.domain_default(written));
    // The default of a domain would fill the old rows, and may be volatile itself.
    let empty = if of_domain.is_some() { " DEFAULT NULL" } else { "" };
    let then = if parts.of_domain {
        "DROP DEFAULT".to_owned()
    } else {
        format!("SET DEFAULT {expression}")
    };
    let mut sql = vec![
        alter(relation, &format!("ADD COLUMN {quoted} {type_name}{collation}{empty}")),
        alter(relation, &format!("ALTER COLUMN {quoted} {then}")),
    ];
    let marker = parts.not_null.is_none().then(|| Marker::new(draft, relation));
    if let Some(marker) = &marker {
        sql.extend(marker.create(Some(&name)));
    }
    let mut undo = marker.as_ref().map(Marker::remove_if_there).unwrap_or_default();
    undo.push(alter(relation, &format!("DROP COLUMN IF EXISTS {quoted}")));
    draft
        .additive_step(
            format!(
                "a volatile default would rewrite the table: {name} is added empty and only new rows get {expression} from the server"
            ),
            Action::Transaction { sql },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction { sql: undo, locks });
    let (set, predicate) = match &marker {
        Some(marker) => (
            format!("{quoted} = {expression}, {} = NULL", quote_ident(&marker.column)),
            quote_ident(&marker.column),
        ),
        None => (format!("{quoted} = {expression}"), format!("{quoted} IS NULL")),
    };
    draft
        .step(
            Phase::Migrate,
            format!("rows that existed before get their own {expression}"),
            Action::Backfill(Backfill {
                relation: relation.clone(),
                alias: relation.name.clone(),
                change: Change::Update { set, from: None },
                predicate,
                fires_triggers: false,
                // A row that the application moves out of the walk's way is found by the next pass.
                repeat: true,
            }),
        )
        .locks(data::row_locks(relation))
        .work(WorkKind::RowChanges, relation);
    if let Some(marker) = marker {
        marker.remove_step(draft);
    }
}
