//! The catalog after a statement, worked out in memory, against the catalog that a real server has
//! after running it.
//!
//! Compared is everything structural, not the spelling of expressions: the server prints its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::catalog::{
    Catalog, Column, Constraint, ConstraintKind, DependantKind, Index, Relation, RelationKind,
    TypeDef, load,
};
use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use std::collections::BTreeSet;

const SETUP: &str = include_str!("catalog/rich.sql");

/// Whether a publication is for all tables cannot be seen in the catalog, so a new table is in none.
const LESS: &str = "DROP PUBLICATION everything";

/// Each runs against what those before it left.
const STATEMENTS: &str = include_str!("catalog/statements.sql");
const STATEMENTS_15: &str = include_str!("catalog/statements_15.sql");
const STATEMENTS_18: &str = include_str!("catalog/statements_18.sql");

/// The structure of a catalog, a line for each thing.
fn structure(catalog: &Catalog) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    lines.insert(format!("search_path {:?}", catalog.server.search_path));
    lines.extend(catalog.schemas.iter().map(|schema| format!("schema {schema}")));
    for (name, definition) in &catalog.types {
        lines.insert(match definition {
            TypeDef::Domain { base, not_null, default, checks } => {
                let names: Vec<_> = checks.iter().map(|c| c.split(" CHECK").next()).collect();
                let default = default.is_some();
                format!("type {name}: domain {base} {not_null} {default} {names:?}")
            }
            other => format!("type {name}: {other:?}"),
        });
    }
    for (name, functions) in &catalog.functions {
        for function in functions.iter().filter(|function| function.schema != "pg_catalog") {
            let told = (&function.schema, &function.arguments, function.volatility);
            lines.insert(format!("function {name}: {told:?} {}", function.language));
        }
    }
    for relation in catalog.relations.values() {
        lines.extend(of_relation(relation));
    }
    lines
}

fn of_relation(relation: &Relation) -> Vec<String> {
    let name = &relation.name;
    let mut lines = vec![format!(
        "relation {name}: {:?} owner={} ours={} {:?} rls={}/{} identity={:?} publications={:?} \
         options={:?} comment={:?} am={:?} parents={:?} children={:?} bound={} key={} view={} \
         owned_by={:?} rules={:?}",
        relation.kind,
        relation.owner,
        relation.owned_by_us,
        relation.persistence,
        relation.row_security,
        relation.force_row_security,
        relation.replica_identity,
        relation.publications,
        relation.options,
        relation.comment,
        relation.access_method,
        relation.parents,
        relation.children,
        relation.partition_bound.is_some(),
        relation.partition_key.is_some(),
        relation.view_definition.is_some(),
        relation.owned_by,
        relation.rules,
    )];
    for (at, column) in relation.columns.iter().enumerate() {
        lines.push(format!("column {at} of {name}: {}", of_column(relation, column)));
    }
    for constraint in &relation.constraints {
        lines.push(format!("constraint on {name}: {}", of_constraint(constraint)));
    }
    for index in &relation.indexes {
        lines.push(format!("index on {name}: {}", of_index(index)));
    }
    for t in &relation.triggers {
        let columns: BTreeSet<_> = t.columns.iter().collect();
        lines.push(format!(
            "trigger on {name}: {} {} {} i={} u={} d={} row={} before={} of={:?} reads={columns:?} \
             ours={}",
            t.name,
            t.enabled,
            t.function,
            t.on_insert,
            t.on_update,
            t.on_delete,
            t.row,
            t.before,
            t.update_of,
            t.ours
        ));
    }
    for policy in &relation.policies {
        lines.push(format!("policy on {name}: {} {:?}", policy.name, policy.columns));
    }
    for object in &relation.statistics {
        lines.push(format!(
            "statistics on {name}: {} {:?} {:?} {:?}",
            object.name, object.columns, object.target, object.comment
        ));
    }
    // Uses of the row type are only told of what was there from the start.
    for dependant in relation.dependants.iter().filter(|d| d.kind != DependantKind::Other) {
        lines.push(format!("dependant of {name}: {dependant:?}"));
    }
    lines
}

fn of_column(relation: &Relation, column: &Column) -> String {
    let typed = match relation.kind {
        // What a query gives is told only where its text shows it.
        RelationKind::View | RelationKind::MaterializedView if column.type_name.is_empty() => "",
        _ => &column.type_name,
    };
    format!(
        "{} {typed} {:?} not_null={} default={} volatile={} generated={:?} identity={:?} {:?} \
         {:?} {:?} {:?} {:?} {:?} inherited={}",
        column.name,
        column.user_type,
        column.not_null,
        column.default.is_some(),
        column.default_is_volatile,
        column.generated.as_ref().map(|generated| generated.stored),
        column.identity,
        column.collation,
        column.storage,
        column.compression,
        column.statistics_target,
        column.options,
        column.comment,
        column.inherited,
    )
}

fn of_constraint(constraint: &Constraint) -> String {
    let mut columns = constraint.columns.clone();
    let mut definition = constraint.definition.as_str();
    if constraint.kind == ConstraintKind::Check {
        columns.sort();
        definition = "";
    }
    if constraint.kind == ConstraintKind::Exclude {
        definition = "";
    }
    format!(
        "{} {:?} {columns:?} {definition} valid={} deferrable={}/{} no_inherit={} {:?} {:?} {:?} \
         {:?} inherited={} expression={}",
        constraint.name,
        constraint.kind,
        constraint.validated,
        constraint.deferrable,
        constraint.initially_deferred,
        constraint.no_inherit,
        constraint.references,
        constraint.referenced_columns,
        constraint.index,
        constraint.comment,
        constraint.inherited,
        constraint.expression.is_some(),
    )
}

fn of_index(index: &Index) -> String {
    let plain = !index.has_expressions && index.predicate.is_none();
    format!(
        "{} {} {:?} {:?} {:?} {} {} unique={} primary={} valid={} identity={} clustered={} {:?} \
         {:?} {:?} {:?} {}",
        index.name,
        index.method,
        index.keys,
        index.include,
        index.columns,
        index.predicate.is_some(),
        index.has_expressions,
        index.unique,
        index.primary,
        index.valid,
        index.is_replica_identity,
        index.is_clustered,
        index.constraint,
        index.parent,
        index.comment,
        index.statistics_targets,
        if plain { &index.definition } else { "" },
    )
}

/// Blanks the types of view columns that memory cannot tell, so that the rest can be compared.
fn forget_what_cannot_be_told(seen: &mut Catalog, applied: &Catalog) {
    for relation in seen.relations.values_mut() {
        let Some(known) = applied.relation(&relation.name) else { continue };
        for (column, known) in relation.columns.iter_mut().zip(&known.columns) {
            if known.type_name.is_empty() {
                column.type_name.clear();
                column.user_type = None;
                column.collation = None;
            }
        }
    }
}

async fn compare(connection: &Connection, file: &str, failures: &mut Vec<String>) {
    let script = airlock::sql::parse(file, 0..file.len()).unwrap();
    assert!(!script.statements.is_empty());
    let mut before = load(connection).await.unwrap();
    for statement in &script.statements {
        let mut applied = before.clone();
        applied.apply(statement);
        let sql = &statement.sql;
        if let Err(error) = connection.batch_execute(sql).await {
            let error = error.as_db_error().map(|error| error.message().to_owned());
            failures.push(format!(
                "{} line {}: {sql}: {error:?}",
                before.server.major(),
                statement.line
            ));
            continue;
        }
        let mut after = load(connection).await.unwrap();
        let untouched = after.clone();
        forget_what_cannot_be_told(&mut after, &applied);
        let (expected, found) = (structure(&after), structure(&applied));
        if expected != found {
            let mut report = format!("{} line {}: {sql}", before.server.major(), statement.line);
            for line in expected.difference(&found) {
                report.push_str(&format!("\n  server: {line}"));
            }
            for line in found.difference(&expected) {
                report.push_str(&format!("\n  apply:  {line}"));
            }
            failures.push(report);
        }
        before = untouched;
    }
}

#[tokio::test]
async fn memory_and_server_agree_on_the_catalog_after_every_statement() {
    let mut failures = Vec::new();
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let connection = cluster.connect("postgres").await.unwrap();
        connection.batch_execute(SETUP).await.unwrap();
        connection.batch_execute(LESS).await.unwrap();
        compare(&connection, STATEMENTS, &mut failures).await;
        if major >= 15 {
            compare(&connection, STATEMENTS_15, &mut failures).await;
        }
        if major >= 18 {
            compare(&connection, STATEMENTS_18, &mut failures).await;
        }
    }
    assert!(failures.is_empty(), "{} statements:\n{}", failures.len(), failures.join("\n"));
}

/// A whole file applied in one go ends where the server ends.
#[tokio::test]
async fn errors_do_not_add_up_over_a_file() {
    for major in test_versions().unwrap() {
        let options = ClusterOptions { major: Some(major), ..ClusterOptions::default() };
        let cluster = Cluster::start(&options).unwrap();
        let connection = cluster.connect("postgres").await.unwrap();
        connection.batch_execute(SETUP).await.unwrap();
        connection.batch_execute(LESS).await.unwrap();
        let mut applied = load(&connection).await.unwrap();
        let script = airlock::sql::parse(STATEMENTS, 0..STATEMENTS.len()).unwrap();
        for statement in &script.statements {
            applied.apply(statement);
            connection.batch_execute(&statement.sql).await.unwrap();
        }
        let mut after = load(&connection).await.unwrap();
        forget_what_cannot_be_told(&mut after, &applied);
        let (expected, found) = (structure(&after), structure(&applied));
        let missing: Vec<_> = expected.difference(&found).collect();
        let invented: Vec<_> = found.difference(&expected).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "{major}: missing {missing:#?} invented {invented:#?}"
        );
    }
}
