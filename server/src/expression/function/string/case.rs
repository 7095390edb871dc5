//! Lengths, letter case, reversal, repetition, and other functions of one string.

use arrow::array::{BinaryBuilder, BooleanBuilder, Int32Builder, StringBuilder};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[
    Function {
        names: &["length", "char_length", "character_length", "len"],
        resolve: |args| measure(args, "length", |s| s.chars().count(), |b| b.len()),
    },
    Function {
        names: &["bit_length"],
        resolve: |args| measure(args, "bit_length", |s| s.len() * 8, |b| b.len() * 8),
    },
    Function {
        names: &["octet_length"],
        resolve: |args| measure(args, "octet_length", |s| s.len(), |b| b.len()),
    },
    Function { names: &["upper", "ucase"], resolve: |args| text_to_text(args, "upper", upper) },
    Function { names: &["lower", "lcase"], resolve: |args| text_to_text(args, "lower", lower) },
    Function { names: &["initcap"], resolve: |args| text_to_text(args, "initcap", initcap) },
    Function { names: &["soundex"], resolve: |args| text_to_text(args, "soundex", soundex) },
    Function { names: &["quote"], resolve: |args| text_to_text(args, "quote", quote) },
    Function { names: &["ascii"], resolve: ascii },
    Function { names: &["char", "chr"], resolve: chr },
    Function { names: &["space"], resolve: space },
    Function { names: &["repeat"], resolve: repeat },
    Function { names: &["luhn_check"], resolve: luhn_check },
];

/// The most bytes that one value may be made to hold; Spark's limit of an array.
pub const VALUE_BYTES_MAX: usize = 2_147_483_632;

/// Refuses a value of more than [`VALUE_BYTES_MAX`] bytes before it is made.
pub fn check_size(function: &str, bytes: usize) -> Result<()> {
    if bytes <= VALUE_BYTES_MAX {
        return Ok(());
    }
    let error =
        Error::user(format!("[COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER] `{function}` makes a huge value"));
    Err(error.with("bytes", bytes))
}

fn measure(
    args: &[Argument],
    name: &str,
    text: fn(&str) -> usize,
    binary: fn(&[u8]) -> usize,
) -> Result<Call> {
    count(name, args, 1, 1)?;
    if *args[0].data_type == BINARY {
        let kernel = map1::<Bytes, Int32Builder, _>(INT, move |b, out| {
            out.append_value(binary(b) as i32);
            Ok(())
        });
        return call(name, args, &[BINARY], INT, kernel);
    }
    let kernel = map1::<Text, Int32Builder, _>(INT, move |s, out| {
        out.append_value(text(s) as i32);
        Ok(())
    });
    call(name, args, &[STRING], INT, kernel)
}

fn text_to_text(args: &[Argument], name: &str, f: fn(&str, &mut StringBuilder)) -> Result<Call> {
    let kernel = map1::<Text, StringBuilder, _>(STRING, move |s, out| {
        f(s, out);
        Ok(())
    });
    call(name, args, &[STRING], STRING, kernel)
}

fn upper(s: &str, out: &mut StringBuilder) {
    out.append_value(s.to_uppercase());
}

fn lower(s: &str, out: &mut StringBuilder) {
    out.append_value(s.to_lowercase());
}

/// The title case of a character: one capital, where its upper case may be several.
fn push_title(c: char, out: &mut String) {
    match c {
        'Ǆ' | 'ǆ' => out.push('ǅ'),
        'Ǉ' | 'ǉ' => out.push('ǈ'),
        'Ǌ' | 'ǌ' => out.push('ǋ'),
        'Ǳ' | 'ǳ' => out.push('ǲ'),
        _ => {
            let mut upper = c.to_uppercase();
            let first = upper.next();
            out.extend(first);
            let rest: String = upper.collect();
            let ligature = first.is_some_and(char::is_alphabetic) && first.is_none_or(|c| c != 'ʼ');
            out.push_str(&if ligature { rest.to_lowercase() } else { rest });
        }
    }
}

/// Capital letters where a word begins; words are cut at the space alone.
fn initcap(s: &str, out: &mut StringBuilder) {
    let mut result = String::with_capacity(s.len());
    for (i, word) in s.split(' ').enumerate() {
        if i > 0 {
            result.push(' ');
        }
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            push_title(first, &mut result);
            result.push_str(&chars.as_str().to_lowercase());
        }
    }
    out.append_value(result);
}

/// Codes of A to Z; 7 marks H and W, which do not part equal codes; 0 marks vowels, which do.
const SOUNDEX: &[u8; 26] = b"01230127022455012623017202";

fn soundex(s: &str, out: &mut StringBuilder) {
    let bytes = s.as_bytes();
    let Some(first) = bytes.first().filter(|b| b.is_ascii_alphabetic()) else {
        out.append_value(s);
        return;
    };
    let mut code = [first.to_ascii_uppercase(), b'0', b'0', b'0'];
    let (mut length, mut last) = (1, SOUNDEX[usize::from(code[0] - b'A')]);
    for b in &bytes[1..] {
        let upper = b.to_ascii_uppercase();
        if !upper.is_ascii_uppercase() {
            last = b'0';
            continue;
        }
        let digit = SOUNDEX[usize::from(upper - b'A')];
        if digit == b'7' {
            continue;
        }
        if digit != b'0' && digit != last {
            code[length] = digit;
            length += 1;
            if length == 4 {
                break;
            }
        }
        last = digit;
    }
    out.append_value(String::from_utf8_lossy(&code));
}

fn quote(s: &str, out: &mut StringBuilder) {
    out.append_value(format!("'{}'", s.replace('\'', "\\'")));
}

fn ascii(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Text, Int32Builder, _>(INT, |s, out| {
        out.append_value(s.chars().next().map_or(0, |c| c as i32));
        Ok(())
    });
    call("ascii", args, &[STRING], INT, kernel)
}

/// The character of the low eight bits; nothing for a negative number.
fn chr(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Long, StringBuilder, _>(STRING, |n, out| {
        if n < 0 {
            out.append_value("");
        } else {
            out.append_value(char::from((n & 0xff) as u8).encode_utf8(&mut [0; 4]));
        }
        Ok(())
    });
    call("chr", args, &[BIGINT], STRING, kernel)
}

fn space(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Int, StringBuilder, _>(STRING, |n, out| {
        out.append_value(" ".repeat(n.max(0) as usize));
        Ok(())
    });
    call("space", args, &[INT], STRING, kernel)
}

fn repeat(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Text, Int, StringBuilder, _>(STRING, |s, n, out| {
        let times = n.max(0) as usize;
        check_size("repeat", s.len() * times)?;
        out.append_value(s.repeat(times));
        Ok(())
    });
    call("repeat", args, &[STRING, INT], STRING, kernel)
}

/// `reverse` of a string or of bytes; arrays are reversed by the array functions.
pub fn reverse(args: &[Argument]) -> Result<Call> {
    if *args[0].data_type == DataType::Binary {
        let kernel = map1::<Bytes, BinaryBuilder, _>(BINARY, |b, out| {
            out.append_value(b.iter().rev().copied().collect::<Vec<_>>());
            Ok(())
        });
        return call("reverse", args, &[BINARY], BINARY, kernel);
    }
    text_to_text(args, "reverse", |s, out| out.append_value(s.chars().rev().collect::<String>()))
}

fn luhn_check(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Text, BooleanBuilder, _>(BOOLEAN, |s, out| {
        out.append_value(luhn(s));
        Ok(())
    });
    call("luhn_check", args, &[STRING], BOOLEAN, kernel)
}

fn luhn(s: &str) -> bool {
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let digits = s.bytes().rev().map(|b| u32::from(b - b'0')).enumerate();
    let sum: u32 = digits
        .map(|(i, digit)| match (i % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}
