//! `collect_list` and `collect_set`: arrays of the values that are not null, in the order in which they came.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, FieldRef};
use hashbrown::HashSet;

use super::{Accumulator, wrong_type};
use crate::error::{Error, Result};
use crate::operator::aggregate::lane::normalised;
use crate::operator::aggregate::row_codec::RowCodec;

pub struct Collect {
    element: FieldRef,
    /// All values that came in, and which of them each group holds.
    sources: Vec<ArrayRef>,
    length: usize,
    held: Vec<Vec<u32>>,
    /// For sets: what each group holds already, encoded.
    seen: Option<(RowCodec, Vec<HashSet<Vec<u8>>>)>,
}

impl Collect {
    pub fn list(result: DataType) -> Result<Collect> {
        let DataType::List(element) = result else { return Err(wrong_type("collect_list")) };
        Ok(Collect { element, sources: Vec::new(), length: 0, held: Vec::new(), seen: None })
    }

    pub fn set(result: DataType) -> Result<Collect> {
        let mut collect = Collect::list(result)?;
        let codec = RowCodec::new(vec![collect.element.data_type().clone()])?;
        collect.seen = Some((codec, Vec::new()));
        Ok(collect)
    }

    /// Takes in `values`; value `i` belongs to group `groups(i)`.
    fn take_in(&mut self, values: &ArrayRef, groups: impl Fn(usize) -> u32) -> Result<()> {
        let nulls = values.logical_nulls();
        let encoded = match &self.seen {
            Some((codec, _)) => Some(codec.encode(&[normalised(values)?])?),
            None => None,
        };
        let too_many = || Error::user("collected arrays are too long together").with("values", self.length);
        u32::try_from(self.length + values.len()).map_err(|_| too_many())?;
        for index in 0..values.len() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
                continue;
            }
            let group = groups(index) as usize;
            if let (Some((_, seen)), Some(rows)) = (&mut self.seen, &encoded) {
                if seen[group].contains(rows.row(index)) {
                    continue;
                }
                seen[group].insert(rows.row(index).to_vec());
            }
            self.held[group].push((self.length + index) as u32);
        }
        self.length += values.len();
        self.sources.push(values.clone());
        Ok(())
    }
}

impl Accumulator for Collect {
    fn resize(&mut self, len: usize) {
        self.held.resize(len, Vec::new());
        if let Some((_, seen)) = &mut self.seen {
            seen.resize(len, HashSet::new());
        }
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        self.take_in(&arguments[0], |row| groups[row])
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let lists = state[0].as_list_opt::<i32>().ok_or_else(|| wrong_type("collect_list"))?;
        let first = lists.value_offsets()[0] as usize;
        let end = lists.value_offsets()[lists.len()] as usize;
        let owners: Vec<u32> = (0..lists.len())
            .flat_map(|row| std::iter::repeat_n(groups[row], lists.value_length(row) as usize))
            .collect();
        self.take_in(&lists.values().slice(first, end - first), |index| owners[index])
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        let failed = |e| Error::internal("gather collected values").because(e);
        let sources: Vec<_> = self.sources.iter().map(|s| s.as_ref()).collect();
        let values = match sources.is_empty() {
            true => arrow::array::new_empty_array(self.element.data_type()),
            false => concat(&sources).map_err(failed)?,
        };
        let order: UInt32Array = self.held.iter().flatten().copied().collect();
        let values = take(&values, &order, None).map_err(failed)?;
        let offsets = OffsetBuffer::from_lengths(self.held.iter().map(|held| held.len()));
        Ok(Arc::new(ListArray::try_new(self.element.clone(), offsets, values, None).map_err(failed)?))
    }
}
