//! Views over columns that change. The server lets no such column change its type; they are dropped
//! and made again in the transaction of the switch, with owner, privileges, options and comments.
//!
//! A migration that has to run as written drops such a view first and creates it again afterwards.
//! Then it is that view which the switch creates, with what the migration says of it: nobody ever
//! misses it.

use crate::catalog::{Catalog, DependantKind, Relation, RelationKind};
use crate::rewrite::draft::Draft;
use crate::rewrite::drop_index::path;
use crate::rewrite::{replaced_view, text, whole_row};
use crate::sql::{QualifiedName, Script, Statement, grammar, walk};
use pg_query::protobuf::ObjectType;
use pg_query::{NodeEnum, NodeRef};

/// A view that the switch drops, and what it creates in its place.
#[derive(Debug, Clone)]
pub(in crate::rewrite) struct View {
    pub found: Relation,
    /// The migration's own statements, by index from 0; empty where the view comes back as it was.
    pub exchanged: Vec<(usize, String)>,
}

impl View {
    pub fn drop(&self) -> String {
        format!("DROP VIEW {}", self.found.name)
    }

    /// The view as it was.
    pub fn back(&self, draft: &Draft<'_>) -> Vec<String> {
        replaced_view::create(draft, &self.found).unwrap_or_default()
    }

    /// The view as it is after the switch.
    pub fn there(&self, draft: &Draft<'_>) -> Vec<String> {
        if self.exchanged.is_empty() {
            return self.back(draft);
        }
        self.exchanged.iter().map(|(_, sql)| sql.clone()).collect()
    }
}

/// The views that read one of `columns`, or another such view, each after those that it reads.
///
/// # Errors
/// What hangs on one of them and would not come back with it.
pub(in crate::rewrite) fn over<'r>(
    catalog: &Catalog,
    columns: impl IntoIterator<Item = (&'r Relation, &'r str)>,
) -> Result<Vec<Relation>, String> {
    let mut found = Vec::new();
    for (relation, column) in columns {
        for dependant in &relation.dependants {
            if dependant.kind == DependantKind::View
                && dependant.columns.iter().any(|read| read == column)
                && let Some(name) = &dependant.relation
            {
                visit(catalog, name, &mut found)?;
            }
        }
    }
    // Each was put behind all that read it.
    found.reverse();
    Ok(found)
}

fn visit(catalog: &Catalog, name: &QualifiedName, found: &mut Vec<Relation>) -> Result<(), String> {
    let Some(view) = catalog.relation(name) else {
        return Err(format!("view {name} is not known"));
    };
    if found.iter().any(|known| known.name == *name) {
        return Ok(());
    }
    let own = if view.kind != RelationKind::View || view.view_definition.is_none() {
        Some("its definition is not known")
    } else if !view.triggers.is_empty() {
        Some("it has triggers")
    } else if !view.rules.is_empty() {
        Some("it has rules")
    } else if view.columns.iter().any(|column| column.default.is_some()) {
        Some("its columns have defaults")
    } else if view.created_here && view.view_definition.as_deref().is_none_or(takes_whole_rows) {
        Some("its query says *, which would take the second column too: name the columns")
    } else {
        None
    };
    if let Some(why) = own {
        return Err(format!("view {name} cannot be made again exactly: {why}"));
    }
    for dependant in &view.dependants {
        match (dependant.kind, &dependant.relation) {
            (DependantKind::View, Some(reader)) => visit(catalog, reader, found)?,
            (DependantKind::MaterializedView, Some(reader)) => {
                return Err(format!(
                    "materialized view {reader} reads view {name}, which the switch has to make anew, and what it holds would go with that: drop {reader} in a revision before this one and create it again in one after it, or let it read the table"
                ));
            }
            _ => return Err(format!("{} depends on view {name}", dependant.name)),
        }
    }
    found.push(view.clone());
    Ok(())
}

/// Whether a query that a person wrote says `*`; the server prints the columns.
fn takes_whole_rows(query: &str) -> bool {
    let Ok(parsed) = grammar::parse(query) else { return true };
    let mut found = false;
    for node in parsed.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()) {
        walk::walk(node, |node| {
            found |= matches!(node, NodeRef::AStar(_))
                || matches!(node, NodeRef::ColumnRef(reference)
                    if reference.fields.iter().any(|f| matches!(f.node, Some(NodeEnum::AStar(_)))));
        });
    }
    found
}

/// Of `views`, those that the migration itself drops before statement `first` and creates again after
/// it are exchanged by its own statements.
pub(in crate::rewrite) fn exchanged(
    script: &Script,
    catalog: &Catalog,
    first: usize,
    views: Vec<Relation>,
) -> (Vec<View>, Vec<usize>) {
    let mut used = Vec::new();
    let views: Vec<View> = views
        .into_iter()
        .filter_map(|found| {
            let dropped = |statement: &Statement| drops(statement, catalog, &found.name);
            let Some(drop) = script.statements[..first].iter().position(dropped) else {
                return Some(View { found, exchanged: Vec::new() });
            };
            let after = script.statements.iter().enumerate().skip(first);
            let create = after.clone().find(|(_, s)| creates(s, catalog, &found.name))?.0;
            // In the switch the table has the old column too, which `*` would take over.
            let mut then = catalog.clone();
            script.statements[..create].iter().for_each(|s| then.apply(s));
            let written_out = whole_row::of_view(&then, &script.statements[create])?;
            let text = |index: usize, s: &Statement| {
                if index == create { written_out.clone() } else { s.sql.clone() }
            };
            let exchanged: Vec<(usize, String)> = after
                .filter(|(index, s)| {
                    *index == create || (*index > create && is_about(s, &found.name))
                })
                .map(|(index, s)| (index, text(index, s)))
                .collect();
            used.push(drop);
            used.extend(exchanged.iter().map(|(index, _)| *index));
            Some(View { found, exchanged })
        })
        .collect();
    // A DROP that names other views too stays a statement of its own, and so does all of it.
    let all_ours = |index: &usize| match &script.statements[*index].node {
        NodeEnum::DropStmt(drop) => drop.objects.iter().all(|object| {
            named(object, catalog).is_some_and(|name| views.iter().any(|v| v.found.name == name))
        }),
        _ => true,
    };
    if used.iter().all(all_ours) { (views, used) } else { (Vec::new(), Vec::new()) }
}

fn named(object: &pg_query::protobuf::Node, catalog: &Catalog) -> Option<QualifiedName> {
    let path = path(object)?;
    let (schema, name) = match path.as_slice() {
        [name] => (None, name.as_str()),
        [.., schema, name] => (Some(schema.as_str()), name.as_str()),
        [] => return None,
    };
    catalog.resolve(schema, name).map(|relation| relation.name.clone())
}

fn drops(statement: &Statement, catalog: &Catalog, view: &QualifiedName) -> bool {
    match &statement.node {
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectView => {
            drop.objects.iter().any(|object| named(object, catalog).as_ref() == Some(view))
        }
        _ => false,
    }
}

fn creates(statement: &Statement, catalog: &Catalog, view: &QualifiedName) -> bool {
    match &statement.node {
        NodeEnum::ViewStmt(create) => create.view.as_ref().is_some_and(|range| {
            let schema = match range.schemaname.as_str() {
                "" => catalog.creation_schema(),
                schema => Some(schema),
            };
            range.relname == view.name && schema == Some(view.schema.as_str())
        }),
        _ => false,
    }
}

/// Privileges, comments and the owner of a view.
fn is_about(statement: &Statement, view: &QualifiedName) -> bool {
    let kind = match &statement.node {
        NodeEnum::GrantStmt(grant) => grant.objects.len() == 1,
        NodeEnum::CommentStmt(_) => true,
        NodeEnum::AlterTableStmt(alter) => alter.objtype() == ObjectType::ObjectView,
        _ => false,
    };
    kind && text::words(&statement.sql).contains(&view.name)
}
