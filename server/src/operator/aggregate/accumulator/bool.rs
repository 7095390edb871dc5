//! `bool_and` (every) and `bool_or` (some): null while a group has no value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};

use super::{Accumulator, wrong_type};
use crate::error::Result;

pub struct Every {
    values: Vec<Option<bool>>,
    /// The value that decides: false for and, true for or.
    decisive: bool,
}

impl Every {
    pub fn and() -> Every {
        Every { values: Vec::new(), decisive: false }
    }

    pub fn or() -> Every {
        Every { values: Vec::new(), decisive: true }
    }
}

impl Accumulator for Every {
    fn resize(&mut self, len: usize) {
        self.values.resize(len, None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let values = arguments[0].as_boolean_opt().ok_or_else(|| wrong_type("bool_and"))?;
        for (row, group) in groups.iter().enumerate() {
            let slot = &mut self.values[*group as usize];
            if values.is_valid(row) && *slot != Some(self.decisive) {
                *slot = Some(values.value(row));
            }
        }
        Ok(())
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        self.update(state, groups)
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::from(self.values.clone())))
    }
}
