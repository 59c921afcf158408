//! Two schemas, the statements between them run in databases of their own, and the ends compared.

use airlock::catalog::fingerprint;
use airlock::diff::settle::comparable;
use airlock::diff::write::Step;
use airlock::diff::{Difference, Options, settle};
use airlock::sandbox::{Cluster, ClusterOptions};
use std::fmt::Write;

pub fn cluster(major: u32) -> Cluster {
    Cluster::start(&ClusterOptions { major: Some(major), ..ClusterOptions::default() }).unwrap()
}

/// A new database with `sql` in it.
pub async fn database(cluster: &Cluster, name: &str, sql: &str) {
    cluster.drop_database(name).await.unwrap();
    let connection = cluster.create_database(name, None).await.unwrap();
    let connection = connection.connect("test").await.unwrap();
    // Roles belong to the server.
    let made = "DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN END $$";
    connection.batch_execute(made).await.unwrap();
    let sql = sql.replace("CREATE ROLE reader;", "");
    connection.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?} in\n{sql}"));
    connection.close().await;
}

async fn lines(cluster: &Cluster, database: &str) -> Vec<String> {
    let connection = cluster.connect(database).await.unwrap();
    let lines = fingerprint(&connection).await.unwrap();
    connection.close().await;
    comparable(lines)
}

/// The difference between databases `a` and `b`, once it is seen to lead from one to the other.
///
/// # Errors
/// What is wrong, in words.
pub async fn difference(cluster: &Cluster, options: &Options) -> Result<Difference, String> {
    let found = settle(cluster, "a", "b", options).await.map_err(|error| format!("{error:#?}"))?;
    leads(cluster, "a", "b", &found.upgrade).await?;
    match &found.no_way_back {
        None => leads(cluster, "b", "a", &found.downgrade).await?,
        // PostgreSQL's own limit: no generated column, and no NOT NULL of a domain, where a column of
        // another table is of the row type that it is in.
        Some(error) if error.message.contains("because column \"Order.whole\" uses it") => {}
        Some(error) => return Err(format!("{error:#?}")),
    }
    Ok(found)
}

async fn leads(cluster: &Cluster, from: &str, to: &str, steps: &[Step]) -> Result<(), String> {
    cluster.drop_database("reached").await.unwrap();
    let connection = cluster.create_database("reached", Some(from)).await.unwrap();
    let connection = connection.connect("test").await.unwrap();
    let text = airlock::report::diff::sql(steps);
    let plain: String = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .map(|line| format!("{line}\n"))
        .collect();
    // One by one, as a migration runs them: a new label is usable after its transaction.
    let script = airlock::sql::parse(&plain, 0..plain.len());
    let script = script.map_err(|error| format!("{error:?} in\n{plain}"))?;
    for statement in &script.statements {
        let ran = connection.batch_execute(&statement.sql).await;
        ran.map_err(|error| format!("{error:?} at\n{}\nof\n{plain}", statement.sql))?;
    }
    connection.close().await;
    same("the fingerprint", &lines(cluster, "reached").await, &lines(cluster, to).await, &plain)?;
    match (dump(cluster, "reached"), dump(cluster, to)) {
        (Some(reached), Some(wanted)) => same("pg_dump", &reached, &wanted, &plain),
        _ => Ok(()),
    }
}

fn same(what: &str, reached: &[String], wanted: &[String], plain: &str) -> Result<(), String> {
    if reached == wanted {
        return Ok(());
    }
    let mut text = format!("other in the eyes of {what}, + is missing, - is too much:\n");
    for line in wanted.iter().filter(|line| !reached.contains(line)) {
        writeln!(text, "+ {line}").unwrap();
    }
    for line in reached.iter().filter(|line| !wanted.contains(line)) {
        writeln!(text, "- {line}").unwrap();
    }
    Err(format!("{text}after\n{plain}"))
}

/// The lines of `pg_dump`, sorted, without their commas: the order of columns is not compared.
fn dump(cluster: &Cluster, database: &str) -> Option<Vec<String>> {
    let text = cluster.pg_dump_schema(database, &[]).unwrap()?;
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end_matches(',').trim().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with("--"))
        .map(|line| if line.contains(" STATISTICS ") { sorted_list(&line) } else { line })
        .collect();
    lines.sort();
    Some(lines)
}

/// The words of the line in order: which column comes first in it, their order in the table decides.
fn sorted_list(line: &str) -> String {
    let mut words: Vec<&str> = line.split([' ', ',']).collect();
    words.sort_unstable();
    words.join(" ")
}
