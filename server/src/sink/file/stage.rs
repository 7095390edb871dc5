//! Writes one partition of one batch into hidden files, durable when it finishes. Makes nothing visible.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::partition::Partitioner;
use super::settings::FileSettings;
use super::{Output, pool};
use crate::error::{Error, Result};
use crate::fault;
use crate::format::{self, Encoder};
use crate::record::BatchId;
use crate::sink::{StageWriter, Staged};

/// Files that one writer has open at once. When one more is needed, the half that was longest without rows is
/// closed; rows that come for those directories later go into further files.
pub const OPEN_FILES_MAX: usize = 64;

/// Files that are full wait for each other to be closed together, so many at most, or with so many rows.
const FULL_FILES_MAX: usize = 16;
const FULL_ROWS_MAX: u64 = 1_000_000;

/// A finished file, still under its hidden name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    pub from: String,
    /// The directory to publish it in, below the root; empty for the root.
    pub dir: String,
    pub partition: usize,
    /// Among the files of this partition in this directory.
    pub number: u32,
    pub size: u64,
}

pub struct FileStage {
    output: Arc<Output>,
    batch: BatchId,
    partition: usize,
    /// Nothing if there are no partition columns.
    partitioner: Option<Partitioner>,
    /// By directory.
    open: BTreeMap<String, OpenFile>,
    /// By directory too; nothing is written to these any more.
    full: Vec<(String, OpenFile)>,
    /// Files begun in each directory.
    begun: BTreeMap<String, u32>,
    closed: Vec<StagedFile>,
    /// Files begun, and the clock of the open files.
    files: u64,
    writes: u64,
}

struct OpenFile {
    encoder: Box<dyn Encoder>,
    from: String,
    number: u32,
    rows: u64,
    last_write: u64,
}

impl FileStage {
    pub fn begin(output: Arc<Output>, batch: BatchId, partition: usize) -> Result<FileStage> {
        let settings = &output.settings;
        let partitioner = match settings.partition_columns.is_empty() {
            true => None,
            false => {
                Some(Partitioner::new(&output.schema, &settings.partition_columns, &settings.file_columns)?)
            }
        };
        Ok(FileStage {
            output,
            batch,
            partition,
            partitioner,
            open: BTreeMap::new(),
            full: Vec::new(),
            begun: BTreeMap::new(),
            closed: Vec::new(),
            files: 0,
            writes: 0,
        })
    }

    fn settings(&self) -> &FileSettings {
        &self.output.settings
    }

    /// Writes rows of one directory, over as many files as `maxRecordsPerFile` asks for.
    fn write_into(&mut self, dir: &str, rows: &RecordBatch) -> Result<()> {
        let rows_max = self.settings().records_per_file_max.unwrap_or(u64::MAX);
        let mut start = 0;
        while start < rows.num_rows() {
            self.writes += 1;
            if !self.open.contains_key(dir) {
                self.begin_file(dir)?;
            }
            let missing = || Error::internal("a file that was just begun is not open");
            let file = self.open.get_mut(dir).ok_or_else(missing)?;
            let room = usize::try_from(rows_max - file.rows).unwrap_or(usize::MAX);
            let count = room.min(rows.num_rows() - start);
            file.encoder.write(&rows.slice(start, count))?;
            file.rows += count as u64;
            file.last_write = self.writes;
            start += count;
            if file.rows == rows_max {
                self.full.extend(self.open.remove_entry(dir));
                self.close_full()?;
            }
        }
        Ok(())
    }

    fn begin_file(&mut self, dir: &str) -> Result<()> {
        if self.open.len() >= OPEN_FILES_MAX {
            self.close_idle()?;
        }
        // Flat, since directories of partitions would only be made to be deleted.
        let from = self.output.staging_path(self.batch, &format!("{:05}-{}", self.partition, self.files));
        self.files += 1;
        let settings = &self.output.settings;
        let out = self.output.storage.create(&from)?;
        let encoder = format::encoder(settings.format, &settings.file_schema, &settings.options, out)?;
        let begun = self.begun.entry(dir.to_string()).or_insert(0);
        let number = *begun;
        *begun += 1;
        self.open
            .insert(dir.to_string(), OpenFile { encoder, from, number, rows: 0, last_write: self.writes });
        Ok(())
    }

    fn close_full(&mut self) -> Result<()> {
        let rows: u64 = self.full.iter().map(|(_, file)| file.rows).sum();
        if self.full.len() < FULL_FILES_MAX && rows < FULL_ROWS_MAX {
            return Ok(());
        }
        let full = std::mem::take(&mut self.full);
        self.close(full)
    }

    /// Closes half of the open files, since closing them one by one would wait for each.
    fn close_idle(&mut self) -> Result<()> {
        let mut by_age: Vec<(u64, String)> =
            self.open.iter().map(|(dir, file)| (file.last_write, dir.clone())).collect();
        by_age.sort_unstable();
        by_age.truncate(OPEN_FILES_MAX.div_ceil(2));
        let idle = by_age.iter().filter_map(|(_, dir)| self.open.remove_entry(dir)).collect();
        self.close(idle)
    }

    /// `files` by their directories.
    fn close(&mut self, files: Vec<(String, OpenFile)>) -> Result<()> {
        let partition = self.partition;
        let closed = pool::each(files, |(dir, file)| {
            fault::point("close-before");
            let size = file.encoder.finish()?;
            fault::point("close-after");
            Ok(StagedFile { from: file.from, dir, partition, number: file.number, size })
        })?;
        self.closed.extend(closed);
        Ok(())
    }
}

impl StageWriter for FileStage {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        match &self.partitioner {
            _ if rows.num_rows() == 0 => return Ok(()),
            None => self.write_into("", rows)?,
            Some(partitioner) => {
                for share in partitioner.split(rows)? {
                    self.write_into(&share.dir, &share.rows)?;
                }
            }
        }
        fault::point("stage-after-write");
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Staged> {
        let open = std::mem::take(&mut self.open);
        let left = std::mem::take(&mut self.full).into_iter().chain(open);
        self.close(left.collect())?;
        Ok(Box::new(self.closed))
    }
}
