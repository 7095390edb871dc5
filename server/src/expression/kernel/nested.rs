//! Parts of arrays, maps and structs, and building them from columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, MapArray, Scalar, StructArray, UInt32Array,
    make_comparator,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::kernels::cmp;
use arrow::compute::{SortOptions, interleave, take};
use arrow::datatypes::{DataType, FieldRef, Fields, Int32Type};
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::compare::normal;
use super::rows::single;
use crate::error::{Error, Result};
use crate::expression::cast::retype;
use crate::expression::node::into_array;
use crate::expression::registry::Kernel;

fn broken(cause: arrow::error::ArrowError) -> Error {
    Error::internal("cannot build a nested value").because(cause)
}

/// `array[index]`, from 0; an index outside is an error.
pub fn list_item() -> Kernel {
    Arc::new(|values, rows| {
        let (array, index) = (into_array(values[0].clone(), rows)?, into_array(values[1].clone(), rows)?);
        let (list, index) = (array.as_list::<i32>(), index.as_primitive::<Int32Type>());
        let mut places: Vec<Option<u32>> = Vec::with_capacity(rows);
        for row in 0..rows {
            if list.is_null(row) || index.is_null(row) {
                places.push(None);
                continue;
            }
            let (at, length) = (index.value(row), list.value_length(row));
            if at < 0 || at >= length {
                return Err(Error::user("[INVALID_ARRAY_INDEX] an array has no element of this index")
                    .with("index", at)
                    .with("size", length)
                    .hint("use get(array, index) to get null instead"));
            }
            places.push(Some((list.value_offsets()[row] + at) as u32));
        }
        let found = take(list.values(), &UInt32Array::from(places), None).map_err(broken)?;
        Ok(ColumnarValue::Array(found))
    })
}

/// `map[key]`; null if the key is not there.
pub fn map_value() -> Kernel {
    Arc::new(|values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        let map = array.as_map();
        let keys = normal(map.keys())?;
        let offsets = map.value_offsets();
        let equal: BooleanArray = match &values[1] {
            ColumnarValue::Scalar(key) if !key.data_type().is_nested() => {
                cmp::eq(&keys, &Scalar::new(normal(&single(key)?)?)).map_err(broken)?
            }
            other => {
                let wanted = normal(&into_array(other.clone(), rows)?)?;
                let order = make_comparator(&keys, &wanted, SortOptions::default()).map_err(broken)?;
                let mut equal = vec![false; keys.len()];
                for row in (0..rows).filter(|row| wanted.is_valid(*row)) {
                    let entries = offsets[row] as usize..offsets[row + 1] as usize;
                    for (at, equal) in entries.clone().zip(&mut equal[entries]) {
                        *equal = order(at, row).is_eq();
                    }
                }
                equal.into()
            }
        };
        let place = |row: usize| -> Option<u32> {
            if map.is_null(row) {
                return None;
            }
            let mut entries = offsets[row] as usize..offsets[row + 1] as usize;
            entries.find(|at| equal.is_valid(*at) && equal.value(*at)).map(|at| at as u32)
        };
        let places: UInt32Array = (0..rows).map(place).collect();
        Ok(ColumnarValue::Array(take(map.values(), &places, None).map_err(broken)?))
    })
}

/// A field of a struct, by its place.
pub fn struct_field(index: usize) -> Kernel {
    Arc::new(move |values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        Ok(ColumnarValue::Array(field_of(&array, index)?))
    })
}

fn field_of(array: &ArrayRef, index: usize) -> Result<ArrayRef> {
    let parts = array.as_struct();
    let column = parts.column(index);
    match parts.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => Ok(column.clone()),
        Some(nulls) => {
            if *column.data_type() == DataType::Null {
                return Ok(column.clone());
            }
            let nulls = NullBuffer::union(column.nulls(), Some(nulls));
            let data = column.to_data().into_builder().nulls(nulls).build().map_err(broken)?;
            Ok(arrow::array::make_array(data))
        }
    }
}

/// `array.field`: the field of each struct in an array.
pub fn struct_field_of_list(index: usize, element: FieldRef) -> Kernel {
    Arc::new(move |values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        let list = array.as_list::<i32>();
        let fields = retype(&field_of(list.values(), index)?, element.data_type())?;
        let made = ListArray::try_new(element.clone(), list.offsets().clone(), fields, list.nulls().cloned());
        Ok(ColumnarValue::Array(Arc::new(made.map_err(broken)?)))
    })
}

/// `array(...)`: all arguments have the element's type.
pub fn list_of(element: FieldRef) -> Kernel {
    Arc::new(move |values, rows| {
        let columns = arrays(values, rows, element.data_type())?;
        let (offsets, elements) = side_by_side(&columns, rows, element.data_type())?;
        let made = ListArray::try_new(element.clone(), offsets, elements, None);
        Ok(ColumnarValue::Array(Arc::new(made.map_err(broken)?)))
    })
}

fn arrays(values: &[ColumnarValue], rows: usize, to: &DataType) -> Result<Vec<ArrayRef>> {
    values.iter().map(|value| retype(&into_array(value.clone(), rows)?, to)).collect()
}

/// The columns row by row in one line, with the same number for each row.
fn side_by_side(columns: &[ArrayRef], rows: usize, to: &DataType) -> Result<(OffsetBuffer<i32>, ArrayRef)> {
    let offsets = OffsetBuffer::from_repeated_length(columns.len(), rows);
    if columns.is_empty() {
        return Ok((offsets, arrow::array::new_empty_array(to)));
    }
    if *to == DataType::Null {
        return Ok((offsets, Arc::new(arrow::array::NullArray::new(rows * columns.len()))));
    }
    let places: Vec<(usize, usize)> =
        (0..rows).flat_map(|row| (0..columns.len()).map(move |column| (column, row))).collect();
    let columns: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
    Ok((offsets, interleave(&columns, &places).map_err(broken)?))
}

/// `map(k, v, ...)`: arguments have the types of key and value.
pub fn map_of(to: DataType) -> Kernel {
    Arc::new(move |values, rows| {
        let DataType::Map(entries, _) = &to else { return Err(Error::internal("not a map type")) };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(Error::internal("not a map type"));
        };
        let pick = |first: usize, field: &FieldRef| -> Result<(OffsetBuffer<i32>, ArrayRef)> {
            let values: Vec<ColumnarValue> = values.iter().skip(first).step_by(2).cloned().collect();
            side_by_side(&arrays(&values, rows, field.data_type())?, rows, field.data_type())
        };
        let ((offsets, keys), (_, items)) = (pick(0, &fields[0])?, pick(1, &fields[1])?);
        check_map_keys(&offsets, &keys)?;
        let parts = StructArray::try_new(fields.clone(), vec![keys, items], None).map_err(broken)?;
        let made = MapArray::try_new(entries.clone(), offsets, parts, None, false).map_err(broken)?;
        Ok(ColumnarValue::Array(Arc::new(made)))
    })
}

/// The keys of each map are not null and differ; else Spark's error.
pub fn check_map_keys(offsets: &OffsetBuffer<i32>, keys: &ArrayRef) -> Result<()> {
    if keys.logical_null_count() > 0 {
        return Err(Error::user("[NULL_MAP_KEY] a map has a null key"));
    }
    if keys.is_empty() || *keys.data_type() == DataType::Null {
        return Ok(());
    }
    let keys = normal(keys)?;
    let order = make_comparator(&keys, &keys, SortOptions::default()).map_err(broken)?;
    for window in offsets.windows(2) {
        let mut places: Vec<usize> = (window[0] as usize..window[1] as usize).collect();
        places.sort_unstable_by(|a, b| order(*a, *b));
        if let Some(pair) = places.windows(2).find(|pair| order(pair[0], pair[1]).is_eq()) {
            let key = crate::expression::cast::text_of(&keys.slice(pair[0], 1))?;
            return Err(Error::user("[DUPLICATED_MAP_KEY] a map has a key twice").with("key", key));
        }
    }
    Ok(())
}

/// `struct(...)`.
pub fn struct_of(fields: Fields) -> Kernel {
    Arc::new(move |values, rows| {
        let columns = values
            .iter()
            .zip(&fields)
            .map(|(value, field)| retype(&into_array(value.clone(), rows)?, field.data_type()));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let made = StructArray::try_new_with_length(fields.clone(), columns, None, rows).map_err(broken)?;
        Ok(ColumnarValue::Array(Arc::new(made)))
    })
}
