//! The checksum inside a text file: the first JSON object that fills a line gets a last key `crc32c` over the
//! file's text without it, so that torn and flipped bytes are found while people can still read and edit.

use crate::error::{Error, Result};

const KEY: &[u8] = b"\"crc32c\":\"";
/// `"crc32c":"` and eight digits and `"}`.
const SEAL_BYTES: usize = KEY.len() + 8 + 2;

/// What [`unseal`] found.
#[derive(Debug, PartialEq)]
pub enum Unsealed {
    /// As it was written.
    Whole(Vec<u8>),
    /// There is no checksum: someone wrote the file by hand.
    ByHand(Vec<u8>),
}

/// The text with its checksum. A text without an object line gets one more line at the end; before an empty
/// object, which has no place for a key of its own, one more line is put in.
pub fn seal(text: &[u8]) -> Vec<u8> {
    let digits = format!("{:08x}", crc32c::crc32c(text));
    let mut sealed = Vec::with_capacity(text.len() + SEAL_BYTES + 2);
    let key = |sealed: &mut Vec<u8>| {
        sealed.extend_from_slice(KEY);
        sealed.extend_from_slice(digits.as_bytes());
        sealed.extend_from_slice(b"\"}");
    };
    match object_line(text) {
        Some((start, end)) if &text[start..end] == b"{}" => {
            sealed.extend_from_slice(&text[..start]);
            sealed.push(b'{');
            key(&mut sealed);
            sealed.push(b'\n');
            sealed.extend_from_slice(&text[start..]);
        }
        Some((_, end)) => {
            sealed.extend_from_slice(&text[..end - 1]);
            sealed.push(b',');
            key(&mut sealed);
            sealed.extend_from_slice(&text[end..]);
        }
        None => {
            sealed.extend_from_slice(text);
            sealed.extend_from_slice(b"\n{");
            key(&mut sealed);
        }
    }
    sealed
}

/// The text without its checksum; `Data` error if the two do not agree, or the file is not whole.
pub fn unseal(sealed: &[u8]) -> Result<Unsealed> {
    let torn = || Error::data("a file is empty or torn: its line with a JSON object is not there");
    let (start, end) = object_line(sealed).ok_or_else(torn)?;
    let key = end.checked_sub(SEAL_BYTES).filter(|at| *at > start && sealed[*at..].starts_with(KEY));
    let Some(at) = key else {
        // What looks sealed elsewhere was sealed once; what has no whole object was cut off.
        let object = serde_json::from_slice::<serde::de::IgnoredAny>(&sealed[start..end]);
        if memchr::memmem::find(sealed, KEY).is_some() || object.is_err() {
            return Err(torn());
        }
        return Ok(Unsealed::ByHand(sealed.to_vec()));
    };
    let digits = &sealed[at + KEY.len()..end - 2];
    let text = match &sealed[start..at] {
        // A line of its own.
        b"{" if end == sealed.len() => sealed[..start.saturating_sub(1)].to_vec(),
        b"{" => [&sealed[..start], &sealed[end + 1..]].concat(),
        [.., b','] => [&sealed[..at - 1], b"}", &sealed[end..]].concat(),
        _ => return Err(torn()),
    };
    let expected = format!("{:08x}", crc32c::crc32c(&text));
    if digits == expected.as_bytes() && sealed[..end].ends_with(b"\"}") {
        return Ok(Unsealed::Whole(text));
    }
    Err(Error::data("the checksum of a file does not fit its text")
        .with("stored", String::from_utf8_lossy(digits))
        .with("computed", expected)
        .hint("if the file was edited by hand, take the key `crc32c` out of it"))
}

/// Where the first line stands that is one JSON object.
fn object_line(text: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let end = start + line.len();
        if line.starts_with(b"{") && line.ends_with(b"}") {
            return Some((start, end));
        }
        start = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &[&str] = &[
        "v1\n{\"batchWatermarkMs\":0,\"conf\":{}}\n{\"t\":{\"0\":5}}\n-",
        "{\"id\":\"x\"}",
        "v1\n{}\n{}",
        "{}",
        "v1",
        "v1\n{\"path\":\"file:///a\"}\n{\"path\":\"file:///b\"}\n",
        "v1\n7",
        "",
    ];

    #[test]
    fn what_is_sealed_comes_back() {
        for text in TEXTS {
            let sealed = seal(text.as_bytes());
            assert_eq!(unseal(&sealed).unwrap(), Unsealed::Whole(text.as_bytes().to_vec()), "{text}");
        }
        let sealed = String::from_utf8(seal(b"v1\n{\"a\":1}\n-")).unwrap();
        assert!(sealed.starts_with("v1\n{\"a\":1,\"crc32c\":\"") && sealed.ends_with("\"}\n-"), "{sealed}");
    }

    #[test]
    fn an_edited_file_without_the_key_is_taken() {
        let text = b"v1\n{\"nextBatchWatermarkMs\":7}";
        assert_eq!(unseal(text).unwrap(), Unsealed::ByHand(text.to_vec()));
    }

    #[test]
    fn every_truncation_is_found() {
        for text in TEXTS {
            let sealed = seal(text.as_bytes());
            for length in 0..sealed.len() {
                assert!(unseal(&sealed[..length]).is_err(), "{text}: {length} bytes pass");
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_found_unless_it_only_hides_the_key() {
        for text in TEXTS {
            let sealed = seal(text.as_bytes());
            let key = memchr::memmem::find(&sealed, KEY).unwrap();
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                match unseal(&flipped) {
                    Err(_) => {}
                    // The text beside the key is as it was.
                    Ok(Unsealed::ByHand(_)) if (key..key + KEY.len()).contains(&(bit / 8)) => {}
                    Ok(read) => panic!("{text}: bit {bit} passes, as {read:?}"),
                }
            }
        }
    }
}
