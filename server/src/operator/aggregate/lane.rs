//! Key columns in the two shapes that grouping compares: words of 64 bits, or byte strings.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::row_codec::RowCodec;
use crate::error::{Error, Result};

/// One key column of a batch. Equal values have equal words or bytes, unequal ones have not.
pub enum Lane {
    Words { values: ScalarBuffer<u64>, nulls: Option<NullBuffer> },
    Bytes { offsets: OffsetBuffer<i32>, data: Buffer, nulls: Option<NullBuffer> },
}

impl Lane {
    /// Floats are compared as SQL does: all NaN are one value, and so are the two zeros.
    pub fn new(column: &ArrayRef) -> Result<Lane> {
        let nulls = column.nulls().cloned();
        Ok(match column.data_type() {
            DataType::Int64 => same_width::<Int64Type>(column),
            DataType::Timestamp(_, _) => same_width::<TimestampMicrosecondType>(column),
            DataType::Duration(_) => same_width::<DurationMicrosecondType>(column),
            DataType::Int32 => widened::<Int32Type>(column, |v| v as u32 as u64),
            DataType::Date32 => widened::<Date32Type>(column, |v| v as u32 as u64),
            DataType::Int16 => widened::<Int16Type>(column, |v| v as u16 as u64),
            DataType::Int8 => widened::<Int8Type>(column, |v| v as u8 as u64),
            DataType::Float64 => widened::<Float64Type>(column, |v| normal_f64(v).to_bits()),
            DataType::Float32 => widened::<Float32Type>(column, |v| normal_f32(v).to_bits() as u64),
            DataType::Boolean => {
                let values = column.as_boolean().values().iter().map(u64::from).collect();
                Lane::Words { values, nulls }
            }
            DataType::Utf8 => {
                let array = column.as_string::<i32>();
                Lane::Bytes { offsets: array.offsets().clone(), data: array.values().clone(), nulls }
            }
            DataType::Binary => {
                let array = column.as_binary::<i32>();
                Lane::Bytes { offsets: array.offsets().clone(), data: array.values().clone(), nulls }
            }
            _ => encoded(column)?,
        })
    }

    pub fn is_null(&self, row: usize) -> bool {
        let (Lane::Words { nulls, .. } | Lane::Bytes { nulls, .. }) = self;
        nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

fn same_width<T: ArrowPrimitiveType<Native = i64>>(column: &ArrayRef) -> Lane {
    let array = column.as_primitive::<T>();
    let values = ScalarBuffer::new(array.values().inner().clone(), 0, array.len());
    Lane::Words { values, nulls: array.nulls().cloned() }
}

fn widened<T: ArrowPrimitiveType>(column: &ArrayRef, word: impl Fn(T::Native) -> u64) -> Lane {
    let array = column.as_primitive::<T>();
    Lane::Words { values: array.values().iter().map(|v| word(*v)).collect(), nulls: array.nulls().cloned() }
}

/// Everything else (decimals, arrays, structs) as its encoded bytes; null is one of the encodings.
fn encoded(column: &ArrayRef) -> Result<Lane> {
    let codec = RowCodec::new(vec![column.data_type().clone()])?;
    let rows = codec.encode(&[normalised(column)?])?;
    let (offsets, data) = rows.into_parts();
    let offsets: Vec<i32> = offsets
        .iter()
        .map(|o| {
            i32::try_from(*o).map_err(|_| Error::user("the keys of a batch are too long").with("bytes", o))
        })
        .collect::<Result<_>>()?;
    Ok(Lane::Bytes { offsets: OffsetBuffer::new(offsets.into()), data: data.into(), nulls: None })
}

/// The column with floats as grouping keeps them, at the top level; deeper ones are compared by their bits.
pub fn normalised(column: &ArrayRef) -> Result<ArrayRef> {
    Ok(match column.data_type() {
        DataType::Float64 => {
            std::sync::Arc::new(column.as_primitive::<Float64Type>().unary::<_, Float64Type>(normal_f64))
        }
        DataType::Float32 => {
            std::sync::Arc::new(column.as_primitive::<Float32Type>().unary::<_, Float32Type>(normal_f32))
        }
        _ => column.clone(),
    })
}

fn normal_f64(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

fn normal_f32(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value + 0.0 }
}
