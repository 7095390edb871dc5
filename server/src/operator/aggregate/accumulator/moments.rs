//! `stddev` and `variance`, of a sample and of a population: count, mean and sum of squared deviations, updated
//! and merged in the order and with the formulas that Spark uses, so that the last digits agree.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::{Accumulator, wrong_type};
use crate::error::Error;

#[derive(Clone, Copy, Debug)]
pub enum Result {
    StddevSamp,
    StddevPop,
    VarSamp,
    VarPop,
}

#[derive(Clone, Copy, Default)]
struct Buffer {
    count: f64,
    mean: f64,
    squares: f64,
}

pub struct Moments {
    buffers: Vec<Buffer>,
    result: Result,
}

impl Moments {
    pub fn new(result: Result) -> Moments {
        Moments { buffers: Vec::new(), result }
    }
}

impl Buffer {
    fn update(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        let step = delta / self.count;
        self.mean += step;
        self.squares += delta * (delta - step);
    }

    fn merge(&mut self, other: Buffer) {
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        let step = if count == 0.0 { 0.0 } else { delta / count };
        self.mean += step * other.count;
        self.squares = self.squares + other.squares + delta * step * self.count * other.count;
        self.count = count;
    }

    fn result(&self, result: Result) -> Option<f64> {
        let divisor = match result {
            Result::StddevSamp | Result::VarSamp => self.count - 1.0,
            Result::StddevPop | Result::VarPop => self.count,
        };
        let variance = (divisor > 0.0).then(|| self.squares / divisor)?;
        Some(match result {
            Result::StddevSamp | Result::StddevPop => variance.sqrt(),
            Result::VarSamp | Result::VarPop => variance,
        })
    }
}

impl Accumulator for Moments {
    fn resize(&mut self, len: usize) {
        self.buffers.resize(len, Buffer::default());
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> crate::error::Result<()> {
        let widened = cast(&arguments[0], &DataType::Float64)
            .map_err(|e| Error::internal("widen the argument of a variance").because(e))?;
        let values = widened.as_primitive::<Float64Type>();
        for (row, group) in groups.iter().enumerate() {
            if values.is_valid(row) {
                self.buffers[*group as usize].update(values.value(row));
            }
        }
        Ok(())
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> crate::error::Result<()> {
        let column =
            |i: usize| state[i].as_primitive_opt::<Float64Type>().ok_or_else(|| wrong_type("variance"));
        let (count, mean, squares) = (column(0)?, column(1)?, column(2)?);
        for (row, group) in groups.iter().enumerate() {
            let other =
                Buffer { count: count.value(row), mean: mean.value(row), squares: squares.value(row) };
            self.buffers[*group as usize].merge(other);
        }
        Ok(())
    }

    fn state(&self) -> crate::error::Result<Vec<ArrayRef>> {
        let column = |value: fn(&Buffer) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(self.buffers.iter().map(value)))
        };
        Ok(vec![column(|b| b.count), column(|b| b.mean), column(|b| b.squares)])
    }

    fn evaluate(&self) -> crate::error::Result<ArrayRef> {
        let results = self.buffers.iter().map(|buffer| buffer.result(self.result));
        Ok(Arc::new(results.collect::<Float64Array>()))
    }
}
