//! A schema as pg_dump writes it: `structure.sql` of Rails, `schema.sql` of dbmate.
//!
//! psql runs it, statement by statement, on a new database. Its meta-commands (`\connect`,
//! `\restrict`) and the data behind `COPY … FROM stdin` are no SQL.

use super::{Adapted, Transaction, psql};

/// How far into a file pg_dump's heading may stand, in bytes.
const HEADING_BYTES: usize = 400;

pub(super) fn recognises(text: &str) -> bool {
    let mut end = text.len().min(HEADING_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].contains("PostgreSQL database dump")
        || (text.starts_with("SET statement_timeout = 0;") || text.starts_with("\\restrict"))
}

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let mut adapted = Adapted::whole(text, Transaction::Statement);
    psql::take_out(&mut adapted);
    adapted
}
