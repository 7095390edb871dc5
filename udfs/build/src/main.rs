//! `cargo udfs`: builds the modules and prints where they are.

use std::process::ExitCode;

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command")]
fn main() -> ExitCode {
    match build_udfs::build() {
        Ok(modules) => {
            for module in modules {
                println!("{}", module.display());
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
