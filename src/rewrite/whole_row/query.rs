//! Where a query takes rows as a whole, and what stands there instead when it says so.
//!
//! Found in the parse tree and changed in the text, so that everything else stays as it was written.

use super::Whole;
use crate::catalog::{Catalog, Relation};
use crate::rewrite::floors::Shape;
use crate::rewrite::groups::strings;
use crate::rewrite::text;
use crate::sql::{QualifiedName, grammar, quote_ident, walk};
use pg_query::protobuf::{ColumnRef, InsertStmt, Node, RangeVar, SelectStmt, Token, node};
use pg_query::{NodeEnum, NodeRef};
use std::collections::{BTreeMap, BTreeSet};

/// What these make of a row does not depend on the order of its columns.
const BY_NAME: [&str; 3] = ["count", "to_jsonb", "jsonb_agg"];

/// What a level of a query can name.
struct Source<'a> {
    alias: String,
    table: Option<&'a Relation>,
    /// Its columns have the names that they have in the table.
    plain: bool,
    /// Where the name of the table stands.
    place: i32,
}

#[derive(Default)]
struct Level<'a> {
    sources: Vec<Source<'a>>,
    /// `*` is what its sources have, one after the other.
    plain: bool,
}

pub(super) struct Reading<'a> {
    catalog: &'a Catalog,
    shape: &'a dyn Fn(&QualifiedName) -> Option<Shape>,
    /// By the place where it begins: where it ends, and what stands there instead.
    edits: BTreeMap<usize, (usize, String)>,
    tokens: Vec<(usize, usize, Token)>,
    sql: &'a str,
    /// Names that `WITH` gives, anywhere in the statement.
    named: BTreeSet<String>,
    pub wholes: Vec<Whole>,
}

impl<'a> Reading<'a> {
    pub fn new(
        catalog: &'a Catalog,
        shape: &'a dyn Fn(&QualifiedName) -> Option<Shape>,
        sql: &'a str,
    ) -> Self {
        let scanned = grammar::scan(sql).unwrap_or_default();
        let tokens = scanned
            .iter()
            .filter(|token| !grammar::is_comment(token))
            .map(|token| (grammar::place(token), token.token()))
            .map(|(place, token)| (place.start, place.end, token))
            .collect();
        Self {
            catalog,
            shape,
            edits: BTreeMap::new(),
            tokens,
            sql,
            named: BTreeSet::new(),
            wholes: Vec::new(),
        }
    }

    /// Reads the queries of a statement.
    pub fn queries(&mut self, roots: &[&'a NodeEnum]) {
        for root in roots {
            walk::walk(root, |node| {
                if let NodeRef::CommonTableExpr(with) = node {
                    self.named.insert(with.ctename.clone());
                }
            });
        }
        for root in roots {
            self.query(root.to_ref(), &[]);
        }
    }

    /// The text with everything written out; `None` when nothing was to be.
    pub fn text(&self) -> Option<String> {
        let mut text = self.sql.to_owned();
        for (start, (end, instead)) in self.edits.iter().rev() {
            text.get(*start..*end)?;
            text.replace_range(*start..*end, instead);
        }
        (!self.edits.is_empty()).then_some(text)
    }

    /// Puts the list of the first `count` columns of `relation` behind its name.
    pub fn list(&mut self, range: &RangeVar, columns: &[String]) -> bool {
        let Some(end) = self.end_of_name(range) else { return false };
        self.edits.insert(end, (end, format!(" ({})", text::columns(columns))));
        true
    }

    fn query(&mut self, root: NodeRef<'a>, outer: &[&Level<'a>]) {
        let level = self.level(root);
        let mut levels: Vec<&Level<'a>> = outer.to_vec();
        levels.push(&level);
        let mut inner: Vec<NodeRef<'a>> = Vec::new();
        let mut references: Vec<&'a ColumnRef> = Vec::new();
        let mut by_name: BTreeSet<i32> = BTreeSet::new();
        let mut first = true;
        walk::walk_some(root, |node| {
            let is_root = std::mem::take(&mut first);
            match node {
                _ if is_root => {}
                NodeRef::SelectStmt(_)
                | NodeRef::InsertStmt(_)
                | NodeRef::UpdateStmt(_)
                | NodeRef::DeleteStmt(_)
                | NodeRef::MergeStmt(_) => {
                    inner.push(node);
                    return false;
                }
                NodeRef::ColumnRef(reference) => references.push(reference),
                NodeRef::FuncCall(call) => {
                    let name = strings(&call.funcname).pop().unwrap_or_default();
                    if BY_NAME.contains(&name.as_str()) {
                        by_name.extend(call.args.iter().filter_map(reference).map(|r| r.location));
                    }
                    self.result_of(&name);
                }
                NodeRef::TypeCast(cast) => {
                    if let Some(name) = &cast.type_name {
                        self.type_named(&strings(&name.names));
                    }
                }
                NodeRef::MergeWhenClause(when)
                    if when.target_list.is_empty() && !when.values.is_empty() =>
                {
                    if let Some(table) = level.sources.first().and_then(|source| source.table) {
                        self.whole(table, false);
                    }
                }
                _ => {}
            }
            true
        });
        let starred: BTreeSet<i32> = targets(root)
            .iter()
            .filter_map(|target| match &target.node {
                Some(NodeEnum::ResTarget(target)) => reference(target.val.as_deref()?),
                _ => None,
            })
            .filter(|reference| is_star(reference))
            .map(|reference| reference.location)
            .collect();
        for reference in references {
            if starred.contains(&reference.location) {
                self.star(reference, &levels);
            } else {
                self.reference(reference, &levels, by_name.contains(&reference.location));
            }
        }
        if let NodeRef::InsertStmt(insert) = root {
            self.insert(insert);
        }
        let around = if matches!(root, NodeRef::InsertStmt(_)) { outer } else { &levels };
        for query in inner {
            self.query(query, around);
        }
    }

    fn level(&mut self, root: NodeRef<'a>) -> Level<'a> {
        let mut level = Level { sources: Vec::new(), plain: true };
        let (target, items): (Option<&'a RangeVar>, &'a [Node]) = match root {
            NodeRef::SelectStmt(select) => (None, &select.from_clause),
            NodeRef::InsertStmt(insert) => (insert.relation.as_ref(), &[]),
            NodeRef::UpdateStmt(update) => (update.relation.as_ref(), &update.from_clause),
            NodeRef::DeleteStmt(delete) => (delete.relation.as_ref(), &delete.using_clause),
            NodeRef::MergeStmt(merge) => {
                let source = merge.source_relation.as_deref();
                (merge.relation.as_ref(), source.map_or(&[], std::slice::from_ref))
            }
            _ => return level,
        };
        if let Some(range) = target {
            self.range(range, &mut level);
        }
        for item in items {
            self.item(item, &mut level);
        }
        level
    }

    fn item(&mut self, item: &'a Node, level: &mut Level<'a>) {
        let mut other = |alias: Option<&pg_query::protobuf::Alias>| {
            let alias = alias.map(|alias| alias.aliasname.clone()).unwrap_or_default();
            level.sources.push(Source { alias, table: None, plain: true, place: -1 });
        };
        match &item.node {
            Some(NodeEnum::RangeVar(range)) => self.range(range, level),
            Some(NodeEnum::JoinExpr(join)) => {
                level.plain &=
                    join.using_clause.is_empty() && !join.is_natural && join.alias.is_none();
                for side in [join.larg.as_deref(), join.rarg.as_deref()].into_iter().flatten() {
                    self.item(side, level);
                }
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                if let Some(relation) = sample.relation.as_deref() {
                    self.item(relation, level);
                }
            }
            Some(NodeEnum::RangeSubselect(inner)) => other(inner.alias.as_ref()),
            Some(NodeEnum::RangeFunction(inner)) => other(inner.alias.as_ref()),
            Some(NodeEnum::RangeTableFunc(inner)) => other(inner.alias.as_ref()),
            Some(NodeEnum::JsonTable(inner)) => other(inner.alias.as_ref()),
            _ => other(None),
        }
    }

    fn range(&mut self, range: &'a RangeVar, level: &mut Level<'a>) {
        let meant = resolve(self.catalog, range);
        // A WITH of the same name may be meant, here or further out.
        let hidden = range.schemaname.is_empty() && self.named.contains(&range.relname);
        if let Some(table) = meant.filter(|_| hidden) {
            self.whole(table, false);
        }
        let alias = range.alias.as_ref();
        level.sources.push(Source {
            alias: alias.map_or_else(|| range.relname.clone(), |alias| alias.aliasname.clone()),
            table: meant.filter(|_| !hidden),
            plain: alias.is_none_or(|alias| alias.colnames.is_empty()),
            place: range.location,
        });
    }

    /// `*` or `t.*` in a list of results.
    fn star(&mut self, reference: &ColumnRef, levels: &[&Level<'a>]) {
        let names = strings(&reference.fields);
        let Some(level) = levels.last() else { return };
        let shown: Vec<(String, &Source<'a>)> = match names.as_slice() {
            [] => level.sources.iter().map(|s| (quote_ident(&s.alias), s)).collect(),
            [alias] => {
                let source = by_alias(levels, alias);
                source.map(|source| (quote_ident(alias), source)).into_iter().collect()
            }
            [.., schema, name] => {
                let source = by_name(levels, schema, name);
                let prefix = format!("{}.{}", quote_ident(schema), quote_ident(name));
                source.map(|source| (prefix, source)).into_iter().collect()
            }
        };
        let shaped: Vec<&'a Relation> = shown
            .iter()
            .filter_map(|(_, source)| source.table)
            .filter(|table| (self.shape)(&table.name).is_some())
            .collect();
        if shaped.is_empty() {
            return;
        }
        let clear = (!names.is_empty() || level.plain)
            && shown.iter().all(|(_, source)| source.plain && !source.alias.is_empty());
        let written = self.end_of(reference.location, names.len());
        // `TABLE t`.
        let command = match level.sources.as_slice() {
            [only] if reference.location < 0 => self.command(only.place),
            _ => None,
        };
        let [before, behind] = if command.is_some() { ["SELECT ", " FROM"] } else { ["", ""] };
        let (Some((start, end)), true) = (command.or(written), clear) else {
            shaped.into_iter().for_each(|table| self.whole(table, false));
            return;
        };
        let columns: Vec<String> = shown
            .iter()
            .flat_map(|(prefix, source)| match source.table {
                Some(table) if (self.shape)(&table.name).is_some() => table
                    .columns
                    .iter()
                    .map(|column| format!("{prefix}.{}", quote_ident(&column.name)))
                    .collect(),
                _ => vec![format!("{prefix}.*")],
            })
            .collect();
        let columns = columns.join(", ");
        self.edits.insert(start, (end, format!("{before}{columns}{behind}")));
    }

    /// A name that may be a row: `t`, `s.t`, and `t.*` inside an expression.
    fn reference(&mut self, reference: &ColumnRef, levels: &[&Level<'a>], by_name_only: bool) {
        let names = strings(&reference.fields);
        let source = match (names.as_slice(), is_star(reference)) {
            ([], _) => None,
            ([name], false) => {
                let is_column = levels
                    .iter()
                    .flat_map(|level| &level.sources)
                    .any(|s| s.table.is_some_and(|table| table.column(name).is_some()));
                by_alias(levels, name).filter(|_| !is_column)
            }
            ([alias], true) => by_alias(levels, alias),
            ([.., schema, name], _) => by_name(levels, schema, name),
        };
        if let Some(table) = source.and_then(|source| source.table) {
            self.whole(table, by_name_only);
        }
    }

    fn insert(&mut self, insert: &'a InsertStmt) {
        let Some(range) = insert.relation.as_ref().filter(|_| insert.cols.is_empty()) else {
            return;
        };
        let Some(table) = resolve(self.catalog, range) else { return };
        let select = insert.select_stmt.as_deref().and_then(|select| select.node.as_ref());
        // Without one it is DEFAULT VALUES.
        let (Some(_), Some(NodeEnum::SelectStmt(select))) = ((self.shape)(&table.name), select)
        else {
            return;
        };
        let width = self.width(select).filter(|width| *width <= table.columns.len());
        let listed = width.is_some_and(|width| {
            let names = table.columns.iter().take(width).map(|c| c.name.clone());
            self.list(range, &names.collect::<Vec<_>>())
        });
        if !listed {
            self.whole(table, false);
        }
    }

    /// How many columns a query gives, where that can be told.
    fn width(&mut self, select: &'a SelectStmt) -> Option<usize> {
        if let Some(left) = &select.larg {
            return self.width(left);
        }
        if !select.values_lists.is_empty() {
            let lists = select.values_lists.iter().map(|list| match &list.node {
                Some(NodeEnum::List(list)) => list.items.len(),
                _ => 0,
            });
            return lists.max();
        }
        let level = self.level(NodeRef::SelectStmt(select));
        let mut width = 0;
        for target in &select.target_list {
            let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
            let star = target.val.as_deref().and_then(reference).filter(|r| is_star(r));
            let Some(star) = star else {
                width += 1;
                continue;
            };
            let names = strings(&star.fields);
            let of = |source: &Source<'_>| Some(source.table?.columns.len());
            width += match names.as_slice() {
                [] if !level.plain => return None,
                [] => level.sources.iter().map(of).sum::<Option<usize>>()?,
                [alias] => of(by_alias(&[&level], alias)?)?,
                [.., schema, name] => of(by_name(&[&level], schema, name)?)?,
            };
        }
        Some(width)
    }

    /// A function that gives rows of a table.
    fn result_of(&mut self, name: &str) {
        let functions = self.catalog.functions.get(name).into_iter().flatten();
        let results = functions
            .filter_map(|function| function.routine.as_ref()?.result.as_deref())
            .map(text::words);
        for words in results {
            let tables: Vec<&'a Relation> =
                words.iter().filter_map(|word| self.catalog.resolve(None, word)).collect();
            tables.into_iter().for_each(|table| self.whole(table, false));
        }
    }

    /// The row type of a table.
    fn type_named(&mut self, names: &[String]) {
        let found = match names {
            [name] => self.catalog.resolve(None, name),
            [.., schema, name] => self.catalog.resolve(Some(schema), name),
            [] => None,
        };
        if let Some(table) = found {
            self.whole(table, false);
        }
    }

    fn whole(&mut self, table: &Relation, by_name: bool) {
        if let Some(shape) = (self.shape)(&table.name) {
            self.wholes.push(Whole { relation: table.name.clone(), shape, by_name });
        }
    }

    /// Where a reference of so many names and a star stands.
    fn end_of(&self, location: i32, names: usize) -> Option<(usize, usize)> {
        let start = usize::try_from(location).ok()?;
        let first = self.tokens.iter().position(|(at, ..)| *at == start)?;
        let (_, end, token) = self.tokens.get(first + 2 * names)?;
        (*token == Token::Ascii42).then_some((start, *end))
    }

    /// Where `TABLE` stands before the name of a table.
    fn command(&self, location: i32) -> Option<(usize, usize)> {
        let name = usize::try_from(location).ok()?;
        let mut before = self.tokens.iter().rev().filter(|(at, ..)| *at < name);
        let (start, end, token) = before.find(|(.., token)| *token != Token::Only)?;
        (*token == Token::Table).then_some((*start, *end))
    }

    /// Where the name and the alias of a table end.
    fn end_of_name(&self, range: &RangeVar) -> Option<usize> {
        let start = usize::try_from(range.location).ok()?;
        let mut at = self.tokens.iter().position(|(at, ..)| *at == start)?;
        let is = |at: usize, wanted: Token| {
            self.tokens.get(at).is_some_and(|(_, _, token)| *token == wanted)
        };
        while is(at + 1, Token::Ascii46) {
            at += 2;
        }
        if is(at + 1, Token::As) {
            at += 2;
        }
        self.tokens.get(at).map(|(_, end, _)| *end)
    }
}

fn resolve<'c>(catalog: &'c Catalog, range: &RangeVar) -> Option<&'c Relation> {
    let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
    catalog.resolve(schema, &range.relname)
}

/// The list of results.
fn targets(root: NodeRef<'_>) -> &[Node] {
    match root {
        NodeRef::SelectStmt(select) => &select.target_list,
        NodeRef::InsertStmt(insert) => returning(insert.returning_clause.as_ref()),
        NodeRef::UpdateStmt(update) => returning(update.returning_clause.as_ref()),
        NodeRef::DeleteStmt(delete) => returning(delete.returning_clause.as_ref()),
        NodeRef::MergeStmt(merge) => returning(merge.returning_clause.as_ref()),
        _ => &[],
    }
}

fn returning(clause: Option<&pg_query::protobuf::ReturningClause>) -> &[Node] {
    clause.map_or(&[], |clause| &clause.exprs)
}

fn reference(node: &Node) -> Option<&ColumnRef> {
    match &node.node {
        Some(NodeEnum::ColumnRef(reference)) => Some(reference),
        _ => None,
    }
}

fn is_star(reference: &ColumnRef) -> bool {
    reference.fields.last().is_some_and(|field| matches!(field.node, Some(node::Node::AStar(_))))
}

fn by_alias<'l, 'a>(levels: &[&'l Level<'a>], alias: &str) -> Option<&'l Source<'a>> {
    levels.iter().rev().find_map(|level| level.sources.iter().find(|s| s.alias == alias))
}

fn by_name<'l, 'a>(levels: &[&'l Level<'a>], schema: &str, name: &str) -> Option<&'l Source<'a>> {
    let is = |table: &Relation| table.name.schema == schema && table.name.name == name;
    levels
        .iter()
        .rev()
        .find_map(|level| level.sources.iter().find(|source| source.table.is_some_and(is)))
}
