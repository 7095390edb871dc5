//! `to_char` of dates, times and bytes. Number formats are not supported.

use arrow::array::StringBuilder;
use arrow::datatypes::DataType;

use super::code::{to_base64, to_hex};
use crate::error::{Error, Result};
use crate::expression::coercion::{is_datetime, unexpected_type};
use crate::expression::function::datetime::format::date_format;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[Function { names: &["to_char", "to_varchar"], resolve: to_char }];

fn to_char(args: &[Argument]) -> Result<Call> {
    count("to_char", args, 2, 2)?;
    match args[0].data_type {
        DataType::Binary => {}
        time if is_datetime(time) => return date_format(args),
        other => return Err(unexpected_type("to_char", 1, "DATE, TIMESTAMP or BINARY", other)),
    }
    let format = literal_text(&args[1]).map(str::to_lowercase);
    let write: fn(&[u8]) -> String = match format.as_deref() {
        Some("hex") => to_hex,
        Some("base64") => |bytes| to_base64(bytes, true),
        Some("utf-8") => |bytes| String::from_utf8_lossy(bytes).into_owned(),
        _ => {
            let error =
                "[INVALID_PARAMETER_VALUE.BINARY_FORMAT] to_char: the format is not hex, base64 or utf-8";
            return Err(Error::user(error));
        }
    };
    let kernel = map1::<Bytes, StringBuilder, _>(STRING, move |bytes, out| {
        out.append_value(write(bytes));
        Ok(())
    });
    call(
        "to_char",
        args,
        &[BINARY, STRING],
        STRING,
        std::sync::Arc::new(move |args, rows| kernel(&args[..1], rows)),
    )
}
