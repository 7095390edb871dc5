//! Arrow arrays of buffers and children that came out of a guest: what a type asks of its values is checked here.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, Decimal128Array, ListArray, MapArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    TimestampMicrosecondType,
};

use super::memory::refuse;
use crate::error::{Error, Result};

pub fn fixed(
    data_type: &DataType,
    values: Buffer,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    fn of<T: ArrowPrimitiveType>(
        values: Buffer,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> PrimitiveArray<T> {
        PrimitiveArray::new(ScalarBuffer::new(values, 0, rows), nulls)
    }
    Ok(match data_type {
        DataType::Int8 => Arc::new(of::<Int8Type>(values, rows, nulls)),
        DataType::Int16 => Arc::new(of::<Int16Type>(values, rows, nulls)),
        DataType::Int32 => Arc::new(of::<Int32Type>(values, rows, nulls)),
        DataType::Int64 => Arc::new(of::<Int64Type>(values, rows, nulls)),
        DataType::Float32 => Arc::new(of::<Float32Type>(values, rows, nulls)),
        DataType::Float64 => Arc::new(of::<Float64Type>(values, rows, nulls)),
        DataType::Date32 => Arc::new(of::<Date32Type>(values, rows, nulls)),
        DataType::Interval(IntervalUnit::YearMonth) => {
            Arc::new(of::<IntervalYearMonthType>(values, rows, nulls))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Arc::new(of::<IntervalMonthDayNanoType>(values, rows, nulls))
        }
        DataType::Duration(_) => Arc::new(of::<DurationMicrosecondType>(values, rows, nulls)),
        DataType::Timestamp(_, zone) => {
            Arc::new(of::<TimestampMicrosecondType>(values, rows, nulls).with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => {
            let decimals: Decimal128Array = of::<Decimal128Type>(values, rows, nulls);
            let checked = decimals.with_precision_and_scale(*precision, *scale).and_then(|decimals| {
                decimals.validate_decimal_precision(*precision)?;
                Ok(decimals)
            });
            Arc::new(
                checked.map_err(|error| refuse("a decimal has more digits than its type").because(error))?,
            )
        }
        other => return Err(Error::internal("a type without a fixed width").with("type", other)),
    })
}

/// Offsets and bytes that were read together, so that the offsets rise from 0 to the number of bytes.
pub fn text_or_binary(
    data_type: &DataType,
    offsets: OffsetBuffer<i32>,
    data: Buffer,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    if *data_type == DataType::Utf8 { text(offsets, data, nulls) } else { binary(offsets, data, nulls) }
}

fn text(offsets: OffsetBuffer<i32>, data: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    if !data.is_ascii() {
        let text =
            std::str::from_utf8(&data).map_err(|error| refuse("a text is not UTF-8").because(error))?;
        if let Some(offset) = offsets.iter().find(|offset| !text.is_char_boundary(**offset as usize)) {
            return Err(refuse("a text ends inside a character").with("at", offset));
        }
    }
    // SAFETY: the offsets rise from 0 to the length of the data (read together), the nulls have as many
    // rows, and the data is UTF-8 that no offset cuts.
    Ok(Arc::new(unsafe { StringArray::new_unchecked(offsets, data, nulls) }))
}

fn binary(offsets: OffsetBuffer<i32>, data: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    match BinaryArray::try_new(offsets, data, nulls) {
        Ok(array) => Ok(Arc::new(array)),
        Err(error) => Err(refuse("a binary column does not fit together").because(error)),
    }
}

/// An array or a map of the items that the offsets cut.
pub fn items(
    data_type: &DataType,
    offsets: OffsetBuffer<i32>,
    child: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let made: std::result::Result<ArrayRef, _> = match data_type {
        DataType::List(item) => {
            ListArray::try_new(item.clone(), offsets, child, nulls).map(|list| Arc::new(list) as ArrayRef)
        }
        DataType::Map(entries, sorted) => {
            let child = child.as_struct().clone();
            MapArray::try_new(entries.clone(), offsets, child, nulls, *sorted)
                .map(|map| Arc::new(map) as ArrayRef)
        }
        other => return Err(Error::internal("a type without items").with("type", other)),
    };
    made.map_err(|error| refuse("an array does not fit together").because(error))
}

/// A struct of columns that all have `rows` rows.
pub fn record(
    data_type: &DataType,
    rows: usize,
    columns: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = data_type else {
        return Err(Error::internal("a type without fields").with("type", data_type));
    };
    match StructArray::try_new_with_length(fields.clone(), columns, nulls, rows) {
        Ok(array) => Ok(Arc::new(array)),
        Err(error) => Err(refuse("a struct does not fit together").because(error)),
    }
}
