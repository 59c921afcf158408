//! A statement judged on a catalog that may have gaps.
//!
//! Without a database, what a statement names and no file creates is taken for existing, filled and
//! in use: of a table nobody has seen, the worst is assumed. With one, it is an error.

use super::stub;
use crate::analyze::{AnalyzeError, Impact, analyze};
use crate::catalog::Catalog;
use crate::sql::{QualifiedName, Statement};
use pg_query::NodeEnum;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Most things that one statement may name without anybody having created them.
const MAX_STUBS: usize = 1_000;

/// What can be said of a statement.
#[derive(Debug)]
pub(super) enum Judged {
    Impact(Impact),
    /// It cannot work, as far as the catalog shows.
    Fails(AnalyzeError),
}

/// The impact of `statement`; adds to a catalog that is only assumed what it names, and the
/// relations among that to `assumed`. `unseen`: an earlier statement may have made things that nobody
/// could see in its text, so what is missing in a catalog that was read may be there by now.
pub(super) fn judge(
    statement: &Statement,
    catalog: &mut Catalog,
    unseen: bool,
    assumed: &mut BTreeSet<QualifiedName>,
) -> Judged {
    let first = if catalog.assumed { demanding(statement) } else { Cow::Borrowed(statement) };
    match analyze(&first, catalog) {
        Ok(impact) => Judged::Impact(impact),
        Err(error) if catalog.assumed || unseen => complete(&first, catalog, assumed, error),
        Err(error) => Judged::Fails(error),
    }
}

fn complete(
    statement: &Statement,
    catalog: &mut Catalog,
    assumed: &mut BTreeSet<QualifiedName>,
    mut error: AnalyzeError,
) -> Judged {
    for _ in 0..MAX_STUBS {
        let changed = match &error {
            AnalyzeError::Missing(_, absent) => {
                stub::make(catalog, absent, &statement.node, assumed)
            }
            AnalyzeError::Exists(_) => stub::forget(catalog, &statement.node),
            AnalyzeError::Invalid(_) => false,
        };
        if !changed {
            break;
        }
        match analyze(statement, catalog) {
            Ok(impact) => return Judged::Impact(impact),
            Err(next) if next == error => break,
            Err(next) => error = next,
        }
    }
    Judged::Fails(error)
}

/// The statement without `IF EXISTS`: what nobody has seen is taken to exist.
fn demanding(statement: &Statement) -> Cow<'_, Statement> {
    let asks = match &statement.node {
        NodeEnum::DropStmt(drop) => drop.missing_ok,
        NodeEnum::AlterTableStmt(alter) => alter.missing_ok,
        NodeEnum::RenameStmt(rename) => rename.missing_ok,
        NodeEnum::AlterObjectSchemaStmt(alter) => alter.missing_ok,
        NodeEnum::AlterSeqStmt(alter) => alter.missing_ok,
        _ => false,
    };
    if !asks {
        return Cow::Borrowed(statement);
    }
    let mut demanding = statement.clone();
    match &mut demanding.node {
        NodeEnum::DropStmt(drop) => drop.missing_ok = false,
        NodeEnum::AlterTableStmt(alter) => alter.missing_ok = false,
        NodeEnum::RenameStmt(rename) => rename.missing_ok = false,
        NodeEnum::AlterObjectSchemaStmt(alter) => alter.missing_ok = false,
        NodeEnum::AlterSeqStmt(alter) => alter.missing_ok = false,
        _ => {}
    }
    Cow::Owned(demanding)
}

/// Whether the statement may make relations.
pub(super) fn creates(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::CreateStmt(_)
        | NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::ViewStmt(_)
        | NodeEnum::CreateSeqStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateSchemaStmt(_)
        | NodeEnum::AlterTableStmt(_) => true,
        NodeEnum::SelectStmt(select) => select.into_clause.is_some(),
        _ => false,
    }
}
