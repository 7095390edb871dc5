//! Lines of CSV into fields, by the rules of the parser that Spark uses: what follows a quote that is not
//! escaped decides whether the quotes count. Knows no types.

use memchr::{memchr, memchr3, memmem};

use crate::error::Result;
use crate::record::Options;

/// The characters that have a meaning.
#[derive(Clone, Debug)]
pub struct Marks {
    pub separator: String,
    /// Nothing: quotes are characters like others.
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    /// Escapes the escape in front of a quote.
    pub escape_escape: Option<u8>,
    pub comment: Option<u8>,
    pub trim_start: bool,
    pub trim_end: bool,
}

impl Marks {
    /// `trim` is the default of the options that leave white space out.
    pub fn of(options: &Options, trim: bool) -> Result<Marks> {
        let key = if options.contains("sep") { "sep" } else { "delimiter" };
        let separator = match options.get(key) {
            None => ",",
            Some("") => return Err(options.bad_value(key, "at least one character")),
            Some("\\t") => "\t",
            Some("\\\\") => "\\",
            Some(text) => text,
        };
        let quote = mark(options, "quote", Some(b'"'))?;
        let escape = mark(options, "escape", Some(b'\\'))?;
        let default = if escape == quote { None } else { escape };
        Ok(Marks {
            separator: separator.to_string(),
            quote,
            escape,
            escape_escape: mark(options, "charToEscapeQuoteEscaping", default)?,
            comment: mark(options, "comment", None)?,
            trim_start: options.boolean("ignoreLeadingWhiteSpace")?.unwrap_or(trim),
            trim_end: options.boolean("ignoreTrailingWhiteSpace")?.unwrap_or(trim),
        })
    }
}

fn mark(options: &Options, key: &str, default: Option<u8>) -> Result<Option<u8>> {
    match options.get(key).map(str::as_bytes) {
        None => Ok(default),
        Some([] | [0]) => Ok(None),
        Some([byte]) if byte.is_ascii() => Ok(Some(*byte)),
        Some(_) => Err(options.bad_value(key, "one ASCII character, or nothing to switch it off")),
    }
}

/// White space is whatever is not above the blank.
pub fn is_space(c: char) -> bool {
    c <= ' '
}

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'t> {
    /// Nothing between two separators.
    Missing,
    /// Nothing between two quotes.
    Empty,
    Text(&'t str),
}

/// Takes records apart, line by line; a quoted field may go on in the next line.
#[derive(Debug)]
pub struct Splitter {
    marks: Marks,
    /// The text of all fields of the record.
    text: String,
    /// For each field where its text ends, and whether it was quoted.
    ends: Vec<(usize, bool)>,
    open: bool,
}

impl Splitter {
    pub fn new(marks: Marks) -> Splitter {
        Splitter { marks, text: String::new(), ends: Vec::new(), open: false }
    }

    /// Reads a line; the first of a record, or the next one of an open record. False if a quoted field is
    /// open at its end.
    pub fn split(&mut self, line: &str) -> bool {
        let mut next = if std::mem::take(&mut self.open) {
            self.text.push('\n');
            self.quoted(line, 0)
        } else {
            self.text.clear();
            self.ends.clear();
            self.field(line, 0)
        };
        while let Some(at) = next {
            if !line[at..].starts_with(&self.marks.separator) {
                return true;
            }
            next = self.field(line, at + self.marks.separator.len());
        }
        self.open = true;
        false
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The bytes of a record that may go on.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Ends the field that is open, as the file or the line ends.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.end_field(true);
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, index: usize) -> Option<Field<'_>> {
        let (end, quoted) = *self.ends.get(index)?;
        Some(match (&self.text[self.start(index)..end], quoted) {
            ("", true) => Field::Empty,
            ("", false) => Field::Missing,
            (text, _) => Field::Text(text),
        })
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before].0)
    }

    fn end_field(&mut self, quoted: bool) {
        self.ends.push((self.text.len(), quoted));
    }

    /// Where the next separator is, or the line ends.
    fn separator_from(&self, line: &str, at: usize) -> usize {
        let rest = &line.as_bytes()[at..];
        let found = match self.marks.separator.as_bytes() {
            [byte] => memchr(*byte, rest),
            bytes => memmem::find(rest, bytes),
        };
        found.map_or(line.len(), |length| at + length)
    }

    /// Reads the field that starts at `at`: where it ends, or nothing if it is open at the end of the line.
    fn field(&mut self, line: &str, mut at: usize) -> Option<usize> {
        let bytes = line.as_bytes();
        if self.marks.trim_start {
            while bytes.get(at).is_some_and(|b| *b <= b' ') && !line[at..].starts_with(&self.marks.separator)
            {
                at += 1;
            }
        }
        if self.marks.quote.is_some() && bytes.get(at).copied() == self.marks.quote {
            return self.quoted(line, at + 1);
        }
        let end = self.separator_from(line, at);
        self.push_raw(&line[at..end]);
        self.end_field(false);
        Some(end)
    }

    fn push_raw(&mut self, text: &str) {
        self.text.push_str(if self.marks.trim_end { text.trim_end_matches(is_space) } else { text });
    }

    fn push_byte(&mut self, byte: Option<u8>) {
        self.text.extend(byte.map(char::from));
    }

    /// Reads on inside of quotes.
    fn quoted(&mut self, line: &str, mut at: usize) -> Option<usize> {
        let bytes = line.as_bytes();
        let (quote, escape) = (self.marks.quote, self.marks.escape);
        let mut before: Option<u8> = None;
        while let Some(byte) = bytes.get(at).copied() {
            let closed = before.is_some() && before == quote;
            if closed && (byte <= b' ' || line[at..].starts_with(&self.marks.separator)) {
                return Some(self.after_quote(line, at));
            }
            if Some(byte) != quote && Some(byte) != escape {
                if closed {
                    return Some(self.unescaped(line, at));
                }
                if before.is_some() && before == escape {
                    self.push_byte(escape);
                }
                let stop = self.special_from(bytes, at);
                self.text.push_str(&line[at..stop]);
                before = bytes.get(stop).copied();
                at = stop + 1;
                continue;
            }
            before = self.quote_or_escape(byte, before);
            at += 1;
        }
        if before.is_some() && before == quote {
            self.end_field(true);
            return Some(line.len());
        }
        if before.is_some() && before == escape {
            self.push_byte(escape);
        }
        None
    }

    fn special_from(&self, bytes: &[u8], at: usize) -> usize {
        let quote = self.marks.quote.unwrap_or_default();
        let escape = self.marks.escape.unwrap_or(quote);
        let other = self.marks.escape_escape.unwrap_or(quote);
        memchr3(quote, escape, other, &bytes[at..]).map_or(bytes.len(), |length| at + length)
    }

    /// A quote or an escape inside of quotes; what the next byte is to see in front of it.
    fn quote_or_escape(&mut self, byte: u8, before: Option<u8>) -> Option<u8> {
        let marks = &self.marks;
        let (quote, escape) = (marks.quote, marks.escape);
        if before.is_none() {
            return Some(byte);
        }
        if Some(byte) == escape && before == marks.escape_escape {
            self.push_byte(escape);
            return None;
        }
        if before == escape {
            if Some(byte) == quote {
                self.push_byte(quote);
                return None;
            }
            self.push_byte(escape);
        } else if before == quote {
            self.push_byte(quote);
        }
        Some(byte)
    }

    /// Behind a closing quote comes white space or a separator.
    fn after_quote(&mut self, line: &str, at: usize) -> usize {
        let end = self.separator_from(line, at);
        if line[at..end].chars().all(is_space) {
            self.end_field(true);
            return end;
        }
        self.unescaped(line, at)
    }

    /// A quote in the middle was not the closing one: the quotes belong to the text, which goes on to the
    /// separator.
    fn unescaped(&mut self, line: &str, at: usize) -> usize {
        let start = self.start(self.ends.len());
        let quote = self.marks.quote.map_or('"', char::from);
        self.text.insert(start, quote);
        self.text.push(quote);
        let end = self.separator_from(line, at);
        self.push_raw(&line[at..end]);
        self.end_field(true);
        end
    }
}
