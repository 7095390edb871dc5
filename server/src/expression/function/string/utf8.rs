//! Whether bytes are UTF-8, and text made of bytes that are not. Strings always are.

use std::sync::Arc;

use arrow::array::{BooleanBuilder, StringBuilder};

use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["is_valid_utf8"], resolve: is_valid },
    Function {
        names: &["make_valid_utf8"],
        resolve: |args| text_of(args, "make_valid_utf8", OnWrong::Replace),
    },
    Function { names: &["validate_utf8"], resolve: |args| text_of(args, "validate_utf8", OnWrong::Fail) },
    Function {
        names: &["try_validate_utf8"],
        resolve: |args| text_of(args, "try_validate_utf8", OnWrong::Null),
    },
];

#[derive(Clone, Copy)]
enum OnWrong {
    Replace,
    Fail,
    Null,
}

fn is_valid(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Bytes, BooleanBuilder, _>(BINARY, |bytes, out| {
        out.append_value(std::str::from_utf8(bytes).is_ok());
        Ok(())
    });
    Ok(nullable(call("is_valid_utf8", args, &[BINARY], BOOLEAN, kernel)?))
}

fn text_of(args: &[Argument], name: &str, on_wrong: OnWrong) -> Result<Call> {
    let kernel: Kernel = Arc::new(move |args, rows| {
        let bytes = Column::<Bytes>::of(&args[0])?;
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let Some(bytes) = bytes.get(row) else {
                out.append_null();
                return Ok(());
            };
            match (std::str::from_utf8(bytes), on_wrong) {
                (Ok(text), _) => out.append_value(text),
                (Err(_), OnWrong::Replace) => out.append_value(String::from_utf8_lossy(bytes)),
                (Err(_), OnWrong::Null) => out.append_null(),
                (Err(_), OnWrong::Fail) => {
                    return Err(Error::user("[INVALID_UTF8_STRING] the bytes are not UTF-8"));
                }
            }
            Ok(())
        })
    });
    Ok(nullable(call(name, args, &[BINARY], STRING, kernel)?))
}
