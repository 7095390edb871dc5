//! From a syntax tree to a typed node, by Spark's ANSI rules.

mod arithmetic;
mod call;
mod casting;
mod conditional;
mod lambda;
mod nested;
mod predicate;
mod refused;
mod shown;
mod temporal;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion_common::ScalarValue;

use super::environment::Environment;
use super::node::{Apply, Frame, Kind, Node, into_array};
use super::parse::{Ast, pretty};
use super::registry::Kernel;
use crate::error::{Error, Result};
use crate::record::type_name;

pub use call::{AGGREGATES, simple_type_name};
pub use predicate::is_orderable;

/// What names mean where an expression stands.
pub struct Scope<'a> {
    pub schema: &'a Schema,
    pub environment: &'a Arc<Environment>,
    /// Parameters of the lambdas around, innermost last.
    variables: Vec<Variable>,
    /// Slots given so far.
    slots: usize,
    /// The columns that were named, also where their values do not count, as in `typeof(x)`.
    named: BTreeSet<usize>,
}

struct Variable {
    name: String,
    data_type: DataType,
    nullable: bool,
    slot: usize,
}

impl<'a> Scope<'a> {
    pub fn new(schema: &'a Schema, environment: &'a Arc<Environment>) -> Scope<'a> {
        Scope { schema, environment, variables: Vec::new(), slots: 0, named: BTreeSet::new() }
    }

    /// The typed node of an expression; constants in it are computed.
    pub fn node(&mut self, ast: &Ast) -> Result<Node> {
        let node = match ast {
            Ast::Literal(value, text) => {
                let mut node = Node::constant(value.clone());
                node.days_only = text.starts_with("INTERVAL") && text.ends_with("' DAY");
                node
            }
            Ast::Name(name) => return self.name(name),
            Ast::Field(parent, name) => self.field(parent, name)?,
            Ast::Index(parent, index) => self.index(parent, index)?,
            Ast::Call(call) => self.call(call)?,
            Ast::Cast { value, to, lenient } => self.cast(value, to, *lenient)?,
            Ast::Case { branches, otherwise } => self.case(branches, otherwise.as_deref())?,
            Ast::Star(_) => {
                return Err(Error::user("[INVALID_USAGE_OF_STAR_OR_REGEX] `*` is not a value here"));
            }
            Ast::Lambda { .. } => {
                return Err(Error::user("[UNSUPPORTED_LAMBDA] a lambda stands where no function takes one")
                    .with("lambda", pretty(ast)));
            }
            Ast::Alias(_, names) => {
                return Err(
                    Error::user("a part of an expression has an alias").with("alias", names.join(", "))
                );
            }
        };
        Ok(self.folded(node))
    }

    pub fn nodes(&mut self, asts: &[Ast]) -> Result<Vec<Node>> {
        asts.iter().map(|ast| self.node(ast)).collect()
    }

    /// The columns of the schema that the expressions so far named.
    pub fn named(&self) -> &BTreeSet<usize> {
        &self.named
    }

    fn name(&mut self, name: &str) -> Result<Node> {
        if let Some(variable) = self.variables.iter().rev().find(|v| v.name.eq_ignore_ascii_case(name)) {
            let kind = Kind::Variable(variable.slot);
            return Ok(Node::new(kind, variable.data_type.clone(), variable.nullable, false));
        }
        let index = self.column(name)?;
        self.named.insert(index);
        let field = self.schema.field(index);
        Ok(Node::new(Kind::Column(index), field.data_type().clone(), field.is_nullable(), false))
    }

    /// The place of a column, its name in any case.
    pub fn column(&self, name: &str) -> Result<usize> {
        let fields = self.schema.fields().iter().enumerate();
        let found: Vec<usize> =
            fields.filter(|(_, f)| f.name().to_lowercase() == name.to_lowercase()).map(|(i, _)| i).collect();
        match found.as_slice() {
            [index] => Ok(*index),
            [] => Err(unresolved_column(name, self.schema)),
            _ => {
                Err(Error::user("[AMBIGUOUS_REFERENCE] more than one column has this name")
                    .with("column", name))
            }
        }
    }

    /// The node's value, if it is the same for every row and raises no error.
    pub fn folded(&self, node: Node) -> Node {
        if matches!(node.kind, Kind::Constant(_)) || !node.is_foldable() {
            return node;
        }
        let frame = Frame::single(self.environment);
        let value = node.evaluate(&frame).and_then(|value| into_array(value, 1)).ok();
        let value = value.and_then(|array| ScalarValue::try_from_array(&array, 0).ok());
        match value {
            Some(value) if value.data_type() == node.data_type => {
                Node { nullable: value.is_null(), kind: Kind::Constant(value), fallible: false, ..node }
            }
            _ => node,
        }
    }
}

fn unresolved_column(name: &str, schema: &Schema) -> Error {
    let names: Vec<_> = schema.fields().iter().map(|field| format!("`{}`", field.name())).collect();
    Error::user("[UNRESOLVED_COLUMN.WITH_SUGGESTION] there is no such column")
        .with("column", name)
        .hint(format!("the columns are {}", names.join(", ")))
}

/// A call of a kernel.
pub fn apply(kernel: Kernel, arguments: Vec<Node>, data_type: DataType, fallible: bool) -> Node {
    let nullable = arguments.iter().any(|argument| argument.nullable);
    let fallible = fallible || arguments.iter().any(|argument| argument.fallible);
    Node::new(Kind::Apply(Apply { kernel, arguments, strict: true }), data_type, nullable, fallible)
}

/// The error of an operator on types that it does not take.
pub fn mismatch(class: &str, operator: &str, nodes: &[&Node]) -> Error {
    let types: Vec<_> = nodes.iter().map(|node| type_name(&node.data_type)).collect();
    Error::user(format!("[DATATYPE_MISMATCH.{class}] `{operator}` cannot take these types"))
        .with("types", types.join(", "))
}
