//! The state's files in the checkpoint: listing, moving files to and from there, and deleting what no restart
//! needs. Knows no database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::layout::{self, StoredLayout, local_name, version_of};
use super::snapshot::{self, SharedFile, SnapshotHeader};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{BatchId, QueryId};
use crate::storage::{Storage, file_name, is_temporary};

/// Files are moved in pieces of this size.
const PIECE_BYTES: usize = 4 << 20;

/// Files moved at once: closing one takes half a second on HDFS, whatever its size.
const MOVES_AT_ONCE: usize = 4;

/// Snapshots that are kept whatever their age, so that one damaged file does not end a query.
const SNAPSHOTS_KEPT_MIN: usize = 2;

/// The state of one query in its checkpoint.
#[derive(Clone)]
pub struct StoredState {
    pub storage: Arc<dyn Storage>,
    pub layout: StoredLayout,
    pub query_id: QueryId,
}

/// Which versions have a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    pub changes: BTreeSet<BatchId>,
    pub snapshots: BTreeSet<BatchId>,
    /// Paths of files that a crash left half written.
    pub temporary: Vec<String>,
}

impl StoredState {
    pub fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for entry in self.storage.list(&self.layout.dir)? {
            let name = file_name(&entry.path);
            listing.changes.extend(version_of(name, layout::CHANGES));
            listing.snapshots.extend(version_of(name, layout::SNAPSHOT));
            if is_temporary(name) {
                listing.temporary.push(entry.path);
            }
        }
        Ok(listing)
    }

    /// Names and sizes of the files that snapshots share.
    pub fn list_files(&self) -> Result<BTreeMap<String, u64>> {
        let listed = self.storage.list(&self.layout.files())?;
        Ok(listed.into_iter().map(|entry| (file_name(&entry.path).to_string(), entry.size)).collect())
    }

    /// The bytes of a change log; `Data` error if it is not there.
    pub fn read_changes(&self, batch: BatchId) -> Result<bytes::Bytes> {
        self.read(&self.layout.changes(batch))
    }

    /// A manifest and the files it contains; `Data` error if it is damaged or not there.
    pub fn read_snapshot(&self, version: BatchId) -> Result<(SnapshotHeader, Vec<Vec<u8>>)> {
        let path = self.layout.snapshot(version);
        snapshot::decode(&self.read(&path)?, self.query_id, version)
            .map_err(|error| error.with("file", self.storage.uri(&path)))
    }

    fn read(&self, path: &str) -> Result<bytes::Bytes> {
        let found = self.storage.read(path)?;
        found.ok_or_else(|| Error::data("a state file is missing").with("file", self.storage.uri(path)))
    }

    /// Copies local files into the checkpoint, each under a name that was never used.
    pub fn upload(&self, files: &[std::path::PathBuf]) -> Result<Vec<SharedFile>> {
        in_parallel(files, |path| self.upload_file(path))
    }

    fn upload_file(&self, path: &Path) -> Result<SharedFile> {
        let cannot = |error: std::io::Error| {
            Error::external("cannot copy a state file into the checkpoint")
                .with("file", path.display())
                .because(error)
        };
        let local = local_name(path).to_string();
        let stored = format!("{}-{}.sst", local.trim_end_matches(".sst"), Uuid::new_v4());
        let mut from = File::open(path).map_err(cannot)?;
        let mut to = self.storage.create(&self.layout.file(&stored))?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut crc = 0;
        loop {
            let length = from.read(&mut piece).map_err(cannot)?;
            if length == 0 {
                break;
            }
            crc = crc32c::crc32c_append(crc, &piece[..length]);
            to.write_all(&piece[..length]).map_err(cannot)?;
        }
        Ok(SharedFile { local, stored, bytes: to.close()?, crc32c: crc })
    }

    /// Copies the files of a snapshot into a local directory; `Data` error if one is not what it was.
    pub fn download(&self, files: &[SharedFile], to: &Path) -> Result<()> {
        in_parallel(files, |file| self.download_file(file, &to.join(&file.local)))?;
        Ok(())
    }

    fn download_file(&self, file: &SharedFile, to: &Path) -> Result<()> {
        let path = self.layout.file(&file.stored);
        let damaged = |why: &str| Error::data(why.to_string()).with("file", self.storage.uri(&path));
        match self.storage.status(&path)? {
            None => return Err(damaged("a state file is missing")),
            Some(status) if status.size != file.bytes => {
                return Err(damaged("a state file has another size than it had")
                    .with("bytes", status.size)
                    .with("expected", file.bytes));
            }
            Some(_) => {}
        }
        let cannot = |error: std::io::Error| {
            Error::external("cannot write a local state file").with("file", to.display()).because(error)
        };
        let from = self.storage.open(&path)?;
        let mut local = File::create(to).map_err(cannot)?;
        let mut crc = 0;
        let mut offset = 0;
        while offset < file.bytes {
            let length = (file.bytes - offset).min(PIECE_BYTES as u64);
            let piece = from.read_at(offset, length as usize)?;
            crc = crc32c::crc32c_append(crc, &piece);
            local.write_all(&piece).map_err(cannot)?;
            offset += length;
        }
        if crc != file.crc32c {
            return Err(damaged("the checksum of a state file does not fit"));
        }
        local.sync_all().map_err(cannot)
    }

    /// Deletes what a crash left half written. Only for a store that is being opened: nobody else may write.
    pub fn delete_temporary(&self, listing: &Listing) -> Result<()> {
        listing.temporary.iter().try_for_each(|path| self.storage.delete(path).map(drop))
    }

    /// Deletes what is newer than `target`: the logs were set back, and other batches will take these numbers.
    /// The change log of the very next batch stays, as its run may just have been about to commit it; a
    /// replay replaces it.
    pub fn delete_after(&self, target: BatchId, listing: &Listing) -> Result<()> {
        let snapshots = listing.snapshots.iter().filter(|version| **version > target);
        let changes = listing.changes.iter().filter(|batch| **batch > target + 1);
        let paths = snapshots.map(|version| self.layout.snapshot(*version));
        for path in paths.chain(changes.map(|batch| self.layout.changes(*batch))) {
            tracing::warn!(
                file = self.storage.uri(&path),
                "a state file is newer than the commit log: deleted"
            );
            self.storage.delete(&path)?;
        }
        Ok(())
    }

    /// Deletes what no restart at one of the newest `kept` versions up to `newest` needs. `known` holds the
    /// manifests already read.
    pub fn purge(
        &self,
        newest: BatchId,
        kept: u64,
        known: &mut BTreeMap<BatchId, SnapshotHeader>,
    ) -> Result<()> {
        let listing = self.list()?;
        let Some(base) = oldest_needed(newest, kept, &listing.snapshots) else { return Ok(()) };
        for version in listing.snapshots.range(..base) {
            self.storage.delete(&self.layout.snapshot(*version))?;
        }
        for batch in listing.changes.range(..=base) {
            self.storage.delete(&self.layout.changes(*batch))?;
        }
        known.retain(|version, _| *version >= base);
        for version in listing.snapshots.range(base..) {
            if !known.contains_key(version) {
                match self.read_snapshot(*version) {
                    Ok((header, _)) => drop(known.insert(*version, header)),
                    // It can never be restored, so its files are nobody's.
                    Err(error) if error.kind() == ErrorKind::Data => {
                        tracing::warn!(%error, "a snapshot is damaged");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let used: BTreeSet<&str> =
            known.values().flat_map(|header| &header.files).map(|file| file.stored.as_str()).collect();
        for name in self.list_files()?.keys().filter(|name| !used.contains(name.as_str())) {
            self.storage.delete(&self.layout.file(name))?;
        }
        Ok(())
    }
}

/// The snapshot that the oldest version of the newest `kept` is restored from: whatever is older can go.
fn oldest_needed(newest: BatchId, kept: u64, snapshots: &BTreeSet<BatchId>) -> Option<BatchId> {
    let oldest = (newest + 1).checked_sub(kept)?;
    let base = snapshots.range(..=oldest).next_back()?;
    let second = snapshots.iter().rev().nth(SNAPSHOTS_KEPT_MIN - 1)?;
    Some(*base.min(second))
}

/// Calls `work` for each item on a few threads; results in order, or the first error.
fn in_parallel<I: Sync, O: Send>(items: &[I], work: impl Fn(&I) -> Result<O> + Sync) -> Result<Vec<O>> {
    let mut results = Vec::with_capacity(items.len());
    for some in items.chunks(MOVES_AT_ONCE) {
        let done = std::thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|item| scope.spawn(|| work(item))).collect();
            let joined = threads.into_iter().map(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => Err(Error::internal("a thread that moved a state file panicked")),
            });
            joined.collect::<Result<Vec<O>>>()
        });
        results.extend(done?);
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_newest_versions_need_is_kept() {
        for (newest, kept, snapshots, base) in [
            (9, 100, &[9][..], None),
            (109, 100, &[9, 19, 99, 109], Some(9)),
            (110, 100, &[9, 19, 99, 109], Some(9)),
            (118, 100, &[9, 19, 109], Some(19)),
            (118, 100, &[19], None),
            (29, 1, &[9, 19, 29], Some(19)),
            (29, 15, &[9, 19, 29], Some(9)),
            (5, 1, &[], None),
        ] {
            let snapshots = snapshots.iter().copied().collect();
            assert_eq!(oldest_needed(newest, kept, &snapshots), base, "{newest} {kept} {snapshots:?}");
        }
    }
}
