//! The options of a Kafka source, checked. Asks no broker.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use regex::Regex;
use serde_json::Value;

use super::division::Division;
use super::limit::Limits;
use super::partitions::{EARLIEST, Offsets, Partitions, list, read_numbers, read_partitions};
use crate::error::{Error, Result};
use crate::kafka::{self, Role, Setting};
use crate::record::{BareUnit, Options, timestamp_type};

const KNOWN: [&str; 24] = [
    "kafka.*",
    "subscribe",
    "subscribePattern",
    "assign",
    "startingOffsets",
    "startingTimestamp",
    "startingOffsetsByTimestamp",
    "startingOffsetsByTimestampStrategy",
    "endingOffsets",
    "endingOffsetsByTimestamp",
    "endingTimestamp",
    "failOnDataLoss",
    "maxOffsetsPerTrigger",
    "minOffsetsPerTrigger",
    "maxTriggerDelay",
    "minPartitions",
    "maxRecordsPerPartition",
    "includeHeaders",
    "groupIdPrefix",
    "kafkaConsumer.pollTimeoutMs",
    "fetchOffset.numRetries",
    "fetchOffset.retryIntervalMs",
    "kafka.bootstrap.servers",
    "kafka.group.id",
];

const DEFAULT_MAX_TRIGGER_DELAY_MICROS: i64 = 15 * 60 * 1_000_000;
const DEFAULT_POLL_TIMEOUT_MS: u64 = 120_000;
const DEFAULT_FETCH_RETRIES: u64 = 3;
const DEFAULT_RETRY_INTERVAL_MS: u64 = 1_000;
const DEFAULT_GROUP_ID_PREFIX: &str = "wasmill-kafka-source";

/// Which partitions are read.
#[derive(Clone, Debug)]
pub enum Subscription {
    Topics(Vec<String>),
    /// Found anywhere in the name of a topic.
    Pattern(Regex),
    Assign(Partitions),
}

/// Where a query without a checkpoint starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Starting {
    Earliest,
    Latest,
    Offsets(Offsets),
    /// The first record at or after a time, in milliseconds.
    Timestamp(i64),
    Timestamps(Offsets),
}

/// Where to start if no record is as late as the timestamp asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoMatch {
    Fail,
    Latest,
}

#[derive(Clone, Debug)]
pub struct KafkaConfig {
    pub subscription: Subscription,
    pub starting: Starting,
    /// As the user wrote it, for the log.
    pub starting_text: String,
    pub no_match: NoMatch,
    pub fail_on_data_loss: bool,
    pub limits: Limits,
    pub division: Division,
    pub include_headers: bool,
    pub poll_timeout_ms: i32,
    /// Attempts at asking the brokers for partitions and offsets.
    pub attempts_max: u64,
    pub retry_interval_ms: u64,
    pub group_id_prefix: String,
    pub settings: Vec<Setting>,
}

impl KafkaConfig {
    pub fn read(options: &Options) -> Result<KafkaConfig> {
        options.refuse_unknown(&KNOWN)?;
        refuse_batch_options(options)?;
        let settings = kafka::settings(options, Role::Reader)?;
        let (starting, starting_text) = starting(options)?;
        let poll_timeout_ms =
            options.positive("kafkaConsumer.pollTimeoutMs")?.unwrap_or(DEFAULT_POLL_TIMEOUT_MS);
        if options.contains("kafka.group.id") {
            tracing::warn!("kafka.group.id is used as it is: no other query should have the same");
        }
        Ok(KafkaConfig {
            subscription: subscription(options)?,
            starting,
            starting_text,
            no_match: no_match(options)?,
            fail_on_data_loss: options.boolean("failOnDataLoss")?.unwrap_or(true),
            limits: limits(options)?,
            division: Division {
                splits_min: options.positive("minPartitions")?,
                records_max: options.positive("maxRecordsPerPartition")?,
            },
            include_headers: options.boolean("includeHeaders")?.unwrap_or(false),
            poll_timeout_ms: i32::try_from(poll_timeout_ms)
                .map_err(|_| options.bad_value("kafkaConsumer.pollTimeoutMs", "fewer milliseconds"))?,
            attempts_max: options.positive("fetchOffset.numRetries")?.unwrap_or(DEFAULT_FETCH_RETRIES),
            retry_interval_ms: options
                .non_negative("fetchOffset.retryIntervalMs")?
                .unwrap_or(DEFAULT_RETRY_INTERVAL_MS),
            group_id_prefix: options.get("groupIdPrefix").unwrap_or(DEFAULT_GROUP_ID_PREFIX).to_string(),
            settings,
        })
    }

    pub fn schema(&self) -> SchemaRef {
        let mut fields = vec![
            Field::new("key", DataType::Binary, true),
            Field::new("value", DataType::Binary, true),
            Field::new("topic", DataType::Utf8, true),
            Field::new("partition", DataType::Int32, true),
            Field::new("offset", DataType::Int64, true),
            Field::new("timestamp", timestamp_type(), true),
            Field::new("timestampType", DataType::Int32, true),
        ];
        if self.include_headers {
            let element = Field::new("element", DataType::Struct(header_fields()), true);
            fields.push(Field::new("headers", DataType::List(Arc::new(element)), true));
        }
        Arc::new(Schema::new(fields))
    }

    /// Spark's words: `KafkaV2[Subscribe[lines]]`.
    pub fn description(&self) -> String {
        match &self.subscription {
            Subscription::Topics(topics) => format!("KafkaV2[Subscribe[{}]]", topics.join(", ")),
            Subscription::Pattern(pattern) => format!("KafkaV2[SubscribePattern[{pattern}]]"),
            Subscription::Assign(partitions) => format!("KafkaV2[Assign[{}]]", list(partitions)),
        }
    }
}

pub fn header_fields() -> Fields {
    Fields::from(vec![Field::new("key", DataType::Utf8, true), Field::new("value", DataType::Binary, true)])
}

fn refuse_batch_options(options: &Options) -> Result<()> {
    for option in ["endingOffsets", "endingOffsetsByTimestamp"] {
        if options.contains(option) {
            return Err(Error::user("ending offsets are not valid in a streaming query")
                .with("option", option)
                .hint(
                    "remove the option; the trigger availableNow ends at what is there when the query starts",
                ));
        }
    }
    if options.contains("endingTimestamp") {
        tracing::warn!("endingTimestamp has no effect in a streaming query");
    }
    Ok(())
}

fn subscription(options: &Options) -> Result<Subscription> {
    let kinds = ["subscribe", "subscribePattern", "assign"];
    let given: Vec<&str> = kinds.into_iter().filter(|kind| options.contains(kind)).collect();
    let [kind] = given.as_slice() else {
        let what = if given.is_empty() { "no topics are given" } else { "topics are given in several ways" };
        let hint = "write exactly one of subscribe, subscribePattern and assign";
        return Err(Error::user(what).with("options", given.join(", ")).hint(hint));
    };
    let value = options.get(kind).unwrap_or_default().trim();
    match *kind {
        "subscribe" => {
            let topics: Vec<String> =
                value.split(',').map(str::trim).filter(|topic| !topic.is_empty()).map(String::from).collect();
            if topics.is_empty() {
                return Err(options.bad_value(kind, "the names of topics, separated by commas"));
            }
            Ok(Subscription::Topics(topics))
        }
        "subscribePattern" => {
            if value.is_empty() {
                return Err(options.bad_value(kind, "a regular expression, such as `lines-.*`"));
            }
            let pattern = Regex::new(value).map_err(|cause| {
                options
                    .bad_value(kind, "a regular expression without look-around and back-references")
                    .because(cause)
            })?;
            Ok(Subscription::Pattern(pattern))
        }
        _ => {
            let form = "partitions as JSON, such as `{\"topic\":[0,1]}`";
            let partitions = json(options, kind, form, read_partitions)?;
            if partitions.is_empty() {
                return Err(options.bad_value(kind, form));
            }
            Ok(Subscription::Assign(partitions))
        }
    }
}

/// Parses an option of JSON; what is wrong with it becomes the detail of the error.
fn json<T>(
    options: &Options,
    key: &str,
    form: &str,
    read: fn(&Value) -> std::result::Result<T, String>,
) -> Result<T> {
    let text = options.get(key).unwrap_or_default();
    let parsed = serde_json::from_str(text).map_err(|cause| format!("it is no JSON: {cause}"));
    parsed.and_then(|json| read(&json)).map_err(|why| options.bad_value(key, form).detail(why))
}

/// startingTimestamp wins over startingOffsetsByTimestamp, which wins over startingOffsets.
fn starting(options: &Options) -> Result<(Starting, String)> {
    let named = |key: &str| format!("{key}={}", options.get(key).unwrap_or_default());
    if let Some(millis) = options.non_negative("startingTimestamp")? {
        return Ok((Starting::Timestamp(millis as i64), named("startingTimestamp")));
    }
    let form = "offsets of all partitions as JSON, such as `{\"topic\":{\"0\":23,\"1\":-2}}`";
    let key = "startingOffsetsByTimestamp";
    if options.contains(key) {
        let times =
            json(options, key, "milliseconds as JSON, such as `{\"topic\":{\"0\":1000}}`", read_numbers)?;
        if times.values().any(|millis| *millis < 0) {
            return Err(options.bad_value(key, "milliseconds since 1970, not negative"));
        }
        return Ok((Starting::Timestamps(times), named(key)));
    }
    let key = "startingOffsets";
    let Some(text) = options.get(key) else {
        return Ok((Starting::Latest, "startingOffsets=latest (the default)".into()));
    };
    let starting = match text.trim().to_lowercase().as_str() {
        "earliest" => Starting::Earliest,
        "latest" => Starting::Latest,
        _ => {
            let offsets = json(options, key, &format!("earliest, latest, or {form}"), read_numbers)?;
            if offsets.values().any(|offset| *offset < EARLIEST) {
                return Err(options.bad_value(key, "offsets of 0 or more, -1 for latest or -2 for earliest"));
            }
            Starting::Offsets(offsets)
        }
    };
    Ok((starting, named(key)))
}

fn no_match(options: &Options) -> Result<NoMatch> {
    let key = "startingOffsetsByTimestampStrategy";
    match options.get(key).map(|text| text.trim().to_lowercase()).as_deref() {
        None | Some("error") => Ok(NoMatch::Fail),
        Some("latest") => Ok(NoMatch::Latest),
        Some(_) => Err(options.bad_value(key, "`error` or `latest`")),
    }
}

fn limits(options: &Options) -> Result<Limits> {
    let limits = Limits {
        max: options.positive("maxOffsetsPerTrigger")?,
        min: options.positive("minOffsetsPerTrigger")?,
        delay_max_ms: options
            .duration_micros("maxTriggerDelay", BareUnit::Milliseconds)?
            .unwrap_or(DEFAULT_MAX_TRIGGER_DELAY_MICROS)
            / 1_000,
    };
    match (limits.min, limits.max) {
        (Some(min), Some(max)) if min > max => Err(options
            .bad_value("minOffsetsPerTrigger", &format!("at most maxOffsetsPerTrigger, which is {max}"))),
        _ => Ok(limits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::type_name;
    use crate::source::testing::options;

    fn read(pairs: &[(&str, &str)]) -> Result<KafkaConfig> {
        let mut all = vec![("kafka.bootstrap.servers", "b:1")];
        all.extend(pairs);
        KafkaConfig::read(&options(&all))
    }

    fn starting_of(pairs: &[(&str, &str)]) -> Starting {
        let mut all = vec![("subscribe", "t")];
        all.extend(pairs);
        read(&all).unwrap().starting
    }

    #[test]
    fn topics_are_given_in_exactly_one_way() {
        for (pairs, description) in [
            (&[("subscribe", " a, ,b ")][..], "KafkaV2[Subscribe[a, b]]"),
            (&[("SubscribePattern", " a.*b ")], "KafkaV2[SubscribePattern[a.*b]]"),
            (&[("assign", r#"{"t":[1,0]}"#)], "KafkaV2[Assign[t-0, t-1]]"),
        ] {
            assert_eq!(read(pairs).unwrap().description(), description);
        }
        for pairs in [
            &[][..],
            &[("subscribe", "a"), ("assign", r#"{"t":[0]}"#)],
            &[("subscribe", " , ")],
            &[("subscribePattern", " ")],
            &[("subscribePattern", "a(?=b)")],
            &[("assign", "t-0")],
            &[("assign", "{}")],
        ] {
            assert!(read(pairs).is_err(), "{pairs:?}");
        }
    }

    #[test]
    fn starting_options_have_an_order() {
        assert_eq!(starting_of(&[]), Starting::Latest);
        assert_eq!(starting_of(&[("startingOffsets", " Earliest ")]), Starting::Earliest);
        let offsets = ("startingOffsets", r#"{"t":{"0":5,"1":-2}}"#);
        let times = ("startingOffsetsByTimestamp", r#"{"t":{"0":5}}"#);
        assert!(matches!(starting_of(&[offsets]), Starting::Offsets(o) if o.len() == 2));
        assert!(matches!(starting_of(&[offsets, times]), Starting::Timestamps(_)));
        assert_eq!(starting_of(&[offsets, times, ("startingTimestamp", "9")]), Starting::Timestamp(9));
    }

    #[test]
    fn wrong_values_name_the_option() {
        for (key, value) in [
            ("startingOffsets", "newest"),
            ("startingOffsets", r#"{"t":{"0":-3}}"#),
            ("startingOffsetsByTimestamp", r#"{"t":{"0":-1}}"#),
            ("startingTimestamp", "-1"),
            ("startingOffsetsByTimestampStrategy", "earliest"),
            ("endingOffsets", "latest"),
            ("endingOffsetsByTimestamp", "{}"),
            ("minPartitions", "0"),
            ("maxRecordsPerPartition", "0"),
            ("maxTriggerDelay", "later"),
            ("includeHeaders", "yes"),
            ("subscribes", "t"),
        ] {
            let error = read(&[("subscribe", "t"), (key, value)]).unwrap_err();
            assert_eq!(error.fact("option"), Some(key), "{value}");
        }
        let limits = [("subscribe", "t"), ("minOffsetsPerTrigger", "5"), ("maxOffsetsPerTrigger", "4")];
        assert_eq!(read(&limits).unwrap_err().fact("option"), Some("minOffsetsPerTrigger"));
    }

    #[test]
    fn defaults_and_columns_are_sparks() {
        let config =
            read(&[("subscribe", "t"), ("includeHeaders", "TRUE"), ("endingTimestamp", "1")]).unwrap();
        assert!(config.fail_on_data_loss);
        assert_eq!((config.attempts_max, config.retry_interval_ms), (3, 1_000));
        assert_eq!(config.poll_timeout_ms, 120_000);
        assert_eq!(config.limits.delay_max_ms, 900_000);
        let schema = config.schema();
        let columns: Vec<String> =
            schema.fields().iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
        assert_eq!(
            columns,
            [
                "key BINARY",
                "value BINARY",
                "topic STRING",
                "partition INT",
                "offset BIGINT",
                "timestamp TIMESTAMP",
                "timestampType INT",
                "headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
            ]
        );
        assert_eq!(read(&[("subscribe", "t")]).unwrap().schema().fields().len(), 7);
    }
}
