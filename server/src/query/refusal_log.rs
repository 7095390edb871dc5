//! Tells of rows that guests refused, however many there are: a line a stage in a while. Counts for the log alone.

use crate::operator::RefusedCount;
use crate::plan::Refusals;
use crate::record::BatchId;

/// A stage is told of once in so long.
const INTERVAL_US: i64 = 10_000_000;

/// What was not told yet, by stage.
#[derive(Debug, Default)]
pub struct RefusalLog {
    stages: Vec<Untold>,
}

#[derive(Clone, Debug, Default)]
struct Untold {
    told_us: Option<i64>,
    rows: u64,
}

impl RefusalLog {
    /// Notes what the stages refused in a batch that is committed now.
    pub fn note(&mut self, now_us: i64, batch: BatchId, refusals: &Refusals, refused: &[RefusedCount]) {
        self.stages.resize(refusals.stages.len(), Untold::default());
        for ((stage, untold), refused) in refusals.stages.iter().zip(&mut self.stages).zip(refused) {
            let Some(rows) = untold.add(now_us, refused.rows) else { continue };
            let said = refused.first.as_deref().unwrap_or_default();
            let (name, policy) = (&stage.name, stage.policy());
            tracing::warn!(stage = name, onError = policy, batch, rows, said, "a guest refused rows");
        }
    }
}

impl Untold {
    /// The rows to tell of now, if any.
    fn add(&mut self, now_us: i64, rows: u64) -> Option<u64> {
        self.rows += rows;
        let is_early = self.told_us.is_some_and(|told| now_us.saturating_sub(told) < INTERVAL_US);
        if rows == 0 || is_early {
            return None;
        }
        self.told_us = Some(now_us);
        Some(std::mem::take(&mut self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_told_of_once_in_a_while_with_all_rows_since() {
        let mut untold = Untold::default();
        let second = 1_000_000;
        for (at, rows, told) in [
            (0, 0, None),
            (1, 3, Some(3)),
            (2, 4, None),
            (9, 5, None),
            (12, 0, None),
            (13, 1, Some(10)),
            (14, 1, None),
        ] {
            assert_eq!(untold.add(at * second, rows), told, "at {at}");
        }
    }
}
