//! Takes snapshots beside the batches: one at a time, on a thread of its own. Decides nothing about batches.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::layout::{LocalLayout, local_name};
use super::local::{LocalState, remove};
use super::snapshot::{SharedFile, SnapshotHeader, encode};
use super::stored::StoredState;
use crate::error::{Error, ErrorKind, Result};
use crate::fault;
use crate::record::BatchId;

/// How often in a row a snapshot may fail for reasons outside before the query fails.
const FAILURES_MAX: u32 = 3;

/// The most bytes of one file that a manifest contains; all but the shared files are small.
const CONTAINED_BYTES_MAX: u64 = 64 << 20;

/// Runs snapshots of one store.
pub struct Snapshotter {
    shared: Arc<Shared>,
    interval: u64,
    running: Option<JoinHandle<Result<BatchId>>>,
    newest: Option<BatchId>,
    failures: u32,
}

struct Shared {
    stored: StoredState,
    versions_kept: u64,
    known: Mutex<Known>,
}

/// What earlier snapshots left, so that a file is uploaded once.
#[derive(Default)]
struct Known {
    /// By local name: files of the database that are in the checkpoint.
    uploaded: BTreeMap<String, SharedFile>,
    manifests: BTreeMap<BatchId, SnapshotHeader>,
}

impl Snapshotter {
    pub fn new(
        stored: StoredState,
        interval: u64,
        versions_kept: u64,
        newest: Option<BatchId>,
        uploaded: BTreeMap<String, SharedFile>,
    ) -> Snapshotter {
        let known = Mutex::new(Known { uploaded, ..Known::default() });
        let shared = Arc::new(Shared { stored, versions_kept, known });
        Snapshotter { shared, interval, running: None, newest, failures: 0 }
    }

    /// The newest version that has a snapshot.
    pub fn newest(&self) -> Option<BatchId> {
        self.newest
    }

    /// Starts a snapshot if one is due and none is running.
    pub fn start_if_due(&mut self, version: BatchId, local: &Arc<LocalState>) -> Result<()> {
        let since = self.newest.map_or(version + 1, |newest| version.saturating_sub(newest));
        if self.running.is_some() || since < self.interval {
            return Ok(());
        }
        let (shared, local) = (self.shared.clone(), local.clone());
        let thread = std::thread::Builder::new().name("state-snapshot".into());
        let started = thread.spawn(move || take(&shared, &local));
        self.running = Some(started.map_err(|error| {
            Error::external("cannot start the thread that takes a snapshot of the state").because(error)
        })?);
        Ok(())
    }

    /// Takes in the outcome of a snapshot that ended. Failures for reasons outside are forgiven a few times,
    /// as the next batch tries again and nothing depends on a snapshot.
    pub fn check(&mut self) -> Result<()> {
        match self.running.take_if(|running| running.is_finished()) {
            Some(ended) => self.take_in(ended),
            None => Ok(()),
        }
    }

    /// Waits for a snapshot that is running.
    pub fn finish(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), |running| self.take_in(running))
    }

    fn take_in(&mut self, ended: JoinHandle<Result<BatchId>>) -> Result<()> {
        match ended.join() {
            Ok(Ok(version)) => {
                self.newest = Some(version);
                self.failures = 0;
                Ok(())
            }
            Ok(Err(error)) => {
                self.failures += 1;
                if error.kind() == ErrorKind::External && self.failures < FAILURES_MAX {
                    tracing::warn!(%error, "a snapshot of the state failed; the next batch tries again");
                    return Ok(());
                }
                Err(error)
            }
            Err(_) => Err(Error::internal("the thread that takes a snapshot of the state panicked")),
        }
    }
}

fn take(shared: &Shared, local: &LocalState) -> Result<BatchId> {
    let layout = local.layout();
    let outgoing = layout.outgoing();
    remove(&outgoing, fs::remove_dir_all(&outgoing))?;
    let meta = local.cut_snapshot()?.ok_or_else(|| Error::internal("a snapshot of empty state"))?;
    let version = meta.version.ok_or_else(|| Error::internal("a snapshot of empty state"))?;
    let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
    let files = list(&outgoing)?;
    let is_shared = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "sst");
    let fresh = files.iter().filter(is_shared).filter(|path| !known.uploaded.contains_key(local_name(path)));
    let fresh: Vec<PathBuf> = fresh.cloned().collect();
    for file in shared.stored.upload(&fresh)? {
        known.uploaded.insert(file.local.clone(), file);
    }
    // A file that the newest snapshot does not hold never comes back into the database.
    let live: Vec<&str> = files.iter().filter(is_shared).map(|path| local_name(path)).collect();
    known.uploaded.retain(|name, _| live.contains(&name.as_str()));
    let (contained, contents) = small_files(files.iter().filter(|path| !is_shared(path)))?;
    let header = SnapshotHeader {
        query_id: meta.query_id,
        version,
        operators: meta.operators,
        files: known.uploaded.values().cloned().collect(),
        contained,
    };
    let manifest = encode(&header, &contents)?;
    fault::point("snapshot-before-manifest");
    shared.stored.storage.replace(&shared.stored.layout.snapshot(version), &manifest)?;
    fault::point("snapshot-after-manifest");
    write_uploaded(layout, &header.files)?;
    known.manifests.insert(version, header);
    shared.stored.purge(version, shared.versions_kept, &mut known.manifests)?;
    remove(&outgoing, fs::remove_dir_all(&outgoing))?;
    Ok(version)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    let mut files = read().map_err(|error| cannot_read(dir, error))?;
    files.sort();
    Ok(files)
}

/// Names and contents. The database's own log is left out: nothing is written to it.
fn small_files<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<(Vec<String>, Vec<Vec<u8>>)> {
    let (mut names, mut contents) = (Vec::new(), Vec::new());
    for path in files {
        let name = local_name(path);
        let bytes = fs::metadata(path).map_err(|error| cannot_read(path, error))?.len();
        if name.ends_with(".log") && bytes == 0 {
            continue;
        }
        let expected = ["CURRENT", "MANIFEST-", "OPTIONS-"].iter().any(|prefix| name.starts_with(prefix));
        if !expected || bytes > CONTAINED_BYTES_MAX {
            return Err(Error::internal("a snapshot holds a file that does not belong there")
                .with("file", name)
                .with("bytes", bytes));
        }
        contents.push(fs::read(path).map_err(|error| cannot_read(path, error))?);
        names.push(name.to_string());
    }
    Ok((names, contents))
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    Error::external("cannot read a local state file").with("path", path.display()).because(error)
}

/// Notes down which local files are in the checkpoint, for the next start on this machine.
pub fn write_uploaded(layout: &LocalLayout, files: &[SharedFile]) -> Result<()> {
    let path = layout.uploaded();
    let partial = path.with_extension("tmp");
    let json = serde_json::to_vec(files)
        .map_err(|error| Error::internal("cannot write the list of uploaded files").because(error))?;
    let written = fs::write(&partial, json).and_then(|()| fs::rename(&partial, &path));
    written.map_err(|error| {
        Error::external("cannot write the list of uploaded files").with("path", path.display()).because(error)
    })
}

/// What [`write_uploaded`] noted, as far as it is still true: of files that are gone or cannot be told, the
/// next snapshot uploads a copy.
pub fn read_uploaded(layout: &LocalLayout, stored: &StoredState) -> Result<BTreeMap<String, SharedFile>> {
    let Ok(json) = fs::read(layout.uploaded()) else { return Ok(BTreeMap::new()) };
    let files: Vec<SharedFile> = serde_json::from_slice(&json).unwrap_or_default();
    let there = stored.list_files()?;
    let files = files.into_iter().filter(|file| there.get(&file.stored) == Some(&file.bytes));
    Ok(files.map(|file| (file.local.clone(), file)).collect())
}
