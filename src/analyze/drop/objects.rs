//! `DROP` of what is no relation: schemas, types, functions, statistics and the rest.

use super::{Dropping, parts};
use crate::analyze::AnalyzeError;
use crate::analyze::effects::Effects;
use crate::analyze::resolve::{Context, kind_name, range_from};
use crate::analyze::volatility::name_parts;
use crate::catalog::{Relation, RelationKind, StatisticsObject, TypeDef};
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{DropBehavior, DropOwnedStmt, DropStmt, Node, ObjectType, RoleSpec};

pub(super) fn drop_object<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    match statement.remove_type() {
        ObjectType::ObjectSchema => schemas(cx, statement, cascade, fx),
        ObjectType::ObjectType | ObjectType::ObjectDomain => types(cx, statement, cascade, fx),
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => functions(cx, statement, cascade, fx),
        ObjectType::ObjectStatisticExt => statistics(cx, statement, fx),
        ObjectType::ObjectPublication | ObjectType::ObjectEventTrigger => Ok(()),
        // Without CASCADE the server refuses as soon as a relation would lose something.
        ObjectType::ObjectCast
        | ObjectType::ObjectCollation
        | ObjectType::ObjectConversion
        | ObjectType::ObjectOperator
        | ObjectType::ObjectOpclass
        | ObjectType::ObjectOpfamily
        | ObjectType::ObjectLanguage
        | ObjectType::ObjectTransform
        | ObjectType::ObjectAccessMethod
        | ObjectType::ObjectTsparser
        | ObjectType::ObjectTsdictionary
        | ObjectType::ObjectTstemplate
        | ObjectType::ObjectTsconfiguration
            if !cascade =>
        {
            Ok(())
        }
        ObjectType::ObjectFdw | ObjectType::ObjectForeignServer => {
            super::foreign::drop(cx, statement, cascade, fx)
        }
        ObjectType::ObjectExtension => super::extension::drop(cx, statement, cascade, fx),
        _ => {
            fx.unknown();
            Ok(())
        }
    }
}

fn schemas<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for object in &statement.objects {
        let Some(name) = name_parts(std::slice::from_ref(object)).first().copied() else {
            continue;
        };
        if !cx.catalog.schemas.contains(name) {
            if statement.missing_ok {
                continue;
            }
            return cx.schema(name);
        }
        let mut dropping = Dropping::new(cx, cascade);
        for relation in cx.catalog.relations.values().filter(|r| r.name.schema == name) {
            dropping.blocker(None, relation.name.to_string());
            dropping.ask_for(relation);
        }
        for kind in cx.catalog.types.keys().filter(|kind| kind.schema == name) {
            dropping.blocker(None, format!("type {kind}"));
            drop_type(cx, kind, &mut dropping);
        }
        for (function, found) in &cx.catalog.functions {
            if found.iter().any(|function| function.schema == name) {
                dropping.blocker(None, format!("function {name}.{function}"));
                drop_function(cx, Some(name), function, &mut dropping);
            }
        }
        dropping.report(name, fx)?;
    }
    Ok(())
}

/// Columns of the type go, and tables made of it.
pub(super) fn drop_type<'c>(
    cx: Context<'_, 'c>,
    kind: &QualifiedName,
    dropping: &mut Dropping<'_, 'c>,
) {
    for relation in cx.catalog.relations.values() {
        for column in relation.columns.iter().filter(|c| c.user_type.as_ref() == Some(kind)) {
            let who = format!("column {} of {}", column.name, relation.name);
            dropping.blocker(Some(&relation.name), who);
            dropping.column(relation, &column.name);
        }
    }
    if let Some(composite) = cx.catalog.relation(kind) {
        dropping.ask_for(composite);
    }
    for domain in domains_over(cx, kind) {
        dropping.blocker(None, format!("type {domain}"));
        drop_type(cx, domain, dropping);
    }
}

/// The domains that are made of a type, or of its arrays.
fn domains_over<'c>(cx: Context<'_, 'c>, kind: &QualifiedName) -> Vec<&'c QualifiedName> {
    let (bare, full) = (crate::sql::quote_ident(&kind.name), kind.to_string());
    let over = |name: &QualifiedName, definition: &TypeDef| match definition {
        TypeDef::Domain { base, .. } => {
            let base = base.trim_end_matches("[]");
            name != kind && (base == full || base == bare)
        }
        _ => false,
    };
    let found = cx.catalog.types.iter().filter(|(name, definition)| over(name, definition));
    found.map(|(name, _)| name).collect()
}

fn types<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for object in &statement.objects {
        let Some(NodeEnum::TypeName(written)) = &object.node else { continue };
        let found = match cx.column_type(written) {
            Ok(found) => found,
            Err(AnalyzeError::Missing(..)) if statement.missing_ok => continue,
            Err(error) => return Err(error),
        };
        let crate::analyze::types::Base::User(kind) = &found.base else {
            let name = name_parts(&written.names).last().copied().unwrap_or_default();
            return Err(cx.invalid(
                format!("cannot drop type {name} because it is required by the database system"),
                name,
            ));
        };
        if let Some(relation) = cx.catalog.relation(kind)
            && relation.kind != RelationKind::CompositeType
        {
            let message = format!(
                "cannot drop type {} because {} of the same name requires it",
                kind.name,
                kind_name(relation.kind)
            );
            return Err(cx.invalid(message, &kind.name));
        }
        let mut dropping = Dropping::new(cx, cascade);
        drop_type(cx, kind, &mut dropping);
        dropping.report(&kind.name, fx)?;
    }
    Ok(())
}

/// Triggers of the function go, and what calls it, as far as the texts in the catalog show.
fn drop_function<'c>(
    cx: Context<'_, 'c>,
    schema: Option<&str>,
    name: &str,
    dropping: &mut Dropping<'_, 'c>,
) {
    let call = format!("{name}(");
    for relation in cx.catalog.relations.values() {
        let is_it = |function: &QualifiedName| {
            function.name == name && schema.is_none_or(|schema| function.schema == schema)
        };
        for trigger in relation.triggers.iter().filter(|trigger| is_it(&trigger.function)) {
            dropping.blocker(None, format!("trigger {} on table {}", trigger.name, relation.name));
            cx.catalog.family(relation).into_iter().for_each(|part| dropping.touch(part));
        }
        let texts = relation.columns.iter().flat_map(|column| {
            column.default.iter().chain(column.generated.iter().map(|g| &g.expression))
        });
        let checks = relation.constraints.iter().filter_map(|c| c.expression.as_ref());
        let indexes =
            relation.indexes.iter().filter(|i| i.has_expressions || i.predicate.is_some());
        let policies = relation.policies.iter().map(|policy| &policy.definition);
        let called = texts
            .chain(checks)
            .chain(indexes.map(|index| &index.definition))
            .chain(policies)
            .chain(&relation.view_definition)
            .any(|text| text.contains(&call));
        if called {
            dropping.blocker(None, relation.name.to_string());
            dropping.touch(relation);
        }
    }
}

fn functions<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    cascade: bool,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for object in &statement.objects {
        let Some(NodeEnum::ObjectWithArgs(function)) = &object.node else { continue };
        let (schema, name) = match name_parts(&function.objname)[..] {
            [name] => (None, name),
            [.., schema, name] => (Some(schema), name),
            [] => continue,
        };
        let overloads = cx.catalog.functions.get(name);
        let found = overloads.is_some_and(|overloads| {
            overloads.iter().any(|f| schema.is_none_or(|schema| f.schema == schema))
        });
        // A catalog without any function was not read from a server: it says nothing of them.
        if !found
            && !statement.missing_ok
            && !cx.catalog.functions.is_empty()
            && !cx.catalog.assumed
        {
            return Err(cx.no_such("function", name, &[]));
        }
        // Of several overloads it is not known which one the triggers and defaults call: that
        // another one is dropped must not look like an error.
        let one = overloads.is_some_and(|overloads| overloads.len() == 1);
        let mut dropping = Dropping::new(cx, cascade || !one);
        if one || cascade {
            drop_function(cx, schema, name, &mut dropping);
        }
        dropping.report(name, fx)?;
    }
    Ok(())
}

/// The statistics object of this name, and its table.
pub(in crate::analyze) fn statistics_object<'c>(
    cx: Context<'_, 'c>,
    name: &[Node],
) -> Option<(&'c Relation, &'c StatisticsObject)> {
    let wanted = range_from(name);
    cx.catalog.relations.values().find_map(|relation| {
        relation
            .statistics
            .iter()
            .find(|object| {
                object.name.name == wanted.relname
                    && (wanted.schemaname.is_empty() || object.name.schema == wanted.schemaname)
            })
            .map(|object| (relation, object))
    })
}

fn statistics<'c>(
    cx: Context<'_, 'c>,
    statement: &DropStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    for object in &statement.objects {
        match statistics_object(cx, parts(object)) {
            Some((table, _)) => fx.lock(table, LockMode::ShareUpdateExclusive),
            None if statement.missing_ok => {}
            None => {
                let name = range_from(parts(object));
                return Err(cx.no_such("statistics object", &name.relname, &[]));
            }
        }
    }
    Ok(())
}

/// `DROP OWNED BY`: the relations of the roles go, and the policies that name them; privileges are
/// taken back without a lock.
pub(in crate::analyze) fn drop_owned<'c>(
    cx: Context<'_, 'c>,
    statement: &DropOwnedStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let cascade = statement.behavior() == DropBehavior::DropCascade;
    for role in statement.roles.iter().filter_map(role_name) {
        let mut dropping = Dropping::new(cx, cascade);
        for relation in cx.catalog.relations.values() {
            if relation.owner == role {
                dropping.ask_for(relation);
            }
            let to = format!(" TO {}", crate::sql::quote_ident(role));
            if relation.policies.iter().any(|policy| policy.definition.contains(&to)) {
                dropping.touch(relation);
            }
        }
        dropping.report(role, fx)?;
    }
    Ok(())
}

fn role_name(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::RoleSpec(RoleSpec { rolename, .. })) => Some(rolename),
        _ => None,
    }
}
