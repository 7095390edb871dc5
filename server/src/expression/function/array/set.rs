//! Arrays as sets: membership, distinct elements, union, intersection, difference.

use std::sync::Arc;

use arrow::array::{Array, BooleanBuilder, Int64Builder};
use arrow::datatypes::DataType;
use hashbrown::HashSet;

use super::{Lists, Picked, common, comparable, element, keys, list, pool, present};
use crate::error::{Error, Result};
use crate::expression::coercion::{same_type, wider};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::type_name;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["array_distinct"], resolve: distinct },
    Function { names: &["array_union"], resolve: |args| combine(args, "array_union", Combine::Union) },
    Function {
        names: &["array_intersect"],
        resolve: |args| combine(args, "array_intersect", Combine::Intersect),
    },
    Function { names: &["array_except"], resolve: |args| combine(args, "array_except", Combine::Except) },
    Function { names: &["arrays_overlap"], resolve: overlap },
    Function { names: &["array_contains"], resolve: contains },
    Function { names: &["array_position"], resolve: position },
    Function { names: &["array_remove"], resolve: remove },
];

fn distinct(args: &[Argument]) -> Result<Call> {
    count("array_distinct", args, 1, 1)?;
    let data_type = list(element("array_distinct", args, 0)?.data_type().clone());
    comparable("array_distinct", &data_type)?;
    let output = data_type.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let keys = keys(lists.values())?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let (mut picked, mut seen) = (Picked::new(rows), HashSet::new());
        for row in 0..rows {
            match lists.range(row) {
                Some(range) => {
                    seen.clear();
                    picked.extend(range.filter(|i| seen.insert(keys.row(*i))));
                    picked.end_row()?;
                }
                None => picked.null_row(),
            }
        }
        picked.finish(lists.values(), &output, constant)
    });
    call("array_distinct", args, std::slice::from_ref(&data_type), data_type.clone(), kernel)
}

#[derive(Clone, Copy)]
enum Combine {
    Union,
    Intersect,
    Except,
}

/// The array type that two arguments meet in.
fn common_list(name: &str, args: &[Argument]) -> Result<DataType> {
    count(name, args, 2, 2)?;
    let refuse = || {
        Error::user(format!(
            "[DATATYPE_MISMATCH.BINARY_ARRAY_DIFF_TYPES] `{name}` takes two arrays of one type"
        ))
        .with("left", type_name(args[0].data_type))
        .with("right", type_name(args[1].data_type))
    };
    let (DataType::List(a), DataType::List(b)) = (args[0].data_type, args[1].data_type) else {
        return Err(refuse());
    };
    let common = if same_type(a.data_type(), b.data_type()) {
        a.data_type().clone()
    } else {
        common(name, a.data_type(), b.data_type()).map_err(|_| refuse())?
    };
    comparable(name, &common)?;
    Ok(list(common))
}

fn combine(args: &[Argument], name: &str, how: Combine) -> Result<Call> {
    let data_type = common_list(name, args)?;
    let output = data_type.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (left, right) = (Lists::of(&args[0])?, Lists::of(&args[1])?);
        let shift = left.values().len();
        let pool = pool(&[left.values(), right.values()])?;
        let keys = keys(&pool)?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        let (mut seen, mut others) = (HashSet::new(), HashSet::new());
        for row in 0..rows {
            let (Some(a), Some(b)) = (left.range(row), right.range(row)) else {
                picked.null_row();
                continue;
            };
            let b = b.start + shift..b.end + shift;
            seen.clear();
            others.clear();
            match how {
                Combine::Union => picked.extend(a.chain(b).filter(|i| seen.insert(keys.row(*i)))),
                Combine::Intersect | Combine::Except => {
                    let wanted = matches!(how, Combine::Intersect);
                    others.extend(b.map(|i| keys.row(i)));
                    let kept = a.filter(|i| others.contains(&keys.row(*i)) == wanted);
                    picked.extend(kept.filter(|i| seen.insert(keys.row(*i))));
                }
            }
            picked.end_row()?;
        }
        picked.finish(&pool, &output, constant)
    });
    call(name, args, &[data_type.clone(), data_type.clone()], data_type, kernel)
}

fn overlap(args: &[Argument]) -> Result<Call> {
    let data_type = common_list("arrays_overlap", args)?;
    let kernel: Kernel = Arc::new(|args, rows| {
        let (left, right) = (Lists::of(&args[0])?, Lists::of(&args[1])?);
        let shift = left.values().len();
        let pool = pool(&[left.values(), right.values()])?;
        let keys = keys(&pool)?;
        over_rows(args, rows, &BOOLEAN, |row, out: &mut BooleanBuilder| {
            let (Some(a), Some(b)) = (left.range(row), right.range(row)) else {
                out.append_null();
                return Ok(());
            };
            let b = b.start + shift..b.end + shift;
            let has_null =
                !a.is_empty() && !b.is_empty() && a.clone().chain(b.clone()).any(|i| !present(&pool, i));
            let ours: HashSet<_> = a.filter(|i| present(&pool, *i)).map(|i| keys.row(i)).collect();
            let meet = b.clone().any(|i| present(&pool, i) && ours.contains(&keys.row(i)));
            out.append_option(if meet || !has_null { Some(meet) } else { None });
            Ok(())
        })
    });
    Ok(nullable(call("arrays_overlap", args, &[data_type.clone(), data_type], BOOLEAN, kernel)?))
}

/// The types that an array and a value sought in it are cast to.
fn list_and_value(name: &str, args: &[Argument]) -> Result<[DataType; 2]> {
    count(name, args, 2, 2)?;
    let element = element(name, args, 0)?.data_type();
    let common = common(name, element, args[1].data_type)?;
    comparable(name, &common)?;
    Ok([list(common.clone()), common])
}

/// Where the value stands in the array of the row (counted from 1), and whether the array holds a null.
enum Sought {
    Null,
    At { position: usize, holds_null: bool },
}

/// A kernel that looks a value up in an array.
fn lookup<W: Write + 'static>(output: DataType, write: fn(Sought, &mut W)) -> Kernel {
    Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let (sought, constant) = array_of(&args[1])?;
        let shift = lists.values().len();
        let pool = pool(&[lists.values(), &sought])?;
        let keys = keys(&pool)?;
        over_rows(args, rows, &output, |row, out: &mut W| {
            let value = shift + if constant { 0 } else { row };
            let found = match lists.range(row) {
                Some(range) if present(&pool, value) => {
                    let key = keys.row(value);
                    let at = range.clone().position(|i| keys.row(i) == key);
                    let holds_null = at.is_none() && range.clone().any(|i| !present(&pool, i));
                    Sought::At { position: at.map_or(0, |at| at + 1), holds_null }
                }
                _ => Sought::Null,
            };
            write(found, out);
            Ok(())
        })
    })
}

fn contains(args: &[Argument]) -> Result<Call> {
    count("array_contains", args, 2, 2)?;
    if args.iter().any(|arg| *arg.data_type == DataType::Null) {
        return Err(Error::user(
            "[DATATYPE_MISMATCH.NULL_TYPE] array_contains does not take an untyped null",
        ));
    }
    let types = list_and_value("array_contains", args)?;
    let kernel = lookup::<BooleanBuilder>(BOOLEAN, |sought, out| match sought {
        Sought::At { position: 0, holds_null: false } => out.append_value(false),
        Sought::Null | Sought::At { position: 0, .. } => out.append_null(),
        Sought::At { .. } => out.append_value(true),
    });
    Ok(nullable(call("array_contains", args, &types, BOOLEAN, kernel)?))
}

fn position(args: &[Argument]) -> Result<Call> {
    let types = list_and_value("array_position", args)?;
    let kernel = lookup::<Int64Builder>(BIGINT, |sought, out| match sought {
        Sought::Null => out.append_null(),
        Sought::At { position, .. } => out.append_value(position as i64),
    });
    call("array_position", args, &types, BIGINT, kernel)
}

fn remove(args: &[Argument]) -> Result<Call> {
    let types = list_and_value("array_remove", args)?;
    let output = types[0].clone();
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = Lists::of(&args[0])?;
        let (sought, sought_constant) = array_of(&args[1])?;
        let shift = lists.values().len();
        let pool = pool(&[lists.values(), &sought])?;
        let keys = keys(&pool)?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut picked = Picked::new(rows);
        for row in 0..rows {
            let value = shift + if sought_constant { 0 } else { row };
            match lists.range(row) {
                Some(range) if present(&pool, value) => {
                    let key = keys.row(value);
                    picked.extend(range.filter(|i| keys.row(*i) != key));
                    picked.end_row()?;
                }
                _ => picked.null_row(),
            }
        }
        picked.finish(&pool, &output, constant)
    });
    call("array_remove", args, &types, result, kernel)
}

/// The type of several arrays joined, or none.
pub fn common_of(types: &[&DataType]) -> Option<DataType> {
    let mut common = types.first().map(|t| (*t).clone())?;
    for data_type in &types[1..] {
        common = wider(&common, data_type)?;
    }
    Some(common)
}
