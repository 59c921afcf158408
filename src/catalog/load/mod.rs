//! Reads a [`Catalog`](super::Catalog) from a server, versions 14 to 18: all of it, or what a plan needs.
//!
//! A fixed number of queries whatever the number of tables, all of them on one snapshot. Never
//! changes anything. `queries` and `versions` hold the texts, `relations` and `members` turn rows into
//! the model, `closure` finds what hangs together, `session` opens and closes the transaction in which
//! they run; `fingerprint` describes everything there is, to compare databases.

mod closure;
mod fingerprint;
mod fingerprint_queries;
mod foreign;
mod functions;
mod members;
mod queries;
mod relations;
pub(crate) mod session;
mod versions;

use super::{Catalog, ExtensionMembers, Need, Role, Server, TypeDef};
use crate::error::Error;
use crate::sql::QualifiedName;
use std::collections::BTreeSet;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

pub use fingerprint::{DataDigest, column_order, data_digest, fingerprint};

use session::{PRINTING, failed, in_snapshot};
use versions::for_version;

/// Settings that change what a statement does, how long it may wait, or what it costs.
const SETTINGS: [&str; 23] = [
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "block_size",
    "check_function_bodies",
    "deadlock_timeout",
    "default_table_access_method",
    "default_tablespace",
    "default_toast_compression",
    "hot_standby_feedback",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "maintenance_work_mem",
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "search_path",
    "session_replication_role",
    "standard_conforming_strings",
    "statement_timeout",
    "transaction_timeout",
    "wal_level",
    "idle_session_timeout",
];

/// The catalog of every application schema, as one snapshot shows it.
///
/// `client` must not be in a transaction: a read-only one is opened and ended here. When the future
/// is dropped midway, that transaction stays open; drop the client with it.
///
/// # Errors
/// `Kind::Retry` when someone holds a relation locked for longer than 30 seconds, `Kind::Failed`
/// for anything else that the server refuses, a lost connection included.
pub async fn load(client: &Client) -> Result<Catalog, Error> {
    in_snapshot(client, read(client, &Wanted::All)).await
}

/// What `need` says, and what hangs together with it: enough to plan its statements in a database of
/// which most is left out. Names that are taken, schemas, types, functions and extensions are complete.
///
/// # Errors
/// As [`load`].
pub async fn load_needed(client: &Client, need: &Need) -> Result<Catalog, Error> {
    in_snapshot(client, read(client, &Wanted::Needed(need))).await
}

/// The same for some relations only, to compare facts about them; those that do not exist are left
/// out. Schemas, types, functions and extensions are complete.
///
/// # Errors
/// As [`load`].
pub async fn load_relations(client: &Client, names: &[QualifiedName]) -> Result<Catalog, Error> {
    in_snapshot(client, read(client, &Wanted::Named(names))).await
}

/// Which relations are read.
enum Wanted<'a> {
    All,
    Named(&'a [QualifiedName]),
    Needed(&'a Need),
}

async fn read(client: &Client, wanted: &Wanted<'_>) -> Result<Catalog, Error> {
    let (server, version_num) = server(client).await?;
    client.batch_execute(PRINTING).await.map_err(failed)?;
    let (only, others) = match wanted {
        Wanted::All => (None, None),
        Wanted::Named(names) => (Some(oids(client, names).await?), None),
        Wanted::Needed(need) => {
            let path = &server.search_path;
            let needed = closure::relations(client, need, path, version_num).await?;
            (Some(needed), Some(closure::names(client, version_num).await?))
        }
    };
    let only: &(dyn ToSql + Sync) = &only;
    let filtered = async |template: &str| {
        let text = for_version(template, version_num);
        client.query_typed(&text, &[(only, Type::OID_ARRAY)]).await
    };
    let whole =
        async |template: &str| client.query_typed(&for_version(template, version_num), &[]).await;
    // Sent one behind the other without waiting for answers; the server works on them in order.
    let (schemas, extensions, servers, types, own, inputs, routines, casts, operators) =
        tokio::try_join!(
            whole(queries::SCHEMAS),
            whole(queries::EXTENSIONS),
            whole(foreign::SERVERS),
            whole(queries::TYPES),
            whole(functions::OWN),
            whole(functions::OWN_INPUTS),
            whole(functions::OTHERS),
            whole(functions::CASTS),
            whole(functions::OPERATORS),
        )
        .map_err(failed)?;
    let mut catalog = Catalog {
        server,
        sizes_known: true,
        assumed: false,
        schemas: names_of(&schemas),
        relations: crate::catalog::Relations::default(),
        types: types.iter().map(type_definition).collect(),
        functions: functions::by_name(&own, &inputs, &routines),
        extensions: names_of(&extensions),
        extension_members: extensions.iter().map(extension_members).collect(),
        foreign_servers: Some(servers.iter().map(foreign::server).collect()),
        user_casts: !casts.is_empty(),
        user_code: functions::user_code(&casts, &operators),
    };
    let (relations, columns, inheritance) = tokio::try_join!(
        filtered(queries::RELATIONS),
        filtered(queries::COLUMNS),
        filtered(queries::INHERITANCE),
    )
    .map_err(failed)?;
    let mut loaded = relations::Loaded::new(&relations);
    loaded.columns(&columns, &catalog);
    loaded.inheritance(&inheritance);
    let (constraints, indexes, triggers, rules, policies) = tokio::try_join!(
        filtered(queries::CONSTRAINTS),
        filtered(queries::INDEXES),
        filtered(queries::TRIGGERS),
        filtered(queries::RULES),
        filtered(queries::POLICIES),
    )
    .map_err(failed)?;
    members::constraints(&mut loaded, &constraints);
    members::indexes(&mut loaded, &indexes);
    members::triggers(&mut loaded, &triggers);
    members::rules(&mut loaded, &rules);
    members::policies(&mut loaded, &policies);
    let (publications, published, statistics) = tokio::try_join!(
        filtered(queries::PUBLICATIONS),
        filtered(queries::PUBLISHED),
        filtered(queries::STATISTICS),
    )
    .map_err(failed)?;
    let (owners, sequences, dependants, views) = tokio::try_join!(
        filtered(queries::SEQUENCE_OWNERS),
        filtered(queries::SEQUENCES),
        filtered(queries::DEPENDANTS),
        filtered(queries::VIEWS),
    )
    .map_err(failed)?;
    members::publications(&mut loaded, &publications);
    members::published(&mut loaded, &published);
    members::statistics(&mut loaded, &statistics);
    members::sequence_owners(&mut loaded, &owners);
    members::sequences(&mut loaded, &sequences);
    members::dependants(&mut loaded, &dependants);
    members::views(&mut loaded, &views);
    catalog.relations = loaded.finish().into();
    if let Some(others) = others {
        catalog.relations.with_others(others);
    }
    Ok(catalog)
}

/// The server, with the settings of the session as they were before ours.
async fn server(client: &Client) -> Result<(Server, u32), Error> {
    let version = client
        .query_typed("SELECT current_setting('server_version_num')::int", &[])
        .await
        .map_err(failed)?;
    let version_num = version.first().map_or(0, |row| row.get::<_, i32>(0).unsigned_abs());
    let text = for_version(queries::SERVER, version_num);
    let settings: &(dyn ToSql + Sync) = &SETTINGS.as_slice();
    let settings = [(settings, Type::TEXT_ARRAY)];
    let (rows, settings) = tokio::try_join!(
        client.query_typed(&text, &[]),
        client.query_typed(queries::SETTINGS, &settings),
    )
    .map_err(failed)?;
    let mut server = Server { version_num, ..Server::default() };
    if let Some(row) = rows.first() {
        server.database = row.get("database");
        server.search_path = row
            .get::<_, Vec<String>>("search_path")
            .into_iter()
            .filter(|schema| schema != "pg_catalog" && !schema.starts_with("pg_temp"))
            .collect();
        server.role = Role {
            name: row.get("role"),
            superuser: row.get("superuser"),
            may_set_replication_role: row.get("may_set_replication_role"),
            may_create_schema: row.get("may_create_schema"),
            may_read_all_stats: row.get("may_read_all_stats"),
            bypasses_row_security: row.get("bypasses_row_security"),
        };
    }
    server.settings = settings.iter().map(|row| (row.get("name"), row.get("value"))).collect();
    Ok((server, version_num))
}

async fn oids(client: &Client, names: &[QualifiedName]) -> Result<Vec<u32>, Error> {
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let relations: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let rows = client
        .query_typed(queries::OIDS, &[(&schemas, Type::TEXT_ARRAY), (&relations, Type::TEXT_ARRAY)])
        .await
        .map_err(failed)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn names_of(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.get("name")).collect()
}

fn extension_members(row: &Row) -> (String, ExtensionMembers) {
    let names = |schemas: &str, names: &str| {
        let schemas: Vec<String> = row.get(schemas);
        schemas
            .into_iter()
            .zip(row.get::<_, Vec<String>>(names))
            .map(|(schema, name)| QualifiedName::new(schema, name))
            .collect()
    };
    let members = ExtensionMembers {
        relations: names("relation_schemas", "relation_names"),
        types: names("type_schemas", "type_names"),
        needed: row.get("needed"),
    };
    (row.get("name"), members)
}

fn type_definition(row: &Row) -> (QualifiedName, TypeDef) {
    let name = QualifiedName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"));
    let definition = match row.get::<_, &str>("kind") {
        "e" => TypeDef::Enum { labels: row.get("labels") },
        "d" => TypeDef::Domain {
            base: row.get("base"),
            not_null: row.get("not_null"),
            default: row.get("expression"),
            checks: row.get("checks"),
        },
        "c" => TypeDef::Composite,
        "r" => TypeDef::Range,
        _ => TypeDef::Other,
    };
    (name, definition)
}
