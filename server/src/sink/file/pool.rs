//! Many slow calls at once, on a bounded number of threads: closing a file on HDFS waits half a second.

use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Files that one writer closes, or one batch renames, at the same time.
const THREADS_MAX: usize = 16;

/// Calls `work` for each item; results in the order of the items. After the first error no new item is begun.
pub fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> Result<R> + Sync) -> Result<Vec<R>> {
    if items.len() <= 1 {
        return items.into_iter().map(work).collect();
    }
    let threads = items.len().min(THREADS_MAX);
    let count = items.len();
    let queue = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, item)) = next else { return };
                    let result = work(item);
                    if result.is_err() {
                        queue.lock().unwrap_or_else(PoisonError::into_inner).by_ref().for_each(drop);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    let found: Vec<R> = results.into_iter().map(|(_, result)| result).collect::<Result<_>>()?;
    // A thread that panicked left its item without a result.
    if found.len() == count { Ok(found) } else { Err(Error::internal("a thread of the sink died")) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_keep_their_order() {
        for count in [0, 1, 2, 100] {
            let found = each((0..count).collect(), |item| Ok(item * 2)).unwrap();
            assert_eq!(found, (0..count).map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_stops_the_rest() {
        let begun = AtomicUsize::new(0);
        let all = 10_000;
        let result = each((0..all).collect(), |item| {
            begun.fetch_add(1, Ordering::SeqCst);
            if item == 3 { Err(Error::external("close")) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().message(), "close");
        assert!(begun.load(Ordering::SeqCst) < all);
    }
}
