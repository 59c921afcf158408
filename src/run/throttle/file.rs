//! A file on the runner's machine that means "not now" while it exists; its first line says why.

use super::Measure;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Characters of the file that are shown.
const SHOWN_MAX: u64 = 200;

pub(super) fn read(path: &Path) -> Result<Measure, String> {
    let text = match std::fs::File::open(path) {
        Ok(file) => {
            let mut start = Vec::new();
            // That it is there counts, also when its words cannot be read.
            let _ = file.take(SHOWN_MAX).read_to_end(&mut start);
            String::from_utf8_lossy(&start).into_owned()
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Measure::calm()),
        Err(error) => return Err(error.to_string()),
    };
    let why = text.lines().next().unwrap_or_default().trim();
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Ok(Measure { pressure: 1.0, text: format!("the file {} exists{why}", path.display()) })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_file_stops_while_it_exists_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop");
        assert_eq!(read(&path).unwrap().pressure, 0.0);
        std::fs::write(&path, "incident 17\nmore").unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.pressure, 1.0);
        assert!(found.text.ends_with("exists: incident 17"), "{}", found.text);
        // A path below a file cannot be looked up: neither there nor not there.
        assert!(read(&path.join("below")).is_err());
    }
}
