//! Functions of real numbers, with the results of Java's `StrictMath`, which `libm` shares the algorithms of.

use std::f64::consts::{E, PI};

use arrow::array::{Float64Builder, Int64Builder};
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::strict;
use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["sqrt"], resolve: |args| real(args, "sqrt", f64::sqrt) },
    Function { names: &["cbrt"], resolve: |args| real(args, "cbrt", strict::cbrt) },
    Function { names: &["exp"], resolve: |args| real(args, "exp", libm::exp) },
    Function { names: &["expm1"], resolve: |args| real(args, "expm1", libm::expm1) },
    Function { names: &["sin"], resolve: |args| real(args, "sin", f64::sin) },
    Function { names: &["cos"], resolve: |args| real(args, "cos", f64::cos) },
    Function { names: &["tan"], resolve: |args| real(args, "tan", f64::tan) },
    Function { names: &["cot"], resolve: |args| real(args, "cot", |x| 1.0 / x.tan()) },
    Function { names: &["sec"], resolve: |args| real(args, "sec", |x| 1.0 / x.cos()) },
    Function { names: &["csc"], resolve: |args| real(args, "csc", |x| 1.0 / x.sin()) },
    Function { names: &["asin"], resolve: |args| real(args, "asin", libm::asin) },
    Function { names: &["acos"], resolve: |args| real(args, "acos", libm::acos) },
    Function { names: &["atan"], resolve: |args| real(args, "atan", libm::atan) },
    Function { names: &["sinh"], resolve: |args| real(args, "sinh", strict::sinh) },
    Function { names: &["cosh"], resolve: |args| real(args, "cosh", strict::cosh) },
    Function { names: &["tanh"], resolve: |args| real(args, "tanh", strict::tanh) },
    Function { names: &["asinh"], resolve: |args| real(args, "asinh", strict::asinh) },
    Function { names: &["acosh"], resolve: |args| real(args, "acosh", strict::acosh) },
    Function {
        names: &["atanh"],
        resolve: |args| real(args, "atanh", |x| 0.5 * (libm::log1p(x) - libm::log1p(-x))),
    },
    Function { names: &["degrees"], resolve: |args| real(args, "degrees", |x| x * (180.0 / PI)) },
    Function { names: &["radians"], resolve: |args| real(args, "radians", |x| x * (PI / 180.0)) },
    Function { names: &["rint"], resolve: |args| real(args, "rint", f64::round_ties_even) },
    Function { names: &["ln"], resolve: |args| above(args, "ln", 0.0, strict::log) },
    Function {
        names: &["log2"],
        resolve: |args| above(args, "log2", 0.0, |x| strict::log(x) / strict::log(2.0)),
    },
    Function { names: &["log10"], resolve: |args| above(args, "log10", 0.0, strict::log10) },
    Function { names: &["log1p"], resolve: |args| above(args, "log1p", -1.0, libm::log1p) },
    Function { names: &["log"], resolve: log },
    Function { names: &["pow", "power"], resolve: |args| real2(args, "pow", pow) },
    Function {
        names: &["atan2"],
        resolve: |args| real2(args, "atan2", |y, x| libm::atan2(y + 0.0, x + 0.0)),
    },
    Function { names: &["hypot"], resolve: |args| real2(args, "hypot", strict::hypot) },
    Function { names: &["pi"], resolve: |args| constant(args, "pi", PI) },
    Function { names: &["e"], resolve: |args| constant(args, "e", E) },
    Function { names: &["factorial"], resolve: factorial },
];

/// As Java: unlike IEEE, 1 to the power of NaN or of an infinity is NaN, and so is -1 to an infinity.
fn pow(x: f64, y: f64) -> f64 {
    if y.is_nan() || x.abs() == 1.0 && y.is_infinite() { f64::NAN } else { libm::pow(x, y) }
}

fn real(args: &[Argument], name: &str, f: fn(f64) -> f64) -> Result<Call> {
    let kernel = map1::<Double, Float64Builder, _>(DOUBLE, move |x, out| {
        out.append_value(f(x));
        Ok(())
    });
    call(name, args, &[DOUBLE], DOUBLE, kernel)
}

fn real2(args: &[Argument], name: &str, f: fn(f64, f64) -> f64) -> Result<Call> {
    let kernel = map2::<Double, Double, Float64Builder, _>(DOUBLE, move |x, y, out| {
        out.append_value(f(x, y));
        Ok(())
    });
    call(name, args, &[DOUBLE, DOUBLE], DOUBLE, kernel)
}

/// A function that is null up to `limit`.
fn above(args: &[Argument], name: &str, limit: f64, f: fn(f64) -> f64) -> Result<Call> {
    let kernel = map1::<Double, Float64Builder, _>(DOUBLE, move |x, out| {
        out.append_option(if x <= limit { None } else { Some(f(x)) });
        Ok(())
    });
    Ok(nullable(call(name, args, &[DOUBLE], DOUBLE, kernel)?))
}

/// `log(x)` is natural, `log(base, x)` of a base.
fn log(args: &[Argument]) -> Result<Call> {
    count("log", args, 1, 2)?;
    if args.len() == 1 {
        return above(args, "log", 0.0, strict::log);
    }
    let kernel = map2::<Double, Double, Float64Builder, _>(DOUBLE, |base, x, out| {
        let defined = !(base <= 0.0 || x <= 0.0);
        out.append_option(defined.then(|| strict::log(x) / strict::log(base)));
        Ok(())
    });
    Ok(nullable(call("log", args, &[DOUBLE, DOUBLE], DOUBLE, kernel)?))
}

fn constant(args: &[Argument], name: &str, value: f64) -> Result<Call> {
    let kernel = std::sync::Arc::new(move |_: &[ColumnarValue], _: usize| {
        Ok(ColumnarValue::Scalar(ScalarValue::Float64(Some(value))))
    });
    call(name, args, &[], DOUBLE, kernel)
}

fn factorial(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Int, Int64Builder, _>(BIGINT, |n, out| {
        out.append_option((0..=20).contains(&n).then(|| (1..=i64::from(n)).product::<i64>()));
        Ok(())
    });
    Ok(nullable(call("factorial", args, &[INT], BIGINT, kernel)?))
}
