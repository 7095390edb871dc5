//! The columns and lambda parameters that a node runs on, and the narrowing to some rows.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter, take};
use datafusion_common::ScalarValue;

use super::{BatchTime, Node};
use crate::error::{Error, Result};
use crate::expression::environment::Environment;

const MICROS_PER_DAY: i64 = 86_400_000_000;

pub struct Frame<'a> {
    pub rows: usize,
    /// A column that is not read may be missing.
    columns: Vec<Option<ArrayRef>>,
    variables: Vec<Option<ArrayRef>>,
    environment: &'a Environment,
}

impl<'a> Frame<'a> {
    pub fn new(batch: &RecordBatch, environment: &'a Environment) -> Frame<'a> {
        let columns = batch.columns().iter().cloned().map(Some).collect();
        Frame { rows: batch.num_rows(), columns, variables: Vec::new(), environment }
    }

    /// One row without columns, for constants.
    pub fn single(environment: &'a Environment) -> Frame<'a> {
        Frame { rows: 1, columns: Vec::new(), variables: Vec::new(), environment }
    }

    pub fn column(&self, index: usize) -> Result<ArrayRef> {
        let column = self.columns.get(index).and_then(|column| column.clone());
        column.ok_or_else(|| {
            Error::internal("an expression reads a column that is not there").with("column", index)
        })
    }

    pub fn variable(&self, slot: usize) -> Result<ArrayRef> {
        let variable = self.variables.get(slot).and_then(|variable| variable.clone());
        variable.ok_or_else(|| Error::internal("a lambda parameter has no value").with("slot", slot))
    }

    pub fn batch_time(&self, what: BatchTime) -> ScalarValue {
        let micros = self.environment.batch_time_micros();
        match what {
            BatchTime::Timestamp => ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())),
            BatchTime::TimestampNtz => ScalarValue::TimestampMicrosecond(Some(micros), None),
            BatchTime::Date => ScalarValue::Date32(Some(micros.div_euclid(MICROS_PER_DAY) as i32)),
        }
    }

    /// The rows where `mask` is true, with the columns that `node` reads.
    pub fn filtered(&self, mask: &BooleanArray, node: &Node) -> Result<Frame<'a>> {
        self.map(&[node], mask.true_count(), |array| filter(array, mask))
    }

    /// The rows at `indices`, with the columns that `nodes` read.
    pub fn taken(&self, indices: &UInt32Array, nodes: &[&Node]) -> Result<Frame<'a>> {
        self.map(nodes, indices.len(), |array| take(array, indices, None))
    }

    /// Sets the parameter of a lambda.
    pub fn set_variable(&mut self, slot: usize, value: ArrayRef) {
        if self.variables.len() <= slot {
            self.variables.resize(slot + 1, None);
        }
        self.variables[slot] = Some(value);
    }

    fn map(
        &self,
        nodes: &[&Node],
        rows: usize,
        narrow: impl Fn(&ArrayRef) -> std::result::Result<ArrayRef, arrow::error::ArrowError>,
    ) -> Result<Frame<'a>> {
        let (mut columns, mut variables) = (BTreeSet::new(), BTreeSet::new());
        nodes.iter().for_each(|node| node.reads(&mut columns, &mut variables));
        let select =
            |arrays: &[Option<ArrayRef>], wanted: &BTreeSet<usize>| -> Result<Vec<Option<ArrayRef>>> {
                let narrowed = arrays.iter().enumerate().map(|(index, array)| match array {
                    Some(array) if wanted.contains(&index) => narrow(array).map(Some),
                    _ => Ok(None),
                });
                let narrowed = narrowed.collect::<std::result::Result<Vec<_>, _>>();
                narrowed.map_err(|error| Error::internal("cannot select rows").because(error))
            };
        Ok(Frame {
            rows,
            columns: select(&self.columns, &columns)?,
            variables: select(&self.variables, &variables)?,
            environment: self.environment,
        })
    }
}
