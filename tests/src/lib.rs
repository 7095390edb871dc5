//! What the tests stand on: real services, generated input, and the wasmill program as a child process.
//! Nothing here decides whether a test passes; a part that cannot do its work panics and fails the test.

pub mod cases;
pub mod lines;
pub mod output;
pub mod process;
pub mod program;
pub mod services;
pub mod spine;
pub mod topic;
pub mod wait;
