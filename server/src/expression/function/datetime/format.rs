//! Writes times by a datetime pattern. The zone is UTC.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::StringBuilder;

use super::calendar::{self, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use super::pattern::{Item, MONTHS, Purpose, WEEKDAYS, has_era, parse_pattern};
use crate::error::Result;
use crate::expression::coercion::is_timestamp;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["date_format"], resolve: date_format },
    Function { names: &["from_unixtime"], resolve: from_unixtime },
];

/// A pattern ready to format.
pub struct Formatter {
    items: Vec<Item>,
    era: bool,
}

impl Formatter {
    pub fn new(pattern: &str) -> Result<Formatter> {
        let items = parse_pattern(pattern, Purpose::Format)?;
        let era = has_era(&items);
        Ok(Formatter { items, era })
    }

    /// The time in microseconds since the epoch as text.
    pub fn format(&self, micros: i64, out: &mut String) {
        let (date, time) = calendar::split(micros);
        let fields = Fields { date, civil: calendar::civil(date), time, era: self.era };
        fields.write(&self.items, out);
    }
}

struct Fields {
    date: i64,
    civil: calendar::Civil,
    time: i64,
    era: bool,
}

fn pad(out: &mut String, value: i64, width: usize) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value:0width$}");
}

impl Fields {
    fn write(&self, items: &[Item], out: &mut String) {
        for item in items {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Optional(items) => self.write(items, out),
                Item::Field(letter, count) => self.field(*letter, *count, out),
            }
        }
    }

    fn field(&self, letter: char, count: usize, out: &mut String) {
        let month = i64::from(self.civil.month);
        let quarter = (month - 1) / 3 + 1;
        let hour = self.time / MICROS_PER_HOUR;
        let short = |name: &str| name[..3].to_string();
        match letter {
            'y' => self.year(count, out),
            'M' | 'L' | 'E' if count > 2 || letter == 'E' => {
                let name = match letter {
                    'E' => WEEKDAYS[calendar::iso_weekday(self.date) as usize - 1],
                    _ => MONTHS[month as usize - 1],
                };
                out.push_str(&if count == 4 { name.to_string() } else { short(name) });
            }
            'M' | 'L' => pad(out, month, count),
            'd' => pad(out, self.civil.day.into(), count),
            'D' => pad(out, calendar::day_of_year(self.date), count),
            'F' => pad(out, (i64::from(self.civil.day) - 1) % 7 + 1, count),
            'G' => {
                let (short, long) =
                    if self.civil.year > 0 { ("AD", "Anno Domini") } else { ("BC", "Before Christ") };
                out.push_str(if count == 4 { long } else { short });
            }
            'Q' | 'q' if count == 3 => out.push_str(&format!("Q{quarter}")),
            'Q' | 'q' if count == 4 => {
                out.push_str(
                    ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"][quarter as usize - 1],
                );
            }
            'Q' | 'q' => pad(out, quarter, count),
            'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            'H' => pad(out, hour, count),
            'k' => pad(out, if hour == 0 { 24 } else { hour }, count),
            'K' => pad(out, hour % 12, count),
            'h' => pad(out, if hour % 12 == 0 { 12 } else { hour % 12 }, count),
            'm' => pad(out, self.time / MICROS_PER_MINUTE % 60, count),
            's' => pad(out, self.time / MICROS_PER_SECOND % 60, count),
            'S' => out.push_str(&format!("{:06}000", self.time % MICROS_PER_SECOND)[..count]),
            _ => out.push_str(zone(letter, count)),
        }
    }

    fn year(&self, count: usize, out: &mut String) {
        let year = self.civil.year;
        let year = if self.era && year <= 0 { 1 - year } else { year };
        if count == 2 {
            return pad(out, year.rem_euclid(100), 2);
        }
        if year < 0 {
            out.push('-');
        } else if count >= 4 && year >= 10_i64.pow(count as u32) {
            out.push('+');
        }
        pad(out, year.abs(), count);
    }
}

/// UTC as a zone letter writes it.
fn zone(letter: char, count: usize) -> &'static str {
    match (letter, count) {
        ('z', 4) => "Coordinated Universal Time",
        ('z' | 'V', _) => "UTC",
        ('O', _) => "GMT",
        ('X', _) => "Z",
        ('x', 1) => "+00",
        ('x', 2 | 4) => "+0000",
        ('x', _) => "+00:00",
        ('Z', 1..=3) => "+0000",
        ('Z', 4) => "GMT",
        _ => "Z",
    }
}

/// Formats the times of an argument (microseconds, or seconds times `unit`) by the pattern of the next.
fn formatting<R>(pattern: Option<&str>, unit: fn(R::Item<'_>) -> i64) -> Result<Kernel>
where
    R: Read,
{
    let prepared = pattern.map(Formatter::new).transpose()?;
    Ok(Arc::new(move |args, rows| {
        let times = Column::<R>::of(&args[0])?;
        let patterns = args.get(1).map(Column::<Text>::of).transpose()?;
        let mut text = String::new();
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let pattern = patterns.as_ref().map_or(Some(""), |patterns| patterns.get(row));
            let (Some(time), Some(pattern)) = (times.get(row), pattern) else {
                out.append_null();
                return Ok(());
            };
            text.clear();
            match &prepared {
                Some(formatter) => formatter.format(unit(time), &mut text),
                None => Formatter::new(pattern)?.format(unit(time), &mut text),
            }
            out.append_value(&text);
            Ok(())
        })
    }))
}

/// `date_format` of a time given as such, for `to_char` too.
pub fn date_format(args: &[Argument]) -> Result<Call> {
    count("date_format", args, 2, 2)?;
    let time = if is_timestamp(args[0].data_type) { args[0].data_type.clone() } else { timestamp_type() };
    let kernel = formatting::<Instant>(literal_text(&args[1]), |micros| micros)?;
    call("date_format", args, &[time, STRING], STRING, kernel)
}

pub const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

fn from_unixtime(args: &[Argument]) -> Result<Call> {
    count("from_unixtime", args, 1, 2)?;
    let pattern = if args.len() == 1 { Some(DEFAULT_PATTERN) } else { literal_text(&args[1]) };
    let kernel = formatting::<Long>(pattern, |seconds| seconds.wrapping_mul(MICROS_PER_SECOND))?;
    Ok(nullable(call("from_unixtime", args, &[BIGINT, STRING][..args.len()], STRING, kernel)?))
}
