//! Which output mode goes with which query: Spark's rules, without I/O.

use crate::error::{Error, Result};
use crate::sink::OutputMode;

/// What the rules look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    pub aggregates: bool,
    /// A key of the aggregation moves with a watermark.
    pub event_time_key: bool,
    pub sorts: bool,
    pub limits: bool,
}

pub fn check(shape: Shape, mode: OutputMode) -> Result<()> {
    let unsupported = |what: &str, hint: &str| {
        let message = format!("[STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION] {what}");
        Err(Error::user(message).with("outputMode", name(mode)).hint(hint))
    };
    match mode {
        OutputMode::Complete if !shape.aggregates => unsupported(
            "complete mode is not supported without an aggregation: every row ever seen would have to be kept",
            "use append, or add a `groupBy`",
        ),
        OutputMode::Append if shape.aggregates && !shape.event_time_key => unsupported(
            "append mode is not supported for an aggregation whose keys do not move with a watermark: no result \
             would ever be final",
            "put `withWatermark` before the `groupBy` and group by that column or a window over it, or use update \
             or complete",
        ),
        OutputMode::Append | OutputMode::Update if shape.sorts => unsupported(
            "orderBy is supported only on an aggregated result in complete mode: a stream has no end to sort to",
            "use complete with a `groupBy`, or sort when reading the output",
        ),
        OutputMode::Update if shape.limits => unsupported(
            "limit is not supported in update mode: a row that changes would count again",
            "use append, or complete with a `groupBy`",
        ),
        _ => Ok(()),
    }
}

pub fn name(mode: OutputMode) -> &'static str {
    match mode {
        OutputMode::Append => "append",
        OutputMode::Update => "update",
        OutputMode::Complete => "complete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix() {
        use OutputMode::*;
        let map = Shape::default();
        let aggregation = Shape { aggregates: true, ..map };
        let windowed = Shape { event_time_key: true, ..aggregation };
        let sorted = Shape { sorts: true, ..windowed };
        let limited = Shape { limits: true, ..windowed };
        for (shape, append, update, complete) in [
            (map, true, true, false),
            (aggregation, false, true, true),
            (windowed, true, true, true),
            (sorted, false, false, true),
            (limited, true, false, true),
            (Shape { sorts: true, ..map }, false, false, false),
        ] {
            for (mode, legal) in [(Append, append), (Update, update), (Complete, complete)] {
                assert_eq!(check(shape, mode).is_ok(), legal, "{shape:?} {mode:?}");
            }
        }
    }
}
