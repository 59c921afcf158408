//! `VACUUM`, `ANALYZE`, `CLUSTER`, `REINDEX`, `REFRESH MATERIALIZED VIEW`.

use super::AnalyzeError;
use super::data::{How, read};
use super::effects::Effects;
use super::misc::is_false;
use super::resolve::Context;
use crate::catalog::{Index, Relation, RelationKind};
use crate::lock::LockMode;
use crate::plan::WorkKind;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableMoveAllStmt, ClusterStmt, DefElem, Node, ObjectType, RangeVar, RefreshMatViewStmt,
    ReindexObjectType, ReindexStmt, VacuumStmt,
};

/// Whether `name` is among the options of a utility statement, and not switched off there.
pub fn has_option(options: &[Node], name: &str) -> bool {
    options.iter().any(
        |option| matches!(&option.node, Some(NodeEnum::DefElem(option)) if is_set(option, name)),
    )
}

fn is_set(option: &DefElem, name: &str) -> bool {
    option.defname == name && !is_false(option)
}

/// `VACUUM` reads every page under SHARE UPDATE EXCLUSIVE; `VACUUM FULL` writes the table anew under
/// ACCESS EXCLUSIVE; `ANALYZE` reads a sample.
pub(super) fn vacuum<'c>(
    cx: Context<'_, 'c>,
    statement: &VacuumStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let full = statement.is_vacuumcmd && has_option(&statement.options, "full");
    let analyze = !statement.is_vacuumcmd || has_option(&statement.options, "analyze");
    let mut relations: Vec<(&'c Relation, bool)> = Vec::new();
    for node in &statement.rels {
        let Some(NodeEnum::VacuumRelation(one)) = &node.node else { continue };
        let Some(name) = &one.relation else { continue };
        let relation = cx.relation(name)?;
        for column in super::volatility::name_parts(&one.va_cols) {
            cx.column(relation, column, name.location.max(0))?;
        }
        if is_stored(relation) || relation.kind == RelationKind::ForeignTable {
            relations.push((relation, name.inh));
        }
        if statement.is_vacuumcmd && !is_stored(relation) {
            // Passed over with a warning, but only once it is locked: `vacuum_rel`, in `vacuum.c`.
            let strong = LockMode::AccessExclusive;
            fx.lock(relation, if full { strong } else { LockMode::ShareUpdateExclusive });
        }
    }
    if statement.rels.is_empty() {
        let stored = cx.catalog.relations.values().filter(|relation| is_stored(relation));
        relations.extend(stored.map(|relation| (relation, true)));
    }
    for (relation, inherit) in relations {
        if statement.is_vacuumcmd && relation.kind != RelationKind::ForeignTable {
            // Since 18 inheritance children are vacuumed with their parent.
            let all = cx.catalog.server.major() >= 18 && inherit;
            let parts = if all { cx.catalog.family(relation) } else { partitions(cx, relation) };
            for part in parts {
                vacuum_one(part, full, fx);
            }
        }
        if analyze {
            analyze_one(cx, relation, inherit, fx);
        }
    }
    Ok(())
}

fn is_stored(relation: &Relation) -> bool {
    match relation.kind {
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView => {
            true
        }
        RelationKind::View
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => false,
    }
}

/// The relation and, for a partitioned one, everything below it.
fn partitions<'c>(cx: Context<'_, 'c>, relation: &'c Relation) -> Vec<&'c Relation> {
    match relation.kind {
        RelationKind::PartitionedTable => cx.catalog.family(relation),
        RelationKind::Table
        | RelationKind::MaterializedView
        | RelationKind::View
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => vec![relation],
    }
}

fn vacuum_one<'c>(relation: &'c Relation, full: bool, fx: &mut Effects<'c>) {
    if full {
        rewrite_with_indexes(relation, fx);
    } else {
        fx.lock(relation, LockMode::ShareUpdateExclusive);
        fx.lock_indexes(relation, LockMode::RowExclusive);
        fx.pass_over(relation, WorkKind::Scan);
    }
}

fn rewrite_with_indexes<'c>(relation: &'c Relation, fx: &mut Effects<'c>) {
    fx.lock(relation, LockMode::AccessExclusive);
    if relation.kind == RelationKind::PartitionedTable {
        return;
    }
    fx.rewrite(relation);
    for index in &relation.indexes {
        fx.lock_index(relation, index, LockMode::AccessExclusive);
        fx.replace_index_file(relation, index);
    }
}

/// Partitions are analyzed with their table; inheritance children are only sampled, since 18 under
/// the same lock.
fn analyze_one<'c>(
    cx: Context<'_, 'c>,
    relation: &'c Relation,
    inherit: bool,
    fx: &mut Effects<'c>,
) {
    let partitioned = relation.kind == RelationKind::PartitionedTable;
    // `ONLY`, since 18, leaves the partitions alone, but their rows are sampled.
    let major = cx.catalog.server.major();
    for part in cx.catalog.family(relation) {
        let below = part.name != relation.name;
        let weak = below && (!inherit || (!partitioned && major < 18));
        if weak {
            fx.lock(part, LockMode::AccessShare);
        } else {
            fx.lock(part, LockMode::ShareUpdateExclusive);
            if part.kind != RelationKind::PartitionedTable {
                fx.lock_indexes(part, LockMode::AccessShare);
            }
        }
    }
}

/// `CLUSTER` writes the table anew in the order of an index.
pub(super) fn cluster<'c>(
    cx: Context<'_, 'c>,
    statement: &ClusterStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else {
        let clustered = |relation: &&Relation| relation.indexes.iter().any(|i| i.is_clustered);
        for relation in cx.catalog.relations.values().filter(clustered) {
            rewrite_with_indexes(relation, fx);
        }
        return Ok(());
    };
    let relation = cx.relation(name)?;
    if relation.kind == RelationKind::PartitionedTable && cx.catalog.server.major() < 15 {
        return Err(cx.invalid("cannot cluster a partitioned table", &name.relname));
    }
    if !statement.indexname.is_empty() {
        cx.index_of(relation, &statement.indexname)?;
    } else if !relation.indexes.iter().any(|index| index.is_clustered) {
        let message =
            format!("there is no previously clustered index for table \"{}\"", name.relname);
        return Err(cx.invalid(message, &name.relname));
    }
    for part in partitions(cx, relation) {
        rewrite_with_indexes(part, fx);
    }
    Ok(())
}

/// `REINDEX` takes SHARE on the table and ACCESS EXCLUSIVE on the index, so that writers wait and
/// most readers too. `CONCURRENTLY`, SHARE UPDATE EXCLUSIVE on both; the index that is replaced gets
/// ACCESS EXCLUSIVE when it is dropped at the end, but by then nobody uses it.
pub(super) fn reindex<'c>(
    cx: Context<'_, 'c>,
    statement: &ReindexStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let concurrent = has_option(&statement.params, "concurrently");
    match statement.kind() {
        ReindexObjectType::ReindexObjectIndex => {
            let Some(name) = &statement.relation else { return Ok(()) };
            let (table, index) = cx.index(name)?;
            reindex_index(cx, table, index, concurrent, fx);
        }
        ReindexObjectType::ReindexObjectTable => {
            let Some(name) = &statement.relation else { return Ok(()) };
            let relation = cx.relation(name)?;
            if !is_stored(relation) {
                return Err(cx.wrong_kind(relation, "a table or materialized view", name));
            }
            for part in partitions(cx, relation) {
                reindex_table(part, concurrent, fx);
            }
        }
        ReindexObjectType::ReindexObjectSchema => {
            cx.schema(&statement.name)?;
            let within =
                |relation: &&Relation| relation.name.schema == statement.name && is_leaf(relation);
            cx.catalog.relations.values().filter(within).for_each(|relation| {
                reindex_table(relation, concurrent, fx);
            });
        }
        ReindexObjectType::ReindexObjectDatabase => {
            cx.catalog.relations.values().filter(|relation| is_leaf(relation)).for_each(
                |relation| {
                    reindex_table(relation, concurrent, fx);
                },
            );
        }
        // The server's own catalogs, of which the model knows nothing: whoever plans a query meanwhile
        // may have to wait for one of them.
        ReindexObjectType::ReindexObjectSystem | ReindexObjectType::Undefined => fx.unknown(),
    }
    Ok(())
}

fn is_leaf(relation: &Relation) -> bool {
    is_stored(relation) && relation.kind != RelationKind::PartitionedTable
}

fn reindex_table<'c>(relation: &'c Relation, concurrent: bool, fx: &mut Effects<'c>) {
    let mode = if concurrent { LockMode::ShareUpdateExclusive } else { LockMode::Share };
    fx.lock(relation, mode);
    if relation.kind == RelationKind::PartitionedTable {
        return;
    }
    for index in &relation.indexes {
        reindex_one(relation, index, concurrent, fx);
    }
}

fn reindex_one<'c>(
    relation: &'c Relation,
    index: &'c Index,
    concurrent: bool,
    fx: &mut Effects<'c>,
) {
    if concurrent {
        fx.lock_index(relation, index, LockMode::ShareUpdateExclusive);
    } else {
        fx.lock_index(relation, index, LockMode::AccessExclusive);
        fx.replace_index_file(relation, index);
    }
    fx.build_index(relation);
}

fn reindex_index<'c>(
    cx: Context<'_, 'c>,
    table: &'c Relation,
    index: &'c Index,
    concurrent: bool,
    fx: &mut Effects<'c>,
) {
    if table.kind != RelationKind::PartitionedTable {
        let mode = if concurrent { LockMode::ShareUpdateExclusive } else { LockMode::Share };
        fx.lock(table, mode);
        return reindex_one(table, index, concurrent, fx);
    }
    let name = table.name.sibling(&*index.name);
    for child in table.children.iter().filter_map(|child| cx.catalog.relation(child)) {
        for part in child.indexes.iter().filter(|part| part.parent.as_ref() == Some(&name)) {
            reindex_index(cx, child, part, concurrent, fx);
        }
    }
}

/// `REFRESH MATERIALIZED VIEW` runs the view's query, holding ACCESS EXCLUSIVE on the view, or
/// EXCLUSIVE with `CONCURRENTLY`, which compares the result with the old rows.
pub(super) fn refresh<'c>(
    cx: Context<'_, 'c>,
    statement: &RefreshMatViewStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name): Option<&RangeVar> = statement.relation.as_ref() else { return Ok(()) };
    let view = cx.relation(name)?;
    if view.kind != RelationKind::MaterializedView {
        return Err(cx.wrong_kind(view, "a materialized view", name));
    }
    if statement.concurrent {
        let fits = |index: &Index| {
            index.unique && index.valid && index.predicate.is_none() && !index.has_expressions
        };
        if !view.indexes.iter().any(fits) {
            let message =
                format!("cannot refresh materialized view \"{}\" concurrently", view.name);
            let error = cx.invalid(message, &name.relname);
            let AnalyzeError::Invalid(diagnostic) = error else { return Err(error) };
            return Err(AnalyzeError::Invalid(
                diagnostic.hint("It needs a unique index over columns, without a WHERE clause."),
            ));
        }
        fx.lock(view, LockMode::Exclusive);
        fx.lock_indexes(view, LockMode::RowExclusive);
        fx.scan(view);
    } else {
        fx.lock(view, LockMode::AccessExclusive);
        fx.lock_indexes(view, LockMode::AccessExclusive);
        fx.replace_file(view);
        view.indexes.iter().for_each(|index| fx.replace_index_file(view, index));
    }
    if statement.skip_data {
        return Ok(());
    }
    if !statement.concurrent {
        fx.fill(view);
    }
    match super::data::parsed_view(view) {
        Some(query) => {
            let query = NodeEnum::SelectStmt(Box::new(query));
            // Its definition comes from the server: what it names exists, unless the catalog is
            // partial.
            if read(cx, &query, How::Executed, fx).is_err() {
                fx.opaque();
            }
        }
        None => fx.opaque(),
    }
    Ok(())
}

/// `ALTER TABLE ALL IN TABLESPACE …`: every relation of the kind there is moved as by a statement of
/// its own, those of the roles of `OWNED BY` where that is given.
pub(super) fn move_all<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterTableMoveAllStmt,
    fx: &mut Effects<'c>,
) {
    if statement.orig_tablespacename == statement.new_tablespacename {
        return;
    }
    let lies_there = |tablespace: Option<&str>| {
        tablespace.unwrap_or("pg_default") == statement.orig_tablespacename
    };
    let roles = super::dispatch::role_names(&statement.roles);
    let moved = cx.catalog.relations.values().filter(|relation| {
        lies_there(relation.tablespace.as_deref())
            && (roles.is_empty() || roles.contains(&relation.owner.as_str()))
    });
    match statement.objtype() {
        ObjectType::ObjectTable | ObjectType::ObjectMatview => {
            let tables = statement.objtype() == ObjectType::ObjectTable;
            for relation in moved.filter(|relation| match relation.kind {
                RelationKind::Table | RelationKind::PartitionedTable => tables,
                RelationKind::MaterializedView => !tables,
                RelationKind::View
                | RelationKind::ForeignTable
                | RelationKind::Sequence
                | RelationKind::CompositeType => false,
            }) {
                fx.lock(relation, LockMode::AccessExclusive);
                fx.copy_file(relation);
            }
        }
        // Where an index lies is not in the catalog.
        _ => fx.opaque(),
    }
}
