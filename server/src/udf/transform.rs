//! The kind `transform`: rows in, rows out. A batch too large for a call is split here.

use std::ops::{Deref, Range};
use std::sync::Arc;

use arrow::array::ArrayRef;

use super::call::CallBlock;
use super::columns_in::ColumnsIn;
use super::live::{Live, REPLAY, UntilError};
use super::manifest::Kind;
use super::memory::Memory;
use super::module::Callable;
use super::moment::Moment;
use super::replay::{RecordedCall, Replayed};
use super::result::Transformed;
use crate::error::{Error, Result};

/// A function that turns rows into rows.
pub struct Transform {
    pub(super) callable: Callable,
}

impl Deref for Transform {
    type Target = Callable;

    fn deref(&self) -> &Callable {
        &self.callable
    }
}

impl Transform {
    /// Whether results say which input row each row came from. If not, there is one for each input row, in order,
    /// unless the guest refuses rows.
    pub fn has_origin(&self) -> bool {
        matches!(self.function().kind, Kind::Transform { origin: true })
    }

    /// Starts a fresh guest. It costs microseconds and is meant for one stream of batches: nothing that a guest
    /// keeps between calls may matter.
    pub fn open(self: &Arc<Self>, moment: Moment) -> Result<TransformInstance> {
        Ok(TransformInstance { transform: Arc::clone(self), live: UntilError::open(self, moment)? })
    }
}

/// A guest that transforms batches. After an error it is gone, and another must be opened.
pub struct TransformInstance {
    transform: Arc<Transform>,
    live: UntilError,
}

impl TransformInstance {
    /// Runs the function over the columns of its inputs, all of `rows` rows.
    ///
    /// A batch too large for one call is split; the results are in order and together cover all rows. No rows, no
    /// results. Errors are the user's if the guest traps, gives up or hands back what cannot be used.
    pub fn process(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<Transformed>> {
        let transform = &self.transform;
        self.live.with(|live| {
            let input = ColumnsIn::new(transform.inputs(), columns, rows)?;
            let limits = &transform.module.runtime.limits;
            let mut results = Vec::new();
            let mut start = 0;
            while start < rows {
                let count = input.rows_that_fit(start, limits.call_bytes, limits.row_bytes());
                let result = count.and_then(|count| transform.call(live, &input, start..start + count));
                let result = result.map_err(|error| transform.named(error))?;
                start = result.rows.end;
                results.push(result);
            }
            Ok(results)
        })
    }
}

impl TransformInstance {
    /// Goes on with another stream of batches. What the guest keeps from those before must not matter to it.
    pub fn begin(&mut self, moment: Moment) -> Result<()> {
        self.live.with(|live| {
            live.begin(moment);
            Ok(())
        })
    }

    /// False after an error.
    pub fn is_alive(&self) -> bool {
        self.live.live().is_some()
    }

    /// Keeps the call in which the function refused some of `rows`, which fails the batch, if failures are kept; the
    /// error says in which file.
    pub fn keep_refused(&self, columns: &[ArrayRef], rows: Range<usize>, error: Error) -> Error {
        let whole = columns.first().map_or(rows.end, |column| column.len());
        let (Some(live), Ok(input)) =
            (self.live.live(), ColumnsIn::new(self.transform.inputs(), columns, whole))
        else {
            return error;
        };
        let mut block = CallBlock::of_batch();
        block.add(&input, rows);
        match live.keep(&error, &block) {
            Some(path) => error.with(REPLAY, path.display()),
            None => error,
        }
    }
}

impl Transform {
    /// Makes a recorded call again.
    pub(super) fn again(&self, live: &mut Live, call: &RecordedCall) -> Result<Replayed> {
        let input = call.columns(None, self.inputs())?;
        let result = self.call(live, &input, 0..input.rows())?;
        Ok(Replayed { rows_out: result.rows_out, refused: result.errors })
    }

    fn call(&self, live: &mut Live, input: &ColumnsIn, rows: Range<usize>) -> Result<Transformed> {
        let bytes = input.bytes(rows.clone());
        let mut block = CallBlock::of_batch();
        block.add(input, rows.clone());
        let (function, of_rows) = (self.function(), rows.clone());
        let read = |memory: Memory<'_>, at: u32, bytes_max: usize| {
            Transformed::read(memory, at, &function.outputs, self.has_origin(), of_rows, bytes_max)
        };
        live.process(&block, rows.len(), bytes, read)
            .map_err(|error| error.with("rows", format!("{}..{}", rows.start, rows.end)))
    }
}
