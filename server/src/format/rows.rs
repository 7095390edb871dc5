//! Batches out of lines: what text, json and csv have in common when they read. Knows no syntax.

use std::borrow::Cow;

use arrow::array::RecordBatch;

use super::lines::Lines;
use super::{BATCH_BYTES_MAX, Batches};
use crate::error::Result;

/// Collects the rows of lines.
pub trait Rows: Send {
    /// Adds the rows of a line: none, one, or more.
    fn add(&mut self, line: &str) -> Result<()>;

    /// Adds what was held back, at the end of the file.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn count(&self) -> usize;

    /// The rows as a batch; none are left.
    fn take(&mut self) -> Result<RecordBatch>;
}

/// Reads line by line; bytes that are not UTF-8 become U+FFFD.
pub fn batches(lines: Lines, rows: impl Rows + 'static, rows_max: usize) -> Batches {
    Box::new(LineBatches { lines, rows, rows_max: rows_max.max(1), rest: None, done: false })
}

struct LineBatches<R> {
    lines: Lines,
    rows: R,
    rows_max: usize,
    /// Rows of a line that had too many for one batch.
    rest: Option<RecordBatch>,
    done: bool,
}

impl<R: Rows> LineBatches<R> {
    fn read(&mut self) -> Result<Option<RecordBatch>> {
        let mut bytes = 0;
        while !self.done && self.rows.count() < self.rows_max && bytes < BATCH_BYTES_MAX {
            match self.lines.next()? {
                Some(line) => {
                    bytes += line.len();
                    let text = std::str::from_utf8(line).map(Cow::Borrowed);
                    self.rows.add(&text.unwrap_or_else(|_| String::from_utf8_lossy(line)))?;
                }
                None => {
                    self.rows.finish()?;
                    self.done = true;
                }
            }
        }
        if self.rows.count() == 0 { Ok(None) } else { self.rows.take().map(Some) }
    }
}

impl<R: Rows> Iterator for LineBatches<R> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => match self.read() {
                Ok(batch) => batch?,
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            },
        };
        let (rows, rows_max) = (batch.num_rows(), self.rows_max);
        if rows > rows_max {
            self.rest = Some(batch.slice(rows_max, rows - rows_max));
            return Some(Ok(batch.slice(0, rows_max)));
        }
        Some(Ok(batch))
    }
}
