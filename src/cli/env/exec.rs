//! `gonogo env exec` and `shell`: a member for as long as the command runs, with this terminal or with pipes.
//!
//! The daemon assigns the member; the command is run from here, so that nothing stands between it and the terminal. When this
//! program ends, however it does, its session ends, and with it whatever it has left running there.

use std::{io::IsTerminal as _, path::PathBuf, pin::Pin, process::ExitCode, time::Duration};

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults},
};
use futures::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    cli::{
        client::Client,
        connect::with_client,
        place::{Place, Reach},
        report::Problem,
    },
    domain::container::EnvironmentSpec,
    engine::docker::{fault::Fault, host::Hosts},
    protocol::{
        environment::{Assigned, LEASE},
        query::{Answer, Query},
        session::surroundings,
    },
};

use super::{
    environment,
    terminal::{Raw, read_input, size},
};

/// Members that are not usable after all are replaced so often.
const TRIES: u32 = 3;

/// After the command has ended, its exit status may take so long.
const STATUS: Duration = Duration::from_secs(10);

/// A member may take so long to be made ready.
const PATIENCE: Duration = Duration::from_mins(30);

/// Arguments of `gonogo env exec`.
#[derive(Debug, clap::Args)]
pub struct ExecArgs {
    #[command(flatten)]
    how: How,
    /// On a terminal of its own
    #[arg(long, short)]
    tty: bool,
    /// The environment
    name: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Arguments of `gonogo env shell`.
#[derive(Debug, clap::Args)]
pub struct ShellArgs {
    #[command(flatten)]
    how: How,
    /// The environment
    name: String,
    /// The shell; without it, bash where there is one, else sh
    #[arg(long)]
    shell: Option<String>,
}

#[derive(Debug, clap::Args)]
struct How {
    /// The repository; without it, the one around the current directory
    #[arg(long, short = 'C', value_name = "DIR")]
    dir: Option<PathBuf>,
    /// With this variable; without a value, that of this terminal (may be given more than once)
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// As this user
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// In this directory; without it, where the project stands
    #[arg(long, short, value_name = "DIRECTORY")]
    workdir: Option<String>,
}

/// Runs a command; its exit status is this program's.
pub async fn exec(args: ExecArgs, reach: Reach) -> Result<ExitCode, Problem> {
    if args.tty && !std::io::stdin().is_terminal() {
        return Err(Problem::usage("standard input is no terminal").hint("leave out -t"));
    }
    run(&args.name, args.how, args.command, args.tty, reach).await
}

/// Opens a shell.
pub async fn shell(args: ShellArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let tty = std::io::stdin().is_terminal();
    let command = match args.shell {
        Some(shell) => vec![shell],
        None => {
            let any = "command -v bash >/dev/null 2>&1 && exec bash; exec sh";
            vec!["sh".to_owned(), "-c".to_owned(), any.to_owned()]
        }
    };
    run(&args.name, args.how, command, tty, reach).await
}

async fn run(name: &str, how: How, command: Vec<String>, tty: bool, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    place.warn();
    let (root, spec) = environment(how.dir.as_deref(), name)?;
    let variables = variables(&how.env)?;
    let hosts = Hosts::new(&place.settings.engines, &surroundings());
    let what = command.join(" ").chars().take(60).collect::<String>();
    with_client(&place, 3, async |client| {
        let mut broken = None;
        for _ in 0..TRIES {
            let assigned = assign(client, &root, &spec, &what, broken.take()).await?;
            let host = hosts.named(&assigned.engine);
            let host = host.ok_or_else(|| {
                Problem::fault(format!("the engine {} is not known here", assigned.engine))
                    .hint("was DOCKER_HOST another when the daemon was started? `gonogo daemon restart`")
            })?;
            let docker = host.client().await.map_err(|fault| problem(&fault))?;
            match begin(docker, &assigned, &how, &variables, &command, tty).await {
                Ok(started) => return follow(client, docker, started, tty).await,
                // Somebody has removed or stopped it since it was last looked at.
                Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => broken = Some(assigned.id),
                Err(error) => {
                    return Err(problem(&Fault::of(format!("nothing could be run in {}", assigned.name), &error)));
                }
            }
        }
        Err(Problem::fault(format!("{TRIES} members of {name} were not usable")).hint("`gonogo env status`"))
    })
    .await
}

async fn assign(
    client: &mut Client,
    root: &std::path::Path,
    spec: &EnvironmentSpec,
    what: &str,
    broken: Option<String>,
) -> Result<Assigned, Problem> {
    let query = Query::Assign { root: root.to_owned(), spec: Box::new(spec.clone()), what: what.to_owned(), broken };
    match client.query_within(query, PATIENCE).await? {
        Answer::Assigned(assigned) => Ok(*assigned),
        _ => Err(Problem::fault("the answer was not about a member")),
    }
}

/// `NAME=VALUE` as it is; `NAME` with the value that it has here.
fn variables(given: &[String]) -> Result<Vec<String>, Problem> {
    let value = |text: &String| match text.split_once('=') {
        Some(_) => Ok(text.clone()),
        None => match std::env::var(text) {
            Ok(value) => Ok(format!("{text}={value}")),
            Err(_) => Err(Problem::usage(format!("{text} has no value here")).hint(format!("--env {text}=VALUE"))),
        },
    };
    given.iter().map(value).collect()
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

struct Started {
    exec: String,
    output: Output,
    input: Input,
}

async fn begin(
    docker: &Docker,
    assigned: &Assigned,
    how: &How,
    variables: &[String],
    command: &[String],
    tty: bool,
) -> Result<Started, Error> {
    let term = tty.then(|| format!("TERM={}", std::env::var("TERM").unwrap_or_else(|_| "xterm".into())));
    let lease = format!("{LEASE}={}", assigned.lease);
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(tty),
        env: Some(term.into_iter().chain([lease]).chain(variables.iter().cloned()).collect()),
        cmd: Some(command.to_vec()),
        user: how.user.clone(),
        working_dir: Some(how.workdir.clone().unwrap_or_else(|| assigned.directory.clone())),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(&assigned.id, options).await?.id;
    let options = StartExecOptions { detach: false, tty, output_capacity: Some(64 << 10) };
    match docker.start_exec(&exec, Some(options)).await? {
        StartExecResults::Attached { output, input } => Ok(Started { exec, output, input }),
        StartExecResults::Detached => Err(Error::from(std::io::Error::other("the engine gave no output"))),
    }
}

/// Passes everything on, both ways, until the command has ended.
async fn follow(client: &mut Client, docker: &Docker, started: Started, tty: bool) -> Result<ExitCode, Problem> {
    let Started { exec, mut output, mut input } = started;
    let mut resized = signal(SignalKind::window_change())?;
    let raw = if tty { Some(Raw::take()?) } else { None };
    if tty {
        resize(docker, &exec).await;
    }
    let mut typed = Some(read_input());
    let mut attached = true;
    loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok(piece)) => {
                    let said = match &piece {
                        LogOutput::StdErr { message } => write(&mut std::io::stderr(), message),
                        other => write(&mut std::io::stdout(), other.as_ref()),
                    };
                    if said.is_err() {
                        // Nobody reads any more: what runs there ends with this session.
                        break;
                    }
                }
                Some(Err(error)) => {
                    return Err(problem(&Fault::of("the connection to the command was lost", &error)));
                }
                None => break,
            },
            bytes = next(&mut typed), if typed.is_some() => match bytes {
                // A command that no longer reads says so by its end.
                Some(bytes) => {
                    let _ = input.write_all(&bytes).await;
                    let _ = input.flush().await;
                }
                None => {
                    let _ = input.shutdown().await;
                    typed = None;
                }
            },
            _ = resized.recv(), if tty => resize(docker, &exec).await,
            // What is recorded meanwhile is taken in. A daemon that ends takes nothing from what runs.
            heard = client.hear(), if attached => attached = heard.is_ok(),
        }
    }
    drop(raw);
    Ok(ExitCode::from(status(docker, &exec).await?))
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
async fn resize(docker: &Docker, exec: &str) {
    if let Some((width, height)) = size() {
        // Too early it may fail; it is asked for again with the next change.
        let _ = docker.resize_exec(exec, ResizeExecOptions { height, width }).await;
    }
}

/// The command's exit status, when the engine knows it.
async fn status(docker: &Docker, exec: &str) -> Result<u8, Problem> {
    let end = tokio::time::Instant::now() + STATUS;
    loop {
        let known = docker.inspect_exec(exec).await;
        let known = known.map_err(|error| problem(&Fault::of("the command's exit status is not known", &error)))?;
        match known.exit_code.filter(|_| known.running != Some(true)) {
            Some(code) => return Ok(u8::try_from(code).unwrap_or(255)),
            None if tokio::time::Instant::now() > end => {
                return Err(
                    Problem::fault("the command's exit status is not known").hint("it was ended with its member")
                );
            }
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn problem(fault: &Fault) -> Problem {
    let problem = Problem::fault(fault);
    match fault.fault.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
