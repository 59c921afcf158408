//! A project with an empty database of its own, on a server that all sequences share.

use crate::project::{Project, Ran};
use airlock::catalog::fingerprint;
use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use std::sync::OnceLock;

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let major = test_versions().unwrap().into_iter().max();
        Cluster::start(&ClusterOptions { major, ..ClusterOptions::default() }).unwrap()
    })
}

pub struct Place {
    pub project: Project,
    pub client: Connection,
}

impl Place {
    pub async fn new(database: &str) -> Self {
        let cluster = cluster();
        let target = cluster.create_database(database, None).await.unwrap();
        let client = target.connect("test").await.unwrap();
        let mut project = Project::new();
        let (host, port) = (cluster.socket_dir().display().to_string(), cluster.port());
        let url = format!("postgresql://postgres@/{database}?host={host}&port={port}");
        project.set("DATABASE_URL", url);
        Self { project, client }
    }

    /// A revision with both ways; `parents` as in the header.
    pub fn revision(&self, id: &str, parents: &str, up: &str, down: &str) {
        let text = format!(
            "-- revision: {id}\n-- parents: {parents}\n-- message: about {id}\n\
             -- created: 2026-01-01T00:00:00Z\n\n-- upgrade\n{up}\n\n-- downgrade\n{down}\n"
        );
        self.project.write(&format!("migrations/{id}.sql"), text);
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.project.run(arguments)
    }

    /// Everything, as in a database that no application uses.
    #[track_caller]
    pub fn up(&self, target: &str) {
        self.run(&["upgrade", target, "--through", "contract"]).expect(0);
    }

    #[track_caller]
    pub fn down(&self, target: &str) {
        self.run(&["downgrade", target, "--yes"]).expect(0);
    }

    pub async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The text of the one value that `sql` gives; empty for NULL.
    pub async fn value(&self, sql: &str) -> String {
        let row = self.client.query_one(&format!("SELECT ({sql})::text"), &[]).await;
        let row = row.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// The schema, without airlock's own, and without the order of columns, which a recipe may change.
    pub async fn schema(&self) -> Vec<String> {
        fingerprint(&self.client).await.unwrap()
    }

    pub fn states(&self) -> Vec<String> {
        let json = self.run(&["history", "--format", "json"]).expect(0).json();
        let revisions = json["revisions"].as_array().unwrap();
        revisions.iter().map(|found| found["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Up to `head`, back to where it was, and up again, comparing the schema.
    pub async fn there_and_back(&self) {
        let before = self.schema().await;
        self.up("head");
        let after = self.schema().await;
        self.down("base");
        assert_same(&before, &self.schema().await, "after the way back");
        self.up("head");
        assert_same(&after, &self.schema().await, "after the second way there");
    }
}

#[track_caller]
pub fn assert_same(wanted: &[String], found: &[String], when: &str) {
    let gone: Vec<_> = wanted.iter().filter(|line| !found.contains(line)).collect();
    let new: Vec<_> = found.iter().filter(|line| !wanted.contains(line)).collect();
    assert!(gone.is_empty() && new.is_empty(), "{when}: gone {gone:#?}, new {new:#?}");
}

impl Place {
    /// Back to `base` and up again, comparing the schema with what it is now.
    pub async fn there_and_back_from_here(&self) {
        let now = self.schema().await;
        self.down("base");
        self.up("head");
        assert_same(&now, &self.schema().await, "down and up again");
    }
}
