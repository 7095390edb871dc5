//! `regexp_replace`, with Java's replacement text: `$1`, `${name}`, `\` before a character taken as it is.

use std::sync::Arc;

use arrow::array::StringBuilder;

use super::{Pattern, Source};
use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["regexp_replace"], resolve: replace }];

enum Piece {
    Text(String),
    Group(usize),
}

/// The pieces of a replacement text; none if it names a group that is not there or ends in `$` or `\`.
fn pieces(replacement: &str, pattern: &Pattern) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next()?),
            '$' => {
                let group = if chars.next_if_eq(&'{').is_some() {
                    let mut name = String::new();
                    loop {
                        match chars.next()? {
                            '}' => break,
                            c => name.push(c),
                        }
                    }
                    pattern.group_index(&name)?
                } else {
                    let mut group = chars.next()?.to_digit(10)? as usize;
                    if group > pattern.groups() {
                        return None;
                    }
                    // More digits belong to the number as long as there is such a group.
                    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                        let longer = group * 10 + digit as usize;
                        if longer > pattern.groups() {
                            break;
                        }
                        group = longer;
                        chars.next();
                    }
                    group
                };
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Group(group));
            }
            c => plain.push(c),
        }
    }
    pieces.push(Piece::Text(plain));
    Some(pieces)
}

/// `text` with every match replaced from `start` (a byte) on, which counts as the beginning of the text.
fn replaced(text: &str, start: usize, pattern: &Pattern, replacement: &str) -> Result<String> {
    let region = &text[start..];
    let mut out = text[..start].to_string();
    let mut prepared = None;
    let mut kept = 0;
    pattern.each(region, |found| {
        if prepared.is_none() {
            prepared = pieces(replacement, pattern);
        }
        let Some(pieces) = &prepared else {
            return Err(Error::user("[INVALID_REGEXP_REPLACE] could not perform regexp_replace")
                .with("source", text)
                .with("replacement", replacement));
        };
        let Some(whole) = found.get(0) else { return Ok(false) };
        out.push_str(&region[kept..whole.start()]);
        kept = whole.end();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => out.push_str(found.get(*group).map_or("", |group| group.as_str())),
            }
        }
        Ok(true)
    })?;
    out.push_str(&region[kept..]);
    Ok(out)
}

/// The byte at which the `position`-th UTF-16 unit (from 1) begins; none behind the last one.
fn byte_at(text: &str, position: i32) -> Option<usize> {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= position as usize - 1 {
            return Some(at);
        }
        units += c.len_utf16();
    }
    None
}

fn replace(args: &[Argument]) -> Result<Call> {
    count("regexp_replace", args, 3, 4)?;
    if args.get(3).and_then(literal_int).is_some_and(|position| position < 1) {
        let error = "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE] regexp_replace: the position must be at least 1";
        return Err(Error::user(error));
    }
    let source = Source::of("regexp_replace", &args[1])?;
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (texts, patterns) = (Column::<Text>::of(&args[0])?, source.column(&args[1])?);
        let replacements = Column::<Text>::of(&args[2])?;
        let positions = args.get(3).map(Column::<Int>::of).transpose()?;
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let position = positions.as_ref().map_or(Some(1), |positions| positions.get(row));
            let all = (texts.get(row), patterns.get(row)?, replacements.get(row), position);
            let (Some(text), Some(pattern), Some(replacement), Some(position)) = all else {
                out.append_null();
                return Ok(());
            };
            let start = if position <= 1 { Some(0) } else { byte_at(text, position) };
            match start {
                Some(start) => out.append_value(replaced(text, start, &pattern, replacement)?),
                None => out.append_value(text),
            }
            Ok(())
        })
    });
    call("regexp_replace", args, &[STRING, STRING, STRING, INT][..args.len()], STRING, kernel)
}
