//! A query as the user wrote it: words checked, nothing resolved. Every part remembers its line.

use std::collections::BTreeMap;

use crate::sink::OutputMode;

/// A part of the file and the line where it starts.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub line: u64,
    pub value: T,
}

#[derive(Clone, Debug)]
pub struct Spec {
    pub name: String,
    pub line: u64,
    pub source: SourceSpec,
    pub stages: Vec<At<StageSpec>>,
    pub sink: SinkSpec,
    pub mode: OutputMode,
    pub trigger: TriggerSpec,
    pub checkpoint: Option<At<String>>,
    pub conf: BTreeMap<String, At<String>>,
}

#[derive(Clone, Debug)]
pub struct SourceSpec {
    pub line: u64,
    pub format: At<String>,
    /// DDL.
    pub schema: Option<At<String>>,
    pub options: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct SinkSpec {
    pub line: u64,
    pub format: At<String>,
    pub partition_by: Vec<String>,
    pub options: BTreeMap<String, String>,
    /// The function that makes effects of the rows; never there for dead letters.
    pub foreach: Option<Box<At<UdfSpec>>>,
}

/// One word of `stages`.
#[derive(Clone, Debug)]
pub enum StageSpec {
    Select(Vec<At<String>>),
    Filter(String),
    WithColumn {
        name: String,
        expr: String,
    },
    Udf(UdfSpec),
    WithWatermark {
        column: String,
        delay: String,
    },
    GroupBy {
        keys: Vec<At<String>>,
        agg: Vec<At<AggSpec>>,
    },
    /// A `groupBy` with `udf` beside it.
    Group(GroupSpec),
    OrderBy(Vec<At<String>>),
    Limit(usize),
    Union {
        source: SourceSpec,
        stages: Vec<At<StageSpec>>,
    },
}

/// A function of a module and what goes into it.
#[derive(Clone, Debug)]
pub struct UdfSpec {
    pub module: String,
    pub function: String,
    pub input: Vec<At<String>>,
    /// Always [`OnErrorSpec::Fail`] where the function has no outcome for a row.
    pub on_error: OnErrorSpec,
    /// Whether guests go on from batch to batch; never for functions that are not transforms.
    pub reuse: bool,
}

/// What becomes of rows that a function refuses.
#[derive(Clone, Debug)]
pub enum OnErrorSpec {
    Fail,
    Skip,
    DeadLetter(SinkSpec),
}

/// Keys, and a function that keeps a state for each.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    pub keys: Vec<At<String>>,
    pub udf: UdfSpec,
    pub ttl: Option<String>,
}

/// One item of `agg`.
#[derive(Clone, Debug)]
pub enum AggSpec {
    Expression(String),
    Udf {
        udf: UdfSpec,
        /// The name of the result, `as`; nothing for the function's own.
        name: Option<String>,
    },
}

/// When the next batch starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerSpec {
    /// At once after the last; `processingTime: 0 seconds` is the same.
    Default,
    /// On the grid of this many microseconds since the epoch.
    ProcessingTime(i64),
    AvailableNow,
    Once,
}
