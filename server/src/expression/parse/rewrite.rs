//! Predicates taken apart, and names in them replaced by what they stand for. Knows no types.

use super::{Ast, CallAst};

/// The parts that AND joins, in their order.
pub fn conjuncts(ast: Ast) -> Vec<Ast> {
    match ast {
        Ast::Call(call) if call.name == "and" => call.arguments.into_iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The tree with every name replaced; nothing if `by` does not know a name, or if a lambda brings names of its own.
pub fn with_names(ast: &Ast, by: &dyn Fn(&str) -> Option<Ast>) -> Option<Ast> {
    let boxed = |ast: &Ast| with_names(ast, by).map(Box::new);
    let list = |asts: &[Ast]| asts.iter().map(|ast| with_names(ast, by)).collect::<Option<Vec<_>>>();
    Some(match ast {
        Ast::Name(name) => by(name)?,
        Ast::Literal(..) => ast.clone(),
        Ast::Field(parent, name) => Ast::Field(boxed(parent)?, name.clone()),
        Ast::Index(parent, index) => Ast::Index(boxed(parent)?, boxed(index)?),
        Ast::Call(call) if call.filter.is_none() => {
            Ast::Call(Box::new(CallAst { arguments: list(&call.arguments)?, ..call.as_ref().clone() }))
        }
        Ast::Cast { value, to, lenient } => {
            Ast::Cast { value: boxed(value)?, to: to.clone(), lenient: *lenient }
        }
        Ast::Case { branches, otherwise } => {
            let pair = |(test, value): &(Ast, Ast)| Some((with_names(test, by)?, with_names(value, by)?));
            let otherwise = match otherwise {
                Some(value) => Some(boxed(value)?),
                None => None,
            };
            Ast::Case { branches: branches.iter().map(pair).collect::<Option<_>>()?, otherwise }
        }
        Ast::Call(_) | Ast::Star(_) | Ast::Lambda { .. } | Ast::Alias(..) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::parse::{parse_expression, to_sql};

    #[test]
    fn conjunctions_come_apart() {
        for (sql, parts) in [
            ("a", vec!["a"]),
            ("a = 1 AND b OR c", vec!["(((a = 1) AND b) OR c)"]),
            ("a AND (b AND c) AND NOT (d AND e)", vec!["a", "b", "c", "(NOT (d AND e))"]),
            ("a BETWEEN 1 AND 2", vec!["(a BETWEEN 1 AND 2)"]),
        ] {
            let found: Vec<String> = conjuncts(parse_expression(sql).unwrap()).iter().map(to_sql).collect();
            assert_eq!(found, parts, "{sql}");
        }
    }

    #[test]
    fn names_are_replaced_if_all_are_known() {
        let by = |name: &str| (name == "k").then(|| parse_expression("upper(w)").unwrap());
        for (sql, expected) in
            [("k = 'A'", Some("(upper(w) = 'A')")), ("k.x > n", None), ("exists(array(1), k -> k > 0)", None)]
        {
            let found = with_names(&parse_expression(sql).unwrap(), &by).map(|ast| to_sql(&ast));
            assert_eq!(found.as_deref(), expected, "{sql}");
        }
    }
}
