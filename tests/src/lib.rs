//! What the tests stand on: real services, generated input, and the wasmill program as a child process.
//! Nothing here decides whether a test passes; a part that cannot do its work panics and fails the test.

pub mod services;
pub mod wait;
