//! The relations of a database and their files, before and after a statement.

use super::Effects;
use crate::sql::QualifiedName;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// Tables, views, sequences and indexes of the application. TOAST tables and composite types are
/// left out: no query of an application waits for a lock on one. Schema `airlock` is ours.
const RELATIONS: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text,
       coalesce(pg_relation_filenode(c.oid), 0)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind NOT IN ('t', 'c') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
   AND n.nspname NOT IN ('information_schema', 'airlock')";

const FILES: &str = "
SELECT oid, coalesce(pg_relation_filenode(oid), 0) FROM pg_class WHERE oid = ANY ($1)";

/// The relations that are there before a statement.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    by_oid: BTreeMap<u32, Known>,
    names: BTreeMap<QualifiedName, u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) name: QualifiedName,
    kind: String,
    file: u32,
}

impl Known {
    pub(super) fn is_index(&self) -> bool {
        matches!(self.kind.as_str(), "i" | "I")
    }
}

impl Relations {
    /// Those of the database that `client` is connected to.
    ///
    /// # Errors
    /// The server's.
    pub async fn load(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let mut all = Relations::default();
        for row in client.query(RELATIONS, &[]).await? {
            let name = QualifiedName::new(row.get::<_, &str>(1), row.get::<_, &str>(2));
            all.names.insert(name.clone(), row.get(0));
            all.by_oid.insert(row.get(0), Known { name, kind: row.get(3), file: row.get(4) });
        }
        Ok(all)
    }

    pub fn contains(&self, name: &QualifiedName) -> bool {
        self.names.contains_key(name)
    }

    /// Whether some relation has this name in some schema.
    pub fn has_named(&self, name: &str) -> bool {
        self.names.keys().any(|known| known.name == *name)
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn get(&self, oid: u32) -> Option<&Known> {
        self.by_oid.get(&oid)
    }

    pub(super) fn oids(&self) -> Vec<u32> {
        self.by_oid.keys().copied().collect()
    }

    /// Puts every relation into `effects` that has another file now.
    pub(super) async fn new_files(
        &self,
        client: &Client,
        effects: &mut Effects,
    ) -> Result<(), tokio_postgres::Error> {
        for row in client.query(FILES, &[&self.oids()]).await? {
            let Some(relation) = self.get(row.get(0)) else { continue };
            if row.get::<_, u32>(1) == relation.file {
                continue;
            }
            let set = match relation.kind.as_str() {
                "r" | "m" => &mut effects.rewritten,
                _ => &mut effects.new_files,
            };
            set.insert(relation.name.clone());
        }
        Ok(())
    }
}
