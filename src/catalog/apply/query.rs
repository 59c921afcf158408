//! The columns that a query gives, as far as they can be told without the server's analysis.

use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, Column, DependantKind, names, type_name, user_type};
use crate::sql::QualifiedName;
use pg_query::protobuf::{JoinType, Node, ResTarget, SelectStmt, node};

/// Columns of the result of `query`. A type that would need the server's rules for operators and
/// functions is the empty string.
pub(super) fn columns(catalog: &Catalog, query: &Node) -> Vec<Column> {
    let Some(node::Node::SelectStmt(select)) = &query.node else { return Vec::new() };
    select_columns(catalog, select)
}

fn select_columns(catalog: &Catalog, select: &SelectStmt) -> Vec<Column> {
    if let Some(left) = &select.larg {
        return select_columns(catalog, left);
    }
    if let Some(first) = select.values_lists.first() {
        let Some(node::Node::List(list)) = &first.node else { return Vec::new() };
        let named = |(at, value): (usize, &Node)| Column {
            name: format!("column{}", at + 1),
            ..typed(catalog, &[], value)
        };
        return numbered(list.items.iter().enumerate().map(named).collect());
    }
    let sources = sources(catalog, &select.from_clause);
    let whole = || select.from_clause.iter().flat_map(|item| every(catalog, item)).collect();
    let mut columns = Vec::new();
    for item in &select.target_list {
        if let Some(node::Node::ResTarget(target)) = &item.node {
            columns.extend(target_columns(catalog, &sources, &whole, target));
        }
    }
    numbered(columns)
}

fn numbered(mut columns: Vec<Column>) -> Vec<Column> {
    for (at, column) in columns.iter_mut().enumerate() {
        column.position = i16::try_from(at + 1).unwrap_or(i16::MAX);
    }
    columns
}

/// Something in the `FROM` list: what it is called, and its columns.
struct Source {
    alias: String,
    columns: Vec<Column>,
}

fn sources(catalog: &Catalog, from: &[Node]) -> Vec<Source> {
    from.iter().flat_map(|item| source(catalog, item)).collect()
}

fn source(catalog: &Catalog, item: &Node) -> Vec<Source> {
    match &item.node {
        Some(node::Node::RangeVar(range)) => {
            let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
            let found = catalog.target(Some(range)).and_then(|name| catalog.relation(&name));
            let columns = found.map(|relation| relation.columns.clone()).unwrap_or_default();
            vec![Source { alias: alias.unwrap_or_else(|| range.relname.clone()), columns }]
        }
        Some(node::Node::RangeSubselect(sub)) => {
            let alias = sub.alias.as_ref().map(|alias| alias.aliasname.clone());
            let columns = sub.subquery.as_deref().map(|query| columns(catalog, query));
            vec![Source { alias: alias.unwrap_or_default(), columns: columns.unwrap_or_default() }]
        }
        Some(node::Node::JoinExpr(join)) => {
            let sides = [join.larg.as_deref(), join.rarg.as_deref()];
            sides.into_iter().flatten().flat_map(|side| source(catalog, side)).collect()
        }
        _ => Vec::new(),
    }
}

/// What `*` stands for where `item` is in the `FROM` list. Columns that a join takes together come once, before the
/// others (manual, "Table Expressions", Joined Tables).
fn every(catalog: &Catalog, item: &Node) -> Vec<Column> {
    let Some(node::Node::JoinExpr(join)) = &item.node else {
        return source(catalog, item).iter().flat_map(|s| s.columns.iter().map(plain)).collect();
    };
    let side = |side: &Option<Box<Node>>| {
        side.as_deref().map(|side| every(catalog, side)).unwrap_or_default()
    };
    let (left, right) = (side(&join.larg), side(&join.rarg));
    let both = |column: &&Column| right.iter().any(|other| other.name == column.name);
    let joined: Vec<String> = if join.is_natural {
        left.iter().filter(both).map(|column| column.name.clone()).collect()
    } else {
        strings(&join.using_clause)
    };
    let first = |name: &String| {
        let from = if join.jointype() == JoinType::JoinRight { &right } else { &left };
        from.iter().find(|column| column.name == *name).cloned()
    };
    let rest = left.iter().chain(&right).filter(|column| !joined.contains(&column.name));
    joined.iter().filter_map(first).chain(rest.cloned()).collect()
}

fn target_columns(
    catalog: &Catalog,
    sources: &[Source],
    whole: &dyn Fn() -> Vec<Column>,
    target: &ResTarget,
) -> Vec<Column> {
    let Some(value) = target.val.as_deref() else { return Vec::new() };
    if let Some(node::Node::ColumnRef(reference)) = &value.node
        && reference.fields.last().is_some_and(|f| matches!(f.node, Some(node::Node::AStar(_))))
    {
        let Some(qualifier) = strings(&reference.fields).pop() else { return whole() };
        return sources
            .iter()
            .filter(|source| source.alias == qualifier)
            .flat_map(|source| source.columns.iter().map(plain))
            .collect();
    }
    let name = if target.name.is_empty() {
        names::expression_name(value).unwrap_or_else(|| "?column?".to_owned())
    } else {
        target.name.clone()
    };
    vec![Column { name, ..typed(catalog, sources, value) }]
}

/// What a column of a query keeps of the column that it shows.
fn plain(column: &Column) -> Column {
    Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        user_type: column.user_type.clone(),
        collation: column.collation.clone(),
        ..Column::default()
    }
}

fn typed(catalog: &Catalog, sources: &[Source], value: &Node) -> Column {
    match &value.node {
        Some(node::Node::ColumnRef(reference)) => {
            let path = strings(&reference.fields);
            let Some((name, qualifiers)) = path.split_last() else { return Column::default() };
            sources
                .iter()
                .filter(|source| qualifiers.last().is_none_or(|q| source.alias == *q))
                .flat_map(|source| &source.columns)
                .find(|column| column.name == *name)
                .map(plain)
                .unwrap_or_default()
        }
        Some(node::Node::TypeCast(cast)) => cast
            .type_name
            .as_ref()
            .map(|written| Column {
                type_name: type_name(written, catalog),
                user_type: user_type(written, catalog),
                ..Column::default()
            })
            .unwrap_or_default(),
        Some(node::Node::AConst(constant)) => {
            use pg_query::protobuf::a_const::Val;
            let name = match &constant.val {
                Some(Val::Ival(_)) => "integer",
                Some(Val::Fval(_)) => "numeric",
                Some(Val::Boolval(_)) => "boolean",
                Some(Val::Sval(_)) | None => "text",
                Some(Val::Bsval(_)) => "bit",
            };
            Column { type_name: name.to_owned(), ..Column::default() }
        }
        Some(node::Node::FuncCall(call)) => {
            let name = strings(&call.funcname).pop().unwrap_or_default();
            let known = match name.as_str() {
                "count" | "row_number" | "rank" | "nextval" => "bigint",
                "now" => "timestamp with time zone",
                "lower" | "upper" | "md5" | "concat" => "text",
                "gen_random_uuid" => "uuid",
                _ => "",
            };
            Column { type_name: known.to_owned(), ..Column::default() }
        }
        Some(node::Node::BoolExpr(_) | node::Node::NullTest(_) | node::Node::BooleanTest(_)) => {
            Column { type_name: "boolean".to_owned(), ..Column::default() }
        }
        _ => Column::default(),
    }
}

/// Relations that a query reads, to say on each that `name` hangs on it.
pub(super) fn record(
    catalog: &mut Catalog,
    query: &Node,
    kind: DependantKind,
    name: &QualifiedName,
) {
    if let Ok(tree) = serde_json::to_value(query) {
        super::program::hang_on(catalog, &tree, kind, &name.to_string(), Some(name));
    }
}
