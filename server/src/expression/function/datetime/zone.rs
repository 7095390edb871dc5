//! The functions that move times between time zones.

use std::sync::Arc;

use arrow::array::PrimitiveBuilder;
use arrow::datatypes::TimestampMicrosecondType;

use crate::error::{Error, Result};
use crate::expression::cast::Zone;
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

/// The zone of this name.
pub fn zone_named(text: &str) -> Result<Zone> {
    Zone::parse(text)
        .ok_or_else(|| Error::user("[INVALID_TIMEZONE] the time zone is not known").with("zone", text))
}

type Instants = PrimitiveBuilder<TimestampMicrosecondType>;

/// The zone of a row; a constant one is looked up once.
fn zone_of(prepared: Option<Zone>, text: &str) -> Result<Zone> {
    match prepared {
        Some(zone) => Ok(zone),
        None => zone_named(text),
    }
}

fn shift(args: &[Argument], name: &'static str, to: fn(Zone, i64) -> Option<i64>) -> Result<Call> {
    count(name, args, 2, 2)?;
    let prepared = literal_text(&args[1]).map(zone_named).transpose()?;
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
    let prepared = args[..zones].iter().map(|arg| literal_text(arg).map(zone_named).transpose());
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
