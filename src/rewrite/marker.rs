//! A marker tells the rows that existed at one instant from those that came later.
//!
//! *In words*: a boolean column is added with a constant default of true, which old rows show
//! without being rewritten (`attmissingval`), and the default is dropped in the same transaction,
//! so that rows to come hold NULL. A backfill changes the marked rows and unmarks them in the same
//! UPDATE: each exactly once, whatever the change is and however often a block is visited. When the
//! application may write the filled column meanwhile, a trigger on `UPDATE OF` that column unmarks
//! the row: what the application wrote, NULL included, stays. The column goes when the walk is done.

use super::draft::Draft;
use super::sync::{Fires, Runs, SyncTrigger};
use super::text::alter;
use crate::lock::LockMode;
use crate::plan::{Action, Phase};
use crate::sql::{QualifiedName, quote_ident};

pub(super) struct Marker {
    pub relation: QualifiedName,
    pub column: String,
    guard: SyncTrigger,
}

impl Marker {
    pub fn new(draft: &mut Draft<'_>, relation: &QualifiedName) -> Self {
        let column = draft.temporary_name();
        let guard = SyncTrigger::new(draft, relation);
        Self { relation: relation.clone(), column, guard }
    }

    /// Marks every row that exists. With `written`, a row is unmarked when the application sets
    /// that column itself.
    pub fn create(&self, written: Option<&str>) -> Vec<String> {
        let column = quote_ident(&self.column);
        let mut sql = vec![
            alter(&self.relation, &format!("ADD COLUMN {column} boolean DEFAULT true")),
            alter(&self.relation, &format!("ALTER COLUMN {column} DROP DEFAULT")),
        ];
        if let Some(written) = written {
            let body = format!("  NEW.{column} := NULL;");
            sql.extend(self.guard.create(Fires::UpdateOf, written, Runs::AsWriter, &[], &body));
        }
        sql
    }

    pub fn remove_if_there(&self) -> Vec<String> {
        let mut sql = self.guard.remove_if_there();
        sql.push(alter(
            &self.relation,
            &format!("DROP COLUMN IF EXISTS {}", quote_ident(&self.column)),
        ));
        sql
    }

    /// Removes it at the end of the migrate phase.
    pub fn remove_step(&self, draft: &mut Draft<'_>) {
        let Some(relation) = draft.catalog.relation(&self.relation) else { return };
        let locks = draft.locks(relation, LockMode::AccessExclusive);
        let sql = self.remove_if_there();
        draft
            .step(
                Phase::Migrate,
                "no row is marked any more: the marker goes",
                Action::Transaction { sql },
            )
            .locks(locks);
    }
}
