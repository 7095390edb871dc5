//! Writes the sink log of one output directory: an entry a batch, every tenth of which holds all earlier ones;
//! and keeps the name of the query that owns it. What entries mean is `format::sink_log`'s.

use std::io::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::format::sink_log::{
    COMPACT_INTERVAL, EntryName, SinkFile, encode, live_entries, log_dir, purgeable_before, read_entry,
    read_names,
};
use crate::record::{BatchId, QueryId, RunId};
use crate::storage::{Renamed, Storage};

/// Entries of this many newest batches stay, besides what readers need.
const BATCHES_KEPT: u64 = 100;

/// Entries are not deleted before this age: a reader may have just listed them.
const CLEANUP_DELAY_MS: i64 = 10 * 60 * 1_000;

/// The name of the query that writes the log. Spark does not look at names that are no numbers.
const OWNER_FILE: &str = ".wasmill-owner";

/// How names of compact entries that are being written end.
const TEMPORARY: &str = ".wasmill-tmp";

/// What is read of an earlier compact entry at a time.
const COPY_BYTES: usize = 1 << 20;

/// The part of an entry's end that is looked at to see whether it is torn.
const TAIL_BYTES: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    query_id: String,
}

pub struct SinkLog {
    pub storage: Arc<dyn Storage>,
    /// The output directory.
    pub root: String,
    pub retention_ms: Option<i64>,
    pub run: RunId,
    pub clock: Arc<dyn Clock>,
}

impl SinkLog {
    fn path(&self, name: impl std::fmt::Display) -> String {
        format!("{}/{name}", log_dir(&self.root))
    }

    /// The query that owns the log, if one does.
    pub fn owner(&self) -> Result<Option<QueryId>> {
        let path = self.path(OWNER_FILE);
        let Some(bytes) = self.storage.read(&path)? else { return Ok(None) };
        let owner = serde_json::from_slice::<Owner>(&bytes).ok();
        match owner.and_then(|owner| Uuid::try_parse(&owner.query_id).ok()) {
            Some(id) => Ok(Some(QueryId(id))),
            None => Err(Error::data("cannot read which query owns the output")
                .with("file", path)
                .hint("restore the file, or write `{\"queryId\":\"ID\"}` with the id from the checkpoint's `metadata`")),
        }
    }

    pub fn claim(&self, query: QueryId) -> Result<()> {
        let text = serde_json::to_vec(&Owner { query_id: query.to_string() });
        let text = text.map_err(|cause| Error::internal("print the owner of a sink log").because(cause))?;
        self.storage.replace(&self.path(OWNER_FILE), &text)
    }

    /// The names of the entries; none if there is no log.
    pub fn names(&self) -> Result<Vec<EntryName>> {
        Ok(read_names(&*self.storage, &self.root)?.unwrap_or_default())
    }

    /// What the entry of a batch lists, a compact one included; nothing if the batch has none.
    pub fn find(&self, batch: BatchId) -> Result<Option<Vec<SinkFile>>> {
        for compact in [false, true] {
            if let Some(files) = read_entry(&*self.storage, &self.root, EntryName { batch, compact })? {
                return Ok(Some(files));
            }
        }
        Ok(None)
    }

    pub fn has(&self, batch: BatchId) -> Result<bool> {
        for compact in [false, true] {
            if self.storage.status(&self.path(EntryName { batch, compact }))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True if the entry cannot have been written whole; compact ones are not read to the end for that.
    pub fn is_torn(&self, name: EntryName) -> Result<bool> {
        let file = self.storage.open(&self.path(name))?;
        if file.size() < 2 {
            return Ok(true);
        }
        let head = file.read_at(0, file.size().min(3) as usize)?;
        let tail_start = file.size().saturating_sub(TAIL_BYTES).max(2);
        let tail = file.read_at(tail_start, (file.size() - tail_start) as usize)?;
        let last = tail.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let whole = last.is_empty() || serde_json::from_slice::<SinkFile>(last).is_ok();
        Ok(!(head.as_ref() == b"v1" || head.as_ref() == b"v1\n") || !whole)
    }

    pub fn delete(&self, name: EntryName) -> Result<()> {
        self.storage.delete(&self.path(name)).map(|_| ())
    }

    /// Writes the entry of a batch: false if there is one, which is left alone.
    pub fn add(&self, batch: BatchId, files: &[SinkFile]) -> Result<bool> {
        // Only we write this log, so its interval has always been ours.
        let name = EntryName::of(batch, COMPACT_INTERVAL);
        if !name.compact {
            return self.storage.create_if_absent(&self.path(name), &encode(files)?);
        }
        let added = self.compact(name, files)?;
        if added && let Some(before) = purgeable_before(batch, COMPACT_INTERVAL, BATCHES_KEPT) {
            self.purge(before)?;
        }
        Ok(added)
    }

    /// Streams the earlier entries into the new one: memory does not grow with the log.
    fn compact(&self, name: EntryName, files: &[SinkFile]) -> Result<bool> {
        let names = self.names()?;
        let temporary = self.path(format!(".{name}.{}{TEMPORARY}", self.run));
        let mut out = self.storage.create(&temporary)?;
        let expired_before = self.retention_ms.map(|ms| self.clock.now_millis().saturating_sub(ms));
        let earlier: Vec<_> = names.iter().filter(|earlier| earlier.batch < name.batch).copied().collect();
        let failed = |cause| Error::external("write a compact entry of the sink log").because(cause);
        out.write_all(b"v1").map_err(failed)?;
        for earlier in live_entries(&earlier)? {
            self.copy_lines(earlier, expired_before, &mut *out)?;
        }
        let own: Vec<_> = files.iter().filter(|file| is_kept(file, expired_before)).cloned().collect();
        out.write_all(encode(&own)?.strip_prefix(b"v1").unwrap_or_default()).map_err(failed)?;
        out.close()?;
        match self.storage.rename(&temporary, &self.path(name))? {
            Renamed::Done => Ok(true),
            Renamed::TargetExists => self.storage.delete(&temporary).map(|_| false),
            Renamed::SourceMissing => {
                Err(Error::external("a compact entry vanished before it was published")
                    .with("file", temporary))
            }
        }
    }

    fn copy_lines(&self, name: EntryName, expired_before: Option<i64>, out: &mut dyn Write) -> Result<()> {
        let path = self.path(name);
        let damaged = |why: &str| {
            Error::data(format!("an entry of the sink log is damaged: {why}"))
                .with("entry", &path)
                .hint("restore the entry from a backup; going on without it would lose rows")
        };
        let failed = |cause| Error::external("write a compact entry of the sink log").because(cause);
        let file = self.storage.open(&path)?;
        let (mut pending, mut offset, mut first) = (Vec::new(), 0, true);
        while offset < file.size() {
            let length = (file.size() - offset).min(COPY_BYTES as u64);
            pending.extend_from_slice(&file.read_at(offset, length as usize)?);
            offset += length;
            if offset == file.size() && pending.last() != Some(&b'\n') {
                pending.push(b'\n');
            }
            let whole = memchr::memrchr(b'\n', &pending).map_or(0, |last| last + 1);
            for line in pending[..whole].split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end) {
                if std::mem::take(&mut first) {
                    if line != b"v1" {
                        return Err(damaged("it does not begin with `v1`"));
                    }
                } else if !line.is_empty() {
                    let listed: SinkFile =
                        serde_json::from_slice(line).map_err(|cause| damaged("a line").because(cause))?;
                    if is_kept(&listed, expired_before) {
                        out.write_all(b"\n").and_then(|()| out.write_all(line)).map_err(failed)?;
                    }
                }
            }
            pending.drain(..whole);
        }
        if first { Err(damaged("it is empty")) } else { Ok(()) }
    }

    /// Deletes what earlier runs left half written.
    pub fn delete_temporaries(&self) -> Result<()> {
        for status in self.storage.list(&log_dir(&self.root))? {
            if status.path.ends_with(TEMPORARY) {
                self.storage.delete(&status.path)?;
            }
        }
        Ok(())
    }

    /// Spark's rule: entries before the compact one that the kept batches start from, once they are old.
    fn purge(&self, before: BatchId) -> Result<()> {
        let expired = self.clock.now_millis() - CLEANUP_DELAY_MS;
        for status in self.storage.list(&log_dir(&self.root))? {
            let name = status.path.rsplit('/').next().and_then(EntryName::parse);
            if name.is_some_and(|name| name.batch < before) && status.modified_ms <= expired {
                self.storage.delete(&status.path)?;
            }
        }
        Ok(())
    }
}

fn is_kept(file: &SinkFile, expired_before: Option<i64>) -> bool {
    expired_before.is_none_or(|oldest| file.modification_time >= oldest)
}
