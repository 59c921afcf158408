//! The way back from `CREATE SCHEMA` with what is created inside it.

use crate::catalog::schema_elements;
use crate::plan::Undo;
use crate::sql::quote_ident;
use pg_query::NodeEnum;
use pg_query::protobuf::CreateSchemaStmt;

/// What was made inside goes one by one: what the application has made there since keeps the schema
/// from being dropped, and is not lost.
/// `None` for a schema that is named after a role.
pub(super) fn back(create: &CreateSchemaStmt) -> Option<Undo> {
    let schema = quote_ident(&create.schemaname);
    if create.schemaname.is_empty() {
        return None;
    }
    let mut sql: Vec<String> = schema_elements(create, &create.schemaname)
        .iter()
        .filter_map(|element| {
            let (kind, range) = match element {
                NodeEnum::CreateSeqStmt(sequence) => ("SEQUENCE", sequence.sequence.as_ref()?),
                NodeEnum::CreateStmt(table) => ("TABLE", table.relation.as_ref()?),
                NodeEnum::ViewStmt(view) => ("VIEW", view.view.as_ref()?),
                _ => return None,
            };
            Some(format!("DROP {kind} IF EXISTS {schema}.{}", quote_ident(&range.relname)))
        })
        .collect();
    sql.reverse();
    sql.push(format!("DROP SCHEMA IF EXISTS {schema}"));
    Some(Undo::Transaction { sql, locks: Vec::new() })
}
