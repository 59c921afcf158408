//! Takes members through their work, wave by wave, and begins nothing more after a failure.

use super::{Member, Wave};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeSet, VecDeque};

/// What became of a member.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended<T, E> {
    Well(T),
    Failed(E),
    /// Something else failed, or somebody asked to stop, before its turn came.
    NotBegun,
}

/// Does `work` on every member, at most `jobs` at a time and never two of one database; a wave begins
/// when the one before has ended well. After a failure, or when `stop` says so, what is under way is
/// waited for and nothing more begins. The results are in the order of the members.
pub async fn drive<T, E, F>(
    members: &[Member],
    waves: &[Wave],
    jobs: usize,
    stop: impl Fn() -> bool,
    work: impl Fn(usize) -> F,
) -> Vec<Ended<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut ended: Vec<Ended<T, E>> = members.iter().map(|_| Ended::NotBegun).collect();
    let mut halted = false;
    for wave in waves {
        let mut waiting: VecDeque<usize> = wave.members.iter().copied().collect();
        let mut busy: BTreeSet<&str> = BTreeSet::new();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < jobs && !halted && !stop() {
                let free = |place: &usize| !busy.contains(members[*place].database.as_str());
                let Some(next) = waiting.iter().position(free) else { break };
                let Some(place) = waiting.remove(next) else { break };
                busy.insert(&members[place].database);
                let one = work(place);
                running.push(async move { (place, one.await) });
            }
            let Some((place, result)) = running.next().await else { break };
            busy.remove(members[place].database.as_str());
            ended[place] = match result {
                Ok(value) => Ended::Well(value),
                Err(error) => {
                    halted = true;
                    Ended::Failed(error)
                }
            };
        }
        if halted || stop() {
            break;
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    fn wave(members: &[usize]) -> Wave {
        Wave { name: String::new(), members: members.to_vec() }
    }

    fn members(databases: &[&str]) -> Vec<Member> {
        let number = |(place, name): (usize, &&str)| Member::new(name, Some(&place.to_string()));
        databases.iter().enumerate().map(number).collect()
    }

    #[tokio::test]
    async fn a_failure_lets_the_others_end_and_begins_nothing_more() {
        let members = members(&["a", "b", "c", "d", "e"]);
        let begun = RefCell::new(Vec::new());
        let waves = [wave(&[0]), wave(&[1, 2, 3]), wave(&[4])];
        let ended = drive(
            &members,
            &waves,
            2,
            || false,
            |n| {
                begun.borrow_mut().push(n);
                async move {
                    // The one that fails is there first.
                    for _ in 0..n {
                        tokio::task::yield_now().await;
                    }
                    if n == 1 { Err("no") } else { Ok(n) }
                }
            },
        );
        let ended = ended.await;
        use Ended::{Failed, NotBegun, Well};
        assert_eq!(ended, [Well(0), Failed("no"), Well(2), NotBegun, NotBegun]);
        assert_eq!(*begun.borrow(), [0, 1, 2]);
    }

    #[tokio::test]
    async fn one_database_is_worked_on_once_at_a_time() {
        let members = members(&["a", "a", "b", "a"]);
        let (at_work, most) = (RefCell::new(Vec::<String>::new()), Cell::new(0));
        let waves = [wave(&[0, 1, 2, 3])];
        let ended = drive(
            &members,
            &waves,
            4,
            || false,
            |n| {
                let (members, at_work, most) = (&members, &at_work, &most);
                async move {
                    let database = &members[n].database;
                    assert!(!at_work.borrow().contains(database));
                    at_work.borrow_mut().push(database.clone());
                    most.set(most.get().max(at_work.borrow().len()));
                    tokio::task::yield_now().await;
                    at_work.borrow_mut().retain(|other| other != database);
                    Ok::<_, ()>(())
                }
            },
        );
        assert!(ended.await.iter().all(|ended| *ended == Ended::Well(())));
        assert_eq!(most.get(), 2, "different databases are worked on side by side");
    }

    #[tokio::test]
    async fn a_request_to_stop_is_heard() {
        let members = members(&["a", "b"]);
        let stop = Cell::new(false);
        let waves = [wave(&[0]), wave(&[1])];
        let ended = drive(
            &members,
            &waves,
            1,
            || stop.get(),
            |_| async {
                stop.set(true);
                Ok::<_, ()>(())
            },
        );
        assert_eq!(ended.await, [Ended::Well(()), Ended::NotBegun]);
    }
}
