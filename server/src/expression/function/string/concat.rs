//! Joining strings, and choosing one of several.

use std::sync::Arc;

use arrow::array::{Array, BinaryBuilder, ListArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;

use super::case::{self, check_size};
use crate::error::{Error, Result};
use crate::expression::coercion::{array_type, expect, unexpected_type};
use crate::expression::function::array;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["concat"], resolve: concat },
    Function { names: &["concat_ws"], resolve: concat_ws },
    Function { names: &["elt"], resolve: elt },
    Function { names: &["reverse"], resolve: reverse },
];

fn reverse(args: &[Argument]) -> Result<Call> {
    count("reverse", args, 1, 1)?;
    match args[0].data_type {
        DataType::List(_) => array::order::reverse(args),
        _ => case::reverse(args),
    }
}

/// The type of text that arguments meet in: BINARY if all are, else STRING.
fn text_type(args: &[Argument]) -> DataType {
    if !args.is_empty() && args.iter().all(|arg| *arg.data_type == BINARY) { BINARY } else { STRING }
}

fn concat(args: &[Argument]) -> Result<Call> {
    if args.iter().any(|arg| matches!(arg.data_type, DataType::List(_))) {
        return array::order::concat(args);
    }
    let output = text_type(args);
    let kernel: Kernel = if output == BINARY {
        Arc::new(|args, rows| {
            let columns = args.iter().map(Column::<Bytes>::of).collect::<Result<Vec<_>>>()?;
            let mut joined = Vec::new();
            over_rows(args, rows, &BINARY, |row, out: &mut BinaryBuilder| {
                joined.clear();
                for column in &columns {
                    let Some(part) = column.get(row) else {
                        out.append_null();
                        return Ok(());
                    };
                    joined.extend_from_slice(part);
                }
                out.append_value(&joined);
                Ok(())
            })
        })
    } else {
        Arc::new(|args, rows| {
            let columns = args.iter().map(Column::<Text>::of).collect::<Result<Vec<_>>>()?;
            let mut joined = String::new();
            over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
                joined.clear();
                for column in &columns {
                    let Some(part) = column.get(row) else {
                        out.append_null();
                        return Ok(());
                    };
                    joined.push_str(part);
                }
                out.append_value(&joined);
                Ok(())
            })
        })
    };
    call("concat", args, &vec![output.clone(); args.len()], output, kernel)
}

/// One argument of `concat_ws`: a string or an array of strings, whose nulls are left out.
enum Words {
    One(Column<Text>),
    Many { words: ListArray, constant: bool },
}

impl Words {
    fn each(&self, row: usize, mut f: impl FnMut(&str)) {
        match self {
            Words::One(column) => {
                if let Some(word) = column.get(row) {
                    f(word);
                }
            }
            Words::Many { words, constant } => {
                let row = if *constant { 0 } else { row };
                if words.is_null(row) {
                    return;
                }
                let words = words.value(row);
                if let Some(words) = words.as_any().downcast_ref::<StringArray>() {
                    words.iter().flatten().for_each(f);
                }
            }
        }
    }
}

fn concat_ws(args: &[Argument]) -> Result<Call> {
    count("concat_ws", args, 1, usize::MAX)?;
    let mut types = vec![expect("concat_ws", 1, args[0].data_type, &STRING)?];
    for (i, arg) in args.iter().enumerate().skip(1) {
        let wanted = match arg.data_type {
            DataType::List(_) => array_type(STRING, true),
            _ => STRING,
        };
        types.push(expect("concat_ws", i + 1, arg.data_type, &wanted)?);
    }
    let kernel: Kernel = Arc::new(|args, rows| {
        let separator = Column::<Text>::of(&args[0])?;
        let mut columns = Vec::with_capacity(args.len());
        for arg in &args[1..] {
            let (array, constant) = array_of(arg)?;
            columns.push(match array.as_any().downcast_ref::<ListArray>() {
                Some(words) => Words::Many { words: words.clone(), constant },
                None => Words::One(Column::of(arg)?),
            });
        }
        let mut joined = String::new();
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let Some(separator) = separator.get(row) else {
                out.append_null();
                return Ok(());
            };
            joined.clear();
            let mut first = true;
            for words in &columns {
                words.each(row, |word| {
                    if !std::mem::take(&mut first) {
                        joined.push_str(separator);
                    }
                    joined.push_str(word);
                });
            }
            check_size("concat_ws", joined.len())?;
            out.append_value(&joined);
            Ok(())
        })
    });
    Ok(Call { arguments: types, output: STRING, nullable: args[0].nullable, kernel })
}

fn elt(args: &[Argument]) -> Result<Call> {
    count("elt", args, 2, usize::MAX)?;
    let output = text_type(&args[1..]);
    let mut types = vec![INT];
    types.resize(args.len(), output.clone());
    let binary = output == BINARY;
    if let Some((i, other)) =
        args.iter().enumerate().skip(1).find(|(_, arg)| matches!(arg.data_type, DataType::List(_)))
    {
        return Err(unexpected_type("elt", i + 1, "STRING", other.data_type));
    }
    let kernel: Kernel = Arc::new(move |args, rows| {
        let index = Column::<Int>::of(&args[0])?;
        let choice = |row: usize| -> Result<Option<usize>> {
            match index.get(row) {
                None => Ok(None),
                Some(n) if n >= 1 && (n as usize) < args.len() => Ok(Some(n as usize - 1)),
                Some(n) => Err(Error::user(format!("[INVALID_ARRAY_INDEX] the index {n} is out of bounds"))
                    .with("elements", args.len() - 1)),
            }
        };
        if binary {
            let columns = args[1..].iter().map(Column::<Bytes>::of).collect::<Result<Vec<_>>>()?;
            return over_rows(args, rows, &BINARY, |row, out: &mut BinaryBuilder| {
                out.append_option(choice(row)?.and_then(|i| columns[i].get(row)));
                Ok(())
            });
        }
        let columns = args[1..].iter().map(Column::<Text>::of).collect::<Result<Vec<_>>>()?;
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            out.append_option(choice(row)?.and_then(|i| columns[i].get(row)));
            Ok(())
        })
    });
    Ok(nullable(call("elt", args, &types, output, kernel)?))
}
