//! Reads a [`Schema`] from a server, versions 14 to 18, in one snapshot. Never changes anything.
//!
//! Objects that belong to an extension are left out: `CREATE EXTENSION` makes them.

mod relations;
mod routines;
mod types;

use super::model::{Key, Kind, Object, Schema};
use crate::catalog::load::session::{PRINTING, failed, in_snapshot};
use crate::error::{Error, Kind as ErrorKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio_postgres::{Client, Row};

/// Schemas of applications: neither the server's own nor airlock's journal. `n` is `pg_namespace`.
const APPLICATION: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', \
     'airlock') AND n.nspname !~ '^pg_(toast_)?temp_'";

/// What `pg_depend` calls an object.
type Address = (u32, u32, i32);

/// The schema of a database.
///
/// # Errors
/// As [`crate::catalog::load`].
pub async fn load(client: &Client) -> Result<Schema, Error> {
    in_snapshot(client, read(client)).await
}

async fn read(client: &Client) -> Result<Schema, Error> {
    client.batch_execute(PRINTING).await.map_err(failed)?;
    let version = client
        .query_typed_one("SELECT current_setting('server_version_num')::int", &[])
        .await
        .map_err(failed)?;
    let version_num = version.get::<_, i32>(0).unsigned_abs();
    let mut loaded = Loaded { members: pairs(client, MEMBERS).await?, ..Loaded::default() };
    let queries =
        [relations::queries(version_num), routines::queries(version_num), types::queries()];
    for query in queries.iter().flatten() {
        let rows = client.query_typed(query, &[]).await.map_err(failed)?;
        for row in &rows {
            loaded.object(row)?;
        }
    }
    for row in &client.query_typed(ALIASES, &[]).await.map_err(failed)? {
        loaded.aliases.insert(address(row, 0), address(row, 3));
    }
    let dependencies = client.query_typed(DEPENDENCIES, &[]).await.map_err(failed)?;
    for row in &dependencies {
        loaded.dependency(address(row, 0), address(row, 3), row.get::<_, &str>(6));
    }
    Ok(Schema { version_num, objects: loaded.finish() })
}

/// Members of extensions.
const MEMBERS: &str = "SELECT classid, objid FROM pg_depend WHERE deptype = 'e'";

/// Things that stand for another object: its row type, its rule, its index, its default expression, a
/// foreign key's hold on each partition that it leads to.
const ALIASES: &str = "
SELECT 'pg_attrdef'::regclass::oid, d.oid, 0, 'pg_class'::regclass::oid, d.adrelid, d.adnum::int
  FROM pg_attrdef d
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
 UNION ALL
SELECT 'pg_rewrite'::regclass, r.oid, 0, 'pg_class'::regclass, r.ev_class, 0
  FROM pg_rewrite r WHERE r.rulename = '_RETURN'
 UNION ALL
SELECT 'pg_type'::regclass, t.oid, 0, 'pg_class'::regclass, t.typrelid, 0
  FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind <> 'c'
 UNION ALL
SELECT 'pg_class'::regclass, t.typrelid, 0, 'pg_type'::regclass, t.oid, 0
  FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
 UNION ALL
SELECT 'pg_type'::regclass, t.typarray, 0, 'pg_type'::regclass, t.oid, 0
  FROM pg_type t WHERE t.typarray <> 0
 UNION ALL
SELECT 'pg_type'::regclass, r.rngmultitypid, 0, 'pg_type'::regclass, r.rngtypid, 0
  FROM pg_range r
 UNION ALL
SELECT 'pg_class'::regclass, k.conindid, 0, 'pg_constraint'::regclass, k.oid, 0
  FROM pg_constraint k WHERE k.contype IN ('p', 'u', 'x')
 UNION ALL
SELECT 'pg_constraint'::regclass, k.oid, 0, 'pg_constraint'::regclass, p.oid, 0
  FROM pg_constraint k JOIN pg_constraint p ON p.oid = k.conparentid AND p.conrelid = k.conrelid
 UNION ALL
SELECT 'pg_constraint'::regclass, k.oid, 0, 'pg_class'::regclass, k.conrelid, k.conkey[1]::int
  FROM pg_constraint k WHERE k.contype = 'n' AND k.conrelid <> 0
 UNION ALL
SELECT 'pg_class'::regclass, s.objid, 0, 'pg_class'::regclass, s.refobjid, s.refobjsubid
  FROM pg_depend s JOIN pg_class c ON c.oid = s.objid AND c.relkind = 'S'
 WHERE s.classid = 'pg_class'::regclass AND s.refclassid = 'pg_class'::regclass
   AND s.deptype = 'i'";

const DEPENDENCIES: &str = "
SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype::text
  FROM pg_depend
 WHERE objid >= 16384 AND deptype IN ('n', 'a', 'i', 'P', 'S')";

#[derive(Default)]
struct Loaded {
    members: HashSet<(u32, u32)>,
    objects: BTreeMap<Key, Object>,
    addresses: HashMap<Address, Key>,
    aliases: HashMap<Address, Address>,
}

impl Loaded {
    fn object(&mut self, row: &Row) -> Result<(), Error> {
        let (class, oid): (u32, u32) = (row.get("class"), row.get("oid"));
        let relation: Option<(u32, u32)> = row
            .get::<_, Option<u32>>("within")
            .map(|within| (row.get::<_, u32>("within_class"), within));
        let of_extension = self.members.contains(&(class, oid))
            || relation.is_some_and(|relation| self.members.contains(&relation));
        if of_extension {
            return Ok(());
        }
        let kind: &str = row.get("kind");
        let kind: Kind = serde_json::from_value(Value::from(kind)).map_err(|_| {
            Error::new(ErrorKind::Failed, format!("cannot read the schema: unknown kind {kind}"))
        })?;
        let key = Key::new(kind, row.get("schema"), row.get("name"), row.get("item"));
        let Value::Object(parts) = row.get::<_, Value>("parts") else { return Ok(()) };
        let parts = parts.into_iter().filter(|(_, value)| !value.is_null()).collect();
        self.addresses.insert((class, oid, row.get("sub")), key.clone());
        let object =
            Object { key: key.clone(), parts, needs: BTreeSet::new(), falls_with: BTreeSet::new() };
        self.objects.insert(key, object);
        Ok(())
    }

    /// The object at an address, through what stands for it; the whole when a part has no object of
    /// its own.
    fn resolve(&self, address: Address) -> Option<&Key> {
        const MAX_STEPS: usize = 4;
        let mut at = address;
        for _ in 0..MAX_STEPS {
            if let Some(found) = self.addresses.get(&at) {
                return Some(found);
            }
            at = match self.aliases.get(&at) {
                Some(other) => *other,
                None if at.2 != 0 => (at.0, at.1, 0),
                None => return None,
            };
        }
        None
    }

    fn dependency(&mut self, from: Address, to: Address, deptype: &str) {
        let (Some(from), Some(to)) = (self.resolve(from), self.resolve(to)) else { return };
        if from == to {
            return;
        }
        let (from, to) = (from.clone(), to.clone());
        // That a sequence belongs to a column, or a table to a parent, is an object of its own.
        let owned = from.kind == Kind::Sequence && matches!(to.kind, Kind::Column | Kind::Table);
        let child = from.kind == Kind::Table && to.kind == Kind::Table;
        if child || (from.kind == Kind::Column && to == from.of_table()) {
            return;
        }
        let Some(object) = self.objects.get_mut(&from) else { return };
        if !owned {
            object.needs.insert(to.clone());
        }
        if matches!(deptype, "a" | "i" | "P" | "S") {
            object.falls_with.insert(to);
        }
    }

    /// Adds what does not stand in `pg_depend`.
    fn finish(mut self) -> BTreeMap<Key, Object> {
        let known: BTreeSet<Key> = self.objects.keys().cloned().collect();
        for object in self.objects.values_mut() {
            let key = object.key.clone();
            let mut hangs_on = |on: Key| {
                if on != key && known.contains(&on) {
                    object.needs.insert(on.clone());
                    object.falls_with.insert(on);
                }
            };
            match key.kind {
                Kind::Column | Kind::Constraint | Kind::ConstraintPartition | Kind::Inheritance => {
                    hangs_on(key.of_table());
                }
                Kind::Default => hangs_on(key.same_place(Kind::Column)),
                Kind::Rule | Kind::Trigger | Kind::Policy => {
                    for kind in [Kind::Table, Kind::View, Kind::MaterializedView] {
                        hangs_on(Key::new(kind, &key.schema, &key.name, ""));
                    }
                }
                Kind::DomainConstraint => {
                    hangs_on(Key::new(Kind::Domain, &key.schema, &key.name, ""));
                }
                Kind::SequenceOwner => hangs_on(key.same_place(Kind::Sequence)),
                Kind::PublicationTable => {
                    hangs_on(Key::new(Kind::Publication, "", &key.name, ""));
                }
                Kind::IndexPartition | Kind::TriggerPartition => hangs_on(key.of_table()),
                Kind::DefaultPrivileges => {
                    hangs_on(Key::new(Kind::Schema, "", &key.schema, ""));
                }
                Kind::Schema
                | Kind::Extension
                | Kind::Collation
                | Kind::Enum
                | Kind::Range
                | Kind::Composite
                | Kind::Domain
                | Kind::Sequence
                | Kind::Table
                | Kind::Index
                | Kind::Statistics
                | Kind::Function
                | Kind::Aggregate
                | Kind::View
                | Kind::MaterializedView
                | Kind::Publication
                | Kind::EventTrigger => {}
            }
            if let Some(Value::Array(other)) = object.parts.get("_other").cloned() {
                let part = |at: usize| other.get(at).and_then(Value::as_str).unwrap_or_default();
                let kind = if part(2).is_empty() { Kind::Table } else { Kind::Column };
                let on = Key::new(kind, part(0), part(1), part(2));
                if known.contains(&on) {
                    object.needs.insert(on.clone());
                    if key.kind != Kind::Inheritance {
                        object.falls_with.insert(on);
                    }
                }
            }
        }
        self.objects
    }
}

fn address(row: &Row, at: usize) -> Address {
    (row.get(at), row.get(at + 1), row.get(at + 2))
}

async fn pairs(client: &Client, query: &str) -> Result<HashSet<(u32, u32)>, Error> {
    let rows = client.query_typed(query, &[]).await.map_err(failed)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Privileges as `[grantee, privilege, with grant option]`, sorted: no grantee is PUBLIC, an empty
/// one the owner. `kind` is `acldefault`'s.
fn acl(kind: &str, acl: &str, owner: &str) -> String {
    format!(
        "(SELECT jsonb_agg(entry ORDER BY entry) FROM (
            SELECT DISTINCT jsonb_build_array(
                     CASE x.grantee WHEN 0 THEN NULL WHEN {owner} THEN ''
                                    ELSE pg_get_userbyid(x.grantee) END,
                     x.privilege_type, x.is_grantable) AS entry
              FROM aclexplode(coalesce({acl}, acldefault('{kind}', {owner}))) AS x) AS entries)"
    )
}

/// Owner, privileges and comment of an object, as items for `jsonb_build_object`.
fn common(kind: &str, acl_column: &str, owner: &str, oid: &str, class: &str) -> String {
    format!(
        "'owner', pg_get_userbyid({owner}), 'privileges', {}, '_privileges', {}, 'comment', {}",
        acl(kind, acl_column, owner),
        acl(kind, "NULL", owner),
        comment(oid, class),
    )
}

fn comment(oid: &str, class: &str) -> String {
    format!("obj_description({oid}, '{class}')")
}

/// A whole query. `within` is the object whose extension decides, with its catalog.
fn query(
    address: (&str, &str, &str),
    within: (&str, &str),
    names: [&str; 4],
    parts: &[String],
    from: &str,
) -> String {
    let (class, oid, sub) = address;
    let (within_class, within) = within;
    let [kind, schema, name, item] = names;
    // A function takes 100 arguments at most.
    let parts: Vec<String> =
        parts.iter().map(|part| format!("jsonb_build_object({part})")).collect();
    format!(
        "SELECT '{class}'::regclass::oid AS class, {oid} AS oid, ({sub})::int AS sub,
                '{within_class}'::regclass::oid AS within_class, ({within})::oid AS within,
                ({kind})::text AS kind, ({schema})::text AS schema, ({name})::text AS name,
                ({item})::text AS item, {} AS parts
           FROM {from}",
        parts.join(" || ")
    )
}
