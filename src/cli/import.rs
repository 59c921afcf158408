//! `airlock import`: the migrations of another tool become revision files.

use super::args::Global;
use super::output::{Done, Output};
use super::{project, sum};
use crate::error::{Error, Kind};
use crate::import::{self, File, From, Written};
use crate::revision::file;
use crate::rewrite;
use crate::sql::{self, Diagnostic};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Most files that a folder may hold, and folders within folders.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;
/// Migrations in a programming language, by the ending of their files.
const PROGRAMS: [&str; 8] = ["go", "java", "kt", "js", "ts", "rb", "py", "php"];

/// Make revisions of the migrations of Alembic, Flyway, dbmate, goose, sqlx, golang-migrate, Prisma,
/// Liquibase (formatted SQL) or pgroll (JSON)
///
/// The tool is recognised by the files. Every statement is kept as it is, the way back too where the
/// tool has one. What a revision cannot say (placeholders, preconditions, migrations in a programming
/// language) is refused, all of it at once; then nothing is written. Databases that have these migrations
/// already: `airlock upgrade --adopt`.
///
/// Alembic: `alembic upgrade base:head --sql > up.sql`, `alembic downgrade head:base --sql > down.sql`, then
/// `airlock import up.sql down.sql`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tool's folder, or files of it
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// The tool, where the files do not show it
    #[arg(long, value_name = "TOOL", value_enum)]
    pub tool: Option<From>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

pub fn run(args: Args, global: &Global, output: &Output) -> Result<Done, Error> {
    let settings = global.settings()?;
    let graph = project::revisions(&settings)?;
    if let Some(first) = graph.revisions().first() {
        let message = format!("there are revisions already, {} is the first", first.id);
        return Err(Error::new(Kind::Input, message)
            .detail("What is imported comes before everything else.")
            .hint("Import into an empty folder (migrations in airlock.toml)."));
    }
    let mut files = Vec::new();
    for path in &args.paths {
        collect(path, path, 0, &mut files)?;
    }
    let programs: Vec<&str> = files
        .iter()
        .filter(|file| PROGRAMS.iter().any(|ending| file.path.ends_with(&format!(".{ending}"))))
        .map(|file| file.path.as_str())
        .collect();
    if !programs.is_empty() {
        let message = format!("{} migrations are programs, not SQL", programs.len());
        return Err(Error::new(Kind::Input, message)
            .detail(programs.join("\n"))
            .hint("Write what they do as SQL files of the tool first. For Alembic, import what its --sql prints."));
    }
    let mut found = import::import(&files, args.tool)?;
    let refused: Vec<String> = found.revisions.iter().flat_map(refused_later).collect();
    found.notes.extend(refused);
    for note in &found.notes {
        output.say(&format!("note: {note}"));
    }
    let mut lines = Vec::new();
    let mut list: Vec<Value> = Vec::new();
    for revision in found.revisions.iter().chain(&found.repeatable) {
        let path = settings.migrations.join(&revision.name);
        let shown = path.display().to_string();
        if !args.dry_run && !project::write(&path, &revision.text, false)? {
            return Err(Error::new(Kind::Failed, format!("{shown} is there already"))
                .hint("Import into an empty folder."));
        }
        lines.push(format!("{}  {shown}  from {}", revision.id, revision.from));
        list.push(
            json!({ "revision": revision.id.as_str(), "path": shown, "from": revision.from }),
        );
    }
    if !args.dry_run {
        // What was written is read as any command reads it.
        let graph = project::revisions(&settings)?;
        sum::write(&settings, &graph)?;
    }
    let count = found.revisions.len();
    let what = if args.dry_run { "would be written" } else { "written" };
    let objects = match found.repeatable.len() {
        0 => String::new(),
        many => format!(" and {many} repeatable files"),
    };
    lines.push(format!("{count} revisions{objects} {what}."));
    if !args.dry_run {
        lines.push("A database that has them already: airlock upgrade --adopt".to_owned());
    }
    let json = json!({ "tool": format!("{:?}", found.tool), "revisions": list, "notes": found.notes, "written": !args.dry_run });
    Ok(Done::new(lines.join("\n"), json))
}

/// What `airlock plan` will refuse whatever the database, as far as it can be told now.
fn refused_later(written: &Written) -> Vec<String> {
    let Ok(revision) = file::read(&written.name, &written.text) else { return Vec::new() };
    let Ok(script) = revision.upgrade_script() else { return Vec::new() };
    let found = rewrite::of_session(&script);
    let note = |found: &Diagnostic| {
        let (line, _) = found.span.line_and_column(&revision.text);
        format!("{}, line {line}: {}; `airlock plan` will refuse it", written.name, found.message)
    };
    found.iter().map(note).collect()
}

/// The files at `path` that may be migrations.
fn collect(root: &Path, path: &Path, depth: usize, files: &mut Vec<File>) -> Result<(), Error> {
    let unreadable = |error: std::io::Error| {
        Error::new(Kind::Input, format!("cannot read {}", path.display()))
            .detail(format!("{error}."))
    };
    if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        if depth > MAX_DEPTH {
            let message = format!("folders below {} are nested too deeply", path.display());
            return Err(Error::new(Kind::Input, message));
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            entries.push(entry.map_err(unreadable)?.path());
        }
        entries.sort();
        for entry in entries {
            let hidden = entry.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            let ending = entry.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let of_interest =
                ["sql", "json", "yaml", "yml"].contains(&ending) || PROGRAMS.contains(&ending);
            if !hidden && (of_interest || entry.is_dir()) {
                collect(root, &entry, depth + 1, files)?;
            }
        }
        return Ok(());
    }
    // One that is named may be a pipe; what only happens to stand in a folder must not be waited for.
    if depth > 0 {
        project::regular(path).map_err(unreadable)?;
    }
    if files.len() >= MAX_FILES {
        let message = format!("{} has more than {MAX_FILES} files", root.display());
        return Err(Error::new(Kind::Input, message));
    }
    let mut bytes = Vec::new();
    let opened =
        std::fs::File::open(path).and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    opened.map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("{} is larger than {MAX_BYTES} bytes", path.display());
        return Err(Error::new(Kind::Input, message));
    }
    let shown = path.display().to_string();
    let text = sql::decode(&bytes).map_err(|error| {
        Error::at(Kind::Input, &shown, String::from_utf8_lossy(&bytes), error.into_diagnostic())
    })?;
    files.push(File { path: shown.replace('\\', "/"), text: text.to_owned() });
    Ok(())
}
