//! The spine: the one place that knows the order in which a batch becomes durable.
//!
//! offset log, then sources told what is committed, then the tasks (everything staged, nothing visible) and the
//! state's changes while the staged files close, then the sink's publication, then the commit log, then the local
//! state. A crash anywhere leads back to the same batch with the same input, and gives the same bytes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::RunSettings;
use super::closing::{Closer, Closing};
use super::letters::{LetterSink, LetterSinks, Letters};
use super::progress::{Durations, QueryProgress, RefusalProgress, SourceProgress, StateProgress};
use super::refusal_log::RefusalLog;
use super::task::{Outcome, SplitTask, TaskContext};
use super::watermark::WatermarkTracker;
use crate::checkpoint::{BatchPlan, Checkpoint, CommitEntry, OffsetEntry};
use crate::error::{Error, Result};
use crate::operator::group::{TIMES, next_time};
use crate::plan::{Plan, PlanContext, Stateful, TriggerSpec};
use crate::record::{BatchId, EventTimeStats, Offset, QueryId, RunId};
use crate::sink::Sink;
use crate::source::{ReadLimits, Source};
use crate::state::{KEY_GROUPS, StateReader, StateStore};

/// The state operator whose rows are the keys of the stateful stage that a query may have.
const KEYS: usize = 0;

/// A query with everything open.
pub struct Spine<'a> {
    pub plan: &'a Plan,
    pub context: &'a PlanContext,
    pub settings: &'a RunSettings,
    pub query_id: QueryId,
    pub run_id: RunId,
    pub sources: Vec<Box<dyn Source>>,
    pub sink: Arc<dyn Sink>,
    pub letters: LetterSinks,
    pub refusal_log: RefusalLog,
    pub checkpoint: Checkpoint,
    pub state: Option<StateStore>,
    pub tracker: WatermarkTracker,
    /// Where the batch before ended, by source; nothing before the first batch.
    pub ends: Vec<Option<Offset>>,
    /// The watermark that the batch before used; nothing before the first batch.
    pub watermark_before_ms: Option<i64>,
    /// The batch before moved the watermark, so that results may leave without new rows.
    pub no_data_wanted: bool,
    /// When the clock lets rows leave without new ones, if it will.
    pub due_us: Option<i64>,
    pub last_trigger_us: Option<i64>,
    /// What each `limit` let through so far.
    pub rows_passed: Vec<u64>,
}

/// A batch that has been decided on: what the offset log says, or is about to say.
pub struct PlannedBatch {
    pub id: BatchId,
    pub entry: OffsetEntry,
    /// The offset log has it already: a crash came between it and the commit.
    pub replayed: bool,
    pub triggered_us: i64,
    pub latest_offset_ms: i64,
}

impl Spine<'_> {
    /// Asks every source for its range; nothing if there is neither input nor another reason for a batch.
    pub fn plan_batch(&mut self, id: BatchId, limits: ReadLimits) -> Result<Option<PlannedBatch>> {
        let triggered_us = self.settings.clock.now_micros();
        let mut ends = Vec::with_capacity(self.sources.len());
        for (source, start) in self.sources.iter_mut().zip(&self.ends) {
            ends.push(source.next_end(start.as_ref(), limits)?);
        }
        let latest_offset_ms = self.since_ms(triggered_us);
        let batch_timestamp_ms = triggered_us.div_euclid(1_000);
        let is_due = self.due_us.is_some_and(|due| due <= batch_timestamp_ms.saturating_mul(1_000));
        if ends == self.ends && !self.no_data_wanted && !is_due {
            return Ok(None);
        }
        let watermark_ms = self.tracker.global_ms();
        let late_bound_ms = self.watermark_before_ms.unwrap_or(watermark_ms);
        let plan = BatchPlan {
            batch_watermark_ms: watermark_ms,
            batch_timestamp_ms,
            late_bound_ms: self.tracker.is_used().then_some(late_bound_ms),
            partitions: Some(self.settings.parallelism),
            run_id: Some(self.run_id.to_string()),
            identity: serde_json::to_value(&self.plan.identity)
                .map_err(|e| Error::internal("write the plan's identity").because(e))?,
            modules: self.context.module_digests(),
            ..BatchPlan::default()
        };
        let entry = OffsetEntry { plan, sources: ends };
        Ok(Some(PlannedBatch { id, entry, replayed: false, triggered_us, latest_offset_ms }))
    }

    /// Runs a batch from its offset entry to its commit entry.
    pub fn run_batch(&mut self, batch: PlannedBatch) -> Result<QueryProgress> {
        let mut durations = Durations { latest_offset: batch.latest_offset_ms, ..Default::default() };
        let started = self.settings.clock.now_micros();
        if !batch.replayed {
            self.checkpoint.offsets.add(batch.id, &batch.entry)?;
        }
        self.commit_sources()?;
        durations.wal_commit = self.since_ms(started);

        let started = self.settings.clock.now_micros();
        let splits = self.splits(&batch.entry)?;
        durations.get_batch = self.since_ms(started);

        let started = self.settings.clock.now_micros();
        let mut outcome = self.run_tasks(&batch, splits)?;
        let state_started = self.settings.clock.now_micros();
        if let Some(state) = &mut self.state {
            let changes = std::mem::take(&mut outcome.changes);
            state.commit_durable(batch.id, changes)?;
        }
        let commit_ms = self.since_ms(state_started);
        self.publish(batch.id, &mut outcome)?;
        durations.add_batch = self.since_ms(started);

        let started = self.settings.clock.now_micros();
        let next_watermark_ms = self.tracker.observe(&outcome.report.event_times);
        self.no_data_wanted =
            self.wants_no_data_batch(batch.entry.plan.batch_watermark_ms, next_watermark_ms);
        let commit = CommitEntry {
            next_batch_watermark_ms: next_watermark_ms,
            no_data_wanted: self.no_data_wanted,
            rows_passed: outcome.rows_passed.clone(),
            dead_letters: self.letters.batches_after(),
            run_id: Some(self.run_id.to_string()),
            ..CommitEntry::default()
        };
        self.checkpoint.commits.add(batch.id, &commit)?;
        self.letters.committed();
        if let Some(state) = &mut self.state {
            state.apply(batch.id)?;
        }
        self.due_us = self.next_due()?;
        self.checkpoint.purge(batch.id, self.plan.settings.batches_to_retain)?;
        durations.commit_offsets = self.since_ms(started);
        durations.trigger_execution = self.since_ms(batch.triggered_us);
        let now_us = self.settings.clock.now_micros();
        self.refusal_log.note(now_us, batch.id, &self.plan.refusals, &outcome.report.refused_rows);
        let progress = self.progress(&batch, &outcome, durations, commit_ms);
        self.rows_passed = outcome.rows_passed;
        self.ends = batch.entry.sources;
        self.watermark_before_ms = Some(batch.entry.plan.batch_watermark_ms);
        self.last_trigger_us = Some(batch.triggered_us);
        progress
    }

    /// Makes the results and the dead letters visible, beside each other: each takes its time on a remote storage.
    fn publish(&self, batch: BatchId, outcome: &mut Outcome) -> Result<()> {
        let staged = std::mem::take(&mut outcome.staged).into_iter().map(Closing::wait);
        let letters = std::mem::take(&mut outcome.letters);
        let publish = || self.sink.publish(batch, staged.collect::<Result<_>>()?);
        if self.letters.sinks.is_empty() {
            return publish();
        }
        std::thread::scope(|scope| {
            let of_output = |(output, staged)| scope.spawn(move || LetterSink::publish(output, staged));
            let publishing: Vec<_> = self.letters.sinks.iter().zip(letters).map(of_output).collect();
            let published = publish();
            let ended = publishing.into_iter().map(|thread| {
                let panicked = |_| Err(Error::internal("a thread that publishes dead letters panicked"));
                thread.join().unwrap_or_else(panicked)
            });
            // All are waited for, whatever fails first.
            ended.collect::<Vec<_>>().into_iter().chain([published]).collect()
        })
    }

    /// The ranges of a batch for rows that do not know where they came from: a JSON list, an object a source.
    fn ranges(&self, entry: &OffsetEntry) -> String {
        let mut ranges = Vec::with_capacity(self.sources.len());
        for ((source, start), end) in self.sources.iter().zip(&self.ends).zip(&entry.sources) {
            ranges.push(json!({ "source": source.description(), "start": start, "end": end }));
        }
        Value::Array(ranges).to_string()
    }

    fn since_ms(&self, started_us: i64) -> i64 {
        (self.settings.clock.now_micros() - started_us) / 1_000
    }

    /// All batches before this one are committed: their input may go.
    fn commit_sources(&mut self) -> Result<()> {
        for (source, end) in self.sources.iter_mut().zip(&self.ends) {
            if let Some(end) = end {
                source.commit(end)?;
            }
        }
        Ok(())
    }

    fn splits(&mut self, entry: &OffsetEntry) -> Result<Vec<SplitTask>> {
        let mut tasks = Vec::new();
        for (input, (source, end)) in self.sources.iter_mut().zip(&entry.sources).enumerate() {
            let start = &self.ends[input];
            if let Some(end) = end.as_ref().filter(|end| start.as_ref() != Some(*end)) {
                let splits = source.splits(start.as_ref(), end)?;
                for split in splits {
                    tasks.push(SplitTask { input, number: tasks.len(), split });
                }
            }
        }
        Ok(tasks)
    }

    fn run_tasks(&self, batch: &PlannedBatch, splits: Vec<SplitTask>) -> Result<Outcome> {
        let plan = &batch.entry.plan;
        let micros = |ms: i64| ms.saturating_mul(1_000);
        self.context.environment.set_batch_time_micros(micros(plan.batch_timestamp_ms));
        let operators = self.plan.stateful.iter().flat_map(Stateful::operators).enumerate();
        let readers = self.state.iter().flat_map(|state| operators.clone().map(|(o, _)| state.reader(o)));
        let readers: Vec<StateReader> = readers.collect();
        let letters = Letters {
            refusals: &self.plan.refusals,
            sinks: &self.letters.sinks,
            query_name: &self.plan.name,
            query_id: self.query_id,
            batch: batch.id,
            time_us: micros(plan.batch_timestamp_ms),
            sources: if self.letters.sinks.is_empty() { String::new() } else { self.ranges(&batch.entry) },
        };
        let tasks = TaskContext {
            plan: self.plan,
            sink: self.sink.as_ref(),
            query_id: self.query_id,
            batch: batch.id,
            parallelism: self.settings.parallelism,
            late_bound_us: plan.late_bound_ms.map(micros),
            eviction_us: self.tracker.is_used().then_some(micros(plan.batch_watermark_ms)),
            partitions: plan.partitions.unwrap_or(self.settings.parallelism),
            time_us: micros(plan.batch_timestamp_ms),
            state: &readers,
            rows_passed: &self.rows_passed,
            closer: Closer::default(),
            letters: &letters,
            splits: splits.len(),
        };
        tasks.run(splits)
    }

    fn refusals(&self, outcome: &Outcome) -> Vec<RefusalProgress> {
        let stages = self.plan.refusals.stages.iter().enumerate();
        let refused = |number: usize| outcome.report.refused_rows.get(number).map_or(0, |count| count.rows);
        let progress = stages.map(|(number, stage)| RefusalProgress {
            stage: stage.name.clone(),
            policy: stage.policy(),
            rows: refused(number),
        });
        progress.collect()
    }

    /// A watermark beyond the batch's may let rows leave without new ones.
    fn wants_no_data_batch(&self, watermark_ms: i64, next_watermark_ms: i64) -> bool {
        let leaves = self.plan.stateful.as_ref().is_some_and(|stage| stage.goes_by_watermark(self.plan.mode));
        leaves && self.allows_no_data_batch() && next_watermark_ms > watermark_ms
    }

    fn allows_no_data_batch(&self) -> bool {
        self.plan.settings.no_data_batches && self.plan.trigger != TriggerSpec::Once
    }

    /// The time from which on a batch is worth running for timers alone.
    pub fn next_due(&self) -> Result<Option<i64>> {
        match &self.state {
            Some(state)
                if self.plan.stateful.as_ref().is_some_and(Stateful::goes_by_clock)
                    && self.allows_no_data_batch() =>
            {
                next_time(&state.reader(TIMES), 0..KEY_GROUPS)
            }
            _ => Ok(None),
        }
    }

    fn progress(
        &mut self,
        batch: &PlannedBatch,
        outcome: &Outcome,
        durations: Durations,
        commit_ms: i64,
    ) -> Result<QueryProgress> {
        let mut sources = Vec::with_capacity(self.sources.len());
        for (index, source) in self.sources.iter_mut().enumerate() {
            let end = batch.entry.sources[index].clone();
            sources.push(SourceProgress {
                description: source.description(),
                start: self.ends[index].clone(),
                metrics: end.as_ref().map(|end| source.metrics(end)).unwrap_or_default(),
                latest: source.latest()?,
                rows: outcome.rows_read[index],
                end,
            });
        }
        let mut event_time = EventTimeStats::default();
        outcome.report.event_times.iter().for_each(|seen| event_time.merge(seen));
        let partitions = batch.entry.plan.partitions.unwrap_or(self.settings.parallelism);
        let limits =
            outcome.rows_passed.iter().zip(&self.rows_passed).rev().map(|(now, before)| StateProgress {
                operator: "globalLimit",
                // The one row is the count.
                rows_total: u64::from(*now > 0),
                rows_updated: u64::from(now > before),
                partitions: 1,
                ..StateProgress::default()
            });
        let stateful = self.state.as_ref().map(|state| StateProgress {
            operator: self.plan.stateful.as_ref().map_or("", Stateful::operator_name),
            rows_total: state.rows(KEYS),
            rows_updated: outcome.rows_updated,
            rows_removed: outcome.rows_removed,
            rows_dropped_by_watermark: outcome.report.rows_dropped_by_watermark,
            updates_ms: outcome.updates.as_millis() as i64,
            removals_ms: outcome.removals.as_millis() as i64,
            commit_ms,
            memory_bytes: state.metrics().memory_bytes,
            partitions,
        });
        let state = limits.chain(stateful).collect();
        let since_last = self.last_trigger_us.map(|last| (batch.triggered_us - last) as f64 / 1e6);
        Ok(QueryProgress {
            id: self.query_id,
            run_id: self.run_id,
            name: self.plan.name.clone(),
            timestamp_us: batch.triggered_us,
            batch_id: batch.id,
            since_last_s: since_last,
            durations,
            event_time,
            watermark_ms: self.tracker.is_used().then_some(batch.entry.plan.batch_watermark_ms),
            state,
            sources,
            sink: self.sink.description(),
            rows_out: outcome.rows_out,
            refusals: self.refusals(outcome),
        })
    }
}
