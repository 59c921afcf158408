//! The PostgreSQL server programs on this machine: where they are and of which version. Runs
//! `postgres --version` and `pg_config --bindir`, nothing else.

use crate::connect::ServerVersion;
use crate::error::{Error, Kind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory with `initdb` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Absolute, symbolic links resolved.
    pub dir: PathBuf,
    pub major: u32,
    pub version: ServerVersion,
    pub has_pg_dump: bool,
    pub has_psql: bool,
}

impl Binaries {
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Directories whose entries may each have a `bin` below the given path, on Debian, Fedora and
/// macOS (Homebrew on both processors, Postgres.app).
const VERSIONED_PLACES: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// Folder below the current directory or the package's with one folder per version, as
/// `scripts/servers.sh` lays them out.
const OWN_SERVERS: &str = ".servers";

/// Every set of server programs found: those of `AIRLOCK_PG_BIN` (one directory or several with
/// `:` between them) first, in its order, then the others, newest first.
pub fn find_binaries() -> Vec<Binaries> {
    search().found
}

#[derive(Default)]
pub(super) struct Search {
    pub(super) found: Vec<Binaries>,
    /// Programs that are there and do not run, with the reason.
    pub(super) broken: Vec<String>,
}

pub(super) fn search() -> Search {
    let mut search = Search::default();
    let mut seen = BTreeSet::new();
    let named = std::env::var_os("AIRLOCK_PG_BIN").unwrap_or_default();
    for dir in std::env::split_paths(&named).filter(|dir| !dir.as_os_str().is_empty()) {
        if !dir.join("postgres").is_file() || !dir.join("initdb").is_file() {
            let shown = dir.display();
            search
                .broken
                .push(format!("AIRLOCK_PG_BIN names {shown}, which has no server programs"));
        }
        search.add(&dir, &mut seen);
    }
    let first_of_others = search.found.len();
    for dir in usual_places() {
        search.add(&dir, &mut seen);
    }
    let others = &mut search.found[first_of_others..];
    let version = |b: &Binaries| (b.version.major, b.version.minor, b.has_pg_dump);
    others.sort_by(|a, b| version(b).cmp(&version(a)).then(a.dir.cmp(&b.dir)));
    search
}

impl Search {
    fn add(&mut self, dir: &Path, seen: &mut BTreeSet<PathBuf>) {
        if !dir.join("postgres").is_file() || !dir.join("initdb").is_file() {
            return;
        }
        // Directories of PATH often hold links to programs that live together elsewhere.
        let Ok(program) = dir.join("postgres").canonicalize() else { return };
        let real = program.parent().filter(|parent| parent.join("initdb").is_file());
        let Ok(dir) = real.unwrap_or(dir).canonicalize() else { return };
        if !seen.insert(dir.clone()) {
            return;
        }
        match version(&dir) {
            Ok(version) => self.found.push(Binaries {
                major: version.major,
                version,
                has_pg_dump: dir.join("pg_dump").is_file(),
                has_psql: dir.join("psql").is_file(),
                dir,
            }),
            Err(why) => self.broken.push(format!("{}: {why}", dir.join("postgres").display())),
        }
    }
}

fn version(dir: &Path) -> Result<ServerVersion, String> {
    let output = Command::new(dir.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    // postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)
    text.trim()
        .split_once("(PostgreSQL) ")
        .and_then(|(_, version)| ServerVersion::parse(version))
        .ok_or_else(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    let pg_config = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output();
    if let Ok(output) = pg_config {
        places.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    for (parent, prefix, below) in VERSIONED_PLACES {
        places.extend(entries(Path::new(parent), prefix).map(|dir| dir.join(below)));
    }
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    for root in std::env::current_dir().ok().into_iter().chain(package) {
        places.extend(entries(&root.join(OWN_SERVERS), "").map(|dir| dir.join("native/bin")));
    }
    places
}

fn entries(parent: &Path, prefix: &str) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
}

/// The programs to use: the first found, or the first of `major`.
pub(super) fn choose(major: Option<u32>) -> Result<Binaries, Error> {
    let Search { found, broken } = search();
    let versions = listed(&found);
    let chosen = found.into_iter().find(|b| major.is_none_or(|major| b.major == major));
    chosen.ok_or_else(|| {
        let what = match major {
            Some(major) => {
                format!("the server programs of PostgreSQL {major} are not on this machine")
            }
            None => "no PostgreSQL server programs are on this machine".to_owned(),
        };
        let mut detail =
            vec![if versions.is_empty() { String::new() } else { format!("Found: {versions}.") }];
        detail.extend(broken.iter().map(|why| format!("Not usable: {why}.")));
        detail.retain(|line| !line.is_empty());
        let mut error = Error::new(Kind::Failed, what).hint(
            "Install them (Debian and Ubuntu: apt install postgresql; Fedora: dnf install \
             postgresql-server; macOS: brew install postgresql@17), or name the directory that has \
             initdb and postgres in AIRLOCK_PG_BIN.",
        );
        if !detail.is_empty() {
            error = error.detail(detail.join("\n"));
        }
        error
    })
}

fn listed(found: &[Binaries]) -> String {
    let list: Vec<_> =
        found.iter().map(|b| format!("{} in {}", b.version, b.dir.display())).collect();
    list.join(", ")
}

/// Major versions on which tests run, in order: those of `AIRLOCK_TEST_VERSIONS` (numbers with commas
/// between them), by default 14 to 18 as far as they are there, else the newest that is.
///
/// # Errors
/// When the variable names a version that is not on this machine, or when there is none at all.
pub fn test_versions() -> Result<Vec<u32>, Error> {
    match std::env::var("AIRLOCK_TEST_VERSIONS") {
        Ok(list) if !list.trim().is_empty() => {
            let mut majors = Vec::new();
            for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                let major = word.parse().map_err(|_| {
                    Error::new(
                        Kind::Input,
                        format!("AIRLOCK_TEST_VERSIONS: \"{word}\" is no number"),
                    )
                })?;
                choose(Some(major))?;
                if !majors.contains(&major) {
                    majors.push(major);
                }
            }
            majors.sort_unstable();
            Ok(majors)
        }
        _ => {
            let found: BTreeSet<u32> = find_binaries().iter().map(|b| b.major).collect();
            let usual: Vec<u32> = (14..=18).filter(|major| found.contains(major)).collect();
            if usual.is_empty() { choose(None).map(|b| vec![b.major]) } else { Ok(usual) }
        }
    }
}
