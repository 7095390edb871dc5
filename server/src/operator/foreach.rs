//! The foreach function of a sink: the rows of each partition go in, effects come out as rows for the sink.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::{in_stage, sample};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::udf::{Effects, Foreach, ForeachInstance, Moment, Partition};

pub struct ForeachStage {
    /// What an error calls it.
    name: String,
    function: Arc<Foreach>,
    /// What the guest gets, already of the types that its manifest asks for.
    arguments: Vec<Expression>,
    schema: SchemaRef,
}

impl ForeachStage {
    pub fn new(name: String, function: Arc<Foreach>, arguments: Vec<Expression>) -> ForeachStage {
        let schema = Arc::new(Schema::new(function.outputs().clone()));
        ForeachStage { name, function, arguments, schema }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns of an effect.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Opens a partition of a batch in a fresh guest.
    pub fn open(&self, moment: Moment, partition: Partition) -> Result<ForeachRun<'_>> {
        let guest = self.function.open(moment, partition).map_err(|error| in_stage(&self.name, error))?;
        Ok(ForeachRun { stage: self, guest, is_closed: false })
    }

    fn batch(&self, effects: Effects) -> Result<RecordBatch> {
        RecordBatch::try_new(self.schema.clone(), effects.columns)
            .map_err(|e| Error::internal("make a batch of effects").because(e))
    }
}

/// An open partition. Dropped before it was closed, it is closed with an error.
pub struct ForeachRun<'a> {
    stage: &'a ForeachStage,
    guest: ForeachInstance,
    is_closed: bool,
}

impl ForeachRun<'_> {
    /// The effects of some rows.
    pub fn run(&mut self, rows: &RecordBatch) -> Result<Vec<RecordBatch>> {
        if !self.guest.takes_rows() {
            return Ok(Vec::new());
        }
        let stage = self.stage;
        let arguments = stage.arguments.iter().map(|e| e.evaluate(rows)).collect::<Result<Vec<_>>>()?;
        let effects = self.guest.process(&arguments, rows.num_rows());
        let effects = effects.map_err(|e| in_stage(&stage.name, e).with("first_row", sample(rows, 0)))?;
        effects.into_iter().map(|effects| stage.batch(effects)).collect()
    }

    /// The effects of the partition's end.
    pub fn close(mut self) -> Result<RecordBatch> {
        self.is_closed = true;
        let effects = self.guest.close(None).map_err(|error| in_stage(&self.stage.name, error))?;
        self.stage.batch(effects)
    }
}

impl Drop for ForeachRun<'_> {
    fn drop(&mut self) {
        if !self.is_closed
            && self.guest.is_alive()
            && let Err(error) = self.guest.close(Some("the batch failed"))
        {
            tracing::warn!("a partition of a batch that failed could not be closed: {}", error.report());
        }
    }
}
