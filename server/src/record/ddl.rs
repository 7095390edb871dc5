//! Schemas as Spark's DDL strings: `id INT, ts TIMESTAMP NOT NULL, tags ARRAY<STRING>`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit};

use super::types::timestamp_type;
use crate::error::{Error, Result};

/// Nesting deeper than this is refused.
const DEPTH_MAX: usize = 64;

/// Reads a DDL string. Columns are nullable unless they say NOT NULL; a comment on a column is skipped.
///
/// Errors are the user's: they name the place (a byte offset in `text`) and what was expected there.
pub fn parse_ddl(text: &str) -> Result<SchemaRef> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let fields = parser.fields(&[' '], "")?;
    parser.skip_space();
    if parser.at < text.len() {
        return parser.refuse("expected `,` or the end");
    }
    Ok(Arc::new(Schema::new(fields)))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn refuse<T>(&self, why: &str) -> Result<T> {
        Err(Error::user(format!("cannot read the schema: {why}"))
            .with("schema", self.text)
            .with("at", self.at)
            .hint("write it as DDL, such as `id INT, name STRING, tags ARRAY<STRING>, at TIMESTAMP`"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if found {
            self.at += word.len();
        }
        found
    }

    fn name(&mut self) -> Result<String> {
        self.skip_space();
        if self.rest().starts_with('`') {
            return self.quoted_name();
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end == 0 {
            return self.refuse("expected a column name");
        }
        self.at += end;
        Ok(rest[..end].to_string())
    }

    fn quoted_name(&mut self) -> Result<String> {
        let mut name = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((index, c)) = chars.next() {
            if c != '`' {
                name.push(c);
            } else if chars.next_if(|(_, next)| *next == '`').is_some() {
                name.push('`');
            } else {
                self.at += index + 1;
                return if name.is_empty() { self.refuse("a name is empty") } else { Ok(name) };
            }
        }
        self.refuse("a quoted name does not end")
    }

    /// Fields up to `end` (empty: the end of the text), each a name, one of `separators`, and a type.
    fn fields(&mut self, separators: &[char], end: &str) -> Result<Fields> {
        let mut fields = Vec::new();
        loop {
            let name = self.name()?;
            if separators.contains(&':') {
                self.eat(":");
            }
            let data_type = self.data_type()?;
            let nullable = !self.not_null()?;
            self.comment()?;
            if fields.iter().any(|f: &Field| f.name().eq_ignore_ascii_case(&name)) {
                return self.refuse(&format!("the column `{name}` is there twice"));
            }
            fields.push(Field::new(name, data_type, nullable));
            if !self.eat(",") {
                break;
            }
        }
        if !end.is_empty() && !self.eat(end) {
            return self.refuse(&format!("expected `,` or `{end}`"));
        }
        Ok(fields.into())
    }

    fn not_null(&mut self) -> Result<bool> {
        if !self.eat_word("not") {
            return Ok(false);
        }
        if self.eat_word("null") { Ok(true) } else { self.refuse("expected NULL after NOT") }
    }

    fn comment(&mut self) -> Result<()> {
        if !self.eat_word("comment") {
            return Ok(());
        }
        self.skip_space();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'));
        let length = quote.and_then(|q| self.rest()[1..].find(q));
        match length {
            Some(length) => self.at += length + 2,
            None => return self.refuse("expected a quoted comment"),
        }
        Ok(())
    }

    fn data_type(&mut self) -> Result<DataType> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.refuse("types are nested too deeply");
        }
        let data_type = self.nested_or_plain();
        self.depth -= 1;
        data_type
    }

    fn nested_or_plain(&mut self) -> Result<DataType> {
        let start = self.at;
        let word = self.name()?.to_lowercase();
        match word.as_str() {
            "array" => {
                self.expect("<")?;
                let element = self.data_type()?;
                self.expect(">")?;
                Ok(DataType::List(Arc::new(Field::new("element", element, true))))
            }
            "map" => {
                self.expect("<")?;
                let key = Field::new("key", self.data_type()?, false);
                self.expect(",")?;
                let value = Field::new("value", self.data_type()?, true);
                self.expect(">")?;
                let entries = DataType::Struct(vec![key, value].into());
                Ok(DataType::Map(Arc::new(Field::new("entries", entries, false)), false))
            }
            "struct" => {
                self.expect("<")?;
                if self.eat(">") {
                    return Ok(DataType::Struct(Fields::empty()));
                }
                Ok(DataType::Struct(self.fields(&[':', ' '], ">")?))
            }
            "decimal" | "dec" | "numeric" => self.decimal(),
            "char" | "varchar" | "character" => {
                self.at = start;
                self.refuse("CHAR and VARCHAR are not supported, use STRING")
            }
            "interval" => self.interval(),
            other => match plain_type(other) {
                Some(data_type) => Ok(data_type),
                None => {
                    self.at = start;
                    self.skip_space();
                    self.refuse(&format!("`{other}` is not a type"))
                }
            },
        }
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { self.refuse(&format!("expected `{token}`")) }
    }

    fn number(&mut self) -> Result<i64> {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
        match rest[..end].parse() {
            Ok(number) => {
                self.at += end;
                Ok(number)
            }
            Err(_) => self.refuse("expected a number"),
        }
    }

    fn decimal(&mut self) -> Result<DataType> {
        if !self.eat("(") {
            return Ok(DataType::Decimal128(10, 0));
        }
        let precision = self.number()?;
        let scale = if self.eat(",") { self.number()? } else { 0 };
        self.expect(")")?;
        if !(1..=38).contains(&precision) || !(0..=precision).contains(&scale) {
            return self.refuse("a decimal has 1 to 38 digits, and not more behind the point than in all");
        }
        Ok(DataType::Decimal128(precision as u8, scale as i8))
    }

    fn interval(&mut self) -> Result<DataType> {
        for unit in ["day", "hour", "minute", "second"] {
            if self.eat_word(unit) {
                if self.eat_word("to") && !["hour", "minute", "second"].iter().any(|to| self.eat_word(to)) {
                    return self.refuse("expected HOUR, MINUTE or SECOND");
                }
                return Ok(DataType::Duration(TimeUnit::Microsecond));
            }
        }
        for unit in ["year", "month"] {
            if self.eat_word(unit) {
                if self.eat_word("to") && !self.eat_word("month") {
                    return self.refuse("expected MONTH");
                }
                return Ok(DataType::Interval(IntervalUnit::YearMonth));
            }
        }
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }
}

fn plain_type(word: &str) -> Option<DataType> {
    Some(match word {
        "boolean" | "bool" => DataType::Boolean,
        "tinyint" | "byte" => DataType::Int8,
        "smallint" | "short" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "bigint" | "long" => DataType::Int64,
        "float" | "real" => DataType::Float32,
        "double" => DataType::Float64,
        "string" => DataType::Utf8,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp" | "timestamp_ltz" => timestamp_type(),
        "timestamp_ntz" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "void" => DataType::Null,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::type_name;

    #[test]
    fn reads_and_prints_types() {
        for (ddl, names) in [
            ("id INT, ts TIMESTAMP", "id INT|ts TIMESTAMP"),
            ("`a b` string not null comment 'it, is', c decimal(12, 3)", "a b STRING|c DECIMAL(12,3)"),
            ("m MAP<STRING, ARRAY<BIGINT>>", "m MAP<STRING, ARRAY<BIGINT>>"),
            ("s struct<a: int, b: struct<c double>>", "s STRUCT<a: INT, b: STRUCT<c: DOUBLE>>"),
            (
                "i INTERVAL DAY TO SECOND, y interval year",
                "i INTERVAL DAY TO SECOND|y INTERVAL YEAR TO MONTH",
            ),
        ] {
            let schema = parse_ddl(ddl).unwrap();
            let found: Vec<_> = schema
                .fields()
                .iter()
                .map(|f| format!("{} {}", f.name(), type_name(f.data_type())))
                .collect();
            assert_eq!(found.join("|"), names, "{ddl}");
        }
        assert!(!parse_ddl("a INT NOT NULL").unwrap().field(0).is_nullable());
    }

    #[test]
    fn refuses_with_the_place() {
        for (ddl, at) in
            [("", "0"), ("id", "2"), ("id INTT", "3"), ("a INT, A INT", "12"), ("a ARRAY<INT", "11")]
        {
            let error = parse_ddl(ddl).unwrap_err();
            assert_eq!(error.fact("at"), Some(at), "{ddl}: {error}");
        }
    }
}
