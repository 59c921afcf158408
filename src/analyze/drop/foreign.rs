//! `DROP SERVER` and `DROP FOREIGN DATA WRAPPER`: servers, foreign tables and user mappings go along.

use super::Dropping;
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::analyze::volatility::name_parts;
use crate::catalog::ForeignServer;
use pg_query::protobuf::{DropStmt, ObjectType};

pub(super) fn drop<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    // Without CASCADE the server refuses as soon as anything would go along.
    let Some(servers) = cx.catalog.foreign_servers.as_ref().filter(|_| !cx.catalog.assumed) else {
        if cascade {
            fx.unknown();
        }
        return Ok(());
    };
    let names: Vec<&str> = statement
        .objects
        .iter()
        .filter_map(|object| name_parts(std::slice::from_ref(object)).first().copied())
        .collect();
    let wrappers = statement.remove_type() == ObjectType::ObjectFdw;
    let mut dropping = Dropping::new(cx, cascade);
    for (name, server) in servers {
        if wrappers && names.contains(&server.wrapper.as_str()) {
            dropping.blocker(None, format!("server {name}"));
        } else if wrappers || !names.contains(&name.as_str()) {
            continue;
        }
        if server.mapped {
            dropping.blocker(None, format!("a user mapping on server {name}"));
        }
        tables(cx, server, &mut dropping, fx);
    }
    match names.first() {
        Some(name) => dropping.report(name, fx),
        None => Ok(()),
    }
}

fn tables<'c>(
    cx: Context<'_, 'c>,
    server: &ForeignServer,
    dropping: &mut Dropping<'_, 'c>,
    fx: &mut Effects<'c>,
) {
    for name in &server.tables {
        dropping.blocker(None, format!("foreign table {name}"));
        match cx.catalog.relation(name) {
            Some(table) => dropping.relation(table),
            // It may have another name by now, or only a part of the database was read.
            None => fx.unknown(),
        }
    }
}
