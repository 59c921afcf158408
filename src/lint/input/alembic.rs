//! What `alembic upgrade --sql` writes: several revisions, each under `-- Running upgrade a -> b`,
//! with `BEGIN` and `COMMIT` where Alembic would send them.

use super::{Adapted, Transaction, line_with};

pub(super) fn recognises(text: &str) -> bool {
    text.contains("-- Running upgrade")
        && line_with(text, |line| line.starts_with("-- Running upgrade ")).is_some()
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let mut adapted = Adapted::whole(text, Transaction::Statement);
    // The first lines of the output may be Alembic's log, when both streams went into the file.
    let mut at = 0;
    let mut log = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("INFO  [alembic") {
            log.push(at..at + line.len());
        }
        at += line.len();
    }
    adapted.blank(&log);
    adapted
}
