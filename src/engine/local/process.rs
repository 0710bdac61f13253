//! One step's process: spawned as the leader of a group, under a pipe or a pseudo-terminal.

use std::{
    collections::BTreeMap,
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    path::Path,
    process::{ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

use crate::domain::outcome::Failure;

/// Runs every step. By its path: with a bare name beside a PATH of the step's own, the standard library has to fork this whole
/// process instead of spawning (`posix_spawn(3)`), which costs a millisecond more.
pub(in crate::engine) const SHELL: &str = "/bin/sh";

/// What to start.
pub(super) struct Spawn<'a> {
    /// For `sh -c`.
    pub(super) script: &'a str,
    /// Where.
    pub(super) directory: &'a Path,
    /// Its whole environment.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// Under a pseudo-terminal.
    pub(super) tty: bool,
}

/// How much a job may have printed ahead of us, in bytes: the most that Linux gives without privileges (pipe(7)).
const ROOM: i32 = 1 << 20;

/// The pipe that all steps of a job print into: one, so that a server left running by one step can go on printing during the next.
pub(super) struct Pipe {
    reader: Receiver,
    writer: io::PipeWriter,
}

impl Pipe {
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        // A job that prints much is woken less often. Where the system gives no more than it does by itself, that is enough.
        let _ = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETPIPE_SZ(ROOM));
        Ok(Self { reader: Receiver::from_owned_fd(OwnedFd::from(reader))?, writer })
    }

    /// Closes our own end for writing, so that reading comes to an end when every process has closed its own.
    pub(super) fn close(self) -> Receiver {
        self.reader
    }
}

/// A running step.
pub(super) struct Process {
    child: tokio::process::Child,
    id: u32,
    terminal: Option<pty_process::Pty>,
}

/// Why a step could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    #[error("can't start it")]
    Io(#[from] io::Error),
    #[error("can't open a pseudo-terminal")]
    Terminal(#[from] pty_process::Error),
    #[error("it ended before it was seen")]
    NoId,
}

impl SpawnError {
    /// For a person: why, and what to do.
    pub(super) fn words(&self, directory: &Path) -> (String, Option<String>) {
        if !directory.is_dir() {
            let why = format!("its directory {} is not there", directory.display());
            return (why, Some("look at the step's `dir`".into()));
        }
        let mut why = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            why = format!("{why}: {error}");
            source = error.source();
        }
        (why, None)
    }
}

impl Process {
    pub(super) fn spawn(spawn: &Spawn<'_>, pipe: &Pipe) -> Result<Self, SpawnError> {
        let (child, terminal) = if spawn.tty {
            let (terminal, inner) = pty_process::open()?;
            terminal.resize(pty_process::Size::new(50, 160))?;
            let command = pty_process::Command::new(SHELL)
                .args(["-c", spawn.script])
                .current_dir(spawn.directory)
                .env_clear()
                .envs(spawn.variables)
                .kill_on_drop(true);
            (command.spawn(inner)?, Some(terminal))
        } else {
            let child = tokio::process::Command::new(SHELL)
                .args(["-c", spawn.script])
                .current_dir(spawn.directory)
                .env_clear()
                .envs(spawn.variables)
                .stdin(Stdio::null())
                .stdout(pipe.writer.try_clone()?)
                .stderr(pipe.writer.try_clone()?)
                .process_group(0)
                .kill_on_drop(true)
                .spawn()?;
            (child, None)
        };
        let id = child.id().ok_or(SpawnError::NoId)?;
        Ok(Self { child, id, terminal })
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Its process group: it leads one in both cases (under a pseudo-terminal it leads a session).
    pub(super) fn group(&self) -> i32 {
        self.id as i32
    }

    /// What ends and what prints, to be waited for at once.
    pub(super) fn parts<'a>(&'a mut self, pipe: &'a mut Pipe) -> (&'a mut tokio::process::Child, Printer<'a>) {
        let printer = match &mut self.terminal {
            Some(terminal) => Printer::Terminal(terminal),
            None => Printer::Pipe(&mut pipe.reader),
        };
        (&mut self.child, printer)
    }

    /// Reads what has been printed already; `None` if that is nothing.
    pub(super) async fn read_now(&mut self, pipe: &mut Pipe, buffer: &mut [u8]) -> Option<usize> {
        let read = match &mut self.terminal {
            // A terminal says when its other side is gone; a process left behind may keep it open.
            Some(terminal) => {
                let wait = std::time::Duration::from_millis(20);
                tokio::time::timeout(wait, terminal.read(buffer)).await.ok()?
            }
            None => pipe.reader.try_read(buffer),
        };
        read.ok().filter(|count| *count > 0)
    }
}

/// Where a process prints.
pub(super) enum Printer<'a> {
    Pipe(&'a mut Receiver),
    Terminal(&'a mut pty_process::Pty),
}

impl Printer<'_> {
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.read(buffer).await,
            Self::Terminal(terminal) => terminal.read(buffer).await,
        }
    }
}

/// Signals a whole process group.
pub(super) fn signal(group: i32, signal: Signal) {
    // It fails only where nobody is left to be signalled.
    let _ = killpg(Pid::from_raw(group), signal);
}

/// The exit status as shells give it: a signal is 128 and its number.
pub(super) fn exit_number(status: &io::Result<ExitStatus>) -> i32 {
    match status {
        Ok(status) => status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255),
        Err(_) => 255,
    }
}

/// What made a step fail, if it failed.
pub(super) fn failure(status: &io::Result<ExitStatus>) -> Option<Failure> {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(code), _) => Some(Failure::Exit { code }),
            (None, Some(number)) => Some(Failure::Signal { number }),
            (None, None) => Some(Failure::Exit { code: 255 }),
        },
        Err(error) => Some(Failure::NotRun { why: format!("its end could not be seen: {error}"), hint: None }),
    }
}
