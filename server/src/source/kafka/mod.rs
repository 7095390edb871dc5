//! The source `kafka`: ranges of offsets of Kafka's partitions, planned here, read by the splits.
//! Commits nothing to Kafka: where a query stands is in its checkpoint alone.

mod client;
mod cluster;
mod config;
mod division;
mod limit;
mod loss;
mod partitions;
mod pool;
mod reader;
mod rows;
mod split;
mod start;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};

use self::client::Client;
use self::cluster::Cluster;
use self::config::{KafkaConfig, Starting};
use self::limit::LastFired;
use self::partitions::{Offsets, Partitions};
use self::pool::ReaderPool;
use self::split::{KafkaSplit, Shared};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::kafka::Setting;
use crate::record::{Offset, Options};
use crate::source::{ReadLimits, Source, SourceContext, SourceLog, Split};

/// Settings of every client: the engine alone decides which offsets are read, and commits none.
const CLIENT_SETTINGS: [(&str, &str); 4] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("allow.auto.create.topics", "false"),
    ("log.connection.close", "false"),
];

/// Settings of the clients that read: an offset that is not there is an error, the end of a partition an event.
const READER_SETTINGS: [(&str, &str); 3] =
    [("auto.offset.reset", "error"), ("enable.partition.eof", "true"), ("check.crcs", "true")];

pub struct KafkaSource {
    config: KafkaConfig,
    cluster: Cluster,
    shared: Arc<Shared>,
    log: Arc<dyn SourceLog>,
    clock: Arc<dyn Clock>,
    /// The first offsets of the query, once known.
    initial: Option<Offsets>,
    /// What the brokers had when they were last asked.
    latest: Option<Offsets>,
    /// Under the trigger `availableNow`: what they had at start.
    fixed: Option<Offsets>,
    fired: LastFired,
    told_start: bool,
}

impl KafkaSource {
    /// What the options say is checked; no broker is asked.
    pub fn validate(options: &Options) -> Result<SchemaRef> {
        KafkaConfig::read(options).map(|config| config.schema())
    }

    /// Connects in the background: brokers are asked when the first batch is planned.
    pub fn new(options: &Options, context: SourceContext) -> Result<KafkaSource> {
        let config = KafkaConfig::read(options)?;
        let name = format!("{}-{}", config.group_id_prefix, context.query_name);
        let client = Client::new(&settings(&config, &format!("{name}-driver"), &[]))?;
        let reader_settings = settings(&config, &format!("{name}-executor"), &READER_SETTINGS);
        let shared = Shared {
            pool: ReaderPool::new(reader_settings, context.parallelism),
            schema: config.schema(),
            fail_on_data_loss: config.fail_on_data_loss,
            poll_timeout_ms: config.poll_timeout_ms,
            losses: AtomicU64::new(0),
        };
        Ok(KafkaSource {
            cluster: Cluster::new(&config, client, context.clock.clone()),
            config,
            shared: Arc::new(shared),
            log: context.log,
            clock: context.clock,
            initial: None,
            latest: None,
            fixed: None,
            fired: LastFired::default(),
            told_start: false,
        })
    }

    /// The first offsets: from the source's log, or resolved now and written to it.
    fn initial(&mut self) -> Result<Offsets> {
        if let Some(initial) = &self.initial {
            return Ok(initial.clone());
        }
        let initial = match self.log.get(0)? {
            Some(content) => partitions::decode_initial(&content)?,
            None => {
                let shared = self.shared.clone();
                let initial = start::resolve(&self.config, &mut self.cluster, |loss| shared.lost(loss))?;
                self.log.add(0, &partitions::encode_initial(&initial))?;
                tracing::info!(
                    source = self.config.description(),
                    option = self.config.starting_text,
                    offsets = %partitions::to_offset(&initial),
                    "the query has no checkpoint: it starts where the option says"
                );
                self.told_start = true;
                initial
            }
        };
        self.initial = Some(initial.clone());
        Ok(initial)
    }

    /// Where a batch starts. Once in a run it is told whether the checkpoint or the option decided.
    fn start_of(&mut self, start: Option<&Offset>) -> Result<Offsets> {
        let offsets = match start {
            Some(start) => partitions::from_offset(start)?,
            None => self.initial()?,
        };
        if !self.told_start {
            self.told_start = true;
            self.tell_checkpoint_wins(&offsets)?;
        }
        Ok(offsets)
    }

    fn tell_checkpoint_wins(&mut self, offsets: &Offsets) -> Result<()> {
        let source = self.config.description();
        tracing::info!(
            source,
            checkpoint = %partitions::to_offset(offsets),
            option = self.config.starting_text,
            "the checkpoint decides where the query goes on; the option counts only without a checkpoint"
        );
        let Starting::Offsets(asked) = &self.config.starting else { return Ok(()) };
        let Some(content) = self.log.get(0)? else { return Ok(()) };
        let recorded = partitions::decode_initial(&content)?;
        let differs = |(partition, asked): (&_, &i64)| *asked >= 0 && recorded.get(partition) != Some(asked);
        if asked.iter().any(differs) {
            tracing::warn!(
                source,
                recorded = %partitions::to_offset(&recorded),
                option = self.config.starting_text,
                "startingOffsets differs from where the query started and has no effect: to start from other \
                 offsets give it a new checkpointLocation"
            );
        }
        Ok(())
    }

    fn ask_latest(&mut self) -> Result<Offsets> {
        let partitions = self.cluster.partitions()?;
        self.shared.pool.expect_partitions(partitions.len());
        let latest = self.cluster.latest(&partitions)?;
        self.latest = Some(latest.clone());
        Ok(latest)
    }

    /// Earliest offsets of the partitions that are in `end` alone.
    fn earliest_of_new(&mut self, start: &Offsets, end: &Offsets) -> Result<Offsets> {
        let new: Partitions =
            end.keys().filter(|partition| !start.contains_key(partition)).cloned().collect();
        if new.is_empty() {
            return Ok(Offsets::new());
        }
        let there = self.cluster.partitions()?;
        let new: Partitions = new.intersection(&there).cloned().collect();
        tracing::info!(source = self.config.description(), "new partitions: {}", partitions::list(&new));
        self.cluster.earliest(&new)
    }

    /// Under availableNow nothing may be missing, whatever failOnDataLoss says.
    fn check_available_now(&mut self, end: &Offsets) -> Result<()> {
        let Some(fixed) = self.fixed.clone() else { return Ok(()) };
        let latest = self.ask_latest()?;
        match loss::available_now_problem(end, &fixed, &latest) {
            None => Ok(()),
            Some(problem) => Err(Error::data(format!(
                "under the trigger availableNow a topic changed while the query ran: {problem}"
            ))
            .with("source", self.config.description())
            .hint("start the query again: it goes on from its checkpoint with what is there then")),
        }
    }
}

fn settings(config: &KafkaConfig, client_id: &str, more: &[(&str, &str)]) -> Vec<Setting> {
    let own = [("client.id", client_id)].into_iter().chain(CLIENT_SETTINGS).chain(more.iter().copied());
    let mut settings: Vec<Setting> = own.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    settings.extend(config.settings.iter().cloned());
    settings
}

impl Source for KafkaSource {
    fn schema(&self) -> SchemaRef {
        self.config.schema()
    }

    fn description(&self) -> String {
        self.config.description()
    }

    /// Before the first batch it is the first offsets if there is nothing to read, so that batch 0 fixes them.
    fn next_end(&mut self, start: Option<&Offset>, limits: ReadLimits) -> Result<Option<Offset>> {
        let from = self.start_of(start)?;
        let latest = match &self.fixed {
            Some(fixed) => fixed.clone(),
            None => self.ask_latest()?,
        };
        if limits == ReadLimits::Ignore {
            return Ok(Some(partitions::to_offset(&latest)));
        }
        let now_ms = self.clock.now_millis();
        if self.fired.is_to_wait(&self.config.limits, &from, &latest, now_ms) {
            return Ok(Some(partitions::to_offset(&from)));
        }
        let Some(max) = self.config.limits.max else { return Ok(Some(partitions::to_offset(&latest))) };
        let mut from = from;
        from.extend(self.earliest_of_new(&from, &latest)?);
        Ok(Some(partitions::to_offset(&limit::limited(&from, &latest, max))))
    }

    fn latest(&mut self) -> Result<Option<Offset>> {
        let latest = match &self.latest {
            Some(latest) => latest.clone(),
            None => self.ask_latest()?,
        };
        Ok(Some(partitions::to_offset(&latest)))
    }

    fn fix_end(&mut self) -> Result<()> {
        self.fixed = Some(self.ask_latest()?);
        Ok(())
    }

    fn splits(&mut self, start: Option<&Offset>, end: &Offset) -> Result<Vec<Box<dyn Split>>> {
        let (from, until) = (self.start_of(start)?, partitions::from_offset(end)?);
        self.check_available_now(&until)?;
        self.shared.pool.expect_partitions(until.len());
        self.shared.pool.keep_only(|partition| until.contains_key(partition));
        let earliest_of_new = self.earliest_of_new(&from, &until)?;
        let (ranges, losses) = loss::ranges(&from, &until, &earliest_of_new);
        for loss in &losses {
            self.shared.lost(loss)?;
        }
        let split = |range| Box::new(KafkaSplit { shared: self.shared.clone(), range }) as Box<dyn Split>;
        Ok(self.config.division.divide(ranges).into_iter().map(split).collect())
    }

    fn commit(&mut self, _end: &Offset) -> Result<()> {
        Ok(())
    }

    /// Texts, as in Spark's progress: how far the batch stopped before the end of the partitions.
    fn metrics(&self, end: &Offset) -> Map<String, Value> {
        let mut metrics = Map::new();
        let losses = self.shared.losses.load(Ordering::Relaxed);
        if losses > 0 {
            metrics.insert("dataLoss".into(), losses.to_string().into());
        }
        let (Some(latest), Ok(end)) = (&self.latest, partitions::from_offset(end)) else { return metrics };
        let behind: Vec<i64> = latest
            .iter()
            .map(|(partition, latest)| latest - end.get(partition).copied().unwrap_or(0))
            .collect();
        if let (Some(min), Some(max)) = (behind.iter().min(), behind.iter().max()) {
            let average = behind.iter().sum::<i64>() as f64 / behind.len() as f64;
            metrics.insert("minOffsetsBehindLatest".into(), min.to_string().into());
            metrics.insert("maxOffsetsBehindLatest".into(), max.to_string().into());
            metrics.insert("avgOffsetsBehindLatest".into(), format!("{average:?}").into());
        }
        metrics
    }
}
