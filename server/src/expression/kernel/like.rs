//! LIKE, ILIKE and RLIKE. A constant pattern is compiled once; plain prefixes and the like need no regex.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;
use regex::{Regex, RegexBuilder};

use crate::error::{Error, Result};
use crate::expression::node::into_array;
use crate::expression::registry::Kernel;

/// A compiled pattern may take this much memory.
const PATTERN_BYTES_MAX: usize = 10 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Like {
    Like { escape: char },
    ILike { escape: char },
}

/// Values and patterns are strings.
pub fn like(kind: Like, pattern: Option<&ScalarValue>) -> Result<Kernel> {
    if let Some(ScalarValue::Utf8(Some(pattern))) = pattern {
        let matcher = Matcher::new(kind, pattern)?;
        return Ok(Arc::new(move |values, rows| {
            let array = into_array(values[0].clone(), rows)?;
            let found = BooleanArray::from_unary(array.as_string::<i32>(), |text| matcher.matches(text));
            Ok(ColumnarValue::Array(Arc::new(found)))
        }));
    }
    Ok(Arc::new(move |values, rows| {
        let (texts, patterns) = (into_array(values[0].clone(), rows)?, into_array(values[1].clone(), rows)?);
        let found = each(kind, texts.as_string(), patterns.as_string())?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    }))
}

/// A pattern a row; the last one is kept, since neighbours are often equal.
fn each(kind: Like, texts: &StringArray, patterns: &StringArray) -> Result<BooleanArray> {
    let mut last: Option<(&str, Matcher)> = None;
    let mut found = Vec::with_capacity(texts.len());
    for (text, pattern) in texts.iter().zip(patterns) {
        let (Some(text), Some(pattern)) = (text, pattern) else {
            found.push(None);
            continue;
        };
        let matcher = match last.take() {
            Some((old, matcher)) if old == pattern => matcher,
            _ => Matcher::new(kind, pattern)?,
        };
        found.push(Some(matcher.matches(text)));
        last = Some((pattern, matcher));
    }
    Ok(found.into())
}

enum Matcher {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(Box<memchr::memmem::Finder<'static>>),
    Regex(Regex),
}

/// A part of a LIKE pattern.
#[derive(PartialEq)]
enum Part {
    Text(char),
    One,
    Any,
}

impl Matcher {
    fn new(kind: Like, pattern: &str) -> Result<Matcher> {
        let (escape, folded) = match kind {
            Like::Like { escape } => (escape, false),
            Like::ILike { escape } => (escape, true),
        };
        let parts = parts(pattern, escape)?;
        if !folded && let Some(plain) = Matcher::plain(&parts) {
            return Ok(plain);
        }
        let mut regex = String::from("^");
        for part in &parts {
            match part {
                Part::Text(c) => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
                Part::One => regex.push('.'),
                Part::Any => regex.push_str(".*"),
            }
        }
        regex.push('$');
        let built = RegexBuilder::new(&regex)
            .dot_matches_new_line(true)
            .case_insensitive(folded)
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        let built = built.map_err(|error| {
            Error::user("a LIKE pattern is too large").with("pattern", pattern).because(error)
        })?;
        Ok(Matcher::Regex(built))
    }

    fn plain(parts: &[Part]) -> Option<Matcher> {
        let text = |parts: &[Part]| -> Option<String> {
            parts.iter().map(|part| if let Part::Text(c) = part { Some(*c) } else { None }).collect()
        };
        match parts {
            [Part::Any, inner @ .., Part::Any] => {
                let needle = text(inner)?;
                Some(Matcher::Contains(Box::new(memchr::memmem::Finder::new(needle.as_bytes()).into_owned())))
            }
            [Part::Any, rest @ ..] => text(rest).map(Matcher::Suffix),
            [rest @ .., Part::Any] => text(rest).map(Matcher::Prefix),
            all => text(all).map(Matcher::Exact),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Matcher::Exact(exact) => text == exact,
            Matcher::Prefix(prefix) => text.starts_with(prefix),
            Matcher::Suffix(suffix) => text.ends_with(suffix),
            Matcher::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

fn parts(pattern: &str, escape: char) -> Result<Vec<Part>> {
    let refuse = |class: &str, why: &str| {
        Err(Error::user(format!("[INVALID_FORMAT.{class}] {why}"))
            .with("pattern", pattern)
            .with("escape", escape))
    };
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == escape {
            match chars.next() {
                Some(next) if next == '_' || next == '%' || next == escape => parts.push(Part::Text(next)),
                Some(_) => {
                    return refuse(
                        "ESC_IN_THE_MIDDLE",
                        "the escape stands before another character than _ and %",
                    );
                }
                None => return refuse("ESC_AT_THE_END", "the escape is the last character"),
            }
        } else {
            match c {
                '_' => parts.push(Part::One),
                '%' if parts.last() == Some(&Part::Any) => {}
                '%' => parts.push(Part::Any),
                c => parts.push(Part::Text(c)),
            }
        }
    }
    Ok(parts)
}
