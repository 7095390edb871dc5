//! Names of columns that depend on types: Spark names arithmetic on times by the function it becomes.

use arrow::datatypes::DataType;

use super::Scope;
use crate::expression::coercion::*;
use crate::expression::parse::Ast;

impl Scope<'_> {
    /// The tree as Spark's default name shows it.
    pub fn shown(&mut self, ast: &Ast) -> Ast {
        match ast {
            Ast::Call(call) => {
                let mut call = call.clone();
                let mut arguments = Vec::with_capacity(call.arguments.len());
                for argument in call.arguments {
                    match &argument {
                        Ast::Star(path) => match self.star(path) {
                            Ok(columns) => arguments.extend(columns.into_iter().map(named)),
                            Err(_) => arguments.push(argument),
                        },
                        _ => arguments.push(argument),
                    }
                }
                call.arguments = arguments;
                let arguments: Vec<Ast> =
                    call.arguments.iter().map(|argument| self.shown(argument)).collect();
                if let [left, right] = call.arguments.as_slice()
                    && let Some(shown) = self.shown_time(&call.name, [left, right], &arguments)
                {
                    return shown;
                }
                call.arguments = arguments;
                Ast::Call(call)
            }
            Ast::Index(parent, index) => {
                let structure =
                    self.node(parent).is_ok_and(|node| matches!(node.data_type, DataType::Struct(_)));
                match index.as_ref() {
                    Ast::Literal(_, name) if structure => {
                        // Not a plain field, whose name alone is shown.
                        Ast::call("field of", vec![self.shown(parent), Ast::Name(name.clone())])
                    }
                    _ => Ast::Index(Box::new(self.shown(parent)), Box::new(self.shown(index))),
                }
            }
            Ast::Field(parent, name) => Ast::Field(Box::new(self.shown(parent)), name.clone()),
            Ast::Cast { value, to, lenient } => {
                Ast::Cast { value: Box::new(self.shown(value)), to: to.clone(), lenient: *lenient }
            }
            Ast::Case { branches, otherwise } => Ast::Case {
                branches: branches
                    .iter()
                    .map(|(test, value)| (self.shown(test), self.shown(value)))
                    .collect(),
                otherwise: otherwise.as_ref().map(|value| Box::new(self.shown(value))),
            },
            Ast::Alias(value, names) => Ast::Alias(Box::new(self.shown(value)), names.clone()),
            other => other.clone(),
        }
    }

    /// `operands` as written, `shown` as they are named.
    fn shown_time(&mut self, operator: &str, operands: [&Ast; 2], shown: &[Ast]) -> Option<Ast> {
        if !["+", "-", "*"].contains(&operator) {
            return None;
        }
        let (left, right) = (self.node(operands[0]).ok()?, self.node(operands[1]).ok()?);
        let interval = |t: &DataType| is_day_time(t) || is_year_month(t);
        let (first, second) = (shown[0].clone(), shown[1].clone());
        if operator == "*" {
            return (interval(&right.data_type) && !interval(&left.data_type))
                .then(|| Ast::call("*", vec![second, first]));
        }
        let moved = |t: &DataType| is_datetime(t) || *t == DataType::Utf8;
        let swapped = operator == "+"
            && (is_datetime(&right.data_type) || interval(&left.data_type) && moved(&right.data_type));
        let (time, other, first, second) =
            if swapped { (right, left, second, first) } else { (left, right, first, second) };
        let subtract = operator == "-";
        if time.data_type == DataType::Date32 && is_integral(&other.data_type) {
            return Some(Ast::call(if subtract { "date_sub" } else { "date_add" }, vec![first, second]));
        }
        if time.data_type == DataType::Date32 && interval(&other.data_type) && other.days_only {
            let days = Ast::call("extractansiintervaldays", vec![second]);
            let days = if subtract { Ast::call("-", vec![days]) } else { days };
            return Some(Ast::call("date_add", vec![first, days]));
        }
        let plain = interval(&other.data_type) || other.data_type == DataType::Null && !subtract;
        (moved(&time.data_type) && plain && (is_datetime(&time.data_type) || interval(&other.data_type)))
            .then(|| Ast::call(if subtract { "time -" } else { "time +" }, vec![first, second]))
    }
}

/// A field that a star gave is shown with its name.
fn named(ast: Ast) -> Ast {
    match &ast {
        Ast::Field(_, name) => {
            let names = vec![name.clone()];
            Ast::Alias(Box::new(ast), names)
        }
        _ => ast,
    }
}
