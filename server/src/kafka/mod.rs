//! What the source and the sink of Kafka share: which of a query's options reach a Kafka client. Connects to nothing.

mod client_keys;
mod jaas;

pub use client_keys::{Role, Setting, settings};
