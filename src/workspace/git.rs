//! One way to run `git`: no prompts, no locks that aren't needed, no hooks, a clean environment, an end in sight.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, process::Command};

/// How long a git command may take, unless said otherwise.
const PATIENCE: Duration = Duration::from_mins(5);

/// Variables that would point git elsewhere; gonogo may itself have been started by a git hook.
const FOREIGN: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
];

/// Why git could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no such program.
    #[error("git is not installed or not in PATH")]
    Missing,
    /// It could not be started or talked to.
    #[error("failed to run `git {command}`")]
    Run {
        /// The subcommand.
        command: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It said no.
    #[error("`git {command}` said: {said}")]
    Refused {
        /// The subcommand.
        command: String,
        /// What it printed.
        said: String,
    },
    /// It took too long and was ended.
    #[error("`git {command}` did not end within {} s", after.as_secs())]
    TimedOut {
        /// The subcommand.
        command: String,
        /// The time that it had.
        after: Duration,
    },
    /// A file of ours or of git's could not be read or written.
    #[error("failed to {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Git printed something that should not come from it.
    #[error("`git {command}` printed something unexpected: {what}")]
    Unexpected {
        /// The subcommand.
        command: String,
        /// What is wrong with it.
        what: String,
    },
}

impl GitError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("install git and start gonogo again"),
            Self::Refused { said, .. } if said.contains("dubious ownership") => {
                Some("the repository belongs to another user: `git config --global --add safe.directory DIR`")
            }
            Self::Refused { said, .. } if said.contains("index.lock") => {
                Some("another git command is running; if none is, remove .git/index.lock")
            }
            Self::File { source, .. } | Self::Run { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("the disk is full: make room and try again")
            }
            _ => None,
        }
    }

    /// For `map_err` on a file operation.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}

/// What a git command printed.
#[derive(Debug)]
pub struct Printed {
    /// It ended with status 0.
    pub good: bool,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error, trimmed.
    pub said: String,
    command: String,
}

impl Printed {
    /// Standard output as a text without its last line feed.
    pub fn text(&self) -> Result<String, GitError> {
        let text = std::str::from_utf8(&self.out).map_err(|_| GitError::Unexpected {
            command: self.command.clone(),
            what: "text that is not UTF-8".into(),
        })?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// An error unless it ended well.
    pub fn ok(self) -> Result<Self, GitError> {
        if self.good {
            return Ok(self);
        }
        let said = if self.said.is_empty() { "nothing (but failed)".to_owned() } else { self.said };
        Err(GitError::Refused { command: self.command, said })
    }
}

/// A git command in the making. Dropping its future ends the process, unless it is a lasting one.
#[derive(Debug)]
pub struct Git {
    dir: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    input: Option<Vec<u8>>,
    lasting: bool,
    held: Option<File>,
}

impl Git {
    /// A command that runs in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), args: Vec::new(), env: Vec::new(), input: None, lasting: false, held: None }
    }

    /// With these arguments, the subcommand first.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// With a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// On an index of our own rather than the repository's.
    pub fn index(self, index: &Path) -> Self {
        self.env("GIT_INDEX_FILE", index)
    }

    /// With this on standard input.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Left to end by itself when nobody waits for it any more: a short command that writes to the person's own index or
    /// references, and would leave its lock behind if it was killed.
    pub fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// With a locked file that stays locked until it has ended, even if gonogo is killed before: the file becomes its standard
    /// input, which it doesn't read, and a lock belongs to whoever has the file open.
    pub fn holding(mut self, lock: &File) -> Self {
        self.held = lock.try_clone().ok();
        self
    }

    /// Runs it; a status other than 0 is an error that says what git said.
    pub async fn run(self) -> Result<Printed, GitError> {
        self.attempt().await?.ok()
    }

    /// Runs it and gives its output as a text.
    pub async fn text(self) -> Result<String, GitError> {
        self.run().await?.text()
    }

    /// Runs it, whatever its status.
    pub async fn attempt(self) -> Result<Printed, GitError> {
        let name = self.args.first().map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default();
        let broken = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound if self.dir.is_dir() => GitError::Missing,
            _ => GitError::Run { command: name.clone(), source },
        };
        let mut command = Command::new("git");
        command.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"]);
        command.args(["-c", "maintenance.auto=false", "-c", "core.splitIndex=false", "-c", "core.safecrlf=false"]);
        command.args(["-c", "advice.addEmbeddedRepo=false", "--literal-pathspecs"]);
        command.args(&self.args).current_dir(&self.dir).kill_on_drop(!self.lasting);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(match self.held.filter(|_| self.input.is_none()) {
            Some(lock) => Stdio::from(lock),
            None if self.input.is_some() => Stdio::piped(),
            None => Stdio::null(),
        });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(broken)?;
        let feed = child.stdin.take().zip(self.input);
        let fed = async {
            if let Some((mut pipe, bytes)) = feed {
                // Git may end before it has read all; its status then says why.
                let _ = pipe.write_all(&bytes).await;
            }
        };
        let both = async { tokio::join!(fed, child.wait_with_output()).1 };
        let output = match tokio::time::timeout(PATIENCE, both).await {
            Ok(output) => output.map_err(|source| GitError::Run { command: name.clone(), source })?,
            Err(_) => return Err(GitError::TimedOut { command: name, after: PATIENCE }),
        };
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(Printed { good: output.status.success(), out: output.stdout, said, command: name })
    }
}
