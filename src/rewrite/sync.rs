//! Sync triggers: what keeps old and new columns in step while both applications write.
//!
//! *In words*: a `BEFORE ROW` trigger on the table computes the new columns of every row that the
//! application writes from now on, so that only rows which existed before it need a visit.
//! - It sorts behind the application's own triggers (`~` follows every letter), since those may
//!   still change what it reads.
//! - `ENABLE ALWAYS`, so that rows arriving through logical replication or from a session with
//!   `session_replication_role = replica` are kept in step too.
//! - Its `WHEN` lets the backfill's own session pass: that one sets the value directly.
//! - Old and new values are compared as images (`*<>`), which works for every type and sees
//!   differences that `=` does not (`1.0` and `1.00`, collations that ignore case).
//! - The function lives in schema `airlock` with a pinned `search_path`. A trigger function needs
//!   no EXECUTE or USAGE privilege of the writer when it fires (manual, "CREATE TRIGGER").

use super::draft::Draft;
use super::session;
use super::text;
use super::witness::Witness;
use crate::catalog::{Column, Relation};
use crate::lock::LockMode;
use crate::plan::{Action, Phase, Undo};
use crate::sql::{QualifiedName, quote_ident, quote_literal};
use std::collections::BTreeMap;

/// A trigger and its function, named but not yet created.
#[derive(Debug, Clone)]
pub(super) struct SyncTrigger {
    pub relation: QualifiedName,
    pub trigger: String,
    pub function: QualifiedName,
    /// Comes and goes with it.
    witness: Option<Witness>,
    /// Those of the migration that its expressions may read: `( SET name = 'value')*`.
    settings: String,
}

/// When the trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fires {
    InsertOrUpdate,
    Update,
    UpdateOf,
}

/// Whose privileges the expressions run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// Plain copies: the writer's own are enough.
    AsWriter,
    /// Expressions that call functions or read other tables: the writer may lack the privilege,
    /// and a failing trigger would fail its statement. They run as the migrating role, as the
    /// migration's own UPDATE would.
    AsOwner,
}

impl SyncTrigger {
    pub fn new(draft: &mut Draft<'_>, relation: &QualifiedName) -> Self {
        let name = draft.temporary_name();
        Self {
            relation: relation.clone(),
            trigger: format!("~{name}"),
            function: QualifiedName::new("airlock", format!("{name}_sync")),
            witness: None,
            settings: pinned_settings(&draft.settings),
        }
    }

    /// The same beside a witness, which has to be named first, so that it fires first.
    pub fn with_witness(draft: &mut Draft<'_>, relation: &QualifiedName, witness: Witness) -> Self {
        Self { witness: Some(witness), ..Self::new(draft, relation) }
    }

    /// The statements that create it. `body` is everything between `BEGIN` and `RETURN NEW`.
    pub fn create(
        &self,
        fires: Fires,
        of: &str,
        runs: Runs,
        search_path: &[String],
        body: &str,
    ) -> Vec<String> {
        let events = match fires {
            Fires::InsertOrUpdate => "INSERT OR UPDATE".to_owned(),
            Fires::Update => "UPDATE".to_owned(),
            Fires::UpdateOf => format!("UPDATE OF {}", quote_ident(of)),
        };
        let mut sql = self.witness.as_ref().map(Witness::create).unwrap_or_default();
        sql.extend([
            format!("CREATE {}", self.code(runs, search_path, body)),
            format!("REVOKE ALL ON FUNCTION {}() FROM PUBLIC", self.function),
            format!(
                "CREATE TRIGGER {} BEFORE {events} ON {} FOR EACH ROW \
                 WHEN (pg_catalog.current_setting('airlock.backfill', true) IS DISTINCT FROM 'on') \
                 EXECUTE FUNCTION {}()",
                quote_ident(&self.trigger),
                self.relation,
                self.function
            ),
            format!(
                "ALTER TABLE {} ENABLE ALWAYS TRIGGER {}",
                self.relation,
                quote_ident(&self.trigger)
            ),
        ]);
        sql
    }

    /// The statement that gives it another body, for the transaction that turns it round.
    pub fn replace(&self, runs: Runs, search_path: &[String], body: &str) -> String {
        format!("CREATE OR REPLACE {}", self.code(runs, search_path, body))
    }

    fn code(&self, runs: Runs, search_path: &[String], body: &str) -> String {
        let security = match runs {
            Runs::AsWriter => "",
            Runs::AsOwner => " SECURITY DEFINER",
        };
        let (path, settings) = match runs {
            Runs::AsWriter => ("pg_catalog, pg_temp".to_owned(), ""),
            Runs::AsOwner => (pinned_path(search_path), self.settings.as_str()),
        };
        let code = format!(
            "\n#variable_conflict use_column\nBEGIN\n{}\n  RETURN NEW;\nEND\n",
            body.trim_end()
        );
        format!(
            "FUNCTION {}() RETURNS trigger LANGUAGE plpgsql{security} SET search_path = {path}{settings} AS {}",
            self.function,
            text::dollar_quoted(&code)
        )
    }

    /// The statements that remove it.
    pub fn remove(&self) -> Vec<String> {
        let mut sql = self.witness.as_ref().map(Witness::remove).unwrap_or_default();
        sql.extend([
            format!("DROP TRIGGER {} ON {}", quote_ident(&self.trigger), self.relation),
            format!("DROP FUNCTION {}()", self.function),
        ]);
        sql
    }

    /// The same when it may be gone already.
    pub fn remove_if_there(&self) -> Vec<String> {
        let mut sql = self.witness.as_ref().map(Witness::remove_if_there).unwrap_or_default();
        sql.extend([
            format!("DROP TRIGGER IF EXISTS {} ON {}", quote_ident(&self.trigger), self.relation),
            format!("DROP FUNCTION IF EXISTS {}()", self.function),
        ]);
        sql
    }

    /// A step that creates the trigger on its own.
    pub fn create_step(&self, draft: &mut Draft<'_>, phase: Phase, why: String, sql: Vec<String>) {
        let Some(relation) = draft.catalog.relation(&self.relation) else { return };
        let locks = draft.locks(relation, LockMode::ShareRowExclusive);
        let undo_locks = draft.locks(relation, LockMode::AccessExclusive);
        let action = Action::Transaction { sql };
        let step = match phase {
            Phase::Expand => draft.additive_step(why, action),
            Phase::Migrate | Phase::Switch | Phase::Contract => draft.step(phase, why, action),
        };
        step.locks(locks)
            .undo(Undo::Transaction { sql: self.remove_if_there(), locks: undo_locks });
    }

    /// A step that removes it, before everything else in its phase when that is contract: the
    /// columns that it writes may be dropped there.
    pub fn remove_step(&self, draft: &mut Draft<'_>, phase: Phase, why: String) {
        let Some(relation) = draft.catalog.relation(&self.relation) else { return };
        let locks = draft.locks(relation, LockMode::AccessExclusive);
        let step = draft.step(phase, why, Action::Transaction { sql: self.remove() }).locks(locks);
        if phase == Phase::Contract {
            step.first();
        }
    }
}

/// `search_path` for a function that resolves expressions of the user.
pub(super) fn pinned_path(search_path: &[String]) -> String {
    let mut path: Vec<String> = search_path.iter().map(|s| quote_ident(s)).collect();
    path.push("pg_temp".to_owned());
    path.join(", ")
}

/// The settings of the migration that values depend on, for such a function: the application's
/// session may have others.
fn pinned_settings(settings: &BTreeMap<String, String>) -> String {
    settings
        .iter()
        .filter(|(name, _)| session::is_read_by_values(name))
        .map(|(name, value)| format!(" SET {} = {}", quote_ident(name), quote_literal(value)))
        .collect()
}

/// `NEW.a` is not the image of `OLD.a`.
pub(super) fn changed(column: &str) -> String {
    let column = quote_ident(column);
    differ(&format!("NEW.{column}"), &format!("OLD.{column}"))
}

/// The two expressions do not have the same image. The casts matter: between two bare row
/// constructors an operator is applied column by column, and no such operator exists.
pub(super) fn differ(left: &str, right: &str) -> String {
    format!(
        "ROW({left})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({right})::pg_catalog.record"
    )
}

/// The default as a value of the column's type, so that images can be compared.
pub(super) fn typed(default: &str, column: &Column) -> String {
    format!("({default})::{}", column.type_name)
}

/// The row `NEW` as a table under `alias`, so that expressions reach its columns by the server's own
/// rules of scope. A generated column is computed here: in a BEFORE trigger it has no value yet
/// (manual, "Generated Columns").
pub(super) fn new_row(relation: &Relation, alias: &str) -> String {
    let alias = quote_ident(alias);
    if relation.columns.iter().all(|column| column.generated.is_none()) {
        return format!("(SELECT NEW.*) AS {alias}");
    }
    let columns: Vec<String> = relation
        .columns
        .iter()
        .map(|column| {
            let name = quote_ident(&column.name);
            match &column.generated {
                Some(generated) => format!("({}) AS {name}", generated.expression),
                None => format!("airlock_row.{name}"),
            }
        })
        .collect();
    format!("(SELECT {} FROM (SELECT NEW.*) AS airlock_row) AS {alias}", columns.join(", "))
}

/// The condition by which a person finds our trigger in the catalog; used in messages.
pub(super) fn describe(trigger: &SyncTrigger) -> String {
    format!("trigger {} on {}", quote_literal(&trigger.trigger), trigger.relation)
}
