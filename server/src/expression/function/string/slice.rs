//! Parts of a string by position, and text put in by position.

use std::ops::Range;

use arrow::array::{BinaryBuilder, StringBuilder};

use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["substring", "substr"], resolve: substring },
    Function { names: &["left"], resolve: left },
    Function { names: &["right"], resolve: right },
    Function { names: &["overlay"], resolve: overlay },
];

/// The range of units, of `length`, that Spark's substring takes: 0 means 1, negatives count from the end, and
/// what lies before the first unit uses up the count.
fn span(length: usize, position: i32, take: i32) -> Range<usize> {
    let (length, position) = (length as i64, i64::from(position));
    let start = match position {
        1.. => position - 1,
        0 => 0,
        _ => length + position,
    };
    let end = if take == i32::MAX { i64::MAX } else { start.saturating_add(i64::from(take)) };
    let start = start.clamp(0, length);
    start as usize..end.clamp(start, length) as usize
}

/// The part of `s` that holds the characters of `range`, which lies within the string.
pub fn part(s: &str, range: Range<usize>) -> &str {
    if s.is_ascii() {
        return &s[range];
    }
    let at = |s: &str, n: usize| s.char_indices().nth(n).map_or(s.len(), |(at, _)| at);
    let rest = &s[at(s, range.start)..];
    &rest[..at(rest, range.end - range.start)]
}

fn substring_text(s: &str, position: i32, take: i32) -> &str {
    part(s, span(s.chars().count(), position, take))
}

fn substring(args: &[Argument]) -> Result<Call> {
    count("substring", args, 2, 3)?;
    let whole = args.len() == 2;
    if *args[0].data_type == BINARY {
        if whole {
            let kernel = map2::<Bytes, Int, BinaryBuilder, _>(BINARY, |b, position, out| {
                out.append_value(&b[span(b.len(), position, i32::MAX)]);
                Ok(())
            });
            return call("substring", args, &[BINARY, INT], BINARY, kernel);
        }
        let kernel = map3::<Bytes, Int, Int, BinaryBuilder, _>(BINARY, |b, position, take, out| {
            out.append_value(&b[span(b.len(), position, take)]);
            Ok(())
        });
        return call("substring", args, &[BINARY, INT, INT], BINARY, kernel);
    }
    if whole {
        let kernel = map2::<Text, Int, StringBuilder, _>(STRING, |s, position, out| {
            out.append_value(substring_text(s, position, i32::MAX));
            Ok(())
        });
        return call("substring", args, &[STRING, INT], STRING, kernel);
    }
    let kernel = map3::<Text, Int, Int, StringBuilder, _>(STRING, |s, position, take, out| {
        out.append_value(substring_text(s, position, take));
        Ok(())
    });
    call("substring", args, &[STRING, INT, INT], STRING, kernel)
}

fn left(args: &[Argument]) -> Result<Call> {
    count("left", args, 2, 2)?;
    if *args[0].data_type == BINARY {
        let kernel = map2::<Bytes, Int, BinaryBuilder, _>(BINARY, |b, n, out| {
            out.append_value(&b[span(b.len(), 1, n)]);
            Ok(())
        });
        return call("left", args, &[BINARY, INT], BINARY, kernel);
    }
    let kernel = map2::<Text, Int, StringBuilder, _>(STRING, |s, n, out| {
        out.append_value(substring_text(s, 1, n));
        Ok(())
    });
    call("left", args, &[STRING, INT], STRING, kernel)
}

fn right(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Text, Int, StringBuilder, _>(STRING, |s, n, out| {
        out.append_value(if n <= 0 { "" } else { substring_text(s, -n, i32::MAX) });
        Ok(())
    });
    Ok(nullable(call("right", args, &[STRING, INT], STRING, kernel)?))
}

/// Head and tail that `overlay` keeps of `length` units: what stands before the position, and what stands
/// behind the units replaced.
fn kept(length: usize, position: i32, replaced: usize) -> (Range<usize>, Range<usize>) {
    let head = span(length, 1, position.wrapping_sub(1));
    let tail = span(length, position.wrapping_add(replaced as i32), i32::MAX);
    (head, tail)
}

fn overlay_text(s: &str, new: &str, position: i32, take: i32, out: &mut StringBuilder) {
    let replaced = if take < 0 { new.chars().count() } else { take as usize };
    let (head, tail) = kept(s.chars().count(), position, replaced);
    out.append_value([part(s, head), new, part(s, tail)].concat());
}

fn overlay_bytes(b: &[u8], new: &[u8], position: i32, take: i32, out: &mut BinaryBuilder) {
    let replaced = if take < 0 { new.len() } else { take as usize };
    let (head, tail) = kept(b.len(), position, replaced);
    out.append_value([&b[head], new, &b[tail]].concat());
}

fn overlay(args: &[Argument]) -> Result<Call> {
    count("overlay", args, 3, 4)?;
    let binary = *args[0].data_type == BINARY;
    let value = if binary { BINARY } else { STRING };
    let output = value.clone();
    let kernel: crate::expression::registry::Kernel = std::sync::Arc::new(move |args, rows| {
        let position = Column::<Int>::of(&args[2])?;
        let take = args.get(3).map(Column::<Int>::of).transpose()?;
        // A missing length is the length of the new text.
        let take = |row| take.as_ref().map_or(Some(-1), |take| take.get(row));
        if binary {
            let (b, new) = (Column::<Bytes>::of(&args[0])?, Column::<Bytes>::of(&args[1])?);
            return over_rows(args, rows, &BINARY, |row, out: &mut BinaryBuilder| {
                match (b.get(row), new.get(row), position.get(row), take(row)) {
                    (Some(b), Some(new), Some(at), Some(take)) => overlay_bytes(b, new, at, take, out),
                    _ => out.append_null(),
                }
                Ok(())
            });
        }
        let (s, new) = (Column::<Text>::of(&args[0])?, Column::<Text>::of(&args[1])?);
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            match (s.get(row), new.get(row), position.get(row), take(row)) {
                (Some(s), Some(new), Some(at), Some(take)) => overlay_text(s, new, at, take, out),
                _ => out.append_null(),
            }
            Ok(())
        })
    });
    call("overlay", args, &[value.clone(), value, INT, INT][..args.len()], output, kernel)
}
