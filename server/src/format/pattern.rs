//! Dates and times by a pattern of letters, as the options `dateFormat` and `timestampFormat` give it
//! (`yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]`). Times without a zone are UTC. Knows no format's default.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

use crate::error::{Error, Result};

/// Patterns longer than this are refused.
const PATTERN_BYTES_MAX: usize = 256;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A pattern, ready to read and to print.
#[derive(Clone, Debug)]
pub struct Pattern(Vec<Item>);

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Literal(char),
    /// A letter and how often it stands there.
    Field(char, usize),
    /// May be missing in what is read; always printed.
    Optional(Vec<Item>),
}

impl Pattern {
    /// `User` error for letters that are not supported, or brackets and quotes that do not match.
    pub fn parse(key: &'static str, text: &str) -> Result<Pattern> {
        let refuse = |why: String| {
            Error::user(format!("cannot use the pattern: {why}"))
                .with("option", key)
                .with("pattern", text)
                .hint("letters of a pattern: y M d D H h m s S a E X x Z z V, 'text' in quotes, [optional parts]")
        };
        if text.len() > PATTERN_BYTES_MAX {
            return Err(refuse("it is too long".into()));
        }
        let mut stack: Vec<Vec<Item>> = vec![Vec::new()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let item = match c {
                '[' => {
                    stack.push(Vec::new());
                    continue;
                }
                ']' if stack.len() > 1 => Item::Optional(stack.pop().unwrap_or_default()),
                ']' | '{' | '}' | '#' => return Err(refuse(format!("`{c}` cannot stand there"))),
                '\'' => {
                    let quoted = quoted(&mut chars).ok_or_else(|| refuse("a quote does not end".into()))?;
                    stack.iter_mut().last().into_iter().for_each(|items| items.extend(quoted.clone()));
                    continue;
                }
                'A'..='Z' | 'a'..='z' => {
                    let mut count = 1;
                    while chars.next_if_eq(&c).is_some() {
                        count += 1;
                    }
                    if !supported(c, count) {
                        return Err(refuse(format!("`{}` is not supported", c.to_string().repeat(count))));
                    }
                    Item::Field(c, count)
                }
                other => Item::Literal(other),
            };
            stack.iter_mut().last().into_iter().for_each(|items| items.push(item.clone()));
        }
        match stack.pop() {
            Some(items) if stack.is_empty() => Ok(Pattern(items)),
            _ => Err(refuse("a `[` is not closed".into())),
        }
    }

    /// Microseconds since the epoch; nothing if the text does not fit. A zone in the text counts.
    pub fn read_micros(&self, text: &str) -> Option<i64> {
        let fields = self.read(text)?;
        let micros = fields.date()?.and_time(fields.time()?).and_utc().timestamp_micros();
        micros.checked_sub(fields.offset_seconds(micros)?.checked_mul(1_000_000)?)
    }

    /// The same without regard to a zone.
    pub fn read_local_micros(&self, text: &str) -> Option<i64> {
        let fields = self.read(text)?;
        Some(fields.date()?.and_time(fields.time()?).and_utc().timestamp_micros())
    }

    /// Days since the epoch; a time in the text is left out.
    pub fn read_days(&self, text: &str) -> Option<i32> {
        let date = self.read(text)?.date()?;
        i32::try_from((date - NaiveDate::default()).num_days()).ok()
    }

    fn read(&self, text: &str) -> Option<Fields> {
        let mut fields = Fields::default();
        let rest = read_items(&self.0, text, &mut fields)?;
        rest.is_empty().then_some(fields)
    }

    /// Appends the time `micros` after the epoch; nothing if it is outside of the calendar.
    pub fn print_micros(&self, micros: i64, out: &mut String) -> Option<()> {
        let time = DateTime::from_timestamp_micros(micros)?.naive_utc();
        print_items(&self.0, &time, out);
        Some(())
    }

    pub fn print_days(&self, days: i32, out: &mut String) -> Option<()> {
        let date = NaiveDate::default().checked_add_signed(TimeDelta::try_days(days.into())?)?;
        print_items(&self.0, &date.and_hms_opt(0, 0, 0)?, out);
        Some(())
    }
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars>) -> Option<Vec<Item>> {
    if chars.next_if_eq(&'\'').is_some() {
        return Some(vec![Item::Literal('\'')]);
    }
    let mut items = Vec::new();
    loop {
        match chars.next()? {
            '\'' if chars.next_if_eq(&'\'').is_some() => items.push(Item::Literal('\'')),
            '\'' => return Some(items),
            other => items.push(Item::Literal(other)),
        }
    }
}

fn supported(letter: char, count: usize) -> bool {
    match letter {
        'y' | 'u' => count <= 6,
        'M' | 'L' | 'E' => count <= 4,
        'd' | 'H' | 'h' | 'm' | 's' => count <= 2,
        'D' => count <= 3,
        'S' => count <= 9,
        'a' => count == 1,
        'X' | 'x' | 'Z' => count <= 3,
        'z' => count <= 4,
        'V' => count == 2,
        _ => false,
    }
}

/// What was read; what is missing stands for 1970-01-01 00:00:00 UTC.
#[derive(Clone, Debug, Default)]
struct Fields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    /// Of half a day, 1 to 12.
    half_hour: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    nanosecond: u32,
    offset: Option<i64>,
    zone: Option<chrono_tz::Tz>,
}

impl Fields {
    fn date(&self) -> Option<NaiveDate> {
        let year = self.year.unwrap_or(1970);
        match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day),
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1)),
        }
    }

    fn time(&self) -> Option<chrono::NaiveTime> {
        let half_hour = match self.half_hour {
            Some(hour @ 1..=12) => Some(hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 }),
            Some(_) => return None,
            None => None,
        };
        let hour = self.hour.or(half_hour).unwrap_or(0);
        chrono::NaiveTime::from_hms_nano_opt(hour, self.minute, self.second, self.nanosecond)
    }

    fn offset_seconds(&self, local_micros: i64) -> Option<i64> {
        match self.zone {
            Some(zone) => zone_offset_seconds(zone, local_micros),
            None => Some(self.offset.unwrap_or(0)),
        }
    }
}

/// Seconds that local time is ahead of UTC. In a gap the offset before it counts, in an overlap the earlier.
pub fn zone_offset_seconds(zone: chrono_tz::Tz, local_micros: i64) -> Option<i64> {
    use chrono::{LocalResult, Offset, TimeZone};
    let local = DateTime::from_timestamp_micros(local_micros)?.naive_utc();
    let offset = match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => offset,
        LocalResult::None => zone.offset_from_utc_datetime(&local.checked_sub_signed(TimeDelta::days(1))?),
    };
    Some(offset.fix().local_minus_utc().into())
}

fn read_items<'t>(items: &[Item], mut text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Literal(c) => text = text.strip_prefix(*c)?,
            Item::Optional(inner) => {
                let mut tried = fields.clone();
                if let Some(rest) = read_items(inner, text, &mut tried) {
                    (*fields, text) = (tried, rest);
                }
            }
            Item::Field(letter, count) => {
                let digit_follows = matches!(
                    items.get(index + 1),
                    Some(Item::Field('M' | 'd' | 'H' | 'h' | 'm' | 's' | 'S' | 'D', _))
                );
                text = read_field(*letter, *count, digit_follows, text, fields)?;
            }
        }
    }
    Some(text)
}

fn read_field<'t>(
    letter: char,
    count: usize,
    digit_follows: bool,
    text: &'t str,
    fields: &mut Fields,
) -> Option<&'t str> {
    let most = if count == 1 && !digit_follows { 2 } else { count };
    let small = |text: &'t str| digits(text, count, most);
    match letter {
        'y' | 'u' if count == 2 => {
            let (year, rest) = digits(text, 2, 2)?;
            fields.year = Some(2000 + year as i32);
            Some(rest)
        }
        'y' | 'u' => {
            let (year, rest) = digits(text, count, if digit_follows { count } else { 6 })?;
            fields.year = Some(year as i32);
            Some(rest)
        }
        'M' | 'L' if count >= 3 => {
            let (index, rest) = name(text, &MONTHS, count)?;
            fields.month = Some(index as u32 + 1);
            Some(rest)
        }
        'E' => name(text, &WEEKDAYS, count).map(|(_, rest)| rest),
        'M' | 'L' => small(text).map(|(month, rest)| (fields.month = Some(month), rest).1),
        'd' => small(text).map(|(day, rest)| (fields.day = Some(day), rest).1),
        'D' => digits(text, count, 3).map(|(day, rest)| (fields.day_of_year = Some(day), rest).1),
        'H' => small(text).map(|(hour, rest)| (fields.hour = Some(hour), rest).1),
        'h' => small(text).map(|(hour, rest)| (fields.half_hour = Some(hour), rest).1),
        'm' => small(text).map(|(minute, rest)| (fields.minute = minute, rest).1),
        's' => small(text).map(|(second, rest)| (fields.second = second, rest).1),
        'S' => {
            let (fraction, rest) = digits(text, 1, count)?;
            let length = (text.len() - rest.len()) as u32;
            fields.nanosecond = fraction.checked_mul(10u32.pow(9 - length))?;
            Some(rest)
        }
        'a' => {
            let start = text.get(..2)?.to_ascii_uppercase();
            fields.afternoon = Some(match start.as_str() {
                "AM" => false,
                "PM" => true,
                _ => return None,
            });
            Some(&text[2..])
        }
        'X' | 'x' | 'Z' => read_offset(letter, count, text, fields),
        _ => {
            let end =
                text.find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-".contains(c))).unwrap_or(text.len());
            let name = if &text[..end] == "Z" { "UTC" } else { &text[..end] };
            fields.zone = Some(name.parse().ok()?);
            Some(&text[end..])
        }
    }
}

/// `Z`, `+01`, `+0130` or `+01:30`, as many letters allow.
fn read_offset<'t>(letter: char, count: usize, text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    if letter == 'X' && text.starts_with('Z') {
        fields.offset = Some(0);
        return Some(&text[1..]);
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, mut rest) = digits(&text[1..], 2, 2)?;
    let mut minutes = 0;
    if count > 1 || letter == 'Z' {
        let after = if count == 3 && letter != 'Z' { rest.strip_prefix(':')? } else { rest };
        (minutes, rest) = digits(after, 2, 2)?;
    } else if let Some((more, after)) = digits(rest, 2, 2) {
        (minutes, rest) = (more, after);
    }
    let within = hours <= 18 && minutes < 60;
    fields.offset = Some(sign * i64::from(hours * 3600 + minutes * 60)).filter(|_| within);
    fields.offset.map(|_| rest)
}

fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

fn name<'t>(text: &'t str, names: &[&'static str], count: usize) -> Option<(usize, &'t str)> {
    let found = names.iter().position(|name| text.starts_with(short(name, count)))?;
    Some((found, &text[short(names[found], count).len()..]))
}

/// Four letters stand for the whole name, fewer for its first three letters.
fn short(name: &'static str, count: usize) -> &'static str {
    if count == 4 { name } else { &name[..3] }
}

fn print_items(items: &[Item], time: &NaiveDateTime, out: &mut String) {
    for item in items {
        match item {
            Item::Literal(c) => out.push(*c),
            Item::Optional(inner) => print_items(inner, time, out),
            Item::Field(letter, count) => print_field(*letter, *count, time, out),
        }
    }
}

fn print_field(letter: char, count: usize, time: &NaiveDateTime, out: &mut String) {
    let (month, weekday) = (time.month0() as usize, time.weekday().num_days_from_monday() as usize);
    let number = match letter {
        'y' | 'u' if count == 2 => time.year().rem_euclid(100).into(),
        'y' | 'u' => i64::from(time.year()),
        'M' | 'L' if count >= 3 => return out.push_str(short(MONTHS[month], count)),
        'E' => return out.push_str(short(WEEKDAYS[weekday], count)),
        'M' | 'L' => time.month().into(),
        'd' => time.day().into(),
        'D' => time.ordinal().into(),
        'H' => time.hour().into(),
        'h' => time.hour12().1.into(),
        'm' => time.minute().into(),
        's' => time.second().into(),
        'S' => i64::from(time.nanosecond()) / 10i64.pow(9 - count as u32),
        'a' => return out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
        'X' => return out.push('Z'),
        'x' | 'Z' => {
            return out.push_str(match (letter, count) {
                ('x', 1) => "+00",
                ('x', 3) => "+00:00",
                _ => "+0000",
            });
        }
        _ => return out.push_str("UTC"),
    };
    // A year that is wider than its letters is signed.
    if letter == 'y' && count == 4 && number > 9999 {
        out.push('+');
    }
    out.push_str(&format!("{number:0count$}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::format_timestamp_micros;

    #[test]
    fn reads_and_prints_by_pattern() {
        for (pattern, text, micros, printed) in [
            (
                "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
                "2020-01-02T03:04:05",
                "2020-01-02T03:04:05Z",
                "2020-01-02T03:04:05.000Z",
            ),
            (
                "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
                "2020-01-02T03:04:05.1+01:00",
                "2020-01-02T02:04:05.1Z",
                "2020-01-02T02:04:05.100Z",
            ),
            ("yyyyMMddHHmm", "202001020304", "2020-01-02T03:04:00Z", "202001020304"),
            ("d/M/yy h:mm a", "2/1/20 3:04 PM", "2020-01-02T15:04:00Z", "2/1/20 3:04 PM"),
            ("dd MMM yyyy", "02 Jan 2020", "2020-01-02T00:00:00Z", "02 Jan 2020"),
            ("yyyy-DDD", "2020-060", "2020-02-29T00:00:00Z", "2020-060"),
            (
                "yyyy-MM-dd HH:mm VV",
                "2020-07-02 03:04 America/New_York",
                "2020-07-02T07:04:00Z",
                "2020-07-02 07:04 UTC",
            ),
        ] {
            let pattern = Pattern::parse("timestampFormat", pattern).unwrap();
            let read = pattern.read_micros(text).unwrap();
            assert_eq!(
                format_timestamp_micros(read).replace(".000000Z", "Z").replace("00000Z", "Z"),
                micros,
                "{text}"
            );
            let mut out = String::new();
            pattern.print_micros(read, &mut out).unwrap();
            assert_eq!(out, printed, "{text}");
        }
        let date = Pattern::parse("dateFormat", "dd/MM/yyyy").unwrap();
        assert_eq!(date.read_days("02/01/1970"), Some(1));
        for text in ["2/1/1970", "02/13/1970", "30/02/1970", "02/01/1970 ", ""] {
            assert_eq!(date.read_days(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_patterns_by_letter() {
        for (pattern, why) in [
            ("YYYY", "`YYYY`"),
            ("yyyy[", "not closed"),
            ("yyyy]", "`]`"),
            ("'T", "quote"),
            ("n", "`n`"),
            ("SSSSSSSSSS", "`S"),
        ] {
            let error = Pattern::parse("dateFormat", pattern).unwrap_err();
            assert!(error.message().contains(why), "{pattern}: {error}");
        }
    }
}
