//! `DROP EXTENSION`: its members go with it.

use super::Dropping;
use super::objects::drop_type;
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::analyze::volatility::name_parts;
use crate::sql::Diagnostic;
use pg_query::protobuf::DropStmt;

pub(super) fn drop<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for object in &statement.objects {
        let Some(name) = name_parts(std::slice::from_ref(object)).first().copied() else {
            continue;
        };
        if !cx.catalog.extensions.contains(name) && !cx.catalog.assumed {
            if statement.missing_ok {
                continue;
            }
            let message = format!("extension \"{name}\" does not exist");
            let diagnostic = Diagnostic::new(message, cx.span_of(name, 0)).label("not there");
            return Err(AnalyzeError::Invalid(diagnostic));
        }
        let Some(members) = cx.catalog.extension_members.get(name) else {
            // Nobody has seen what belongs to it; it may own tables.
            if cx.catalog.extensions.contains(name) || !statement.missing_ok {
                fx.unknown();
            }
            continue;
        };
        if cascade && members.needed {
            // Operator classes, casts and operators are not in the catalog, nor what uses them.
            fx.unknown();
        }
        let mut dropping = Dropping::new(cx, cascade);
        for relation in members.relations.iter().filter_map(|name| cx.catalog.relation(name)) {
            dropping.ask_for(relation);
        }
        for kind in &members.types {
            drop_type(cx, kind, &mut dropping);
        }
        dropping.report(name, fx)?;
    }
    Ok(())
}
