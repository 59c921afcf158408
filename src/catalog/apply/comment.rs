//! `COMMENT ON` what the catalog keeps comments of.

use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, Relation};
use pg_query::protobuf::{CommentStmt, ObjectType, node};

pub(super) fn comment(catalog: &mut Catalog, comment: &CommentStmt) {
    let names = match comment.object.as_deref().and_then(|object| object.node.as_ref()) {
        Some(node::Node::List(list)) => strings(&list.items),
        _ => return,
    };
    // An empty comment is none.
    let text = (!comment.comment.is_empty()).then(|| comment.comment.clone());
    match comment.objtype() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => {
            if let Some(relation) = relation(catalog, &names) {
                relation.comment = text;
            }
        }
        ObjectType::ObjectIndex => {
            let Some((name, above)) = names.split_last() else { return };
            let found = catalog
                .resolve_index(above.last().map(String::as_str), name)
                .map(|(table, _)| table.name.clone());
            let relation = found.and_then(|table| catalog.relations.get_mut(&table));
            let index =
                relation.and_then(|r| r.indexes.iter_mut().find(|known| known.name == *name));
            if let Some(index) = index {
                index.comment = text;
            }
        }
        ObjectType::ObjectColumn => {
            let Some((name, above)) = names.split_last() else { return };
            let relation = relation(catalog, above);
            let column =
                relation.and_then(|r| r.columns.iter_mut().find(|known| known.name == *name));
            if let Some(column) = column {
                column.comment = text;
            }
        }
        ObjectType::ObjectTabconstraint => {
            let Some((name, above)) = names.split_last() else { return };
            let relation = relation(catalog, above);
            let constraint =
                relation.and_then(|r| r.constraints.iter_mut().find(|known| known.name == *name));
            if let Some(constraint) = constraint {
                constraint.comment = text;
            }
        }
        ObjectType::ObjectStatisticExt => {
            let Some((name, above)) = names.split_last() else { return };
            let schema = above.last();
            for object in catalog.relations.values_mut().flat_map(|r| &mut r.statistics) {
                if object.name.name == *name && schema.is_none_or(|s| object.name.schema == *s) {
                    object.comment.clone_from(&text);
                }
            }
        }
        _ => {}
    }
}

fn relation<'a>(catalog: &'a mut Catalog, names: &[String]) -> Option<&'a mut Relation> {
    let (name, above) = names.split_last()?;
    let found = catalog.resolve(above.last().map(String::as_str), name)?.name.clone();
    catalog.relations.get_mut(&found)
}
