//! Which part of a database the statements of a migration can meet, so that no more of it has to be
//! loaded. Pure.
//!
//! A name that a statement means stands in its text. So every word of the text is taken for the name
//! of a relation, an index or a statistics object; [`load_needed`](super::load_needed) finds the
//! relations that have one and everything that hangs together with them. Statements whose effect
//! cannot be told from their words (`DROP TYPE`, `VACUUM` of everything, a `DO` block) need all of it.

use crate::sql::Statement;
use crate::sql::name::MAX_IDENTIFIER_BYTES;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, DropBehavior, GrantTargetType, ObjectType};
use std::collections::BTreeSet;

/// Above it, loading everything costs no more than looking for so many words.
const MAX_WORDS: usize = 50_000;

/// Words among which are the names of all relations that statements mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub(super) words: BTreeSet<String>,
    /// A relation counts whatever its schema: someone else's search path may lead there.
    pub(super) any_schema: bool,
}

impl Need {
    /// What `statements` need, whose text with all directives is `text`; `None` when that is
    /// everything there is.
    pub fn of(text: &str, statements: &[Statement]) -> Option<Self> {
        let told = statements.iter().all(|statement| is_told_by_words(&statement.node));
        let words = if told { words(text)? } else { return None };
        Some(Self { words, any_schema: false })
    }

    /// The relations named in `text`, in whatever schema. Whether those and what hangs together with
    /// them are all that matters is for the caller to know.
    pub fn named_in(text: &str) -> Option<Self> {
        Some(Self { words: words(text)?, any_schema: true })
    }
}

/// Every name that may stand in `text`, and much else; `None` when names may be spelled in another
/// way than they are.
fn words(text: &str) -> Option<BTreeSet<String>> {
    if text.contains("\"\"") || text.contains("U&\"") || text.contains("u&\"") {
        return None;
    }
    let mut words = BTreeSet::new();
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    for word in text.split(|c: char| !in_word(c)).filter(|word| !word.is_empty()) {
        // Only letters of ASCII are folded where the encoding has several bytes for others.
        words.insert(clipped(&word.to_ascii_lowercase()));
        words.insert(clipped(word));
    }
    // Where quotes begin and end is not asked: what stands between any two may be a name.
    words.extend(text.split('"').map(clipped));
    (words.len() <= MAX_WORDS).then_some(words)
}

/// What the server makes of a name that is too long.
fn clipped(word: &str) -> String {
    let mut end = word.len().min(MAX_IDENTIFIER_BYTES);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    word[..end].to_owned()
}

/// Whether the statement touches only relations that it names and what hangs together with them.
/// What is not listed may touch anything.
fn is_told_by_words(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::SelectStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::CreateStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::ViewStmt(_)
        | NodeEnum::IndexStmt(_)
        | NodeEnum::CreateSeqStmt(_)
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::CreateTrigStmt(_)
        | NodeEnum::CreatePolicyStmt(_)
        | NodeEnum::AlterPolicyStmt(_)
        | NodeEnum::RuleStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::CreateEnumStmt(_)
        | NodeEnum::CreateRangeStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateSchemaStmt(_)
        | NodeEnum::CommentStmt(_)
        | NodeEnum::LockStmt(_)
        | NodeEnum::RefreshMatViewStmt(_)
        | NodeEnum::VariableSetStmt(_) => true,
        NodeEnum::AlterTableStmt(alter) => is_of_relation(alter.objtype()) && !adopts(alter),
        NodeEnum::RenameStmt(rename) => match rename.rename_type() {
            ObjectType::ObjectColumn => is_of_relation(rename.relation_type()),
            kind => is_of_relation(kind),
        },
        NodeEnum::AlterObjectSchemaStmt(moved) => is_of_relation(moved.object_type()),
        NodeEnum::DropStmt(dropped) => is_of_relation(dropped.remove_type()),
        NodeEnum::TruncateStmt(truncate) => truncate.behavior() != DropBehavior::DropCascade,
        NodeEnum::AlterEnumStmt(alter) => alter.old_val.is_empty(),
        NodeEnum::CreateFunctionStmt(create) => !create.replace,
        NodeEnum::GrantStmt(grant) => grant.targtype() == GrantTargetType::AclTargetObject,
        NodeEnum::VacuumStmt(vacuum) => !vacuum.rels.is_empty(),
        NodeEnum::ClusterStmt(cluster) => cluster.relation.is_some(),
        NodeEnum::ReindexStmt(reindex) => reindex.relation.is_some(),
        _ => false,
    }
}

/// Relations and what belongs to one.
fn is_of_relation(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectTable
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectIndex
            | ObjectType::ObjectMatview
            | ObjectType::ObjectPolicy
            | ObjectType::ObjectRule
            | ObjectType::ObjectSequence
            | ObjectType::ObjectStatisticExt
            | ObjectType::ObjectTabconstraint
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectView
    )
}

/// `ALTER TABLE ALL IN TABLESPACE` is a statement of its own, but the row type of a table can be of a
/// type (`OF`) that others have too.
fn adopts(alter: &AlterTableStmt) -> bool {
    use pg_query::protobuf::AlterTableType::{AtAddOf, AtDropOf};
    alter.cmds.iter().any(|command| match &command.node {
        Some(NodeEnum::AlterTableCmd(command)) => {
            matches!(command.subtype(), AtAddOf | AtDropOf)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(sql: &str) -> Option<Need> {
        let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
        Need::of(sql, &script.statements)
    }

    #[test]
    fn names_are_words_however_they_are_written() {
        let sql = "ALTER TABLE Sales.Orders ADD COLUMN \"Unit Price\" int, ADD CHECK (nextval('S.seq') > 0)";
        let words = need(sql).unwrap().words;
        for word in ["sales", "orders", "Unit Price", "seq", "Orders"] {
            assert!(words.contains(word), "{word}: {words:?}");
        }
        let long = "ö".repeat(40);
        assert!(need(&format!("DROP TABLE {long}")).unwrap().words.contains(&"ö".repeat(31)));
    }

    #[test]
    fn what_words_do_not_tell_needs_everything() {
        for sql in [
            "DROP TYPE mood",
            "DROP SCHEMA s CASCADE",
            "DO $$ BEGIN DROP TABLE t; END $$",
            "VACUUM",
            "TRUNCATE t CASCADE",
            "GRANT SELECT ON ALL TABLES IN SCHEMA s TO r",
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "ALTER TYPE mood RENAME VALUE 'a' TO 'b'",
            "ALTER TABLE \"a\"\"b\" ADD c int",
            "REINDEX SCHEMA s",
        ] {
            assert_eq!(need(sql), None, "{sql}");
        }
        assert!(
            need("VACUUM t; TRUNCATE t; ALTER TYPE mood ADD VALUE 'c'; DROP INDEX i").is_some()
        );
    }
}
