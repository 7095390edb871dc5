//! Arithmetic on dates, timestamps and intervals.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion_common::ScalarValue;

use super::{Scope, apply, mismatch};
use crate::error::Result;
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::kernel::{
    add_micros, add_months, date_plus_days, days_between, interval_of_days, interval_sum, interval_times,
    micros_between,
};
use crate::expression::node::Node;
use crate::record::timestamp_type;

const DAY_TIME: DataType = DataType::Duration(TimeUnit::Microsecond);
const YEAR_MONTH: DataType = DataType::Interval(IntervalUnit::YearMonth);

impl Scope<'_> {
    /// None: no operand is a time or an interval.
    pub(super) fn temporal(
        &self,
        operator: &str,
        left: &Node,
        right: &Node,
        lenient: bool,
    ) -> Result<Option<Node>> {
        let time = |node: &Node| is_datetime(&node.data_type);
        let interval = |node: &Node| is_day_time(&node.data_type) || is_year_month(&node.data_type);
        if !time(left) && !time(right) && !interval(left) && !interval(right) {
            return Ok(None);
        }
        let (left, right) = (left.clone(), right.clone());
        let (left_null, right_null) = (left.data_type == DataType::Null, right.data_type == DataType::Null);
        let node = match operator {
            "+" | "-" if interval(&left) && (interval(&right) || right_null) => {
                self.sum_of_intervals(operator, left, right)
            }
            "+" if interval(&left) => self.plus(right, left, false),
            "+" | "-" if interval(&right) && left_null => self.sum_of_intervals(operator, left, right),
            "+" | "-" if interval(&right) => self.plus(left, right, operator == "-"),
            "+" if left_null || right_null => {
                let null = if left_null { right } else { left };
                let to = if null.data_type == DataType::Date32 { timestamp_type() } else { null.data_type };
                Ok(self.cast_node(Node::constant(ScalarValue::Null), &to, OnInvalid::Fail))
            }
            "-" if left_null || right_null => {
                Ok(self.cast_node(Node::constant(ScalarValue::Null), &DAY_TIME, OnInvalid::Fail))
            }
            "-" if time(&left) && time(&right) => self.difference(left, right),
            "-" if time(&right) && left.data_type == DataType::Utf8 => self.difference(left, right),
            "-" if time(&left) && right.data_type == DataType::Utf8 => self.difference(left, right),
            "+" | "-" if left.data_type == DataType::Date32 => self.plus_days(left, right, operator == "-"),
            "+" if right.data_type == DataType::Date32 => self.plus_days(right, left, false),
            "*" if interval(&left) => self.scaled(left, right, [false, lenient]),
            "*" if interval(&right) => self.scaled(right, left, [false, lenient]),
            "/" if interval(&left) => self.scaled(left, right, [true, lenient]),
            _ => Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&left, &right])),
        };
        node.map(Some)
    }

    fn plus_days(&self, date: Node, days: Node, subtract: bool) -> Result<Node> {
        let operator = if subtract { "date_sub" } else { "date_add" };
        let fits =
            matches!(days.data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Null);
        if !fits {
            return Err(mismatch("UNEXPECTED_INPUT_TYPE", operator, &[&date, &days]));
        }
        let days = self.coerced(days, &DataType::Int32, operator)?;
        Ok(apply(date_plus_days(subtract), vec![date, days], DataType::Date32, false))
    }

    fn plus(&self, time: Node, interval: Node, subtract: bool) -> Result<Node> {
        let operator = if subtract { "-" } else { "+" };
        if time.data_type == DataType::Date32 && interval.days_only {
            let days = apply(interval_of_days(), vec![interval], DataType::Int32, false);
            return self.plus_days(time, days, subtract);
        }
        let text = time.data_type == DataType::Utf8;
        let time = match time.data_type {
            DataType::Date32 if is_day_time(&interval.data_type) => {
                self.cast_node(time, &timestamp_type(), OnInvalid::Fail)
            }
            DataType::Utf8 => self.cast_node(time, &timestamp_type(), OnInvalid::Fail),
            _ if is_datetime(&time.data_type) => time,
            _ => return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&time, &interval])),
        };
        let data_type = time.data_type.clone();
        let kernel =
            if is_day_time(&interval.data_type) { add_micros(subtract) } else { add_months(subtract) };
        let sum = apply(kernel, vec![time, interval], data_type, true);
        Ok(if text { self.cast_node(sum, &DataType::Utf8, OnInvalid::Fail) } else { sum })
    }

    fn difference(&self, left: Node, right: Node) -> Result<Node> {
        if left.data_type == DataType::Date32 && right.data_type == DataType::Date32 {
            let mut node = apply(days_between(), vec![left, right], DAY_TIME, true);
            node.days_only = true;
            return Ok(node);
        }
        let Some(data_type) = wider(&left.data_type, &right.data_type) else {
            return Err(mismatch("BINARY_OP_DIFF_TYPES", "-", &[&left, &right]));
        };
        let left = self.cast_node(left, &data_type, OnInvalid::Fail);
        let right = self.cast_node(right, &data_type, OnInvalid::Fail);
        if data_type == DataType::Date32 {
            return self.difference(left, right);
        }
        Ok(apply(micros_between(), vec![left, right], DAY_TIME, true))
    }

    fn sum_of_intervals(&self, operator: &str, left: Node, right: Node) -> Result<Node> {
        let to = if left.data_type == DataType::Null { &right.data_type } else { &left.data_type }.clone();
        let fits = |node: &Node| node.data_type == to || node.data_type == DataType::Null;
        if !fits(&left) || !fits(&right) || (to != DAY_TIME && to != YEAR_MONTH) {
            return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&left, &right]));
        }
        let days_only = left.days_only && right.days_only;
        let left = self.cast_node(left, &to, OnInvalid::Fail);
        let right = self.cast_node(right, &to, OnInvalid::Fail);
        let mut node = apply(interval_sum(operator == "-"), vec![left, right], to, true);
        node.days_only = days_only;
        Ok(node)
    }

    fn scaled(&self, interval: Node, number: Node, [divide, lenient]: [bool; 2]) -> Result<Node> {
        let operator = if divide { "/" } else { "*" };
        let to = match &number.data_type {
            number if is_integral(number) => DataType::Int64,
            number if is_numeric(number) || matches!(number, DataType::Utf8 | DataType::Null) => {
                DataType::Float64
            }
            _ => return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&interval, &number])),
        };
        let data_type = interval.data_type.clone();
        let number = self.cast_node(number, &to, OnInvalid::Fail);
        let mut node = apply(interval_times(divide, lenient), vec![interval, number], data_type, !lenient);
        node.nullable |= lenient;
        Ok(node)
    }
}
