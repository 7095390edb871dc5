//! What the state store holds of a key, as bytes: its value, and an entry in the order of time for each timer and for
//! the moment at which its state is forgotten. The encoding is part of the on-disk format.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::state::{Changes, StateReader};

/// Version of this encoding and of the rows in it, as checkpoints record it.
pub const FORMAT_VERSION: u32 = 1;

/// An expiry that never comes.
const NEVER: i64 = i64::MAX;

/// The value of a key: expiry, number of timers, timers, and the rest is the row of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// When the state is forgotten, microseconds.
    pub expires: Option<i64>,
    /// In order, each once.
    pub timers: Vec<i64>,
    /// The encoded state; none if there is none.
    pub state: Option<Vec<u8>>,
}

impl Value {
    pub fn decode(bytes: &[u8]) -> Result<Value> {
        let damaged = || Error::data("cannot read the state of a key: it is cut off");
        let (expires, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let (count, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let bytes_of_timers = (u32::from_be_bytes(*count) as usize).checked_mul(8).ok_or_else(damaged)?;
        let (timers, state) = rest.split_at_checked(bytes_of_timers).ok_or_else(damaged)?;
        let (timers, _) = timers.as_chunks();
        Ok(Value {
            expires: Some(i64::from_be_bytes(*expires)).filter(|time| *time != NEVER),
            timers: timers.iter().map(|time| i64::from_be_bytes(*time)).collect(),
            state: (!state.is_empty()).then(|| state.to_vec()),
        })
    }

    pub fn encode(&self) -> Vec<u8> {
        let state = self.state.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(12 + 8 * self.timers.len() + state.len());
        bytes.extend_from_slice(&self.expires.unwrap_or(NEVER).to_be_bytes());
        bytes.extend_from_slice(&(self.timers.len() as u32).to_be_bytes());
        self.timers.iter().for_each(|time| bytes.extend_from_slice(&time.to_be_bytes()));
        bytes.extend_from_slice(state);
        bytes
    }

    /// Nothing is left to be kept.
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.timers.is_empty()
    }

    /// The entries of this value that another one does not have.
    fn times_without(&self, other: &Value) -> impl Iterator<Item = (Time, i64)> {
        let timers = self.timers.iter().filter(|time| other.timers.binary_search(time).is_err());
        let expires = self.expires.filter(|_| self.expires != other.expires);
        timers.map(|time| (Time::Timer, *time)).chain(expires.map(|time| (Time::Expiry, time)))
    }
}

/// What happens at an entry's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Timer = 0,
    Expiry = 1,
}

/// The entries of a kind in a key group up to a time, the time itself included; all of them without one.
fn range(key_group: u16, kind: Time, until: Option<i64>) -> (Vec<u8>, Vec<u8>) {
    let mut from = key_group.to_be_bytes().to_vec();
    from.push(kind as u8);
    let mut to = from.clone();
    match until.and_then(|until| until.checked_add(1)) {
        Some(after) => to.extend_from_slice(&sortable(after)),
        None => to[2] += 1,
    }
    (from, to)
}

fn sortable(time: i64) -> [u8; 8] {
    ((time as u64) ^ (1 << 63)).to_be_bytes()
}

/// Key group, kind, time, and the rest of the key.
fn entry(key: &[u8], kind: Time, time: i64) -> Vec<u8> {
    [&key[..2], &[kind as u8], &sortable(time), &key[2..]].concat()
}

/// The keys in `key_groups` that have an entry of this kind up to `until`, in order, each once.
pub fn due_keys(times: &StateReader, key_groups: Range<u16>, kind: Time, until: i64) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    for key_group in key_groups {
        let (from, to) = range(key_group, kind, Some(until));
        for found in times.scan(&from, &to)? {
            let (found, _) = found?;
            let rest = found.get(11..).ok_or_else(|| Error::data("an entry of a timer is cut off"))?;
            keys.push([&found[..2], rest].concat());
        }
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// The earliest time of any entry of any key: before it, a batch without rows would do nothing.
pub fn next_time(times: &StateReader, key_groups: Range<u16>) -> Result<Option<i64>> {
    let mut earliest: Option<i64> = None;
    for key_group in key_groups {
        for kind in [Time::Timer, Time::Expiry] {
            let (from, to) = range(key_group, kind, None);
            if let Some(found) = times.scan(&from, &to)?.next() {
                let (found, _) = found?;
                let time = found.get(3..).and_then(|rest| rest.first_chunk::<8>());
                let time = time.ok_or_else(|| Error::data("an entry of a timer is cut off"))?;
                let time = (u64::from_be_bytes(*time) ^ (1 << 63)) as i64;
                earliest = Some(earliest.map_or(time, |other| other.min(time)));
            }
        }
    }
    Ok(earliest)
}

/// Notes what changed of a key: in its value, and in its entries.
pub fn note_changes(
    key: &[u8],
    before: Option<&Value>,
    now: &Value,
    values: &mut Changes,
    times: &mut Changes,
) -> Change {
    let none = Value::default();
    let old = before.unwrap_or(&none);
    for (kind, time) in old.times_without(now) {
        times.delete(&entry(key, kind, time));
    }
    for (kind, time) in now.times_without(old) {
        times.put(&entry(key, kind, time), &[], true);
    }
    if now.is_empty() {
        if before.is_none() {
            return Change::None;
        }
        values.delete(key);
        return Change::Removed;
    }
    if before == Some(now) {
        return Change::None;
    }
    values.put(key, &now.encode(), before.is_none());
    Change::Updated
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    Updated,
    Removed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        for value in [
            Value::default(),
            Value { expires: Some(-1), timers: vec![i64::MIN, 0, 7], state: Some(vec![1, 2]) },
            Value { expires: None, timers: vec![], state: Some(vec![0]) },
        ] {
            let bytes = value.encode();
            assert_eq!(Value::decode(&bytes).unwrap(), value);
            let head = 12 + 8 * value.timers.len();
            assert!((0..head).all(|cut| Value::decode(&bytes[..cut]).is_err()));
        }
    }

    #[test]
    fn entries_sort_by_time_and_end_where_they_should() {
        let key = [0, 5, 9, 9];
        let times = [i64::MIN, -1, 0, 1, i64::MAX];
        let entries: Vec<_> = times.iter().map(|time| entry(&key, Time::Timer, *time)).collect();
        assert!(entries.is_sorted());
        for (until, count) in [(i64::MIN, 1), (-2, 1), (-1, 2), (0, 3), (i64::MAX - 1, 4), (i64::MAX, 5)] {
            let (from, to) = range(5, Time::Timer, Some(until));
            assert_eq!(entries.iter().filter(|e| **e >= from && **e < to).count(), count, "{until}");
            assert!(!entries.contains(&entry(&key, Time::Expiry, until)));
        }
    }
}
