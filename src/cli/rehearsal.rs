//! What `trace` and `verify` share: the migration to rehearse, what the database has to hold before
//! it, and a throwaway server to rehearse in.

use super::output::Output;
use super::{project, replay};
use crate::config::Settings;
use crate::connect::{Connection, Target, database_error};
use crate::error::{Error, Kind};
use crate::revision::Revision;
use crate::sandbox::{Cluster, ClusterOptions};
use crate::sql::{self, Script};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Where the migration is and what comes before it.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// A revision (path, id or the beginning of one), any SQL file, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// SQL to run first, for instance what `pg_dump --schema-only` gives; may be repeated. Without
    /// it the revisions before a revision are run
    #[arg(long, value_name = "FILE")]
    pub setup: Vec<PathBuf>,
    /// Begin with the schema of this database, as pg_dump reads it; nothing is changed there
    #[arg(long, value_name = "URL")]
    pub like: Option<String>,
    /// Bring over up to so many rows of each of its tables as well, and the rows that they point to
    #[arg(long, value_name = "NUMBER", requires = "like", default_value_t = 0)]
    pub rows: u32,
    /// Major version of the throwaway server; without it the newest found
    #[arg(long, value_name = "MAJOR")]
    pub postgres: Option<u32>,
}

/// A migration and its preparation, read.
pub struct Rehearsal {
    pub path: String,
    pub text: String,
    pub script: Script,
    /// The revision that it is, when it is one.
    pub revision: Option<Revision>,
    earlier: Vec<Revision>,
    setup: Vec<(String, String)>,
    like: Option<(Target, u32)>,
}

impl Rehearsal {
    /// Reads everything; nothing runs yet.
    ///
    /// # Errors
    /// Files that cannot be read, SQL that cannot be parsed.
    pub fn read(what: &What, settings: &Settings) -> Result<Self, Error> {
        let like = what.like.as_deref().map(|url| settings.target_at(url)).transpose()?;
        let like = like.map(|target| (target, what.rows));
        let mut setup = Vec::new();
        for path in &what.setup {
            setup.push((path.display().to_string(), without_meta_commands(&read(path)?)));
        }
        if let Some((revision, mut earlier)) = as_revision(&what.file, settings)? {
            let in_file = |error| project::sql_error(&revision, error);
            let script = revision.upgrade_script().map_err(in_file)?;
            if !setup.is_empty() || like.is_some() {
                earlier.clear();
            }
            let (path, text) = (revision.path.clone(), revision.text.clone());
            return Ok(Self { path, text, script, revision: Some(revision), earlier, setup, like });
        }
        let (path, text) = if what.file == "-" {
            let mut text = String::new();
            let unreadable = |error: std::io::Error| {
                Error::new(Kind::Input, "cannot read standard input").detail(format!("{error}."))
            };
            std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
            ("standard input".to_owned(), text)
        } else {
            (what.file.clone(), read(Path::new(&what.file))?)
        };
        let script = sql::parse(&text, 0..text.len())
            .map_err(|error| Error::at(Kind::Input, &path, &text, error.into_diagnostic()))?;
        Ok(Self { path, text, script, revision: None, earlier: Vec::new(), setup, like })
    }

    /// A new database of `cluster`, at the place where the migration begins.
    ///
    /// # Errors
    /// As [`Rehearsal::prepare`], and a schema that cannot be read or brought over.
    pub async fn database(
        &self,
        cluster: &Cluster,
        name: &str,
        output: &Output,
    ) -> Result<Target, Error> {
        let target = cluster.create_database(name, None).await?;
        if let Some((source, rows)) = &self.like {
            let mirrored = cluster.mirror(source, name, *rows).await?;
            output.say(&format!(
                "brought over {} tables and {} rows of {source}",
                mirrored.tables, mirrored.rows
            ));
            for table in &mirrored.left_out {
                output.say(&format!("no rows of {table}"));
            }
        }
        let connection = target.connect("airlock").await?;
        self.prepare(&connection).await?;
        connection.close().await;
        Ok(target)
    }

    /// Brings the database of `connection` to where the migration begins.
    ///
    /// # Errors
    /// A statement that the server refuses.
    pub async fn prepare(&self, connection: &Connection) -> Result<(), Error> {
        for revision in &self.earlier {
            replay::revision(connection, revision).await?;
        }
        for (path, text) in &self.setup {
            let ran = connection.batch_execute(text).await;
            ran.map_err(|error| database_error(&error, &format!("run {path}")))?;
        }
        // A dump leaves `search_path` empty behind it.
        let reset = connection.batch_execute("RESET ALL").await;
        reset.map_err(|error| database_error(&error, "end the preparation"))
    }

    /// What comes before the migration, in words.
    pub fn preparation(&self) -> String {
        match (&self.earlier[..], &self.setup[..]) {
            _ if self.like.is_some() => "like the database given".to_owned(),
            ([], []) => "nothing before it".to_owned(),
            ([], files) => {
                let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
                format!("after {}", names.join(", "))
            }
            ([_], _) => "after 1 earlier revision".to_owned(),
            (earlier, _) => format!("after {} earlier revisions", earlier.len()),
        }
    }
}

/// The revision that `file` names, and those before it; `None` when it is another SQL file.
fn as_revision(
    file: &str,
    settings: &Settings,
) -> Result<Option<(Revision, Vec<Revision>)>, Error> {
    let path = Path::new(file);
    let within = |folder: &Path| {
        let (Ok(file), Ok(folder)) = (path.canonicalize(), folder.canonicalize()) else {
            return false;
        };
        file.parent() == Some(folder.as_path())
    };
    let elsewhere = path.is_file() && !within(&settings.migrations);
    // A file that is not there is one to complain of, not an id.
    let missing = !path.is_file() && path.extension().is_some_and(|ending| ending == "sql");
    if file == "-" || elsewhere || missing {
        return Ok(None);
    }
    let graph = project::revisions(settings)?;
    let wanted = if path.is_file() {
        let name = path.file_name();
        let same = |found: &&Revision| Path::new(&found.path).file_name() == name;
        match graph.revisions().iter().find(same) {
            Some(found) => found,
            None => return Ok(None),
        }
    } else {
        graph.find(file)?
    };
    let earlier = graph.ancestors(&wanted.id).into_iter().cloned().collect();
    Ok(Some((wanted.clone(), earlier)))
}

pub fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |why: String| {
        Error::new(Kind::Input, format!("cannot read {}", path.display())).detail(why)
    };
    let file = std::fs::File::open(path).map_err(|error| unreadable(format!("{error}.")))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|e| unreadable(format!("{e}.")))?;
    String::from_utf8(bytes).map_err(|_| unreadable("It is not UTF-8.".to_owned()))
}

/// Newer `pg_dump` brackets its output with `\restrict`, which only psql knows.
pub fn without_meta_commands(text: &str) -> String {
    let meta = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    text.lines().filter(meta).map(|line| format!("{line}\n")).collect()
}

/// Starts a throwaway server and says so.
///
/// # Errors
/// No server programs of that version.
pub async fn server(what: &What, rehearsal: &Rehearsal, output: &Output) -> Result<Cluster, Error> {
    let options = ClusterOptions { major: what.postgres, ..ClusterOptions::default() };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options));
    let cluster = cluster.await.map_err(|error| {
        Error::new(Kind::Failed, "the throwaway server failed").detail(format!("{error}."))
    })??;
    output.say(&format!(
        "{}: in a throwaway PostgreSQL {}, {}",
        rehearsal.path,
        cluster.major(),
        rehearsal.preparation()
    ));
    Ok(cluster)
}
