//! Time zones: offsets and regions, and the functions that move times between them.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::PrimitiveBuilder;
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::calendar::MICROS_PER_SECOND;
use crate::error::{Error, Result};
use crate::expression::coercion::timestamp_ntz_type;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::timestamp_type;

pub static FUNCTIONS: &[Function] = &[
    Function {
        names: &["from_utc_timestamp"],
        resolve: |args| shift(args, "from_utc_timestamp", Zone::to_local),
    },
    Function { names: &["to_utc_timestamp"], resolve: |args| shift(args, "to_utc_timestamp", Zone::to_utc) },
    Function { names: &["convert_timezone"], resolve: convert_timezone },
    Function { names: &["current_timezone"], resolve: current_timezone },
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Zone {
    /// Seconds east of UTC.
    Fixed(i64),
    Region(Tz),
}

/// Java's short names of zones.
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

/// `h`, `hh`, `h:mm`, `hhmm`, `hh:mm:ss` behind a sign, in seconds; at most 18 hours.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let parts: Vec<&str> = if rest.contains(':') {
        rest.split(':').collect()
    } else {
        let first = if rest.len() % 2 == 0 { 2 } else { 1 };
        (0..rest.len())
            .filter(|at| *at == 0 || at % 2 == first % 2)
            .map(|at| {
                let end = if at == 0 { first } else { at + 2 };
                rest.get(at..end.min(rest.len())).unwrap_or("")
            })
            .collect()
    };
    let number = |i: usize, most: i64| -> Option<i64> {
        let Some(part) = parts.get(i) else { return Some(0) };
        let digits = !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|value| digits && *value <= most)
    };
    let seconds = number(0, 18)? * 3600 + number(1, 59)? * 60 + number(2, 59)?;
    (parts.len() <= 3 && seconds <= 18 * 3600).then_some(sign * seconds)
}

impl Zone {
    /// A zone of Java: `Z`, `+05:30`, `GMT+1`, `UTC`, `Europe/Paris`, `PST`.
    pub fn parse(text: &str) -> Result<Zone> {
        Zone::known(text)
            .ok_or_else(|| Error::user("[INVALID_TIMEZONE] the time zone is not known").with("zone", text))
    }

    pub fn known(text: &str) -> Option<Zone> {
        if text == "Z" {
            return Some(Zone::Fixed(0));
        }
        if let Some(seconds) = offset(text) {
            return Some(Zone::Fixed(seconds));
        }
        for prefix in ["UTC", "GMT", "UT"] {
            if let Some(rest) =
                text.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with(['+', '-']))
            {
                return if rest.is_empty() { Some(Zone::Fixed(0)) } else { offset(rest).map(Zone::Fixed) };
            }
        }
        if let Some((_, meaning)) = SHORT_NAMES.iter().find(|(name, _)| *name == text) {
            return Zone::known(meaning);
        }
        Tz::from_str(text).ok().map(Zone::Region)
    }

    /// The clock of the zone at an instant, as if it were UTC.
    pub fn to_local(self, micros: i64) -> Option<i64> {
        let seconds = match self {
            Zone::Fixed(seconds) => seconds,
            Zone::Region(region) => {
                let instant = DateTime::from_timestamp_micros(micros)?.naive_utc();
                region.offset_from_utc_datetime(&instant).fix().local_minus_utc().into()
            }
        };
        micros.checked_add(seconds * MICROS_PER_SECOND)
    }

    /// The instant at which the zone's clock shows a time. Of two, the earlier; a time that the clock skips
    /// counts from before the gap.
    pub fn to_utc(self, local: i64) -> Option<i64> {
        let seconds = match self {
            Zone::Fixed(seconds) => seconds,
            Zone::Region(region) => {
                let clock = DateTime::from_timestamp_micros(local)?.naive_utc();
                match region.offset_from_local_datetime(&clock) {
                    chrono::LocalResult::Single(offset) | chrono::LocalResult::Ambiguous(offset, _) => {
                        offset.fix().local_minus_utc().into()
                    }
                    chrono::LocalResult::None => {
                        // Before the gap is a day earlier: zones do not change twice a day.
                        let before = clock - chrono::TimeDelta::days(1);
                        let offset = region.offset_from_local_datetime(&before).earliest()?;
                        offset.fix().local_minus_utc().into()
                    }
                }
            }
        };
        local.checked_sub(seconds * MICROS_PER_SECOND)
    }
}

type Instants = PrimitiveBuilder<TimestampMicrosecondType>;

/// The zone of a row; a constant one is looked up once.
fn zone_of(prepared: Option<Zone>, text: &str) -> Result<Zone> {
    match prepared {
        Some(zone) => Ok(zone),
        None => Zone::parse(text),
    }
}

fn shift(args: &[Argument], name: &'static str, to: fn(Zone, i64) -> Option<i64>) -> Result<Call> {
    count(name, args, 2, 2)?;
    let prepared = literal_text(&args[1]).map(Zone::parse).transpose()?;
    let kernel = map2::<Instant, Text, Instants, _>(timestamp_type(), move |micros, zone, out| {
        let zone = zone_of(prepared, zone)?;
        out.append_value(to(zone, micros).ok_or_else(|| overflow(name))?);
        Ok(())
    });
    call(name, args, &[timestamp_type(), STRING], timestamp_type(), kernel)
}

/// `convert_timezone([source,] target, time)`; the session's zone is the source where none is given.
fn convert_timezone(args: &[Argument]) -> Result<Call> {
    count("convert_timezone", args, 2, 3)?;
    let zones = args.len() - 1;
    let prepared = args[..zones].iter().map(|arg| literal_text(arg).map(Zone::parse).transpose());
    let prepared = prepared.collect::<Result<Vec<_>>>()?;
    let mut types = vec![STRING; zones];
    types.push(timestamp_ntz_type());
    let kernel: Kernel = Arc::new(move |args, rows| {
        let texts = args[..zones].iter().map(Column::<Text>::of).collect::<Result<Vec<_>>>()?;
        let times = Column::<Instant>::of(&args[zones])?;
        over_rows(args, rows, &timestamp_ntz_type(), |row, out: &mut Instants| {
            let names: Option<Vec<&str>> = texts.iter().map(|texts| texts.get(row)).collect();
            let (Some(names), Some(time)) = (names, times.get(row)) else {
                out.append_null();
                return Ok(());
            };
            let target = zone_of(prepared[zones - 1], names[zones - 1])?;
            let source = if zones == 2 { zone_of(prepared[0], names[0])? } else { Zone::Fixed(0) };
            let moved = source.to_utc(time).and_then(|instant| target.to_local(instant));
            out.append_value(moved.ok_or_else(|| overflow("convert_timezone"))?);
            Ok(())
        })
    });
    call("convert_timezone", args, &types, timestamp_ntz_type(), kernel)
}

fn current_timezone(args: &[Argument]) -> Result<Call> {
    let kernel: Kernel = Arc::new(|_, _| {
        let zone = datafusion_common::ScalarValue::Utf8(Some("UTC".into()));
        Ok(datafusion_expr_common::columnar_value::ColumnarValue::Scalar(zone))
    });
    call("current_timezone", args, &[], STRING, kernel)
}
