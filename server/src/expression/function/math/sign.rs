//! Absolute value and sign.

use arrow::array::{Float64Builder, PrimitiveBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
};

use crate::error::Result;
use crate::expression::coercion::{as_number, is_day_time, is_year_month, unexpected_type};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] =
    &[Function { names: &["abs"], resolve: abs }, Function { names: &["sign", "signum"], resolve: sign }];

/// The type of a number or an interval, as Spark casts it.
fn number_or_interval(name: &str, args: &[Argument]) -> Result<DataType> {
    count(name, args, 1, 1)?;
    match args[0].data_type {
        interval if is_day_time(interval) || is_year_month(interval) => Ok(interval.clone()),
        other => as_number(other).ok_or_else(|| unexpected_type(name, 1, "NUMERIC or INTERVAL", other)),
    }
}

fn checked<T: ArrowPrimitiveType>(output: &DataType, f: fn(T::Native) -> Option<T::Native>) -> Kernel {
    map1::<Number<T>, PrimitiveBuilder<T>, _>(output.clone(), move |x, out| {
        out.append_value(f(x).ok_or_else(|| overflow("abs"))?);
        Ok(())
    })
}

fn abs(args: &[Argument]) -> Result<Call> {
    let data_type = number_or_interval("abs", args)?;
    let kernel = match &data_type {
        DataType::Int8 => checked::<Int8Type>(&data_type, i8::checked_abs),
        DataType::Int16 => checked::<Int16Type>(&data_type, i16::checked_abs),
        DataType::Int32 => checked::<Int32Type>(&data_type, i32::checked_abs),
        DataType::Int64 => checked::<Int64Type>(&data_type, i64::checked_abs),
        DataType::Decimal128(..) => checked::<Decimal128Type>(&data_type, i128::checked_abs),
        DataType::Float32 => checked::<Float32Type>(&data_type, |x| Some(x.abs())),
        DataType::Duration(_) => checked::<DurationMicrosecondType>(&data_type, i64::checked_abs),
        DataType::Interval(_) => checked::<IntervalYearMonthType>(&data_type, i32::checked_abs),
        _ => checked::<Float64Type>(&data_type, |x| Some(x.abs())),
    };
    call("abs", args, std::slice::from_ref(&data_type), data_type.clone(), kernel)
}

fn as_sign<T: ArrowPrimitiveType>(f: fn(T::Native) -> f64) -> Kernel {
    map1::<Number<T>, Float64Builder, _>(DOUBLE, move |x, out| {
        out.append_value(f(x));
        Ok(())
    })
}

fn sign(args: &[Argument]) -> Result<Call> {
    let (data_type, kernel) = match number_or_interval("sign", args)? {
        interval @ DataType::Duration(_) => {
            (interval, as_sign::<DurationMicrosecondType>(|x| x.signum() as f64))
        }
        interval @ DataType::Interval(_) => {
            (interval, as_sign::<IntervalYearMonthType>(|x| x.signum().into()))
        }
        _ => (DOUBLE, as_sign::<Float64Type>(|x| if x == 0.0 || x.is_nan() { x } else { x.signum() })),
    };
    call("sign", args, &[data_type], DOUBLE, kernel)
}
