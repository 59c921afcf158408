//! The blocker tree of a database: text and JSON.

use super::{BAD, BOLD, CARE, FAINT, GOOD, one_line, printable, styled};
use crate::lock::LockMode;
use crate::observe::blockers::{Blockers, Session};
use crate::sql::QualifiedName;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const QUERY_CHARS: usize = 100;
/// Relations that are listed of one session.
const RELATIONS_SHOWN: usize = 5;

pub fn text(blockers: &Blockers, max_stall: Duration) -> String {
    let roots = blockers.roots();
    if roots.is_empty() && blockers.sessions.is_empty() {
        return styled(
            "Nobody waits for a lock, and nobody holds a strong one, or any for longer than a second.",
            GOOD,
        );
    }
    let mut text = String::new();
    let mut shown = BTreeSet::new();
    for root in roots {
        tree(blockers, root, 0, max_stall, &mut shown, &mut text);
    }
    let circles = blockers.in_circles();
    if !circles.is_empty() {
        text.push_str(&format!("{}\n", styled("Waiting for one another:", BAD)));
        for session in circles {
            tree(blockers, session, 1, max_stall, &mut shown, &mut text);
        }
    }
    let waiting = blockers.sessions.values().filter(|s| !s.blocked_by.is_empty()).count();
    let longest = blockers.sessions.values().filter_map(|session| session.waiting_ms);
    let longest = longest.fold(0.0, f64::max);
    text.push_str(&match waiting {
        0 => format!("\n{}\n", styled("Nobody waits.", GOOD)),
        _ => {
            let words = format!("{waiting} waiting, the longest for {}", time(longest));
            format!("\n{}\n", styled(&words, CARE))
        }
    });
    text
}

fn tree(
    blockers: &Blockers,
    session: &Session,
    depth: usize,
    max_stall: Duration,
    shown: &mut BTreeSet<i32>,
    text: &mut String,
) {
    let indent = "   ".repeat(depth);
    let branch = if depth == 0 { "" } else { "└─ " };
    let own = "   ".repeat(depth.saturating_sub(1));
    let again = !shown.insert(session.pid);
    text.push_str(&format!("{own}{branch}{}", styled(&who(session), BOLD)));
    if again {
        // Behind several others: shown in full once.
        text.push_str(&styled("  (see above)\n", FAINT));
        return;
    }
    text.push_str(&format!("  {}\n", since(session)));
    for (mode, relation) in strongest(&session.waits_for) {
        let words = format!("waits for {mode} on {relation}");
        text.push_str(&format!("{indent}   {}\n", styled(&words, CARE)));
    }
    let held = held_in_the_way(blockers, session);
    for (mode, relation) in held.iter().take(RELATIONS_SHOWN) {
        text.push_str(&format!("{indent}   holds {mode} on {relation}\n"));
    }
    if held.len() > RELATIONS_SHOWN {
        text.push_str(&format!("{indent}   and {} more\n", held.len() - RELATIONS_SHOWN));
    }
    if let Some(query) = &session.query {
        let query = one_line(query, QUERY_CHARS);
        text.push_str(&format!("{indent}   {}\n", styled(&query, FAINT)));
    }
    let stance = Blockers::stance(session, max_stall).words();
    text.push_str(&format!("{indent}   {}\n", styled(stance, FAINT)));
    for behind in blockers.behind(session.pid) {
        tree(blockers, behind, depth + 1, max_stall, shown, text);
    }
}

fn who(session: &Session) -> String {
    if session.pid == 0 {
        return "prepared transaction".to_owned();
    }
    let mut words = vec![format!("pid {}", session.pid)];
    words.extend(session.application_name.as_deref().map(printable));
    words.extend(session.user.as_deref().map(printable));
    words.join("  ")
}

fn since(session: &Session) -> String {
    let mut words: Vec<String> = Vec::new();
    match session.backend_type.as_deref() {
        Some("client backend") | None => {}
        Some(other) => words.push(printable(other)),
    }
    words.extend(session.state.as_deref().map(printable).filter(|_| session.waiting_ms.is_none()));
    words.extend(session.waiting_ms.map(|wait| format!("waiting for {}", time(wait))));
    words.extend(session.transaction_ms.map(|age| format!("transaction {} old", time(age))));
    words.join(", ")
}

/// What `session` holds: relations that somebody waits for before others, those in strong modes
/// before weak ones.
fn held_in_the_way(blockers: &Blockers, session: &Session) -> Vec<(LockMode, QualifiedName)> {
    let wanted = |relation: &QualifiedName| {
        let behind = blockers.sessions.values().filter(|other| other.pid != session.pid);
        behind.filter_map(|other| other.waits_for.get(relation)).copied().collect::<Vec<_>>()
    };
    // One that is shown for its age alone.
    let nothing_strong = session.holds.values().all(|mode| !mode.blocks_writes());
    let mut held: Vec<(bool, LockMode, QualifiedName)> = session
        .holds
        .iter()
        .map(|(relation, mode)| {
            let awaited = wanted(relation).iter().any(|wanted| wanted.conflicts_with(*mode));
            (awaited, *mode, relation.clone())
        })
        .filter(|(awaited, mode, _)| *awaited || nothing_strong || mode.blocks_writes())
        .collect();
    if held.iter().any(|(awaited, ..)| *awaited) {
        held.retain(|(awaited, mode, _)| *awaited || mode.blocks_writes());
    }
    held.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    held.into_iter().map(|(_, mode, relation)| (mode, relation)).collect()
}

fn strongest(side: &BTreeMap<QualifiedName, LockMode>) -> Vec<(LockMode, &QualifiedName)> {
    let mut all: Vec<_> = side.iter().map(|(relation, mode)| (*mode, relation)).collect();
    all.sort_by(|a, b| b.cmp(a));
    all
}

fn time(ms: f64) -> String {
    let seconds = ms / 1000.0;
    match seconds {
        s if s < 1.0 => format!("{ms:.0} ms"),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.0} h {:.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}

pub fn json(blockers: &Blockers, max_stall: Duration) -> Value {
    let locks = |side: &BTreeMap<QualifiedName, LockMode>| -> Vec<Value> {
        side.iter().map(|(relation, mode)| json!({ "relation": relation, "mode": mode })).collect()
    };
    let sessions: Vec<Value> = blockers
        .sessions
        .values()
        .map(|session| {
            json!({
                "pid": (session.pid != 0).then_some(session.pid),
                "prepared": session.pid == 0,
                "application_name": session.application_name,
                "user": session.user,
                "state": session.state,
                "backend_type": session.backend_type,
                "query": session.query,
                "transaction_ms": session.transaction_ms,
                "waiting_ms": session.waiting_ms,
                "holds": locks(&session.holds),
                "waits_for": locks(&session.waits_for),
                "blocked_by": session.blocked_by,
                "airlock": Blockers::stance(session, max_stall),
            })
        })
        .collect();
    json!({ "sessions": sessions })
}
