//! `first` and `last`, with and without `IGNORE NULLS`: the value is kept as a place in the columns that came in.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::DataType;

use super::{Accumulator, wrong_type};
use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    First,
    Last,
}

/// Columns kept at once; beyond, the values in use are copied into one.
const SOURCES_MAX: usize = 64;

pub struct Position {
    data_type: DataType,
    end: End,
    ignore_nulls: bool,
    /// The columns that the places point into; the first holds one null.
    sources: Vec<ArrayRef>,
    /// By group: source and row.
    places: Vec<(usize, usize)>,
    seen: Vec<bool>,
}

impl Position {
    pub fn new(data_type: DataType, end: End, ignore_nulls: bool) -> Position {
        let nothing = new_null_array(&data_type, 1);
        let sources = vec![nothing];
        Position { data_type, end, ignore_nulls, sources, places: Vec::new(), seen: Vec::new() }
    }

    fn take_in(&mut self, column: &ArrayRef, groups: &[u32], counts: impl Fn(usize) -> bool) -> Result<()> {
        if self.sources.len() >= SOURCES_MAX {
            let values = self.values()?;
            self.places = (0..values.len()).map(|row| (1, row)).collect();
            self.sources = vec![self.sources[0].clone(), values];
        }
        let source = self.sources.len();
        for (row, group) in groups.iter().enumerate() {
            let group = *group as usize;
            if counts(row) && (self.end == End::Last || !self.seen[group]) {
                self.places[group] = (source, row);
                self.seen[group] = true;
            }
        }
        self.sources.push(column.clone());
        Ok(())
    }

    fn values(&self) -> Result<ArrayRef> {
        if self.places.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.data_type));
        }
        let sources: Vec<_> = self.sources.iter().map(|s| s.as_ref()).collect();
        interleave(&sources, &self.places).map_err(|e| Error::internal("gather first values").because(e))
    }
}

impl Accumulator for Position {
    fn resize(&mut self, len: usize) {
        self.places.resize(len, (0, 0));
        self.seen.resize(len, false);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let (column, ignore_nulls) = (&arguments[0], self.ignore_nulls);
        let nulls = column.logical_nulls();
        self.take_in(column, groups, |row| {
            !ignore_nulls || nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
        })
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let seen = state[1].as_boolean_opt().ok_or_else(|| wrong_type("first"))?.clone();
        self.take_in(&state[0], groups, |row| seen.value(row))
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values()?, std::sync::Arc::new(BooleanArray::from(self.seen.clone()))])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        self.values()
    }
}
