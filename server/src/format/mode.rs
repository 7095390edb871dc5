//! What becomes of a record that cannot be read: the options `mode` and `columnNameOfCorruptRecord`.
//! Knows no syntax.

use arrow::datatypes::{DataType, Fields};

use crate::error::{Error, Result};
use crate::record::Options;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What could be read of it is kept, the rest is null.
    Permissive,
    /// It is left out.
    DropMalformed,
    /// Reading stops with an error.
    FailFast,
}

impl Mode {
    pub fn of(options: &Options) -> Result<Mode> {
        let Some(name) = options.get("mode") else { return Ok(Mode::Permissive) };
        Ok(match name.to_uppercase().as_str() {
            "PERMISSIVE" => Mode::Permissive,
            "DROPMALFORMED" => Mode::DropMalformed,
            "FAILFAST" => Mode::FailFast,
            _ => return Err(options.bad_value("mode", "PERMISSIVE, DROPMALFORMED or FAILFAST")),
        })
    }
}

/// The index of the column that takes the text of bad records, if there is one.
pub fn corrupt_column(fields: &Fields, options: &Options) -> Result<Option<usize>> {
    let name = options.get("columnNameOfCorruptRecord").unwrap_or("_corrupt_record");
    let Some(index) = fields.iter().position(|field| field.name() == name) else { return Ok(None) };
    if *fields[index].data_type() != DataType::Utf8 {
        return Err(Error::user("the column for corrupt records is not a STRING").with("column", name));
    }
    Ok(Some(index))
}

/// The error of the mode FAILFAST.
pub fn malformed(path: &str, record: &str) -> Error {
    Error::data("a record is malformed, and the mode is FAILFAST")
        .with("file", path)
        .detail(shortened(record).to_string())
        .hint(
            "with mode PERMISSIVE what cannot be read is null, with DROPMALFORMED such records are left out",
        )
}

/// The first letters, for messages.
fn shortened(record: &str) -> &str {
    const SHOWN_CHARS_MAX: usize = 200;
    record.char_indices().nth(SHOWN_CHARS_MAX).map_or(record, |(end, _)| &record[..end])
}
