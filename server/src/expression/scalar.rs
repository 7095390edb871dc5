//! A typed scalar expression over one schema, ready to run.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, FieldRef};

use super::analyze::Scope;
use super::cast::retype;
use super::environment::Environment;
use super::node::{Frame, Kind, Node};
use super::parse::{Ast, to_sql};
use crate::error::{ErrorKind, Result};

/// Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    node: Node,
    ast: Ast,
    field: FieldRef,
    columns: Vec<usize>,
    sql: String,
    environment: Arc<Environment>,
}

impl Expression {
    /// `ast` without its alias, typed in `scope`; the name is the alias or Spark's default.
    pub(super) fn new(node: Node, ast: &Ast, name: String, scope: &Scope) -> Expression {
        let mut field = Field::new(name, node.data_type.clone(), node.nullable);
        if let Kind::Column(index) = node.kind {
            field = field.with_metadata(scope.schema.field(index).metadata().clone());
        }
        Expression {
            inner: Arc::new(Inner {
                node,
                sql: to_sql(ast),
                ast: ast.clone(),
                field: Arc::new(field),
                columns: scope.named().iter().copied().collect(),
                environment: scope.environment.clone(),
            }),
        }
    }

    /// The output column: its name (the alias, or Spark's default), type and nullability. A plain column
    /// reference keeps the metadata of its field.
    pub fn field(&self) -> &FieldRef {
        &self.inner.field
    }

    /// The columns of the schema that its text needs, ascending.
    pub fn columns(&self) -> &[usize] {
        &self.inner.columns
    }

    /// The column, if it is just that.
    pub fn as_column(&self) -> Option<usize> {
        match self.inner.node.kind {
            Kind::Column(index) => Some(index),
            _ => None,
        }
    }

    /// A value for every row. Errors are the user's, with the expression's text and Spark's error class.
    pub fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        let frame = Frame::new(rows, &self.inner.environment);
        let found =
            self.inner.node.array(&frame).and_then(|array| retype(&array, &self.inner.node.data_type));
        found.map_err(|error| match error.kind() {
            ErrorKind::User => error.with("expression", &self.inner.sql),
            _ => error,
        })
    }

    /// The expression as text that reads back to it, without its name.
    pub fn sql(&self) -> &str {
        &self.inner.sql
    }

    pub(super) fn ast(&self) -> &Ast {
        &self.inner.ast
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} AS {}", self.inner.sql, self.inner.field.name())
    }
}
