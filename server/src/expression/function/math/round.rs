//! Rounding: round, bround, ceil, floor.

use std::sync::Arc;

use arrow::array::{Int64Builder, PrimitiveBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};

use crate::error::{Error, Result};
use crate::expression::coercion::{as_number, decimal_bounded, decimal_for, expect, unexpected_type};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["round"], resolve: |args| round(args, "round", Mode::HalfUp) },
    Function { names: &["bround"], resolve: |args| round(args, "bround", Mode::HalfEven) },
    Function { names: &["ceil", "ceiling"], resolve: |args| ceil(args, "ceil", Mode::Up) },
    Function { names: &["floor"], resolve: |args| ceil(args, "floor", Mode::Down) },
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Half away from zero.
    HalfUp,
    HalfEven,
    /// Toward positive infinity.
    Up,
    /// Toward negative infinity.
    Down,
}

/// `value / 10^places`, rounded; `places` is at least 0.
pub fn divide(value: i128, places: u32, mode: Mode) -> i128 {
    let Some(unit) = 10_i128.checked_pow(places) else {
        // Less than half of the unit.
        return match mode {
            Mode::Up => i128::from(value > 0),
            Mode::Down => -i128::from(value < 0),
            _ => 0,
        };
    };
    let (quotient, rest) = (value / unit, value % unit);
    let away = match mode {
        Mode::Up => rest > 0,
        Mode::Down => rest < 0,
        // Compare with what is left to the unit, so that nothing overflows.
        Mode::HalfUp => rest.abs() >= unit - rest.abs() && rest != 0,
        Mode::HalfEven => {
            let left = unit - rest.abs();
            rest.abs() > left || rest.abs() == left && quotient % 2 != 0
        }
    };
    quotient + if away { value.signum() } else { 0 }
}

/// The decimal digits of a float as text shows it, rounded to `scale` places behind the point.
fn round_text(text: &str, scale: i32, mode: Mode) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = [whole, fraction].concat().parse().ok()?;
    let digits_scale = fraction.len() as i32 - exponent;
    if digits_scale <= scale {
        return None;
    }
    let rounded = divide(digits, (digits_scale - scale) as u32, mode);
    let value: f64 = format!("{rounded}e{}", -i64::from(scale)).parse().ok()?;
    Some(if text.starts_with('-') { -value.abs() } else { value })
}

fn round_double(x: f64, scale: i32, mode: Mode) -> f64 {
    if !x.is_finite() {
        return x;
    }
    // A result of zero has no sign: decimals have none.
    round_text(&format!("{x:e}"), scale, mode).unwrap_or(x) + 0.0
}

/// A FLOAT is rounded by the digits of the double that it is.
fn round_float(x: f32, scale: i32, mode: Mode) -> f32 {
    round_double(x.into(), scale, mode) as f32
}

/// The constant scale of a call; 0 where none is given, none if it is null.
fn scale_of(name: &str, args: &[Argument]) -> Result<Option<i32>> {
    let Some(arg) = args.get(1) else { return Ok(Some(0)) };
    expect(name, 2, arg.data_type, &INT)?;
    let text = literal_text(arg).and_then(|text| text.trim().parse().ok());
    match (arg.literal, literal_int(arg).or(text)) {
        (Some(_), Some(scale)) => Ok(Some(scale.clamp(i32::MIN.into(), i32::MAX.into()) as i32)),
        (Some(value), None) if value.is_null() => Ok(None),
        _ => Err(Error::user(format!(
            "[DATATYPE_MISMATCH.NON_FOLDABLE_INPUT] {name}: the scale is not a constant"
        ))),
    }
}

/// The type of a decimal rounded to `scale`.
fn rounded_decimal(precision: u8, scale: i8, wanted: i32) -> DataType {
    let (precision, scale) = (i32::from(precision), i32::from(scale));
    let whole = precision - scale + 1;
    if wanted < 0 {
        decimal_bounded(whole.max(wanted.saturating_neg().saturating_add(1)), 0)
    } else {
        let kept = scale.min(wanted);
        decimal_bounded(whole + kept, kept)
    }
}

fn map<A, B, F>(output: DataType, f: F) -> Kernel
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    F: Fn(A::Native) -> Result<B::Native> + Send + Sync + 'static,
{
    map1::<Number<A>, PrimitiveBuilder<B>, _>(output, move |x, out| {
        out.append_value(f(x)?);
        Ok(())
    })
}

fn decimal_kernel(from_scale: i8, wanted: i32, output: DataType, mode: Mode) -> Kernel {
    let DataType::Decimal128(precision, scale) = output else { return nulls(output) };
    let most = 10_i128.pow(u32::from(precision)) - 1;
    let data_type = output.clone();
    map::<Decimal128Type, Decimal128Type, _>(data_type, move |value| {
        let dropped = i64::from(from_scale) - i64::from(wanted);
        let rounded = if dropped <= 0 { value } else { divide(value, dropped.min(1000) as u32, mode) };
        // `rounded` has the wanted scale, or the old one if that is smaller.
        let has = i32::from(from_scale).min(wanted);
        let shift = (i32::from(scale) - has).max(0) as u32;
        let rescaled = 10_i128.checked_pow(shift).and_then(|unit| rounded.checked_mul(unit));
        match rescaled {
            Some(value) if value.abs() <= most => Ok(value),
            None if rounded == 0 => Ok(0),
            _ => Err(Error::user("[NUMERIC_VALUE_OUT_OF_RANGE] a rounded number has too many digits")),
        }
    })
}

fn nulls(output: DataType) -> Kernel {
    Arc::new(move |_, _| {
        let null = datafusion_common::ScalarValue::try_from(&output);
        let null = null.map_err(|e| Error::internal("make a null").because(e))?;
        Ok(datafusion_expr_common::columnar_value::ColumnarValue::Scalar(null))
    })
}

fn integer_kernel<T>(output: DataType, scale: i32, mode: Mode) -> Kernel
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64> + TryFrom<i128>,
{
    map::<T, T, _>(output, move |value| {
        let places = scale.unsigned_abs();
        let rounded = match 10_i128.checked_pow(places) {
            _ if scale >= 0 => return Ok(value),
            Some(unit) => divide(i128::from(value.into()), places, mode) * unit,
            None => 0,
        };
        T::Native::try_from(rounded).map_err(|_| overflow("round"))
    })
}

fn round(args: &[Argument], name: &str, mode: Mode) -> Result<Call> {
    count(name, args, 1, 2)?;
    let number = as_number(args[0].data_type);
    let data_type = number.ok_or_else(|| unexpected_type(name, 1, "NUMERIC", args[0].data_type))?;
    let scale = scale_of(name, args)?;
    let wanted = scale.unwrap_or(0);
    let output = match data_type {
        DataType::Decimal128(precision, scale) => rounded_decimal(precision, scale, wanted),
        _ => data_type.clone(),
    };
    let result = output.clone();
    let kernel = match data_type {
        _ if scale.is_none() => nulls(output),
        DataType::Int8 => integer_kernel::<Int8Type>(output, wanted, mode),
        DataType::Int16 => integer_kernel::<Int16Type>(output, wanted, mode),
        DataType::Int32 => integer_kernel::<Int32Type>(output, wanted, mode),
        DataType::Int64 => integer_kernel::<Int64Type>(output, wanted, mode),
        DataType::Float32 => {
            map::<Float32Type, Float32Type, _>(output, move |x| Ok(round_float(x, wanted, mode)))
        }
        DataType::Decimal128(_, from) => decimal_kernel(from, wanted, output, mode),
        _ => map::<Float64Type, Float64Type, _>(output, move |x| Ok(round_double(x, wanted, mode))),
    };
    let types = [data_type, args.get(1).map_or(INT, |arg| arg.data_type.clone())];
    Ok(nullable(call(name, args, &types[..args.len()], result, kernel)?))
}

/// `ceil` and `floor`: BIGINT of floats and integers, a decimal of decimals and wherever a scale is given.
fn ceil(args: &[Argument], name: &str, mode: Mode) -> Result<Call> {
    count(name, args, 1, 2)?;
    let number = as_number(args[0].data_type);
    let number = number.ok_or_else(|| unexpected_type(name, 1, "NUMERIC", args[0].data_type))?;
    let scale = scale_of(name, args)?;
    let DataType::Decimal128(precision, from) = (match decimal_for(&number) {
        Some((precision, scale)) if args.len() == 2 => DataType::Decimal128(precision, scale),
        _ => number.clone(),
    }) else {
        return whole(args, name, &number, mode);
    };
    let wanted = scale.unwrap_or(0);
    let output = match (args.len(), from) {
        (1, 0) => DataType::Decimal128(precision, 0),
        _ => rounded_decimal(precision, from, wanted),
    };
    let kernel = match scale {
        Some(_) => decimal_kernel(from, wanted, output.clone(), mode),
        None => nulls(output.clone()),
    };
    let types = [DataType::Decimal128(precision, from), args.get(1).map_or(INT, |arg| arg.data_type.clone())];
    Ok(nullable(call(name, args, &types[..args.len()], output, kernel)?))
}

fn whole(args: &[Argument], name: &str, number: &DataType, mode: Mode) -> Result<Call> {
    if matches!(number, DataType::Float32 | DataType::Float64) {
        let round = if mode == Mode::Up { f64::ceil } else { f64::floor };
        let kernel = map1::<Double, Int64Builder, _>(BIGINT, move |x, out| {
            // NaN becomes 0, what is too large the nearest bound: a cast as Java's.
            out.append_value(round(x) as i64);
            Ok(())
        });
        return Ok(nullable(call(name, args, &[DOUBLE], BIGINT, kernel)?));
    }
    let kernel = map::<Int64Type, Int64Type, _>(BIGINT, Ok);
    Ok(nullable(call(name, args, &[BIGINT], BIGINT, kernel)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_as_asked() {
        for (value, places, mode, wanted) in [
            (25, 1, Mode::HalfUp, 3),
            (-25, 1, Mode::HalfUp, -3),
            (25, 1, Mode::HalfEven, 2),
            (35, 1, Mode::HalfEven, 4),
            (-1, 1, Mode::Up, 0),
            (1, 40, Mode::Up, 1),
            (-1, 2, Mode::Down, -1),
            (0, 3, Mode::Up, 0),
            (49, 2, Mode::HalfUp, 0),
        ] {
            assert_eq!(divide(value, places, mode), wanted, "{value} {places} {mode:?}");
        }
        assert_eq!(round_double(1.005, 2, Mode::HalfUp), 1.01);
        assert_eq!(round_double(12345678901234567.0, -2, Mode::HalfUp), 1.23456789012346E16);
        assert_eq!(round_double(0.5, 400, Mode::HalfUp), 0.5);
    }
}
