//! `mask`: replaces letters, digits and the rest by one character each.

use std::sync::Arc;

use arrow::array::StringBuilder;
use datafusion_common::ScalarValue;
use regex::Regex;

use crate::error::{Error, Result};
use crate::expression::coercion::expect;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["mask"], resolve: mask }];

const PARAMETERS: [(&str, Option<char>); 4] =
    [("upperChar", Some('X')), ("lowerChar", Some('x')), ("digitChar", Some('n')), ("otherChar", None)];

/// The replacement for upper case, lower case, digits and others; none leaves characters as they are.
fn replacements(args: &[Argument]) -> Result<[Option<char>; 4]> {
    let mut chosen = PARAMETERS.map(|(_, default)| default);
    for (i, arg) in args.iter().enumerate().skip(1) {
        let name = PARAMETERS[i - 1].0;
        expect("mask", i + 1, arg.data_type, &STRING)?;
        chosen[i - 1] = match arg.literal {
            Some(value) if value.is_null() => None,
            Some(ScalarValue::Utf8(Some(text))) if text.chars().count() == 1 => text.chars().next(),
            Some(_) => {
                let error =
                    "[DATATYPE_MISMATCH.INPUT_SIZE_NOT_ONE] mask: the replacement is not one character";
                return Err(Error::user(error).with("parameter", name));
            }
            None => {
                let error = "[DATATYPE_MISMATCH.NON_FOLDABLE_INPUT] mask: the replacement is not a constant";
                return Err(Error::user(error).with("parameter", name));
            }
        };
    }
    Ok(chosen)
}

enum Class {
    Upper,
    Lower,
    Digit,
    Other,
}

/// The general categories of Unicode that Java tells letters and digits by. A character outside the basic plane
/// is two of Java's, neither of which is a letter.
struct Classes {
    upper: Regex,
    lower: Regex,
    digit: Regex,
}

impl Classes {
    fn new() -> Result<Classes> {
        let of = |pattern: &str| Regex::new(pattern).map_err(|e| Error::internal("make a class").because(e));
        Ok(Classes { upper: of(r"\p{Lu}")?, lower: of(r"\p{Ll}")?, digit: of(r"\p{Nd}")? })
    }

    fn of(&self, c: char) -> Class {
        if c.is_ascii() {
            return match c {
                'A'..='Z' => Class::Upper,
                'a'..='z' => Class::Lower,
                '0'..='9' => Class::Digit,
                _ => Class::Other,
            };
        }
        let mut bytes = [0; 4];
        let text = &*c.encode_utf8(&mut bytes);
        match c.len_utf16() {
            2 => Class::Other,
            _ if self.upper.is_match(text) => Class::Upper,
            _ if self.lower.is_match(text) => Class::Lower,
            _ if self.digit.is_match(text) => Class::Digit,
            _ => Class::Other,
        }
    }
}

fn mask(args: &[Argument]) -> Result<Call> {
    count("mask", args, 1, 5)?;
    let [upper, lower, digit, other] = replacements(args)?;
    let classes = Classes::new()?;
    let masked = move |c: char, out: &mut String| {
        let class = match classes.of(c) {
            Class::Upper => upper,
            Class::Lower => lower,
            Class::Digit => digit,
            Class::Other => other,
        };
        match class {
            Some(replacement) => out.extend(std::iter::repeat_n(replacement, c.len_utf16())),
            None => out.push(c),
        }
    };
    let kernel: Kernel = Arc::new(move |args, rows| {
        let column = Column::<Text>::of(&args[0])?;
        over_rows(&args[..1], rows, &STRING, |row, out: &mut StringBuilder| {
            let text = column.get(row).map(|s| {
                let mut text = String::with_capacity(s.len());
                s.chars().for_each(|c| masked(c, &mut text));
                text
            });
            out.append_option(text);
            Ok(())
        })
    });
    Ok(nullable(call("mask", args, &vec![STRING; args.len()], STRING, kernel)?))
}
