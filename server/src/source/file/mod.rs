//! A directory, or a glob, as a source: each file is read once, whole, in the order of the times of the
//! files. Files are known by name and time, so they must appear whole: written elsewhere, then renamed.
//!
//! Columns come in the order of the user's schema, then those that only partition directories name.

mod clean;
mod file_log;
mod listing;
mod seen;
mod settings;
mod split;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use serde_json::{Map, Value, json};
use tracing::warn;

use super::{ReadLimits, Source, SourceContext, Split};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Decoder, Format, decoder, sink_log};
use crate::record::{BatchId, Offset, Options};
use crate::storage::{self, Storage};
use clean::Cleaner;
use file_log::{FileLog, TakenFile};
use listing::{ListedFile, Listing, partition_of};
use seen::{SeenFiles, Verdict};
use settings::{CleanSource, Limit, Settings, user_schema};
use split::{BatchFile, FileSplit, PartitionValues, Reader, SplitFile, pack};

/// What a query says of a file source.
pub struct FileSourceSpec<'s> {
    pub format: Format,
    /// The columns that files have, with or without those that their directories name.
    pub schema: Option<SchemaRef>,
    pub options: &'s Options,
}

pub struct FileSource {
    settings: Settings,
    reader: Arc<Reader>,
    /// Only asked which files may be cut.
    decoder: Box<dyn Decoder>,
    listing: Listing,
    log: FileLog,
    seen: SeenFiles,
    cleaner: Cleaner,
    /// The newest entry of the log whose files were cleaned up by this run.
    cleaned: Option<BatchId>,
    /// Files that were listed and are for later batches, the next one last.
    waiting: Vec<ListedFile>,
    /// Nothing is listed any more: the trigger `availableNow` reads what is waiting.
    ends: bool,
    /// What was left after the newest batch: files and bytes.
    outstanding: (usize, u64),
    /// By path: the batch and the size of files that were taken by this run and are not committed.
    sizes: HashMap<String, (BatchId, u64)>,
    passed_over: PassedOver,
}

/// Files of the newest listing that will not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PassedOver {
    changed: usize,
    too_old: usize,
}

impl FileSource {
    /// Checks options and schema. The columns include those that partition directories name, if the storage
    /// can be reached now.
    pub fn validate(spec: &FileSourceSpec, base: &Path) -> Result<SchemaRef> {
        let settings = Settings::of(spec.format, spec.options, base)?;
        let user = user_schema(spec.format, spec.schema.clone())?;
        let listed = storage::open(&settings.location)
            .and_then(|storage| Listing::new(storage, settings).partition_columns());
        let partition = match listed {
            Err(error) if error.kind() == ErrorKind::External => Vec::new(),
            other => other?,
        };
        let columns = Columns::new(&user, partition);
        decoder(spec.format, &columns.inside, spec.options)?;
        Ok(columns.schema)
    }

    /// `User` error if there is nothing at the path.
    pub fn new(spec: &FileSourceSpec, context: SourceContext) -> Result<FileSource> {
        let settings = Settings::of(spec.format, spec.options, &context.base)?;
        let storage = storage::open(&settings.location)?;
        FileSource::with_storage(storage, settings, spec, context)
    }

    fn with_storage(
        storage: Arc<dyn Storage>,
        settings: Settings,
        spec: &FileSourceSpec,
        context: SourceContext,
    ) -> Result<FileSource> {
        let mut listing = Listing::new(storage.clone(), settings.clone());
        if !listing.is_there()? {
            return Err(Error::user("the path does not exist")
                .with("path", &settings.location)
                .hint("make the directory before the query starts, or write a glob"));
        }
        let user = user_schema(spec.format, spec.schema.clone())?;
        let columns = Columns::new(&user, listing.partition_columns()?);
        if listing.has_sink_log() && settings.clean != CleanSource::Off {
            return Err(Error::user("files that a sink's log lists cannot be cleaned up")
                .with("path", &settings.location)
                .hint("remove cleanSource: readers of the log would miss the files"));
        }
        let log = FileLog::open(context.log)?;
        let mut seen = SeenFiles::new(settings.file_name_only, settings.max_file_age_ms);
        for file in log.all()? {
            seen.add(&file.path, file.timestamp);
        }
        seen.purge();
        Ok(FileSource {
            decoder: decoder(spec.format, &columns.inside, spec.options)?,
            reader: Arc::new(Reader {
                storage: storage.clone(),
                format: spec.format,
                options: spec.options.clone(),
                schema: columns.schema,
                inferred: columns.inferred,
            }),
            cleaner: Cleaner::new(storage, settings.clean.clone()),
            settings,
            listing,
            log,
            seen,
            cleaned: None,
            waiting: Vec::new(),
            ends: false,
            outstanding: (0, 0),
            sizes: HashMap::new(),
            passed_over: PassedOver::default(),
        })
    }

    /// The files that were never taken, the next one to take last.
    fn list_new(&mut self) -> Result<Vec<ListedFile>> {
        let mut passed_over = PassedOver::default();
        let mut new = Vec::new();
        for file in self.listing.read()? {
            match self.seen.verdict(&self.reader.storage.uri(&file.path), file.modified_ms) {
                Verdict::New => new.push(file),
                Verdict::Seen => {}
                Verdict::Changed => passed_over.changed += 1,
                Verdict::TooOld => passed_over.too_old += 1,
            }
        }
        self.tell_passed_over(passed_over);
        // Names decide between equal times, so that the order does not depend on the storage.
        new.sort_by(|one, other| (other.modified_ms, &other.path).cmp(&(one.modified_ms, &one.path)));
        if self.settings.latest_first {
            new.reverse();
        }
        Ok(new)
    }

    fn tell_passed_over(&mut self, found: PassedOver) {
        let path = &self.settings.location;
        if found.changed > self.passed_over.changed {
            warn!("{} files in {path} changed after they were read; they are not read again", found.changed);
        }
        if found.too_old > self.passed_over.too_old {
            warn!("{} files in {path} are never read: they are older than maxFileAge allows", found.too_old);
        }
        self.passed_over = found;
    }

    /// Takes the files of the next batch, as the limit allows.
    fn take_files(&mut self, limits: ReadLimits) -> Result<Vec<ListedFile>> {
        if !self.ends && self.waiting.is_empty() {
            self.waiting = self.list_new()?;
        }
        let limit = if limits == ReadLimits::Ignore { Limit::None } else { self.settings.limit };
        let taken = take_limited(&mut self.waiting, limit);
        self.outstanding = (self.waiting.len(), self.waiting.iter().map(|file| file.size).sum());
        if !self.ends {
            let worth = self.waiting.len() as f64 >= self.settings.discard_cached_ratio * taken.len() as f64;
            let kept = if worth && !self.settings.latest_first { self.settings.cached_files_max } else { 0 };
            let dropped = self.waiting.len().saturating_sub(kept.try_into().unwrap_or(usize::MAX));
            self.waiting.drain(..dropped);
        }
        Ok(taken)
    }

    /// Makes the next entry of the log of these files.
    fn log_files(&mut self, files: Vec<ListedFile>) -> Result<()> {
        let batch = self.log.last().map_or(0, |last| last + 1);
        let mut taken = Vec::with_capacity(files.len());
        for file in &files {
            self.reader.check_partition(&partition_of(&self.settings, &file.path)?, &file.path)?;
            let path = self.reader.storage.uri(&file.path);
            taken.push(TakenFile { path, timestamp: file.modified_ms, batch });
        }
        self.log.add(&taken, self.seen.oldest_ms())?;
        for file in &taken {
            self.seen.add(&file.path, file.timestamp);
        }
        self.seen.purge();
        self.sizes.extend(files.into_iter().map(|file| (file.path, (batch, file.size))));
        Ok(())
    }

    fn batch_file(&self, path: String) -> Result<BatchFile> {
        let size = match self.sizes.get(&path) {
            Some((_, size)) => Some(*size),
            None => self.reader.storage.status(&path)?.map(|status| status.size),
        };
        // One that is gone is found out when it is read.
        let can_split = size.is_some() && self.decoder.can_split(&path);
        Ok(BatchFile { size: size.unwrap_or_default(), can_split, path })
    }

    fn stored_path(&self, file: &TakenFile) -> Result<String> {
        let path = sink_log::path_of_uri(self.reader.storage.as_ref(), "/", &file.path)?;
        path.ok_or_else(|| {
            Error::data("the checkpoint names a file on another file system")
                .with("file", &file.path)
                .with("source", &self.settings.location)
                .hint("a query whose source moves to another file system needs a new checkpoint")
        })
    }
}

/// The columns of a source and where they come from.
struct Columns {
    schema: SchemaRef,
    /// What is inside of files whose directories name the partition columns.
    inside: SchemaRef,
    /// The names of those that only directories have.
    inferred: Vec<String>,
}

impl Columns {
    fn new(user: &SchemaRef, partition: Vec<FieldRef>) -> Columns {
        let same = |one: &FieldRef, other: &FieldRef| one.name().eq_ignore_ascii_case(other.name());
        let is_partition = |field: &&FieldRef| partition.iter().any(|other| same(field, other));
        let inside: Vec<FieldRef> =
            user.fields().iter().filter(|field| !is_partition(field)).cloned().collect();
        let named = |field: &FieldRef| user.fields().iter().any(|other| same(field, other));
        let inferred: Vec<FieldRef> = partition.iter().filter(|field| !named(field)).cloned().collect();
        let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
        let all: Vec<FieldRef> = user.fields().iter().chain(&inferred).map(nullable).collect();
        Columns {
            schema: Arc::new(Schema::new(all)),
            inside: Arc::new(Schema::new(inside)),
            inferred: inferred.iter().map(|field| field.name().clone()).collect(),
        }
    }
}

/// Takes files from the end, as many as the limit allows, at least one.
fn take_limited(files: &mut Vec<ListedFile>, limit: Limit) -> Vec<ListedFile> {
    let count = match limit {
        Limit::None => files.len(),
        Limit::Files(most) => most.try_into().unwrap_or(usize::MAX).min(files.len()),
        Limit::Bytes(most) => {
            let mut total: u64 = 0;
            let fits = |file: &&ListedFile| {
                total = total.saturating_add(file.size);
                total <= most
            };
            files.iter().rev().take_while(fits).count().max(1).min(files.len())
        }
    };
    let mut taken = files.split_off(files.len() - count);
    taken.reverse();
    taken
}

fn offset(id: BatchId) -> Offset {
    Offset(json!({ "logOffset": id }))
}

/// The entry of the log that an offset names; a bare number is how old checkpoints write it.
fn log_id(offset: &Offset) -> Result<BatchId> {
    let id = offset.0.get("logOffset").unwrap_or(&offset.0).as_u64();
    id.ok_or_else(|| {
        Error::data("an offset of a file source cannot be read")
            .with("offset", offset)
            .with("expected", "{\"logOffset\":N}")
    })
}

impl Source for FileSource {
    fn schema(&self) -> SchemaRef {
        self.reader.schema.clone()
    }

    fn description(&self) -> String {
        format!("FileStreamSource[{}]", self.settings.location)
    }

    fn next_end(&mut self, start: Option<&Offset>, limits: ReadLimits) -> Result<Option<Offset>> {
        let start_id = start.map(log_id).transpose()?;
        if start_id > self.log.last() {
            return Err(Error::data("the log of files ends before the offset of the query")
                .with("offset", start_id.unwrap_or_default())
                .hint("bring the directory `sources` of the checkpoint back from a copy"));
        }
        let files = self.take_files(limits)?;
        if !files.is_empty() {
            self.log_files(files)?;
        }
        // Past the start without new files: an entry that was written right before a crash.
        let end = self.log.last().filter(|last| start_id.is_none_or(|start| *last > start));
        Ok(end.map(offset).or_else(|| start.cloned()))
    }

    fn latest(&mut self) -> Result<Option<Offset>> {
        Ok(self.log.last().map(offset))
    }

    fn fix_end(&mut self) -> Result<()> {
        self.waiting = self.list_new()?;
        self.ends = true;
        Ok(())
    }

    fn splits(&mut self, start: Option<&Offset>, end: &Offset) -> Result<Vec<Box<dyn Split>>> {
        let taken = self.log.range(start.map(log_id).transpose()?, log_id(end)?)?;
        let mut files = Vec::with_capacity(taken.len());
        for file in &taken {
            files.push(self.batch_file(self.stored_path(file)?)?);
        }
        let mut splits: Vec<Box<dyn Split>> = Vec::new();
        for pieces in pack(&files) {
            let mut split = Vec::with_capacity(pieces.len());
            for (index, range) in pieces {
                let path = files[index].path.clone();
                let values: PartitionValues = partition_of(&self.settings, &path)?;
                split.push(SplitFile { path, range, values });
            }
            splits.push(Box::new(FileSplit { reader: self.reader.clone(), files: split }));
        }
        Ok(splits)
    }

    fn commit(&mut self, end: &Offset) -> Result<()> {
        let end = log_id(end)?;
        self.sizes.retain(|_, (batch, _)| *batch > end);
        if self.cleaner.is_off() || self.cleaned >= Some(end) {
            return Ok(());
        }
        // What an earlier run committed before, it cleaned up itself.
        for file in self.log.range(self.cleaned.or(end.checked_sub(1)), end)? {
            self.cleaner.clean(&self.stored_path(&file)?);
        }
        self.cleaned = Some(end);
        Ok(())
    }

    fn metrics(&self, _end: &Offset) -> Map<String, Value> {
        let mut metrics = Map::new();
        let mut add = |name: &str, value: u64| metrics.insert(name.into(), json!(value.to_string()));
        add("numFilesOutstanding", self.outstanding.0 as u64);
        add("numBytesOutstanding", self.outstanding.1);
        if self.passed_over != PassedOver::default() {
            add("numFilesChanged", self.passed_over.changed as u64);
            add("numFilesTooOld", self.passed_over.too_old as u64);
        }
        metrics
    }
}
