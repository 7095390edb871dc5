//! The built-in aggregates. Each keeps its groups' buffers as columns, by group number, and gives Spark's results.

mod approx_count;
mod avg;
mod bool;
mod collect;
mod count;
mod extreme;
mod hll;
mod moments;
mod position;
mod sum;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::expression::{AggregateCall, AggregateFunction};

/// The buffers of one aggregate call for the groups `0..len`.
pub trait Accumulator: Send {
    /// Makes room for groups up to `len`; new ones are empty.
    fn resize(&mut self, len: usize);

    /// Takes rows in: row `i` of the arguments belongs to `groups[i]`.
    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()>;

    /// Takes buffers in that [`Accumulator::state`] gave, as if their rows came after those taken so far.
    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()>;

    /// The buffers as columns of [`state_types`], one row a group.
    fn state(&self) -> Result<Vec<ArrayRef>>;

    /// The results, one row a group, of the call's type.
    fn evaluate(&self) -> Result<ArrayRef>;

    /// The results of some groups.
    fn evaluate_some(&self, groups: &UInt32Array) -> Result<ArrayRef> {
        take(&self.evaluate()?, groups, None).map_err(|e| Error::internal("take results").because(e))
    }
}

fn argument_type(call: &AggregateCall) -> Result<DataType> {
    match call.arguments.first() {
        Some(argument) => Ok(argument.field().data_type().clone()),
        None => Err(Error::internal("an aggregate has no argument").with("call", call.field.name())),
    }
}

/// The columns of a call's buffers, as they are kept in state.
pub fn state_types(call: &AggregateCall) -> Result<Vec<DataType>> {
    use AggregateFunction::*;
    Ok(match &call.function {
        Count | CountIf => vec![DataType::Int64],
        Sum => vec![call.field.data_type().clone()],
        Avg => avg::state_types(&argument_type(call)?),
        Min | Max => vec![argument_type(call)?],
        First { .. } | Last { .. } => vec![argument_type(call)?, DataType::Boolean],
        StddevSamp | StddevPop | VarSamp | VarPop => vec![DataType::Float64; 3],
        BoolAnd | BoolOr => vec![DataType::Boolean],
        ApproxCountDistinct { .. } => vec![DataType::Binary],
        CollectList | CollectSet => vec![call.field.data_type().clone()],
    })
}

pub fn new(call: &AggregateCall) -> Result<Box<dyn Accumulator>> {
    use AggregateFunction::*;
    Ok(match &call.function {
        Count => Box::new(count::Count::rows()),
        CountIf => Box::new(count::Count::true_rows()),
        Sum => sum::new(call.field.data_type())?,
        Avg => avg::new(call.field.data_type(), &argument_type(call)?)?,
        Min => extreme::new(&argument_type(call)?, extreme::Side::Min)?,
        Max => extreme::new(&argument_type(call)?, extreme::Side::Max)?,
        First { ignore_nulls } => {
            Box::new(position::Position::new(argument_type(call)?, position::End::First, *ignore_nulls))
        }
        Last { ignore_nulls } => {
            Box::new(position::Position::new(argument_type(call)?, position::End::Last, *ignore_nulls))
        }
        StddevSamp => Box::new(moments::Moments::new(moments::Result::StddevSamp)),
        StddevPop => Box::new(moments::Moments::new(moments::Result::StddevPop)),
        VarSamp => Box::new(moments::Moments::new(moments::Result::VarSamp)),
        VarPop => Box::new(moments::Moments::new(moments::Result::VarPop)),
        BoolAnd => Box::new(bool::Every::and()),
        BoolOr => Box::new(bool::Every::or()),
        ApproxCountDistinct { relative_sd } => Box::new(approx_count::ApproxCount::new(*relative_sd)?),
        CollectList => Box::new(collect::Collect::list(call.field.data_type().clone())?),
        CollectSet => Box::new(collect::Collect::set(call.field.data_type().clone())?),
    })
}

fn wrong_type(what: &str) -> Error {
    Error::internal("an aggregate got a column of another type").with("aggregate", what)
}
