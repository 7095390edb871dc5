//! The writing half of the row codec: first the length of every row, then column by column into its place.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, StructArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
    TimestampMicrosecondType,
};

use super::row_codec::Rows;

pub(super) const NULL: u8 = 0;
pub(super) const THERE: u8 = 1;
pub(super) const ELEMENT: u8 = 2;
pub(super) const END: u8 = 0;

pub(super) fn is_supported(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(element) => is_supported(element.data_type()),
        DataType::Map(entries, _) => is_supported(entries.data_type()),
        DataType::Struct(fields) => fields.iter().all(|f| is_supported(f.data_type())),
        DataType::Utf8 | DataType::Binary | DataType::Null => true,
        other => fixed_width(other).is_some(),
    }
}

/// Bytes of a value behind its first byte, for types whose values are all of one size.
pub(super) fn fixed_width(data_type: &DataType) -> Option<usize> {
    Some(match data_type {
        DataType::Boolean | DataType::Int8 => 1,
        DataType::Int16 => 2,
        DataType::Int32 | DataType::Date32 | DataType::Float32 => 4,
        DataType::Interval(IntervalUnit::YearMonth) => 4,
        DataType::Int64 | DataType::Float64 => 8,
        DataType::Timestamp(TimeUnit::Microsecond, _) | DataType::Duration(TimeUnit::Microsecond) => 8,
        DataType::Decimal128(_, _) | DataType::Interval(IntervalUnit::MonthDayNano) => 16,
        _ => return None,
    })
}

pub(super) fn encode(columns: &[ArrayRef]) -> Rows {
    let rows = columns.first().map_or(0, |c| c.len());
    let mut lengths = vec![0; rows];
    for column in columns {
        add_lengths(column, &mut lengths);
    }
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut end = 0;
    offsets.push(0);
    for length in lengths {
        end += length;
        offsets.push(end);
    }
    let mut data = vec![0; end];
    let mut cursors = offsets[..rows].to_vec();
    for column in columns {
        write_column(column, &mut data, &mut cursors);
    }
    Rows::from_parts(offsets, data)
}

fn add_lengths(column: &ArrayRef, lengths: &mut [usize]) {
    for (row, length) in lengths.iter_mut().enumerate() {
        *length += value_length(column, row);
    }
}

fn value_length(column: &ArrayRef, row: usize) -> usize {
    if column.is_null(row) {
        return 1;
    }
    let text = |bytes: &[u8]| 3 + bytes.len() + memchr::memchr_iter(0, bytes).count();
    match column.data_type() {
        DataType::Null => 1,
        DataType::Utf8 => text(column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => text(column.as_binary::<i32>().value(row)),
        DataType::List(_) => elements_length(&column.as_list::<i32>().value(row)),
        DataType::Map(_, _) => {
            elements_length(&(std::sync::Arc::new(column.as_map().value(row)) as ArrayRef))
        }
        DataType::Struct(_) => 1 + fields_length(column.as_struct(), row),
        other => 1 + fixed_width(other).unwrap_or(0),
    }
}

fn elements_length(elements: &ArrayRef) -> usize {
    2 + (0..elements.len()).map(|i| 1 + value_length(elements, i)).sum::<usize>()
}

fn fields_length(fields: &StructArray, row: usize) -> usize {
    fields.columns().iter().map(|field| value_length(field, row)).sum()
}

fn write_column(column: &ArrayRef, data: &mut [u8], cursors: &mut [usize]) {
    match column.data_type() {
        DataType::Int64 => write_words::<Int64Type, 8>(column, data, cursors, signed_i64),
        DataType::Timestamp(_, _) => {
            write_words::<TimestampMicrosecondType, 8>(column, data, cursors, signed_i64);
        }
        DataType::Utf8 => {
            let strings = column.as_string::<i32>();
            for (row, cursor) in cursors.iter_mut().enumerate() {
                *cursor = match strings.is_null(row) {
                    true => put(data, *cursor, &[NULL]),
                    false => put_text(data, *cursor, strings.value(row).as_bytes()),
                };
            }
        }
        _ => {
            for (row, cursor) in cursors.iter_mut().enumerate() {
                *cursor = write_value(column, row, data, *cursor);
            }
        }
    }
}

fn write_words<T: ArrowPrimitiveType, const N: usize>(
    column: &ArrayRef,
    data: &mut [u8],
    cursors: &mut [usize],
    bytes: impl Fn(T::Native) -> [u8; N],
) {
    let array = column.as_primitive::<T>();
    for (row, cursor) in cursors.iter_mut().enumerate() {
        if array.is_null(row) {
            *cursor = put(data, *cursor, &[NULL]);
        } else {
            let at = put(data, *cursor, &[THERE]);
            *cursor = put(data, at, &bytes(array.value(row)));
        }
    }
}

fn signed_i64(value: i64) -> [u8; 8] {
    ((value as u64) ^ (1 << 63)).to_be_bytes()
}

fn put(data: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    data[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

fn put_text(data: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let mut at = put(data, at, &[THERE]);
    if memchr::memchr(0, bytes).is_none() {
        at = put(data, at, bytes);
    } else {
        for byte in bytes {
            at = if *byte == 0 { put(data, at, &[0, 0xff]) } else { put(data, at, &[*byte]) };
        }
    }
    put(data, at, &[0, 0])
}

fn write_value(column: &ArrayRef, row: usize, data: &mut [u8], at: usize) -> usize {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return put(data, at, &[NULL]);
    }
    match column.data_type() {
        DataType::Utf8 => return put_text(data, at, column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => return put_text(data, at, column.as_binary::<i32>().value(row)),
        _ => {}
    }
    let at = put(data, at, &[THERE]);
    match column.data_type() {
        DataType::Boolean => put(data, at, &[column.as_boolean().value(row) as u8]),
        DataType::Int8 => put(data, at, &[(column.as_primitive::<Int8Type>().value(row) as u8) ^ 0x80]),
        DataType::Int16 => {
            put(data, at, &((column.as_primitive::<Int16Type>().value(row) as u16) ^ 0x8000).to_be_bytes())
        }
        DataType::Int32 => put(data, at, &signed_i32(column.as_primitive::<Int32Type>().value(row))),
        DataType::Date32 => put(data, at, &signed_i32(column.as_primitive::<Date32Type>().value(row))),
        DataType::Interval(IntervalUnit::YearMonth) => {
            put(data, at, &signed_i32(column.as_primitive::<IntervalYearMonthType>().value(row)))
        }
        DataType::Int64 => put(data, at, &signed_i64(column.as_primitive::<Int64Type>().value(row))),
        DataType::Timestamp(_, _) => {
            put(data, at, &signed_i64(column.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::Duration(_) => {
            put(data, at, &signed_i64(column.as_primitive::<DurationMicrosecondType>().value(row)))
        }
        DataType::Float32 => {
            let bits = column.as_primitive::<Float32Type>().value(row).to_bits();
            put(data, at, &(if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }).to_be_bytes())
        }
        DataType::Float64 => {
            let bits = column.as_primitive::<Float64Type>().value(row).to_bits();
            put(data, at, &(if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }).to_be_bytes())
        }
        DataType::Decimal128(_, _) => {
            let value = column.as_primitive::<Decimal128Type>().value(row);
            put(data, at, &((value as u128) ^ (1 << 127)).to_be_bytes())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = column.as_primitive::<IntervalMonthDayNanoType>().value(row);
            let at = put(data, at, &signed_i32(value.months));
            let at = put(data, at, &signed_i32(value.days));
            put(data, at, &signed_i64(value.nanoseconds))
        }
        DataType::List(_) => write_elements(&column.as_list::<i32>().value(row), data, at),
        DataType::Map(_, _) => {
            write_elements(&(std::sync::Arc::new(column.as_map().value(row)) as ArrayRef), data, at)
        }
        DataType::Struct(_) => {
            column.as_struct().columns().iter().fold(at, |at, field| write_value(field, row, data, at))
        }
        _ => at,
    }
}

fn signed_i32(value: i32) -> [u8; 4] {
    ((value as u32) ^ (1 << 31)).to_be_bytes()
}

fn write_elements(elements: &ArrayRef, data: &mut [u8], mut at: usize) -> usize {
    for index in 0..elements.len() {
        at = put(data, at, &[ELEMENT]);
        at = write_value(elements, index, data, at);
    }
    put(data, at, &[END])
}
