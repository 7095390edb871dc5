//! `min` and `max` of any type that can be ordered; NaN is the largest float, nulls do not count.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::{Accumulator, wrong_type};
use crate::error::Result;
use crate::operator::aggregate::lane::normalised;
use crate::operator::aggregate::row_codec::{RowCodec, Rows};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Min,
    Max,
}

pub fn new(data_type: &DataType, side: Side) -> Result<Box<dyn Accumulator>> {
    let own = data_type.clone();
    Ok(match data_type {
        DataType::Int8 => Box::new(Numbers::<Int8Type>::new(own, side)),
        DataType::Int16 => Box::new(Numbers::<Int16Type>::new(own, side)),
        DataType::Int32 => Box::new(Numbers::<Int32Type>::new(own, side)),
        DataType::Int64 => Box::new(Numbers::<Int64Type>::new(own, side)),
        DataType::Date32 => Box::new(Numbers::<Date32Type>::new(own, side)),
        DataType::Timestamp(_, _) => Box::new(Numbers::<TimestampMicrosecondType>::new(own, side)),
        DataType::Decimal128(_, _) => Box::new(Numbers::<Decimal128Type>::new(own, side)),
        _ => Box::new(Encoded { codec: RowCodec::new(vec![own])?, side, values: Vec::new() }),
    })
}

/// Types whose native order is SQL's.
struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<Option<T::Native>>,
    data_type: DataType,
    side: Side,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn new(data_type: DataType, side: Side) -> Numbers<T> {
        Numbers { values: Vec::new(), data_type, side }
    }
}

impl<T: ArrowPrimitiveType<Native: Ord>> Accumulator for Numbers<T> {
    fn resize(&mut self, len: usize) {
        self.values.resize(len, None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let values = arguments[0].as_primitive_opt::<T>().ok_or_else(|| wrong_type("min"))?;
        for (row, group) in groups.iter().enumerate() {
            if values.is_null(row) {
                continue;
            }
            let (slot, value) = (&mut self.values[*group as usize], values.value(row));
            *slot = Some(match (*slot, self.side) {
                (None, _) => value,
                (Some(old), Side::Min) => old.min(value),
                (Some(old), Side::Max) => old.max(value),
            });
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
        let array: PrimitiveArray<T> = self.values.iter().copied().collect();
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}

/// All others, compared by their encoded bytes.
struct Encoded {
    codec: RowCodec,
    side: Side,
    values: Vec<Option<Vec<u8>>>,
}

impl Accumulator for Encoded {
    fn resize(&mut self, len: usize) {
        self.values.resize(len, None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let column = normalised(&arguments[0])?;
        let rows: Rows = self.codec.encode(std::slice::from_ref(&column))?;
        for (row, group) in groups.iter().enumerate() {
            if column.is_null(row) {
                continue;
            }
            let (slot, value) = (&mut self.values[*group as usize], rows.row(row));
            let wins = match (&slot, self.side) {
                (None, _) => true,
                (Some(old), Side::Min) => value < old.as_slice(),
                (Some(old), Side::Max) => value > old.as_slice(),
            };
            if wins {
                *slot = Some(value.to_vec());
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
        const NULL: &[u8] = &[0];
        let rows = self.values.iter().map(|value| value.as_deref().unwrap_or(NULL));
        Ok(self.codec.decode(rows)?.remove(0))
    }
}
