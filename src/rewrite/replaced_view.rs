//! Taking back a `CREATE OR REPLACE VIEW`: the view as it was is made anew, with what hung on it.
//!
//! *In words*: a view that has got columns cannot be replaced by one that has fewer, so the new one is
//! dropped and the old one created, in one short transaction.

use super::acl;
use super::draft::Draft;
use crate::catalog::{Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::Undo;
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// The undo, or `None` where something hangs on the view that would not come back.
pub(super) fn back(draft: &Draft<'_>, view: &QualifiedName) -> Option<Undo> {
    let found = draft.catalog.relation(view)?;
    let hangs = !found.triggers.is_empty()
        || !found.rules.is_empty()
        || !found.dependants.is_empty()
        || found.columns.iter().any(|column| column.default.is_some());
    if hangs {
        return None;
    }
    let mut sql = vec![format!("DROP VIEW IF EXISTS {view}")];
    sql.extend(create(draft, found)?);
    Some(Undo::Transaction { sql, locks: draft.locks(found, LockMode::AccessExclusive) })
}

/// The statements that make the view, with its owner, privileges, options and comments.
pub(super) fn create(draft: &Draft<'_>, found: &Relation) -> Option<Vec<String>> {
    if found.kind != RelationKind::View {
        return None;
    }
    let query = found.view_definition.as_ref()?;
    let columns: Vec<String> = found.columns.iter().map(|c| quote_ident(&c.name)).collect();
    let options = match found.options.as_slice() {
        [] => String::new(),
        options => format!(" WITH ({})", options.join(", ")),
    };
    let query = query.trim().trim_end_matches(';');
    let mut sql =
        vec![format!("CREATE VIEW {} ({}){options} AS {query}", found.name, columns.join(", "))];
    sql.extend(belongings(draft, found));
    Some(sql)
}

fn belongings(draft: &Draft<'_>, found: &Relation) -> Vec<String> {
    let view = &found.name;
    let mut sql = Vec::new();
    if found.owner != draft.catalog.server.role.name {
        sql.push(format!("ALTER VIEW {view} OWNER TO {}", quote_ident(&found.owner)));
    }
    sql.extend(acl::exactly(draft, found, view, acl::Kind::Table));
    if let Some(comment) = &found.comment {
        sql.push(format!("COMMENT ON VIEW {view} IS {}", quote_literal(comment)));
    }
    for column in &found.columns {
        let quoted = quote_ident(&column.name);
        if let Some(comment) = &column.comment {
            sql.push(format!("COMMENT ON COLUMN {view}.{quoted} IS {}", quote_literal(comment)));
        }
    }
    sql
}
