//! Records of one partition of a batch until they are sent: in memory, and in a file without a name once they are
//! many. Sends nothing.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Cursor, Read, Seek, Write};

use uuid::Uuid;

use crate::error::{Error, Result};

/// What a partition keeps in memory.
const MEMORY_BYTES_MAX: usize = 1 << 20;

/// A record under way: key and value, each of which may be null.
pub type Record<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

#[derive(Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
}

impl Spool {
    pub fn push(&mut self, (key, value): Record<'_>) -> Result<()> {
        for part in [key, value] {
            // A length of nothing is null.
            let length = part.map_or(Ok(0), |part| u32::try_from(part.len() + 1));
            let length = length.map_err(|_| Error::user("a record is larger than Kafka can take"))?;
            self.memory.extend_from_slice(&length.to_le_bytes());
            self.memory.extend_from_slice(part.unwrap_or_default());
        }
        if self.memory.len() > MEMORY_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(nameless_file().map_err(failed)?)),
        };
        file.write_all(&self.memory).map_err(failed)?;
        self.memory.clear();
        Ok(())
    }

    pub fn finish(mut self) -> Result<Spooled> {
        if self.file.is_some() {
            self.spill()?;
        }
        let Some(file) = self.file else {
            let is_empty = self.memory.is_empty();
            return Ok(Spooled { is_empty, bytes: Box::new(Cursor::new(self.memory)) });
        };
        let mut file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok(Spooled { is_empty: false, bytes: Box::new(BufReader::new(file)) })
    }
}

/// Records in their order, to be read once.
pub struct Spooled {
    is_empty: bool,
    bytes: Box<dyn Read + Send>,
}

impl Spooled {
    pub fn for_each(mut self, mut each: impl FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        if self.is_empty {
            return Ok(());
        }
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while let Some(has_key) = self.part(&mut key)? {
            let has_value = self.part(&mut value)?;
            let has_value =
                has_value.ok_or_else(|| Error::internal("a spooled record ends in its middle"))?;
            each((has_key.then_some(&key[..]), has_value.then_some(&value[..])))?;
        }
        Ok(())
    }

    /// Reads a key or value in place of what is in `part`: whether it is one or null; nothing at the end.
    fn part(&mut self, part: &mut Vec<u8>) -> Result<Option<bool>> {
        part.clear();
        let mut length = [0; 4];
        let found = self.bytes.by_ref().take(4).read(&mut length[..1]).map_err(failed)?;
        if found == 0 {
            return Ok(None);
        }
        self.bytes.read_exact(&mut length[1..]).map_err(failed)?;
        let Some(length) = u32::from_le_bytes(length).checked_sub(1) else { return Ok(Some(false)) };
        part.resize(length as usize, 0);
        self.bytes.read_exact(part).map_err(failed)?;
        Ok(Some(true))
    }
}

/// A file that is gone when it is closed, also by a kill.
fn nameless_file() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("wasmill-spool-{}", Uuid::new_v4()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn failed(cause: std::io::Error) -> Error {
    Error::external("keep records in a temporary file until they are sent")
        .with("folder", std::env::temp_dir().display())
        .because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were_however_many_there_are() {
        for count in [0, 1, 1_000, 40_000] {
            let mut spool = Spool::default();
            let value = |number: usize| format!("value {number} {}", "x".repeat(number % 50));
            for number in 0..count {
                let (key, value) = (number.to_string(), value(number));
                let key = (number % 3 > 0).then_some(key.as_bytes());
                spool.push((key, (number % 7 > 0).then_some(value.as_bytes()))).unwrap();
            }
            assert_eq!(spool.file.is_some(), count == 40_000);
            let mut number = 0;
            let each = |(key, found): Record<'_>| {
                let wanted = number.to_string();
                assert_eq!(key, (number % 3 > 0).then_some(wanted.as_bytes()));
                assert_eq!(found, (number % 7 > 0).then_some(value(number).as_bytes()));
                number += 1;
                Ok(())
            };
            spool.finish().unwrap().for_each(each).unwrap();
            assert_eq!(number, count);
        }
    }

    #[test]
    fn an_empty_value_is_not_null() {
        let mut spool = Spool::default();
        spool.push((Some(b""), None)).unwrap();
        let mut seen = Vec::new();
        let each = |(key, value): Record<'_>| {
            seen.push((key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec)));
            Ok(())
        };
        spool.finish().unwrap().for_each(each).unwrap();
        assert_eq!(seen, [(Some(vec![]), None)]);
    }
}
