//! Read-only checks before anything is switched: each counts the rows that are not as they should
//! be, and none may be found. A large table is read range by range.

use super::backfill::{Sizer, Table, tables};
use super::error::RunError;
use super::progress::Event;
use super::runner::Runner;
use super::session::Fault;
use super::step::complete;
use crate::journal::Value;
use crate::plan::{Check, Step};
use crate::sql::{QualifiedName, quote_ident};
use std::time::{Duration, Instant};

/// Aim for the duration of one query: it holds a snapshot, and nothing that anybody waits for.
const CHUNK_TARGET: Duration = Duration::from_millis(100);

/// How often a table is read again because its file was replaced meanwhile.
const READS_MAX: u32 = 5;

pub(super) async fn run(
    runner: &mut Runner<'_>,
    step: &Step,
    relation: &QualifiedName,
    check: &Check,
    meaning: &str,
) -> Result<(), RunError> {
    let found = match check {
        Check::Query { sql } => number(runner, sql).await?,
        Check::Rows { alias, condition } => {
            by_range(runner, step, relation, &quote_ident(alias), condition).await?
        }
    };
    if found != 0 {
        let examples = match check {
            Check::Query { .. } => None,
            Check::Rows { alias, condition } => {
                examples(runner, relation, &quote_ident(alias), condition).await?
            }
        };
        return Err(RunError::VerificationFailed {
            step: step.id.clone(),
            meaning: meaning.to_owned(),
            count: found,
            examples,
        });
    }
    complete(runner, step).await
}

/// How many rows are named when a check finds some.
const EXAMPLES_MAX: u32 = 5;

/// The first rows for which `condition` holds, by primary key, or by their place where there is none.
/// They help a person; that they cannot be had in time is no error.
async fn examples(
    runner: &Runner<'_>,
    relation: &QualifiedName,
    alias: &str,
    condition: &str,
) -> Result<Option<(String, Vec<String>)>, RunError> {
    let looked = async {
        let columns: Vec<String> = runner
            .work
            .rows(
                "read the primary key",
                "SELECT a.attname::text FROM pg_catalog.pg_index AS x \
                 CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place) \
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum \
                 WHERE x.indisprimary AND x.indrelid = pg_catalog.to_regclass($1) ORDER BY k.place",
                &[Value::Text(relation.to_string())],
            )
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let (by, list) = if columns.is_empty() {
            ("ctid".to_owned(), format!("{alias}.ctid"))
        } else {
            let list: Vec<String> =
                columns.iter().map(|c| format!("{alias}.{}", quote_ident(c))).collect();
            (columns.join(", "), list.join(", "))
        };
        let sql = format!(
            "SELECT pg_catalog.concat_ws(', ', {list}) FROM {relation} AS {alias} \
             WHERE (\n{condition}\n) LIMIT {EXAMPLES_MAX}"
        );
        let rows = runner.work.rows("name rows", &sql, &[]).await?;
        let keys: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        Ok((!keys.is_empty()).then_some((by, keys)))
    }
    .await;
    match looked {
        Ok(found) => Ok(found),
        Err(fault @ (Fault::Lost(_) | Fault::Cut)) => Err(fault.doing("name rows")),
        Err(_) => Ok(None),
    }
}

/// How far the check is, over all tables.
#[derive(Default)]
pub(super) struct Done {
    blocks: i64,
    total: i64,
    pub found: i64,
}

impl Done {
    /// Nothing yet, of one table.
    pub(super) fn of(table: &Table) -> Self {
        Self { total: table.blocks, ..Self::default() }
    }
}

async fn by_range(
    runner: &mut Runner<'_>,
    step: &Step,
    relation: &QualifiedName,
    alias: &str,
    condition: &str,
) -> Result<i64, RunError> {
    for _ in 0..READS_MAX {
        let before = tables(&runner.work, &step.id, relation).await?;
        let total = before.iter().map(|table| table.blocks).sum();
        let mut done = Done { total, ..Done::default() };
        for table in &before {
            let from = format!(
                "SELECT pg_catalog.count(*) FROM ONLY {} AS {alias} WHERE (\n{condition}\n)",
                table.name
            );
            read(runner, step, table, &from, alias, &mut done).await?;
        }
        // A table that was rewritten meanwhile may have moved rows past us, and one that was
        // attached has not been read.
        let after = tables(&runner.work, &step.id, relation).await?;
        let file = |table: &Table| (table.oid, table.filenode);
        if after.iter().map(file).eq(before.iter().map(file)) {
            return Ok(done.found);
        }
    }
    Err(RunError::WalkRestarted {
        step: step.id.clone(),
        relation: relation.to_string(),
        restarts: READS_MAX.into(),
    })
}

/// Reads one table; the last range has no end, for blocks that were added meanwhile.
pub(super) async fn read(
    runner: &mut Runner<'_>,
    step: &Step,
    table: &Table,
    query: &str,
    alias: &str,
    done: &mut Done,
) -> Result<(), RunError> {
    let mut sizer = Sizer::new(CHUNK_TARGET);
    let mut from = 0;
    let unsigned = |n: i64| u64::try_from(n).unwrap_or_default();
    loop {
        runner.pass(&step.id).await?;
        let to = from + sizer.blocks();
        let last = to >= table.blocks;
        let mut sql = format!("{query} AND {alias}.ctid >= '({from},0)'::pg_catalog.tid");
        if !last {
            sql.push_str(&format!(" AND {alias}.ctid < '({to},0)'::pg_catalog.tid"));
        }
        let began = Instant::now();
        done.found += number(runner, &sql).await?;
        sizer.measured(to - from, began.elapsed());
        done.blocks += to.min(table.blocks) - from;
        runner.figures.batches += 1;
        runner.event(Event::Verifying {
            step: step.id.clone(),
            blocks_done: unsigned(done.blocks),
            blocks_total: unsigned(done.total),
            found: unsigned(done.found),
        });
        if last {
            return Ok(());
        }
        from = to;
    }
}

/// The one number that the query gives.
async fn number(runner: &Runner<'_>, sql: &str) -> Result<i64, RunError> {
    let rows = async {
        runner.work.control("SET statement_timeout = 0").await?;
        let rows = runner.work.rows("count", sql, &[]).await;
        if !matches!(rows, Err(Fault::Lost(_) | Fault::Cut)) {
            let timeout = super::settings::as_setting(super::settings::STATEMENT_TIMEOUT);
            runner.work.tidy(&format!("SET statement_timeout = {timeout}")).await?;
        }
        rows
    }
    .await
    .map_err(|fault| fault.doing("verify the rows"))?;
    rows.first().and_then(|row| row.try_get::<_, i64>(0).ok()).ok_or_else(|| RunError::BadPlan {
        what: format!("it has a check that does not give one number: {sql}"),
    })
}
