//! `pg_dump --schema-only` of a database in a throwaway cluster: PostgreSQL's own account of what is
//! in it, for comparisons.

use super::binaries::{Binaries, find_binaries};
use super::cluster::{Cluster, SUPERUSER};
use super::runas::RunAs;
use crate::error::{Error, Kind};

impl Cluster {
    /// The schema of `database` as `pg_dump` writes it, without what differs from run to run, with
    /// further `arguments` for `pg_dump`. `None` when there is no `pg_dump` of the server's version
    /// or a newer one on this machine.
    ///
    /// # Errors
    /// What `pg_dump` says.
    pub fn pg_dump_schema(
        &self,
        database: &str,
        arguments: &[&str],
    ) -> Result<Option<String>, Error> {
        let Some(binaries) = dumper(self.major()) else { return Ok(None) };
        let failed = |detail: String| {
            Error::new(Kind::Failed, format!("pg_dump of database \"{database}\" failed"))
                .detail(detail)
        };
        let output = RunAs::find()?
            .command(&binaries.program("pg_dump"))
            .args(["--schema-only", "--no-password", "--host"])
            .arg(self.socket_dir())
            .arg(format!("--port={}", self.port()))
            .arg(format!("--username={SUPERUSER}"))
            .args(arguments)
            .arg("--dbname")
            .arg(conninfo(database))
            .output()
            .map_err(|error| failed(format!("{error}.")))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(Some(stable(&String::from_utf8_lossy(&output.stdout))))
    }
}

/// The `pg_dump` of the nearest version that can read a server of `major`.
pub(super) fn dumper(major: u32) -> Option<Binaries> {
    find_binaries()
        .into_iter()
        .filter(|b| b.has_pg_dump && b.major >= major)
        .min_by_key(|b| b.major)
}

/// A database name that is read as nothing but a name, also when it has `=` or `://` in it.
fn conninfo(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Without comments (they name versions) and without the random key of `\restrict`.
pub(super) fn stable(dump: &str) -> String {
    dump.lines()
        .filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "))
        .filter(|line| !line.starts_with("-- Dumped "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{conninfo, stable};

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let dump = "\\restrict abc\n-- Dumped by pg_dump version 15\nCREATE TABLE t ();\n\\unrestrict abc\n";
        assert_eq!(stable(dump), "CREATE TABLE t ();\n");
    }

    #[test]
    fn any_name_is_only_a_name() {
        assert_eq!(conninfo(r"a'b\c=d"), r"dbname='a\'b\\c=d'");
    }
}
