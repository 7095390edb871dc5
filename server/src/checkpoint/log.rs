//! A log of the checkpoint: one file a batch, written once, never changed, purged from the old end.
//! Knows no order of the protocol.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::Entry;
use super::seal::{Unsealed, seal, unseal};
use crate::error::{Error, ErrorKind, Result};
use crate::fault;
use crate::record::BatchId;
use crate::storage::{Storage, file_name};

/// The log in one directory.
pub struct Log<E> {
    storage: Arc<dyn Storage>,
    dir: String,
    /// Names of the points before and after a write at which a test may end the process.
    points: (&'static str, &'static str),
    /// The oldest id that may still be there; nothing before the first purge.
    oldest: Mutex<Option<BatchId>>,
    entry: PhantomData<fn() -> E>,
}

/// What is found under an id.
#[derive(Debug)]
pub enum Found<E> {
    Nothing,
    Entry(E),
    Damaged(Error),
}

impl<E: Entry> Log<E> {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        dir: String,
        points: (&'static str, &'static str),
    ) -> Log<E> {
        Log { storage, dir, points, oldest: Mutex::new(None), entry: PhantomData }
    }

    /// Makes the entry durable. `User` error if there is another one under this id: then another run of the
    /// same query is alive, and this one must stop.
    pub fn add(&self, id: BatchId, entry: &E) -> Result<()> {
        fault::point(self.points.0);
        add_once(self.storage.as_ref(), &self.path(id), entry.to_text()?.as_bytes())?;
        fault::point(self.points.1);
        Ok(())
    }

    /// The entry; `Data` error, with what to do, if it is damaged.
    pub fn get(&self, id: BatchId) -> Result<Option<E>> {
        match self.find(id)? {
            Found::Nothing => Ok(None),
            Found::Entry(entry) => Ok(Some(entry)),
            Found::Damaged(error) => Err(error),
        }
    }

    /// Like [`Log::get`], for those who can go on without the entry.
    pub fn find(&self, id: BatchId) -> Result<Found<E>> {
        let path = self.path(id);
        let Some(text) = read_sealed(self.storage.as_ref(), &path)? else { return Ok(Found::Nothing) };
        let damaged = |error: Error| {
            Error::data("an entry of the checkpoint is damaged")
                .with("file", self.storage.uri(&path))
                .because(error)
        };
        let entry = text.and_then(|text| match std::str::from_utf8(&text) {
            Ok(text) => E::from_text(text),
            Err(error) => Err(Error::data("a text is not UTF-8").because(error)),
        });
        match entry {
            Ok(entry) => Ok(Found::Entry(entry)),
            Err(error) if error.kind() == ErrorKind::Data => Ok(Found::Damaged(damaged(error))),
            Err(error) => Err(error.with("file", self.storage.uri(&path))),
        }
    }

    /// The ids there are, ascending, readable or not.
    pub fn ids(&self) -> Result<Vec<BatchId>> {
        list_ids(self.storage.as_ref(), &self.dir, "")
    }

    /// The newest entry.
    pub fn latest(&self) -> Result<Option<(BatchId, E)>> {
        let Some(id) = self.ids()?.pop() else { return Ok(None) };
        Ok(self.get(id)?.map(|entry| (id, entry)))
    }

    /// Deletes all but the newest `keep` entries, of which `newest` is the last.
    pub fn purge(&self, newest: BatchId, keep: u64) -> Result<()> {
        let end = (newest + 1).saturating_sub(keep);
        let mut oldest = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        let start = match *oldest {
            Some(start) => start,
            None => self.ids()?.first().copied().unwrap_or(end),
        };
        for id in start..end {
            self.storage.delete(&self.path(id))?;
        }
        *oldest = Some(start.max(end));
        Ok(())
    }

    /// Takes a damaged entry out of the way; its bytes stay under a hidden name for those who want to look.
    pub(super) fn discard(&self, id: BatchId) -> Result<()> {
        let aside = format!("{}/.{id}.damaged", self.dir);
        self.storage.delete(&aside)?;
        self.storage.rename(&self.path(id), &aside)?;
        Ok(())
    }

    fn path(&self, id: BatchId) -> String {
        format!("{}/{id}", self.dir)
    }
}

/// Writes a sealed file, once. The same content again is fine.
pub(super) fn add_once(storage: &dyn Storage, path: &str, content: &[u8]) -> Result<()> {
    let sealed = seal(content);
    if storage.create_if_absent(path, &sealed)? {
        return Ok(());
    }
    if storage.read(path)?.is_some_and(|there| there[..] == sealed[..]) {
        return Ok(());
    }
    Err(Error::user("another run of this query writes to the same checkpoint")
        .with("file", storage.uri(path))
        .hint("let only one run use a checkpoint: stop the other one, then start again"))
}

/// The content of a sealed file: nothing if it is not there, an error inside if it is damaged.
pub(super) fn read_sealed(storage: &dyn Storage, path: &str) -> Result<Option<Result<Vec<u8>>>> {
    let Some(bytes) = storage.read(path)? else { return Ok(None) };
    Ok(Some(match unseal(&bytes) {
        Ok(Unsealed::Whole(text)) => Ok(text),
        Ok(Unsealed::ByHand(text)) => {
            tracing::warn!(
                file = storage.uri(path),
                "a file of the checkpoint has no checksum: edited by hand"
            );
            Ok(text)
        }
        Err(error) => Err(error),
    }))
}

/// The numbers that are file names in `dir`, followed by `suffix`, ascending.
pub(super) fn list_ids(storage: &dyn Storage, dir: &str, suffix: &str) -> Result<Vec<BatchId>> {
    let listed = storage.list(dir)?;
    let ids: BTreeSet<BatchId> = listed
        .iter()
        .filter(|entry| !entry.is_dir)
        .filter_map(|entry| parse_id(file_name(&entry.path).strip_suffix(suffix)?))
        .collect();
    Ok(ids.into_iter().collect())
}

/// Only the way we write numbers: `007` and `+7` are other people's files.
fn parse_id(name: &str) -> Option<BatchId> {
    let id: BatchId = name.parse().ok()?;
    (id.to_string() == name).then_some(id)
}
