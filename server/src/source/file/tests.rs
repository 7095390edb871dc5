//! The file source over files in memory: what Spark 4.2 reads from the same files, in the same batches, and
//! the few differences that are chosen.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::format::cell::{BinaryText, write_cell};
use crate::format::sink_log::{SinkFile, encode};
use crate::record::parse_ddl;
use crate::source::testing::{context, options, read_all};
use crate::storage::MemoryStorage;

struct Stand {
    storage: MemoryStorage,
    context: SourceContext,
    format: Format,
    ddl: &'static str,
    options: Options,
}

impl Stand {
    /// The files of a case, made in this order, so that each is newer than the one before.
    fn new(files: &[(&str, &str)], ddl: &'static str, pairs: &[(&str, &str)]) -> Stand {
        let storage = MemoryStorage::new();
        storage.make_dirs("/in").unwrap();
        for (path, content) in files {
            storage.replace(&format!("/in/{path}"), content.as_bytes()).unwrap();
        }
        let mut all = vec![("path", "/in")];
        all.retain(|(key, _)| pairs.iter().all(|(other, _)| other != key));
        all.extend(pairs);
        let context = context(Arc::new(ManualClock::default()));
        Stand { storage, context, format: Format::Json, ddl, options: options(&all) }
    }

    fn open(&self) -> Result<FileSource> {
        let settings = Settings::of(self.format, &self.options, "/".as_ref())?;
        let schema = if self.ddl.is_empty() { None } else { Some(parse_ddl(self.ddl)?) };
        let spec = FileSourceSpec { format: self.format, schema, options: &self.options };
        FileSource::with_storage(Arc::new(self.storage.clone()), settings, &spec, self.context.clone())
    }
}

fn rows(source: &mut FileSource, start: Option<&Offset>, end: &Offset) -> Result<Vec<String>> {
    let all: Vec<usize> = (0..source.schema().fields().len()).collect();
    let mut rows = Vec::new();
    for batch in read_all(source.splits(start, end)?, &all, 2) {
        for row in 0..batch.num_rows() {
            let mut cells = Vec::new();
            for column in batch.columns() {
                let mut cell = String::new();
                write_cell(column, row, BinaryText::Hex, &mut cell)?;
                cells.push(cell);
            }
            rows.push(cells.join(","));
        }
    }
    Ok(rows)
}

/// All batches there are now, each as its rows.
fn batches(source: &mut FileSource, mut start: Option<Offset>) -> Result<Vec<Vec<String>>> {
    let mut found = Vec::new();
    loop {
        let end = source.next_end(start.as_ref(), ReadLimits::Honour)?;
        if end == start {
            return Ok(found);
        }
        let new_end = end.clone().unwrap();
        found.push(rows(source, start.as_ref(), &new_end)?);
        source.commit(&new_end)?;
        start = end;
    }
}

fn shown(stand: &Stand) -> String {
    let read = || -> Result<String> {
        let mut source = stand.open()?;
        let names: Vec<String> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batches = batches(&mut source, None)?;
        let batches: Vec<String> = batches.into_iter().map(|rows| rows.join(" ")).collect();
        Ok(format!("{}: {}", names.join(","), batches.join(" | ")))
    };
    read().unwrap_or_else(|error| format!("{:?}: {}", error.kind(), error.message()))
}

const ONE: &str = r#"{"a":1}"#;
const TWO: &str = r#"{"a":2}"#;
const NINE: &str = r#"{"a":9}"#;

#[test]
fn directories() {
    for (files, ddl, expected) in [
        (&[("f", ONE), ("sub/g", TWO)][..], "a int", "a: 1"),
        (&[("k=1/f", ONE), ("k=2/g", TWO)], "a int", "a,k: 1,1 2,2"),
        // Spark puts the columns of directories last, whatever the user's schema.
        (&[("k=1/f", ONE), ("k=2/g", TWO)], "k string, a int", "k,a: 1,1 2,2"),
        (&[("k=1/f", ONE)], "K string, a int", "K,a: 1,1"),
        (&[("k=1/f", r#"{"a":1,"k":5}"#)], "a int, k int", "a,k: 1,1"),
        (&[("k=1/f", ONE), ("k=1/sub/r", NINE)], "a int", "a,k: 1,1 9,1"),
        (&[("k=1/sub/r", NINE)], "a int", "a,k: 9,1"),
        (
            &[("k=1/d=2026-01-02/f", ONE), ("k=3000000000/d=2026-01-03/g", TWO)],
            "a int",
            "a,k,d: 1,1,2026-01-02 2,3000000000,2026-01-03",
        ),
        (&[("k=a%2Fb c/f", ONE), ("k=__HIVE_DEFAULT_PARTITION__/g", ONE)], "a int", "a,k: 1,a/b c 1,NULL"),
        (&[("k=2026-01-02 03%3A04%3A05/f", ONE)], "a int", "a,k: 1,2026-01-02 03:04:05"),
        (&[("_x", ONE), (".y", ONE), ("z", ONE), ("w._COPYING_", ONE), ("_t/f", ONE)], "a int", "a: 1"),
        (&[("_k=1/f", ONE)], "a int", "a,_k: 1,1"),
        // Spark reads below `sub` if nothing else is there, and fails if something is.
        (&[("sub/k=1/r", NINE)], "a int", "a: "),
        // Spark leaves the rows of such a file out without a word.
        (
            &[("k=1/f", ONE), ("r", NINE)],
            "a int",
            "Data: directories of the source have different partition columns",
        ),
        (
            &[("k=1/f", ONE), ("j=1/g", ONE)],
            "a int",
            "Data: directories of the source have different partition columns",
        ),
        (
            &[("k=1/f", ONE), ("k=1/j=1/g", ONE)],
            "a int",
            "Data: directories of the source have different partition columns",
        ),
        (&[("k=/f", ONE)], "a int", "Data: a partition directory has no value"),
        (&[("f", ONE)], "", "User: schema must be specified when creating a streaming source"),
        (&[("a b é%.json", ONE)], "a int", "a: 1"),
    ] {
        assert_eq!(shown(&Stand::new(files, ddl, &[])), expected, "{files:?} {ddl}");
    }
}

#[test]
fn options_of_the_source() {
    let three = &[("b", ONE), ("a", TWO), ("c", r#"{"a":3}"#)][..];
    let same_name = &[("k=1/f", ONE), ("k=2/f", TWO)][..];
    for (files, pairs, expected) in [
        (three, &[][..], "a: 1 2 3"),
        (three, &[("maxFilesPerTrigger", "1")], "a: 1 | 2 | 3"),
        (three, &[("maxFilesPerTrigger", "2"), ("maxCachedFiles", "0")], "a: 1 2 | 3"),
        (three, &[("maxFilesPerTrigger", "1"), ("latestFirst", "true")], "a: 3 | 2 | 1"),
        (three, &[("latestFirst", "true")], "a: 3 2 1"),
        (three, &[("maxBytesPerTrigger", "15")], "a: 1 2 | 3"),
        (three, &[("maxBytesPerTrigger", "1")], "a: 1 | 2 | 3"),
        (three, &[("maxFilesPerTrigger", "1"), ("maxFileAge", "0s")], "a: 1 | 2 | 3"),
        (three, &[("path", "/in/[ab]")], "a: 1 2"),
        (&[("x/f", ONE), ("y/g", TWO), ("h", NINE)], &[("path", "/in/*")], "a: 1 2 9"),
        (same_name, &[("path", "/in/k=*")], "a: 1 2"),
        (three, &[("path", "/in/a")], "a: 2"),
        (same_name, &[("fileNameOnly", "true")], "a,k: 1,1 2,2"),
        (
            same_name,
            &[("fileNameOnly", "true"), ("maxFilesPerTrigger", "1"), ("maxCachedFiles", "0")],
            "a,k: 1,1",
        ),
        (&[("f.json", ONE), ("g.txt", TWO)], &[("pathGlobFilter", "*.json")], "a: 1"),
        (&[("s/f.json", ONE), ("g.txt", TWO)], &[("recursiveFileLookup", "true")], "a: 1 2"),
        (
            three,
            &[("maxBytesPerTrigger", "15"), ("maxFilesPerTrigger", "1")],
            "User: a batch is limited twice",
        ),
        (three, &[("maxFilesPerTrigger", "0")], "User: cannot use the value of an option"),
        (
            three,
            &[("modifiedBefore", "2020-01-01T00:00:00")],
            "User: this option is not allowed for a stream of files",
        ),
        (three, &[("path", "/nope")], "User: the path does not exist"),
        (three, &[("cleanSource", "x")], "User: cannot use the value of an option"),
        (three, &[("cleanSource", "archive")], "User: a required option is missing"),
        (
            three,
            &[("cleanSource", "archive"), ("sourceArchiveDir", "/in/old")],
            "User: files in the archive could be read again",
        ),
        (three, &[("maxFilePerTrigger", "1")], "User: unknown option"),
        (three, &[("header", "true")], "User: unknown option"),
    ] {
        assert_eq!(shown(&Stand::new(files, "a int", pairs)), expected, "{pairs:?}");
    }
}

#[test]
fn the_log_outlives_the_source_and_an_entry_without_offset_is_read() {
    let stand = Stand::new(&[("f", ONE)], "a int", &[]);
    let mut source = stand.open().unwrap();
    let first = source.next_end(None, ReadLimits::Honour).unwrap().unwrap();
    assert_eq!(first.0, json!({"logOffset": 0}));
    let entry = String::from_utf8(stand.context.log.get(0).unwrap().unwrap()).unwrap();
    assert_eq!(entry, "v1\n{\"path\":\"memory:///in/f\",\"timestamp\":1,\"batchId\":0}");
    // The offset was never written; the next run finds the entry and takes it with what came since.
    stand.storage.replace("/in/g", TWO.as_bytes()).unwrap();
    let mut source = stand.open().unwrap();
    let end = source.next_end(None, ReadLimits::Honour).unwrap().unwrap();
    assert_eq!((end.0.clone(), rows(&mut source, None, &end).unwrap().len()), (json!({"logOffset": 1}), 2));
    assert_eq!(rows(&mut source, Some(&first), &end).unwrap(), ["2"]);
    // A changed file is not read again, and that is told.
    stand.storage.replace("/in/f", NINE.as_bytes()).unwrap();
    let mut source = stand.open().unwrap();
    assert_eq!(source.next_end(Some(&end), ReadLimits::Honour).unwrap(), Some(end.clone()));
    assert_eq!(source.metrics(&end).get("numFilesChanged"), Some(&Value::from("1")));
    // An offset that the log does not explain.
    let ahead = Offset(json!({"logOffset": 5}));
    assert_eq!(source.next_end(Some(&ahead), ReadLimits::Honour).unwrap_err().kind(), ErrorKind::Data);
}

#[test]
fn a_fixed_end_leaves_out_what_comes_later() {
    let stand = Stand::new(&[("f", ONE), ("g", TWO)], "a int", &[("maxFilesPerTrigger", "1")]);
    let mut source = stand.open().unwrap();
    source.fix_end().unwrap();
    stand.storage.replace("/in/h", NINE.as_bytes()).unwrap();
    assert_eq!(batches(&mut source, None).unwrap(), [["1"], ["2"]]);
    let mut once = stand.open().unwrap();
    let start = Offset(json!({"logOffset": 1}));
    let end = once.next_end(Some(&start), ReadLimits::Ignore).unwrap().unwrap();
    assert_eq!(rows(&mut once, Some(&start), &end).unwrap(), ["9"]);
}

#[test]
fn files_of_committed_batches_are_cleaned_up() {
    for (clean, left, archived) in [("delete", 0, 0), ("archive", 0, 2), ("OFF", 2, 0)] {
        let pairs = [("cleanSource", clean), ("sourceArchiveDir", "/old"), ("maxFilesPerTrigger", "1")];
        let stand = Stand::new(&[("f", ONE), ("g", TWO)], "a int", &pairs);
        assert_eq!(shown(&stand), "a: 1 | 2");
        assert_eq!(stand.storage.list("/in").unwrap().len(), left, "{clean}");
        assert_eq!(stand.storage.list("/old/in").unwrap().len(), archived, "{clean}");
    }
}

#[test]
fn a_file_that_is_gone_stops_the_batch_by_name() {
    let stand = Stand::new(&[("f", ONE)], "a int", &[]);
    let mut source = stand.open().unwrap();
    let end = source.next_end(None, ReadLimits::Honour).unwrap().unwrap();
    stand.storage.delete("/in/f").unwrap();
    let split = source.splits(None, &end).unwrap().remove(0);
    let options = crate::source::ReadOptions { projection: vec![0], rows_max: 10, with_path: true };
    let error = split.read(&options).unwrap().next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.fact("file")), (ErrorKind::Data, Some("/in/f")));
}

#[test]
fn a_directory_with_a_sink_log_is_read_through_it() {
    let stand = Stand::new(&[("k=1/f", ONE), ("k=1/g", TWO), ("k=1/stray", NINE)], "a int", &[]);
    let uri = |path: &str| stand.storage.uri(path);
    let entry = |uris: &[String]| {
        let files: Vec<_> = uris.iter().map(|uri| SinkFile::add(uri.clone(), 7, 5)).collect();
        encode(&files).unwrap()
    };
    let log = "/in/_spark_metadata";
    stand.storage.replace(&format!("{log}/0"), &entry(&[uri("/in/k=1/f")])).unwrap();
    let mut source = stand.open().unwrap();
    assert_eq!(batches(&mut source, None).unwrap(), [["1,1"]]);
    let start = source.latest().unwrap();
    let outside = ["/in/k=1/g".to_string(), uri("/elsewhere/g"), uri("/in/k=1/g")];
    stand.storage.replace(&format!("{log}/1"), &entry(&outside)).unwrap();
    assert_eq!(batches(&mut source, start.clone()).unwrap(), [["2,1"]]);
    stand.storage.replace(&format!("{log}/3"), &entry(&[])).unwrap();
    assert_eq!(source.next_end(start.as_ref(), ReadLimits::Honour).unwrap_err().kind(), ErrorKind::Data);
    let stand = Stand { options: options(&[("path", "/in"), ("cleanSource", "delete")]), ..stand };
    stand.storage.delete(&format!("{log}/3")).unwrap();
    assert_eq!(stand.open().err().map(|error| error.kind()), Some(ErrorKind::User));
}

#[test]
fn text_with_partition_directories() {
    let files = &[("k=1/f", "x\ny\n"), ("k=2/g", "z")];
    let stand = Stand { format: Format::Text, ..Stand::new(files, "", &[]) };
    assert_eq!(shown(&stand), "value,k: x,1 y,1 z,2");
}
