//! A trace: what each statement did on a server beside what the model says. Text and JSON.

use super::{BAD, BOLD, CARE, FAINT, GOOD, one_line, printable, styled};
use crate::analyze::{Impact, Verdict};
use crate::observe::run::Refusal;
use crate::observe::{Difference, Effects, Sight};
use crate::sql::QualifiedName;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const STATEMENT_CHARS: usize = 90;

/// One statement of the file.
#[derive(Debug)]
pub struct Traced {
    /// From 1.
    pub number: usize,
    pub line: usize,
    pub sql: String,
    /// The model's words when it says that the statement cannot work. `None` when it was not asked.
    pub claim: Option<Result<Impact, String>>,
    /// The application's triggers that it fires, `name of table`: what else they lock, rewrite or
    /// read the model does not claim to know, and it is not among the differences.
    pub triggers: Vec<String>,
    pub seen: Seen,
}

/// What came of it.
#[derive(Debug)]
pub enum Seen {
    /// Transaction control.
    LeftOut,
    Failed(Refusal),
    Done {
        effects: Effects,
        sight: Sight,
        differences: Vec<Difference>,
    },
}

impl Traced {
    /// Whether the model says nothing of it.
    fn makes_no_claim(&self) -> bool {
        matches!(&self.claim, Some(Ok(impact))
            if matches!(impact.verdict, Verdict::Opaque | Verdict::Unknown))
    }

    /// Whether model and server do not say the same.
    fn differs(&self) -> bool {
        match &self.seen {
            Seen::LeftOut => false,
            Seen::Failed(_) => matches!(&self.claim, Some(Ok(_))),
            Seen::Done { differences, .. } => match &self.claim {
                Some(Err(_)) => true,
                _ => !differences.is_empty() && !self.makes_no_claim(),
            },
        }
    }
}

/// Whether something failed or differs.
pub fn is_wrong(traced: &[Traced]) -> bool {
    traced.iter().any(|one| matches!(one.seen, Seen::Failed(_)) || one.differs())
}

pub fn text(version: &str, traced: &[Traced]) -> String {
    let mut text = format!("On PostgreSQL {version}\n");
    for one in traced {
        text.push_str(&format!(
            "\n{} {}  {}\n",
            styled(&format!("{}.", one.number), BOLD),
            styled(&one_line(&one.sql, STATEMENT_CHARS), BOLD),
            styled(&format!("line {}", one.line), FAINT),
        ));
        match &one.seen {
            Seen::LeftOut => {
                text.push_str("   left out: each statement runs in a transaction of its own\n");
            }
            Seen::Failed(refusal) => {
                let words = format!("refused by the server: {}", printable(&refusal.message));
                text.push_str(&format!("   {}\n", styled(&words, BAD)));
                for more in [&refusal.detail, &refusal.hint].into_iter().flatten() {
                    text.push_str(&format!("   {}\n", printable(more)));
                }
                if let Some(Err(message)) = &one.claim {
                    text.push_str(&format!("   the model says so too: {}\n", printable(message)));
                }
            }
            Seen::Done { effects, sight, differences } => {
                text.push_str(&done(one, effects, *sight, differences));
            }
        }
    }
    let wrong = traced.iter().filter(|one| one.differs()).count();
    let ran = traced.iter().filter(|one| matches!(one.seen, Seen::Done { .. })).count();
    let unclaimed = traced.iter().filter(|one| one.makes_no_claim()).count();
    let style = if wrong == 0 { GOOD } else { BAD };
    let summary = match wrong {
        0 if ran == 0 => "0 observed".to_owned(),
        0 => format!("{ran} observed; the model says the same of each that it speaks of"),
        1 => format!("{ran} observed; of 1 the model says something else"),
        _ => format!("{ran} observed; of {wrong} the model says something else"),
    };
    text.push_str(&format!("\n{}\n", styled(&summary, style)));
    if traced.iter().any(|one| matches!(one.seen, Seen::Failed(_))) {
        let words = "stopped: the server refuses the last statement shown";
        text.push_str(&format!("{}\n", styled(words, BAD)));
    }
    if unclaimed > 0 {
        text.push_str(&format!("Opaque or unknown to the model: {unclaimed}\n"));
    }
    text
}

fn done(one: &Traced, effects: &Effects, sight: Sight, differences: &[Difference]) -> String {
    let mut text = String::new();
    if effects.locks.is_empty() {
        text.push_str("   locks nothing that was there before\n");
    }
    let width = effects.locks.values().map(|mode| mode.sql().len()).max().unwrap_or(0);
    for (relation, mode) in &effects.locks {
        let what = if effects.indexes.contains(relation) { "index " } else { "" };
        text.push_str(&format!("   {:width$}  {what}{relation}\n", mode.sql()));
    }
    for (words, names) in [
        ("rewrites", &effects.rewritten),
        ("new file", &effects.new_files),
        ("reads", &effects.scanned),
    ] {
        if !names.is_empty() {
            text.push_str(&format!("   {words}: {}\n", list(names)));
        }
    }
    for message in &effects.messages {
        text.push_str(&format!(
            "   {}\n",
            styled(&format!("server: {}", printable(message)), FAINT)
        ));
    }
    if matches!(sight, Sight::Outside { .. }) {
        text.push_str(
            "   watched from another session: what is held for an instant may be missing\n",
        );
    }
    match &one.claim {
        Some(Err(message)) => {
            let words = format!("the model says that it cannot work: {}", printable(message));
            text.push_str(&format!("   {}\n", styled(&words, BAD)));
        }
        Some(Ok(_)) if one.makes_no_claim() => {
            text.push_str(&format!("   {}\n", styled("the model cannot see what it does", CARE)));
        }
        Some(Ok(_)) if differences.is_empty() => {
            for trigger in &one.triggers {
                let words = format!("fires {trigger}: what that locks is not told by the model");
                text.push_str(&format!("   {}\n", styled(&words, CARE)));
            }
            text.push_str(&format!("   {}\n", styled("as the model says", GOOD)));
        }
        Some(Ok(_)) => {
            for difference in differences {
                let words = format!("differs: {difference}");
                text.push_str(&format!("   {}\n", styled(&words, BAD)));
            }
        }
        None => {}
    }
    text
}

fn list(names: &BTreeSet<QualifiedName>) -> String {
    names.iter().map(QualifiedName::to_string).collect::<Vec<_>>().join(", ")
}

pub fn json(version: &str, traced: &[Traced]) -> Value {
    let statements: Vec<Value> = traced
        .iter()
        .map(|one| {
            let mut value = json!({ "number": one.number, "line": one.line, "sql": one.sql });
            if !one.triggers.is_empty() {
                value["triggers"] = json!(one.triggers);
            }
            match &one.seen {
                Seen::LeftOut => value["result"] = json!("left-out"),
                Seen::Failed(refusal) => {
                    value["result"] = json!("failed");
                    value["error"] = json!({
                        "message": refusal.message,
                        "sqlstate": refusal.sqlstate,
                        "detail": refusal.detail,
                        "hint": refusal.hint,
                    });
                }
                Seen::Done { effects, sight, differences } => {
                    let claimed = !one.makes_no_claim();
                    value["result"] = json!(match (one.differs(), claimed) {
                        (true, _) => "differs",
                        (false, true) => "same",
                        (false, false) => "not-claimed",
                    });
                    let outside = matches!(sight, Sight::Outside { .. });
                    value["seen_from"] = json!(if outside { "outside" } else { "inside" });
                    value["observed"] = observed(effects);
                    value["differences"] = if claimed { json!(differences) } else { json!([]) };
                }
            }
            match &one.claim {
                Some(Ok(impact)) => value["model"] = json!(impact),
                Some(Err(message)) => value["model"] = json!({ "refuses": message }),
                None => {}
            }
            value
        })
        .collect();
    json!({
        "server": version,
        "differing": traced.iter().filter(|one| one.differs()).count(),
        "statements": statements,
    })
}

fn observed(effects: &Effects) -> Value {
    let locks: Vec<Value> = effects
        .locks
        .iter()
        .map(|(relation, mode)| {
            json!({ "relation": relation, "mode": mode, "index": effects.indexes.contains(relation) })
        })
        .collect();
    json!({
        "locks": locks,
        "rewritten": effects.rewritten,
        "new_files": effects.new_files,
        "scanned": effects.scanned,
        "messages": effects.messages,
    })
}
