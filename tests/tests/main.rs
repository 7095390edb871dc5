//! The one test binary. Each module is a subject; services are started once and shared.

mod services;
mod storage;
mod tidy;
