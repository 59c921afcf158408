//! The password file (`~/.pgpass`, `PGPASSFILE`): lines `host:port:database:user:password`.
//!
//! As in libpq, a file that others can read is not used, and the person is told. Never writes.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The entries of a password file; its `Debug` shows none of them.
#[derive(Clone, Default)]
pub(super) struct Passfile {
    pub(super) path: PathBuf,
    entries: Vec<[String; 5]>,
}

impl fmt::Debug for Passfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passfile({}, {} entries)", self.path.display(), self.entries.len())
    }
}

impl Passfile {
    /// Reads the file. No file is an empty one; a file that cannot be used is an empty one and a
    /// warning.
    pub(super) fn load(path: &Path, warnings: &mut Vec<String>) -> Self {
        let mut passfile = Self { path: path.to_owned(), entries: Vec::new() };
        let Ok(metadata) = std::fs::metadata(path) else { return passfile };
        let shown = path.display();
        if !metadata.is_file() {
            warnings.push(format!("the password file {shown} is not a plain file and is not used"));
            return passfile;
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            warnings.push(format!(
                "the password file {shown} can be read by others and is not used; run: chmod 0600 \
                 {shown}"
            ));
            return passfile;
        }
        match std::fs::read_to_string(path) {
            Ok(text) => passfile.entries = text.lines().filter_map(entry).collect(),
            Err(error) => {
                warnings.push(format!("the password file {shown} cannot be read: {error}"));
            }
        }
        passfile
    }

    /// The password of the first line that fits.
    pub(super) fn password(
        &self,
        host: &str,
        port: u16,
        database: &str,
        user: &str,
    ) -> Option<&str> {
        let port = port.to_string();
        let wanted = [host, &port, database, user];
        self.entries
            .iter()
            .find(|entry| {
                entry.iter().zip(wanted).all(|(field, want)| field == "*" || field == want)
            })
            .map(|entry| entry[4].as_str())
    }
}

/// One line; `\:` and `\\` stand for the character itself. Comments and short lines are skipped.
fn entry(line: &str) -> Option<[String; 5]> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        match (c, escaped) {
            // What follows the fourth colon is the password, colons and all.
            (':', _) if fields.len() < 5 => fields.push(String::new()),
            (c, escaped) => {
                let field = fields.last_mut().expect("the list starts with one field");
                field.push(escaped.unwrap_or(c));
            }
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::Passfile;
    use std::os::unix::fs::PermissionsExt;

    fn written(text: &str, mode: u32) -> (Passfile, Vec<String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let mut warnings = Vec::new();
        (Passfile::load(file.path(), &mut warnings), warnings)
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let (file, warnings) = written(
            "# h:*:*:*:comment\nshort:line\nh:5433:*:*:first\nh:*:db:u:second\n*:*:*:u:last\n",
            0o600,
        );
        assert!(warnings.is_empty());
        assert_eq!(file.password("h", 5433, "db", "u"), Some("first"));
        assert_eq!(file.password("h", 5432, "db", "u"), Some("second"));
        assert_eq!(file.password("other", 5432, "x", "u"), Some("last"));
        assert_eq!(file.password("other", 5432, "x", "v"), None);
    }

    #[test]
    fn escapes_are_taken_back() {
        let (file, _) = written("h\\:1:5432:d\\\\b:u:pa\\:ss\\\\wo:rd\n", 0o600);
        assert_eq!(file.password("h:1", 5432, "d\\b", "u"), Some("pa:ss\\wo:rd"));
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        for mode in [0o640, 0o604, 0o666] {
            let (file, warnings) = written("*:*:*:*:secret\n", mode);
            assert_eq!(file.password("h", 1, "d", "u"), None);
            assert_eq!(warnings.len(), 1);
            assert!(warnings[0].contains("chmod 0600"), "{warnings:?}");
        }
    }

    #[test]
    fn no_file_is_no_trouble() {
        let mut warnings = Vec::new();
        let file = Passfile::load("/nonexistent/pgpass".as_ref(), &mut warnings);
        assert_eq!(file.password("h", 1, "d", "u"), None);
        assert!(warnings.is_empty());
    }
}
