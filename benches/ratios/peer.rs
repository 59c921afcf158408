//! A column that is added and filled from others: as written, with airlock, and with `reshape`, which
//! is a program of its own that its user installs.

use crate::scale::{Measured, Way, measure, prepare};
use airlock::sandbox::Cluster;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

const MIGRATION: &str = "ALTER TABLE items ADD COLUMN worth bigint; \
    UPDATE items SET worth = price * quantity WHERE worth IS NULL AND (price * quantity) IS NOT NULL;";

/// The same for `reshape`.
const FOR_RESHAPE: &str = "[[actions]]
type = \"add_column\"
table = \"items\"
up = \"price * quantity\"

    [actions.column]
    name = \"worth\"
    type = \"BIGINT\"
";

pub struct Reshape {
    program: OsString,
    version: String,
}

impl Reshape {
    /// The one that `RESHAPE` names, or that is on the path.
    async fn find() -> Option<Self> {
        let program = std::env::var_os("RESHAPE").unwrap_or_else(|| "reshape".into());
        let output = tokio::process::Command::new(&program).arg("--version").output().await.ok()?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_lowercase();
        output.status.success().then_some(Self { program, version })
    }

    /// Both of its phases; its views of the old and the new schema are made and dropped on the way.
    pub async fn run(&self, cluster: &Cluster, database: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &Path, text: &str| std::fs::write(path, text).expect("writes");
        std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
        write(&folder.path().join("migrations/1_worth.toml"), FOR_RESHAPE);
        let (socket, port) = (cluster.socket_dir().display(), cluster.port());
        let said = tokio::process::Command::new(&self.program)
            .current_dir(folder.path())
            .args(["migration", "start", "--complete"])
            .env("DB_URL", format!("postgresql://postgres@/{database}?host={socket}&port={port}"))
            .stdin(Stdio::null())
            .output()
            .await
            .expect("reshape starts");
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "reshape failed: {text}");
    }
}

/// At the first size only: `reshape` takes long.
pub async fn print(cluster: &Cluster, millions: &[u64]) {
    let Some(million) = millions.first() else { return };
    println!("\nA new column of every row, {million} M rows: `{MIGRATION}`\n");
    let reshape = Reshape::find().await;
    prepare(cluster, million * 1_000_000).await;
    let one = measure(cluster, *million, "worth", Way::Statements(MIGRATION)).await;
    let mut all = vec![("as written".to_owned(), one)];
    for jobs in ["1", "2"] {
        let way = Way::Airlock { migration: MIGRATION, jobs };
        let ours = measure(cluster, *million, "worth", way).await;
        all.push((format!("airlock, {jobs} lane(s)"), ours));
    }
    let mut peer = None;
    if let Some(reshape) = &reshape {
        let theirs = measure(cluster, *million, "worth", Way::Reshape(reshape)).await;
        peer = Some(theirs.speed());
        all.push((reshape.version.clone(), theirs));
    }
    println!("| way | rows/s | of as written | of reshape | size, of before |");
    println!("|---|---|---|---|---|");
    let base = all[0].1.speed();
    for (way, measured) in &all {
        line(way, measured, base, peer);
    }
    if reshape.is_none() {
        println!("\nNO COMPARISON WITH RESHAPE: it is not on PATH, and RESHAPE does not name it.");
        println!("`cargo install reshape` installs it.");
    }
}

fn line(way: &str, measured: &Measured, base: f64, peer: Option<f64>) {
    let speed = measured.speed();
    let of_peer = peer.map_or("not measured".to_owned(), |peer| format!("{:.2}", speed / peer));
    println!("| {way} | {speed:.0} | {:.2} | {of_peer} | {:.2} |", speed / base, measured.growth());
}
