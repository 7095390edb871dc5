//! Order of elements: sorting, reversing, greatest and least; and arrays joined end to end.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::DataType;

use super::set::common_of;
use super::{Lists, Picked, comparable, conform, element, keys, list, pool};
use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["sort_array"], resolve: sort_array },
    Function { names: &["array_sort"], resolve: array_sort },
    Function { names: &["array_max"], resolve: |args| extreme(args, "array_max", Ordering::Greater) },
    Function { names: &["array_min"], resolve: |args| extreme(args, "array_min", Ordering::Less) },
];

pub fn reverse(args: &[Argument]) -> Result<Call> {
    let data_type = args[0].data_type.clone();
    let output = data_type.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            match lists.range(row) {
                Some(range) => {
                    picked.extend(range.rev());
                    picked.end_row()?;
                }
                None => picked.null_row(),
            }
        }
        picked.finish(lists.values(), &output, constant)
    });
    call("reverse", args, std::slice::from_ref(&data_type), data_type.clone(), kernel)
}

/// `concat` of arrays; null if one of them is null.
pub fn concat(args: &[Argument]) -> Result<Call> {
    let types: Vec<&DataType> = args.iter().map(|arg| arg.data_type).collect();
    let arrays = types.iter().all(|data_type| matches!(data_type, DataType::List(_)));
    let Some(data_type) = common_of(&types).filter(|_| arrays) else {
        return Err(Error::user("[DATATYPE_MISMATCH.DATA_DIFF_TYPES] concat takes arrays of one type"));
    };
    let data_type = match data_type {
        DataType::List(field) => list(field.data_type().clone()),
        other => other,
    };
    let output = data_type.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = args.iter().map(Lists::of).collect::<Result<Vec<_>>>()?;
        let values: Vec<_> = lists.iter().map(Lists::values).collect();
        let pool = pool(&values)?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            let ranges: Option<Vec<_>> = lists.iter().map(|list| list.range(row)).collect();
            let Some(ranges) = ranges else {
                picked.null_row();
                continue;
            };
            let mut shift = 0;
            for (range, values) in ranges.into_iter().zip(&values) {
                picked.extend(range.map(|i| i + shift));
                shift += values.len();
            }
            picked.end_row()?;
        }
        picked.finish(&pool, &output, constant)
    });
    // Texts among the elements are cast to the type of the others, which is no implicit cast elsewhere.
    let nullable = args.iter().any(|arg| arg.nullable);
    Ok(Call { arguments: vec![data_type.clone(); args.len()], output: data_type, nullable, kernel })
}

/// A kernel that sorts the array of each row; `ascending` reads the wanted order from the arguments.
fn sorting(output: DataType, nulls_last: bool) -> Kernel {
    Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let ascending = args.get(1).map(Column::<Flag>::of).transpose()?;
        let (values, keys) = (lists.values(), keys(lists.values())?);
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            let ascending = ascending.as_ref().map_or(Some(true), |column| column.get(row));
            let (Some(range), Some(ascending)) = (lists.range(row), ascending) else {
                picked.null_row();
                continue;
            };
            let mut order: Vec<usize> = range.collect();
            if nulls_last {
                order.sort_by(|a, b| {
                    values.is_null(*a).cmp(&values.is_null(*b)).then_with(|| keys.row(*a).cmp(&keys.row(*b)))
                });
            } else if ascending {
                order.sort_by(|a, b| keys.row(*a).cmp(&keys.row(*b)));
            } else {
                order.sort_by(|a, b| keys.row(*b).cmp(&keys.row(*a)));
            }
            picked.extend(order);
            picked.end_row()?;
        }
        picked.finish(values, &output, constant)
    })
}

fn sort_array(args: &[Argument]) -> Result<Call> {
    count("sort_array", args, 1, 2)?;
    let data_type = list(element("sort_array", args, 0)?.data_type().clone());
    comparable("sort_array", &data_type)?;
    if args.get(1).is_some_and(|arg| arg.literal.is_none()) {
        return Err(Error::user(
            "[DATATYPE_MISMATCH.NON_FOLDABLE_INPUT] sort_array: the order is not a constant",
        ));
    }
    let types = [data_type.clone(), BOOLEAN];
    call("sort_array", args, &types[..args.len()], data_type.clone(), sorting(data_type, false))
}

/// `array_sort` without a comparator: ascending, nulls last.
fn array_sort(args: &[Argument]) -> Result<Call> {
    count("array_sort", args, 1, 1)?;
    let data_type = list(element("array_sort", args, 0)?.data_type().clone());
    comparable("array_sort", &data_type)?;
    call(
        "array_sort",
        args,
        std::slice::from_ref(&data_type),
        data_type.clone(),
        sorting(data_type.clone(), true),
    )
}

fn extreme(args: &[Argument], name: &str, wanted: Ordering) -> Result<Call> {
    count(name, args, 1, 1)?;
    let output = element(name, args, 0)?.data_type().clone();
    comparable(name, &output)?;
    let data_type = list(output.clone());
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let (values, keys) = (lists.values(), keys(lists.values())?);
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let best = |row| {
            let candidates = lists.range(row)?.filter(|i| values.is_valid(*i));
            candidates.reduce(|best, i| if keys.row(i).cmp(&keys.row(best)) == wanted { i } else { best })
        };
        let indices: UInt64Array = (0..rows).map(|row| best(row).map(|i| i as u64)).collect();
        let taken = take(values, &indices, None).map_err(|e| Error::internal("pick elements").because(e))?;
        finished(conform(&taken, &output)?, constant)
    });
    Ok(nullable(call(name, args, &[data_type], result, kernel)?))
}
