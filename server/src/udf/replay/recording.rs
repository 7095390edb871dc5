//! A call with all that it takes to make it again, and its file. Runs nothing.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::record::type_name;
use crate::udf::columns_in::ColumnsIn;
use crate::udf::guest::Luck;
use crate::udf::limits::RECORDING_BYTES_MAX;
use crate::udf::moment::Moment;

/// The first bytes of the file; the number is the version of what follows.
const MAGIC: &[u8; 16] = b"wasmill replay 1";
const LENGTH_BYTES: usize = 8;
const HASH_BYTES: usize = 32;

/// A call that failed.
#[derive(Debug, PartialEq)]
pub struct Recording {
    pub function: String,
    /// The SHA-256 of the module, in hex.
    pub module_digest: String,
    pub moment: Moment,
    /// The error as it was told.
    pub error: String,
    /// None if the guest could not even be opened.
    pub call: Option<RecordedCall>,
    pub module: Arc<[u8]>,
}

/// What the function was called with.
#[derive(Debug, PartialEq)]
pub struct RecordedCall {
    /// Where the guest's clock and its random numbers stood.
    pub luck: Luck,
    /// The numbers of the call's struct, by their places.
    pub numbers: Vec<(usize, i64)>,
    pub parts: Vec<Part>,
}

impl RecordedCall {
    /// The number at a place of the struct.
    pub fn number(&self, field: usize) -> Result<i64> {
        let found = self.numbers.iter().find(|(place, _)| *place == field);
        found.map(|(_, value)| *value).ok_or_else(|| broken("a number of the call is missing"))
    }

    /// The batch that a field of the struct leads to, or the one that the function is called with, for a function
    /// that takes these columns. It may be another function than the one that failed, so that it is the user's error
    /// if it takes others.
    pub fn columns(&self, field: Option<usize>, wanted: &Fields) -> Result<ColumnsIn> {
        let Some(part) = self.parts.iter().find(|part| part.field == field) else {
            return Err(another_call().with("takes", type_names(wanted)));
        };
        let schema = part.rows.schema();
        let (found, wanted_names) = (type_names(schema.fields()), type_names(wanted));
        if found != wanted_names {
            return Err(another_call().with("recorded", found).with("takes", wanted_names));
        }
        ColumnsIn::new(wanted, part.rows.columns(), part.rows.num_rows())
    }
}

fn another_call() -> Error {
    Error::user("the function takes something else than the call that was recorded")
}

fn type_names(fields: &Fields) -> String {
    let names: Vec<_> = fields.iter().map(|field| type_name(field.data_type())).collect();
    format!("({})", names.join(", "))
}

/// A batch of the call.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The field of the call's struct that leads to it, if there is a struct.
    pub field: Option<usize>,
    pub rows: RecordBatch,
}

/// What stands in front of the batches and the module.
#[derive(Serialize, Deserialize)]
struct Head {
    function: String,
    module_digest: String,
    time_us: i64,
    seed: u64,
    error: String,
    call: Option<CallHead>,
    module_bytes: usize,
}

#[derive(Serialize, Deserialize)]
struct CallHead {
    slept_ns: i64,
    chance: u64,
    numbers: Vec<(usize, i64)>,
    parts: Vec<PartHead>,
}

#[derive(Serialize, Deserialize)]
struct PartHead {
    field: Option<usize>,
    bytes: usize,
}

impl Recording {
    /// The file: the magic, the length of the head, the head as JSON, the batches as streams of Arrow IPC, the module,
    /// and the SHA-256 of it all.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut parts = Vec::new();
        for part in self.call.iter().flat_map(|call| &call.parts) {
            let before = body.len();
            write_batch(&part.rows, &mut body)?;
            parts.push(PartHead { field: part.field, bytes: body.len() - before });
        }
        body.extend_from_slice(&self.module);
        let call = self.call.as_ref().map(|call| CallHead {
            slept_ns: call.luck.slept_ns,
            chance: call.luck.chance,
            numbers: call.numbers.clone(),
            parts,
        });
        let head = Head {
            function: self.function.clone(),
            module_digest: self.module_digest.clone(),
            time_us: self.moment.time_us,
            seed: self.moment.seed,
            error: self.error.clone(),
            call,
            module_bytes: self.module.len(),
        };
        let head = serde_json::to_vec(&head)
            .map_err(|error| Error::internal("write the head of a recorded call").because(error))?;
        let length = (head.len() as u64).to_le_bytes();
        let mut file = [MAGIC.as_slice(), &length, &head, &body].concat();
        let hash = Sha256::digest(&file);
        file.extend_from_slice(&hash);
        Ok(file)
    }

    /// Reads a file. The error is about the data: what is wrong with it.
    pub fn from_bytes(file: &[u8]) -> Result<Recording> {
        if file.len() > RECORDING_BYTES_MAX {
            return Err(
                broken("it is larger than a recorded call may be").with("bytes_max", RECORDING_BYTES_MAX)
            );
        }
        let Some(rest) = file.strip_prefix(MAGIC) else {
            return Err(broken("it does not start as one"));
        };
        let Some((signed, hash)) = file.split_last_chunk::<HASH_BYTES>() else {
            return Err(broken("it ends early"));
        };
        if Sha256::digest(signed).as_slice() != hash {
            return Err(broken("it was cut off or changed"));
        }
        let mut rest = Rest(&rest[..rest.len() - HASH_BYTES]);
        let length = rest.take(LENGTH_BYTES)?.try_into().map(u64::from_le_bytes);
        let length = length.ok().and_then(|length| usize::try_from(length).ok());
        let head = rest.take(length.unwrap_or(usize::MAX))?;
        let head: Head =
            serde_json::from_slice(head).map_err(|error| broken("its head cannot be read").because(error))?;
        let call = head.call.map(|call| read_call(call, &mut rest)).transpose()?;
        Ok(Recording {
            function: head.function,
            module_digest: head.module_digest,
            moment: Moment { time_us: head.time_us, seed: head.seed },
            error: head.error,
            call,
            module: rest.take(head.module_bytes)?.into(),
        })
    }
}

fn read_call(head: CallHead, rest: &mut Rest<'_>) -> Result<RecordedCall> {
    let mut parts = Vec::new();
    for part in head.parts {
        parts.push(Part { field: part.field, rows: read_batch(rest.take(part.bytes)?)? });
    }
    let luck = Luck { slept_ns: head.slept_ns, chance: head.chance };
    Ok(RecordedCall { luck, numbers: head.numbers, parts })
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8]> {
        match self.0.split_at_checked(bytes) {
            Some((taken, rest)) => {
                self.0 = rest;
                Ok(taken)
            }
            None => Err(broken("it ends early")),
        }
    }
}

fn broken(why: &str) -> Error {
    Error::data("the file is no recorded call").with("why", why)
}

fn write_batch(batch: &RecordBatch, to: &mut Vec<u8>) -> Result<()> {
    let written = StreamWriter::try_new(to, &batch.schema()).and_then(|mut writer| {
        writer.write(batch)?;
        writer.finish()
    });
    written.map_err(|error| Error::internal("write a batch of a recorded call").because(error))
}

fn read_batch(bytes: &[u8]) -> Result<RecordBatch> {
    let unreadable = |error| broken("a batch of it cannot be read").because(error);
    let mut reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(unreadable)?;
    match reader.next() {
        Some(batch) => batch.map_err(unreadable),
        None => Err(broken("a batch of it is missing")),
    }
}
