//! Mathematical functions, a file a kind of work. Operators are not here.

pub mod base;
pub mod bits;
pub mod bucket;
pub mod elementary;
pub mod extreme;
pub mod modulo;
pub mod round;
pub mod sign;
mod strict;
