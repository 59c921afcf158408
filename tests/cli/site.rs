//! A project with a database of its own on a server that all tests share.

use crate::project::{Project, Ran};
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a condition may take to come about.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// One server for all tests, a database for each. It goes when this process goes.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let major = test_versions().unwrap().into_iter().max();
        Cluster::start(&ClusterOptions { major, ..ClusterOptions::default() }).unwrap()
    })
}

/// A project and a database with a table `users` of a thousand rows.
pub struct Site {
    pub project: Project,
    pub client: airlock::connect::Connection,
}

pub const STATUS: &str = "ALTER TABLE users ADD COLUMN status text;\n\
    UPDATE users SET status = upper(name);\n\
    ALTER TABLE users ALTER COLUMN status SET NOT NULL;";

impl Site {
    pub async fn new(database: &str) -> Self {
        Self::on(cluster(), database).await
    }

    /// The same on another server.
    pub async fn on(cluster: &Cluster, database: &str) -> Self {
        let target = cluster.create_database(database, None).await.unwrap();
        let client = target.connect("test").await.unwrap();
        client
            .batch_execute(
                "CREATE TABLE users (id bigint PRIMARY KEY, name text);
                 INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 1000) g;
                 ANALYZE users",
            )
            .await
            .unwrap();
        let mut project = Project::new();
        project.set(
            "DATABASE_URL",
            format!(
                "postgresql://postgres@/{database}?host={}&port={}",
                cluster.socket_dir().display(),
                cluster.port()
            ),
        );
        Self { project, client }
    }

    pub async fn value(&self, sql: &str) -> String {
        let row = self.client.query_one(&format!("SELECT ({sql})::text"), &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub async fn has_column(&self, name: &str) -> bool {
        let sql = "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass \
                   AND NOT attisdropped AND attname = ";
        self.value(&format!("{sql}'{name}')")).await == "true"
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.project.run(arguments)
    }

    pub fn states(&self) -> Vec<String> {
        let json = self.run(&["history", "--format", "json"]).expect(0).json();
        let revisions = json["revisions"].as_array().unwrap();
        revisions.iter().map(|found| found["state"].as_str().unwrap().to_owned()).collect()
    }
}
