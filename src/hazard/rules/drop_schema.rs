//! Dropping a schema or a database.

use super::{Context, Error, Found, Hazard, listed};
use crate::hazard::context::in_use;
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

pub(in crate::hazard) static HAZARD: Hazard = Hazard {
    code: "AL069",
    name: "drop-schema",
    severity: Error,
    summary: "dropping a schema or a database takes every table in it along",
    effect: "All of its rows are lost, in one transaction that holds ACCESS EXCLUSIVE on every table of it.",
    remedy: "Drop the tables one by one once no application uses them, then the empty schema.",
    bad: "DROP SCHEMA public CASCADE;",
    good: "CREATE SCHEMA scratch;\nDROP SCHEMA scratch;",
    source: "PostgreSQL documentation, DROP SCHEMA; DROP DATABASE.",
};

pub(in crate::hazard) fn check(cx: &Context<'_>, found: &mut Found) {
    if let NodeEnum::DropdbStmt(drop) = cx.node() {
        let message = format!("database \"{}\" and everything in it is lost", drop.dbname);
        return cx.report(found, &HAZARD, cx.statement.span, message, None);
    }
    let NodeEnum::DropStmt(drop) = cx.node() else { return };
    if drop.remove_type() != ObjectType::ObjectSchema {
        return;
    }
    for object in &drop.objects {
        let Some(NodeEnum::String(schema)) = &object.node else { continue };
        let within = cx.catalog.relations.values().filter(|r| r.name.schema == schema.sval);
        let within: Vec<&QualifiedName> =
            within.filter(|relation| in_use(relation)).map(|relation| &relation.name).collect();
        let unseen = cx.may_exist_unseen() && !cx.file.schemas.contains(&schema.sval);
        let goes = match within.as_slice() {
            [] if unseen => "everything in it, whatever that is".to_owned(),
            [] => continue,
            within => listed(within),
        };
        let message = format!("with the schema go {goes}");
        cx.report(found, &HAZARD, cx.span_of_word(&schema.sval), message, None);
    }
}

#[cfg(test)]
#[test]
fn fires_unless_the_schema_is_empty() {
    crate::hazard::testing::check(
        &HAZARD,
        &["DROP DATABASE shop", "DROP SCHEMA IF EXISTS public CASCADE"],
        &[
            "CREATE SCHEMA s; CREATE TABLE s.t (a int); DROP SCHEMA s CASCADE",
            "DROP SCHEMA IF EXISTS nowhere",
        ],
    );
}
