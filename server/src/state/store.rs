//! The state store of one query: what the batches do with it, in the protocol's order.

use std::path::PathBuf;
use std::sync::Arc;

use super::changes::{Changes, ChangesHeader, OperatorRows, encode};
use super::layout::StoredLayout;
use super::local::{LocalState, Meta};
use super::memory::SharedMemory;
use super::reader::StateReader;
use super::restore::restore;
use super::snapshotter::{Snapshotter, read_uploaded};
use super::stored::StoredState;
use crate::error::{Error, Result};
use crate::fault;
use crate::record::{BatchId, QueryId};
use crate::storage::Storage;

/// A stateful operator, as the checkpoint knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorState {
    /// Unique in the query, and the same at every start.
    pub name: String,
    /// Raised when keys or values are encoded otherwise; another one's state is refused.
    pub format_version: u32,
}

impl OperatorState {
    pub(super) fn without_rows(&self) -> OperatorRows {
        OperatorRows { name: self.name.clone(), format_version: self.format_version, rows: 0 }
    }
}

/// What a store is opened with.
#[derive(Clone)]
pub struct StateSettings {
    pub query_id: QueryId,
    /// Of this query alone. What it holds may be deleted while the query does not run.
    pub local_dir: PathBuf,
    /// The checkpoint's storage, and its state directory there.
    pub storage: Arc<dyn Storage>,
    pub dir: String,
    /// In the order that readers and changes name them by.
    pub operators: Vec<OperatorState>,
    pub memory: SharedMemory,
    /// Batches between snapshots; at least 1.
    pub snapshot_interval: u64,
    /// How many of the newest versions can be restored.
    pub versions_kept: u64,
}

/// What a batch's progress tells of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateMetrics {
    /// Keys by operator.
    pub rows: Vec<u64>,
    /// Write buffers and open files' indexes of this query; blocks in the shared cache are not counted.
    pub memory_bytes: u64,
    /// Local files.
    pub file_bytes: u64,
    /// The change log of the newest batch.
    pub changes_bytes: u64,
    pub snapshot_version: Option<BatchId>,
}

/// Keyed state of a query's operators: version N is what batch N left.
///
/// For each batch: read with [`StateStore::reader`], then [`StateStore::commit_durable`] before the batch's entry
/// in the commit log, and [`StateStore::apply`] after it.
pub struct StateStore {
    local: Arc<LocalState>,
    stored: StoredState,
    meta: Meta,
    pending: Option<Pending>,
    changes_bytes: u64,
    snapshots: Snapshotter,
}

/// Changes that are durable and not applied.
struct Pending {
    meta: Meta,
    changes: Vec<(usize, Changes)>,
}

impl StateStore {
    /// Opens the state as batch `target` left it, the last one in the commit log; nothing if there is none.
    ///
    /// `User` error if the directory is in use, or the operators are not those of the checkpoint; `Data` error if
    /// files are missing or damaged and nothing older reaches.
    pub fn open(settings: StateSettings, target: Option<BatchId>) -> Result<StateStore> {
        let layout = StoredLayout { dir: settings.dir.trim_end_matches('/').to_string() };
        let stored = StoredState { storage: settings.storage.clone(), layout, query_id: settings.query_id };
        let (local, meta) = restore(&settings, &stored, target)?;
        let uploaded = read_uploaded(local.layout(), &stored)?;
        let newest = stored.list()?.snapshots.last().copied();
        let interval = settings.snapshot_interval.max(1);
        let snapshots = Snapshotter::new(stored.clone(), interval, settings.versions_kept, newest, uploaded);
        Ok(StateStore { local: Arc::new(local), stored, meta, pending: None, changes_bytes: 0, snapshots })
    }

    /// The last batch applied.
    pub fn version(&self) -> Option<BatchId> {
        self.meta.version
    }

    /// Reads the state of the operator at this index. Until the next [`StateStore::apply`] it sees this version.
    pub fn reader(&self, operator: usize) -> StateReader {
        StateReader { local: self.local.clone(), operator }
    }

    /// The exact number of keys.
    pub fn rows(&self, operator: usize) -> u64 {
        self.meta.operators.get(operator).map_or(0, |operator| operator.rows)
    }

    /// Makes the changes of the next batch durable in the checkpoint. They do not show yet. Again for the same
    /// batch, it replaces what it wrote before.
    ///
    /// Changes take place in the order given; several may be of one operator. A failed snapshot of an earlier
    /// batch is told here.
    pub fn commit_durable(&mut self, batch: BatchId, changes: Vec<(usize, Changes)>) -> Result<()> {
        self.snapshots.check()?;
        let next = self.meta.version.map_or(0, |version| version + 1);
        if batch != next {
            return Err(Error::internal("state is committed out of order")
                .with("batch", batch)
                .with("next", next));
        }
        let mut meta = self.meta.clone();
        for (operator, changes) in &changes {
            let operator = meta.operators.get_mut(*operator);
            let operator = operator.ok_or_else(|| Error::internal("changes are of no operator"))?;
            let rows = (operator.rows + changes.rows_added()).checked_sub(changes.rows_removed());
            operator.rows = rows.ok_or_else(|| {
                Error::internal("more rows were removed from state than there are")
                    .with("operator", &operator.name)
                    .with("rows", operator.rows)
                    .with("removed", changes.rows_removed())
            })?;
        }
        let header = ChangesHeader {
            query_id: meta.query_id.clone(),
            batch,
            previous: meta.version,
            operators: meta.operators.clone(),
        };
        let file = encode(&header, &changes)?;
        fault::point("changes-before");
        self.stored.storage.replace(&self.stored.layout.changes(batch), &file)?;
        fault::point("changes-after");
        self.changes_bytes = file.len() as u64;
        meta.version = Some(batch);
        self.pending = Some(Pending { meta, changes });
        Ok(())
    }

    /// Lets the changes of `batch` show, now that it is in the commit log. The local database takes them, the
    /// version and the counts of rows in one write.
    pub fn apply(&mut self, batch: BatchId) -> Result<()> {
        let pending = self.pending.take().filter(|pending| pending.meta.version == Some(batch));
        let pending = pending
            .ok_or_else(|| Error::internal("state is applied that is not durable").with("batch", batch))?;
        fault::point("apply-before");
        let mut writer = self.local.next_version();
        for (operator, changes) in &pending.changes {
            for change in changes.iter() {
                writer.change(*operator, change?)?;
            }
        }
        writer.write(&pending.meta)?;
        fault::point("apply-after");
        self.meta = pending.meta;
        self.snapshots.start_if_due(batch, &self.local)
    }

    pub fn metrics(&self) -> StateMetrics {
        StateMetrics {
            rows: self.meta.operators.iter().map(|operator| operator.rows).collect(),
            memory_bytes: self.local.memory_bytes(),
            file_bytes: self.local.file_bytes(),
            changes_bytes: self.changes_bytes,
            snapshot_version: self.snapshots.newest(),
        }
    }

    /// Waits for a snapshot that is being taken, and tells if it failed.
    pub fn finish_snapshot(&mut self) -> Result<()> {
        self.snapshots.finish()
    }
}

impl Drop for StateStore {
    fn drop(&mut self) {
        if let Err(error) = self.snapshots.finish() {
            tracing::warn!(%error, "the last snapshot of the state failed");
        }
    }
}
