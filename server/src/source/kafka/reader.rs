//! Reads one partition from an offset on, fetching ahead. The safe border for librdkafka's messages.
//! Knows no Arrow, and keeps no range: it is told each time how far to go.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use rdkafka::bindings as rd;

use super::client::{Client, Fault, PartitionList, Topic, code_of, text};
use super::partitions::{Offsets, TopicPartition};
use crate::error::{Error, Result};

/// Messages taken from the client's queue at once: their headers stay in the processor's cache.
const MESSAGES_AT_ONCE: usize = 512;

/// Between two looks at the client's position, while no message comes: at first, and at most.
const WAIT_MS_MIN: i32 = 1;
const WAIT_MS_MAX: i32 = 64;

/// For finding the leader of a partition before reading.
const LEADER_TIMEOUT_MS: i32 = 1_000;

/// A record, or an event in its place.
#[repr(transparent)]
pub struct Message(*mut rd::rd_kafka_message_t);

impl Message {
    fn raw(&self) -> &rd::rd_kafka_message_t {
        // SAFETY: the message is alive until it is destroyed by its reader, which drops this value then.
        unsafe { &*self.0 }
    }

    pub fn offset(&self) -> i64 {
        self.raw().offset
    }

    pub fn key(&self) -> Option<&[u8]> {
        let raw = self.raw();
        // SAFETY: librdkafka gives pointer and length of the key; null means none.
        unsafe { bytes(raw.key, raw.key_len) }
    }

    pub fn value(&self) -> Option<&[u8]> {
        let raw = self.raw();
        // SAFETY: as above.
        unsafe { bytes(raw.payload, raw.len) }
    }

    /// How many bytes key and value have.
    pub fn size(&self) -> usize {
        let raw = self.raw();
        raw.len + raw.key_len
    }

    /// Milliseconds, and Spark's number of their type: -1 none, 0 set by the producer, 1 set by the broker.
    pub fn timestamp(&self) -> (i64, i32) {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive.
        let millis = unsafe { rd::rd_kafka_message_timestamp(self.0, &mut kind) };
        (millis, kind as i32 - 1)
    }

    /// Calls `each` with the name and value of every header.
    pub fn for_each_header(&self, mut each: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive, and its headers with it; names are strings, values have their length.
        unsafe {
            let found = rd::rd_kafka_message_headers(self.0, &mut headers);
            if found != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            let mut index = 0;
            while rd::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size)
                == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                each(std::ffi::CStr::from_ptr(name).to_bytes(), bytes(value, size));
                index += 1;
            }
        }
    }
}

/// # Safety
/// `raw` is null or has `len` bytes that live as long as the result is used.
unsafe fn bytes<'a>(raw: *const c_void, len: usize) -> Option<&'a [u8]> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: by contract.
    Some(unsafe { std::slice::from_raw_parts(raw.cast::<u8>(), len) })
}

/// What comes next in a partition.
pub enum Delivery<'a> {
    /// Records, in order, without gaps that hold any. Say how many were taken with [`PartitionReader::release`].
    Records(&'a [Message]),
    /// No records up to the end that was asked for.
    Complete,
    /// Nothing came in time.
    Nothing,
    /// The broker does not have the position, or not any more.
    OutOfRange,
    /// The broker does not have the partition, or not any more.
    Gone,
    Failed(Fault),
}

pub struct PartitionReader {
    topic: Topic,
    partition: i32,
    /// The partition again, as librdkafka is asked for its position.
    place: PartitionList,
    queue: *mut rd::rd_kafka_queue_t,
    messages: Vec<Message>,
    /// The first of `messages` that is not released.
    next: usize,
    /// Every record before it was released.
    position: i64,
    /// There is no record from the newest message on up to here; the partition ended here once.
    empty_up_to: i64,
}

// SAFETY: a queue and its messages may be used from any thread, by one at a time.
unsafe impl Send for PartitionReader {}

impl PartitionReader {
    /// Begins to fetch at `offset`.
    pub fn open(client: &Arc<Client>, partition: &TopicPartition, offset: i64) -> Result<PartitionReader> {
        let topic = Topic::new(client, &partition.topic)?;
        // Asked now, the leader is known at once; left alone, a new client looks after a second. Who does not
        // answer now is waited for when records are.
        client.partitions(&topic, LEADER_TIMEOUT_MS).ok();
        let number = partition.partition;
        let place = PartitionList::of(&Offsets::from([(partition.clone(), offset)]))
            .map_err(|fault| Error::user("cannot use the name of a topic").because(fault))?;
        // SAFETY: client and topic are alive; the queue is destroyed by `drop`.
        let queue = unsafe { rd::rd_kafka_queue_new(client.raw()) };
        let started = unsafe { rd::rd_kafka_consume_start_queue(topic.raw(), number, offset, queue) };
        if started != 0 {
            // SAFETY: the queue is ours and nothing feeds it.
            unsafe { rd::rd_kafka_queue_destroy(queue) };
            // SAFETY: tells of the call just made on this thread.
            let code = code_of(&unsafe { rd::rd_kafka_last_error() });
            return Err(Error::external("begin to read a partition")
                .with("partition", partition)
                .with("offset", offset)
                .because(Fault::of_code(code)));
        }
        Ok(PartitionReader {
            topic,
            partition: number,
            place,
            queue,
            messages: Vec::with_capacity(MESSAGES_AT_ONCE),
            next: 0,
            position: offset,
            empty_up_to: offset,
        })
    }

    pub fn client(&self) -> &Arc<Client> {
        self.topic.client()
    }

    /// The offset that the next record has at least.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Whether the brokers say that there is no such partition. The client does not always tell by itself.
    pub fn is_gone(&self, timeout_ms: i32) -> bool {
        match self.client().partitions(&self.topic, timeout_ms) {
            Ok(partitions) => !partitions.contains(&self.partition),
            Err(fault) => matches!(what_it_means(fault), Delivery::Gone),
        }
    }

    /// The records that come next before offset `until`, waiting for them if need be.
    pub fn deliver(&mut self, until: i64, timeout_ms: i32) -> Delivery<'_> {
        loop {
            if self.next == self.messages.len() {
                if self.position >= until || self.empty_up_to >= until {
                    self.position = self.position.max(until);
                    return Delivery::Complete;
                }
                if !self.refill(until, timeout_ms) {
                    return Delivery::Nothing;
                }
                continue;
            }
            let first = &self.messages[self.next];
            let code = code_of(&first.raw().err);
            if code == 0 {
                break;
            }
            let (offset, fault) = (first.offset(), fault_of(first, code));
            self.drop_messages(1);
            if fault.is(rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                self.empty_up_to = self.empty_up_to.max(offset);
                continue;
            }
            return what_it_means(fault);
        }
        let waiting = &self.messages[self.next..];
        let is_in_range = |message: &&Message| message.offset() < until && code_of(&message.raw().err) == 0;
        let count = waiting.iter().take_while(is_in_range).count();
        if count == 0 {
            self.position = self.position.max(until);
            return Delivery::Complete;
        }
        Delivery::Records(&self.messages[self.next..self.next + count])
    }

    /// The first `count` records of the last delivery are done with.
    pub fn release(&mut self, count: usize) {
        if let Some(last) = self.messages[self.next..self.next + count].last() {
            self.position = last.offset() + 1;
        }
        self.drop_messages(count);
    }

    fn drop_messages(&mut self, count: usize) {
        for message in &self.messages[self.next..self.next + count] {
            // SAFETY: each message is destroyed once: `next` moves past it.
            unsafe { rd::rd_kafka_message_destroy(message.0) };
        }
        self.next += count;
    }

    /// Takes what is in the queue, waiting for the first message, or until the client has passed `until` over
    /// control messages, which it does not show. False if neither came in time.
    fn refill(&mut self, until: i64, timeout_ms: i32) -> bool {
        self.messages.clear();
        self.next = 0;
        if self.take(0, MESSAGES_AT_ONCE) > 0 {
            return true;
        }
        let (started, mut wait_ms) = (Instant::now(), WAIT_MS_MIN);
        loop {
            let client = self.topic.client().clone();
            if let Some(consumed) = client.consumed(&mut self.place).filter(|consumed| *consumed >= until) {
                self.empty_up_to = self.empty_up_to.max(consumed);
                return true;
            }
            let waited_ms = i32::try_from(started.elapsed().as_millis()).unwrap_or(i32::MAX);
            if waited_ms >= timeout_ms {
                return false;
            }
            if self.take(wait_ms.min(timeout_ms - waited_ms), 1) > 0 {
                self.take(0, MESSAGES_AT_ONCE - 1);
                return true;
            }
            wait_ms = (wait_ms * 2).min(WAIT_MS_MAX);
        }
    }

    fn take(&mut self, timeout_ms: i32, count: usize) -> usize {
        let start = self.messages.len();
        self.messages.reserve(count);
        // SAFETY: there is room for `count` more; librdkafka fills as many as it says, and a message is a pointer.
        unsafe {
            let room = self.messages.as_mut_ptr().add(start).cast::<*mut rd::rd_kafka_message_t>();
            let taken = rd::rd_kafka_consume_batch_queue(self.queue, timeout_ms, room, count);
            let taken = usize::try_from(taken).unwrap_or(0);
            self.messages.set_len(start + taken);
            taken
        }
    }
}

fn fault_of(message: &Message, code: i32) -> Fault {
    let mut fault = Fault::of_code(code);
    // SAFETY: the message of an error lives as long as the message.
    let why = unsafe { text(rd::rd_kafka_message_errstr(message.0)) };
    if !why.is_empty() {
        fault.text = why;
    }
    fault
}

fn what_it_means(fault: Fault) -> Delivery<'static> {
    use rd::rd_kafka_resp_err_t::*;
    let is_one_of = |errors: &[rd::rd_kafka_resp_err_t]| errors.iter().any(|error| fault.is(*error));
    if is_one_of(&[
        RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET,
        RD_KAFKA_RESP_ERR__LOG_TRUNCATION,
        RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
    ]) {
        Delivery::OutOfRange
    } else if is_one_of(&[
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
    ]) {
        Delivery::Gone
    } else {
        Delivery::Failed(fault)
    }
}

impl Drop for PartitionReader {
    fn drop(&mut self) {
        let left = self.messages.len() - self.next;
        self.drop_messages(left);
        // SAFETY: the topic is alive; after the stop nothing feeds the queue, which is destroyed once.
        unsafe {
            rd::rd_kafka_consume_stop(self.topic.raw(), self.partition);
            rd::rd_kafka_queue_destroy(self.queue);
        }
    }
}
