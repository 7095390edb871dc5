//! Made-up rows of any type that crosses into guests: small and large values, empty ones, and a last row of nulls. The
//! same every time.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StringArray,
    StructArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Fields, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimestampMicrosecondType,
};

use crate::error::{Error, Result};

/// So many rows of columns of these types.
pub fn rows(fields: &Fields, rows: usize) -> Result<Vec<ArrayRef>> {
    let columns = fields.iter().enumerate().map(|(number, field)| column(field.data_type(), rows, number));
    columns.collect()
}

/// A column whose values begin with another one for each `shift`.
fn column(data_type: &DataType, rows: usize, shift: usize) -> Result<ArrayRef> {
    let shape = Shape { rows, shift };
    Ok(match data_type {
        DataType::Boolean => {
            Arc::new((0..rows).map(|row| shape.pick(row, &[true, false])).collect::<BooleanArray>())
        }
        DataType::Int8 => shape.numbers::<Int8Type>(&[0, 1, -1, i8::MAX, i8::MIN]),
        DataType::Int16 => shape.numbers::<Int16Type>(&[0, 1, -1, i16::MAX, i16::MIN]),
        DataType::Int32 => shape.numbers::<Int32Type>(&[0, 1, -1, i32::MAX, i32::MIN]),
        DataType::Int64 => shape.numbers::<Int64Type>(&[0, 1, -1, i64::MAX, i64::MIN]),
        DataType::Float32 => shape.numbers::<Float32Type>(&[0.0, -1.5, f32::MAX, f32::NAN]),
        DataType::Float64 => shape.numbers::<Float64Type>(&[0.0, -1.5, f64::MAX, f64::NAN]),
        DataType::Date32 => shape.numbers::<Date32Type>(&[0, 20_000, -200_000]),
        DataType::Duration(_) => shape.numbers::<DurationMicrosecondType>(&[0, 1_000_000, -1]),
        DataType::Interval(IntervalUnit::YearMonth) => shape.numbers::<IntervalYearMonthType>(&[0, 14, -1]),
        DataType::Interval(_) => shape.numbers::<IntervalMonthDayNanoType>(&[
            IntervalMonthDayNano::ZERO,
            IntervalMonthDayNano::new(1, -2, 3_000),
        ]),
        DataType::Timestamp(_, zone) => {
            let times = shape.values::<TimestampMicrosecondType>(&[0, 1_767_225_600_123_456, -1]);
            Arc::new(times.with_timezone_opt(zone.clone()))
        }
        // One of the last digit fits whatever the precision is.
        DataType::Decimal128(precision, scale) => {
            let decimals = shape.values::<Decimal128Type>(&[0, 1, -1]);
            Arc::new(decimals.with_precision_and_scale(*precision, *scale).map_err(failed)?)
        }
        DataType::Utf8 => {
            let texts = ["one two", "", "äöü €", "{\"a\": 1}", "42"];
            Arc::new((0..rows).map(|row| shape.pick(row, &texts)).collect::<StringArray>())
        }
        DataType::Binary => {
            let bytes: [&[u8]; 3] = [b"bytes", b"", b"\xff\x00"];
            Arc::new((0..rows).map(|row| shape.pick(row, &bytes)).collect::<BinaryArray>())
        }
        DataType::List(item) => {
            let offsets = OffsetBuffer::from_lengths((0..rows).map(|row| row % 3));
            let items = column(item.data_type(), offsets.last().map_or(0, |end| *end as usize), shift)?;
            let list = ListArray::try_new(item.clone(), offsets, items, Some(shape.nulls()));
            Arc::new(list.map_err(failed)?)
        }
        DataType::Struct(fields) => {
            let columns = self::rows(fields, rows)?;
            let made = StructArray::try_new_with_length(fields.clone(), columns, Some(shape.nulls()), rows);
            Arc::new(made.map_err(failed)?)
        }
        // The keys of a map must differ and never be null, which values made up like these do not.
        other => new_null_array(other, rows),
    })
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("make up rows to try a function out").because(error)
}

/// How many rows there are, and which value comes first.
struct Shape {
    rows: usize,
    shift: usize,
}

impl Shape {
    /// None in the last row.
    fn pick<T: Copy>(&self, row: usize, values: &[T]) -> Option<T> {
        (row + 1 < self.rows).then(|| values[(row + self.shift) % values.len()])
    }

    fn values<T: ArrowPrimitiveType>(&self, values: &[T::Native]) -> PrimitiveArray<T> {
        (0..self.rows).map(|row| self.pick(row, values)).collect()
    }

    fn numbers<T: ArrowPrimitiveType>(&self, values: &[T::Native]) -> ArrayRef {
        Arc::new(self.values::<T>(values))
    }

    fn nulls(&self) -> NullBuffer {
        (0..self.rows).map(|row| row + 1 < self.rows).collect()
    }
}
