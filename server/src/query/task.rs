//! The work of a batch on threads: splits read and run through their stages, then, for a stateful stage, shares
//! of the key groups merged; each partition's rows staged at the sink. Decides nothing about the batch.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;

use super::closing::{Closer, Closing};
use super::letters::{LetterBox, Letters};
use super::partition::PartitionWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::aggregate::{Aggregation, Grouping, MergeInput, PartialGroups, merge};
use crate::operator::group::{self, Collected, Collecting, GroupStage, ShareInput, run_share};
use crate::operator::{BATCH_ROWS, Chain, Merged, TaskReport};
use crate::plan::{After, Input, Plan, Stateful};
use crate::record::{BatchId, QueryId};
use crate::sink::Sink;
use crate::source::{ReadOptions, Split};
use crate::state::{Changes, KEY_GROUPS, StateReader};
use crate::udf::{GUEST_THREAD_STACK_BYTES, Moment, Partition};

/// One split of the batch and the input it belongs to.
pub struct SplitTask {
    pub input: usize,
    /// Its place among the splits of the batch.
    pub number: usize,
    pub split: Box<dyn Split>,
}

/// What the batch's tasks are given.
pub struct TaskContext<'a> {
    pub plan: &'a Plan,
    pub sink: &'a dyn Sink,
    pub query_id: QueryId,
    pub batch: BatchId,
    /// Threads at work at once.
    pub parallelism: usize,
    pub late_bound_us: Option<i64>,
    pub eviction_us: Option<i64>,
    /// The batch's own time.
    pub time_us: i64,
    /// Partitions of the stateful stage's result; fixed when the batch was planned.
    pub partitions: usize,
    /// By state operator.
    pub state: &'a [StateReader],
    /// What each `limit` let through in the batches before.
    pub rows_passed: &'a [u64],
    pub closer: Closer,
    pub letters: &'a Letters<'a>,
    /// How many splits the batch has. Partitions of dead letters are the splits, and behind them the partitions of
    /// the stateful stage's result.
    pub splits: usize,
}

/// What a split's trip counted, and what its stages set aside, by output.
type Trip = (TaskReport, Vec<Closing>);

/// One partition of the rows that leave the last stage of a batch.
struct Part {
    staged: Closing,
    rows_out: u64,
    report: TaskReport,
    letters: Vec<Closing>,
}

/// What the tasks of a batch did.
#[derive(Default)]
pub struct Outcome {
    pub report: TaskReport,
    /// By input.
    pub rows_read: Vec<u64>,
    /// By partition.
    pub staged: Vec<Closing>,
    /// By output for dead letters, then by partition.
    pub letters: Vec<Vec<Closing>>,
    /// With the state operator of each.
    pub changes: Vec<(usize, Changes)>,
    pub rows_updated: u64,
    pub rows_removed: u64,
    /// Time of all threads together.
    pub updates: Duration,
    pub removals: Duration,
    pub rows_out: u64,
    /// What each `limit` has let through with this batch.
    pub rows_passed: Vec<u64>,
}

impl TaskContext<'_> {
    /// Runs the batch's splits. Nothing is visible at the sink when this returns, and all partitions finish.
    pub fn run(&self, splits: Vec<SplitTask>) -> Result<Outcome> {
        let rows_read = vec![0; self.plan.inputs.len()];
        let letters = self.letters.sinks.iter().map(|_| Vec::new()).collect();
        let rows_passed = self.rows_passed.to_vec();
        let mut outcome = Outcome { rows_read, rows_passed, letters, ..Default::default() };
        match &self.plan.stateful {
            Some(Stateful::Aggregation(aggregation)) => {
                let group = |task| self.run_grouping(aggregation, task);
                let partials = self.each_split(splits, &mut outcome, group)?;
                self.run_shares(|share| self.merge_share(aggregation, &partials, share), &mut outcome)?;
            }
            Some(Stateful::Group(stage)) => {
                let collect = |task| self.run_collecting(stage, task);
                let collected = self.each_split(splits, &mut outcome, collect)?;
                let collected: Vec<Collected> = collected.into_iter().flatten().collect();
                self.run_shares(|share| self.group_share(stage, &collected, share), &mut outcome)?;
            }
            None if self.plan.after.is_empty() => {
                for staged in self.each_split(splits, &mut outcome, |task| self.run_stateless(task))? {
                    outcome.take_staged(staged);
                }
            }
            None => {
                let gathered = self.each_split(splits, &mut outcome, |task| self.run_limited(task))?;
                self.stage_gathered(gathered.into_iter().flatten().collect(), &mut outcome)?;
            }
        }
        Ok(outcome)
    }

    /// Runs `work` on every split; what the trips counted goes into `outcome`, the rest comes in the splits' order.
    fn each_split<R: Send>(
        &self,
        splits: Vec<SplitTask>,
        outcome: &mut Outcome,
        work: impl Fn(SplitTask) -> Result<(Trip, R)> + Sync,
    ) -> Result<Vec<R>> {
        let inputs: Vec<usize> = splits.iter().map(|task| task.input).collect();
        let results = on_threads(self.parallelism, splits, work)?;
        let note = |(input, ((report, letters), result)): (usize, (Trip, R))| {
            outcome.note(input, &report);
            outcome.take_letters(letters);
            result
        };
        Ok(inputs.into_iter().zip(results).map(note).collect())
    }

    /// What the guests of a partition may know of time and chance.
    fn moment(&self, partition: usize) -> Moment {
        Moment::new(self.query_id.0.into_bytes(), self.batch, partition, self.time_us)
    }

    /// Takes the rows of a partition that leave the last stage.
    fn writer(&self, partition: usize) -> Result<PartitionWriter<'_>> {
        let sink = self.sink.stage(self.batch, partition)?;
        let number =
            u32::try_from(partition).map_err(|_| Error::internal("a batch has too many partitions"))?;
        let place = Partition { partition: number, epoch: self.batch };
        PartitionWriter::open(self.plan.foreach.as_ref(), sink, self.moment(partition), place)
    }

    /// Reads a split through its input's stages; `take` gets the rows that leave the last one.
    fn read(
        &self,
        input: &Input,
        task: SplitTask,
        mut take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<Trip> {
        let name = task.split.describe();
        let mut report = TaskReport::default();
        let number = task.number;
        let each = || -> Result<Vec<Closing>> {
            let mut letters = LetterBox::open(self.letters, number)?;
            let names = input.described.iter().map(|(name, _)| name.as_str());
            let places = input.places.as_ref();
            let mut chain = Chain::start(&input.stages, names, self.moment(number), places)?;
            let (projection, rows_max) = (input.projection.clone(), BATCH_ROWS);
            let with_path = places.is_some_and(|places| places.of_path);
            let options = ReadOptions { projection, rows_max, with_path };
            for rows in task.split.read(&options)? {
                let rows = rows?;
                report.rows_read += rows.num_rows() as u64;
                chain.run(rows, &mut report)?.iter().try_for_each(&mut take)?;
                letters.take(&mut report)?;
            }
            letters.finish(&self.closer)
        };
        match each() {
            Ok(letters) => Ok((report, letters)),
            Err(error) => Err(Error::new(error.kind(), "process a split of the input")
                .with("batch", self.batch)
                .with("split", name)
                .because(error)),
        }
    }

    fn run_stateless(&self, task: SplitTask) -> Result<(Trip, (Closing, u64))> {
        let input = &self.plan.inputs[task.input];
        let mut writer = self.writer(task.number)?;
        let trip = self.read(input, task, |rows| writer.write(rows))?;
        let (writer, rows_out) = writer.end()?;
        Ok((trip, (self.closer.finish(writer)?, rows_out)))
    }

    fn run_grouping(&self, aggregation: &Arc<Aggregation>, task: SplitTask) -> Result<(Trip, PartialGroups)> {
        let input = &self.plan.inputs[task.input];
        let mut grouping =
            Grouping::start(aggregation.clone(), self.late_bound_us, self.moment(task.number))?;
        let (mut report, letters) = self.read(input, task, |rows| grouping.add(rows))?;
        let (groups, dropped) = grouping.finish()?;
        report.rows_dropped_by_watermark += dropped;
        Ok(((report, letters), groups))
    }

    /// A limit takes rows of one split after the other: of none more than it may let through still.
    fn run_limited(&self, task: SplitTask) -> Result<(Trip, Vec<RecordBatch>)> {
        let limit = match self.plan.after.first() {
            Some(After::Limit(limit)) => *limit,
            _ => return Err(Error::internal("rows are gathered for no limit")),
        };
        let mut left = limit.saturating_sub(self.rows_passed.first().copied().unwrap_or(0));
        let (input, mut kept) = (&self.plan.inputs[task.input], Vec::new());
        let trip = self.read(input, task, |rows| {
            let rows = first_rows(rows, &mut left);
            kept.extend((rows.num_rows() > 0).then_some(rows));
            Ok(())
        })?;
        Ok((trip, kept))
    }

    /// Rows of the whole batch through the stages that need them together, and staged as one partition.
    fn stage_gathered(&self, gathered: Vec<RecordBatch>, outcome: &mut Outcome) -> Result<()> {
        let part = self.stage(0, gathered, &mut outcome.rows_passed)?;
        outcome.take_part(part);
        Ok(())
    }

    fn run_collecting(&self, stage: &Arc<GroupStage>, task: SplitTask) -> Result<(Trip, Vec<Collected>)> {
        let input = &self.plan.inputs[task.input];
        let mut collecting = Collecting::start(stage.clone(), self.late_bound_us);
        let (mut report, letters) = self.read(input, task, |rows| collecting.add(rows))?;
        let (rows, dropped) = collecting.finish();
        report.rows_dropped_by_watermark += dropped;
        Ok(((report, letters), rows))
    }

    /// Runs `work` for each share of the key groups, and stages what it gives.
    fn run_shares(
        &self,
        work: impl Fn(Range<u16>) -> Result<Merged> + Sync,
        outcome: &mut Outcome,
    ) -> Result<()> {
        // A sort and a limit need all rows at once.
        let gathers = self.plan.after.iter().any(|step| matches!(step, After::Sort(_) | After::Limit(_)));
        let shares = key_group_shares(self.partitions);
        let numbered: Vec<_> = shares.into_iter().enumerate().collect();
        let merged = on_threads(self.parallelism, numbered, |(partition, key_groups)| {
            let mut merged = work(key_groups)?;
            let staged = match gathers {
                true => None,
                false => Some(self.stage(partition, std::mem::take(&mut merged.rows), &mut [])?),
            };
            Ok((merged, staged))
        })?;
        let mut gathered = Vec::new();
        for (merged, staged) in merged {
            outcome.rows_updated += merged.rows_updated;
            outcome.rows_removed += merged.rows_removed;
            outcome.updates += merged.updates;
            outcome.removals += merged.removals;
            outcome.changes.extend(merged.changes.into_iter().enumerate());
            match staged {
                Some(part) => outcome.take_part(part),
                None => gathered.extend(merged.rows),
            }
        }
        if gathers {
            self.stage_gathered(gathered, outcome)?;
        }
        Ok(())
    }

    fn merge_share(
        &self,
        aggregation: &Aggregation,
        partials: &[PartialGroups],
        key_groups: Range<u16>,
    ) -> Result<Merged> {
        merge(&MergeInput {
            aggregation,
            partials,
            moment: self.moment(key_groups.start.into()),
            key_groups,
            state: self.reader(0)?,
            eviction_us: self.eviction_us,
        })
    }

    fn group_share(
        &self,
        stage: &GroupStage,
        collected: &[Collected],
        key_groups: Range<u16>,
    ) -> Result<Merged> {
        run_share(&ShareInput {
            stage,
            collected,
            moment: self.moment(key_groups.start.into()),
            key_groups,
            values: self.reader(group::VALUES)?,
            times: self.reader(group::TIMES)?,
            watermark_us: self.eviction_us,
            time_us: self.time_us,
        })
    }

    fn reader(&self, operator: usize) -> Result<&StateReader> {
        let reader = self.state.get(operator);
        reader
            .ok_or_else(|| Error::internal("a stateful stage runs without state").with("operator", operator))
    }

    /// Runs the result rows through the stages behind the stateful one and stages them as one partition.
    /// `rows_passed` has a count for each limit, which goes up.
    fn stage(
        &self,
        partition: usize,
        mut batches: Vec<RecordBatch>,
        rows_passed: &mut [u64],
    ) -> Result<Part> {
        let mut rows_passed = rows_passed.iter_mut();
        let mut report = TaskReport::default();
        let mut letters = LetterBox::open(self.letters, self.splits + partition)?;
        for step in &self.plan.after {
            batches = match step {
                After::Sort(sort) => vec![sort.apply(&batches)?],
                After::Limit(limit) => {
                    let passed = rows_passed.next();
                    let passed = passed.ok_or_else(|| Error::internal("a limit has no count"))?;
                    let mut left = limit.saturating_sub(*passed);
                    let before = left;
                    let kept = batches.iter().map(|rows| first_rows(rows, &mut left)).collect();
                    *passed += before - left;
                    kept
                }
                After::Stage { name, stage } => {
                    let (stages, names) = (std::slice::from_ref(stage), [name.as_str()].into_iter());
                    let mut chain = Chain::start(stages, names, self.moment(partition), None)?;
                    let mut next = Vec::new();
                    for rows in batches {
                        next.extend(chain.run(rows, &mut report)?);
                        letters.take(&mut report)?;
                    }
                    next
                }
            };
        }
        let mut writer = self.writer(partition)?;
        batches.iter().filter(|rows| rows.num_rows() > 0).try_for_each(|rows| writer.write(rows))?;
        let (writer, rows_out) = writer.end()?;
        let staged = self.closer.finish(writer)?;
        Ok(Part { staged, rows_out, report, letters: letters.finish(&self.closer)? })
    }
}

impl Outcome {
    fn note(&mut self, input: usize, report: &TaskReport) {
        self.report.merge(report);
        self.rows_read[input] += report.rows_read;
    }

    fn take_part(&mut self, Part { staged, rows_out, report, letters }: Part) {
        self.report.merge(&report);
        self.take_letters(letters);
        self.take_staged((staged, rows_out));
    }

    /// Of the next partition, by output.
    fn take_letters(&mut self, letters: Vec<Closing>) {
        self.letters.iter_mut().zip(letters).for_each(|(output, staged)| output.push(staged));
    }

    /// The next partition, and how many rows it has.
    fn take_staged(&mut self, (staged, rows): (Closing, u64)) {
        self.staged.push(staged);
        self.rows_out += rows;
    }
}

/// As many of the first rows as are `left`, which goes down.
fn first_rows(rows: &RecordBatch, left: &mut u64) -> RecordBatch {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(rows.num_rows());
    *left -= count as u64;
    rows.slice(0, count)
}

/// The key groups in as many contiguous shares.
fn key_group_shares(partitions: usize) -> Vec<Range<u16>> {
    let partitions = partitions.clamp(1, usize::from(KEY_GROUPS)) as u32;
    let bound = |i: u32| (i * u32::from(KEY_GROUPS) / partitions) as u16;
    (0..partitions).map(|i| bound(i)..bound(i + 1)).collect()
}

/// Runs `work` on every task, at most `threads` at once, and gives the results in the tasks' order; the first
/// failure in that order wins, and no new task starts after one.
fn on_threads<T: Send, R: Send>(
    threads: usize,
    tasks: Vec<T>,
    work: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let count = tasks.len();
    let queue: Mutex<VecDeque<(usize, T)>> = Mutex::new(tasks.into_iter().enumerate().collect());
    let results: Mutex<Vec<Option<Result<R>>>> = Mutex::new((0..count).map(|_| None).collect());
    let failed = AtomicBool::new(false);
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((index, task)) = next else { break };
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(task)))
                .unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
        }
    };
    std::thread::scope(|scope| -> Result<()> {
        for number in 0..threads.clamp(1, count.max(1)) {
            let builder = std::thread::Builder::new()
                .name(format!("task-{number}"))
                .stack_size(GUEST_THREAD_STACK_BYTES);
            builder
                .spawn_scoped(scope, worker)
                .map_err(|e| Error::new(ErrorKind::External, "start a task thread").because(e))?;
        }
        Ok(())
    })?;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut done = Vec::with_capacity(count);
    let mut stopped = false;
    for result in results {
        match result {
            Some(result) => done.push(result?),
            None => stopped = true,
        }
    }
    if stopped {
        return Err(Error::internal("a task neither ran nor failed"));
    }
    Ok(done)
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Error::internal("a task panicked").with("message", text.unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_all_key_groups_once() {
        for partitions in [1, 2, 3, 7, 128, 1_000] {
            let shares = key_group_shares(partitions);
            let all: Vec<u16> = shares.into_iter().flatten().collect();
            assert_eq!(all, (0..KEY_GROUPS).collect::<Vec<_>>(), "{partitions}");
        }
    }

    #[test]
    fn results_keep_the_order_of_tasks_and_the_first_failure_wins() {
        let doubled = on_threads(3, (0..50).collect(), |n: i32| Ok(n * 2)).unwrap();
        assert_eq!(doubled, (0..50).map(|n| n * 2).collect::<Vec<_>>());
        let failed = on_threads(1, vec![1, 2, 3], |n: i32| match n {
            2 => Err(Error::user("two")),
            _ => Ok(n),
        });
        assert_eq!(failed.unwrap_err().message(), "two");
        let panicked = on_threads(2, vec![1], |_: i32| -> Result<()> { panic!("boom") });
        assert_eq!(panicked.unwrap_err().fact("message"), Some("boom"));
    }
}
