//! A streaming standby of a throwaway cluster, made by a copy of its files between the two calls
//! that PostgreSQL has for that, so that no `pg_basebackup` is needed.

use super::cluster::{Cluster, SUPERUSER};
use super::runas::RunAs;
use crate::connect::database_error;
use crate::error::{Error, Kind};
use std::io::{self, ErrorKind};
use std::path::Path;

/// What a copy must not have of its source (PostgreSQL manual, "Making a Base Backup Using the Low
/// Level API"): WAL is streamed, slots are the primary's, the rest belongs to its process.
const LEFT_OUT: [&str; 6] =
    ["pg_wal", "pg_replslot", "pg_stat_tmp", "pgsql_tmp", "postmaster.pid", "postmaster.opts"];

impl Cluster {
    /// A standby of this cluster that streams under `name` (its `application_name`), with
    /// `settings` beside those of the primary. Blocks for a second or two.
    ///
    /// # Errors
    /// The primary refuses the backup, the copy fails, or the standby does not start.
    pub async fn start_standby(
        &self,
        name: &str,
        settings: &[(&str, &str)],
    ) -> Result<Cluster, Error> {
        let doing = "make a standby of the throwaway server";
        let mut all = self.launch.settings.clone();
        let primary = format!(
            "host={} port={} user={SUPERUSER} application_name={name}",
            self.socket_dir().display(),
            self.port()
        );
        all.push(("primary_conninfo".to_owned(), primary));
        all.extend(settings.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let standby = Cluster::empty(self.launch.binaries.clone(), all)?;

        let connection = self.connect("postgres").await?;
        let (start, stop) = if self.launch.binaries.major >= 15 {
            (
                "SELECT pg_backup_start('standby', true)",
                "SELECT labelfile FROM pg_backup_stop(false)",
            )
        } else {
            (
                "SELECT pg_start_backup('standby', true, false)",
                "SELECT labelfile FROM pg_stop_backup(false, false)",
            )
        };
        connection.query_one(start, &[]).await.map_err(|error| database_error(&error, doing))?;
        let (from, to) = (&self.launch.data_dir, &standby.launch.data_dir);
        let run_as = &self.launch.run_as;
        copy(from, to, run_as).map_err(|error| {
            Error::new(Kind::Failed, format!("could not {doing}")).detail(format!("{error}."))
        })?;
        let row =
            connection.query_one(stop, &[]).await.map_err(|error| database_error(&error, doing))?;
        let label: String = row.get(0);
        for (file, text) in [("backup_label", label.as_str()), ("standby.signal", "")] {
            let path = to.join(file);
            std::fs::write(&path, text).map_err(|error| {
                Error::new(Kind::Failed, format!("could not {doing}")).detail(format!("{error}."))
            })?;
            run_as.give(&path)?;
        }
        standby.start_server()?;
        Ok(standby)
    }
}

/// Copies a data directory of a server that runs: a file may go away while it is copied, and one
/// that changes is put right from the WAL.
fn copy(from: &Path, to: &Path, run_as: &RunAs) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    give(to, run_as)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        let left_out = LEFT_OUT.iter().any(|left_out| name == **left_out);
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if kind.is_dir() {
            if left_out {
                std::fs::create_dir_all(&target)?;
                std::fs::set_permissions(&target, entry.metadata()?.permissions())?;
                give(&target, run_as)?;
                if name == "pg_wal" {
                    let status = target.join("archive_status");
                    std::fs::create_dir_all(&status)?;
                    give(&status, run_as)?;
                }
            } else {
                copy(&entry.path(), &target, run_as)?;
            }
        } else if !left_out {
            match std::fs::copy(entry.path(), &target) {
                Ok(_) => give(&target, run_as)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn give(path: &Path, run_as: &RunAs) -> io::Result<()> {
    run_as.give(path).map_err(|error| io::Error::other(error.message))
}
