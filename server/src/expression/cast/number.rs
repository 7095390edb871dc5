//! Casts among BOOLEAN, the integers, FLOAT, DOUBLE, DECIMAL and TIMESTAMP as seconds.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray,
};
use arrow::compute::kernels::cast as arrow_cast;
use arrow::datatypes::*;
use num_traits_free::Whole;

use super::OnInvalid;
use super::decimal::{decimal_to_double, decimal_to_float, double_to_decimal, fit_decimal, power_of_ten};
use super::text::{decimal_text, double_text, timestamp_text};
use crate::error::{Error, Result};
use crate::expression::coercion::{is_float, is_integral};
use crate::record::type_name;

/// Integers as i64 and back, without a crate for it.
mod num_traits_free {
    pub trait Whole: Copy {
        fn from_i128(value: i128) -> Option<Self>;
    }
    macro_rules! whole {
        ($($t:ty),*) => { $(impl Whole for $t {
            fn from_i128(value: i128) -> Option<Self> { <$t>::try_from(value).ok() }
        })* };
    }
    whole!(i8, i16, i32, i64);
}

/// The error of a number that the target type cannot hold.
pub fn cast_overflow(value: &str, from: &DataType, to: &DataType) -> Error {
    let class = match to {
        DataType::Decimal128(..) => "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        _ => "CAST_OVERFLOW",
    };
    Error::user(format!("[{class}] a value does not fit the type it is cast to"))
        .with("value", value)
        .with("from", type_name(from))
        .with("to", type_name(to))
        .hint("use try_cast to get null instead")
}

/// Applies `f` to every value; where it gives None, the value is null or the error of `fail`.
pub fn convert<A: ArrowPrimitiveType, B: ArrowPrimitiveType>(
    array: &PrimitiveArray<A>,
    on_invalid: OnInvalid,
    f: impl Fn(A::Native) -> Option<B::Native>,
    fail: impl Fn(A::Native) -> Error,
) -> Result<PrimitiveArray<B>> {
    match on_invalid {
        OnInvalid::Null => Ok(array.unary_opt(f)),
        OnInvalid::Fail => {
            let mut values = Vec::with_capacity(array.len());
            match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                None => {
                    for value in array.values() {
                        values.push(f(*value).ok_or_else(|| fail(*value))?);
                    }
                }
                Some(nulls) => {
                    for (value, valid) in array.values().iter().zip(nulls) {
                        values.push(if valid {
                            f(*value).ok_or_else(|| fail(*value))?
                        } else {
                            B::Native::default()
                        });
                    }
                }
            }
            Ok(PrimitiveArray::new(values.into(), array.nulls().cloned()))
        }
    }
}

/// Between numbers; both types are numeric.
pub fn cast_number(array: &ArrayRef, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Int8 => from_integer::<Int8Type>(array, to, on_invalid),
        DataType::Int16 => from_integer::<Int16Type>(array, to, on_invalid),
        DataType::Int32 => from_integer::<Int32Type>(array, to, on_invalid),
        DataType::Int64 => from_integer::<Int64Type>(array, to, on_invalid),
        DataType::Float32 => from_float::<Float32Type>(array, to, on_invalid),
        DataType::Float64 => from_float::<Float64Type>(array, to, on_invalid),
        DataType::Decimal128(_, scale) => from_decimal(array, *scale, to, on_invalid),
        other => Err(Error::internal("not a number").with("type", type_name(other))),
    }
}

fn from_integer<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: &DataType,
    on_invalid: OnInvalid,
) -> Result<ArrayRef>
where
    T::Native: Into<i64> + std::fmt::Display,
{
    let from = array.as_primitive::<T>();
    let fail = |value: T::Native| cast_overflow(&value.to_string(), &T::DATA_TYPE, to);
    if let DataType::Decimal128(precision, scale) = *to {
        let digits = |value: T::Native| fit_decimal(i128::from(value.into()), 0, precision, scale);
        return decimal_of(convert::<T, Decimal128Type>(from, on_invalid, digits, fail)?, precision, scale);
    }
    let wider = to.primitive_width() >= T::DATA_TYPE.primitive_width();
    if is_float(to) || (is_integral(to) && wider) {
        let cast = arrow_cast::cast(array, to);
        return cast.map_err(|error| Error::internal("cannot cast a number").because(error));
    }
    to_integer::<T>(from, to, on_invalid, |value| Some(i128::from(value.into())), fail)
}

fn to_integer<T: ArrowPrimitiveType>(
    from: &PrimitiveArray<T>,
    to: &DataType,
    on_invalid: OnInvalid,
    whole: impl Fn(T::Native) -> Option<i128>,
    fail: impl Fn(T::Native) -> Error,
) -> Result<ArrayRef> {
    fn narrow<N: Whole>(value: Option<i128>) -> Option<N> {
        value.and_then(N::from_i128)
    }
    Ok(match to {
        DataType::Int8 => Arc::new(convert::<T, Int8Type>(from, on_invalid, |v| narrow(whole(v)), fail)?),
        DataType::Int16 => Arc::new(convert::<T, Int16Type>(from, on_invalid, |v| narrow(whole(v)), fail)?),
        DataType::Int32 => Arc::new(convert::<T, Int32Type>(from, on_invalid, |v| narrow(whole(v)), fail)?),
        DataType::Int64 => Arc::new(convert::<T, Int64Type>(from, on_invalid, |v| narrow(whole(v)), fail)?),
        other => return Err(Error::internal("not an integer type").with("type", type_name(other))),
    })
}

fn from_float<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: &DataType,
    on_invalid: OnInvalid,
) -> Result<ArrayRef>
where
    T::Native: Into<f64> + std::fmt::Display,
{
    let from = array.as_primitive::<T>();
    let fail = |value: T::Native| cast_overflow(&double_text(value.into()), &T::DATA_TYPE, to);
    match *to {
        DataType::Float32 | DataType::Float64 => arrow_cast::cast(array, to)
            .map_err(|error| Error::internal("cannot cast a number").because(error)),
        DataType::Decimal128(precision, scale) => {
            let finite: PrimitiveArray<T> = from.unary_opt(|value| {
                let wide: f64 = value.into();
                wide.is_finite().then_some(value)
            });
            let digits = |value: T::Native| double_to_decimal(shortest(value), precision, scale);
            decimal_of(convert::<T, Decimal128Type>(&finite, on_invalid, digits, fail)?, precision, scale)
        }
        _ => {
            let top = if *to == DataType::Int64 { i64::MAX as f64 } else { f64::INFINITY };
            let whole = |value: T::Native| {
                let value: f64 = value.into();
                // As Java: what rounds to 2^63 as a double becomes the largest BIGINT.
                let capped = if value == top { i64::MAX as i128 } else { value.trunc() as i128 };
                value.is_finite().then_some(capped)
            };
            to_integer::<T>(from, to, on_invalid, whole, fail)
        }
    }
}

/// A FLOAT by its own shortest text: 0.1F becomes 0.1, not 0.10000000149011612.
fn shortest<V: Into<f64> + std::fmt::Display + Copy>(value: V) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

fn from_decimal(array: &ArrayRef, scale: i8, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let from = array.as_primitive::<Decimal128Type>();
    let fail = |value: i128| cast_overflow(&decimal_text(value, scale), array.data_type(), to);
    Ok(match *to {
        DataType::Float32 => Arc::new(from.unary::<_, Float32Type>(|v| decimal_to_float(v, scale))),
        DataType::Float64 => Arc::new(from.unary::<_, Float64Type>(|v| decimal_to_double(v, scale))),
        DataType::Decimal128(precision, to_scale) => {
            let digits = |value| fit_decimal(value, i32::from(scale), precision, to_scale);
            return decimal_of(
                convert::<_, Decimal128Type>(from, on_invalid, digits, fail)?,
                precision,
                to_scale,
            );
        }
        _ => {
            let unit = power_of_ten(scale.max(0) as u32).unwrap_or(i128::MAX);
            return to_integer::<Decimal128Type>(from, to, on_invalid, |value| Some(value / unit), fail);
        }
    })
}

fn decimal_of(digits: Decimal128Array, precision: u8, scale: i8) -> Result<ArrayRef> {
    let typed = digits.with_precision_and_scale(precision, scale);
    Ok(Arc::new(typed.map_err(|error| Error::internal("not a decimal type").because(error))?))
}

/// BOOLEAN as 1 and 0.
pub fn boolean_to_number(array: &BooleanArray, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let bytes: PrimitiveArray<Int8Type> = array.iter().map(|v| v.map(i8::from)).collect();
    let bytes: ArrayRef = Arc::new(bytes);
    if *to == DataType::Int8 { Ok(bytes) } else { cast_number(&bytes, to, on_invalid) }
}

/// A number as BOOLEAN: not 0.
pub fn number_to_boolean(array: &ArrayRef) -> Result<ArrayRef> {
    fn test<T: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef
    where
        T::Native: Default + PartialEq,
    {
        let array = array.as_primitive::<T>();
        Arc::new(BooleanArray::from_unary(array, |value| value != T::Native::default()))
    }
    Ok(match array.data_type() {
        DataType::Int8 => test::<Int8Type>(array),
        DataType::Int16 => test::<Int16Type>(array),
        DataType::Int32 => test::<Int32Type>(array),
        DataType::Int64 => test::<Int64Type>(array),
        DataType::Float32 => test::<Float32Type>(array),
        DataType::Float64 => test::<Float64Type>(array),
        DataType::Decimal128(..) => test::<Decimal128Type>(array),
        other => return Err(Error::internal("not a number").with("type", type_name(other))),
    })
}

/// TIMESTAMP as seconds since the epoch: rounded down for integers, with its fraction for the others.
pub fn timestamp_to_number(array: &ArrayRef, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let micros = array.as_primitive::<TimestampMicrosecondType>();
    if is_integral(to) {
        let fail = |v: i64| cast_overflow(&timestamp_text(v), array.data_type(), to);
        return to_integer::<TimestampMicrosecondType>(
            micros,
            to,
            on_invalid,
            |v| Some(i128::from(v.div_euclid(1_000_000))),
            fail,
        );
    }
    if let DataType::Decimal128(precision, scale) = *to {
        let fail = |v: i64| cast_overflow(&timestamp_text(v), array.data_type(), to);
        let digits = |v: i64| fit_decimal(i128::from(v), 6, precision, scale);
        let found = convert::<TimestampMicrosecondType, Decimal128Type>(micros, on_invalid, digits, fail)?;
        return decimal_of(found, precision, scale);
    }
    let seconds: ArrayRef = Arc::new(micros.unary::<_, Float64Type>(|v| v as f64 / 1e6));
    cast_number(&seconds, to, on_invalid)
}

/// Seconds since the epoch as TIMESTAMP.
pub fn number_to_timestamp(array: &ArrayRef, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let from = array.data_type().clone();
    let micros: PrimitiveArray<TimestampMicrosecondType> = match from {
        DataType::Float32 | DataType::Float64 => {
            let seconds = cast_number(array, &DataType::Float64, on_invalid)?;
            let scale = |v: f64| v.is_finite().then_some((v * 1e6) as i64);
            let fail = |v: f64| {
                Error::user("[CAST_INVALID_INPUT] a value is not a time").with("value", double_text(v))
            };
            convert::<Float64Type, _>(seconds.as_primitive(), on_invalid, scale, fail)?
        }
        DataType::Decimal128(_, scale) => {
            let fail = |v: i128| cast_overflow(&decimal_text(v, scale), &from, to);
            let to_micros = |v: i128| {
                let unit = power_of_ten(scale.max(0) as u32)?;
                i64::try_from(v.checked_mul(1_000_000)? / unit).ok()
            };
            convert::<Decimal128Type, _>(array.as_primitive(), on_invalid, to_micros, fail)?
        }
        _ => {
            let seconds = cast_number(array, &DataType::Int64, on_invalid)?;
            seconds.as_primitive::<Int64Type>().unary(|v| v.saturating_mul(1_000_000))
        }
    };
    Ok(Arc::new(micros.with_data_type(to.clone())))
}
