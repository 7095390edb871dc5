//! The source `rate`: so many rows a second since the query was created. The same offsets give the same rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};

use super::rate_rows::{self, RateSplit, Timestamps, shares};
use super::{ReadLimits, Source, SourceContext, Split};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::{BareUnit, MICROS_PER_SECOND, Offset, Options};

pub(super) const OPTIONS: [&str; 3] = ["rowsPerSecond", "rampUpTime", "numPartitions"];

/// How many rows there are after how many seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Speed {
    rows_per_second: i64,
    /// The rate grows evenly for so long.
    ramp_up_seconds: i64,
}

impl Speed {
    fn read(options: &Options) -> Result<Speed> {
        let rows_per_second = options.positive("rowsPerSecond")?.unwrap_or(1) as i64;
        let ramp_up = options.duration_micros("rampUpTime", BareUnit::Seconds)?.unwrap_or(0);
        let speed = Speed { rows_per_second, ramp_up_seconds: ramp_up / MICROS_PER_SECOND };
        if speed.ramp_up_seconds > speed.seconds_max() {
            return Err(options.bad_value("rampUpTime", "a shorter time: the values leave 64 bits"));
        }
        Ok(speed)
    }

    /// After so many seconds the values no longer fit.
    fn seconds_max(&self) -> i64 {
        i64::MAX / self.rows_per_second
    }

    /// The first value not yet there after `seconds`: with 10 a second and a ramp of 4 seconds
    /// 0 2 6 12 20 30 40 after 0 to 6 seconds.
    fn value_at(&self, seconds: i64) -> i64 {
        let faster_each_second = self.rows_per_second / (self.ramp_up_seconds + 1);
        if seconds > self.ramp_up_seconds {
            let after_ramp = (seconds - self.ramp_up_seconds) * self.rows_per_second;
            return self.value_at(self.ramp_up_seconds) + after_ramp;
        }
        // One of two neighbours is even: halving it first keeps the product small.
        if seconds % 2 == 1 {
            (seconds + 1) / 2 * faster_each_second * seconds
        } else {
            seconds / 2 * faster_each_second * (seconds + 1)
        }
    }
}

/// Offsets are whole seconds since the query was created; that time is entry 0 of the source's log.
pub struct RateSource {
    speed: Speed,
    partitions: usize,
    clock: Arc<dyn Clock>,
    created_ms: i64,
    /// The newest time seen: the source's time never goes back.
    now_ms: i64,
    fixed_end: Option<i64>,
}

impl RateSource {
    /// What the options say is checked; nothing is read or written.
    pub fn validate(options: &Options) -> Result<SchemaRef> {
        options.refuse_unknown(&OPTIONS)?;
        options.positive("numPartitions")?;
        Speed::read(options)?;
        Ok(rate_rows::schema())
    }

    pub fn new(options: &Options, context: SourceContext) -> Result<RateSource> {
        RateSource::validate(options)?;
        let created_ms = match context.log.get(0)? {
            Some(content) => read_creation(&content)?,
            None => {
                let now_ms = context.clock.now_millis();
                context.log.add(0, format!("v1\n{now_ms}").as_bytes())?;
                now_ms
            }
        };
        Ok(RateSource {
            speed: Speed::read(options)?,
            partitions: options
                .positive("numPartitions")?
                .map_or(context.parallelism, |count| count as usize),
            clock: context.clock,
            created_ms,
            now_ms: created_ms,
            fixed_end: None,
        })
    }

    fn now_seconds(&mut self) -> i64 {
        self.now_ms = self.now_ms.max(self.clock.now_millis());
        (self.now_ms - self.created_ms) / 1_000
    }
}

fn read_creation(content: &[u8]) -> Result<i64> {
    let text = String::from_utf8_lossy(content);
    let millis = text.strip_prefix("v1\n").and_then(|line| line.trim().parse().ok());
    millis.ok_or_else(|| {
        Error::data("the time at which the query was created is not readable")
            .with("entry", text.escape_debug())
            .with("expected", "v1 and a number of milliseconds")
    })
}

fn seconds_of(offset: &Offset) -> Result<i64> {
    offset.0.as_i64().filter(|seconds| *seconds >= 0).ok_or_else(|| {
        Error::data("this is no offset of a rate source").with("offset", offset).with("expected", "seconds")
    })
}

impl Source for RateSource {
    fn schema(&self) -> SchemaRef {
        rate_rows::schema()
    }

    fn description(&self) -> String {
        format!(
            "RateStreamV2[rowsPerSecond={}, rampUpTimeSeconds={}, numPartitions={}]",
            self.speed.rows_per_second, self.speed.ramp_up_seconds, self.partitions
        )
    }

    fn next_end(&mut self, _start: Option<&Offset>, _limits: ReadLimits) -> Result<Option<Offset>> {
        let seconds = match self.fixed_end {
            Some(fixed) => fixed,
            None => self.now_seconds(),
        };
        Ok(Some(Offset(seconds.into())))
    }

    fn latest(&mut self) -> Result<Option<Offset>> {
        let seconds = self.now_seconds();
        Ok(Some(Offset(seconds.into())))
    }

    fn fix_end(&mut self) -> Result<()> {
        self.fixed_end = Some(self.now_seconds());
        Ok(())
    }

    fn splits(&mut self, start: Option<&Offset>, end: &Offset) -> Result<Vec<Box<dyn Split>>> {
        let start_seconds = start.map_or(Ok(0), seconds_of)?;
        let end_seconds = seconds_of(end)?;
        if start_seconds > end_seconds || end_seconds > self.speed.seconds_max() {
            return Err(Error::data("the range of a rate source is not one")
                .with("start", start_seconds)
                .with("end", end_seconds));
        }
        // The machine's clock may be behind the one that planned this range.
        self.now_ms = self.now_ms.max(self.created_ms + end_seconds * 1_000);
        let (first, last) = (self.speed.value_at(start_seconds), self.speed.value_at(end_seconds));
        if first == last {
            return Ok(Vec::new());
        }
        let timestamps = Timestamps {
            first,
            start_ms: self.created_ms + start_seconds * 1_000,
            ms_per_value: ((end_seconds - start_seconds) * 1_000) as f64 / (last - first) as f64,
        };
        let split =
            |(from, to)| Box::new(RateSplit { source: "rate", from, to, timestamps }) as Box<dyn Split>;
        Ok(shares(first, last, self.partitions).into_iter().map(split).collect())
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
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;
    use crate::source::testing::{context, options, read_longs};

    #[test]
    fn values_grow_with_the_ramp() {
        for (rows_per_second, ramp_up_seconds, expected) in [
            (10, 4, [0, 2, 6, 12, 20, 30, 40]),
            (10, 0, [0, 10, 20, 30, 40, 50, 60]),
            (3, 2, [0, 1, 3, 6, 9, 12, 15]),
        ] {
            let speed = Speed { rows_per_second, ramp_up_seconds };
            let values: Vec<i64> = (0..7).map(|seconds| speed.value_at(seconds)).collect();
            assert_eq!(values, expected, "{speed:?}");
        }
    }

    #[test]
    fn the_first_batch_is_empty_and_a_restart_keeps_the_start_time() {
        let clock = Arc::new(ManualClock::at_micros(5_000_000));
        let context = context(clock.clone());
        let options = options(&[("rowsPerSecond", "4"), ("numPartitions", "2")]);
        let mut source = RateSource::new(&options, context.clone()).unwrap();
        let zero = source.next_end(None, ReadLimits::Honour).unwrap().unwrap();
        assert_eq!(zero, Offset(0.into()));
        assert!(source.splits(None, &zero).unwrap().is_empty());

        clock.advance(Duration::from_millis(2_900));
        let mut source = RateSource::new(&options, context.clone()).unwrap();
        let end = source.next_end(Some(&zero), ReadLimits::Honour).unwrap().unwrap();
        assert_eq!(end, Offset(2.into()));
        let splits = source.splits(Some(&zero), &end).unwrap();
        assert_eq!(splits.len(), 2);
        assert_eq!(read_longs(splits, 1), (0..8).collect::<Vec<_>>());
        let splits = source.splits(Some(&zero), &end).unwrap();
        let millis: Vec<i64> = (0..8).map(|n| (5_000 + n * 250) * 1_000).collect();
        assert_eq!(read_longs(splits, 0), millis);

        source.fix_end().unwrap();
        clock.advance(Duration::from_secs(10));
        assert_eq!(source.next_end(Some(&zero), ReadLimits::Honour).unwrap(), Some(end));
        assert_eq!(context.log.get(0).unwrap().unwrap(), b"v1\n5000");
    }

    #[test]
    fn options_are_checked() {
        for (pairs, fact) in [
            (&[("rowsPerSecond", "0")][..], Some("0")),
            (&[("rampUpTime", "soon")], Some("soon")),
            (&[("numPartitions", "-1")], Some("-1")),
            (&[("rampUpTime", "5s"), ("RowsPerSecond", "10")], None),
        ] {
            let error = RateSource::validate(&options(pairs)).err();
            assert_eq!(error.as_ref().and_then(|e| e.fact("value")), fact, "{pairs:?}");
        }
        assert!(RateSource::validate(&options(&[("rowPerSecond", "1")])).is_err());
    }
}
