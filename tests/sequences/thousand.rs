//! A thousand revisions: what shows them is right and stays quick. `cargo bench --bench history` measures the
//! optimized program against the promise of 0.2 seconds; here a build for tests on a busy machine has
//! ten times that, which whatever grows with the square of their number passes.

use crate::place::Place;
use std::time::{Duration, Instant};

const REVISIONS: usize = 1_000;
const LONGEST: Duration = Duration::from_secs(2);
const RUNS: usize = 5;

#[tokio::test]
async fn a_thousand_revisions_are_shown_at_once() {
    let place = Place::new("thousand").await;
    let mut parent = "none".to_owned();
    for number in 0..REVISIONS {
        let id = format!("rev{number:04}");
        let up = format!("CREATE TABLE t_{number} (id bigint PRIMARY KEY, n text NOT NULL);");
        place.revision(&id, &parent, &up, &format!("DROP TABLE t_{number};"));
        parent = id;
    }
    place.run(&["stamp", "rev0997"]).expect(0);
    assert!(place.run(&["heads"]).expect(0).stdout.starts_with("rev0999"));
    assert!(place.run(&["current"]).expect(0).stdout.starts_with("rev0997"));
    let history = place.run(&["history"]).expect(0).stdout;
    assert_eq!(history.lines().count(), REVISIONS);
    assert_eq!(history.lines().filter(|line| line.contains("pending")).count(), 2);
    for arguments in [&["heads"][..], &["current"], &["history"], &["history", "-r", "-3:current"]]
    {
        let times = (0..RUNS).map(|_| {
            let start = Instant::now();
            place.run(arguments).expect(0);
            start.elapsed()
        });
        let best = times.min().unwrap();
        assert!(best < LONGEST, "{arguments:?} took {best:?} at best");
    }
    // The two that are pending run, and go again.
    place.up("head");
    place.down("-2");
    assert!(place.run(&["current"]).expect(0).stdout.starts_with("rev0997"));
}
