//! `mask`: replaces letters, digits and the rest by one character each.

use std::sync::Arc;

use arrow::array::StringBuilder;
use datafusion_common::ScalarValue;

use crate::error::{Error, Result};
use crate::expression::coercion::expect;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["mask"], resolve: mask }];

const PARAMETERS: [(&str, Option<char>); 4] =
    [("upperChar", Some('X')), ("lowerChar", Some('x')), ("digitChar", Some('n')), ("otherChar", None)];

/// The replacement for upper case, lower case, digits and others; none leaves characters as they are.
fn replacements(args: &[Argument]) -> Result<[Option<char>; 4]> {
    let mut chosen = PARAMETERS.map(|(_, default)| default);
    for (i, arg) in args.iter().enumerate().skip(1) {
        let name = PARAMETERS[i - 1].0;
        expect("mask", i + 1, arg.data_type, &STRING)?;
        chosen[i - 1] = match arg.literal {
            Some(value) if value.is_null() => None,
            Some(ScalarValue::Utf8(Some(text))) if text.chars().count() == 1 => text.chars().next(),
            Some(_) => {
                let error =
                    "[DATATYPE_MISMATCH.INPUT_SIZE_NOT_ONE] mask: the replacement is not one character";
                return Err(Error::user(error).with("parameter", name));
            }
            None => {
                let error = "[DATATYPE_MISMATCH.NON_FOLDABLE_INPUT] mask: the replacement is not a constant";
                return Err(Error::user(error).with("parameter", name));
            }
        };
    }
    Ok(chosen)
}

fn mask(args: &[Argument]) -> Result<Call> {
    count("mask", args, 1, 5)?;
    let [upper, lower, digit, other] = replacements(args)?;
    let masked = move |c: char| {
        let class = match c {
            _ if c.is_uppercase() => upper,
            _ if c.is_lowercase() => lower,
            '0'..='9' => digit,
            _ => other,
        };
        class.unwrap_or(c)
    };
    let kernel: Kernel = Arc::new(move |args, rows| {
        let column = Column::<Text>::of(&args[0])?;
        over_rows(&args[..1], rows, &STRING, |row, out: &mut StringBuilder| {
            out.append_option(column.get(row).map(|s| s.chars().map(masked).collect::<String>()));
            Ok(())
        })
    });
    Ok(nullable(call("mask", args, &vec![STRING; args.len()], STRING, kernel)?))
}
