//! Decimal arithmetic: exact, then rounded half up to the scale of the result, as Java's BigDecimal.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::arithmetic::Arithmetic;
use super::rows::{Side, divide_by_zero, overflow, pairs, raise_or_null, remainder_by_zero};
use crate::error::{Error, Result};
use crate::expression::cast::decimal_text;
use crate::expression::registry::Kernel;

/// Scales of the operands, and precision and scale of the result.
#[derive(Clone, Copy)]
struct Shape {
    left: i32,
    right: i32,
    precision: u32,
    scale: i32,
}

fn scale_of(value: &ColumnarValue) -> Result<i32> {
    match value.data_type() {
        DataType::Decimal128(_, scale) => Ok(i32::from(scale)),
        other => Err(Error::internal("not a decimal").with("type", other)),
    }
}

/// Both operands are decimals of any precision and scale; the result has the given ones.
pub fn decimal_arithmetic(operation: Arithmetic, precision: u8, scale: i8, lenient: bool) -> Kernel {
    Arc::new(move |values, rows| {
        let shape = Shape {
            left: scale_of(&values[0])?,
            right: scale_of(&values[1])?,
            precision: u32::from(precision),
            scale: i32::from(scale),
        };
        let (left, right) =
            (Side::<Decimal128Type>::of(&values[0])?, Side::<Decimal128Type>::of(&values[1])?);
        let f = |a: i128, b: i128| compute(operation, a, b, shape);
        let error = |a: i128, b: i128| match operation {
            Arithmetic::Divide if b == 0 => divide_by_zero(),
            Arithmetic::Remainder if b == 0 => remainder_by_zero(),
            _ => out_of_range(a, b, shape),
        };
        let found = pairs::<_, _, Decimal128Type>(&left, &right, rows, raise_or_null(lenient), f, error)?;
        let found = found.with_precision_and_scale(precision, scale);
        let found = found.map_err(|error| Error::internal("not a decimal type").because(error))?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

fn out_of_range(a: i128, b: i128, shape: Shape) -> Error {
    Error::user(
        "[NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION] the result of decimal arithmetic has too many digits",
    )
    .with("left", decimal_text(a, shape.left as i8))
    .with("right", decimal_text(b, shape.right as i8))
    .with("result", format!("DECIMAL({},{})", shape.precision, shape.scale))
}

#[inline]
fn compute(operation: Arithmetic, a: i128, b: i128, shape: Shape) -> Option<i128> {
    match operation {
        Arithmetic::Add | Arithmetic::Subtract => sum(operation, a, b, shape),
        Arithmetic::Multiply => product(a, b, shape),
        Arithmetic::Divide => quotient(a, b, shape),
        Arithmetic::Remainder => remainder(a, b, shape),
    }
}

#[inline]
fn fit(value: i128, shape: Shape) -> Option<i128> {
    (value.unsigned_abs() < 10_u128.pow(shape.precision)).then_some(value)
}

fn fit_wide(value: i256, from_scale: i32, shape: Shape) -> Option<i128> {
    fit(rescale_wide(value, from_scale, shape.scale)?.to_i128()?, shape)
}

fn sum(operation: Arithmetic, a: i128, b: i128, shape: Shape) -> Option<i128> {
    let scale = shape.left.max(shape.right);
    let grow = |value: i128, from: i32| value.checked_mul(10_i128.checked_pow((scale - from) as u32)?);
    if let (Some(a), Some(b)) = (grow(a, shape.left), grow(b, shape.right)) {
        let added = if operation == Arithmetic::Add { a.checked_add(b) } else { a.checked_sub(b) };
        if let Some(added) = added.filter(|_| scale == shape.scale) {
            return fit(added, shape);
        }
    }
    let (a, b) = (grow_wide(a, scale - shape.left)?, grow_wide(b, scale - shape.right)?);
    let added = if operation == Arithmetic::Add { a.checked_add(b) } else { a.checked_sub(b) };
    fit_wide(added?, scale, shape)
}

fn grow_wide(value: i128, by: i32) -> Option<i256> {
    i256::from_i128(value).checked_mul(power_wide(by as u32)?)
}

fn power_wide(n: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(n)
}

fn rescale_wide(value: i256, from: i32, to: i32) -> Option<i256> {
    if to >= from {
        return value.checked_mul(power_wide((to - from) as u32)?);
    }
    divide_half_up(value, power_wide((from - to) as u32)?)
}

fn divide_half_up(value: i256, divisor: i256) -> Option<i256> {
    let quotient = value.checked_div(divisor)?;
    let rest = value.checked_rem(divisor)?;
    let (rest, whole) = (rest.wrapping_abs(), divisor.wrapping_abs());
    // rest >= whole - rest, that is twice the rest reaches the divisor.
    if rest < whole.wrapping_sub(rest) {
        return Some(quotient);
    }
    let negative = value.is_negative() != divisor.is_negative();
    Some(if negative { quotient.wrapping_sub(i256::ONE) } else { quotient.wrapping_add(i256::ONE) })
}

fn product(a: i128, b: i128, shape: Shape) -> Option<i128> {
    let scale = shape.left + shape.right;
    if scale == shape.scale
        && let Some(product) = a.checked_mul(b)
    {
        return fit(product, shape);
    }
    fit_wide(i256::from_i128(a).checked_mul(i256::from_i128(b))?, scale, shape)
}

fn quotient(a: i128, b: i128, shape: Shape) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let shift = shape.scale + shape.right - shape.left;
    let (a, b) = if shift >= 0 {
        (grow_wide(a, shift)?, i256::from_i128(b))
    } else {
        (i256::from_i128(a), grow_wide(b, -shift)?)
    };
    fit(divide_half_up(a, b)?.to_i128()?, shape)
}

fn remainder(a: i128, b: i128, shape: Shape) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let scale = shape.left.max(shape.right);
    let (a, b) = (grow_wide(a, scale - shape.left)?, grow_wide(b, scale - shape.right)?);
    fit_wide(a.checked_rem(b)?, scale, shape)
}

/// Scala keeps 34 digits when it negates a decimal, and so does Spark.
const NEGATED_DIGITS: u32 = 34;

/// The negative of every value, rounded half even to 34 digits.
pub fn negated(array: &ArrayRef) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = *array.data_type() else {
        return Err(Error::internal("not a decimal").with("type", array.data_type()));
    };
    let limit = 10_u128.pow(NEGATED_DIGITS);
    let negative = |value: i128| -> Option<i128> {
        if value.unsigned_abs() < limit {
            return Some(-value);
        }
        let unit = 10_i128.pow(value.unsigned_abs().to_string().len() as u32 - NEGATED_DIGITS);
        let (quotient, rest) = (-value / unit, -value % unit);
        let twice = 2 * rest.unsigned_abs();
        let up = twice > unit.unsigned_abs() || twice == unit.unsigned_abs() && quotient % 2 != 0;
        let rounded = (quotient + if up { quotient.signum() } else { 0 }) * unit;
        (rounded.unsigned_abs() < 10_u128.pow(u32::from(precision))).then_some(rounded)
    };
    let column = Side::Column(array.as_primitive::<Decimal128Type>().clone());
    let found = pairs::<Decimal128Type, Decimal128Type, Decimal128Type>(
        &Side::Constant(Some(0)),
        &column,
        array.len(),
        raise_or_null(false),
        |_, value| negative(value),
        |_, value| {
            Error::user("[NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION] the negative has too many digits")
                .with("value", decimal_text(value, scale))
        },
    )?;
    Ok(Arc::new(found.with_data_type(array.data_type().clone())))
}

/// `div` of two decimals: a BIGINT, rounded towards zero.
pub fn decimal_divide_integral() -> Kernel {
    Arc::new(move |values, rows| {
        let (left_scale, right_scale) = (scale_of(&values[0])?, scale_of(&values[1])?);
        let (left, right) =
            (Side::<Decimal128Type>::of(&values[0])?, Side::<Decimal128Type>::of(&values[1])?);
        let f = |a: i128, b: i128| {
            let scale = left_scale.max(right_scale);
            let (a, b) = (grow_wide(a, scale - left_scale)?, grow_wide(b, scale - right_scale)?);
            i64::try_from(a.checked_div(b)?.to_i128()?).ok()
        };
        let error = |_, b: i128| if b == 0 { divide_by_zero() } else { overflow("integral division") };
        let found = pairs::<_, _, Int64Type>(&left, &right, rows, raise_or_null(false), f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}
