//! Dead letters: rows that a stage set aside, with what is known about them. Which columns they have and where they
//! may go; why a row was set aside is not known here.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};

use super::file::FileSettings;
use super::kafka::{KafkaSettings, KafkaSink};
use super::{
    CheckpointFacts, OutputMode, Sink, SinkContext, SinkSpec, StageWriter, Staged, open as open_sink,
};
use crate::error::{Error, Result};
use crate::format::row_json::write_row;
use crate::record::{BatchId, Options, nearest, timestamp_type};
use crate::storage::Location;

/// Every format that dead letters may have.
pub const FORMATS: [&str; 3] = ["json", "kafka", "parquet"];

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
    if name == "kafka" {
        refuse_partition_by(partition_by)?;
        return Ok(topic_key(&KafkaSettings::of(options)?.topic));
    }
    let settings = FileSettings::of(&name, options, partition_by, &schema(), OutputMode::Append)?;
    Ok(Location::parse(&settings.path, base)?.to_string())
}

/// What [`check`] calls a topic, whatever its cluster.
pub fn topic_key(topic: &str) -> String {
    format!("kafka:{topic}")
}

/// Opens an output that was checked.
pub fn open(
    format: &str,
    options: &Options,
    partition_by: &[String],
    context: &SinkContext,
) -> Result<Arc<dyn Sink>> {
    check(format, options, partition_by, &context.base)?;
    if format.eq_ignore_ascii_case("kafka") {
        return Ok(Arc::new(LetterTopic(KafkaSink::new(KafkaSettings::of(options)?))));
    }
    let spec = SinkSpec { format, options, partition_by, schema: &schema(), mode: OutputMode::Append };
    open_sink(&spec, context)
}

fn refuse_partition_by(partition_by: &[String]) -> Result<()> {
    match partition_by {
        [] => Ok(()),
        _ => Err(Error::user("a topic has no partition directories").hint("remove `partitionBy`")),
    }
}

/// Dead letters as records: the letter is the value, as JSON; the key says where its row came from, so that the
/// letters of one partition or file stay in order.
struct LetterTopic(KafkaSink);

impl Sink for LetterTopic {
    fn description(&self) -> String {
        self.0.description()
    }

    fn recover(&self, facts: &CheckpointFacts) -> Result<()> {
        self.0.recover(facts)
    }

    fn stage(&self, batch: BatchId, partition: usize) -> Result<Box<dyn StageWriter>> {
        Ok(Box::new(LetterStage(self.0.stage(batch, partition)?)))
    }

    fn publish(&self, batch: BatchId, staged: Vec<Staged>) -> Result<()> {
        self.0.publish(batch, staged)
    }
}

struct LetterStage(Box<dyn StageWriter>);

impl StageWriter for LetterStage {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.0.write(&records(rows)?)
    }

    fn finish(self: Box<Self>) -> Result<Staged> {
        self.0.finish()
    }
}

/// Key and value of each letter.
fn records(letters: &RecordBatch) -> Result<RecordBatch> {
    let column = |name: &str| {
        let found = letters.column_by_name(name);
        found.ok_or_else(|| Error::internal("a dead letter lacks a column").with("column", name))
    };
    let text = |name: &str| column(name).map(|column| column.as_string::<i32>());
    let (topic, path, stage) = (text("topic")?, text("path")?, text("stage")?);
    let partition: &Int32Array = column("partition")?.as_primitive::<Int32Type>();
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for row in 0..letters.num_rows() {
        keys.push(match (topic.is_valid(row), path.is_valid(row)) {
            (true, _) => format!("{}-{}", topic.value(row), partition.value(row)),
            (false, true) => path.value(row).to_string(),
            (false, false) => stage.value(row).to_string(),
        });
        let mut value = Vec::new();
        write_row(letters, row, &mut value)?;
        values.push(String::from_utf8(value).map_err(|e| Error::internal("JSON is no text").because(e))?);
    }
    let texts = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as ArrayRef;
    RecordBatch::try_from_iter([("key", texts(keys)), ("value", texts(values))])
        .map_err(|e| Error::internal("write dead letters as records").because(e))
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
        let topic = options(&[("topic", "t"), ("kafka.bootstrap.servers", "b:1")]);
        assert_eq!(check("kafka", &topic, &[], base).unwrap(), "kafka:t");
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
            ("kafka", &[], &[], "a required option is missing", "topic"),
            ("kafka", &[], &["time".to_string()], "a topic has no partition directories", "partitionBy"),
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
