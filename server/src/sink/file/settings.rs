//! What a file sink was asked for, checked without reaching out: format, options, partition columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::format::{self, Format};
use crate::record::{BareUnit, Options, type_name};
use crate::sink::OutputMode;

/// Options of the sink itself; the format has more.
const OWN_OPTIONS: [&str; 3] = ["path", "retention", "maxRecordsPerFile"];

#[derive(Clone, Debug)]
pub struct FileSettings {
    pub format: Format,
    pub options: Options,
    /// As the user wrote it.
    pub path: String,
    /// The columns that go into files.
    pub file_schema: SchemaRef,
    /// Their indexes in the rows.
    pub file_columns: Vec<usize>,
    /// Indexes in the rows of the columns that go into directory names, in `partitionBy`'s order.
    pub partition_columns: Vec<usize>,
    /// `.snappy.parquet`
    pub extension: String,
    pub records_per_file_max: Option<u64>,
    /// Files older than this leave the log when it is compacted; milliseconds.
    pub retention_ms: Option<i64>,
}

impl FileSettings {
    /// `User` error, with what would work.
    pub fn of(
        format_name: &str,
        options: &Options,
        partition_by: &[String],
        schema: &SchemaRef,
        mode: OutputMode,
    ) -> Result<FileSettings> {
        refuse_mode(format_name, mode)?;
        let format = Format::of(format_name)?;
        let known: Vec<_> = OWN_OPTIONS.iter().chain(format.write_options()).copied().collect();
        options.refuse_unknown(&known)?;
        let path =
            options.required("path", "write the output directory: `path: /data/out`, or one on hdfs://")?;
        refuse_twins(schema)?;
        let partition_columns = partition_columns(partition_by, schema)?;
        let file_columns: Vec<_> =
            (0..schema.fields().len()).filter(|column| !partition_columns.contains(column)).collect();
        if file_columns.is_empty() {
            return Err(Error::user("all columns are partition columns")
                .hint("leave a column out of `partitionBy`: files need at least one"));
        }
        let fields: Vec<_> = file_columns.iter().map(|column| schema.fields()[*column].clone()).collect();
        let file_schema: SchemaRef = Arc::new(Schema::new(fields));
        format::check_write(format, &file_schema, options)?;
        let retention = options.duration_micros("retention", BareUnit::Milliseconds)?;
        Ok(FileSettings {
            format,
            path: path.to_string(),
            extension: format::extension(format, options)?,
            records_per_file_max: options.positive("maxRecordsPerFile")?,
            retention_ms: retention.map(|micros| micros / 1_000),
            options: options.clone(),
            file_schema,
            file_columns,
            partition_columns,
        })
    }
}

fn refuse_mode(format_name: &str, mode: OutputMode) -> Result<()> {
    let mode = match mode {
        OutputMode::Append => return Ok(()),
        OutputMode::Update => "update",
        OutputMode::Complete => "complete",
    };
    Err(Error::user(
        "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE: this sink does not support the output mode",
    )
    .with("mode", mode)
    .with("format", format_name)
    .hint("files can only be added: use outputMode append, with a watermark if there is an aggregation"))
}

fn refuse_twins(schema: &Schema) -> Result<()> {
    for (index, field) in schema.fields().iter().enumerate() {
        let twin =
            schema.fields()[..index].iter().find(|other| other.name().eq_ignore_ascii_case(field.name()));
        if let Some(twin) = twin {
            return Err(Error::user("two columns have the same name")
                .with("column", field.name())
                .with("also", twin.name())
                .hint("give one of them another name with AS; upper and lower case are the same"));
        }
    }
    Ok(())
}

fn partition_columns(names: &[String], schema: &Schema) -> Result<Vec<usize>> {
    let mut columns: Vec<usize> = Vec::with_capacity(names.len());
    for name in names {
        let found = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let Some(column) = found else {
            let existing: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(Error::user("a partition column is not in the output")
                .with("column", name)
                .hint(format!("columns of the output: {}", existing.join(", "))));
        };
        if columns.contains(&column) {
            return Err(Error::user("a partition column is named twice").with("column", name));
        }
        let data_type = schema.field(column).data_type();
        if matches!(data_type, DataType::Struct(_) | DataType::List(_) | DataType::Map(_, _)) {
            return Err(Error::user(
                "INVALID_PARTITION_COLUMN_DATA_TYPE: a partition column cannot be nested",
            )
            .with("column", name)
            .with("type", type_name(data_type))
            .hint("select a field of it, such as `window.start`, as a column of its own"));
        }
        columns.push(column);
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parse_ddl;
    use crate::sink::testing::options;

    fn settings(partition_by: &[&str], given: &[(&str, &str)], mode: OutputMode) -> Result<FileSettings> {
        let schema = parse_ddl("v INT, k STRING, w STRUCT<start: TIMESTAMP>").unwrap();
        let names: Vec<_> = partition_by.iter().map(|name| name.to_string()).collect();
        FileSettings::of("json", &options(given), &names, &schema, mode)
    }

    #[test]
    fn partition_columns_leave_the_files() {
        let path = ("path", "/out");
        let found = settings(&["K"], &[path, ("maxRecordsPerFile", "5")], OutputMode::Append).unwrap();
        assert_eq!((found.partition_columns, found.file_columns), (vec![1], vec![0, 2]));
        assert_eq!(found.file_schema.field(1).name(), "w");
        assert_eq!((found.records_per_file_max, found.extension.as_str()), (Some(5), ".json"));
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let path = ("path", "/out");
        for (partition_by, given, mode, message) in [
            (&[][..], &[][..], OutputMode::Append, "a required option is missing"),
            (&[], &[path, ("pth", "x")], OutputMode::Append, "unknown option"),
            (&[], &[path, ("retention", "abc")], OutputMode::Append, "cannot use the value of an option"),
            (&["zz"], &[path], OutputMode::Append, "a partition column is not in the output"),
            (&["k", "k"], &[path], OutputMode::Append, "a partition column is named twice"),
            (&["w"], &[path], OutputMode::Append, "INVALID_PARTITION_COLUMN_DATA_TYPE"),
            (&[], &[path], OutputMode::Complete, "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE"),
            (&[], &[path], OutputMode::Update, "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE"),
        ] {
            let error = settings(partition_by, given, mode).unwrap_err();
            assert!(error.message().starts_with(message), "{error}");
        }
        for (ddl, partition_by, message) in [
            ("v INT, V STRING", vec![], "two columns have the same name"),
            ("v INT", vec!["v".to_string()], "all columns are partition columns"),
        ] {
            let schema = parse_ddl_unchecked(ddl);
            let found =
                FileSettings::of("json", &options(&[path]), &partition_by, &schema, OutputMode::Append);
            assert_eq!(found.unwrap_err().message(), message);
        }
    }

    /// `parse_ddl` refuses twins itself.
    fn parse_ddl_unchecked(ddl: &str) -> SchemaRef {
        let fields: Vec<_> =
            ddl.split(", ").map(|column| parse_ddl(column).unwrap().field(0).clone()).collect();
        Arc::new(Schema::new(fields))
    }
}
