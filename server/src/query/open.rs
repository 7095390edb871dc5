//! From a plan to a spine ready to run: checkpoint read, recovery decided, sink asked, sources and state opened.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::RunSettings;
use super::batch::Spine;
use super::letters::LetterSinks;
use super::refusal_log::RefusalLog;
use super::watermark::WatermarkTracker;
use crate::checkpoint::{Checkpoint, CommitEntry, OffsetEntry, Step};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Identity, Plan, PlanContext};
use crate::record::{BatchId, QueryId, RunId};
use crate::sink::memory::MemoryRows;
use crate::sink::{self, CheckpointFacts, Sink, SinkContext, SinkSpec};
use crate::source::{self, Source, SourceContext};
use crate::state::{SNAPSHOT_INTERVAL, StateSettings, StateStore};
use crate::storage::{self, Location};

/// A query that is ready to run.
pub struct Opened<'a> {
    pub spine: Spine<'a>,
    /// The next batch to run.
    pub next: BatchId,
    /// What the offset log says of it, if a crash left it uncommitted.
    pub replay: Option<OffsetEntry>,
    /// A checkpoint for this run alone, to be deleted at its end.
    pub temporary: Option<PathBuf>,
}

pub fn open<'a>(plan: &'a Plan, context: &'a PlanContext, settings: &'a RunSettings) -> Result<Opened<'a>> {
    let run_id = RunId(Uuid::new_v4());
    let (location, temporary) = checkpoint_location(plan, run_id)?;
    let checkpoint = Checkpoint::new(storage::open(&location)?, &location.path);
    let decision = checkpoint.recover(None)?;
    let stored = Stored::read(&checkpoint, &decision.step)?;
    if let Some(entry) = stored.replay.as_ref().or(stored.before.as_ref()) {
        check_identity(plan, entry)?;
    }
    let query_id = checkpoint.query_id()?.unwrap_or(QueryId(Uuid::new_v4()));
    let committed = stored.next.checked_sub(1);
    let planned = if stored.replay.is_some() { Some(stored.next) } else { committed };
    let sink_context = sink_context(context, settings, run_id);
    let sink = open_sink(plan, &sink_context)?;
    sink.recover(&CheckpointFacts { query_id, planned, committed })?;
    let letter_batches = stored.commit.as_ref().map(|commit| commit.dead_letters.clone()).unwrap_or_default();
    let (outputs, is_replay) = (&plan.refusals.outputs, stored.replay.is_some());
    let letters = LetterSinks::open(outputs, &sink_context, letter_batches, query_id, is_replay)?;
    checkpoint.prepare(&decision)?;
    let query_id = checkpoint.ensure_query_id(query_id)?;
    let sources = open_sources(plan, context, settings, &checkpoint)?;
    let state = open_state(plan, settings, &checkpoint, query_id, committed)?;
    let watermark_ms = stored.watermark_ms();
    let mut spine = Spine {
        plan,
        context,
        settings,
        query_id,
        run_id,
        sources,
        sink,
        letters,
        refusal_log: RefusalLog::default(),
        checkpoint,
        state,
        tracker: WatermarkTracker::new(plan.settings.watermark_policy, &plan.watermarks, watermark_ms),
        ends: stored
            .before
            .as_ref()
            .map_or_else(|| vec![None; plan.inputs.len()], |entry| entry.sources.clone()),
        watermark_before_ms: stored.before.as_ref().map(|entry| entry.plan.batch_watermark_ms),
        no_data_wanted: stored.commit.as_ref().is_some_and(|commit| commit.no_data_wanted),
        due_us: None,
        last_trigger_us: None,
        rows_passed: match &stored.commit {
            Some(commit) if commit.rows_passed.len() == plan.identity.limits => commit.rows_passed.clone(),
            _ => vec![0; plan.identity.limits],
        },
    };
    spine.due_us = spine.next_due()?;
    Ok(Opened { spine, next: stored.next, replay: stored.replay, temporary })
}

/// What the logs say about the batches around the next one.
struct Stored {
    next: BatchId,
    /// The offset entry of the batch before the next.
    before: Option<OffsetEntry>,
    /// The commit entry of the batch before the next.
    commit: Option<CommitEntry>,
    /// The offset entry of the next batch, if it has one already.
    replay: Option<OffsetEntry>,
}

impl Stored {
    fn read(checkpoint: &Checkpoint, step: &Step) -> Result<Stored> {
        let (next, is_replay) = match step {
            Step::StartFresh => (0, false),
            Step::Continue { next } => (*next, false),
            Step::Replay { batch } => (*batch, true),
            Step::Refuse { why, hint } => return Err(Error::data(why.clone()).hint(hint.clone())),
        };
        let replay = if is_replay { Some(existing(checkpoint.offsets.get(next)?, next)?) } else { None };
        let Some(last) = next.checked_sub(1) else {
            return Ok(Stored { next, before: None, commit: None, replay });
        };
        let before = Some(existing(checkpoint.offsets.get(last)?, last)?);
        Ok(Stored { next, before, commit: checkpoint.commits.get(last)?, replay })
    }

    /// The global watermark: the newest that either log knows.
    fn watermark_ms(&self) -> i64 {
        let planned = self.replay.iter().chain(&self.before).map(|entry| entry.plan.batch_watermark_ms);
        let committed = self.commit.iter().map(|commit| commit.next_batch_watermark_ms);
        planned.chain(committed).max().unwrap_or(0)
    }
}

fn existing<T>(entry: Option<T>, batch: BatchId) -> Result<T> {
    entry.ok_or_else(|| Error::data("an entry of the checkpoint is missing").with("batch", batch))
}

fn check_identity(plan: &Plan, entry: &OffsetEntry) -> Result<()> {
    if entry.sources.len() != plan.inputs.len() {
        return Err(Error::user("the query has another number of sources than its checkpoint")
            .with("checkpoint", entry.sources.len())
            .with("query", plan.inputs.len())
            .hint("undo the change, or give the changed query a new checkpointLocation"));
    }
    // An entry that somebody wrote by hand, or Spark, has no identity to compare with.
    if entry.plan.identity.is_null() {
        return Ok(());
    }
    let stored: Identity = serde_json::from_value(entry.plan.identity.clone())
        .map_err(|e| Error::data("cannot read which query the checkpoint belongs to").because(e))?;
    plan.identity.check_against(&stored, plan.mode)
}

/// Where the checkpoint is: as the query says, or in a folder of this run's own.
fn checkpoint_location(plan: &Plan, run_id: RunId) -> Result<(Location, Option<PathBuf>)> {
    if let Some(location) = &plan.checkpoint {
        return Ok((location.clone(), None));
    }
    let folder = std::env::temp_dir().join(format!("wasmill-checkpoint-{run_id}"));
    let location = Location::parse(&folder.to_string_lossy(), &std::env::temp_dir())?;
    Ok((location, Some(folder)))
}

fn open_sink(plan: &Plan, context: &SinkContext) -> Result<Arc<dyn Sink>> {
    let spec = SinkSpec {
        format: &plan.sink_format,
        options: &plan.sink_options,
        partition_by: &plan.partition_by,
        schema: &plan.schema,
        mode: plan.sink_mode(),
    };
    sink::open(&spec, context)
}

fn sink_context(context: &PlanContext, settings: &RunSettings, run_id: RunId) -> SinkContext {
    SinkContext {
        run_id,
        clock: settings.clock.clone(),
        base: context.base().to_path_buf(),
        printer: Arc::new(Mutex::new(std::io::stdout())),
        memory: MemoryRows::default(),
    }
}

fn open_sources(
    plan: &Plan,
    context: &PlanContext,
    settings: &RunSettings,
    checkpoint: &Checkpoint,
) -> Result<Vec<Box<dyn Source>>> {
    let open = |(index, input): (usize, &crate::plan::Input)| {
        let source_context = SourceContext {
            log: Arc::new(checkpoint.source_log(index)),
            clock: settings.clock.clone(),
            base: context.base().to_path_buf(),
            parallelism: settings.parallelism,
            query_name: plan.name.clone(),
        };
        source::open(&input.format, input.user_schema.clone(), &input.options, source_context)
    };
    plan.inputs.iter().enumerate().map(open).collect()
}

fn open_state(
    plan: &Plan,
    settings: &RunSettings,
    checkpoint: &Checkpoint,
    query_id: QueryId,
    committed: Option<BatchId>,
) -> Result<Option<StateStore>> {
    let Some(stateful) = &plan.stateful else { return Ok(None) };
    let local_dir = settings.state_dir.join(query_id.to_string());
    std::fs::create_dir_all(&local_dir).map_err(|e| {
        Error::new(ErrorKind::External, "make the folder of the local state")
            .with("path", local_dir.display())
            .because(e)
    })?;
    let state = StateSettings {
        query_id,
        local_dir,
        storage: checkpoint.storage().clone(),
        dir: checkpoint.state_dir(),
        operators: stateful.operators(),
        memory: settings.state_memory.clone(),
        snapshot_interval: SNAPSHOT_INTERVAL,
        versions_kept: plan.settings.batches_to_retain,
    };
    StateStore::open(state, committed).map(Some)
}
