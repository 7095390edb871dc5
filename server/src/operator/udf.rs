//! The stage `udf`: columns go into a guest, its columns come back beside the input's, row by row of origin.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::take;

use arrow::datatypes::SchemaRef;

use super::{Stage, StageRun, TaskReport, sample};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::fault;
use crate::udf::{Moment, RowError, Transform, TransformInstance, Transformed};

/// Where an output column comes from.
#[derive(Clone, Copy, Debug)]
pub enum UdfColumn {
    /// Column `n` of the input row that the output row came from.
    Input(usize),
    /// Column `n` of what the guest returns.
    Guest(usize),
}

pub struct UdfStage {
    pub transform: Arc<Transform>,
    /// What the guest gets, already of the types that its manifest asks for.
    pub arguments: Vec<Expression>,
    /// What leaves the stage; columns that nobody needs later are simply not here.
    pub outputs: Vec<UdfColumn>,
    pub schema: SchemaRef,
}

impl Stage for UdfStage {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn start(&self, moment: Moment) -> Result<Box<dyn StageRun>> {
        Ok(Box::new(UdfRun {
            transform: self.transform.clone(),
            instance: self.transform.open(moment)?,
            arguments: self.arguments.clone(),
            outputs: self.outputs.clone(),
            schema: self.schema.clone(),
        }))
    }
}

struct UdfRun {
    transform: Arc<Transform>,
    instance: TransformInstance,
    arguments: Vec<Expression>,
    outputs: Vec<UdfColumn>,
    schema: SchemaRef,
}

impl UdfRun {
    /// The guest's columns beside those of the input rows they came from.
    fn assemble(&self, rows: &RecordBatch, result: &Transformed) -> Result<RecordBatch> {
        let range = &result.rows;
        let column = |source: &UdfColumn| -> Result<ArrayRef> {
            Ok(match (source, &result.origin) {
                (UdfColumn::Guest(index), _) => result.columns[*index].clone(),
                (UdfColumn::Input(index), Some(origin)) => take(rows.column(*index), origin, None)
                    .map_err(|e| Error::internal("take rows by their origin").because(e))?,
                (UdfColumn::Input(index), None) => rows.column(*index).slice(range.start, range.len()),
            })
        };
        let columns = self.outputs.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(result.rows_out));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::internal("join a guest's columns to their rows").because(e))
    }
}

impl StageRun for UdfRun {
    fn run(&mut self, rows: RecordBatch, _: &mut TaskReport, out: &mut Vec<RecordBatch>) -> Result<()> {
        let arguments = self.arguments.iter().map(|e| e.evaluate(&rows)).collect::<Result<Vec<_>>>()?;
        fault::point("guest-before");
        let results = self.instance.process(&arguments, rows.num_rows())?;
        fault::point("guest-after");
        for result in results {
            if let Some(refused) = result.errors.first() {
                return Err(refused_row(&self.transform, &rows, refused));
            }
            out.push(self.assemble(&rows, &result)?);
        }
        Ok(())
    }
}

fn refused_row(transform: &Transform, rows: &RecordBatch, refused: &RowError) -> Error {
    Error::user("a guest refused a row")
        .with("function", transform.name())
        .with("module_digest", transform.module().digest())
        .with("message", &refused.message)
        .with("row", sample(rows, refused.row))
}
