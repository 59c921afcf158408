//! A new revision file: its id, its text, its place.

use super::output::Output;
use super::{progress, project, stopping, sum};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::revision::file::{self, Header};
use crate::revision::{Graph, RevisionId};
use crate::telemetry::hook::{Hooks, Occasion};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Most ids that are drawn to find one that no revision has yet.
const MAX_DRAWS: usize = 100;

/// What the new revision is to be.
#[derive(Debug, Clone, Default)]
pub struct New {
    pub message: String,
    /// Drawn when there is none.
    pub id: Option<String>,
    pub parents: Vec<RevisionId>,
    pub labels: Vec<String>,
    pub depends_on: Vec<RevisionId>,
    /// Statements, each ended by a line break.
    pub upgrade: String,
    pub downgrade: String,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Made {
    pub id: RevisionId,
    pub path: PathBuf,
}

/// Writes the file of a new revision.
///
/// # Errors
/// An id or label that cannot be had, and the file system's.
pub async fn write(
    new: &New,
    graph: &Graph,
    settings: &Settings,
    output: &Output,
) -> Result<Made, Error> {
    if new.message.trim().is_empty() {
        return Err(Error::new(Kind::Input, "message is empty").hint(
            "Say what the revision is about: `airlock revision -m \"add email to users\"`.",
        ));
    }
    let id = id(new, graph)?;
    for label in &new.labels {
        let taken = graph.labelled(label).or_else(|| graph.get(label));
        if let Some(revision) = taken {
            let message = format!("label {label} is taken");
            return Err(Error::new(Kind::Input, message)
                .detail(format!("It belongs to revision {} ({}).", revision.id, revision.path)));
        }
        file::check_label(label)
            .map_err(|why| Error::new(Kind::Input, format!("not a label: {label}")).hint(why))?;
    }
    let created = jiff::Timestamp::now();
    let header = Header {
        id: &id,
        parents: &new.parents,
        labels: &new.labels,
        depends_on: &new.depends_on,
        replaces: &[],
        message: &new.message,
        created,
    };
    let text = match &settings.template {
        Some(template) => from_template(template, &header, new)?,
        None => file::write_sections(&header, &new.upgrade, &new.downgrade),
    };
    let mut path = settings.migrations.join(file::name(&new.message, created));
    if !project::write(&path, &text, false)? {
        // Another one of this second with this message.
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        path.set_file_name(format!("{stem}_{id}.sql"));
        if !project::write(&path, &text, false)? {
            let shown = path.display();
            return Err(Error::new(Kind::Failed, format!("{shown} is there already"))
                .hint("Choose another message."));
        }
    }
    let hooks = Hooks::new(settings.telemetry.hooks.clone(), progress::choose(output));
    let more = json!({ "revision": id.as_str(), "path": path.display().to_string() });
    tokio::select! {
        called = hooks.call(Occasion::Revision, &more) => called?,
        stopped = stopping::asked() => {
            stopped?;
            return Err(Error::new(Kind::Interrupted, "stopped during the hook revision")
                .detail(format!("{} is there.", path.display())));
        }
    }
    // A formatter may have been at it.
    let graph = project::revisions(settings)?;
    sum::write(settings, &graph)?;
    Ok(Made { id, path })
}

/// The file's text, below its header as the template says.
fn from_template(path: &Path, header: &Header<'_>, new: &New) -> Result<String, Error> {
    let shown = path.display();
    let template = std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::Input, format!("cannot read the template {shown}"))
            .detail(format!("{error}."))
    })?;
    for (name, text) in [("${upgrade}", &new.upgrade), ("${downgrade}", &new.downgrade)] {
        if !text.is_empty() && !template.contains(name) {
            let message = format!("the template {shown} has no place for statements");
            return Err(Error::new(Kind::Input, message)
                .hint(format!("Write {name} on a line of its own where they belong.")));
        }
    }
    let body = template
        .replace("${upgrade}", new.upgrade.trim_end())
        .replace("${downgrade}", new.downgrade.trim_end())
        .replace("${message}", &new.message.split_whitespace().collect::<Vec<_>>().join(" "))
        .replace("${revision}", header.id.as_str());
    let text = format!("{header}\n{body}");
    file::read(&shown.to_string(), &text)?;
    Ok(text)
}

fn id(new: &New, graph: &Graph) -> Result<RevisionId, Error> {
    let Some(wanted) = &new.id else {
        let mut random = fastrand::Rng::new();
        return (0..MAX_DRAWS)
            .map(|_| RevisionId::from_number(random.u64(..)))
            .find(|id| graph.get(id.as_str()).is_none())
            .ok_or_else(|| Error::new(Kind::Failed, "no free revision id was found"));
    };
    let id: RevisionId = wanted.parse().map_err(|_| {
        Error::new(Kind::Input, format!("not a revision id: {wanted}"))
            .hint("An id is 4 to 40 of a-z, 0-9 and _.")
    })?;
    if file::check_label(wanted).is_err() || graph.labelled(wanted).is_some() {
        return Err(Error::new(Kind::Input, format!("{wanted} means something else already")));
    }
    if let Some(other) = graph.get(wanted) {
        let message = format!("there is a revision {id} already");
        return Err(
            Error::new(Kind::Input, message).detail(format!("It stands in {}.", other.path))
        );
    }
    Ok(id)
}
