//! The list of `agg`: aggregate calls over the input, and outputs over keys and calls.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};

use super::function::{AggregateFunction, type_aggregate};
use super::keys::GroupKey;
use crate::error::{Error, Result};
use crate::expression::analyze::{AGGREGATES, Scope};
use crate::expression::analyzer::{Analyzer, at, unaliased};
use crate::expression::parse::{Ast, CallAst, output_name, parse_select_item, pretty};
use crate::expression::scalar::Expression;

/// What a groupBy computes: calls first, one state each; then the outputs.
pub struct AggregateList {
    /// Equal calls are there once.
    pub calls: Vec<AggregateCall>,
    /// Over the columns of the keys, then one of each call.
    pub outputs: Vec<Expression>,
}

pub struct AggregateCall {
    pub function: AggregateFunction,
    /// Of the type that the function takes.
    pub arguments: Vec<Expression>,
    /// Rows where this is not true do not count.
    pub filter: Option<Expression>,
    pub field: FieldRef,
}

impl Analyzer {
    /// The calls and outputs of `agg`, beside these keys.
    pub fn aggregates(&self, keys: &[GroupKey], items: &[String]) -> Result<AggregateList> {
        let mut calls = Calls { analyzer: self, keys, found: Vec::new(), asts: Vec::new() };
        let mut rewritten = Vec::new();
        for item in items {
            let ast = parse_select_item(item)?;
            let (value, name) = unaliased(&ast).map_err(|error| at(error, item))?;
            let name = name.unwrap_or_else(|| aggregate_name(value));
            let over = calls.rewrite(value).map_err(|error| at(error, item))?;
            rewritten.push((item, value.clone(), over, name));
        }
        let schema = calls.schema();
        let mut outputs = Vec::new();
        for (item, value, over, name) in rewritten {
            let mut scope = Scope::new(&schema, &self.environment);
            let node = scope.node(&over);
            let node = node.map_err(|error| at(self.not_grouped(error, keys), item))?;
            outputs.push(Expression::new(node, &value, name, &scope));
        }
        Ok(AggregateList { calls: calls.found, outputs })
    }

    /// A column of the input that is no key has no one value in a group.
    fn not_grouped(&self, error: Error, keys: &[GroupKey]) -> Error {
        let missing = error.fact("column").map(str::to_string);
        match missing {
            Some(column) if self.schema.fields().iter().any(|f| f.name().eq_ignore_ascii_case(&column)) => {
                let keys: Vec<_> = keys.iter().map(|key| key.field().name().clone()).collect();
                Error::user("[MISSING_AGGREGATION] a column is neither a key nor in an aggregate function")
                    .with("column", column)
                    .with("keys", keys.join(", "))
                    .hint("add it to groupBy, or use first(column) or any_value(column)")
            }
            _ => error,
        }
    }
}

fn aggregate_name(ast: &Ast) -> String {
    match ast {
        Ast::Name(_) | Ast::Field(..) => output_name(ast),
        _ => pretty(ast),
    }
}

/// The name of a key or call in the schema that outputs are typed over; no user can write it.
fn hidden(kind: &str, place: usize) -> String {
    format!("\u{0}{kind}{place}")
}

struct Calls<'a> {
    analyzer: &'a Analyzer,
    keys: &'a [GroupKey],
    found: Vec<AggregateCall>,
    asts: Vec<Ast>,
}

impl Calls<'_> {
    fn schema(&self) -> Schema {
        let keys = self.keys.iter().enumerate();
        let keys = keys.map(|(place, key)| key.field().as_ref().clone().with_name(hidden("key", place)));
        let calls = self.found.iter().enumerate();
        let calls = calls.map(|(place, call)| call.field.as_ref().clone().with_name(hidden("call", place)));
        Schema::new(keys.chain(calls).collect::<Vec<_>>())
    }

    /// The tree with keys and calls replaced by their columns.
    fn rewrite(&mut self, ast: &Ast) -> Result<Ast> {
        if let Some(place) = self.keys.iter().position(|key| is_key(key, ast)) {
            return Ok(Ast::Name(hidden("key", place)));
        }
        Ok(match ast {
            Ast::Call(call) if AGGREGATES.contains(&call.name.to_lowercase().as_str()) => {
                Ast::Name(hidden("call", self.place(call)?))
            }
            Ast::Call(call) => {
                let mut call = call.clone();
                call.arguments =
                    call.arguments.iter().map(|a| self.rewrite(a)).collect::<Result<Vec<_>>>()?;
                Ast::Call(call)
            }
            Ast::Field(parent, name) => Ast::Field(Box::new(self.rewrite(parent)?), name.clone()),
            Ast::Index(parent, index) => {
                Ast::Index(Box::new(self.rewrite(parent)?), Box::new(self.rewrite(index)?))
            }
            Ast::Cast { value, to, lenient } => {
                Ast::Cast { value: Box::new(self.rewrite(value)?), to: to.clone(), lenient: *lenient }
            }
            Ast::Case { branches, otherwise } => Ast::Case {
                branches: branches
                    .iter()
                    .map(|(test, value)| Ok((self.rewrite(test)?, self.rewrite(value)?)))
                    .collect::<Result<Vec<_>>>()?,
                otherwise: match otherwise {
                    Some(value) => Some(Box::new(self.rewrite(value)?)),
                    None => None,
                },
            },
            Ast::Lambda { parameters, body } => {
                Ast::Lambda { parameters: parameters.clone(), body: Box::new(self.rewrite(body)?) }
            }
            Ast::Alias(value, names) => Ast::Alias(Box::new(self.rewrite(value)?), names.clone()),
            other => other.clone(),
        })
    }

    /// The place of a call; a new one is typed.
    fn place(&mut self, call: &CallAst) -> Result<usize> {
        let mut plain = call.clone();
        plain.name = plain.name.to_lowercase();
        if let Some(place) =
            self.asts.iter().position(|known| same(known, &Ast::Call(Box::new(plain.clone()))))
        {
            return Ok(place);
        }
        let typed = self.typed(&plain)?;
        self.asts.push(Ast::Call(Box::new(plain)));
        self.found.push(typed);
        Ok(self.asts.len() - 1)
    }

    fn typed(&self, call: &CallAst) -> Result<AggregateCall> {
        if call.distinct {
            return Err(Error::user("[STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION] DISTINCT is not supported in aggregates of a stream")
                .with("function", &call.name)
                .hint("use approx_count_distinct(x), or size(collect_set(x)) if there are few values"));
        }
        let analyzer = self.analyzer;
        let mut scope = Scope::new(&analyzer.schema, &analyzer.environment);
        let star =
            call.name == "count" && matches!(call.arguments.as_slice(), [Ast::Star(path)] if path.is_empty());
        let asts = if star { &[] } else { call.arguments.as_slice() };
        if asts.is_empty() && !star {
            return Err(crate::expression::coercion::wrong_count(&call.name, "1 or more", 0));
        }
        let nodes = scope.nodes(asts).map_err(nested)?;
        let typing = type_aggregate(&call.name, &nodes, call.ignore_nulls)?;
        let mut arguments = Vec::new();
        for ((ast, node), to) in asts.iter().zip(nodes).zip(&typing.arguments) {
            let node = scope.coerced(node, to, &call.name)?;
            let name = output_name(ast);
            arguments.push(Expression::new(node, ast, name, &scope));
        }
        let filter = match &call.filter {
            Some(ast) => {
                let node = scope.node(ast)?;
                let node = scope.as_boolean(node, "filter")?;
                let name = output_name(ast);
                Some(Expression::new(node, ast, name, &scope))
            }
            None => None,
        };
        let name = pretty(&Ast::Call(Box::new(call.clone())));
        let field = Arc::new(Field::new(name, typing.output, typing.nullable));
        Ok(AggregateCall { function: typing.function, arguments, filter, field })
    }
}

fn nested(error: Error) -> Error {
    if error.message().starts_with("[INVALID_AGGREGATE_FUNCTION]") {
        return Error::user("[NESTED_AGGREGATE_FUNCTION] an aggregate function stands in another one");
    }
    error
}

/// Is the tree this key, by its text or by its output name?
fn is_key(key: &GroupKey, ast: &Ast) -> bool {
    let by_name = matches!(ast, Ast::Name(name) if name.eq_ignore_ascii_case(key.field().name()));
    by_name || same(key.ast(), ast)
}

/// Equal but for the case of names.
fn same(a: &Ast, b: &Ast) -> bool {
    a == b
        || crate::expression::parse::to_sql(a).eq_ignore_ascii_case(&crate::expression::parse::to_sql(b))
            && !has_text(a)
}

/// Strings are not equal in another case.
fn has_text(ast: &Ast) -> bool {
    crate::expression::parse::to_sql(ast).contains('\'')
}
