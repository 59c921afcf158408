//! Names of a statement → objects of the catalog, or an error that points at the name.
//!
//! Tree nodes carry the place of some names; where they do not, the tokens of the statement are
//! searched for the name. Never guesses an object: what is not in the catalog is missing.

use super::volatility::name_parts;
use super::{Absent, AnalyzeError};
use crate::catalog::{Catalog, Column, Constraint, Index, Relation, RelationKind};
use crate::sql::nearest::nearest;
use crate::sql::{Diagnostic, QualifiedName, Span, Statement, grammar, word};
use pg_query::protobuf::{Node, RangeVar};

/// The statement that is looked at and the database that it would run in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'s, 'c> {
    pub(super) statement: &'s Statement,
    pub(super) catalog: &'c Catalog,
}

/// What a name in a query means.
#[derive(Debug)]
pub(super) enum Found<'c> {
    Relation(&'c Relation),
    /// One of the server's own catalogs or a temporary table of the session: of no interest.
    System,
    Missing,
}

/// Columns that every table has.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

pub(super) fn is_system_column(name: &str) -> bool {
    SYSTEM_COLUMNS.contains(&name)
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `schema.name`, or the name alone, as an error message quotes it.
fn spelled(schema: Option<&str>, name: &str) -> String {
    schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
}

impl<'c> Context<'_, 'c> {
    /// The span of `name` where it first stands as a word of its own, at or after byte `from` of
    /// the statement; the whole statement when it does not (a name made of other words).
    pub(super) fn span_of(&self, name: &str, from: i32) -> Span {
        let from = usize::try_from(from).unwrap_or(0);
        let sql = self.statement.sql.as_str();
        if let Some(start) = word::find(sql, name, from) {
            return Span::new(start, start + name.len()).shifted(self.statement.span.start);
        }
        let found = words(sql).into_iter().find(|word| word.0.start >= from && word.1 == name);
        match found {
            Some((span, _)) => span.shifted(self.statement.span.start),
            None => self.statement.span,
        }
    }

    /// The span of the dotted name that begins at byte `location` of the statement.
    pub(super) fn span_at(&self, location: i32) -> Span {
        let Ok(location) = usize::try_from(location) else { return self.statement.span };
        let sql = self.statement.sql.as_str();
        if let Some(end) = word::name_end(sql, location) {
            return Span::new(location, end).shifted(self.statement.span.start);
        }
        let mut end = None;
        for (span, _) in words(sql) {
            let continues = match end {
                None => span.start == location,
                Some(end) => sql[end..span.start].trim() == ".",
            };
            if continues {
                end = Some(span.end);
            } else if end.is_some() {
                break;
            }
        }
        match end {
            Some(end) => Span::new(location, end).shifted(self.statement.span.start),
            None => self.statement.span,
        }
    }

    pub(super) fn span_of_range(&self, name: &RangeVar) -> Span {
        if name.location < 0 { self.span_of(&name.relname, 0) } else { self.span_at(name.location) }
    }

    pub(super) fn find(&self, name: &RangeVar) -> Found<'c> {
        let schema = non_empty(&name.schemaname);
        if schema.is_some_and(is_system_schema) {
            return Found::System;
        }
        match self.catalog.resolve(schema, &name.relname) {
            Some(relation) => Found::Relation(relation),
            // `pg_catalog` comes first on every search path, temporary tables before it.
            None if schema.is_none() && name.relname.starts_with("pg_") => Found::System,
            None => match self.catalog.resolve(Some("pg_temp"), &name.relname) {
                Some(relation) if schema.is_none() => Found::Relation(relation),
                _ => Found::Missing,
            },
        }
    }

    /// The relation that `name` means.
    pub(super) fn relation(&self, name: &RangeVar) -> Result<&'c Relation, AnalyzeError> {
        match self.find(name) {
            Found::Relation(relation) => Ok(relation),
            Found::System => Err(AnalyzeError::Invalid(Diagnostic::new(
                format!("\"{}\" is not a relation of the application", name.relname),
                self.span_of_range(name),
            ))),
            Found::Missing => Err(self.no_relation(name)),
        }
    }

    /// The same, with `None` for a missing one under `IF EXISTS`.
    pub(super) fn relation_if(
        &self,
        name: &RangeVar,
        missing_ok: bool,
    ) -> Result<Option<&'c Relation>, AnalyzeError> {
        match self.relation(name) {
            Ok(relation) => Ok(Some(relation)),
            Err(AnalyzeError::Missing(..)) if missing_ok => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn no_relation(&self, name: &RangeVar) -> AnalyzeError {
        let schema = non_empty(&name.schemaname);
        self.missing_relation("relation", schema, &name.relname, self.span_of_range(name))
    }

    fn missing_relation(
        &self,
        what: &str,
        schema: Option<&str>,
        name: &str,
        span: Span,
    ) -> AnalyzeError {
        if let Some(schema) = schema
            && !self.catalog.schemas.contains(schema)
        {
            return self.no_schema(schema, span);
        }
        let diagnostic =
            Diagnostic::new(format!("{what} \"{}\" does not exist", spelled(schema, name)), span)
                .label("not in the catalog");
        let (schema_name, name_) = (schema.map(str::to_owned), name.to_owned());
        let absent = match what {
            "index" => Absent::Index { schema: schema_name, name: name_ },
            _ => Absent::Relation { schema: schema_name, name: name_ },
        };
        let diagnostic = match self.similar(schema, name) {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        };
        AnalyzeError::Missing(diagnostic, Box::new(absent))
    }

    /// The same name in another schema, or a close one in the schemas that were searched.
    fn similar(&self, schema: Option<&str>, name: &str) -> Option<String> {
        if self.catalog.assumed {
            return None;
        }
        let names: Vec<QualifiedName> = self
            .catalog
            .relations
            .values()
            .flat_map(|relation| {
                let indexes = relation.indexes.iter().map(|i| relation.name.sibling(&*i.name));
                std::iter::once(relation.name.clone()).chain(indexes)
            })
            .collect();
        if let Some(elsewhere) = names.iter().find(|candidate| candidate.name == name) {
            return Some(format!("There is one named {elsewhere}."));
        }
        let searched = |candidate: &&QualifiedName| match schema {
            Some(schema) => candidate.schema == schema,
            None => self.catalog.server.search_path.contains(&candidate.schema),
        };
        let close: Vec<&str> = names.iter().filter(searched).map(|n| n.name.as_str()).collect();
        nearest(name, &close).map(|found| format!("Did you mean \"{found}\"?"))
    }

    pub(super) fn no_schema(&self, schema: &str, span: Span) -> AnalyzeError {
        let close: Vec<&str> = self.catalog.schemas.iter().map(String::as_str).collect();
        self.not_there(
            Diagnostic::new(format!("schema \"{schema}\" does not exist"), span),
            schema,
            &close,
            Absent::Schema(schema.to_owned()),
        )
    }

    /// Checks that `schema` exists.
    pub(super) fn schema(&self, schema: &str) -> Result<(), AnalyzeError> {
        if self.catalog.schemas.contains(schema) || is_system_schema(schema) {
            return Ok(());
        }
        Err(self.no_schema(schema, self.span_of(schema, 0)))
    }

    /// The index of `name` and its table.
    pub(super) fn index(&self, name: &RangeVar) -> Result<(&'c Relation, &'c Index), AnalyzeError> {
        let schema = non_empty(&name.schemaname);
        self.catalog.resolve_index(schema, &name.relname).ok_or_else(|| match self.find(name) {
            Found::Relation(relation) => self.wrong_kind(relation, "an index", name),
            Found::System | Found::Missing => {
                let span = self.span_of_range(name);
                self.missing_relation("index", schema, &name.relname, span)
            }
        })
    }

    /// Like [`Context::index`] for an index that must belong to `relation`.
    pub(super) fn index_of(
        &self,
        relation: &'c Relation,
        name: &str,
    ) -> Result<&'c Index, AnalyzeError> {
        relation.index(name).ok_or_else(|| {
            let close: Vec<&str> = relation.indexes.iter().map(|i| i.name.as_str()).collect();
            let message =
                format!("index \"{name}\" for table \"{}\" does not exist", relation.name.name);
            let absent = Absent::IndexOf { table: relation.name.clone(), name: name.to_owned() };
            self.not_there(Diagnostic::new(message, self.span_of(name, 0)), name, &close, absent)
        })
    }

    /// The column `name` of `relation`; `from` says where in the statement to look for the name.
    pub(super) fn column(
        &self,
        relation: &'c Relation,
        name: &str,
        from: i32,
    ) -> Result<&'c Column, AnalyzeError> {
        relation.column(name).ok_or_else(|| self.no_column(relation, name, from))
    }

    pub(super) fn no_column(&self, relation: &Relation, name: &str, from: i32) -> AnalyzeError {
        let close: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
        let message =
            format!("column \"{name}\" of relation \"{}\" does not exist", relation.name.name);
        let absent = Absent::Column { table: relation.name.clone(), name: name.to_owned() };
        self.not_there(Diagnostic::new(message, self.span_of(name, from)), name, &close, absent)
    }

    pub(super) fn constraint(
        &self,
        relation: &'c Relation,
        name: &str,
        from: i32,
    ) -> Result<&'c Constraint, AnalyzeError> {
        relation.constraint(name).ok_or_else(|| {
            let close: Vec<&str> = relation.constraints.iter().map(|c| c.name.as_str()).collect();
            let message = format!(
                "constraint \"{name}\" of relation \"{}\" does not exist",
                relation.name.name
            );
            let absent = Absent::Constraint { table: relation.name.clone(), name: name.to_owned() };
            self.not_there(Diagnostic::new(message, self.span_of(name, from)), name, &close, absent)
        })
    }

    /// An object of another kind that is looked up by name alone.
    pub(super) fn no_such(&self, what: &str, name: &str, close: &[&str]) -> AnalyzeError {
        let message = format!("{what} \"{name}\" does not exist");
        let absent = Absent::Other { what: what.to_owned(), name: name.to_owned() };
        self.not_there(Diagnostic::new(message, self.span_of(name, 0)), name, close, absent)
    }

    pub(super) fn wrong_kind(
        &self,
        relation: &Relation,
        wanted: &str,
        name: &RangeVar,
    ) -> AnalyzeError {
        AnalyzeError::Invalid(
            Diagnostic::new(
                format!("\"{}\" is not {wanted}", relation.name.name),
                self.span_of_range(name),
            )
            .label(format!("this is {}", kind_name(relation.kind))),
        )
    }

    /// Where a new object of this name goes, after checking that the place is free. `None` when it
    /// is taken and the statement says `IF NOT EXISTS`, or for a temporary object.
    pub(super) fn place_for(
        &self,
        schema: &str,
        name: &str,
        location: i32,
        if_not_exists: bool,
    ) -> Result<Option<QualifiedName>, AnalyzeError> {
        let span = || {
            if location < 0 { self.span_of(name, 0) } else { self.span_at(location) }
        };
        let schema = match non_empty(schema) {
            Some(schema) if is_system_schema(schema) => return Ok(None),
            Some(schema) if self.catalog.schemas.contains(schema) => schema,
            Some(schema) => return Err(self.no_schema(schema, span())),
            None => match self.catalog.creation_schema() {
                Some(schema) => schema,
                None => {
                    return Err(AnalyzeError::Invalid(
                        Diagnostic::new("no schema has been selected to create in", span())
                            .hint("Qualify the name, or set search_path."),
                    ));
                }
            },
        };
        let place = QualifiedName::new(schema, name);
        if !self.catalog.name_is_taken(&place) {
            return Ok(Some(place));
        }
        if if_not_exists {
            return Ok(None);
        }
        let message = format!("relation \"{name}\" already exists");
        Err(AnalyzeError::Exists(Diagnostic::new(message, span()).label("already there")))
    }

    /// The statement needs a server of `major` or newer; `word` is marked.
    pub(super) fn needs(&self, major: u32, what: &str, word: &str) -> Result<(), AnalyzeError> {
        let server = self.catalog.server.major();
        if server >= major {
            return Ok(());
        }
        let message = format!("{what} needs PostgreSQL {major}, the server is {server}");
        Err(AnalyzeError::Invalid(Diagnostic::new(message, self.span_of(word, 0))))
    }

    fn not_there(
        &self,
        diagnostic: Diagnostic,
        name: &str,
        candidates: &[&str],
        absent: Absent,
    ) -> AnalyzeError {
        let diagnostic = diagnostic.label("not in the catalog");
        // What is missing from an assumed catalog is no mistake that a hint could help with.
        let close = if self.catalog.assumed { None } else { nearest(name, candidates) };
        let diagnostic = match close {
            Some(close) => diagnostic.hint(format!("Did you mean \"{close}\"?")),
            None => diagnostic,
        };
        AnalyzeError::Missing(diagnostic, Box::new(absent))
    }

    /// The statement cannot work; `name` is marked.
    pub(super) fn invalid(&self, message: impl Into<String>, name: &str) -> AnalyzeError {
        AnalyzeError::Invalid(Diagnostic::new(message, self.span_of(name, 0)))
    }
}

pub(super) fn is_system_schema(schema: &str) -> bool {
    schema == "information_schema" || schema.starts_with("pg_")
}

pub(super) fn kind_name(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "a table",
        RelationKind::PartitionedTable => "a partitioned table",
        RelationKind::View => "a view",
        RelationKind::MaterializedView => "a materialized view",
        RelationKind::ForeignTable => "a foreign table",
        RelationKind::Sequence => "a sequence",
        RelationKind::CompositeType => "a composite type",
    }
}

/// A name given as a list of strings (`DROP TABLE`, `COMMENT ON`), as a range variable without place.
pub(super) fn range_from(parts: &[Node]) -> RangeVar {
    let names = name_parts(parts);
    let (schema, name) = match names[..] {
        [name] => ("", name),
        [.., schema, name] => (schema, name),
        [] => ("", ""),
    };
    RangeVar {
        schemaname: schema.to_owned(),
        relname: name.to_owned(),
        inh: true,
        location: -1,
        ..RangeVar::default()
    }
}

/// Every word of `sql` that can be a name, unquoted and folded as the server does it.
fn words(sql: &str) -> Vec<(Span, String)> {
    let tokens = grammar::scan(sql).unwrap_or_default();
    tokens
        .iter()
        .filter_map(|token| {
            let start = usize::try_from(token.start).ok()?;
            let end = usize::try_from(token.end).ok()?;
            let text = sql.get(start..end)?;
            let name = match text.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"')?.replace("\"\"", "\""),
                None if text.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    text.to_ascii_lowercase()
                }
                None => return None,
            };
            Some((Span::new(start, end), name))
        })
        .collect()
}
