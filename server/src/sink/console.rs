//! Prints each batch: Spark's table of its first rows, or all rows as lines of JSON. Promises nothing after a
//! crash: a batch that runs again is printed again.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{CheckpointFacts, Sink, StageWriter, Staged, staged_as};
use crate::error::{Error, Result};
use crate::format::row_json;
use crate::format::table::{self, TableStyle};
use crate::record::{BatchId, Options};

/// Rows held for printing are refused beyond this: what prints for minutes is not for eyes.
pub const CONSOLE_BATCH_BYTES_MAX: usize = 512 << 20;

/// Printed lines are handed on in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

const RULE: &str = "-------------------------------------------";

pub(super) const OPTIONS: &[&str] = &["numRows", "truncate", "rowFormat"];

/// Where to print. One lock is held for a whole batch, so that queries of one process do not mix.
pub type Printer = Arc<Mutex<dyn Write + Send>>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum RowFormat {
    Table(TableStyle),
    Json,
}

pub struct ConsoleSink {
    schema: SchemaRef,
    format: RowFormat,
    printer: Printer,
}

impl ConsoleSink {
    pub fn open(options: &Options, schema: SchemaRef, printer: Printer) -> Result<ConsoleSink> {
        Ok(ConsoleSink { schema, format: row_format(options)?, printer })
    }

    pub fn check(options: &Options) -> Result<()> {
        row_format(options).map(|_| ())
    }

    /// Rows that will be printed, of all that come.
    fn rows_kept(&self) -> usize {
        match self.format {
            RowFormat::Json => usize::MAX,
            // One more tells whether rows are left out.
            RowFormat::Table(style) => style.rows_max.saturating_add(1),
        }
    }
}

fn row_format(options: &Options) -> Result<RowFormat> {
    options.refuse_unknown(OPTIONS)?;
    match options.get("rowFormat").map(str::to_lowercase).as_deref() {
        Some("json") => return Ok(RowFormat::Json),
        None | Some("table") => {}
        Some(_) => return Err(options.bad_value("rowFormat", "`table` or `json`")),
    }
    let mut style = TableStyle::default();
    if let Some(rows) = options.integer("numRows")? {
        style.rows_max = usize::try_from(rows).unwrap_or(0);
    }
    style.cell_max = match options.get("truncate").map(|text| text.trim().to_lowercase()).as_deref() {
        None | Some("true") => style.cell_max,
        Some("false") => None,
        Some(number) => match number.parse::<usize>() {
            Ok(width) => Some(width).filter(|width| *width > 0),
            Err(_) => return Err(options.bad_value("truncate", "`true`, `false` or a number of characters")),
        },
    };
    Ok(RowFormat::Table(style))
}

impl Sink for ConsoleSink {
    fn description(&self) -> String {
        "ConsoleSink".into()
    }

    fn recover(&self, _facts: &CheckpointFacts) -> Result<()> {
        Ok(())
    }

    fn stage(&self, _batch: BatchId, _partition: usize) -> Result<Box<dyn StageWriter>> {
        Ok(Box::new(Held { rows: Vec::new(), rows_left: self.rows_kept(), bytes: 0 }))
    }

    fn publish(&self, batch: BatchId, staged: Vec<Staged>) -> Result<()> {
        let mut rows = Vec::new();
        for held in staged {
            rows.extend(staged_as::<Vec<RecordBatch>>(held)?);
        }
        // A thread that died while it printed leaves nothing half done that matters here.
        let mut out = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        match self.format {
            RowFormat::Table(style) => {
                let table = table::table(&self.schema, &rows, style)?;
                let text = format!("{RULE}\nBatch: {batch}\n{RULE}\n{table}");
                out.write_all(text.as_bytes()).map_err(print_error)?;
            }
            RowFormat::Json => print_lines(&mut *out, batch, &rows)?,
        }
        out.flush().map_err(print_error)
    }
}

fn print_lines(out: &mut dyn Write, batch: BatchId, rows: &[RecordBatch]) -> Result<()> {
    let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
    for rows in rows {
        for row in 0..rows.num_rows() {
            piece.extend_from_slice(format!("{{\"batchId\":{batch},\"row\":").as_bytes());
            row_json::write_row(rows, row, &mut piece)?;
            piece.extend_from_slice(b"}\n");
            if piece.len() >= PIECE_BYTES {
                out.write_all(&piece).map_err(print_error)?;
                piece.clear();
            }
        }
    }
    out.write_all(&piece).map_err(print_error)
}

fn print_error(cause: io::Error) -> Error {
    Error::external("print to the console").because(cause)
}

/// True if printing failed because nobody reads any more, as when `head` has seen enough: a query then ends as
/// if it had been stopped.
pub fn is_reader_gone(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Rows of one partition that wait for publishing.
struct Held {
    rows: Vec<RecordBatch>,
    rows_left: usize,
    bytes: usize,
}

impl StageWriter for Held {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let kept = rows.num_rows().min(self.rows_left);
        if kept == 0 {
            return Ok(());
        }
        self.rows_left -= kept;
        self.bytes += rows.get_array_memory_size();
        if self.bytes > CONSOLE_BATCH_BYTES_MAX {
            return Err(Error::user("a batch is too large for the console")
                .with("bytes_max", CONSOLE_BATCH_BYTES_MAX)
                .hint("print the table, which shows the first rows only, or write to a file sink"));
        }
        self.rows.push(rows.slice(0, kept));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Staged> {
        Ok(Box::new(self.rows))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;
    use crate::sink::testing::{facts, options};

    fn rows(values: std::ops::Range<i64>) -> RecordBatch {
        let words = values.clone().map(|value| format!("abcdefghijklmnopqrstuv{value}"));
        let words = StringArray::from_iter_values(words);
        RecordBatch::try_from_iter([
            ("value", Arc::new(Int64Array::from_iter_values(values)) as _),
            ("w", Arc::new(words) as _),
        ])
        .unwrap()
    }

    fn printed(given: &[(&str, &str)], partitions: &[RecordBatch]) -> String {
        let out = Arc::new(Mutex::new(Vec::new()));
        let sink = ConsoleSink::open(&options(given), partitions[0].schema(), out.clone()).unwrap();
        sink.recover(&facts(None, None)).unwrap();
        let mut staged = Vec::new();
        for (partition, rows) in partitions.iter().enumerate() {
            let mut writer = sink.stage(7, partition).unwrap();
            writer.write(rows).unwrap();
            staged.push(writer.finish().unwrap());
        }
        sink.publish(7, staged).unwrap();
        String::from_utf8(out.lock().unwrap().clone()).unwrap()
    }

    /// As Spark 4.2 printed it.
    #[test]
    fn prints_the_table_of_the_first_rows() {
        let head = "-------------------------------------------\nBatch: 7\n\
                    -------------------------------------------\n";
        for (given, table) in [
            (
                &[][..],
                "+-----+--------------------+\n|value|                   w|\n+-----+--------------------+\n\
                 |    0|abcdefghijklmnopq...|\n|    1|abcdefghijklmnopq...|\n|    2|abcdefghijklmnopq...|\n\
                 +-----+--------------------+\n\n",
            ),
            (
                &[("numRows", "1"), ("truncate", "false")],
                "+-----+-----------------------+\n|value|w                      |\n\
                 +-----+-----------------------+\n|0    |abcdefghijklmnopqrstuv0|\n\
                 +-----+-----------------------+\nonly showing top 1 row\n",
            ),
            (
                &[("numRows", "2"), ("truncate", "5")],
                "+-----+-----+\n|value|    w|\n+-----+-----+\n|    0|ab...|\n|    1|ab...|\n+-----+-----+\n\
                 only showing top 2 rows\n",
            ),
            (
                &[("numRows", "-1")],
                "+-----+---+\n|value|  w|\n+-----+---+\n+-----+---+\nonly showing top 0 rows\n",
            ),
        ] {
            assert_eq!(printed(given, &[rows(0..2), rows(2..3)]), format!("{head}{table}"), "{given:?}");
        }
        let empty = printed(&[], &[rows(0..0)]);
        assert_eq!(empty, format!("{head}+-----+---+\n|value|  w|\n+-----+---+\n+-----+---+\n\n"));
    }

    #[test]
    fn prints_all_rows_as_lines_of_json() {
        let lines = printed(&[("rowFormat", "json")], &[rows(0..1), rows(1..2)]);
        let expected = "{\"batchId\":7,\"row\":{\"value\":0,\"w\":\"abcdefghijklmnopqrstuv0\"}}\n\
                        {\"batchId\":7,\"row\":{\"value\":1,\"w\":\"abcdefghijklmnopqrstuv1\"}}\n";
        assert_eq!(lines, expected);
        assert_eq!(printed(&[("rowFormat", "json")], &[rows(0..50_000)]).lines().count(), 50_000);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (key, value) in [
            ("numRows", "abc"),
            ("truncate", "maybe"),
            ("truncate", "-1"),
            ("rowFormat", "xml"),
            ("numRow", "1"),
        ] {
            let error = ConsoleSink::check(&options(&[(key, value)])).unwrap_err();
            assert_eq!(error.fact("option"), Some(key), "{error}");
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_told_apart() {
        let sink =
            ConsoleSink::open(&options(&[]), rows(0..1).schema(), Arc::new(Mutex::new(Closed))).unwrap();
        let error = sink.publish(0, Vec::new()).unwrap_err();
        assert!(is_reader_gone(&error) && is_reader_gone(&Error::external("publish").because(error)));
        assert!(!is_reader_gone(&Error::external("publish")));
    }
}
