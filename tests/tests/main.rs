//! The one test binary. Each module is a subject; services are started once and shared.

mod file_sink;
mod kafka_source;
mod services;
mod state;
mod storage;
mod tidy;
