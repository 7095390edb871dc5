//! How rows look as bytes in files: text, json, csv and parquet, with Spark's options and results.
//! Knows neither sources nor sinks; both may use it.

pub mod cell;
mod column;
mod compress;
mod csv;
pub mod infer;
mod json;
mod lines;
mod mode;
mod parquet;
pub mod partition_dir;
mod pattern;
mod print;
pub mod row_json;
mod rows;
pub mod sink_log;
mod stream;
pub mod table;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};
use crate::record::{Options, nearest};
use crate::storage::{FileWriter, StoredFile};

/// A record batch is closed when it has this many bytes, however few its rows are.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// A line, or a whole file where a file is a row, that is longer than this is refused.
pub const RECORD_BYTES_MAX: usize = 256 << 20;

/// The formats by their names in a query file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    Csv,
    Parquet,
}

impl Format {
    pub const NAMES: [&str; 4] = ["text", "json", "csv", "parquet"];

    /// `User` error for a name that is not one of [`Format::NAMES`], in any case.
    pub fn of(name: &str) -> Result<Format> {
        Ok(match name.to_lowercase().as_str() {
            "text" => Format::Text,
            "json" => Format::Json,
            "csv" => Format::Csv,
            "parquet" => Format::Parquet,
            _ => {
                let error = Error::user("there is no such file format").with("format", name);
                return Err(match nearest(name, Format::NAMES) {
                    Some(known) => error.hint(format!("did you mean `{known}`?")),
                    None => error.hint(format!("file formats: {}", Format::NAMES.join(", "))),
                });
            }
        })
    }

    /// The options that a reader of this format takes.
    pub fn read_options(self) -> &'static [&'static str] {
        match self {
            Format::Text => text::READ_OPTIONS,
            Format::Json => json::READ_OPTIONS,
            Format::Csv => csv::READ_OPTIONS,
            Format::Parquet => parquet::READ_OPTIONS,
        }
    }

    /// The options that a writer of this format takes.
    pub fn write_options(self) -> &'static [&'static str] {
        match self {
            Format::Text => text::WRITE_OPTIONS,
            Format::Json => json::WRITE_OPTIONS,
            Format::Csv => csv::WRITE_OPTIONS,
            Format::Parquet => parquet::WRITE_OPTIONS,
        }
    }
}

/// Rows of a file in order, in batches of at most so many rows and of bounded bytes.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A file, or the part of it that one reader takes.
pub struct FilePart {
    pub file: Arc<dyn StoredFile>,
    /// For errors and for the compression that the name tells.
    pub path: String,
    /// The lines that start in this range of bytes (Hadoop's rule: the first line of a range that does not
    /// start at 0 belongs to the range before); nothing for the whole file. Only where
    /// [`Decoder::can_split`].
    pub range: Option<Range<u64>>,
}

/// Reads files of one format and schema.
pub trait Decoder: Send + Sync {
    /// True if parts of this file may be read apart.
    fn can_split(&self, path: &str) -> bool;

    /// The rows of a part. `columns` are the indexes of the columns wanted, ascending; batches hold exactly
    /// these.
    fn read(&self, part: FilePart, columns: &[usize], rows_max: usize) -> Result<Batches>;
}

/// A decoder for files that hold the columns of `schema`, all of them taken as nullable.
///
/// Options of others (paths, limits) are not looked at. `User` error for a bad value, or a type that the
/// format cannot hold.
pub fn decoder(format: Format, schema: &SchemaRef, options: &Options) -> Result<Box<dyn Decoder>> {
    Ok(match format {
        Format::Text => Box::new(text::TextDecoder::new(schema, options)?),
        Format::Json => Box::new(json::JsonDecoder::new(schema, options)?),
        Format::Csv => Box::new(csv::CsvDecoder::new(schema, options)?),
        Format::Parquet => Box::new(parquet::ParquetDecoder::new(schema, options)?),
    })
}

/// Writes one file.
pub trait Encoder: Send {
    fn write(&mut self, rows: &RecordBatch) -> Result<()>;

    /// Makes the file whole and durable, and returns its size.
    fn finish(self: Box<Self>) -> Result<u64>;
}

/// An encoder of rows of `schema` into `out`. Errors as for [`check_write`].
pub fn encoder(
    format: Format,
    schema: &SchemaRef,
    options: &Options,
    out: Box<dyn FileWriter>,
) -> Result<Box<dyn Encoder>> {
    check_write(format, schema, options)?;
    Ok(match format {
        Format::Text => Box::new(text::TextEncoder::new(options, out)?),
        Format::Json => Box::new(json::JsonEncoder::new(schema, options, out)?),
        Format::Csv => Box::new(csv::CsvEncoder::new(schema, options, out)?),
        Format::Parquet => Box::new(parquet::ParquetEncoder::new(schema, options, out)?),
    })
}

/// `User` error if rows of `schema` cannot be written so: a bad value of an option, or a type that the format
/// does not hold.
pub fn check_write(format: Format, schema: &SchemaRef, options: &Options) -> Result<()> {
    match format {
        Format::Text => text::check_write(schema, options),
        Format::Json => json::check_write(schema, options),
        Format::Csv => csv::check_write(schema, options),
        Format::Parquet => parquet::check_write(schema, options),
    }
}

/// The end of the names of files written so: `.json.gz`, `.snappy.parquet`.
pub fn extension(format: Format, options: &Options) -> Result<String> {
    let name = match format {
        Format::Text => ".txt",
        Format::Json => ".json",
        Format::Csv => ".csv",
        Format::Parquet => return parquet::extension(options),
    };
    Ok(format!("{name}{}", compress::Compression::of(options)?.extension()))
}

/// `User` error for a character set other than UTF-8.
fn check_encoding(options: &Options) -> Result<()> {
    for key in ["encoding", "charset"] {
        if options
            .get(key)
            .is_some_and(|name| !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("utf8"))
        {
            return Err(options.bad_value(key, "UTF-8; no other encoding is supported"));
        }
    }
    Ok(())
}
