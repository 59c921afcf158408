//! The catalog before anything is known of a database: an empty schema `public` and the server's own
//! functions.
//!
//! `builtin_functions.txt` lists every function of `pg_catalog` on PostgreSQL 14 and 18, one name a
//! line, then for each function the first letter of its volatility and its identity arguments; where
//! the two versions differ, the more volatile.

use super::{Catalog, Function, Volatility};
use std::collections::BTreeMap;

const FUNCTIONS: &str = include_str!("builtin_functions.txt");

impl Catalog {
    /// What can be said of a database of version `major` that nobody has looked at.
    pub fn assumed(major: u32) -> Catalog {
        let mut catalog = Catalog { assumed: true, ..Catalog::default() };
        catalog.server.version_num = major * 10_000;
        catalog.server.search_path = vec!["public".to_owned()];
        catalog.server.settings.insert("search_path".to_owned(), "\"$user\", public".to_owned());
        catalog.schemas.insert("public".to_owned());
        catalog.functions = functions();
        catalog
    }
}

fn functions() -> BTreeMap<String, Vec<Function>> {
    FUNCTIONS
        .lines()
        .map(|line| {
            let mut parts = line.split('\t');
            let name = parts.next().unwrap_or_default().to_owned();
            (name, parts.filter_map(function).collect())
        })
        .collect()
}

fn function(text: &str) -> Option<Function> {
    let arguments = text.get(1..)?.to_owned();
    let volatility = match text.as_bytes().first()? {
        b'i' => Volatility::Immutable,
        b's' => Volatility::Stable,
        _ => Volatility::Volatile,
    };
    Some(Function {
        schema: "pg_catalog".to_owned(),
        arguments,
        volatility,
        language: "internal".to_owned(),
        defaults: None,
        routine: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_functions_are_known() {
        let catalog = Catalog::assumed(17);
        assert_eq!(catalog.server.major(), 17);
        let volatility =
            |name: &str| catalog.functions[name].iter().map(|f| f.volatility).max().unwrap();
        assert_eq!(volatility("now"), Volatility::Stable);
        assert_eq!(volatility("gen_random_uuid"), Volatility::Volatile);
        assert_eq!(volatility("lower"), Volatility::Immutable);
    }
}
