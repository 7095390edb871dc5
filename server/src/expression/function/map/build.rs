//! Maps of arrays, of entries, of other maps, and of text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StringBuilder, StructArray, UInt64Array, downcast_array};
use arrow::compute::take;
use arrow::datatypes::DataType;

use super::{map_of, maps};
use crate::error::{Error, Result};
use crate::expression::coercion::{map_fields, map_type, unexpected_type, wider};
use crate::expression::function::array::{Lists, element, pool, too_long};
use crate::expression::function::kernel::*;
use crate::expression::function::regex::splitter;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["map_from_arrays"], resolve: from_arrays },
    Function { names: &["map_from_entries"], resolve: from_entries },
    Function { names: &["map_concat"], resolve: concat },
    Function { names: &["str_to_map"], resolve: str_to_map },
];

/// Values of `array` at the indices.
fn picked(array: &ArrayRef, indices: Vec<u64>) -> Result<ArrayRef> {
    take(array, &UInt64Array::from(indices), None).map_err(|e| Error::internal("pick map entries").because(e))
}

fn offset(entries: usize) -> Result<i32> {
    i32::try_from(entries).map_err(|_| too_long("a map function"))
}

fn from_arrays(args: &[Argument]) -> Result<Call> {
    count("map_from_arrays", args, 2, 2)?;
    let of = |i: usize| match args[i].data_type {
        DataType::Null => Ok(DataType::Null),
        _ => element("map_from_arrays", args, i).map(|field| field.data_type().clone()),
    };
    let output = map_type(of(0)?, of(1)?, true);
    let lists =
        [crate::expression::function::array::list(of(0)?), crate::expression::function::array::list(of(1)?)];
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (keys, values) = (Lists::of(&args[0])?, Lists::of(&args[1])?);
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let (mut offsets, mut valid) = (vec![0], Vec::with_capacity(rows));
        let (mut key_indices, mut value_indices) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let ranges = keys.range(row).zip(values.range(row));
            valid.push(ranges.is_some());
            if let Some((keys, values)) = ranges {
                if keys.len() != values.len() {
                    let error =
                        Error::user("map_from_arrays: the arrays of keys and values differ in length");
                    return Err(error.with("keys", keys.len()).with("values", values.len()));
                }
                key_indices.extend(keys.map(|i| i as u64));
                value_indices.extend(values.map(|i| i as u64));
            }
            offsets.push(offset(key_indices.len())?);
        }
        let (keys, values) = (picked(keys.values(), key_indices)?, picked(values.values(), value_indices)?);
        map_of(&output, offsets, &keys, &values, valid, constant)
    });
    call("map_from_arrays", args, &lists, result, kernel)
}

fn from_entries(args: &[Argument]) -> Result<Call> {
    count("map_from_entries", args, 1, 1)?;
    let entry = element("map_from_entries", args, 0)?;
    let fields = match entry.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => fields,
        _ => return Err(unexpected_type("map_from_entries", 1, "ARRAY of pairs", args[0].data_type)),
    };
    let output = map_type(fields[0].data_type().clone(), fields[1].data_type().clone(), true);
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (array, list_constant) = array_of(&args[0])?;
        let lists: ListArray = downcast_array(&array);
        let pairs: StructArray = downcast_array(lists.values());
        let all = lists.value_offsets();
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let (mut offsets, mut valid, mut indices) = (vec![0], Vec::with_capacity(rows), Vec::new());
        for row in 0..rows {
            let at = if list_constant { 0 } else { row };
            let range = all[at] as usize..all[at + 1] as usize;
            // One null entry makes the whole map null.
            let whole = lists.is_valid(at) && range.clone().all(|i| pairs.is_valid(i));
            valid.push(whole);
            if whole {
                indices.extend(range.map(|i| i as u64));
            }
            offsets.push(offset(indices.len())?);
        }
        let (keys, values) = (picked(pairs.column(0), indices.clone())?, picked(pairs.column(1), indices)?);
        map_of(&output, offsets, &keys, &values, valid, constant)
    });
    let made = call("map_from_entries", args, &[args[0].data_type.clone()], result, kernel)?;
    Ok(if entry.is_nullable() { nullable(made) } else { made })
}

fn concat(args: &[Argument]) -> Result<Call> {
    let refuse =
        || Error::user("[DATATYPE_MISMATCH.MAP_CONCAT_DIFF_TYPES] map_concat takes maps of one type");
    let mut output = None;
    for arg in args {
        let (key, value) = map_fields(arg.data_type).ok_or_else(refuse)?;
        let next = map_type(key.data_type().clone(), value.data_type().clone(), true);
        output = Some(match output {
            Some(so_far) => wider(&so_far, &next).ok_or_else(refuse)?,
            None => next,
        });
    }
    let output = output.unwrap_or_else(|| map_type(STRING, STRING, true));
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let columns = args.iter().map(array_of).collect::<Result<Vec<_>>>()?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let all: Vec<_> = columns.iter().map(|(array, _)| maps(array)).collect();
        if all.is_empty() {
            let none: ArrayRef = Arc::new(StringBuilder::new().finish());
            return map_of(&output, vec![0; 2], &none, &none, vec![true], true);
        }
        let (mut offsets, mut valid, mut indices) = (vec![0], Vec::with_capacity(rows), Vec::new());
        for row in 0..rows {
            let at = |i: usize| if columns[i].1 { 0 } else { row };
            let whole = all.iter().enumerate().all(|(i, map)| map.is_valid(at(i)));
            valid.push(whole);
            let mut shift = 0;
            for (i, map) in all.iter().enumerate().filter(|_| whole) {
                let offsets = map.value_offsets();
                let range = offsets[at(i)] as u64..offsets[at(i) + 1] as u64;
                indices.extend(range.map(|entry| entry + shift));
                shift += map.keys().len() as u64;
            }
            offsets.push(offset(indices.len())?);
        }
        let keys = pool(&all.iter().map(|map| map.keys()).collect::<Vec<_>>())?;
        let values = pool(&all.iter().map(|map| map.values()).collect::<Vec<_>>())?;
        let (keys, values) = (picked(&keys, indices.clone())?, picked(&values, indices)?);
        map_of(&output, offsets, &keys, &values, valid, constant)
    });
    call("map_concat", args, &vec![result.clone(); args.len()], result, kernel)
}

/// `str_to_map(text, between pairs, between key and value)`, both regular expressions.
fn str_to_map(args: &[Argument]) -> Result<Call> {
    count("str_to_map", args, 1, 3)?;
    let output = map_type(STRING, STRING, true);
    let result = output.clone();
    let between_pairs = splitter("str_to_map", args.get(1), ",")?;
    let between_parts = splitter("str_to_map", args.get(2), ":")?;
    let kernel: Kernel = Arc::new(move |args, rows| {
        let text = Column::<Text>::of(&args[0])?;
        let (pairs, parts) = (between_pairs.column(args.get(1))?, between_parts.column(args.get(2))?);
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let (mut offsets, mut valid, mut entries) = (vec![0], Vec::with_capacity(rows), 0);
        let (mut keys, mut values) = (StringBuilder::new(), StringBuilder::new());
        for row in 0..rows {
            let (Some(text), Some(pairs), Some(parts)) = (text.get(row), pairs.get(row)?, parts.get(row)?)
            else {
                valid.push(false);
                offsets.push(entries);
                continue;
            };
            for pair in pairs.split(text, -1) {
                let mut halves = parts.split(pair, 2).into_iter();
                keys.append_value(halves.next().unwrap_or(""));
                values.append_option(halves.next());
                entries = offset(entries as usize + 1)?;
            }
            valid.push(true);
            offsets.push(entries);
        }
        let (keys, values): (ArrayRef, ArrayRef) = (Arc::new(keys.finish()), Arc::new(values.finish()));
        map_of(&output, offsets, &keys, &values, valid, constant)
    });
    call("str_to_map", args, &vec![STRING; args.len()], result, kernel)
}
