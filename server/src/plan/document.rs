//! YAML (and JSON, which is read as YAML) as a tree whose every node knows its line. Knows no query.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::error::{Error, Result};

/// A value and the line where it stands, counted from 1.
#[derive(Clone, Debug)]
pub struct Node {
    pub line: u64,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    /// Text, a number or a truth value, as text.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// The documents of a file; empty ones are left out.
pub fn read(text: &str) -> Result<Vec<Node>> {
    // Names such as `n` and `off` are text, as in YAML 1.2.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        leading_zero_numbers_as_strings: true
    };
    let documents: Vec<Spanned<Value>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|e| Error::user("cannot read the query file as YAML or JSON").detail(e.to_string()))?;
    let nodes = documents.into_iter().map(node);
    Ok(nodes.filter(|node| !matches!(node.value, Value::Null)).collect())
}

fn node(spanned: Spanned<Value>) -> Node {
    Node { line: spanned.referenced.line(), value: spanned.value }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(Value::Scalar(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(element) = list.next_element::<Spanned<Value>>()? {
            nodes.push(node(element));
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<Value>, Spanned<Value>>()? {
            nodes.push((node(key), node(value)));
        }
        Ok(Value::Map(nodes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines() {
        let text = "a: 1\nb:\n  - n\n  - {c: 2 seconds, d: true}\n---\n{\"e\": [1.5, null]}\n";
        let documents = read(text).unwrap();
        assert_eq!(documents.len(), 2);
        let Value::Map(entries) = &documents[0].value else { panic!() };
        assert_eq!((entries[1].0.line, entries[1].0.text()), (2, Some("b")));
        let Value::List(list) = &entries[1].1.value else { panic!() };
        assert_eq!(list[0].text(), Some("n"));
        assert_eq!(list[0].text(), Some("n"));
        let Value::Map(inner) = &list[1].value else { panic!() };
        assert_eq!((inner[0].1.line, inner[0].1.text()), (4, Some("2 seconds")));
        assert_eq!(inner[1].1.text(), Some("true"));
        let Value::Map(json) = &documents[1].value else { panic!() };
        assert_eq!(json[0].0.line, 6);
    }

    #[test]
    fn broken_text_names_the_place() {
        assert!(read("a: [1, 2").unwrap_err().report().contains("line"));
        assert!(read("a: 1\na: 2").unwrap_err().report().contains("line 2"));
    }
}
