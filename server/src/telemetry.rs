//! Logs, set up once: warnings and errors on standard error, more with `WASMILL_LOG`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// `WASMILL_LOG` takes a level or a filter such as `info,wasmill::source=debug`.
pub fn start() {
    let filter =
        EnvFilter::try_from_env("WASMILL_LOG").unwrap_or_else(|_| EnvFilter::new("wasmill=info,warn"));
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    logs.with_ansi(colours).with_target(false).init();
}
