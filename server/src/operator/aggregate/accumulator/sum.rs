//! `sum`: BIGINT for integers, DOUBLE for floats, a wider DECIMAL for decimals. Overflow is an error, as in ANSI
//! mode.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Float64Type, Int64Type};

use super::{Accumulator, wrong_type};
use crate::error::{Error, Result};

/// Adds two sums; nothing when they leave the type.
type Add<T> = fn(T, T, &DataType) -> Option<T>;

pub fn new(result: &DataType) -> Result<Box<dyn Accumulator>> {
    let result_type = result.clone();
    Ok(match result {
        DataType::Int64 => Box::new(Sum::<Int64Type>::new(result_type, |a, b, _| a.checked_add(b))),
        DataType::Float64 => Box::new(Sum::<Float64Type>::new(result_type, |a, b, _| Some(a + b))),
        DataType::Decimal128(_, _) => Box::new(Sum::<Decimal128Type>::new(result_type, add_decimal)),
        _ => return Err(wrong_type("sum")),
    })
}

pub fn add_decimal(a: i128, b: i128, data_type: &DataType) -> Option<i128> {
    let DataType::Decimal128(precision, _) = data_type else { return None };
    let sum = a.checked_add(b)?;
    (sum.unsigned_abs() < 10_u128.pow(u32::from(*precision))).then_some(sum)
}

pub struct Sum<T: ArrowPrimitiveType> {
    sums: Vec<T::Native>,
    /// Whether the group had a value; the sum of none is null.
    seen: Vec<bool>,
    data_type: DataType,
    add: Add<T::Native>,
}

impl<T: ArrowPrimitiveType> Sum<T> {
    pub fn new(data_type: DataType, add: Add<T::Native>) -> Sum<T> {
        Sum { sums: Vec::new(), seen: Vec::new(), data_type, add }
    }

    fn add(&mut self, group: usize, value: T::Native) -> Result<()> {
        self.sums[group] = (self.add)(self.sums[group], value, &self.data_type).ok_or_else(|| {
            Error::user("[ARITHMETIC_OVERFLOW] a sum left its type")
                .with("type", crate::record::type_name(&self.data_type))
                .hint("sum a wider type, such as CAST(x AS DECIMAL(38,0)) or DOUBLE")
        })?;
        self.seen[group] = true;
        Ok(())
    }
}

impl<T: ArrowPrimitiveType> Accumulator for Sum<T> {
    fn resize(&mut self, len: usize) {
        self.sums.resize(len, T::default_value());
        self.seen.resize(len, false);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let widened = cast(&arguments[0], &self.data_type)
            .map_err(|e| Error::internal("widen the argument of a sum").because(e))?;
        let values = widened.as_primitive_opt::<T>().ok_or_else(|| wrong_type("sum"))?;
        for (row, group) in groups.iter().enumerate() {
            if values.is_valid(row) {
                self.add(*group as usize, values.value(row))?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        self.update(state, groups)
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        let values = self.sums.iter().zip(&self.seen).map(|(sum, seen)| seen.then_some(*sum));
        let array: PrimitiveArray<T> = values.collect();
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}
