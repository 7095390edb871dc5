//! A source's own log in the checkpoint: `sources/<i>/N` and `sources/<i>/N.compact`. Does not read inside.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::log::{add_once, list_ids, read_sealed};
use crate::error::{Error, Result};
use crate::record::{BatchId, SourceLog};
use crate::storage::Storage;

const COMPACT: &str = ".compact";

/// The log of one source of a query.
pub struct StoredSourceLog {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) dir: String,
}

impl StoredSourceLog {
    fn path(&self, id: BatchId, suffix: &str) -> String {
        format!("{}/{id}{suffix}", self.dir)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match read_sealed(self.storage.as_ref(), path)? {
            None => Ok(None),
            Some(Ok(content)) => Ok(Some(content)),
            Some(Err(error)) => Err(Error::data("an entry of a source's log is damaged")
                .with("file", self.storage.uri(path))
                .hint("bring the file back from a copy of the checkpoint")
                .because(error)),
        }
    }
}

impl SourceLog for StoredSourceLog {
    fn get(&self, id: BatchId) -> Result<Option<Vec<u8>>> {
        self.read(&self.path(id, ""))
    }

    fn add(&self, id: BatchId, content: &[u8]) -> Result<()> {
        add_once(self.storage.as_ref(), &self.path(id, ""), content)
    }

    fn ids(&self) -> Result<Vec<BatchId>> {
        let mut ids: BTreeSet<BatchId> =
            list_ids(self.storage.as_ref(), &self.dir, "")?.into_iter().collect();
        ids.extend(list_ids(self.storage.as_ref(), &self.dir, COMPACT)?);
        Ok(ids.into_iter().collect())
    }

    fn get_compact(&self, id: BatchId) -> Result<Option<Vec<u8>>> {
        self.read(&self.path(id, COMPACT))
    }

    fn add_compact(&self, id: BatchId, content: &[u8]) -> Result<()> {
        add_once(self.storage.as_ref(), &self.path(id, COMPACT), content)
    }

    fn purge(&self, before: BatchId) -> Result<()> {
        for suffix in ["", COMPACT] {
            for id in list_ids(self.storage.as_ref(), &self.dir, suffix)? {
                if id < before {
                    self.storage.delete(&self.path(id, suffix))?;
                }
            }
        }
        Ok(())
    }
}
