//! Reads JSON into a tree, as leniently as Spark's default options: single quotes are allowed, what stands behind
//! the first value is not looked at.

/// Nesting deeper than this is refused.
const DEPTH_MAX: usize = 1000;

#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Flag(bool),
    /// A number as it was written.
    Number(&'a str),
    /// `NaN`, `Infinity` and the like, outside quotes.
    NotANumber(&'a str),
    Text(String),
    List(Vec<Value<'a>>),
    Object(Vec<(String, Value<'a>)>),
}

/// What a reader allows beyond its defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    pub single_quotes: bool,
    pub unquoted_names: bool,
    pub leading_zeros: bool,
    pub not_a_number: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { single_quotes: true, unquoted_names: false, leading_zeros: false, not_a_number: true }
    }
}

/// A text that is not JSON.
#[derive(Debug, PartialEq)]
pub struct Malformed;

/// The first value of the text; none if there is no value at all.
pub fn read<'a>(text: &'a str, rules: Rules) -> Result<Option<Value<'a>>, Malformed> {
    let mut reader = Reader { text, at: 0, depth: 0, rules };
    reader.skip_space();
    if reader.at == text.len() {
        return Ok(None);
    }
    reader.value().map(Some)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    rules: Rules,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Value<'a>, Malformed> {
        self.skip_space();
        match self.peek().ok_or(Malformed)? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::list),
            quote @ (b'"' | b'\'') => self.quoted(quote).map(Value::Text),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, Malformed>,
    ) -> Result<Value<'a>, Malformed> {
        if self.depth == DEPTH_MAX {
            return Err(Malformed);
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value<'a>, Malformed> {
        let mut fields = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            let name = match self.peek().ok_or(Malformed)? {
                quote @ (b'"' | b'\'') => self.quoted(quote)?,
                _ if self.rules.unquoted_names => self.bare_name()?,
                _ => return Err(Malformed),
            };
            if !self.eat(b':') {
                return Err(Malformed);
            }
            fields.push((name, self.value()?));
            if self.eat(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.eat(b',') {
                return Err(Malformed);
            }
        }
    }

    fn bare_name(&mut self) -> Result<String, Malformed> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && !"_$".contains(c)).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Malformed);
        }
        self.at += end;
        Ok(rest[..end].to_string())
    }

    fn list(&mut self) -> Result<Value<'a>, Malformed> {
        let mut elements = Vec::new();
        if self.eat(b']') {
            return Ok(Value::List(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.eat(b']') {
                return Ok(Value::List(elements));
            }
            if !self.eat(b',') {
                return Err(Malformed);
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<String, Malformed> {
        if quote == b'\'' && !self.rules.single_quotes {
            return Err(Malformed);
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let stop = rest.bytes().position(|b| b == quote || b == b'\\' || b < b' ').ok_or(Malformed)?;
            text.push_str(&rest[..stop]);
            self.at += stop + 1;
            match rest.as_bytes()[stop] {
                b'\\' => text.push(self.escaped()?),
                b if b == quote => return Ok(text),
                // A control character within a string.
                _ => return Err(Malformed),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Malformed> {
        let c = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'\'' if self.rules.single_quotes => '\'',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return Ok(char::from_u32(first).unwrap_or('?'));
                }
                if !self.text[self.at..].starts_with("\\u") {
                    return Ok('?');
                }
                self.at += 2;
                let second = self.unit()?;
                let point = 0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
                char::from_u32(point).filter(|_| (0xdc00..0xe000).contains(&second)).unwrap_or('?')
            }
            _ => return Err(Malformed),
        })
    }

    fn unit(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Malformed)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Malformed)
    }

    fn number(&mut self) -> Result<Value<'a>, Malformed> {
        let rest = &self.text[self.at..];
        if let Some(found) = ["-Infinity", "-INF"].iter().find(|word| rest.starts_with(**word)) {
            return self.not_a_number(found.len());
        }
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let sign = usize::from(bytes[0] == b'-');
        let whole = digits(sign);
        let mut end = sign + whole;
        if whole == 0 || whole > 1 && bytes[sign] == b'0' && !self.rules.leading_zeros {
            return Err(Malformed);
        }
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == 0 {
                return Err(Malformed);
            }
            end += 1 + fraction;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
            if exponent == 0 {
                return Err(Malformed);
            }
            end += 1 + sign + exponent;
        }
        self.at += end;
        self.ends(&rest[..end]).map(Value::Number)
    }

    /// A word or number at the top ends with the text, a blank or a sign of structure.
    fn ends(&self, word: &'a str) -> Result<&'a str, Malformed> {
        match self.peek() {
            None | Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b'}' | b']' | b':') => Ok(word),
            Some(_) => Err(Malformed),
        }
    }

    fn not_a_number(&mut self, length: usize) -> Result<Value<'a>, Malformed> {
        let word = &self.text[self.at..self.at + length];
        self.at += length;
        if !self.rules.not_a_number {
            return Err(Malformed);
        }
        self.ends(word).map(Value::NotANumber)
    }

    fn word(&mut self) -> Result<Value<'a>, Malformed> {
        let rest = &self.text[self.at..];
        if let Some(found) =
            ["NaN", "+Infinity", "Infinity", "+INF", "INF"].iter().find(|w| rest.starts_with(**w))
        {
            return self.not_a_number(found.len());
        }
        for (word, value) in
            [("true", Value::Flag(true)), ("false", Value::Flag(false)), ("null", Value::Null)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                self.ends(word)?;
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

impl<'a> Value<'a> {
    /// Whether a number is written without a point and an exponent.
    pub fn integer(&self) -> Option<&'a str> {
        match self {
            Value::Number(text) if !text.contains(['.', 'e', 'E']) => Some(text),
            _ => None,
        }
    }

    /// The value of the last field of that name.
    pub fn last(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(fields) => fields.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jackson_reads_what_it_reads() {
        let ok = |text| read(text, Rules::default());
        assert_eq!(ok("  "), Ok(None));
        assert_eq!(
            ok("{'a': -1.5e3} rest"),
            Ok(Some(Value::Object(vec![("a".into(), Value::Number("-1.5e3"))])))
        );
        assert_eq!(ok(r#""\ud83d\ude00\n""#), Ok(Some(Value::Text("😀\n".into()))));
        for text in ["{\"a\":1", "01", "[1,]", "{a:1}", "x", "\"a", "1.", "-", "[1 2]", "nullx"] {
            assert_eq!(ok(text), Err(Malformed), "{text}");
        }
    }
}
