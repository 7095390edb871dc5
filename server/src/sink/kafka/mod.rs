//! The sink kafka: rows as records of a topic, exactly once for readers with `isolation.level=read_committed`.
//!
//! A batch is kept beside until it is whole, then written in one transaction together with its number, partition
//! after partition, so that records with one key are in the order of the rows. A restart asks the brokers which
//! number was committed. What the columns hold is not known here.

mod fence;
mod settings;
mod spool;
mod transactions;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

pub use self::settings::KafkaSettings;
use self::spool::{Spool, SpoolFile};
use self::transactions::Transactions;
use super::{CheckpointFacts, Sink, StageWriter, Staged, staged_as};
use crate::error::{Error, Result};
use crate::record::BatchId;

/// The columns of rows that are written: STRING or BINARY, the key may be left out.
const KEY: &str = "key";
const VALUE: &str = "value";

pub struct KafkaSink {
    settings: KafkaSettings,
    file: Arc<SpoolFile>,
    start: OnceLock<Start>,
}

/// What [`Sink::recover`] opened and found.
struct Start {
    transactions: Transactions,
    /// The newest batch in the topic.
    newest: Mutex<Option<BatchId>>,
}

impl Start {
    fn newest(&self) -> MutexGuard<'_, Option<BatchId>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KafkaSink {
    /// Reaches out to nothing.
    pub fn new(settings: KafkaSettings) -> KafkaSink {
        KafkaSink { settings, file: Arc::default(), start: OnceLock::new() }
    }
}

impl Sink for KafkaSink {
    fn description(&self) -> String {
        format!("KafkaSink[{}]", self.settings.topic)
    }

    fn recover(&self, facts: &CheckpointFacts) -> Result<()> {
        let topic = &self.settings.topic;
        let id = format!("wasmill-{}-{topic}", facts.query_id);
        // First others are kept from committing, then what was committed is asked for.
        let transactions = Transactions::open(&self.settings, &id)?;
        let newest = transactions.newest()?;
        fence::judge(newest, facts, topic)?;
        let start = Start { transactions, newest: Mutex::new(newest) };
        self.start.set(start).map_err(|_| Error::internal("a Kafka sink was started twice"))
    }

    fn stage(&self, _batch: BatchId, _partition: usize) -> Result<Box<dyn StageWriter>> {
        Ok(Box::new(KafkaStage(Spool::new(self.file.clone()))))
    }

    fn publish(&self, batch: BatchId, staged: Vec<Staged>) -> Result<()> {
        let start = self.start.get();
        let start =
            start.ok_or_else(|| Error::internal("a Kafka sink is used before it looked at its topic"))?;
        let mut newest = start.newest();
        if *newest >= Some(batch) {
            return Ok(());
        }
        let records = staged.into_iter().map(staged_as::<Spool>).collect::<Result<Vec<_>>>()?;
        start.transactions.write(batch, &records)?;
        *newest = Some(batch);
        drop(records);
        self.file.clear()
    }
}

struct KafkaStage(Spool);

impl StageWriter for KafkaStage {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let keys = rows.column_by_name(KEY);
        let values =
            rows.column_by_name(VALUE).ok_or_else(|| Error::internal("rows for Kafka have no value"))?;
        for row in 0..rows.num_rows() {
            let key = keys.map(|keys| bytes(keys, row)).transpose()?.flatten();
            self.0.push((key, bytes(values, row)?))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Staged> {
        Ok(Box::new(self.0))
    }
}

fn bytes(column: &ArrayRef, row: usize) -> Result<Option<&[u8]>> {
    if column.is_null(row) {
        return Ok(None);
    }
    match column.data_type() {
        DataType::Utf8 => Ok(Some(column.as_string::<i32>().value(row).as_bytes())),
        DataType::Binary => Ok(Some(column.as_binary::<i32>().value(row))),
        other => Err(Error::internal("a column for Kafka is neither text nor binary").with("type", other)),
    }
}
