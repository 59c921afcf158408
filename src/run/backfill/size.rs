//! How many blocks the next batch has: as many as take the target time, judged by the last ones.
//! Pure.

use super::course::Visit;
use std::time::Duration;

/// The first batch, before anything was measured.
const BLOCKS_FIRST: i64 = 8;

/// Largest batch: 128 MB at the usual block size, for stretches in which nothing is to be done.
const BLOCKS_MAX: i64 = 16_384;

/// Largest factor between a batch and the next.
const GROWTH_MAX: f64 = 2.0;

/// Largest batch after which nothing was known to change: blocks of work may come any time.
const BLOCKS_UNKNOWN_MAX: i64 = 1024;

/// By how much a batch in a stretch without work may be larger than one with work.
const IDLE_MAX: f64 = 4.0;

/// Share of the target that is aimed for: batches scatter, and at least half of them should be below it.
const AIM: f64 = 0.9;

/// Weight of the last batch in the running average.
const WEIGHT: f64 = 0.4;

/// Seconds for a block: a running average. Slower than before counts at once, as the batch after must not
/// be too long as well.
fn average(before: Option<f64>, blocks: i64, time: Duration) -> f64 {
    let last = time.as_secs_f64().max(1e-6) / blocks.max(1) as f64;
    match before {
        Some(average) if last < average => average + WEIGHT * (last - average),
        Some(_) | None => last,
    }
}

#[derive(Debug, Clone)]
pub(in crate::run) struct Sizer {
    target: Duration,
    blocks: i64,
    /// Running average, seconds.
    per_block: Option<f64>,
    /// The same, of batches that changed something.
    busy: Option<f64>,
}

impl Sizer {
    pub(in crate::run) fn new(target: Duration) -> Self {
        Self { target, blocks: BLOCKS_FIRST, per_block: None, busy: None }
    }

    /// Blocks of the next batch.
    pub(in crate::run) fn blocks(&self) -> i64 {
        self.blocks
    }

    /// A batch of `blocks` took `time`.
    pub(in crate::run) fn measured(&mut self, blocks: i64, time: Duration) {
        let average = average(self.per_block, blocks, time);
        self.per_block = Some(average);
        let most = self.blocks as f64 * GROWTH_MAX;
        self.blocks = (self.ideal(average).min(most) as i64).clamp(1, BLOCKS_MAX);
    }

    /// A batch of `blocks` took `time` and changed `rows`. Where there was nothing to do, the next one
    /// may be larger, but not so large that it takes many times the target where work begins again.
    pub(super) fn changed(&mut self, blocks: i64, time: Duration, rows: u64) {
        if rows > 0 {
            self.busy = Some(average(self.busy, blocks, time));
        }
        self.measured(blocks, time);
        let most = match self.busy {
            Some(busy) => (self.ideal(busy) * IDLE_MAX) as i64,
            None => BLOCKS_UNKNOWN_MAX,
        };
        self.blocks = self.blocks.min(most.max(1));
    }

    /// Blocks for the target, when each takes so many seconds.
    fn ideal(&self, per_block: f64) -> f64 {
        AIM * self.target.as_secs_f64() / per_block
    }

    /// What the next batches aim for.
    pub(in crate::run) fn aim(&mut self, target: Duration) {
        self.target = target;
    }

    /// Somebody waited behind a batch, or it did not get a lock.
    pub(in crate::run) fn shrink(&mut self) {
        self.blocks = (self.blocks / 2).max(1);
    }
}

/// One for each kind of visit.
#[derive(Debug)]
pub(super) struct Sizers([Sizer; 3]);

impl Sizers {
    pub(super) fn new(target: Duration) -> Self {
        Self(std::array::from_fn(|_| Sizer::new(target)))
    }

    pub(super) fn of(&mut self, visit: Visit) -> &mut Sizer {
        let [whole, first, later] = &mut self.0;
        match visit {
            Visit::Whole => whole,
            Visit::First => first,
            Visit::Later => later,
        }
    }

    pub(super) fn aim(&mut self, target: Duration) {
        self.0.iter_mut().for_each(|sizer| sizer.aim(target));
    }

    pub(super) fn shrink(&mut self) {
        self.0.iter_mut().for_each(Sizer::shrink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(25);

    /// Feeds batches that take `per_block` each.
    fn run(sizer: &mut Sizer, per_block: Duration, batches: usize) {
        for _ in 0..batches {
            let blocks = sizer.blocks();
            sizer.measured(blocks, per_block * u32::try_from(blocks).unwrap());
        }
    }

    #[test]
    fn settles_at_the_target_and_grows_by_doubling_at_most() {
        let mut sizer = Sizer::new(TARGET);
        let mut last = sizer.blocks();
        for _ in 0..12 {
            run(&mut sizer, Duration::from_micros(250), 1);
            assert!(sizer.blocks() <= last * 2);
            last = sizer.blocks();
        }
        assert_eq!(last, 90);
    }

    #[test]
    fn slowness_counts_at_once_and_speed_by_and_by() {
        let mut sizer = Sizer::new(TARGET);
        run(&mut sizer, Duration::from_micros(250), 12);
        run(&mut sizer, Duration::from_micros(2500), 1);
        assert_eq!(sizer.blocks(), 9);
        run(&mut sizer, Duration::from_micros(250), 1);
        assert!((9..=18).contains(&sizer.blocks()), "{}", sizer.blocks());
        run(&mut sizer, Duration::from_micros(250), 20);
        assert!((85..=90).contains(&sizer.blocks()), "{}", sizer.blocks());
    }

    #[test]
    fn stays_within_its_bounds() {
        let mut sizer = Sizer::new(TARGET);
        run(&mut sizer, Duration::from_nanos(1), 40);
        assert_eq!(sizer.blocks(), BLOCKS_MAX);
        run(&mut sizer, Duration::from_secs(1), 1);
        assert_eq!(sizer.blocks(), 1);
        sizer.shrink();
        assert_eq!(sizer.blocks(), 1);
    }

    #[test]
    fn where_nothing_is_to_be_done_batches_grow_within_bounds() {
        let mut sizer = Sizer::new(TARGET);
        let idle = |sizer: &mut Sizer, batches: usize| {
            for _ in 0..batches {
                sizer.changed(sizer.blocks(), Duration::from_micros(50), 0);
            }
        };
        idle(&mut sizer, 40);
        assert_eq!(sizer.blocks(), BLOCKS_UNKNOWN_MAX);
        for _ in 0..40 {
            let blocks = sizer.blocks();
            sizer.changed(blocks, Duration::from_micros(250) * u32::try_from(blocks).unwrap(), 7);
        }
        assert!((85..=90).contains(&sizer.blocks()), "{}", sizer.blocks());
        idle(&mut sizer, 40);
        assert!((340..=360).contains(&sizer.blocks()), "{}", sizer.blocks());
    }

    #[test]
    fn shrinks_by_half() {
        let mut sizer = Sizer::new(TARGET);
        sizer.shrink();
        assert_eq!(sizer.blocks(), BLOCKS_FIRST / 2);
    }
}
