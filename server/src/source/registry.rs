//! The sources by the name a query gives them. Each source checks its own options.

use std::path::Path;

use arrow::datatypes::SchemaRef;

use super::file::{FileSource, FileSourceSpec};
use super::kafka::KafkaSource;
use super::rate::RateSource;
use super::rate_micro_batch::RateMicroBatchSource;
use super::socket::SocketSource;
use super::{Source, SourceContext};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::record::{Options, nearest};

/// Every format that [`open`] knows.
pub const FORMATS: [&str; 8] =
    ["kafka", "rate", "rate-micro-batch", "socket", "text", "json", "csv", "parquet"];

/// Checks a source's options and tells its columns. Reaches out to nothing, but a file source looks for
/// partition directories, and does without them if its storage does not answer. Relative paths are relative
/// to `base`.
pub fn check(format: &str, schema: Option<SchemaRef>, options: &Options, base: &Path) -> Result<SchemaRef> {
    let name = known(format)?;
    if let Ok(format) = Format::of(name) {
        return FileSource::validate(&FileSourceSpec { format, schema, options }, base);
    }
    refuse_schema(name, schema)?;
    match name {
        "kafka" => KafkaSource::validate(options),
        "rate" => RateSource::validate(options),
        "rate-micro-batch" => RateMicroBatchSource::validate(options),
        "socket" => SocketSource::validate(options),
        _ => Err(unknown(format)),
    }
}

/// Opens a source for a query: connects where it has to. Checks what [`check`] does.
pub fn open(
    format: &str,
    schema: Option<SchemaRef>,
    options: &Options,
    context: SourceContext,
) -> Result<Box<dyn Source>> {
    let name = known(format)?;
    if let Ok(format) = Format::of(name) {
        return Ok(Box::new(FileSource::new(&FileSourceSpec { format, schema, options }, context)?));
    }
    refuse_schema(name, schema)?;
    Ok(match name {
        "kafka" => Box::new(KafkaSource::new(options, context)?),
        "rate" => Box::new(RateSource::new(options, context)?),
        "rate-micro-batch" => Box::new(RateMicroBatchSource::new(options, context)?),
        "socket" => Box::new(SocketSource::new(options, context)?),
        _ => return Err(unknown(format)),
    })
}

/// What says where a row of a source is, for a person who looks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowPlace {
    /// These columns of the source.
    Columns(&'static [&'static str]),
    /// The path of its file.
    Path,
    /// Nothing does.
    Unknown,
}

pub fn row_place(format: &str) -> RowPlace {
    match known(format) {
        Ok("kafka") => RowPlace::Columns(&["topic", "partition", "offset"]),
        Ok(name) if Format::of(name).is_ok() => RowPlace::Path,
        _ => RowPlace::Unknown,
    }
}

/// The format as [`FORMATS`] spells it.
fn known(format: &str) -> Result<&'static str> {
    let found = FORMATS.into_iter().find(|known| known.eq_ignore_ascii_case(format));
    found.ok_or_else(|| unknown(format))
}

fn refuse_schema(format: &str, schema: Option<SchemaRef>) -> Result<()> {
    match schema {
        None => Ok(()),
        Some(_) => Err(Error::user("this source has fixed columns and takes no schema")
            .with("format", format)
            .hint("remove `schema`, and cast the columns in a `select`")),
    }
}

fn unknown(format: &str) -> Error {
    let known = format!("known formats: {}", FORMATS.join(", "));
    Error::user("unknown source format").with("format", format).hint(match nearest(format, FORMATS) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Schema;

    use super::*;
    use crate::clock::ManualClock;
    use crate::source::testing::{context, options};

    #[test]
    fn formats_are_found_in_any_case_and_unknown_ones_name_the_known() {
        assert!(check("Rate", None, &options(&[]), Path::new("/")).is_ok());
        let context = context(Arc::new(ManualClock::default()));
        assert!(open("RATE", None, &options(&[]), context).is_ok());
        let error = check("rat", None, &options(&[]), Path::new("/")).unwrap_err();
        assert!(error.hint_text().unwrap().starts_with("did you mean `rate`? known formats: "));
        let schema = Some(Arc::new(Schema::empty()));
        assert_eq!(
            check("rate", schema, &options(&[]), Path::new("/")).unwrap_err().fact("format"),
            Some("rate")
        );
    }
}
