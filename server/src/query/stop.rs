//! The wish to stop: a query finishes its batch, commits it and ends. Asked once, seen by all who hold a clone.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Clone, Default)]
pub struct StopSignal(Arc<(Mutex<bool>, Condvar)>);

impl StopSignal {
    pub fn request(&self) {
        let (asked, waiting) = &*self.0;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        waiting.notify_all();
    }

    pub fn is_requested(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the wish, at most so long; true if it was made.
    pub fn wait(&self, at_most: Duration) -> bool {
        let (asked, waiting) = &*self.0;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, _) = waiting
            .wait_timeout_while(asked, at_most, |asked| !*asked)
            .unwrap_or_else(PoisonError::into_inner);
        *asked
    }
}
