//! The options of a source or sink: text under case-insensitive keys, read with clear errors.
//! Knows no option by name.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::record::{nearest, parse_interval_micros};

/// What a user wrote under `options`. Keys are found in any case, and printed as they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// By the key in lower case.
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    key: String,
    value: String,
}

/// The unit of a time that is written as a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareUnit {
    Milliseconds,
    Seconds,
}

impl Options {
    /// `User` error if two keys differ in nothing but case.
    pub fn new(values: BTreeMap<String, String>) -> Result<Options> {
        let mut entries = BTreeMap::new();
        for (key, value) in values {
            let entry = Entry { key: key.clone(), value };
            if let Some(twin) = entries.insert(key.to_lowercase(), entry) {
                return Err(Error::user("an option is given twice")
                    .with("option", &key)
                    .with("also", &twin.key)
                    .hint("upper and lower case are the same in option names; keep one of the two"));
            }
        }
        Ok(Options { entries })
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(&key.to_lowercase()).map(|entry| entry.value.as_str())
    }

    /// All but one.
    pub fn without(&self, key: &str) -> Options {
        let mut entries = self.entries.clone();
        entries.remove(&key.to_lowercase());
        Options { entries }
    }

    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// `hint` tells a user who left it out what to write.
    pub fn required(&self, key: &str, hint: &str) -> Result<&str> {
        self.get(key)
            .ok_or_else(|| Error::user("a required option is missing").with("option", key).hint(hint))
    }

    /// A whole number of at least 1.
    pub fn positive(&self, key: &str) -> Result<Option<u64>> {
        match self.non_negative(key)? {
            Some(0) => Err(self.bad_value(key, "a whole number of at least 1")),
            other => Ok(other),
        }
    }

    /// A whole number of at least 0, and small enough for an `i64`.
    pub fn non_negative(&self, key: &str) -> Result<Option<u64>> {
        let Some(text) = self.get(key) else { return Ok(None) };
        match text.trim().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.bad_value(key, "a whole number of at least 0")),
        }
    }

    /// A whole number, negative ones included.
    pub fn integer(&self, key: &str) -> Result<Option<i64>> {
        let Some(text) = self.get(key) else { return Ok(None) };
        match text.trim().parse::<i64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.bad_value(key, "a whole number")),
        }
    }

    /// `true` or `false`, in any case.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>> {
        let Some(text) = self.get(key) else { return Ok(None) };
        match text.trim().to_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.bad_value(key, "`true` or `false`")),
        }
    }

    /// A length of time in microseconds, not negative: Spark's `10s`, `15m`, `7d`, `500ms`, a bare number in
    /// `bare`'s unit, or an interval such as `10 seconds`.
    pub fn duration_micros(&self, key: &str, bare: BareUnit) -> Result<Option<i64>> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let micros = short_duration_micros(text, bare).or_else(|| parse_interval_micros(text).ok());
        match micros.filter(|micros| *micros >= 0) {
            Some(micros) => Ok(Some(micros)),
            None => Err(self.bad_value(key, "a length of time, such as `10s`, `15m`, `7d` or `10 seconds`")),
        }
    }

    /// The error for a value that cannot be used; `expected` says what can.
    pub fn bad_value(&self, key: &str, expected: &str) -> Error {
        Error::user("cannot use the value of an option")
            .with("option", key)
            .with("value", self.get(key).unwrap_or_default())
            .hint(format!("write {expected}"))
    }

    /// The options whose key starts with `prefix` in any case: the rest of the key as written, and the value.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = prefix.to_lowercase();
        self.entries.iter().filter_map(move |(lower, entry)| {
            let rest = lower.starts_with(&prefix).then(|| entry.key.get(prefix.len()..)).flatten()?;
            Some((rest, entry.value.as_str()))
        })
    }

    /// Keys as written, and values, ordered by the key in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.values().map(|entry| (entry.key.as_str(), entry.value.as_str()))
    }

    /// `User` error for the first option that `known` does not have. A known word that ends in `.*` stands for
    /// every key with that prefix.
    pub fn refuse_unknown(&self, known: &[&str]) -> Result<()> {
        for entry in self.entries.values() {
            if known.iter().any(|word| matches_word(&entry.key, word)) {
                continue;
            }
            let error = Error::user("unknown option").with("option", &entry.key);
            return Err(match nearest(&entry.key, known.iter().copied()) {
                Some(word) => error.hint(format!("did you mean `{word}`?")),
                None => error.hint(format!("known options: {}", known.join(", "))),
            });
        }
        Ok(())
    }
}

fn matches_word(key: &str, word: &str) -> bool {
    match word.strip_suffix('*') {
        Some(prefix) => key.to_lowercase().starts_with(&prefix.to_lowercase()),
        None => key.eq_ignore_ascii_case(word),
    }
}

/// Digits and one of Spark's short units.
fn short_duration_micros(text: &str, bare: BareUnit) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_micros: i64 = match (unit, bare) {
        ("", BareUnit::Milliseconds) | ("ms", _) => 1_000,
        ("", BareUnit::Seconds) | ("s", _) => 1_000_000,
        ("us", _) => 1,
        ("m" | "min", _) => 60_000_000,
        ("h", _) => 3_600_000_000,
        ("d", _) => 86_400_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        let values = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        Options::new(values.collect()).unwrap()
    }

    #[test]
    fn keys_are_found_in_any_case_and_prefixes_keep_theirs() {
        let options = options(&[("StartingOffsets", "latest"), ("Kafka.bootstrap.Servers", "b:1")]);
        assert_eq!(options.get("startingoffsets"), Some("latest"));
        assert_eq!(options.with_prefix("kafka.").collect::<Vec<_>>(), [("bootstrap.Servers", "b:1")]);
        let twins = BTreeMap::from([("Path".into(), "a".into()), ("path".into(), "b".into())]);
        assert_eq!(Options::new(twins).unwrap_err().fact("also"), Some("Path"));
    }

    #[test]
    fn numbers_and_booleans() {
        for (text, integer, non_negative, positive, boolean) in [
            ("7", Some(7), Some(7), Some(7), None),
            (" 7 ", Some(7), Some(7), Some(7), None),
            ("0", Some(0), Some(0), None, None),
            ("-1", Some(-1), None, None, None),
            ("9223372036854775808", None, None, None, None),
            ("TRUE", None, None, None, Some(true)),
            ("false", None, None, None, Some(false)),
            ("yes", None, None, None, None),
            ("", None, None, None, None),
        ] {
            let options = options(&[("o", text)]);
            assert_eq!(options.integer("O").ok().flatten(), integer, "{text}");
            assert_eq!(options.non_negative("O").ok().flatten(), non_negative, "{text}");
            assert_eq!(options.positive("O").ok().flatten(), positive, "{text}");
            assert_eq!(options.boolean("O").ok().flatten(), boolean, "{text}");
        }
        assert_eq!(options(&[]).positive("o").unwrap(), None);
    }

    #[test]
    fn durations_in_short_and_long_words() {
        for (text, micros) in [
            ("10s", Some(10_000_000)),
            ("15m", Some(900_000_000)),
            ("15min", Some(900_000_000)),
            ("7d", Some(7 * 86_400_000_000)),
            ("2H", Some(7_200_000_000)),
            ("500ms", Some(500_000)),
            ("500", Some(500_000)),
            ("0", Some(0)),
            ("10 seconds", Some(10_000_000)),
            ("-1s", None),
            ("-10 seconds", None),
            ("10x", None),
            ("", None),
            ("9223372036854775807d", None),
        ] {
            let options = options(&[("o", text)]);
            assert_eq!(options.duration_micros("o", BareUnit::Milliseconds).ok().flatten(), micros, "{text}");
        }
        assert_eq!(options(&[("o", "5")]).duration_micros("o", BareUnit::Seconds).unwrap(), Some(5_000_000));
    }

    #[test]
    fn an_unknown_option_names_the_nearest_known_one() {
        let known = ["path", "maxFilesPerTrigger", "kafka.*"];
        for (key, hint) in [
            ("PATH", None),
            ("kafka.anything", None),
            ("maxFilePerTrigger", Some("did you mean `maxFilesPerTrigger`?")),
            ("colour", Some("known options: path, maxFilesPerTrigger, kafka.*")),
        ] {
            let refused = options(&[(key, "x")]).refuse_unknown(&known).err();
            assert_eq!(refused.as_ref().and_then(|e| e.hint_text()), hint, "{key}");
        }
    }
}
