//! The stage `select` (and `withColumn`): each output column is an expression over the input row.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use super::{Rows, Stage, StageRun, TaskReport};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::udf::Moment;

pub struct Project {
    expressions: Vec<Expression>,
    schema: SchemaRef,
}

impl Project {
    pub fn new(expressions: Vec<Expression>) -> Project {
        let fields: Vec<_> = expressions.iter().map(|e| e.field().clone()).collect();
        Project { expressions, schema: Schema::new(fields).into() }
    }

    /// The same as a function, for use inside another operator.
    pub fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.expressions.iter().map(|e| e.evaluate(rows)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::internal("an expression gave another type than it declared").because(e))
    }
}

impl Stage for Project {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn start(&self, _: Moment) -> Result<Box<dyn StageRun>> {
        Ok(Box::new(Project { expressions: self.expressions.clone(), schema: self.schema.clone() }))
    }
}

impl StageRun for Project {
    fn run(&mut self, rows: Rows, _: &mut TaskReport, out: &mut Vec<Rows>) -> Result<()> {
        out.push(rows.replaced_by(self.apply(&rows.batch)?));
        Ok(())
    }
}
