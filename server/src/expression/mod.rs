//! SQL expressions that give Spark 4's results: ANSI mode, session time zone UTC. Knows no stage and no state.
//!
//! SQL text is parsed by DataFusion's parser, typed by Spark's rules here, and run as DataFusion physical
//! expressions. A function is run only if it is in the registry, where each entry says how Spark types its
//! arguments; anything else is refused by name.
