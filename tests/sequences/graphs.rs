//! Random graphs of revisions, with branches, merges and dependencies: wherever one has been, one gets back to.
//!
//! `AIRLOCK_TEST_GRAPHS=N` takes so many, `AIRLOCK_TEST_SEED=S` begins with that one.

use crate::place::{Place, assert_same};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Graphs that are drawn in the usual run, and walks on each.
const GRAPHS: u64 = 2;
const WALKS: usize = 4;

struct Drawn {
    id: String,
    parents: Vec<String>,
    depends_on: Vec<String>,
}

/// A graph of 4 to 9 revisions, the later ones each on one to two of the earlier.
fn draw(random: &mut fastrand::Rng) -> Vec<Drawn> {
    let mut found: Vec<Drawn> = Vec::new();
    for number in 0..random.usize(4..10) {
        let mut before: Vec<String> = found.iter().map(|of| of.id.clone()).collect();
        random.shuffle(&mut before);
        let mut parents: Vec<String> = Vec::new();
        for id in &before {
            let wanted = if random.u8(..4) == 0 { 2 } else { 1 };
            let apart =
                |known: &String| !comes_after(&found, known, id) && !comes_after(&found, id, known);
            if parents.len() < wanted && parents.iter().all(apart) {
                parents.push(id.clone());
            }
        }
        let apart = |id: &&String| {
            !parents.contains(id) && !parents.iter().any(|parent| comes_after(&found, parent, id))
        };
        let other = before.iter().find(apart).filter(|_| random.u8(..4) == 0);
        let depends_on = other.cloned().into_iter().collect();
        found.push(Drawn { id: format!("rev{number}"), parents, depends_on });
    }
    found
}

/// Whether `later` has `earlier` before it.
fn comes_after(all: &[Drawn], later: &str, earlier: &str) -> bool {
    let of = all.iter().find(|of| of.id == later);
    of.is_some_and(|of| {
        let mut before = of.parents.iter().chain(&of.depends_on);
        before.any(|id| id == earlier || comes_after(all, id, earlier))
    })
}

/// What a revision does: a table of its own, or a column, an index, a constraint on one that is there.
fn statements(random: &mut fastrand::Rng, all: &[Drawn], index: usize) -> (String, String) {
    let id = &all[index].id;
    let tables: Vec<&str> = all[..index]
        .iter()
        .filter(|of| comes_after(all, id, &of.id))
        .map(|of| of.id.as_str())
        .collect();
    let Some(other) = random.choice(&tables) else {
        return (format!("CREATE TABLE {id} (a int, b text);"), format!("DROP TABLE {id};"));
    };
    let (mut up, mut down) = (format!("CREATE TABLE {id} (a int, b text);\n"), String::new());
    match random.u8(..5) {
        0 => {
            writeln!(up, "ALTER TABLE {other} ADD COLUMN c_{id} text;").unwrap();
            writeln!(down, "ALTER TABLE {other} DROP COLUMN c_{id};").unwrap();
        }
        1 => {
            writeln!(up, "CREATE INDEX i_{id} ON {other} (a);").unwrap();
            writeln!(down, "DROP INDEX i_{id};").unwrap();
        }
        2 => {
            writeln!(up, "ALTER TABLE {other} ADD CONSTRAINT k_{id} CHECK (a > 0);").unwrap();
            writeln!(down, "ALTER TABLE {other} DROP CONSTRAINT k_{id};").unwrap();
        }
        3 => {
            writeln!(up, "ALTER TABLE {id} RENAME COLUMN b TO renamed;").unwrap();
        }
        _ => {}
    }
    writeln!(down, "DROP TABLE {id};").unwrap();
    // One in four is taken back by its plan: there is no section.
    let down = if random.u8(..4) == 0 { String::new() } else { down };
    (up, down)
}

fn state(place: &Place) -> Vec<String> {
    let json = place.run(&["history", "--format", "json"]).expect(0).json();
    let done = |of: &&serde_json::Value| of["state"] == "done";
    let revisions = json["revisions"].as_array().unwrap().iter().filter(done);
    let mut ids: Vec<String> =
        revisions.map(|of| of["revision"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

async fn walk(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let place = Place::new(&format!("graph_{seed}")).await;
    let all = draw(&mut random);
    for (index, one) in all.iter().enumerate() {
        let (up, down) = statements(&mut random, &all, index);
        let list = |ids: &[String]| if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
        let mut parents = list(&one.parents);
        if !one.depends_on.is_empty() {
            parents.push_str(&format!("\n-- depends-on: {}", list(&one.depends_on)));
        }
        place.revision(&one.id, &parents, &up, &down);
    }
    // What the schema was at each set of revisions that ran; however one got there, it is the same.
    let mut seen: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    seen.insert(Vec::new(), place.schema().await);
    for _ in 0..WALKS {
        let up = random.choice(&all).unwrap().id.clone();
        let up = if random.u8(..3) == 0 { "heads".to_owned() } else { up };
        place.run(&["upgrade", &up, "--through", "contract"]).expect(0);
        remember(&place, &mut seen, &format!("seed {seed}: upgrade {up}")).await;
        let there = state(&place);
        let down = match random.u8(..4) {
            0 => "base".to_owned(),
            1 => format!("-{}", random.usize(1..=there.len())),
            _ => random.choice(&there).unwrap().clone(),
        };
        place.run(&["downgrade", &down, "--yes"]).expect(0);
        remember(&place, &mut seen, &format!("seed {seed}: downgrade {down}")).await;
    }
    place.run(&["downgrade", "base", "--yes"]).expect(0);
    assert_eq!(state(&place), Vec::<String>::new(), "seed {seed}");
    remember(&place, &mut seen, &format!("seed {seed}: base")).await;
}

async fn remember(place: &Place, seen: &mut BTreeMap<Vec<String>, Vec<String>>, when: &str) {
    let now = place.schema().await;
    match seen.get(&state(place)) {
        Some(before) => assert_same(before, &now, when),
        None => {
            seen.insert(state(place), now);
        }
    }
}

#[tokio::test]
async fn wherever_one_has_been_one_gets_back_to() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = variable("AIRLOCK_TEST_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let count = variable("AIRLOCK_TEST_GRAPHS").unwrap_or(GRAPHS);
    for seed in first..first + count {
        println!("graph {seed}");
        walk(seed).await;
    }
}
