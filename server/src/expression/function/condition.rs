//! Functions that raise, and `decode`, which compares or converts by its number of arguments.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, NullArray, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::DataType;

use super::array::{conform, keys, pool};
use super::kernel::*;
use super::string::code;
use crate::error::{Error, Result};
use crate::expression::coercion::{expect, wider};
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["raise_error"], resolve: raise_error },
    Function { names: &["assert_true"], resolve: assert_true },
    Function { names: &["decode"], resolve: decode },
];

fn raised(message: &str) -> Error {
    Error::user(format!("[USER_RAISED_EXCEPTION] {message}"))
}

fn nothing(rows: usize, constant: bool) -> Result<datafusion_expr_common::columnar_value::ColumnarValue> {
    finished(Arc::new(NullArray::new(if constant { 1 } else { rows })), constant)
}

fn raise_error(args: &[Argument]) -> Result<Call> {
    let kernel: Kernel = Arc::new(|args, rows| {
        let messages = Column::<Text>::of(&args[0])?;
        if rows == 0 {
            return nothing(rows, false);
        }
        Err(raised(messages.get(0).unwrap_or("null")))
    });
    Ok(nullable(call("raise_error", args, &[STRING], DataType::Null, kernel)?))
}

fn assert_true(args: &[Argument]) -> Result<Call> {
    count("assert_true", args, 1, 2)?;
    let kernel: Kernel = Arc::new(|args, rows| {
        let truths = Column::<Flag>::of(&args[0])?;
        let messages = args.get(1).map(Column::<Text>::of).transpose()?;
        let failed = (0..rows).find(|row| truths.get(*row) != Some(true));
        match (failed, messages) {
            (None, _) => nothing(rows, all_constant(args)),
            (Some(row), Some(messages)) => Err(raised(messages.get(row).unwrap_or("null"))),
            (Some(_), None) => Err(raised("the condition is not true")),
        }
    });
    Ok(nullable(call("assert_true", args, &[BOOLEAN, STRING][..args.len()], DataType::Null, kernel)?))
}

/// `decode(bytes, charset)`, or `decode(value, sought, result, ... [, default])`, where null equals null.
fn decode(args: &[Argument]) -> Result<Call> {
    if args.len() == 2 {
        return code::decode(args);
    }
    count("decode", args, 3, usize::MAX)?;
    let results = (2..args.len()).step_by(2).chain(args.len().is_multiple_of(2).then_some(args.len() - 1));
    let results: Vec<usize> = results.collect();
    let sought: Vec<usize> = (1..args.len() - 1).step_by(2).collect();
    let meet = |indices: &[usize]| {
        let mut types = indices.iter().map(|i| args[*i].data_type);
        let first = types.next().cloned().unwrap_or(DataType::Null);
        types.try_fold(first, |common, next| wider(&common, next))
    };
    let mismatch = || Error::user("[DATATYPE_MISMATCH.DATA_DIFF_TYPES] decode takes values of one type");
    let compared = meet(&[&[0], sought.as_slice()].concat()).ok_or_else(mismatch)?;
    let output = meet(&results).ok_or_else(mismatch)?;
    let mut types = vec![DataType::Null; args.len()];
    types[0] = compared.clone();
    sought.iter().for_each(|i| types[*i] = compared.clone());
    results.iter().for_each(|i| types[*i] = output.clone());
    for (i, arg) in args.iter().enumerate() {
        expect("decode", i + 1, arg.data_type, &types[i])?;
    }
    let default = args.len().is_multiple_of(2).then_some(args.len() - 1);
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let columns = args.iter().map(array_of).collect::<Result<Vec<_>>>()?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let at = |column: usize, row: usize| if columns[column].1 { 0 } else { row };
        let mut starts = vec![0];
        let mut compared = vec![&columns[0].0];
        for i in &sought {
            starts.push(starts.last().copied().unwrap_or(0) + compared.last().map_or(0, |array| array.len()));
            compared.push(&columns[*i].0);
        }
        let keys = keys(&pool(&compared)?)?;
        let null = new_null_array(&output, 1);
        let arrays =
            results.iter().map(|i| conform(&columns[*i].0, &output)).collect::<Result<Vec<ArrayRef>>>()?;
        let mut sources: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
        sources.push(null.as_ref());
        let chosen: Vec<(usize, usize)> = (0..rows)
            .map(|row| {
                let value = keys.row(at(0, row));
                let found = sought
                    .iter()
                    .enumerate()
                    .position(|(n, i)| keys.row(starts[n + 1] + at(*i, row)) == value);
                match (found, default) {
                    (Some(found), _) => (found, at(results[found], row)),
                    (None, Some(default)) => (results.len() - 1, at(default, row)),
                    (None, None) => (results.len(), 0),
                }
            })
            .collect();
        let picked = interleave(&sources, &chosen).map_err(|e| Error::internal("pick values").because(e))?;
        finished(picked, constant)
    });
    Ok(Call { arguments: types, output: result, nullable: true, kernel })
}
