//! `avg`: a sum and a count; DOUBLE, or a DECIMAL with four more digits for decimals.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};

use super::count::Count;
use super::sum::{Sum, add_decimal};
use super::{Accumulator, wrong_type};
use crate::error::{Error, Result};

fn sum_type(argument: &DataType) -> DataType {
    match argument {
        DataType::Decimal128(precision, scale) => DataType::Decimal128((precision + 10).min(38), *scale),
        _ => DataType::Float64,
    }
}

pub fn state_types(argument: &DataType) -> Vec<DataType> {
    vec![sum_type(argument), DataType::Int64]
}

pub fn new(result: &DataType, argument: &DataType) -> Result<Box<dyn Accumulator>> {
    let sum_type = sum_type(argument);
    let sum: Box<dyn Accumulator> = match sum_type {
        DataType::Float64 => Box::new(Sum::<Float64Type>::new(sum_type, |a, b, _| Some(a + b))),
        _ => Box::new(Sum::<Decimal128Type>::new(sum_type, add_decimal)),
    };
    Ok(Box::new(Avg { sum, count: Count::rows(), result: result.clone() }))
}

struct Avg {
    sum: Box<dyn Accumulator>,
    count: Count,
    result: DataType,
}

impl Accumulator for Avg {
    fn resize(&mut self, len: usize) {
        self.sum.resize(len);
        self.count.resize(len);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        self.sum.update(arguments, groups)?;
        self.count.update(arguments, groups)
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        self.sum.merge(&state[..1], groups)?;
        self.count.merge(&state[1..], groups)
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.sum.evaluate()?, self.count.evaluate()?])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        let (sum, count) = (self.sum.evaluate()?, self.count.evaluate()?);
        let counts = count.as_primitive::<arrow::datatypes::Int64Type>().values();
        match (&self.result, sum.data_type()) {
            (DataType::Float64, DataType::Float64) => {
                let sums = sum.as_primitive::<Float64Type>();
                let averages = sums.iter().zip(counts).map(|(sum, count)| Some(sum? / *count as f64));
                Ok(Arc::new(averages.collect::<Float64Array>()))
            }
            (DataType::Decimal128(precision, scale), DataType::Decimal128(_, sum_scale)) => {
                let shift = 10_i128.pow((scale - sum_scale).max(0) as u32);
                let sums = sum.as_primitive::<Decimal128Type>();
                let averages = sums.iter().zip(counts).map(|(sum, count)| match sum {
                    None => Ok(None),
                    Some(sum) => divided(sum, shift, i128::from(*count)).map(Some),
                });
                let array: Decimal128Array = averages.collect::<Result<Vec<_>>>()?.into();
                let array = array.with_precision_and_scale(*precision, *scale);
                Ok(Arc::new(array.map_err(|e| Error::internal("type an average").because(e))?))
            }
            _ => Err(wrong_type("avg")),
        }
    }
}

/// `sum * shift / count`, rounded half up, away from zero.
fn divided(sum: i128, shift: i128, count: i128) -> Result<i128> {
    let overflow = || Error::user("[ARITHMETIC_OVERFLOW] an average left its type").with("sum", sum);
    let scaled = sum.checked_mul(shift).ok_or_else(overflow)?;
    let (quotient, rest) = (scaled / count, scaled % count);
    let round = if rest.unsigned_abs() * 2 >= count.unsigned_abs() { scaled.signum() } else { 0 };
    Ok(quotient + round)
}
