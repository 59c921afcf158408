//! The query of a view, as the server prints it, with other columns of its tables.
//!
//! Columns are found in the parse tree and replaced in the text, so that everything else stays as it was printed.
//! The server gives every source of a query an alias of its own and names its columns by it (`ruleutils`); what
//! does not say clearly whose column it means is an error, never a guess.

use super::substitute::Columns;
use crate::catalog::{Catalog, ConstraintKind, Relation};
use crate::sql::{grammar, quote_ident, walk};
use pg_query::protobuf::{ColumnRef, Node, SelectStmt, SetOperation};
use pg_query::{NodeEnum, NodeRef};
use std::collections::{BTreeMap, BTreeSet};

/// Aggregates, whose arguments need not be grouped.
const AGGREGATES: [&str; 14] = [
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "jsonb_agg",
    "max",
    "min",
    "string_agg",
    "sum",
];

/// `definition`, in which `columns` of each of `tables` are the ones that stand for them; what a query shows keeps
/// its names.
///
/// # Errors
/// What in the query cannot be rewritten.
pub(super) fn with_columns(
    catalog: &Catalog,
    definition: &str,
    tables: &[&Relation],
    columns: &Columns,
) -> Result<String, String> {
    let unread = || "its query cannot be read".to_owned();
    let parsed = grammar::parse(definition).map_err(|_| unread())?;
    let node = parsed.stmts.first().and_then(|raw| raw.stmt.as_ref()?.node.as_ref());
    let Some(NodeEnum::SelectStmt(query)) = node else { return Err(unread()) };
    let mut rewriting = Rewriting {
        catalog,
        tables,
        columns,
        edits: BTreeMap::new(),
        named_by_place: BTreeSet::new(),
        met: false,
    };
    rewriting.select(query, &[])?;
    // It does read them, or it would not be asked for.
    if let Some(table) = tables.first().filter(|_| !rewriting.met) {
        return Err(format!("its query names {} otherwise than it is called now", table.name));
    }
    rewriting.apply(definition).ok_or_else(unread)
}

/// What a level of a query can name.
#[derive(Debug, Clone)]
struct Source<'a> {
    alias: String,
    /// The table, when it is one of those whose columns change.
    table: Option<&'a Relation>,
}

type Level<'a> = Vec<Source<'a>>;

struct Rewriting<'a> {
    catalog: &'a Catalog,
    tables: &'a [&'a Relation],
    columns: &'a Columns,
    /// By the place of a reference: how many names it has, and what stands there instead.
    edits: BTreeMap<usize, (usize, String)>,
    /// Places of references that give a column of the result its name.
    named_by_place: BTreeSet<usize>,
    /// Whether one of `tables` was found in it.
    met: bool,
}

impl<'a> Rewriting<'a> {
    fn select(&mut self, query: &SelectStmt, outer: &[Level<'a>]) -> Result<(), String> {
        let mut levels = outer.to_vec();
        let level = self.sources(query)?;
        self.met |= level.iter().any(|source| source.table.is_some());
        levels.push(level);
        let combined = query.op() != SetOperation::SetopNone;
        let mut inner: Vec<&SelectStmt> = Vec::new();
        let mut references: Vec<&ColumnRef> = Vec::new();
        let mut named: Vec<&ColumnRef> = Vec::new();
        walk::walk_some(NodeRef::SelectStmt(query), |node| match node {
            NodeRef::SelectStmt(select) if !std::ptr::eq(select, query) => {
                inner.push(select);
                false
            }
            NodeRef::ResTarget(target) if target.name.is_empty() => {
                if let Some(NodeEnum::ColumnRef(reference)) = node_of(target.val.as_deref()) {
                    named.push(reference);
                }
                true
            }
            NodeRef::ColumnRef(reference) => {
                references.push(reference);
                true
            }
            _ => true,
        });
        self.named_by_place.extend(named.into_iter().filter_map(place));
        self.grouped(query, &levels)?;
        for reference in references {
            self.reference(reference, &levels, combined)?;
        }
        for select in inner {
            self.select(select, &levels)?;
        }
        Ok(())
    }

    /// What stands in FROM.
    fn sources(&self, query: &SelectStmt) -> Result<Level<'a>, String> {
        let mut found: Level<'a> = Vec::new();
        let mut joined: Vec<String> = Vec::new();
        let mut natural = false;
        let mut error = None;
        for item in query.from_clause.iter().filter_map(|item| item.node.as_ref()) {
            walk::walk_some(item.to_ref(), |node| match node {
                NodeRef::SelectStmt(_) => false,
                NodeRef::RangeVar(range) => {
                    let schema =
                        (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
                    let meant = self.catalog.resolve(schema, &range.relname);
                    let table = meant.and_then(|meant| {
                        self.tables.iter().find(|table| table.name == meant.name).copied()
                    });
                    let alias = range.alias.as_ref();
                    if table.is_some() && alias.is_some_and(|alias| !alias.colnames.is_empty()) {
                        error = Some(format!(
                            "its query names the columns of {} anew by their place",
                            range.relname
                        ));
                    }
                    let alias = alias.map_or(&range.relname, |alias| &alias.aliasname);
                    found.push(Source { alias: alias.clone(), table });
                    false
                }
                NodeRef::JoinExpr(join) => {
                    joined.extend(super::groups::strings(&join.using_clause));
                    natural |= join.is_natural;
                    for alias in join.alias.iter().chain(&join.join_using_alias) {
                        found.push(Source { alias: alias.aliasname.clone(), table: None });
                        error = Some("its query gives a join an alias".to_owned());
                    }
                    true
                }
                NodeRef::RangeSubselect(inner) => {
                    other(&mut found, inner.alias.as_ref());
                    false
                }
                NodeRef::RangeFunction(inner) => {
                    other(&mut found, inner.alias.as_ref());
                    false
                }
                NodeRef::RangeTableFunc(inner) => {
                    other(&mut found, inner.alias.as_ref());
                    false
                }
                NodeRef::JsonTable(inner) => {
                    other(&mut found, inner.alias.as_ref());
                    false
                }
                _ => true,
            });
        }
        if found.iter().all(|source| source.table.is_none()) {
            return Ok(found);
        }
        if let Some(column) = joined.iter().find(|column| self.columns.get(column).is_some()) {
            error = Some(format!(
                "its query joins by USING ({column}), which names the column on both sides: say ON in a revision before"
            ));
        }
        if natural {
            error = Some("its query has a NATURAL JOIN, which takes columns of one name for the same: say ON in a revision before".to_owned());
        }
        error.map_or(Ok(found), Err)
    }

    fn reference(
        &mut self,
        reference: &ColumnRef,
        levels: &[Level<'a>],
        combined: bool,
    ) -> Result<(), String> {
        let nodes: Vec<Option<&NodeEnum>> =
            reference.fields.iter().map(|field| field.node.as_ref()).collect();
        let names: Vec<&str> = nodes
            .iter()
            .map_while(|node| match node {
                Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
                _ => None,
            })
            .collect();
        let level = levels.last().map(Vec::as_slice).unwrap_or_default();
        let ours = |source: &&Source<'a>| source.table.is_some();
        if names.len() < nodes.len() {
            let whole = match names.as_slice() {
                [] => level.iter().any(|source| source.table.is_some()),
                [.., alias] => by_alias(levels, alias).is_some_and(|source| source.table.is_some()),
            };
            return if whole { Err("its query reads the whole row".to_owned()) } else { Ok(()) };
        }
        let (source, column) = match names.as_slice() {
            // What a union is sorted by are names of its result.
            [_] if combined => return Ok(()),
            [column] => match level {
                [only] => (Some(only), *column),
                several => {
                    let mine = several.iter().chain(levels.iter().flatten()).any(|s| ours(&s));
                    if mine && self.columns.get(column).is_some() {
                        return Err(format!("its query does not say whose {column} it means"));
                    }
                    return Ok(());
                }
            },
            [alias, column] => (by_alias(levels, alias), *column),
            [.., column] if self.columns.get(column).is_some() => {
                return Err(format!("its query does not say whose {column} it means"));
            }
            _ => return Ok(()),
        };
        let Some((source, table)) = source.and_then(|s| Some((s, s.table?))) else {
            return Ok(());
        };
        let Some(new) = self.columns.get(column) else {
            return match table.column(column) {
                Some(_) => Ok(()),
                None => Err(format!("{column} in its query is no column of {}", table.name)),
            };
        };
        let Some(place) = place(reference) else { return Ok(()) };
        let mut text = format!("{}.{}", quote_ident(&source.alias), quote_ident(new));
        if self.named_by_place.contains(&place) {
            text.push_str(&format!(" AS {}", quote_ident(column)));
        }
        self.edits.insert(place, (names.len(), text));
        Ok(())
    }

    /// A query that groups by a primary key and shows other columns hangs on the key itself.
    fn grouped(&self, query: &SelectStmt, levels: &[Level<'a>]) -> Result<(), String> {
        let level = levels.last().map(Vec::as_slice).unwrap_or_default();
        let mut by: BTreeSet<(String, String)> = BTreeSet::new();
        let key = |reference: &ColumnRef| {
            let names = super::groups::strings(&reference.fields);
            match (names.as_slice(), level) {
                ([column], [only]) => Some((only.alias.clone(), column.clone())),
                ([alias, column], _) => Some((alias.clone(), column.clone())),
                _ => None,
            }
        };
        for item in query.group_clause.iter().filter_map(|item| item.node.as_ref()) {
            if let NodeEnum::ColumnRef(reference) = item {
                by.extend(key(reference));
            }
        }
        for source in level {
            let Some(table) = source.table else { continue };
            let grouped = |column: &String| by.contains(&(source.alias.clone(), column.clone()));
            let primary = table.constraints.iter().find(|c| {
                c.kind == ConstraintKind::PrimaryKey
                    && self.columns.touch(&c.columns)
                    && c.columns.iter().all(grouped)
            });
            let Some(primary) = primary else { continue };
            let mut open = false;
            let shown = [&query.target_list, &query.sort_clause, &query.distinct_clause];
            let shown = shown.into_iter().flatten().chain(query.having_clause.as_deref());
            for item in shown.filter_map(|item: &Node| item.node.as_ref()) {
                walk::walk_some(item.to_ref(), |node| match node {
                    NodeRef::FuncCall(call) => !super::groups::strings(&call.funcname)
                        .last()
                        .is_some_and(|name| AGGREGATES.contains(&name.as_str())),
                    NodeRef::ColumnRef(reference) => {
                        open |= key(reference).is_some_and(|(alias, column)| {
                            alias == source.alias && !grouped(&column)
                        });
                        true
                    }
                    _ => true,
                });
            }
            if open {
                return Err(format!(
                    "its query groups by the columns of {} alone and so hangs on that key: group by the others too in a revision before",
                    primary.name
                ));
            }
        }
        Ok(())
    }

    fn apply(&self, definition: &str) -> Option<String> {
        let tokens = grammar::scan(definition).ok()?;
        let mut text = definition.to_owned();
        for (place, (names, instead)) in self.edits.iter().rev() {
            let first = tokens.iter().position(|t| usize::try_from(t.start) == Ok(*place))?;
            let last = tokens.get(first + 2 * (names - 1))?;
            text.replace_range(*place..usize::try_from(last.end).ok()?, instead);
        }
        Some(text)
    }
}

fn other<'a>(found: &mut Level<'a>, alias: Option<&pg_query::protobuf::Alias>) {
    let alias = alias.map(|alias| alias.aliasname.clone()).unwrap_or_default();
    found.push(Source { alias, table: None });
}

fn by_alias<'l, 'a>(levels: &'l [Level<'a>], alias: &str) -> Option<&'l Source<'a>> {
    levels.iter().rev().find_map(|level| level.iter().find(|source| source.alias == alias))
}

fn node_of(node: Option<&Node>) -> Option<&NodeEnum> {
    node.and_then(|node| node.node.as_ref())
}

fn place(reference: &ColumnRef) -> Option<usize> {
    usize::try_from(reference.location).ok()
}

/// `CREATE OR REPLACE VIEW` of `view` with `query`, which keeps everything that is said of it.
pub(super) fn replace(view: &Relation, query: &str) -> String {
    let columns: Vec<String> = view.columns.iter().map(|c| quote_ident(&c.name)).collect();
    let options = match view.options.as_slice() {
        [] => String::new(),
        options => format!(" WITH ({})", options.join(", ")),
    };
    let query = query.trim().trim_end_matches(';');
    format!("CREATE OR REPLACE VIEW {} ({}){options} AS {query}", view.name, columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::QualifiedName;

    fn rewritten(query: &str) -> Result<String, String> {
        let mut catalog = Catalog::assumed(18);
        let sql =
            "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE TABLE u (id int, a int);";
        for statement in crate::sql::parse(sql, 0..sql.len()).unwrap().statements {
            catalog.apply(&statement);
        }
        let table = catalog.relation(&QualifiedName::new("public", "t")).unwrap().clone();
        with_columns(&catalog, query, &[&table], &Columns::new([("id", "New")]))
    }

    #[test]
    fn columns_are_told_by_their_source_and_keep_their_names_outside() {
        for (query, wanted) in [
            (
                "SELECT id, a FROM public.t WHERE id > 1",
                "SELECT t.\"New\" AS id, a FROM public.t WHERE t.\"New\" > 1",
            ),
            ("SELECT x.id AS n FROM public.t x", "SELECT x.\"New\" AS n FROM public.t x"),
            (
                "SELECT u.id, t.id FROM public.u JOIN public.t ON t.id = u.id",
                "SELECT u.id, t.\"New\" AS id FROM public.u JOIN public.t ON t.\"New\" = u.id",
            ),
            (
                "SELECT s.id FROM ( SELECT t.id FROM public.t) s",
                "SELECT s.id FROM ( SELECT t.\"New\" AS id FROM public.t) s",
            ),
            (
                "SELECT u.a FROM public.u WHERE (EXISTS ( SELECT 1 FROM public.t WHERE t.id = u.id))",
                "SELECT u.a FROM public.u WHERE (EXISTS ( SELECT 1 FROM public.t WHERE t.\"New\" = u.id))",
            ),
            (
                "WITH c AS ( SELECT t.id FROM public.t) SELECT c.id FROM c",
                "WITH c AS ( SELECT t.\"New\" AS id FROM public.t) SELECT c.id FROM c",
            ),
            (
                "SELECT t.id FROM public.t UNION ALL SELECT u.id FROM public.u ORDER BY id",
                "SELECT t.\"New\" AS id FROM public.t UNION ALL SELECT u.id FROM public.u ORDER BY id",
            ),
            (
                "SELECT 'id' AS id, count(t.id) AS n FROM public.t GROUP BY t.a",
                "SELECT 'id' AS id, count(t.\"New\") AS n FROM public.t GROUP BY t.a",
            ),
            (
                "SELECT id, max(b) AS b FROM public.t GROUP BY id",
                "SELECT t.\"New\" AS id, max(b) AS b FROM public.t GROUP BY t.\"New\"",
            ),
        ] {
            assert_eq!(rewritten(query).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn what_is_not_clear_is_an_error() {
        for (query, words) in [
            ("SELECT t.* FROM public.t", "whole row"),
            ("SELECT t.id FROM public.t JOIN public.u USING (id)", "USING"),
            ("SELECT t.a FROM public.t NATURAL JOIN public.u", "NATURAL"),
            ("SELECT x.n FROM public.t x(n, a)", "by their place"),
            ("SELECT id FROM public.t, public.u", "whose id"),
            ("SELECT t.gone FROM public.t", "no column"),
            ("SELECT id FROM public.u", "otherwise than"),
            ("SELECT t.id, t.b FROM public.t GROUP BY t.id", "t_pkey"),
        ] {
            let error = rewritten(query).unwrap_err();
            assert!(error.contains(words), "{query}: {error}");
        }
    }
}
