//! Which cast runs which kernel.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanBuilder, PrimitiveArray, PrimitiveBuilder,
    StringArray, new_null_array,
};
use arrow::datatypes::*;

use super::decimal::fit_decimal;
use super::number::{
    boolean_to_number, cast_number, cast_overflow, number_to_boolean, number_to_timestamp,
    timestamp_to_number,
};
use super::read::*;
use super::{OnInvalid, nested, text};
use crate::error::{Error, Result};
use crate::expression::coercion::*;
use crate::expression::parse::{parse_day_time, parse_year_month};
use crate::record::type_name;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Does Spark's ANSI mode know this cast?
pub fn can_cast(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        _ if same_type(from, to) => true,
        (Null, _) | (_, Utf8) => true,
        (Utf8, _) if is_atomic(to) => true,
        (Boolean, _) if is_numeric(to) => true,
        (_, Boolean) if is_numeric(from) => true,
        _ if is_numeric(from) && is_numeric(to) => true,
        _ if is_numeric(from) && *to == crate::record::timestamp_type() => true,
        _ if *from == crate::record::timestamp_type() && is_numeric(to) => true,
        _ if is_datetime(from) && is_datetime(to) => true,
        (List(from), List(to)) => can_cast(from.data_type(), to.data_type()),
        (Map(..), Map(..)) => match (map_fields(from), map_fields(to)) {
            (Some((k1, v1)), Some((k2, v2))) => {
                can_cast(k1.data_type(), k2.data_type()) && can_cast(v1.data_type(), v2.data_type())
            }
            _ => false,
        },
        (Struct(from), Struct(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|(f, t)| can_cast(f.data_type(), t.data_type()))
        }
        _ => false,
    }
}

/// Casts every value, as Spark's CAST or TRY_CAST; the result has exactly the type `to`.
pub fn cast(array: &ArrayRef, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    use DataType::*;
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    match (from, to) {
        (List(_), List(element)) => nested::cast_list(array, element, on_invalid),
        (Map(..), Map(entries, _)) => nested::cast_map(array, entries, on_invalid),
        (Struct(_), Struct(fields)) => nested::cast_struct(array, fields, on_invalid),
        (Null, _) => Ok(new_null_array(to, array.len())),
        (_, Utf8) => Ok(Arc::new(text::to_string(array)?)),
        (Utf8, Binary) => Ok(text::string_to_binary(array.as_string())),
        (Utf8, _) => from_string(array.as_string(), to, on_invalid),
        (Boolean, _) if is_numeric(to) => boolean_to_number(array.as_boolean(), to, on_invalid),
        (_, Boolean) if is_numeric(from) => number_to_boolean(array),
        _ if is_numeric(from) && is_numeric(to) => cast_number(array, to, on_invalid),
        _ if is_numeric(from) && is_timestamp(to) => number_to_timestamp(array, to, on_invalid),
        _ if is_timestamp(from) && is_numeric(to) => timestamp_to_number(array, to, on_invalid),
        _ if is_timestamp(from) && is_timestamp(to) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().clone();
            Ok(Arc::new(micros.with_data_type(to.clone())))
        }
        (_, Date32) if is_timestamp(from) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            Ok(Arc::new(micros.unary::<_, Date32Type>(|v| v.div_euclid(MICROS_PER_DAY) as i32)))
        }
        (Date32, _) if is_timestamp(to) => date_to_timestamp(array, to, on_invalid),
        _ => Err(Error::internal("no such cast").with("from", type_name(from)).with("to", type_name(to))),
    }
}

fn date_to_timestamp(array: &ArrayRef, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let days = array.as_primitive::<Date32Type>();
    let micros = super::number::convert::<_, TimestampMicrosecondType>(
        days,
        on_invalid,
        |days| i64::from(days).checked_mul(MICROS_PER_DAY),
        |days| cast_overflow(&text::date_text(days), &DataType::Date32, to).hint("[ARITHMETIC_OVERFLOW]"),
    )?;
    Ok(Arc::new(micros.with_data_type(to.clone())))
}

fn invalid(value: &str, to: &DataType) -> Error {
    Error::user("[CAST_INVALID_INPUT] a string is not a value of the type it is cast to")
        .with("value", value)
        .with("to", type_name(to))
        .hint("use try_cast to get null instead")
}

fn from_string(strings: &StringArray, to: &DataType, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let read = Reader { strings, to, on_invalid };
    Ok(match to {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(strings.len());
            for text in strings {
                builder.append_option(read.one(text, parse_boolean)?);
            }
            Arc::new(builder.finish())
        }
        DataType::Int8 => Arc::new(read.all::<Int8Type>(|t| parse_integer(t)?.try_into().ok())?),
        DataType::Int16 => Arc::new(read.all::<Int16Type>(|t| parse_integer(t)?.try_into().ok())?),
        DataType::Int32 => Arc::new(read.all::<Int32Type>(|t| parse_integer(t)?.try_into().ok())?),
        DataType::Int64 => Arc::new(read.all::<Int64Type>(parse_integer)?),
        DataType::Float32 => Arc::new(read.all::<Float32Type>(parse_float)?),
        DataType::Float64 => Arc::new(read.all::<Float64Type>(parse_double)?),
        DataType::Decimal128(precision, scale) => read.decimals(*precision, *scale)?,
        DataType::Date32 => Arc::new(read.all::<Date32Type>(parse_date)?),
        DataType::Timestamp(_, Some(_)) => {
            let micros =
                read.all::<TimestampMicrosecondType>(|t| parse_timestamp(t).map(|(micros, _)| micros))?;
            Arc::new(micros.with_data_type(to.clone()))
        }
        DataType::Timestamp(_, None) => {
            let micros =
                read.all::<TimestampMicrosecondType>(|t| parse_local_timestamp(t).map(|(micros, _)| micros))?;
            Arc::new(micros)
        }
        DataType::Duration(_) => Arc::new(read.all::<DurationMicrosecondType>(parse_day_time)?),
        DataType::Interval(_) => Arc::new(read.all::<IntervalYearMonthType>(parse_year_month)?),
        other => {
            return Err(Error::internal("no such cast").with("from", "STRING").with("to", type_name(other)));
        }
    })
}

struct Reader<'a> {
    strings: &'a StringArray,
    to: &'a DataType,
    on_invalid: OnInvalid,
}

impl Reader<'_> {
    fn one<V>(&self, text: Option<&str>, parse: impl Fn(&str) -> Option<V>) -> Result<Option<V>> {
        let Some(text) = text else { return Ok(None) };
        match parse(text) {
            None if self.on_invalid == OnInvalid::Fail => Err(invalid(text, self.to)),
            value => Ok(value),
        }
    }

    fn all<T: ArrowPrimitiveType>(
        &self,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<PrimitiveArray<T>> {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(self.strings.len());
        for text in self.strings {
            builder.append_option(self.one(text, &parse)?);
        }
        Ok(builder.finish())
    }

    /// Not a number and too large a number are different errors.
    fn decimals(&self, precision: u8, scale: i8) -> Result<ArrayRef> {
        let mut builder = PrimitiveBuilder::<Decimal128Type>::with_capacity(self.strings.len());
        for text in self.strings {
            let Some((digits, from)) = self.one(text, parse_decimal)? else {
                builder.append_null();
                continue;
            };
            let whole = digits.unsigned_abs().to_string().len() as i32 - from;
            if whole > i32::from(DECIMAL_PRECISION_MAX) && self.on_invalid == OnInvalid::Fail {
                return Err(Error::user("[NUMERIC_OUT_OF_SUPPORTED_RANGE] a number has more than 38 digits")
                    .with("value", text.unwrap_or_default()));
            }
            let value = fit_decimal(digits, from, precision, scale);
            if value.is_none() && self.on_invalid == OnInvalid::Fail {
                return Err(cast_overflow(text.unwrap_or_default(), &DataType::Utf8, self.to));
            }
            builder.append_option(value);
        }
        let typed = builder.finish().with_precision_and_scale(precision, scale);
        Ok(Arc::new(typed.map_err(|error| Error::internal("not a decimal type").because(error))?))
    }
}
