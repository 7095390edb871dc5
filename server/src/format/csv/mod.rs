//! CSV: options, header lines, fields into columns, and bad records by mode. Lines are taken apart in
//! `split`, rows are written in `write`.

pub(super) mod split;
mod write;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};

use super::column::{Column, Values, nullable};
use super::lines::{Lines, Separator};
use super::mode::{Mode, corrupt_column, malformed};
use super::rows::{Rows, batches};
use super::value::{TimeFormats, read_decimal};
use super::{Batches, Decoder, FilePart, RECORD_BYTES_MAX, stream};
use crate::error::{Error, Result};
use crate::record::{Options, type_name};
use split::{Field, Marks, Splitter, is_space};
pub use write::{CsvEncoder, WRITE_OPTIONS, check_write};

pub const READ_OPTIONS: &[&str] = &[
    "sep",
    "delimiter",
    "quote",
    "escape",
    "charToEscapeQuoteEscaping",
    "comment",
    "header",
    "enforceSchema",
    "ignoreLeadingWhiteSpace",
    "ignoreTrailingWhiteSpace",
    "nullValue",
    "emptyValue",
    "nanValue",
    "positiveInf",
    "negativeInf",
    "mode",
    "columnNameOfCorruptRecord",
    "dateFormat",
    "timestampFormat",
    "timestampNTZFormat",
    "multiLine",
    "lineSep",
    "encoding",
    "charset",
    // These steer how a schema is inferred; here it is given, so they change nothing.
    "inferSchema",
    "samplingRatio",
    "preferDate",
];

/// How records are read, whatever the columns.
#[derive(Clone, Debug)]
struct Settings {
    marks: Marks,
    mode: Mode,
    formats: TimeFormats,
    header: bool,
    enforce_schema: bool,
    multi_line: bool,
    null: String,
    empty: String,
    nan: String,
    positive_infinity: String,
    negative_infinity: String,
}

impl Settings {
    fn of(options: &Options) -> Result<Settings> {
        let text = |key, default: &str| options.get(key).unwrap_or(default).to_string();
        let flag = |key, default| Ok::<bool, Error>(options.boolean(key)?.unwrap_or(default));
        Ok(Settings {
            marks: Marks::of(options, false)?,
            mode: Mode::of(options)?,
            formats: TimeFormats::of(options)?,
            header: flag("header", false)?,
            enforce_schema: flag("enforceSchema", true)?,
            multi_line: flag("multiLine", false)?,
            null: text("nullValue", ""),
            empty: text("emptyValue", ""),
            nan: text("nanValue", "NaN"),
            positive_infinity: text("positiveInf", "Inf"),
            negative_infinity: text("negativeInf", "-Inf"),
        })
    }
}

pub struct CsvDecoder {
    fields: Fields,
    corrupt: Option<usize>,
    settings: Settings,
    separator: Separator,
}

impl CsvDecoder {
    pub fn new(schema: &SchemaRef, options: &Options) -> Result<CsvDecoder> {
        let fields = nullable(schema.fields());
        check_types(&fields)?;
        super::check_encoding(options)?;
        Ok(CsvDecoder {
            corrupt: corrupt_column(&fields, options)?,
            fields,
            settings: Settings::of(options)?,
            separator: Separator::of(options)?,
        })
    }
}

fn check_types(fields: &Fields) -> Result<()> {
    for field in fields {
        let nested =
            matches!(field.data_type(), DataType::List(_) | DataType::Struct(_) | DataType::Map(_, _));
        if nested || Column::new(field.data_type()).is_err() {
            return Err(Error::user("CSV does not hold columns of this type")
                .with("column", field.name())
                .with("type", type_name(field.data_type()))
                .hint("make a STRING of it, such as with to_json, or use the format json or parquet"));
        }
    }
    Ok(())
}

impl Decoder for CsvDecoder {
    fn can_split(&self, path: &str) -> bool {
        self.separator == Separator::Any && !self.settings.multi_line && stream::is_plain(path)
    }

    fn read(&self, part: FilePart, columns: &[usize], rows_max: usize) -> Result<Batches> {
        let at_start = part.range.as_ref().is_none_or(|range| range.start == 0);
        let lines = Lines::open(&part, self.separator.clone())?;
        let mut rows = CsvRows::new(self, part.path, columns)?;
        rows.header_expected = self.settings.header && at_start;
        Ok(batches(lines, rows, rows_max))
    }
}

struct CsvRows {
    settings: Settings,
    path: String,
    splitter: Splitter,
    /// The names of the fields of a record, in order.
    names: Vec<String>,
    header_expected: bool,
    /// Each column with the index of its field in a record; nothing for the text of bad records.
    columns: Vec<(Option<usize>, Column)>,
    /// A record that has not so many fields is a bad one; nothing if some fields are not looked at.
    fields_expected: Option<usize>,
    schema: SchemaRef,
    rows: usize,
    /// The lines of a record that goes over several.
    record: String,
}

impl CsvRows {
    fn new(decoder: &CsvDecoder, path: String, wanted: &[usize]) -> Result<CsvRows> {
        let in_file: Vec<usize> =
            (0..decoder.fields.len()).filter(|index| Some(*index) != decoder.corrupt).collect();
        let mut columns = Vec::new();
        for index in wanted {
            let field = in_file.iter().position(|other| other == index);
            columns.push((field, Column::new(decoder.fields[*index].data_type())?));
        }
        let read = columns.iter().filter(|(field, _)| field.is_some()).count();
        let schema: Fields = wanted.iter().map(|index| decoder.fields[*index].clone()).collect();
        Ok(CsvRows {
            settings: decoder.settings.clone(),
            path,
            splitter: Splitter::new(decoder.settings.marks.clone()),
            names: in_file.iter().map(|index| decoder.fields[*index].name().clone()).collect(),
            header_expected: false,
            columns,
            fields_expected: Some(in_file.len()).filter(|_| read == in_file.len()),
            schema: Arc::new(Schema::new(schema)),
            rows: 0,
            record: String::new(),
        })
    }

    fn is_skipped(&self, line: &str) -> bool {
        let blank = if self.settings.multi_line { line.is_empty() } else { line.chars().all(is_space) };
        blank || self.settings.marks.comment.is_some_and(|mark| line.as_bytes()[0] == mark)
    }

    fn add_record(&mut self, text: &str) -> Result<()> {
        if std::mem::take(&mut self.header_expected) {
            return self.check_header();
        }
        let mut bad = self.fields_expected.is_some_and(|expected| expected != self.splitter.len());
        for (index, column) in &mut self.columns {
            let Some(index) = index else { continue };
            let read = match self.splitter.get(*index) {
                Some(field) => read_field(field, column, &self.settings),
                None => {
                    column.push_null();
                    Some(())
                }
            };
            if read.is_none() {
                column.push_null();
                bad = true;
            }
        }
        match self.settings.mode {
            Mode::FailFast if bad => return Err(malformed(&self.path, text)),
            Mode::DropMalformed if bad => {
                for (_, column) in &mut self.columns {
                    column.truncate(self.rows);
                }
                return Ok(());
            }
            _ => {}
        }
        self.rows += 1;
        self.set_corrupt(bad.then_some(text));
        Ok(())
    }

    fn set_corrupt(&mut self, text: Option<&str>) {
        for (_, column) in self.columns.iter_mut().filter(|(index, _)| index.is_none()) {
            match (&mut column.values, text) {
                (Values::Text(bytes), Some(text)) => {
                    bytes.data.extend_from_slice(text.as_bytes());
                    bytes.end_value();
                    column.mark_valid();
                }
                _ => column.push_null(),
            }
        }
    }

    fn check_header(&self) -> Result<()> {
        if self.settings.enforce_schema {
            return Ok(());
        }
        let found: Vec<&str> = (0..self.splitter.len())
            .map(|index| match self.splitter.get(index) {
                Some(Field::Text(name)) => name,
                _ => "",
            })
            .collect();
        let same = found.len() == self.names.len()
            && found.iter().zip(&self.names).all(|(found, name)| found.eq_ignore_ascii_case(name));
        if same {
            return Ok(());
        }
        Err(Error::data("the header of a CSV file is not that of the schema")
            .with("file", &self.path)
            .with("header", found.join(","))
            .with("schema", self.names.join(","))
            .hint("columns are taken by their order; with enforceSchema true the header is not looked at"))
    }
}

impl Rows for CsvRows {
    fn add(&mut self, line: &str) -> Result<()> {
        if !self.splitter.is_open() && self.is_skipped(line) {
            return Ok(());
        }
        if !self.settings.multi_line {
            if !self.splitter.split(line) {
                self.splitter.close();
            }
            return self.add_record(line);
        }
        if self.splitter.is_open() {
            self.record.push('\n');
        }
        self.record.push_str(line);
        if self.splitter.split(line) {
            let record = std::mem::take(&mut self.record);
            return self.add_record(&record);
        }
        if self.splitter.bytes() > RECORD_BYTES_MAX {
            return Err(Error::data("a quoted field does not end")
                .with("file", &self.path)
                .with("bytes_max", RECORD_BYTES_MAX));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if !self.splitter.is_open() {
            return Ok(());
        }
        self.splitter.close();
        let record = std::mem::take(&mut self.record);
        self.add_record(&record)
    }

    fn count(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let columns = self.columns.iter_mut().map(|(_, column)| column.take());
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(self.schema.clone(), columns.collect::<Result<_>>()?, &options)
            .map_err(|cause| Error::internal("cannot make a batch of CSV rows").because(cause))
    }
}

/// Adds a field to its column; nothing if it does not fit, and then nothing was added.
fn read_field(field: Field, column: &mut Column, settings: &Settings) -> Option<()> {
    let text = match field {
        Field::Missing => None,
        Field::Empty => Some(settings.empty.as_str()),
        Field::Text(text) => Some(text),
    };
    let Some(text) = text.filter(|text| *text != settings.null) else {
        column.push_null();
        return Some(());
    };
    match &mut column.values {
        Values::Text(bytes) | Values::Binary(bytes) => {
            bytes.data.extend_from_slice(text.as_bytes());
            bytes.end_value();
        }
        Values::Boolean(values) if text.eq_ignore_ascii_case("true") => values.append(true),
        Values::Boolean(values) if text.eq_ignore_ascii_case("false") => values.append(false),
        Values::Int8(values) => values.push(text.parse().ok()?),
        Values::Int16(values) => values.push(text.parse().ok()?),
        Values::Int32(values) => values.push(text.parse().ok()?),
        Values::Int64(values) => values.push(text.parse().ok()?),
        Values::Float32(values) => values.push(match special_number(text, settings) {
            Some(value) => value as f32,
            None => java_number(text)?.parse().ok()?,
        }),
        Values::Float64(values) => values.push(match special_number(text, settings) {
            Some(value) => value,
            None => java_number(text)?.parse().ok()?,
        }),
        Values::Decimal(values, precision, scale) => values.push(read_decimal(text, *precision, *scale)?),
        Values::Date(values) => values.push(settings.formats.read_date(text)?),
        Values::Timestamp(values, Some(_)) => values.push(settings.formats.read_timestamp(text)?),
        Values::Timestamp(values, None) => values.push(settings.formats.read_timestamp_ntz(text)?),
        _ => return None,
    }
    column.mark_valid();
    Some(())
}

fn special_number(text: &str, settings: &Settings) -> Option<f64> {
    if text == settings.nan || text == "NaN" {
        Some(f64::NAN)
    } else if text == settings.positive_infinity || text == "Infinity" || text == "+Infinity" {
        Some(f64::INFINITY)
    } else if text == settings.negative_infinity || text == "-Infinity" {
        Some(f64::NEG_INFINITY)
    } else {
        None
    }
}

/// The part of a number that Rust reads as Java does: white space and a type's letter around it are allowed.
fn java_number(text: &str) -> Option<&str> {
    let text = text.trim_matches(is_space);
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.').then_some(text)
}
