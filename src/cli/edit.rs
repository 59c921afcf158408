//! `airlock edit`: a revision's file in the editor, and whether it is right afterwards.

use super::args::Global;
use super::output::{Done, Output};
use super::{check, planning, project, standing, sum};
use crate::config::Settings;
use crate::error::{Error, Kind};
use crate::revision::{Graph, Targets};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Open a revision's file in an editor, and check it afterwards
///
/// The editor is that of VISUAL, else of EDITOR, else vi. After it has ended the file is read: what is
/// wrong with its header or its SQL is said with the place. `airlock.sum` follows when the header
/// has changed. A file that is no valid revision is opened by its path.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, the beginning of one, path, label, or any other target that means one revision
    #[arg(value_name = "TARGET", default_value = "head", allow_negative_numbers = true)]
    pub target: String,
}

pub async fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let before = project::revisions(&settings);
    let path = match &before {
        Ok(graph) => path(graph, &args.target, &settings).await?,
        // To put it right is what it is opened for.
        Err(_) if Path::new(&args.target).is_file() => PathBuf::from(&args.target),
        Err(_) => return before.map(|_| Done::nothing()),
    };
    let fitted = match &before {
        Ok(graph) => sum::differences(&settings, graph)?.is_empty(),
        Err(_) => false,
    };
    let read = || {
        std::fs::read(&path).map_err(|error| {
            Error::new(Kind::Input, format!("cannot read {}", path.display()))
                .detail(format!("{error}."))
        })
    };
    let text = read()?;
    edit(&path)?;
    let changed = read()? != text;
    let graph = project::revisions(&settings)?;
    let shown = path.display().to_string();
    let revision = graph.find(&shown)?;
    check::parses(revision)?;
    if fitted && !sum::differences(&settings, &graph)?.is_empty() {
        sum::write(&settings, &graph)?;
        output.say("airlock.sum written anew");
    }
    let plan = project::read_plan(&settings, revision)?;
    let stale = plan.is_some_and(|plan| planning::fits_migration(&plan, revision).is_err());
    let mut said = match changed {
        true => format!("{shown} is a valid revision\n"),
        false => format!("{shown} was not changed\n"),
    };
    if stale {
        said.push_str(&format!(
            "Its plan is of before. To make it again: airlock plan {}\n",
            revision.id
        ));
    }
    let json = json!({
        "revision": revision.id.as_str(),
        "path": shown,
        "changed": changed,
        "stale_plan": stale,
    });
    Ok(Done::new(said, json))
}

/// The file that is meant; a database is asked only where the target counts from it.
async fn path(graph: &Graph, target: &str, settings: &Settings) -> Result<PathBuf, Error> {
    let counts = target.starts_with(['+', '-']) || target.contains("current");
    let applied = match counts {
        false => Vec::new(),
        true => {
            let connection = settings.target()?.connect("airlock edit").await?;
            standing::applied(&standing::journal(&connection).await?)
        }
    };
    let targets = Targets::new(graph);
    let targets = if counts { targets.with(&applied) } else { targets };
    Ok(PathBuf::from(&targets.one(target)?.path))
}

/// Runs the editor, whose name may have arguments behind it, until it ends.
fn edit(path: &Path) -> Result<(), Error> {
    let named = |name: &str| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let script = format!("{editor} \"$@\"");
    let ended = Command::new("sh").args(["-c", &script, &editor]).arg(path).status();
    let failed = |what: String| {
        Error::new(Kind::Failed, format!("the editor `{editor}` failed"))
            .detail(what)
            .hint("VISUAL or EDITOR names another one.")
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("It ended with {status}. The file is as it left it."))),
        Err(error) => Err(failed(format!("{error}."))),
    }
}
