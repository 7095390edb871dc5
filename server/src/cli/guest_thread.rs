//! A thread on which the commands call guests.

use std::thread;

use crate::error::{Error, ErrorKind, Result};
use crate::udf::GUEST_THREAD_STACK_BYTES;

/// Guests need a larger stack than the program's first thread may have.
pub fn on_guest_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let failed = |e| Error::new(ErrorKind::External, "start a thread for a guest").because(e);
    let builder = thread::Builder::new().name("guest".into()).stack_size(GUEST_THREAD_STACK_BYTES);
    thread::scope(|scope| {
        let running = builder.spawn_scoped(scope, work).map_err(failed)?;
        running.join().unwrap_or_else(|_| Err(Error::internal("the thread of a guest panicked")))
    })
}
