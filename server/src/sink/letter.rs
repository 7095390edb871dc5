//! Dead letters: rows that a stage set aside, with what is known about them. Which columns they have and where they
//! may go; why a row was set aside is not known here.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::file::FileSettings;
use super::{OutputMode, Sink, SinkContext, SinkSpec, open as open_sink};
use crate::error::{Error, Result};
use crate::record::{Options, nearest, timestamp_type};
use crate::storage::Location;

/// Every format that dead letters may have.
pub const FORMATS: [&str; 2] = ["json", "parquet"];

/// The columns of a dead letter.
pub fn schema() -> SchemaRef {
    let column = |(name, data_type): (&str, DataType)| Field::new(name, data_type, true);
    let columns = [
        ("time", timestamp_type()),
        ("query", DataType::Utf8),
        ("query_id", DataType::Utf8),
        ("batch", DataType::Int64),
        ("stage", DataType::Utf8),
        ("function", DataType::Utf8),
        ("module_digest", DataType::Utf8),
        ("message", DataType::Utf8),
        ("row", DataType::Utf8),
        ("topic", DataType::Utf8),
        ("partition", DataType::Int32),
        ("offset", DataType::Int64),
        ("path", DataType::Utf8),
        ("sources", DataType::Utf8),
    ];
    Arc::new(Schema::new(columns.map(column).to_vec()))
}

/// Checks what a query says about an output for dead letters without reaching out to anything. Gives a name that
/// two outputs share exactly if they are in one place.
pub fn check(format: &str, options: &Options, partition_by: &[String], base: &Path) -> Result<String> {
    let name = format.to_lowercase();
    if !FORMATS.contains(&name.as_str()) {
        let known = format!("dead letters may be: {}", FORMATS.join(", "));
        return Err(Error::user("dead letters cannot have this format").with("format", format).hint(
            match nearest(format, FORMATS) {
                Some(near) => format!("did you mean `{near}`? {known}"),
                None => known,
            },
        ));
    }
    let settings = FileSettings::of(&name, options, partition_by, &schema(), OutputMode::Append)?;
    Ok(Location::parse(&settings.path, base)?.to_string())
}

/// Opens an output that was checked.
pub fn open(
    format: &str,
    options: &Options,
    partition_by: &[String],
    context: &SinkContext,
) -> Result<Arc<dyn Sink>> {
    check(format, options, partition_by, &context.base)?;
    let spec = SinkSpec { format, options, partition_by, schema: &schema(), mode: OutputMode::Append };
    open_sink(&spec, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::options;

    #[test]
    fn an_output_is_named_by_its_place() {
        let base = Path::new("/base");
        let named = |format: &str, path: &str| check(format, &options(&[("path", path)]), &[], base).unwrap();
        assert_eq!(named("json", "letters"), named("Parquet", "file:///base/./letters/"));
        assert_ne!(named("json", "letters"), named("json", "/letters"));
    }

    #[test]
    fn refusals_name_what_would_work() {
        let path = ("path", "/out");
        for (format, given, partition_by, message, hint) in [
            (
                "console",
                &[path][..],
                &[][..],
                "dead letters cannot have this format",
                "dead letters may be: json",
            ),
            ("jsn", &[path], &[], "dead letters cannot have this format", "did you mean `json`?"),
            ("json", &[], &[], "a required option is missing", "path"),
            ("json", &[path, ("pth", "x")], &[], "unknown option", "path"),
            (
                "json",
                &[path],
                &["colour".to_string()],
                "a partition column is not in the output",
                "time, query",
            ),
        ] {
            let error = check(format, &options(given), partition_by, Path::new("/")).unwrap_err();
            assert_eq!(error.message(), message);
            assert!(error.hint_text().unwrap_or_default().contains(hint), "{error:?}");
        }
    }
}
