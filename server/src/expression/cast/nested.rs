//! Arrays, maps and structs: casts of their parts, and a new type over the same values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, make_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};

use super::OnInvalid;
use super::kernel::cast;
use crate::error::{Error, Result};

fn broken(cause: arrow::error::ArrowError) -> Error {
    Error::internal("a nested value does not fit its type").because(cause)
}

pub fn cast_list(array: &ArrayRef, element: &FieldRef, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let list = array.as_list::<i32>();
    let (offsets, start, length) = own_range(list.offsets());
    let values = cast(&list.values().slice(start, length), element.data_type(), on_invalid)?;
    let list = ListArray::try_new(element.clone(), offsets, values, list.nulls().cloned());
    Ok(Arc::new(list.map_err(broken)?))
}

pub fn cast_map(array: &ArrayRef, entries: &FieldRef, on_invalid: OnInvalid) -> Result<ArrayRef> {
    let map = array.as_map();
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(Error::internal("a map type has no entries"));
    };
    let (offsets, start, length) = own_range(map.offsets());
    let keys = cast(&map.keys().slice(start, length), fields[0].data_type(), on_invalid)?;
    let values = cast(&map.values().slice(start, length), fields[1].data_type(), on_invalid)?;
    let parts = StructArray::try_new(fields.clone(), vec![keys, values], None).map_err(broken)?;
    let map = MapArray::try_new(entries.clone(), offsets, parts, map.nulls().cloned(), false);
    Ok(Arc::new(map.map_err(broken)?))
}

pub fn cast_struct(
    array: &ArrayRef,
    fields: &arrow::datatypes::Fields,
    on_invalid: OnInvalid,
) -> Result<ArrayRef> {
    let found = array.as_struct();
    let columns = found.columns().iter().zip(fields);
    let columns = columns
        .map(|(c, f)| cast(&hidden(c, found.nulls())?, f.data_type(), on_invalid))
        .collect::<Result<Vec<ArrayRef>>>()?;
    let made = StructArray::try_new_with_length(fields.clone(), columns, found.nulls().cloned(), found.len());
    Ok(Arc::new(made.map_err(broken)?))
}

/// What a null struct holds is not looked at.
fn hidden(column: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    match nulls.filter(|nulls| nulls.null_count() > 0 && *column.data_type() != DataType::Null) {
        None => Ok(column.clone()),
        Some(nulls) => {
            let nulls = NullBuffer::union(column.nulls(), Some(nulls));
            Ok(make_array(column.to_data().into_builder().nulls(nulls).build().map_err(broken)?))
        }
    }
}

/// Offsets from 0, and the range of the values they mean: a slice shares the values of all rows.
fn own_range(offsets: &OffsetBuffer<i32>) -> (OffsetBuffer<i32>, usize, usize) {
    let (start, end) = (offsets[0], offsets[offsets.len() - 1]);
    if start == 0 {
        return (offsets.clone(), 0, end as usize);
    }
    let shifted: Vec<i32> = offsets.iter().map(|offset| offset - start).collect();
    (OffsetBuffer::new(shifted.into()), start as usize, (end - start) as usize)
}

/// The same values under a type that differs only in names and nullability of parts.
pub fn retype(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    Ok(make_array(retype_data(array.to_data(), to)?))
}

fn retype_data(data: arrow::array::ArrayData, to: &DataType) -> Result<arrow::array::ArrayData> {
    let children: Vec<&Field> = match to {
        DataType::List(field) | DataType::Map(field, _) => vec![field.as_ref()],
        DataType::Struct(fields) => fields.iter().map(|field| field.as_ref()).collect(),
        _ if data.data_type() == to => return Ok(data),
        _ => {
            return Err(Error::internal("an array has another type than planned")
                .with("wanted", to)
                .with("found", data.data_type()));
        }
    };
    let parts = data.child_data().to_vec();
    let parts = parts.into_iter().zip(children);
    let parts =
        parts.map(|(part, field)| retype_data(part, field.data_type())).collect::<Result<Vec<_>>>()?;
    data.into_builder().data_type(to.clone()).child_data(parts).build().map_err(broken)
}
