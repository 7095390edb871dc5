//! Brings the local database to the version of the last committed batch: from what is there, from the newest
//! good snapshot, or from nothing, and forward by change logs. What is damaged costs time as long as something
//! older reaches; only then it is refused.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::StateSettings;
use super::changes::{OperatorRows, decode};
use super::layout::LocalLayout;
use super::local::{LocalLock, LocalState, Meta, is_of, same_operators, wipe};
use super::snapshotter::write_uploaded;
use super::stored::{Listing, StoredState};
use crate::error::{Error, ErrorKind, Result};
use crate::record::BatchId;

/// Where a restore begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Local,
    Snapshot(BatchId),
    Empty,
}

/// Restores exactly `target`; nothing stands for empty state, before batch 0 was committed.
pub fn restore(
    settings: &StateSettings,
    stored: &StoredState,
    target: Option<BatchId>,
) -> Result<(LocalState, Meta)> {
    let restore = Restore {
        settings,
        stored,
        layout: LocalLayout { dir: settings.local_dir.clone() },
        operators: settings.operators.iter().map(|operator| operator.without_rows()).collect(),
    };
    let lock = LocalLock::take(&restore.layout)?;
    if restore.layout.corrupt().exists() {
        tracing::warn!(dir = %restore.layout.dir.display(), "the local state was found corrupt: built anew");
        wipe(&restore.layout)?;
    }
    let listing = stored.list()?;
    stored.delete_temporary(&listing)?;
    match target {
        Some(target) => stored.delete_after(target, &listing)?,
        None => refuse_leftovers(stored, &listing)?,
    }
    let mut reasons = Vec::new();
    for base in bases(target, &listing) {
        match restore.from(base, target, &lock) {
            Ok(local) => {
                let meta = local.meta()?.unwrap_or_else(|| restore.empty_meta());
                tracing::info!(?base, version = ?meta.version, "state restored");
                return Ok((local, meta));
            }
            Err(error) if error.kind() == ErrorKind::Data => {
                // A machine that never ran the query has no local state: nothing to worry about.
                match base {
                    Base::Local => tracing::debug!(%error, "the local state is not used"),
                    _ => tracing::warn!(?base, %error, "state cannot be restored from here"),
                }
                reasons.push(format!("{base:?}: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::data("the state of the last committed batch cannot be restored")
        .with("batch", target.map_or("none".to_string(), |target| target.to_string()))
        .with("dir", stored.storage.uri(&stored.layout.dir))
        .detail(reasons.join("\n"))
        .hint(
            "bring the files named above back from a copy of the checkpoint; without them, start anew with an \
             empty checkpoint and an empty output",
        ))
}

/// What to try, the least work first.
fn bases(target: Option<BatchId>, listing: &Listing) -> Vec<Base> {
    let Some(target) = target else { return vec![Base::Local, Base::Empty] };
    let snapshots = listing.snapshots.range(..=target).rev();
    [Base::Local]
        .into_iter()
        .chain(snapshots.map(|version| Base::Snapshot(*version)))
        .chain([Base::Empty])
        .collect()
}

/// State of batches that the logs do not know means that the logs are gone, not that the query is new.
fn refuse_leftovers(stored: &StoredState, listing: &Listing) -> Result<()> {
    // Batch 0 may have ended between its change log and its commit.
    let newest = listing.changes.last().max(listing.snapshots.last());
    if newest.is_none_or(|newest| *newest == 0) && listing.snapshots.is_empty() {
        return Ok(());
    }
    Err(Error::data("the checkpoint holds state, but no batch is committed")
        .with("dir", stored.storage.uri(&stored.layout.dir))
        .hint("bring `offsets/` and `commits/` back, or start anew with an empty checkpoint and an empty output"))
}

struct Restore<'a> {
    settings: &'a StateSettings,
    stored: &'a StoredState,
    layout: LocalLayout,
    operators: Vec<OperatorRows>,
}

impl Restore<'_> {
    fn from(&self, base: Base, target: Option<BatchId>, lock: &Arc<LocalLock>) -> Result<LocalState> {
        let local = match base {
            Base::Local => self.open_local(target, lock)?,
            Base::Snapshot(version) => self.open_snapshot(version, lock)?,
            Base::Empty => {
                wipe(&self.layout)?;
                self.open(lock)?
            }
        };
        self.roll_forward(&local, target)?;
        Ok(local)
    }

    fn open(&self, lock: &Arc<LocalLock>) -> Result<LocalState> {
        LocalState::open(&self.layout, &self.operators, &self.settings.memory, lock.clone())
    }

    /// What is on this machine, unless it is of another query, of other operators, or ahead.
    fn open_local(&self, target: Option<BatchId>, lock: &Arc<LocalLock>) -> Result<LocalState> {
        let unusable = |why: &str| Error::data(format!("the local state is not used: {why}"));
        if !self.layout.database().join("CURRENT").exists() {
            return Err(unusable("there is none"));
        }
        // Whatever the reason, the checkpoint has it all.
        let local = self.open(lock).map_err(|error| unusable("it does not open").because(error))?;
        match (local.meta()?, target) {
            (None, None) => Ok(local),
            (None, Some(_)) => Err(unusable("it is empty")),
            (Some(meta), _) if !is_of(&meta, self.settings.query_id) => {
                Err(unusable("it is of another query"))
            }
            (Some(meta), _) if !same_operators(&meta.operators, &self.operators) => {
                Err(unusable("it is of other operators"))
            }
            (Some(meta), _) if meta.version > target => Err(unusable("it is ahead of the commit log")),
            (Some(_), _) => Ok(local),
        }
    }

    fn open_snapshot(&self, version: BatchId, lock: &Arc<LocalLock>) -> Result<LocalState> {
        wipe(&self.layout)?;
        let (header, contents) = self.stored.read_snapshot(version)?;
        self.check_operators(&header.operators)?;
        let incoming = self.layout.incoming();
        let cannot = |path: &Path, error: std::io::Error| {
            Error::external("cannot write the local state").with("path", path.display()).because(error)
        };
        fs::create_dir_all(&incoming).map_err(|error| cannot(&incoming, error))?;
        self.stored.download(&header.files, &incoming)?;
        for (name, content) in header.contained.iter().zip(contents) {
            let path = incoming.join(name);
            fs::write(&path, content).map_err(|error| cannot(&path, error))?;
        }
        let database = self.layout.database();
        fs::rename(&incoming, &database).map_err(|error| cannot(&database, error))?;
        let local = self.open(lock).map_err(|error| {
            Error::data("the files of a snapshot are not a database").with("version", version).because(error)
        })?;
        let expected =
            Meta { query_id: header.query_id, version: Some(header.version), operators: header.operators };
        if local.meta()? != Some(expected) {
            return Err(
                Error::data("the files of a snapshot are of another version").with("version", version)
            );
        }
        write_uploaded(&self.layout, &header.files)?;
        Ok(local)
    }

    fn roll_forward(&self, local: &LocalState, target: Option<BatchId>) -> Result<()> {
        let start = local.meta()?.and_then(|meta| meta.version).map_or(0, |version| version + 1);
        let end = target.map_or(0, |target| target + 1);
        for batch in start..end {
            let bytes = self.stored.read_changes(batch)?;
            let mut writer = local.next_version();
            let applied = decode(&bytes, self.settings.query_id, batch, |operator, change| {
                // An operator that the query no longer has is refused below, by name.
                if operator < self.operators.len() { writer.change(operator, change) } else { Ok(()) }
            });
            let path = self.stored.layout.changes(batch);
            let header = applied.map_err(|error| error.with("file", self.stored.storage.uri(&path)))?;
            self.check_operators(&header.operators)?;
            let query_id = self.settings.query_id.to_string();
            writer.write(&Meta { query_id, version: Some(batch), operators: header.operators })?;
        }
        Ok(())
    }

    fn check_operators(&self, stored: &[OperatorRows]) -> Result<()> {
        if same_operators(stored, &self.operators) {
            return Ok(());
        }
        let names = |operators: &[OperatorRows]| {
            let name = |operator: &OperatorRows| format!("{} v{}", operator.name, operator.format_version);
            operators.iter().map(name).collect::<Vec<String>>().join(", ")
        };
        Err(Error::user("the stateful operators of the query are not those of its checkpoint")
            .with("checkpoint", names(stored))
            .with("query", names(&self.operators))
            .hint("undo the change of the query, or start it with an empty checkpoint and an empty output"))
    }

    fn empty_meta(&self) -> Meta {
        Meta {
            query_id: self.settings.query_id.to_string(),
            version: None,
            operators: self.operators.clone(),
        }
    }
}
