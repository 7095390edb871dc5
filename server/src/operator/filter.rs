//! The stage `filter`: keeps the rows for which a predicate is true; null is not true.

use arrow::array::{AsArray, UInt32Array};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::SchemaRef;

use super::{Rows, Stage, StageRun, TaskReport};
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
    fn run(&mut self, rows: Rows, _: &mut TaskReport, out: &mut Vec<Rows>) -> Result<()> {
        let failed = |e| Error::internal("filter a batch").because(e);
        let keep = self.predicate.evaluate(&rows.batch)?;
        let keep = keep
            .as_boolean_opt()
            .ok_or_else(|| Error::internal("a predicate is not BOOLEAN").with("sql", self.predicate.sql()))?;
        let batch = filter_record_batch(&rows.batch, keep).map_err(failed)?;
        let origin = rows.origin.as_ref().map(|origin| filter(origin, keep).map_err(failed)).transpose()?;
        let origin = origin.and_then(|origin| origin.as_any().downcast_ref::<UInt32Array>().cloned());
        out.push(Rows { batch, origin });
        Ok(())
    }
}
