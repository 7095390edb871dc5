//! The checkpoint of a query: the directory that its restarts go by, and the only place that spells its paths.
//! Knows no sources, no sinks, and not how a batch runs.
//!
//! ```text
//! metadata        {"id":"<uuid>"}                                    the query's id, written once
//! offsets/N       v1, a JSON line, the end offset of each source     before batch N
//! commits/N       v1, {"nextBatchWatermarkMs":M}                     after batch N
//! sources/<i>/N   what source i remembers besides
//! state/          keyed state, see the module `state`
//! ```
//!
//! Text is in Spark's shape, so that operators can read and edit it; each file holds a checksum ([`seal`]).

mod entry;
mod log;
pub mod recovery;
pub mod seal;
mod source_log;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::record::{BatchId, QueryId};
use crate::storage::{Storage, file_name, is_temporary};

pub use entry::{BatchPlan, CommitEntry, Entry, OffsetEntry};
pub use log::{Found, Log};
pub use recovery::{Decision, Facts, LogFacts, LogName, Step};
pub use source_log::StoredSourceLog;

/// How many of the newest entries recovery reads.
const ENTRIES_READ: usize = 2;

/// The directory of one query.
pub struct Checkpoint {
    storage: Arc<dyn Storage>,
    root: String,
    pub offsets: Log<OffsetEntry>,
    pub commits: Log<CommitEntry>,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    id: String,
}

impl Checkpoint {
    /// `root` is the checkpoint's directory; it may be missing. Writes nothing.
    pub fn new(storage: Arc<dyn Storage>, root: &str) -> Checkpoint {
        let root = root.trim_end_matches('/').to_string();
        let points = [("offsets-before", "offsets-after"), ("commits-before", "commits-after")];
        Checkpoint {
            offsets: Log::new(storage.clone(), format!("{root}/offsets"), points[0]),
            commits: Log::new(storage.clone(), format!("{root}/commits"), points[1]),
            storage,
            root,
        }
    }

    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// For messages.
    pub fn uri(&self) -> String {
        self.storage.uri(&self.root)
    }

    /// The directory that keyed state is kept in.
    pub fn state_dir(&self) -> String {
        format!("{}/state", self.root)
    }

    /// The log of the source at `index` in the query.
    pub fn source_log(&self, index: usize) -> StoredSourceLog {
        let dir = format!("{}/sources/{index}", self.root);
        StoredSourceLog { storage: self.storage.clone(), dir }
    }

    /// Looks at the logs and decides where to go on. `published` is the newest batch that the caller knows some
    /// sink to show; a sink that refuses by itself what the logs do not explain may be left out.
    ///
    /// Changes nothing: call [`Checkpoint::prepare`] with the decision when the query really starts.
    pub fn recover(&self, published: Option<BatchId>) -> Result<Decision> {
        let facts = Facts {
            has_id: self.query_id()?.is_some(),
            offsets: log_facts(&self.offsets)?,
            commits: log_facts(&self.commits)?,
            published,
        };
        let decision = recovery::decide(&facts);
        match &decision.step {
            Step::Refuse { why, hint } => {
                Err(Error::data(why.clone()).with("checkpoint", self.uri()).hint(hint.clone()))
            }
            _ => Ok(decision),
        }
    }

    /// Takes damaged entries that nothing depends on out of the way, and temporary files that a crash left.
    ///
    /// A writer of an older run that is still alive finds its temporary file gone, and fails.
    pub fn prepare(&self, decision: &Decision) -> Result<()> {
        for (log, id) in &decision.discard {
            tracing::warn!(checkpoint = self.uri(), ?log, batch = id, "a torn entry is put aside");
            match log {
                LogName::Offsets => self.offsets.discard(*id)?,
                LogName::Commits => self.commits.discard(*id)?,
            }
        }
        let sources = self.storage.list(&format!("{}/sources", self.root))?;
        let logs = ["", "/offsets", "/commits"].map(|name| format!("{}{name}", self.root));
        for dir in logs.into_iter().chain(sources.into_iter().filter(|dir| dir.is_dir).map(|dir| dir.path)) {
            for entry in self.storage.list(&dir)? {
                if !entry.is_dir && is_temporary(file_name(&entry.path)) {
                    self.storage.delete(&entry.path)?;
                }
            }
        }
        Ok(())
    }

    /// The query's id; nothing if `metadata` is missing or cannot be read.
    pub fn query_id(&self) -> Result<Option<QueryId>> {
        let path = self.metadata_path();
        let Some(content) = log::read_sealed(self.storage.as_ref(), &path)? else { return Ok(None) };
        match content.and_then(|content| parse_metadata(&content)) {
            Ok(id) => Ok(Some(id)),
            Err(error) => {
                tracing::warn!(file = self.storage.uri(&path), %error, "cannot read the query's id");
                Ok(None)
            }
        }
    }

    /// The query's id, or `fresh` if the query starts for the first time; then it is durable when this returns.
    /// To be called after [`Checkpoint::recover`], which refuses a query that ran and lost its id.
    pub fn ensure_query_id(&self, fresh: QueryId) -> Result<QueryId> {
        if let Some(id) = self.query_id()? {
            return Ok(id);
        }
        let path = self.metadata_path();
        // Only a torn file can be there.
        self.storage.delete(&path)?;
        let content = serde_json::to_vec(&Metadata { id: fresh.to_string() })
            .map_err(|error| Error::internal("cannot write the query's id").because(error))?;
        log::add_once(self.storage.as_ref(), &path, &content)?;
        Ok(fresh)
    }

    /// Deletes all but the newest `keep` log entries; `newest` is the newest committed batch.
    pub fn purge(&self, newest: BatchId, keep: u64) -> Result<()> {
        self.offsets.purge(newest, keep)?;
        self.commits.purge(newest, keep)
    }

    fn metadata_path(&self) -> String {
        format!("{}/metadata", self.root)
    }
}

fn parse_metadata(content: &[u8]) -> Result<QueryId> {
    let unreadable = || Error::data("`metadata` is not {\"id\":\"<uuid>\"}");
    let metadata: Metadata = serde_json::from_slice(content).map_err(|error| unreadable().because(error))?;
    let id = Uuid::parse_str(&metadata.id).map_err(|error| unreadable().because(error))?;
    Ok(QueryId(id))
}

fn log_facts<E: Entry>(log: &Log<E>) -> Result<LogFacts> {
    let ids = log.ids()?;
    let mut damaged = BTreeSet::new();
    for id in ids.iter().rev().take(ENTRIES_READ) {
        if let Found::Damaged(error) = log.find(*id)? {
            tracing::warn!(%error, "a log entry is damaged");
            damaged.insert(*id);
        }
    }
    Ok(LogFacts { ids: ids.into_iter().collect(), damaged })
}
