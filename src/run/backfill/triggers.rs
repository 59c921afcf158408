//! Whether the application's triggers would fire for rows that a backfill changes, and under which
//! role of the session none does.

use crate::journal::Value;
use crate::plan::{Backfill, Change, NoteKind, Plan};
use crate::run::error::RunError;
use crate::run::session::Session;
use crate::sql::parse::assigned_columns;

/// How the sessions of a backfill are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    /// `session_replication_role = replica`: ordinary triggers do not fire.
    pub replica: bool,
}

/// A trigger, or a rule, that the statement of a batch would set off.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trigger {
    name: String,
    /// `O`, `R` or `A`, as in `tgenabled`.
    enabled: char,
    /// Columns of `UPDATE OF`; empty for any.
    columns: Vec<String>,
}

impl Trigger {
    /// Whether a batch that sets `set` can set it off: not when it assigns to none of its columns.
    fn concerns(&self, set: Option<&[String]>) -> bool {
        match set {
            Some(set) if !self.columns.is_empty() => {
                self.columns.iter().any(|column| set.contains(column))
            }
            _ => true,
        }
    }
}

/// A generated column follows others: a trigger on one may fire whatever is set.
const QUERY: &str = "
SELECT t.tgname::text || ' on ' || t.tgrelid::pg_catalog.regclass::text AS name,
       t.tgenabled::text AS enabled,
       CASE WHEN generated.found THEN '{}'::text[] ELSE
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[])) END AS columns
FROM pg_catalog.pg_trigger AS t
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[]) AND a.attgenerated <> '')
    AS found) AS generated
WHERE t.tgrelid::bigint = ANY ($1) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
  AND (t.tgtype::int & $2::int) <> 0
  AND pg_catalog.strpos(pg_catalog.pg_get_triggerdef(t.oid), 'airlock.backfill') = 0
UNION ALL
SELECT 'rule ' || r.rulename::text || ' on ' || r.ev_class::pg_catalog.regclass::text,
       r.ev_enabled::text, '{}'::text[]
FROM pg_catalog.pg_rewrite AS r
WHERE r.ev_class::bigint = ANY ($1) AND r.ev_enabled <> 'D' AND r.ev_type = $3
ORDER BY 1";

/// Decides how the backfill's sessions are set up.
///
/// # Errors
/// [`RunError::TriggersWouldFire`] when triggers cannot be kept from firing and nobody accepted it.
pub(super) async fn decide(
    work: &Session,
    plan: &Plan,
    step: &str,
    backfill: &Backfill,
    tables: &[u32],
    may_set_role: bool,
) -> Result<Role, RunError> {
    if backfill.fires_triggers {
        return Ok(Role { replica: false });
    }
    let (bit, event, set) = match &backfill.change {
        Change::Update { set, .. } => (16, "2", assigned_columns(set)),
        Change::Delete { .. } => (8, "4", None),
    };
    let oids = tables.iter().map(|oid| i64::from(*oid)).collect();
    let sql = QUERY.replace("$2", &bit.to_string()).replace("$3", &format!("'{event}'"));
    let rows = work
        .rows("triggers", &sql, &[Value::BigInts(oids)])
        .await
        .map_err(|fault| fault.doing("find triggers"))?;
    let triggers: Vec<Trigger> = rows
        .iter()
        .map(|row| Trigger {
            name: row.get("name"),
            enabled: row.get::<_, &str>("enabled").chars().next().unwrap_or('O'),
            columns: row.get("columns"),
        })
        .filter(|trigger| trigger.concerns(set.as_deref()))
        .collect();
    let accepted = plan.notes.iter().any(|note| note.kind == NoteKind::Triggers);
    choose(&triggers, may_set_role, accepted).map_err(|names| RunError::TriggersWouldFire {
        step: step.to_owned(),
        relation: backfill.relation.to_string(),
        triggers: names,
        may_set_role,
    })
}

/// The role under which nothing fires, or else the names of what keeps it from being so: under `replica`, if the session
/// may have that, what is not ordinary.
fn choose(triggers: &[Trigger], may_set_role: bool, accepted: bool) -> Result<Role, Vec<String>> {
    let fire = |replica: bool| -> Vec<String> {
        triggers
            .iter()
            .filter(|trigger| trigger.enabled == 'A' || (trigger.enabled == 'R') == replica)
            .map(|trigger| trigger.name.clone())
            .collect()
    };
    if may_set_role && fire(true).is_empty() {
        return Ok(Role { replica: true });
    }
    if fire(false).is_empty() || accepted {
        return Ok(Role { replica: false });
    }
    Err(fire(may_set_role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(enabled: char, columns: &[&str]) -> Trigger {
        Trigger {
            name: format!("{enabled} on public.t"),
            enabled,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        }
    }

    #[test]
    fn a_role_is_found_under_which_nothing_fires() {
        let role = |replica| Ok(Role { replica });
        assert_eq!(choose(&[], true, false), role(true));
        assert_eq!(choose(&[], false, false), role(false));
        assert_eq!(choose(&[trigger('O', &[])], true, false), role(true));
        assert_eq!(choose(&[trigger('R', &[])], true, false), role(false));
        assert_eq!(choose(&[trigger('R', &[])], false, false), role(false));
    }

    #[test]
    fn else_it_is_refused_unless_accepted() {
        let names = |enabled: &str| Err(vec![format!("{enabled} on public.t")]);
        assert_eq!(choose(&[trigger('O', &[])], false, false), names("O"));
        assert_eq!(choose(&[trigger('A', &[])], true, false), names("A"));
        assert_eq!(choose(&[trigger('A', &[])], true, true), Ok(Role { replica: false }));
        let both = [trigger('O', &[]), trigger('R', &[])];
        assert_eq!(choose(&both, true, false), names("R"));
        assert_eq!(choose(&both, false, false), names("O"));
    }

    #[test]
    fn a_trigger_on_columns_that_are_not_set_does_not_count() {
        let columns = assigned_columns("full_name = first || last").unwrap();
        let set = Some(columns.as_slice());
        assert!(trigger('O', &[]).concerns(set));
        assert!(trigger('O', &["full_name"]).concerns(set));
        assert!(!trigger('O', &["email"]).concerns(set));
        assert!(trigger('O', &["email"]).concerns(None), "a DELETE sets nothing, yet fires");
        assert!(!trigger('O', &["first"]).concerns(set), "read, not set");
        let columns = assigned_columns("\"a\"\"b\" = 1, (c, d) = (SELECT 1, 2)").unwrap();
        assert!(trigger('O', &["a\"b"]).concerns(Some(&columns)));
        assert!(trigger('O', &["d"]).concerns(Some(&columns)));
    }
}
