//! One throwaway cluster: its folder, its server, its databases.

use super::binaries::{Binaries, choose};
use super::postmaster::{Launch, Postmaster};
use super::runas::RunAs;
use super::watchdog::Watchdog;
use crate::connect::{Connection, Target, database_error};
use crate::error::{Error, Kind};
use crate::sql::quote_ident;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The role that owns everything in a throwaway cluster.
pub const SUPERUSER: &str = "postgres";

/// The first major version in which `CREATE DATABASE` has a `STRATEGY`.
const STRATEGY_SINCE: u32 = 15;

/// Longest path of a Unix socket, without the closing zero byte: 107 on Linux, 103 on macOS.
const SOCKET_PATH_MAX: usize = 103;

const REMOVE_ATTEMPTS: u32 = 50;
const REMOVE_INTERVAL: Duration = Duration::from_millis(20);

/// What kind of cluster to start.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Major version of the server programs; the first that [`super::find_binaries`] gives when
    /// `None`.
    pub major: Option<u32>,
    /// Settings of the server beside our own, the last of a name counts.
    pub settings: Vec<(String, String)>,
    /// Whether commits reach the disk. Off, the server is faster, and survives a crash of its own
    /// but not of the machine: right for tests and replays. On, its speed is honest.
    pub durable: bool,
    /// Locale of the cluster, `C` when `None`.
    pub locale: Option<String>,
}

/// A running throwaway cluster. Dropping it stops the server at once and removes the folder.
pub struct Cluster {
    state: Mutex<State>,
    pub(super) launch: Launch,
    folder: PathBuf,
}

struct State {
    postmaster: Option<Postmaster>,
    watchdog: Watchdog,
}

impl Cluster {
    /// Makes the cluster and starts its server. Blocks for a second or two: an asynchronous caller
    /// that must not stall uses `spawn_blocking`.
    ///
    /// # Errors
    /// No server programs found, or `initdb` or the server failed: with what they said.
    pub fn start(options: &ClusterOptions) -> Result<Self, Error> {
        let cluster = Self::empty(choose(options.major)?, settings(options))?;
        cluster.initialize(options)?;
        cluster.start_server()?;
        Ok(cluster)
    }

    /// A cluster that has a folder and nothing in it yet.
    pub(super) fn empty(
        binaries: Binaries,
        settings: Vec<(String, String)>,
    ) -> Result<Self, Error> {
        let run_as = RunAs::find()?;
        run_as.check_reach(&binaries)?;
        let folder = make_folder(&run_as)?;
        let watchdog = Watchdog::start(&folder).inspect_err(|_| remove(&folder))?;
        let launch = Launch {
            run_as,
            socket_dir: folder.clone(),
            data_dir: folder.join("data"),
            log: folder.join("log"),
            settings,
            binaries,
        };
        // From here on dropping the cluster cleans up, whatever fails.
        Ok(Self { state: Mutex::new(State { postmaster: None, watchdog }), launch, folder })
    }

    fn initialize(&self, options: &ClusterOptions) -> Result<(), Error> {
        let mut initdb = self.launch.run_as.command(&self.launch.binaries.program("initdb"));
        initdb
            .arg("-D")
            .arg(&self.launch.data_dir)
            .arg(format!("--username={SUPERUSER}"))
            .arg(format!("--locale={}", options.locale.as_deref().unwrap_or("C")))
            .args(["--auth=trust", "--encoding=UTF8", "--no-sync"]);
        let failed = |detail: String| Error::new(Kind::Failed, "initdb failed").detail(detail);
        let output = initdb.output().map_err(|error| failed(format!("{error}.")))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    pub(super) fn start_server(&self) -> Result<(), Error> {
        let mut state = self.state();
        let State { postmaster, watchdog } = &mut *state;
        *postmaster = Some(self.launch.start(|pid| watchdog.look_after(Some(pid)))?);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in another test leaves the state whole: nothing here panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a database of this cluster is.
    pub fn target(&self, database: &str) -> Target {
        Target::unix_socket(&self.launch.socket_dir, self.launch.port(), SUPERUSER, database)
    }

    /// A connection to a database as the superuser.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub async fn connect(&self, database: &str) -> Result<Connection, Error> {
        self.target(database).connect("airlock sandbox").await
    }

    /// Makes a database, as a copy of `template` if one is given (nobody may be connected to that).
    ///
    /// # Errors
    /// The server's.
    pub async fn create_database(
        &self,
        name: &str,
        template: Option<&str>,
    ) -> Result<Target, Error> {
        let mut sql = format!("CREATE DATABASE {}", quote_ident(name));
        if let Some(template) = template {
            sql.push_str(&format!(" TEMPLATE {}", quote_ident(template)));
        }
        // The usual way since 15 writes every page to the write-ahead log, which takes twice as long;
        // what it spares, two checkpoints, costs little where nothing is synced.
        if self.major() >= STRATEGY_SINCE {
            sql.push_str(" STRATEGY file_copy");
        }
        self.administer(&sql, "create a database in the throwaway server").await?;
        Ok(self.target(name))
    }

    /// Drops a database if it is there, and ends whoever is connected to it.
    ///
    /// # Errors
    /// The server's.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_ident(name));
        self.administer(&sql, "drop a database in the throwaway server").await
    }

    async fn administer(&self, sql: &str, doing: &str) -> Result<(), Error> {
        let connection = self.connect("postgres").await?;
        connection.batch_execute(sql).await.map_err(|error| database_error(&error, doing))
    }

    /// The server programs that it runs on.
    pub fn binaries(&self) -> &Binaries {
        &self.launch.binaries
    }

    pub fn major(&self) -> u32 {
        self.launch.binaries.major
    }

    pub fn socket_dir(&self) -> &Path {
        &self.launch.socket_dir
    }

    /// The number in the socket's name, and the TCP port if `settings` turn TCP on.
    pub fn port(&self) -> u16 {
        self.launch.port()
    }

    pub fn data_dir(&self) -> &Path {
        &self.launch.data_dir
    }

    /// The file with everything that the server says.
    pub fn log_file(&self) -> &Path {
        &self.launch.log
    }

    /// The server's process id; `None` while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.state().postmaster.as_ref().map(Postmaster::pid)
    }

    /// Immediate shutdown: sessions are cut off, the next start recovers as after a crash. Without
    /// effect when it is stopped already.
    pub fn stop_immediate(&self) {
        self.end(Postmaster::stop);
    }

    /// SIGKILL to the server, as when memory runs out. A session may answer once more before it
    /// notices and ends. [`Cluster::restart`] brings the server back.
    pub fn kill(&self) {
        self.end(Postmaster::kill);
    }

    fn end(&self, how: impl FnOnce(&mut Postmaster)) {
        let mut state = self.state();
        if let Some(mut postmaster) = state.postmaster.take() {
            how(&mut postmaster);
            state.watchdog.look_after(None);
        }
    }

    /// Starts the server again, after stopping it if it runs.
    ///
    /// # Errors
    /// The server's, from its log.
    pub fn restart(&self) -> Result<(), Error> {
        self.stop_immediate();
        self.start_server()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop_immediate();
        remove(&self.folder);
        self.state().watchdog.dismiss();
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({} in {})", self.launch.binaries.version, self.folder.display())
    }
}

/// A new folder with a short path that the server's user can reach.
fn make_folder(run_as: &RunAs) -> Result<PathBuf, Error> {
    let socket_name = "/airlock-123456/.s.PGSQL.65535".len();
    let usual = std::env::temp_dir();
    let fits = usual.as_os_str().len() + socket_name <= SOCKET_PATH_MAX;
    let parent = if fits && run_as.can_enter(&usual) { usual } else { PathBuf::from("/tmp") };
    let folder = tempfile::Builder::new().prefix("airlock-").rand_bytes(6).tempdir_in(&parent);
    let folder = folder.map_err(|error| {
        Error::new(Kind::Failed, format!("cannot make a temporary folder in {}", parent.display()))
            .detail(format!("{error}."))
            .hint("Name another place with TMPDIR.")
    })?;
    run_as.give(folder.path())?;
    Ok(folder.keep())
}

/// Removes the folder, as far as that goes: there is nobody to tell. Sessions of a killed server may
/// write for a moment longer, so a failed attempt is repeated.
fn remove(folder: &Path) {
    for _ in 0..REMOVE_ATTEMPTS {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                std::thread::sleep(REMOVE_INTERVAL);
            }
            _ => return,
        }
    }
}

fn settings(options: &ClusterOptions) -> Vec<(String, String)> {
    let mut all: Vec<(&str, &str)> = vec![
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("logging_collector", "off"),
        ("log_destination", "stderr"),
        // Prepared transactions hold locks that no session shows; tests need some.
        ("max_prepared_transactions", "10"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    if !options.durable {
        // Commits stay synchronous: with the machine alive, a crash of the server loses none.
        all.extend([("fsync", "off"), ("full_page_writes", "off")]);
    }
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(options.settings.iter().cloned())
        .collect()
}
