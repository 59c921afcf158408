//! What kind of statement a text is, for those who must not see the parse tree.

use super::parse;
use pg_query::NodeEnum;

/// The shape of one statement, as far as a plan has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `SELECT`, `VALUES`, `TABLE`.
    Query,
    /// `sources`: it has a `FROM` list; `returning`: and gives rows back.
    Update { sources: bool, returning: bool },
    /// `sources`: it has a `USING` list.
    Delete { sources: bool, returning: bool },
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT` and their kin.
    TransactionControl,
    /// Anything else.
    Other,
}

/// The shape of `sql`, which must be one statement.
///
/// # Errors
/// When it is none, more than one, or cannot be parsed; in words.
pub fn shape(sql: &str) -> Result<Shape, String> {
    let script = parse(sql, 0..sql.len()).map_err(|error| format!("{error} in {sql:?}"))?;
    let mut statements = script.statements.into_iter();
    match (statements.next(), statements.next()) {
        (Some(statement), None) => Ok(of(&statement.node)),
        (None, _) => Err(format!("{sql:?} is not a statement")),
        (Some(_), Some(_)) => Err(format!("{sql:?} is more than one statement")),
    }
}

fn of(node: &NodeEnum) -> Shape {
    match node {
        NodeEnum::SelectStmt(_) => Shape::Query,
        NodeEnum::UpdateStmt(update) => Shape::Update {
            sources: !update.from_clause.is_empty(),
            returning: update.returning_clause.is_some(),
        },
        NodeEnum::DeleteStmt(delete) => Shape::Delete {
            sources: !delete.using_clause.is_empty(),
            returning: delete.returning_clause.is_some(),
        },
        NodeEnum::TransactionStmt(_) => Shape::TransactionControl,
        _ => Shape::Other,
    }
}
