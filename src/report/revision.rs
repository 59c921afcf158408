//! One revision in full: what `show` and `history --verbose` print.

use super::status::{Standing, state_name, words};
use super::{BOLD, FAINT, printable, styled};
use crate::revision::{Graph, Revision, RevisionId};
use serde_json::{Value, json};

/// What a revision is beside others: `head`, `branch point`, `merge`, its labels.
pub fn marks(revision: &Revision, graph: &Graph) -> Vec<String> {
    let children = graph.children(&revision.id).len();
    let mut marks: Vec<String> = revision.labels.iter().map(|l| format!("label {l}")).collect();
    if children == 0 {
        marks.push("head".to_owned());
    }
    if children > 1 {
        marks.push("branch point".to_owned());
    }
    if revision.parents.len() > 1 {
        marks.push("merge".to_owned());
    }
    marks
}

/// The revision with everything that the folder and, in `standing`, the database tell.
pub fn text(revision: &Revision, graph: &Graph, standing: &Standing) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let marks = standing.marks.join(", ");
    let marks = if marks.is_empty() { marks } else { format!("  ({marks})") };
    let children: Vec<RevisionId> =
        graph.children(&revision.id).iter().map(|child| child.id.clone()).collect();
    lines.push(("parents", crate::revision::file::ids(&revision.parents)));
    lines.push(("children", crate::revision::file::ids(&children)));
    if !revision.depends_on.is_empty() {
        lines.push(("depends on", crate::revision::file::ids(&revision.depends_on)));
    }
    let squashed: Vec<RevisionId> = revision.replaced().into_iter().cloned().collect();
    if !squashed.is_empty() {
        lines.push(("replaces", crate::revision::file::ids(&squashed)));
    }
    lines.push(("file", printable(&revision.path)));
    lines.push(("created", revision.created.strftime("%F %T UTC").to_string()));
    if standing.state.is_some() {
        let (state, style) = words(standing);
        lines.push(("state", styled(&state, style)));
    }
    if let Some(rollout) = &standing.rollout {
        let how = if rollout.is_stamped() { "stamped" } else { "run" };
        let by = printable(&format!("{}, {}", rollout.applied_by, rollout.applied_from));
        let at = rollout.started_at.strftime("%F %T UTC");
        lines
            .push((how, format!("{at} by {by} with airlock {}", printable(&rollout.applied_with))));
    }
    let mut out = format!("{}{marks}\n", styled(revision.id.as_str(), BOLD));
    out.push_str(&format!("  {}\n", printable(&revision.message)));
    for (name, value) in lines {
        let name = styled(&format!("{:<11}", format!("{name}:")), FAINT);
        out.push_str(&format!("  {name} {value}\n"));
    }
    if standing.changed {
        out.push_str("  its file has changed since it was run\n");
    }
    out
}

/// The same as JSON.
pub fn json(revision: &Revision, graph: &Graph, standing: &Standing) -> Value {
    let list = |ids: &[RevisionId]| ids.iter().map(RevisionId::to_string).collect::<Vec<_>>();
    let children = graph.children(&revision.id);
    json!({
        "revision": revision.id.as_str(),
        "message": revision.message,
        "path": revision.path,
        "parents": list(&revision.parents),
        "children": children.iter().map(|child| child.id.as_str()).collect::<Vec<_>>(),
        "depends_on": list(&revision.depends_on),
        "replaces": revision.replaced().iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "labels": revision.labels,
        "created": revision.created.to_string(),
        "marks": standing.marks,
        "state": state_name(standing),
        "changed": standing.changed,
        "stamped": standing.rollout.as_ref().is_some_and(|rollout| rollout.is_stamped()),
    })
}
