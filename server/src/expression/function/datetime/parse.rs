//! Reads times by a datetime pattern, strictly, as Java's formatter does for Spark.

use super::calendar::{self, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use super::pattern::{Item, MONTHS, Purpose, parse_pattern};
use crate::error::Result;
use crate::expression::cast::Zone;

/// A pattern ready to parse.
pub struct Parser {
    items: Vec<Item>,
}

/// The year where a pattern has none.
const DEFAULT_YEAR: i64 = 1970;

/// What was read so far.
#[derive(Clone, Default)]
struct Fields {
    year: Option<i64>,
    before_christ: Option<bool>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    micros: Option<i64>,
    zone: Option<Zone>,
}

impl Parser {
    pub fn new(pattern: &str) -> Result<Parser> {
        Ok(Parser { items: parse_pattern(pattern, Purpose::Parse)? })
    }

    /// The time in microseconds since the epoch; none if the text does not fit the pattern or is no time.
    pub fn parse(&self, text: &str) -> Option<i64> {
        let mut fields = Fields::default();
        let rest = read(&self.items, text, &mut fields)?;
        if rest.is_empty() { fields.resolve() } else { None }
    }
}

/// Reads the items from the front of `text`; gives what is left.
fn read<'t>(items: &[Item], text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let mut rest = text;
    for (i, item) in items.iter().enumerate() {
        rest = match item {
            Item::Text(wanted) => without_prefix(rest, wanted)?,
            Item::Optional(items) => {
                let mut inner = fields.clone();
                match read(items, rest, &mut inner) {
                    Some(rest) => {
                        *fields = inner;
                        rest
                    }
                    None => rest,
                }
            }
            Item::Field(letter, count) => {
                let reserved = if i > 0 && fixed_width(&items[i]).is_some() && in_run(items, i) {
                    0
                } else {
                    items[i + 1..].iter().map_while(fixed_width).sum()
                };
                fields.read(*letter, *count, reserved, rest)?
            }
        };
    }
    Some(rest)
}

/// Whether the item continues a run of numbers that a number before it began.
fn in_run(items: &[Item], i: usize) -> bool {
    fixed_width(&items[i - 1]).is_some()
}

/// The width of a number of fixed width; such numbers may stand without a separator behind another number.
fn fixed_width(item: &Item) -> Option<usize> {
    match item {
        Item::Field('d' | 'H' | 'h' | 'K' | 'k' | 'm' | 's', 2) => Some(2),
        Item::Field('M' | 'L' | 'y', 2) => Some(2),
        Item::Field('D', count @ 2..=3) => Some(*count),
        _ => None,
    }
}

/// `text` without `prefix`, in any case of letters.
fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let mut chars = text.chars();
    for wanted in prefix.chars() {
        let found = chars.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(chars.as_str())
}

/// Digits from the front, `least` to `most` of them, and the rest.
fn digits(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// The most digits of a number without a width.
const DIGITS_MAX: usize = 19;

impl Fields {
    /// Reads one field; `reserved` digits behind it belong to the fields that follow.
    fn read<'t>(&mut self, letter: char, count: usize, reserved: usize, text: &'t str) -> Option<&'t str> {
        match letter {
            'y' => return self.read_year(count, reserved, text),
            'M' | 'L' if count > 2 => return self.read_month_name(count, text),
            'G' => {
                let names = if count == 4 { ["Anno Domini", "Before Christ"] } else { ["AD", "BC"] };
                let found = names.iter().position(|name| without_prefix(text, name).is_some())?;
                set(&mut self.before_christ, found == 1)?;
                return without_prefix(text, names[found]);
            }
            'a' => {
                let found = ["AM", "PM"].iter().position(|name| without_prefix(text, name).is_some())?;
                set(&mut self.afternoon, found == 1)?;
                return Some(&text[2..]);
            }
            'S' => {
                let (value, rest) = digits(text, 1, count)?;
                let scale = (text.len() - rest.len()) as u32;
                // Digits behind the microseconds are cut off.
                let nanos = value * 10_i64.pow(9 - scale);
                set(&mut self.micros, nanos / 1000)?;
                return Some(rest);
            }
            'X' | 'x' | 'Z' | 'O' | 'V' | 'z' => return self.read_zone(letter, count, text),
            _ => {}
        }
        let (least, most) = match (letter, count) {
            ('D', 2) => (2, 3),
            (_, 1) => (1, available(text, reserved)),
            (_, count) => (count, count),
        };
        let (value, rest) = digits(text, least, most)?;
        let (slot, value, range) = match letter {
            'M' | 'L' => (&mut self.month, value, 1..=12),
            'd' => (&mut self.day, value, 1..=31),
            'D' => (&mut self.day_of_year, value, 1..=366),
            'H' => (&mut self.hour, value, 0..=23),
            'k' if (1..=24).contains(&value) => (&mut self.hour, value % 24, 0..=23),
            'K' => (&mut self.half_day_hour, value, 0..=11),
            'h' if (1..=12).contains(&value) => (&mut self.half_day_hour, value % 12, 0..=11),
            'm' => (&mut self.minute, value, 0..=59),
            's' => (&mut self.second, value, 0..=59),
            _ => return None,
        };
        range.contains(&value).then_some(())?;
        set(slot, value)?;
        Some(rest)
    }

    fn read_year<'t>(&mut self, count: usize, reserved: usize, text: &'t str) -> Option<&'t str> {
        if count == 2 {
            let (value, rest) = digits(text, 2, 2)?;
            set(&mut self.year, 2000 + value)?;
            return Some(rest);
        }
        let (sign, unsigned) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' if count >= 4 => (1, &text[1..]),
            _ => (1, text),
        };
        let (value, rest) = digits(unsigned, count, available(unsigned, reserved).max(count))?;
        let length = unsigned.len() - rest.len();
        let plus = text.starts_with('+');
        // More digits than the pattern has want a plus, and a plus wants more digits.
        if count >= 4 && sign > 0 && plus != (length > count) {
            return None;
        }
        set(&mut self.year, sign * value)?;
        Some(rest)
    }

    fn read_month_name<'t>(&mut self, count: usize, text: &'t str) -> Option<&'t str> {
        let name = |month: &'static str| if count == 4 { month } else { &month[..3] };
        let found = MONTHS.iter().position(|month| without_prefix(text, name(month)).is_some())?;
        set(&mut self.month, found as i64 + 1)?;
        without_prefix(text, name(MONTHS[found]))
    }

    fn read_zone<'t>(&mut self, letter: char, count: usize, text: &'t str) -> Option<&'t str> {
        if matches!(letter, 'V' | 'z') {
            let length = text.find(|c: char| !c.is_ascii_alphanumeric() && !"/_+-:".contains(c));
            let (name, rest) = text.split_at(length.unwrap_or(text.len()));
            let name = match (letter, name) {
                ('z', "PDT") => "PST",
                ('z', "CDT") => "CST",
                ('z', "EST" | "EDT") => "America/New_York",
                ('z', "MST" | "MDT") => "America/Denver",
                (_, name) => name,
            };
            set(&mut self.zone, Zone::parse(name)?)?;
            return Some(rest);
        }
        let zero = match (letter, count) {
            ('X', _) | ('Z', 5) => "Z",
            ('O', _) | ('Z', 4) => "GMT",
            _ => "",
        };
        let rest = if zero == "GMT" { without_prefix(text, zero)? } else { text };
        if !rest.starts_with(['+', '-']) {
            let rest =
                if zero == "GMT" { rest } else { without_prefix(text, zero).filter(|_| !zero.is_empty())? };
            set(&mut self.zone, Zone::Fixed(0))?;
            return Some(rest);
        }
        let end = rest[1..].find(|c: char| !c.is_ascii_digit() && c != ':').map_or(rest.len(), |at| at + 1);
        let (offset, rest) = rest.split_at(end);
        let colons = offset.matches(':').count();
        let length = offset.len();
        let fits = match (letter, count) {
            ('X' | 'x', 1) => colons == 0 && (length == 3 || length == 5),
            ('X' | 'x', 2) | ('Z', 1..=3) => colons == 0 && length == 5,
            ('X' | 'x', 3) => colons == 1 && length == 6,
            ('X' | 'x', 4) => colons == 0 && (length == 5 || length == 7),
            ('X' | 'x' | 'Z', 5) => colons >= 1 && (length == 6 || length == 9),
            ('O', 1) => true,
            _ => colons >= 1,
        };
        set(&mut self.zone, Zone::parse(offset).filter(|_| fits)?)?;
        Some(rest)
    }

    fn resolve(self) -> Option<i64> {
        let year = match (self.year, self.before_christ) {
            (Some(year), Some(true)) => 1 - year,
            (year, _) => year.unwrap_or(DEFAULT_YEAR),
        };
        let day = match (self.day_of_year, self.month, self.day) {
            (Some(day), _, _) => {
                (day < 366 || calendar::is_leap(year)).then_some(calendar::days(year, 1, 1) + day - 1)?
            }
            (None, month, day) => {
                let (month, day) = (month.unwrap_or(1) as u32, day.unwrap_or(1) as u32);
                (day <= calendar::month_length(year, month)).then_some(calendar::days(year, month, day))?
            }
        };
        let hour = match (self.hour, self.half_day_hour, self.afternoon) {
            (Some(hour), _, Some(afternoon)) if (hour >= 12) != afternoon => return None,
            (Some(hour), _, _) => hour,
            (None, Some(hour), afternoon) => hour + if afternoon == Some(true) { 12 } else { 0 },
            (None, None, Some(true)) => 12,
            (None, None, _) => 0,
        };
        let time = hour * MICROS_PER_HOUR
            + self.minute.unwrap_or(0) * MICROS_PER_MINUTE
            + self.second.unwrap_or(0) * MICROS_PER_SECOND
            + self.micros.unwrap_or(0);
        let local = day.checked_mul(calendar::MICROS_PER_DAY)?.checked_add(time)?;
        match self.zone {
            Some(zone) => zone.to_utc(local),
            None => Some(local),
        }
    }
}

/// The digits that a number without a width may take: all but those reserved.
fn available(text: &str, reserved: usize) -> usize {
    let all = text.bytes().take_while(u8::is_ascii_digit).count();
    all.saturating_sub(reserved).min(DIGITS_MAX)
}

/// Sets a field; a second value must be the same.
fn set<T: PartialEq + Copy>(slot: &mut Option<T>, value: T) -> Option<()> {
    match *slot {
        Some(known) if known != value => None,
        _ => {
            *slot = Some(value);
            Some(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parse_timestamp_micros;

    #[test]
    fn texts_are_read_strictly() {
        for (pattern, text, wanted) in [
            ("yyyy-MM-dd", "2016-12-31", Some("2016-12-31")),
            ("yyyy-MM-dd", "2016-12-31 x", None),
            ("yyyy-MM-dd", "2015-02-29", None),
            ("yyyyMMddHHmmss", "20161231010203", Some("2016-12-31 01:02:03")),
            ("yyyy-MM-dd HH:mm:ss.SSS", "2016-12-31 01:02:03.4", Some("2016-12-31 01:02:03.4")),
            ("yyyy-MM-dd hh:mm:ss a", "2016-12-31 01:02:03 pm", Some("2016-12-31 13:02:03")),
            ("yyyy-MM-dd'T'HH:mm:ssXXX", "2016-12-31T01:02:03+01:30", Some("2016-12-30 23:32:03")),
            ("MMM d, yyyy", "dec 31, 2016", Some("2016-12-31")),
            ("M/d/yyyy", "1/2/2016", Some("2016-01-02")),
            ("MM/dd/yyyy", "1/2/2016", None),
            ("kk:mm", "24:00", Some("1970-01-01")),
            ("HH:mm", "24:00", None),
            ("yyyy DDD", "2016 366", Some("2016-12-31")),
            ("yyyy-MM-dd[ HH:mm:ss]", "2016-12-31", Some("2016-12-31")),
            ("yyyy-MM-dd[ HH:mm:ss]", "2016-12-31 10:00:00", Some("2016-12-31 10:00:00")),
            ("yyyy-MM-dd HH:mm:ss O", "2016-12-31 01:02:03 GMT+1", Some("2016-12-31 00:02:03")),
        ] {
            let found = Parser::new(pattern).unwrap().parse(text);
            assert_eq!(found, wanted.and_then(parse_timestamp_micros), "{pattern} {text}");
        }
    }
}
