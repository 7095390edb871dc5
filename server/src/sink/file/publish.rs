//! Makes a staged batch visible: its files get their names, then one log entry lists them.
//!
//! Each step is found done or not by looking, so that it may run again after a crash, beside a stale process
//! that still runs, or with rows split over another number of partitions.

use super::log::SinkLog;
use super::names::{VARIANTS_MAX, file_name, file_uuid, is_of_batch};
use super::stage::StagedFile;
use super::{Output, pool};
use crate::error::{Error, Result};
use crate::fault;
use crate::format::sink_log::{SinkFile, stored_path};
use crate::record::{BatchId, QueryId};
use crate::storage::{Renamed, Storage, StoredFile};

/// What is compared at a time of two files that should be the same.
const COMPARE_BYTES: usize = 1 << 20;

pub struct Publication<'a> {
    pub output: &'a Output,
    pub log: &'a SinkLog,
    pub query: QueryId,
    pub batch: BatchId,
}

impl Publication<'_> {
    fn storage(&self) -> &dyn Storage {
        &*self.output.storage
    }

    pub fn publish(&self, files: Vec<StagedFile>) -> Result<()> {
        let rows_staged = !files.is_empty();
        if let Some(listed) = self.log.find(self.batch)? {
            return self.confirm(&listed, rows_staged);
        }
        if let Some(before) = self.batch.checked_sub(1)
            && !self.log.has(before)?
        {
            return Err(Error::data("the output has lost its log entry of the batch before")
                .with("output", &self.output.uri)
                .with("batch", self.batch)
                .hint(
                    "restore the output's `_spark_metadata`; going on without the entry would lose its rows",
                ));
        }
        let named = pool::each(files, |file| self.give_name(&file))?;
        fault::point("metadata-before");
        if !self.log.add(self.batch, &named)? {
            // A stale process was faster. Its entry lists the same rows, or this is an error.
            let listed = self.log.find(self.batch)?;
            let gone = || Error::external("a log entry vanished while it was read").with("batch", self.batch);
            return self.confirm(&listed.ok_or_else(gone)?, rows_staged);
        }
        fault::point("metadata-after");
        Ok(())
    }

    /// Renames one file and tells what the log says of it.
    ///
    /// Where the name is taken, it was by an earlier attempt at this batch. With the same split of the rows it is
    /// the same file. Otherwise it is left alone, since a stale process may yet list it, and ours gets another.
    fn give_name(&self, file: &StagedFile) -> Result<SinkFile> {
        for variant in 0..VARIANTS_MAX {
            fault::point("rename-before");
            let to = self.path(file, variant);
            match self.storage().rename(&file.from, &to)? {
                Renamed::Done => {}
                Renamed::SourceMissing => return Err(self.disturbed(&file.from)),
                Renamed::TargetExists => {
                    let (taken, own) = (self.storage().open(&to)?, self.storage().open(&file.from)?);
                    if !same_bytes(&*taken, &*own)? {
                        tracing::warn!(file = to, "an earlier attempt split the batch otherwise");
                        continue;
                    }
                }
            }
            fault::point("rename-after");
            let status = self.storage().status(&to)?.ok_or_else(|| self.disturbed(&to))?;
            if status.size != file.size {
                return Err(self.disturbed(&to).with("written", file.size).with("found", status.size));
            }
            return Ok(SinkFile::add(self.storage().uri(&to), status.size, status.modified_ms));
        }
        Err(Error::data("too many attempts at a batch split its rows otherwise")
            .with("batch", self.batch)
            .with("attempts", VARIANTS_MAX)
            .hint("delete the files of the batch that `_spark_metadata` does not list, and start again"))
    }

    fn path(&self, file: &StagedFile, variant: u32) -> String {
        let settings = &self.output.settings;
        let uuid = file_uuid(self.query, self.batch, file.partition, variant);
        let partitioned = !settings.partition_columns.is_empty();
        let name = file_name(uuid, file.partition, file.number, partitioned, &settings.extension);
        match file.dir.as_str() {
            "" => self.output.path(&name),
            dir => self.output.path(&format!("{dir}/{name}")),
        }
    }

    fn disturbed(&self, path: &str) -> Error {
        Error::external("a file changed under the hands of the sink: another process writes to the output")
            .with("file", path)
            .with("batch", self.batch)
    }

    /// The batch has its entry, so that nothing is changed, if it is the entry of this query and its files are
    /// there.
    fn confirm(&self, listed: &[SinkFile], rows_staged: bool) -> Result<()> {
        let mut own = Vec::new();
        for file in listed {
            let path = stored_path(self.storage(), &self.output.root, file)?;
            let name = path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            if is_of_batch(name, self.query, self.batch) {
                own.extend(path.map(|path| (path, file.size)));
            }
        }
        if own.is_empty() == rows_staged {
            return Err(Error::data("the output has an entry for this batch that is not of its rows")
                .with("output", &self.output.uri)
                .with("batch", self.batch)
                .hint("give each query an output directory of its own"));
        }
        pool::each(own, |(path, size)| match self.storage().status(&path)? {
            Some(found) if found.size == size => Ok(()),
            _ => Err(Error::data("a file that the log lists is missing, or has another size")
                .with("file", path)
                .with("size", size)),
        })?;
        Ok(())
    }

    /// Deletes files of this batch that its entry does not list: an earlier attempt had given them names, with
    /// the rows split otherwise. Looks into the directories of the listed files, which hold the same rows.
    pub fn delete_unlisted(&self) -> Result<()> {
        let Some(listed) = self.log.find(self.batch)? else { return Ok(()) };
        let mut keep = std::collections::BTreeSet::new();
        let mut dirs = std::collections::BTreeSet::from([self.output.root.clone()]);
        for file in &listed {
            if let Some(path) = stored_path(self.storage(), &self.output.root, file)? {
                dirs.extend(path.rsplit_once('/').map(|(dir, _)| dir.to_string()));
                keep.insert(path);
            }
        }
        for dir in dirs {
            for status in self.storage().list(&dir)? {
                let name = status.path.rsplit('/').next().unwrap_or_default();
                let unlisted = !status.is_dir && !keep.contains(&status.path);
                if unlisted && is_of_batch(name, self.query, self.batch) {
                    tracing::info!(file = status.path, "deleting a file of an interrupted attempt");
                    self.storage().delete(&status.path)?;
                }
            }
        }
        Ok(())
    }
}

fn same_bytes(one: &dyn StoredFile, other: &dyn StoredFile) -> Result<bool> {
    if one.size() != other.size() {
        return Ok(false);
    }
    let mut offset = 0;
    while offset < one.size() {
        let length = (one.size() - offset).min(COMPARE_BYTES as u64);
        if one.read_at(offset, length as usize)? != other.read_at(offset, length as usize)? {
            return Ok(false);
        }
        offset += length;
    }
    Ok(true)
}
