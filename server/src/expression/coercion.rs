//! Spark's ANSI rules of which type becomes which: implicit casts, and the common type of several values.
//! Decides only; the casts themselves are in `cast`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};

use crate::error::{Error, Result};
use crate::record::{timestamp_type, type_name};

pub const DECIMAL_PRECISION_MAX: u8 = 38;
/// The scale that Spark keeps when a result is too wide for 38 digits.
const DECIMAL_SCALE_KEPT: i32 = 6;
/// What a string becomes where any decimal is wanted.
pub const DECIMAL_DEFAULT: DataType = DataType::Decimal128(38, 18);

pub fn is_integral(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}

pub fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..))
}

pub fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

pub fn is_numeric(data_type: &DataType) -> bool {
    is_integral(data_type) || is_float(data_type) || is_decimal(data_type)
}

pub fn is_timestamp(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Microsecond, _))
}

/// DATE, TIMESTAMP or TIMESTAMP_NTZ.
pub fn is_datetime(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32) || is_timestamp(data_type)
}

pub fn is_day_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Duration(TimeUnit::Microsecond))
}

pub fn is_year_month(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(IntervalUnit::YearMonth))
}

/// Neither array, map nor struct, nor the type of NULL.
pub fn is_atomic(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::Null | DataType::List(_) | DataType::Map(..) | DataType::Struct(_))
}

pub fn timestamp_ntz_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// ARRAY of the engine: its element field is named `element`.
pub fn array_type(element: DataType, contains_null: bool) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, contains_null)))
}

/// MAP of the engine: entries with `key` and `value`.
pub fn map_type(key: DataType, value: DataType, value_contains_null: bool) -> DataType {
    let fields = vec![Field::new("key", key, false), Field::new("value", value, value_contains_null)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
}

/// Key and value fields of a MAP.
pub fn map_fields(data_type: &DataType) -> Option<(&Field, &Field)> {
    match data_type {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Some((&fields[0], &fields[1])),
            _ => None,
        },
        _ => None,
    }
}

/// The decimal that holds every value of an integer or float type, as Spark's `DecimalType.forType`.
pub fn decimal_for(data_type: &DataType) -> Option<(u8, i8)> {
    Some(match data_type {
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 => (20, 0),
        DataType::Float32 => (14, 7),
        DataType::Float64 => (30, 15),
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        _ => return None,
    })
}

/// A decimal type cut to 38 digits, as Spark's `DecimalType.bounded`.
pub fn decimal_bounded(precision: i32, scale: i32) -> DataType {
    DataType::Decimal128(precision.min(38) as u8, scale.min(38) as i8)
}

/// A decimal type cut to 38 digits where digits before the point win, but 6 behind it are kept: Spark's
/// `adjustPrecisionScale`, for the result of arithmetic.
pub fn decimal_adjusted(precision: i32, scale: i32) -> DataType {
    let most = i32::from(DECIMAL_PRECISION_MAX);
    if precision <= most {
        return DataType::Decimal128(precision as u8, scale as i8);
    }
    let whole = precision - scale;
    let scale = (most - whole).max(scale.min(DECIMAL_SCALE_KEPT));
    DataType::Decimal128(most as u8, scale as i8)
}

/// A decimal type cut to 38 digits where digits before the point are kept first.
fn decimal_keeping_whole(precision: i32, scale: i32) -> DataType {
    let excess = (precision - i32::from(DECIMAL_PRECISION_MAX)).max(0);
    DataType::Decimal128((precision - excess) as u8, (scale - excess).max(0) as i8)
}

/// May a value of type `from` be stored as `to` without a word (Spark's `canANSIStoreAssign`)?
pub fn store_assignable(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        _ if same_type(from, to) => true,
        (Null, _) => true,
        _ if is_numeric(from) && is_numeric(to) => true,
        (_, Utf8) if is_atomic(from) => true,
        (Date32, _) if is_timestamp(to) => true,
        (_, Date32) if is_timestamp(from) => true,
        _ if is_timestamp(from) && is_timestamp(to) => true,
        (List(from), List(to)) => store_assignable(from.data_type(), to.data_type()),
        (Map(..), Map(..)) => match (map_fields(from), map_fields(to)) {
            (Some((k1, v1)), Some((k2, v2))) => {
                store_assignable(k1.data_type(), k2.data_type())
                    && store_assignable(v1.data_type(), v2.data_type())
            }
            _ => false,
        },
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(f, t)| f.name() == t.name() && store_assignable(f.data_type(), t.data_type()))
        }
        _ => false,
    }
}

/// May an argument of type `from` be given where a function takes `to` (Spark's ANSI implicit cast)?
pub fn implicit(from: &DataType, to: &DataType) -> bool {
    matches!(from, DataType::Utf8) && is_atomic(to) || store_assignable(from, to)
}

/// The type an argument becomes where any number is wanted: itself, DOUBLE for STRING and NULL.
pub fn as_number(from: &DataType) -> Option<DataType> {
    match from {
        DataType::Utf8 | DataType::Null => Some(DataType::Float64),
        _ if is_numeric(from) => Some(from.clone()),
        _ => None,
    }
}

/// Equal but for nullability of parts.
pub fn same_type(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) => same_type(a.data_type(), b.data_type()),
        (DataType::Map(..), DataType::Map(..)) => match (map_fields(a), map_fields(b)) {
            (Some((k1, v1)), Some((k2, v2))) => {
                same_type(k1.data_type(), k2.data_type()) && same_type(v1.data_type(), v2.data_type())
            }
            _ => false,
        },
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a.name() == b.name() && same_type(a.data_type(), b.data_type()))
        }
        _ => a == b,
    }
}

/// The common type of two values (comparison, CASE, COALESCE, array elements ...), or none.
pub fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    tightest(a, b)
        .or_else(|| wider_decimal(a, b))
        .or_else(|| wider_string(a, b))
        .or_else(|| wider_nested(a, b))
}

/// Whether SQL turns the one type into the other by itself, where a function asks for it.
pub fn widens_to(from: &DataType, to: &DataType) -> bool {
    tightest(from, to).as_ref() == Some(to)
}

/// The type in which two values are compared: strings inside arrays and structs are not cast, and the names of
/// a struct's fields do not count.
pub fn comparable(a: &DataType, b: &DataType) -> Option<DataType> {
    let flat = tightest(a, b).or_else(|| wider_decimal(a, b)).or_else(|| wider_string(a, b));
    flat.or_else(|| nested_with(a, b, &tight_parts)).or_else(|| same_shape(a, b).then(|| a.clone()))
}

fn tight_parts(a: &DataType, b: &DataType) -> Option<DataType> {
    tightest(a, b).or_else(|| nested_with(a, b, &tight_parts))
}

/// Equal but for nullability and for names of fields.
fn same_shape(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) => same_shape(a.data_type(), b.data_type()),
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a.data_type(), b.data_type()))
        }
        (DataType::Map(..), DataType::Map(..)) => match (map_fields(a), map_fields(b)) {
            (Some((k1, v1)), Some((k2, v2))) => {
                same_shape(k1.data_type(), k2.data_type()) && same_shape(v1.data_type(), v2.data_type())
            }
            _ => false,
        },
        _ => a == b,
    }
}

/// The common type of many values; NULL alone gives the type of NULL.
pub fn wider_of<'a>(types: impl IntoIterator<Item = &'a DataType>) -> Option<DataType> {
    // As Spark: strings last, so that the result does not depend on the order of the others.
    let (strings, others): (Vec<_>, Vec<_>) = types.into_iter().partition(|t| matches!(t, DataType::Utf8));
    let mut types = strings.into_iter().chain(others);
    let first = types.next()?.clone();
    types.try_fold(first, |common, next| wider(&common, next))
}

fn rank(data_type: &DataType) -> Option<usize> {
    use DataType::*;
    [Int8, Int16, Int32, Int64, Float32, Float64].iter().position(|t| t == data_type)
}

fn tightest(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::*;
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Null, other) | (other, Null) => return Some(nullable_parts(other)),
        (Decimal128(p, s), other) | (other, Decimal128(p, s)) if is_integral(other) => {
            let (other_p, _) = decimal_for(other)?;
            return (*p as i32 - *s as i32 >= i32::from(other_p)).then_some(Decimal128(*p, *s));
        }
        _ => {}
    }
    if let (Some(a), Some(b)) = (rank(a), rank(b)) {
        // An integer and a FLOAT meet in DOUBLE, since FLOAT would lose digits.
        return Some([Int8, Int16, Int32, Int64, Float64, Float64][a.max(b)].clone());
    }
    if is_datetime(a) && is_datetime(b) {
        let zoned = |t: &DataType| matches!(t, Timestamp(_, Some(_)));
        return Some(if zoned(a) || zoned(b) { timestamp_type() } else { timestamp_ntz_type() });
    }
    None
}

fn nullable_parts(data_type: &DataType) -> DataType {
    data_type.clone()
}

fn wider_decimal(a: &DataType, b: &DataType) -> Option<DataType> {
    if !is_decimal(a) && !is_decimal(b) {
        return None;
    }
    if is_float(a) || is_float(b) {
        return Some(DataType::Float64);
    }
    let ((p1, s1), (p2, s2)) = (decimal_for(a)?, decimal_for(b)?);
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let scale = s1.max(s2);
    Some(decimal_keeping_whole((p1 - s1).max(p2 - s2) + scale, scale))
}

fn wider_string(a: &DataType, b: &DataType) -> Option<DataType> {
    let other = match (a, b) {
        (DataType::Utf8, other) | (other, DataType::Utf8) => other,
        _ => return None,
    };
    match other {
        _ if is_integral(other) => Some(DataType::Int64),
        _ if is_numeric(other) => Some(DataType::Float64),
        _ if is_day_time(other) || is_year_month(other) => None,
        _ if is_atomic(other) => Some(other.clone()),
        _ => None,
    }
}

fn wider_nested(a: &DataType, b: &DataType) -> Option<DataType> {
    nested_with(a, b, &wider)
}

/// The common type of arrays, maps or structs, their parts joined by `join`.
fn nested_with(
    a: &DataType,
    b: &DataType,
    join: &dyn Fn(&DataType, &DataType) -> Option<DataType>,
) -> Option<DataType> {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) => {
            let element = join(a.data_type(), b.data_type())?;
            Some(array_type(element, a.is_nullable() || b.is_nullable()))
        }
        (DataType::Map(..), DataType::Map(..)) => {
            let ((k1, v1), (k2, v2)) = (map_fields(a)?, map_fields(b)?);
            let key = join(k1.data_type(), k2.data_type())?;
            let value = join(v1.data_type(), v2.data_type())?;
            Some(map_type(key, value, v1.is_nullable() || v2.is_nullable()))
        }
        (DataType::Struct(a), DataType::Struct(b)) if a.len() == b.len() => {
            let fields = a.iter().zip(b).map(|(a, b)| {
                let same_name = a.name().eq_ignore_ascii_case(b.name());
                let data_type = same_name.then(|| join(a.data_type(), b.data_type())).flatten()?;
                Some(Field::new(a.name(), data_type, a.is_nullable() || b.is_nullable()))
            });
            Some(DataType::Struct(fields.collect::<Option<Vec<_>>>().map(Fields::from)?))
        }
        _ => None,
    }
}

/// The error of a call whose argument (counted from 1) has a type that the function does not take.
pub fn unexpected_type(function: &str, argument: usize, wanted: &str, found: &DataType) -> Error {
    Error::user(format!("[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] `{function}` takes another type"))
        .with("argument", argument)
        .with("found", type_name(found))
        .hint(format!("argument {argument} of {function} must be {wanted}"))
}

/// The error of a call with too few or too many arguments; `wanted` is such as `2` or `1 to 3`.
pub fn wrong_count(function: &str, wanted: &str, found: usize) -> Error {
    Error::user(format!("[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] `{function}` takes {wanted} arguments"))
        .with("found", found)
}

/// `to`, if `from` may be given for it; else the error that names the argument (counted from 1).
pub fn expect(function: &str, argument: usize, from: &DataType, to: &DataType) -> Result<DataType> {
    if implicit(from, to) {
        return Ok(to.clone());
    }
    Err(unexpected_type(function, argument, &type_name(to), from))
}
