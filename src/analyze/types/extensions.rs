//! Types of well-known extensions, for one that the migration itself creates: its script is not known
//! before it has run. Base types only, as each extension's script creates them (its documentation lists them); of a domain it
//! would matter whether it has constraints.

use crate::catalog::Catalog;

const TYPES: [(&str, &[&str]); 13] = [
    ("citext", &["citext"]),
    ("cube", &["cube"]),
    ("hll", &["hll"]),
    ("hstore", &["hstore"]),
    ("intarray", &["query_int"]),
    ("ip4r", &["ip4", "ip4r", "ip6", "ip6r", "ipaddress", "iprange"]),
    ("isn", &["ean13", "isbn", "isbn13", "ismn", "ismn13", "issn", "issn13", "upc"]),
    ("ltree", &["lquery", "ltree", "ltxtquery"]),
    ("postgis", &["box2d", "box3d", "geography", "geometry"]),
    ("postgis_raster", &["raster"]),
    ("seg", &["seg"]),
    ("semver", &["semver"]),
    ("vector", &["halfvec", "sparsevec", "vector"]),
];

/// Whether `name` is a type of an extension that a statement before has created.
pub(super) fn brings(name: &str, catalog: &Catalog) -> bool {
    TYPES.iter().any(|(extension, types)| {
        types.contains(&name)
            && catalog.extensions.contains(*extension)
            && !catalog.extension_members.contains_key(*extension)
    })
}

/// An extension that a statement before has created, so that what it brings is not known.
pub(super) fn unseen(catalog: &Catalog) -> Option<&str> {
    let unseen = |name: &&String| !catalog.extension_members.contains_key(*name);
    catalog.extensions.iter().find(unseen).map(String::as_str)
}
