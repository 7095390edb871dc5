//! Tokens of Spark SQL: sqlparser's, with number suffixes joined, escapes read, and byte offsets.

use std::ops::Range;

use sqlparser::dialect::Dialect;
use sqlparser::tokenizer::{Location, Token, Tokenizer};

use crate::error::{Error, Result};

/// An expression longer than this is refused.
const TEXT_MAX: usize = 1 << 20;

/// Where sqlparser's tokenizer must know Spark: backticks quote names, double quotes are strings.
#[derive(Debug)]
struct SparkTokens;

impl Dialect for SparkTokens {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '`'
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Lexeme {
    Name { text: String, quoted: bool },
    Text(String),
    Number { digits: String, suffix: String },
    Hex(String),
    Symbol(String),
    End,
}

#[derive(Clone, Debug)]
pub struct Placed {
    pub lexeme: Lexeme,
    /// Bytes of the text.
    pub at: Range<usize>,
}

/// The tokens of `text`, an `End` at the end.
pub fn tokens(text: &str) -> Result<Vec<Placed>> {
    if text.len() > TEXT_MAX {
        return Err(Error::user("an expression is too long").with("bytes", text.len()).with("max", TEXT_MAX));
    }
    let mut tokenizer = Tokenizer::new(&SparkTokens, text).with_unescape(false);
    let found = tokenizer.tokenize_with_location().map_err(|error| syntax_error(text, &error.to_string()))?;
    let offsets = Offsets::new(text);
    let mut placed: Vec<Placed> = Vec::new();
    for token in found {
        let at = offsets.byte(token.span.start)..offsets.byte(token.span.end);
        let adjacent = placed.last().is_some_and(|last| last.at.end == at.start);
        match token.token {
            Token::Whitespace(_) => {}
            Token::Word(word) if word.quote_style.is_none() && adjacent => match placed.last_mut() {
                Some(Placed { lexeme: Lexeme::Number { suffix, .. }, at: place }) if suffix.is_empty() => {
                    suffix.push_str(&word.value);
                    place.end = at.end;
                }
                _ => placed.push(Placed { lexeme: name(word.value, None), at }),
            },
            Token::Word(word) => placed.push(Placed { lexeme: name(word.value, word.quote_style), at }),
            Token::SingleQuotedString(raw) | Token::DoubleQuotedString(raw) => {
                let quote = if text[at.start..].starts_with('"') { '"' } else { '\'' };
                push_text(&mut placed, &raw, quote, at, adjacent);
            }
            token => push_other(&mut placed, token, at, adjacent, text)?,
        }
    }
    placed.push(Placed { lexeme: Lexeme::End, at: text.len()..text.len() });
    Ok(placed)
}

fn name(value: String, quote: Option<char>) -> Lexeme {
    match quote {
        Some(_) => Lexeme::Name { text: value.replace("``", "`"), quoted: true },
        None => Lexeme::Name { text: value, quoted: false },
    }
}

fn push_text(placed: &mut Vec<Placed>, raw: &str, quote: char, at: Range<usize>, adjacent: bool) {
    let raw_prefix = adjacent
        && matches!(placed.last(), Some(Placed { lexeme: Lexeme::Name { text, quoted: false }, .. })
            if text.eq_ignore_ascii_case("r"));
    if raw_prefix {
        placed.pop();
        placed.push(Placed { lexeme: Lexeme::Text(raw.to_string()), at });
    } else {
        placed.push(Placed { lexeme: Lexeme::Text(unescape(raw, quote)), at });
    }
}

fn push_other(
    placed: &mut Vec<Placed>,
    token: Token,
    at: Range<usize>,
    adjacent: bool,
    text: &str,
) -> Result<()> {
    let lexeme = match token {
        Token::EOF => return Ok(()),
        Token::Number(digits, long) => {
            Lexeme::Number { digits, suffix: if long { "L".to_string() } else { String::new() } }
        }
        Token::HexStringLiteral(_) if text[at.start..].starts_with('0') => {
            return Err(syntax_error(text, "a number in hexadecimal is written X'1F' and is BINARY"));
        }
        Token::HexStringLiteral(hex) => Lexeme::Hex(hex),
        // Two signs in Spark, one for the tokenizer.
        Token::DoubleExclamationMark | Token::ExclamationMarkTilde | Token::TildeAsterisk => {
            let both = token.to_string();
            let middle = at.start + 1;
            placed.push(Placed { lexeme: Lexeme::Symbol(both[..1].to_string()), at: at.start..middle });
            placed.push(Placed { lexeme: Lexeme::Symbol(both[1..].to_string()), at: middle..at.end });
            return Ok(());
        }
        Token::Gt if adjacent => match placed.last_mut() {
            Some(Placed { lexeme: Lexeme::Symbol(symbol), at: place }) if symbol == ">>" => {
                symbol.push('>');
                place.end = at.end;
                return Ok(());
            }
            _ => Lexeme::Symbol(">".to_string()),
        },
        Token::Char(c) => return Err(syntax_error(text, &format!("`{c}` has no meaning here"))),
        Token::NationalStringLiteral(_) | Token::EscapedStringLiteral(_) => {
            return Err(syntax_error(text, "a string has a prefix that Spark does not know"));
        }
        token => Lexeme::Symbol(token.to_string()),
    };
    placed.push(Placed { lexeme, at });
    Ok(())
}

pub fn syntax_error(text: &str, why: &str) -> Error {
    Error::user(format!("[PARSE_SYNTAX_ERROR] cannot read the expression: {why}")).with("expression", text)
}

/// Spark's escapes in a string literal: `\n`, `\u0041`, `\101`, `\%` kept, a doubled quote.
fn unescape(raw: &str, quote: char) -> String {
    let chars: Vec<char> = raw.chars().collect();
    let mut text = String::with_capacity(raw.len());
    let mut i = 0;
    while i < chars.len() {
        if chars[i] == quote && chars.get(i + 1) == Some(&quote) {
            text.push(quote);
            i += 2;
        } else if chars[i] == '\\' && i + 1 < chars.len() {
            i += escape(&chars[i + 1..], &mut text) + 1;
        } else {
            text.push(chars[i]);
            i += 1;
        }
    }
    text
}

/// Reads what follows a backslash; gives how many characters it took.
fn escape(rest: &[char], text: &mut String) -> usize {
    let digits = |from: usize, count: usize, radix: u32| -> Option<char> {
        let digits: String = rest.get(from..from + count)?.iter().collect();
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        char::from_u32(u32::from_str_radix(&digits, radix).ok()?)
    };
    let long = match rest[0] {
        'u' => digits(1, 4, 16).map(|c| (c, 5)),
        'U' => digits(1, 8, 16).map(|c| (c, 9)),
        '0' | '1' => digits(0, 3, 8).map(|c| (c, 3)),
        _ => None,
    };
    if let Some((c, taken)) = long {
        text.push(c);
        return taken;
    }
    match rest[0] {
        '0' => text.push('\0'),
        'b' => text.push('\u{8}'),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        'Z' => text.push('\u{1a}'),
        // LIKE reads these itself.
        '%' => text.push_str("\\%"),
        '_' => text.push_str("\\_"),
        other => text.push(other),
    }
    1
}

/// Byte offsets of the tokenizer's line and column.
struct Offsets {
    lines: Vec<Vec<usize>>,
    end: usize,
}

impl Offsets {
    fn new(text: &str) -> Offsets {
        let mut lines = vec![Vec::new()];
        for (at, c) in text.char_indices() {
            if let Some(line) = lines.last_mut() {
                line.push(at);
            }
            if c == '\n' {
                lines.push(Vec::new());
            }
        }
        Offsets { lines, end: text.len() }
    }

    fn byte(&self, location: Location) -> usize {
        let line = (location.line as usize).saturating_sub(1);
        let column = (location.column as usize).saturating_sub(1);
        let found = self.lines.get(line).and_then(|line| line.get(column).copied());
        found.or_else(|| self.lines.get(line + 1).and_then(|line| line.first().copied())).unwrap_or(self.end)
    }
}
