//! A sink under test: opened and started like a query does it, and looked at like a reader does it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use uuid::Uuid;

use crate::clock::ManualClock;
use crate::format::sink_log::{SinkFile, read_files, stored_path};
use crate::record::parse_ddl;
use crate::sink::file::*;
use crate::sink::memory::MemoryRows;
use crate::sink::testing::{facts, options};
use crate::sink::{OutputMode, check};
use crate::storage::{FileStatus, MemoryStorage};

pub const ROOT: &str = "/data/out dir";

/// What a sink under test is opened with.
#[derive(Clone)]
pub struct Stand {
    pub storage: Arc<dyn Storage>,
    pub clock: Arc<ManualClock>,
    pub partition_by: Vec<String>,
    pub options: Vec<(&'static str, &'static str)>,
}

impl Default for Stand {
    fn default() -> Stand {
        Stand {
            storage: Arc::new(MemoryStorage::new()),
            clock: Arc::new(ManualClock::default()),
            partition_by: Vec::new(),
            options: Vec::new(),
        }
    }
}

impl Stand {
    pub fn on(storage: Arc<dyn Storage>) -> Stand {
        Stand { storage, ..Stand::default() }
    }

    pub fn partitioned(mut self, column: &str) -> Stand {
        self.partition_by.push(column.to_string());
        self
    }

    pub fn with(mut self, key: &'static str, value: &'static str) -> Stand {
        self.options.push((key, value));
        self
    }

    /// A sink of a new run, which has not looked at its output yet.
    pub fn open(&self, run: u128) -> FileSink {
        let schema = parse_ddl("id BIGINT, word STRING").unwrap();
        let mut given = self.options.clone();
        given.push(("path", ROOT));
        let options = options(&given);
        check("json", &options, &self.partition_by, &schema, OutputMode::Append).unwrap();
        let settings =
            FileSettings::of("json", &options, &self.partition_by, &schema, OutputMode::Append).unwrap();
        let context = SinkContext {
            run_id: RunId(Uuid::from_u128(run)),
            clock: self.clock.clone(),
            base: "/".into(),
            printer: Arc::new(std::sync::Mutex::new(std::io::sink())),
            memory: MemoryRows::default(),
        };
        FileSink::new(settings, schema, self.storage.clone(), ROOT, &context)
    }

    /// A sink of a new run that starts with batch `next`; `planned` tells that an earlier run began it.
    pub fn start(&self, run: u128, next: BatchId, planned: bool) -> Result<FileSink> {
        let sink = self.open(run);
        let committed = next.checked_sub(1);
        sink.recover(&facts(if planned { Some(next) } else { committed }, committed))?;
        Ok(sink)
    }

    /// Entries of the log by name.
    pub fn entries(&self) -> Vec<String> {
        let listed = self.storage.list(&format!("{ROOT}/_spark_metadata")).unwrap();
        let names = listed.iter().filter_map(|status| status.path.rsplit('/').next());
        names.filter(|name| !name.starts_with('.')).map(str::to_string).collect()
    }

    /// The paths that the log lists, below the root.
    pub fn listed(&self) -> Vec<String> {
        let files = read_files(&*self.storage, ROOT).unwrap().unwrap_or_default();
        files.iter().map(|file| self.below_root(file)).collect()
    }

    fn below_root(&self, file: &SinkFile) -> String {
        let path = stored_path(&*self.storage, ROOT, file).unwrap().unwrap();
        path.strip_prefix(&format!("{ROOT}/")).unwrap().to_string()
    }

    /// The lines that a reader of the log sees, with the directory they are in; sizes have to be exact.
    pub fn visible(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for file in read_files(&*self.storage, ROOT).unwrap().unwrap_or_default() {
            let below = self.below_root(&file);
            let bytes = self.storage.read(&format!("{ROOT}/{below}")).unwrap();
            let bytes = bytes.unwrap_or_else(|| panic!("{below} is listed and not there"));
            assert_eq!(bytes.len() as u64, file.size, "{below}");
            let dir = below.rsplit_once('/').map_or("", |(dir, _)| dir);
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            lines.extend(text.lines().map(|line| format!("{dir}{line}")));
        }
        lines.sort();
        lines
    }

    /// Files with names that are not hidden, below the root, outside of the log.
    pub fn files(&self) -> Vec<String> {
        let (mut found, mut dirs) = (Vec::new(), vec![ROOT.to_string()]);
        while let Some(dir) = dirs.pop() {
            for status in self.storage.list(&dir).unwrap() {
                let name = status.path.rsplit('/').next().unwrap_or_default();
                match name.starts_with(['.', '_']) {
                    true => {}
                    false if status.is_dir => dirs.push(status.path),
                    false => found.push(status.path[ROOT.len() + 1..].to_string()),
                }
            }
        }
        found.sort();
        found
    }

    /// Paths below the staging directory.
    pub fn staged(&self) -> Vec<FileStatus> {
        self.storage.list(&format!("{ROOT}/.wasmill-staging")).unwrap()
    }
}

pub fn rows(ids: &[i64], words: &[&str]) -> RecordBatch {
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
        ("word", Arc::new(StringArray::from(words.to_vec()))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Rows of a batch that say which batch they are of.
pub fn batch_rows(batch: BatchId, count: usize) -> Vec<RecordBatch> {
    let ids: Vec<i64> = (0..count as i64).map(|row| batch as i64 * 100 + row).collect();
    let words: Vec<&str> = ids.iter().map(|id| if id % 2 == 0 { "a/b" } else { "é" }).collect();
    ids.chunks(2).zip(words.chunks(2)).map(|(ids, words)| rows(ids, words)).collect()
}

/// Stages rows over so many partitions, round robin.
pub fn stage(
    sink: &FileSink,
    batch: BatchId,
    rows: &[RecordBatch],
    partitions: usize,
) -> Result<Vec<Staged>> {
    let mut staged = Vec::new();
    for partition in 0..partitions {
        let mut writer = sink.stage(batch, partition)?;
        for rows in rows.iter().skip(partition).step_by(partitions) {
            writer.write(rows)?;
        }
        staged.push(writer.finish()?);
    }
    Ok(staged)
}

pub fn run(sink: &FileSink, batch: BatchId, rows: &[RecordBatch], partitions: usize) -> Result<()> {
    let staged = stage(sink, batch, rows, partitions)?;
    sink.publish(batch, staged)
}
