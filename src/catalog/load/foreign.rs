//! Foreign servers and what belongs to them.

use crate::catalog::ForeignServer;
use crate::sql::QualifiedName;
use tokio_postgres::Row;

/// All servers, those of extensions too. User mappings of others are seen through the view alone.
pub(super) const SERVERS: &str = "
SELECT s.srvname::text AS name, w.fdwname::text AS wrapper,
       array(SELECT n.nspname::text FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE t.ftserver = s.oid ORDER BY c.oid) AS schemas,
       array(SELECT c.relname::text FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid
              WHERE t.ftserver = s.oid ORDER BY c.oid) AS tables,
       EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvid = s.oid) AS mapped
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw";

pub(super) fn server(row: &Row) -> (String, ForeignServer) {
    let schemas: Vec<String> = row.get("schemas");
    let tables: Vec<String> = row.get("tables");
    let tables = schemas.into_iter().zip(tables);
    let server = ForeignServer {
        wrapper: row.get("wrapper"),
        tables: tables.map(|(schema, name)| QualifiedName::new(schema, name)).collect(),
        mapped: row.get("mapped"),
    };
    (row.get("name"), server)
}
