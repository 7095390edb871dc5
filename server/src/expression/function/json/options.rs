//! The options that `from_json` and `to_json` take as a map of constants.

use arrow::array::{Array, StringArray};
use datafusion_common::ScalarValue;

use super::read::Rules;
use crate::error::{Error, Result};
use crate::expression::function::datetime::{Formatter, Parser};
use crate::expression::registry::Argument;

pub struct Options {
    pairs: Vec<(String, String)>,
}

impl Options {
    /// The options of an argument that may be missing; all names must be among `known` (lower case).
    pub fn of(function: &str, arg: Option<&Argument>, known: &[&str]) -> Result<Options> {
        let Some(arg) = arg else { return Ok(Options { pairs: Vec::new() }) };
        let wrong = || {
            Error::user(format!(
                "[INVALID_OPTIONS.NON_MAP_FUNCTION] {function}: options are a map of constants"
            ))
        };
        let Some(ScalarValue::Map(map)) = arg.literal else { return Err(wrong()) };
        let texts =
            |array: &dyn Array| array.as_any().downcast_ref::<StringArray>().cloned().ok_or_else(wrong);
        let (names, values) = (texts(map.keys().as_ref())?, texts(map.values().as_ref())?);
        let mut pairs = Vec::new();
        for (name, value) in names.iter().zip(values.iter()) {
            let (name, value) =
                (name.unwrap_or_default().to_lowercase(), value.unwrap_or_default().to_string());
            if !known.contains(&name.as_str()) {
                let error = Error::user(format!("`{function}` does not support the option"));
                return Err(error.with("option", name).hint(format!("supported are {}", known.join(", "))));
            }
            pairs.push((name, value));
        }
        Ok(Options { pairs })
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.text(name).map(str::to_lowercase).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(Error::user("an option is neither true nor false").with("option", name)),
        }
    }

    pub fn formatter(&self, name: &str, default: &str) -> Result<Formatter> {
        Formatter::new(self.text(name).unwrap_or(default))
    }

    pub fn parser(&self, name: &str) -> Result<Option<Parser>> {
        self.text(name).map(Parser::new).transpose()
    }

    pub fn rules(&self) -> Result<Rules> {
        let default = Rules::default();
        Ok(Rules {
            single_quotes: self.flag("allowsinglequotes", default.single_quotes)?,
            unquoted_names: self.flag("allowunquotedfieldnames", default.unquoted_names)?,
            leading_zeros: self.flag("allownumericleadingzeros", default.leading_zeros)?,
            not_a_number: self.flag("allownonnumericnumbers", default.not_a_number)?,
        })
    }
}
