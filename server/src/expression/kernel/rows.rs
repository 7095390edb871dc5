//! Row loops of two columns, where a row may fail. A constant is not made a column.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use crate::error::{Error, Result};

/// One operand: a column, or a value for every row (None: null).
pub enum Side<T: ArrowPrimitiveType> {
    Column(PrimitiveArray<T>),
    Constant(Option<T::Native>),
}

impl<T: ArrowPrimitiveType> Side<T> {
    pub fn of(value: &ColumnarValue) -> Result<Side<T>> {
        match value {
            ColumnarValue::Array(array) => {
                match array.as_primitive_opt::<T>() {
                    Some(array) => Ok(Side::Column(array.clone())),
                    None => Err(Error::internal("a column has another type than planned")
                        .with("type", array.data_type())),
                }
            }
            ColumnarValue::Scalar(scalar) => {
                let array = single(scalar)?;
                let array = array.as_primitive_opt::<T>();
                let array = array.ok_or_else(|| {
                    Error::internal("a constant has another type than planned")
                        .with("type", scalar.data_type())
                })?;
                Ok(Side::Constant(array.is_valid(0).then(|| array.value(0))))
            }
        }
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Side::Column(array) => array.nulls(),
            Side::Constant(_) => None,
        }
    }
}

/// A constant as an array of one row.
pub fn single(scalar: &ScalarValue) -> Result<arrow::array::ArrayRef> {
    scalar.to_array().map_err(|error| Error::internal("a constant is no array").because(error))
}

/// What happens to a row that fails.
#[derive(Clone, Copy)]
pub enum OnFailure {
    /// The error of the row, made from its two values.
    Raise,
    Null,
}

/// Applies `f` to the rows where both are present.
pub fn pairs<A, B, O>(
    left: &Side<A>,
    right: &Side<B>,
    rows: usize,
    on_failure: OnFailure,
    f: impl Fn(A::Native, B::Native) -> Option<O::Native>,
    error: impl Fn(A::Native, B::Native) -> Error,
) -> Result<PrimitiveArray<O>>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    if matches!(left, Side::Constant(None)) || matches!(right, Side::Constant(None)) {
        return Ok(PrimitiveArray::new_null(rows));
    }
    let nulls = NullBuffer::union(left.nulls(), right.nulls());
    let mut failed = false;
    let mut run = |a: A::Native, b: B::Native| {
        f(a, b).unwrap_or_else(|| {
            failed = true;
            O::Native::default()
        })
    };
    let values: Vec<O::Native> = match (left, right) {
        (Side::Column(a), Side::Column(b)) => {
            a.values().iter().zip(b.values()).map(|(a, b)| run(*a, *b)).collect()
        }
        (Side::Column(a), Side::Constant(Some(b))) => a.values().iter().map(|a| run(*a, *b)).collect(),
        (Side::Constant(Some(a)), Side::Column(b)) => b.values().iter().map(|b| run(*a, *b)).collect(),
        (Side::Constant(Some(a)), Side::Constant(Some(b))) => vec![run(*a, *b); rows],
        _ => return Ok(PrimitiveArray::new_null(rows)),
    };
    if !failed {
        return Ok(PrimitiveArray::new(values.into(), nulls));
    }
    let raised = |a, b| matches!(on_failure, OnFailure::Raise).then(|| error(a, b));
    settle_failures(left, right, values, nulls, f, raised)
}

/// Some value failed; it counts only where the row is not null.
fn settle_failures<A, B, O>(
    left: &Side<A>,
    right: &Side<B>,
    values: Vec<O::Native>,
    nulls: Option<NullBuffer>,
    f: impl Fn(A::Native, B::Native) -> Option<O::Native>,
    raised: impl Fn(A::Native, B::Native) -> Option<Error>,
) -> Result<PrimitiveArray<O>>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    fn at<T: ArrowPrimitiveType>(side: &Side<T>, row: usize) -> T::Native {
        match side {
            Side::Column(array) => array.value(row),
            Side::Constant(value) => value.unwrap_or_default(),
        }
    }
    let mut valid = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        let present = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let fine = !present || f(at(left, row), at(right, row)).is_some();
        if !fine && let Some(error) = raised(at(left, row), at(right, row)) {
            return Err(error);
        }
        valid.push(present && fine);
    }
    Ok(PrimitiveArray::new(values.into(), Some(NullBuffer::from(valid))))
}

pub fn raise_or_null(lenient: bool) -> OnFailure {
    if lenient { OnFailure::Null } else { OnFailure::Raise }
}

pub fn overflow(what: &str) -> Error {
    Error::user(format!("[ARITHMETIC_OVERFLOW] {what} overflows"))
        .hint("use try_add, try_subtract or try_multiply to get null instead")
}

/// TINYINT and SMALLINT have a class of their own.
pub fn small_overflow(what: &str) -> Error {
    Error::user(format!("[BINARY_ARITHMETIC_OVERFLOW] {what} overflows"))
        .hint("cast to INT, or use try_add, try_subtract or try_multiply to get null instead")
}

pub fn divide_by_zero() -> Error {
    Error::user("[DIVIDE_BY_ZERO] division by zero").hint("use try_divide to get null instead")
}

pub fn remainder_by_zero() -> Error {
    Error::user("[REMAINDER_BY_ZERO] remainder by zero").hint("use try_mod to get null instead")
}
