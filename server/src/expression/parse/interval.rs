//! INTERVAL constants: `INTERVAL '1' DAY`, `INTERVAL 2 hours 3 minutes`, `INTERVAL '1-2' YEAR TO MONTH`.

use datafusion_common::ScalarValue;

use super::ast::Ast;
use super::lexer::Lexeme;
use super::parser::Parser;
use crate::error::{Error, Result};

/// Units in order; the first two are months, the others micros.
const UNITS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
const MICROS: [i64; 6] = [0, 0, 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000];
const SECOND: usize = 5;

/// Months or micros, and the span of units that were named.
#[derive(Default)]
struct Amount {
    months: i64,
    micros: i128,
    units: Vec<usize>,
}

impl Parser<'_> {
    /// The constant, or None if INTERVAL is a column's name here.
    pub(super) fn interval(&mut self) -> Result<Option<Ast>> {
        let signed = matches!(self.peek_at(1), Lexeme::Symbol(s) if s == "-" || s == "+")
            && matches!(self.peek_at(2), Lexeme::Text(_) | Lexeme::Number { .. });
        if !signed && !matches!(self.peek_at(1), Lexeme::Text(_) | Lexeme::Number { .. }) {
            return Ok(None);
        }
        self.advance();
        let mut amount = Amount::default();
        let mut parts = 0;
        while let Some(value) = self.interval_value() {
            let Some(unit) = self.unit_here() else {
                return match parts {
                    0 => self.interval_from_text(&value),
                    _ => self.refuse("a unit such as DAY"),
                };
            };
            self.advance();
            if self.is_word("to") {
                self.advance();
                let Some(last) = self.unit_here() else { return self.refuse("a unit such as SECOND") };
                self.advance();
                let found = range_amount(&value, unit, last).filter(|_| parts == 0);
                amount = found.ok_or_else(|| self.bad_interval(&value))?;
                break;
            }
            add(&mut amount, &value, unit).ok_or_else(|| self.bad_interval(&value))?;
            parts += 1;
        }
        amount.constant().map(Some).ok_or_else(|| self.bad_interval(self.text))
    }

    fn bad_interval(&self, value: &str) -> Error {
        Error::user("[INVALID_INTERVAL_FORMAT] not an interval")
            .with("value", value)
            .with("expression", self.text)
            .hint("write INTERVAL '1' DAY, INTERVAL 10 seconds, or INTERVAL '1 02:03:04' DAY TO SECOND")
    }

    fn interval_value(&mut self) -> Option<String> {
        let mut sign = "";
        if let Lexeme::Symbol(symbol) = self.peek()
            && (symbol == "-" || symbol == "+")
            && matches!(self.peek_at(1), Lexeme::Number { .. } | Lexeme::Text(_))
        {
            sign = if symbol == "-" { "-" } else { "" };
            self.advance();
        }
        let value = match self.peek() {
            Lexeme::Text(text) => text.trim().to_string(),
            Lexeme::Number { digits, suffix } if suffix.is_empty() => digits.clone(),
            _ => return None,
        };
        self.advance();
        Some(match value.strip_prefix('-') {
            Some(rest) if sign == "-" => rest.to_string(),
            _ => format!("{sign}{value}"),
        })
    }

    fn unit_here(&self) -> Option<&'static Unit> {
        match self.peek() {
            Lexeme::Name { text, quoted: false } => unit_named(text),
            _ => None,
        }
    }

    /// `INTERVAL '1 day 2 hours'`.
    fn interval_from_text(&mut self, value: &str) -> Result<Option<Ast>> {
        let amount = amount_from_words(value).and_then(|amount| amount.constant());
        amount.map(Some).ok_or_else(|| self.bad_interval(value))
    }
}

struct Unit {
    names: [&'static str; 2],
    /// Its place in `UNITS`: weeks are days, milliseconds are seconds.
    rank: usize,
    months: i64,
    micros: i64,
}

static UNIT_TABLE: [Unit; 9] = [
    Unit { names: ["year", "years"], rank: 0, months: 12, micros: 0 },
    Unit { names: ["month", "months"], rank: 1, months: 1, micros: 0 },
    Unit { names: ["week", "weeks"], rank: 2, months: 0, micros: 7 * MICROS[2] },
    Unit { names: ["day", "days"], rank: 2, months: 0, micros: MICROS[2] },
    Unit { names: ["hour", "hours"], rank: 3, months: 0, micros: MICROS[3] },
    Unit { names: ["minute", "minutes"], rank: 4, months: 0, micros: MICROS[4] },
    Unit { names: ["second", "seconds"], rank: 5, months: 0, micros: MICROS[5] },
    Unit { names: ["millisecond", "milliseconds"], rank: 5, months: 0, micros: 1_000 },
    Unit { names: ["microsecond", "microseconds"], rank: 5, months: 0, micros: 1 },
];

fn unit_named(word: &str) -> Option<&'static Unit> {
    UNIT_TABLE.iter().find(|unit| unit.names.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

fn amount_from_words(text: &str) -> Option<Amount> {
    let mut words = text.split_whitespace().peekable();
    words.next_if(|word| word.eq_ignore_ascii_case("interval"));
    let mut amount = Amount::default();
    while let Some(value) = words.next() {
        add(&mut amount, value, unit_named(words.next()?)?)?;
    }
    (!amount.units.is_empty()).then_some(amount)
}

/// Adds `value` times the unit. Only seconds may have a fraction.
fn add(amount: &mut Amount, value: &str, unit: &Unit) -> Option<()> {
    let (negative, digits) = split_sign(value);
    let sign = if negative { -1 } else { 1 };
    amount.units.push(unit.rank);
    if unit.names[0] == "second" {
        amount.micros += sign * i128::from(seconds(digits)?);
        return Some(());
    }
    let count: i64 = digits.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()))?;
    amount.months = amount.months.checked_add(sign as i64 * count.checked_mul(unit.months)?)?;
    amount.micros += sign * i128::from(count) * i128::from(unit.micros);
    Some(())
}

fn split_sign(value: &str) -> (bool, &str) {
    match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    }
}

/// Micros of `12.345`.
fn seconds(digits: &str) -> Option<i64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let whole: i64 = if whole.is_empty() && !fraction.is_empty() { 0 } else { unsigned(whole)? };
    whole.checked_mul(1_000_000)?.checked_add(micros)
}

fn unsigned(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// `'1 02:03:04.5' DAY TO SECOND`, `'1-2' YEAR TO MONTH`.
fn range_amount(value: &str, first: &Unit, last: &Unit) -> Option<Amount> {
    let (negative, digits) = split_sign(value);
    let sign = if negative { -1 } else { 1 };
    let (from, to) = (first.rank, last.rank);
    if from >= to || (from == 0) != (to == 1) {
        return None;
    }
    if from == 0 {
        let (years, months) = digits.split_once('-')?;
        let months = unsigned(years)?.checked_mul(12)?.checked_add(unsigned(months).filter(|m| *m < 12)?)?;
        return Some(Amount { months: sign as i64 * months, micros: 0, units: vec![0, 1] });
    }
    let mut micros: i128 = 0;
    let parts: Vec<&str> = digits.split([' ', ':']).collect();
    if parts.len() != to - from + 1 {
        return None;
    }
    for (part, rank) in parts.iter().zip(from..) {
        micros += match rank {
            SECOND => i128::from(seconds(part)?),
            _ => i128::from(unsigned(part)?) * i128::from(MICROS[rank]),
        };
    }
    Some(Amount { months: 0, micros: sign * micros, units: vec![from, to] })
}

impl Amount {
    /// None: months are mixed with days, or the amount is too large.
    fn constant(self) -> Option<Ast> {
        let (first, last) = (*self.units.iter().min()?, *self.units.iter().max()?);
        if last <= 1 {
            let months = i32::try_from(self.months).ok()?;
            let text = year_month_range_text(months, first, last);
            return Some(Ast::Literal(ScalarValue::IntervalYearMonth(Some(months)), text));
        }
        if first <= 1 {
            return None;
        }
        let micros = i64::try_from(self.micros).ok()?;
        Some(Ast::Literal(ScalarValue::DurationMicrosecond(Some(micros)), range_text(micros, first, last)))
    }
}

/// Spark's text of a day-time interval: `INTERVAL '1 02:03:04.5' DAY TO SECOND`.
pub fn day_time_text(micros: i64) -> String {
    range_text(micros, 2, SECOND)
}

/// Spark's text of a year-month interval: `INTERVAL '1-2' YEAR TO MONTH`.
pub fn year_month_text(months: i32) -> String {
    year_month_range_text(months, 0, 1)
}

fn year_month_range_text(months: i32, first: usize, last: usize) -> String {
    let sign = if months < 0 { "-" } else { "" };
    let total = months.unsigned_abs();
    match (first, last) {
        (0, 0) => format!("INTERVAL '{sign}{}' YEAR", total / 12),
        (1, 1) => format!("INTERVAL '{sign}{total}' MONTH"),
        _ => format!("INTERVAL '{sign}{}-{}' YEAR TO MONTH", total / 12, total % 12),
    }
}

fn range_text(micros: i64, first: usize, last: usize) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let mut rest = micros.unsigned_abs();
    let mut text = String::new();
    for (rank, unit) in MICROS.iter().enumerate().take(last + 1).skip(first) {
        let unit = *unit as u64;
        let separator = match rank {
            _ if rank == first => "",
            3 => " ",
            _ => ":",
        };
        text.push_str(separator);
        if rank == 2 {
            text.push_str(&(rest / unit).to_string());
        } else {
            text.push_str(&format!("{:02}", rest / unit));
        }
        rest %= unit;
        if rank == SECOND && rest > 0 {
            text.push('.');
            text.push_str(format!("{rest:06}").trim_end_matches('0'));
        }
    }
    let units =
        if first == last { UNITS[first].to_string() } else { format!("{} TO {}", UNITS[first], UNITS[last]) };
    format!("INTERVAL '{sign}{text}' {units}")
}

/// Micros of a string cast to a day-time interval: `1 02:03:04`, or the whole INTERVAL constant.
pub fn parse_day_time(text: &str) -> Option<i64> {
    let (value, first, last) = unwrap_constant(text, ("DAY", "SECOND"))?;
    let (first, last) = (unit_named(&first)?, unit_named(&last)?);
    let amount = if first.rank == last.rank {
        let mut amount = Amount::default();
        add(&mut amount, &value, first)?;
        amount
    } else {
        range_amount(&value, first, last)?
    };
    (first.rank >= 2).then(|| i64::try_from(amount.micros).ok())?
}

/// Months of a string cast to a year-month interval.
pub fn parse_year_month(text: &str) -> Option<i32> {
    let (value, first, last) = unwrap_constant(text, ("YEAR", "MONTH"))?;
    let (first, last) = (unit_named(&first)?, unit_named(&last)?);
    let amount = if first.rank == last.rank {
        let mut amount = Amount::default();
        add(&mut amount, &value, first)?;
        amount
    } else {
        range_amount(&value, first, last)?
    };
    (last.rank <= 1).then(|| i32::try_from(amount.months).ok())?
}

/// Value and units of `INTERVAL 'value' UNIT TO UNIT`; a bare value has the units given.
fn unwrap_constant(text: &str, units: (&str, &str)) -> Option<(String, String, String)> {
    let text = text.trim();
    let prefixed = text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("interval"));
    if !prefixed {
        return Some((text.to_string(), units.0.to_string(), units.1.to_string()));
    }
    let rest = text[8..].trim_start();
    let (negative, rest) = split_sign(rest);
    let (value, tail) = rest.strip_prefix('\'')?.split_once('\'')?;
    let words: Vec<&str> = tail.split_whitespace().collect();
    let (first, last) = match words.as_slice() {
        [unit] => (*unit, *unit),
        [first, to, last] if to.eq_ignore_ascii_case("to") => (*first, *last),
        _ => return None,
    };
    let value = match (negative, value.strip_prefix('-')) {
        (true, Some(rest)) => rest.to_string(),
        (true, None) => format!("-{value}"),
        _ => value.to_string(),
    };
    Some((value, first.to_string(), last.to_string()))
}
