//! Reading an operator's state during a batch: as it was after the batch before. Writes nothing.

use std::sync::Arc;

use rocksdb::{DB, DBRawIteratorWithThreadMode, ReadOptions};

use super::local::LocalState;
use crate::error::{Error, Result};

/// Keys looked up at once; it bounds the blocks that are held in memory meanwhile.
const KEYS_AT_ONCE: usize = 4096;

/// Reads one operator's state, from any thread. Clones are cheap.
#[derive(Clone)]
pub struct StateReader {
    pub(super) local: Arc<LocalState>,
    pub(super) operator: usize,
}

impl StateReader {
    /// The values of `keys`, which are in ascending order; nothing for a key that is not there.
    pub fn multi_get(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        if !keys.is_sorted() {
            return Err(Error::internal("keys looked up in state are not sorted"));
        }
        let family = self.local.family(self.operator)?;
        let mut values = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS_AT_ONCE) {
            for found in self.local.database().batched_multi_get_cf(family, some.iter().copied(), true) {
                let found = found.map_err(|error| self.local.failed("read state", error))?;
                values.push(found.map(|value| value.to_vec()));
            }
        }
        Ok(values)
    }

    /// The rows from key `from` to before key `to`, ascending.
    pub fn scan(&self, from: &[u8], to: &[u8]) -> Result<Scan<'_>> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(from..to);
        let family = self.local.family(self.operator)?;
        let mut rows = self.local.database().raw_iterator_cf_opt(family, options);
        if from < to {
            rows.seek_to_first();
        }
        Ok(Scan { local: &self.local, rows, done: from >= to })
    }
}

/// Key and value of each row of a range.
pub struct Scan<'a> {
    local: &'a LocalState,
    rows: DBRawIteratorWithThreadMode<'a, DB>,
    done: bool,
}

impl Iterator for Scan<'_> {
    type Item = Result<(Box<[u8]>, Box<[u8]>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        if let Some((key, value)) = self.rows.item() {
            let row = (key.into(), value.into());
            self.rows.next();
            return Some(Ok(row));
        }
        self.done = true;
        let ended = self.rows.status().map_err(|error| self.local.failed("read state", error));
        ended.err().map(Err)
    }
}
