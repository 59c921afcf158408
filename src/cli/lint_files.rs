//! The files that are to be linted: found, read, put into the order in which they run.

use super::project;
use crate::error::{Error, Kind};
use crate::lint::input::{self, Candidate, Tool};
use crate::lint::{File, in_order};
use crate::revision::{RevisionId, file, repeatable};
use crate::sql::{self, Diagnostic, Span};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Folders within folders.
const MAX_DEPTH: usize = 32;
/// Most files that are read.
const MAX_FILES: usize = 200_000;
/// How standard input is named.
const STDIN: &str = "<stdin>";

/// What was found.
pub struct Found {
    pub files: Vec<File>,
    /// A whole folder is among what is linted.
    pub folder: bool,
}

/// The files of `paths`, each a file, a folder or `-`, behind those of `base`.
///
/// # Errors
/// `Kind::Input`: a path that is not there or cannot be read, a folder without any SQL.
pub fn read(paths: &[PathBuf], base: &[PathBuf], tool: Option<Tool>) -> Result<Found, Error> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let mut folder = false;
    for part in parts(paths)? {
        folder |= part.folder;
        seen.extend(part.paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()));
        files.extend(load(part, tool, true)?);
    }
    let mut before = Vec::new();
    for mut part in parts(base)? {
        // What is linted runs after what came before it, so a base ends where it begins.
        let linted = |path: &PathBuf| std::fs::canonicalize(path).is_ok_and(|p| seen.contains(&p));
        let order = load(Part { paths: part.paths.clone(), ..part }, tool, false)?;
        part.paths.retain(|path| !linted(path));
        let kept: HashSet<String> = part.paths.iter().map(|p| p.display().to_string()).collect();
        before.extend(order.into_iter().take_while(|file| kept.contains(&file.path)));
    }
    before.append(&mut files);
    Ok(Found { files: before, folder })
}

/// Files that are read together: a folder's, or those of one argument after the other.
struct Part {
    paths: Vec<PathBuf>,
    folder: bool,
    root: PathBuf,
}

fn parts(paths: &[PathBuf]) -> Result<Vec<Part>, Error> {
    let mut parts: Vec<Part> = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            parts.push(Part { paths: vec![path.clone()], folder: false, root: PathBuf::new() });
            continue;
        }
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if metadata.is_dir() {
            let mut found = Vec::new();
            walk(path, 0, &mut found)?;
            if found.is_empty() {
                let message = format!("folder {} has no SQL files", path.display());
                return Err(Error::new(Kind::Input, message).detail(
                    "Files whose names end in .sql are looked for, in folders below it too.",
                ));
            }
            found.sort();
            parts.push(Part { paths: found, folder: true, root: path.clone() });
            continue;
        }
        // Files that follow each other on the command line and stand in one folder belong together.
        let root = path.parent().map(Path::to_owned).unwrap_or_default();
        match parts.last_mut() {
            Some(part) if !part.folder && part.root == root && part.paths[0].as_os_str() != "-" => {
                part.paths.push(path.clone());
            }
            _ => parts.push(Part { paths: vec![path.clone()], folder: false, root }),
        }
    }
    Ok(parts)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        let is_sql =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
        if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
            if depth >= MAX_DEPTH {
                let message = format!("folders below {} are nested too deeply", folder.display());
                return Err(Error::new(Kind::Input, message));
            }
            walk(&path, depth + 1, found)?;
        } else if is_sql {
            project::regular(&path).map_err(|error| unreadable(&path, &error))?;
            found.push(path);
        }
        if found.len() > MAX_FILES {
            let message = format!("{} has more than {MAX_FILES} files", folder.display());
            return Err(Error::new(Kind::Input, message));
        }
    }
    Ok(())
}

fn load(part: Part, tool: Option<Tool>, linted: bool) -> Result<Vec<File>, Error> {
    let mut texts = Vec::with_capacity(part.paths.len());
    in_order(part.paths.len(), |index| text(&part.paths[index]), |_, read| texts.push(read));
    let mut texts = texts.into_iter().collect::<Result<Vec<Text>, Error>>()?;
    let shown: Vec<String> = part.paths.iter().map(|path| shown(path)).collect();
    let order = {
        let paths: Vec<String> = part.paths.iter().map(|path| relative(path, &part.root)).collect();
        let candidates: Vec<Candidate<'_>> = paths
            .iter()
            .zip(&texts)
            .map(|(path, text)| Candidate { path, text: &text.text })
            .collect();
        if part.folder {
            input::arrange(&candidates, tool)
        } else {
            input::arrange_given(&candidates, tool)
        }
    };
    twice(&part.paths, &mut texts, &order);
    let mut texts: Vec<Option<Text>> = texts.into_iter().map(Some).collect();
    let files = order.into_iter().filter_map(|(index, tool)| {
        let Text { text, problem } = texts[index].take()?;
        Some(File { path: shown[index].clone(), text, tool, linted, problem })
    });
    Ok(files.collect())
}

/// Marks each revision whose id another one in its folder has: nothing tells which of them is meant, so
/// every other command refuses such a folder.
fn twice(paths: &[PathBuf], texts: &mut [Text], order: &[(usize, Tool)]) {
    let mut seen: HashMap<(Option<&Path>, RevisionId), usize> = HashMap::new();
    for (index, tool) in order {
        let (path, text) = (&paths[*index], &mut texts[*index]);
        let name = shown(path);
        if *tool != Tool::Airlock || text.problem.is_some() || repeatable::is_path(&name) {
            continue;
        }
        let Ok(revision) = file::read(&name, &text.text) else { continue };
        let first = *seen.entry((path.parent(), revision.id.clone())).or_insert(*index);
        if first != *index {
            let start = text.text.find("-- revision:").unwrap_or(0);
            let line = text.text[start..].lines().next().unwrap_or_default();
            let span = Span::new(start, start + line.len());
            let found = Diagnostic::new(format!("two revisions have the id {}", revision.id), span);
            text.problem = Some(
                found
                    .detail(format!("The other one stands in {}.", shown(&paths[first])))
                    .hint("Give the newer one another id."),
            );
        }
    }
}

/// `path` from `root` on, with the name of the folder that it stands in.
fn relative(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let text = if below.components().count() > 1 { below } else { path };
    text.to_string_lossy().replace('\\', "/")
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { STDIN.to_owned() } else { path.display().to_string() }
}

/// A file's text, and why it is none.
struct Text {
    text: String,
    problem: Option<Diagnostic>,
}

fn text(path: &Path) -> Result<Text, Error> {
    let bytes = bytes(path).map_err(|error| unreadable(path, &error))?;
    let bytes = match sql::decode(&bytes) {
        // The common case: nothing is copied.
        Ok(text) if text.len() == bytes.len() => {
            return String::from_utf8(bytes)
                .map(|text| Text { text, problem: None })
                .map_err(|_| Error::new(Kind::Input, "text is not UTF-8"));
        }
        Ok(text) => return Ok(Text { text: text.to_owned(), problem: None }),
        Err(error) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Text { text, problem: Some(error.into_diagnostic()) }
        }
    };
    Ok(bytes)
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(path)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        bytes.reserve_exact(usize::try_from(length.min(MAX_FILE_BYTES)).unwrap_or(0) + 1);
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Input, format!("cannot read {}", path.display())).detail(format!("{error}."))
}
