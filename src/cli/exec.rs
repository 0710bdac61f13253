//! `gonogo exec`: a command in a container, with this terminal or with pipes.

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use bollard::{
    Docker,
    container::LogOutput,
    exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults},
};
use futures::StreamExt as _;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::{
    io::AsyncWriteExt as _,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::engine::docker::{act, fault::Fault};

use super::{containers, env::terminal::read_input, report::Problem};

/// Arguments of `gonogo exec`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pass standard input on
    #[arg(long, short)]
    interactive: bool,
    /// On a terminal of its own
    #[arg(long, short)]
    tty: bool,
    /// Which engine the container is on
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// As this user
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// In this directory
    #[arg(long, short, value_name = "DIRECTORY")]
    workdir: Option<String>,
    /// With this variable (may be given more than once)
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The container: its name, the beginning of its number, or its service
    container: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// After the command has ended, its exit status may take so long.
const STATUS: Duration = Duration::from_secs(10);

/// Runs it; its exit status is this program's.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let hosts = containers::hosts()?;
    let row = containers::find(&hosts, args.engine.as_deref(), &args.container).await?;
    if args.tty && !std::io::stdin().is_terminal() {
        return Err(Problem::usage("standard input is no terminal").hint("leave out -t"));
    }
    let client = act::client(&hosts, &row.container.engine).await.map_err(|fault| containers::problem(&fault))?;
    let refused = |error: &bollard::errors::Error| {
        containers::problem(&Fault::of(format!("nothing could be run in {}", row.name), error))
    };
    let term = args.tty.then(|| format!("TERM={}", std::env::var("TERM").unwrap_or_else(|_| "xterm".into())));
    let options = CreateExecOptions {
        attach_stdin: Some(args.interactive),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(args.tty),
        env: Some(term.into_iter().chain(args.env).collect()),
        cmd: Some(args.command),
        user: args.user,
        working_dir: args.workdir,
        ..CreateExecOptions::default()
    };
    let exec = client.create_exec(&row.container.id, options).await.map_err(|error| refused(&error))?.id;
    let options = StartExecOptions { detach: false, tty: args.tty, output_capacity: Some(64 << 10) };
    let started = client.start_exec(&exec, Some(options)).await.map_err(|error| refused(&error))?;
    let StartExecResults::Attached { output, input } = started else {
        return Err(Problem::fault("the engine gave no output"));
    };
    let raw = if args.tty { Some(Raw::take()?) } else { None };
    let passed = pass(client, &exec, output, input, args.interactive, args.tty).await;
    drop(raw);
    passed?;
    Ok(ExitCode::from(status(client, &exec).await?))
}

type Output = std::pin::Pin<Box<dyn futures::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;
type Input = std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>;

/// Passes everything on, both ways, until the command has ended.
async fn pass(
    client: &Docker,
    exec: &str,
    mut output: Output,
    mut input: Input,
    interactive: bool,
    tty: bool,
) -> Result<(), Problem> {
    let mut resized = signal(SignalKind::window_change())?;
    if tty {
        resize(client, exec).await;
    }
    let mut typed = interactive.then(read_input);
    loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok(piece)) => {
                    let said = match &piece {
                        LogOutput::StdErr { message } => write(&mut std::io::stderr(), message),
                        other => write(&mut std::io::stdout(), other.as_ref()),
                    };
                    if said.is_err() {
                        // Nobody reads any more.
                        return Ok(());
                    }
                }
                Some(Err(error)) => {
                    return Err(containers::problem(&Fault::of("the connection to the command was lost", &error)));
                }
                None => return Ok(()),
            },
            bytes = next(&mut typed), if typed.is_some() => match bytes {
                // A command that no longer reads says so by its end.
                Some(bytes) => drop(input.write_all(&bytes).await),
                None => {
                    let _ = input.shutdown().await;
                    typed = None;
                }
            },
            _ = resized.recv(), if tty => resize(client, exec).await,
        }
    }
}

async fn next(typed: &mut Option<mpsc::Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match typed {
        Some(typed) => typed.recv().await,
        None => None,
    }
}

fn write(to: &mut impl std::io::Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Says how large this terminal is.
async fn resize(client: &Docker, exec: &str) {
    if let Some((width, height)) = terminal_size() {
        // Too early it may fail; the shell asks again with the next change.
        let _ = client.resize_exec(exec, ResizeExecOptions { height, width }).await;
    }
}

/// Columns and rows of this terminal.
pub(super) fn terminal_size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// The command's exit status, when the engine knows it.
async fn status(client: &Docker, exec: &str) -> Result<u8, Problem> {
    let end = tokio::time::Instant::now() + STATUS;
    loop {
        let known = client.inspect_exec(exec).await;
        let known =
            known.map_err(|error| containers::problem(&Fault::of("the command's exit status is not known", &error)))?;
        match known.exit_code.filter(|_| !known.running.unwrap_or(false)) {
            Some(code) => return Ok(u8::try_from(code).unwrap_or(255)),
            None if tokio::time::Instant::now() > end => {
                return Err(Problem::fault("the command's exit status is not known").hint("it may still run"));
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The terminal passes every key on while this lives.
struct Raw(Termios);

impl Raw {
    fn take() -> Result<Self, Problem> {
        let failed = |error: nix::errno::Errno| Problem::fault("the terminal can't be used").because(&error);
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
        let _ = std::io::stdout().flush();
    }
}
