//! Bytes as text and back: hex, base64, character sets.

use arrow::array::{BinaryBuilder, StringBuilder};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["hex"], resolve: hex },
    Function { names: &["unhex"], resolve: unhex },
    Function { names: &["base64"], resolve: base64 },
    Function { names: &["unbase64"], resolve: unbase64 },
    Function { names: &["encode"], resolve: encode },
    Function { names: &["to_binary"], resolve: |args| to_binary(args, "to_binary", false) },
    Function { names: &["try_to_binary"], resolve: |args| to_binary(args, "try_to_binary", true) },
];

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The bytes as pairs of upper case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|b| [HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
    digits.map(char::from).collect()
}

fn hex(args: &[Argument]) -> Result<Call> {
    count("hex", args, 1, 1)?;
    match args[0].data_type {
        DataType::Utf8 => {
            let kernel = map1::<Text, StringBuilder, _>(STRING, |s, out| {
                out.append_value(to_hex(s.as_bytes()));
                Ok(())
            });
            call("hex", args, &[STRING], STRING, kernel)
        }
        DataType::Binary => {
            let kernel = map1::<Bytes, StringBuilder, _>(STRING, |b, out| {
                out.append_value(to_hex(b));
                Ok(())
            });
            call("hex", args, &[BINARY], STRING, kernel)
        }
        _ => {
            let kernel = map1::<Long, StringBuilder, _>(STRING, |n, out| {
                out.append_value(format!("{n:X}"));
                Ok(())
            });
            call("hex", args, &[BIGINT], STRING, kernel)
        }
    }
}

/// The bytes of hexadecimal digits; an odd count has its first digit alone. None if a character is no digit.
pub fn from_hex(s: &str) -> Option<Vec<u8>> {
    let digits = s.bytes().map(|b| char::from(b).to_digit(16).map(|digit| digit as u8));
    let digits = digits.collect::<Option<Vec<u8>>>()?;
    let (single, pairs) = digits.split_at(digits.len() % 2);
    Some(single.iter().copied().chain(pairs.chunks(2).map(|pair| pair[0] << 4 | pair[1])).collect())
}

fn unhex(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Text, BinaryBuilder, _>(BINARY, |s, out| {
        out.append_option(from_hex(s));
        Ok(())
    });
    Ok(nullable(call("unhex", args, &[STRING], BINARY, kernel)?))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// MIME's line length; Spark breaks lines there.
const BASE64_LINE: usize = 76;

/// Base64 with padding, in lines of 76 characters if `lines` is true.
pub fn to_base64(bytes: &[u8], lines: bool) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for (i, chunk) in bytes.chunks(3).enumerate() {
        if lines && i > 0 && i * 4 % BASE64_LINE == 0 {
            text.push_str("\r\n");
        }
        let at = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for n in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * n)) as usize & 63];
            text.push(if n <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn base64(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Bytes, StringBuilder, _>(BINARY, |b, out| {
        out.append_value(to_base64(b, true));
        Ok(())
    });
    call("base64", args, &[BINARY], STRING, kernel)
}

fn base64_digit(b: u8) -> Option<u32> {
    Some(
        match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }
        .into(),
    )
}

/// Bytes of MIME base64: other characters are skipped, padding may be missing. None if a lone digit is left or
/// the padding is wrong.
pub fn from_base64(s: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(s.len() * 3 / 4);
    let (mut word, mut digits) = (0_u32, 0);
    let mut rest = s.iter();
    while let Some(b) = rest.next() {
        if *b == b'=' {
            // Two digits want two signs (what stands between them is skipped), three want one.
            let complete = match digits {
                2 => rest.by_ref().find(|b| **b == b'=' || base64_digit(**b).is_some()) == Some(&b'='),
                3 => true,
                _ => false,
            };
            if !complete || rest.any(|b| *b == b'=' || base64_digit(*b).is_some()) {
                return None;
            }
            break;
        }
        let Some(digit) = base64_digit(*b) else { continue };
        word = word << 6 | digit;
        digits += 1;
        if digits == 4 {
            bytes.extend_from_slice(&word.to_be_bytes()[1..]);
            (word, digits) = (0, 0);
        }
    }
    match digits {
        1 => return None,
        2 => bytes.push((word >> 4) as u8),
        3 => bytes.extend_from_slice(&[(word >> 10) as u8, (word >> 2) as u8]),
        _ => {}
    }
    Some(bytes)
}

fn malformed(function: &str, format: &str) -> Error {
    Error::user(format!("[CONVERSION_INVALID_INPUT] {function}: the text is not {format}"))
}

fn unbase64(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Text, BinaryBuilder, _>(BINARY, |s, out| {
        out.append_value(from_base64(s.as_bytes()).ok_or_else(|| malformed("unbase64", "BASE64"))?);
        Ok(())
    });
    call("unbase64", args, &[STRING], BINARY, kernel)
}

#[derive(Clone, Copy)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16,
    Utf16Be,
    Utf16Le,
    Utf32,
}

fn charset(function: &str, name: &str) -> Result<Charset> {
    Ok(match name.to_lowercase().as_str() {
        "us-ascii" => Charset::Ascii,
        "iso-8859-1" => Charset::Latin1,
        "utf-8" => Charset::Utf8,
        "utf-16" => Charset::Utf16,
        "utf-16be" => Charset::Utf16Be,
        "utf-16le" => Charset::Utf16Le,
        "utf-32" => Charset::Utf32,
        _ => {
            let known = "expects one of iso-8859-1, us-ascii, utf-16, utf-16be, utf-16le, utf-32, utf-8";
            return Err(invalid("CHARSET", function, "charset", format_args!("{known}, but got {name}")));
        }
    })
}

fn wrong_coding(function: &str, name: &str) -> Error {
    Error::user(format!(
        "[MALFORMED_CHARACTER_CODING] invalid value found when performing `{function}` with {name}"
    ))
}

fn encoded(s: &str, charset: Charset) -> Option<Vec<u8>> {
    let narrow = |most: u32| s.chars().map(|c| (c as u32 <= most).then_some(c as u32 as u8)).collect();
    let wide_be = || s.encode_utf16().flat_map(u16::to_be_bytes);
    match charset {
        Charset::Ascii => narrow(0x7f),
        Charset::Latin1 => narrow(0xff),
        Charset::Utf8 => Some(s.as_bytes().to_vec()),
        Charset::Utf16 if s.is_empty() => Some(Vec::new()),
        Charset::Utf16 => Some([0xfe, 0xff].into_iter().chain(wide_be()).collect()),
        Charset::Utf16Be => Some(wide_be().collect()),
        Charset::Utf16Le => Some(s.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Charset::Utf32 => Some(s.chars().flat_map(|c| (c as u32).to_be_bytes()).collect()),
    }
}

fn decoded(b: &[u8], charset: Charset) -> Option<String> {
    let wide = |b: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = b.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        b.len().is_multiple_of(2).then(|| String::from_utf16(&units).ok()).flatten()
    };
    match charset {
        Charset::Ascii => b.is_ascii().then(|| String::from_utf8_lossy(b).into_owned()),
        Charset::Latin1 => Some(b.iter().copied().map(char::from).collect()),
        Charset::Utf8 => String::from_utf8(b.to_vec()).ok(),
        Charset::Utf16 => match b {
            [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
            _ => wide(b, u16::from_be_bytes),
        },
        Charset::Utf16Be => wide(b, u16::from_be_bytes),
        Charset::Utf16Le => wide(b, u16::from_le_bytes),
        Charset::Utf32 if b.len().is_multiple_of(4) => {
            let points = b.chunks_exact(4).map(|p| u32::from_be_bytes([p[0], p[1], p[2], p[3]]));
            points.filter(|point| *point != 0xfeff).map(char::from_u32).collect()
        }
        Charset::Utf32 => None,
    }
}

fn encode(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Text, Text, BinaryBuilder, _>(BINARY, |s, name, out| {
        out.append_value(encoded(s, charset("encode", name)?).ok_or_else(|| wrong_coding("encode", name))?);
        Ok(())
    });
    call("encode", args, &[STRING, STRING], BINARY, kernel)
}

/// `decode(bytes, charset)`; the form with pairs to compare is a conditional.
pub fn decode(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Bytes, Text, StringBuilder, _>(STRING, |b, name, out| {
        out.append_value(decoded(b, charset("decode", name)?).ok_or_else(|| wrong_coding("decode", name))?);
        Ok(())
    });
    Ok(nullable(call("decode", args, &[BINARY, STRING], STRING, kernel)?))
}

fn to_binary(args: &[Argument], name: &'static str, lenient: bool) -> Result<Call> {
    count(name, args, 1, 2)?;
    let format = match args.get(1) {
        None => "hex".to_string(),
        Some(arg) => match (literal_text(arg), arg.literal) {
            (Some(text), _) => text.to_lowercase(),
            (None, Some(_)) => "hex".to_string(),
            (None, None) => {
                return Err(Error::user(format!(
                    "[DATATYPE_MISMATCH.NON_FOLDABLE_INPUT] {name}: the format is not a constant"
                )));
            }
        },
    };
    let null_format = args.get(1).and_then(|arg| arg.literal).is_some_and(|value| value.is_null());
    let read: fn(&str) -> Option<Vec<u8>> = match format.as_str() {
        "hex" => from_hex,
        "utf-8" | "utf8" => |s| Some(s.as_bytes().to_vec()),
        "base64" => strict_base64,
        _ => {
            let error = "[DATATYPE_MISMATCH.INVALID_ARG_VALUE] the format is not `hex`, `utf-8` or `base64`";
            return Err(Error::user(error).with("function", name).with("format", format));
        }
    };
    let kernel = map1::<Text, BinaryBuilder, _>(BINARY, move |s, out| {
        match read(s) {
            _ if null_format => out.append_null(),
            Some(bytes) => out.append_value(bytes),
            None if lenient => out.append_null(),
            None => return Err(malformed(name, &format.to_uppercase()).with("value", s)),
        }
        Ok(())
    });
    Ok(nullable(call(name, args, &[STRING, STRING][..args.len()], BINARY, kernel)?))
}

/// Base64 without other characters than white space between the digits, in whole groups.
fn strict_base64(s: &str) -> Option<Vec<u8>> {
    let known = |b: u8| base64_digit(b).is_some() || b == b'=' || b.is_ascii_whitespace();
    let digits = s.bytes().filter(|b| !b.is_ascii_whitespace()).count();
    if !s.bytes().all(known) || digits % 4 == 1 {
        return None;
    }
    from_base64(s.as_bytes())
}
