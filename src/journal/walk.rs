//! Writing the position of a backfill.

use super::command::{Command, Hits, Value};
use super::rollout::fence;

/// A range of blocks of one table that is walked, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// `pg_class.oid` of the table.
    pub relation: u32,
    /// Its name when the walk began, quoted, for people.
    pub relation_name: String,
    /// `pg_relation_filenode` when the walk began.
    pub filenode: u32,
    pub first_block: i64,
    /// Every block before it is done.
    pub next_block: i64,
    /// The first block that is not part of the range.
    pub end_block: i64,
    pub pass: i64,
    /// How often the walk of the table began again because its file was replaced.
    pub restarts: i64,
    /// Rows changed, in every pass so far.
    pub rows: i64,
    /// Rows changed in this pass.
    pub pass_rows: i64,
    pub batches: i64,
    pub done: bool,
}

/// The step that a walk belongs to, and the runner that walks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    pub revision: String,
    pub step: String,
    pub runner: String,
}

impl Walk {
    /// Enters `ranges` in place of those that the journal has of the same tables.
    pub fn enter(&self, ranges: &[Range]) -> [Command; 2] {
        let numbers = |f: &dyn Fn(&Range) -> i64| Value::BigInts(ranges.iter().map(f).collect());
        [
            Command::new(
                "journal walk cleared",
                format!(
                    "DELETE FROM airlock.walk WHERE revision = $1 AND step = $2 \
                     AND relation::bigint = ANY ($3) AND {}",
                    fence(4)
                ),
                vec![
                    Value::text(&self.revision),
                    Value::text(&self.step),
                    numbers(&|r| i64::from(r.relation)),
                    Value::text(&self.runner),
                ],
                Hits::Any,
            ),
            Command::new(
                "journal walk",
                format!(
                    "INSERT INTO airlock.walk (revision, step, relation, relation_name, filenode, \
                     first_block, next_block, end_block, pass, restarts, rows, batches) \
                     SELECT $1, $2, w.relation::oid, w.name, w.filenode::oid, w.first, w.first, \
                            w.last, w.pass, w.restarts, w.rows, w.batches \
                     FROM ROWS FROM ( \
                          pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::bigint[]), \
                          pg_catalog.unnest($5::bigint[]), pg_catalog.unnest($6::bigint[]), \
                          pg_catalog.unnest($7::bigint[]), pg_catalog.unnest($8::bigint[]), \
                          pg_catalog.unnest($9::bigint[]), pg_catalog.unnest($10::bigint[]), \
                          pg_catalog.unnest($11::bigint[])) \
                          AS w (name, relation, filenode, first, last, pass, restarts, rows, batches) \
                     WHERE {}",
                    fence(12)
                ),
                vec![
                    Value::text(&self.revision),
                    Value::text(&self.step),
                    Value::Texts(ranges.iter().map(|r| r.relation_name.clone()).collect()),
                    numbers(&|r| i64::from(r.relation)),
                    numbers(&|r| i64::from(r.filenode)),
                    numbers(&|r| r.first_block),
                    numbers(&|r| r.end_block),
                    numbers(&|r| r.pass),
                    numbers(&|r| r.restarts),
                    numbers(&|r| r.rows),
                    numbers(&|r| r.batches),
                    Value::text(&self.runner),
                ],
                Hits::Some,
            ),
        ]
    }

    /// A batch has reached `next_block`, which may be where the range was, when it left rows for
    /// later; to be sent in its transaction, after it. `rows` are those
    /// of the batches before it that the journal has not heard of. Hits nothing when the table's
    /// file is no longer the one that the position speaks of: the caller's transaction holds a
    /// lock on the table, so the answer stays true until it commits.
    pub fn advance(&self, range: &Range, next_block: i64, rows: i64) -> Command {
        Command::new(
            "journal walk position",
            format!(
                "UPDATE airlock.walk SET next_block = $5, rows = rows + $6, \
                 pass_rows = pass_rows + $6, batches = batches + 1 \
                 WHERE revision = $1 AND step = $2 AND relation = $3::bigint::oid \
                 AND first_block = $4 AND next_block <= $5 \
                 AND filenode = pg_catalog.pg_relation_filenode(relation::pg_catalog.regclass) \
                 AND {}",
                fence(7)
            ),
            vec![
                Value::text(&self.revision),
                Value::text(&self.step),
                Value::BigInt(i64::from(range.relation)),
                Value::BigInt(range.first_block),
                Value::BigInt(next_block),
                Value::BigInt(rows),
                Value::text(&self.runner),
            ],
            Hits::Any,
        )
    }

    /// Cuts a range in two at `at`, which lies behind its position; to be sent in one transaction.
    pub fn split(&self, range: &Range, at: i64) -> [Command; 2] {
        let of_range = "WHERE revision = $1 AND step = $2 AND relation = $3::bigint::oid \
                        AND first_block = $4 AND next_block <= $5";
        let params = vec![
            Value::text(&self.revision),
            Value::text(&self.step),
            Value::BigInt(i64::from(range.relation)),
            Value::BigInt(range.first_block),
            Value::BigInt(at),
            Value::text(&self.runner),
        ];
        [
            Command::new(
                "journal walk second half",
                format!(
                    "INSERT INTO airlock.walk (revision, step, relation, relation_name, filenode, \
                     first_block, next_block, end_block, pass, restarts) \
                     SELECT revision, step, relation, relation_name, filenode, \
                            $5, $5, end_block, pass, restarts \
                     FROM airlock.walk {of_range} AND end_block > $5 AND {}",
                    fence(6)
                ),
                params.clone(),
                Hits::Some,
            ),
            Command::new(
                "journal walk first half",
                format!("UPDATE airlock.walk SET end_block = $5 {of_range} AND {}", fence(6)),
                params,
                Hits::Some,
            ),
        ]
    }

    /// Rows of the last batch, when the walk stops before the end of a range.
    pub fn tell(&self, range: &Range, rows: i64) -> Command {
        Command::new(
            "journal walk rows",
            format!(
                "UPDATE airlock.walk SET rows = rows + $5, pass_rows = pass_rows + $5 \
                 WHERE revision = $1 AND step = $2 AND relation = $3::bigint::oid \
                 AND first_block = $4 AND {}",
                fence(6)
            ),
            vec![
                Value::text(&self.revision),
                Value::text(&self.step),
                Value::BigInt(i64::from(range.relation)),
                Value::BigInt(range.first_block),
                Value::BigInt(rows),
                Value::text(&self.runner),
            ],
            Hits::Any,
        )
    }

    /// A range has been walked to its end.
    pub fn finish(&self, range: &Range, rows: i64) -> Command {
        Command::new(
            "journal walk range done",
            format!(
                "UPDATE airlock.walk SET done = true, next_block = end_block, rows = rows + $5, \
                 pass_rows = pass_rows + $5 \
                 WHERE revision = $1 AND step = $2 AND relation = $3::bigint::oid \
                 AND first_block = $4 AND NOT done AND {}",
                fence(6)
            ),
            vec![
                Value::text(&self.revision),
                Value::text(&self.step),
                Value::BigInt(i64::from(range.relation)),
                Value::BigInt(range.first_block),
                Value::BigInt(rows),
                Value::text(&self.runner),
            ],
            Hits::Some,
        )
    }

    /// Gives the step the rows and batches of its walk; to be sent with its completion.
    pub fn sum_up(&self) -> Command {
        Command::new(
            "journal walk sums",
            format!(
                "UPDATE airlock.step AS s SET rows = w.rows, batches = w.batches \
                 FROM (SELECT COALESCE(sum(w.rows), 0)::bigint AS rows, \
                              COALESCE(sum(w.batches), 0)::bigint AS batches \
                       FROM airlock.walk AS w WHERE w.revision = $1 AND w.step = $2) AS w \
                 WHERE s.revision = $1 AND s.step = $2 AND {}",
                fence(3)
            ),
            vec![Value::text(&self.revision), Value::text(&self.step), Value::text(&self.runner)],
            Hits::Some,
        )
    }

    /// The ranges of a step, in the order in which they are walked.
    pub fn read(&self) -> Command {
        Command::new(
            "read walk",
            format!(
                "{READ} WHERE revision = $1 AND step = $2 ORDER BY relation_name, relation, first_block"
            ),
            vec![Value::text(&self.revision), Value::text(&self.step)],
            Hits::Any,
        )
    }
}

pub(super) const READ: &str = "SELECT revision, step, relation, relation_name, filenode, \
    first_block, next_block, end_block, pass, restarts, rows, pass_rows, batches, done FROM airlock.walk";

/// A row of [`READ`] as a value.
pub fn range(row: &tokio_postgres::Row) -> Range {
    Range {
        relation: row.get("relation"),
        relation_name: row.get("relation_name"),
        filenode: row.get("filenode"),
        first_block: row.get("first_block"),
        next_block: row.get("next_block"),
        end_block: row.get("end_block"),
        pass: row.get("pass"),
        restarts: row.get("restarts"),
        rows: row.get("rows"),
        pass_rows: row.get("pass_rows"),
        batches: row.get("batches"),
        done: row.get("done"),
    }
}
