//! The file sink: parquet, json, csv and text on local disk and HDFS, exactly once for readers that honour the
//! log, Spark among them; other readers never see a file that is still written.
//!
//! A batch is written under hidden names, each file is closed, then renamed; one entry in `_spark_metadata` makes
//! them visible together. Formats are `format`'s, paths are `storage`'s.

mod log;
mod names;
mod partition;
mod pool;
mod publish;
mod recover;
mod settings;
mod stage;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;

use self::log::SinkLog;
use self::names::STAGING_DIR;
use self::publish::Publication;
use self::recover::{Found, Verdict, judge};
use self::stage::{FileStage, StagedFile};
use super::{CheckpointFacts, Sink, SinkContext, StageWriter, Staged, staged_as};
use crate::error::{Error, Result};
use crate::fault;
use crate::format::sink_log::live_entries;
use crate::record::{BatchId, QueryId, RunId};
use crate::storage::Storage;

pub use self::settings::FileSettings;
pub use self::stage::OPEN_FILES_MAX;

/// The directory that a sink writes to, and how.
struct Output {
    settings: FileSettings,
    schema: SchemaRef,
    storage: Arc<dyn Storage>,
    /// Without a slash at the end.
    root: String,
    uri: String,
    /// Runs stage in directories of their own: a stale process cannot touch what a later one writes.
    run: RunId,
}

impl Output {
    fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.root)
    }

    fn staging_root(&self) -> String {
        self.path(STAGING_DIR)
    }

    fn staging_path(&self, batch: BatchId, name: &str) -> String {
        format!("{}/{}/{batch}/{name}", self.staging_root(), self.run)
    }
}

pub struct FileSink {
    output: Arc<Output>,
    log: SinkLog,
    /// What [`Sink::recover`] found.
    start: OnceLock<Start>,
}

struct Start {
    query: QueryId,
    /// A batch that an earlier run began, and maybe gave names to some files of.
    unpublished: Option<BatchId>,
}

impl FileSink {
    /// `root` is an absolute path on `storage`. Reaches out to nothing.
    pub fn new(
        settings: FileSettings,
        schema: SchemaRef,
        storage: Arc<dyn Storage>,
        root: &str,
        context: &SinkContext,
    ) -> FileSink {
        let root = root.trim_end_matches('/').to_string();
        let log = SinkLog {
            storage: storage.clone(),
            root: root.clone(),
            retention_ms: settings.retention_ms,
            run: context.run_id,
            clock: context.clock.clone(),
        };
        let uri = storage.uri(&root);
        let output = Output { settings, schema, storage, root, uri, run: context.run_id };
        FileSink { output: Arc::new(output), log, start: OnceLock::new() }
    }

    fn start(&self) -> Result<&Start> {
        self.start.get().ok_or_else(|| Error::internal("a file sink is used before it looked at its output"))
    }

    /// The newest batch of the log, once all entries that readers need are there and whole.
    ///
    /// A torn newest entry that the checkpoint has not committed is deleted: the batch runs again.
    fn latest(&self, facts: &CheckpointFacts) -> Result<Option<BatchId>> {
        let mut names = self.log.names()?;
        if let Some(newest) = names.last().copied()
            && facts.committed.is_none_or(|committed| committed < newest.batch)
            && facts.planned == Some(newest.batch)
            && self.log.owner()? == Some(facts.query_id)
            && self.log.is_torn(newest)?
        {
            tracing::warn!(output = self.output.uri, entry = %newest, "deleting a torn entry of the sink log");
            self.log.delete(newest)?;
            names.pop();
        }
        let live = live_entries(&names).map_err(|error| error.with("output", &self.output.uri))?;
        for name in &live {
            if self.log.is_torn(*name)? {
                return Err(Error::data("an entry of the sink log is damaged")
                    .with("output", &self.output.uri)
                    .with("entry", name)
                    .hint("restore the entry from a backup; going on without it would lose its rows"));
            }
        }
        Ok(names.last().map(|newest| newest.batch))
    }

    fn has_data(&self) -> Result<bool> {
        let entries = self.output.storage.list(&self.output.root)?;
        let mut names = entries.iter().filter_map(|status| status.path.rsplit('/').next());
        Ok(names.any(|name| !name.starts_with(['_', '.'])))
    }
}

impl Sink for FileSink {
    fn description(&self) -> String {
        format!("FileSink[{}]", self.output.uri)
    }

    fn recover(&self, facts: &CheckpointFacts) -> Result<()> {
        let latest = self.latest(facts)?;
        let found = Found { owner: self.log.owner()?, latest, has_data: self.has_data()? };
        let unpublished = match judge(&found, facts, &self.output.uri)? {
            Verdict::Claim => {
                self.log.claim(facts.query_id)?;
                None
            }
            Verdict::Continue { unpublished } => unpublished,
        };
        // Deleting takes files that are still open away from a stale writer.
        self.output.storage.delete(&self.output.staging_root())?;
        self.log.delete_temporaries()?;
        let start = Start { query: facts.query_id, unpublished };
        self.start.set(start).map_err(|_| Error::internal("a file sink was started twice"))
    }

    fn stage(&self, batch: BatchId, partition: usize) -> Result<Box<dyn StageWriter>> {
        fault::point("stage-before");
        Ok(Box::new(FileStage::begin(self.output.clone(), batch, partition)?))
    }

    fn publish(&self, batch: BatchId, staged: Vec<Staged>) -> Result<()> {
        let start = self.start()?;
        let mut files: Vec<StagedFile> = Vec::new();
        for partition in staged {
            files.extend(staged_as::<Vec<StagedFile>>(partition)?);
        }
        let staged_any = !files.is_empty();
        let publication = Publication { output: &self.output, log: &self.log, query: start.query, batch };
        publication.publish(files)?;
        if start.unpublished == Some(batch) {
            publication.delete_unlisted()?;
        }
        if staged_any {
            self.output.storage.delete(&format!("{}/{}", self.output.staging_root(), self.output.run))?;
        }
        Ok(())
    }
}
