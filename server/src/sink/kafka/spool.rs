//! Records of the partitions of a batch until they are sent: a little of each in memory, the rest in one file without
//! a name. Sends nothing.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::error::{Error, Result};

/// What a partition keeps in memory; there may be thousands of them.
const MEMORY_BYTES_MAX: usize = 64 << 10;

/// A record under way: key and value, each of which may be null.
pub type Record<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Where partitions keep what is too much for their memory: a file that is gone when it is closed, also by a kill.
#[derive(Default)]
pub struct SpoolFile {
    file: OnceLock<File>,
    /// Bytes that partitions have taken for themselves.
    taken: AtomicU64,
}

impl SpoolFile {
    fn file(&self) -> Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let path = std::env::temp_dir().join(format!("wasmill-spool-{}", Uuid::new_v4()));
        let made = File::options().read(true).write(true).create_new(true).open(&path);
        let file = made.and_then(|file| fs::remove_file(&path).map(|()| file)).map_err(failed)?;
        // Of two threads that made one, the first's is taken.
        Ok(self.file.get_or_init(|| file))
    }

    fn write(&self, bytes: &[u8]) -> Result<Segment> {
        let file = self.file()?;
        let start = self.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        file.write_all_at(bytes, start).map_err(failed)?;
        Ok(Segment { start, bytes: bytes.len() })
    }

    /// Forgets everything: nobody has records in it any more.
    pub fn clear(&self) -> Result<()> {
        match self.file.get() {
            Some(file) => file.set_len(0).map_err(failed)?,
            None => return Ok(()),
        }
        self.taken.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// Whole records in the file.
struct Segment {
    start: u64,
    bytes: usize,
}

/// Takes the records of one partition.
pub struct Spool {
    file: Arc<SpoolFile>,
    segments: Vec<Segment>,
    /// The records behind the segments.
    memory: Vec<u8>,
}

impl Spool {
    pub fn new(file: Arc<SpoolFile>) -> Spool {
        Spool { file, segments: Vec::new(), memory: Vec::new() }
    }

    pub fn push(&mut self, (key, value): Record<'_>) -> Result<()> {
        for part in [key, value] {
            // A length of nothing is null.
            let length = part.map_or(Ok(0), |part| u32::try_from(part.len() + 1));
            let length = length.map_err(|_| Error::user("a record is larger than Kafka can take"))?;
            self.memory.extend_from_slice(&length.to_le_bytes());
            self.memory.extend_from_slice(part.unwrap_or_default());
        }
        if self.memory.len() > MEMORY_BYTES_MAX {
            self.segments.push(self.file.write(&self.memory)?);
            self.memory.clear();
        }
        Ok(())
    }

    /// Gives every record to `each`, in order.
    pub fn for_each(&self, mut each: impl FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        let mut bytes = Vec::new();
        for segment in &self.segments {
            bytes.resize(segment.bytes, 0);
            self.file.file()?.read_exact_at(&mut bytes, segment.start).map_err(failed)?;
            each_record(&bytes, &mut each)?;
        }
        each_record(&self.memory, &mut each)
    }
}

fn each_record(mut bytes: &[u8], each: &mut impl FnMut(Record<'_>) -> Result<()>) -> Result<()> {
    while !bytes.is_empty() {
        let (key, value) = (part(&mut bytes)?, part(&mut bytes)?);
        each((key, value))?;
    }
    Ok(())
}

/// Takes a key or value off the front.
fn part<'b>(bytes: &mut &'b [u8]) -> Result<Option<&'b [u8]>> {
    let cut = || Error::internal("a spooled record ends in its middle");
    let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    *bytes = rest;
    let Some(length) = u32::from_le_bytes(*length).checked_sub(1) else { return Ok(None) };
    let (part, rest) = rest.split_at_checked(length as usize).ok_or_else(cut)?;
    *bytes = rest;
    Ok(Some(part))
}

fn failed(cause: std::io::Error) -> Error {
    Error::external("keep records in a temporary file until they are sent")
        .with("folder", std::env::temp_dir().display())
        .because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(number: usize) -> String {
        format!("value {number} {}", "x".repeat(number % 50))
    }

    fn push(spool: &mut Spool, number: usize) {
        let (key, value) = (number.to_string(), value(number));
        let key = (!number.is_multiple_of(3)).then_some(key.as_bytes());
        spool.push((key, (!number.is_multiple_of(7)).then_some(value.as_bytes()))).unwrap();
    }

    #[test]
    fn records_come_back_as_they_were_however_many_there_are() {
        let file = Arc::new(SpoolFile::default());
        for count in [0, 1, 1_000, 40_000, 40_001] {
            // Two partitions grow side by side.
            let mut spools = [Spool::new(file.clone()), Spool::new(file.clone())];
            (0..count).for_each(|number| push(&mut spools[number % 2], number));
            assert_eq!(file.file.get().is_some(), count >= 40_000);
            for (at, spool) in spools.iter().enumerate() {
                let mut number = at;
                let each = |(key, found): Record<'_>| {
                    let wanted = number.to_string();
                    assert_eq!(key, (!number.is_multiple_of(3)).then_some(wanted.as_bytes()));
                    assert_eq!(found, (!number.is_multiple_of(7)).then_some(value(number).as_bytes()));
                    number += 2;
                    Ok(())
                };
                spool.for_each(each).unwrap();
                assert_eq!(number / 2, (count + 1 - at) / 2);
            }
            file.clear().unwrap();
        }
    }

    #[test]
    fn an_empty_value_is_not_null() {
        let mut spool = Spool::new(Arc::default());
        spool.push((Some(b""), None)).unwrap();
        let mut seen = Vec::new();
        let each = |(key, value): Record<'_>| {
            seen.push((key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec)));
            Ok(())
        };
        spool.for_each(each).unwrap();
        assert_eq!(seen, [(Some(vec![]), None)]);
    }
}
