//! Waiting for something with an upper bound; the only place of the tests that sleeps.

use std::time::{Duration, Instant};

/// Between two looks. Short against what is waited for, long against a look.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is something; nothing if that takes longer than `limit`.
pub fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > limit {
            return None;
        }
        pause(PAUSE);
    }
}

/// Sleeps. For a kill at a random moment; to wait for something, use [`poll`].
#[allow(clippy::disallowed_methods, reason = "tests run in real time, beside real services")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
