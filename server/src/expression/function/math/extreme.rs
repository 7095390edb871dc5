//! `greatest` and `least` of several values.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::expression::coercion::{wider_of, wrong_count};
use crate::expression::function::array::{comparable, conform, keys};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::type_name;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["greatest"], resolve: |args| extreme(args, "greatest", Ordering::Greater) },
    Function { names: &["least"], resolve: |args| extreme(args, "least", Ordering::Less) },
];

fn extreme(args: &[Argument], name: &str, wanted: Ordering) -> Result<Call> {
    if args.len() < 2 {
        return Err(wrong_count(name, "> 1", args.len()));
    }
    let types: Vec<&DataType> = args.iter().map(|arg| arg.data_type).collect();
    let texts = types.iter().filter(|t| ***t == DataType::Utf8).count();
    let nulls = types.iter().filter(|t| ***t == DataType::Null).count();
    let mixed = texts > 0 && texts + nulls < types.len();
    let Some(output) = wider_of(types.iter().copied()).filter(|_| !mixed) else {
        let names: Vec<_> = types.iter().map(|t| type_name(t)).collect();
        let error = format!("[DATATYPE_MISMATCH.DATA_DIFF_TYPES] {name} takes values of one type");
        return Err(Error::user(error).with("types", names.join(", ")));
    };
    comparable(name, &output)?;
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let columns = args.iter().map(array_of).collect::<Result<Vec<_>>>()?;
        let arrays =
            columns.iter().map(|(array, _)| conform(array, &output)).collect::<Result<Vec<ArrayRef>>>()?;
        let keys = arrays.iter().map(keys).collect::<Result<Vec<_>>>()?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let at = |column: usize, row: usize| if columns[column].1 { 0 } else { row };
        let choose = |row: usize| {
            let mut best = (0, at(0, row));
            for column in 1..arrays.len() {
                let index = at(column, row);
                let better = arrays[best.0].is_null(best.1)
                    || keys[column].row(index).cmp(&keys[best.0].row(best.1)) == wanted;
                if arrays[column].is_valid(index) && better {
                    best = (column, index);
                }
            }
            best
        };
        let chosen: Vec<(usize, usize)> = (0..rows).map(choose).collect();
        let sources: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
        let picked = interleave(&sources, &chosen).map_err(|e| Error::internal("pick values").because(e))?;
        finished(picked, constant)
    });
    let mut made = call(name, args, &vec![result.clone(); args.len()], result, kernel)?;
    made.nullable = args.iter().all(|arg| arg.nullable);
    Ok(made)
}
