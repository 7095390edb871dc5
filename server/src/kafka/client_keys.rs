//! Which `kafka.*` options reach the Kafka client, under which of its names, and why the others do not.
//! Names and values are those of Kafka's Java client, as Spark takes them; the client is librdkafka.

use super::jaas;
use crate::error::{Error, Result};
use crate::record::{Options, nearest};

/// A setting of librdkafka.
pub type Setting = (String, String);

/// A fetch asks for no more than this over all partitions.
const FETCH_BYTES_MAX: i64 = 64 << 20;

/// A fetch asks for no more than this of one partition.
const PARTITION_FETCH_BYTES_MAX: i64 = 16 << 20;

const SOCKET_BUFFER_BYTES_MAX: i64 = 16 << 20;

/// The largest record, and the largest batch of records, that is sent.
const REQUEST_BYTES_MAX: i64 = 16 << 20;

/// The longest that brokers let a transaction be open, unless they are told otherwise.
const TRANSACTION_MS_MAX: i64 = 900_000;

/// What a value has to be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Lower,
    Number(i64),
    OneOf(&'static [&'static str]),
}

const DAY_MS: i64 = 86_400_000;

/// What a client is for: some settings mean something to one role alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Reader,
    Writer,
}

/// Kafka's name, librdkafka's name, and what the value has to be.
type Allowed = (&'static str, &'static str, Kind);

/// For both roles.
const CONNECTION: [Allowed; 20] = [
    ("bootstrap.servers", "bootstrap.servers", Kind::Text),
    ("client.id", "client.id", Kind::Text),
    ("security.protocol", "security.protocol", Kind::Lower),
    ("sasl.mechanism", "sasl.mechanism", Kind::OneOf(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])),
    ("sasl.username", "sasl.username", Kind::Text),
    ("sasl.password", "sasl.password", Kind::Text),
    ("ssl.truststore.certificates", "ssl.ca.pem", Kind::Text),
    ("ssl.ca.pem", "ssl.ca.pem", Kind::Text),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem", Kind::Text),
    ("ssl.certificate.pem", "ssl.certificate.pem", Kind::Text),
    ("ssl.keystore.key", "ssl.key.pem", Kind::Text),
    ("ssl.key.pem", "ssl.key.pem", Kind::Text),
    ("ssl.key.password", "ssl.key.password", Kind::Text),
    (
        "ssl.endpoint.identification.algorithm",
        "ssl.endpoint.identification.algorithm",
        Kind::OneOf(&["https"]),
    ),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes", Kind::Number(SOCKET_BUFFER_BYTES_MAX)),
    ("send.buffer.bytes", "socket.send.buffer.bytes", Kind::Number(SOCKET_BUFFER_BYTES_MAX)),
    ("request.timeout.ms", "socket.timeout.ms", Kind::Number(300_000)),
    ("reconnect.backoff.ms", "reconnect.backoff.ms", Kind::Number(3_600_000)),
    ("metadata.max.age.ms", "metadata.max.age.ms", Kind::Number(DAY_MS)),
    ("connections.max.idle.ms", "connections.max.idle.ms", Kind::Number(DAY_MS)),
];

const OF_READERS: [Allowed; 8] = [
    ("client.rack", "client.rack", Kind::Text),
    ("group.id", "group.id", Kind::Text),
    ("isolation.level", "isolation.level", Kind::OneOf(&["read_uncommitted", "read_committed"])),
    ("check.crcs", "check.crcs", Kind::OneOf(&["true", "false"])),
    ("fetch.min.bytes", "fetch.min.bytes", Kind::Number(FETCH_BYTES_MAX)),
    ("fetch.max.bytes", "fetch.max.bytes", Kind::Number(FETCH_BYTES_MAX)),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes", Kind::Number(PARTITION_FETCH_BYTES_MAX)),
    ("fetch.max.wait.ms", "fetch.wait.max.ms", Kind::Number(300_000)),
];

const OF_WRITERS: [Allowed; 5] = [
    ("compression.type", "compression.type", Kind::OneOf(&["none", "gzip", "snappy", "lz4", "zstd"])),
    ("linger.ms", "linger.ms", Kind::Number(60_000)),
    ("batch.size", "batch.size", Kind::Number(REQUEST_BYTES_MAX)),
    ("max.request.size", "message.max.bytes", Kind::Number(REQUEST_BYTES_MAX)),
    ("transaction.timeout.ms", "transaction.timeout.ms", Kind::Number(TRANSACTION_MS_MAX)),
];

/// Settings of the Java client that are harmless and mean nothing to this one; they are logged and left out.
const WITHOUT_EFFECT: [&str; 10] = [
    "max.poll.records",
    "max.poll.interval.ms",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "default.api.timeout.ms",
    "partition.assignment.strategy",
    "reconnect.backoff.max.ms",
    "retry.backoff.ms",
    "buffer.memory",
    "max.block.ms",
];

const DESERIALIZER: &str = "keys and values are read as bytes; decode them in a `select`, such as \
     `CAST(value AS STRING)`";
const SERIALIZER: &str = "keys and values are written as bytes; make them in a `select`, such as \
     `CAST(id AS STRING) AS key`";
const TRANSACTIONS: &str = "records are written in transactions, which need it to be as it is";
const MANAGED: &str = "the engine alone decides which offsets are read, and commits none to Kafka";
const FILE: &str = "it names a file of the server; give PEM text in kafka.ssl.truststore.certificates, \
     kafka.ssl.keystore.certificate.chain and kafka.ssl.keystore.key";
const RUNS_CODE: &str = "it makes the client load or run code of the server";
const REACHES_OUT: &str = "it makes the client call an address of the query's choice";
const WEAKENS: &str = "it turns off a check that keeps the connection safe";
const OPERATORS: &str = "it belongs to whoever runs the server";
const OWN: &str = "the engine sets it to bound its memory";

/// Names, or parts of names after a `*` or before one, that are refused with a reason of their own.
const REFUSED: [(&str, &str); 44] = [
    (
        "auto.offset.reset",
        "set the option startingOffsets to earliest or latest instead: the engine decides which \
      offsets are read, and startingOffsets counts only when a query starts without a checkpoint",
    ),
    ("key.deserializer", DESERIALIZER),
    ("value.deserializer", DESERIALIZER),
    ("enable.auto.commit", MANAGED),
    ("enable.auto.offset.store", MANAGED),
    ("auto.commit.interval.ms", MANAGED),
    ("interceptor.classes", RUNS_CODE),
    ("plugin.library.paths", RUNS_CODE),
    ("sasl.kerberos.*", RUNS_CODE),
    ("ssl.engine*", RUNS_CODE),
    ("ssl.providers", RUNS_CODE),
    ("ssl.provider", RUNS_CODE),
    ("security.providers", RUNS_CODE),
    ("*.class", RUNS_CODE),
    ("*.classes", RUNS_CODE),
    ("metric.reporters", RUNS_CODE),
    ("*.location", FILE),
    ("*.file", FILE),
    ("*keytab*", FILE),
    ("ssl.ca.certificate.stores", FILE),
    ("https.ca.*", FILE),
    ("sasl.oauthbearer.*", REACHES_OUT),
    ("*metadata.authentication*", REACHES_OUT),
    ("enable.sasl.oauthbearer.unsecure.jwt", WEAKENS),
    ("enable.ssl.certificate.verification", WEAKENS),
    ("builtin.features", OPERATORS),
    ("debug", OPERATORS),
    ("log_level", OPERATORS),
    ("log*", OPERATORS),
    ("statistics.interval.ms", OPERATORS),
    ("receive.message.max.bytes", OWN),
    ("queued.max.messages.kbytes", OWN),
    ("queued.min.messages", OWN),
    ("fetch.message.max.bytes", "write max.partition.fetch.bytes, which has an upper bound"),
    ("enable.partition.eof", MANAGED),
    ("key.serializer", SERIALIZER),
    ("value.serializer", SERIALIZER),
    ("acks", TRANSACTIONS),
    ("enable.idempotence", TRANSACTIONS),
    ("transactional.id", TRANSACTIONS),
    ("retries", TRANSACTIONS),
    ("delivery.timeout.ms", TRANSACTIONS),
    ("max.in.flight.requests.per.connection", TRANSACTIONS),
    ("partitioner*", TRANSACTIONS),
];

/// The `kafka.*` options as settings of librdkafka, in a fixed order. `User` error for the first that may not pass.
pub fn settings(options: &Options, role: Role) -> Result<Vec<Setting>> {
    options.required(
        "kafka.bootstrap.servers",
        "name the brokers, such as `kafka.bootstrap.servers: host:9092`",
    )?;
    let mut settings = Vec::new();
    for (written, value) in options.with_prefix("kafka.") {
        let key = written.to_lowercase();
        if key == "sasl.jaas.config" {
            settings.extend(jaas::settings(value)?);
            continue;
        }
        if key == "ssl.truststore.type" || key == "ssl.keystore.type" {
            require_pem(&key, value)?;
            continue;
        }
        if WITHOUT_EFFECT.contains(&key.as_str()) {
            tracing::warn!(
                option = format!("kafka.{key}"),
                "this setting of the Java client has no effect here"
            );
            continue;
        }
        match allowed(role).find(|(name, _, _)| *name == key) {
            Some((name, own_name, kind)) => {
                settings.push((own_name.to_string(), checked(name, value, *kind)?))
            }
            None => return Err(refused(&key, role)),
        }
    }
    Ok(settings)
}

fn require_pem(key: &str, value: &str) -> Result<()> {
    match value.trim().eq_ignore_ascii_case("pem") {
        true => Ok(()),
        false => Err(Error::user("only PEM text is taken for keys and certificates")
            .with("option", format!("kafka.{key}"))
            .with("value", value)
            .hint("write PEM, and the text itself in kafka.ssl.truststore.certificates or kafka.ssl.keystore.key")),
    }
}

fn checked(key: &str, value: &str, kind: Kind) -> Result<String> {
    let bad = |expected: String| {
        Error::user("cannot use the value of an option")
            .with("option", format!("kafka.{key}"))
            .with("value", value)
            .hint(format!("write {expected}"))
    };
    let value = value.trim();
    match kind {
        Kind::Text => Ok(value.to_string()),
        Kind::Lower => Ok(value.to_lowercase()),
        Kind::Number(max) => match value.parse::<i64>() {
            Ok(number) if (0..=max).contains(&number) => Ok(number.to_string()),
            _ => Err(bad(format!("a whole number from 0 to {max}"))),
        },
        Kind::OneOf(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(value)) {
            Some(word) => Ok(word.to_string()),
            None => Err(bad(format!("one of {}", words.join(", ")))),
        },
    }
}

fn allowed(role: Role) -> impl Iterator<Item = &'static Allowed> + Clone {
    let own: &[Allowed] = match role {
        Role::Reader => &OF_READERS,
        Role::Writer => &OF_WRITERS,
    };
    CONNECTION.iter().chain(own)
}

fn refused(key: &str, role: Role) -> Error {
    let error = Error::user("this option may not be passed to the Kafka client")
        .with("option", format!("kafka.{key}"));
    if let Some((_, reason)) = REFUSED.iter().find(|(pattern, _)| is_like(key, pattern)) {
        return error.hint(*reason);
    }
    let known = allowed(role).map(|(name, _, _)| *name).chain(["sasl.jaas.config"]);
    error.hint(match nearest(key, known.clone()) {
        Some(near) => format!("did you mean `kafka.{near}`?"),
        None => format!("known after `kafka.`: {}", known.collect::<Vec<_>>().join(", ")),
    })
}

/// A `*` at the start or the end of the pattern stands for anything.
fn is_like(key: &str, pattern: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => key.contains(rest.trim_end_matches('*')),
        (Some(end), None) => key.ends_with(end),
        (None, Some(start)) => key.starts_with(start),
        (None, None) => key == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        Options::new(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()).unwrap()
    }

    fn of(role: Role, key: &str, value: &str) -> Result<Vec<Setting>> {
        settings(&options(&[("kafka.bootstrap.servers", "b:1"), (key, value)]), role)
    }

    fn with(key: &str, value: &str) -> Result<Vec<Setting>> {
        of(Role::Reader, key, value)
    }

    #[test]
    fn each_role_has_settings_of_its_own() {
        for (key, value, role) in [
            ("kafka.fetch.min.bytes", "1", Role::Reader),
            ("kafka.isolation.level", "read_committed", Role::Reader),
            ("kafka.compression.type", "lz4", Role::Writer),
            ("kafka.max.request.size", "2000000", Role::Writer),
        ] {
            for other in [Role::Reader, Role::Writer] {
                assert_eq!(of(other, key, value).is_ok(), other == role, "{key} {other:?}");
            }
        }
        for (key, reason) in [
            ("acks", "in transactions"),
            ("transactional.id", "in transactions"),
            ("partitioner.ignore.keys", "in transactions"),
            ("value.serializer", "written as bytes"),
            ("compresion.type", "did you mean `kafka.compression.type`?"),
        ] {
            let error = of(Role::Writer, &format!("kafka.{key}"), "x").unwrap_err();
            assert!(error.hint_text().unwrap().contains(reason), "{key}: {error:?}");
        }
    }

    #[test]
    fn java_names_become_librdkafkas() {
        for (key, value, setting) in [
            ("kafka.security.protocol", "SASL_SSL", ("security.protocol", "sasl_ssl")),
            ("kafka.sasl.mechanism", "scram-sha-512", ("sasl.mechanism", "SCRAM-SHA-512")),
            ("Kafka.Isolation.Level", "read_committed", ("isolation.level", "read_committed")),
            ("kafka.max.partition.fetch.bytes", "2097152", ("fetch.message.max.bytes", "2097152")),
            ("kafka.fetch.max.wait.ms", "100", ("fetch.wait.max.ms", "100")),
            ("kafka.request.timeout.ms", "30000", ("socket.timeout.ms", "30000")),
            ("kafka.ssl.truststore.certificates", "-----BEGIN", ("ssl.ca.pem", "-----BEGIN")),
        ] {
            let found = with(key, value).unwrap();
            assert!(found.contains(&(setting.0.into(), setting.1.into())), "{key}: {found:?}");
        }
        assert_eq!(with("kafka.ssl.truststore.type", "PEM").unwrap().len(), 1);
        assert_eq!(with("kafka.max.poll.records", "500").unwrap().len(), 1);
        assert_eq!(
            settings(&options(&[]), Role::Reader).unwrap_err().fact("option"),
            Some("kafka.bootstrap.servers")
        );
    }

    #[test]
    fn dangerous_keys_are_refused_with_the_reason() {
        for (key, reason) in [
            ("auto.offset.reset", "set the option startingOffsets"),
            ("key.deserializer", "read as bytes"),
            ("enable.auto.commit", "engine alone decides"),
            ("interceptor.classes", "load or run code"),
            ("sasl.kerberos.kinit.cmd", "load or run code"),
            ("plugin.library.paths", "load or run code"),
            ("ssl.engine.location", "load or run code"),
            ("ssl.ca.location", "names a file"),
            ("ssl.truststore.location", "names a file"),
            ("sasl.oauthbearer.token.endpoint.url", "call an address"),
            ("enable.ssl.certificate.verification", "turns off a check"),
            ("debug", "whoever runs the server"),
            ("queued.max.messages.kbytes", "bound its memory"),
            ("sasl.client.callback.handler.class", "load or run code"),
            ("bootstrap.server", "did you mean `kafka.bootstrap.servers`?"),
            ("colour", "known after `kafka.`"),
        ] {
            let error = with(&format!("kafka.{key}"), "x").unwrap_err();
            assert!(error.hint_text().unwrap().contains(reason), "{key}: {error:?}");
        }
    }

    #[test]
    fn values_have_bounds() {
        for (key, value) in [
            ("kafka.ssl.endpoint.identification.algorithm", ""),
            ("kafka.sasl.mechanism", "GSSAPI"),
            ("kafka.fetch.max.bytes", "1000000000"),
            ("kafka.fetch.min.bytes", "-1"),
            ("kafka.ssl.keystore.type", "JKS"),
        ] {
            assert_eq!(with(key, value).unwrap_err().fact("option"), Some(key), "{value}");
        }
    }
}
