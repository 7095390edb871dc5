//! Rows of the generating sources: ascending values, each with a timestamp computed from it.
//! Knows no options and no clock.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{BatchStream, ReadOptions, Split};
use crate::error::{Error, Result};
use crate::record::timestamp_type;

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("timestamp", timestamp_type(), true),
        Field::new("value", DataType::Int64, true),
    ]))
}

/// When the value `first + n` was, in milliseconds: `start_ms + round(n * ms_per_value)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timestamps {
    pub first: i64,
    pub start_ms: i64,
    pub ms_per_value: f64,
}

impl Timestamps {
    fn micros(&self, value: i64) -> i64 {
        let after_ms = ((value - self.first) as f64 * self.ms_per_value + 0.5).floor() as i64;
        self.start_ms.saturating_add(after_ms).saturating_mul(1_000)
    }
}

/// Cuts the values `start..end` into `count` neighbouring shares, as even as they can be, none of them empty.
///
/// Spark deals values out in turn; neighbouring shares give the same rows in the same order at any parallelism.
pub(super) fn shares(start: i64, end: i64, count: usize) -> Vec<(i64, i64)> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut shares = Vec::new();
    let mut from = start;
    for index in 0..count {
        let size = (end - from) / (count - index);
        if size > 0 {
            shares.push((from, from + size));
        }
        from += size;
    }
    shares
}

/// The values `from..to`.
pub(super) struct RateSplit {
    pub source: &'static str,
    pub from: i64,
    pub to: i64,
    pub timestamps: Timestamps,
}

impl Split for RateSplit {
    fn describe(&self) -> String {
        format!("{} values {}..{}", self.source, self.from, self.to)
    }

    fn read(self: Box<Self>, options: &ReadOptions) -> Result<BatchStream> {
        let schema = Arc::new(schema().project(&options.projection).map_err(|cause| {
            Error::internal("project the columns of a rate source").with("source", self.source).because(cause)
        })?);
        let (rows_max, projection) = (options.rows_max.max(1) as i64, options.projection.clone());
        let mut next = self.from;
        Ok(Box::new(std::iter::from_fn(move || {
            let (from, to) = (next, self.to.min(next.saturating_add(rows_max)));
            next = to;
            (from < to).then(|| self.batch(from, to, &projection, &schema))
        })))
    }
}

impl RateSplit {
    fn batch(&self, from: i64, to: i64, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        let column = |index: &usize| -> ArrayRef {
            if *index == 1 {
                return Arc::new(Int64Array::from_iter_values(from..to));
            }
            let micros = (from..to).map(|value| self.timestamps.micros(value));
            Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
        };
        let columns = projection.iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some((to - from) as usize));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
            .map_err(|cause| Error::internal("build a batch").with("source", self.source).because(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_neighbours_and_never_empty() {
        for (start, end, count, expected) in [
            (0, 10, 3, vec![(0, 3), (3, 6), (6, 10)]),
            (5, 7, 4, vec![(5, 6), (6, 7)]),
            (3, 3, 2, vec![]),
            (0, 4, 1, vec![(0, 4)]),
        ] {
            assert_eq!(shares(start, end, count), expected, "{start}..{end} in {count}");
        }
    }

    #[test]
    fn batches_hold_the_projected_columns() {
        let timestamps = Timestamps { first: 0, start_ms: 1_000, ms_per_value: 333.4 };
        let read = |projection: Vec<usize>| -> Vec<RecordBatch> {
            let split = Box::new(RateSplit { source: "rate", from: 2, to: 5, timestamps });
            let options = ReadOptions { projection, rows_max: 2, with_path: false };
            split.read(&options).unwrap().map(|batch| batch.unwrap()).collect()
        };
        let both = read(vec![0, 1]);
        assert_eq!(both.iter().map(|b| b.num_rows()).collect::<Vec<_>>(), [2, 1]);
        let times = both[0].column(0).as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
        assert_eq!(times.values().to_vec(), [1_667_000, 2_000_000]);
        assert_eq!(
            read(vec![]).iter().map(|b| (b.num_rows(), b.num_columns())).collect::<Vec<_>>(),
            [(2, 0), (1, 0)]
        );
    }
}
