//! The stage `filter`: keeps the rows for which a predicate is true; null is not true.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;

use super::{Stage, StageRun, TaskReport};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::udf::Moment;

#[derive(Clone)]
pub struct Filter {
    predicate: Expression,
    schema: SchemaRef,
}

impl Filter {
    /// `predicate` is BOOLEAN over `schema`.
    pub fn new(predicate: Expression, schema: SchemaRef) -> Filter {
        Filter { predicate, schema }
    }
}

impl Stage for Filter {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn start(&self, _: Moment) -> Result<Box<dyn StageRun>> {
        Ok(Box::new(self.clone()))
    }
}

impl StageRun for Filter {
    fn run(&mut self, rows: RecordBatch, _: &mut TaskReport, out: &mut Vec<RecordBatch>) -> Result<()> {
        let keep = self.predicate.evaluate(&rows)?;
        let keep = keep
            .as_boolean_opt()
            .ok_or_else(|| Error::internal("a predicate is not BOOLEAN").with("sql", self.predicate.sql()))?;
        let kept =
            filter_record_batch(&rows, keep).map_err(|e| Error::internal("filter a batch").because(e))?;
        out.push(kept);
        Ok(())
    }
}
