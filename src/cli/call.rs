//! Ways to a gonogo: the socket on this machine, with a daemon started behind it where there is none; or ssh to another.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UnixStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

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
                        hint: Some(
                            "`gonogo daemon logs` may say why; `gonogo status`, `watch` and `logs` work beside it"
                                .into(),
                        ),
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
    let owner = address::check(runtime_dir).map_err(never)?;
    let path = address::socket(runtime_dir);
    match UnixStream::connect(&path).await {
        Ok(stream) if stream.peer_cred().is_ok_and(|peer| peer.uid() == owner) => Ok(stream),
        Ok(_) => Err(never(AddressError::Unsafe { path, what: "is answered at by another user" })),
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

/// How much a login may print before the far end says that it is ready: a greeting, not a file.
const PRELUDE: usize = 64 << 10;

/// How long the far end may take when it is called again: nobody is asked for anything then.
const AGAIN: Duration = Duration::from_secs(20);

/// How long what ssh said last may take to come, once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl SshCall {
    async fn connect(&self, why: Why) -> Result<Box<dyn Stream>, CallError> {
        let again = why != Why::First;
        let mut child = self.command(why)?.spawn().map_err(|error| {
            let program = self.program.first().map_or("", String::as_str);
            CallError::Unreachable {
                what: format!("can't run {program}: {error}"),
                hint: Some("is it installed? --ssh COMMAND names the ssh to call with".into()),
            }
        })?;
        let (Some(mut output), Some(input), Some(mut said)) =
            (child.stdout.take(), child.stdin.take(), child.stderr.take())
        else {
            return Err(CallError::unreachable("ssh has no standard output"));
        };
        if again {
            let ready = async { ready(&mut output, &mut said, &mut tokio::io::sink()).await };
            match timeout(AGAIN, ready).await {
                Ok(ready) => self.begun(ready, &mut child).await?,
                Err(_) => {
                    return Err(CallError::Unreachable {
                        what: format!("{} gave no answer within {} seconds", self.to, AGAIN.as_secs()),
                        hint: Some("it is tried again".into()),
                    });
                }
            }
        } else {
            // Nothing is on the terminal yet but what ssh has to say.
            let mut terminal = tokio::io::stderr();
            let ready = ready(&mut output, &mut said, &mut terminal).await;
            if ready == Ready::Ended {
                let _ = timeout(LAST_WORDS, tokio::io::copy(&mut said, &mut terminal)).await;
            }
            let _ = terminal.flush().await;
            self.begun(ready, &mut child).await?;
        }
        let quiet = AbortOnDropHandle::new(tokio::spawn(drain(said)));
        Ok(Box::new(Far { pipe: tokio::io::join(output, input), _ssh: child, _quiet: quiet }))
    }

    fn command(&self, why: Why) -> Result<Command, CallError> {
        let (program, args) = self.program.split_first().ok_or_else(|| CallError::Unreachable {
            what: "there is no program to call with".into(),
            hint: Some("--ssh COMMAND names it".into()),
        })?;
        let mut ssh = Command::new(program);
        ssh.args(args);
        if why != Why::First {
            // The board has the terminal: nothing can be asked for there.
            ssh.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        }
        ssh.args(["-T", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]).arg(&self.to).arg(&self.remote);
        if why == Why::Ended {
            // Somebody has stopped it there: it is waited for.
            ssh.arg("--only");
        }
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(ssh)
    }

    async fn begun(&self, ready: Ready, child: &mut Child) -> Result<(), CallError> {
        match ready {
            Ready::Yes => Ok(()),
            Ready::Ended => Err(self.refused(child).await),
            Ready::Babble => Err(CallError::Unreachable {
                what: format!("what {} says is not what a gonogo says", self.to),
                hint: Some(format!("something there prints without end at login: try `ssh {} true`", self.to)),
            }),
        }
    }

    async fn refused(&self, child: &mut Child) -> CallError {
        let status = timeout(Duration::from_secs(5), child.wait()).await;
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

/// What waiting for the far end came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    /// It is there.
    Yes,
    /// There is no far end any more.
    Ended,
    /// It says something else all the time.
    Babble,
}

/// Waits for the far end. It says a byte before anything else: whatever its shell prints before that is not taken for an
/// answer. What ssh itself says meanwhile is passed on.
async fn ready(
    output: &mut (impl AsyncRead + Unpin),
    said: &mut (impl AsyncRead + Unpin),
    terminal: &mut (impl AsyncWrite + Unpin),
) -> Ready {
    let (mut byte, mut chunk) = ([0], [0; 4096]);
    let (mut prelude, mut speaks) = (0, true);
    loop {
        tokio::select! {
            // What ssh has said by now is shown before anything else takes the terminal.
            biased;
            length = said.read(&mut chunk), if speaks => match length {
                Ok(length) if length > 0 => {
                    let _ = terminal.write_all(&chunk[..length]).await;
                    let _ = terminal.flush().await;
                }
                _ => speaks = false,
            },
            length = output.read(&mut byte) => match length {
                Ok(1) if byte == READY => return Ready::Yes,
                Ok(1) if prelude < PRELUDE => prelude += 1,
                Ok(1) => return Ready::Babble,
                _ => return Ready::Ended,
            },
        }
    }
}

/// Takes what ssh says while the board has the terminal: one that nobody listens to would stand still.
async fn drain(mut said: impl AsyncRead + Unpin) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = said.read(&mut chunk).await {
        tracing::debug!("ssh: {}", String::from_utf8_lossy(&chunk[..length]).trim_end());
    }
}

/// The pipes of a running ssh, which ends with them.
struct Far<T> {
    pipe: T,
    _ssh: Child,
    _quiet: AbortOnDropHandle<()>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Far<T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipe).poll_read(context, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Far<T> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An ssh that is this script.
    fn ssh(script: &str) -> SshCall {
        let program = ["sh", "-c", script].map(str::to_owned).to_vec();
        SshCall { program, to: "somewhere".into(), remote: "gonogo".into() }
    }

    async fn refused(call: &SshCall, why: Why) -> String {
        let error = call.call(why).await.err().unwrap();
        assert!(error.hint().is_some(), "no hint: {error}");
        error.to_string()
    }

    #[tokio::test]
    async fn what_ssh_says_is_passed_on_until_the_far_end_is_ready() {
        let (mut output, mut said) = (&b"welcome\n\x06more"[..], &b"a warning\n"[..]);
        let mut terminal = Vec::new();
        assert_eq!(ready(&mut output, &mut said, &mut terminal).await, Ready::Yes);
        assert_eq!((terminal.as_slice(), output), (&b"a warning\n"[..], &b"more"[..]));
    }

    #[tokio::test]
    async fn a_far_end_that_says_something_else_all_the_time_is_given_up() {
        let (mut output, mut terminal) = (tokio::io::repeat(b'x'), Vec::new());
        assert_eq!(ready(&mut output, &mut &b""[..], &mut terminal).await, Ready::Babble);
        let said = refused(&ssh("yes"), Why::First).await;
        assert!(said.contains("is not what a gonogo says"), "{said}");
    }

    #[tokio::test]
    async fn an_ssh_that_talks_all_the_time_does_not_stand_still() {
        // More than a pipe holds; it ends by itself when everything was read.
        let call = ssh("printf '\\006'; head -c 300000 /dev/zero | tr '\\0' x >&2; echo done");
        for why in [Why::First, Why::CutOff] {
            let mut stream = call.call(why).await.unwrap();
            let mut text = String::new();
            timeout(Duration::from_mins(1), stream.read_to_string(&mut text)).await.unwrap().unwrap();
            assert_eq!(text, "done\n");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_said() {
        let call = SshCall { program: vec!["nosuchssh".into()], ..ssh("") };
        assert!(refused(&call, Why::First).await.contains("can't run nosuchssh"));
        let call = SshCall { program: Vec::new(), ..ssh("") };
        assert!(refused(&call, Why::First).await.contains("no program"));
        assert!(refused(&ssh("exit 127"), Why::First).await.contains("no gonogo on somewhere"));
    }

    #[tokio::test]
    async fn one_that_is_called_again_has_limits() {
        // Its arguments are what it prints.
        for (why, wanted, only) in [(Why::First, false, false), (Why::CutOff, true, false), (Why::Ended, true, true)] {
            let mut stream = ssh("printf '\\006'; echo \"$0 $*\"").call(why).await.unwrap();
            let mut args = String::new();
            stream.read_to_string(&mut args).await.unwrap();
            assert_eq!(args.contains("ConnectTimeout=10") && args.contains("BatchMode=yes"), wanted, "{args}");
            assert_eq!(args.ends_with("somewhere gonogo --only\n"), only, "{args}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_called_again_and_says_nothing_is_given_up() {
        let error = ssh("sleep 60").call(Why::CutOff).await.err().unwrap();
        assert!(error.to_string().contains("within 20 seconds"), "{error}");
    }
}
