//! A position in a source: JSON that only the source reads inside; the engine stores and compares it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of the offset log. For Kafka `{"topic":{"0":23}}`, for files `{"logOffset":4}`, for a socket `7`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub Value);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
