//! What `show` prints of directories that sinks and others wrote.

use std::fs;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, StringArray};
use uuid::Uuid;

use super::*;
use crate::clock::SystemClock;
use crate::record::{QueryId, RunId};
use crate::sink::memory::MemoryRows;
use crate::sink::{CheckpointFacts, OutputMode, SinkContext, SinkSpec, open};

fn shown(arguments: &[&str]) -> Result<String> {
    #[derive(clap::Parser)]
    struct Parser {
        #[command(flatten)]
        args: ShowArgs,
    }
    let parser = <Parser as clap::Parser>::parse_from([&["show"], arguments].concat());
    let mut out = Vec::new();
    show(parser.args, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// Writes two batches through the sink, partitioned by `day`.
fn write_stream(path: &str, format: &str) {
    let schema = parse_ddl("id BIGINT, day STRING").unwrap();
    let options = Options::new(BTreeMap::from([("path".to_string(), path.to_string())])).unwrap();
    let partition_by = ["day".to_string()];
    let mode = OutputMode::Append;
    let spec = SinkSpec { format, options: &options, partition_by: &partition_by, schema: &schema, mode };
    let context = SinkContext {
        run_id: RunId(Uuid::from_u128(1)),
        clock: Arc::new(SystemClock),
        base: "/".into(),
        printer: Arc::new(Mutex::new(std::io::sink())),
        memory: MemoryRows::default(),
    };
    let sink = open(&spec, &context).unwrap();
    let query_id = QueryId(Uuid::from_u128(2));
    sink.recover(&CheckpointFacts { query_id, planned: None, committed: None }).unwrap();
    for (batch, day) in [(0, "2026-11-21"), (1, "2026-11-22")] {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![batch as i64 * 2, batch as i64 * 2 + 1])),
            Arc::new(StringArray::from(vec![day; 2])),
        ];
        let mut writer = sink.stage(batch, 0).unwrap();
        writer.write(&RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
        sink.publish(batch, vec![writer.finish().unwrap()]).unwrap();
    }
}

#[test]
fn a_stream_of_each_format_reads_back_through_its_log() {
    for format in ["parquet", "json", "csv"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let path = path.to_str().unwrap();
        write_stream(path, format);
        // No entry lists it.
        let stray = format!("{path}/day=2026-11-21/part-9.{format}");
        fs::copy(
            fs::read_dir(format!("{path}/day=2026-11-21")).unwrap().next().unwrap().unwrap().path(),
            stray,
        )
        .unwrap();
        let column = if format == "csv" { "_c0 STRING" } else { "id BIGINT" };
        let title = if format == "csv" { "_c0" } else { " id" };
        let text = shown(&[path, "--limit", "3"]).unwrap();
        let expected = format!(
            "2 {format} files, those that _spark_metadata lists\nschema: {column}, day DATE\n\
             +---+----------+\n|{title}|       day|\n+---+----------+\n|  0|2026-11-21|\n|  1|2026-11-21|\n\
             |  2|2026-11-22|\n+---+----------+\nonly showing top 3 rows\ncount: 4\n"
        );
        assert_eq!(text, expected);
        let text = shown(&[path, "--output", "json", "--schema", "id BIGINT, day STRING"]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], "id BIGINT, day STRING");
        assert_eq!((json["count"].as_u64(), json["sinkLog"].as_bool()), (Some(4), Some(true)));
        assert_eq!(json["rows"][3]["id"], 3);
        assert_eq!(json["rows"][3]["day"], "2026-11-22");
        // Below the log, and by a pattern, all files count.
        assert!(shown(&[&format!("{path}/day=2026-11-21")]).unwrap().ends_with("count: 4\n"));
        assert!(shown(&[&format!("{path}/day=*")]).unwrap().ends_with("count: 6\n"));
    }
}

#[test]
fn plain_directories_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    fs::create_dir_all(path("j/k=7")).unwrap();
    fs::create_dir_all(path("j/plain")).unwrap();
    fs::write(path("j/k=7/a.json"), "{\"b\":1,\"a\":\"x\"}\n{\"b\":2.5,\"c\":[true]}\n").unwrap();
    fs::write(path("j/plain/b.json"), "{\"b\":1}\n").unwrap();
    fs::write(path("j/_SUCCESS"), "").unwrap();
    let text = shown(&[&path("j"), "--truncate", "0"]).unwrap();
    let expected = "1 json file\nschema: a STRING, b DOUBLE, c ARRAY<BOOLEAN>, k INT\n\
                    +----+---+------+---+\n|a   |b  |c     |k  |\n+----+---+------+---+\n\
                    |x   |1.0|NULL  |7  |\n|NULL|2.5|[true]|7  |\n+----+---+------+---+\ncount: 2\n";
    assert_eq!(text, expected);
    fs::write(path("h.csv"), "id,name\n1,é\n2,\n").unwrap();
    let text = shown(&[&path("h.csv"), "--option", "header=true", "--option", "inferSchema=true"]).unwrap();
    assert!(
        text.contains("schema: id INT, name STRING\n")
            && text.ends_with("|  2|NULL|\n+---+----+\ncount: 2\n")
    );
    fs::write(path("lines"), "one\ntwo\n").unwrap();
    let text = shown(&[&path("lines"), "--format", "text", "--limit", "0"]).unwrap();
    assert!(
        text.contains("schema: value STRING\n") && text.ends_with("only showing top 0 rows\ncount: 2\n"),
        "{text}"
    );
    fs::create_dir_all(path("empty")).unwrap();
    assert_eq!(shown(&[&path("empty")]).unwrap(), "0 files\ncount: 0\n");
    let json: serde_json::Value =
        serde_json::from_str(&shown(&[&path("empty"), "--output", "json"]).unwrap()).unwrap();
    assert_eq!((json["count"].as_u64(), json["rows"].as_array().map(Vec::len)), (Some(0), Some(0)));
}

#[test]
fn refusals_say_what_would_work() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    fs::create_dir_all(path("mixed")).unwrap();
    fs::write(path("mixed/a.json"), "{}").unwrap();
    fs::write(path("mixed/b.csv"), "1").unwrap();
    fs::create_dir_all(path("torn/_spark_metadata")).unwrap();
    fs::write(path("torn/_spark_metadata/0"), "").unwrap();
    for (arguments, message) in [
        (vec![path("nowhere")], "there is nothing at this path"),
        (vec![path("mixed")], "cannot tell the format by the names of the files"),
        (vec![path("mixed"), "--format".into(), "xml".into()], "there is no such file format"),
        (
            vec![path("mixed"), "--format".into(), "json".into(), "--option".into(), "heder=1".into()],
            "unknown option",
        ),
        (vec![path("torn")], "cannot read the sink log"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let error = shown(&arguments).unwrap_err();
        assert_eq!(error.message(), message, "{error}");
    }
}
