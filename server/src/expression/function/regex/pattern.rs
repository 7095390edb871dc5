//! A compiled pattern, and how Java walks from match to match with it.

use std::cell::RefCell;
use std::sync::Arc;

use regex::{Captures, Regex};

use super::translate::{Refusal, translate};
use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::Argument;
use datafusion_expr_common::columnar_value::ColumnarValue;

pub struct Pattern {
    regex: Regex,
    ends: bool,
}

impl Pattern {
    /// Compiles a regular expression of Java; `function` is named in the error.
    pub fn compile(function: &str, text: &str) -> Result<Pattern> {
        let invalid_pattern = || invalid("PATTERN", function, "regexp", format!("'{text}'"));
        let translated = translate(text).map_err(|refusal| match refusal {
            Refusal::Invalid => invalid_pattern(),
            Refusal::Unsupported(what) => {
                let error = Error::user(format!("the regular expression of `{function}` uses {what}"));
                error.with("pattern", text).hint("write the pattern without it")
            }
        })?;
        let regex = Regex::new(&translated.pattern).map_err(|e| invalid_pattern().because(e))?;
        Ok(Pattern { regex, ends: translated.ends })
    }

    /// The number of capturing groups.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    pub fn group_index(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|group| group == Some(name))
    }

    /// The text without its last line terminator, if the pattern may end before that.
    fn shorter<'h>(&self, text: &'h str) -> Option<&'h str> {
        if !self.ends {
            return None;
        }
        let cut = text.strip_suffix("\r\n");
        cut.or_else(|| text.strip_suffix(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']))
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text) || self.shorter(text).is_some_and(|shorter| self.regex.is_match(shorter))
    }

    /// The first match at or after `start`.
    pub fn captures_at<'h>(&self, text: &'h str, start: usize) -> Option<Captures<'h>> {
        let whole = self.regex.captures_at(text, start);
        let Some(shorter) = self.shorter(text).filter(|shorter| start <= shorter.len()) else { return whole };
        let Some(early) = self.regex.captures_at(shorter, start) else { return whole };
        match whole {
            // Where both begin at one place, the longer one is what a greedy pattern takes.
            Some(whole) if span(&whole) <= span(&early) => Some(whole),
            _ => Some(early),
        }
    }

    /// Calls `f` with each match in turn, until it returns false. A match may be empty right behind another.
    pub fn each<'h>(&self, text: &'h str, mut f: impl FnMut(&Captures<'h>) -> Result<bool>) -> Result<()> {
        let mut start = 0;
        while start <= text.len() {
            let Some(found) = self.captures_at(text, start) else { break };
            let Some(whole) = found.get(0) else { break };
            if !f(&found)? {
                break;
            }
            start = whole.end();
            if whole.is_empty() {
                start += text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        Ok(())
    }
}

/// The order of preference of a match: earlier first, then longer.
fn span(captures: &Captures) -> (usize, std::cmp::Reverse<usize>) {
    let whole = captures.get(0);
    whole.map_or((usize::MAX, std::cmp::Reverse(0)), |m| (m.start(), std::cmp::Reverse(m.end())))
}

/// Where a pattern comes from: compiled once if it is a constant.
pub enum Source {
    Constant(Arc<Pattern>),
    Column(&'static str),
}

impl Source {
    pub fn of(function: &'static str, arg: &Argument) -> Result<Source> {
        match literal_text(arg) {
            Some(text) => Ok(Source::Constant(Arc::new(Pattern::compile(function, text)?))),
            None => Ok(Source::Column(function)),
        }
    }

    /// The patterns of the rows of an argument.
    pub fn column(&self, value: &ColumnarValue) -> Result<Patterns> {
        match self {
            Source::Constant(pattern) => Ok(Patterns::Constant(pattern.clone())),
            Source::Column(function) => {
                Ok(Patterns::Column { function, texts: Column::of(value)?, last: RefCell::new(None) })
            }
        }
    }
}

/// The patterns of the rows; equal ones in a row are compiled once.
pub enum Patterns {
    Constant(Arc<Pattern>),
    Column { function: &'static str, texts: Column<Text>, last: RefCell<Option<(String, Arc<Pattern>)>> },
}

impl Patterns {
    pub fn get(&self, row: usize) -> Result<Option<Arc<Pattern>>> {
        match self {
            Patterns::Constant(pattern) => Ok(Some(pattern.clone())),
            Patterns::Column { function, texts, last } => {
                let Some(text) = texts.get(row) else { return Ok(None) };
                let mut last = last.borrow_mut();
                if let Some((_, pattern)) = last.as_ref().filter(|(known, _)| known == text) {
                    return Ok(Some(pattern.clone()));
                }
                let pattern = Arc::new(Pattern::compile(function, text)?);
                *last = Some((text.to_string(), pattern.clone()));
                Ok(Some(pattern))
            }
        }
    }
}
