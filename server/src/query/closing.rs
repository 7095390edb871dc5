//! Finishes partitions at the sink beside the tasks and the state's commit: a close on HDFS is half a second of
//! waiting, whatever was written. Writes no rows.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::sink::{StageWriter, Staged};

/// Partitions that finish at once; each may hold a row group in memory.
const CLOSES_MAX: usize = 16;

/// Lets so many partitions finish at once.
#[derive(Default)]
pub struct Closer {
    running: Arc<Running>,
}

#[derive(Default)]
struct Running {
    count: Mutex<usize>,
    one_ended: Condvar,
}

impl Closer {
    /// Starts to finish `writer`, waiting while too many others do.
    pub fn finish(&self, writer: Box<dyn StageWriter>) -> Result<Closing> {
        let seat = Seat::take(&self.running);
        let work = move || {
            let _seat = seat;
            writer.finish()
        };
        let thread = std::thread::Builder::new().name("sink-close".into()).spawn(work);
        let thread = thread.map_err(|e| Error::external("start a thread that closes files").because(e))?;
        Ok(Closing { thread: Some(thread) })
    }
}

struct Seat(Arc<Running>);

impl Seat {
    fn take(running: &Arc<Running>) -> Seat {
        let count = running.count.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |count: &mut usize| *count >= CLOSES_MAX;
        let waited = running.one_ended.wait_while(count, full);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Seat(running.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.one_ended.notify_one();
    }
}

/// A partition that finishes. Dropped, it is waited for all the same: nothing writes on behind a failed batch.
pub struct Closing {
    thread: Option<JoinHandle<Result<Staged>>>,
}

impl Closing {
    pub fn wait(mut self) -> Result<Staged> {
        let ended = self.thread.take().map(JoinHandle::join);
        ended
            .and_then(|ended| ended.ok())
            .unwrap_or_else(|| Err(Error::internal("a thread that closes files panicked")))
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("a thread that closes files panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;

    use super::*;

    struct Number(usize);

    impl StageWriter for Number {
        fn write(&mut self, _: &RecordBatch) -> Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<Staged> {
            match self.0 {
                3 => Err(Error::external("three")),
                number => Ok(Box::new(number)),
            }
        }
    }

    #[test]
    fn every_partition_finishes_in_its_place() {
        let closer = Closer::default();
        let closing: Result<Vec<Closing>> =
            (0..4 * CLOSES_MAX).map(|number| closer.finish(Box::new(Number(number)))).collect();
        for (number, closing) in closing.unwrap().into_iter().enumerate() {
            match closing.wait() {
                Ok(staged) => assert_eq!(staged.downcast_ref::<usize>(), Some(&number)),
                Err(error) => assert_eq!((number, error.message()), (3, "three")),
            }
        }
    }
}
