//! What hangs on a column and makes the server refuse another type for it, although it can be taken
//! off and put back in the transaction of the switch: policies and triggers of the table, and views.
//!
//! The analysis speaks for the statement as written, which fails on them. For planning they are
//! hidden from it; everything else that the server refuses stays refused.

use crate::analyze::AnalyzeError;
use crate::catalog::{Catalog, Relation};
use crate::rewrite::op;
use crate::sql::Statement;
use pg_query::NodeEnum;
use pg_query::protobuf::AlterTableType;
use std::borrow::Cow;

/// `catalog` without what the recipe can take off and put back, when `statement` changes a type.
pub(in crate::rewrite) fn unhindered<'c>(
    catalog: &'c Catalog,
    statement: &Statement,
) -> Cow<'c, Catalog> {
    let Some((found, columns)) = changed(catalog, statement) else {
        return Cow::Borrowed(catalog);
    };
    let reads = |list: &[String]| list.iter().any(|column| columns.contains(column));
    let family = catalog.family(found);
    let published = |member: &Relation, name: &str| super::hangs::is_published(member, name);
    let hinders = family.iter().any(|member| {
        super::materialized::reads(catalog, member, &columns)
            || member.dependants.iter().any(|d| reads(&d.columns) && published(member, &d.name))
            || member.policies.iter().any(|policy| reads(&policy.columns))
            || member.triggers.iter().any(|trigger| reads(&trigger.columns))
    });
    let read = family.iter().flat_map(|member| columns.iter().map(|c| (*member, c.as_str())));
    let views = super::views::over(catalog, read).unwrap_or_default();
    if !hinders && views.is_empty() {
        return Cow::Borrowed(catalog);
    }
    let names: Vec<_> = family.iter().map(|member| member.name.clone()).collect();
    let mut seen = catalog.clone();
    for name in names {
        let Some(relation) = seen.relations.get_mut(&name) else { continue };
        relation.policies.retain(|policy| !reads(&policy.columns));
        relation.triggers.retain(|trigger| !reads(&trigger.columns));
        let entries = relation.clone();
        relation.dependants.retain(|dependant| {
            let built_anew = dependant.relation.as_ref().is_some_and(|view| {
                reads(&dependant.columns) && super::materialized::known(catalog, view).is_ok()
            });
            !published(&entries, &dependant.name)
                && !built_anew
                && !views.iter().any(|view| dependant.relation.as_ref() == Some(&view.name))
        });
    }
    Cow::Owned(seen)
}

/// `error` of a change of type, with the reason why the views in its way cannot be made anew.
pub(in crate::rewrite) fn explained(
    catalog: &Catalog,
    statement: &Statement,
    error: AnalyzeError,
) -> AnalyzeError {
    let (AnalyzeError::Invalid(diagnostic), Some((found, columns))) =
        (&error, changed(catalog, statement))
    else {
        return error;
    };
    let family = catalog.family(found);
    let read = family.iter().flat_map(|member| columns.iter().map(|c| (*member, c.as_str())));
    match super::views::over(catalog, read) {
        Ok(_) => error,
        Err(why) => AnalyzeError::Invalid(
            diagnostic.clone().hint(format!("A view would be made anew in the switch, but {why}.")),
        ),
    }
}

/// The table and the columns of it that get another type.
fn changed<'c>(catalog: &'c Catalog, statement: &Statement) -> Option<(&'c Relation, Vec<String>)> {
    let NodeEnum::AlterTableStmt(alter) = &statement.node else { return None };
    let columns: Vec<String> = op::split(statement)
        .iter()
        .filter_map(|part| match &part.node {
            NodeEnum::AlterTableStmt(alter) => op::command(alter).cloned(),
            _ => None,
        })
        .filter(|command| command.subtype() == AlterTableType::AtAlterColumnType)
        .map(|command| command.name)
        .collect();
    let range = alter.relation.as_ref().filter(|_| !columns.is_empty())?;
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    Some((catalog.resolve(schema, &range.relname)?, columns))
}
