//! When the next batch starts. Pure; knows nothing of what a batch does.

use crate::plan::TriggerSpec;

/// How long to wait when there was nothing to do, milliseconds (Spark's polling delay).
pub const POLLING_DELAY_MS: i64 = 10;

/// What the loop does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Start,
    /// Look again at this time, microseconds since the epoch.
    WaitUntil(i64),
    /// The trigger's work is done.
    End,
}

/// What is known when the loop asks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now_us: i64,
    /// When the batch before was triggered; nothing at start.
    pub last_trigger_us: Option<i64>,
    /// The last look found nothing to run.
    pub idle: bool,
    /// Batches run since the start, replayed ones included.
    pub batches: u64,
}

pub fn next(trigger: TriggerSpec, moment: Moment) -> Next {
    let Moment { now_us, last_trigger_us, idle, batches } = moment;
    match trigger {
        TriggerSpec::Default if idle => {
            let last = last_trigger_us.unwrap_or(now_us);
            Next::WaitUntil((last + POLLING_DELAY_MS * 1_000).max(now_us))
        }
        TriggerSpec::Default => Next::Start,
        TriggerSpec::ProcessingTime(interval) => match last_trigger_us {
            Some(last) if now_us < grid_after(last, interval) => Next::WaitUntil(grid_after(last, interval)),
            _ => Next::Start,
        },
        TriggerSpec::AvailableNow if idle => Next::End,
        TriggerSpec::Once if idle || batches > 0 => Next::End,
        TriggerSpec::AvailableNow | TriggerSpec::Once => Next::Start,
    }
}

/// The first point after `last` on the grid of `interval` since the epoch.
fn grid_after(last: i64, interval: i64) -> i64 {
    last.div_euclid(interval) * interval + interval
}

#[cfg(test)]
mod tests {
    use super::*;
    use TriggerSpec::*;

    #[test]
    fn triggers() {
        let second = 1_000_000;
        let every = ProcessingTime(2 * second);
        for (trigger, now, last, idle, batches, next_is) in [
            (Default, 5, None, false, 0, Next::Start),
            (Default, 5, Some(5), true, 0, Next::WaitUntil(10_005)),
            (every, 5 * second, None, false, 0, Next::Start),
            (every, 5 * second, Some(4 * second), false, 1, Next::WaitUntil(6 * second)),
            (every, 5 * second, Some(5 * second - 1), true, 1, Next::WaitUntil(6 * second)),
            // A batch that took longer than the interval: the next one starts at once, off the grid.
            (every, 7 * second, Some(4 * second), false, 1, Next::Start),
            (AvailableNow, 5, Some(1), false, 3, Next::Start),
            (AvailableNow, 5, Some(1), true, 3, Next::End),
            (Once, 5, None, false, 0, Next::Start),
            (Once, 5, Some(1), false, 1, Next::End),
        ] {
            let moment = Moment { now_us: now, last_trigger_us: last, idle, batches };
            assert_eq!(next(trigger, moment), next_is, "{trigger:?} {moment:?}");
        }
    }
}
