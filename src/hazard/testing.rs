//! The shop as a catalog, and a file of SQL run through the checks.

use super::{Checker, Finding, Hazard, Options};
use crate::analyze::analyze;
use crate::catalog::{Catalog, Function, Sequence, Volatility};
use crate::sql::{QualifiedName, parse};

const EMPTY: &str = "archive";
/// Left invalid by a build that failed.
const BROKEN: &str = "users_broken_idx";

/// The shop on PostgreSQL 18, with a gigabyte in every table but the empty one.
pub(super) fn shop() -> Catalog {
    let mut catalog = Catalog { sizes_known: true, ..Catalog::default() };
    catalog.server.version_num = 180_000;
    catalog.server.role.name = "me".into();
    catalog.server.search_path = vec!["public".into()];
    catalog.server.settings.insert("TimeZone".into(), "Europe/Oslo".into());
    catalog.schemas.insert("public".into());
    for (name, volatility) in [
        ("now", Volatility::Stable),
        ("lower", Volatility::Immutable),
        ("length", Volatility::Immutable),
        ("random", Volatility::Volatile),
        ("gen_random_uuid", Volatility::Volatile),
        ("clock_timestamp", Volatility::Volatile),
        ("nextval", Volatility::Volatile),
        ("generate_series", Volatility::Immutable),
        ("sum", Volatility::Immutable),
    ] {
        catalog.functions.entry(name.into()).or_default().push(Function {
            schema: "pg_catalog".into(),
            arguments: "anyelement, anyelement".into(),
            volatility,
            language: "internal".into(),
            defaults: None,
            routine: None,
        });
    }
    let sql = include_str!("shop.sql");
    for statement in parse(sql, 0..sql.len()).unwrap().statements {
        let refused = analyze(&statement, &catalog);
        assert!(refused.is_ok(), "{}: {refused:?}", statement.sql);
        catalog.apply(&statement);
    }
    for relation in catalog.relations.values_mut() {
        for index in relation.indexes.iter_mut().filter(|index| index.name == BROKEN) {
            index.valid = false;
        }
        if relation.name.name == "orders_id_seq" {
            let last_value = Some(1_500_000_000);
            let max_value = i64::from(i32::MAX);
            relation.sequence =
                Some(Sequence { last_value, max_value, increment: 1, ..Sequence::default() });
        }
        relation.created_here = false;
        relation.empty = relation.name.name == EMPTY;
        if !relation.empty {
            relation.table_bytes = 1 << 30;
            relation.estimated_rows = Some(5_000_000);
        }
    }
    catalog
}

/// The findings of a file.
pub(super) fn run_in(mut catalog: Catalog, options: Options, sql: &str) -> Vec<Finding> {
    let mut checker = Checker::new(options);
    let mut findings = Vec::new();
    for statement in parse(sql, 0..sql.len()).unwrap_or_else(|e| panic!("{sql}: {e}")).statements {
        let impact = analyze(&statement, &catalog)
            .unwrap_or_else(|error| panic!("{}: {:?}", statement.sql, error.diagnostic()));
        findings.extend(checker.statement(&statement, &catalog, &impact));
        catalog.apply(&statement);
    }
    findings.extend(checker.end(&catalog));
    findings
}

pub(super) fn run(sql: &str) -> Vec<Finding> {
    run_in(shop(), Options::default(), sql)
}

/// `hazard` is found in each file of `fires` and in none of `silent`.
pub(super) fn check(hazard: &'static Hazard, fires: &[&str], silent: &[&str]) {
    check_in(&shop(), hazard, fires, silent);
}

pub(super) fn check_in(
    catalog: &Catalog,
    hazard: &'static Hazard,
    fires: &[&str],
    silent: &[&str],
) {
    let run = |sql: &str| run_in(catalog.clone(), Options::default(), sql);
    let codes = |findings: &[Finding]| -> Vec<String> {
        findings.iter().map(|f| format!("{}: {}", f.hazard.code, f.message)).collect()
    };
    for sql in fires {
        let findings = run(sql);
        let ours: Vec<&Finding> = findings.iter().filter(|f| f.hazard == hazard).collect();
        assert!(!ours.is_empty(), "{} misses {sql}; found {:#?}", hazard.code, codes(&findings));
        for finding in ours {
            let marked = &sql[finding.span.range()];
            assert!(!marked.trim().is_empty(), "{} marks nothing in {sql}", hazard.code);
            assert!(!finding.message.ends_with('.'), "{}", finding.message);
        }
    }
    for sql in silent {
        let findings = run(sql);
        let ours: Vec<String> =
            codes(&findings).into_iter().filter(|found| found.starts_with(hazard.code)).collect();
        assert!(ours.is_empty(), "{} cries wolf on {sql}: {ours:#?}", hazard.code);
    }
}

pub(super) fn public(name: &str) -> QualifiedName {
    QualifiedName::new("public", name)
}
