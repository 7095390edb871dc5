//! Higher-order functions: the types of their lambdas' parameters, and of what they give.

use arrow::datatypes::DataType;

use super::{Scope, Variable};
use crate::error::{Error, Result};
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::node::{Higher, HigherKind, Kind, Lambda, Node};
use crate::expression::parse::{Ast, pretty};

/// A parameter's type and nullability.
type Parameter = (DataType, bool);

impl Scope<'_> {
    /// None: another function.
    pub(super) fn higher_order(&mut self, name: &str, asts: &[Ast]) -> Result<Option<Node>> {
        let has_lambda = asts.iter().any(|ast| matches!(ast, Ast::Lambda { .. }));
        let kind = match name {
            "transform" => HigherKind::Transform,
            "filter" => HigherKind::Filter,
            "exists" => HigherKind::Exists,
            "forall" => HigherKind::ForAll,
            "aggregate" | "reduce" => return self.reduce(name, asts).map(Some),
            "zip_with" => return self.zip_with(asts).map(Some),
            "map_filter" => HigherKind::MapFilter,
            "transform_keys" => HigherKind::TransformKeys,
            "transform_values" => HigherKind::TransformValues,
            _ if has_lambda => {
                return Err(Error::user(format!("`{name}` with a lambda is not supported")).hint(
                    "transform, filter, exists, forall, aggregate, reduce, zip_with, map_filter, \
                           transform_keys and transform_values take lambdas",
                ));
            }
            _ => return Ok(None),
        };
        let [input, lambda] = asts else { return Err(wrong_count(name, "2", asts.len())) };
        let input = self.node(input)?;
        let on_map =
            matches!(kind, HigherKind::MapFilter | HigherKind::TransformKeys | HigherKind::TransformValues);
        let parameters = if on_map { map_parameters(name, &input)? } else { list_parameters(name, &input)? };
        let indexed = matches!(kind, HigherKind::Transform | HigherKind::Filter);
        let most = if on_map || indexed { 2 } else { 1 };
        let least = if on_map { 2 } else { 1 };
        let lambda = self.lambda(name, lambda, &parameters[..most], least)?;
        self.higher(name, kind, input, lambda).map(Some)
    }

    fn higher(&self, name: &str, kind: HigherKind, input: Node, mut lambda: Lambda) -> Result<Node> {
        let tests = matches!(
            kind,
            HigherKind::Filter | HigherKind::Exists | HigherKind::ForAll | HigherKind::MapFilter
        );
        if tests {
            lambda.body = match lambda.body.data_type {
                DataType::Boolean => lambda.body,
                DataType::Null | DataType::Utf8 => self.as_boolean(lambda.body, name)?,
                ref other => return Err(unexpected_type(name, 2, "a lambda that gives BOOLEAN", other)),
            };
        }
        let body = &lambda.body;
        let data_type = match (kind, &input.data_type) {
            (HigherKind::Transform, _) => array_type(body.data_type.clone(), body.nullable),
            (HigherKind::Exists | HigherKind::ForAll, _) => DataType::Boolean,
            (HigherKind::TransformKeys | HigherKind::TransformValues, map) => {
                let (key, value) = map_fields(map).ok_or_else(|| Error::internal("not a map"))?;
                match kind {
                    HigherKind::TransformKeys => {
                        map_type(body.data_type.clone(), value.data_type().clone(), value.is_nullable())
                    }
                    _ => map_type(key.data_type().clone(), body.data_type.clone(), body.nullable),
                }
            }
            (_, input) => input.clone(),
        };
        let nullable = input.nullable || matches!(kind, HigherKind::Exists | HigherKind::ForAll);
        let fallible = input.fallible || body.fallible || kind == HigherKind::TransformKeys;
        let higher = Higher { kind, inputs: vec![input], lambda, finish: None };
        Ok(Node::new(Kind::Higher(Box::new(higher)), data_type, nullable, fallible))
    }

    fn reduce(&mut self, name: &str, asts: &[Ast]) -> Result<Node> {
        if asts.len() != 3 && asts.len() != 4 {
            return Err(wrong_count(name, "3 or 4", asts.len()));
        }
        let input = self.node(&asts[0])?;
        let element = list_parameters(name, &input)?[0].clone();
        let mut zero = self.node(&asts[1])?;
        let state = (zero.data_type.clone(), true);
        let mut lambda = self.lambda(name, &asts[2], &[state, element.clone()], 2)?;
        if zero.data_type == DataType::Null {
            zero = self.cast_node(zero, &lambda.body.data_type, OnInvalid::Fail);
            let state = (zero.data_type.clone(), true);
            lambda = self.lambda(name, &asts[2], &[state, element], 2)?;
        }
        if !same_type(&lambda.body.data_type, &zero.data_type) {
            return Err(unexpected_type(
                name,
                3,
                &crate::record::type_name(&zero.data_type),
                &lambda.body.data_type,
            )
            .hint("cast the start value to the type that the lambda gives"));
        }
        lambda.body = self.cast_node(lambda.body, &zero.data_type, OnInvalid::Fail);
        let finish = match asts.get(3) {
            Some(ast) => Some(self.lambda(name, ast, &[(zero.data_type.clone(), true)], 1)?),
            None => None,
        };
        let data_type = finish.as_ref().map_or(&zero.data_type, |finish| &finish.body.data_type).clone();
        let fallible = [&input, &zero, &lambda.body].iter().any(|node| node.fallible)
            || finish.as_ref().is_some_and(|finish| finish.body.fallible);
        let higher = Higher { kind: HigherKind::Aggregate, inputs: vec![input, zero], lambda, finish };
        Ok(Node::new(Kind::Higher(Box::new(higher)), data_type, true, fallible))
    }

    fn zip_with(&mut self, asts: &[Ast]) -> Result<Node> {
        let [first, second, lambda] = asts else { return Err(wrong_count("zip_with", "3", asts.len())) };
        let (first, second) = (self.node(first)?, self.node(second)?);
        let left = list_parameters("zip_with", &first)?[0].0.clone();
        let right = list_parameters("zip_with", &second)?[0].0.clone();
        let lambda = self.lambda("zip_with", lambda, &[(left, true), (right, true)], 2)?;
        let data_type = array_type(lambda.body.data_type.clone(), lambda.body.nullable);
        let nullable = first.nullable || second.nullable;
        let fallible = first.fallible || second.fallible || lambda.body.fallible;
        let higher = Higher { kind: HigherKind::ZipWith, inputs: vec![first, second], lambda, finish: None };
        Ok(Node::new(Kind::Higher(Box::new(higher)), data_type, nullable, fallible))
    }

    /// Types the lambda's body with its parameters; it has at least `least` of them.
    fn lambda(&mut self, name: &str, ast: &Ast, parameters: &[Parameter], least: usize) -> Result<Lambda> {
        let Ast::Lambda { parameters: names, body } = ast else {
            return Err(unexpected_lambda(name, ast));
        };
        if names.len() < least || names.len() > parameters.len() {
            return Err(Error::user(
                "[INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH] a lambda has another number of parameters",
            )
            .with("function", name)
            .with("parameters", names.len())
            .with("wanted", parameters.len()));
        }
        let outer = self.variables.len();
        let mut slots = Vec::new();
        for (name, (data_type, nullable)) in names.iter().zip(parameters) {
            let variable = Variable {
                name: name.clone(),
                data_type: data_type.clone(),
                nullable: *nullable,
                slot: self.slots,
            };
            slots.push(self.slots);
            self.slots += 1;
            self.variables.push(variable);
        }
        let body = self.node(body);
        self.variables.truncate(outer);
        Ok(Lambda { slots, body: body? })
    }
}

fn unexpected_lambda(name: &str, ast: &Ast) -> Error {
    Error::user(format!("`{name}` takes a lambda such as `x -> x + 1`")).with("found", pretty(ast))
}

/// The element, and its index.
fn list_parameters(name: &str, input: &Node) -> Result<Vec<Parameter>> {
    match &input.data_type {
        DataType::List(element) => {
            Ok(vec![(element.data_type().clone(), element.is_nullable()), (DataType::Int32, false)])
        }
        other => Err(unexpected_type(name, 1, "ARRAY", other)),
    }
}

/// Key and value.
fn map_parameters(name: &str, input: &Node) -> Result<Vec<Parameter>> {
    match map_fields(&input.data_type) {
        Some((key, value)) => {
            Ok(vec![(key.data_type().clone(), false), (value.data_type().clone(), value.is_nullable())])
        }
        None => Err(unexpected_type(name, 1, "MAP", &input.data_type)),
    }
}
