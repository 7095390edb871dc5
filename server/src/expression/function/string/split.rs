//! Cutting a string at plain text. Cutting by regular expressions is in `regex`.

use arrow::array::StringBuilder;

use super::search::substring_index;
use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["split_part"], resolve: split_part },
    Function { names: &["substring_index"], resolve: by_count },
];

fn split_part(args: &[Argument]) -> Result<Call> {
    let kernel = map3::<Text, Text, Int, StringBuilder, _>(STRING, |s, delimiter, n, out| {
        if n == 0 {
            return Err(Error::user(
                "[INVALID_INDEX_OF_ZERO] the index 0 is invalid, parts count from 1 or from -1",
            ));
        }
        let skip = n.unsigned_abs() as usize - 1;
        let part = match (delimiter.is_empty(), n > 0) {
            (true, _) => Some(s).filter(|_| skip == 0),
            (false, true) => s.split(delimiter).nth(skip),
            (false, false) => {
                // Cut from the left, as overlapping delimiters would fall differently from the right.
                let parts: Vec<&str> = s.split(delimiter).collect();
                parts.len().checked_sub(skip + 1).map(|at| parts[at])
            }
        };
        out.append_value(part.unwrap_or(""));
        Ok(())
    });
    Ok(nullable(call("split_part", args, &[STRING, STRING, INT], STRING, kernel)?))
}

fn by_count(args: &[Argument]) -> Result<Call> {
    let kernel = map3::<Text, Text, Int, StringBuilder, _>(STRING, |s, delimiter, n, out| {
        out.append_value(substring_index(s, delimiter, n));
        Ok(())
    });
    call("substring_index", args, &[STRING, STRING, INT], STRING, kernel)
}
