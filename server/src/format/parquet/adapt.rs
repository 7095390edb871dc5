//! Arrays as a file has them into the types of the schema: wider numbers, other units, fields of structs by
//! name. What would lose something is refused. Knows no files.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::error::{Error, Result};

/// True if every value of a column of type `from` is one of type `to`.
pub fn can_adapt(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        (List(from), List(to)) => can_adapt(from.data_type(), to.data_type()),
        (Map(from, _), Map(to, _)) => match (from.data_type(), to.data_type()) {
            (Struct(from), Struct(to)) if from.len() == 2 && to.len() == 2 => {
                from.iter().zip(to).all(|(from, to)| can_adapt(from.data_type(), to.data_type()))
            }
            _ => false,
        },
        (Struct(from), Struct(to)) => to.iter().all(|field| match find(from, field) {
            Some(index) => can_adapt(from[index].data_type(), field.data_type()),
            None => true,
        }),
        (Int8, Int16 | Int32 | Int64 | Float32 | Float64) => true,
        (Int16, Int32 | Int64 | Float32 | Float64) => true,
        (Int32, Int64 | Float64) => true,
        (Float32, Float64) => true,
        (UInt8, Int16 | Int32 | Int64) | (UInt16, Int32 | Int64) | (UInt32, Int64) => true,
        (Int8 | Int16 | Int32, Decimal128(precision, scale)) => {
            i16::from(*precision) - i16::from(*scale) >= 10
        }
        (Int64, Decimal128(precision, scale)) => i16::from(*precision) - i16::from(*scale) >= 20,
        (Decimal128(p, s), Decimal128(precision, scale)) => {
            let whole = |precision: &u8, scale: &i8| i16::from(*precision) - i16::from(*scale);
            scale >= s && whole(precision, scale) >= whole(p, s)
        }
        (Binary, Utf8) | (Utf8, Binary) | (FixedSizeBinary(_), Binary) => true,
        // An instant is not a local time; a local time of an older file may be taken for an instant.
        (Timestamp(_, Some(_)), Timestamp(TimeUnit::Microsecond, None)) => false,
        (Timestamp(_, _), Timestamp(TimeUnit::Microsecond, _)) => true,
        (Date32, Timestamp(TimeUnit::Microsecond, None)) => true,
        (from, to) => from == to,
    }
}

fn find(fields: &Fields, wanted: &Field) -> Option<usize> {
    fields.iter().position(|field| field.name().to_lowercase() == wanted.name().to_lowercase())
}

/// The array as one of type `to`; needs [`can_adapt`].
pub fn adapt(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    let failed = |cause| Error::data("a column does not fit the schema's type").because(cause);
    Ok(match to {
        DataType::List(element) => {
            let list = array.as_list::<i32>();
            let values = adapt(list.values(), element.data_type())?;
            let made =
                ListArray::try_new(element.clone(), list.offsets().clone(), values, list.nulls().cloned());
            Arc::new(made.map_err(failed)?)
        }
        DataType::Struct(fields) => {
            let from = array.as_struct();
            let columns = fields.iter().map(|field| match find(from.fields(), field) {
                Some(index) => adapt(from.column(index), field.data_type()),
                None => Ok(new_null_array(field.data_type(), from.len())),
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let nulls = from.nulls().cloned();
            let made = StructArray::try_new_with_length(fields.clone(), columns, nulls, from.len());
            Arc::new(made.map_err(failed)?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map();
            let DataType::Struct(pair) = entries.data_type() else {
                return Err(Error::internal("a map has no keys and values"));
            };
            let keys = adapt(map.keys(), pair[0].data_type())?;
            let values = adapt(map.values(), pair[1].data_type())?;
            let pairs = StructArray::try_new(pair.clone(), vec![keys, values], None).map_err(failed)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let made = MapArray::try_new(entries.clone(), offsets, pairs, nulls, *sorted);
            Arc::new(made.map_err(failed)?)
        }
        other => cast(array, other).map_err(failed)?,
    })
}
