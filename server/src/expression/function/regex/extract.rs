//! Asking for matches of a regular expression, and taking them out.

use std::sync::Arc;

use arrow::array::{BooleanBuilder, Int32Builder, ListBuilder, StringBuilder};
use arrow::datatypes::Field;
use regex::Captures;

use super::{Pattern, Source};
use crate::error::Result;
use crate::expression::coercion::array_type;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["regexp_like", "rlike", "regexp"], resolve: like },
    Function { names: &["regexp_count"], resolve: matches },
    Function { names: &["regexp_instr"], resolve: instr },
    Function { names: &["regexp_substr"], resolve: substr },
    Function { names: &["regexp_extract"], resolve: extract },
    Function { names: &["regexp_extract_all"], resolve: extract_all },
];

/// A kernel over text and pattern; a null gives null.
fn with_pattern<W: Write + 'static>(
    source: Source,
    output: arrow::datatypes::DataType,
    f: fn(&str, &Pattern, &mut W) -> Result<()>,
) -> Kernel {
    Arc::new(move |args, rows| {
        let (texts, patterns) = (Column::<Text>::of(&args[0])?, source.column(&args[1])?);
        over_rows(&args[..2], rows, &output, |row, out: &mut W| match (texts.get(row), patterns.get(row)?) {
            (Some(text), Some(pattern)) => f(text, &pattern, out),
            _ => {
                out.null();
                Ok(())
            }
        })
    })
}

fn like(args: &[Argument]) -> Result<Call> {
    count("regexp_like", args, 2, 2)?;
    let source = Source::of("regexp_like", &args[1])?;
    let kernel = with_pattern(source, BOOLEAN, |text, pattern, out: &mut BooleanBuilder| {
        out.append_value(pattern.is_match(text));
        Ok(())
    });
    call("regexp_like", args, &[STRING, STRING], BOOLEAN, kernel)
}

fn matches(args: &[Argument]) -> Result<Call> {
    count("regexp_count", args, 2, 2)?;
    let source = Source::of("regexp_count", &args[1])?;
    let kernel = with_pattern(source, INT, |text, pattern, out: &mut Int32Builder| {
        let mut found = 0;
        pattern.each(text, |_| {
            found += 1;
            Ok(true)
        })?;
        out.append_value(found);
        Ok(())
    });
    call("regexp_count", args, &[STRING, STRING], INT, kernel)
}

/// Spark takes a group index and looks at the whole match nonetheless.
fn instr(args: &[Argument]) -> Result<Call> {
    count("regexp_instr", args, 2, 3)?;
    let source = Source::of("regexp_instr", &args[1])?;
    let kernel = with_pattern(source, INT, |text, pattern, out: &mut Int32Builder| {
        let found = pattern.captures_at(text, 0).and_then(|found| found.get(0).map(|whole| whole.start()));
        // Java counts UTF-16 units.
        out.append_value(found.map_or(0, |at| text[..at].encode_utf16().count() as i32 + 1));
        Ok(())
    });
    call("regexp_instr", args, &[STRING, STRING, INT][..args.len()], INT, kernel)
}

fn substr(args: &[Argument]) -> Result<Call> {
    count("regexp_substr", args, 2, 2)?;
    let source = Source::of("regexp_substr", &args[1])?;
    let kernel = with_pattern(source, STRING, |text, pattern, out: &mut StringBuilder| {
        let found = pattern.captures_at(text, 0);
        out.append_option(found.as_ref().and_then(|found| found.get(0)).map(|whole| whole.as_str()));
        Ok(())
    });
    Ok(nullable(call("regexp_substr", args, &[STRING, STRING], STRING, kernel)?))
}

fn check_group(function: &str, pattern: &Pattern, group: i32) -> Result<usize> {
    if group >= 0 && group as usize <= pattern.groups() {
        return Ok(group as usize);
    }
    let why = format!("expects group index between 0 and {}, but got {group}", pattern.groups());
    Err(invalid("REGEX_GROUP_INDEX", function, "idx", why))
}

/// The text of a group; empty where the group took no part in the match.
fn group<'h>(captures: &Captures<'h>, index: usize) -> &'h str {
    captures.get(index).map_or("", |group| group.as_str())
}

/// A kernel over text, pattern and group, which is 1 where it is not given.
fn with_group<W: Write + 'static>(
    function: &'static str,
    source: Source,
    output: arrow::datatypes::DataType,
    f: fn(&str, &Pattern, usize, &mut W) -> Result<()>,
) -> Kernel {
    Arc::new(move |args, rows| {
        let (texts, patterns) = (Column::<Text>::of(&args[0])?, source.column(&args[1])?);
        let groups = args.get(2).map(Column::<Int>::of).transpose()?;
        over_rows(args, rows, &output, |row, out: &mut W| {
            let group = groups.as_ref().map_or(Some(1), |groups| groups.get(row));
            match (texts.get(row), patterns.get(row)?, group) {
                (Some(text), Some(pattern), Some(group)) => {
                    // Spark looks at the group only where something matched.
                    if !pattern.is_match(text) {
                        return f(text, &pattern, 0, out);
                    }
                    f(text, &pattern, check_group(function, &pattern, group)?, out)
                }
                _ => {
                    out.null();
                    Ok(())
                }
            }
        })
    })
}

fn extract(args: &[Argument]) -> Result<Call> {
    count("regexp_extract", args, 2, 3)?;
    let source = Source::of("regexp_extract", &args[1])?;
    let kernel =
        with_group("regexp_extract", source, STRING, |text, pattern, index, out: &mut StringBuilder| {
            let found = pattern.captures_at(text, 0);
            out.append_value(found.as_ref().map_or("", |found| group(found, index)));
            Ok(())
        });
    call("regexp_extract", args, &[STRING, STRING, INT][..args.len()], STRING, kernel)
}

impl Write for ListBuilder<StringBuilder> {
    fn start(_: usize, _: &arrow::datatypes::DataType) -> Self {
        ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", STRING, true))
    }
    fn null(&mut self) {
        self.append_null();
    }
    fn end(mut self) -> arrow::array::ArrayRef {
        Arc::new(self.finish())
    }
}

fn extract_all(args: &[Argument]) -> Result<Call> {
    count("regexp_extract_all", args, 2, 3)?;
    let source = Source::of("regexp_extract_all", &args[1])?;
    let output = array_type(STRING, true);
    let kernel = with_group(
        "regexp_extract_all",
        source,
        output.clone(),
        |text, pattern, index, out: &mut ListBuilder<StringBuilder>| {
            pattern.each(text, |found| {
                out.values().append_value(group(found, index));
                Ok(true)
            })?;
            out.append(true);
            Ok(())
        },
    );
    call("regexp_extract_all", args, &[STRING, STRING, INT][..args.len()], output, kernel)
}
