//! A member of a JSON object, picked out of its text without reading the rest of it as values. Checks no more of the
//! text than it goes through.

use std::borrow::Cow;

use crate::bytes::find_either;

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object or an array, as it is written.
    Nested(&'a str),
}

impl Value<'_> {
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number without a fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(number) => crate::parse::int(number.as_bytes()),
            _ => None,
        }
    }

    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => number.parse().ok(),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(is) => Some(*is),
            _ => None,
        }
    }
}

/// The member that a path of names leads to: `pick(text, &["user", "id"])`. None if it is not there, or if the text is no
/// JSON up to there. Of several members of a name the first counts.
pub fn pick<'a>(text: &'a str, path: &[&str]) -> Option<Value<'a>> {
    let mut cursor = Cursor { text, at: 0 };
    for name in path {
        cursor.enter(name)?;
    }
    let value = cursor.value();
    // Inside of an object something must follow, else the value may have been cut.
    value.filter(|_| path.is_empty() || cursor.byte().is_some())
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` and the space around it.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.byte()? == byte).then(|| self.at += 1)?;
        self.skip_space();
        Some(())
    }

    /// Steps to the value of a member of the object that comes.
    fn enter(&mut self, name: &str) -> Option<()> {
        self.expect(b'{')?;
        if self.byte() == Some(b'}') {
            return None;
        }
        loop {
            let found = self.string()?;
            self.expect(b':')?;
            if found.is(name) {
                return Some(());
            }
            self.skip_value()?;
            self.expect(b',')?;
        }
    }

    /// The text between quotes.
    fn string(&mut self) -> Option<Quoted<'a>> {
        if self.byte()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let (mut at, mut has_escapes) = (start, false);
        loop {
            at += find_either(&self.text.as_bytes()[at..], b'"', b'\\')?;
            match self.text.as_bytes()[at] {
                b'"' => break,
                // What is escaped is one byte at least; more of it is no quote.
                _ => (at, has_escapes) = (at + 2, true),
            }
            if at > self.text.len() {
                return None;
            }
        }
        self.at = at + 1;
        Some(Quoted { text: self.text.get(start..at)?, has_escapes })
    }

    fn skip_value(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.skip_nested(),
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                let length = rest.iter().position(ends).unwrap_or(rest.len());
                self.at += length;
                (length > 0).then_some(())
            }
        }
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.byte()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn value(&mut self) -> Option<Value<'a>> {
        self.skip_space();
        let start = self.at;
        if self.byte()? == b'"' {
            return self.string()?.unescaped().map(Value::Text);
        }
        self.skip_value()?;
        let text = self.text.get(start..self.at)?;
        match text {
            "null" => Some(Value::Null),
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ if text.starts_with(['{', '[']) => Some(Value::Nested(text)),
            _ => is_number(text.as_bytes()).then_some(Value::Number(text)),
        }
    }
}

/// A text as it stands between quotes.
struct Quoted<'a> {
    text: &'a str,
    has_escapes: bool,
}

impl<'a> Quoted<'a> {
    fn is(&self, text: &str) -> bool {
        match self.has_escapes {
            false => self.text == text,
            true => unescaped(self.text).is_some_and(|found| found == text),
        }
    }

    fn unescaped(&self) -> Option<Cow<'a, str>> {
        match self.has_escapes {
            false => Some(Cow::Borrowed(self.text)),
            true => unescaped(self.text).map(Cow::Owned),
        }
    }
}

/// `-1.5e3`: digits, with a fraction and an exponent if there are.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then(|| &text[count..])
    }
    let Some(mut rest) = digits(text.strip_prefix(b"-").unwrap_or(text)) else { return false };
    if let [b'.', fraction @ ..] = rest {
        let Some(behind) = digits(fraction) else { return false };
        rest = behind;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let Some(behind) = digits(exponent) else { return false };
        rest = behind;
    }
    rest.is_empty()
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        plain.push_str(&rest[..place]);
        let escape = *rest.as_bytes().get(place + 1)?;
        let mut length = 2;
        plain.push(match escape {
            b'"' | b'\\' | b'/' => escape as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (letter, bytes) = unicode(&rest[place..])?;
                length = bytes;
                letter
            }
            _ => return None,
        });
        rest = rest.get(place + length..)?;
    }
    plain.push_str(rest);
    Some(plain)
}

/// The character of `\u0041`, or of two of them that are a surrogate pair, and how long they are.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| -> Option<u32> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(0)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    let second = unit(6).filter(|second| (0xdc00..0xe000).contains(second))?;
    Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#" { "id" : -17, "user": {"name": "Größe \"A\"\n\u00e9\ud83d\ude00", "tags": ["}", "\\"], "ok": true},
        "x": 1.5e3, "n": null, "long": "a text that is longer than sixteen bytes, with a \\ in it", "a\u0062": [1, {"b": 2}],
        "id": 2, "empty": {} }"#;

    #[test]
    fn picks_members_of_any_type() {
        let text = |text: &'static str| Some(Value::Text(text.into()));
        for (path, expected) in [
            (&["id"][..], Some(Value::Number("-17"))),
            (&["user", "name"], text("Größe \"A\"\né😀")),
            (&["user", "tags"], Some(Value::Nested(r#"["}", "\\"]"#))),
            (&["user", "ok"], Some(Value::Bool(true))),
            (&["x"], Some(Value::Number("1.5e3"))),
            (&["n"], Some(Value::Null)),
            (&["long"], text("a text that is longer than sixteen bytes, with a \\ in it")),
            (&["ab"], Some(Value::Nested(r#"[1, {"b": 2}]"#))),
            (&["none"], None),
            (&["id", "x"], None),
            (&["empty", "x"], None),
            (&["empty"], Some(Value::Nested("{}"))),
        ] {
            assert_eq!(pick(EVENT, path), expected, "{path:?}");
        }
        assert_eq!(pick(EVENT, &["id"]).and_then(|value| value.as_i64()), Some(-17));
        assert_eq!(pick(EVENT, &["x"]).and_then(|value| value.as_f64()), Some(1_500.0));
        assert_eq!(pick("[1]", &[]), Some(Value::Nested("[1]")));
    }

    #[test]
    fn what_is_cut_or_wrong_gives_nothing_and_never_panics() {
        for text in [
            "",
            "{",
            "{}",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":}",
            "{\"a\": tru}",
            "{\"a\": \"\\ud800\"}",
            "{\"a\": \"\\x\"}",
            "{\"a\": inf}",
            "{\"a\":\"\\",
            "{\"b\":\"\\\"",
            "a",
            "{\"a\": 1",
        ] {
            assert_eq!(pick(text, &["a"]), None, "{text}");
        }
        for end in 0..EVENT.len() {
            if let Some(cut) = EVENT.get(..end) {
                for path in [&["user", "name"][..], &["ab"], &["empty"], &["none"]] {
                    let whole = pick(EVENT, path);
                    assert!(pick(cut, path).is_none_or(|found| Some(found) == whole), "{cut}");
                }
            }
        }
    }
}
