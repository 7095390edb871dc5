//! An aggregate that is a function of a module. The host keeps a state a group, as columns; the guest gets those of
//! the groups that a call is about, and gives them back changed.
//!
//! In buffers and in the state store a state is one binary value, an encoded row of its columns, so that columns
//! may be added behind those that an older row has.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int32Array, UInt32Array, new_null_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::DataType;

use super::accumulator::Accumulator;
use super::internal;
use super::row_codec::RowCodec;
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::fault;
use crate::udf::{Aggregate, AggregateInstance, Moment, bytes_of};

/// States that no group has any more are dropped when they take this much more than the others did, or when there
/// are this many sources.
const UNUSED_BYTES_MAX: usize = 16 << 20;
const SOURCES_MAX: usize = 256;

/// A call of a module's aggregate in a groupBy.
pub struct GuestCall {
    pub aggregate: Arc<Aggregate>,
    /// The module, as the query names it.
    pub module: String,
    /// Of the types of the function's inputs.
    pub arguments: Vec<Expression>,
    /// The column of the result.
    pub name: String,
}

/// Where the state of a group is: in which of the sources, and in which row.
type Place = (usize, usize);

/// No rows came yet: the row of nulls, which is the first source.
const EMPTY: Place = (0, 0);

/// The states of the groups `0..len`.
pub struct GuestStates {
    aggregate: Arc<Aggregate>,
    module: String,
    moment: Moment,
    codec: RowCodec,
    instance: Option<AggregateInstance>,
    /// Columns of states, a batch for each call that gave some; never changed, only replaced.
    sources: Vec<Vec<ArrayRef>>,
    /// What the sources take, and what they took when unused states were dropped last.
    held_bytes: usize,
    used_bytes: usize,
    places: Vec<Place>,
    /// How many rows the next call begins with, twice those of the last; fewer if they are too large.
    rows_that_fit: usize,
}

impl GuestStates {
    pub fn new(call: &GuestCall, moment: Moment) -> Result<GuestStates> {
        let aggregate = call.aggregate.clone();
        let types = aggregate.state().iter().map(|field| field.data_type().clone()).collect();
        let codec = RowCodec::new(types)?;
        let empty = empty_row(&codec);
        Ok(GuestStates {
            aggregate,
            module: call.module.clone(),
            moment,
            codec,
            instance: None,
            sources: vec![empty],
            held_bytes: 0,
            used_bytes: 0,
            places: Vec::new(),
            rows_that_fit: usize::MAX,
        })
    }

    /// The state columns of `groups`.
    fn gather(&self, groups: impl Iterator<Item = usize>) -> Result<Vec<ArrayRef>> {
        let places: Vec<Place> = groups.map(|group| self.places[group]).collect();
        let column = |index: usize| {
            let sources: Vec<&dyn Array> = self.sources.iter().map(|source| source[index].as_ref()).collect();
            interleave(&sources, &places).map_err(internal("gather states"))
        };
        (0..self.codec.types().len()).map(column).collect()
    }

    /// Makes row `i` of `states` the state of `groups[i]`.
    fn replace(&mut self, groups: &[u32], states: Vec<ArrayRef>) -> Result<()> {
        for (row, group) in groups.iter().enumerate() {
            self.places[*group as usize] = (self.sources.len(), row);
        }
        self.add_source(states)
    }

    /// Adds columns of states that places point to already.
    fn add_source(&mut self, states: Vec<ArrayRef>) -> Result<()> {
        self.held_bytes += bytes_of(&states, 0..states.first().map_or(0, |column| column.len()));
        self.sources.push(states);
        match self.held_bytes > 2 * self.used_bytes + UNUSED_BYTES_MAX || self.sources.len() > SOURCES_MAX {
            true => self.drop_unused(),
            false => Ok(()),
        }
    }

    fn drop_unused(&mut self) -> Result<()> {
        let states = self.gather(0..self.places.len())?;
        self.held_bytes = bytes_of(&states, 0..self.places.len());
        self.used_bytes = self.held_bytes;
        self.sources = vec![empty_row(&self.codec), states];
        for (group, place) in self.places.iter_mut().enumerate() {
            *place = if *place == EMPTY { EMPTY } else { (1, group) };
        }
        Ok(())
    }

    /// Takes rows in with `call`, in as few calls as the guest's memory allows.
    fn fold(&mut self, columns: &[ArrayRef], groups: &[u32], call: Fold) -> Result<()> {
        let mut start = 0;
        while start < groups.len() {
            let mut count = self.rows_that_fit.min(groups.len() - start);
            let (touched, numbers, states) = loop {
                let (touched, numbers) = renumbered(&groups[start..start + count]);
                let states = self.gather(touched.iter().map(|group| *group as usize))?;
                let bytes = bytes_of(&states, 0..touched.len()) + bytes_of(columns, start..start + count);
                if count == 1 || bytes <= self.aggregate.call_bytes() {
                    break (touched, numbers, states);
                }
                count = count.div_ceil(2);
            };
            self.rows_that_fit = count.saturating_mul(2);
            let rows: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, count)).collect();
            fault::point("guest-before");
            let folded = self.guest().and_then(|guest| match call {
                Fold::Update => guest.update(&states, &rows, &numbers),
                Fold::Merge => guest.merge(&states, &rows, &numbers),
            });
            fault::point("guest-after");
            let folded = folded.map_err(|error| self.named(error))?;
            self.replace(&touched, folded)?;
            start += count;
        }
        Ok(())
    }

    fn guest(&mut self) -> Result<&mut AggregateInstance> {
        if self.instance.is_none() {
            self.instance = Some(self.aggregate.open(self.moment)?);
        }
        self.instance.as_mut().ok_or_else(|| Error::internal("a guest was opened and is not there"))
    }

    fn named(&self, error: Error) -> Error {
        error.with("stage", "groupBy").with("module", &self.module)
    }

    /// The results of groups, in as few calls as the guest's memory allows.
    fn finish(&self, groups: &[usize]) -> Result<ArrayRef> {
        let mut guest = self.aggregate.open(self.moment).map_err(|error| self.named(error))?;
        let (mut results, mut start, mut most) = (Vec::new(), 0, groups.len());
        while start < groups.len() {
            let mut count = most.min(groups.len() - start);
            let states = loop {
                let states = self.gather(groups[start..start + count].iter().copied())?;
                if count == 1 || bytes_of(&states, 0..count) <= self.aggregate.call_bytes() {
                    break states;
                }
                count = count.div_ceil(2);
            };
            most = count.saturating_mul(2);
            results.push(guest.finish(&states).map_err(|error| self.named(error))?);
            start += count;
        }
        let results: Vec<&dyn Array> = results.iter().map(|column| column.as_ref()).collect();
        match (results.is_empty(), self.aggregate.outputs().first()) {
            (true, Some(field)) => Ok(new_null_array(field.data_type(), 0)),
            _ => arrow::compute::concat(&results).map_err(internal("join results")),
        }
    }
}

#[derive(Clone, Copy)]
enum Fold {
    Update,
    Merge,
}

fn empty_row(codec: &RowCodec) -> Vec<ArrayRef> {
    codec.types().iter().map(|data_type| new_null_array(data_type, 1)).collect()
}

/// The distinct groups in order of appearance, and the place among them of each row's.
fn renumbered(groups: &[u32]) -> (Vec<u32>, Int32Array) {
    let mut known = hashbrown::HashMap::with_capacity(groups.len());
    let mut touched = Vec::new();
    let number = |group: &u32| {
        *known.entry(*group).or_insert_with(|| {
            touched.push(*group);
            touched.len() as i32 - 1
        })
    };
    let numbers: Vec<i32> = groups.iter().map(number).collect();
    (touched, Int32Array::from(numbers))
}

impl Accumulator for GuestStates {
    fn resize(&mut self, len: usize) {
        self.places.resize(len, EMPTY);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        self.fold(arguments, groups, Fold::Update)
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let rows = state[0].as_binary_opt::<i32>();
        let rows = rows.ok_or_else(|| Error::internal("the state of a guest is not BINARY"))?;
        let columns = self.codec.decode_lengthened(rows.iter().map(Option::unwrap_or_default))?;
        // What is merged into nothing is itself; only the others are the guest's work.
        let (mut firsts, mut later) = (Vec::new(), Vec::new());
        for (row, group) in groups.iter().enumerate() {
            let place = &mut self.places[*group as usize];
            if *place == EMPTY {
                *place = (self.sources.len(), firsts.len());
                firsts.push(row as u32);
            } else {
                later.push(row as u32);
            }
        }
        let taken = |rows: Vec<u32>| -> Result<Vec<ArrayRef>> {
            let rows = UInt32Array::from(rows);
            columns.iter().map(|c| take(c, &rows, None).map_err(internal("take states"))).collect()
        };
        let later_groups: Vec<u32> = later.iter().map(|row| groups[*row as usize]).collect();
        self.add_source(taken(firsts)?)?;
        self.fold(&taken(later)?, &later_groups, Fold::Merge)
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        let rows = self.codec.encode(&self.gather(0..self.places.len())?)?;
        let rows = BinaryArray::from_iter_values((0..rows.len()).map(|row| rows.row(row)));
        Ok(vec![Arc::new(rows)])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        self.finish(&(0..self.places.len()).collect::<Vec<_>>())
    }

    fn evaluate_some(&self, groups: &UInt32Array) -> Result<ArrayRef> {
        self.finish(&groups.values().iter().map(|group| *group as usize).collect::<Vec<_>>())
    }
}

/// The type of a guest's state in buffers.
pub fn state_type() -> DataType {
    DataType::Binary
}
