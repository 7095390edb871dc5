//! The source `rate-micro-batch`: the same number of rows in every batch, whatever the clock says.

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value, json};

use super::rate_rows::{self, RateSplit, Timestamps, shares};
use super::{ReadLimits, Source, SourceContext, Split};
use crate::error::{Error, Result};
use crate::record::{Offset, Options};

pub(super) const OPTIONS: [&str; 4] =
    ["rowsPerBatch", "startTimestamp", "advanceMillisPerBatch", "numPartitions"];

const DEFAULT_ADVANCE_MS: u64 = 1_000;

/// A place between two batches: the next value, and the timestamp of its batch.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    value: i64,
    timestamp_ms: i64,
}

impl Place {
    fn read(offset: &Offset) -> Result<Place> {
        let field = |name| offset.0.get(name).and_then(Value::as_i64).filter(|number| *number >= 0);
        match (field("offset"), field("timestamp")) {
            (Some(value), Some(timestamp_ms)) => Ok(Place { value, timestamp_ms }),
            _ => Err(Error::data("this is no offset of a rate-micro-batch source").with("offset", offset)),
        }
    }

    fn offset(&self) -> Offset {
        Offset(json!({"offset": self.value, "timestamp": self.timestamp_ms}))
    }
}

/// Batch k holds the values `k*n..(k+1)*n`, all at start + k*advance.
pub struct RateMicroBatchSource {
    rows_per_batch: i64,
    start: Place,
    advance_ms: i64,
    partitions: usize,
    end: End,
}

/// Under the trigger `availableNow` one batch is all there is, as in Spark.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Open,
    FixedAtNextBatch,
    Fixed(Place),
}

impl RateMicroBatchSource {
    pub fn validate(options: &Options) -> Result<SchemaRef> {
        RateMicroBatchSource::read(options, 1).map(|_| rate_rows::schema())
    }

    pub fn new(options: &Options, context: SourceContext) -> Result<RateMicroBatchSource> {
        RateMicroBatchSource::read(options, context.parallelism)
    }

    fn read(options: &Options, parallelism: usize) -> Result<RateMicroBatchSource> {
        options.refuse_unknown(&OPTIONS)?;
        options.required("rowsPerBatch", "say how many rows each batch has, such as `rowsPerBatch: 100`")?;
        let start_ms = options.non_negative("startTimestamp")?.unwrap_or(0) as i64;
        Ok(RateMicroBatchSource {
            rows_per_batch: options.positive("rowsPerBatch")?.unwrap_or(1) as i64,
            start: Place { value: 0, timestamp_ms: start_ms },
            advance_ms: options.non_negative("advanceMillisPerBatch")?.unwrap_or(DEFAULT_ADVANCE_MS) as i64,
            partitions: options.positive("numPartitions")?.map_or(parallelism, |count| count as usize),
            end: End::Open,
        })
    }

    fn place(&self, offset: Option<&Offset>) -> Result<Place> {
        offset.map_or(Ok(self.start), Place::read)
    }
}

impl Source for RateMicroBatchSource {
    fn schema(&self) -> SchemaRef {
        rate_rows::schema()
    }

    fn description(&self) -> String {
        format!(
            "RatePerMicroBatch[rowsPerBatch={}, numPartitions={}, startTimestamp={}, advanceMillisPerBatch={}]",
            self.rows_per_batch, self.partitions, self.start.timestamp_ms, self.advance_ms
        )
    }

    fn next_end(&mut self, start: Option<&Offset>, _limits: ReadLimits) -> Result<Option<Offset>> {
        let start = self.place(start)?;
        if let End::Fixed(place) = self.end {
            return Ok(Some(place.offset()));
        }
        let next = Place {
            value: start.value.saturating_add(self.rows_per_batch),
            timestamp_ms: start.timestamp_ms.saturating_add(self.advance_ms),
        };
        if self.end == End::FixedAtNextBatch {
            self.end = End::Fixed(next);
        }
        Ok(Some(next.offset()))
    }

    fn latest(&mut self) -> Result<Option<Offset>> {
        Ok(None)
    }

    fn fix_end(&mut self) -> Result<()> {
        self.end = End::FixedAtNextBatch;
        Ok(())
    }

    fn splits(&mut self, start: Option<&Offset>, end: &Offset) -> Result<Vec<Box<dyn Split>>> {
        let (start, end) = (self.place(start)?, Place::read(end)?);
        if start.value > end.value || start.timestamp_ms > end.timestamp_ms {
            return Err(Error::data("the range of a rate-micro-batch source is not one")
                .with("start", start.offset())
                .with("end", end.offset()));
        }
        let timestamps = Timestamps { first: start.value, start_ms: start.timestamp_ms, ms_per_value: 0.0 };
        let source = "rate-micro-batch";
        let split = |(from, to)| Box::new(RateSplit { source, from, to, timestamps }) as Box<dyn Split>;
        Ok(shares(start.value, end.value, self.partitions).into_iter().map(split).collect())
    }

    fn commit(&mut self, _end: &Offset) -> Result<()> {
        Ok(())
    }

    fn metrics(&self, _end: &Offset) -> Map<String, Value> {
        Map::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::source::testing::{context, options, read_longs};

    #[test]
    fn every_batch_is_alike_and_available_now_is_one_batch() {
        let pairs = [("rowsPerBatch", "3"), ("startTimestamp", "500"), ("advanceMillisPerBatch", "10")];
        let context = context(Arc::new(ManualClock::default()));
        let mut source = RateMicroBatchSource::new(&options(&pairs), context).unwrap();
        let mut start: Option<Offset> = None;
        for batch in 0..3 {
            let end = source.next_end(start.as_ref(), ReadLimits::Honour).unwrap().unwrap();
            let (values, at) = ((batch + 1) * 3, 500 + (batch + 1) * 10);
            assert_eq!(end.to_string(), format!(r#"{{"offset":{values},"timestamp":{at}}}"#));
            let splits = source.splits(start.as_ref(), &end).unwrap();
            assert_eq!(read_longs(splits, 1), [values - 3, values - 2, values - 1]);
            let splits = source.splits(start.as_ref(), &end).unwrap();
            assert_eq!(read_longs(splits, 0), [(at - 10) * 1_000; 3]);
            start = Some(end);
        }
        source.fix_end().unwrap();
        let end = source.next_end(start.as_ref(), ReadLimits::Honour).unwrap();
        assert_ne!(end, start);
        assert_eq!(source.next_end(end.as_ref(), ReadLimits::Honour).unwrap(), end);
    }

    #[test]
    fn options_are_checked() {
        for pairs in [
            &[][..],
            &[("rowsPerBatch", "0")],
            &[("rowsPerBatch", "1"), ("startTimestamp", "-1")],
            &[("rowsPerBatch", "1"), ("advanceMillisPerBatch", "-1")],
            &[("rowsPerBatch", "1"), ("rowsPerSecond", "1")],
        ] {
            assert!(RateMicroBatchSource::validate(&options(pairs)).is_err(), "{pairs:?}");
        }
        assert!(RateMicroBatchSource::validate(&options(&[("ROWSPERBATCH", "5")])).is_ok());
    }
}
