//! Cutting a text wherever a regular expression matches.

use std::sync::Arc;

use arrow::array::{ListBuilder, StringBuilder};
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::pattern::{Pattern, Patterns, Source};
use crate::error::Result;
use crate::expression::coercion::array_type;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["split"], resolve: split }];

/// A pattern to cut with; the empty one cuts between characters.
pub struct Splitter {
    source: Option<Source>,
}

/// The splitter of an argument that may be missing.
pub fn splitter(function: &'static str, arg: Option<&Argument>, default: &str) -> Result<Splitter> {
    let source = match arg {
        Some(arg) if literal_text(arg) == Some("") => None,
        Some(arg) => Some(Source::of(function, arg)?),
        None => Some(Source::Constant(Arc::new(Pattern::compile(function, default)?))),
    };
    Ok(Splitter { source })
}

impl Splitter {
    pub fn column(&self, value: Option<&ColumnarValue>) -> Result<Cuts> {
        match (&self.source, value) {
            (None, _) => Ok(Cuts::Characters),
            (Some(Source::Constant(pattern)), _) => Ok(Cuts::Patterns(Patterns::Constant(pattern.clone()))),
            (Some(source), Some(value)) => Ok(Cuts::Patterns(source.column(value)?)),
            (Some(_), None) => Ok(Cuts::Characters),
        }
    }
}

pub enum Cuts {
    Characters,
    Patterns(Patterns),
}

/// How one row is cut.
pub enum Cut {
    Characters,
    At(Arc<Pattern>),
}

impl Cuts {
    pub fn get(&self, row: usize) -> Result<Option<Cut>> {
        match self {
            Cuts::Characters => Ok(Some(Cut::Characters)),
            Cuts::Patterns(patterns) => Ok(patterns.get(row)?.map(Cut::At)),
        }
    }
}

impl Cut {
    /// The parts; at most `limit` of them if that is positive.
    pub fn split<'t>(&self, text: &'t str, limit: i32) -> Vec<&'t str> {
        match self {
            Cut::Characters => characters(text, limit),
            Cut::At(pattern) => at_matches(text, pattern, limit),
        }
    }
}

fn characters(text: &str, limit: i32) -> Vec<&str> {
    if text.is_empty() {
        return vec![text];
    }
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let (mut parts, mut start) = (Vec::new(), 0);
    for end in ends {
        if limit > 0 && parts.len() + 1 == limit as usize {
            break;
        }
        parts.push(&text[start..end]);
        start = end;
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}

fn at_matches<'t>(text: &'t str, pattern: &Pattern, limit: i32) -> Vec<&'t str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    // Finding matches cannot fail; only the caller's work on them could.
    let walked = pattern.each(text, |found| {
        if limit > 0 && parts.len() + 1 >= limit as usize {
            return Ok(false);
        }
        if let Some(whole) = found.get(0).filter(|whole| whole.end() > 0) {
            parts.push(&text[start..whole.start()]);
            start = whole.end();
        }
        Ok(true)
    });
    debug_assert!(walked.is_ok());
    parts.push(&text[start..]);
    parts
}

fn split(args: &[Argument]) -> Result<Call> {
    count("split", args, 2, 3)?;
    let splitter = splitter("split", args.get(1), "")?;
    let output = array_type(STRING, true);
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (texts, cuts) = (Column::<Text>::of(&args[0])?, splitter.column(args.get(1))?);
        let limits = args.get(2).map(Column::<Int>::of).transpose()?;
        over_rows(args, rows, &output, |row, out: &mut ListBuilder<StringBuilder>| {
            let limit = limits.as_ref().map_or(Some(-1), |limits| limits.get(row));
            let (Some(text), Some(cut), Some(limit)) = (texts.get(row), cuts.get(row)?, limit) else {
                out.append_null();
                return Ok(());
            };
            for part in cut.split(text, limit) {
                out.values().append_value(part);
            }
            out.append(true);
            Ok(())
        })
    });
    call("split", args, &[STRING, STRING, INT][..args.len()], result, kernel)
}
