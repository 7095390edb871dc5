//! How the types that cross the boundary lie in memory, and what Arrow's C Data Interface calls them.

use arrow::datatypes::{DataType, TimeUnit};

/// The buffers of a column behind its validity bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A bit a row.
    Bits,
    /// So many bytes a row.
    Fixed(usize),
    /// 32-bit offsets, and the bytes they cut.
    Bytes,
}

impl Layout {
    /// None for a type that the ABI does not carry.
    pub fn of(data_type: &DataType) -> Option<Layout> {
        Some(match data_type {
            DataType::Boolean => Layout::Bits,
            DataType::Int8 => Layout::Fixed(1),
            DataType::Int16 => Layout::Fixed(2),
            DataType::Int32 | DataType::Float32 | DataType::Date32 => Layout::Fixed(4),
            DataType::Int64 | DataType::Float64 => Layout::Fixed(8),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Layout::Fixed(8),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => Layout::Fixed(8),
            DataType::Duration(TimeUnit::Microsecond) => Layout::Fixed(8),
            DataType::Decimal128(_, _) => Layout::Fixed(16),
            DataType::Utf8 | DataType::Binary => Layout::Bytes,
            _ => return None,
        })
    }

    /// Buffers of a column, the validity bitmap included.
    pub fn buffers(self) -> usize {
        match self {
            Layout::Bits | Layout::Fixed(_) => 2,
            Layout::Bytes => 3,
        }
    }
}

/// Arrow's format string; of a type that the ABI does not carry it is empty.
pub fn format(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "b".into(),
        DataType::Int8 => "c".into(),
        DataType::Int16 => "s".into(),
        DataType::Int32 => "i".into(),
        DataType::Int64 => "l".into(),
        DataType::Float32 => "f".into(),
        DataType::Float64 => "g".into(),
        DataType::Decimal128(precision, scale) => format!("d:{precision},{scale}"),
        DataType::Utf8 => "u".into(),
        DataType::Binary => "z".into(),
        DataType::Date32 => "tdD".into(),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => format!("tsu:{}", zone.as_deref().unwrap_or("")),
        DataType::Duration(TimeUnit::Microsecond) => "tDu".into(),
        _ => String::new(),
    }
}
