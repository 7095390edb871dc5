//! Comparisons, IN, BETWEEN, LIKE, and the three-valued AND, OR, NOT.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;

use super::{Scope, apply, mismatch};
use crate::error::{Error, Result};
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::kernel::{Comparison, Like, compare, like, not};
use crate::expression::node::{Apply, Kind, Node};
use crate::expression::parse::Ast;

impl Scope<'_> {
    pub(super) fn comparison(&mut self, operator: &str, asts: &[Ast]) -> Result<Node> {
        let (left, right) = (self.node(&asts[0])?, self.node(&asts[1])?);
        self.compare(operator, left, right)
    }

    pub(super) fn compare(&self, operator: &str, left: Node, right: Node) -> Result<Node> {
        let comparison = match operator {
            "=" => Comparison::Equal,
            "<=>" => Comparison::NullSafeEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            _ => Comparison::GreaterOrEqual,
        };
        let Some(data_type) = comparable(&left.data_type, &right.data_type) else {
            return Err(mismatch("BINARY_OP_DIFF_TYPES", operator, &[&left, &right])
                .hint("cast one side to the type of the other"));
        };
        if !is_orderable(&data_type) {
            return Err(mismatch("INVALID_ORDERING_TYPE", operator, &[&left, &right]));
        }
        if data_type == DataType::Null {
            let value = ScalarValue::Boolean((operator == "<=>").then_some(true));
            return Ok(Node { data_type: DataType::Boolean, ..Node::constant(value) });
        }
        let left = self.cast_node(left, &data_type, OnInvalid::Fail);
        let right = self.cast_node(right, &data_type, OnInvalid::Fail);
        let mut node = apply(compare(comparison), vec![left, right], DataType::Boolean, false);
        if comparison == Comparison::NullSafeEqual {
            node.nullable = false;
            if let Kind::Apply(apply) = &mut node.kind {
                apply.strict = false;
            }
        }
        Ok(node)
    }

    /// A BOOLEAN; NULL and strings are cast.
    pub(super) fn boolean(&mut self, ast: &Ast, what: &str) -> Result<Node> {
        let node = self.node(ast)?;
        self.as_boolean(node, what)
    }

    pub fn as_boolean(&self, node: Node, what: &str) -> Result<Node> {
        match node.data_type {
            DataType::Boolean => Ok(node),
            DataType::Null | DataType::Utf8 => Ok(self.cast_node(node, &DataType::Boolean, OnInvalid::Fail)),
            _ => Err(unexpected_type(what, 1, "BOOLEAN", &node.data_type)),
        }
    }

    pub(super) fn logic(&mut self, operator: &str, asts: &[Ast]) -> Result<Node> {
        let left = self.boolean(&asts[0], operator)?;
        let right = self.boolean(&asts[1], operator)?;
        Ok(join(operator, left, right))
    }

    pub(super) fn negation(&mut self, ast: &Ast) -> Result<Node> {
        let node = self.boolean(ast, "not")?;
        Ok(apply(not(), vec![node], DataType::Boolean, false))
    }

    pub(super) fn between(&mut self, asts: &[Ast]) -> Result<Node> {
        let [value, low, high] = asts else { return Err(wrong_count("between", "3", asts.len())) };
        let value = self.node(value)?;
        let (low, high) = (self.node(low)?, self.node(high)?);
        let above = self.compare(">=", value.clone(), low)?;
        let below = self.compare("<=", value, high)?;
        Ok(join("and", above, below))
    }

    pub(super) fn in_list(&mut self, asts: &[Ast]) -> Result<Node> {
        let nodes = self.nodes(asts)?;
        let shared = wider_of(nodes.iter().map(|node| &node.data_type));
        let nodes = if shared.is_some() { self.common(nodes, "in")? } else { nodes };
        let mut nodes = nodes.into_iter();
        let value = nodes.next().ok_or_else(|| Error::internal("IN has no value"))?;
        if !is_orderable(&value.data_type) {
            return Err(mismatch("INVALID_ORDERING_TYPE", "in", &[&value]));
        }
        let tests = nodes.map(|item| self.compare("=", value.clone(), item)).collect::<Result<Vec<_>>>()?;
        let joined = tests.into_iter().reduce(|left, right| join("or", left, right));
        joined.ok_or_else(|| Error::user("[PARSE_SYNTAX_ERROR] IN has an empty list"))
    }

    pub(super) fn like(&mut self, name: &str, asts: &[Ast]) -> Result<Node> {
        if asts.len() != 2 && asts.len() != 3 {
            return Err(wrong_count(name, "2 or 3", asts.len()));
        }
        let value = self.node(&asts[0])?;
        let value = self.coerced(value, &DataType::Utf8, name)?;
        let pattern = self.node(&asts[1])?;
        let pattern = self.coerced(pattern, &DataType::Utf8, name)?;
        let escape = match asts.get(2) {
            None => '\\',
            Some(ast) => self.escape(ast)?,
        };
        let kind = if name == "like" { Like::Like { escape } } else { Like::ILike { escape } };
        let kernel = like(kind, pattern.as_constant());
        let fallible = pattern.as_constant().is_none();
        match kernel {
            Ok(kernel) => Ok(apply(kernel, vec![value, pattern], DataType::Boolean, fallible)),
            // A wrong pattern is an error of the rows that reach it.
            Err(_) => Ok(apply(like(kind, None)?, vec![value, pattern], DataType::Boolean, true)),
        }
    }

    fn escape(&mut self, ast: &Ast) -> Result<char> {
        let node = self.node(ast)?;
        let text = match node.as_constant() {
            Some(ScalarValue::Utf8(Some(text))) => text.clone(),
            _ => String::new(),
        };
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(escape), None) => Ok(escape),
            _ => Err(Error::user("[INVALID_ESCAPE_CHAR] ESCAPE takes one character").with("escape", text)),
        }
    }
}

/// `and` or `or` of two BOOLEANs.
pub fn join(operator: &str, left: Node, right: Node) -> Node {
    let (nullable, fallible) = (left.nullable || right.nullable, left.fallible || right.fallible);
    let (left, right) = (Box::new(left), Box::new(right));
    let kind = if operator == "and" { Kind::And(left, right) } else { Kind::Or(left, right) };
    Node::new(kind, DataType::Boolean, nullable, fallible)
}

/// A call that sees nulls itself.
pub fn apply_to_nulls(
    kernel: crate::expression::registry::Kernel,
    arguments: Vec<Node>,
    data_type: DataType,
    nullable: bool,
) -> Node {
    let fallible = arguments.iter().any(|argument| argument.fallible);
    Node::new(Kind::Apply(Apply { kernel, arguments, strict: false }), data_type, nullable, fallible)
}

/// Everything but maps has an order.
pub fn is_orderable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Map(..) => false,
        DataType::List(element) => is_orderable(element.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_orderable(field.data_type())),
        _ => true,
    }
}
