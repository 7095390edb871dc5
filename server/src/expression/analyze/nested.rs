//! Fields of structs, elements of arrays and maps, and the constructors array, map, struct, named_struct.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion_common::ScalarValue;

use super::predicate::apply_to_nulls;
use super::{Scope, apply};
use crate::error::{Error, Result};
use crate::expression::cast::OnInvalid;
use crate::expression::coercion::*;
use crate::expression::kernel::{
    list_item, list_of, map_of, map_value, struct_field, struct_field_of_list, struct_of,
};
use crate::expression::node::Node;
use crate::expression::parse::{Ast, output_name};
use crate::record::type_name;

impl Scope<'_> {
    pub(super) fn field(&mut self, parent: &Ast, name: &str) -> Result<Node> {
        let node = self.node(parent)?;
        self.field_of(node, name)
    }

    pub(super) fn field_of(&self, node: Node, name: &str) -> Result<Node> {
        match &node.data_type {
            DataType::Struct(fields) => {
                let (index, field) = named_field(fields, name)?;
                let data_type = field.data_type().clone();
                let nullable = field.is_nullable() || node.nullable;
                let mut found = apply(struct_field(index), vec![node], data_type, false);
                found.nullable = nullable;
                Ok(found)
            }
            DataType::List(element) if matches!(element.data_type(), DataType::Struct(_)) => {
                let DataType::Struct(fields) = element.data_type() else {
                    return Err(Error::internal("not a struct"));
                };
                let (index, field) = named_field(fields, name)?;
                let data_type = array_type(field.data_type().clone(), true);
                let DataType::List(made) = &data_type else { return Err(Error::internal("not an array")) };
                Ok(apply(struct_field_of_list(index, made.clone()), vec![node], data_type, false))
            }
            DataType::Map(..) => {
                let key = Node::constant(ScalarValue::Utf8(Some(name.to_string())));
                self.index_of(node, key)
            }
            other => Err(Error::user("[INVALID_EXTRACT_BASE_FIELD_TYPE] only structs have fields")
                .with("field", name)
                .with("type", type_name(other))),
        }
    }

    pub(super) fn index(&mut self, parent: &Ast, index: &Ast) -> Result<Node> {
        let (node, index) = (self.node(parent)?, self.node(index)?);
        self.index_of(node, index)
    }

    fn index_of(&self, node: Node, index: Node) -> Result<Node> {
        match node.data_type.clone() {
            DataType::List(element) => {
                if !is_integral(&index.data_type) && index.data_type != DataType::Null {
                    return Err(unexpected_type("array[index]", 2, "an integer", &index.data_type));
                }
                let index = self.cast_node(index, &DataType::Int32, OnInvalid::Fail);
                let mut found = apply(list_item(), vec![node, index], element.data_type().clone(), true);
                found.nullable |= element.is_nullable();
                Ok(found)
            }
            DataType::Map(..) => {
                let Some((key, value)) = map_fields(&node.data_type) else {
                    return Err(Error::internal("a map type has not two fields"));
                };
                let (key, value) = (key.data_type().clone(), value.data_type().clone());
                let index = self.coerced(index, &key, "map[key]")?;
                let mut found = apply(map_value(), vec![node, index], value, false);
                found.nullable = true;
                Ok(found)
            }
            DataType::Struct(_) => match index.as_constant() {
                Some(ScalarValue::Utf8(Some(name))) => self.field_of(node, &name.clone()),
                _ => Err(Error::user(
                    "[INVALID_EXTRACT_FIELD_TYPE] a struct is indexed by the name of a field",
                )),
            },
            other => {
                Err(Error::user("[INVALID_EXTRACT_BASE_FIELD_TYPE] only arrays, maps and structs have parts")
                    .with("type", type_name(&other)))
            }
        }
    }

    /// array, map, struct, named_struct. None: another function.
    pub(super) fn constructor(&mut self, name: &str, asts: &[Ast]) -> Result<Option<Node>> {
        let node = match name {
            "array" => self.array(asts)?,
            "map" => self.map(asts)?,
            "struct" => self.structure(asts)?,
            "named_struct" => self.named_struct(asts)?,
            _ => return Ok(None),
        };
        Ok(Some(node))
    }

    fn array(&mut self, asts: &[Ast]) -> Result<Node> {
        let nodes = self.nodes(asts)?;
        let nodes = if nodes.is_empty() { nodes } else { self.common(nodes, "array")? };
        let element = nodes.first().map_or(DataType::Null, |node| node.data_type.clone());
        let contains_null = nodes.iter().any(|node| node.nullable);
        let data_type = array_type(element, contains_null || nodes.is_empty());
        let DataType::List(field) = &data_type else { return Err(Error::internal("not an array")) };
        Ok(apply_to_nulls(list_of(field.clone()), nodes, data_type, false))
    }

    fn map(&mut self, asts: &[Ast]) -> Result<Node> {
        if asts.len() % 2 == 1 {
            return Err(wrong_count("map", "an even number of", asts.len()));
        }
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (place, node) in self.nodes(asts)?.into_iter().enumerate() {
            if place % 2 == 0 { keys.push(node) } else { values.push(node) }
        }
        if !keys.is_empty() {
            keys = self.common(keys, "map")?;
            values = self.common(values, "map")?;
        }
        let type_of = |nodes: &[Node]| nodes.first().map_or(DataType::Null, |node| node.data_type.clone());
        let nullable = values.is_empty() || values.iter().any(|value| value.nullable);
        let data_type = map_type(type_of(&keys), type_of(&values), nullable);
        if matches!(type_of(&keys), DataType::Map(..)) {
            return Err(Error::user("[DATATYPE_MISMATCH.INVALID_MAP_KEY_TYPE] a map is no key of a map"));
        }
        let arguments: Vec<Node> =
            keys.into_iter().zip(values).flat_map(|(key, value)| [key, value]).collect();
        let mut node = apply_to_nulls(map_of(data_type.clone()), arguments, data_type, false);
        node.fallible = true;
        Ok(node)
    }

    /// What a star stands for: the columns, or the fields of a struct.
    pub fn star(&mut self, path: &[String]) -> Result<Vec<Ast>> {
        let mut parts = path.iter();
        let Some(first) = parts.next() else {
            return Ok(self.schema.fields().iter().map(|field| Ast::Name(field.name().clone())).collect());
        };
        let parent =
            parts.fold(Ast::Name(first.clone()), |ast, name| Ast::Field(Box::new(ast), name.clone()));
        match &self.node(&parent)?.data_type {
            DataType::Struct(fields) => {
                let field = |field: &FieldRef| Ast::Field(Box::new(parent.clone()), field.name().clone());
                Ok(fields.iter().map(field).collect())
            }
            other => Err(Error::user("[CANNOT_RESOLVE_STAR_EXPAND] only a struct has fields for `.*`")
                .with("column", path.join("."))
                .with("type", type_name(other))),
        }
    }

    /// The arguments of a function with its stars replaced by what they stand for.
    pub(super) fn without_stars(&mut self, asts: &[Ast]) -> Result<Vec<Ast>> {
        let mut found = Vec::with_capacity(asts.len());
        for ast in asts {
            match ast {
                Ast::Star(path) => found.extend(self.star(path)?),
                other => found.push(other.clone()),
            }
        }
        Ok(found)
    }

    fn structure(&mut self, asts: &[Ast]) -> Result<Node> {
        let mut named = Vec::new();
        for (place, ast) in asts.iter().enumerate() {
            match ast {
                Ast::Star(path) => {
                    for ast in self.star(path)? {
                        named.push((output_name(&ast), self.node(&ast)?));
                    }
                }
                Ast::Alias(value, names) => named.push((names.join(", "), self.node(value)?)),
                Ast::Name(_) | Ast::Field(..) => named.push((output_name(ast), self.node(ast)?)),
                _ => named.push((format!("col{}", place + 1), self.node(ast)?)),
            }
        }
        struct_node(named)
    }

    fn named_struct(&mut self, asts: &[Ast]) -> Result<Node> {
        if asts.len() % 2 == 1 || asts.is_empty() {
            return Err(wrong_count("named_struct", "an even number of", asts.len()));
        }
        let mut named = Vec::new();
        for pair in asts.chunks_exact(2) {
            let name = match self.node(&pair[0])?.as_constant() {
                Some(ScalarValue::Utf8(Some(name))) => name.clone(),
                _ => {
                    return Err(Error::user(
                        "[DATATYPE_MISMATCH.CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING] a field's name is a constant string",
                    ));
                }
            };
            named.push((name, self.node(&pair[1])?));
        }
        struct_node(named)
    }
}

fn struct_node(named: Vec<(String, Node)>) -> Result<Node> {
    if named.is_empty() {
        return Err(wrong_count("struct", "1 or more", 0));
    }
    let fields: Fields = named
        .iter()
        .map(|(name, node)| Arc::new(Field::new(name, node.data_type.clone(), node.nullable)))
        .collect();
    let nodes = named.into_iter().map(|(_, node)| node).collect();
    Ok(apply_to_nulls(struct_of(fields.clone()), nodes, DataType::Struct(fields), false))
}

fn named_field<'f>(fields: &'f Fields, name: &str) -> Result<(usize, &'f Field)> {
    let found: Vec<usize> = (0..fields.len())
        .filter(|index| fields[*index].name().to_lowercase() == name.to_lowercase())
        .collect();
    match found.as_slice() {
        [index] => Ok((*index, &fields[*index])),
        [] => {
            let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
            Err(Error::user("[FIELD_NOT_FOUND] the struct has no such field")
                .with("field", name)
                .hint(format!("its fields are {}", names.join(", "))))
        }
        _ => Err(Error::user("[AMBIGUOUS_REFERENCE_TO_FIELDS] the struct has the field more than once")
            .with("field", name)),
    }
}
