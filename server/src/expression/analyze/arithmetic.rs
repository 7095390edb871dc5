//! `+ - * / % div`, unary signs and bit operators: result types, and the kernel that fits.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;

use super::{Scope, apply, mismatch};
use crate::error::Result;
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::kernel::{
    Arithmetic, BitOperation, Shift, arithmetic, bit_not, bits, decimal_arithmetic, decimal_divide_integral,
    divide_integral, negate, shift,
};
use crate::expression::node::Node;
use crate::expression::parse::Ast;

impl Scope<'_> {
    /// `operator` is one of `+ - * / % div`; lenient gives null instead of an error.
    pub(super) fn arithmetic(&mut self, operator: &str, asts: &[Ast], lenient: bool) -> Result<Node> {
        let (left, right) = (self.node(&asts[0])?, self.node(&asts[1])?);
        if let Some(node) = self.temporal(operator, &left, &right, lenient)? {
            return Ok(node);
        }
        let (mut left, mut right) = self.promoted(operator, left, right)?;
        if is_decimal(&left.data_type) || is_decimal(&right.data_type) {
            if is_float(&left.data_type) || is_float(&right.data_type) {
                left = self.cast_node(left, &DataType::Float64, OnInvalid::Fail);
                right = self.cast_node(right, &DataType::Float64, OnInvalid::Fail);
            } else {
                left = self.as_decimal(left, &asts[0]);
                right = self.as_decimal(right, &asts[1]);
                return self.decimals(operator, left, right, lenient);
            }
        }
        self.numbers(operator, left, right, lenient)
    }

    /// Strings beside numbers become numbers; NULL takes the other's type.
    fn promoted(&self, operator: &str, left: Node, right: Node) -> Result<(Node, Node)> {
        use DataType::*;
        let wrong =
            |left: &Node, right: &Node| Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[left, right]));
        let to = match (&left.data_type, &right.data_type) {
            (Null, Null) => Float64,
            (Utf8, Utf8) | (Utf8, Null) | (Null, Utf8) => Float64,
            (Utf8, other) | (other, Utf8) if is_numeric(other) => match wider(&Utf8, other) {
                Some(to) => to,
                None => return wrong(&left, &right),
            },
            (Null, other) | (other, Null) if is_numeric(other) => other.clone(),
            (a, b) if is_numeric(a) && is_numeric(b) => return Ok((left, right)),
            _ => return wrong(&left, &right),
        };
        if matches!((&left.data_type, &right.data_type), (Utf8, Utf8)) {
            return Err(mismatch("BINARY_OP_WRONG_TYPE", operator, &[&left, &right])
                .hint("cast the strings to numbers"));
        }
        let left = self.string_or_null_as(left, &to);
        let right = self.string_or_null_as(right, &to);
        Ok((left, right))
    }

    fn string_or_null_as(&self, node: Node, to: &DataType) -> Node {
        match node.data_type {
            DataType::Utf8 | DataType::Null => self.cast_node(node, to, OnInvalid::Fail),
            _ => node,
        }
    }

    /// An integer beside a decimal; a constant takes only the digits it has.
    fn as_decimal(&self, node: Node, ast: &Ast) -> Node {
        if is_decimal(&node.data_type) {
            return node;
        }
        let digits = match (ast, node.as_constant()) {
            (Ast::Literal(..), Some(ScalarValue::Int8(Some(v)))) => Some(v.unsigned_abs().to_string().len()),
            (Ast::Literal(..), Some(ScalarValue::Int16(Some(v)))) => Some(v.unsigned_abs().to_string().len()),
            (Ast::Literal(..), Some(ScalarValue::Int32(Some(v)))) => Some(v.unsigned_abs().to_string().len()),
            (Ast::Literal(..), Some(ScalarValue::Int64(Some(v)))) => Some(v.unsigned_abs().to_string().len()),
            _ => None,
        };
        let precision = digits.map(|digits| digits as u8).or(decimal_for(&node.data_type).map(|(p, _)| p));
        let to = DataType::Decimal128(precision.unwrap_or(DECIMAL_PRECISION_MAX), 0);
        self.cast_node(node, &to, OnInvalid::Fail)
    }

    fn decimals(&self, operator: &str, left: Node, right: Node, lenient: bool) -> Result<Node> {
        let (Some((p1, s1)), Some((p2, s2))) = (decimal_for(&left.data_type), decimal_for(&right.data_type))
        else {
            return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&left, &right]));
        };
        let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
        let whole = (p1 - s1).max(p2 - s2);
        let (operation, data_type) = match operator {
            "+" => (Arithmetic::Add, decimal_adjusted(whole + s1.max(s2) + 1, s1.max(s2))),
            "-" => (Arithmetic::Subtract, decimal_adjusted(whole + s1.max(s2) + 1, s1.max(s2))),
            "*" => (Arithmetic::Multiply, decimal_adjusted(p1 + p2 + 1, s1 + s2)),
            "/" => {
                let scale = (s1 + p2 + 1).max(6);
                (Arithmetic::Divide, decimal_adjusted(p1 - s1 + s2 + scale, scale))
            }
            "%" => {
                let data_type = decimal_adjusted((p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2));
                (Arithmetic::Remainder, data_type)
            }
            _ => return Ok(apply(decimal_divide_integral(), vec![left, right], DataType::Int64, true)),
        };
        let DataType::Decimal128(precision, scale) = data_type else {
            return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&left, &right]));
        };
        let kernel = decimal_arithmetic(operation, precision, scale, lenient);
        let mut node = apply(kernel, vec![left, right], data_type, !lenient);
        node.nullable |= lenient;
        Ok(node)
    }

    fn numbers(&self, operator: &str, left: Node, right: Node, lenient: bool) -> Result<Node> {
        let operation = match operator {
            "+" => Arithmetic::Add,
            "-" => Arithmetic::Subtract,
            "*" => Arithmetic::Multiply,
            "%" => Arithmetic::Remainder,
            _ => Arithmetic::Divide,
        };
        let data_type = match operator {
            "/" => DataType::Float64,
            "div" if is_integral(&left.data_type) && is_integral(&right.data_type) => DataType::Int64,
            "div" => return Err(mismatch("BINARY_OP_WRONG_TYPE", operator, &[&left, &right])),
            _ => match wider(&left.data_type, &right.data_type) {
                Some(data_type) => data_type,
                None => return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&left, &right])),
            },
        };
        let kernel = match operator {
            "div" if !lenient => divide_integral(),
            _ => arithmetic(operation, &data_type, lenient)?,
        };
        let fails = !is_float(&data_type) || matches!(operation, Arithmetic::Divide | Arithmetic::Remainder);
        let left = self.cast_node(left, &data_type, OnInvalid::Fail);
        let right = self.cast_node(right, &data_type, OnInvalid::Fail);
        let mut node = apply(kernel, vec![left, right], data_type, fails && !lenient);
        node.nullable |= lenient;
        Ok(node)
    }

    pub(super) fn sign(&mut self, ast: &Ast, negative: bool) -> Result<Node> {
        let name = if negative { "negative" } else { "positive" };
        let mut node = self.node(ast)?;
        if matches!(node.data_type, DataType::Utf8 | DataType::Null) {
            node = self.cast_node(node, &DataType::Float64, OnInvalid::Fail);
        }
        let interval = is_day_time(&node.data_type) || is_year_month(&node.data_type);
        if !is_numeric(&node.data_type) && !interval {
            return Err(mismatch("UNEXPECTED_INPUT_TYPE", name, &[&node]));
        }
        if !negative {
            return Ok(node);
        }
        let (data_type, days_only) = (node.data_type.clone(), node.days_only);
        let fails = !is_float(&data_type);
        let mut negative = apply(negate(), vec![node], data_type, fails);
        negative.days_only = days_only;
        Ok(negative)
    }

    pub(super) fn bit_operation(&mut self, operator: &str, asts: &[Ast]) -> Result<Node> {
        let (left, right) = (self.node(&asts[0])?, self.node(&asts[1])?);
        let operation = match operator {
            "&" => BitOperation::And,
            "|" => BitOperation::Or,
            _ => BitOperation::Xor,
        };
        let common = wider(&left.data_type, &right.data_type).filter(is_integral);
        let Some(data_type) = common else {
            return Err(mismatch("BINARY_OP_WRONG_TYPE", operator, &[&left, &right]));
        };
        let left = self.cast_node(left, &data_type, OnInvalid::Fail);
        let right = self.cast_node(right, &data_type, OnInvalid::Fail);
        Ok(apply(bits(operation, &data_type)?, vec![left, right], data_type, false))
    }

    pub(super) fn bit_not(&mut self, ast: &Ast) -> Result<Node> {
        let node = self.node(ast)?;
        if !is_integral(&node.data_type) {
            return Err(mismatch("UNEXPECTED_INPUT_TYPE", "~", &[&node]));
        }
        let data_type = node.data_type.clone();
        Ok(apply(bit_not(), vec![node], data_type, false))
    }

    pub(super) fn shift(&mut self, operator: &str, asts: &[Ast]) -> Result<Node> {
        let (value, by) = (self.node(&asts[0])?, self.node(&asts[1])?);
        let direction = match operator {
            "<<" => Shift::Left,
            ">>" => Shift::Right,
            _ => Shift::RightUnsigned,
        };
        let data_type = if value.data_type == DataType::Int64 { DataType::Int64 } else { DataType::Int32 };
        let value = self.coerced(value, &data_type, operator)?;
        let by = self.coerced(by, &DataType::Int32, operator)?;
        Ok(apply(shift(direction, &data_type), vec![value, by], data_type, false))
    }
}
