//! Casts in the typed tree: those that the user wrote, and the implicit ones.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::{Scope, apply};
use crate::error::{Error, Result};
use crate::expression::cast::{OnInvalid, can_cast, cast};
use crate::expression::coercion::*;
use crate::expression::node::{Node, into_array};
use crate::expression::parse::Ast;
use crate::expression::registry::Kernel;
use crate::record::type_name;

impl Scope<'_> {
    pub(super) fn cast(&mut self, value: &Ast, to: &DataType, lenient: bool) -> Result<Node> {
        let node = self.node(value)?;
        self.explicit_cast(node, to, lenient)
    }

    pub(super) fn explicit_cast(&self, node: Node, to: &DataType, lenient: bool) -> Result<Node> {
        if !can_cast(&node.data_type, to) {
            let class = "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION";
            return Err(Error::user(format!("[{class}] there is no cast between these types"))
                .with("from", type_name(&node.data_type))
                .with("to", type_name(to)));
        }
        let on_invalid = if lenient { OnInvalid::Null } else { OnInvalid::Fail };
        Ok(self.cast_node(node, to, on_invalid))
    }

    /// The node as `to`, by Spark's implicit cast; `what` names the place in the error.
    pub fn coerced(&self, node: Node, to: &DataType, what: &str) -> Result<Node> {
        if !implicit(&node.data_type, to) {
            return Err(unexpected_type(what, 1, &type_name(to), &node.data_type));
        }
        Ok(self.cast_node(node, to, OnInvalid::Fail))
    }

    /// All nodes as their common type.
    pub fn common(&self, nodes: Vec<Node>, what: &str) -> Result<Vec<Node>> {
        let Some(data_type) = wider_of(nodes.iter().map(|node| &node.data_type)) else {
            let nodes: Vec<&Node> = nodes.iter().collect();
            return Err(super::mismatch("DATA_DIFF_TYPES", what, &nodes).hint("cast the values to one type"));
        };
        Ok(nodes.into_iter().map(|node| self.cast_node(node, &data_type, OnInvalid::Fail)).collect())
    }

    /// A cast that is known to be allowed.
    pub(super) fn cast_node(&self, node: Node, to: &DataType, on_invalid: OnInvalid) -> Node {
        if node.data_type == *to {
            return node;
        }
        if node.data_type == DataType::Null
            && let Ok(null) = ScalarValue::try_from(to)
        {
            return Node { data_type: to.clone(), ..Node::constant(null) };
        }
        let fallible = on_invalid == OnInvalid::Fail && may_fail(&node.data_type, to);
        let nullable = node.nullable || on_invalid == OnInvalid::Null || is_float(&node.data_type);
        let mut cast = apply(cast_kernel(to.clone(), on_invalid), vec![node], to.clone(), fallible);
        cast.nullable = nullable;
        self.folded(cast)
    }
}

fn cast_kernel(to: DataType, on_invalid: OnInvalid) -> Kernel {
    Arc::new(move |values, rows| match &values[0] {
        ColumnarValue::Array(array) => Ok(ColumnarValue::Array(cast(array, &to, on_invalid)?)),
        scalar => {
            let one = cast(&into_array(scalar.clone(), 1)?, &to, on_invalid)?;
            let value = ScalarValue::try_from_array(&one, 0);
            let value = value.map_err(|error| Error::internal("a cast gave no constant").because(error))?;
            debug_assert!(rows > 0);
            Ok(ColumnarValue::Scalar(value))
        }
    })
}

/// May a value not fit?
fn may_fail(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        (_, Utf8) | (Null, _) | (Utf8, Binary) => false,
        (Boolean, _) => is_decimal(to),
        (_, Boolean) => *from == Utf8,
        _ if is_integral(from) && is_integral(to) => from.primitive_width() > to.primitive_width(),
        _ if is_numeric(from) && is_float(to) => false,
        (Decimal128(p1, s1), Decimal128(p2, s2)) => {
            s2 < s1 || i16::from(*p2) - i16::from(*s2) < i16::from(*p1) - i16::from(*s1)
        }
        _ if is_integral(from) && is_decimal(to) => match (decimal_for(from), to) {
            (Some((digits, _)), Decimal128(p, s)) => (*p as i16 - *s as i16) < i16::from(digits),
            _ => true,
        },
        _ if is_datetime(from) && is_datetime(to) => *from == Date32,
        _ => true,
    }
}
