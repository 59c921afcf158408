//! Plain SQL, as `psql -f` runs it: every statement commits by itself unless the file says `BEGIN`.

use super::{Adapted, Transaction, psql};

pub(super) fn adapt(text: &str) -> Adapted<'_> {
    let mut adapted = Adapted::whole(text, Transaction::Statement);
    psql::take_out(&mut adapted);
    adapted
}
