//! In what order a lane visits the blocks of its range. Pure.
//!
//! A row version that finds no room in its own block goes to another one, and needs an entry in every
//! index. So a stretch of blocks is visited several times, for a share of its rows each time: what the
//! first visit moves elsewhere leaves room, which the server takes back when the block is read next
//! ("Heap-Only Tuples" in the manual), and which the versions of the next visit fill. On two million
//! narrow rows with one index, and without a vacuum, eight visits took half the time of one, two thirds
//! of its log, and the table grew by a quarter instead of doubling.
//!
//! Where that does not work (an index on a changed column, an old snapshot, few rows to a block), the
//! second visit shows it, and the rest of the stretch is done at once.

/// Visits to a stretch, where a block has rows enough for each.
const VISITS: i64 = 8;

/// Parts of a block in which progress is counted: what every number of visits divides.
pub(super) const PARTS: u64 = 8;

/// Least number of changed rows of a block for one visit more. With six rows to a block four visits
/// took 0.90 of the time of one, and the table grew by 71 % and not by 120 %.
const ROWS_MIN: f64 = 1.0;

/// The first stretch: 64 MB, a few seconds' work, a second of it the first visit. By then snapshots
/// of short transactions are gone, the other lanes' too.
const STRETCH: i64 = 8192;

/// But no more than this part of a range, as progress is only journaled with each stretch; nor less than
/// 16 MB because of that.
const RANGE_SHARE: i64 = 8;
const STRETCH_SHARED_MIN: i64 = 2048;

/// Share of the server's buffers that the stretches of all lanes may take: the next visit should
/// find the blocks still there.
const BUFFERS_SHARE: i64 = 4;

/// The longest stretch: 128 MB.
const STRETCH_MAX: i64 = 16_384;

/// So often the shortest first stretch is doubled until it is as long as that.
const DOUBLED_MAX: u32 = 3;

/// Less is not divided: it is about one batch.
const STRETCH_MIN: i64 = 64;

/// Least share of row versions that have to stay in their block for going on like this.
const KEPT_MIN: f64 = 0.3;

/// Stretches that are visited once after that did not work, at first and at most.
const REST: u32 = 8;
const REST_MAX: u32 = 64;

/// What kind of visit a batch belongs to: they take different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// All rows at once.
    Whole,
    /// The first of several, whose row versions go elsewhere.
    First,
    /// A later one.
    Later,
}

/// A share of the rows, by their number in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub number: i64,
    /// A power of two.
    pub of: i64,
}

/// What the next batch is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub from: i64,
    /// As far as the batch may go.
    pub end: i64,
    pub visit: Visit,
    /// `None`: every row that is left.
    pub slice: Option<Slice>,
    /// Whether to find out how many row versions stay in their block.
    pub gauged: bool,
}

/// What became of the last batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Credit {
    /// [`PARTS`] of blocks that are behind us now.
    pub parts: u64,
    /// Blocks, as many as the row versions that left theirs would fill.
    pub moved: i64,
}

#[derive(Debug)]
struct Stretch {
    start: i64,
    end: i64,
    visits: i64,
    /// The one that is on, counted from 0.
    visit: i64,
    at: i64,
    /// It turned out that versions do not stay: the last visit takes many rows.
    cut_short: bool,
    /// Row versions of all its visits, and of the one that is on.
    rows: u64,
    of_visit: u64,
    kept: u64,
    /// Counted so far of its blocks, in [`PARTS`].
    credited: u64,
}

#[derive(Debug)]
pub(super) struct Course {
    /// Whether to divide at all.
    divided: bool,
    /// Of a stretch.
    length: i64,
    longest: i64,
    /// How often the length was doubled to give snapshots more time to go.
    doubled: u32,
    /// Changed rows of a block, in the last stretch.
    density: Option<f64>,
    /// Stretches left to be visited once.
    rest: u32,
    next_rest: u32,
    stretch: Option<Stretch>,
}

impl Course {
    /// `divided`: whether several visits make sense for this change. `buffers`: blocks in the
    /// server's buffers, for all `lanes`.
    pub(super) fn new(divided: bool, buffers: i64, lanes: usize) -> Self {
        let lanes = i64::try_from(lanes.max(1)).unwrap_or(i64::MAX);
        let longest = (buffers / BUFFERS_SHARE / lanes).clamp(STRETCH_MIN, STRETCH_MAX);
        Self {
            divided,
            length: STRETCH.min(longest),
            longest,
            doubled: 0,
            density: None,
            rest: 0,
            next_rest: REST,
            stretch: None,
        }
    }

    /// A new range begins, of which so many blocks are left.
    pub(super) fn begin(&mut self, blocks: i64) {
        self.stretch = None;
        let first = STRETCH.min((blocks / RANGE_SHARE).max(STRETCH_SHARED_MIN));
        self.length = (first << self.doubled).min(self.longest);
    }

    /// The next batch of a range that is done up to `next_block`.
    pub(super) fn part(&mut self, next_block: i64, end_block: i64) -> Part {
        let length = self.length;
        let visits = self.visits(end_block - next_block);
        let stretch = self.stretch.get_or_insert_with(|| Stretch {
            start: next_block,
            end: (next_block + length).min(end_block),
            visits,
            visit: 0,
            at: next_block,
            cut_short: false,
            rows: 0,
            of_visit: 0,
            kept: 0,
            credited: 0,
        });
        let last = stretch.visit + 1 == stretch.visits;
        let visit = match stretch.visit {
            _ if stretch.visits == 1 || stretch.cut_short => Visit::Whole,
            0 => Visit::First,
            _ => Visit::Later,
        };
        Part {
            from: stretch.at,
            end: stretch.end,
            visit,
            // Rows are numbered from 1, so that the first visit finds some in every block.
            slice: (!last).then_some(Slice { number: stretch.visit + 1, of: stretch.visits }),
            gauged: stretch.visits > 1,
        }
    }

    fn visits(&self, left: i64) -> i64 {
        if !self.divided || self.rest > 0 || left.min(self.length) < STRETCH_MIN {
            return 1;
        }
        let rows = self.density.unwrap_or(f64::INFINITY);
        if rows >= VISITS as f64 * ROWS_MIN {
            VISITS
        } else if rows >= (VISITS / 2) as f64 * ROWS_MIN {
            VISITS / 2
        } else {
            1
        }
    }

    /// The batch that was asked for last has come to before `to` and changed `rows`, of which the
    /// new versions of `kept` are in the same block.
    pub(super) fn done(&mut self, to: i64, rows: u64, kept: u64) -> Credit {
        let Some(stretch) = &mut self.stretch else { return Credit { parts: 0, moved: 0 } };
        let blocks = to - stretch.at;
        let kept = kept.min(rows);
        stretch.at = to;
        stretch.rows += rows;
        stretch.of_visit += rows;
        stretch.kept += kept;
        let of_batch = if stretch.cut_short {
            // What the visits that were left out would have counted, too.
            let all = PARTS * u64::try_from(stretch.end - stretch.start).unwrap_or_default();
            let left = u64::try_from(stretch.end - to).unwrap_or_default() * PARTS;
            all.saturating_sub(left).saturating_sub(stretch.credited)
        } else {
            u64::try_from(blocks).unwrap_or_default() * PARTS
                / u64::try_from(stretch.visits).unwrap_or(1)
        };
        stretch.credited += of_batch;
        let share = if rows == 0 { 0.0 } else { (rows - kept) as f64 / rows as f64 };
        let shares = if stretch.cut_short { 1.0 } else { stretch.visits as f64 };
        let moved = (blocks as f64 * share / shares).ceil() as i64;
        if stretch.at >= stretch.end {
            self.visited();
        }
        Credit { parts: of_batch, moved }
    }

    /// A visit is at its end.
    fn visited(&mut self) {
        let Some(stretch) = &mut self.stretch else { return };
        if stretch.visit + 1 == stretch.visits {
            let blocks = (stretch.end - stretch.start).max(1);
            self.density = Some(stretch.rows as f64 / blocks as f64);
            self.rest = self.rest.saturating_sub(1);
            if stretch.visits > 1 && !stretch.cut_short {
                self.next_rest = REST;
            }
            self.stretch = None;
            return;
        }
        let blocks = (stretch.end - stretch.start).max(1) as f64;
        let few = stretch.visit == 0
            && (stretch.of_visit as f64) * (stretch.visits as f64)
                < (VISITS / 2) as f64 * ROWS_MIN * blocks;
        let kept = stretch.kept as f64 / stretch.of_visit.max(1) as f64;
        let moves = stretch.visit == 1 && stretch.of_visit > 0 && kept < KEPT_MIN;
        let in_time = self.length < self.longest;
        (stretch.of_visit, stretch.kept, stretch.at) = (0, 0, stretch.start);
        if few || moves {
            stretch.visit = stretch.visits - 1;
            stretch.cut_short = true;
        } else {
            stretch.visit += 1;
        }
        if moves && in_time {
            // The next stretch gives snapshots more time to go.
            self.length = (self.length * 2).min(self.longest);
            self.doubled = (self.doubled + 1).min(DOUBLED_MAX);
        } else if moves {
            self.rest = self.next_rest + 1;
            self.next_rest = (self.next_rest * 2).min(REST_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFERS: i64 = 128 * 128;

    /// Walks `blocks` with batches of `size`, in each of which `per_block` rows in a visit are changed
    /// and `kept` of them stay; what was visited, and the credits' sums.
    fn walk(
        course: &mut Course,
        blocks: i64,
        size: i64,
        per_block: f64,
        kept: f64,
    ) -> (Vec<Part>, u64, i64) {
        let (mut next, mut parts, mut done, mut moved) = (0, Vec::new(), 0, 0);
        course.begin(blocks);
        while next < blocks {
            let part = course.part(next, blocks);
            let to = (part.from + size).min(part.end);
            assert!(to > part.from && part.end <= blocks);
            let of = part.slice.map_or(1, |slice| slice.of) as f64;
            let rows = (per_block * (to - part.from) as f64 / of) as u64;
            let stay = if part.visit == Visit::Later { kept } else { 0.0 };
            let credit = course.done(to, rows, (rows as f64 * stay) as u64);
            (done, moved) = (done + credit.parts, moved + credit.moved);
            if part.slice.is_none() {
                assert_eq!(part.from, next, "the last visit goes from block to block");
                next = to;
            }
            parts.push(part);
        }
        (parts, done, moved)
    }

    #[test]
    fn every_block_is_visited_last_without_a_slice_and_counted_once() {
        for (blocks, per_block, kept) in
            [(1, 60.0, 0.9), (63, 60.0, 0.9), (64, 60.0, 0.9), (5000, 60.0, 0.9), (5000, 5.0, 0.9)]
                .into_iter()
                .chain([(70_000, 60.0, 0.0), (5000, 0.0, 0.0), (9999, 1.0, 1.0)])
        {
            for size in [1, 37, 100_000] {
                let mut course = Course::new(true, BUFFERS, 1);
                let (_, done, _) = walk(&mut course, blocks, size, per_block, kept);
                let all = PARTS * u64::try_from(blocks).unwrap();
                assert!(done <= all && done + PARTS > all, "{blocks} {per_block} {kept} {size}");
            }
        }
    }

    #[test]
    fn eight_visits_move_an_eighth() {
        let mut course = Course::new(true, BUFFERS, 1);
        let (parts, _, moved) = walk(&mut course, 2048, 512, 80.0, 1.0);
        assert_eq!(parts.len(), 8 * 4);
        assert_eq!(moved, 256);
        assert_eq!(parts.iter().filter(|part| part.visit == Visit::First).count(), 4);
        let slices: Vec<_> = parts.iter().step_by(4).map(|p| p.slice.map(|s| s.number)).collect();
        let all = (1..8).map(Some).chain([None]).collect::<Vec<_>>();
        assert_eq!(slices, all);
    }

    #[test]
    fn what_does_not_stay_is_not_tried_again_for_a_while() {
        let mut course = Course::new(true, BUFFERS, 1);
        let (parts, _, moved) = walk(&mut course, 100_000, 512, 80.0, 0.0);
        let divided = parts.iter().filter(|part| part.slice.is_some()).count();
        assert!(divided * 5 < parts.len(), "{divided} of {}", parts.len());
        assert!(moved > 90_000, "{moved}");
        // Longer stretches come first: what held it up may be gone by then.
        let mut course = Course::new(true, BUFFERS * 4, 1);
        let mut lengths = Vec::new();
        for _ in 0..4 {
            walk(&mut course, 10_000, 512, 80.0, 0.0);
            lengths.push((course.length, course.rest > 0));
        }
        assert_eq!(lengths[0], (STRETCH_MAX, false), "doubled with each stretch");
        assert_eq!(lengths[1], (STRETCH_MAX, true));
    }

    #[test]
    fn few_rows_to_a_block_are_changed_at_once() {
        let mut course = Course::new(true, BUFFERS, 1);
        walk(&mut course, 2048, 512, 3.0, 1.0);
        let (parts, ..) = walk(&mut course, 2048, 512, 3.0, 1.0);
        assert!(parts.iter().all(|part| part.visit == Visit::Whole));
        walk(&mut course, 2048, 512, 6.0, 1.0);
        let (parts, ..) = walk(&mut course, 2048, 512, 6.0, 1.0);
        assert_eq!(parts[0].slice, Some(Slice { number: 1, of: 4 }));
    }

    #[test]
    fn stretches_of_all_lanes_fit_into_the_buffers() {
        assert_eq!(Course::new(true, BUFFERS * 9, 1).length, STRETCH);
        assert_eq!(Course::new(true, BUFFERS, 4).length, 1024);
        assert_eq!(Course::new(true, 16, 4).length, STRETCH_MIN);
        assert_eq!(Course::new(true, BUFFERS * 100, 1).longest, STRETCH_MAX);
    }
}
