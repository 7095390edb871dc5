//! The options of the file source. Opens nothing.

use std::path::Path;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::format::Format;
use crate::record::{BareUnit, Options};
use crate::storage::{Location, glob_may_cover, is_glob};

const OPTIONS: &[&str] = &[
    "path",
    "maxFilesPerTrigger",
    "maxBytesPerTrigger",
    "latestFirst",
    "maxFileAge",
    "fileNameOnly",
    "cleanSource",
    "sourceArchiveDir",
    "maxCachedFiles",
    "discardCachedInputRatio",
    "pathGlobFilter",
    "recursiveFileLookup",
];

const MAX_FILE_AGE_MS: i64 = 7 * 24 * 3_600_000;
const CACHED_FILES_MAX: u64 = 10_000;
const DISCARD_CACHED_RATIO: f64 = 0.2;

/// How much one batch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    None,
    Files(u64),
    /// At least one file, whatever its size.
    Bytes(u64),
}

/// What becomes of files whose batch is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanSource {
    Off,
    Delete,
    /// They are moved to this directory with their whole path below it.
    Archive(Location),
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub location: Location,
    pub limit: Limit,
    pub latest_first: bool,
    /// Files this much older than the newest one seen are passed over; nothing if age does not count.
    pub max_file_age_ms: Option<i64>,
    pub file_name_only: bool,
    pub clean: CleanSource,
    /// How many files that are listed and not yet read are kept for the next batches.
    pub cached_files_max: u64,
    /// Fewer than this share of a batch are not worth keeping.
    pub discard_cached_ratio: f64,
    pub name_filter: Option<String>,
    pub recursive: bool,
}

impl Settings {
    /// `base` is what a relative path is relative to.
    pub fn of(format: Format, options: &Options, base: &Path) -> Result<Settings> {
        refuse_times(options)?;
        let known: Vec<&str> = OPTIONS.iter().chain(format.read_options()).copied().collect();
        options.refuse_unknown(&known)?;
        let path =
            options.required("path", "write the directory to read, or a glob such as `/data/day=*`")?;
        let location = Location::parse(path, base)?;
        let limit = limit(options)?;
        let latest_first = options.boolean("latestFirst")?.unwrap_or(false);
        let age = options.duration_micros("maxFileAge", BareUnit::Milliseconds)?.map(|micros| micros / 1_000);
        // The newest first and a limit: old files would become too old while they wait.
        let ages = !(latest_first && limit != Limit::None);
        Ok(Settings {
            clean: clean_source(options, &location, base)?,
            location,
            limit,
            latest_first,
            max_file_age_ms: ages.then(|| age.unwrap_or(MAX_FILE_AGE_MS)),
            file_name_only: options.boolean("fileNameOnly")?.unwrap_or(false),
            cached_files_max: options.non_negative("maxCachedFiles")?.unwrap_or(CACHED_FILES_MAX),
            discard_cached_ratio: ratio(options)?,
            name_filter: options.get("pathGlobFilter").map(str::to_string),
            recursive: options.boolean("recursiveFileLookup")?.unwrap_or(false),
        })
    }
}

fn refuse_times(options: &Options) -> Result<()> {
    for key in ["modifiedBefore", "modifiedAfter"] {
        if options.contains(key) {
            return Err(Error::user("this option is not allowed for a stream of files")
                .with("option", key)
                .hint("files are taken in the order of their times; maxFileAge leaves old ones out"));
        }
    }
    Ok(())
}

fn limit(options: &Options) -> Result<Limit> {
    Ok(match (options.positive("maxFilesPerTrigger")?, options.positive("maxBytesPerTrigger")?) {
        (None, None) => Limit::None,
        (Some(files), None) => Limit::Files(files),
        (None, Some(bytes)) => Limit::Bytes(bytes),
        (Some(_), Some(_)) => {
            return Err(Error::user("a batch is limited twice")
                .with("options", "maxFilesPerTrigger, maxBytesPerTrigger")
                .hint("keep one of the two"));
        }
    })
}

fn ratio(options: &Options) -> Result<f64> {
    let key = "discardCachedInputRatio";
    let Some(text) = options.get(key) else { return Ok(DISCARD_CACHED_RATIO) };
    let ratio = text.trim().parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| options.bad_value(key, "a number from 0 to 1"))
}

fn clean_source(options: &Options, location: &Location, base: &Path) -> Result<CleanSource> {
    match options.get("cleanSource").unwrap_or("off").to_lowercase().as_str() {
        "off" => Ok(CleanSource::Off),
        "delete" => Ok(CleanSource::Delete),
        "archive" => {
            let dir =
                options.required("sourceArchiveDir", "cleanSource archive needs a directory to move to")?;
            let archive = Location::parse(dir, base)?;
            if archive.file_system != location.file_system {
                return Err(options.bad_value("sourceArchiveDir", "a path on the file system of the source"));
            }
            if glob_may_cover(&location.path, &archive.path)? {
                return Err(Error::user("files in the archive could be read again")
                    .with("path", location)
                    .with("sourceArchiveDir", &archive)
                    .hint("choose a directory that neither holds the source's path nor is below it"));
            }
            Ok(CleanSource::Archive(archive))
        }
        _ => Err(options.bad_value("cleanSource", "off, delete or archive")),
    }
}

/// The columns that the user says files have; of text there is no need to say it.
pub fn user_schema(format: Format, schema: Option<SchemaRef>) -> Result<SchemaRef> {
    match schema {
        Some(schema) => Ok(schema),
        None if format == Format::Text => {
            Ok(SchemaRef::new(Schema::new(vec![Field::new("value", DataType::Utf8, true)])))
        }
        None => Err(Error::user("schema must be specified when creating a streaming source")
            .hint("write `schema: \"id INT, name STRING\"` beside `format`")),
    }
}

impl Settings {
    pub fn is_glob(&self) -> bool {
        is_glob(&self.location.path)
    }
}
