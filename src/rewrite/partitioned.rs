//! Indexes, keys and foreign keys of a partitioned table.
//!
//! *In words*: `CREATE INDEX CONCURRENTLY` is an error on the parent, and a foreign key cannot be added
//! NOT VALID there before 18. So each leaf gets its own index, constraint or key first, under the name
//! that the server would choose for it, by the recipe for an ordinary table. Then the statement runs on the parent, which
//! adopts what it finds on the leaves instead of building or scanning (manual, "Partitioning", and
//! `DefineIndex`, `tryAttachPartitionForeignKey`): a brief lock on all of them. Partitions come and go
//! while that is on: one that is dropped is passed over, and one that was added with rows in it is
//! looked for before the parent's step, which would otherwise build or read under its lock.

use super::add_foreign_key;
use super::add_unique;
use super::create_index::{self, Build};
use super::draft::Draft;
use crate::catalog::{Relation, RelationKind, names};
use crate::lock::LockMode;
use crate::plan::{Action, Check, NoteKind, Phase, Undo};
use crate::sql::{QualifiedName, Statement, deparse, quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, IndexStmt};

/// `CREATE INDEX name ON parent`.
pub(super) fn index(draft: &mut Draft<'_>, parent: &Relation, index: &IndexStmt, name: &str) {
    let mut pattern = None;
    for leaf in leaves(draft, parent) {
        let unnamed = IndexStmt { idxname: String::new(), ..index.clone() };
        let leaf_index = names::index_name(&draft.catalog, &leaf.name, &unnamed);
        pattern.get_or_insert_with(|| leaf.name.sibling(&*leaf_index));
        create_index::build(
            draft,
            Build {
                index: index.clone(),
                why: format!(
                    "{leaf_index} is built on one partition while the application goes on"
                ),
                name: leaf_index,
                relation: leaf.name.clone(),
            },
        );
    }
    if let Some(pattern) = &pattern {
        no_new_leaf_without_index(draft, Phase::Migrate, parent, pattern, name);
    }
    let mut whole = index.clone();
    name.clone_into(&mut whole.idxname);
    whole.concurrent = false;
    whole.if_not_exists = false;
    whole.relation = Some(add_unique::range_of(&parent.name));
    let locks = draft.locks(parent, LockMode::Share);
    let undo_locks = draft.locks(parent, LockMode::AccessExclusive);
    draft
        .step(
            Phase::Migrate,
            format!("{name} adopts the indexes of the partitions"),
            Action::Transaction {
                sql: vec![deparse::statement(&NodeEnum::IndexStmt(Box::new(whole)))],
            },
        )
        .locks(locks)
        .undo(Undo::Transaction {
            sql: vec![format!("DROP INDEX IF EXISTS {}", parent.name.sibling(name))],
            locks: undo_locks,
        });
}

/// `ADD UNIQUE` or `ADD PRIMARY KEY` on the parent.
pub(super) fn unique(
    draft: &mut Draft<'_>,
    part: &Statement,
    parent: &Relation,
    constraint: &Constraint,
    name: &str,
) {
    if constraint.contype() == ConstrType::ConstrPrimary && draft.major() >= 18 {
        draft.note(
            NoteKind::Inheritance,
            format!(
                "the partitions of {} keep NOT NULL on the columns of {name} when it is dropped from the parent later (ALTER … DROP NOT NULL on each of them takes it away)",
                parent.name
            ),
        );
    }
    let mut pattern = None;
    for leaf in leaves(draft, parent) {
        let unnamed = Constraint { conname: String::new(), ..constraint.clone() };
        let key = names::constraint_name(&draft.catalog, &leaf.name, &unnamed);
        pattern.get_or_insert_with(|| leaf.name.sibling(key));
        add_unique::build(draft, part, &unnamed, &leaf.name);
    }
    if let Some(pattern) = &pattern {
        no_new_leaf_without_index(draft, Phase::Migrate, parent, pattern, name);
    }
    adopt(draft, parent, &[], constraint, name);
}

/// `ADD FOREIGN KEY` on the parent, before 18.
pub(super) fn foreign_key(
    draft: &mut Draft<'_>,
    part: &Statement,
    parent: &Relation,
    referenced: &Relation,
    constraint: &Constraint,
    name: &str,
) {
    for leaf in leaves(draft, parent) {
        let named = Constraint { conname: name.to_owned(), ..constraint.clone() };
        add_foreign_key::emit(draft, part, &named, &leaf.name);
    }
    no_new_leaf_without_key(draft, parent, name, name);
    let mut qualified = constraint.clone();
    if let Some(range) = qualified.pktable.as_mut() {
        range.schemaname.clone_from(&referenced.name.schema);
    }
    adopt(draft, parent, std::slice::from_ref(&referenced.name), &qualified, name);
}

/// `name` is what the key is called on each leaf, `what` for people.
pub(super) fn no_new_leaf_without_key(
    draft: &mut Draft<'_>,
    parent: &Relation,
    name: &str,
    what: &str,
) {
    let without = format!(
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid \
         AND k.contype = 'f' AND k.convalidated AND k.conname = {})",
        quote_literal(name)
    );
    no_new_leaf(draft, Phase::Migrate, parent, &without, &format!("foreign key {what}"));
}

/// The plan knows the partitions that were there when it was made. One that came later and is empty
/// costs nothing; one with rows would be read, or have its index built, under the parent's lock.
pub(super) fn no_new_leaf(
    draft: &mut Draft<'_>,
    phase: Phase,
    parent: &Relation,
    without: &str,
    what: &str,
) {
    let name = &parent.name;
    let sql = format!(
        "SELECT count(*) FROM pg_catalog.pg_partition_tree({}::pg_catalog.regclass) AS t \
         JOIN pg_catalog.pg_class AS c ON c.oid = t.relid \
         WHERE t.isleaf AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.oid) > 0 AND {without}",
        quote_literal(&name.to_string())
    );
    draft.step(
        phase,
        "a partition that came after the plan was made may lack what the others have",
        Action::Verify {
            relation: name.clone(),
            check: Check::Query { sql },
            meaning: format!(
                "partitions of {name} with rows that came after the plan was made and lack what {what} needs (add it to them, online, and run again)"
            ),
        },
    );
}

/// `pattern` is the index on one of the leaves: that of another says the same behind its table.
pub(super) fn no_new_leaf_without_index(
    draft: &mut Draft<'_>,
    phase: Phase,
    parent: &Relation,
    pattern: &QualifiedName,
    what: &str,
) {
    let behind = |index: &str| {
        format!(
            "SELECT pg_catalog.substr(pg_catalog.pg_get_indexdef(i.indexrelid), \
             pg_catalog.length(pg_catalog.format('%I ON %I.%I', x.relname, tn.nspname, tc.relname)) \
             + CASE WHEN i.indisunique THEN 21 ELSE 14 END), \
             i.indisunique FROM pg_catalog.pg_index AS i \
             JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace AS xn ON xn.oid = x.relnamespace \
             JOIN pg_catalog.pg_class AS tc ON tc.oid = i.indrelid \
             JOIN pg_catalog.pg_namespace AS tn ON tn.oid = tc.relnamespace WHERE {index}"
        )
    };
    let wanted = behind(&format!(
        "xn.nspname = {} AND x.relname = {}",
        quote_literal(&pattern.schema),
        quote_literal(&pattern.name)
    ));
    let own = behind("i.indrelid = c.oid AND i.indisvalid");
    let without = format!("EXISTS ({wanted}) AND NOT EXISTS ({own} INTERSECT {wanted})");
    no_new_leaf(draft, phase, parent, &without, &format!("index {what}"));
}

/// The end of a rollout: what the server has named after a passing column or key, on a partition that came
/// meanwhile, gets the name that it would have had (`ChooseIndexName`, `makeObjectName`).
pub(super) fn name_what_came_meanwhile(draft: &Draft<'_>, top: &QualifiedName) -> String {
    let family: Vec<&Relation> =
        draft.catalog.relation(top).map(|top| draft.catalog.family(top)).unwrap_or_default();
    let indexes = family.iter().flat_map(|r| r.indexes.iter().map(|index| &index.name));
    let constraints = family.iter().flat_map(|r| r.constraints.iter().map(|c| &c.name));
    // Names that somebody else has chosen. Those that begin so are on their way in another change of the plan.
    let kept: Vec<String> = indexes
        .chain(constraints)
        .filter(|name| name.contains("airlock_"))
        .map(|name| quote_literal(name))
        .collect();
    let kept = format!("ARRAY[{}]::pg_catalog.text[]", kept.join(", "));
    let code = format!(
        "
DECLARE
  airlock_it record;
  airlock_name text;
  airlock_table text;
  airlock_columns text;
  airlock_tail text;
  airlock_number int;
BEGIN
  FOR airlock_it IN
    SELECT n.nspname, x.relname, t.relname AS on_table, i.indexrelid, i.indrelid, k.contype
      FROM pg_catalog.pg_partition_tree({top}::pg_catalog.regclass) AS f
      JOIN pg_catalog.pg_index AS i ON i.indrelid = f.relid
      JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
      JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
      LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = x.oid AND k.conrelid = t.oid AND k.contype IN ('p', 'u')
     WHERE pg_catalog.strpos(x.relname::text, 'airlock_') > 1 AND x.relname::text <> ALL ({kept})
  LOOP
    airlock_table := airlock_it.on_table;
    SELECT CASE WHEN airlock_it.contype = 'p' THEN '' ELSE pg_catalog.string_agg(a.attname::text, '_' ORDER BY a.attnum) END
      INTO airlock_columns FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = airlock_it.indexrelid;
    airlock_tail := CASE airlock_it.contype WHEN 'p' THEN '_pkey' WHEN 'u' THEN '_key' ELSE '_idx' END;
    airlock_number := 0;
    LOOP
      airlock_name := airlock_tail || CASE WHEN airlock_number = 0 THEN '' ELSE airlock_number::text END;
      WHILE pg_catalog.octet_length(airlock_table || '_' || airlock_columns || airlock_name) > 63 LOOP
        IF pg_catalog.octet_length(airlock_table) > pg_catalog.octet_length(airlock_columns) THEN
          airlock_table := pg_catalog.left(airlock_table, -1);
        ELSE
          airlock_columns := pg_catalog.left(airlock_columns, -1);
        END IF;
      END LOOP;
      airlock_name := airlock_table || CASE WHEN airlock_columns = '' THEN '' ELSE '_' || airlock_columns END || airlock_name;
      EXIT WHEN pg_catalog.to_regclass(pg_catalog.format('%I.%I', airlock_it.nspname, airlock_name)) IS NULL
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = airlock_it.indrelid AND k.conname::text = airlock_name);
      airlock_number := airlock_number + 1;
    END LOOP;
    EXECUTE pg_catalog.format('ALTER INDEX %I.%I RENAME TO %I', airlock_it.nspname, airlock_it.relname, airlock_name);
  END LOOP;
  FOR airlock_it IN
    SELECT k.conrelid::pg_catalog.regclass AS on_table, k.conname, above.conname AS wanted
      FROM pg_catalog.pg_partition_tree({top}::pg_catalog.regclass) AS f
      JOIN pg_catalog.pg_constraint AS k ON k.conrelid = f.relid AND k.contype = 'f'
      JOIN pg_catalog.pg_constraint AS above ON above.oid = k.conparentid AND above.conrelid <> k.conrelid
     WHERE pg_catalog.strpos(k.conname::text, 'airlock_') > 0 AND k.conname::text <> ALL ({kept})
       AND pg_catalog.strpos(above.conname::text, 'airlock_') <> 1
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS o WHERE o.conrelid = k.conrelid AND o.conname = above.conname)
     ORDER BY f.level
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', airlock_it.on_table, airlock_it.conname, airlock_it.wanted);
  END LOOP;
END
",
        top = quote_literal(&top.to_string()),
    );
    format!("DO {}", super::text::dollar_quoted(&code))
}

fn leaves(draft: &Draft<'_>, parent: &Relation) -> Vec<Relation> {
    draft.catalog.leaves(parent).into_iter().cloned().collect()
}

/// The constraint on the parent, which takes those of the leaves for its own.
pub(super) fn adopt(
    draft: &mut Draft<'_>,
    parent: &Relation,
    others: &[QualifiedName],
    constraint: &Constraint,
    name: &str,
) {
    let mut whole = constraint.clone();
    name.clone_into(&mut whole.conname);
    let mode =
        if others.is_empty() { LockMode::AccessExclusive } else { LockMode::ShareRowExclusive };
    // The partitions' triggers on the referenced table are dropped (`tryAttachPartitionForeignKey`):
    // ACCESS EXCLUSIVE there, as `analyze` says.
    let others: Vec<QualifiedName> = others
        .iter()
        .filter_map(|other| draft.catalog.relation(other))
        .flat_map(|other| draft.catalog.family(other))
        .map(|other| other.name.clone())
        .collect();
    let set = |mode: LockMode, draft: &Draft<'_>| {
        let own = draft.locks(parent, mode).into_iter().map(|lock| (lock.relation, lock.mode));
        let other = |name: &QualifiedName| (name.clone(), LockMode::AccessExclusive);
        super::draft::lock_set(own.chain(others.iter().map(other)))
    };
    let mut locks = set(mode, draft);
    // Keys to a partitioned table have parts on the leaves, which go when the parent takes over.
    let parted = others.iter().any(|other| {
        draft.catalog.relation(other).is_some_and(|r| r.kind == RelationKind::PartitionedTable)
    });
    if parted {
        let own = draft.locks(parent, LockMode::AccessExclusive);
        locks = super::draft::lock_set(
            locks.into_iter().chain(own).map(|lock| (lock.relation, lock.mode)),
        );
    }
    let undo_locks = set(LockMode::AccessExclusive, draft);
    draft
        .step(
            Phase::Migrate,
            format!("{name} adopts the constraints of the partitions"),
            Action::Transaction { sql: vec![add_foreign_key::add_statement(&parent.name, whole)] },
        )
        .locks(locks)
        .undo(Undo::Transaction {
            sql: vec![super::text::alter(
                &parent.name,
                &format!("DROP CONSTRAINT IF EXISTS {}", quote_ident(name)),
            )],
            locks: undo_locks,
        });
}
