//! Typed expressions and how they run on a frame of columns. Knows no SQL text and no rules of types.

mod frame;
mod higher_order;
mod lazy;

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, BooleanArray, new_empty_array};
use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

pub use frame::Frame;
pub use higher_order::{Higher, HigherKind, Lambda};

use super::cast::retype;
use super::registry::Kernel;
use crate::error::{Error, Result};

/// A typed expression.
#[derive(Clone)]
pub struct Node {
    pub kind: Kind,
    pub data_type: DataType,
    pub nullable: bool,
    /// May raise an error on some row: then it runs only on the rows that need it.
    pub fallible: bool,
    /// A day-time interval of whole days, which added to a DATE gives a DATE.
    pub days_only: bool,
}

#[derive(Clone)]
pub enum Kind {
    Column(usize),
    Constant(ScalarValue),
    /// A parameter of a lambda, by its slot.
    Variable(usize),
    BatchTime(BatchTime),
    Apply(Apply),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Case {
        branches: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
    Coalesce(Vec<Node>),
    Higher(Box<Higher>),
}

/// What of the batch's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchTime {
    Timestamp,
    TimestampNtz,
    Date,
}

#[derive(Clone)]
pub struct Apply {
    pub kernel: Kernel,
    pub arguments: Vec<Node>,
    /// Null as soon as an argument is: later arguments are not computed for such rows, as in Spark.
    pub strict: bool,
}

impl Node {
    pub fn new(kind: Kind, data_type: DataType, nullable: bool, fallible: bool) -> Node {
        Node { kind, data_type, nullable, fallible, days_only: false }
    }

    pub fn constant(value: ScalarValue) -> Node {
        let (data_type, nullable) = (value.data_type(), value.is_null());
        Node::new(Kind::Constant(value), data_type, nullable, false)
    }

    pub fn as_constant(&self) -> Option<&ScalarValue> {
        match &self.kind {
            Kind::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The value for every row of the frame; an array has exactly the node's type.
    pub fn evaluate(&self, frame: &Frame) -> Result<ColumnarValue> {
        if frame.rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(&self.data_type)));
        }
        match &self.kind {
            Kind::Column(index) => frame.column(*index).map(ColumnarValue::Array),
            Kind::Variable(slot) => frame.variable(*slot).map(ColumnarValue::Array),
            Kind::Constant(value) => Ok(ColumnarValue::Scalar(value.clone())),
            Kind::BatchTime(what) => Ok(ColumnarValue::Scalar(frame.batch_time(*what))),
            Kind::Apply(apply) => self.typed(lazy::apply(apply, frame, &self.data_type)?),
            Kind::And(left, right) => lazy::and(left, right, frame),
            Kind::Or(left, right) => lazy::or(left, right, frame),
            Kind::Case { branches, otherwise } => {
                lazy::case(branches, otherwise, &self.data_type, frame).map(ColumnarValue::Array)
            }
            Kind::Coalesce(values) => lazy::coalesce(values, frame).map(ColumnarValue::Array),
            Kind::Higher(higher) => {
                self.typed(ColumnarValue::Array(higher.evaluate(frame, &self.data_type)?))
            }
        }
    }

    /// The value as an array of the frame's length.
    pub fn array(&self, frame: &Frame) -> Result<ArrayRef> {
        into_array(self.evaluate(frame)?, frame.rows)
    }

    /// The value of a BOOLEAN as an array.
    pub fn booleans(&self, frame: &Frame) -> Result<BooleanArray> {
        let array = self.array(frame)?;
        let found = array.as_any().downcast_ref::<BooleanArray>().cloned();
        found.ok_or_else(|| Error::internal("a condition is not boolean").with("type", array.data_type()))
    }

    fn typed(&self, value: ColumnarValue) -> Result<ColumnarValue> {
        Ok(match value {
            ColumnarValue::Array(array) => ColumnarValue::Array(retype(&array, &self.data_type)?),
            scalar => scalar,
        })
    }

    /// Adds the columns and variables that the node reads.
    pub fn reads(&self, columns: &mut BTreeSet<usize>, variables: &mut BTreeSet<usize>) {
        match &self.kind {
            Kind::Column(index) => _ = columns.insert(*index),
            Kind::Variable(slot) => _ = variables.insert(*slot),
            Kind::Constant(_) | Kind::BatchTime(_) => {}
            Kind::Apply(apply) => apply.arguments.iter().for_each(|node| node.reads(columns, variables)),
            Kind::And(left, right) | Kind::Or(left, right) => {
                left.reads(columns, variables);
                right.reads(columns, variables);
            }
            Kind::Case { branches, otherwise } => {
                for (test, value) in branches {
                    test.reads(columns, variables);
                    value.reads(columns, variables);
                }
                otherwise.reads(columns, variables);
            }
            Kind::Coalesce(values) => values.iter().for_each(|node| node.reads(columns, variables)),
            Kind::Higher(higher) => higher.reads(columns, variables),
        }
    }

    /// The same for every row of every batch.
    pub fn is_foldable(&self) -> bool {
        match &self.kind {
            Kind::Constant(_) => true,
            Kind::Column(_) | Kind::Variable(_) | Kind::BatchTime(_) | Kind::Higher(_) => false,
            Kind::Apply(apply) => apply.arguments.iter().all(Node::is_foldable),
            Kind::And(left, right) | Kind::Or(left, right) => left.is_foldable() && right.is_foldable(),
            Kind::Case { branches, otherwise } => {
                branches.iter().all(|(test, value)| test.is_foldable() && value.is_foldable())
                    && otherwise.is_foldable()
            }
            Kind::Coalesce(values) => values.iter().all(Node::is_foldable),
        }
    }
}

/// An array of that many rows, of the value's own type.
pub fn into_array(value: ColumnarValue, rows: usize) -> Result<ArrayRef> {
    match value {
        ColumnarValue::Array(array) if array.len() == rows => Ok(array),
        ColumnarValue::Array(array) => Err(Error::internal("a kernel gave another number of rows")
            .with("rows", array.len())
            .with("wanted", rows)),
        ColumnarValue::Scalar(value) => value
            .to_array_of_size(rows)
            .map_err(|error| Error::internal("cannot repeat a constant").because(error)),
    }
}
