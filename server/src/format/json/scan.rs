//! The syntax of JSON as Spark's parser takes it: tokens of one text, with the lenient options. Builds
//! nothing.

use crate::error::Result;
use crate::record::Options;

/// Arrays and objects nested deeper than this are malformed.
const DEPTH_MAX: usize = 1000;

/// What is not JSON and may be read all the same.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    comments: bool,
    unquoted_names: bool,
    single_quotes: bool,
    leading_zeros: bool,
    pub non_numeric: bool,
    escape_any: bool,
    control_chars: bool,
}

impl Syntax {
    pub fn of(options: &Options) -> Result<Syntax> {
        let flag = |key, default| Ok(options.boolean(key)?.unwrap_or(default));
        Ok(Syntax {
            comments: flag("allowComments", false)?,
            unquoted_names: flag("allowUnquotedFieldNames", false)?,
            single_quotes: flag("allowSingleQuotes", true)?,
            leading_zeros: flag("allowNumericLeadingZeros", false)?,
            non_numeric: flag("allowNonNumericNumbers", true)?,
            escape_any: flag("allowBackslashEscapingAnyCharacter", false)?,
            control_chars: flag("allowUnquotedControlChars", false)?,
        })
    }
}

/// The text is not JSON.
#[derive(Debug)]
pub struct Malformed;

pub type Scan<T> = std::result::Result<T, Malformed>;

/// A value, or its start if it is an object or an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'t> {
    Null,
    True,
    False,
    Integer(&'t str),
    Float(&'t str),
    /// `NaN` and the spellings of infinity.
    NonNumber(&'t str),
    String(Quoted<'t>),
    Object,
    Array,
}

/// What stands between quotes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quoted<'t> {
    raw: &'t str,
    escaped: bool,
}

impl<'t> Quoted<'t> {
    /// The text, if nothing in it is escaped.
    pub fn plain(&self) -> Option<&'t str> {
        (!self.escaped).then_some(self.raw)
    }

    /// Appends the text. Half a surrogate pair becomes `?`, as in Spark.
    pub fn decode(&self, out: &mut Vec<u8>) {
        let mut rest = self.raw;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            let escape = &rest[at + 1..];
            let mut after = escape.chars();
            let plain = match after.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let (c, length) = decode_hex(escape);
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = &escape[length..];
                    continue;
                }
                Some(other) => other,
                None => break,
            };
            out.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after.as_str();
        }
        out.extend_from_slice(rest.as_bytes());
    }

    pub fn to_text(self) -> std::borrow::Cow<'t, str> {
        match self.plain() {
            Some(text) => text.into(),
            None => {
                let mut bytes = Vec::with_capacity(self.raw.len());
                self.decode(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned().into()
            }
        }
    }
}

/// The character of `u0041`, or of a pair `ud83d\ude00`, and the length of its text.
fn decode_hex(escape: &str) -> (char, usize) {
    let unit = |at: usize| escape.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(first) = unit(1) else { return ('?', 1) };
    if let Some(c) = char::from_u32(first) {
        return (c, 5);
    }
    let second =
        unit(7).filter(|second| escape.get(5..7) == Some("\\u") && (0xdc00..0xe000).contains(second));
    match second.filter(|_| first < 0xdc00) {
        Some(second) => {
            let c = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            (c.unwrap_or('?'), 11)
        }
        None => ('?', 5),
    }
}

/// Reads tokens one after the other.
pub struct Scanner<'t> {
    pub text: &'t str,
    bytes: &'t [u8],
    pub at: usize,
    pub syntax: Syntax,
}

impl<'t> Scanner<'t> {
    pub fn new(text: &'t str, syntax: Syntax) -> Scanner<'t> {
        Scanner { text, bytes: text.as_bytes(), at: 0, syntax }
    }

    /// The next byte that is not white space or comment.
    pub fn peek(&mut self) -> Scan<Option<u8>> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') if self.syntax.comments => self.comment()?,
                other => return Ok(other.copied()),
            }
        }
    }

    fn comment(&mut self) -> Scan<()> {
        let rest = &self.text[self.at..];
        let length = match self.bytes.get(self.at + 1) {
            Some(b'/') => rest.find('\n').unwrap_or(rest.len()),
            Some(b'*') => rest[2..].find("*/").ok_or(Malformed)? + 4,
            _ => return Err(Malformed),
        };
        self.at += length;
        Ok(())
    }

    /// The next value; of an object or array only its bracket is taken.
    pub fn token(&mut self) -> Scan<Token<'t>> {
        let first = self.peek()?.ok_or(Malformed)?;
        match first {
            b'{' => self.took(Token::Object),
            b'[' => self.took(Token::Array),
            b'"' => self.quoted(b'"').map(Token::String),
            b'\'' if self.syntax.single_quotes => self.quoted(b'\'').map(Token::String),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Token::True),
            b'f' => self.word("false", Token::False),
            b'n' => self.word("null", Token::Null),
            _ => self.non_number(),
        }
    }

    fn took(&mut self, token: Token<'t>) -> Scan<Token<'t>> {
        self.at += 1;
        Ok(token)
    }

    fn word(&mut self, word: &str, token: Token<'t>) -> Scan<Token<'t>> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(Malformed);
        }
        self.at += word.len();
        Ok(token)
    }

    fn non_number(&mut self) -> Scan<Token<'t>> {
        let words = ["NaN", "Infinity", "-Infinity", "+Infinity", "-INF", "+INF"];
        let rest = &self.text[self.at..];
        let found = words.into_iter().find(|word| rest.starts_with(word)).filter(|_| self.syntax.non_numeric);
        let length = found.ok_or(Malformed)?.len();
        self.at += length;
        Ok(Token::NonNumber(&rest[..length]))
    }

    fn digits(&mut self) -> usize {
        let count = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn eat(&mut self, accepted: &[u8]) -> bool {
        let found = self.bytes.get(self.at).is_some_and(|b| accepted.contains(b));
        self.at += usize::from(found);
        found
    }

    fn number(&mut self) -> Scan<Token<'t>> {
        let start = self.at;
        if self.eat(b"-") && self.bytes.get(self.at) == Some(&b'I') {
            self.at = start;
            return self.non_number();
        }
        let zero = self.bytes.get(self.at) == Some(&b'0');
        let digits = self.digits();
        if digits == 0 || (zero && digits > 1 && !self.syntax.leading_zeros) {
            return Err(Malformed);
        }
        let whole = self.at;
        if self.eat(b".") && self.digits() == 0 {
            return Err(Malformed);
        }
        if self.eat(b"eE") {
            self.eat(b"+-");
            if self.digits() == 0 {
                return Err(Malformed);
            }
        }
        let text = &self.text[start..self.at];
        Ok(if self.at == whole { Token::Integer(text) } else { Token::Float(text) })
    }

    fn quoted(&mut self, quote: u8) -> Scan<Quoted<'t>> {
        let start = self.at + 1;
        let (mut at, mut escaped) = (start, false);
        loop {
            match self.bytes.get(at) {
                None => return Err(Malformed),
                Some(b) if *b == quote => break,
                Some(b'\\') => {
                    escaped = true;
                    at += self.escape_length(at)?;
                }
                Some(0..=0x1f) if !self.syntax.control_chars => return Err(Malformed),
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        Ok(Quoted { raw: &self.text[start..at], escaped })
    }

    fn escape_length(&self, at: usize) -> Scan<usize> {
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => {
                let hex = self.bytes.get(at + 2..at + 6).ok_or(Malformed)?;
                if hex.iter().all(u8::is_ascii_hexdigit) { Ok(6) } else { Err(Malformed) }
            }
            // The byte after a backslash may start a longer character; the rest of it follows as it is.
            Some(_) if self.syntax.escape_any => Ok(2),
            _ => Err(Malformed),
        }
    }

    /// The next name in an object, its colon taken; nothing at the end of the object.
    pub fn next_name(&mut self, first: bool) -> Scan<Option<Quoted<'t>>> {
        if self.peek()? == Some(b'}') {
            self.at += 1;
            return Ok(None);
        }
        if !first {
            self.expect(b',')?;
        }
        let name = match self.peek()? {
            Some(b'"') => self.quoted(b'"')?,
            Some(b'\'') if self.syntax.single_quotes => self.quoted(b'\'')?,
            _ if self.syntax.unquoted_names => self.bare_name()?,
            _ => return Err(Malformed),
        };
        self.expect(b':')?;
        Ok(Some(name))
    }

    fn bare_name(&mut self) -> Scan<Quoted<'t>> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_$@#*-+".contains(c))).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Malformed);
        }
        self.at += end;
        Ok(Quoted { raw: &rest[..end], escaped: false })
    }

    /// True if another element of an array follows, false at its end, which is taken.
    pub fn next_element(&mut self, first: bool) -> Scan<bool> {
        if self.peek()? == Some(b']') {
            self.at += 1;
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(true)
    }

    fn expect(&mut self, byte: u8) -> Scan<()> {
        if self.peek()? != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over what is left of the value whose first token was taken.
    pub fn skip_rest(&mut self, token: Token) -> Scan<()> {
        self.skip_nested(token, 0)
    }

    fn skip_nested(&mut self, token: Token, depth: usize) -> Scan<()> {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        let mut first = true;
        match token {
            Token::Object => {
                while self.next_name(first)?.is_some() {
                    let value = self.token()?;
                    self.skip_nested(value, depth + 1)?;
                    first = false;
                }
            }
            Token::Array => {
                while self.next_element(first)? {
                    let value = self.token()?;
                    self.skip_nested(value, depth + 1)?;
                    first = false;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
