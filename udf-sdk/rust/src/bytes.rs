//! Kernels over bytes, sixteen at a time: finding, cutting, copying, changing case. Knows no columns.
//!
//! A sandboxed loop pays for the check that it may go on at every turn, so a turn should do much.

/// Bytes looked at in one turn.
const BLOCK: usize = 16;

/// A bit for each of the sixteen bytes at `block` that equals `byte`, the first in the lowest bit.
#[inline(always)]
fn block_mask(block: &[u8; BLOCK], byte: u8) -> u32 {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    {
        use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, u8x16_splat, v128_load};
        // SAFETY: the block is sixteen readable bytes, and the load asks for no alignment.
        let bytes = unsafe { v128_load(block.as_ptr().cast()) };
        u32::from(i8x16_bitmask(i8x16_eq(bytes, u8x16_splat(byte))))
    }
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
        // SAFETY: every machine of this kind has these instructions; the block is sixteen readable bytes, and the load
        // asks for no alignment.
        let mask = unsafe {
            let bytes = _mm_loadu_si128(block.as_ptr().cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8)))
        };
        mask as u32
    }
    #[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
    {
        block.iter().enumerate().fold(0, |mask, (index, found)| mask | (u32::from(*found == byte) << index))
    }
}

/// The mask of the block that starts at `at`; past the end of `text` no bit is set.
#[inline(always)]
fn mask_at(text: &[u8], at: usize, byte: u8) -> u32 {
    match text.get(at..at + BLOCK).and_then(|block| block.try_into().ok()) {
        Some(block) => block_mask(block, byte),
        None => mask_of_tail(text, at, byte),
    }
}

#[inline(always)]
fn mask_of_tail(text: &[u8], at: usize, byte: u8) -> u32 {
    match text.last_chunk::<BLOCK>() {
        // The last block overlaps what was seen already; those bits are shifted out.
        Some(last) => block_mask(last, byte) >> (at + BLOCK - text.len()),
        None => {
            let mut block = [!byte; BLOCK];
            copy_short(&mut block, &text[at..]);
            block_mask(&block, byte)
        }
    }
}

/// A bit for each of the sixty-four bytes from `at` on that equals `byte`; past the end of `text` no bit is set.
#[inline(always)]
pub(crate) fn mask_of_64(text: &[u8], at: usize, byte: u8) -> u64 {
    let mut mask = 0;
    for block in 0..4 {
        let at = at + block * BLOCK;
        if at >= text.len() {
            break;
        }
        mask |= u64::from(mask_at(text, at, byte)) << (block * BLOCK);
    }
    mask
}

/// The place of the first `byte`.
#[inline]
pub fn find(text: &[u8], byte: u8) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        let mask = mask_at(text, at, byte);
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    None
}

/// The place of the first byte that is one or the other.
#[inline]
pub fn find_either(text: &[u8], one: u8, other: u8) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        // Most often the rest is long enough for a block, which is then loaded once for both.
        let mask = match text.get(at..at + BLOCK).and_then(|block| <&[u8; BLOCK]>::try_from(block).ok()) {
            Some(block) => block_mask(block, one) | block_mask(block, other),
            None => mask_of_tail(text, at, one) | mask_of_tail(text, at, other),
        };
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    None
}

/// The place where `part` is first. An empty one is at the start.
#[inline]
pub fn find_text(text: &[u8], part: &[u8]) -> Option<usize> {
    let (Some(first), Some(last)) = (part.first(), part.last()) else { return Some(0) };
    let starts = text.len().checked_sub(part.len())? + 1;
    let (firsts, lasts) = (&text[..starts], &text[part.len() - 1..]);
    let mut at = 0;
    while at < starts {
        // Where both its ends are, the rest is compared.
        let mut mask = mask_at(firsts, at, *first) & mask_at(lasts, at, *last);
        while mask != 0 {
            let place = at + mask.trailing_zeros() as usize;
            if &text[place..place + part.len()] == part {
                return Some(place);
            }
            mask &= mask - 1;
        }
        at += BLOCK;
    }
    None
}

/// How often `byte` is there.
#[inline]
pub fn count(text: &[u8], byte: u8) -> usize {
    (0..text.len()).step_by(BLOCK).map(|at| mask_at(text, at, byte).count_ones() as usize).sum()
}

/// The places of `byte`, in order.
#[inline]
pub fn positions(text: &[u8], byte: u8) -> Positions<'_> {
    Positions { text, byte, next_block: 0, mask: 0 }
}

pub struct Positions<'a> {
    text: &'a [u8],
    byte: u8,
    next_block: usize,
    mask: u32,
}

impl Iterator for Positions<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            if self.next_block >= self.text.len() {
                return None;
            }
            self.mask = mask_at(self.text, self.next_block, self.byte);
            self.next_block += BLOCK;
        }
        let place = self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(self.next_block - BLOCK + place)
    }
}

/// The pieces of `text` between ASCII characters `separator`, empty ones included, as `str::split` gives them.
#[inline]
pub fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    assert!(separator.is_ascii());
    let mut start = 0;
    let ends = positions(text.as_bytes(), separator).chain(core::iter::once(text.len()));
    // SAFETY: the ends are places of an ASCII character or the end of the text, so they rise, lie inside it, and
    // never cut a character.
    ends.map(move |end| unsafe { text.get_unchecked(core::mem::replace(&mut start, end + 1)..end) })
}

/// Copies `from` to the start of `to`, which is at least as long. Quick for short pieces, where a call to the
/// bulk copy of the machine costs more than the copy.
#[inline(always)]
pub fn copy_short(to: &mut [u8], from: &[u8]) {
    let count = from.len();
    let to = &mut to[..count];
    if count > 2 * BLOCK {
        to.copy_from_slice(from);
    } else if count >= BLOCK {
        copy_ends::<BLOCK>(to, from);
    } else if count >= 8 {
        copy_ends::<8>(to, from);
    } else if count >= 4 {
        copy_ends::<4>(to, from);
    } else if count > 0 {
        to[0] = from[0];
        to[count / 2] = from[count / 2];
        to[count - 1] = from[count - 1];
    }
}

/// Copies N to 2N bytes as the first and the last N of them, which may overlap.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    let at = from.len() - N;
    // SAFETY: both slices have the same length of at least N, so the first and the last N bytes lie inside.
    unsafe {
        let first = from.as_ptr().cast::<[u8; N]>().read_unaligned();
        let last = from.as_ptr().add(at).cast::<[u8; N]>().read_unaligned();
        to.as_mut_ptr().cast::<[u8; N]>().write_unaligned(first);
        to.as_mut_ptr().add(at).cast::<[u8; N]>().write_unaligned(last);
    }
}

/// Makes the ASCII letters of `text` upper case. False when the text holds other than ASCII, whose case this cannot
/// change; the ASCII letters are changed all the same.
pub fn ascii_upper(text: &mut [u8]) -> bool {
    let mut all = 0;
    for byte in text.iter_mut() {
        all |= *byte;
        let lower = byte.wrapping_sub(b'a') < 26;
        *byte ^= u8::from(lower) << 5;
    }
    all < 128
}

/// As [`ascii_upper`], to lower case.
pub fn ascii_lower(text: &mut [u8]) -> bool {
    let mut all = 0;
    for byte in text.iter_mut() {
        all |= *byte;
        let upper = byte.wrapping_sub(b'A') < 26;
        *byte |= u8::from(upper) << 5;
    }
    all < 128
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 9] = [
        "",
        " ",
        "a",
        "a b",
        "  two  spaces at  both ends  ",
        "exactly16bytes!!",
        "exactly 17 bytes!",
        "größer und schöner als 16 Zeichen, viel länger, damit mehrere Blöcke",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7",
    ];

    #[test]
    fn agrees_with_the_standard_library() {
        for text in TEXTS {
            assert_eq!(split(text, b' ').collect::<Vec<_>>(), text.split(' ').collect::<Vec<_>>(), "{text}");
            assert_eq!(find(text.as_bytes(), b' '), text.find(' '), "{text}");
            assert_eq!(count(text.as_bytes(), b' '), text.matches(' ').count(), "{text}");
            let mut upper = text.as_bytes().to_vec();
            assert_eq!(ascii_upper(&mut upper), text.is_ascii(), "{text}");
            assert_eq!(upper, text.to_ascii_uppercase().as_bytes(), "{text}");
            let mut lower = text.as_bytes().to_vec();
            assert_eq!(ascii_lower(&mut lower), text.is_ascii(), "{text}");
            assert_eq!(lower, text.to_ascii_lowercase().as_bytes(), "{text}");
            assert_eq!(find_either(text.as_bytes(), b'z', b' '), text.find(['z', ' ']), "{text}");
            for part in ["", "a", "tes!", "viel l", "y z", "bytes!!!", "länger, damit mehrere Blöcke", text]
            {
                assert_eq!(find_text(text.as_bytes(), part.as_bytes()), text.find(part), "{text}: {part}");
            }
            for end in 0..=text.len() {
                let mut copy = vec![0; end + 3];
                copy_short(&mut copy, &text.as_bytes()[..end]);
                assert_eq!(&copy[..end], &text.as_bytes()[..end], "{text}");
            }
        }
    }
}
