//! `& | ^ ~ << >> >>>` on integers.

use std::sync::Arc;

use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::*;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::rows::{OnFailure, Side, overflow, pairs};
use crate::error::{Error, Result};
use crate::expression::node::into_array;
use crate::expression::registry::Kernel;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOperation {
    And,
    Or,
    Xor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    Left,
    Right,
    RightUnsigned,
}

/// Both operands have `data_type`.
pub fn bits(operation: BitOperation, data_type: &DataType) -> Result<Kernel> {
    Ok(match data_type {
        DataType::Int8 => bit_kernel::<Int8Type>(operation),
        DataType::Int16 => bit_kernel::<Int16Type>(operation),
        DataType::Int32 => bit_kernel::<Int32Type>(operation),
        DataType::Int64 => bit_kernel::<Int64Type>(operation),
        other => return Err(Error::internal("no bits of this type").with("type", other)),
    })
}

fn bit_kernel<T: ArrowPrimitiveType>(operation: BitOperation) -> Kernel
where
    T::Native: std::ops::BitAnd<Output = T::Native>
        + std::ops::BitOr<Output = T::Native>
        + std::ops::BitXor<Output = T::Native>,
{
    Arc::new(move |values, rows| {
        let (left, right) = (Side::<T>::of(&values[0])?, Side::<T>::of(&values[1])?);
        let f = |a: T::Native, b: T::Native| {
            Some(match operation {
                BitOperation::And => a & b,
                BitOperation::Or => a | b,
                BitOperation::Xor => a ^ b,
            })
        };
        let found =
            pairs::<T, T, T>(&left, &right, rows, OnFailure::Null, f, |_, _| overflow("a bit operation"))?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

/// `~`.
pub fn bit_not() -> Kernel {
    Arc::new(|values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        Ok(ColumnarValue::Array(match array.data_type() {
            DataType::Int8 => Arc::new(array.as_primitive::<Int8Type>().unary::<_, Int8Type>(|v| !v)),
            DataType::Int16 => Arc::new(array.as_primitive::<Int16Type>().unary::<_, Int16Type>(|v| !v)),
            DataType::Int32 => Arc::new(array.as_primitive::<Int32Type>().unary::<_, Int32Type>(|v| !v)),
            DataType::Int64 => Arc::new(array.as_primitive::<Int64Type>().unary::<_, Int64Type>(|v| !v)),
            other => return Err(Error::internal("no bits of this type").with("type", other)),
        }))
    })
}

/// A shift of INT or BIGINT by an INT, of which only the lowest bits count, as in Java.
pub fn shift(direction: Shift, data_type: &DataType) -> Kernel {
    let long = *data_type == DataType::Int64;
    Arc::new(move |values, rows| {
        let by = Side::<Int32Type>::of(&values[1])?;
        let error = |_, _| overflow("a shift");
        if long {
            let f = |value: i64, by: i32| {
                Some(match direction {
                    Shift::Left => value.wrapping_shl(by as u32),
                    Shift::Right => value.wrapping_shr(by as u32),
                    Shift::RightUnsigned => (value as u64).wrapping_shr(by as u32) as i64,
                })
            };
            let value = Side::<Int64Type>::of(&values[0])?;
            let error = |_, _| overflow("a shift");
            let found = pairs::<_, _, Int64Type>(&value, &by, rows, OnFailure::Null, f, error)?;
            return Ok(ColumnarValue::Array(Arc::new(found)));
        }
        let f = |value: i32, by: i32| {
            Some(match direction {
                Shift::Left => value.wrapping_shl(by as u32),
                Shift::Right => value.wrapping_shr(by as u32),
                Shift::RightUnsigned => (value as u32).wrapping_shr(by as u32) as i32,
            })
        };
        let value = Side::<Int32Type>::of(&values[0])?;
        let found = pairs::<_, _, Int32Type>(&value, &by, rows, OnFailure::Null, f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}
