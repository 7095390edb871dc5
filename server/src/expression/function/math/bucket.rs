//! `width_bucket`: which of equally wide buckets a value falls into.

use std::sync::Arc;

use arrow::array::Int64Builder;
use arrow::datatypes::{DataType, DurationMicrosecondType, IntervalYearMonthType};
use datafusion_expr_common::columnar_value::ColumnarValue;

use crate::error::Result;
use crate::expression::coercion::{is_day_time, is_year_month};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["width_bucket"], resolve: width_bucket }];

fn bucket(value: f64, from: f64, to: f64, buckets: i64) -> Option<i64> {
    let known = buckets > 0 && buckets != i64::MAX && !value.is_nan() && from.is_finite() && to.is_finite();
    if !known || from == to {
        return None;
    }
    let (lower, upper) = (from.min(to), from.max(to));
    let up = from < to;
    Some(if up && value < lower || !up && value > upper {
        0
    } else if up && value >= upper || !up && value <= lower {
        buckets + 1
    } else if up {
        (buckets as f64 * (value - lower) / (upper - lower)) as i64 + 1
    } else {
        (buckets as f64 * (upper - value) / (upper - lower)) as i64 + 1
    })
}

/// The three bounds of a row as floats.
type Bounds = Box<dyn Fn(usize) -> Option<[f64; 3]>>;

fn bounds<R: Read>(args: &[ColumnarValue], float: fn(R::Item<'_>) -> f64) -> Result<Bounds> {
    let columns = args[..3].iter().map(Column::<R>::of).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move |row| {
        let [a, b, c] = [columns[0].get(row)?, columns[1].get(row)?, columns[2].get(row)?];
        Some([float(a), float(b), float(c)])
    }))
}

fn width_bucket(args: &[Argument]) -> Result<Call> {
    count("width_bucket", args, 4, 4)?;
    let data_type = match args[0].data_type {
        interval if is_day_time(interval) || is_year_month(interval) => interval.clone(),
        _ => DOUBLE,
    };
    let types = [data_type.clone(), data_type.clone(), data_type.clone(), BIGINT];
    let kernel: Kernel = Arc::new(move |args, rows| {
        let bounds = match data_type {
            DataType::Duration(_) => bounds::<Number<DurationMicrosecondType>>(args, |v| v as f64)?,
            DataType::Interval(_) => bounds::<Number<IntervalYearMonthType>>(args, f64::from)?,
            _ => bounds::<Double>(args, |v| v)?,
        };
        let buckets = Column::<Long>::of(&args[3])?;
        over_rows(args, rows, &BIGINT, |row, out: &mut Int64Builder| {
            let known = bounds(row).zip(buckets.get(row));
            out.append_option(known.and_then(|([value, from, to], n)| bucket(value, from, to, n)));
            Ok(())
        })
    });
    Ok(nullable(call("width_bucket", args, &types, BIGINT, kernel)?))
}
