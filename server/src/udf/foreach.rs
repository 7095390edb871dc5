//! The kind `foreach`: the rows of a partition of a batch into effects, which whoever calls brings about once the
//! batch is safe. Cuts rows into calls; knows no connection.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Fields};

use super::call::CallBlock;
use super::columns_in::ColumnsIn;
use super::columns_out::Reader;
use super::live::{Live, UntilError};
use super::memory::{Memory, refuse};
use super::module::Callable;
use super::moment::Moment;
use super::replay::{RecordedCall, Replayed};
use super::result::{COLUMNS, OUTCOME, ROW_OK, ROW_SKIP, only_parts, read_columns};
use crate::error::{Error, Result};

/// What a call is to do; the first word of its struct.
#[derive(Clone, Copy)]
enum Step {
    Open = 0,
    Process = 1,
    Close = 2,
}

// Places in the struct of a call.
const STEP: usize = 0;
const PARTITION: usize = 4;
const EPOCH: usize = 8;
const ROWS: usize = 16;
const ERROR: usize = 20;
const CALL_BYTES: usize = 24;

/// A function that turns the rows of a partition into effects.
pub struct Foreach {
    pub(super) callable: Callable,
}

impl Deref for Foreach {
    type Target = Callable;

    fn deref(&self) -> &Callable {
        &self.callable
    }
}

/// A partition of a batch, which a batch that runs again has with the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    pub partition: u32,
    /// The number of the batch.
    pub epoch: u64,
}

impl Foreach {
    /// Starts a fresh guest and opens a partition.
    pub fn open(self: &Arc<Self>, moment: Moment, partition: Partition) -> Result<ForeachInstance> {
        let mut live = UntilError::open(self, moment)?;
        let takes_rows =
            live.with(|live| self.call_open(live, partition).map_err(|error| self.named(error)))?;
        Ok(ForeachInstance { foreach: Arc::clone(self), live, partition, takes_rows })
    }
}

/// Rows of the columns of the function's outputs.
#[derive(Debug)]
pub struct Effects {
    pub columns: Vec<ArrayRef>,
    pub rows: usize,
}

/// A guest with an open partition. After an error it is gone.
pub struct ForeachInstance {
    foreach: Arc<Foreach>,
    live: UntilError,
    partition: Partition,
    takes_rows: bool,
}

impl ForeachInstance {
    /// Whether the guest wants the rows of this partition. If not, only closing is left to do.
    pub fn takes_rows(&self) -> bool {
        self.takes_rows
    }

    /// The effects of rows, in order.
    pub fn process(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<Effects>> {
        let (foreach, partition) = (&self.foreach, self.partition);
        self.live.with(|live| {
            let input = ColumnsIn::new(foreach.inputs(), columns, rows)?;
            let limits = &foreach.module.runtime.limits;
            let (mut effects, mut start) = (Vec::new(), 0);
            while start < rows {
                let count = input.rows_that_fit(start, limits.call_bytes, limits.row_bytes());
                let end = start + count.map_err(|error| foreach.named(error))?;
                let called = foreach.call_process(live, partition, &input, start..end);
                effects.push(called.map_err(|error| foreach.named(error))?);
                start = end;
            }
            Ok(effects)
        })
    }

    /// Closes the partition; with an error if it failed, and then nothing becomes of the effects.
    pub fn close(&mut self, error: Option<&str>) -> Result<Effects> {
        let (foreach, partition) = (&self.foreach, self.partition);
        self.live
            .with(|live| foreach.call_close(live, partition, error).map_err(|error| foreach.named(error)))
    }

    /// False if a call failed, so that there is nothing left to close.
    pub fn is_alive(&self) -> bool {
        self.live.live().is_some()
    }
}

impl Foreach {
    fn block<'a>(step: Step, partition: Partition) -> CallBlock<'a> {
        let mut block = CallBlock::of_struct(CALL_BYTES);
        block.put_i32(STEP, step as i32);
        block.put_i32(PARTITION, partition.partition as i32);
        block.put_i64(EPOCH, partition.epoch as i64);
        block
    }

    fn call_open(&self, live: &mut Live, partition: Partition) -> Result<bool> {
        let block = Foreach::block(Step::Open, partition);
        live.process(&block, 0, 0, |memory, at, bytes_max| {
            only_parts(memory, at, &[OUTCOME])?;
            match memory.u32(at + OUTCOME)? {
                0 => Ok(true),
                outcome => match Reader::new(memory, bytes_max).codes(outcome, 1)? {
                    [ROW_OK] => Ok(true),
                    [ROW_SKIP] => Ok(false),
                    other => Err(refuse("a partition is either taken or skipped")
                        .with("outcome", format!("{other:?}"))),
                },
            }
        })
    }

    fn call_process(
        &self,
        live: &mut Live,
        partition: Partition,
        input: &ColumnsIn,
        rows: std::ops::Range<usize>,
    ) -> Result<Effects> {
        let mut block = Foreach::block(Step::Process, partition);
        let (count, bytes) = (rows.len(), input.bytes(rows.clone()));
        block.add_at(ROWS, input, rows.clone());
        live.process(&block, count, bytes, |memory, at, bytes_max| self.read(memory, at, bytes_max))
            .map_err(|error| error.with("rows", format!("{}..{}", rows.start, rows.end)))
    }

    fn call_close(&self, live: &mut Live, partition: Partition, error: Option<&str>) -> Result<Effects> {
        let column: ArrayRef = Arc::new(StringArray::from(vec![error]));
        let error = ColumnsIn::new(&error_fields(), &[column], 1)?;
        self.call_close_with(live, partition, &error)
    }

    fn call_close_with(&self, live: &mut Live, partition: Partition, error: &ColumnsIn) -> Result<Effects> {
        let mut block = Foreach::block(Step::Close, partition);
        block.add_at(ERROR, error, 0..1);
        live.process(&block, 1, error.bytes(0..1), |memory, at, bytes_max| self.read(memory, at, bytes_max))
    }

    fn read(&self, memory: Memory<'_>, at: u32, bytes_max: usize) -> Result<Effects> {
        only_parts(memory, at, &[COLUMNS])?;
        let mut reader = Reader::new(memory, bytes_max);
        let batch = reader.array(memory.u32(at + COLUMNS)?, 1, self.outputs().len())?;
        Ok(Effects { columns: read_columns(&mut reader, &batch, self.outputs())?, rows: batch.rows })
    }

    /// Makes a recorded call again, in a partition that is opened for it.
    pub(super) fn again(&self, live: &mut Live, call: &RecordedCall) -> Result<Replayed> {
        let unreadable = |_| Error::data("a recorded call has a partition that cannot be");
        let partition = u32::try_from(call.number(PARTITION)?).map_err(unreadable)?;
        let partition = Partition { partition, epoch: call.number(EPOCH)? as u64 };
        let step = call.number(STEP)?;
        let takes_rows = self.call_open(live, partition)?;
        let effects = match step {
            _ if step == Step::Open as i64 || !takes_rows => return Ok(Replayed::default()),
            _ if step == Step::Process as i64 => {
                let input = call.columns(Some(ROWS), self.inputs())?;
                self.call_process(live, partition, &input, 0..input.rows())?
            }
            _ => self.call_close_with(live, partition, &call.columns(Some(ERROR), &error_fields())?)?,
        };
        Ok(Replayed { rows_out: effects.rows, refused: Vec::new() })
    }
}

fn error_fields() -> Fields {
    Fields::from(vec![Field::new("error", DataType::Utf8, true)])
}
