//! Lines of a stream of bytes, in bounded memory. Knows nothing of what a line holds.

use std::io::Read;
use std::ops::Range;

use memchr::{memchr2, memmem};

use super::stream::{self, io_error};
use super::{FilePart, RECORD_BYTES_MAX};
use crate::error::{Error, Result};
use crate::record::Options;

/// How much room is made for the next read.
const READ_BYTES: usize = 256 << 10;

/// Where a line ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Separator {
    /// At `\n`, `\r\n` or `\r`.
    Any,
    Exactly(Vec<u8>),
    /// The whole file is one line.
    Never,
}

impl Separator {
    /// From the option `lineSep`.
    pub fn of(options: &Options) -> Result<Separator> {
        match options.get("lineSep") {
            None => Ok(Separator::Any),
            Some("") => Err(options.bad_value("lineSep", "at least one character")),
            Some(text) => Ok(Separator::Exactly(text.as_bytes().to_vec())),
        }
    }
}

/// Reads one line after the other; a last line need not end.
pub struct Lines {
    stream: Box<dyn Read + Send>,
    separator: Separator,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that are read and not yet given out.
    filled: Range<usize>,
    at_end: bool,
    /// Bytes given out, from the start of the file.
    position: u64,
    /// Bytes of a byte order mark that were left out in front of the next line.
    mark: u64,
    /// Lines that start behind this are not given out.
    end: u64,
}

impl Lines {
    pub fn open(part: &FilePart, separator: Separator) -> Result<Lines> {
        let (start, end) = part.range.as_ref().map_or((0, u64::MAX), |range| (range.start, range.end));
        let stream = stream::open(part.file.clone(), &part.path, start)?;
        let mut lines = Lines {
            stream,
            separator,
            buffer: Vec::new(),
            filled: 0..0,
            at_end: false,
            position: start,
            mark: 0,
            end,
        };
        if start == 0 {
            lines.skip_mark()?;
        } else {
            lines.next()?;
        }
        Ok(lines)
    }

    /// A byte order mark at the start of a file is no part of its first line.
    fn skip_mark(&mut self) -> Result<()> {
        if self.separator == Separator::Never {
            return Ok(());
        }
        while self.filled.len() < 3 && self.fill()? {}
        if self.buffer[self.filled.clone()].starts_with(b"\xef\xbb\xbf") {
            self.filled.start += 3;
            self.mark = 3;
        }
        Ok(())
    }

    /// The next line, without what ended it.
    #[allow(clippy::should_implement_trait, reason = "the line is borrowed, as Iterator cannot say")]
    pub fn next(&mut self) -> Result<Option<&[u8]>> {
        if self.position > self.end {
            return Ok(None);
        }
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.filled.clone()];
            if let Some((length, separator)) = self.find_end(unread, searched) {
                return Ok(Some(self.take(length, separator)));
            }
            // An end that the buffer holds one half of is found from where it starts.
            let overlap = if let Separator::Exactly(bytes) = &self.separator { bytes.len() } else { 1 };
            searched = unread.len().saturating_sub(overlap);
            if unread.len() > RECORD_BYTES_MAX {
                return Err(Error::data("a line is too long").with("bytes_max", RECORD_BYTES_MAX));
            }
            if !self.fill()? {
                let length = self.filled.len();
                return Ok(if length == 0 { None } else { Some(self.take_last(length)) });
            }
        }
    }

    /// The length of the line and of what ends it; nothing if more bytes are needed.
    fn find_end(&self, unread: &[u8], from: usize) -> Option<(usize, usize)> {
        match &self.separator {
            Separator::Any => {
                let length = from + memchr2(b'\n', b'\r', &unread[from..])?;
                match (unread[length], unread.get(length + 1)) {
                    (b'\r', None) if !self.at_end => None,
                    (b'\r', Some(b'\n')) => Some((length, 2)),
                    _ => Some((length, 1)),
                }
            }
            Separator::Exactly(bytes) => {
                memmem::find(&unread[from..], bytes).map(|found| (from + found, bytes.len()))
            }
            Separator::Never => None,
        }
    }

    fn take_last(&mut self, length: usize) -> &[u8] {
        if self.separator == Separator::Any && self.buffer[self.filled.end - 1] == b'\r' {
            return self.take(length - 1, 1);
        }
        self.take(length, 0)
    }

    fn take(&mut self, length: usize, separator: usize) -> &[u8] {
        let start = self.filled.start;
        self.filled.start += length + separator;
        self.position += (length + separator) as u64 + std::mem::take(&mut self.mark);
        &self.buffer[start..start + length]
    }

    /// Reads more; false at the end of the stream.
    fn fill(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.buffer.len() < self.filled.end + READ_BYTES {
            // Twice as much each time, so that a long line is moved a few times only.
            self.buffer.resize((2 * self.buffer.len()).max(self.filled.end + READ_BYTES), 0);
        }
        let read = loop {
            match self.stream.read(&mut self.buffer[self.filled.end..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other.map_err(io_error)?,
            }
        };
        self.filled.end += read;
        self.at_end = read == 0;
        Ok(read > 0)
    }
}
