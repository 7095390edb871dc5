//! The global watermark: what event times were seen, node by node, and what follows for the next batch. Pure.

use crate::plan::WatermarkPolicy;
use crate::record::EventTimeStats;

/// The watermarks of one run. Only the global value survives a restart; the nodes start unset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatermarkTracker {
    policy: WatermarkPolicy,
    /// By node, milliseconds.
    delays: Vec<i64>,
    nodes: Vec<Option<i64>>,
    global_ms: i64,
}

impl WatermarkTracker {
    /// `delays_us` by node; `global_ms` from the checkpoint, 0 for a new query.
    pub fn new(policy: WatermarkPolicy, delays_us: &[i64], global_ms: i64) -> WatermarkTracker {
        let delays: Vec<i64> = delays_us.iter().map(|us| us / 1_000).collect();
        let nodes = vec![None; delays.len()];
        WatermarkTracker { policy, delays, nodes, global_ms }
    }

    pub fn global_ms(&self) -> i64 {
        self.global_ms
    }

    /// Whether the query has a watermark at all.
    pub fn is_used(&self) -> bool {
        !self.delays.is_empty()
    }

    /// Takes in what a batch saw, by node, and gives the watermark of the next one. It never falls.
    pub fn observe(&mut self, stats: &[EventTimeStats]) -> i64 {
        for (node, (value, delay)) in self.nodes.iter_mut().zip(&self.delays).enumerate() {
            match stats.get(node).filter(|seen| seen.rows > 0) {
                Some(seen) => {
                    let candidate = seen.max.div_euclid(1_000).saturating_sub(*delay);
                    *value = Some(value.map_or(candidate, |old| old.max(candidate)));
                }
                None => *value = Some(value.unwrap_or(0)),
            }
        }
        let values = self.nodes.iter().flatten();
        let chosen = match self.policy {
            WatermarkPolicy::Min => values.min(),
            WatermarkPolicy::Max => values.max(),
        };
        self.global_ms = chosen.map_or(self.global_ms, |chosen| self.global_ms.max(*chosen));
        self.global_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn seen(max: Option<i64>) -> EventTimeStats {
        EventTimeStats { rows: max.is_some() as u64, max: max.unwrap_or(0) * SECOND, ..Default::default() }
    }

    #[test]
    fn one_node_follows_its_maximum_and_never_falls() {
        let mut tracker = WatermarkTracker::new(WatermarkPolicy::Min, &[10 * SECOND], 0);
        let inputs = [Some(14), Some(21), None, Some(8), Some(33)];
        let found: Vec<_> = inputs.iter().map(|max| tracker.observe(&[seen(*max)]) / 1_000).collect();
        assert_eq!(found, [4, 11, 11, 11, 23]);
    }

    #[test]
    fn two_nodes_by_policy() {
        for (policy, watermarks) in
            [(WatermarkPolicy::Min, [30, 30, 50]), (WatermarkPolicy::Max, [90, 190, 290])]
        {
            let mut tracker = WatermarkTracker::new(policy, &[10 * SECOND, 20 * SECOND], 0);
            let batches = [[Some(100), Some(50)], [Some(200), None], [Some(300), Some(70)]];
            let found: Vec<_> =
                batches.iter().map(|[a, b]| tracker.observe(&[seen(*a), seen(*b)]) / 1_000).collect();
            assert_eq!(found, watermarks, "{policy:?}");
        }
    }

    #[test]
    fn a_node_without_data_counts_as_zero_after_the_first_batch() {
        let mut tracker = WatermarkTracker::new(WatermarkPolicy::Min, &[0, 0], 0);
        assert_eq!(tracker.observe(&[seen(Some(100)), seen(None)]), 0);
    }

    #[test]
    fn after_a_restart_the_global_value_stays_until_every_node_has_seen_data() {
        let mut tracker = WatermarkTracker::new(WatermarkPolicy::Min, &[0, 0], 50_000);
        assert_eq!(tracker.observe(&[seen(Some(100)), seen(None)]), 50_000);
        assert_eq!(tracker.observe(&[seen(Some(100)), seen(Some(60))]), 60_000);
    }
}
