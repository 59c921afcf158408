//! What can be known of a walk over rows before it starts: whether the server takes its statements at all, and
//! whether triggers keep it from being quiet.
//!
//! The same migration as written may pass where a walk does not: an `ALTER` changes no row that a subscriber, a policy
//! or a trigger hears of.

use super::draft::Draft;
use super::text::alter;
use crate::catalog::{
    Catalog, Changes, ConstraintKind, Persistence, Relation, RelationKind, ReplicaIdentity, Trigger,
};
use crate::plan::{Action, Backfill, Change, NoteKind};
use crate::sql::parse::assigned_columns;
use crate::sql::{Diagnostic, Script, quote_ident};

/// Why a walk of the statement would stop, and what can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hindrance {
    /// The statement, from 1.
    number: usize,
    message: String,
    hint: String,
    weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Always,
    /// Unless the user has said that triggers may fire.
    ByTriggers,
    /// It depends on who runs the plan.
    ForThisRole,
}

/// What stands against `action`, a step for statement `number`.
pub(super) fn hindrances(catalog: &Catalog, number: usize, action: &Action) -> Vec<Hindrance> {
    let hindrance =
        |message: String, hint: String, weight: Weight| Hindrance { number, message, hint, weight };
    let mut found = Vec::new();
    let relation = match action {
        Action::Backfill(backfill) => &backfill.relation,
        Action::Verify { relation, .. } => relation,
        Action::Transaction { .. }
        | Action::Validate { .. }
        | Action::Concurrent { .. }
        | Action::Statement { .. }
        | Action::Maintenance { .. } => return found,
    };
    let Some(table) = catalog.relation(relation) else { return found };
    let mut tables = catalog.leaves(table);
    if tables.iter().all(|leaf| leaf.name != table.name) {
        tables.push(table);
    }
    let role = &catalog.server.role;
    let bound = |table: &&&Relation| table.row_security && table.force_row_security;
    let passes = role.superuser || role.bypasses_row_security || role.name.is_empty();
    if let Some(table) = tables.iter().find(bound).filter(|_| !passes) {
        found.push(hindrance(
            format!("rows of {} are hidden from its owner by FORCE ROW LEVEL SECURITY", table.name),
            format!(
                "Run as a role with BYPASSRLS, or say ALTER TABLE {} NO FORCE ROW LEVEL SECURITY in a revision before this one and FORCE it again in one after it.",
                table.name
            ),
            Weight::Always,
        ));
    }
    let Action::Backfill(backfill) = action else { return found };
    let (deletes, word) = match backfill.change {
        Change::Update { .. } => (false, "updates"),
        Change::Delete { .. } => (true, "deletes"),
    };
    let published = |table: &&&Relation| {
        if deletes { table.publishes_deletes } else { table.publishes_updates }
    };
    if let Some(table) = tables.iter().filter(published).find(|table| !has_identity(table)) {
        found.push(hindrance(
            format!(
                "rows of {} cannot be changed: it publishes {word} ({}) and has no replica identity",
                table.name,
                table.publications.join(", ")
            ),
            format!(
                "Give it a primary key, or say ALTER TABLE {} REPLICA IDENTITY FULL before this statement.",
                table.name
            ),
            Weight::Always,
        ));
    }
    let changes = if deletes { Changes::Deletes } else { Changes::Updates };
    let mut with_identity = tables.iter().filter(|table| has_rows(table) && has_identity(table));
    if let Some((table, (publication, what))) = with_identity
        .find_map(|table| Some((table, catalog.publication_beside_identity(table, changes)?)))
    {
        let publication = quote_ident(&publication);
        found.push(hindrance(
            format!(
                "rows of {} cannot be changed: publication {publication} publishes {word}, and its {what} does not go together with the replica identity",
                table.name
            ),
            format!(
                "A list of columns has to hold the whole replica identity (and cannot stand next to FULL), a WHERE may read nothing beside it: ALTER PUBLICATION {publication} SET TABLE … or ALTER TABLE {} REPLICA IDENTITY … in a revision before this one.",
                table.name
            ),
            Weight::Always,
        ));
    }
    let would_fire = |names: &[String]| {
        format!(
            "triggers would fire for rows of {relation} that airlock changes: {}",
            names.join(", ")
        )
    };
    let triggers = Triggers::of(&tables, backfill);
    let quiet = triggers.under_origin.is_empty();
    if role.may_set_replication_role && !quiet && !triggers.under_replica.is_empty() {
        let how = triggers.ordinary.join("; ");
        found.push(hindrance(
            would_fire(&triggers.under_replica),
            format!(
                "In a revision before this one: {how}. Ordinary triggers are kept from firing."
            ),
            Weight::ByTriggers,
        ));
    } else if !role.may_set_replication_role && !quiet && !role.name.is_empty() {
        found.push(hindrance(
            format!(
                "{}; the role that runs must be allowed to set session_replication_role, which {} is not",
                would_fire(&triggers.under_origin),
                role.name
            ),
            String::new(),
            Weight::ForThisRole,
        ));
    }
    found
}

/// Whether the server can tell which row it speaks of. It takes no key that is checked late.
fn has_identity(table: &Relation) -> bool {
    match &table.replica_identity {
        ReplicaIdentity::Full => true,
        ReplicaIdentity::Nothing => false,
        ReplicaIdentity::Index(name) => table.index(name).is_some(),
        ReplicaIdentity::Default => table.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintKind::PrimaryKey && !constraint.deferrable
        }),
    }
}

fn has_rows(table: &Relation) -> bool {
    match table.kind {
        RelationKind::Table => table.persistence == Persistence::Permanent,
        RelationKind::PartitionedTable
        | RelationKind::View
        | RelationKind::MaterializedView
        | RelationKind::ForeignTable
        | RelationKind::Sequence
        | RelationKind::CompositeType => false,
    }
}

/// What a batch would set off, by the role of the session.
#[derive(Default)]
struct Triggers {
    under_origin: Vec<String>,
    under_replica: Vec<String>,
    /// What makes those under `replica` ordinary ones.
    ordinary: Vec<String>,
}

impl Triggers {
    fn of(tables: &[&Relation], backfill: &Backfill) -> Self {
        let mut found = Self::default();
        if backfill.fires_triggers {
            return found;
        }
        for table in tables.iter().filter(|table| has_rows(table)) {
            for trigger in &table.triggers {
                if trigger.ours || !concerns(tables, trigger, &backfill.change) {
                    continue;
                }
                let quoted = quote_ident(&trigger.name);
                let name = format!("{quoted} on {}", table.name);
                if matches!(trigger.enabled, 'O' | 'A') {
                    found.under_origin.push(name.clone());
                }
                if matches!(trigger.enabled, 'R' | 'A') {
                    found.under_replica.push(name);
                    found.ordinary.push(alter(&table.name, &format!("ENABLE TRIGGER {quoted}")));
                }
            }
        }
        found
    }
}

/// Whether a batch sets `trigger` off.
fn concerns(tables: &[&Relation], trigger: &Trigger, change: &Change) -> bool {
    let Change::Update { set, .. } = change else { return trigger.on_delete };
    if !trigger.on_update || trigger.update_of.is_empty() {
        return trigger.on_update;
    }
    // A generated column follows others.
    let generated = |column: &String| {
        tables.iter().any(|t| t.column(column).is_some_and(|column| column.generated.is_some()))
    };
    let Some(columns) = assigned_columns(set) else { return true };
    trigger.update_of.iter().any(|column| columns.contains(column) || generated(column))
}

/// Says of each walk what stands against it; triggers only where nobody has said that they may fire.
pub(super) fn refuse(draft: &mut Draft<'_>, script: &Script) {
    let accepted = draft.has_note(NoteKind::Triggers);
    for hindrance in std::mem::take(&mut draft.hindrances) {
        let statement = hindrance.number.checked_sub(1).and_then(|n| script.statements.get(n));
        let Some(statement) = statement else { continue };
        let Hindrance { message, hint, weight, .. } = hindrance;
        match weight {
            Weight::ByTriggers if accepted => {}
            Weight::Always | Weight::ByTriggers => {
                draft.refuse(Diagnostic::new(message, statement.span).hint(hint));
            }
            Weight::ForThisRole => draft.note(NoteKind::Information, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(setup: &str, set: &str, change: impl Fn(&mut Catalog)) -> Vec<Hindrance> {
        let mut catalog = Catalog::default();
        catalog.server.version_num = 150_000;
        catalog.server.search_path = vec!["public".to_owned()];
        catalog.schemas = ["public".to_owned()].into();
        catalog.server.role.name = "me".to_owned();
        catalog.server.role.may_set_replication_role = true;
        for statement in crate::sql::parse(setup, 0..setup.len()).unwrap().statements {
            catalog.apply(&statement);
        }
        change(&mut catalog);
        let backfill = Backfill {
            relation: crate::sql::QualifiedName::new("public", "t"),
            alias: "t".to_owned(),
            change: Change::Update { set: set.to_owned(), from: None },
            predicate: "true".to_owned(),
            fires_triggers: false,
            repeat: false,
        };
        hindrances(&catalog, 1, &Action::Backfill(backfill))
    }

    const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int);";

    #[test]
    fn rows_that_their_owner_does_not_see_cannot_be_walked() {
        let forced =
            format!("{TABLE} ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;");
        let found = walked(&forced, "a = 1", |_| ());
        assert!(found[0].message.contains("hidden from its owner"), "{found:?}");
        assert!(
            walked(&forced, "a = 1", |c| c.server.role.bypasses_row_security = true).is_empty()
        );
        assert!(walked(&forced, "a = 1", |c| c.server.role.superuser = true).is_empty());
        let own = format!("{TABLE} ALTER TABLE t ENABLE ROW LEVEL SECURITY;");
        assert!(walked(&own, "a = 1", |_| ()).is_empty());
    }

    #[test]
    fn published_updates_need_a_replica_identity() {
        let publishes = |catalog: &mut Catalog| {
            let name = crate::sql::QualifiedName::new("public", "t");
            catalog.relations.get_mut(&name).unwrap().publishes_updates = true;
        };
        let bare = "CREATE TABLE t (id int, a int);";
        assert!(walked(bare, "a = 1", publishes)[0].message.contains("no replica identity"));
        assert!(walked(bare, "a = 1", |_| ()).is_empty());
        assert!(walked(TABLE, "a = 1", publishes).is_empty());
        let full = format!("{bare} ALTER TABLE t REPLICA IDENTITY FULL;");
        assert!(walked(&full, "a = 1", publishes).is_empty());
        let late = "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, a int);";
        assert_eq!(walked(late, "a = 1", publishes).len(), 1);
    }

    #[test]
    fn what_is_published_goes_together_with_the_replica_identity() {
        use crate::catalog::Published;
        let say = |columns: &[&str], condition: Option<&str>, updates: bool| {
            let entry = Published {
                publication: "p".to_owned(),
                columns: columns.iter().map(|column| (*column).to_owned()).collect(),
                condition: condition.map(str::to_owned),
                updates,
                deletes: true,
                via_root: false,
            };
            move |catalog: &mut Catalog| {
                let name = crate::sql::QualifiedName::new("public", "t");
                catalog.relations.get_mut(&name).unwrap().published.push(entry.clone());
            }
        };
        let full = format!("{TABLE} ALTER TABLE t REPLICA IDENTITY FULL;");
        let found = walked(&full, "a = 1", say(&["a", "id"], None, true));
        assert!(found[0].message.contains("its list of columns"), "{found:?}");
        assert_eq!(walked(TABLE, "a = 1", say(&["a"], None, true)).len(), 1);
        assert!(walked(TABLE, "a = 1", say(&["a"], None, false)).is_empty(), "deletes alone");
        assert!(walked(TABLE, "a = 1", say(&["a", "id"], None, true)).is_empty());
        let found = walked(TABLE, "a = 1", say(&[], Some("((a > 0) AND (id > 0))"), true));
        assert!(found[0].message.contains("its WHERE"), "{found:?}");
        assert!(walked(TABLE, "a = 1", say(&[], Some("(id > 0)"), true)).is_empty());
        assert!(walked(&full, "a = 1", say(&[], Some("(a > 0)"), true)).is_empty());
        let index = "CREATE TABLE t (id int, a int NOT NULL); CREATE UNIQUE INDEX ta ON t (a); \
                     ALTER TABLE t REPLICA IDENTITY USING INDEX ta;";
        assert!(walked(index, "a = 1", say(&["a"], None, true)).is_empty());
        assert_eq!(walked(index, "a = 1", say(&["id"], None, true)).len(), 1);
    }

    #[test]
    fn triggers_that_fire_under_every_role_are_named_and_no_others() {
        let triggers = format!(
            "{TABLE} CREATE TRIGGER usual BEFORE UPDATE ON t EXECUTE FUNCTION f(); \
             CREATE TRIGGER \"On a\" BEFORE UPDATE OF a ON t EXECUTE FUNCTION f(); "
        );
        assert!(walked(&triggers, "b = a", |_| ()).is_empty());
        let always = format!("{triggers} ALTER TABLE t ENABLE ALWAYS TRIGGER \"On a\";");
        let found = walked(&always, "a = 1", |_| ());
        assert!(found[0].message.ends_with(": \"On a\" on public.t"), "{found:?}");
        assert!(walked(&always, "b = a", |_| ()).is_empty(), "read, not set");
        let role = |catalog: &mut Catalog| catalog.server.role.may_set_replication_role = false;
        assert_eq!(walked(&triggers, "b = a", role)[0].weight, Weight::ForThisRole);
    }
}
