//! The search path that a role has when it signs on, from `ALTER ROLE` and `ALTER DATABASE`. What a
//! session sets for itself nobody else can see.

use super::failed;
use crate::catalog::Catalog;
use crate::error::Error;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// Roles, most special setting first.
const SETTINGS: &str = "
SELECT r.rolname::text AS role, s.setting
  FROM pg_catalog.pg_roles r
 CROSS JOIN LATERAL (
       SELECT o.option_value AS setting
         FROM pg_catalog.pg_db_role_setting d
        CROSS JOIN pg_catalog.pg_options_to_table(d.setconfig) o
        WHERE o.option_name = 'search_path'
          AND d.setrole IN (0, r.oid)
          AND d.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                     WHERE datname = pg_catalog.current_database()))
        ORDER BY d.setrole <> 0 DESC, d.setdatabase <> 0 DESC LIMIT 1) s";

#[derive(Debug)]
pub(super) struct Paths {
    by_role: BTreeMap<String, String>,
    default: String,
    schemas: Vec<String>,
}

impl Paths {
    pub(super) async fn read(client: &Client, catalog: &Catalog) -> Result<Self, Error> {
        let rows = client.query(SETTINGS, &[]).await.map_err(failed)?;
        let boot = "SELECT boot_val FROM pg_catalog.pg_settings WHERE name = 'search_path'";
        let boot = client.query_one(boot, &[]).await.map_err(failed)?;
        Ok(Self {
            by_role: rows.iter().map(|row| (row.get("role"), row.get("setting"))).collect(),
            default: boot.get::<_, Option<String>>(0).unwrap_or_default(),
            schemas: catalog.schemas.iter().cloned().collect(),
        })
    }

    /// The schemas in which `role` looks for a name.
    pub(super) fn of(&self, role: &str) -> Vec<String> {
        self.expand(self.by_role.get(role).unwrap_or(&self.default), role)
    }

    pub(super) fn expand(&self, setting: &str, role: &str) -> Vec<String> {
        setting
            .split(',')
            .map(|part| part.trim())
            .map(|part| match part.strip_prefix('"').and_then(|p| p.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => part.to_lowercase(),
            })
            .map(|part| if part == "$user" { role.to_owned() } else { part })
            .filter(|part| self.schemas.contains(part))
            .collect()
    }
}
