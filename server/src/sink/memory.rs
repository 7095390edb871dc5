//! Keeps the rows in memory, for tests and the API, and forgets them with the process. Also the sink that keeps
//! nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;

use super::{CheckpointFacts, OutputMode, Sink, StageWriter, Staged, staged_as};
use crate::error::{Error, Result};
use crate::record::BatchId;

/// All rows of one sink together.
pub const MEMORY_BYTES_MAX: usize = 256 << 20;

/// A handle on the rows that a memory sink keeps.
#[derive(Clone, Debug, Default)]
pub struct MemoryRows(Arc<Mutex<BTreeMap<BatchId, Vec<RecordBatch>>>>);

impl MemoryRows {
    /// The batches that are visible, in order, each as its record batches; in complete mode the last one only.
    pub fn batches(&self) -> Vec<(BatchId, Vec<RecordBatch>)> {
        self.lock().iter().map(|(batch, rows)| (*batch, rows.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BatchId, Vec<RecordBatch>>> {
        // The map is changed by single inserts, so it is whole even if a thread died.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct MemorySink {
    mode: OutputMode,
    rows: MemoryRows,
    bytes_max: usize,
}

impl MemorySink {
    pub fn new(mode: OutputMode, rows: MemoryRows) -> MemorySink {
        MemorySink { mode, rows, bytes_max: MEMORY_BYTES_MAX }
    }
}

impl Sink for MemorySink {
    fn description(&self) -> String {
        "MemorySink".into()
    }

    fn recover(&self, _facts: &CheckpointFacts) -> Result<()> {
        Ok(())
    }

    fn stage(&self, _batch: BatchId, _partition: usize) -> Result<Box<dyn StageWriter>> {
        Ok(Box::new(Kept(Vec::new())))
    }

    fn publish(&self, batch: BatchId, staged: Vec<Staged>) -> Result<()> {
        let mut new = Vec::new();
        for kept in staged {
            new.extend(staged_as::<Vec<RecordBatch>>(kept)?);
        }
        let mut batches = self.rows.lock();
        if batches.contains_key(&batch) {
            return Ok(());
        }
        let bytes = |rows: &[RecordBatch]| rows.iter().map(RecordBatch::get_array_memory_size).sum::<usize>();
        let before: usize = match self.mode {
            OutputMode::Complete => 0,
            OutputMode::Append | OutputMode::Update => batches.values().map(|rows| bytes(rows)).sum(),
        };
        if before + bytes(&new) > self.bytes_max {
            return Err(Error::user("the memory sink is full")
                .with("bytes_max", self.bytes_max)
                .hint("write to a file sink; the memory sink is for tests and small results"));
        }
        if self.mode == OutputMode::Complete {
            batches.clear();
        }
        batches.insert(batch, new);
        Ok(())
    }
}

struct Kept(Vec<RecordBatch>);

impl StageWriter for Kept {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.0.push(rows.clone());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Staged> {
        Ok(Box::new(self.0))
    }
}

/// Takes rows and keeps none, to see how fast the rest is.
pub struct NoopSink;

impl Sink for NoopSink {
    fn description(&self) -> String {
        "NoopSink".into()
    }

    fn recover(&self, _facts: &CheckpointFacts) -> Result<()> {
        Ok(())
    }

    fn stage(&self, _batch: BatchId, _partition: usize) -> Result<Box<dyn StageWriter>> {
        Ok(Box::new(Dropped))
    }

    fn publish(&self, _batch: BatchId, _staged: Vec<Staged>) -> Result<()> {
        Ok(())
    }
}

struct Dropped;

impl StageWriter for Dropped {
    fn write(&mut self, _rows: &RecordBatch) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Staged> {
        Ok(Box::new(()))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn run(sink: &MemorySink, batch: BatchId, rows: usize) -> Result<()> {
        let mut writer = sink.stage(batch, 0)?;
        let values = Int64Array::from_iter_values(0..rows as i64);
        writer.write(&RecordBatch::try_from_iter([("v", Arc::new(values) as _)]).unwrap())?;
        sink.publish(batch, vec![writer.finish()?])
    }

    fn counts(rows: &MemoryRows) -> Vec<(BatchId, usize)> {
        let count = |rows: &[RecordBatch]| rows.iter().map(RecordBatch::num_rows).sum();
        rows.batches().iter().map(|(batch, rows)| (*batch, count(rows))).collect()
    }

    #[test]
    fn append_keeps_all_batches_and_complete_the_last() {
        for (mode, expected) in [
            (OutputMode::Append, vec![(0, 1), (1, 2)]),
            (OutputMode::Update, vec![(0, 1), (1, 2)]),
            (OutputMode::Complete, vec![(1, 2)]),
        ] {
            let rows = MemoryRows::default();
            let sink = MemorySink::new(mode, rows.clone());
            for (batch, count) in [(0, 1), (1, 2), (1, 5)] {
                run(&sink, batch, count).unwrap();
            }
            assert_eq!(counts(&rows), expected, "{mode:?}");
        }
    }

    #[test]
    fn a_full_memory_refuses_and_keeps_what_it_has() {
        let rows = MemoryRows::default();
        let sink = MemorySink { bytes_max: 1_000, ..MemorySink::new(OutputMode::Append, rows.clone()) };
        run(&sink, 0, 1).unwrap();
        let error = run(&sink, 1, 1_000).unwrap_err();
        assert_eq!(error.message(), "the memory sink is full");
        assert_eq!(counts(&rows), [(0, 1)]);
    }
}
