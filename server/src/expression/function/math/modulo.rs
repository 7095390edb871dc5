//! `pmod`: the remainder that is not negative for a positive divisor. The operator `%` is not here.

use std::ops::{Add, Rem};

use arrow::array::PrimitiveBuilder;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use datafusion_common::ScalarValue;

use crate::error::{Error, Result};
use crate::expression::coercion::{
    as_number, decimal_adjusted, decimal_for, is_decimal, is_float, is_integral, unexpected_type, wider,
};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["pmod"], resolve: pmod }];

fn by_zero() -> Error {
    Error::user("[REMAINDER_BY_ZERO] remainder by zero").hint("try_mod gives null instead")
}

/// The positive remainder, where `%` of the type keeps the sign of the dividend.
fn positive<N>(a: N, n: N, zero: N) -> N
where
    N: Copy + PartialOrd + Rem<Output = N> + Add<Output = N>,
{
    let rest = a % n;
    if rest < zero { (rest + n) % n } else { rest }
}

fn integers<T>(output: DataType) -> Kernel
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64> + TryFrom<i64>,
{
    map2::<Number<T>, Number<T>, PrimitiveBuilder<T>, _>(output, |a, n, out| {
        let (a, n): (i128, i128) = (i128::from(a.into()), i128::from(n.into()));
        if n == 0 {
            return Err(by_zero());
        }
        let rest = positive(a, n, 0) as i64;
        out.append_value(T::Native::try_from(rest).map_err(|_| overflow("pmod"))?);
        Ok(())
    })
}

/// The decimal type of an argument; an integer constant has as many digits as it needs.
fn decimal_type(arg: &Argument) -> Option<(u8, i8)> {
    let literal = is_integral(arg.data_type).then(|| literal_int(arg)).flatten();
    match literal {
        Some(value) => Some((value.unsigned_abs().to_string().len() as u8, 0)),
        None => decimal_for(arg.data_type),
    }
}

fn decimals(args: &[Argument]) -> Result<Call> {
    let known = |i: usize| decimal_type(&args[i]).unwrap_or((38, 18));
    let ((p1, s1), (p2, s2)) = (known(0), known(1));
    let scale = s1.max(s2);
    let whole = (i32::from(p1) - i32::from(s1)).min(i32::from(p2) - i32::from(s2));
    let output = decimal_adjusted(whole + i32::from(scale), scale.into());
    let DataType::Decimal128(_, result_scale) = output else {
        return Err(Error::internal("type pmod").with("type", output));
    };
    let unit = move |from: i8| 10_i128.pow((scale - from).unsigned_abs().into());
    let kernel = map2::<Number<Decimal128Type>, Number<Decimal128Type>, PrimitiveBuilder<Decimal128Type>, _>(
        output.clone(),
        move |a, n, out| {
            if n == 0 {
                return Err(by_zero());
            }
            let a = a.checked_mul(unit(s1)).ok_or_else(|| overflow("pmod"))?;
            let n = n.checked_mul(unit(s2)).ok_or_else(|| overflow("pmod"))?;
            let rest = positive(a, n, 0);
            let dropped = (scale - result_scale).max(0).unsigned_abs().into();
            out.append_value(super::round::divide(rest, dropped, super::round::Mode::HalfUp));
            Ok(())
        },
    );
    call("pmod", args, &[DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)], output, kernel)
}

fn pmod(args: &[Argument]) -> Result<Call> {
    count("pmod", args, 2, 2)?;
    let refuse = |i: usize| unexpected_type("pmod", i + 1, "NUMERIC", args[i].data_type);
    let plain = |i: usize| match args[i].data_type {
        DataType::Null => Ok(DataType::Null),
        // Beside a whole number, text is one.
        DataType::Utf8 if args[1 - i].data_type.is_integer() => Ok(DataType::Int64),
        other => as_number(other).ok_or_else(|| refuse(i)),
    };
    let (a, b) = (plain(0)?, plain(1)?);
    if (is_decimal(&a) || is_decimal(&b))
        && !is_float(&a)
        && !is_float(&b)
        && a != DataType::Null
        && b != DataType::Null
    {
        return Ok(nullable(decimals(args)?));
    }
    let common = match wider(&a, &b) {
        Some(DataType::Null) | None => DOUBLE,
        Some(common) => common,
    };
    let kernel = match &common {
        DataType::Int8 => integers::<Int8Type>(common.clone()),
        DataType::Int16 => integers::<Int16Type>(common.clone()),
        DataType::Int32 => integers::<Int32Type>(common.clone()),
        DataType::Int64 => integers::<Int64Type>(common.clone()),
        DataType::Float32 => floats::<Float32Type>(common.clone(), 0.0),
        DataType::Decimal128(..) => null_kernel(&common)?,
        _ => floats::<Float64Type>(common.clone(), 0.0),
    };
    Ok(nullable(call("pmod", args, &[common.clone(), common.clone()], common, kernel)?))
}

fn floats<T>(output: DataType, zero: T::Native) -> Kernel
where
    T: ArrowPrimitiveType,
    T::Native: Rem<Output = T::Native> + Add<Output = T::Native> + PartialOrd,
{
    map2::<Number<T>, Number<T>, PrimitiveBuilder<T>, _>(output, move |a, n, out| {
        if n == zero {
            return Err(by_zero());
        }
        out.append_value(positive(a, n, zero));
        Ok(())
    })
}

/// A kernel for a call with an argument that is null by type.
fn null_kernel(output: &DataType) -> Result<Kernel> {
    let null = ScalarValue::try_from(output).map_err(|e| Error::internal("make a null").because(e))?;
    Ok(std::sync::Arc::new(move |_, _| {
        Ok(datafusion_expr_common::columnar_value::ColumnarValue::Scalar(null.clone()))
    }))
}
