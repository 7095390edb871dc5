//! Kill -9 at every point of the protocol and at random moments: nothing is lost, nothing is doubled, and no reader
//! ever sees part of a batch.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::lines::WindowCounts;
use harness::output::{Listing, expect_whole_windows};
use harness::services::{Files, hdfs};
use harness::spine::{LINES_A_SECOND, Spine, SpineQuery};
use harness::wait::{pause, poll};

/// The points, each with the hit at which it kills: far enough into the run that there is something to lose.
const POINTS: &[(&str, u32)] = &[
    ("offsets-before", 3),
    ("offsets-after", 3),
    ("guest-before", 3),
    ("guest-after", 3),
    ("stage-before", 3),
    ("stage-after-write", 2),
    ("close-before", 2),
    ("close-after", 2),
    ("rename-before", 2),
    ("rename-after", 2),
    ("metadata-before", 2),
    ("metadata-after", 2),
    ("changes-before", 3),
    ("changes-after", 3),
    ("commits-before", 3),
    ("commits-after", 3),
    ("apply-before", 3),
    ("apply-after", 3),
    ("snapshot-before-manifest", 1),
    ("snapshot-after-manifest", 1),
];

/// Queries at a time.
const AT_ONCE: usize = 3;
const LINES: u64 = 6_000;
/// More than ten batches, so that state is snapshot and the sink's log compacted.
const LINES_A_BATCH: u64 = 500;
/// Random kills; `WASMILL_KILLS` asks for more.
const KILLS: u64 = 12;
/// The longest that a run lives before a random kill.
const LIFE_MAX_MS: u64 = 4_000;

#[test]
fn a_kill_at_any_point_loses_and_doubles_nothing() {
    let mut spine = Spine::new("crash-points", 11, LINES_A_SECOND);
    spine.produce(LINES);
    let truth = spine.truth();
    let (left, failed) = (Mutex::new(POINTS.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((number, (point, hit))) = left.lock().unwrap().next() else { return };
                    let one = || kill_twice(&spine, number, point, *hit, &truth);
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(one)).is_err() {
                        failed.lock().unwrap().push(*point);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "kills at these points went wrong, see above: {failed:?}");
}

/// Dies at the point, dies there again while it recovers, then goes on to the end.
fn kill_twice(spine: &Spine, number: usize, point: &str, hit: u32, truth: &WindowCounts) {
    let query = spine.query(point, LINES_A_BATCH);
    let files = Files::of(hdfs());
    with_reader(&query, truth, || {
        let first = query.start(Some(&format!("{point}:{hit}"))).ended();
        assert!(first.was_killed(), "{point} was not passed {hit} times: {}", first.says());
        // Half of the recoveries are on another machine.
        if number % 2 == 1 {
            query.lose_local_state();
        }
        let second = query.start(Some(&format!("{point}:1"))).ended();
        assert!(second.was_killed() || second.status.success(), "{point}: {}", second.says());
        let last = query.start(None).ended();
        assert!(last.status.success(), "{point}: {}", last.says());
    });
    query.expect_all(&files, truth);
}

#[test]
fn kills_at_random_moments_lose_and_double_nothing() {
    let kills = std::env::var("WASMILL_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut random = Random(std::env::var("WASMILL_SEED").map_or(7, |text| text.parse().unwrap()));
    let mut spine = Spine::new("crash-random", 12, LINES_A_SECOND);
    spine.produce(LINES);
    let query = spine.query("random", LINES_A_BATCH);
    let files = Files::of(hdfs());
    let mut seen = Listing::new();
    for kill in 0..kills {
        let run = query.start(None);
        let life = Duration::from_millis(random.below(LIFE_MAX_MS));
        let ended_by_itself = poll(life, || (!run.is_running()).then_some(())).is_some();
        run.kill();
        let ended = run.ended();
        assert!(ended.was_killed() || ended.status.success(), "kill {kill}: {}", ended.says());
        if ended_by_itself {
            spine.produce(LINES);
        }
        if random.below(3) == 0 {
            query.lose_local_state();
        }
        look(&query, &files, &spine.truth(), &mut seen);
    }
    let last = query.start(None).ended();
    assert!(last.status.success(), "{}", last.says());
    query.expect_all(&files, &spine.truth());
}

/// Runs `work` while a reader looks at the output again and again.
fn with_reader(query: &SpineQuery, truth: &WindowCounts, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (files, mut seen) = (Files::of(hdfs()), BTreeMap::new());
            while !done.load(Ordering::SeqCst) {
                look(query, &files, truth, &mut seen);
                pause(Duration::from_millis(50));
            }
        });
        // The reader ends also when the work fails.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap();
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

/// One look of a reader: whole windows, right counts, and no batch that changed since the last look or vanished.
fn look(query: &SpineQuery, files: &Files, truth: &WindowCounts, seen: &mut Listing) {
    let mut output = query.output(files);
    let listing = output.listing();
    let all: Vec<_> = listing.values().flatten().collect();
    for (batch, before) in seen.iter() {
        match listing.get(batch) {
            Some(now) => assert_eq!(now, before, "batch {batch} changed"),
            None => assert!(before.iter().all(|file| all.contains(&file)), "batch {batch} vanished"),
        }
    }
    let found = output.counts(&listing);
    expect_whole_windows(&found, truth);
    *seen = listing;
}

/// Numbers from a seed (xorshift): the same kills each time, as far as the machine allows.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
