//! Which settings of a migration are left out, kept, refused.

use super::temporary;
use crate::error::Kind;
use crate::rewrite::error::Refusal;
use crate::sql::setting::{SEARCH_PATH, Setting, Value};
use crate::sql::{Diagnostic, Span};
use std::collections::BTreeMap;

/// The stall and hold budgets take their place.
const BUDGETS: [&str; 6] = [
    "lock_timeout",
    "statement_timeout",
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "deadlock_timeout",
];

/// They change nothing that stays: what is logged, how fast things go, what airlock sets itself.
const NOTHING: [&str; 12] = [
    "application_name",
    "client_min_messages",
    "debug_print_plan",
    "effective_cache_size",
    "escape_string_warning",
    "lc_messages",
    "quote_all_identifiers",
    "random_page_cost",
    "row_security",
    "seq_page_cost",
    "synchronous_commit",
    "track_activities",
];

/// Left out with this value, which is the usual one; another would mean something.
const USUAL: [(&str, &[&str]); 6] = [
    ("client_encoding", &["utf8", "utf-8", "unicode"]),
    ("default_table_access_method", &["heap"]),
    ("default_tablespace", &["", "pg_default"]),
    ("default_with_oids", &["false", "off"]),
    ("standard_conforming_strings", &["on", "true"]),
    ("session_replication_role", &["origin"]),
];

/// Every connection of the run makes them, and so do the functions of airlock that compute what the
/// migration computes.
const VALUES: [&str; 11] = [
    "array_nulls",
    "bytea_output",
    "datestyle",
    "default_text_search_config",
    "extra_float_digits",
    "intervalstyle",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "timezone",
    "xmloption",
];

/// Every connection of the run makes them.
const KEPT: [&str; 6] = [
    "check_function_bodies",
    "default_toast_compression",
    "maintenance_io_concurrency",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "work_mem",
];

/// What a plan says of a statement about the setting.
pub(super) fn note(name: &str) -> Option<String> {
    if BUDGETS.contains(&name) {
        return Some(format!(
            "SET {name} of the migration is left out: the stall and hold budgets take its place"
        ));
    }
    let nothing = is_nothing(name) || USUAL.iter().any(|(usual, _)| *usual == name);
    nothing.then(|| {
        format!("SET {name} of the migration is left out: nothing that stays depends on it")
    })
}

/// Whether values depend on the setting.
pub(in crate::rewrite) fn is_read_by_values(name: &str) -> bool {
    VALUES.contains(&name)
}

fn is_nothing(name: &str) -> bool {
    NOTHING.contains(&name)
        || ["enable_", "jit", "log_", "vacuum_cost_"].iter().any(|family| name.starts_with(family))
}

/// The settings of a script, read in order.
#[derive(Default)]
pub(super) struct Settings {
    kept: BTreeMap<String, String>,
    /// A statement that is not only about the session has come.
    spoken: bool,
    /// `SET LOCAL` of what is kept: it ends with its transaction.
    local: Vec<(Span, String)>,
    committed: bool,
    /// A statement came after the transaction of `local`.
    outlived: bool,
}

impl Settings {
    pub(super) fn other_statement(&mut self) {
        self.spoken = true;
        self.outlived |= self.committed;
    }

    pub(super) fn committed(&mut self) {
        self.committed |= !self.local.is_empty();
    }

    /// What is wrong with the setting.
    pub(super) fn read(
        &mut self,
        found: &Setting,
        span: Span,
        in_transaction: bool,
    ) -> Option<Refusal> {
        let name = found.name.as_str();
        let refusal = |kind: Kind, diagnostic: Diagnostic| Some(Refusal { kind, diagnostic });
        if BUDGETS.contains(&name) || is_nothing(name) {
            return None;
        }
        if let Some((_, usual)) = USUAL.iter().find(|(usual, _)| *usual == name) {
            return match &found.value {
                Value::To(value) if usual.contains(&value.to_lowercase().as_str()) => None,
                Value::Default => None,
                Value::To(_) | Value::Other => refusal(Kind::Refused, unusual(name, span)),
            };
        }
        let path = name == SEARCH_PATH;
        let kept = path || VALUES.contains(&name) || KEPT.contains(&name) || name.contains('.');
        let value = match &found.value {
            Value::To(value) if kept => Some(value.clone()),
            Value::Default if path => None,
            Value::Default if kept && !self.kept.contains_key(name) => return None,
            Value::To(_) | Value::Default | Value::Other => {
                return refusal(Kind::Refused, unknown(name, span));
            }
        };
        if self.spoken {
            return refusal(
                Kind::Input,
                Diagnostic::new(format!("{name} is set after other statements"), span)
                    .detail("A plan has one value of it for all its steps.")
                    .hint(if path {
                        "Set it once, in the first statement, or qualify the names."
                    } else {
                        "Set it once, before the other statements; or put what comes before it into a revision of its own."
                    }),
            );
        }
        if found.local {
            if !in_transaction {
                return refusal(
                    Kind::Input,
                    Diagnostic::new("SET LOCAL has no effect outside of a transaction", span)
                        .hint("Write SET without LOCAL, or BEGIN before it."),
                );
            }
            self.local.push((span, name.to_owned()));
        }
        match value {
            Some(path) if name == SEARCH_PATH => {
                let first = path.split(',').next().unwrap_or_default();
                if temporary::is_schema(first.trim().trim_matches('"')) {
                    return refusal(
                        Kind::Refused,
                        Diagnostic::new(
                            "with pg_temp first, everything that is made is temporary",
                            span,
                        )
                        .hint("Put it last, or leave it out."),
                    );
                }
            }
            Some(value) => {
                self.kept.insert(name.to_owned(), value);
            }
            None => {}
        }
        None
    }

    /// What every connection is to set.
    pub(super) fn finish(self, refusals: &mut Vec<Refusal>) -> BTreeMap<String, String> {
        if self.outlived {
            refusals.extend(self.local.into_iter().map(|(span, name)| Refusal {
                kind: Kind::Input,
                diagnostic: Diagnostic::new(
                    format!("{name} is set for one transaction, and statements come after it"),
                    span,
                )
                .detail("A plan has one value of it for all its steps.")
                .hint("Write SET without LOCAL if all statements are meant; or put the others into a revision of their own."),
            }));
        }
        self.kept
    }
}

fn unusual(name: &str, span: Span) -> Diagnostic {
    let hint = match name {
        "client_encoding" => "Write the file in UTF-8, and leave the setting out.",
        "default_table_access_method" => "Write USING … in each CREATE TABLE.",
        "default_tablespace" => "Write TABLESPACE … in each CREATE TABLE and CREATE INDEX.",
        "standard_conforming_strings" => "Write strings with a backslash as E'…'.",
        "session_replication_role" => {
            "Name the triggers: ALTER TABLE … DISABLE TRIGGER …, and ENABLE it again."
        }
        _ => "Leave it out.",
    };
    Diagnostic::new(format!("a plan does not keep this value of {name}"), span)
        .detail(super::CONNECTIONS)
        .hint(hint)
}

fn unknown(name: &str, span: Span) -> Diagnostic {
    let (what, hint) = match name {
        "role" | "session_authorization" => (
            "another role in the middle of a session".to_owned(),
            "Connect as the role that is to own things, or say whose they are: ALTER … OWNER TO …."
                .to_owned(),
        ),
        "all" => (
            "RESET ALL".to_owned(),
            "Leave it out: the connections of a run are its own.".to_owned(),
        ),
        "transaction" | "transaction snapshot" | "session characteristics" => (
            "modes of a transaction".to_owned(),
            "Leave it out: each step of a plan is a transaction of its own.".to_owned(),
        ),
        name => (
            format!("the setting {name}"),
            format!(
                "Leave it out; or set it for every session: `ALTER ROLE … IN DATABASE … SET {name} = …`."
            ),
        ),
    };
    Diagnostic::new(format!("a plan does not keep {what}"), span)
        .detail(super::CONNECTIONS)
        .hint(hint)
}
