//! String functions, a file a kind of work. Positions count characters from 1; in binary values they count bytes.

pub mod case;
pub mod character;
pub mod code;
pub mod concat;
pub mod format;
pub mod mask;
pub mod number;
pub mod search;
pub mod slice;
pub mod split;
pub mod trim;
pub mod utf8;
