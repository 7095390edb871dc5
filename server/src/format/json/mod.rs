//! JSON, one object a line: options, and bad records by mode. The syntax is in `scan`, values are in `read`
//! and `write`.

mod read;
mod scan;
mod write;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};

use super::column::{Column, Values, nullable};
use super::lines::{Lines, Separator};
use super::mode::{Mode, corrupt_column, malformed};
use super::rows::{Rows, batches};
use super::value::TimeFormats;
use super::{Batches, Decoder, FilePart, stream};
use crate::error::{Error, Result};
use crate::record::{Options, type_name};
use read::{Outcome, read_object};
use scan::{Malformed, Scan, Scanner, Syntax, Token};
pub use write::{JsonEncoder, WRITE_OPTIONS, check_write};

pub const READ_OPTIONS: &[&str] = &[
    "mode",
    "columnNameOfCorruptRecord",
    "dateFormat",
    "timestampFormat",
    "timestampNTZFormat",
    "multiLine",
    "lineSep",
    "encoding",
    "charset",
    "allowComments",
    "allowUnquotedFieldNames",
    "allowSingleQuotes",
    "allowNumericLeadingZeros",
    "allowNonNumericNumbers",
    "allowBackslashEscapingAnyCharacter",
    "allowUnquotedControlChars",
    // These steer how a schema is inferred; here it is given, so they change nothing.
    "primitivesAsString",
    "prefersDecimal",
    "dropFieldIfAllNull",
    "samplingRatio",
];

/// How records are read, whatever the columns.
#[derive(Clone, Debug)]
struct Settings {
    mode: Mode,
    syntax: Syntax,
    formats: TimeFormats,
}

pub struct JsonDecoder {
    fields: Fields,
    corrupt: Option<usize>,
    settings: Settings,
    separator: Separator,
}

impl JsonDecoder {
    pub fn new(schema: &SchemaRef, options: &Options) -> Result<JsonDecoder> {
        let fields = nullable(schema.fields());
        for field in &fields {
            check_type(field.name(), field.data_type())?;
        }
        super::check_encoding(options)?;
        let multi_line = options.boolean("multiLine")?.unwrap_or(false);
        Ok(JsonDecoder {
            corrupt: corrupt_column(&fields, options)?,
            fields,
            settings: Settings {
                mode: Mode::of(options)?,
                syntax: Syntax::of(options)?,
                formats: TimeFormats::of(options)?,
            },
            separator: if multi_line { Separator::Never } else { Separator::of(options)? },
        })
    }
}

fn check_type(column: &str, data_type: &DataType) -> Result<()> {
    let refused = |error: Error| error.with("column", column).with("format", "json");
    Column::new(data_type).map_err(refused)?;
    let nested: Vec<&DataType> = match data_type {
        DataType::List(element) => vec![element.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if *pair[0].data_type() == DataType::Utf8 => vec![pair[1].data_type()],
            _ => {
                let error = Error::user("the keys of a map in JSON are strings");
                return Err(refused(error.with("type", type_name(data_type))));
            }
        },
        _ => Vec::new(),
    };
    nested.into_iter().try_for_each(|data_type| check_type(column, data_type))
}

impl Decoder for JsonDecoder {
    fn can_split(&self, path: &str) -> bool {
        self.separator == Separator::Any && stream::is_plain(path)
    }

    fn read(&self, part: FilePart, columns: &[usize], rows_max: usize) -> Result<Batches> {
        let lines = Lines::open(&part, self.separator.clone())?;
        Ok(batches(lines, JsonRows::new(self, part.path, columns)?, rows_max))
    }
}

struct JsonRows {
    settings: Settings,
    path: String,
    fields: Fields,
    columns: Vec<Column>,
    corrupt: Option<Column>,
    rows: usize,
    schema: SchemaRef,
    /// For each column of `schema` its index in `columns`; nothing for the text of bad records.
    output: Vec<Option<usize>>,
}

impl JsonRows {
    fn new(decoder: &JsonDecoder, path: String, wanted: &[usize]) -> Result<JsonRows> {
        let only_corrupt = !wanted.is_empty() && wanted.iter().all(|index| Some(*index) == decoder.corrupt);
        // Which records are bad depends on the columns that are read, so that alone all of them are.
        let all: Vec<usize> = (0..decoder.fields.len()).collect();
        let read = if only_corrupt { &all[..] } else { wanted };
        let read: Vec<usize> = read.iter().copied().filter(|index| Some(*index) != decoder.corrupt).collect();
        let fields: Fields = read.iter().map(|index| decoder.fields[*index].clone()).collect();
        let columns = fields.iter().map(|field| Column::new(field.data_type()));
        let schema: Fields = wanted.iter().map(|index| decoder.fields[*index].clone()).collect();
        let has_corrupt = wanted.iter().any(|index| Some(*index) == decoder.corrupt);
        Ok(JsonRows {
            settings: decoder.settings.clone(),
            path,
            columns: columns.collect::<Result<_>>()?,
            corrupt: has_corrupt.then(|| Column::new(&DataType::Utf8)).transpose()?,
            fields,
            rows: 0,
            schema: Arc::new(Schema::new(schema)),
            output: wanted.iter().map(|index| read.iter().position(|read| read == index)).collect(),
        })
    }

    fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
        self.rows = rows;
    }

    /// Adds the rows of a record: an object, or an array of objects. What follows is not looked at.
    fn read_record(&mut self, text: &str) -> Scan<Outcome> {
        let mut scanner = Scanner::new(text, self.settings.syntax);
        if scanner.peek()?.is_none() {
            return Ok(Outcome::Good);
        }
        match scanner.token()? {
            Token::Object => self.read_row(&mut scanner),
            Token::Array => {
                let (mut first, mut outcome) = (true, Outcome::Good);
                while scanner.next_element(first)? {
                    first = false;
                    if scanner.token()? != Token::Object {
                        return Err(Malformed);
                    }
                    if self.read_row(&mut scanner)? != Outcome::Good {
                        outcome = Outcome::Partial;
                    }
                }
                Ok(outcome)
            }
            _ => Err(Malformed),
        }
    }

    fn read_row(&mut self, scanner: &mut Scanner) -> Scan<Outcome> {
        let formats = &self.settings.formats;
        let outcome = read_object(scanner, &self.fields, &mut self.columns, formats, self.rows)?;
        self.rows += 1;
        Ok(outcome)
    }

    fn set_corrupt(&mut self, text: Option<&str>) {
        let Some(column) = &mut self.corrupt else { return };
        while column.len() < self.rows {
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
}

impl Rows for JsonRows {
    fn add(&mut self, line: &str) -> Result<()> {
        let before = self.rows;
        let read = self.read_record(line);
        if matches!(read, Ok(Outcome::Good)) {
            self.set_corrupt(None);
            return Ok(());
        }
        match self.settings.mode {
            Mode::FailFast => return Err(malformed(&self.path, line)),
            Mode::DropMalformed => self.truncate(before),
            Mode::Permissive => {
                if read.is_err() {
                    self.truncate(before);
                    self.columns.iter_mut().for_each(Column::push_null);
                    self.rows += 1;
                }
                self.set_corrupt(Some(line));
            }
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.output.len());
        for index in &self.output {
            let column = match index {
                Some(index) => Some(&mut self.columns[*index]),
                None => self.corrupt.as_mut(),
            };
            let column = column.ok_or_else(|| Error::internal("a column to read was not read"))?;
            arrays.push(column.take()?);
        }
        // Columns that were read only to find bad records are not given out.
        self.columns.iter_mut().for_each(|column| column.truncate(0));
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|cause| Error::internal("cannot make a batch of JSON rows").because(cause))
    }
}
