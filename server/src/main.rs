//! The program `wasmill`: sets up logs and hands over to the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    wasmill::telemetry::start();
    wasmill::cli::main()
}
