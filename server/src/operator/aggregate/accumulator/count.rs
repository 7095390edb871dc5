//! `count(*)`, `count(a, b)` and `count_if`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int64Type;

use super::{Accumulator, wrong_type};
use crate::error::Result;

pub struct Count {
    counts: Vec<i64>,
    /// Count rows whose one argument is true, rather than rows whose arguments are all there.
    true_only: bool,
}

impl Count {
    pub fn rows() -> Count {
        Count { counts: Vec::new(), true_only: false }
    }

    pub fn true_rows() -> Count {
        Count { counts: Vec::new(), true_only: true }
    }
}

impl Accumulator for Count {
    fn resize(&mut self, len: usize) {
        self.counts.resize(len, 0);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        if self.true_only {
            let values = arguments[0].as_boolean_opt().ok_or_else(|| wrong_type("count_if"))?;
            for (row, group) in groups.iter().enumerate() {
                let counted = values.is_valid(row) && values.value(row);
                self.counts[*group as usize] += i64::from(counted);
            }
            return Ok(());
        }
        let nulls =
            arguments.iter().fold(None, |all, a| NullBuffer::union(all.as_ref(), a.logical_nulls().as_ref()));
        match nulls {
            None => groups.iter().for_each(|group| self.counts[*group as usize] += 1),
            Some(nulls) => {
                for (group, valid) in groups.iter().zip(nulls.iter()) {
                    self.counts[*group as usize] += i64::from(valid);
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let counts = state[0].as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type("count"))?;
        for (group, count) in groups.iter().zip(counts.values()) {
            self.counts[*group as usize] += count;
        }
        Ok(())
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(self.counts.clone())))
    }
}
