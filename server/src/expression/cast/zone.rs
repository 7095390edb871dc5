//! Time zones by name or offset, as Spark reads them: `Z`, `UTC`, `+01:00`, `GMT-3`, `Europe/Paris`.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};

/// A zone: a fixed offset in seconds, or a region with its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Fixed(i32),
    Region(chrono_tz::Tz),
}

/// Java's short names.
const SHORT_NAMES: [(&str, &str); 28] = [
    ("EST", "-05:00"),
    ("MST", "-07:00"),
    ("HST", "-10:00"),
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

impl Zone {
    pub fn parse(text: &str) -> Option<Zone> {
        if text == "Z" {
            return Some(Zone::Fixed(0));
        }
        if text.starts_with(['+', '-']) {
            return offset_seconds(text).map(Zone::Fixed);
        }
        for prefix in ["UTC", "GMT", "UT"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                match rest {
                    "" => return Some(Zone::Fixed(0)),
                    _ if rest.starts_with(['+', '-']) => return offset_seconds(rest).map(Zone::Fixed),
                    _ => {}
                }
            }
        }
        match SHORT_NAMES.iter().find(|(short, _)| *short == text) {
            Some((_, name)) if name.starts_with('-') => offset_seconds(name).map(Zone::Fixed),
            Some((_, name)) => name.parse().ok().map(Zone::Region),
            None => text.parse().ok().map(Zone::Region),
        }
    }

    /// The instant of a local time, both in micros. A time in a gap moves on by the gap; of two, the first.
    pub fn to_utc(self, local_micros: i64) -> Option<i64> {
        let tz = match self {
            Zone::Fixed(seconds) => return local_micros.checked_sub(i64::from(seconds) * 1_000_000),
            Zone::Region(tz) => tz,
        };
        let local = naive(local_micros)?;
        let offset = match tz.offset_from_local_datetime(&local) {
            chrono::LocalResult::Single(offset) => offset.fix().local_minus_utc(),
            chrono::LocalResult::Ambiguous(first, _) => first.fix().local_minus_utc(),
            // The offset before the gap, as Java.
            chrono::LocalResult::None => {
                let before = naive(local_micros.checked_sub(86_400_000_000)?)?;
                tz.offset_from_utc_datetime(&before).fix().local_minus_utc()
            }
        };
        local_micros.checked_sub(i64::from(offset) * 1_000_000)
    }

    /// The local time of an instant, both in micros.
    pub fn to_local(self, utc_micros: i64) -> Option<i64> {
        let seconds = match self {
            Zone::Fixed(seconds) => seconds,
            Zone::Region(tz) => tz.offset_from_utc_datetime(&naive(utc_micros)?).fix().local_minus_utc(),
        };
        utc_micros.checked_add(i64::from(seconds) * 1_000_000)
    }
}

fn naive(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
}

/// `+1`, `+01`, `+1:30`, `+01:30`, `+0130`, `+01:30:15`; at most 18 hours.
fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    if !rest.is_ascii() {
        return None;
    }
    let parts: Vec<&str> = if rest.contains(':') {
        rest.split(':').collect()
    } else {
        match rest.len() {
            1 | 2 => vec![rest],
            4 => vec![&rest[..2], &rest[2..]],
            6 => vec![&rest[..2], &rest[2..4], &rest[4..]],
            _ => return None,
        }
    };
    let mut numbers = [0; 3];
    if parts.len() > 3 {
        return None;
    }
    for (n, part) in parts.iter().enumerate() {
        let digits = !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        numbers[n] = part.parse().ok().filter(|_| digits)?;
    }
    let seconds: i32 = numbers[0] * 3600 + numbers[1] * 60 + numbers[2];
    (numbers[1] < 60 && numbers[2] < 60 && seconds <= 18 * 3600).then_some(sign * seconds)
}
