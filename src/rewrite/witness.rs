//! Counts the rows that are written through an old name, without anybody waiting for anybody.
//!
//! *In words*: a sequence in schema `airlock`, and triggers that call `nextval` on it when the
//! application gave the old column a value. A row of a counter table would be locked by every writer
//! until it commits; a sequence is locked by nobody, costs one shared page and writes WAL once in 32
//! calls. Its price: a number is not given back when the writer rolls back, and up to 32 are skipped
//! when the server crashes. Both count too much, never too little.
//!
//! - The `WHEN` of the trigger decides, as the writer, so that a write through the new name calls nothing; the function
//!   is `SECURITY DEFINER`, because the writer has no privilege on the sequence.
//! - Its name sorts before that of the sync trigger that was named after it, and behind those of the
//!   application: it sees what the application wrote and not what airlock makes of it.
//! - What cannot be told is not counted: an `INSERT` that gives the old column its default value looks as one
//!   that does not mention it; an `UPDATE` that sets the value which is there already changes nothing.

use super::draft::Draft;
use super::sync::{changed, differ};
use super::text;
use crate::catalog::Column;
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// A counter, named but not yet created.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    relation: QualifiedName,
    sequence: QualifiedName,
    function: QualifiedName,
    /// Name and definition of each trigger.
    triggers: Vec<(String, String)>,
    of: String,
}

impl Witness {
    /// Counts writes to column `old` of `relation`; with `new`, those that do not give that one.
    pub fn new(
        draft: &mut Draft<'_>,
        relation: &QualifiedName,
        old: &Column,
        new: Option<&str>,
    ) -> Self {
        let name = draft.temporary_name();
        let function = QualifiedName::new("airlock", format!("{name}_count"));
        let mut triggers = Vec::new();
        let mut add = |suffix: &str, event: &str, when: String| {
            let trigger = format!("~{name}_{suffix}");
            let definition = format!(
                "CREATE TRIGGER {} BEFORE {event} ON {relation} FOR EACH ROW \
                 WHEN (pg_catalog.current_setting('airlock.backfill', true) IS DISTINCT FROM 'on' \
                 AND {when}) EXECUTE FUNCTION {function}()",
                quote_ident(&trigger)
            );
            triggers.push((trigger, definition));
        };
        if let Some(given) = given_by_insert(old, new) {
            add("i", "INSERT", given);
        }
        let only_old = match new {
            Some(new) => format!("{} AND NOT ({})", changed(&old.name), changed(new)),
            None => changed(&old.name),
        };
        add("u", "UPDATE", only_old);
        Self {
            relation: relation.clone(),
            sequence: QualifiedName::new("airlock", format!("{name}_writes")),
            function,
            triggers,
            of: format!("column {} of {relation}", quote_ident(&old.name)),
        }
    }

    /// The statements that create it; the comment is what `usage` knows it by.
    pub fn create(&self) -> Vec<String> {
        let sequence = &self.sequence;
        let code = format!(
            "\nBEGIN\n  PERFORM pg_catalog.nextval({}::pg_catalog.regclass);\n  RETURN NEW;\nEND\n",
            quote_literal(&sequence.to_string())
        );
        let mut sql = vec![
            format!("CREATE SEQUENCE {sequence}"),
            format!(
                "COMMENT ON SEQUENCE {sequence} IS {}",
                quote_literal(&format!("rows written through {}", self.of))
            ),
            format!(
                "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
                 SET search_path = pg_catalog, pg_temp AS {}",
                self.function,
                text::dollar_quoted(&code)
            ),
            format!("REVOKE ALL ON FUNCTION {}() FROM PUBLIC", self.function),
        ];
        for (trigger, definition) in &self.triggers {
            sql.push(definition.clone());
            sql.push(format!(
                "ALTER TABLE {} ENABLE ALWAYS TRIGGER {}",
                self.relation,
                quote_ident(trigger)
            ));
        }
        sql
    }

    /// The statements that remove it.
    pub fn remove(&self) -> Vec<String> {
        self.gone("")
    }

    /// The same when it may be gone already.
    pub fn remove_if_there(&self) -> Vec<String> {
        self.gone("IF EXISTS ")
    }

    fn gone(&self, if_there: &str) -> Vec<String> {
        let mut sql: Vec<String> = self
            .triggers
            .iter()
            .map(|(trigger, _)| {
                format!("DROP TRIGGER {if_there}{} ON {}", quote_ident(trigger), self.relation)
            })
            .collect();
        sql.push(format!("DROP FUNCTION {if_there}{}()", self.function));
        sql.push(format!("DROP SEQUENCE {if_there}{}", self.sequence));
        sql
    }
}

/// When an `INSERT` gave the old column a value and not the new one; `None` when that cannot be told
/// because the server fills in another value each time.
fn given_by_insert(old: &Column, new: Option<&str>) -> Option<String> {
    let old_value = format!("NEW.{}", quote_ident(&old.name));
    let new_value = new.map(|new| format!("NEW.{}", quote_ident(new)));
    match &old.default {
        Some(_) if old.default_is_volatile => None,
        Some(default) => {
            let shown = format!("({default})::{}", old.type_name);
            let given = differ(&old_value, &shown);
            Some(match new_value {
                // Both columns have the default.
                Some(new_value) => format!("{given} AND NOT ({})", differ(&new_value, &shown)),
                None => given,
            })
        }
        None => {
            let given = format!("{old_value} IS DISTINCT FROM NULL");
            Some(match new_value {
                Some(new_value) => format!("{given} AND {new_value} IS NOT DISTINCT FROM NULL"),
                None => given,
            })
        }
    }
}
