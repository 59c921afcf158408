//! The tables that a walk visits: the relation itself, or every leaf below it.

use crate::journal::Value;
use crate::journal::walk::Range;
use crate::run::error::RunError;
use crate::run::session::Session;
use crate::sql::QualifiedName;

/// Tables below this many blocks are not split into lanes.
const LANE_BLOCKS_MIN: i64 = 1000;

/// A table with rows of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Table {
    pub oid: u32,
    /// Quoted.
    pub name: String,
    pub filenode: u32,
    /// Size now, in blocks.
    pub blocks: i64,
}

/// Every table with rows of `relation`, partitions and children at any depth included.
pub(in crate::run) async fn tables(
    work: &Session,
    step: &str,
    relation: &QualifiedName,
) -> Result<Vec<Table>, RunError> {
    let rows = work
        .rows(
            "tables of the walk",
            "WITH RECURSIVE tree AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
    UNION
    SELECT i.inhrelid FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
)
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       a.amname::text AS method, pg_catalog.pg_relation_filenode(c.oid) AS filenode,
       COALESCE(pg_catalog.pg_relation_size(c.oid)
                / pg_catalog.current_setting('block_size')::bigint, 0) AS blocks
FROM tree AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
ORDER BY n.nspname, c.relname",
            &[Value::text(&relation.schema), Value::text(&relation.name)],
        )
        .await
        .map_err(|fault| fault.doing("find the tables of the walk"))?;
    let not_walkable = |name: &str, why: &str| RunError::NotWalkable {
        step: step.to_owned(),
        relation: name.to_owned(),
        why: why.to_owned(),
    };
    if rows.is_empty() {
        return Err(not_walkable(&relation.to_string(), "it does not exist"));
    }
    let mut tables = Vec::new();
    for row in &rows {
        let name = QualifiedName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"));
        match (row.get::<_, &str>("kind"), row.get::<_, Option<&str>>("method")) {
            ("p", _) => {}
            ("r", Some("heap")) => tables.push(Table {
                oid: row.get("oid"),
                name: name.to_string(),
                filenode: row.get::<_, Option<u32>>("filenode").unwrap_or_default(),
                blocks: row.get("blocks"),
            }),
            ("r", _) => {
                return Err(not_walkable(
                    &name.to_string(),
                    "its table access method is not known to scan ranges of blocks",
                ));
            }
            ("f", _) => return Err(not_walkable(&name.to_string(), "it is a foreign table")),
            _ => return Err(not_walkable(&name.to_string(), "it is not a table")),
        }
    }
    Ok(tables)
}

/// The ranges in which a table is walked: one for each job when it is worth it.
pub(super) fn ranges(table: &Table, jobs: usize, pass: i64, restarts: i64) -> Vec<Range> {
    let jobs = if table.blocks < LANE_BLOCKS_MIN { 1 } else { jobs.clamp(1, 64) as i64 };
    (0..jobs)
        .map(|job| {
            let first_block = table.blocks * job / jobs;
            Range {
                relation: table.oid,
                relation_name: table.name.clone(),
                filenode: table.filenode,
                first_block,
                next_block: first_block,
                end_block: table.blocks * (job + 1) / jobs,
                pass,
                restarts,
                rows: 0,
                pass_rows: 0,
                batches: 0,
                done: false,
            }
        })
        .collect()
}

/// Where to cut `todo` so that there are `jobs` ranges to walk: each range with the block at which
/// its second half begins, in the order in which to cut.
pub(super) fn cuts(todo: &[Range], jobs: usize) -> Vec<(Range, i64)> {
    let left = |range: &Range| range.end_block - range.next_block;
    let mut todo = todo.to_vec();
    let mut cuts = Vec::new();
    while !todo.is_empty() && todo.len() < jobs {
        let Some(largest) = todo.iter_mut().max_by_key(|range| left(range)) else { break };
        if left(largest) < LANE_BLOCKS_MIN {
            break;
        }
        let at = largest.next_block + left(largest) / 2;
        cuts.push((largest.clone(), at));
        let second = Range { first_block: at, next_block: at, ..largest.clone() };
        largest.end_block = at;
        todo.push(second);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_cut_until_every_lane_has_a_range() {
        let table = Table { oid: 1, name: "public.t".into(), filenode: 1, blocks: 10_000 };
        let mut whole = ranges(&table, 1, 1, 0);
        whole[0].next_block = 4_000;
        let at = |jobs| -> Vec<(i64, i64, i64)> {
            let cut = cuts(&whole, jobs);
            cut.iter().map(|(range, at)| (range.next_block, *at, range.end_block)).collect()
        };
        assert_eq!(at(1), []);
        assert_eq!(at(2), [(4_000, 7_000, 10_000)]);
        assert_eq!(at(3).len(), 2);
        whole[0].next_block = 9_500;
        assert!(cuts(&whole, 4).is_empty(), "not worth it");
        assert!(cuts(&[], 4).is_empty());
    }

    #[test]
    fn ranges_cover_the_table_once() {
        for blocks in [0, 1, 999, 1000, 1003, 1_000_000] {
            let table = Table { oid: 1, name: "public.t".into(), filenode: 1, blocks };
            let ranges = ranges(&table, 3, 1, 0);
            assert_eq!(ranges.first().unwrap().first_block, 0);
            assert_eq!(ranges.last().unwrap().end_block, blocks);
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].end_block, pair[1].first_block);
            }
            assert_eq!(ranges.len(), if blocks < LANE_BLOCKS_MIN { 1 } else { 3 });
        }
    }
}
