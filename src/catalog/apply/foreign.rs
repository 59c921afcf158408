//! Foreign servers, and the tables and user mappings that hang on them.

use super::drop::drop_relation;
use crate::catalog::{Catalog, ForeignServer};
use pg_query::protobuf::{CreateForeignServerStmt, CreateStmt};
use std::collections::BTreeMap;

pub(super) fn create_server(catalog: &mut Catalog, create: &CreateForeignServerStmt) {
    if let Some(servers) = &mut catalog.foreign_servers {
        let wrapper = create.fdwname.clone();
        servers
            .entry(create.servername.clone())
            .or_insert_with(|| ForeignServer { wrapper, ..ForeignServer::default() });
    }
}

pub(super) fn create_table(catalog: &mut Catalog, create: &CreateStmt, server: &str) {
    let Some(name) = catalog.target(create.relation.as_ref()) else { return };
    let servers = catalog.foreign_servers.as_mut();
    if let Some(server) = servers.and_then(|servers| servers.get_mut(server)) {
        server.tables.insert(name);
    }
}

pub(super) fn map(catalog: &mut Catalog, server: &str) {
    let servers = catalog.foreign_servers.as_mut();
    if let Some(server) = servers.and_then(|servers| servers.get_mut(server)) {
        server.mapped = true;
    }
}

/// The servers for which `goes` says so, and their tables.
pub(super) fn drop(catalog: &mut Catalog, goes: impl Fn(&str, &ForeignServer) -> bool) {
    let Some(servers) = catalog.foreign_servers.take() else { return };
    let (gone, stay): (BTreeMap<_, _>, _) =
        servers.into_iter().partition(|(name, server)| goes(name, server));
    catalog.foreign_servers = Some(stay);
    for table in gone.values().flat_map(|server| &server.tables) {
        drop_relation(catalog, table);
    }
}
