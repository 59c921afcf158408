//! The servers that the tests share, one for each version, and the databases in them: a template
//! with a case's setup, and copies of it for the checks.

use crate::case::Case;
use crate::check_equivalence;
use crate::compare::State;
use airlock::connect::{Connection, Target};
use airlock::sandbox::{Cluster, ClusterOptions};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Templates that are kept: the tests of a case run one after the other, two at a time.
const TEMPLATES_KEPT: usize = 4;

/// How often, and how many times, we look whether a closed session has gone.
const GONE_INTERVAL: Duration = Duration::from_millis(2);
const GONE_ATTEMPTS: u32 = 2500;

/// Who the applications connect as, and the other roles that cases grant to.
pub const APPLICATION: &str = "application";
const ROLES: &str = "CREATE ROLE application LOGIN; CREATE ROLE reporting; CREATE ROLE auditor";

/// Keys in the control's table.
pub const CONTROL_KEYS: u32 = 200;
const CONTROL: &str = "CREATE TABLE work (id bigint PRIMARY KEY, n int);
    INSERT INTO work SELECT i, i FROM generate_series(1, 200) AS i;
    GRANT SELECT, UPDATE ON work TO application";

/// One running version.
pub struct Server {
    pub cluster: Cluster,
    templates: Mutex<Templates>,
    control: OnceCell<String>,
    databases: AtomicUsize,
}

#[derive(Default)]
struct Templates {
    kept: VecDeque<Arc<Template>>,
    /// Out of the list, but a test may still copy them.
    retired: Vec<Arc<Template>>,
}

struct Template {
    case: String,
    database: OnceCell<String>,
    /// What the migration as written makes of it, for all checks that compare with that.
    written: OnceCell<State>,
}

static SERVERS: Mutex<BTreeMap<u32, Arc<OnceCell<Arc<Server>>>>> = Mutex::new(BTreeMap::new());

/// The server of `major`, started when it is first asked for.
pub async fn server(major: u32) -> Arc<Server> {
    let cell = {
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers.entry(major).or_default().clone()
    };
    cell.get_or_init(|| async { Arc::new(Server::start(major).await) }).await.clone()
}

/// Stops all servers and removes their folders.
pub fn stop_all() {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

impl Server {
    async fn start(major: u32) -> Self {
        let settings = [
            // What the statistics say must not depend on when a worker came by.
            ("autovacuum", "off"),
            ("shared_buffers", "64MB"),
            ("max_connections", "60"),
            ("max_wal_size", "4GB"),
        ];
        let options = ClusterOptions {
            major: Some(major),
            settings: settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..ClusterOptions::default()
        };
        let cluster =
            tokio::task::spawn_blocking(move || Cluster::start(&options).unwrap()).await.unwrap();
        let connection = cluster.connect("postgres").await.unwrap();
        connection.batch_execute(ROLES).await.unwrap();
        connection.close().await;
        Self {
            cluster,
            templates: Mutex::default(),
            control: OnceCell::new(),
            databases: AtomicUsize::new(0),
        }
    }

    /// A new database with the case's setup in it, and nothing else.
    pub async fn database(&self, case: &Case) -> Database<'_> {
        let template = self.template(case).await;
        self.copy(template.database.get().unwrap()).await
    }

    /// What the migration of `case` leaves behind when it runs as written.
    pub async fn written(&self, case: &Case) -> State {
        let template = self.template(case).await;
        template.written.get_or_init(|| check_equivalence::as_written(self, case)).await.clone()
    }

    /// A database in which nothing is ever locked, for sessions that tell how busy the machine is.
    pub async fn control(&self) -> Database<'_> {
        let make = async || {
            let name = self.new_name();
            self.create(&name, None).await;
            let connection = self.cluster.connect(&name).await.unwrap();
            connection.batch_execute(CONTROL).await.unwrap();
            connection.close().await;
            name
        };
        let name = self.control.get_or_init(make).await.clone();
        Database { server: self, name }
    }

    /// A new database that is a copy of another one, to which nobody is connected.
    pub async fn copy(&self, template: &str) -> Database<'_> {
        let name = self.new_name();
        self.wait_until_alone(template).await;
        self.create(&name, Some(template)).await;
        Database { server: self, name }
    }

    async fn create(&self, name: &str, template: Option<&str>) {
        self.cluster.create_database(name, template).await.unwrap();
    }

    async fn wait_until_alone(&self, database: &str) {
        let connection = self.cluster.connect("postgres").await.unwrap();
        for _ in 0..GONE_ATTEMPTS {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
            let row = connection.query_one(sql, &[&database]).await.unwrap();
            if row.get::<_, i64>(0) == 0 {
                return;
            }
            tokio::time::sleep(GONE_INTERVAL).await;
        }
        panic!("somebody is still connected to {database}");
    }

    async fn template(&self, case: &Case) -> Arc<Template> {
        let (template, unused) = self.templates().get(&case.name);
        for old in unused {
            if let Some(database) = old.database.get() {
                self.drop_database(database).await;
            }
        }
        template.database.get_or_init(|| self.make_template(case)).await;
        template
    }

    fn templates(&self) -> MutexGuard<'_, Templates> {
        self.templates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make_template(&self, case: &Case) -> String {
        let name = self.new_name();
        self.create(&name, None).await;
        let connection = self.cluster.connect(&name).await.unwrap();
        for sql in &case.setup {
            if let Err(error) = connection.batch_execute(sql).await {
                panic!("setup of {}: {sql}: {error:?}", case.name);
            }
        }
        if case.has_applications() {
            connection.batch_execute(GRANTS).await.unwrap();
        }
        connection.batch_execute("ANALYZE").await.unwrap();
        connection.close().await;
        self.wait_until_alone(&name).await;
        name
    }

    fn new_name(&self) -> String {
        format!("db_{}", self.databases.fetch_add(1, Ordering::Relaxed))
    }

    async fn drop_database(&self, name: &str) {
        self.cluster.drop_database(name).await.unwrap();
    }
}

impl Templates {
    /// The template of `case`, which may still have to be made, and those that nobody can reach any
    /// more.
    fn get(&mut self, case: &str) -> (Arc<Template>, Vec<Arc<Template>>) {
        let template = match self.kept.iter().find(|template| template.case == case) {
            Some(template) => template.clone(),
            None => {
                let new = Arc::new(Template {
                    case: case.to_owned(),
                    database: OnceCell::new(),
                    written: OnceCell::new(),
                });
                self.kept.push_back(new.clone());
                new
            }
        };
        if self.kept.len() > TEMPLATES_KEPT {
            self.retired.extend(self.kept.pop_front());
        }
        let (unused, used) =
            self.retired.drain(..).partition(|retired| Arc::strong_count(retired) == 1);
        self.retired = used;
        (template, unused)
    }
}

/// What an application has been granted on everything that the setup made.
const GRANTS: &str = "DO $$
DECLARE s name;
BEGIN
    FOR s IN SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO application', s);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO application', s);
        EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO application', s);
    END LOOP;
END $$";

/// A database of one test.
pub struct Database<'s> {
    pub server: &'s Server,
    pub name: String,
}

impl Database<'_> {
    pub fn target(&self) -> Target {
        self.server.cluster.target(&self.name)
    }

    pub async fn connect(&self) -> Connection {
        self.server.cluster.connect(&self.name).await.unwrap()
    }

    /// A session of an application.
    pub async fn connect_application(&self, name: &str) -> Connection {
        self.target().with_user(APPLICATION, None).connect(name).await.unwrap()
    }

    /// Called at the end of a test that has passed; after one that fails the database stays for as
    /// long as the server runs.
    pub async fn drop(self) {
        self.server.drop_database(&self.name).await;
    }
}
