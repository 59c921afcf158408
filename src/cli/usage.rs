//! The usage gate: contract waits until nobody uses the old names, or a person gives a reason.

use super::output::Output;
use crate::connect::Target;
use crate::error::{Error, Kind};
use crate::journal::usage::{Kept, Verdict};
use crate::journal::{self, JournalError, Rollout, RolloutState};
use crate::plan::{Phase, Plan};
use crate::report;
use crate::usage::judge::{Counts, Look, Seen, base, judge};
use crate::usage::{Certainty, Evidence, load};
use serde_json::json;
use tokio_postgres::Client;

/// What was seen, judged, and the counts to keep.
pub struct Looked {
    pub evidence: Evidence,
    counts: Counts,
}

/// Looks now, beside what earlier looks have counted.
///
/// # Errors
/// Trouble with the database, or a journal that was tampered with.
pub async fn look(client: &Client, plan: &Plan) -> Result<Looked, Error> {
    let kept = journal::usage::read(client, &plan.revision.id).await?;
    let looks = kept.into_iter().map(as_look).collect::<Result<Vec<_>, _>>()?;
    let seen: Seen = load::look(client, plan).await?;
    let now = journal::usage::now(client).await?;
    let counts = seen.counts();
    Ok(Looked { evidence: judge(seen, base(&looks, now), now), counts })
}

fn as_look(kept: Kept) -> Result<Look, Error> {
    let counts = serde_json::from_value(kept.counts).map_err(|error| {
        Error::from(JournalError::Damaged { what: format!("counts of a look: {error}") })
    })?;
    Ok(Look { at: kept.at, counts })
}

async fn keep(
    client: &Client,
    plan: &Plan,
    looked: &Looked,
    verdict: Verdict<'_>,
) -> Result<(), Error> {
    let (counts, evidence) = (json!(looked.counts), report::usage::json(&looked.evidence));
    let revision = &plan.revision.id;
    Ok(journal::usage::write(client, revision, verdict, &counts, &evidence).await?)
}

/// Remembers the counts at the gate, the first time that it is reached, to compare later ones with. A
/// plan that takes no name away needs none.
///
/// # Errors
/// Trouble with the database.
pub async fn remember(target: &Target, plan: &Plan) -> Result<(), Error> {
    let connection = target.connect("airlock").await?;
    if !journal::usage::read(&connection, &plan.revision.id).await?.is_empty() {
        return Ok(());
    }
    let looked = look(&connection, plan).await?;
    if looked.evidence.retired.is_empty() {
        return Ok(());
    }
    keep(&connection, plan, &looked, Verdict::Gate).await
}

/// Whether `rollout` stands at the gate before contract.
pub fn stands_at_gate(rollout: &Rollout) -> bool {
    rollout.state == RolloutState::AtGate && rollout.phase == Phase::Contract
}

/// Lets contract begin, or says why not.
///
/// # Errors
/// `Kind::InUse` when an old name is in use and no reason was given to go on.
pub async fn pass(
    target: &Target,
    plan: &Plan,
    because: Option<&str>,
    output: &Output,
) -> Result<(), Error> {
    let because = because.map(str::trim);
    if because == Some("") {
        return Err(Error::new(Kind::Input, "the reason of --because is empty")
            .hint("Say why contract is right although old names are in use; it is kept."));
    }
    let connection = target.connect("airlock").await?;
    let looked = look(&connection, plan).await?;
    let evidence = &looked.evidence;
    if evidence.retired.is_empty() {
        return Ok(());
    }
    let verdict = match (evidence.is_clean(), because) {
        (true, _) => Verdict::Clean,
        (false, Some(reason)) => Verdict::Overridden(reason),
        (false, None) => Verdict::InUse,
    };
    keep(&connection, plan, &looked, verdict).await?;
    let shown = report::usage::text(evidence);
    match verdict {
        Verdict::InUse => Err(refused(evidence, shown)),
        Verdict::Overridden(reason) => {
            output.say(&format!("{}contract runs all the same: {reason}", shown));
            Ok(())
        }
        Verdict::Clean | Verdict::Gate => {
            output.say(shown.trim_end());
            Ok(())
        }
    }
}

fn refused(evidence: &Evidence, shown: String) -> Error {
    let certain =
        evidence.uses.iter().filter(|found| found.certainty == Certainty::Certain).count();
    let message = match evidence.look_again_in_seconds {
        Some(_) => "old names were in use, and it is too early to say that they are not any more",
        None => "old names are still in use",
    };
    let hint = match (evidence.look_again_in_seconds, certain) {
        (Some(seconds), _) => format!(
            "Wait {seconds} s and run the same command again, or `--because \"reason\"` to go on now."
        ),
        (None, _) => "The counts of now are remembered: end the old application, change what is \
                      listed, and run the same command again. `--because \"reason\"` goes on all the \
                      same; the reason is kept in the journal."
            .to_owned(),
    };
    let plain = anstream::adapter::strip_str(&shown).to_string();
    Error::new(Kind::InUse, message)
        .detail(format!("{}\nNothing was changed.", plain.trim_end()))
        .hint(hint)
}
