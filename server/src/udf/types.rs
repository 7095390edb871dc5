//! How the types that cross the boundary lie in memory, and what Arrow's C Data Interface calls them.

use arrow::datatypes::{DataType, FieldRef, IntervalUnit, TimeUnit};

/// The buffers of a column behind its validity bitmap, and what they say about its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No buffers, not even a bitmap: every row is null.
    Nothing,
    /// A bit a row.
    Bits,
    /// So many bytes a row.
    Fixed(usize),
    /// 32-bit offsets, and the bytes they cut.
    Bytes,
    /// 32-bit offsets, which cut the rows of the one child.
    Items,
    /// A bitmap alone; each child has a row for each row.
    Fields,
}

impl Layout {
    /// None for a type that the ABI does not carry.
    pub fn of(data_type: &DataType) -> Option<Layout> {
        let layout = match data_type {
            DataType::Null => Layout::Nothing,
            DataType::Boolean => Layout::Bits,
            DataType::Int8 => Layout::Fixed(1),
            DataType::Int16 => Layout::Fixed(2),
            DataType::Int32 | DataType::Float32 | DataType::Date32 => Layout::Fixed(4),
            DataType::Interval(IntervalUnit::YearMonth) => Layout::Fixed(4),
            DataType::Int64 | DataType::Float64 => Layout::Fixed(8),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Layout::Fixed(8),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => Layout::Fixed(8),
            DataType::Duration(TimeUnit::Microsecond) => Layout::Fixed(8),
            DataType::Decimal128(_, _) | DataType::Interval(IntervalUnit::MonthDayNano) => Layout::Fixed(16),
            DataType::Utf8 | DataType::Binary => Layout::Bytes,
            DataType::List(_) | DataType::Map(_, _) => Layout::Items,
            DataType::Struct(_) => Layout::Fields,
            _ => return None,
        };
        children(data_type).iter().all(|child| Layout::of(child.data_type()).is_some()).then_some(layout)
    }

    /// Buffers of a column, the validity bitmap included.
    pub fn buffers(self) -> usize {
        match self {
            Layout::Nothing => 0,
            Layout::Fields => 1,
            Layout::Bits | Layout::Fixed(_) | Layout::Items => 2,
            Layout::Bytes => 3,
        }
    }
}

/// What a column of this type has for children: the items of an array, the entries of a map, the fields of a struct.
pub fn children(data_type: &DataType) -> &[FieldRef] {
    match data_type {
        DataType::List(child) | DataType::Map(child, _) => std::slice::from_ref(child),
        DataType::Struct(fields) => fields,
        _ => &[],
    }
}

/// Whether columns of the two types look the same in memory and to a reader: equal but for what the items of arrays
/// and maps are called, and for whether parts may be null.
pub fn same_layout(one: &DataType, other: &DataType) -> bool {
    let (ones, others) = (children(one), children(other));
    let same_children = || {
        let named = matches!(one, DataType::Struct(_));
        ones.len() == others.len()
            && ones.iter().zip(others).all(|(one, other)| {
                (!named || one.name() == other.name()) && same_layout(one.data_type(), other.data_type())
            })
    };
    match (one, other) {
        (DataType::List(_), DataType::List(_)) | (DataType::Struct(_), DataType::Struct(_)) => {
            same_children()
        }
        // The entries are a struct, whose two fields have names that nobody looks at.
        (DataType::Map(one, _), DataType::Map(other, _)) => {
            let (ones, others) = (children(one.data_type()), children(other.data_type()));
            ones.len() == others.len()
                && ones.iter().zip(others).all(|(one, other)| same_layout(one.data_type(), other.data_type()))
        }
        _ => one == other,
    }
}

/// Arrow's format string; of a type that the ABI does not carry it is empty.
pub fn format(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "n".into(),
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
        DataType::Interval(IntervalUnit::YearMonth) => "tiM".into(),
        DataType::Interval(IntervalUnit::MonthDayNano) => "tin".into(),
        DataType::List(_) => "+l".into(),
        DataType::Map(_, _) => "+m".into(),
        DataType::Struct(_) => "+s".into(),
        _ => String::new(),
    }
}
