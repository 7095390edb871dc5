//! What the tests of the sources share: a log in memory, options from pairs, rows read back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::{ReadOptions, SourceContext, SourceLog, Split};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::{BatchId, Options};

#[derive(Default)]
pub struct MemoryLog {
    entries: Mutex<BTreeMap<BatchId, Vec<u8>>>,
    compact: Mutex<BTreeMap<BatchId, Vec<u8>>>,
}

impl SourceLog for MemoryLog {
    fn get(&self, id: BatchId) -> Result<Option<Vec<u8>>> {
        Ok(self.entries.lock().unwrap().get(&id).cloned())
    }

    fn add(&self, id: BatchId, content: &[u8]) -> Result<()> {
        match self.entries.lock().unwrap().insert(id, content.to_vec()) {
            Some(other) if other != content => Err(Error::data("the entry exists").with("entry", id)),
            _ => Ok(()),
        }
    }

    fn ids(&self) -> Result<Vec<BatchId>> {
        let mut ids: Vec<_> = self.entries.lock().unwrap().keys().copied().collect();
        ids.extend(self.compact.lock().unwrap().keys());
        ids.sort_unstable();
        Ok(ids)
    }

    fn get_compact(&self, id: BatchId) -> Result<Option<Vec<u8>>> {
        Ok(self.compact.lock().unwrap().get(&id).cloned())
    }

    fn add_compact(&self, id: BatchId, content: &[u8]) -> Result<()> {
        self.compact.lock().unwrap().insert(id, content.to_vec());
        Ok(())
    }

    fn purge(&self, before: BatchId) -> Result<()> {
        self.entries.lock().unwrap().retain(|id, _| *id >= before);
        self.compact.lock().unwrap().retain(|id, _| *id >= before);
        Ok(())
    }
}

pub fn options(pairs: &[(&str, &str)]) -> Options {
    let values = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Options::new(values.collect()).unwrap()
}

pub fn context(clock: Arc<dyn Clock>) -> SourceContext {
    SourceContext {
        log: Arc::new(MemoryLog::default()),
        clock,
        base: "/".into(),
        parallelism: 2,
        query_name: "test".into(),
    }
}

/// All rows of the splits, in order, in batches of at most `rows_max`.
pub fn read_all(splits: Vec<Box<dyn Split>>, projection: &[usize], rows_max: usize) -> Vec<RecordBatch> {
    let options = ReadOptions { projection: projection.to_vec(), rows_max, with_path: false };
    splits.into_iter().flat_map(|split| split.read(&options).unwrap()).map(|batch| batch.unwrap()).collect()
}

/// One column of numbers or times over all splits.
pub fn read_longs(splits: Vec<Box<dyn Split>>, column: usize) -> Vec<i64> {
    let mut values = Vec::new();
    for batch in read_all(splits, &[column], 3) {
        let longs = cast(batch.column(0), &DataType::Int64).unwrap();
        values.extend(longs.as_any().downcast_ref::<Int64Array>().unwrap().iter().flatten());
        assert_eq!(longs.null_count(), 0);
    }
    values
}
