//! Rows that were set aside in a batch on their way to the outputs for dead letters, published beside the results;
//! and the outputs themselves, each of which counts its own batches. Why a row was set aside is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::FieldRef;

use super::closing::{Closer, Closing};
use crate::error::{Error, Result};
use crate::fault;
use crate::operator::{Refused, TaskReport};
use crate::plan::{LetterOutput, Refusals};
use crate::record::{BatchId, QueryId};
use crate::sink::{CheckpointFacts, Sink, SinkContext, StageWriter, letter};

/// An output for dead letters.
pub struct LetterSink {
    key: String,
    sink: Arc<dyn Sink>,
    /// The number of its next batch. An output may come and go while the query lives on, and has its batches
    /// without gaps all the same: they are counted from the first that it took part in.
    next: BatchId,
}

/// The outputs of a query.
pub struct LetterSinks {
    pub sinks: Vec<LetterSink>,
    /// How many batches each output has that the query ever had, by key.
    batches: BTreeMap<String, BatchId>,
}

impl LetterSinks {
    /// Opens the outputs of a plan and compares them with the checkpoint: `batches` is what its newest commit entry
    /// says. With `is_replay` an earlier attempt at the next batch may have published already.
    pub fn open(
        outputs: &[LetterOutput],
        context: &SinkContext,
        batches: BTreeMap<String, BatchId>,
        query_id: QueryId,
        is_replay: bool,
    ) -> Result<LetterSinks> {
        let mut sinks = Vec::with_capacity(outputs.len());
        for LetterOutput { key, format, options, partition_by } in outputs {
            let next = batches.get(key).copied().unwrap_or(0);
            let committed = next.checked_sub(1);
            let planned = if is_replay { Some(next) } else { committed };
            let sink = letter::open(format, options, partition_by, context)?;
            sink.recover(&CheckpointFacts { query_id, planned, committed }).map_err(|error| {
                Error::new(error.kind(), "open an output for dead letters")
                    .with("output", key)
                    .hint("the dead letters may also go to another place from now on")
                    .because(error)
            })?;
            sinks.push(LetterSink { key: key.clone(), sink, next });
        }
        Ok(LetterSinks { sinks, batches })
    }

    /// What the commit entry of a batch says when all outputs have published it.
    pub fn batches_after(&self) -> BTreeMap<String, BatchId> {
        let mut batches = self.batches.clone();
        batches.extend(self.sinks.iter().map(|sink| (sink.key.clone(), sink.next + 1)));
        batches
    }

    /// The batch is committed.
    pub fn committed(&mut self) {
        self.batches = self.batches_after();
        self.sinks.iter_mut().for_each(|sink| sink.next += 1);
    }
}

impl LetterSink {
    /// Makes what the partitions of the batch staged visible, once.
    pub fn publish(&self, staged: Vec<Closing>) -> Result<()> {
        let staged = staged.into_iter().map(Closing::wait).collect::<Result<_>>()?;
        fault::point("letters-before");
        self.sink.publish(self.next, staged).map_err(|error| {
            Error::new(error.kind(), "publish dead letters").with("output", &self.key).because(error)
        })?;
        fault::point("letters-after");
        Ok(())
    }
}

/// What is the same in all dead letters of a batch.
pub struct Letters<'a> {
    pub refusals: &'a Refusals,
    pub sinks: &'a [LetterSink],
    pub query_name: &'a str,
    pub query_id: QueryId,
    pub batch: BatchId,
    /// The batch's own time.
    pub time_us: i64,
    /// The ranges of the batch, for rows that do not know where they came from.
    pub sources: String,
}

/// Takes the dead letters of one partition.
pub struct LetterBox<'a> {
    letters: &'a Letters<'a>,
    /// By output.
    writers: Vec<Box<dyn StageWriter>>,
}

impl<'a> LetterBox<'a> {
    pub fn open(letters: &'a Letters<'a>, partition: usize) -> Result<LetterBox<'a>> {
        let stage = |output: &LetterSink| output.sink.stage(output.next, partition);
        Ok(LetterBox { letters, writers: letters.sinks.iter().map(stage).collect::<Result<_>>()? })
    }

    /// Writes what the stages kept since the last time.
    pub fn take(&mut self, report: &mut TaskReport) -> Result<()> {
        for refused in std::mem::take(&mut report.refused) {
            let stage = self.letters.refusals.stages.get(refused.stage);
            let writer = stage.and_then(|stage| stage.output).and_then(|output| self.writers.get_mut(output));
            let writer = writer.ok_or_else(|| Error::internal("rows were set aside without an output"))?;
            writer.write(&self.letters.rows(&refused)?)?;
        }
        Ok(())
    }

    pub fn finish(self, closer: &Closer) -> Result<Vec<Closing>> {
        self.writers.into_iter().map(|writer| closer.finish(writer)).collect()
    }
}

impl Letters<'_> {
    /// The columns of `letter::schema`.
    fn rows(&self, refused: &Refused) -> Result<RecordBatch> {
        let stage = self.refusals.stages.get(refused.stage);
        let stage = stage.ok_or_else(|| Error::internal("rows were set aside by no stage"))?;
        let (schema, count) = (letter::schema(), refused.messages.len());
        let text = |value: &str| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
        let failed = |e| Error::internal("write dead letters").because(e);
        let column = |field: &FieldRef| -> Result<ArrayRef> {
            let place = || refused.places.as_ref().and_then(|places| places.column_by_name(field.name()));
            Ok(match field.name().as_str() {
                "time" => {
                    Arc::new(TimestampMicrosecondArray::from(vec![self.time_us; count]).with_timezone("UTC"))
                }
                "query" => text(self.query_name),
                "query_id" => text(&self.query_id.to_string()),
                "batch" => Arc::new(Int64Array::from(vec![self.batch as i64; count])),
                "stage" => text(&stage.name),
                "function" => text(&stage.function),
                "module_digest" => text(&stage.module_digest),
                "message" => Arc::new(refused.messages.clone()),
                "row" => Arc::new(refused.rows.clone()),
                "sources" if refused.places.is_none() => text(&self.sources),
                _ => match place() {
                    Some(place) => cast(place, field.data_type()).map_err(failed)?,
                    None => new_null_array(field.data_type(), count),
                },
            })
        };
        let columns = schema.fields().iter().map(column).collect::<Result<_>>()?;
        RecordBatch::try_new(schema, columns).map_err(failed)
    }
}
