//! Comparisons as Spark orders values: NaN equals itself and is the largest, -0.0 equals 0.0, inside arrays and
//! structs null comes first.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, ListArray, Scalar, StructArray, make_comparator,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::SortOptions;
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::rows::single;
use crate::error::{Error, Result};
use crate::expression::node::into_array;
use crate::expression::registry::Kernel;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NullSafeEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

fn broken(cause: arrow::error::ArrowError) -> Error {
    Error::internal("cannot compare").because(cause)
}

/// Both operands have the same type.
pub fn compare(comparison: Comparison) -> Kernel {
    Arc::new(move |values, rows| {
        let nested = values[0].data_type().is_nested();
        let found = if nested {
            let left = normal(&into_array(values[0].clone(), rows)?)?;
            let right = normal(&into_array(values[1].clone(), rows)?)?;
            compare_nested(comparison, &left, &right)?
        } else {
            let (left, right) = (operand(&values[0])?, operand(&values[1])?);
            let found = compare_flat(comparison, left.as_ref(), right.as_ref())?;
            if found.len() == rows { found } else { repeat(&found, rows) }
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

/// Two constants give one row.
fn repeat(found: &BooleanArray, rows: usize) -> BooleanArray {
    let value = found.is_valid(0).then(|| found.value(0));
    std::iter::repeat_n(value, rows).collect()
}

fn operand(value: &ColumnarValue) -> Result<Box<dyn Datum>> {
    Ok(match value {
        ColumnarValue::Array(array) => Box::new(normal(array)?),
        ColumnarValue::Scalar(scalar) => Box::new(Scalar::new(normal(&single(scalar)?)?)),
    })
}

fn compare_flat(comparison: Comparison, left: &dyn Datum, right: &dyn Datum) -> Result<BooleanArray> {
    let run = match comparison {
        Comparison::Equal => cmp::eq,
        Comparison::NullSafeEqual => cmp::not_distinct,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
    };
    run(left, right).map_err(broken)
}

fn compare_nested(comparison: Comparison, left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray> {
    let order = make_comparator(left, right, SortOptions::default()).map_err(broken)?;
    let test = |ordering: Ordering| match comparison {
        Comparison::Equal | Comparison::NullSafeEqual => ordering.is_eq(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    };
    let values: BooleanBuffer = (0..left.len()).map(|row| test(order(row, row))).collect();
    let nulls = match comparison {
        Comparison::NullSafeEqual => None,
        _ => NullBuffer::union(left.nulls(), right.nulls()),
    };
    Ok(BooleanArray::new(values, nulls))
}

/// The values with one NaN and one zero, all the way down.
pub fn normal(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float32 => Arc::new(
            array
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v + 0.0 }),
        ),
        DataType::Float64 => Arc::new(
            array
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v + 0.0 }),
        ),
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let values = normal(list.values())?;
            let made =
                ListArray::try_new(field.clone(), list.offsets().clone(), values, list.nulls().cloned());
            Arc::new(made.map_err(broken)?)
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            let columns = parts.columns().iter().map(normal).collect::<Result<Vec<_>>>()?;
            let made = StructArray::try_new_with_length(
                fields.clone(),
                columns,
                parts.nulls().cloned(),
                parts.len(),
            );
            Arc::new(made.map_err(broken)?)
        }
        _ => array.clone(),
    })
}

/// NOT.
pub fn not() -> Kernel {
    Arc::new(|values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        let negated = arrow::compute::not(array.as_boolean()).map_err(broken)?;
        Ok(ColumnarValue::Array(Arc::new(negated)))
    })
}

/// True for NaN, false for null.
pub fn is_nan() -> Kernel {
    Arc::new(|values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        let found: BooleanArray = match array.data_type() {
            DataType::Float32 => {
                array.as_primitive::<Float32Type>().iter().map(|v| Some(v.is_some_and(f32::is_nan))).collect()
            }
            _ => {
                array.as_primitive::<Float64Type>().iter().map(|v| Some(v.is_some_and(f64::is_nan))).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}
