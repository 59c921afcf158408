//! Rows in batches: loops that commit after each range of blocks, as `run::backfill` and `run::verify`
//! walk.

use super::text::{block, dollar};
use super::{Bounds, ms, usual_timeouts};
use crate::plan::{Backfill, Change, NoteKind, Plan};
use crate::sql::parse::assigned_columns;
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// How often the file of a table may be replaced under its walk, and how often a walk is repeated
/// until it changes no row: as for `run`.
const RESTARTS_MAX: u32 = 5;
const PASSES_MAX: u32 = 20;

/// Rows of the query: `oid`, `name` (quoted), `filenode` and `blocks` of every table with rows of
/// `relation`, at any depth; a division by zero where one cannot be walked.
fn tables(relation: &QualifiedName) -> String {
    format!(
        "WITH RECURSIVE tree AS (
      SELECT pg_catalog.to_regclass({}) AS oid
      UNION
      SELECT i.inhrelid FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
    )
    SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
        pg_catalog.pg_relation_filenode(c.oid) AS filenode,
        pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint AS blocks
    FROM tree AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r'",
        quote_literal(&relation.to_string())
    )
}

/// Refuses tables that have no blocks to walk over.
fn walkable(relation: &QualifiedName) -> String {
    let name = quote_literal(&relation.to_string());
    format!(
        "  IF pg_catalog.to_regclass({name}) IS NULL OR EXISTS (
    WITH RECURSIVE tree AS (
      SELECT pg_catalog.to_regclass({name}) AS oid
      UNION
      SELECT i.inhrelid FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
    )
    SELECT FROM tree AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
    LEFT JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
    WHERE c.relkind <> 'p' AND (c.relkind <> 'r' OR a.amname <> 'heap')
  ) THEN
    RAISE EXCEPTION 'the rows of % cannot be walked: it is not a table, or not of heap', {name};
  END IF;
"
    )
}

pub(super) fn backfill(plan: &Plan, step: &str, backfill: &Backfill, bounds: &Bounds) -> String {
    format!(
        "SET airlock.backfill = 'on';\nSET synchronous_commit = off;\nSET statement_timeout = 0;\n{}{}\
         {}RESET synchronous_commit;\nSET airlock.backfill = 'off';\n{}",
        triggers(plan, backfill),
        walk(plan, step, backfill, bounds),
        block(
            "",
            "  IF pg_catalog.current_setting('session_replication_role') = 'replica' THEN\n    \
             PERFORM pg_catalog.set_config('session_replication_role', 'origin', false);\n  END IF;\n"
        ),
        usual_timeouts(bounds),
    )
}

/// Keeps the application's triggers from firing for a change that airlock invented, or refuses.
fn triggers(plan: &Plan, backfill: &Backfill) -> String {
    if backfill.fires_triggers {
        return String::new();
    }
    let (bit, event, set) = match &backfill.change {
        Change::Update { set, .. } => (16, '2', assigned_columns(set)),
        Change::Delete { .. } => (8, '4', None),
    };
    let concerns = match set {
        None => String::new(),
        // A trigger on columns that the change does not set does not fire.
        Some(columns) => format!(
            "\n      AND (pg_catalog.cardinality(t.tgattr::int2[]) = 0 OR EXISTS (\n        \
             SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t.tgrelid\n        \
             AND a.attnum = ANY (t.tgattr::int2[])\n        \
             AND (a.attgenerated <> '' OR a.attname::text = ANY (ARRAY[{}]::text[]))))",
            columns.iter().map(|column| quote_literal(column)).collect::<Vec<_>>().join(", ")
        ),
    };
    let name = quote_literal(&backfill.relation.to_string());
    let found = |modes: &str| {
        format!(
            "(
    WITH RECURSIVE tree AS (
      SELECT pg_catalog.to_regclass({name}) AS oid
      UNION
      SELECT i.inhrelid FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
    )
    SELECT pg_catalog.string_agg(f.name, ', ' ORDER BY f.name) FROM (
      SELECT t.tgname::text AS name FROM pg_catalog.pg_trigger AS t JOIN tree ON tree.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND t.tgenabled IN ({modes}) AND (t.tgtype::int & {bit}) <> 0
      AND pg_catalog.strpos(pg_catalog.pg_get_triggerdef(t.oid), 'airlock.backfill') = 0{concerns}
      UNION ALL
      SELECT r.rulename::text FROM pg_catalog.pg_rewrite AS r JOIN tree ON tree.oid = r.ev_class
      WHERE r.ev_enabled IN ({modes}) AND r.ev_type = '{event}') AS f)"
        )
    };
    let accepted = plan.notes.iter().any(|note| note.kind == NoteKind::Triggers);
    let refuse = if accepted {
        String::new()
    } else {
        format!(
            "  names := {};\n  IF names IS NOT NULL THEN\n    \
             RAISE EXCEPTION 'triggers or rules of the application would fire for rows of %: %', {name}, names\n    \
             USING HINT = 'Run the script as a role that may set session_replication_role.';\n  END IF;\n",
            found("'O', 'A'")
        )
    };
    block(
        "  names text;\n",
        &format!(
            "  IF {} IS NULL THEN\n    BEGIN\n      \
             PERFORM pg_catalog.set_config('session_replication_role', 'replica', false);\n      RETURN;\n    \
             EXCEPTION WHEN insufficient_privilege THEN NULL;\n    END;\n  END IF;\n{refuse}",
            found("'A', 'R'")
        ),
    )
}

/// The statement of a batch around the table's name; `$1` and `$2` are the first row and the one
/// behind the last.
fn batch(backfill: &Backfill) -> (String, String) {
    let alias = quote_ident(&backfill.alias);
    let list = |word: &str, list: &Option<String>| {
        list.as_ref().map(|list| format!("\n{word} {list}")).unwrap_or_default()
    };
    let (head, change) = match &backfill.change {
        Change::Update { set, from } => {
            ("UPDATE ONLY ", format!("\nSET {set}{}", list("FROM", from)))
        }
        Change::Delete { using } => ("DELETE FROM ONLY ", list("USING", using)),
    };
    let tail = format!(
        " AS {alias}{change}\nWHERE {alias}.ctid >= $1 AND {alias}.ctid < $2\nAND (\n{}\n)",
        backfill.predicate
    );
    (head.to_owned(), tail)
}

/// The walk, its position in the journal. Goes on where it was cut off.
fn walk(plan: &Plan, step: &str, backfill: &Backfill, bounds: &Bounds) -> String {
    let id = format!(
        "revision = {} AND step = {}",
        quote_literal(&plan.revision.id),
        quote_literal(step)
    );
    let (revision, step_id) = (quote_literal(&plan.revision.id), quote_literal(step));
    let (head, tail) = batch(backfill);
    let (head, tail) = (quote_literal(&head), dollar(&tail));
    let found = tables(&backfill.relation);
    let fields =
        "revision, step, relation, relation_name, filenode, first_block, next_block, end_block";
    let again = if backfill.repeat {
        format!(
            "    EXIT WHEN fresh AND NOT EXISTS (SELECT FROM airlock.walk WHERE {id} AND pass_rows > 0);
    IF EXISTS (SELECT FROM airlock.walk WHERE {id} AND pass >= {PASSES_MAX}) THEN
      RAISE EXCEPTION 'rows still change after {PASSES_MAX} passes';
    END IF;
    fresh := true;
    UPDATE airlock.walk AS w SET pass = w.pass + 1, pass_rows = 0, done = false, next_block = w.first_block,
        filenode = f.filenode,
        end_block = CASE WHEN w.end_block = (SELECT pg_catalog.max(o.end_block) FROM airlock.walk AS o
            WHERE {id} AND o.relation = w.relation)
            THEN GREATEST(f.blocks, w.end_block) ELSE w.end_block END
    FROM ({found}) AS f WHERE {id} AND f.oid = w.relation;
    COMMIT;
"
        )
    } else {
        "    EXIT;\n".to_owned()
    };
    let body = format!(
        "{walkable}  LOOP
    INSERT INTO airlock.walk ({fields})
    SELECT {revision}, {step_id}, f.oid, f.name, f.filenode, 0, 0, f.blocks FROM ({found}) AS f
    WHERE NOT EXISTS (SELECT FROM airlock.walk WHERE {id} AND relation = f.oid);
    COMMIT;
    LOOP
      SELECT * INTO place FROM airlock.walk WHERE {id} AND NOT done ORDER BY relation_name, first_block LIMIT 1;
      EXIT WHEN NOT FOUND;
      SELECT f.name, f.filenode, f.blocks INTO leaf FROM ({found}) AS f WHERE f.oid = place.relation;
      IF NOT FOUND OR place.next_block >= place.end_block THEN
        UPDATE airlock.walk SET done = true, next_block = end_block
        WHERE {id} AND relation = place.relation AND first_block = place.first_block;
        COMMIT;
        CONTINUE;
      END IF;
      IF leaf.filenode <> place.filenode THEN
        IF place.restarts >= {RESTARTS_MAX} THEN
          RAISE EXCEPTION 'the file of % was replaced % times under the walk', leaf.name, place.restarts;
        END IF;
        DELETE FROM airlock.walk WHERE {id} AND relation = place.relation;
        INSERT INTO airlock.walk ({fields}, pass, restarts, rows, batches)
        VALUES ({revision}, {step_id}, place.relation, leaf.name, leaf.filenode, 0, 0, leaf.blocks, place.pass, place.restarts + 1, place.rows, place.batches);
        COMMIT;
        CONTINUE;
      END IF;
      upto := LEAST(place.next_block + size, place.end_block);
      began := pg_catalog.clock_timestamp();
      outcome := 'done';
      BEGIN
        EXECUTE {head} || leaf.name || {tail}
        USING pg_catalog.format('(%s,0)', place.next_block)::tid, pg_catalog.format('(%s,0)', upto)::tid;
        GET DIAGNOSTICS changed = ROW_COUNT;
        UPDATE airlock.walk SET next_block = upto, rows = rows + changed, pass_rows = pass_rows + changed,
            batches = batches + 1
        WHERE {id} AND relation = place.relation AND first_block = place.first_block
        AND filenode = pg_catalog.pg_relation_filenode(place.relation);
        IF NOT FOUND THEN
          RAISE EXCEPTION USING ERRCODE = 'AL001';
        END IF;
      EXCEPTION
        WHEN SQLSTATE 'AL001' THEN outcome := 'moved';
        WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN outcome := 'blocked';
      END;
      IF outcome <> 'done' THEN
        ROLLBACK;
        CONTINUE WHEN outcome = 'moved';
        since := COALESCE(since, began);
        IF pg_catalog.clock_timestamp() - since > '{patience} ms'::interval THEN
          RAISE EXCEPTION 'rows of % are locked by others', leaf.name USING ERRCODE = 'lock_not_available',
            HINT = 'Run the script again; it goes on from here.';
        END IF;
        size := GREATEST(1, size / 2);
        PERFORM pg_catalog.pg_sleep(0.05 + 0.2 * pg_catalog.random());
        CONTINUE;
      END IF;
      COMMIT;
      since := NULL;
      took := pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - began) * 1000;
      size := GREATEST(1, LEAST(size * 2, 100000, (upto - place.next_block) * {target} / GREATEST(took, 0.1)))::bigint;
    END LOOP;
{again}  END LOOP;
",
        walkable = walkable(&backfill.relation),
        patience = ms(bounds.patience),
        target = ms(bounds.batch_target),
    );
    let declare = format!(
        "  place airlock.walk;
  leaf record;
  upto bigint;
  size bigint := 8;
  changed bigint;
  outcome text;
  began timestamptz;
  since timestamptz;
  took double precision;
  -- A walk that was cut off may not have counted its last rows.
  fresh boolean := NOT EXISTS (SELECT FROM airlock.walk WHERE {id});
"
    );
    block(&declare, &body)
}

fn wrong(meaning: &str) -> String {
    format!(
        "  IF bad <> 0 THEN\n    RAISE EXCEPTION USING MESSAGE = bad || ' ' || {};\n  END IF;\n",
        quote_literal(meaning)
    )
}

/// A query that must give 0.
pub(super) fn verify_count(sql: &str, meaning: &str, bounds: &Bounds) -> String {
    let sql = sql.trim_end().trim_end_matches(';');
    format!(
        "SET statement_timeout = 0;\n{}{}",
        block(
            "  bad bigint;\n",
            &format!("  EXECUTE {} INTO bad;\n{}", dollar(sql), wrong(meaning))
        ),
        usual_timeouts(bounds)
    )
}

/// Rows that must not be there, counted range by range.
pub(super) fn verify_rows(
    relation: &QualifiedName,
    alias: &str,
    condition: &str,
    meaning: &str,
    bounds: &Bounds,
) -> String {
    let alias = quote_ident(alias);
    let found = tables(relation);
    let tail = dollar(&format!(
        " AS {alias} WHERE (\n{condition}\n) AND {alias}.ctid >= $1 AND {alias}.ctid < $2"
    ));
    let files = format!(
        "(SELECT pg_catalog.array_agg(ROW(f.oid, f.filenode)::text ORDER BY f.oid) FROM ({found}) AS f)"
    );
    let body = format!(
        "{}  LOOP
    bad := 0;
    files := {files};
    FOR leaf IN {found} LOOP
      at := 0;
      LOOP
        -- The last range has no end: blocks may have been added.
        upto := CASE WHEN at + size >= leaf.blocks THEN 4294967295 ELSE at + size END;
        began := pg_catalog.clock_timestamp();
        EXECUTE 'SELECT pg_catalog.count(*) FROM ONLY ' || leaf.name || {tail} INTO counted
        USING pg_catalog.format('(%s,0)', at)::tid, pg_catalog.format('(%s,0)', upto)::tid;
        COMMIT;
        bad := bad + counted;
        EXIT WHEN upto = 4294967295;
        took := pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - began) * 1000;
        size := GREATEST(1, LEAST(size * 2, 1000000, size * 100 / GREATEST(took, 0.1)))::bigint;
        at := upto;
      END LOOP;
    END LOOP;
    -- A table that was rewritten meanwhile may have moved rows past us.
    EXIT WHEN files IS NOT DISTINCT FROM {files};
  END LOOP;
{}",
        walkable(relation),
        wrong(meaning)
    );
    let declare = "  leaf record;\n  files text[];\n  at bigint;\n  upto bigint;\n  size bigint := 256;\n  \
                   counted bigint;\n  bad bigint;\n  began timestamptz;\n  took double precision;\n";
    format!("SET statement_timeout = 0;\n{}{}", block(declare, &body), usual_timeouts(bounds))
}

/// A query of the verify section: no rows, or rows in which every column is true.
pub(super) fn verify_query(revision: &str, query: &str, bounds: &Bounds) -> String {
    let query = query.trim_end().trim_end_matches(';');
    let what = quote_literal(&format!("verification of revision {revision} failed: {query}"));
    let body = format!(
        "  FOR answer IN EXECUTE {} LOOP\n    IF EXISTS (SELECT FROM pg_catalog.jsonb_each(pg_catalog.to_jsonb(answer)) AS c \
         WHERE c.value <> 'true'::pg_catalog.jsonb) THEN\n      RAISE EXCEPTION USING MESSAGE = {what};\n    \
         END IF;\n  END LOOP;\n",
        dollar(query)
    );
    format!(
        "\n-- Verify.\nBEGIN READ ONLY;\nSET LOCAL statement_timeout = 0;\n{}ROLLBACK;\n{}",
        block("  answer record;\n", &body),
        usual_timeouts(bounds)
    )
}
