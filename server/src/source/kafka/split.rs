//! One range of a partition into batches. What lost records mean is decided in `loss`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::loss::{Loss, Resume, resume};
use super::partitions::{EARLIEST, LATEST, Offsets, Range};
use super::pool::{Lease, ReaderPool};
use super::reader::Delivery;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::source::{BatchStream, ReadOptions, Split};

/// How often reading a range starts anew at an offset that the broker refused before.
const RESUMES_MAX: u32 = 3;

/// For the offsets that a partition has, after the broker refused one.
const OFFSETS_TIMEOUT_MS: i32 = 10_000;

/// What the splits of a source share.
pub struct Shared {
    pub pool: ReaderPool,
    pub schema: SchemaRef,
    pub fail_on_data_loss: bool,
    pub poll_timeout_ms: i32,
    pub losses: AtomicU64,
}

impl Shared {
    /// Stops the query, or notes the loss and goes on.
    pub fn lost(&self, loss: &Loss) -> Result<()> {
        if self.fail_on_data_loss {
            return Err(Error::data(format!("records of a Kafka topic may have been lost: {loss}")).hint(
                "records age out at the broker by its retention, and go with their topic; to go on without them \
                 set the option failOnDataLoss to false",
            ));
        }
        self.losses.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("records of a Kafka topic may have been lost, failOnDataLoss is false: {loss}");
        Ok(())
    }
}

pub struct KafkaSplit {
    pub shared: Arc<Shared>,
    pub range: Range,
}

impl Split for KafkaSplit {
    fn describe(&self) -> String {
        self.range.to_string()
    }

    fn read(self: Box<Self>, options: &ReadOptions) -> Result<BatchStream> {
        let schema = self.shared.schema.project(&options.projection);
        let schema = schema
            .map_err(|cause| Error::internal("project the columns of a Kafka source").because(cause))?;
        let rows = Rows::new(Arc::new(schema), &options.projection, &self.range.partition, options.rows_max);
        let lease = self.shared.pool.lease(&self.range.partition, self.range.from)?;
        Ok(Box::new(Reading {
            shared: self.shared,
            range: self.range,
            lease: Some(lease),
            rows,
            resumes: 0,
            failed: false,
        }))
    }
}

/// A range under way.
struct Reading {
    shared: Arc<Shared>,
    range: Range,
    /// Nothing once the range is done, or failed.
    lease: Option<Lease>,
    rows: Rows,
    resumes: u32,
    failed: bool,
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        while let Some(lease) = &mut self.lease {
            match lease.reader.deliver(self.range.until, self.shared.poll_timeout_ms) {
                Delivery::Records(messages) => {
                    let taken = self.rows.append(messages);
                    lease.reader.release(taken);
                    if self.rows.is_full() {
                        return Some(self.rows.take_batch());
                    }
                }
                Delivery::Complete => self.finish(),
                Delivery::Nothing => {
                    if let Err(error) = self.timed_out() {
                        return self.fail(error);
                    }
                }
                Delivery::OutOfRange => {
                    if let Err(error) = self.resume() {
                        return self.fail(error);
                    }
                }
                Delivery::Gone => {
                    if let Err(error) = self.gone() {
                        return self.fail(error);
                    }
                }
                Delivery::Failed(fault) => {
                    let error = self.error("read records from Kafka").because(fault);
                    return self.fail(error);
                }
            }
        }
        (!self.failed && !self.rows.is_empty()).then(|| self.rows.take_batch())
    }
}

impl Reading {
    fn error(&self, what: &str) -> Error {
        let position = self.lease.as_ref().map_or(self.range.from, |lease| lease.reader.position());
        Error::external(what)
            .with("partition", &self.range.partition)
            .with("from", self.range.from)
            .with("until", self.range.until)
            .with("position", position)
    }

    /// An error, unless the partition is gone and may be.
    fn timed_out(&mut self) -> Result<()> {
        if self.lease.as_ref().is_some_and(|lease| lease.reader.is_gone(OFFSETS_TIMEOUT_MS)) {
            return self.gone();
        }
        let error = self
            .error("no record came from Kafka in time")
            .with("timeout_ms", self.shared.poll_timeout_ms)
            .hint("check that the brokers answer; a longer wait is the option kafkaConsumer.pollTimeoutMs");
        let warning = self.lease.as_ref().and_then(|lease| lease.reader.client().last_warning());
        Err(match warning {
            Some(warning) => error.detail(format!("the Kafka client last said: {warning}")),
            None => error,
        })
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.shared.pool.give_back(lease);
        }
    }

    /// The reader's place is not trusted any more; a rerun of the batch starts with a new one.
    fn stop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.shared.pool.discard(lease);
        }
    }

    fn fail(&mut self, error: Error) -> Option<Result<RecordBatch>> {
        self.stop();
        self.failed = true;
        Some(Err(error))
    }

    /// The partition is not there any more: the range ends, if the query may lose records.
    fn gone(&mut self) -> Result<()> {
        let from = self.lease.as_ref().map_or(self.range.from, |lease| lease.reader.position());
        self.shared.lost(&Loss::PartitionGone { partition: self.range.partition.clone(), from })?;
        self.stop();
        Ok(())
    }

    /// The broker does not have the position: goes on where it can, if the query may lose records.
    fn resume(&mut self) -> Result<()> {
        let Some(lease) = &self.lease else { return Ok(()) };
        let left = Range { from: lease.reader.position(), ..self.range.clone() };
        let ask = |time| {
            let times = Offsets::from([(left.partition.clone(), time)]);
            let offsets = lease.reader.client().offsets_at(&times, OFFSETS_TIMEOUT_MS);
            offsets.map(|offsets| offsets.values().next().copied().unwrap_or(time))
        };
        let known = ask(EARLIEST).and_then(|earliest| Ok((earliest, ask(LATEST)?)));
        let (earliest, latest) =
            known.map_err(|fault| self.error("ask Kafka which offsets a partition has").because(fault))?;
        self.shared.lost(&Loss::Deleted { range: left.clone(), earliest, latest })?;
        let at = match resume(&left, earliest, latest) {
            Resume::Nowhere => {
                self.stop();
                return Ok(());
            }
            Resume::Again => left.from,
            Resume::At(offset) => offset,
        };
        self.resumes += 1;
        if self.resumes > RESUMES_MAX {
            return Err(self
                .error("the broker refuses offsets that it says it has")
                .with("earliest", earliest));
        }
        self.stop();
        self.lease = Some(self.shared.pool.lease(&left.partition, at)?);
        Ok(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop();
    }
}
