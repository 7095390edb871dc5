//! Arrays with elements put in or left out, cut, flattened, repeated.

use std::sync::Arc;

use arrow::array::{Array, ListArray, downcast_array};
use arrow::datatypes::DataType;

use super::{ELEMENTS_MAX, Lists, Picked, common, element, list, pool, present, too_long};
use crate::error::{Error, Result};
use crate::expression::coercion::unexpected_type;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["array_append"], resolve: |args| attach(args, "array_append", false) },
    Function { names: &["array_prepend"], resolve: |args| attach(args, "array_prepend", true) },
    Function { names: &["array_insert"], resolve: insert },
    Function { names: &["array_compact"], resolve: compact },
    Function { names: &["array_repeat"], resolve: repeat },
    Function { names: &["slice"], resolve: slice },
    Function { names: &["flatten"], resolve: flatten },
];

fn attach(args: &[Argument], name: &str, front: bool) -> Result<Call> {
    count(name, args, 2, 2)?;
    let element = common(name, element(name, args, 0)?.data_type(), args[1].data_type)?;
    let output = list(element.clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let (added, added_constant) = array_of(&args[1])?;
        let shift = lists.values().len();
        let pool = pool(&[lists.values(), &added])?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            let Some(range) = lists.range(row) else {
                picked.null_row();
                continue;
            };
            let added = shift + if added_constant { 0 } else { row };
            if front {
                picked.push(added);
            }
            picked.extend(range);
            if !front {
                picked.push(added);
            }
            picked.end_row()?;
        }
        picked.finish(&pool, &output, constant)
    });
    let mut made = call(name, args, &[result.clone(), element], result, kernel)?;
    made.nullable = args[0].nullable;
    Ok(made)
}

pub fn index_of_zero() -> Error {
    Error::user("[INVALID_INDEX_OF_ZERO] the index 0 is invalid, the first element has index 1, the last -1")
}

/// Where a value goes in an array: the elements before it, with nulls to fill, and whether the nulls come behind.
fn insert_row(picked: &mut Picked, range: std::ops::Range<usize>, position: i32, added: usize) -> Result<()> {
    let length = range.len();
    let distance = position.unsigned_abs() as usize;
    let fill = distance.saturating_sub(length + 1);
    if length + fill >= ELEMENTS_MAX {
        return Err(too_long("array_insert"));
    }
    if position > 0 {
        let at = range.start + (distance - 1).min(length);
        picked.extend(range.start..at);
        (0..fill).for_each(|_| picked.push_null());
        picked.push(added);
        picked.extend(at..range.end);
    } else {
        let at = range.end - (distance - 1).min(length);
        picked.extend(range.start..at);
        picked.push(added);
        (0..fill).for_each(|_| picked.push_null());
        picked.extend(at..range.end);
    }
    picked.end_row()
}

fn insert(args: &[Argument]) -> Result<Call> {
    count("array_insert", args, 3, 3)?;
    let element = common("array_insert", element("array_insert", args, 0)?.data_type(), args[2].data_type)?;
    let output = list(element.clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let position = Column::<Int>::of(&args[1])?;
        let (added, added_constant) = array_of(&args[2])?;
        let shift = lists.values().len();
        let pool = pool(&[lists.values(), &added])?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            match (lists.range(row), position.get(row)) {
                (Some(_), Some(0)) => return Err(index_of_zero()),
                (Some(range), Some(position)) => {
                    let added = shift + if added_constant { 0 } else { row };
                    insert_row(&mut picked, range, position, added)?;
                }
                _ => picked.null_row(),
            }
        }
        picked.finish(&pool, &output, constant)
    });
    let mut made = call("array_insert", args, &[result.clone(), INT, element], result, kernel)?;
    made.nullable = args[0].nullable || args[1].nullable;
    Ok(made)
}

fn compact(args: &[Argument]) -> Result<Call> {
    count("array_compact", args, 1, 1)?;
    let output = list(element("array_compact", args, 0)?.data_type().clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            match lists.range(row) {
                Some(range) => {
                    picked.extend(range.filter(|i| present(lists.values(), *i)));
                    picked.end_row()?;
                }
                None => picked.null_row(),
            }
        }
        picked.finish(lists.values(), &output, constant)
    });
    call("array_compact", args, std::slice::from_ref(&result), result.clone(), kernel)
}

fn repeat(args: &[Argument]) -> Result<Call> {
    count("array_repeat", args, 2, 2)?;
    if !matches!(args[1].data_type, DataType::Int32 | DataType::Null) {
        return Err(unexpected_type("array_repeat", 2, "INT", args[1].data_type));
    }
    let output = list(args[0].data_type.clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (value, value_constant) = array_of(&args[0])?;
        let times = Column::<Int>::of(&args[1])?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            match times.get(row) {
                Some(times) if times.max(0) as usize > ELEMENTS_MAX => return Err(too_long("array_repeat")),
                Some(times) => {
                    let index = if value_constant { 0 } else { row };
                    picked.extend(std::iter::repeat_n(index, times.max(0) as usize));
                    picked.end_row()?;
                }
                None => picked.null_row(),
            }
        }
        picked.finish(&value, &output, constant)
    });
    let mut made = call("array_repeat", args, &[args[0].data_type.clone(), INT], result, kernel)?;
    made.nullable = args[1].nullable;
    Ok(made)
}

/// The elements that `slice` keeps of an array of `length`.
fn sliced(length: usize, start: i32, take: i32) -> Result<std::ops::Range<usize>> {
    if start == 0 {
        return Err(invalid("START", "slice", "start", "expects a positive or a negative value, but got 0"));
    }
    if take < 0 {
        return Err(invalid("LENGTH", "slice", "length", format_args!("expects at least 0, but got {take}")));
    }
    let from = if start > 0 { i64::from(start) - 1 } else { length as i64 + i64::from(start) };
    if !(0..length as i64).contains(&from) {
        return Ok(0..0);
    }
    let from = from as usize;
    Ok(from..length.min(from + take as usize))
}

fn slice(args: &[Argument]) -> Result<Call> {
    count("slice", args, 3, 3)?;
    let output = list(element("slice", args, 0)?.data_type().clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let (start, take) = (Column::<Int>::of(&args[1])?, Column::<Int>::of(&args[2])?);
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            match (lists.range(row), start.get(row), take.get(row)) {
                (Some(range), Some(start), Some(take)) => {
                    picked.extend(sliced(range.len(), start, take)?.map(|i| range.start + i));
                    picked.end_row()?;
                }
                _ => picked.null_row(),
            }
        }
        picked.finish(lists.values(), &output, constant)
    });
    call("slice", args, &[result.clone(), INT, INT], result, kernel)
}

fn flatten(args: &[Argument]) -> Result<Call> {
    count("flatten", args, 1, 1)?;
    let DataType::List(inner) = element("flatten", args, 0)?.data_type() else {
        return Err(unexpected_type("flatten", 1, "ARRAY of ARRAY", args[0].data_type));
    };
    let output = list(inner.data_type().clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let inner: ListArray = downcast_array(lists.values());
        let offsets = inner.value_offsets();
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            match lists.range(row) {
                Some(range) if range.clone().all(|i| inner.is_valid(i)) => {
                    picked.extend(range.flat_map(|i| offsets[i] as usize..offsets[i + 1] as usize));
                    picked.end_row()?;
                }
                _ => picked.null_row(),
            }
        }
        picked.finish(inner.values(), &output, constant)
    });
    let mut made = call("flatten", args, &[args[0].data_type.clone()], result, kernel)?;
    made.nullable = true;
    Ok(made)
}
