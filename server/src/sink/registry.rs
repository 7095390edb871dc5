//! The sinks by the name a query gives them. Each sink checks its own options.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::console::{ConsoleSink, Printer};
use super::file::{FileSettings, FileSink};
use super::memory::{MemoryRows, MemorySink, NoopSink};
use super::{OutputMode, Sink};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::{Options, RunId, nearest};
use crate::storage::{self, Location};

/// Every format that [`open`] knows.
pub const FORMATS: [&str; 7] = ["console", "csv", "json", "memory", "noop", "parquet", "text"];

/// What a query says about its sink.
#[derive(Clone, Copy, Debug)]
pub struct SinkSpec<'a> {
    pub format: &'a str,
    pub options: &'a Options,
    pub partition_by: &'a [String],
    pub schema: &'a SchemaRef,
    pub mode: OutputMode,
}

/// What every sink is built from, besides its own options.
#[derive(Clone)]
pub struct SinkContext {
    pub run_id: RunId,
    pub clock: Arc<dyn Clock>,
    /// Relative paths start here.
    pub base: PathBuf,
    pub printer: Printer,
    /// Where the memory sink keeps its rows.
    pub memory: MemoryRows,
}

/// Checks that a sink has this name.
pub fn check_format(format: &str) -> Result<()> {
    match FORMATS.contains(&format.to_lowercase().as_str()) {
        true => Ok(()),
        false => Err(unknown(format)),
    }
}

/// Checks what a query says about its sink without reaching out to anything.
pub fn check(
    format: &str,
    options: &Options,
    partition_by: &[String],
    schema: &SchemaRef,
    mode: OutputMode,
) -> Result<()> {
    let name = format.to_lowercase();
    if !partition_by.is_empty() && matches!(name.as_str(), "console" | "memory" | "noop") {
        return Err(Error::user("this sink has no partition directories")
            .with("format", format)
            .hint("remove `partitionBy`"));
    }
    match name.as_str() {
        "console" => ConsoleSink::check(options),
        "memory" | "noop" => options.refuse_unknown(&[]),
        "csv" | "json" | "parquet" | "text" => {
            FileSettings::of(&name, options, partition_by, schema, mode).map(|_| ())
        }
        _ => Err(unknown(format)),
    }
}

/// Opens a sink for a query. What the output holds is looked at by [`Sink::recover`].
pub fn open(spec: &SinkSpec<'_>, context: &SinkContext) -> Result<Arc<dyn Sink>> {
    check(spec.format, spec.options, spec.partition_by, spec.schema, spec.mode)?;
    let name = spec.format.to_lowercase();
    Ok(match name.as_str() {
        "console" => Arc::new(ConsoleSink::open(spec.options, spec.schema.clone(), context.printer.clone())?),
        "memory" => Arc::new(MemorySink::new(spec.mode, context.memory.clone())),
        "noop" => Arc::new(NoopSink),
        "csv" | "json" | "parquet" | "text" => {
            let settings = FileSettings::of(&name, spec.options, spec.partition_by, spec.schema, spec.mode)?;
            let location = Location::parse(&settings.path, &context.base)?;
            let storage = storage::open(&location)?;
            Arc::new(FileSink::new(settings, spec.schema.clone(), storage, &location.path, context))
        }
        _ => return Err(unknown(spec.format)),
    })
}

fn unknown(format: &str) -> Error {
    let known = format!("known formats: {}", FORMATS.join(", "));
    Error::user("unknown sink format").with("format", format).hint(match nearest(format, FORMATS) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use uuid::Uuid;

    use super::*;
    use crate::clock::SystemClock;
    use crate::record::parse_ddl;
    use crate::sink::testing::options;

    #[test]
    fn each_format_opens_and_describes_itself() {
        let dir = tempfile::tempdir().unwrap();
        let schema = parse_ddl("value STRING").unwrap();
        let context = SinkContext {
            run_id: RunId(Uuid::from_u128(1)),
            clock: Arc::new(SystemClock),
            base: dir.path().to_path_buf(),
            printer: Arc::new(Mutex::new(std::io::sink())),
            memory: MemoryRows::default(),
        };
        for format in FORMATS {
            let is_file = matches!(format, "csv" | "json" | "parquet" | "text");
            let options = options(if is_file { &[("path", "out")] } else { &[] });
            let mode = if is_file { OutputMode::Append } else { OutputMode::Complete };
            let spec = SinkSpec { format, options: &options, partition_by: &[], schema: &schema, mode };
            let description = open(&spec, &context).unwrap().description();
            assert_eq!(description.starts_with("FileSink[file:///"), is_file, "{description}");
        }
    }

    #[test]
    fn refusals_name_what_would_work() {
        let schema = parse_ddl("value STRING, k INT").unwrap();
        let none = options(&[]);
        let error = check("jsn", &none, &[], &schema, OutputMode::Append).unwrap_err();
        assert!(error.hint_text().unwrap().starts_with("did you mean `json`? known formats: console, "));
        for (format, partition_by, message) in [
            ("memory", vec!["k".to_string()], "this sink has no partition directories"),
            ("json", vec![], "a required option is missing"),
        ] {
            let error = check(format, &none, &partition_by, &schema, OutputMode::Append).unwrap_err();
            assert_eq!(error.message(), message);
        }
    }
}
