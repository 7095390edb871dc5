//! `groupBy` with `udf`: a function of a module that keeps a state and timers for each key.
//!
//! A split encodes its keys and keeps its rows ([`Collecting`]); each share of the key groups then goes through its
//! keys in their order ([`run_share`]): first those that have rows, then those whose timers are over.

mod calls;
mod collect;
mod share;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};

use super::aggregate::RowCodec;
use crate::error::Result;
use crate::expression::Expression;
use crate::udf::Group;

pub use collect::{Collected, Collecting};
pub use share::{ShareInput, run_share};
pub use stored::{FORMAT_VERSION, next_time};

/// The places of its state operators: values by key, and entries by time.
pub const VALUES: usize = 0;
pub const TIMES: usize = 1;

/// A stateful function of a plan. Shared by all threads of a batch.
pub struct GroupStage {
    function: Arc<Group>,
    /// The module, as the query names it.
    module: String,
    keys: Vec<Expression>,
    /// What the guest gets of each row, of the types that its manifest asks for.
    arguments: Vec<Expression>,
    /// The input's event-time column, if rows can be late: the function's timers go by the watermark.
    event_time: Option<usize>,
    /// A state that was not written for this long is forgotten.
    ttl_us: Option<i64>,
    key_codec: RowCodec,
    state_codec: RowCodec,
    schema: SchemaRef,
}

/// What a [`GroupStage`] is made of.
pub struct GroupParts {
    pub function: Arc<Group>,
    pub module: String,
    pub keys: Vec<Expression>,
    pub arguments: Vec<Expression>,
    pub event_time: Option<usize>,
    pub ttl_us: Option<i64>,
}

impl GroupStage {
    /// The key columns leave first, then the function's.
    pub fn new(parts: GroupParts) -> Result<GroupStage> {
        let GroupParts { function, module, keys, arguments, event_time, ttl_us } = parts;
        let key_fields = keys.iter().map(|key| key.field().clone());
        let fields: Vec<FieldRef> = key_fields.chain(function.outputs().iter().cloned()).collect();
        let types = |fields: &mut dyn Iterator<Item = &FieldRef>| -> Vec<DataType> {
            fields.map(|field| field.data_type().clone()).collect()
        };
        Ok(GroupStage {
            key_codec: RowCodec::new(types(&mut keys.iter().map(Expression::field)))?,
            state_codec: RowCodec::new(types(&mut function.state().iter()))?,
            schema: Arc::new(Schema::new(fields)),
            function,
            module,
            keys,
            arguments,
            event_time,
            ttl_us,
        })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn function(&self) -> &Arc<Group> {
        &self.function
    }

    /// The types of the keys, for the comparison of a changed query with its checkpoint.
    pub fn key_types(&self) -> &[DataType] {
        self.key_codec.types()
    }
}
