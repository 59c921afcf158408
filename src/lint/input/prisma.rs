//! Prisma: `<time>_<name>/migration.sql`.
//!
//! Prisma sends each file as one message, which the server runs in one transaction unless the file
//! has transaction commands of its own.

use super::{Adapted, Transaction};

pub(super) fn recognises(path: &str) -> bool {
    let mut parts = path.rsplit(['/', '\\']);
    let is_migration = parts.next() == Some("migration.sql");
    let folder = parts.next().unwrap_or_default();
    is_migration && folder.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    Adapted::whole(text, Transaction::File)
}
