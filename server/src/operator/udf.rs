//! The stage `udf`: columns go into a guest, its columns come back beside the input's, row by row of origin.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::take;

use arrow::datatypes::SchemaRef;

use super::refused::{self, OnError, Rows};
use super::reuse::{Guest, Guests};
use super::{Stage, StageRun, TaskReport, sample};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::fault;
use crate::udf::{Moment, RowError, Transform, Transformed};

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
    pub guests: Arc<Guests>,
    /// What the guest gets, already of the types that its manifest asks for.
    pub arguments: Vec<Expression>,
    /// What leaves the stage; columns that nobody needs later are simply not here.
    pub outputs: Vec<UdfColumn>,
    pub schema: SchemaRef,
    /// What becomes of rows that the guest refuses. A guest that fails as a whole fails the batch in any case.
    pub on_error: OnError,
}

impl Stage for UdfStage {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn start(&self, moment: Moment) -> Result<Box<dyn StageRun>> {
        Ok(Box::new(UdfRun {
            transform: self.transform.clone(),
            guest: self.guests.take(moment)?,
            arguments: self.arguments.clone(),
            outputs: self.outputs.clone(),
            schema: self.schema.clone(),
            on_error: self.on_error,
        }))
    }
}

struct UdfRun {
    transform: Arc<Transform>,
    guest: Guest,
    arguments: Vec<Expression>,
    outputs: Vec<UdfColumn>,
    schema: SchemaRef,
    on_error: OnError,
}

impl UdfRun {
    /// The guest's columns beside those of the input rows they came from.
    fn assemble(&self, rows: &Rows, result: &Transformed) -> Result<Rows> {
        let (range, came_from) = (&result.rows, rows.origin.as_ref());
        let rows = &rows.batch;
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
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::internal("join a guest's columns to their rows").because(e))?;
        let origin = match &result.origin {
            Some(origin) => refused::taken(came_from, origin)?,
            None => came_from.map(|origin| origin.slice(range.start, range.len())),
        };
        Ok(Rows { batch, origin })
    }
}

impl StageRun for UdfRun {
    fn run(&mut self, rows: Rows, report: &mut TaskReport, out: &mut Vec<Rows>) -> Result<()> {
        let evaluate = |e: &Expression| e.evaluate(&rows.batch);
        let arguments = self.arguments.iter().map(evaluate).collect::<Result<Vec<_>>>()?;
        fault::point("guest-before");
        let guest = self.guest.get()?;
        let results = guest.process(&arguments, rows.batch.num_rows())?;
        fault::point("guest-after");
        for result in results {
            match (self.on_error, result.errors.first()) {
                (_, None) => {}
                (OnError::Fail, Some(error)) => {
                    let error = refused_row(&self.transform, &rows.batch, error);
                    return Err(self.guest.get()?.keep_refused(&arguments, result.rows, error));
                }
                (on_error, Some(_)) => refused::note(on_error, &rows, &result.errors, report)?,
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
        .hint("`onError: skip` in the stage drops such rows, `onError: {deadLetter: ...}` sets them aside")
}
