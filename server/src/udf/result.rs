//! The result of a call: columns, where their rows come from, and which rows a transform refused.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow::compute::filter;
use arrow::datatypes::{DataType, FieldRef, Fields};

use super::columns_out::{RawArray, Reader};
use super::limits::TEXT_BYTES_MAX;
use super::memory::{Memory, printable, refuse};
use crate::error::{Error, Result};

// Places in the result struct.
pub const COLUMNS: u32 = 0;
pub const ORIGIN: u32 = 4;
pub const OUTCOME: u32 = 8;
const ERROR: u32 = 12;
const MESSAGE: u32 = 16;
const MESSAGE_BYTES: u32 = 20;
pub const STATES: u32 = 24;
pub const TIMERS: u32 = 28;

// Outcomes of an input row.
pub const ROW_OK: u8 = 0;
pub const ROW_SKIP: u8 = 1;
const ROW_ERROR: u8 = 2;

/// What a guest made of some rows of a batch.
#[derive(Debug)]
pub struct Transformed {
    /// The input rows this is about.
    pub rows: Range<usize>,
    /// The function's outputs.
    pub columns: Vec<ArrayRef>,
    /// How many rows there are; `columns` may be none.
    pub rows_out: usize,
    /// The input row of each output row, counted in the whole batch; it never falls. None: one output row for each
    /// of `rows`, in order.
    pub origin: Option<UInt32Array>,
    /// Input rows that the guest refused, in order; they have no output rows.
    pub errors: Vec<RowError>,
}

/// Why a row was refused.
#[derive(Debug, PartialEq)]
pub struct RowError {
    /// The input row, counted in the whole batch.
    pub row: usize,
    /// The guest's own words, cut to a kilobyte.
    pub message: String,
}

/// The message of a guest that gave up.
pub fn failure(memory: Memory<'_>, at: u32) -> Result<String> {
    let (message, bytes) = (memory.u32(at + MESSAGE)?, memory.u32(at + MESSAGE_BYTES)?);
    if bytes == 0 {
        return Ok("the function gave no reason".into());
    }
    Ok(printable(memory.bytes(message, bytes as usize)?, TEXT_BYTES_MAX))
}

impl Transformed {
    /// Reads the result at `at` for `rows` of the batch, of at most `bytes_max`.
    pub fn read(
        memory: Memory<'_>,
        at: u32,
        outputs: &Fields,
        has_origin: bool,
        rows: Range<usize>,
        bytes_max: usize,
    ) -> Result<Transformed> {
        only_parts(memory, at, &[COLUMNS, ORIGIN, OUTCOME, ERROR])?;
        let mut reader = Reader::new(memory, bytes_max);
        let batch = reader.array(memory.u32(at + COLUMNS)?, 1, outputs.len())?;
        if !has_origin && batch.rows != rows.len() {
            return Err(refuse(
                "there must be one output row for each input row, for the function has no origin",
            )
            .with("rows_in", rows.len())
            .with("rows_out", batch.rows));
        }
        let origin = match (has_origin, memory.u32(at + ORIGIN)?) {
            (true, origin) => Some(read_origin(reader.numbers(origin, batch.rows)?, &rows)?),
            (false, 0) => None,
            (false, _) => return Err(refuse("an origin came that the manifest does not announce")),
        };
        let columns = read_columns(&mut reader, &batch, outputs)?;
        let rows_out = batch.rows;
        let whole = Transformed { rows, columns, rows_out, origin, errors: Vec::new() };
        match memory.u32(at + OUTCOME)? {
            0 => Ok(whole),
            outcome => whole.without_refused(&mut reader, outcome, memory.u32(at + ERROR)?),
        }
    }

    /// Applies the outcomes at `outcome`, with their texts at `error` unless that is 0.
    fn without_refused(mut self, reader: &mut Reader<'_>, outcome: u32, error: u32) -> Result<Transformed> {
        let rows = self.rows.clone();
        let outcomes = reader.codes(outcome, rows.len())?;
        if let Some(row) = outcomes.iter().position(|code| *code > ROW_ERROR) {
            return Err(refuse("an outcome is none of ok, skip and error")
                .with("row", row)
                .with("outcome", outcomes[row]));
        }
        if outcomes.iter().all(|code| *code == ROW_OK) {
            return Ok(self);
        }
        let texts = match error {
            0 => None,
            at => Some(
                reader
                    .column(at, &DataType::Utf8, rows.len())
                    .map_err(|error| error.with("column", "error"))?,
            ),
        };
        for (row, _) in outcomes.iter().enumerate().filter(|(_, code)| **code == ROW_ERROR) {
            let text =
                texts.as_ref().map(|texts| texts.as_string::<i32>()).filter(|texts| texts.is_valid(row));
            let message = text.map_or("the function gave no reason".into(), |texts| {
                printable(texts.value(row).as_bytes(), TEXT_BYTES_MAX)
            });
            self.errors.push(RowError { row: rows.start + row, message });
        }
        let origin = self.origin.take().unwrap_or_else(|| (rows.start as u32..rows.end as u32).collect());
        let is_ok = |row: u32| outcomes[row as usize - rows.start] == ROW_OK;
        let kept =
            BooleanArray::new(BooleanBuffer::from_iter(origin.values().iter().map(|row| is_ok(*row))), None);
        let unfiltered = |error| Error::internal("drop the rows that a udf refused").because(error);
        for column in &mut self.columns {
            *column = filter(column, &kept).map_err(unfiltered)?;
        }
        let origin: ArrayRef = filter(&(Arc::new(origin) as ArrayRef), &kept).map_err(unfiltered)?;
        self.rows_out = origin.len();
        self.origin = Some(origin.as_primitive().clone());
        Ok(self)
    }
}

/// Refuses a result at `at` with other parts than these.
pub fn only_parts(memory: Memory<'_>, at: u32, parts: &[u32]) -> Result<()> {
    let all = [
        ("columns", COLUMNS),
        ("origin", ORIGIN),
        ("outcome", OUTCOME),
        ("error", ERROR),
        ("states", STATES),
        ("timers", TIMERS),
    ];
    for (name, place) in all.iter().filter(|(_, place)| !parts.contains(place)) {
        if memory.u32(at + place)? != 0 {
            return Err(refuse("a part of the result came that this kind of function does not have")
                .with("part", name));
        }
    }
    Ok(())
}

/// The children of `batch`, which has as many as there are fields.
pub fn read_columns(reader: &mut Reader<'_>, batch: &RawArray, fields: &Fields) -> Result<Vec<ArrayRef>> {
    let column = |(index, field): (usize, &FieldRef)| {
        let child = reader.child(batch, index)?;
        let column = reader.column(child, field.data_type(), batch.rows);
        column.map_err(|error| error.with("column", field.name()))
    };
    fields.iter().enumerate().map(column).collect()
}

/// The result at `at` of a function that hands back nothing but columns, of `rows` rows.
pub fn columns_only(
    memory: Memory<'_>,
    at: u32,
    fields: &Fields,
    rows: usize,
    bytes_max: usize,
) -> Result<Vec<ArrayRef>> {
    only_parts(memory, at, &[COLUMNS])?;
    let mut reader = Reader::new(memory, bytes_max);
    let batch = reader.array(memory.u32(at + COLUMNS)?, 1, fields.len())?;
    if batch.rows != rows {
        return Err(refuse("there must be one row for each group")
            .with("groups", rows)
            .with("rows", batch.rows));
    }
    read_columns(&mut reader, &batch, fields)
}

/// Checks that the numbers in `bytes` never fall and stay inside the rows, and counts them in the whole batch.
pub fn read_origin(bytes: &[u8], rows: &Range<usize>) -> Result<UInt32Array> {
    // A negative number is a large one here. The passes are separate because each is quick that way.
    let origin = ScalarBuffer::<u32>::from(Buffer::from(bytes));
    let rising =
        origin.iter().zip(origin.iter().skip(1)).fold(true, |rising, (one, next)| rising & (one <= next));
    let last = origin.last().map_or(0, |last| *last as usize);
    if !rising || (!origin.is_empty() && last >= rows.len()) {
        return Err(refuse("the origin falls or names a row that is not there")
            .with("rows_in", rows.len())
            .with("last", last as i32));
    }
    let start = rows.start as u32;
    let origin = if start == 0 { origin } else { origin.iter().map(|row| row + start).collect() };
    Ok(UInt32Array::new(origin, None))
}
