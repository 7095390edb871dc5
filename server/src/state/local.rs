//! The local database of a query's state: a cache of what the checkpoint holds. It may be deleted at any time
//! when nobody uses it.
//!
//! It has no write-ahead log: after a crash it is at some version it once had (all column families are flushed
//! together with the version), and the change logs of the checkpoint bring it forward.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rocksdb::checkpoint::Checkpoint;
use rocksdb::properties::{self, PropName};
use rocksdb::{ColumnFamily, DB, DEFAULT_COLUMN_FAMILY_NAME, ErrorKind, WriteBatch, WriteOptions};
use serde::{Deserialize, Serialize};

use super::changes::{Change, OperatorRows};
use super::layout::LocalLayout;
use super::memory::SharedMemory;
use crate::error::{Error, Result};
use crate::record::{BatchId, QueryId};

/// The one key of the default column family.
const META_KEY: &[u8] = b"meta";

/// A lock outlives its owner for a moment: in a process that just dies, or in a child that is just forked.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_LOOK: Duration = Duration::from_millis(10);

/// What the database says of itself; written with every batch, in the same write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    pub query_id: String,
    /// The last batch applied; nothing for empty state.
    pub version: Option<BatchId>,
    pub operators: Vec<OperatorRows>,
}

/// Held as long as the local directory is in use.
pub struct LocalLock(#[allow(dead_code, reason = "closing the file lets go of the lock")] File);

impl LocalLock {
    /// `User` error if another process, or another store in this one, uses the directory.
    pub fn take(layout: &LocalLayout) -> Result<Arc<LocalLock>> {
        let cannot = |error: std::io::Error| {
            Error::user("cannot use the local state directory")
                .with("dir", layout.dir.display())
                .because(error)
        };
        fs::create_dir_all(&layout.dir).map_err(cannot)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(layout.lock());
        let file = file.map_err(cannot)?;
        let give_up = Instant::now() + LOCK_WAIT;
        let mut outcome = file.try_lock();
        while matches!(outcome, Err(TryLockError::WouldBlock)) && Instant::now() < give_up {
            std::thread::park_timeout(LOCK_LOOK);
            outcome = file.try_lock();
        }
        match outcome {
            Ok(()) => Ok(Arc::new(LocalLock(file))),
            Err(TryLockError::WouldBlock) => {
                Err(Error::user("another run of this query uses the local state directory")
                    .with("dir", layout.dir.display())
                    .hint("stop the other run, or give this one another --state-dir"))
            }
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }
}

/// An open database.
pub struct LocalState {
    database: DB,
    families: Vec<String>,
    layout: LocalLayout,
    /// Held while the database moves from one version to the next, and while a snapshot is cut.
    writes: Mutex<()>,
    _lock: Arc<LocalLock>,
}

impl LocalState {
    /// Opens the database, or makes an empty one.
    pub fn open(
        layout: &LocalLayout,
        operators: &[OperatorRows],
        memory: &SharedMemory,
        lock: Arc<LocalLock>,
    ) -> Result<LocalState> {
        let families: Vec<String> = operators.iter().map(|operator| family_name(&operator.name)).collect();
        let descriptors = families.iter().map(String::as_str).chain([DEFAULT_COLUMN_FAMILY_NAME]);
        let descriptors: Vec<_> = descriptors.map(|name| memory.family(name)).collect();
        let opened = DB::open_cf_descriptors(&memory.database_options(), layout.database(), descriptors);
        let database =
            opened.map_err(|error| failure("open the local state database", &layout.dir, error))?;
        Ok(LocalState { database, families, layout: layout.clone(), writes: Mutex::new(()), _lock: lock })
    }

    pub fn database(&self) -> &DB {
        &self.database
    }

    pub fn layout(&self) -> &LocalLayout {
        &self.layout
    }

    pub fn family(&self, operator: usize) -> Result<&ColumnFamily> {
        let name = self.families.get(operator);
        name.and_then(|name| self.database.cf_handle(name))
            .ok_or_else(|| Error::internal("an operator has no column family").with("operator", operator))
    }

    /// Nothing if no batch was ever applied.
    pub fn meta(&self) -> Result<Option<Meta>> {
        let found =
            self.database.get(META_KEY).map_err(|error| self.failed("read the state's version", error))?;
        let Some(bytes) = found else { return Ok(None) };
        let meta = serde_json::from_slice(&bytes);
        meta.map(Some).map_err(|error| Error::data("the local state's version cannot be read").because(error))
    }

    /// Starts the next version.
    pub fn next_version(&self) -> VersionWriter<'_> {
        VersionWriter { local: self, batch: WriteBatch::default() }
    }

    /// Cuts a snapshot of the newest version into the outgoing directory, which must not be there.
    pub fn cut_snapshot(&self) -> Result<Option<Meta>> {
        let _writes = self.lock_writes();
        let meta = self.meta()?;
        let outgoing = self.layout.outgoing();
        // 0: what is only in memory is flushed first.
        let cut = Checkpoint::new(&self.database)
            .and_then(|checkpoint| checkpoint.create_checkpoint_with_log_size(&outgoing, 0));
        cut.map_err(|error| self.failed("take a snapshot of the state", error))?;
        Ok(meta)
    }

    /// Write buffers and what open files hold in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.sum(&[properties::CUR_SIZE_ALL_MEM_TABLES, properties::ESTIMATE_TABLE_READERS_MEM])
    }

    pub fn file_bytes(&self) -> u64 {
        self.sum(&[properties::LIVE_SST_FILES_SIZE])
    }

    /// For progress: a number that the database does not tell counts as 0.
    fn sum(&self, names: &[&PropName]) -> u64 {
        let families = self.families.iter().filter_map(|name| self.database.cf_handle(name));
        let value = |family: &ColumnFamily, name: &PropName| match self
            .database
            .property_int_value_cf(family, name)
        {
            Ok(Some(value)) => value,
            Ok(None) | Err(_) => 0,
        };
        families.flat_map(|family| names.iter().map(move |name| value(family, name))).sum()
    }

    /// The error to hand on; a corrupt database is remembered, and built anew at the next start.
    pub fn failed(&self, what: &str, error: rocksdb::Error) -> Error {
        if error.kind() == ErrorKind::Corruption
            && let Err(error) = fs::write(self.layout.corrupt(), b"")
        {
            tracing::warn!(%error, "cannot note down that the local state is corrupt");
        }
        failure(what, &self.layout.dir, error)
    }

    fn lock_writes(&self) -> MutexGuard<'_, ()> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects the changes of one version; they take place in one write, or not at all.
pub struct VersionWriter<'a> {
    local: &'a LocalState,
    batch: WriteBatch,
}

impl VersionWriter<'_> {
    pub fn change(&mut self, operator: usize, change: Change<'_>) -> Result<()> {
        let family = self.local.family(operator)?;
        match change {
            Change::Put { key, value } => self.batch.put_cf(family, key, value),
            Change::Delete { key } => self.batch.delete_cf(family, key),
            Change::DeleteRange { from, to } => self.batch.delete_range_cf(family, from, to),
        }
        Ok(())
    }

    pub fn write(mut self, meta: &Meta) -> Result<()> {
        let json = serde_json::to_vec(meta)
            .map_err(|error| Error::internal("cannot write the state's version").because(error))?;
        self.batch.put(META_KEY, json);
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        options.set_memtable_insert_hint_per_batch(true);
        let _writes = self.local.lock_writes();
        let written = self.local.database.write_opt(self.batch, &options);
        written.map_err(|error| self.local.failed("write state", error))
    }
}

/// Empties the local directory, but for its lock.
pub fn wipe(layout: &LocalLayout) -> Result<()> {
    for dir in [layout.database(), layout.incoming(), layout.outgoing()] {
        remove(&dir, fs::remove_dir_all(&dir))?;
    }
    for file in [layout.uploaded(), layout.corrupt()] {
        remove(&file, fs::remove_file(&file))?;
    }
    Ok(())
}

/// Takes the outcome of removing `path`: what is not there is fine.
pub fn remove(path: &Path, outcome: std::io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::user("cannot empty the local state directory")
                .with("path", path.display())
                .because(error))
        }
        _ => Ok(()),
    }
}

/// Whether two files name the same operators, whatever their rows.
pub fn same_operators(a: &[OperatorRows], b: &[OperatorRows]) -> bool {
    let plain = |operator: &OperatorRows| (operator.name.clone(), operator.format_version);
    a.iter().map(plain).eq(b.iter().map(plain))
}

pub fn is_of(meta: &Meta, query_id: QueryId) -> bool {
    meta.query_id == query_id.to_string()
}

fn family_name(operator: &str) -> String {
    format!("op:{operator}")
}

fn failure(what: &str, dir: &Path, error: rocksdb::Error) -> Error {
    let failed = match error.kind() {
        ErrorKind::Corruption => Error::data(format!("cannot {what}: the local files are corrupt"))
            .hint("start the query again: it builds its local state anew from the checkpoint"),
        _ => Error::external(format!("cannot {what}")),
    };
    failed.with("dir", dir.display()).because(error)
}
