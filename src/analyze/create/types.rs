//! Types: enums, domains, composites, ranges.
//!
//! `ALTER DOMAIN` takes SHARE on every table that has a column of the domain and reads it;
//! `ALTER TYPE … ATTRIBUTE … CASCADE` takes ACCESS EXCLUSIVE on the tables made of the type.

use crate::analyze::effects::Effects;
use crate::analyze::resolve::{Context, is_system_schema, range_from};
use crate::analyze::{Absent, AnalyzeError};
use crate::catalog::{DependantKind, Relation, RelationKind, TypeDef};
use crate::lock::LockMode;
use crate::sql::{Diagnostic, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDomainStmt, AlterEnumStmt, AlterTableStmt, AlterTableType, DropBehavior, Node,
};

/// The type of this name, which must not be built in.
pub(in crate::analyze) fn existing_type<'c>(
    cx: Context<'_, 'c>,
    name: &[Node],
) -> Result<(&'c QualifiedName, &'c TypeDef), AnalyzeError> {
    let wanted = range_from(name);
    let within = |schema: &str| {
        cx.catalog.types.get_key_value(&QualifiedName::new(schema, wanted.relname.as_str()))
    };
    let found = if wanted.schemaname.is_empty() {
        cx.catalog.server.search_path.iter().find_map(|schema| within(schema))
    } else {
        within(&wanted.schemaname)
    };
    found.ok_or_else(|| {
        let schema = wanted.schemaname.as_str();
        if !schema.is_empty() && !cx.catalog.schemas.contains(schema) && !is_system_schema(schema) {
            return cx.no_schema(schema, cx.span_of(schema, 0));
        }
        let known: Vec<&str> = cx.catalog.types.keys().map(|name| name.name.as_str()).collect();
        match cx.no_such("type", &wanted.relname, &known) {
            AnalyzeError::Missing(diagnostic, _) => {
                let schema = (!schema.is_empty()).then(|| schema.to_owned());
                AnalyzeError::Missing(
                    diagnostic,
                    Box::new(Absent::Type { schema, name: wanted.relname }),
                )
            }
            other => other,
        }
    })
}

/// A new type must have a name that no type and no relation has.
pub(in crate::analyze) fn new_type(cx: Context<'_, '_>, name: &[Node]) -> Result<(), AnalyzeError> {
    let wanted = range_from(name);
    let place = match wanted.schemaname.as_str() {
        "" => cx.catalog.creation_schema().unwrap_or_default(),
        schema => {
            cx.schema(schema)?;
            schema
        }
    };
    let place = QualifiedName::new(place, wanted.relname.as_str());
    if cx.catalog.types.contains_key(&place) || cx.catalog.relations.contains_key(&place) {
        let message = format!("type \"{}\" already exists", wanted.relname);
        let diagnostic = Diagnostic::new(message, cx.span_of(&wanted.relname, 0));
        return Err(AnalyzeError::Exists(diagnostic.label("already there")));
    }
    Ok(())
}

/// `ALTER TYPE … ADD VALUE` and `RENAME VALUE` lock nothing.
pub(in crate::analyze) fn alter_enum(
    cx: Context<'_, '_>,
    statement: &AlterEnumStmt,
) -> Result<(), AnalyzeError> {
    let (name, found) = existing_type(cx, &statement.type_name)?;
    let TypeDef::Enum { labels } = found else {
        return Err(cx.invalid(format!("{} is not an enum", name.name), &name.name));
    };
    let close: Vec<&str> = labels.iter().map(String::as_str).collect();
    let whole = cx.statement.span;
    for wanted in [&statement.old_val, &statement.new_val_neighbor] {
        if !wanted.is_empty() && !labels.contains(wanted) {
            let message = format!("\"{wanted}\" is not an existing enum label");
            let diagnostic = Diagnostic::new(message, whole);
            let diagnostic = match crate::sql::nearest::nearest(wanted, &close) {
                Some(close) => diagnostic.hint(format!("Did you mean '{close}'?")),
                None => diagnostic,
            };
            let absent = Absent::EnumLabel { of: name.clone(), label: wanted.clone() };
            return Err(AnalyzeError::Missing(diagnostic, Box::new(absent)));
        }
    }
    if labels.contains(&statement.new_val) && !statement.skip_if_new_val_exists {
        let message = format!("enum label \"{}\" already exists", statement.new_val);
        return Err(AnalyzeError::Exists(Diagnostic::new(message, whole)));
    }
    Ok(())
}

/// `ALTER DOMAIN`.
pub(in crate::analyze) fn alter_domain<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterDomainStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let (name, found) = existing_type(cx, &statement.type_name)?;
    let TypeDef::Domain { not_null, checks, .. } = found else {
        return Err(cx.invalid(format!("\"{}\" is not a domain", name.name), &name.name));
    };
    let known = |wanted: &str| {
        checks.iter().any(|check| check.split_once(" CHECK").is_some_and(|(n, _)| n == wanted))
    };
    let scans = match statement.subtype.as_str() {
        "O" => !not_null,
        "C" => match statement.def.as_deref().and_then(|def| def.node.as_ref()) {
            Some(NodeEnum::Constraint(constraint)) => {
                if !constraint.conname.is_empty() && known(&constraint.conname) {
                    let message = format!(
                        "constraint \"{}\" for domain \"{}\" already exists",
                        constraint.conname, name.name
                    );
                    let span = cx.span_of(&constraint.conname, 0);
                    return Err(AnalyzeError::Exists(Diagnostic::new(message, span)));
                }
                !constraint.skip_validation
            }
            _ => false,
        },
        "V" | "X" => {
            // A NOT NULL constraint of a domain has a name of its own since 17, which is not kept.
            let named = known(&statement.name) || *not_null;
            if !named && !statement.missing_ok {
                let names: Vec<&str> = checks
                    .iter()
                    .filter_map(|check| check.split_once(" CHECK"))
                    .map(|c| c.0)
                    .collect();
                return Err(cx.no_such("constraint", &statement.name, &names));
            }
            statement.subtype == "V"
        }
        "T" | "N" => false,
        _ => {
            fx.unknown();
            false
        }
    };
    if scans {
        for relation in users_of(cx, name) {
            fx.lock(relation, LockMode::Share);
            fx.scan(relation);
        }
    }
    Ok(())
}

/// Tables and materialized views with a column of the domain, or of a domain made of it.
fn users_of<'c>(cx: Context<'_, 'c>, domain: &QualifiedName) -> Vec<&'c Relation> {
    let mut names = vec![domain];
    let mut next = 0;
    while let Some(name) = names.get(next).copied() {
        next += 1;
        let written = name.to_string();
        for (above, found) in &cx.catalog.types {
            if matches!(found, TypeDef::Domain { base, .. } if *base == written)
                && !names.contains(&above)
            {
                names.push(above);
            }
        }
    }
    cx.catalog
        .relations
        .values()
        .filter(|relation| {
            matches!(relation.kind, RelationKind::Table | RelationKind::MaterializedView)
                && relation
                    .columns
                    .iter()
                    .any(|column| column.user_type.as_ref().is_some_and(|t| names.contains(&t)))
        })
        .collect()
}

/// Tables `OF` a composite type.
fn typed_tables<'c>(cx: Context<'_, 'c>, composite: &'c Relation) -> Vec<&'c Relation> {
    composite
        .dependants
        .iter()
        .filter(|dependant| {
            dependant.kind == DependantKind::Other && dependant.name.starts_with("table ")
        })
        .filter_map(|dependant| cx.catalog.relation(dependant.relation.as_ref()?))
        .collect()
}

pub(in crate::analyze) fn lock_typed_tables<'c>(
    cx: Context<'_, 'c>,
    composite: &'c Relation,
    fx: &mut Effects<'c>,
) {
    fx.lock_all(typed_tables(cx, composite), LockMode::AccessExclusive);
}

/// `ALTER TYPE … ADD / DROP / ALTER ATTRIBUTE`.
pub(in crate::analyze) fn composite_type<'c>(
    cx: Context<'_, 'c>,
    composite: &'c Relation,
    statement: &AlterTableStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let tables = typed_tables(cx, composite);
    for node in &statement.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { continue };
        let name = &composite.name.name;
        if !tables.is_empty() && command.behavior() != DropBehavior::DropCascade {
            let message =
                format!("cannot alter type \"{name}\" because it is the type of a typed table");
            let error = cx.invalid(message, name);
            let AnalyzeError::Invalid(diagnostic) = error else { return Err(error) };
            return Err(AnalyzeError::Invalid(diagnostic.hint("Say CASCADE to change it too.")));
        }
        let retypes = command.subtype() == AlterTableType::AtAlterColumnType;
        match command.subtype() {
            AlterTableType::AtAddColumn => {}
            AlterTableType::AtDropColumn | AlterTableType::AtAlterColumnType => {
                if !command.missing_ok {
                    cx.column(composite, &command.name, 0)?;
                }
            }
            _ => fx.unknown(),
        }
        let used = composite.dependants.iter().find(|dependant| {
            dependant.kind == DependantKind::Other && dependant.name.starts_with("column ")
        });
        if let (true, Some(used)) = (retypes, used) {
            let message = format!("cannot alter type \"{name}\" because {} uses it", used.name);
            return Err(cx.invalid(message, name));
        }
        for table in &tables {
            fx.lock(table, LockMode::AccessExclusive);
            if retypes {
                fx.rewrite(table);
                fx.lock_indexes(table, LockMode::AccessExclusive);
            }
        }
    }
    Ok(())
}
