//! The syntax tree of an expression. Operators are calls by their symbol, as in Spark.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;

#[derive(Clone, Debug, PartialEq)]
pub enum Ast {
    /// A constant; the text is how Spark names it in a column's name.
    Literal(ScalarValue, String),
    /// A column, or a parameter of a lambda.
    Name(String),
    /// `expr.field`, or a column by its qualified name.
    Field(Box<Ast>, String),
    /// `expr[index]`.
    Index(Box<Ast>, Box<Ast>),
    /// `*`, or `a.b.*`.
    Star(Vec<String>),
    Call(Box<CallAst>),
    Cast {
        value: Box<Ast>,
        to: DataType,
        lenient: bool,
    },
    /// `CASE a WHEN b` is kept as `CASE WHEN a = b`.
    Case {
        branches: Vec<(Ast, Ast)>,
        otherwise: Option<Box<Ast>>,
    },
    Lambda {
        parameters: Vec<String>,
        body: Box<Ast>,
    },
    /// `expr AS a`, `expr AS (a, b)`.
    Alias(Box<Ast>, Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct CallAst {
    /// As written; operators by their symbol.
    pub name: String,
    pub arguments: Vec<Ast>,
    pub distinct: bool,
    pub filter: Option<Ast>,
    pub ignore_nulls: bool,
}

/// `expr [ASC | DESC] [NULLS FIRST | LAST]`, with Spark's defaults filled in.
pub struct OrderItem {
    pub expression: Ast,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Ast {
    pub fn call(name: &str, arguments: Vec<Ast>) -> Ast {
        Ast::Call(Box::new(CallAst {
            name: name.to_string(),
            arguments,
            distinct: false,
            filter: None,
            ignore_nulls: false,
        }))
    }

    pub fn not(self) -> Ast {
        Ast::call("not", vec![self])
    }

    pub fn negated_if(self, negated: bool) -> Ast {
        if negated { self.not() } else { self }
    }
}
