//! `cargo udfs [NAME...]`: builds the modules, all if none is named, and prints where they are.

use std::process::ExitCode;

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command")]
fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match build_udfs::build(&names) {
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
