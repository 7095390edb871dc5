//! Bytes in arbitrary pieces into lines of text, as Java's readLine does: `\n`, `\r` and `\r\n` end a line,
//! bytes that are not UTF-8 become U+FFFD. Does no I/O.

/// A longer line ends the reading: its sender does not send lines.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;

#[derive(Default)]
pub(super) struct LineSplitter {
    /// The start of a line whose end has not come.
    begun: Vec<u8>,
    /// The last byte was `\r`: a `\n` that follows belongs to it.
    after_return: bool,
}

impl LineSplitter {
    /// The lines that `bytes` complete; a text that says why it cannot go on.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        if self.after_return && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            self.after_return = false;
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) {
            lines.push(self.line(&bytes[..end]));
            let (ended_by, rest) = (bytes[end], &bytes[end + 1..]);
            self.after_return = ended_by == b'\r' && rest.is_empty();
            bytes = if ended_by == b'\r' { rest.strip_prefix(b"\n").unwrap_or(rest) } else { rest };
        }
        self.begun.extend_from_slice(bytes);
        if self.begun.len() > LINE_BYTES_MAX {
            return Err(format!("a line is longer than {LINE_BYTES_MAX} bytes"));
        }
        Ok(lines)
    }

    /// The last line, if it has no end.
    pub fn finish(&mut self) -> Result<Vec<String>, String> {
        if self.begun.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![self.line(&[])])
    }

    fn line(&mut self, rest: &[u8]) -> String {
        if self.begun.is_empty() {
            return String::from_utf8_lossy(rest).into_owned();
        }
        self.begun.extend_from_slice(rest);
        let line = String::from_utf8_lossy(&self.begun).into_owned();
        self.begun.clear();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let cases: [(&[&[u8]], &[&str]); 7] = [
            (&[b"a\nb\n"], &["a", "b"]),
            (&[b"a", b"b\nc"], &["ab", "c"]),
            (&[b"a\r\nb\rc\n\n"], &["a", "b", "c", ""]),
            (&[b"a\r", b"\nb\r", b"c"], &["a", "b", "c"]),
            (&[b"a\r", b"", b"\n"], &["a"]),
            (&[b"\xc3", b"\xa4\xff\n"], &["\u{e4}\u{fffd}"]),
            (&[], &[]),
        ];
        for (pieces, expected) in cases {
            let mut splitter = LineSplitter::default();
            let mut lines: Vec<String> = Vec::new();
            for piece in pieces {
                lines.extend(splitter.push(piece).unwrap());
            }
            lines.extend(splitter.finish().unwrap());
            assert_eq!(lines, expected, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut splitter = LineSplitter::default();
        assert!(splitter.push(&vec![b'x'; LINE_BYTES_MAX]).is_ok());
        assert!(splitter.push(b"x").unwrap_err().contains("longer than"));
    }
}
