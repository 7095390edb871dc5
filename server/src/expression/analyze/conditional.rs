//! CASE, IF, COALESCE and their relatives. Branches not taken are not computed, so they raise no errors.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::predicate::apply_to_nulls;
use super::{Scope, mismatch};
use crate::error::{Error, Result};
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::kernel::is_nan;
use crate::expression::node::{Kind, Node, into_array};
use crate::expression::parse::Ast;
use crate::expression::registry::Kernel;

impl Scope<'_> {
    pub(super) fn case(&mut self, branches: &[(Ast, Ast)], otherwise: Option<&Ast>) -> Result<Node> {
        let mut tests = Vec::new();
        let mut values = Vec::new();
        for (test, value) in branches {
            tests.push(self.condition(test)?);
            values.push(self.node(value)?);
        }
        values.push(match otherwise {
            Some(ast) => self.node(ast)?,
            None => Node::constant(ScalarValue::Null),
        });
        let values = self.common(values, "casewhen")?;
        choice(tests, values)
    }

    fn condition(&mut self, ast: &Ast) -> Result<Node> {
        let node = self.node(ast)?;
        match node.data_type {
            DataType::Boolean => Ok(node),
            _ => {
                Err(mismatch("UNEXPECTED_INPUT_TYPE", "casewhen", &[&node])
                    .hint("a condition must be BOOLEAN"))
            }
        }
    }

    /// IF, and all that is written with it. None: another function.
    pub(super) fn conditional(&mut self, name: &str, asts: &[Ast]) -> Result<Option<Node>> {
        let count = |wanted: usize| {
            if asts.len() == wanted {
                Ok(())
            } else {
                Err(wrong_count(name, &wanted.to_string(), asts.len()))
            }
        };
        let node = match name {
            "if" => {
                count(3)?;
                let test = match &asts[0] {
                    Ast::Literal(ScalarValue::Null, _) => {
                        Ast::Cast { value: Box::new(asts[0].clone()), to: DataType::Boolean, lenient: false }
                    }
                    test => test.clone(),
                };
                self.case(&[(test, asts[1].clone())], Some(&asts[2]))?
            }
            "coalesce" => self.coalesce(asts)?,
            "nvl" | "ifnull" => {
                count(2)?;
                self.coalesce(asts)?
            }
            "nvl2" => {
                count(3)?;
                let test = Ast::call("isnotnull", vec![asts[0].clone()]);
                self.case(&[(test, asts[1].clone())], Some(&asts[2]))?
            }
            "nullif" => {
                count(2)?;
                self.nullif(&asts[0], &asts[1])?
            }
            "nullifzero" => {
                count(1)?;
                self.nullif(&asts[0], &Ast::Literal(ScalarValue::Int32(Some(0)), "0".into()))?
            }
            "zeroifnull" => {
                count(1)?;
                self.coalesce(&[asts[0].clone(), Ast::Literal(ScalarValue::Int32(Some(0)), "0".into())])?
            }
            "nanvl" => {
                count(2)?;
                self.nanvl(asts)?
            }
            "isnull" | "isnotnull" => {
                count(1)?;
                let node = self.node(&asts[0])?;
                apply_to_nulls(null_test(name == "isnull"), vec![node], DataType::Boolean, false)
            }
            "isnan" => {
                count(1)?;
                let node = self.float_argument("isnan", &asts[0])?;
                apply_to_nulls(is_nan(), vec![node], DataType::Boolean, false)
            }
            _ => return Ok(None),
        };
        Ok(Some(node))
    }

    fn coalesce(&mut self, asts: &[Ast]) -> Result<Node> {
        if asts.is_empty() {
            return Err(wrong_count("coalesce", "1 or more", 0));
        }
        let nodes = self.nodes(asts)?;
        let values = self.common(nodes, "coalesce")?;
        let data_type = values[0].data_type.clone();
        let nullable = values.iter().all(|value| value.nullable);
        let fallible = values.iter().any(|value| value.fallible);
        Ok(Node::new(Kind::Coalesce(values), data_type, nullable, fallible))
    }

    fn nullif(&mut self, value: &Ast, other: &Ast) -> Result<Node> {
        let (left, right) = (self.node(value)?, self.node(other)?);
        let test = self.compare("=", left.clone(), right)?;
        let null = self.cast_node(Node::constant(ScalarValue::Null), &left.data_type, OnInvalid::Fail);
        choice(vec![test], vec![null, left])
    }

    fn nanvl(&mut self, asts: &[Ast]) -> Result<Node> {
        let left = self.float_argument("nanvl", &asts[0])?;
        let right = self.float_argument("nanvl", &asts[1])?;
        let values = self.common(vec![left.clone(), right], "nanvl")?;
        let test = apply_to_nulls(is_nan(), vec![left], DataType::Boolean, false);
        let mut values = values.into_iter().rev();
        match (values.next(), values.next()) {
            (Some(other), Some(value)) => choice(vec![test], vec![other, value]),
            _ => Err(Error::internal("nanvl takes two values")),
        }
    }

    /// FLOAT or DOUBLE.
    fn float_argument(&mut self, name: &str, ast: &Ast) -> Result<Node> {
        let node = self.node(ast)?;
        match node.data_type {
            DataType::Float32 | DataType::Float64 => Ok(node),
            _ => self.coerced(node, &DataType::Float64, name),
        }
    }
}

/// CASE over typed values; the last is that of no test.
fn choice(tests: Vec<Node>, mut values: Vec<Node>) -> Result<Node> {
    let otherwise = values.pop().ok_or_else(|| Error::internal("a CASE has no value"))?;
    let data_type = otherwise.data_type.clone();
    let nullable = otherwise.nullable || values.iter().any(|value| value.nullable);
    let fallible = tests.iter().chain(&values).chain([&otherwise]).any(|node| node.fallible);
    let branches = tests.into_iter().zip(values).collect();
    Ok(Node::new(Kind::Case { branches, otherwise: Box::new(otherwise) }, data_type, nullable, fallible))
}

fn null_test(null: bool) -> Kernel {
    Arc::new(move |values, rows| {
        let array = into_array(values[0].clone(), rows)?;
        let found: BooleanArray = match array.logical_nulls() {
            Some(nulls) if null => BooleanArray::new(!nulls.inner(), None),
            Some(nulls) => BooleanArray::new(nulls.into_inner(), None),
            None => vec![!null; rows].into(),
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}
