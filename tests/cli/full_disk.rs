//! The server's disk is full in the middle of a backfill: one clear message, nothing lost, and the
//! same command goes on once there is room. The table lies on a small file system of its own, which
//! only root can mount.

use crate::site::{STATUS, Site, cluster};
use nix::unistd::{Uid, chown};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// The file system, and the room that is left in it when the backfill starts.
const SIZE_MB: u64 = 64;
const FREE_MB: u64 = 1;

struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new() -> Self {
        // Not below a folder that the server's user may not enter.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let made = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={SIZE_MB}m"), "tmpfs"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(made.success(), "mount: {made}");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the server still has the table open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_run_goes_on_when_there_is_room() {
    if !Uid::effective().is_root() {
        eprintln!("SKIPPED: only root can mount the file system that is to be full");
        return;
    }
    let site = Site::new("full_disk").await;
    let disk = Mounted::new();
    let server = std::fs::metadata(cluster().socket_dir()).unwrap();
    chown(disk.path(), Some(server.uid().into()), Some(server.gid().into())).unwrap();
    let location = disk.path().display();
    site.client
        .batch_execute(&format!("CREATE TABLESPACE small LOCATION '{location}'"))
        .await
        .unwrap();
    site.client
        .batch_execute(
            "ALTER TABLE users SET TABLESPACE small;
             INSERT INTO users SELECT g, repeat('x', 200) FROM generate_series(1001, 80000) AS g;
             ANALYZE users",
        )
        .await
        .unwrap();
    let room = nix::sys::statvfs::statvfs(disk.path()).unwrap();
    let free = room.blocks_available() * room.fragment_size();
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![0; usize::try_from(free - FREE_MB * 1024 * 1024).unwrap()])
        .unwrap();

    site.project.revision("aaaa", "none", STATUS);
    let ran = site.run(&["upgrade"]).expect(1);
    assert!(ran.stderr.contains("No space left on device"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Run the same command again when the server has room."),
        "{}",
        ran.stderr
    );
    assert_ne!(site.states(), ["at-gate"]);

    std::fs::remove_file(&filler).unwrap();
    site.run(&["upgrade"]).expect(0);
    assert_eq!(site.states(), ["at-gate"]);
    let wrong = "SELECT count(*) FROM users WHERE status IS DISTINCT FROM upper(name)";
    assert_eq!(site.value(wrong).await, "0");
    site.client.batch_execute("DROP TABLE users CASCADE").await.unwrap();
    site.client.batch_execute("DROP TABLESPACE small").await.unwrap();
}
