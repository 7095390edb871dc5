//! What an expression needs of the batch that runs: its time. Set by the query before each batch.

use std::sync::atomic::{AtomicI64, Ordering};

/// Shared by all expressions of a query.
#[derive(Debug, Default)]
pub struct Environment {
    batch_time_micros: AtomicI64,
}

impl Environment {
    pub fn new() -> Environment {
        Environment::default()
    }

    /// Microseconds since the epoch; `current_timestamp()` of every row until the next call.
    pub fn set_batch_time_micros(&self, micros: i64) {
        self.batch_time_micros.store(micros, Ordering::SeqCst);
    }

    pub fn batch_time_micros(&self) -> i64 {
        self.batch_time_micros.load(Ordering::SeqCst)
    }
}
