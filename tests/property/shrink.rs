//! A failing case made smaller: statements are left out one at a time as long as it still fails.

use crate::outcome::{Ended, check};

/// Most runs that are spent on it.
const RUNS_MAX: usize = 60;

/// The smallest case found, and how it fails.
pub async fn shrink(major: u32, text: String, why: String) -> (String, String) {
    let (mut text, mut why, mut runs) = (text, why, 0);
    loop {
        let mut smaller = None;
        for candidate in candidates(&text) {
            if runs == RUNS_MAX {
                return (text, why);
            }
            runs += 1;
            // Any failure will do: two are better than none.
            if let Ended::Failed(how) = check(major, &candidate).await {
                smaller = Some((candidate, how));
                break;
            }
        }
        match smaller {
            Some(found) => (text, why) = found,
            None => return (text, why),
        }
    }
}

/// The case without one statement each; a directive goes with the statement below it. Generated
/// statements stand on one line.
fn candidates(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    (0..lines.len())
        .rev()
        .filter(|at| lines[*at].ends_with(';'))
        .map(|at| {
            let directive = at > 0 && lines[at - 1].starts_with("-- airlock:");
            let gone = if directive { at - 1..=at } else { at..=at };
            let kept = lines.iter().enumerate().filter(|(index, _)| !gone.contains(index));
            kept.map(|(_, line)| format!("{line}\n")).collect()
        })
        .collect()
}
