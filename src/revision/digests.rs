//! Which of many revisions are still what has run, on every processor: with a thousand files that is
//! most of what `history` and an `upgrade` with nothing to do have to work out.

use super::Revision;
use crate::sql::stack;

/// Fewer are looked at here: starting a thread takes as long as some of them.
const WORTH_A_THREAD: usize = 64;

/// For each revision, whether its upgrade section is the one with that digest ([`Revision::ran_as`]).
///
/// # Panics
/// When looking at one does.
pub fn ran_as(revisions: &[(&Revision, &str)]) -> Vec<bool> {
    let each = |part: &[(&Revision, &str)]| -> Vec<bool> {
        part.iter().map(|(revision, digest)| revision.ran_as(digest)).collect()
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let size = revisions.len().div_ceil(processors).max(WORTH_A_THREAD);
    let mut parts = revisions.chunks(size);
    let Some(own) = parts.next() else { return Vec::new() };
    std::thread::scope(|scope| {
        let others: Vec<_> =
            parts.map(|part| (part, stack::spawn(scope, move || each(part)))).collect();
        let mut found = each(own);
        for (part, thread) in others {
            found.extend(match thread.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(answers)) => answers,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system gave no thread.
                Err(_) => each(part),
            });
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::file;

    #[test]
    fn answers_come_in_the_order_of_the_revisions() {
        let text = |n: usize| {
            format!(
                "-- revision: rev{n}\n-- parents: none\n-- message: m\n-- upgrade\nSELECT {n};\n"
            )
        };
        let read = |n: usize| file::read("f.sql", &text(n)).unwrap();
        let revisions: Vec<Revision> = (1000..1000 + WORTH_A_THREAD * 5).map(read).collect();
        let mut ran: Vec<String> = revisions.iter().map(|r| r.digest().unwrap()).collect();
        let other = |n: usize| n % 7 == 3;
        (0..ran.len()).filter(|n| other(*n)).for_each(|n| ran[n] = "other".to_owned());
        let asked: Vec<(&Revision, &str)> =
            revisions.iter().zip(ran.iter().map(String::as_str)).collect();
        let expected: Vec<bool> = (0..asked.len()).map(|n| !other(n)).collect();
        assert_eq!(ran_as(&asked), expected);
        assert!(ran_as(&[]).is_empty());
    }
}
