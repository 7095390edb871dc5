//! What a batch changes in one operator's state, and the change log of a batch as a file. Applies nothing.

use serde::{Deserialize, Serialize};

use super::frame::{FrameReader, FrameWriter, Magic};
use crate::error::{Error, Result};
use crate::record::{BatchId, QueryId};

const MAGIC: Magic = b"wmchgs\0\x01";

/// A block is closed once it holds this much.
const BLOCK_BYTES: usize = 1 << 20;

/// The longest key and value together.
const ENTRY_BYTES_MAX: usize = 128 << 20;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DELETE_RANGE: u8 = 3;

/// One change of one key, or of a range of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    Put {
        key: &'a [u8],
        value: &'a [u8],
    },
    Delete {
        key: &'a [u8],
    },
    /// `to` is not part of the range.
    DeleteRange {
        from: &'a [u8],
        to: &'a [u8],
    },
}

/// Changes of one operator in one batch, in the order they take place: a later one wins.
///
/// They are kept as the bytes that the change log holds, so nothing is copied key by key again.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    /// Ends of full blocks in `bytes`.
    ends: Vec<usize>,
    rows_added: u64,
    rows_removed: u64,
    /// The first key and value that were too long together.
    too_long: Option<usize>,
}

impl Changes {
    /// Sets the value of a key; `is_new` tells that the key was not there, for the count of rows.
    pub fn put(&mut self, key: &[u8], value: &[u8], is_new: bool) {
        self.rows_added += u64::from(is_new);
        self.push(PUT, key, Some(value));
    }

    /// Deletes a key that is there.
    pub fn delete(&mut self, key: &[u8]) {
        self.rows_removed += 1;
        self.push(DELETE, key, None);
    }

    /// Deletes the keys from `from` to before `to`, of which `rows` are there.
    pub fn delete_range(&mut self, from: &[u8], to: &[u8], rows: u64) {
        if rows > 0 && from < to {
            self.rows_removed += rows;
            self.push(DELETE_RANGE, from, Some(to));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Their size in memory and, before compression, in the change log.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn rows_added(&self) -> u64 {
        self.rows_added
    }

    pub(super) fn rows_removed(&self) -> u64 {
        self.rows_removed
    }

    pub(super) fn iter(&self) -> ChangeIter<'_> {
        ChangeIter { rest: &self.bytes }
    }

    fn push(&mut self, tag: u8, first: &[u8], second: Option<&[u8]>) {
        let length = first.len().saturating_add(second.map_or(0, <[u8]>::len));
        if length > ENTRY_BYTES_MAX {
            self.too_long.get_or_insert(length);
            return;
        }
        self.bytes.push(tag);
        for part in [Some(first), second].into_iter().flatten() {
            self.bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(part);
        }
        if self.bytes.len() - self.ends.last().copied().unwrap_or(0) >= BLOCK_BYTES {
            self.ends.push(self.bytes.len());
        }
    }

    /// The encoded changes in blocks that each end with a whole change.
    fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        let ends = self.ends.iter().copied().chain([self.bytes.len()]);
        ends.map(move |end| &self.bytes[std::mem::replace(&mut start, end)..end])
            .filter(|block| !block.is_empty())
    }
}

/// Decodes changes. An error says that the bytes are not ours, though their checksum fits.
pub struct ChangeIter<'a> {
    rest: &'a [u8],
}

impl<'a> ChangeIter<'a> {
    fn part(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = rest;
        Some(part)
    }

    fn change(&mut self) -> Option<Change<'a>> {
        let (tag, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(match *tag {
            PUT => Change::Put { key: self.part()?, value: self.part()? },
            DELETE => Change::Delete { key: self.part()? },
            DELETE_RANGE => Change::DeleteRange { from: self.part()?, to: self.part()? },
            _ => return None,
        })
    }
}

impl<'a> Iterator for ChangeIter<'a> {
    type Item = Result<Change<'a>>;

    fn next(&mut self) -> Option<Result<Change<'a>>> {
        if self.rest.is_empty() {
            return None;
        }
        let change = self.change();
        if change.is_none() {
            self.rest = &[];
        }
        Some(change.ok_or_else(|| Error::data("a change of a change log cannot be read")))
    }
}

/// An operator in a state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorRows {
    pub name: String,
    pub format_version: u32,
    /// Keys after the batch.
    pub rows: u64,
}

/// The first block of a change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangesHeader {
    pub query_id: String,
    pub batch: BatchId,
    /// The version that the changes are to be applied to; nothing stands for empty state.
    pub previous: Option<BatchId>,
    pub operators: Vec<OperatorRows>,
}

/// The file of a batch: `changes` by index of the operator in the header.
pub fn encode(header: &ChangesHeader, changes: &[(usize, Changes)]) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(header)
        .map_err(|error| Error::internal("cannot write the header of a change log").because(error))?;
    let mut writer = FrameWriter::new(MAGIC, &json)?;
    let mut block = Vec::new();
    for (operator, changes) in changes {
        if let Some(bytes) = changes.too_long {
            return Err(Error::user("a group's key and state are too long")
                .with("bytes", bytes)
                .with("most", ENTRY_BYTES_MAX)
                .hint("keep less in one group, for example by a shorter window"));
        }
        for part in changes.blocks() {
            block.clear();
            block.extend_from_slice(&(*operator as u16).to_le_bytes());
            block.extend_from_slice(part);
            writer.block(&block)?;
        }
    }
    writer.finish()
}

/// Reads the file of a batch of a query, and calls `apply` with operator index and change; what it was given
/// counts only if this returns without error, since only then the file is known to be whole.
pub fn decode(
    bytes: &[u8],
    query_id: QueryId,
    batch: BatchId,
    mut apply: impl FnMut(usize, Change<'_>) -> Result<()>,
) -> Result<ChangesHeader> {
    let (mut reader, header) = FrameReader::new(MAGIC, bytes)?;
    let header: ChangesHeader = serde_json::from_slice(&header)
        .map_err(|error| Error::data("the header of a change log cannot be read").because(error))?;
    if header.batch != batch || header.query_id != query_id.to_string() {
        return Err(Error::data("a change log belongs to another batch or query")
            .with("batch", header.batch)
            .with("query", &header.query_id));
    }
    if header.previous != batch.checked_sub(1) {
        return Err(Error::data("a change log does not follow the batch before it")
            .with("batch", batch)
            .with("follows", format!("{:?}", header.previous)));
    }
    while let Some(block) = reader.next_block()? {
        let cut = || Error::data("a block of a change log names no operator");
        let (operator, rest) = block.split_first_chunk().ok_or_else(cut)?;
        let operator = usize::from(u16::from_le_bytes(*operator));
        if operator >= header.operators.len() {
            return Err(cut());
        }
        for change in (ChangeIter { rest }) {
            apply(operator, change?)?;
        }
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn header() -> ChangesHeader {
        let rows = |name: &str| OperatorRows { name: name.into(), format_version: 1, rows: 3 };
        ChangesHeader {
            query_id: Uuid::nil().to_string(),
            batch: 4,
            previous: Some(3),
            operators: vec![rows("a"), rows("b")],
        }
    }

    fn read(bytes: &[u8], batch: BatchId) -> Result<Vec<String>> {
        let mut seen = Vec::new();
        decode(bytes, QueryId(Uuid::nil()), batch, |operator, change| {
            seen.push(match change {
                Change::Put { key, value } => format!("{operator} put {} {}", key.len(), value.len()),
                Change::Delete { key } => format!("{operator} delete {}", key.len()),
                Change::DeleteRange { from, to } => format!("{operator} range {from:?} {to:?}"),
            });
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn changes_come_back_in_order_over_many_blocks() {
        let mut one = Changes::default();
        one.put(b"k", &vec![7; BLOCK_BYTES + 5], true);
        one.put(b"kk", b"", false);
        one.delete(b"kkk");
        let mut two = Changes::default();
        two.delete_range(&[1], &[2], 5);
        two.delete_range(&[1], &[2], 0);
        two.delete_range(&[2], &[1], 9);
        assert_eq!((one.rows_added(), one.rows_removed(), two.rows_removed()), (1, 1, 5));
        let bytes = encode(&header(), &[(1, one), (0, Changes::default()), (0, two)]).unwrap();
        let long = format!("1 put 1 {}", BLOCK_BYTES + 5);
        assert_eq!(read(&bytes, 4).unwrap(), [&long, "1 put 2 0", "1 delete 3", "0 range [1] [2]"]);
    }

    #[test]
    fn another_batch_or_query_is_not_taken() {
        let bytes = encode(&header(), &[]).unwrap();
        assert!(read(&bytes, 4).unwrap().is_empty());
        assert!(read(&bytes, 5).is_err());
        let other = ChangesHeader { query_id: Uuid::max().to_string(), ..header() };
        assert!(read(&encode(&other, &[]).unwrap(), 4).is_err());
        let gap = ChangesHeader { previous: Some(2), ..header() };
        assert!(read(&encode(&gap, &[]).unwrap(), 4).is_err());
    }
}
