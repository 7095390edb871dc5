//! The reading half of the row codec. Stored bytes are checked, never believed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, ListArray, MapArray, NullArray,
    PrimitiveBuilder, StringBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Field, Fields, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimestampMicrosecondType,
};

use super::row_encode::{ELEMENT, END, NULL, THERE};
use crate::error::{Error, Result};

pub(super) fn damaged(why: &str) -> Error {
    Error::data(format!("cannot read a row of state: {why}"))
        .hint("the state store holds bytes that this query did not write; restore it from the checkpoint by deleting the local state directory")
}

/// Takes one value off the front of every row.
pub(super) fn column(data_type: &DataType, rows: &mut [&[u8]]) -> Result<ArrayRef> {
    Ok(match data_type {
        DataType::Null => {
            for row in rows.iter_mut() {
                there(row)?;
            }
            Arc::new(NullArray::new(rows.len()))
        }
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(rows.len());
            for row in rows.iter_mut() {
                builder.append_option(if there(row)? { Some(fixed::<1>(row)?[0] != 0) } else { None });
            }
            Arc::new(builder.finish())
        }
        DataType::Utf8 => strings(rows)?,
        DataType::Binary => binaries(rows)?,
        DataType::Int8 => primitive::<Int8Type, 1>(data_type, rows, |b| (b[0] ^ 0x80) as i8)?,
        DataType::Int16 => {
            primitive::<Int16Type, 2>(data_type, rows, |b| (u16::from_be_bytes(b) ^ 0x8000) as i16)?
        }
        DataType::Int32 => primitive::<Int32Type, 4>(data_type, rows, signed_i32)?,
        DataType::Date32 => primitive::<Date32Type, 4>(data_type, rows, signed_i32)?,
        DataType::Int64 => primitive::<Int64Type, 8>(data_type, rows, signed_i64)?,
        DataType::Timestamp(_, _) => primitive::<TimestampMicrosecondType, 8>(data_type, rows, signed_i64)?,
        DataType::Duration(_) => primitive::<DurationMicrosecondType, 8>(data_type, rows, signed_i64)?,
        DataType::Float32 => primitive::<Float32Type, 4>(data_type, rows, |b| {
            let bits = u32::from_be_bytes(b);
            f32::from_bits(if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits })
        })?,
        DataType::Float64 => primitive::<Float64Type, 8>(data_type, rows, |b| {
            let bits = u64::from_be_bytes(b);
            f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
        })?,
        DataType::Decimal128(_, _) => primitive::<Decimal128Type, 16>(data_type, rows, |b| {
            (u128::from_be_bytes(b) ^ (1 << 127)) as i128
        })?,
        DataType::Interval(IntervalUnit::YearMonth) => {
            primitive::<IntervalYearMonthType, 4>(data_type, rows, signed_i32)?
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            primitive::<IntervalMonthDayNanoType, 16>(data_type, rows, month_day_nano)?
        }
        DataType::List(element) => list(element, rows)?,
        DataType::Map(entries, _) => map(entries, rows)?,
        DataType::Struct(fields) => structure(fields, rows)?,
        other => return Err(Error::internal("this type has no encoding").with("type", other)),
    })
}

fn signed_i32(bytes: [u8; 4]) -> i32 {
    (u32::from_be_bytes(bytes) ^ (1 << 31)) as i32
}

fn signed_i64(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)) as i64
}

fn month_day_nano(b: [u8; 16]) -> IntervalMonthDayNano {
    IntervalMonthDayNano {
        months: signed_i32([b[0], b[1], b[2], b[3]]),
        days: signed_i32([b[4], b[5], b[6], b[7]]),
        nanoseconds: signed_i64([b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]),
    }
}

fn byte(row: &mut &[u8]) -> Result<u8> {
    let (first, rest) = row.split_first().ok_or_else(|| damaged("it ends early"))?;
    *row = rest;
    Ok(*first)
}

fn there(row: &mut &[u8]) -> Result<bool> {
    match byte(row)? {
        NULL => Ok(false),
        THERE => Ok(true),
        _ => Err(damaged("a value starts with neither 0 nor 1")),
    }
}

fn fixed<const N: usize>(row: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = row.split_first_chunk::<N>().ok_or_else(|| damaged("it ends early"))?;
    *row = rest;
    Ok(*first)
}

fn primitive<T: ArrowPrimitiveType, const N: usize>(
    data_type: &DataType,
    rows: &mut [&[u8]],
    value: impl Fn([u8; N]) -> T::Native,
) -> Result<ArrayRef> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(rows.len()).with_data_type(data_type.clone());
    for row in rows {
        match there(row)? {
            true => builder.append_value(value(fixed(row)?)),
            false => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Takes a text off the row; `buffer` is used when it holds escaped zeros.
fn text<'a, 'b: 'a>(row: &mut &'b [u8], buffer: &'a mut Vec<u8>) -> Result<&'a [u8]> {
    buffer.clear();
    let whole = *row;
    let mut start = 0;
    loop {
        let zero = memchr::memchr(0, &whole[start..]).ok_or_else(|| damaged("a text does not end"))? + start;
        match whole.get(zero + 1) {
            Some(0) if buffer.is_empty() && start == 0 => {
                *row = &whole[zero + 2..];
                return Ok(&whole[..zero]);
            }
            Some(0) => {
                buffer.extend_from_slice(&whole[start..zero]);
                *row = &whole[zero + 2..];
                return Ok(buffer);
            }
            Some(0xff) => buffer.extend_from_slice(&whole[start..=zero]),
            _ => return Err(damaged("a text holds a bare zero")),
        }
        start = zero + 2;
    }
}

fn strings(rows: &mut [&[u8]]) -> Result<ArrayRef> {
    let mut builder = StringBuilder::with_capacity(rows.len(), 8 * rows.len());
    let mut buffer = Vec::new();
    for row in rows {
        if there(row)? {
            let bytes = text(row, &mut buffer)?;
            builder.append_value(std::str::from_utf8(bytes).map_err(|e| damaged("not UTF-8").because(e))?);
        } else {
            builder.append_null();
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn binaries(rows: &mut [&[u8]]) -> Result<ArrayRef> {
    let mut builder = BinaryBuilder::with_capacity(rows.len(), 8 * rows.len());
    let mut buffer = Vec::new();
    for row in rows {
        match there(row)? {
            true => builder.append_value(text(row, &mut buffer)?),
            false => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Moves the row behind one value without making anything of it.
fn skip(data_type: &DataType, row: &mut &[u8]) -> Result<()> {
    if !there(row)? {
        return Ok(());
    }
    let width = match data_type {
        DataType::Null => 0,
        DataType::Utf8 | DataType::Binary => return skip_text(row),
        DataType::List(element) | DataType::Map(element, _) => {
            while next_element(row)? {
                skip(element.data_type(), row)?;
            }
            return Ok(());
        }
        DataType::Struct(fields) => {
            return fields.iter().try_for_each(|field| skip(field.data_type(), row));
        }
        DataType::Boolean => 1,
        other => other.primitive_width().ok_or_else(|| Error::internal("a type without a width"))?,
    };
    *row = row.get(width..).ok_or_else(|| damaged("it ends early"))?;
    Ok(())
}

fn skip_text(row: &mut &[u8]) -> Result<()> {
    loop {
        let zero = memchr::memchr(0, row).ok_or_else(|| damaged("a text does not end"))?;
        let after = row.get(zero + 1).copied();
        *row = row.get(zero + 2..).unwrap_or_default();
        match after {
            Some(0) => return Ok(()),
            Some(0xff) => {}
            _ => return Err(damaged("a text holds a bare zero")),
        }
    }
}

/// Whether an array goes on; the row then stands before the element.
fn next_element(row: &mut &[u8]) -> Result<bool> {
    match byte(row)? {
        END => Ok(false),
        ELEMENT => Ok(true),
        _ => Err(damaged("an array element starts with neither 0 nor 2")),
    }
}

/// The elements of all rows' arrays as one column, with the offsets and validity of the rows.
fn elements(data_type: &DataType, rows: &mut [&[u8]]) -> Result<(OffsetBuffer<i32>, NullBuffer, ArrayRef)> {
    let mut lengths = Vec::with_capacity(rows.len());
    let mut valid = Vec::with_capacity(rows.len());
    // Found first and decoded together: an array for each element would cost more than the elements.
    let mut found: Vec<&[u8]> = Vec::new();
    for row in rows {
        let before = found.len();
        let is_valid = there(row)?;
        while is_valid && next_element(row)? {
            found.push(row);
            skip(data_type, row)?;
        }
        lengths.push(found.len() - before);
        valid.push(is_valid);
    }
    let values = column(data_type, &mut found)?;
    Ok((OffsetBuffer::from_lengths(lengths), NullBuffer::from(valid), values))
}

fn list(element: &Arc<Field>, rows: &mut [&[u8]]) -> Result<ArrayRef> {
    let (offsets, nulls, values) = elements(element.data_type(), rows)?;
    let list = ListArray::try_new(element.clone(), offsets, values, Some(nulls));
    Ok(Arc::new(list.map_err(|e| damaged("an array does not fit its type").because(e))?))
}

fn map(entries: &Arc<Field>, rows: &mut [&[u8]]) -> Result<ArrayRef> {
    let (offsets, nulls, values) = elements(entries.data_type(), rows)?;
    let values = arrow::array::AsArray::as_struct(&values).clone();
    let map = MapArray::try_new(entries.clone(), offsets, values, Some(nulls), false);
    Ok(Arc::new(map.map_err(|e| damaged("a map does not fit its type").because(e))?))
}

/// The most fields of a struct.
const FIELDS_MAX: usize = 4_096;
/// What a null struct reads for its fields, since it has no bytes of its own.
static NOTHING: [u8; FIELDS_MAX] = [NULL; FIELDS_MAX];

fn structure(fields: &Fields, rows: &mut [&[u8]]) -> Result<ArrayRef> {
    let nothing = NOTHING.get(..fields.len()).ok_or_else(|| {
        Error::user("a struct in state has too many fields")
            .with("fields", fields.len())
            .with("most", FIELDS_MAX)
    })?;
    let valid = rows.iter_mut().map(there).collect::<Result<Vec<bool>>>()?;
    let mut inner: Vec<&[u8]> =
        rows.iter().zip(&valid).map(|(row, valid)| if *valid { *row } else { nothing }).collect();
    let columns = fields.iter().map(|f| column(f.data_type(), &mut inner)).collect::<Result<Vec<_>>>()?;
    for ((row, rest), valid) in rows.iter_mut().zip(inner).zip(&valid) {
        if *valid {
            *row = rest;
        }
    }
    let array =
        StructArray::try_new_with_length(fields.clone(), columns, Some(NullBuffer::from(valid)), rows.len());
    Ok(Arc::new(array.map_err(|e| damaged("a struct does not fit its type").because(e))?))
}
