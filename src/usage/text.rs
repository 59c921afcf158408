//! Retired names in an SQL text.
//!
//! Names are resolved as the server would: aliases, scopes of subqueries, `WITH`, the columns of an
//! `INSERT` by place. What stays open is *possible*: a `SELECT *`, a name under an unknown
//! `search_path`, a text that was cut off. Statements that only define things are not looked into:
//! they run once, and airlock's own are among them.

use super::scope::{Level, Levels, Meant, Names, by_alias};
use super::{Certainty, Object};
use crate::catalog::Catalog;
use crate::sql::walk::walk_some;
use crate::sql::{QualifiedName, grammar};
use pg_query::protobuf::{
    ColumnRef, CopyStmt, FuncCall, InsertStmt, Node, RangeVar, SelectStmt, WithClause, a_const,
};
use pg_query::{NodeEnum, NodeRef};
use std::collections::{BTreeMap, BTreeSet};

/// Retired objects and how sure it is that they are meant.
pub type Found = BTreeMap<Object, Certainty>;

/// Looks through texts for retired names.
#[derive(Debug)]
pub struct Finder<'a> {
    names: Names<'a>,
}

impl<'a> Finder<'a> {
    pub fn new(catalog: &'a Catalog, objects: &'a [Object]) -> Self {
        Self { names: Names::new(catalog, objects) }
    }

    /// What `text`, one statement or several, uses when it runs under `path`.
    pub fn text(&self, text: &str, path: &[String]) -> Found {
        self.text_with(text, path, &[])
    }

    /// The same where `rows` are names of rows of these tables (`NEW` and `OLD` in a trigger).
    pub fn text_with(&self, text: &str, path: &[String], rows: &[(&str, QualifiedName)]) -> Found {
        let Ok(parsed) = grammar::parse(text) else { return self.words(text) };
        let rows = rows.iter().map(|(alias, table)| {
            let meant = Meant { name: table.clone(), certainty: Certainty::Certain };
            ((*alias).to_owned(), Some(meant))
        });
        let outer = Level { sources: rows.collect(), ctes: BTreeSet::new() };
        let mut search = Search { names: &self.names, path, found: Found::new() };
        for node in parsed.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()) {
            search.statement(node, &vec![outer.clone()]);
        }
        search.found
    }

    /// Retired names that stand in `text` as words: all that can be said of a text that does not parse.
    /// For a column the name of its table has to be there too.
    pub fn words(&self, text: &str) -> Found {
        let words: BTreeSet<String> = text
            .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
            .map(str::to_lowercase)
            .collect();
        let has = |name: &str| {
            words.contains(&name.to_lowercase())
                || (name.contains(|c: char| !c.is_alphanumeric() && c != '_')
                    && text.contains(name))
        };
        self.names
            .objects()
            .filter(|object| match object {
                Object::Column(table, name) => has(name) && has(&table.name),
                _ => has(object.word()),
            })
            .map(|object| (object.clone(), Certainty::Possible))
            .collect()
    }
}

struct Search<'n, 'a> {
    names: &'n Names<'a>,
    path: &'n [String],
    found: Found,
}

impl Search<'_, '_> {
    fn add(&mut self, object: &Object, certainty: Certainty) {
        let known = self.found.entry(object.clone()).or_insert(certainty);
        *known = (*known).max(certainty);
    }

    fn statement(&mut self, node: &NodeEnum, levels: &Levels) {
        let below = |inner: &Option<Box<Node>>| inner.as_ref().and_then(|n| n.node.clone());
        match node {
            NodeEnum::SelectStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_) => self.query(node.to_ref(), levels),
            NodeEnum::ExplainStmt(s) => self.inner(below(&s.query), levels),
            NodeEnum::PrepareStmt(s) => self.inner(below(&s.query), levels),
            NodeEnum::DeclareCursorStmt(s) => self.inner(below(&s.query), levels),
            NodeEnum::CreateTableAsStmt(s) => self.inner(below(&s.query), levels),
            NodeEnum::CopyStmt(copy) => self.copy(copy, levels),
            NodeEnum::CallStmt(s) => {
                if let Some(call) = &s.funccall {
                    self.call(call);
                }
            }
            NodeEnum::TruncateStmt(s) => self.ranges(&s.relations),
            NodeEnum::LockStmt(s) => self.ranges(&s.relations),
            _ => {}
        }
    }

    fn inner(&mut self, node: Option<NodeEnum>, levels: &Levels) {
        if let Some(node) = node {
            self.statement(&node, levels);
        }
    }

    fn ranges(&mut self, nodes: &[Node]) {
        for node in nodes {
            if let Some(NodeEnum::RangeVar(range)) = &node.node {
                self.range(range);
            }
        }
    }

    /// `COPY … TO` with a list of columns is what `pg_dump` writes: it follows the catalog.
    fn copy(&mut self, copy: &CopyStmt, levels: &Levels) {
        self.inner(copy.query.as_ref().and_then(|n| n.node.clone()), levels);
        let Some(meant) = copy.relation.as_ref().and_then(|range| self.meant(range)) else {
            return;
        };
        let certainty = if copy.is_from { meant.certainty } else { Certainty::Possible };
        if let Some(object) = self.names.retired_relation(&meant.name) {
            self.add(object, certainty);
        }
        let listed: Vec<&str> = copy.attlist.iter().filter_map(string).collect();
        for (_, object) in self.names.retired_columns(&meant.name) {
            if listed.is_empty() || listed.contains(&object.word()) {
                self.add(object, certainty);
            }
        }
    }

    fn meant(&self, range: &RangeVar) -> Option<Meant> {
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        self.names.relation(self.path, schema, &range.relname)
    }

    fn range(&mut self, range: &RangeVar) -> Option<Meant> {
        let meant = self.meant(range)?;
        if let Some(object) = self.names.retired_relation(&meant.name) {
            self.add(object, meant.certainty);
        }
        Some(meant)
    }

    /// One level of a query and all below it.
    fn query(&mut self, root: NodeRef<'_>, outer: &Levels) {
        let mut level = Level::default();
        let target = match root {
            NodeRef::SelectStmt(s) => {
                ctes(&s.with_clause, &mut level.ctes);
                None
            }
            NodeRef::InsertStmt(s) => with_target(&s.with_clause, &s.relation, &mut level),
            NodeRef::UpdateStmt(s) => with_target(&s.with_clause, &s.relation, &mut level),
            NodeRef::DeleteStmt(s) => with_target(&s.with_clause, &s.relation, &mut level),
            NodeRef::MergeStmt(s) => with_target(&s.with_clause, &s.relation, &mut level),
            _ => None,
        };
        let target = target.and_then(|range| self.meant(range));
        let mut nested: Vec<NodeRef<'_>> = Vec::new();
        let mut columns: Vec<&ColumnRef> = Vec::new();
        let mut shared: Vec<&str> = Vec::new();
        let aliases = output_aliases(root);
        walk_some(root, |node| {
            let is_root = std::ptr::eq(address(node), address(root));
            match node {
                NodeRef::SelectStmt(_)
                | NodeRef::InsertStmt(_)
                | NodeRef::UpdateStmt(_)
                | NodeRef::DeleteStmt(_)
                | NodeRef::MergeStmt(_)
                    if !is_root =>
                {
                    nested.push(node);
                    return false;
                }
                NodeRef::RangeVar(range) => {
                    let is_cte = range.schemaname.is_empty()
                        && (level.ctes.contains(&range.relname)
                            || outer.iter().any(|l| l.ctes.contains(&range.relname)));
                    let meant = if is_cte { None } else { self.range(range) };
                    let alias = range.alias.as_ref().map_or(&range.relname, |a| &a.aliasname);
                    level.sources.push((alias.clone(), meant));
                }
                NodeRef::RangeSubselect(sub) => {
                    if let Some(alias) = &sub.alias {
                        level.sources.push((alias.aliasname.clone(), None));
                    }
                }
                NodeRef::RangeFunction(function) => {
                    if let Some(alias) = &function.alias {
                        level.sources.push((alias.aliasname.clone(), None));
                    }
                }
                NodeRef::JoinExpr(join) => {
                    shared.extend(join.using_clause.iter().filter_map(string));
                }
                NodeRef::SortBy(sort) => {
                    // `ORDER BY x` means the output column, if there is one.
                    let by = sort.node.as_ref().and_then(|node| match &node.node {
                        Some(NodeEnum::ColumnRef(column)) => Some(column),
                        _ => None,
                    });
                    if by.is_some_and(|column| {
                        matches!(column.fields.as_slice(), [only] if string(only).is_some_and(|s| aliases.contains(s)))
                    }) {
                        return false;
                    }
                }
                NodeRef::ColumnRef(column) => columns.push(column),
                NodeRef::FuncCall(call) => self.call(call),
                NodeRef::TypeCast(cast) => {
                    let names: Vec<&str> =
                        cast.type_name.iter().flat_map(|t| &t.names).filter_map(string).collect();
                    self.other(&names);
                }
                NodeRef::AConst(constant) => {
                    if let Some(a_const::Val::Sval(text)) = &constant.val
                        && let Some(object) = self.names.label(&text.sval)
                    {
                        self.add(object, Certainty::Possible);
                    }
                }
                _ => {}
            }
            true
        });
        if let NodeRef::InsertStmt(insert) = root
            && let Some(target) = &target
        {
            // `ON CONFLICT DO UPDATE` speaks of the row that was to be inserted.
            level.sources.push(("excluded".to_owned(), Some(target.clone())));
            self.insert(insert, target);
        }
        let mut levels = outer.clone();
        levels.push(level);
        if let Some(target) = &target {
            self.assignments(root, target);
        }
        for column in columns {
            self.column(column, &levels);
        }
        for name in shared {
            self.bare(name, &levels);
        }
        for node in nested {
            self.query(node, &levels);
        }
    }

    fn call(&mut self, call: &FuncCall) {
        let names: Vec<&str> = call.funcname.iter().filter_map(string).collect();
        self.other(&names);
        // A sequence is named in a string.
        if let Some(&("nextval" | "currval" | "setval")) = names.last()
            && let Some(text) = call.args.first().and_then(literal)
        {
            let parts: Vec<&str> = text.split('.').map(|part| part.trim_matches('"')).collect();
            let (schema, name) = match parts.as_slice() {
                [name] => (None, *name),
                [schema, name] => (Some(*schema), *name),
                _ => return,
            };
            let meant = self.names.relation(self.path, schema, name);
            if let Some(meant) = meant
                && let Some(object) = self.names.retired_relation(&meant.name)
            {
                self.add(object, meant.certainty);
            }
        }
    }

    fn other(&mut self, names: &[&str]) {
        if let Some((object, certainty)) = self.names.other(names, self.path) {
            self.add(object, certainty);
        }
    }

    /// Columns that an `INSERT` gives, by name or by place.
    fn insert(&mut self, insert: &InsertStmt, target: &Meant) {
        if !insert.cols.is_empty() {
            return self.targets(&insert.cols, target);
        }
        let given = insert.select_stmt.as_ref().and_then(|node| match &node.node {
            Some(NodeEnum::SelectStmt(select)) => width(select),
            _ => None,
        });
        for (place, object) in self.names.retired_columns(&target.name) {
            match given {
                // A SELECT of a width that only the server knows.
                Some(None) => self.add(object, Certainty::Possible),
                Some(Some(width)) if place <= width => self.add(object, target.certainty),
                Some(Some(_)) | None => {}
            }
        }
    }

    /// Columns of the target that are assigned.
    fn assignments(&mut self, root: NodeRef<'_>, target: &Meant) {
        match root {
            NodeRef::InsertStmt(s) => {
                if let Some(conflict) = &s.on_conflict_clause {
                    self.targets(&conflict.target_list, target);
                    let elements = conflict.infer.iter().flat_map(|infer| &infer.index_elems);
                    for element in elements {
                        if let Some(NodeEnum::IndexElem(element)) = &element.node {
                            self.named(&element.name, target);
                        }
                    }
                }
            }
            NodeRef::UpdateStmt(s) => self.targets(&s.target_list, target),
            NodeRef::MergeStmt(s) => {
                for when in &s.merge_when_clauses {
                    if let Some(NodeEnum::MergeWhenClause(when)) = &when.node {
                        self.targets(&when.target_list, target);
                    }
                }
            }
            _ => {}
        }
    }

    fn targets(&mut self, targets: &[Node], target: &Meant) {
        for node in targets {
            if let Some(NodeEnum::ResTarget(result)) = &node.node {
                self.named(&result.name, target);
            }
        }
    }

    fn named(&mut self, name: &str, target: &Meant) {
        if let Some(object) = self.names.retired_column(&target.name, name) {
            self.add(object, target.certainty);
        }
    }

    fn column(&mut self, column: &ColumnRef, levels: &Levels) {
        let star = matches!(
            column.fields.last().and_then(|field| field.node.as_ref()),
            Some(NodeEnum::AStar(_))
        );
        let parts: Vec<&str> = column.fields.iter().filter_map(string).collect();
        match (parts.as_slice(), star) {
            ([], true) => {
                let sources = levels.last().map(|level| level.sources.clone()).unwrap_or_default();
                for meant in sources.into_iter().filter_map(|(_, meant)| meant) {
                    self.all_of(&meant);
                }
            }
            ([alias], true) => self.all_of_alias(alias, levels),
            ([name], false) => self.bare(name, levels),
            ([alias, name], false) => {
                if let Some(Some(meant)) = by_alias(levels, alias) {
                    self.named(name, &meant.clone());
                }
            }
            ([.., schema, table, name], false) => {
                if let Some(meant) = self.names.relation(self.path, Some(schema), table) {
                    self.named(name, &meant);
                }
            }
            ([.., schema, table], true) => {
                if let Some(meant) = self.names.relation(self.path, Some(schema), table) {
                    self.all_of(&meant);
                }
            }
            ([], false) => {}
        }
    }

    /// A column without anything before it: of the innermost level that has one of that name.
    fn bare(&mut self, name: &str, levels: &Levels) {
        for level in levels.iter().rev() {
            let having: Vec<Meant> = level
                .sources
                .iter()
                .filter_map(|(_, meant)| meant.clone())
                .filter(|meant| self.names.has_column(&meant.name, name))
                .collect();
            if !having.is_empty() {
                return having.iter().for_each(|meant| self.named(name, meant));
            }
        }
        // No column: the whole row of a table.
        self.all_of_alias(name, levels);
    }

    fn all_of_alias(&mut self, alias: &str, levels: &Levels) {
        if let Some(Some(meant)) = by_alias(levels, alias) {
            self.all_of(&meant.clone());
        }
    }

    /// All columns: which of them the reader wants nobody can see.
    fn all_of(&mut self, meant: &Meant) {
        for (_, object) in self.names.retired_columns(&meant.name) {
            self.add(object, Certainty::Possible);
        }
    }
}

/// Where a node is, to know it again.
fn address(node: NodeRef<'_>) -> *const u8 {
    match node {
        NodeRef::SelectStmt(s) => std::ptr::from_ref(s).cast(),
        NodeRef::InsertStmt(s) => std::ptr::from_ref(s).cast(),
        NodeRef::UpdateStmt(s) => std::ptr::from_ref(s).cast(),
        NodeRef::DeleteStmt(s) => std::ptr::from_ref(s).cast(),
        NodeRef::MergeStmt(s) => std::ptr::from_ref(s).cast(),
        _ => std::ptr::null(),
    }
}

fn string(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
        _ => None,
    }
}

fn literal(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => Some(text.sval.as_str()),
            _ => None,
        },
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().and_then(literal),
        _ => None,
    }
}

fn ctes(with: &Option<WithClause>, into: &mut BTreeSet<String>) {
    for cte in with.iter().flat_map(|with| &with.ctes) {
        if let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node {
            into.insert(cte.ctename.clone());
        }
    }
}

fn with_target<'s>(
    with: &Option<WithClause>,
    relation: &'s Option<RangeVar>,
    level: &mut Level,
) -> Option<&'s RangeVar> {
    ctes(with, &mut level.ctes);
    relation.as_ref()
}

/// Names that the select list gives to its columns.
fn output_aliases(root: NodeRef<'_>) -> BTreeSet<String> {
    let NodeRef::SelectStmt(select) = root else { return BTreeSet::new() };
    select
        .target_list
        .iter()
        .filter_map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => {
                Some(target.name.clone())
            }
            _ => None,
        })
        .collect()
}

/// How many columns a query has: `Some(None)` when a star hides it, `None` for no query at all
/// (`DEFAULT VALUES`).
fn width(select: &SelectStmt) -> Option<Option<usize>> {
    if let Some(Node { node: Some(NodeEnum::List(first)) }) = select.values_lists.first() {
        return Some(Some(first.items.len()));
    }
    if let Some(left) = &select.larg {
        return width(left);
    }
    let stars = select.target_list.iter().any(|target| match &target.node {
        Some(NodeEnum::ResTarget(target)) => matches!(
            target.val.as_ref().and_then(|val| val.node.as_ref()),
            Some(NodeEnum::ColumnRef(column))
                if matches!(column.fields.last().and_then(|f| f.node.as_ref()), Some(NodeEnum::AStar(_)))
        ),
        _ => false,
    });
    Some((!stars).then_some(select.target_list.len()))
}
