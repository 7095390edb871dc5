//! Readers kept between batches, so that fetching ahead goes on, and the clients they share.
//! Knows no ranges and reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client::Client;
use super::partitions::{Partitions, TopicPartition};
use super::reader::PartitionReader;
use crate::error::Result;
use crate::kafka::Setting;

/// Readers that are kept while nobody reads; a query with more partitions opens the others anew each batch.
const IDLE_READERS_MAX: usize = 256;

/// Messages that all partitions together may have fetched ahead: each costs about 300 bytes besides its own.
const MESSAGES_AHEAD_MAX: usize = 160_000;

/// Bytes of keys and values that all partitions together may have fetched ahead.
const KILOBYTES_AHEAD_MAX: usize = 64 << 10;

/// What one fetch takes of all partitions together.
const FETCH_BYTES: usize = 8 << 20;

/// A full queue is looked at again after so many milliseconds: short, or the reader runs dry meanwhile.
const FULL_QUEUE_PAUSE_MS: usize = 5;

/// For so long a broker holds a fetch that finds nothing. A partition that is fetched again while the fetch of
/// others waits, has to wait with it: no longer than what it has fetched ahead lasts.
const FETCH_WAIT_MS: usize = 20;

/// How much a partition may fetch ahead: its share of the bounds above, within reason.
#[derive(Debug, PartialEq)]
struct Ahead {
    messages: usize,
    kilobytes: usize,
    fetch_bytes: usize,
}

fn ahead(partitions: usize) -> Ahead {
    let partitions = partitions.max(1);
    Ahead {
        messages: (MESSAGES_AHEAD_MAX / partitions).clamp(1_000, 65_536),
        kilobytes: (KILOBYTES_AHEAD_MAX / partitions).clamp(256, 16 << 10),
        fetch_bytes: (FETCH_BYTES / partitions).clamp(64 << 10, 1 << 20),
    }
}

pub struct ReaderPool {
    settings: Vec<Setting>,
    /// As many threads read at once.
    clients_max: usize,
    /// The partitions of the query, as far as known.
    partitions: AtomicUsize,
    clients: Mutex<Vec<Slot>>,
}

/// A client and its partitions. A client can read a partition at one place only.
struct Slot {
    client: Arc<Client>,
    busy: Partitions,
    idle: BTreeMap<TopicPartition, PartitionReader>,
}

/// A reader that somebody reads with.
pub struct Lease {
    slot: usize,
    partition: TopicPartition,
    pub reader: PartitionReader,
}

impl ReaderPool {
    pub fn new(settings: Vec<Setting>, clients_max: usize) -> ReaderPool {
        ReaderPool {
            settings,
            clients_max: clients_max.max(1),
            partitions: AtomicUsize::new(1),
            clients: Mutex::default(),
        }
    }

    /// What a partition may fetch ahead follows from it, for clients made from now on.
    pub fn expect_partitions(&self, count: usize) {
        self.partitions.fetch_max(count, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        // Each change to the slots is one call that cannot stop half-way.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader that goes on at `offset`: the one that stopped there, else a new one.
    pub fn lease(&self, partition: &TopicPartition, offset: i64) -> Result<Lease> {
        let (slot, client, elsewhere) = {
            let mut slots = self.lock();
            if let Some(lease) = continuing(&mut slots, partition, offset) {
                return Ok(lease);
            }
            let slot = match free_slot(&slots, partition, self.clients_max) {
                Some(slot) => slot,
                None => {
                    let client = Client::new(&self.client_settings())?;
                    slots.push(Slot { client, busy: BTreeSet::new(), idle: BTreeMap::new() });
                    slots.len() - 1
                }
            };
            slots[slot].busy.insert(partition.clone());
            (slot, slots[slot].client.clone(), slots[slot].idle.remove(partition))
        };
        // It stands at another offset; it has to stop before the client can read the partition anew.
        drop(elsewhere);
        match PartitionReader::open(&client, partition, offset) {
            Ok(reader) => Ok(Lease { slot, partition: partition.clone(), reader }),
            Err(error) => {
                self.lock()[slot].busy.remove(partition);
                Err(error)
            }
        }
    }

    /// Takes a reader back that may go on where it stands.
    pub fn give_back(&self, lease: Lease) {
        let mut slots = self.lock();
        let idle: usize = slots.iter().map(|slot| slot.idle.len()).sum();
        if idle >= IDLE_READERS_MAX {
            drop(slots);
            return self.discard(lease);
        }
        let Lease { slot, partition, reader } = lease;
        slots[slot].busy.remove(&partition);
        slots[slot].idle.insert(partition, reader);
    }

    /// Ends the idle readers of partitions that are not read any more.
    pub fn keep_only(&self, is_read: impl Fn(&TopicPartition) -> bool) {
        let mut ended: Vec<BTreeMap<TopicPartition, PartitionReader>> = Vec::new();
        for slot in self.lock().iter_mut() {
            let (kept, others) =
                std::mem::take(&mut slot.idle).into_iter().partition(|(partition, _)| is_read(partition));
            slot.idle = kept;
            ended.push(others);
        }
        // Stopping a reader waits for its client: not with the lock held.
        drop(ended);
    }

    /// Ends a reader whose place is not known.
    pub fn discard(&self, lease: Lease) {
        let Lease { slot, partition, reader } = lease;
        drop(reader);
        self.lock()[slot].busy.remove(&partition);
    }

    fn client_settings(&self) -> Vec<Setting> {
        let ahead = ahead(self.partitions.load(Ordering::Relaxed));
        let mut settings: Vec<Setting> = [
            ("queued.min.messages", ahead.messages),
            ("queued.max.messages.kbytes", ahead.kilobytes),
            ("fetch.message.max.bytes", ahead.fetch_bytes),
            ("fetch.queue.backoff.ms", FULL_QUEUE_PAUSE_MS),
            ("fetch.wait.max.ms", FETCH_WAIT_MS),
        ]
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .to_vec();
        // Those of the user come later and win.
        settings.extend(self.settings.iter().cloned());
        settings
    }
}

fn continuing(slots: &mut [Slot], partition: &TopicPartition, offset: i64) -> Option<Lease> {
    for (index, slot) in slots.iter_mut().enumerate() {
        if slot.idle.get(partition).is_some_and(|reader| reader.position() == offset) {
            slot.busy.insert(partition.clone());
            let reader = slot.idle.remove(partition)?;
            return Some(Lease { slot: index, partition: partition.clone(), reader });
        }
    }
    None
}

/// The client to read a partition with: one that has it, else the one with the fewest, else none: make one.
fn free_slot(slots: &[Slot], partition: &TopicPartition, clients_max: usize) -> Option<usize> {
    let free = || slots.iter().enumerate().filter(|(_, slot)| !slot.busy.contains(partition));
    if let Some((index, _)) = free().find(|(_, slot)| slot.idle.contains_key(partition)) {
        return Some(index);
    }
    if slots.len() < clients_max {
        return None;
    }
    free().min_by_key(|(_, slot)| slot.busy.len() + slot.idle.len()).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_ahead_is_bounded_over_all_partitions() {
        for (partitions, messages, kilobytes, fetch_bytes) in [
            (0, 65_536, 16_384, 1 << 20),
            (4, 40_000, 16_384, 1 << 20),
            (32, 5_000, 2_048, 256 << 10),
            (1_000, 1_000, 256, 64 << 10),
        ] {
            assert_eq!(ahead(partitions), Ahead { messages, kilobytes, fetch_bytes }, "{partitions}");
        }
    }
}
