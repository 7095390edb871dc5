//! Forms that compute a value only for the rows that need it: AND, OR, CASE, COALESCE, and arguments after a
//! null one. What cannot fail is computed for all rows, since that is faster.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, NullArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and_kleene, interleave, is_not_null, is_null, or_kleene, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::{Apply, Frame, Node, into_array};
use crate::error::{Error, Result};

fn broken(cause: ArrowError) -> Error {
    Error::internal("cannot put rows together").because(cause)
}

pub fn apply(apply: &Apply, frame: &Frame, data_type: &DataType) -> Result<ColumnarValue> {
    let mut values: Vec<ColumnarValue> = Vec::with_capacity(apply.arguments.len());
    let mut nulls: Option<NullBuffer> = None;
    for argument in &apply.arguments {
        let value = match nulls.as_ref().filter(|nulls| argument.fallible && nulls.null_count() > 0) {
            Some(nulls) => ColumnarValue::Array(where_needed(argument, frame, nulls.inner())?),
            None => argument.evaluate(frame)?,
        };
        if apply.strict {
            match &value {
                ColumnarValue::Scalar(scalar) if scalar.is_null() => return null_of(data_type),
                ColumnarValue::Array(array) => {
                    nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
                }
                ColumnarValue::Scalar(_) => {}
            }
        }
        values.push(value);
    }
    (apply.kernel)(&values, frame.rows)
}

fn null_of(data_type: &DataType) -> Result<ColumnarValue> {
    let null = ScalarValue::try_from(data_type);
    null.map(ColumnarValue::Scalar).map_err(|error| Error::internal("a type has no null").because(error))
}

/// The node's values where `needed`, null elsewhere.
fn where_needed(node: &Node, frame: &Frame, needed: &BooleanBuffer) -> Result<ArrayRef> {
    let mask = BooleanArray::new(needed.clone(), None);
    let found = node.array(&frame.filtered(&mask, node)?)?;
    let mut next = 0;
    let places: UInt32Array = needed
        .iter()
        .map(|needed| {
            next += u32::from(needed);
            needed.then(|| next - 1)
        })
        .collect();
    take(&found, &places, None).map_err(broken)
}

pub fn and(left: &Node, right: &Node, frame: &Frame) -> Result<ColumnarValue> {
    let found = left.booleans(frame)?;
    let other = boolean_where(right, frame, || not_equal_to(&found, false))?;
    and_kleene(&found, &other).map(|array| ColumnarValue::Array(Arc::new(array))).map_err(broken)
}

pub fn or(left: &Node, right: &Node, frame: &Frame) -> Result<ColumnarValue> {
    let found = left.booleans(frame)?;
    let other = boolean_where(right, frame, || not_equal_to(&found, true))?;
    or_kleene(&found, &other).map(|array| ColumnarValue::Array(Arc::new(array))).map_err(broken)
}

/// Null, or the other truth value.
fn not_equal_to(values: &BooleanArray, decided: bool) -> BooleanBuffer {
    let open = if decided { !values.values() } else { values.values().clone() };
    match values.nulls() {
        Some(nulls) => &open | &!nulls.inner(),
        None => open,
    }
}

fn boolean_where(node: &Node, frame: &Frame, needed: impl Fn() -> BooleanBuffer) -> Result<BooleanArray> {
    if !node.fallible {
        return node.booleans(frame);
    }
    let needed = needed();
    match needed.count_set_bits() {
        0 => Ok(BooleanArray::new_null(frame.rows)),
        all if all == frame.rows => node.booleans(frame),
        _ => Ok(BooleanArray::from(where_needed(node, frame, &needed)?.to_data())),
    }
}

pub fn case(branches: &[(Node, Node)], otherwise: &Node, to: &DataType, frame: &Frame) -> Result<ArrayRef> {
    if *to == DataType::Null {
        return Ok(Arc::new(NullArray::new(frame.rows)));
    }
    let fallible = otherwise.fallible || branches.iter().any(|(test, value)| test.fallible || value.fallible);
    if fallible { lazy_case(branches, otherwise, frame) } else { eager_case(branches, otherwise, frame) }
}

fn eager_case(branches: &[(Node, Node)], otherwise: &Node, frame: &Frame) -> Result<ArrayRef> {
    let mut result = otherwise.array(frame)?;
    for (test, value) in branches.iter().rev() {
        let mask = certain(&test.booleans(frame)?);
        result = zip(&mask, &value.array(frame)?, &result).map_err(broken)?;
    }
    Ok(result)
}

/// Null as false.
fn certain(mask: &BooleanArray) -> BooleanArray {
    match mask.nulls() {
        Some(nulls) => BooleanArray::new(mask.values() & nulls.inner(), None),
        None => mask.clone(),
    }
}

fn lazy_case(branches: &[(Node, Node)], otherwise: &Node, frame: &Frame) -> Result<ArrayRef> {
    let mut places = vec![(0_usize, 0_usize); frame.rows];
    let mut pieces: Vec<ArrayRef> = Vec::new();
    let mut open = BooleanBuffer::new_set(frame.rows);
    let mut settle = |value: &Node, rows: &BooleanBuffer| -> Result<()> {
        if rows.count_set_bits() == 0 {
            return Ok(());
        }
        let mask = BooleanArray::new(rows.clone(), None);
        for (at, row) in rows.set_indices().enumerate() {
            places[row] = (pieces.len(), at);
        }
        pieces.push(value.array(&frame.filtered(&mask, value)?)?);
        Ok(())
    };
    for (test, value) in branches {
        if open.count_set_bits() == 0 {
            break;
        }
        let tested = if test.fallible && open.count_set_bits() < frame.rows {
            BooleanArray::from(where_needed(test, frame, &open)?.to_data())
        } else {
            test.booleans(frame)?
        };
        let matched = &open & certain(&tested).values();
        settle(value, &matched)?;
        open = &open & &!&matched;
    }
    settle(otherwise, &open)?;
    let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| piece.as_ref()).collect();
    interleave(&pieces, &places).map_err(broken)
}

pub fn coalesce(values: &[Node], frame: &Frame) -> Result<ArrayRef> {
    let mut result: Option<ArrayRef> = None;
    for node in values {
        let Some(found) = result.take() else {
            result = Some(node.array(frame)?);
            continue;
        };
        let missing = is_null(&found).map_err(broken)?;
        if missing.true_count() == 0 {
            return Ok(found);
        }
        let next = if node.fallible && missing.true_count() < frame.rows {
            where_needed(node, frame, missing.values())?
        } else {
            into_array(node.evaluate(frame)?, frame.rows)?
        };
        let present = is_not_null(&found).map_err(broken)?;
        result = Some(match found.data_type() {
            DataType::Null => next,
            _ => zip(&present, &found, &next).map_err(broken)?,
        });
    }
    result.ok_or_else(|| Error::internal("coalesce has no values"))
}
