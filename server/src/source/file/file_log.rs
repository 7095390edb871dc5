//! The log of the files that were taken: entry N lists those of the source's Nth batch, every tenth entry
//! those of all before it too. Written before the offset that names it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::sink_log::{COMPACT_INTERVAL, is_compaction, purgeable_before};
use crate::record::{BatchId, SourceLog};

/// Entries of so many newest batches stay, besides what is compacted.
const BATCHES_KEPT: u64 = 100;

/// A file as the log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenFile {
    /// The URI, percent-encoded.
    pub path: String,
    /// Milliseconds since the epoch: the time of the file when it was taken.
    pub timestamp: i64,
    #[serde(rename = "batchId")]
    pub batch: BatchId,
}

pub struct FileLog {
    log: Arc<dyn SourceLog>,
    /// The newest entry.
    last: Option<BatchId>,
}

impl FileLog {
    pub fn open(log: Arc<dyn SourceLog>) -> Result<FileLog> {
        let last = log.ids()?.last().copied();
        Ok(FileLog { log, last })
    }

    pub fn last(&self) -> Option<BatchId> {
        self.last
    }

    /// Writes the next entry. Entries that are compacted now leave out files below `oldest_ms`: no listing
    /// can bring them back.
    pub fn add(&mut self, files: &[TakenFile], oldest_ms: i64) -> Result<BatchId> {
        let id = self.last.map_or(0, |last| last + 1);
        if is_compaction(id, COMPACT_INTERVAL) {
            let recent = |file: &TakenFile| file.batch + BATCHES_KEPT > id || file.timestamp >= oldest_ms;
            let mut all: Vec<TakenFile> = self.all()?.into_iter().filter(recent).collect();
            all.extend_from_slice(files);
            self.log.add_compact(id, &encode(&all)?)?;
            if let Some(before) = purgeable_before(id, COMPACT_INTERVAL, BATCHES_KEPT) {
                self.log.purge(before)?;
            }
        } else {
            self.log.add(id, &encode(files)?)?;
        }
        self.last = Some(id);
        Ok(id)
    }

    /// All files there are in the log, oldest batch first.
    pub fn all(&self) -> Result<Vec<TakenFile>> {
        let Some(last) = self.last else { return Ok(Vec::new()) };
        self.range(None, last)
    }

    /// The files of the entries after `start` up to `end`, in the order in which they were taken.
    pub fn range(&self, start: Option<BatchId>, end: BatchId) -> Result<Vec<TakenFile>> {
        let first = start.map_or(0, |start| start + 1);
        let mut files: Vec<TakenFile> = Vec::new();
        // Backwards, since a compact entry holds those before it.
        let mut id = end + 1;
        while id > first {
            id -= 1;
            let (mut entry, is_compact) = self.entry(id)?;
            entry.append(&mut files);
            files = entry;
            if is_compact {
                break;
            }
        }
        files.retain(|file| (first..=end).contains(&file.batch));
        Ok(files)
    }

    /// An entry, and whether it holds those before it.
    fn entry(&self, id: BatchId) -> Result<(Vec<TakenFile>, bool)> {
        let with_place =
            |error: Error| Error::data("cannot read the log of files").with("entry", id).because(error);
        if let Some(content) = self.log.get(id)? {
            return Ok((parse(&content).map_err(with_place)?, false));
        }
        match self.log.get_compact(id)? {
            Some(content) => Ok((parse(&content).map_err(with_place)?, true)),
            None => Err(Error::data("an entry of the log of files is missing")
                .with("entry", id)
                .hint("bring the directory `sources` of the checkpoint back from a copy")),
        }
    }
}

fn encode(files: &[TakenFile]) -> Result<Vec<u8>> {
    let mut bytes = b"v1".to_vec();
    for file in files {
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, file)
            .map_err(|cause| Error::internal("cannot encode an entry of the log of files").because(cause))?;
    }
    Ok(bytes)
}

fn parse(content: &[u8]) -> Result<Vec<TakenFile>> {
    let text =
        std::str::from_utf8(content).map_err(|cause| Error::data("the entry is not UTF-8").because(cause))?;
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default();
    if version != "v1" {
        return Err(Error::data("the entry has another version")
            .with("found", version)
            .with("expected", "v1"));
    }
    let file = |line: &str| {
        serde_json::from_str(line).map_err(|cause| Error::data("torn line").with("line", line).because(cause))
    };
    lines.filter(|line| !line.is_empty()).map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::MemoryLog;

    fn file(batch: BatchId) -> TakenFile {
        TakenFile { path: format!("file:///{batch}"), timestamp: batch as i64, batch }
    }

    #[test]
    fn entries_are_spelled_as_spark_spells_them() {
        let bytes = encode(&[file(7)]).unwrap();
        assert_eq!(bytes, b"v1\n{\"path\":\"file:///7\",\"timestamp\":7,\"batchId\":7}");
        assert_eq!(parse(&bytes).unwrap(), [file(7)]);
        for torn in ["", "v2\n", "v1\n{", "v1\n{\"path\":\"a\"}"] {
            assert!(parse(torn.as_bytes()).is_err(), "{torn}");
        }
    }

    #[test]
    fn ranges_go_over_compact_entries() {
        let memory = Arc::new(MemoryLog::default());
        let mut log = FileLog::open(memory.clone()).unwrap();
        for id in 0..23 {
            assert_eq!(log.add(&[file(id)], i64::MIN).unwrap(), id);
        }
        assert!(memory.get(9).unwrap().is_none() && memory.get_compact(19).unwrap().is_some());
        let log = FileLog::open(memory.clone()).unwrap();
        assert_eq!(log.last(), Some(22));
        for (start, end) in
            [(None, 22), (None, 9), (Some(8), 9), (Some(3), 12), (Some(19), 20), (Some(21), 22)]
        {
            let first = start.map_or(0, |start| start + 1);
            let expected: Vec<_> = (first..=end).map(file).collect();
            assert_eq!(log.range(start, end).unwrap(), expected, "{start:?} {end}");
        }
        memory.purge(19).unwrap();
        assert_eq!(log.all().unwrap().len(), 23);
        assert!(log.range(None, 12).is_err());
    }

    #[test]
    fn compaction_forgets_what_no_listing_can_bring_back() {
        let mut log = FileLog::open(Arc::new(MemoryLog::default())).unwrap();
        for id in 0..250 {
            log.add(&[file(id)], id as i64 - 20).unwrap();
        }
        let oldest = log.all().unwrap().iter().map(|file| file.batch).min();
        assert_eq!(oldest, Some(150));
    }
}
