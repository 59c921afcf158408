//! `UPDATE` and `DELETE`.
//!
//! *In words*: one that fills columns of its own migration belongs to a group ([`super::fill`]). On a
//! small or new table it stays one statement. On a large one it becomes a backfill in batches over
//! block ranges, if a second visit of a row provably changes nothing ([`super::idempotence`]), or if
//! `-- airlock: marker` tells visited rows from others. While the walk is on, a trigger applies an
//! `UPDATE` to every old row that the application itself updates: it may move out of the walk's way,
//! and as written it would have been changed. What is left is refused: `-- airlock: allow unbatched
//! "why"` keeps it as one statement with its true cost.

use super::as_is;
use super::dispatch::target;
use super::draft::Draft;
use super::fill;
use super::groups::Group;
use super::idempotence::{self, Proof};
use super::marker::Marker;
use super::set_not_null;
use super::sync::{Fires, Runs, SyncTrigger, changed};
use crate::analyze::Impact;
use crate::catalog::{Catalog, ConstraintKind, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::{Action, Backfill, Change, NoteKind, Phase, RelationLock, Undo, WorkKind};
use crate::sql::directive::AllowedHazard;
use crate::sql::{Diagnostic, DirectiveKind, QualifiedName, Statement, deparse, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{DeleteStmt, LimitOption, Node, SelectStmt, SetOperation, UpdateStmt};

/// Bytes per row assumed when a table was never analyzed.
const ASSUMED_ROW_BYTES: u64 = 100;

/// Types without an equality operator: compared as text.
const WITHOUT_EQUALITY: [&str; 8] =
    ["json", "xml", "point", "line", "lseg", "box", "path", "polygon"];

/// What an ordinary `INSERT`, `UPDATE` or `DELETE` locks.
pub(super) fn row_locks(relation: &QualifiedName) -> Vec<RelationLock> {
    vec![RelationLock { relation: relation.clone(), mode: LockMode::RowExclusive }]
}

/// An `UPDATE` that can be split, as text.
struct Split {
    alias: String,
    set: String,
    from: Option<String>,
    condition: Option<String>,
    /// Column and value, `DEFAULT` resolved.
    targets: Vec<(String, String)>,
    proof: Result<Proof, String>,
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    statement: &Statement,
    update: &UpdateStmt,
    impact: &Impact,
) {
    let Some(name) = target(draft, update.relation.as_ref()) else {
        return as_is::steps(draft, statement, impact);
    };
    let Some(found) = draft.catalog.relation(&name).cloned() else { return };
    if !draft.is_new(&name)
        && let Some(group) = draft.groups.by_update.get(&(draft.number() - 1)).cloned()
    {
        fill::steps(draft, &group, statement.span, true);
        return finish_not_null(draft, &found, &group);
    }
    if stays_whole(draft, statement, &found) {
        return whole(draft, statement, &found);
    }
    let split = match read_update(draft, update, &found) {
        Ok(split) => split,
        Err(why) => return refuse(draft, statement, &found, &why, false),
    };
    let marked = draft.directive(statement, |kind| match kind {
        DirectiveKind::Marker => Some(()),
        DirectiveKind::StoredTrigger
        | DirectiveKind::Backfill { .. }
        | DirectiveKind::Reverse { .. }
        | DirectiveKind::Rename(_)
        | DirectiveKind::Batch
        | DirectiveKind::AllowHazard { .. }
        | DirectiveKind::AllowFile { .. }
        | DirectiveKind::Allow { .. } => None,
    });
    let only = update.relation.as_ref().is_some_and(|range| !range.inh);
    let heaps = heaps(draft, &found, only);
    match &split.proof {
        _ if marked.is_some() => {
            // A column that is added to the parent is added to its children as well.
            if let [_] = heaps.as_slice() {
                with_marker(draft, &found, &split);
            } else {
                let why = "a marker would be inherited by the table's children";
                refuse(draft, statement, &found, why, false);
            }
        }
        Ok(proof) => {
            for member in &heaps {
                in_batches(draft, member, &split, *proof);
            }
        }
        Err(why) => refuse(draft, statement, &found, why, true),
    }
}

/// A column that was added with NOT NULL was added without it: now every row has a value.
fn finish_not_null(draft: &mut Draft<'_>, found: &Relation, group: &Group) {
    for target in
        group.targets.iter().filter(|target| target.new && found.is_not_null(&target.column))
    {
        // On 18 the constraint has a name, which the catalog as written knows.
        let name = found
            .constraints
            .iter()
            .find(|c| c.kind == ConstraintKind::NotNull && c.columns == [target.column.clone()])
            .map(|c| c.name.as_str());
        set_not_null::emit(draft, &found.name, &target.column, name);
    }
}

pub(super) fn delete(
    draft: &mut Draft<'_>,
    statement: &Statement,
    delete: &DeleteStmt,
    impact: &Impact,
) {
    let Some(name) = target(draft, delete.relation.as_ref()) else {
        return as_is::steps(draft, statement, impact);
    };
    let Some(found) = draft.catalog.relation(&name).cloned() else { return };
    if stays_whole(draft, statement, &found) {
        return whole(draft, statement, &found);
    }
    let condition = delete.where_clause.as_deref();
    let reads_own =
        condition.is_some_and(|node| idempotence::may_read(node, &name, &draft.catalog));
    if delete.with_clause.is_some() || delete.returning_clause.is_some() || reads_own {
        let why = "it has WITH or RETURNING, or reads the table that it deletes from a second time";
        return refuse(draft, statement, &found, why, false);
    }
    let alias = alias_of(delete.relation.as_ref(), &name);
    let only = delete.relation.as_ref().is_some_and(|range| !range.inh);
    draft.note(
        NoteKind::Information,
        format!("rows of {name} that come to match while the walk is on are deleted as well"),
    );
    for member in heaps(draft, &found, only) {
        let action = Action::Backfill(Backfill {
            relation: member.name.clone(),
            alias: alias.clone(),
            change: Change::Delete { using: from_list(&delete.using_clause) },
            predicate: condition.map_or("true".to_owned(), deparse::expression),
            fires_triggers: true,
            repeat: true,
        });
        push_row_changes(draft, &member.name, "rows are deleted in batches".to_owned(), action);
    }
}

/// The tables that a statement on `found` changes, each walked on its own. A partitioned table is one:
/// the walk goes through its leaves. Inheritance children have rows and triggers of their own.
fn heaps(draft: &Draft<'_>, found: &Relation, only: bool) -> Vec<Relation> {
    if found.kind == RelationKind::PartitionedTable || only {
        return vec![found.clone()];
    }
    draft.catalog.family(found).into_iter().cloned().collect()
}

fn push_row_changes(draft: &mut Draft<'_>, name: &QualifiedName, why: String, action: Action) {
    draft
        .step(Phase::Migrate, why, action)
        .locks(row_locks(name))
        .work(WorkKind::RowChanges, name)
        .undo(Undo::Irreversible { why: format!("the changed rows of {name} stay as they are") });
    draft.floors.relation(name, Phase::Migrate);
    draft.floors.filled(name);
}

/// Small, new, or allowed to be one statement.
fn stays_whole(draft: &mut Draft<'_>, statement: &Statement, found: &Relation) -> bool {
    if draft.allows(statement, AllowedHazard::Unbatched) || draft.is_new(&found.name) {
        return true;
    }
    let asked = statement.directives.iter().any(|directive| match directive.kind {
        DirectiveKind::Batch | DirectiveKind::Marker => true,
        DirectiveKind::Backfill { .. }
        | DirectiveKind::Reverse { .. }
        | DirectiveKind::Rename(_)
        | DirectiveKind::AllowHazard { .. }
        | DirectiveKind::AllowFile { .. }
        | DirectiveKind::StoredTrigger
        | DirectiveKind::Allow { .. } => false,
    });
    if asked || !draft.catalog.sizes_known {
        return false;
    }
    let rows: u64 = draft
        .catalog
        .leaves(found)
        .iter()
        .map(|leaf| leaf.estimated_rows.unwrap_or(leaf.table_bytes / ASSUMED_ROW_BYTES))
        .sum();
    rows <= draft.options.small_table_rows
}

/// One statement, as written.
pub(super) fn whole(draft: &mut Draft<'_>, statement: &Statement, found: &Relation) {
    let undo = if draft.is_new(&found.name) {
        Undo::Nothing
    } else {
        Undo::Irreversible { why: format!("the changed rows of {} stay as they are", found.name) }
    };
    draft
        .step(
            Phase::Migrate,
            "few rows, or allowed as one statement",
            Action::Statement { sql: statement.sql.clone() },
        )
        .locks(row_locks(&found.name))
        .work(WorkKind::RowChanges, &found.name)
        .undo(undo);
    draft.floors.relation(&found.name, Phase::Migrate);
    draft.floors.filled(&found.name);
}

fn refuse(
    draft: &mut Draft<'_>,
    statement: &Statement,
    found: &Relation,
    why: &str,
    marker_helps: bool,
) {
    let marker = if marker_helps {
        "Write `-- airlock: marker` above it to mark the rows that exist when it starts and change each exactly once, or "
    } else {
        "Write "
    };
    draft.refuse(
        Diagnostic::new(
            format!("this changes many rows of {} and cannot be split into batches", found.name),
            statement.span,
        )
        .detail(format!("The reason: {why}."))
        .hint(format!(
            "{marker}`-- airlock: allow unbatched \"why\"` to run it as one statement, which holds the lock of every changed row to its end."
        )),
    );
}

fn alias_of(range: Option<&pg_query::protobuf::RangeVar>, name: &QualifiedName) -> String {
    range
        .and_then(|range| range.alias.as_ref())
        .map_or_else(|| name.name.clone(), |alias| alias.aliasname.clone())
}

/// The `FROM` or `USING` list as text.
fn from_list(nodes: &[Node]) -> Option<String> {
    if nodes.is_empty() {
        return None;
    }
    let select = SelectStmt {
        from_clause: nodes.to_vec(),
        op: SetOperation::SetopNone as i32,
        limit_option: LimitOption::Default as i32,
        ..SelectStmt::default()
    };
    let text = deparse::statement(&NodeEnum::SelectStmt(Box::new(select)));
    text.split_once("FROM ").map(|(_, list)| list.to_owned())
}

fn read_update(draft: &Draft<'_>, update: &UpdateStmt, found: &Relation) -> Result<Split, String> {
    if update.with_clause.is_some() || update.returning_clause.is_some() {
        return Err("it has WITH or RETURNING".to_owned());
    }
    let alias = alias_of(update.relation.as_ref(), &found.name);
    let condition = update.where_clause.as_deref();
    let mut nodes: Vec<(String, Option<&Node>)> = Vec::new();
    let mut targets = Vec::new();
    let mut set = Vec::new();
    for item in &update.target_list {
        let Some(NodeEnum::ResTarget(item)) = &item.node else {
            return Err("its SET list is not plain".to_owned());
        };
        if !item.indirection.is_empty() {
            return Err("it sets part of a column".to_owned());
        }
        let quoted = quote_ident(&item.name);
        match item.val.as_deref() {
            Some(Node { node: Some(NodeEnum::SetToDefault(_)) }) => {
                let default = found
                    .column(&item.name)
                    .and_then(|column| column.default.clone())
                    .unwrap_or_else(|| "NULL".to_owned());
                set.push(format!("{quoted} = DEFAULT"));
                targets.push((item.name.clone(), default));
                nodes.push((item.name.clone(), None));
            }
            Some(Node { node: Some(NodeEnum::MultiAssignRef(part)) }) => {
                let source =
                    part.source.as_deref().ok_or_else(|| "its SET list is not plain".to_owned())?;
                let text = part_of_row(source, part.colno, part.ncolumns)?;
                set.push(format!("{quoted} = {text}"));
                targets.push((item.name.clone(), text));
                nodes.push((item.name.clone(), Some(source)));
            }
            None => return Err("its SET list is not plain".to_owned()),
            Some(value) => {
                let text = deparse::expression(value);
                set.push(format!("{quoted} = {text}"));
                targets.push((item.name.clone(), text));
                nodes.push((item.name.clone(), Some(value)));
            }
        }
    }
    if let Some(key) = &found.partition_key
        && targets.iter().any(|(name, _)| super::text::words(key).contains(name))
    {
        return Err("it changes the partition key, which moves rows between partitions".to_owned());
    }
    let from = from_list(&update.from_clause);
    let reads_own_table =
        from.as_ref().is_some_and(|list| super::text::words(list).contains(&found.name.name))
            || nodes
                .iter()
                .filter_map(|(_, value)| *value)
                .chain(condition)
                .any(|node| idempotence::may_read(node, &found.name, &draft.catalog));
    let proof = idempotence::prove(
        &idempotence::Update {
            relation: &found.name,
            alias: &alias,
            targets: nodes,
            condition,
            reads_own_table,
        },
        &draft.catalog,
    );
    Ok(Split {
        alias,
        set: set.join(", "),
        from,
        condition: condition.map(deparse::expression),
        targets,
        proof,
    })
}

/// One column of `(a, b) = (…)`, as an expression of its own.
fn part_of_row(source: &Node, column: i32, columns: i32) -> Result<String, String> {
    let position = usize::try_from(column - 1).map_err(|e| e.to_string())?;
    match &source.node {
        Some(NodeEnum::RowExpr(row)) => row
            .args
            .get(position)
            .map(deparse::expression)
            .ok_or_else(|| "its SET list is not plain".to_owned()),
        Some(NodeEnum::SubLink(link)) => {
            let query = link.subselect.as_deref().and_then(|query| query.node.as_ref());
            let query = query.ok_or_else(|| "its SET list is not plain".to_owned())?;
            let names: Vec<String> = (1..=columns).map(|n| format!("c{n}")).collect();
            Ok(format!(
                "(SELECT airlock_row.c{column} FROM ({}) AS airlock_row({}))",
                deparse::statement(query),
                names.join(", ")
            ))
        }
        _ => Err("it sets several columns from one row expression".to_owned()),
    }
}

/// Rows that the statement applies to and that differ from what it makes of them.
fn predicate(found: &Relation, split: &Split, proof: Proof) -> String {
    let mut parts: Vec<String> = split.condition.iter().map(|c| format!("({c})")).collect();
    if proof == Proof::SameAgain {
        let differing: Vec<String> = split
            .targets
            .iter()
            .map(|(name, value)| {
                let column = format!("{}.{}", quote_ident(&split.alias), quote_ident(name));
                let comparable = found
                    .column(name)
                    .is_none_or(|c| !WITHOUT_EQUALITY.contains(&c.type_name.as_str()));
                if comparable {
                    format!("{column} IS DISTINCT FROM ({value})")
                } else {
                    format!("{column}::text IS DISTINCT FROM ({value})::text")
                }
            })
            .collect();
        parts.push(format!("({})", differing.join(" OR ")));
    }
    if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") }
}

/// Whether the application has triggers, on the table or one below it, that fire when `columns` are
/// set. One for the whole statement counts too: it may read the changed rows.
pub(super) fn fires_triggers(catalog: &Catalog, found: &Relation, columns: &[&str]) -> bool {
    catalog.family(found).into_iter().flat_map(|member| &member.triggers).any(|trigger| {
        let of = &trigger.update_of;
        let about = of.is_empty() || of.iter().any(|column| columns.contains(&column.as_str()));
        let enabled = matches!(trigger.enabled, 'O' | 'A');
        !trigger.ours && trigger.on_update && enabled && about
    })
}

fn in_batches(draft: &mut Draft<'_>, found: &Relation, split: &Split, proof: Proof) {
    let name = &found.name;
    let predicate = predicate(found, split, proof);
    let columns: Vec<&str> = split.targets.iter().map(|(column, _)| column.as_str()).collect();
    if fires_triggers(&draft.catalog, found, &columns) && proof == Proof::SameAgain {
        draft.note(
            NoteKind::Triggers,
            format!("rows of {name} that hold the new value already are not touched, so the application's triggers do not fire for them (`-- airlock: marker` changes every row, once)"),
        );
    }
    draft.note(
        NoteKind::Information,
        format!(
            "rows of {name} that are inserted while the walk is on and match may be changed as well"
        ),
    );
    let trigger = SyncTrigger::new(draft, name);
    let search_path = draft.catalog.server.search_path.clone();
    let body = catching_body(split, &predicate);
    let sql = trigger.create(Fires::Update, "", Runs::AsOwner, &search_path, &body);
    trigger.create_step(
        draft,
        Phase::Migrate,
        format!(
            "a row of {name} that the application updates, and may move, is changed in passing"
        ),
        sql,
    );
    let action = Action::Backfill(Backfill {
        relation: name.clone(),
        alias: split.alias.clone(),
        change: Change::Update { set: split.set.clone(), from: split.from.clone() },
        predicate,
        fires_triggers: true,
        repeat: false,
    });
    push_row_changes(draft, name, "rows are changed in batches".to_owned(), action);
    trigger.remove_step(draft, Phase::Migrate, "every row has been visited".to_owned());
}

/// Applies the statement to the row as it was, as if the statement had come first; what the
/// application changes itself stays.
fn catching_body(split: &Split, predicate: &str) -> String {
    let alias = quote_ident(&split.alias);
    let row = format!("(SELECT OLD.*) AS {alias}");
    let from = split.from.as_ref().map(|list| format!(", {list}")).unwrap_or_default();
    let touched: Vec<String> = split.targets.iter().map(|(name, _)| changed(name)).collect();
    let values: Vec<&str> = split.targets.iter().map(|(_, value)| value.as_str()).collect();
    let into: Vec<String> =
        split.targets.iter().map(|(name, _)| format!("NEW.{}", quote_ident(name))).collect();
    format!(
        "  BEGIN\n    IF NOT ({}) AND EXISTS (SELECT 1 FROM {row}{from} WHERE {predicate}) THEN\n      \
         SELECT {} INTO {} FROM {row}{from} WHERE {predicate} LIMIT 1;\n    END IF;\n  \
         EXCEPTION WHEN OTHERS THEN NULL;\n  END;\n",
        touched.join(" OR "),
        values.join(", "),
        into.join(", ")
    )
}

/// Exactly the rows that exist when the marker is added, each exactly once.
fn with_marker(draft: &mut Draft<'_>, found: &Relation, split: &Split) {
    let name = &found.name;
    let marker = Marker::new(draft, name);
    let sql = marker.create(None);
    let locks = draft.locks(found, LockMode::AccessExclusive);
    draft
        .step(
            Phase::Migrate,
            "the rows that exist now are marked, without being written",
            Action::Transaction { sql },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction { sql: marker.remove_if_there(), locks });
    let column = quote_ident(&marker.column);
    let marked = format!("{}.{column}", quote_ident(&split.alias));
    let mut parts = vec![marked];
    parts.extend(split.condition.iter().map(|c| format!("({c})")));
    let action = Action::Backfill(Backfill {
        relation: name.clone(),
        alias: split.alias.clone(),
        change: Change::Update {
            set: format!("{}, {column} = NULL", split.set),
            from: split.from.clone(),
        },
        predicate: parts.join(" AND "),
        fires_triggers: true,
        repeat: true,
    });
    push_row_changes(draft, name, "each marked row is changed once".to_owned(), action);
    marker.remove_step(draft);
}
