//! The way in: SQL text over a schema to typed expressions, select lists and sort keys.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};

use super::analyze::Scope;
use super::coercion::map_fields;
use super::environment::Environment;
use super::parse::{
    Ast, CallAst, conjuncts, output_name, parse_expression, parse_order, parse_select_item, to_sql,
};
use super::scalar::Expression;
use crate::error::{Error, Result};
use crate::record::type_name;

/// Types expressions over one schema.
pub struct Analyzer {
    pub(super) schema: SchemaRef,
    pub(super) environment: Arc<Environment>,
}

pub enum SelectItem {
    Expression(Expression),
    Generator(Generator),
}

/// One row in, any number out.
pub struct Generator {
    pub kind: GeneratorKind,
    /// A row whose array or map is null or empty gives one row of nulls.
    pub outer: bool,
    pub input: Expression,
    /// A position first for `PosExplode`, then the element, key and value, or the struct's fields.
    pub outputs: Vec<FieldRef>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorKind {
    /// A row for each element of an array, or entry of a map.
    Explode,
    /// The same with the position, from 0, before it.
    PosExplode,
    /// A row for each struct of an array, its fields as columns.
    Inline,
}

pub struct SortKey {
    pub expression: Expression,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Analyzer {
    pub fn new(schema: SchemaRef, environment: Arc<Environment>) -> Analyzer {
        Analyzer { schema, environment }
    }

    /// One scalar expression, with an alias or without.
    pub fn expression(&self, sql: &str) -> Result<Expression> {
        self.typed(&parse_select_item(sql)?).map_err(|error| at(error, sql))
    }

    /// A scalar expression that gives BOOLEAN.
    pub fn predicate(&self, sql: &str) -> Result<Expression> {
        let ast = parse_expression(sql)?;
        let mut scope = Scope::new(&self.schema, &self.environment);
        let node = scope.node(&ast).map_err(|error| at(error, sql))?;
        if !matches!(node.data_type, DataType::Boolean | DataType::Null | DataType::Utf8) {
            return Err(Error::user("[DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN] a condition must be BOOLEAN")
                .with("found", type_name(&node.data_type))
                .with("expression", sql));
        }
        let node = scope.as_boolean(node, "filter").map_err(|error| at(error, sql))?;
        let name = output_name(&scope.shown(&ast));
        Ok(Expression::new(node, &ast, name, &scope))
    }

    /// The parts of a predicate that AND joins, in their order.
    pub fn conjuncts(&self, sql: &str) -> Result<Vec<String>> {
        Ok(conjuncts(parse_expression(sql)?).iter().map(to_sql).collect())
    }

    /// A select list: `*`, `s.*`, `expr AS name`, and at most one generator.
    pub fn select(&self, items: &[String]) -> Result<Vec<SelectItem>> {
        let mut found = Vec::new();
        for item in items {
            let ast = parse_select_item(item)?;
            self.select_item(&ast, &mut found).map_err(|error| at(error, item))?;
        }
        let generators = found.iter().filter(|item| matches!(item, SelectItem::Generator(_))).count();
        if generators > 1 {
            return Err(Error::user(
                "[UNSUPPORTED_GENERATOR.MULTI_GENERATOR] a select has more than one generator",
            )
            .with("generators", generators)
            .hint("explode in one select and the next one after it"));
        }
        Ok(found)
    }

    /// Sort keys: `expr [ASC|DESC] [NULLS FIRST|LAST]`; without it nulls come first ascending, last descending.
    pub fn order(&self, items: &[String]) -> Result<Vec<SortKey>> {
        let key = |item: &String| {
            let order = parse_order(item)?;
            let expression = self.typed(&order.expression).map_err(|error| at(error, item))?;
            if !super::analyze::is_orderable(expression.field().data_type()) {
                return Err(Error::user("[DATATYPE_MISMATCH.INVALID_ORDERING_TYPE] a MAP has no order")
                    .with("expression", item));
            }
            Ok(SortKey { expression, descending: order.descending, nulls_first: order.nulls_first })
        };
        items.iter().map(key).collect()
    }

    /// The expression of a tree, its alias taken as the name.
    pub(super) fn typed(&self, ast: &Ast) -> Result<Expression> {
        let (ast, name) = unaliased(ast)?;
        let mut scope = Scope::new(&self.schema, &self.environment);
        let node = scope.node(ast)?;
        let name = name.unwrap_or_else(|| output_name(&scope.shown(ast)));
        Ok(Expression::new(node, ast, name, &scope))
    }

    fn select_item(&self, ast: &Ast, found: &mut Vec<SelectItem>) -> Result<()> {
        if let Ast::Star(path) = ast {
            for ast in Scope::new(&self.schema, &self.environment).star(path)? {
                found.push(SelectItem::Expression(self.typed(&ast)?));
            }
            return Ok(());
        }
        let (value, names) = match ast {
            Ast::Alias(value, names) => (value.as_ref(), names.as_slice()),
            value => (value, [].as_slice()),
        };
        found.push(match generator_call(value) {
            Some((kind, outer, call)) => SelectItem::Generator(self.generator(kind, outer, call, names)?),
            None => SelectItem::Expression(self.typed(ast)?),
        });
        Ok(())
    }

    fn generator(
        &self,
        kind: GeneratorKind,
        outer: bool,
        call: &CallAst,
        names: &[String],
    ) -> Result<Generator> {
        let [argument] = call.arguments.as_slice() else {
            return Err(super::coercion::wrong_count(&call.name, "1", call.arguments.len()));
        };
        let input = self.typed(argument)?;
        let refuse = |wanted: &str| {
            Err(super::coercion::unexpected_type(&call.name, 1, wanted, input.field().data_type()))
        };
        let mut outputs: Vec<Field> = match (kind, input.field().data_type()) {
            (GeneratorKind::Inline, DataType::List(element)) => match element.data_type() {
                DataType::Struct(fields) => {
                    let nullable = element.is_nullable();
                    fields
                        .iter()
                        .map(|f| f.as_ref().clone().with_nullable(f.is_nullable() || nullable))
                        .collect()
                }
                _ => return refuse("ARRAY<STRUCT>"),
            },
            (GeneratorKind::Inline, _) => return refuse("ARRAY<STRUCT>"),
            (_, DataType::List(element)) => {
                vec![Field::new("col", element.data_type().clone(), element.is_nullable())]
            }
            (_, map) => match map_fields(map) {
                Some((key, value)) => vec![key.clone().with_name("key"), value.clone().with_name("value")],
                None => return refuse("ARRAY or MAP"),
            },
        };
        if kind == GeneratorKind::PosExplode {
            outputs.insert(0, Field::new("pos", DataType::Int32, false));
        }
        if !names.is_empty() && names.len() != outputs.len() {
            return Err(Error::user(
                "[UDTF_ALIAS_NUMBER_MISMATCH] a generator has another number of columns than names",
            )
            .with("function", &call.name)
            .with("columns", outputs.len())
            .with("names", names.len()));
        }
        let named = outputs.into_iter().enumerate().map(|(place, field)| {
            let name = names.get(place).cloned().unwrap_or_else(|| field.name().clone());
            let nullable = field.is_nullable() || outer;
            Arc::new(field.with_name(name).with_nullable(nullable))
        });
        Ok(Generator { kind, outer, input: input.clone(), outputs: named.collect() })
    }
}

/// The tree without its alias, and the alias.
pub(super) fn unaliased(ast: &Ast) -> Result<(&Ast, Option<String>)> {
    match ast {
        Ast::Alias(value, names) => match names.as_slice() {
            [name] => Ok((value, Some(name.clone()))),
            _ => Err(Error::user("one expression has several aliases").with("aliases", names.join(", "))),
        },
        other => Ok((other, None)),
    }
}

fn generator_call(ast: &Ast) -> Option<(GeneratorKind, bool, &CallAst)> {
    let Ast::Call(call) = ast else { return None };
    let (kind, outer) = match call.name.to_lowercase().as_str() {
        "explode" => (GeneratorKind::Explode, false),
        "explode_outer" => (GeneratorKind::Explode, true),
        "posexplode" => (GeneratorKind::PosExplode, false),
        "posexplode_outer" => (GeneratorKind::PosExplode, true),
        "inline" => (GeneratorKind::Inline, false),
        "inline_outer" => (GeneratorKind::Inline, true),
        _ => return None,
    };
    Some((kind, outer, call))
}

/// Adds the text at fault, once.
pub(super) fn at(error: Error, sql: &str) -> Error {
    if error.fact("expression").is_some() { error } else { error.with("expression", sql) }
}
