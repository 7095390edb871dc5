//! The kind `aggregate`: rows of groups into the groups' states, states into one, and results out of them. Whoever
//! calls keeps the states and cuts his batches so that they fit.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use arrow::datatypes::Fields;

use super::call::CallBlock;
use super::columns_in::{ColumnsIn, grouped, grouped_fields};
use super::live::{Live, UntilError};
use super::memory::Memory;
use super::module::Callable;
use super::moment::Moment;
use super::replay::{RecordedCall, Replayed};
use super::result::columns_only;
use crate::error::{Error, Result};

/// What a call is to do; the first word of its struct.
#[derive(Clone, Copy)]
enum Step {
    Update = 0,
    Merge = 1,
    Finish = 2,
}

// Places in the struct of a call.
const STEP: usize = 0;
const STATES: usize = 4;
const ROWS: usize = 8;
const CALL_BYTES: usize = 12;

/// A function that folds the rows of a group into one value.
pub struct Aggregate {
    pub(super) callable: Callable,
    pub(super) state: Fields,
}

impl Deref for Aggregate {
    type Target = Callable;

    fn deref(&self) -> &Callable {
        &self.callable
    }
}

impl Aggregate {
    /// The columns of a group's state. All may hold nulls; a row of nulls is the state of a group without rows.
    pub fn state(&self) -> &Fields {
        &self.state
    }

    /// Starts a fresh guest; see [`Transform::open`](super::Transform::open).
    pub fn open(self: &Arc<Self>, moment: Moment) -> Result<AggregateInstance> {
        Ok(AggregateInstance { aggregate: Arc::clone(self), live: UntilError::open(self, moment)? })
    }
}

/// A guest that aggregates. After an error it is gone, and another must be opened.
pub struct AggregateInstance {
    aggregate: Arc<Aggregate>,
    live: UntilError,
}

impl AggregateInstance {
    /// The states of groups after more rows: row `i` of the columns of the function's inputs belongs to
    /// `groups[i]`, a row of `states`.
    pub fn update(
        &mut self,
        states: &[ArrayRef],
        columns: &[ArrayRef],
        groups: &Int32Array,
    ) -> Result<Vec<ArrayRef>> {
        let aggregate = Arc::clone(&self.aggregate);
        self.call(Step::Update, states, Some((aggregate.inputs(), columns, groups)))
    }

    /// The states of groups after other states, as if their rows came later: row `i` of `others` is of
    /// `groups[i]`, a row of `states`.
    pub fn merge(
        &mut self,
        states: &[ArrayRef],
        others: &[ArrayRef],
        groups: &Int32Array,
    ) -> Result<Vec<ArrayRef>> {
        let aggregate = Arc::clone(&self.aggregate);
        self.call(Step::Merge, states, Some((aggregate.state(), others, groups)))
    }

    /// The result of each state.
    pub fn finish(&mut self, states: &[ArrayRef]) -> Result<ArrayRef> {
        let mut columns = self.call(Step::Finish, states, None)?;
        columns.pop().ok_or_else(|| Error::internal("an aggregate has no result column"))
    }

    fn call(
        &mut self,
        step: Step,
        states: &[ArrayRef],
        rows: Option<(&Fields, &[ArrayRef], &Int32Array)>,
    ) -> Result<Vec<ArrayRef>> {
        let aggregate = &self.aggregate;
        self.live.with(|live| {
            let groups = states.first().map_or(0, |column| column.len());
            let states = ColumnsIn::new(&aggregate.state, states, groups)?;
            let rows = rows.map(|(fields, columns, of)| grouped(fields, columns, of)).transpose()?;
            let result = aggregate.call(live, step, &states, rows.as_ref());
            result.map_err(|error| aggregate.named(error))
        })
    }
}

impl Aggregate {
    /// Makes a recorded call again.
    pub(super) fn again(&self, live: &mut Live, call: &RecordedCall) -> Result<Replayed> {
        let states = call.columns(Some(STATES), &self.state)?;
        let rows = |fields: &Fields| call.columns(Some(ROWS), &grouped_fields(fields));
        let number = call.number(STEP)?;
        let (step, rows) = match number {
            _ if number == Step::Update as i64 => (Step::Update, Some(rows(self.inputs())?)),
            _ if number == Step::Merge as i64 => (Step::Merge, Some(rows(&self.state)?)),
            _ => (Step::Finish, None),
        };
        let columns = self.call(live, step, &states, rows.as_ref())?;
        Ok(Replayed { rows_out: columns.first().map_or(0, |column| column.len()), refused: Vec::new() })
    }

    fn call(
        &self,
        live: &mut Live,
        step: Step,
        states: &ColumnsIn,
        rows: Option<&ColumnsIn>,
    ) -> Result<Vec<ArrayRef>> {
        let groups = states.rows();
        let mut block = CallBlock::of_struct(CALL_BYTES);
        block.put_i32(STEP, step as i32);
        let (mut count, mut bytes) = (groups, states.bytes(0..groups));
        block.add_at(STATES, states, 0..groups);
        if let Some(rows) = rows {
            (count, bytes) = (count + rows.rows(), bytes + rows.bytes(0..rows.rows()));
            block.add_at(ROWS, rows, 0..rows.rows());
        }
        self.module.runtime.limits.check_call(count, bytes)?;
        let wanted = match step {
            Step::Finish => self.outputs(),
            Step::Update | Step::Merge => &self.state,
        };
        live.process(&block, count, bytes, |memory: Memory<'_>, at, bytes_max| {
            columns_only(memory, at, wanted, groups, bytes_max)
        })
    }
}
