//! `CREATE SCHEMA`, with what is created inside it.

use crate::analyze::effects::Effects;
use crate::analyze::resolve::Context;
use crate::analyze::{AnalyzeError, analyze};
use crate::catalog::schema_elements;
use crate::sql::{Diagnostic, Statement};
use pg_query::protobuf::CreateSchemaStmt;

pub(in crate::analyze) fn create_schema<'c>(
    cx: Context<'_, 'c>,
    statement: &CreateSchemaStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    // `CREATE SCHEMA AUTHORIZATION role` names it after the role.
    let named = match (&statement.authrole, statement.schemaname.as_str()) {
        (Some(role), "") => role.rolename.as_str(),
        (_, name) => name,
    };
    if cx.catalog.schemas.contains(named) && !statement.if_not_exists {
        let message = format!("schema \"{named}\" already exists");
        let diagnostic = Diagnostic::new(message, cx.span_of(named, 0)).label("already there");
        return Err(AnalyzeError::Exists(diagnostic));
    }
    if statement.schema_elts.is_empty() {
        return Ok(());
    }
    // Each sees the ones before it, and resolves names in the new schema first.
    let mut within = cx.catalog.clone();
    within.schemas.insert(named.to_owned());
    within.server.search_path.insert(0, named.to_owned());
    for node in schema_elements(statement, named) {
        let element = Statement { node, ..cx.statement.clone() };
        let impact = analyze(&element, &within)?;
        fx.absorb(impact);
        within.apply(&element);
    }
    Ok(())
}
