//! Ways to a gonogo: the socket on this machine, with a daemon started behind it where there is none; or ssh to another.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::AsyncReadExt as _,
    net::UnixStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    ipc::{
        address::{self, AddressError},
        client::{Call, CallError, Calling, Stream, Why},
    },
    store::hold,
};

use super::{daemon::start, place::Place};

/// How long a daemon that is just starting may take to answer.
const STARTING: Duration = Duration::from_secs(30);

/// The daemon on this machine.
pub struct LocalCall {
    runtime_dir: PathBuf,
    state_dir: PathBuf,
    start: bool,
}

impl LocalCall {
    /// One that is started where none runs.
    pub fn starting(place: &Place) -> Self {
        Self { runtime_dir: place.paths.runtime_dir.clone(), state_dir: place.paths.state_dir.clone(), start: true }
    }

    /// One that runs already.
    pub fn only(place: &Place) -> Self {
        Self { start: false, ..Self::starting(place) }
    }

    async fn connect(&self, start: bool) -> Result<Box<dyn Stream>, CallError> {
        let until = Instant::now() + STARTING;
        let mut started = false;
        loop {
            match open(&self.runtime_dir).await {
                Ok(stream) => return Ok(Box::new(stream)),
                Err(Unanswered::Never(error)) => return Err(error),
                Err(Unanswered::Yet) if !start => return Err(CallError::unreachable("no gonogo is at work")),
                Err(Unanswered::Yet) => {}
            }
            // Whoever holds the log is starting or ending; if nobody does, it is ours to start one.
            match hold::look(&self.state_dir) {
                hold::Held::ByDaemon(_) | hold::Held::Unknown if Instant::now() < until => {
                    sleep(Duration::from_millis(20)).await;
                }
                hold::Held::ByProcess(pid) => {
                    return Err(CallError::Unreachable {
                        what: format!(
                            "another gonogo holds the log in {} (process {pid}), and takes no callers",
                            self.state_dir.display()
                        ),
                        hint: Some(format!(
                            "do it there, or end it first (`kill {pid}` ends it in good order); `gonogo status`, `watch` and `logs` work beside it"
                        )),
                    });
                }
                hold::Held::ByNobody if !started || Instant::now() < until => {
                    start::start(&self.runtime_dir).await?;
                    started = true;
                }
                held => {
                    return Err(CallError::Unreachable {
                        what: format!(
                            "gonogo does not answer at {}{held}",
                            address::socket(&self.runtime_dir).display()
                        ),
                        hint: Some("`gonogo daemon logs` may say why; --in-process works without it".into()),
                    });
                }
            }
        }
    }
}

impl Call for LocalCall {
    fn call(&self, why: Why) -> Calling<'_> {
        // One that somebody has stopped is not started again behind their back.
        Box::pin(self.connect(self.start && why != Why::Ended))
    }
}

/// Nobody answers.
enum Unanswered {
    /// Nobody is there, or not yet.
    Yet,
    /// Something is wrong that waiting doesn't mend.
    Never(CallError),
}

async fn open(runtime_dir: &std::path::Path) -> Result<UnixStream, Unanswered> {
    let never = |error: AddressError| {
        let what = super::report::chain(&error);
        Unanswered::Never(CallError::Unreachable { what, hint: Some(error.hint().into()) })
    };
    if !runtime_dir.exists() {
        return Err(Unanswered::Yet);
    }
    // Whoever could have put a socket there of their own is not talked to.
    address::check(runtime_dir).map_err(never)?;
    let path = address::socket(runtime_dir);
    match UnixStream::connect(&path).await {
        Ok(stream) => Ok(stream),
        Err(error) => match error.kind() {
            // Reset: it was killed between taking the call and answering it.
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::ConnectionRefused
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::WouldBlock => Err(Unanswered::Yet),
            _ => Err(never(AddressError::Io { doing: "connect to", path, source: error })),
        },
    }
}

/// Connects to the daemon of this place, if one runs.
pub async fn dial(place: &Place) -> Result<Box<dyn Stream>, CallError> {
    LocalCall::only(place).connect(false).await
}

/// A gonogo on another machine, by ssh.
pub struct SshCall {
    /// The program and its arguments up to the host's.
    pub program: Vec<String>,
    /// Where: `user@host`.
    pub to: String,
    /// What is run there.
    pub remote: String,
}

impl SshCall {
    async fn connect(&self, why: Why) -> Result<Box<dyn Stream>, CallError> {
        let again = why != Why::First;
        let (program, args) =
            self.program.split_first().ok_or_else(|| CallError::unreachable("no program to call with"))?;
        let mut ssh = Command::new(program);
        ssh.args(args);
        if again {
            // The board has the terminal: nothing can be asked for there.
            ssh.args(["-o", "BatchMode=yes"]);
        }
        ssh.args(["-T", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]).arg(&self.to).arg(&self.remote);
        if why == Why::Ended {
            // Somebody has stopped it there: it is waited for.
            ssh.arg("--only");
        }
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        ssh.stderr(if again { Stdio::null() } else { Stdio::inherit() });
        let mut child = ssh.spawn().map_err(|error| CallError::unreachable(format!("can't run {program}: {error}")))?;
        let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(CallError::unreachable("ssh has no standard output"));
        };
        // The far end says a byte before anything else: whatever its shell prints before that is not taken for an answer.
        let mut output = output;
        let mut byte = [0];
        loop {
            match output.read_exact(&mut byte).await {
                Ok(_) if byte == READY => break,
                Ok(_) => {}
                Err(_) => return Err(self.refused(&mut child).await),
            }
        }
        Ok(Box::new(Far { pipe: tokio::io::join(output, input), _ssh: child }))
    }

    async fn refused(&self, child: &mut Child) -> CallError {
        let status = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
        let code = status.ok().and_then(Result::ok).and_then(|status| status.code());
        let (what, hint) = match code {
            Some(127) => {
                (format!("there is no gonogo on {}", self.to), "install it there, or name it with --remote PATH")
            }
            Some(255) => (format!("ssh did not reach {}", self.to), "what ssh said stands above"),
            _ => (format!("the gonogo on {} gave no answer", self.to), "try `gonogo status` there"),
        };
        CallError::Unreachable { what, hint: Some(hint.into()) }
    }
}

impl Call for SshCall {
    fn call(&self, why: Why) -> Calling<'_> {
        Box::pin(self.connect(why))
    }
}

/// What the far end says before anything else.
pub const READY: [u8; 1] = [0x06];

/// The pipes of a running ssh, which ends with them.
struct Far<T> {
    pipe: T,
    _ssh: Child,
}

impl<T: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Far<T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipe).poll_read(context, into)
    }
}

impl<T: tokio::io::AsyncWrite + Unpin> tokio::io::AsyncWrite for Far<T> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.pipe).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

/// From where this process is run, for other people's eyes: its terminal, and the host that it was reached from.
pub fn from_here() -> String {
    let terminal = nix::unistd::ttyname(std::io::stdin()).ok();
    let terminal = terminal.map_or_else(
        || format!("process {}", std::process::id()),
        |path| path.strip_prefix("/dev").unwrap_or(&path).display().to_string(),
    );
    match ssh_origin() {
        Some(host) => format!("{terminal} from {host}"),
        None => terminal,
    }
}

/// The address from which this machine was reached by ssh.
pub fn ssh_origin() -> Option<String> {
    let connection = std::env::var("SSH_CONNECTION").ok()?;
    connection.split(' ').next().filter(|host| !host.is_empty()).map(str::to_owned)
}
