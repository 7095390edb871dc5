//! The shape of every state file: a magic number, then blocks, each with its number and a checksum over all of
//! it, then an end marker. So no cut, no flipped bit and no block out of place goes unseen.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// The most bytes a block holds before it is compressed; what is larger is not ours.
pub const BLOCK_BYTES_MAX: usize = 256 << 20;

/// Kind of file and version of its format.
pub type Magic = &'static [u8; 8];

const HEADER: u8 = 1;
const PLAIN: u8 = 2;
const LZ4: u8 = 3;
const END: u8 = 4;

/// Tag, number, length, stored length; then four bytes of checksum.
const PREFIX_BYTES: usize = 13;
const CRC_BYTES: usize = 4;

/// What lz4 can make of a byte, at the very most.
const LZ4_RATIO_MAX: usize = 256;

/// Writes one file into memory.
pub struct FrameWriter {
    out: Vec<u8>,
    blocks: u32,
}

impl FrameWriter {
    /// The header is a small JSON text; it is not compressed, so that people can read it.
    pub fn new(magic: Magic, header: &[u8]) -> Result<FrameWriter> {
        let mut writer = FrameWriter { out: magic.to_vec(), blocks: 0 };
        writer.push(HEADER, header.len(), header)?;
        Ok(writer)
    }

    pub fn block(&mut self, bytes: &[u8]) -> Result<()> {
        let compressed = lz4_flex::block::compress(bytes);
        match compressed.len() < bytes.len() {
            true => self.push(LZ4, bytes.len(), &compressed),
            false => self.push(PLAIN, bytes.len(), bytes),
        }
    }

    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.push(END, 0, &[])?;
        Ok(self.out)
    }

    fn push(&mut self, tag: u8, length: usize, stored: &[u8]) -> Result<()> {
        if length > BLOCK_BYTES_MAX {
            return Err(Error::user("what a batch changes in state is too large in one piece")
                .with("bytes", length)
                .with("most", BLOCK_BYTES_MAX)
                .hint("keep less in one group, for example by a shorter window"));
        }
        let start = self.out.len();
        self.out.push(tag);
        for number in [self.blocks, length as u32, stored.len() as u32] {
            self.out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&self.out[start..]), stored);
        self.out.extend_from_slice(&crc.to_le_bytes());
        self.out.extend_from_slice(stored);
        self.blocks += 1;
        Ok(())
    }
}

/// Reads one file; every error is `Data`.
pub struct FrameReader<'a> {
    rest: &'a [u8],
    blocks: u32,
    ended: bool,
}

impl<'a> FrameReader<'a> {
    /// The reader and the header.
    pub fn new(magic: Magic, bytes: &'a [u8]) -> Result<(FrameReader<'a>, Cow<'a, [u8]>)> {
        let rest = bytes.strip_prefix(&magic[..]).ok_or_else(|| {
            damaged(match bytes.starts_with(&magic[..6]) {
                true => "its format has another version",
                false => "it does not begin as such a file does",
            })
        })?;
        let mut reader = FrameReader { rest, blocks: 0, ended: false };
        match reader.pull()? {
            (HEADER, header) => Ok((reader, header)),
            _ => Err(damaged("it has no header")),
        }
    }

    /// The next block; nothing after the last. Only then is it known that the file is whole.
    pub fn next_block(&mut self) -> Result<Option<Cow<'a, [u8]>>> {
        if self.ended {
            return Ok(None);
        }
        match self.pull()? {
            (PLAIN | LZ4, block) => Ok(Some(block)),
            (END, _) if self.rest.is_empty() => {
                self.ended = true;
                Ok(None)
            }
            (END, _) => Err(damaged("bytes follow its end")),
            _ => Err(damaged("it has two headers")),
        }
    }

    fn pull(&mut self) -> Result<(u8, Cow<'a, [u8]>)> {
        let cut = || damaged("it is cut off");
        let (prefix, rest) = self.rest.split_at_checked(PREFIX_BYTES).ok_or_else(cut)?;
        let (crc, rest) = rest.split_first_chunk::<CRC_BYTES>().ok_or_else(cut)?;
        let number = |at: usize| prefix[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let (tag, block, length, stored) = (prefix[0], number(1), number(5) as usize, number(9) as usize);
        let (stored, rest) = rest.split_at_checked(stored).ok_or_else(cut)?;
        if crc32c::crc32c_append(crc32c::crc32c(prefix), stored) != u32::from_le_bytes(*crc) {
            return Err(damaged("a checksum does not fit"));
        }
        if block != self.blocks {
            return Err(damaged("its blocks are out of order"));
        }
        if length > BLOCK_BYTES_MAX || length > stored.len().saturating_mul(LZ4_RATIO_MAX) {
            return Err(damaged("a block is longer than can be"));
        }
        self.rest = rest;
        self.blocks += 1;
        let content = match tag {
            LZ4 => Cow::Owned(
                lz4_flex::block::decompress(stored, length)
                    .map_err(|error| damaged("a block cannot be decompressed").because(error))?,
            ),
            HEADER | PLAIN | END => Cow::Borrowed(stored),
            _ => return Err(damaged("it has a block of an unknown kind")),
        };
        if content.len() != length {
            return Err(damaged("a block has another length than it says"));
        }
        Ok((tag, content))
    }
}

fn damaged(why: &str) -> Error {
    Error::data(format!("a state file is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const MAGIC: Magic = b"wmtest\0\x01";

    fn file(blocks: &[&[u8]]) -> Vec<u8> {
        let mut writer = FrameWriter::new(MAGIC, b"{\"a\":1}").unwrap();
        for block in blocks {
            writer.block(block).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let (mut reader, header) = FrameReader::new(MAGIC, bytes)?;
        let mut blocks = vec![header.into_owned()];
        while let Some(block) = reader.next_block()? {
            blocks.push(block.into_owned());
        }
        Ok(blocks)
    }

    #[test]
    fn blocks_come_back() {
        let long = vec![7; 100_000];
        let bytes = file(&[b"short", &long, b""]);
        assert!(bytes.len() < 1000);
        assert_eq!(read(&bytes).unwrap(), [b"{\"a\":1}".to_vec(), b"short".to_vec(), long, vec![]]);
    }

    #[test]
    fn every_cut_and_every_flip_is_found() {
        let bytes = file(&[b"first block", &[9; 300], b"last"]);
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]).unwrap_err().kind(), ErrorKind::Data, "{length}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&flipped).unwrap_err().kind(), ErrorKind::Data, "{bit}");
        }
        assert!(read(&[&bytes[..], b"x"].concat()).is_err());
    }

    #[test]
    fn blocks_that_were_swapped_or_left_out_are_found() {
        let one = file(&[b"aa", b"bb"]);
        let block = PREFIX_BYTES + CRC_BYTES + 2;
        let start = one.len() - (PREFIX_BYTES + CRC_BYTES) - 2 * block;
        let (a, b, end) =
            (start..start + block, start + block..start + 2 * block, start + 2 * block..one.len());
        let swapped = [&one[..start], &one[b.clone()], &one[a.clone()], &one[end.clone()]].concat();
        let left_out = [&one[..start], &one[a], &one[end]].concat();
        assert!(read(&swapped).is_err() && read(&left_out).is_err());
    }
}
