//! The program wasmill, as the tests run it: with the points at which `WASMILL_KILL_AT` makes it die.

fn main() -> std::process::ExitCode {
    wasmill::cli::main()
}
