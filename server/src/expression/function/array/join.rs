//! Arrays written as text.

use std::sync::Arc;

use arrow::array::{Array, StringArray, StringBuilder, downcast_array};

use super::{Lists, element, list};
use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::function::string::case::check_size;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["array_join"], resolve: array_join }];

fn array_join(args: &[Argument]) -> Result<Call> {
    count("array_join", args, 2, 3)?;
    element("array_join", args, 0)?;
    let kernel: Kernel = Arc::new(|args, rows| {
        let lists = Lists::of(&args[0])?;
        let words: StringArray = downcast_array(lists.values());
        let delimiter = Column::<Text>::of(&args[1])?;
        let for_null = args.get(2).map(Column::<Text>::of).transpose()?;
        let mut joined = String::new();
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let replacement = for_null.as_ref().map(|column| column.get(row));
            let (Some(range), Some(delimiter)) = (lists.range(row), delimiter.get(row)) else {
                out.append_null();
                return Ok(());
            };
            if replacement == Some(None) {
                out.append_null();
                return Ok(());
            }
            joined.clear();
            let mut first = true;
            for i in range {
                let word = if words.is_null(i) { replacement.flatten() } else { Some(words.value(i)) };
                let Some(word) = word else { continue };
                if !std::mem::take(&mut first) {
                    joined.push_str(delimiter);
                }
                joined.push_str(word);
            }
            check_size("array_join", joined.len())?;
            out.append_value(&joined);
            Ok(())
        })
    });
    call("array_join", args, &[list(STRING), STRING, STRING][..args.len()], STRING, kernel)
}
