//! From the bytes of a module to machine code that may be loaded: compiled where it can do no harm, tried out, signed,
//! kept. What a module may be is `inspect`'s; what it may do when it runs is `Limits`'.
//!
//! A [`Compiler`] is asked for code. It looks into its [`cache`], and else starts a [`child`], which is the program
//! itself in a process of its own that can neither open nor start anything ([`confine`]).

mod artifact;
mod cache;
mod child;
mod compiler;
mod confine;
mod made_up;
mod trial;

#[cfg(test)]
mod tests;

pub use child::compile_for_parent;
pub use compiler::Compiler;
#[cfg(test)]
pub use trial::outcome;
