//! The one test binary. Each module is a subject; services are started once and shared.

mod crash;
mod everyday;
mod file_sink;
mod foreach;
mod kafka_sink;
mod kafka_source;
mod kinds;
mod newcomer;
mod queries;
mod refused;
mod replay;
mod services;
mod spine;
mod state;
mod storage;
mod tidy;
mod upload;
