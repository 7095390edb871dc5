//! Aggregate functions: their names, what they take, and what they give.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;

use crate::error::{Error, Result};
use crate::expression::analyze::is_orderable;
use crate::expression::coercion::*;
use crate::expression::node::Node;

/// Spark's default for `approx_count_distinct`.
const RELATIVE_SD: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateFunction {
    /// `count(*)` has no arguments; `count(a, b)` counts rows where none is null.
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First {
        ignore_nulls: bool,
    },
    Last {
        ignore_nulls: bool,
    },
    StddevSamp,
    StddevPop,
    VarSamp,
    VarPop,
    CountIf,
    BoolAnd,
    BoolOr,
    ApproxCountDistinct {
        relative_sd: f64,
    },
    CollectList,
    CollectSet,
}

/// How a call is typed: the function, the types its arguments become, the result's type and nullability.
pub struct AggregateTyping {
    pub function: AggregateFunction,
    pub arguments: Vec<DataType>,
    pub output: DataType,
    pub nullable: bool,
}

/// Types a call of an aggregate function by its name (lower case).
pub fn type_aggregate(name: &str, nodes: &[Node], ignore_nulls: bool) -> Result<AggregateTyping> {
    use AggregateFunction::*;
    match name {
        "count" => {
            let arguments = nodes.iter().map(|node| node.data_type.clone()).collect();
            Ok(AggregateTyping { function: Count, arguments, output: DataType::Int64, nullable: false })
        }
        "sum" => sum(one(name, nodes)?),
        "avg" | "mean" => average(name, one(name, nodes)?),
        "min" => extreme(name, Min, one(name, nodes)?),
        "max" => extreme(name, Max, one(name, nodes)?),
        "first" | "first_value" | "any_value" => {
            let ignore_nulls = ignores_nulls(name, nodes, ignore_nulls)?;
            Ok(same(First { ignore_nulls }, &nodes[0]))
        }
        "last" | "last_value" => {
            let ignore_nulls = ignores_nulls(name, nodes, ignore_nulls)?;
            Ok(same(Last { ignore_nulls }, &nodes[0]))
        }
        "stddev" | "std" | "stddev_samp" => double(name, StddevSamp, one(name, nodes)?),
        "stddev_pop" => double(name, StddevPop, one(name, nodes)?),
        "variance" | "var_samp" => double(name, VarSamp, one(name, nodes)?),
        "var_pop" => double(name, VarPop, one(name, nodes)?),
        "count_if" => of_boolean(name, CountIf, one(name, nodes)?, DataType::Int64),
        "bool_and" | "every" => of_boolean(name, BoolAnd, one(name, nodes)?, DataType::Boolean),
        "bool_or" | "some" | "any" => of_boolean(name, BoolOr, one(name, nodes)?, DataType::Boolean),
        "approx_count_distinct" => approximate(name, nodes),
        "collect_list" | "array_agg" => collected(name, CollectList, one(name, nodes)?),
        "collect_set" => collected(name, CollectSet, one(name, nodes)?),
        _ => Err(Error::user("the aggregate function is not supported").with("function", name).hint(
            "count, sum, avg, min, max, first, last, stddev, variance, count_if, bool_and, bool_or, \
                   approx_count_distinct, collect_list and collect_set are",
        )),
    }
}

fn one<'n>(name: &str, nodes: &'n [Node]) -> Result<&'n Node> {
    match nodes {
        [node] => Ok(node),
        _ => Err(wrong_count(name, "1", nodes.len())),
    }
}

fn same(function: AggregateFunction, node: &Node) -> AggregateTyping {
    let data_type = node.data_type.clone();
    AggregateTyping { function, arguments: vec![data_type.clone()], output: data_type, nullable: true }
}

/// `first(x, true)` and `first(x) IGNORE NULLS`.
fn ignores_nulls(name: &str, nodes: &[Node], written: bool) -> Result<bool> {
    match nodes {
        [_] => Ok(written),
        [_, flag] => match flag.as_constant() {
            Some(ScalarValue::Boolean(Some(flag))) => Ok(*flag || written),
            _ => Err(unexpected_type(name, 2, "a constant BOOLEAN", &flag.data_type)),
        },
        _ => Err(wrong_count(name, "1 or 2", nodes.len())),
    }
}

fn sum(node: &Node) -> Result<AggregateTyping> {
    let (argument, output) = match &node.data_type {
        t if is_integral(t) => (t.clone(), DataType::Int64),
        DataType::Decimal128(p, s) => {
            (node.data_type.clone(), decimal_bounded(i32::from(*p) + 10, i32::from(*s)))
        }
        DataType::Float32 => (DataType::Float64, DataType::Float64),
        t if is_day_time(t) || is_year_month(t) => (t.clone(), t.clone()),
        t => {
            let number =
                as_number(t).ok_or_else(|| unexpected_type("sum", 1, "a number or an interval", t))?;
            (number.clone(), number)
        }
    };
    Ok(AggregateTyping {
        function: AggregateFunction::Sum,
        arguments: vec![argument],
        output,
        nullable: true,
    })
}

fn average(name: &str, node: &Node) -> Result<AggregateTyping> {
    let (argument, output) = match &node.data_type {
        DataType::Decimal128(p, s) => {
            (node.data_type.clone(), decimal_bounded(i32::from(*p) + 4, i32::from(*s) + 4))
        }
        t if is_day_time(t) || is_year_month(t) => (t.clone(), t.clone()),
        t if as_number(t).is_some() => (DataType::Float64, DataType::Float64),
        t => return Err(unexpected_type(name, 1, "a number or an interval", t)),
    };
    Ok(AggregateTyping {
        function: AggregateFunction::Avg,
        arguments: vec![argument],
        output,
        nullable: true,
    })
}

fn extreme(name: &str, function: AggregateFunction, node: &Node) -> Result<AggregateTyping> {
    if !is_orderable(&node.data_type) {
        return Err(unexpected_type(name, 1, "a type with an order", &node.data_type));
    }
    Ok(same(function, node))
}

fn double(name: &str, function: AggregateFunction, node: &Node) -> Result<AggregateTyping> {
    if as_number(&node.data_type).is_none() {
        return Err(unexpected_type(name, 1, "a number", &node.data_type));
    }
    Ok(AggregateTyping {
        function,
        arguments: vec![DataType::Float64],
        output: DataType::Float64,
        nullable: true,
    })
}

fn of_boolean(
    name: &str,
    function: AggregateFunction,
    node: &Node,
    output: DataType,
) -> Result<AggregateTyping> {
    let argument = expect(name, 1, &node.data_type, &DataType::Boolean)?;
    let nullable = function != AggregateFunction::CountIf;
    Ok(AggregateTyping { function, arguments: vec![argument], output, nullable })
}

fn approximate(name: &str, nodes: &[Node]) -> Result<AggregateTyping> {
    let relative_sd = match nodes {
        [_] => RELATIVE_SD,
        [_, sd] => match sd.as_constant() {
            Some(ScalarValue::Float64(Some(sd))) => *sd,
            Some(ScalarValue::Decimal128(Some(digits), _, scale)) => {
                crate::expression::cast::decimal_to_double(*digits, *scale)
            }
            _ => return Err(unexpected_type(name, 2, "a constant DOUBLE", &sd.data_type)),
        },
        _ => return Err(wrong_count(name, "1 or 2", nodes.len())),
    };
    if !(relative_sd > 0.0 && relative_sd <= 0.39) {
        return Err(Error::user("the relative standard deviation is out of range")
            .with("relative_sd", relative_sd)
            .hint("it is above 0 and at most 0.39"));
    }
    let function = AggregateFunction::ApproxCountDistinct { relative_sd };
    let arguments = vec![nodes[0].data_type.clone()];
    Ok(AggregateTyping { function, arguments, output: DataType::Int64, nullable: false })
}

fn collected(name: &str, function: AggregateFunction, node: &Node) -> Result<AggregateTyping> {
    if function == AggregateFunction::CollectSet && !is_orderable(&node.data_type) {
        return Err(unexpected_type(name, 1, "a type without MAP", &node.data_type));
    }
    let output = array_type(node.data_type.clone(), false);
    Ok(AggregateTyping { function, arguments: vec![node.data_type.clone()], output, nullable: false })
}
