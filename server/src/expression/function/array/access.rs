//! One element of an array or map, and how many there are.

use std::sync::Arc;

use arrow::array::{Array, Int32Builder, MapArray, UInt64Array, downcast_array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::edit::index_of_zero;
use super::{Lists, conform, element, keys, list, pool};
use crate::error::{Error, Result};
use crate::expression::coercion::{expect, map_fields, map_type, unexpected_type, wider};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["size", "cardinality"], resolve: size },
    Function { names: &["array_size"], resolve: array_size },
    Function { names: &["element_at"], resolve: |args| element_at(args, "element_at", true) },
    Function { names: &["try_element_at"], resolve: |args| element_at(args, "try_element_at", false) },
    Function { names: &["get"], resolve: get },
];

fn size(args: &[Argument]) -> Result<Call> {
    count("size", args, 1, 1)?;
    match args[0].data_type {
        DataType::List(_) => lengths(args, "size", args[0].data_type.clone()),
        DataType::Map(..) => {
            let kernel: Kernel = Arc::new(|args, rows| {
                let (array, constant) = array_of(&args[0])?;
                let map: MapArray = downcast_array(&array);
                over_rows(args, rows, &INT, |row, out: &mut Int32Builder| {
                    let row = if constant { 0 } else { row };
                    let length = map.is_valid(row).then(|| map.value_length(row));
                    out.append_option(length);
                    Ok(())
                })
            });
            call("size", args, &[args[0].data_type.clone()], INT, kernel)
        }
        DataType::Null => lengths(args, "size", list(DataType::Null)),
        other => Err(unexpected_type("size", 1, "ARRAY or MAP", other)),
    }
}

fn array_size(args: &[Argument]) -> Result<Call> {
    count("array_size", args, 1, 1)?;
    let data_type = match args[0].data_type {
        DataType::Null => list(DataType::Null),
        _ => {
            element("array_size", args, 0)?;
            args[0].data_type.clone()
        }
    };
    lengths(args, "array_size", data_type)
}

fn lengths(args: &[Argument], name: &str, data_type: DataType) -> Result<Call> {
    let kernel: Kernel = Arc::new(|args, rows| {
        let lists = Lists::of(&args[0])?;
        over_rows(args, rows, &INT, |row, out: &mut Int32Builder| {
            out.append_option(lists.range(row).map(|range| range.len() as i32));
            Ok(())
        })
    });
    call(name, args, &[data_type], INT, kernel)
}

/// The elements that `at` chooses by row, from `values`.
fn chosen(
    args: &[ColumnarValue],
    rows: usize,
    values: &arrow::array::ArrayRef,
    output: &DataType,
    mut at: impl FnMut(usize) -> Result<Option<usize>>,
) -> Result<ColumnarValue> {
    let constant = all_constant(args);
    let rows = if constant { 1 } else { rows };
    let indices = (0..rows).map(|row| Ok(at(row)?.map(|i| i as u64)));
    let indices = UInt64Array::from(indices.collect::<Result<Vec<_>>>()?);
    let taken = take(values, &indices, None).map_err(|e| Error::internal("pick elements").because(e))?;
    finished(conform(&taken, output)?, constant)
}

fn element_at(args: &[Argument], name: &'static str, strict: bool) -> Result<Call> {
    count(name, args, 2, 2)?;
    if let Some((key, value)) = map_fields(args[0].data_type) {
        return map_value(args, name, key.data_type(), value.data_type());
    }
    let output = element(name, args, 0)?.data_type().clone();
    if *args[1].data_type == DataType::Null {
        return Err(unexpected_type(name, 2, "INT", args[1].data_type));
    }
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let index = Column::<Int>::of(&args[1])?;
        chosen(args, rows, lists.values(), &output, |row| {
            let (Some(range), Some(index)) = (lists.range(row), index.get(row)) else { return Ok(None) };
            let distance = index.unsigned_abs() as usize;
            match index {
                0 => Err(index_of_zero()),
                _ if distance > range.len() && strict => {
                    let error = "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT] the index is out of bounds";
                    let error = Error::user(error).with("index", index).with("elements", range.len());
                    Err(error.hint("try_element_at gives null instead"))
                }
                _ if distance > range.len() => Ok(None),
                1.. => Ok(Some(range.start + distance - 1)),
                _ => Ok(Some(range.end - distance)),
            }
        })
    });
    Ok(nullable(call(name, args, &[list(result.clone()), INT], result, kernel)?))
}

fn map_value(args: &[Argument], name: &str, key: &DataType, value: &DataType) -> Result<Call> {
    let common = wider(key, args[1].data_type);
    let common = match common {
        Some(common) if *args[1].data_type != DataType::Null => common,
        _ => return Err(unexpected_type(name, 2, &crate::record::type_name(key), args[1].data_type)),
    };
    let output = value.clone();
    let types = [map_type(common.clone(), value.clone(), true), common];
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (array, map_constant) = array_of(&args[0])?;
        let map: MapArray = downcast_array(&array);
        let (sought, key_constant) = array_of(&args[1])?;
        let shift = map.keys().len();
        let keys = keys(&pool(&[map.keys(), &sought])?)?;
        let offsets = map.value_offsets();
        chosen(args, rows, map.values(), &output, |row| {
            let (at, key) = (if map_constant { 0 } else { row }, if key_constant { 0 } else { row });
            if map.is_null(at) || sought.is_null(key) {
                return Ok(None);
            }
            let key = keys.row(shift + key);
            Ok((offsets[at] as usize..offsets[at + 1] as usize).find(|i| keys.row(*i) == key))
        })
    });
    Ok(nullable(call(name, args, &types, value.clone(), kernel)?))
}

/// `get(array, index)`: from 0, null outside the array.
fn get(args: &[Argument]) -> Result<Call> {
    count("get", args, 2, 2)?;
    let output = element("get", args, 0)?.data_type().clone();
    expect("get", 2, args[1].data_type, &INT)?;
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let index = Column::<Int>::of(&args[1])?;
        chosen(args, rows, lists.values(), &output, |row| {
            let (Some(range), Some(index)) = (lists.range(row), index.get(row)) else { return Ok(None) };
            let inside = index >= 0 && (index as usize) < range.len();
            Ok(inside.then(|| range.start + index as usize))
        })
    });
    Ok(nullable(call("get", args, &[list(result.clone()), INT], result, kernel)?))
}
