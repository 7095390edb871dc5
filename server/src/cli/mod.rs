//! The command line: reads arguments, calls one thing, prints. Decides nothing about a batch.

mod compiler;
mod explain;
mod guest_thread;
mod replay;
mod run;
mod show;
mod udf;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::{Error, ErrorKind, Result};
use crate::sink::console::is_reader_gone;

/// Streaming queries whose stages are your own WebAssembly modules.
#[derive(Parser)]
#[command(name = "wasmill", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the queries of a file until they end or are stopped (Ctrl-C finishes the batch, a second one does not)
    Run(run::RunArgs),
    /// Print what a query file would run: plan, schemas on each edge, delivery guarantee
    Explain(PlanArgs),
    /// Check a query file and list everything that is wrong with it
    Lint(PlanArgs),
    /// Read back what a query wrote: schema, first rows, count
    Show(show::ShowArgs),
    /// Make modules: start one, build it, look into it, test it
    #[command(subcommand)]
    Udf(udf::UdfCommand),
    /// Make a call of a module that failed again, to see why, or whether a mended module does better
    Replay(replay::ReplayArgs),
    /// Compile the module on standard input: what the other commands start, shut in
    #[command(hide = true)]
    CompileModule(compiler::CompileArgs),
    /// Print the completion script of a shell
    Completions { shell: clap_complete::Shell },
}

/// Where a query file and its modules are.
#[derive(clap::Args)]
struct PlanArgs {
    /// The query file: YAML or JSON, one query a document
    file: PathBuf,
    /// A folder in which `udf.module` names are looked up first
    #[arg(long, value_name = "DIR")]
    modules: Vec<PathBuf>,
    #[command(flatten)]
    compiler: compiler::CompilerArgs,
}

/// Runs the process and gives its exit code: 0, or by who must act 1 internal, 2 user, 3 external, 4 data.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    let result = match arguments.command {
        Command::Run(args) => run::run(args),
        Command::Explain(args) => explain::explain(&args, &mut out),
        Command::Lint(args) => explain::lint(&args, &mut out),
        Command::Show(args) => show::show(args, &mut out),
        Command::Udf(command) => udf::udf(command, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
        Command::CompileModule(args) => compiler::compile(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "wasmill", &mut script);
            print(&mut out, &String::from_utf8_lossy(&script))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has gone, as `head` does: not a failure of ours.
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Prints an error where a person looks for it. Nothing can be done if even that fails.
fn report(error: &Error) {
    let _ = writeln!(std::io::stderr(), "{}", error.report());
}

fn print(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|e| Error::new(ErrorKind::External, "write the output").because(e))
}
