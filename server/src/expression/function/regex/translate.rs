//! Rewrites a regular expression of Java for the `regex` crate.

use super::class;

/// Why a pattern is not run.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// Java refuses it too.
    Invalid,
    /// Java runs it, the `regex` crate cannot.
    Unsupported(&'static str),
}

use Refusal::{Invalid, Unsupported};

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    dot_all: bool,
    multiline: bool,
    comments: bool,
}

/// The rewritten pattern.
pub struct Translated {
    pub pattern: String,
    /// Whether it asks for the end of the text, which in Java is also before a last line terminator.
    pub ends: bool,
}

struct Translator<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    flags: Flags,
    ends: bool,
    /// Flags to come back to at the end of each open group.
    groups: Vec<Flags>,
    /// Whether a quantifier may follow.
    atom: bool,
}

type Done = Result<(), Refusal>;

pub fn translate(pattern: &str) -> Result<Translated, Refusal> {
    let mut translator = Translator {
        chars: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() * 2),
        flags: Flags::default(),
        ends: false,
        groups: Vec::new(),
        atom: false,
    };
    while let Some(c) = translator.chars.next() {
        translator.element(c)?;
    }
    if !translator.groups.is_empty() {
        return Err(Invalid);
    }
    Ok(Translated { pattern: translator.out, ends: translator.ends })
}

impl Translator<'_> {
    fn eat(&mut self, wanted: char) -> bool {
        self.chars.next_if_eq(&wanted).is_some()
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = true;
    }

    fn element(&mut self, c: char) -> Done {
        match c {
            '\\' => self.escape(),
            '[' => {
                let class = self.class()?;
                self.put(&class);
                Ok(())
            }
            '(' => self.open_group(),
            ')' => {
                self.flags = self.groups.pop().ok_or(Invalid)?;
                self.put(")");
                Ok(())
            }
            '|' => {
                self.out.push('|');
                self.atom = false;
                Ok(())
            }
            '.' => {
                self.put(if self.flags.dot_all { "(?s:.)" } else { class::DOT });
                Ok(())
            }
            '^' => {
                self.put(if self.flags.multiline { "(?mR:^)" } else { r"\A" });
                Ok(())
            }
            '$' => {
                self.end_of_text(self.flags.multiline);
                Ok(())
            }
            '*' | '+' | '?' => self.quantifier(c.to_string()),
            '{' => self.counted(),
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' if self.flags.comments => Ok(()),
            '#' if self.flags.comments => {
                while self.chars.next_if(|c| *c != '\n').is_some() {}
                Ok(())
            }
            _ => {
                let literal = class::folded(c, self.flags.fold);
                self.put(&literal);
                Ok(())
            }
        }
    }

    fn end_of_text(&mut self, multiline: bool) {
        self.ends |= !multiline;
        self.put(if multiline { "(?mR:$)" } else { r"\z" });
    }

    fn quantifier(&mut self, text: String) -> Done {
        if !std::mem::take(&mut self.atom) {
            return Err(Invalid);
        }
        self.out.push_str(&text);
        if self.eat('?') {
            self.out.push('?');
        } else if self.eat('+') {
            return Err(Unsupported("a possessive quantifier"));
        }
        Ok(())
    }

    fn counted(&mut self) -> Done {
        let mut text = String::from("{");
        loop {
            match self.chars.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_digit() || c == ',' && text.len() > 1 => text.push(c),
                _ => return Err(Invalid),
            }
        }
        if text.len() == 1 {
            return Err(Invalid);
        }
        text.push('}');
        self.quantifier(text)
    }

    fn open_group(&mut self) -> Done {
        let before = self.flags;
        if !self.eat('?') {
            self.groups.push(before);
            self.out.push('(');
            self.atom = false;
            return Ok(());
        }
        match self.chars.next() {
            Some(':') => self.out.push_str("(?:"),
            Some('=') | Some('!') => return Err(Unsupported("lookahead")),
            Some('>') => return Err(Unsupported("an atomic group")),
            Some('<') if matches!(self.chars.peek(), Some('=' | '!')) => {
                return Err(Unsupported("lookbehind"));
            }
            Some('<') => {
                let mut name = String::new();
                while let Some(c) = self.chars.next_if(char::is_ascii_alphanumeric) {
                    name.push(c);
                }
                if !self.eat('>') || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    return Err(Invalid);
                }
                self.out.push_str(&format!("(?<{name}>"));
            }
            Some(c) => {
                if !self.set_flags(c)? {
                    // `(?i)`: for the rest of the group around it.
                    return Ok(());
                }
                self.out.push_str("(?:");
            }
            None => return Err(Invalid),
        }
        self.groups.push(before);
        self.atom = false;
        Ok(())
    }

    /// Reads flags from the first letter on; true if they begin a group, false if they stand alone.
    fn set_flags(&mut self, first: char) -> Result<bool, Refusal> {
        let (mut c, mut on) = (first, true);
        loop {
            match c {
                'i' => self.flags.fold = on,
                's' => self.flags.dot_all = on,
                'm' => self.flags.multiline = on,
                'x' => self.flags.comments = on,
                'u' | 'U' | 'd' => return Err(Unsupported("a Unicode or UNIX lines flag")),
                '-' if on => on = false,
                ')' => return Ok(false),
                ':' => return Ok(true),
                _ => return Err(Invalid),
            }
            c = self.chars.next().ok_or(Invalid)?;
        }
    }

    fn escape(&mut self) -> Done {
        let Some(c) = self.chars.next() else { return Err(Invalid) };
        if let Some(class) = class::of_escape(c) {
            self.put(&class);
            return Ok(());
        }
        match c {
            'Q' => {
                while let Some(c) = self.chars.next() {
                    if c == '\\' && self.eat('E') {
                        break;
                    }
                    let literal = class::folded(c, self.flags.fold);
                    self.put(&literal);
                }
            }
            'E' => {}
            'p' | 'P' => {
                let class = self.property(c == 'P')?;
                self.put(&class);
            }
            'R' => self.put(class::LINE_BREAK),
            'A' => self.put(r"\A"),
            'z' => self.put(r"\z"),
            'Z' => self.end_of_text(false),
            'b' if self.chars.peek() == Some(&'{') => return Err(Unsupported("a grapheme boundary")),
            'b' => self.put(r"\b"),
            'B' => self.put(r"\B"),
            'G' => return Err(Unsupported("the end of the last match")),
            'X' => return Err(Unsupported("a grapheme cluster")),
            'k' | '1'..='9' => return Err(Unsupported("a backreference")),
            _ => {
                let literal = self.escaped_character(c)?;
                let literal = class::folded(literal, self.flags.fold);
                self.put(&literal);
            }
        }
        Ok(())
    }

    /// The character that an escape stands for, `c` being the one behind the backslash.
    fn escaped_character(&mut self, c: char) -> Result<char, Refusal> {
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'c' => match self.chars.next() {
                Some(c) if c.is_ascii() => char::from(c as u8 ^ 64),
                _ => return Err(Invalid),
            },
            'x' if self.eat('{') => {
                let mut digits = String::new();
                while let Some(c) = self.chars.next_if(char::is_ascii_hexdigit) {
                    digits.push(c);
                }
                let point = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                point.filter(|_| self.eat('}')).ok_or(Invalid)?
            }
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            '0' => {
                let mut value = 0;
                for _ in 0..3 {
                    let digit =
                        self.chars.peek().and_then(|c| c.to_digit(8)).filter(|d| value * 8 + d <= 0o377);
                    let Some(digit) = digit else { break };
                    value = value * 8 + digit;
                    self.chars.next();
                }
                char::from_u32(value).ok_or(Invalid)?
            }
            c if c.is_ascii_alphabetic() => return Err(Invalid),
            c => c,
        })
    }

    fn hex(&mut self, digits: usize) -> Result<char, Refusal> {
        let mut value = 0;
        for _ in 0..digits {
            value = value * 16 + self.chars.next().and_then(|c| c.to_digit(16)).ok_or(Invalid)?;
        }
        char::from_u32(value).ok_or(Unsupported("a surrogate"))
    }

    fn property(&mut self, negated: bool) -> Result<String, Refusal> {
        let mut name = String::new();
        if self.eat('{') {
            while let Some(c) = self.chars.next_if(|c| *c != '}') {
                name.push(c);
            }
            if !self.eat('}') {
                return Err(Invalid);
            }
        } else {
            name.push(self.chars.next().ok_or(Invalid)?);
        }
        class::of_property(&name, negated).ok_or(Unsupported("a character property that is not known"))
    }

    /// A class, from behind its opening bracket.
    fn class(&mut self) -> Result<String, Refusal> {
        let mut out = String::from("[");
        if self.eat('^') {
            out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.chars.next().ok_or(Invalid)?;
            match c {
                ']' if !first => break,
                '[' => out.push_str(&self.class()?),
                '&' if self.eat('&') => out.push_str("&&"),
                ' ' | '\t' | '\n' if self.flags.comments => continue,
                _ => self.member(c, &mut out)?,
            }
            first = false;
        }
        out.push(']');
        Ok(out)
    }

    /// One character, range or escape within a class.
    fn member(&mut self, c: char, out: &mut String) -> Done {
        let from = match c {
            '\\' => {
                let c = self.chars.next().ok_or(Invalid)?;
                if let Some(class) = class::of_escape(c) {
                    out.push_str(&class);
                    return Ok(());
                }
                match c {
                    'p' | 'P' => {
                        out.push_str(&self.property(c == 'P')?);
                        return Ok(());
                    }
                    'Q' | 'E' => return Err(Unsupported("a quotation within a class")),
                    _ => self.escaped_character(c)?,
                }
            }
            c => c,
        };
        let mut ahead = self.chars.clone();
        let ranged = ahead.next() == Some('-') && !matches!(ahead.next(), Some(']' | '[') | None);
        if !ranged {
            out.push_str(&class::literal(from));
            if self.flags.fold && from.is_ascii_alphabetic() {
                out.push(from.to_ascii_lowercase());
                out.push(from.to_ascii_uppercase());
            }
            return Ok(());
        }
        self.chars.next();
        let to = match self.chars.next().ok_or(Invalid)? {
            '\\' => {
                let c = self.chars.next().ok_or(Invalid)?;
                self.escaped_character(c)?
            }
            c => c,
        };
        if to < from {
            return Err(Invalid);
        }
        out.push_str(&class::range(from, to, self.flags.fold));
        Ok(())
    }
}
