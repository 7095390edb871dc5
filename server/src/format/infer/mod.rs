//! The schema of files whose schema nobody gave: from their content, as Spark infers it. For reading back what
//! was written; queries always give a schema.

mod csv;
mod json;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{FilePart, Format, parquet};
use crate::error::{Error, Result};
use crate::record::Options;

/// Files one after the other, opened when they are needed.
pub type Parts<'p> = &'p mut dyn Iterator<Item = Result<FilePart>>;

/// Text is one STRING column. Parquet tells its columns in the first file. The first line of csv gives their
/// number, and with the option `header` their names; they are STRING without the option `inferSchema`. Of json all
/// files are read.
///
/// Nothing if there are no files.
pub fn infer_schema(format: Format, options: &Options, parts: Parts<'_>) -> Result<Option<SchemaRef>> {
    let fields = match format {
        Format::Text => vec![Field::new("value", DataType::Utf8, true)],
        Format::Json => json::infer(options, parts)?,
        Format::Csv => csv::infer(options, parts)?,
        Format::Parquet => match parts.next().transpose()? {
            Some(part) => return parquet::schema_of(part).map(Some),
            None => return Ok(None),
        },
    };
    match fields.is_empty() {
        true => Ok(None),
        false => Ok(Some(Arc::new(Schema::new(fields)))),
    }
}

/// Text of a line for formats that are text.
fn utf8<'l>(line: &'l [u8], path: &str) -> Result<&'l str> {
    std::str::from_utf8(line)
        .map_err(|cause| Error::data("a line is not UTF-8").with("file", path).because(cause))
}
