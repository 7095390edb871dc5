//! Which rule types a call: an operator, a form of its own, or a function of the registry.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::ScalarValue;

use super::refused::{refused, unknown};
use super::{Scope, apply};
use crate::error::{Error, Result};
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::kernel::add_micros;
use crate::expression::node::{Apply, BatchTime, Kind, Node};
use crate::expression::parse::{Ast, CallAst};
use crate::expression::registry::{self, Argument};
use crate::record::timestamp_type;

/// Names of aggregate functions, which stand only in `agg`.
pub const AGGREGATES: [&str; 36] = [
    "count",
    "sum",
    "avg",
    "mean",
    "min",
    "max",
    "first",
    "first_value",
    "last",
    "last_value",
    "any_value",
    "stddev",
    "std",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "count_if",
    "bool_and",
    "every",
    "bool_or",
    "some",
    "any",
    "approx_count_distinct",
    "collect_list",
    "array_agg",
    "collect_set",
    "median",
    "percentile",
    "approx_percentile",
    "corr",
    "skewness",
    "kurtosis",
    "max_by",
    "min_by",
];

/// Functions that cast, and the type they cast to.
fn cast_function(name: &str) -> Option<DataType> {
    Some(match name {
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "smallint" => DataType::Int16,
        "int" => DataType::Int32,
        "bigint" => DataType::Int64,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "decimal" => DataType::Decimal128(10, 0),
        "date" => DataType::Date32,
        "timestamp" => timestamp_type(),
        "binary" => DataType::Binary,
        "string" => DataType::Utf8,
        _ => return None,
    })
}

impl Scope<'_> {
    pub(super) fn call(&mut self, call: &CallAst) -> Result<Node> {
        let name = call.name.to_lowercase();
        // The fields of `struct` are numbered as they are written.
        let starred = name != "struct" && call.arguments.iter().any(|ast| matches!(ast, Ast::Star(_)));
        let expanded = if starred { self.without_stars(&call.arguments)? } else { Vec::new() };
        let asts = if starred { &expanded } else { call.arguments.as_slice() };
        if AGGREGATES.contains(&name.as_str()) {
            return Err(Error::user(
                "[INVALID_AGGREGATE_FUNCTION] an aggregate function stands only in `agg`",
            )
            .with("function", &call.name)
            .hint(
                "write it in `agg`, beside `groupBy: [keys]`, or `groupBy: []` for one group of all rows",
            ));
        }
        if call.distinct || call.filter.is_some() || call.ignore_nulls {
            return Err(Error::user("DISTINCT, FILTER and IGNORE NULLS belong to aggregate functions")
                .with("function", &call.name));
        }
        if let Some(node) = self.operator(&name, asts)? {
            return Ok(node);
        }
        if let Some(node) = self.conditional(&name, asts)? {
            return Ok(node);
        }
        if let Some(node) = self.constructor(&name, asts)? {
            return Ok(node);
        }
        if let Some(node) = self.higher_order(&name, asts)? {
            return Ok(node);
        }
        if let Some(node) = self.own_function(&name, asts)? {
            return Ok(node);
        }
        match registry::lookup(if name == "||" { "concat" } else { &name }) {
            Some(function) => self.registered(function, asts),
            None => Err(refused(&name).unwrap_or_else(|| unknown(&name, &registry::names()))),
        }
    }

    fn operator(&mut self, name: &str, asts: &[Ast]) -> Result<Option<Node>> {
        let count = |wanted: usize| {
            if asts.len() == wanted {
                Ok(())
            } else {
                Err(wrong_count(name, &wanted.to_string(), asts.len()))
            }
        };
        let node = match name {
            "-" if asts.len() == 1 => self.sign(&asts[0], true)?,
            "+" | "-" | "*" | "/" | "%" | "div" => self.arithmetic(name, asts, false)?,
            "mod" => {
                count(2)?;
                self.arithmetic("%", asts, false)?
            }
            "try_add" | "try_subtract" | "try_multiply" | "try_divide" | "try_mod" => {
                count(2)?;
                let operator = match name {
                    "try_add" => "+",
                    "try_subtract" => "-",
                    "try_multiply" => "*",
                    "try_divide" => "/",
                    _ => "%",
                };
                self.arithmetic(operator, asts, true)?
            }
            "negative" | "positive" => {
                count(1)?;
                self.sign(&asts[0], name == "negative")?
            }
            "&" | "|" | "^" => self.bit_operation(name, asts)?,
            "~" => self.bit_not(&asts[0])?,
            "<<" | ">>" | ">>>" => self.shift(name, asts)?,
            "shiftleft" | "shiftright" | "shiftrightunsigned" => {
                count(2)?;
                let operator = match name {
                    "shiftleft" => "<<",
                    "shiftright" => ">>",
                    _ => ">>>",
                };
                self.shift(operator, asts)?
            }
            "=" | "<=>" | "<" | "<=" | ">" | ">=" => self.comparison(name, asts)?,
            "equal_null" => {
                count(2)?;
                self.comparison("<=>", asts)?
            }
            "and" | "or" => self.logic(name, asts)?,
            "not" => {
                count(1)?;
                self.negation(&asts[0])?
            }
            "between" => self.between(asts)?,
            "in" => self.in_list(asts)?,
            "like" | "ilike" => self.like(name, asts)?,
            _ => return Ok(None),
        };
        Ok(Some(node))
    }

    /// Functions that need the batch's time, the type of an argument, or a cast.
    fn own_function(&mut self, name: &str, asts: &[Ast]) -> Result<Option<Node>> {
        let time = |what, data_type| Ok(Some(Node::new(Kind::BatchTime(what), data_type, false, false)));
        match (name, asts) {
            ("current_timestamp" | "now", []) => time(BatchTime::Timestamp, timestamp_type()),
            ("localtimestamp", []) => time(BatchTime::TimestampNtz, timestamp_ntz_type()),
            ("current_date" | "curdate", []) => time(BatchTime::Date, DataType::Date32),
            ("current_timezone", []) => Ok(Some(Node::constant(ScalarValue::Utf8(Some("UTC".into()))))),
            ("typeof", [ast]) => {
                let node = self.node(ast)?;
                Ok(Some(Node::constant(ScalarValue::Utf8(Some(simple_type_name(&node.data_type))))))
            }
            ("window_time", [ast]) => self.window_time(ast).map(Some),
            ("cast", _) => Ok(None),
            (name, [ast]) => match cast_function(name) {
                Some(to) => self.cast(ast, &to, false).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The last instant of a window: its end less a microsecond.
    pub(super) fn window_time(&mut self, ast: &Ast) -> Result<Node> {
        let window = self.node(ast)?;
        let end = self.field_of(window, "end")?;
        if !is_timestamp(&end.data_type) {
            return Err(unexpected_type("window_time", 1, "a window", &end.data_type));
        }
        let data_type = end.data_type.clone();
        let micro = Node::constant(ScalarValue::DurationMicrosecond(Some(1)));
        Ok(apply(add_micros(true), vec![end, micro], data_type, true))
    }

    fn registered(&mut self, function: &registry::Function, asts: &[Ast]) -> Result<Node> {
        let nodes = self.nodes(asts)?;
        let arguments: Vec<Argument> = nodes
            .iter()
            .zip(asts)
            .map(|(node, ast)| Argument {
                data_type: &node.data_type,
                nullable: node.nullable,
                name: field_name(ast),
                literal: node.as_constant(),
            })
            .collect();
        let call = (function.resolve)(&arguments)?;
        if call.arguments.len() != nodes.len() {
            return Err(Error::internal("a function typed another number of arguments")
                .with("function", function.names[0]));
        }
        let mut coerced = Vec::with_capacity(nodes.len());
        for (place, (node, to)) in nodes.into_iter().zip(&call.arguments).enumerate() {
            if !implicit(&node.data_type, to) {
                return Err(unexpected_type(
                    function.names[0],
                    place + 1,
                    &crate::record::type_name(to),
                    &node.data_type,
                ));
            }
            coerced.push(self.cast_node(node, to, OnInvalid::Fail));
        }
        let kind = Kind::Apply(Apply { kernel: call.kernel, arguments: coerced, strict: false });
        Ok(Node::new(kind, call.output, call.nullable, true))
    }
}

/// The type as `typeof` gives it: lower case, `struct<a:int>`.
pub fn simple_type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(element) => format!("array<{}>", simple_type_name(element.data_type())),
        DataType::Map(..) => match map_fields(data_type) {
            Some((key, value)) => {
                format!("map<{},{}>", simple_type_name(key.data_type()), simple_type_name(value.data_type()))
            }
            None => "map".to_string(),
        },
        DataType::Struct(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|f| format!("{}:{}", f.name(), simple_type_name(f.data_type()))).collect();
            format!("struct<{}>", fields.join(","))
        }
        DataType::Duration(TimeUnit::Microsecond) => "interval day to second".to_string(),
        other => crate::record::type_name(other).to_lowercase(),
    }
}

/// The name of a column or a field that stands alone.
fn field_name(ast: &Ast) -> Option<&str> {
    match ast {
        Ast::Name(name) | Ast::Field(_, name) => Some(name),
        _ => None,
    }
}
