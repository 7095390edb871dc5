//! Map functions. Keys are never null and never twice in a map.

pub mod build;
pub mod parts;

use arrow::array::{Array, ArrayRef, MapArray, StructArray, downcast_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use datafusion_expr_common::columnar_value::ColumnarValue;
use hashbrown::HashSet;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expression::function::array::{conform, keys};
use crate::expression::function::kernel::finished;

/// Maps of their parts, checked: no null key, no key twice in a row's map.
///
/// `offsets` has one number more than there are rows.
pub fn map_of(
    output: &DataType,
    offsets: Vec<i32>,
    key_values: &ArrayRef,
    values: &ArrayRef,
    valid: Vec<bool>,
    constant: bool,
) -> Result<ColumnarValue> {
    let DataType::Map(entries, sorted) = output else {
        return Err(Error::internal("make a map of another type").with("type", output));
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(Error::internal("make a map of another type").with("type", output));
    };
    if key_values.logical_null_count() > 0 {
        return Err(Error::user("[NULL_MAP_KEY] cannot use null as map key"));
    }
    let keys = keys(key_values)?;
    let mut seen = HashSet::new();
    for pair in offsets.windows(2) {
        seen.clear();
        for i in pair[0] as usize..pair[1] as usize {
            if !seen.insert(keys.row(i)) {
                return Err(duplicate(key_values, i));
            }
        }
    }
    let columns = vec![conform(key_values, fields[0].data_type())?, conform(values, fields[1].data_type())?];
    let wrap = |e| Error::internal("make a map").because(e);
    let made = StructArray::try_new(fields.clone(), columns, None).map_err(wrap)?;
    let offsets = OffsetBuffer::new(offsets.into());
    let map = MapArray::try_new(entries.clone(), offsets, made, Some(NullBuffer::from(valid)), *sorted);
    finished(Arc::new(map.map_err(wrap)?), constant)
}

fn duplicate(keys: &ArrayRef, row: usize) -> Error {
    let key = arrow::util::display::array_value_to_string(keys, row).unwrap_or_default();
    Error::user("[DUPLICATED_MAP_KEY] a map key was found twice").with("key", key)
}

/// The maps of an argument.
pub fn maps(array: &ArrayRef) -> MapArray {
    downcast_array(array)
}
