//! Where a query goes on after a stop, from what the two logs hold. A decision without I/O.
//!
//! The order of the protocol is what makes it sound: `offsets/N` is written before batch N begins, `commits/N`
//! after its output and its state, `offsets/N+1` after `commits/N`. A batch that was replayed gives the same
//! bytes, so a replay is always safe; a batch left out, or one with other ranges, never is.

use std::collections::BTreeSet;

use crate::record::BatchId;

/// What is known of one log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogFacts {
    /// Every id that has a file.
    pub ids: BTreeSet<BatchId>,
    /// Those of the newest two whose file is damaged.
    pub damaged: BTreeSet<BatchId>,
}

/// What is known of the checkpoint and of the sinks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether `metadata`, with the query's id, can be read.
    pub has_id: bool,
    pub offsets: LogFacts,
    pub commits: LogFacts,
    /// The newest batch that a sink shows, as far as the caller knows.
    pub published: Option<BatchId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogName {
    Offsets,
    Commits,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing ran yet: plan batch 0.
    StartFresh,
    /// Run `batch` again as its offset entry says.
    Replay {
        batch: BatchId,
    },
    /// All is done up to `next` - 1: plan `next`.
    Continue {
        next: BatchId,
    },
    Refuse {
        why: String,
        hint: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub step: Step,
    /// Damaged entries that nothing depends on; they must be out of the way before the query runs.
    pub discard: Vec<(LogName, BatchId)>,
}

/// Decides where to go on.
pub fn decide(facts: &Facts) -> Decision {
    let mut offsets = facts.offsets.clone();
    let mut commits = facts.commits.clone();
    let mut discard = Vec::new();
    // A torn newest entry of a batch that is not committed was never acted on, unless its output shows: the
    // batch begins only when the entry is durable.
    if let Some(newest) = newest(&offsets)
        && offsets.damaged.contains(&newest)
        && !commits.ids.contains(&newest)
        && facts.published.is_none_or(|published| published < newest)
    {
        offsets.ids.remove(&newest);
        offsets.damaged.remove(&newest);
        discard.push((LogName::Offsets, newest));
    }
    // A torn newest commit counts as none: its batch runs again and gives the same.
    if let (Some(planned), Some(committed)) = (newest(&offsets), newest(&commits))
        && planned == committed
        && commits.damaged.contains(&committed)
    {
        commits.ids.remove(&committed);
        commits.damaged.remove(&committed);
        discard.push((LogName::Commits, committed));
    }
    let step = step(facts.has_id, &offsets, &commits);
    if matches!(step, Step::Refuse { .. }) {
        discard.clear();
    }
    Decision { step, discard }
}

fn newest(log: &LogFacts) -> Option<BatchId> {
    log.ids.last().copied()
}

fn step(has_id: bool, offsets: &LogFacts, commits: &LogFacts) -> Step {
    let Some(planned) = newest(offsets) else {
        return match newest(commits) {
            None => Step::StartFresh,
            Some(committed) => missing_offsets(committed),
        };
    };
    if !has_id {
        return refuse(
            "the checkpoint has batches but no readable `metadata`, which holds the query's id".into(),
            "write `metadata` again as {\"id\":\"<uuid>\"}: sinks know the id, our own files in `state/` too; \
             with another id they would take the same rows twice",
        );
    }
    if offsets.damaged.contains(&planned) {
        return damaged_offsets(planned, commits.ids.contains(&planned));
    }
    match newest(commits) {
        Some(committed) if committed > planned => missing_offsets(committed),
        // Whether its commit is damaged was settled before.
        Some(committed) if committed == planned => Step::Continue { next: planned + 1 },
        committed => replay(planned, committed, offsets, commits),
    }
}

/// Batch `planned` has an offset entry and no commit.
fn replay(planned: BatchId, committed: Option<BatchId>, offsets: &LogFacts, commits: &LogFacts) -> Step {
    let Some(before) = planned.checked_sub(1) else { return Step::Replay { batch: planned } };
    if committed != Some(before) {
        let first = committed.map_or(0, |committed| committed + 1);
        return refuse(
            format!(
                "batches {first} to {before} were planned and have no commit, though batch {planned} was planned"
            ),
            "their rows may be missing in the sink; bring the files in `commits/` back, or, if the output is \
             known to be whole, write them by hand as the others are",
        );
    }
    if commits.damaged.contains(&before) {
        return refuse(
            format!("`commits/{before}` is damaged, and batch {planned} needs its watermark"),
            "write it by hand: a line `v1`, then {\"nextBatchWatermarkMs\":M} with batchWatermarkMs of the next \
             file in `offsets/` for M",
        );
    }
    if !offsets.ids.contains(&before) {
        return refuse(
            format!(
                "`offsets/{before}` is missing, and batch {planned}, which is not committed, starts where it ends"
            ),
            "bring the file back from a copy of the checkpoint",
        );
    }
    if offsets.damaged.contains(&before) {
        return damaged_offsets(before, true);
    }
    Step::Replay { batch: planned }
}

fn missing_offsets(committed: BatchId) -> Step {
    refuse(
        format!("batch {committed} is committed, but `offsets/{committed}` is missing"),
        "bring the file back from a copy of the checkpoint, or start anew with an empty checkpoint and an empty \
         output",
    )
}

fn damaged_offsets(batch: BatchId, committed: bool) -> Step {
    let why = if committed { "batch is committed" } else { "output of the batch shows in the sink" };
    refuse(
        format!("`offsets/{batch}` is damaged, and the {why}"),
        "bring the file back from a copy of the checkpoint, or write it by hand: a line `v1`, the JSON line as in \
         the file before, then the end offset of each source",
    )
}

fn refuse(why: String, hint: &str) -> Step {
    Step::Refuse { why, hint: hint.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0 1 2x`: ids, an `x` marks damage.
    fn log(text: &str) -> LogFacts {
        let mut log = LogFacts::default();
        for word in text.split_whitespace() {
            let id = word.trim_end_matches('x').parse().unwrap();
            log.ids.insert(id);
            if word.ends_with('x') {
                log.damaged.insert(id);
            }
        }
        log
    }

    fn show(decision: &Decision) -> String {
        let step = match &decision.step {
            Step::StartFresh => "fresh".to_string(),
            Step::Replay { batch } => format!("replay {batch}"),
            Step::Continue { next } => format!("continue {next}"),
            Step::Refuse { why, hint } => {
                assert!(!hint.is_empty());
                format!("refuse: {why}")
            }
        };
        let discard = decision.discard.iter().map(|(log, id)| format!(", drop {log:?} {id}"));
        step + &discard.collect::<String>()
    }

    #[test]
    fn table_of_cases() {
        let no_output = None;
        for (offsets, commits, published, expected) in [
            ("", "", no_output, "fresh"),
            ("0", "", no_output, "replay 0"),
            ("0", "", Some(0), "replay 0"),
            ("0", "0", Some(0), "continue 1"),
            ("0 1", "0", Some(1), "replay 1"),
            ("0 1", "0 1", Some(1), "continue 2"),
            // Purged at the old end.
            ("7 8 9", "7 8 9", Some(9), "continue 10"),
            ("7 8 9", "7 8", Some(8), "replay 9"),
            ("9", "9", Some(9), "continue 10"),
            // Torn at the new end by a crash.
            ("0x", "", no_output, "fresh, drop Offsets 0"),
            ("0 1x", "0", Some(0), "continue 1, drop Offsets 1"),
            ("0 1", "0 1x", Some(1), "replay 1, drop Commits 1"),
            ("0", "0x", Some(0), "replay 0, drop Commits 0"),
            ("0 1 2x", "0 1x", Some(1), "replay 1, drop Offsets 2, drop Commits 1"),
            // Damage further back that nothing depends on.
            ("0x 1", "0 1", Some(1), "continue 2"),
            ("0 1", "0x 1", Some(1), "continue 2"),
            ("1", "0 1", Some(1), "continue 2"),
        ] {
            let facts = Facts { has_id: true, offsets: log(offsets), commits: log(commits), published };
            assert_eq!(show(&decide(&facts)), expected, "offsets {offsets}; commits {commits}");
        }
    }

    #[test]
    fn what_would_lose_or_double_rows_is_refused() {
        for (offsets, commits, published, why) in [
            ("", "3", None, "batch 3 is committed, but `offsets/3` is missing"),
            ("0 1", "0 1 2", None, "batch 2 is committed, but `offsets/2` is missing"),
            ("0 1x", "0 1", None, "`offsets/1` is damaged, and the batch is committed"),
            ("0 1x", "0", Some(1), "`offsets/1` is damaged, and the output of the batch shows in the sink"),
            ("0x", "", Some(0), "`offsets/0` is damaged, and the output of the batch shows in the sink"),
            ("0x 1", "0", None, "`offsets/0` is damaged, and the batch is committed"),
            (
                "1",
                "0",
                None,
                "`offsets/0` is missing, and batch 1, which is not committed, starts where it ends",
            ),
            ("0 1", "0x", None, "`commits/0` is damaged, and batch 1 needs its watermark"),
            (
                "0 1 2",
                "0",
                None,
                "batches 1 to 1 were planned and have no commit, though batch 2 was planned",
            ),
            ("0 1", "", None, "batches 0 to 0 were planned and have no commit, though batch 1 was planned"),
            ("0 1 2x", "0", None, ""),
        ] {
            let facts = Facts { has_id: true, offsets: log(offsets), commits: log(commits), published };
            let shown = show(&decide(&facts));
            if why.is_empty() {
                // The torn entry was written in vain; what is left is a plain replay.
                assert_eq!(shown, "replay 1, drop Offsets 2");
                continue;
            }
            assert_eq!(shown, format!("refuse: {why}"), "offsets {offsets}; commits {commits}");
        }
    }

    #[test]
    fn a_lost_query_id_stops_a_query_that_ran() {
        let facts = Facts { offsets: log("0"), ..Facts::default() };
        assert!(matches!(decide(&facts).step, Step::Refuse { .. }));
        let torn_at_birth = Facts { offsets: log("0x"), ..Facts::default() };
        assert_eq!(show(&decide(&torn_at_birth)), "fresh, drop Offsets 0");
        assert_eq!(decide(&Facts::default()).step, Step::StartFresh);
    }
}
