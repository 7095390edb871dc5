//! A guest's memory as bytes that may be anything: reads and writes with every bound checked. Knows no columns.

use crate::error::{Error, Result};

/// Sizes of the structs as a 32-bit C compiler lays them out.
pub const SCHEMA_BYTES: u32 = 48;
pub const ARRAY_BYTES: u32 = 64;
pub const RESULT_BYTES: u32 = 32;

/// Every buffer starts at a multiple of this, and a kernel of the guest may read up to there.
pub const BUFFER_ALIGN: usize = 64;

/// An error about what a guest handed back.
pub fn refuse(why: impl Into<String>) -> Error {
    Error::user("the module handed back something that cannot be used").with("why", why.into())
}

/// The memory of a guest, to read from.
#[derive(Clone, Copy)]
pub struct Memory<'a>(pub &'a [u8]);

impl<'a> Memory<'a> {
    /// `count` bytes at `at`.
    pub fn bytes(self, at: u32, count: usize) -> Result<&'a [u8]> {
        let end = (at as usize).checked_add(count);
        end.and_then(|end| self.0.get(at as usize..end)).ok_or_else(|| {
            refuse("a pointer leaves the memory")
                .with("at", at)
                .with("bytes", count)
                .with("memory", self.0.len())
        })
    }

    fn array<const N: usize>(self, at: u32) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.bytes(at, N)?);
        Ok(bytes)
    }

    pub fn u32(self, at: u32) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(at)?))
    }

    pub fn i64(self, at: u32) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array(at)?))
    }

    /// Item `index` of an array of pointers.
    pub fn pointer(self, list: u32, index: usize) -> Result<u32> {
        let step = u32::try_from(index).ok().and_then(|index| index.checked_mul(4));
        let at = step.and_then(|step| list.checked_add(step));
        self.u32(at.ok_or_else(|| refuse("a pointer leaves the memory").with("at", list))?)
    }

    /// The text at `at`, ended by a zero, of at most `max` bytes.
    pub fn c_text(self, at: u32, max: usize) -> Result<&'a [u8]> {
        let room = self.0.get(at as usize..).unwrap_or_default();
        let room = &room[..room.len().min(max + 1)];
        match memchr::memchr(0, room) {
            Some(end) if at != 0 => Ok(&room[..end]),
            _ => Err(refuse("a text does not end").with("at", at).with("bytes_max", max)),
        }
    }
}

/// Shows text of a guest to a person: cut, and without characters that a terminal would obey.
pub fn printable(text: &[u8], bytes_max: usize) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(bytes_max)]);
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// A part of a guest's memory that is being written: a block that the guest's arena handed out.
pub struct Block<'a> {
    bytes: &'a mut [u8],
    base: u32,
}

impl<'a> Block<'a> {
    /// The `count` bytes at `base`, which the guest said are free.
    pub fn new(memory: &'a mut [u8], base: u32, count: usize) -> Result<Block<'a>> {
        let size = memory.len();
        if base == 0 {
            return Err(refuse("the arena has no more memory").with("bytes", count).with("memory", size));
        }
        if !(base as usize).is_multiple_of(BUFFER_ALIGN) {
            return Err(refuse("the arena's memory is not aligned").with("at", base));
        }
        let end = (base as usize).checked_add(count);
        match end.and_then(|end| memory.get_mut(base as usize..end)) {
            Some(bytes) => Ok(Block { bytes, base }),
            None => Err(refuse("the arena handed out memory that is not there")
                .with("at", base)
                .with("bytes", count)
                .with("memory", size)),
        }
    }

    /// The address of the byte at `at` of this block.
    pub fn address(&self, at: usize) -> u32 {
        // The block lies inside a memory of 32-bit addresses.
        self.base + at as u32
    }

    /// Where `count` bytes at `at` of this block go.
    pub fn part(&mut self, at: usize, count: usize) -> Result<&mut [u8]> {
        let end = at.checked_add(count);
        end.and_then(|end| self.bytes.get_mut(at..end)).ok_or_else(|| {
            Error::internal("a batch is larger than was planned").with("at", at).with("bytes", count)
        })
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        self.part(at, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    pub fn put_u32(&mut self, at: usize, value: u32) -> Result<()> {
        self.put(at, &value.to_le_bytes())
    }

    pub fn put_i64(&mut self, at: usize, value: i64) -> Result<()> {
        self.put(at, &value.to_le_bytes())
    }
}
