//! One librdkafka client: metadata, offsets, handles of topics. The safe border for these calls; reading records
//! is in `reader`. Knows no options and retries nothing.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::bindings as rd;

use super::partitions::{Offsets, TopicPartition};
use crate::error::{Error, Result};
use crate::kafka::Setting;

/// Room for an error text of librdkafka.
const ERROR_TEXT_BYTES: usize = 512;

/// Log lines of librdkafka of this level (warning, in syslog's numbers) or more severe are kept for errors.
const LOG_LEVEL_KEPT: c_int = 4;

/// A failed call: librdkafka's code and its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: i32,
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    fn of(err: rd::rd_kafka_resp_err_t) -> Fault {
        // SAFETY: the text is static.
        let text = unsafe { text(rd::rd_kafka_err2str(err)) };
        Fault { code: err as i32, text }
    }

    /// A code inside a structure: a broker may send one that the enumeration does not have.
    pub fn of_code(code: i32) -> Fault {
        match rd::rd_kafka_resp_err_t::try_from(code) {
            Ok(err) => Fault::of(err),
            Err(_) => Fault { code, text: "an error that the client does not know".into() },
        }
    }

    pub fn is(&self, err: rd::rd_kafka_resp_err_t) -> bool {
        self.code == err as i32
    }
}

fn check(err: rd::rd_kafka_resp_err_t) -> std::result::Result<(), Fault> {
    match err {
        rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        err => Err(Fault::of(err)),
    }
}

/// # Safety
/// `raw` is null or a string that lives during the call.
pub unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

/// The newest warning of a client, for the error that follows it.
#[derive(Default)]
struct LastWarning(Mutex<Option<String>>);

pub struct Client {
    rk: *mut rd::rd_kafka_t,
    last_warning: Arc<LastWarning>,
}

// SAFETY: librdkafka's client may be used from any thread, and from several at once.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

/// Called by librdkafka's own threads.
unsafe extern "C" fn log(rk: *const rd::rd_kafka_t, level: c_int, fac: *const c_char, buf: *const c_char) {
    // SAFETY: librdkafka passes strings that live during the call.
    let (facility, line) = unsafe { (text(fac), text(buf)) };
    if level <= LOG_LEVEL_KEPT {
        tracing::warn!(target: "kafka", facility, "{line}");
    } else {
        tracing::debug!(target: "kafka", facility, "{line}");
    }
    if rk.is_null() || level > LOG_LEVEL_KEPT {
        return;
    }
    // SAFETY: the opaque pointer is that of `Client::last_warning`, which lives until `rd_kafka_destroy` is over;
    // no thread of the client logs after that.
    let opaque = unsafe { rd::rd_kafka_opaque(rk).cast::<LastWarning>().as_ref() };
    if let Some(last) = opaque {
        *last.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }
}

impl Client {
    /// Connects in the background. `User` error if a setting is not one of librdkafka's.
    pub fn new(settings: &[Setting]) -> Result<Arc<Client>> {
        let refused = |why: String| Error::user("cannot configure the Kafka client").detail(why);
        let last_warning = Arc::new(LastWarning::default());
        let mut why = [0 as c_char; ERROR_TEXT_BYTES];
        // SAFETY: the configuration is ours until `rd_kafka_new` succeeds, and is destroyed otherwise; strings
        // live during the calls.
        unsafe {
            let conf = rd::rd_kafka_conf_new();
            for (key, value) in settings {
                let strings = CString::new(key.as_str()).ok().zip(CString::new(value.as_str()).ok());
                let Some((name, value)) = strings else {
                    rd::rd_kafka_conf_destroy(conf);
                    return Err(refused("a zero byte in a setting".into()).with("setting", key));
                };
                let set = rd::rd_kafka_conf_set(
                    conf,
                    name.as_ptr(),
                    value.as_ptr(),
                    why.as_mut_ptr(),
                    ERROR_TEXT_BYTES,
                );
                if set != rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                    rd::rd_kafka_conf_destroy(conf);
                    return Err(refused(text(why.as_ptr())).with("setting", key));
                }
            }
            rd::rd_kafka_conf_set_opaque(conf, Arc::as_ptr(&last_warning).cast_mut().cast::<c_void>());
            rd::rd_kafka_conf_set_log_cb(conf, Some(log));
            let consumer = rd::rd_kafka_type_t::RD_KAFKA_CONSUMER;
            let rk = rd::rd_kafka_new(consumer, conf, why.as_mut_ptr(), ERROR_TEXT_BYTES);
            if rk.is_null() {
                rd::rd_kafka_conf_destroy(conf);
                return Err(refused(text(why.as_ptr())));
            }
            Ok(Arc::new(Client { rk, last_warning }))
        }
    }

    pub fn raw(&self) -> *mut rd::rd_kafka_t {
        self.rk
    }

    /// What librdkafka last complained of, such as a refused connection.
    pub fn last_warning(&self) -> Option<String> {
        self.last_warning.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The names of all topics there are.
    pub fn topic_names(&self, timeout_ms: i32) -> std::result::Result<Vec<String>, Fault> {
        let metadata = Metadata::ask(self, None, timeout_ms)?;
        // SAFETY: the names live as long as the metadata.
        Ok(metadata.topics().iter().map(|topic| unsafe { text(topic.topic) }).collect())
    }

    /// The numbers of a topic's partitions.
    pub fn partitions(&self, topic: &Topic, timeout_ms: i32) -> std::result::Result<Vec<i32>, Fault> {
        let metadata = Metadata::ask(self, Some(topic), timeout_ms)?;
        let Some(found) = metadata.topics().first() else {
            return Err(Fault { code: 0, text: "the broker did not tell of the topic".into() });
        };
        check_code(&found.err)?;
        // SAFETY: librdkafka tells how many there are; they live as long as the metadata.
        let partitions = unsafe { slice(found.partitions, found.partition_cnt) };
        Ok(partitions.iter().map(|partition| partition.id).collect())
    }

    /// For each partition the offset at a time in milliseconds, or at -1 (the end) or -2 (the start); -1 if no
    /// record is as late. With read_committed the end is the last stable offset.
    pub fn offsets_at(&self, times: &Offsets, timeout_ms: i32) -> std::result::Result<Offsets, Fault> {
        if times.is_empty() {
            return Ok(Offsets::new());
        }
        let list = PartitionList::of(times)?;
        // SAFETY: the list and the client are alive.
        check(unsafe { rd::rd_kafka_offsets_for_times(self.rk, list.0, timeout_ms) })?;
        let mut offsets = Offsets::new();
        for (partition, element) in times.keys().zip(list.elements()) {
            check_code(&element.err)?;
            offsets.insert(partition.clone(), element.offset);
        }
        Ok(offsets)
    }

    /// Up to where the only partition in the list was taken from its queue, control messages included. Asks no
    /// broker. Nothing before the first message.
    pub fn consumed(&self, partition: &mut PartitionList) -> Option<i64> {
        // SAFETY: the list and the client are alive.
        check(unsafe { rd::rd_kafka_position(self.rk, partition.0) }).ok()?;
        partition.elements().first().map(|element| element.offset).filter(|offset| *offset >= 0)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: every topic, queue and message of the client holds it in an Arc, so none is left.
        unsafe { rd::rd_kafka_destroy(self.rk) };
    }
}

/// Reads a code without making it an enumeration first, see [`Fault::of_code`].
pub fn code_of(err: &rd::rd_kafka_resp_err_t) -> i32 {
    // SAFETY: the enumeration is an i32 in memory, whatever its value.
    unsafe { ptr::from_ref(err).cast::<i32>().read() }
}

fn check_code(err: &rd::rd_kafka_resp_err_t) -> std::result::Result<(), Fault> {
    match code_of(err) {
        0 => Ok(()),
        code => Err(Fault::of_code(code)),
    }
}

/// # Safety
/// `raw` has `count` elements that live as long as the result is used.
unsafe fn slice<'a, T>(raw: *const T, count: c_int) -> &'a [T] {
    if raw.is_null() || count <= 0 {
        return &[];
    }
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(raw, count as usize) }
}

/// A handle of a topic, for metadata and for reading.
pub struct Topic {
    client: Arc<Client>,
    rkt: *mut rd::rd_kafka_topic_t,
}

// SAFETY: topic handles may be used from any thread.
unsafe impl Send for Topic {}

impl Topic {
    pub fn new(client: &Arc<Client>, name: &str) -> Result<Topic> {
        let failed = || Error::user("cannot use the name of a topic").with("topic", name);
        let raw_name = CString::new(name).map_err(|_| failed())?;
        // SAFETY: the client is alive, the name is copied.
        let rkt = unsafe { rd::rd_kafka_topic_new(client.rk, raw_name.as_ptr(), ptr::null_mut()) };
        if rkt.is_null() {
            return Err(failed());
        }
        Ok(Topic { client: client.clone(), rkt })
    }

    pub fn raw(&self) -> *mut rd::rd_kafka_topic_t {
        self.rkt
    }

    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, its client is alive.
        unsafe { rd::rd_kafka_topic_destroy(self.rkt) };
    }
}

struct Metadata(*const rd::rd_kafka_metadata_t);

impl Metadata {
    fn ask(client: &Client, topic: Option<&Topic>, timeout_ms: i32) -> std::result::Result<Metadata, Fault> {
        let mut metadata = ptr::null();
        let only = topic.map_or(ptr::null_mut(), Topic::raw);
        // SAFETY: client and topic are alive; the result is destroyed by `drop`.
        check(unsafe {
            rd::rd_kafka_metadata(client.rk, c_int::from(topic.is_none()), only, &mut metadata, timeout_ms)
        })?;
        Ok(Metadata(metadata))
    }

    fn topics(&self) -> &[rd::rd_kafka_metadata_topic] {
        // SAFETY: the metadata is alive and says how many topics it has.
        unsafe { slice((*self.0).topics, (*self.0).topic_cnt) }
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        // SAFETY: it came from `rd_kafka_metadata` and is destroyed once.
        unsafe { rd::rd_kafka_metadata_destroy(self.0) };
    }
}

/// Partitions in librdkafka's own form.
pub struct PartitionList(*mut rd::rd_kafka_topic_partition_list_t);

// SAFETY: plain data, used by one thread at a time.
unsafe impl Send for PartitionList {}

impl PartitionList {
    pub fn of(offsets: &Offsets) -> std::result::Result<PartitionList, Fault> {
        // SAFETY: the list is destroyed by `drop`; names are copied.
        let list = PartitionList(unsafe { rd::rd_kafka_topic_partition_list_new(offsets.len() as c_int) });
        for (TopicPartition { topic, partition }, offset) in offsets {
            let zero = |_| Fault { code: 0, text: format!("a zero byte in the topic `{topic}`") };
            let name = CString::new(&**topic).map_err(zero)?;
            // SAFETY: as above; the new element is ours to fill.
            unsafe {
                let element = rd::rd_kafka_topic_partition_list_add(list.0, name.as_ptr(), *partition);
                (*element).offset = *offset;
            }
        }
        Ok(list)
    }

    /// In the order in which they were added.
    fn elements(&self) -> &[rd::rd_kafka_topic_partition_t] {
        // SAFETY: the list is alive and says how many elements it has.
        unsafe { slice((*self.0).elems, (*self.0).cnt) }
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: it came from `rd_kafka_topic_partition_list_new` and is destroyed once.
        unsafe { rd::rd_kafka_topic_partition_list_destroy(self.0) };
    }
}
