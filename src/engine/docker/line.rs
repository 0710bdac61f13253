//! The way to an engine over ssh: one `ssh` of our own that forwards a socket here to the engine's socket there.
//!
//! Nothing but the engine has to be installed there. The process is started when it is first needed and again whenever it has
//! ended; it ends with this one, however that ends, because what it runs there (`cat`) then reads the end of its input.

use std::{
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    process::{Child, Command},
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::domain::{
    container::{EngineFault, EngineSpec},
    environment::Environment,
};

/// How long it may take until the way is made.
const PATIENCE: Duration = Duration::from_secs(20);

/// The engine's socket there, if the address names none.
const SOCKET: &str = "/var/run/docker.sock";

/// No more of what ssh says is kept than this.
const WORDS: u64 = 4096;

/// The way to one engine.
#[derive(Debug)]
pub(super) struct Line {
    address: String,
    program: Vec<String>,
    variables: Environment,
    dir: OnceLock<TempDir>,
    ssh: Mutex<Option<Child>>,
}

/// Which fault, and why.
type Wrong = (EngineFault, String);

impl Line {
    /// The way to this engine. `GONOGO_SSH` of the environment is the command, with its arguments, that is used for `ssh`.
    pub(super) fn of(spec: &EngineSpec, environment: &Environment) -> Self {
        let program = environment.get("GONOGO_SSH").unwrap_or("ssh");
        Self {
            address: spec.address.clone(),
            program: program.split_whitespace().map(str::to_owned).collect(),
            variables: if spec.address.starts_with("ssh://") { environment.clone() } else { Environment::default() },
            dir: OnceLock::new(),
            ssh: Mutex::new(None),
        }
    }

    /// The socket on this machine, in a directory that is ours alone.
    pub(super) fn socket(&self) -> Result<PathBuf, Wrong> {
        if self.dir.get().is_none() {
            let private = Permissions::from_mode(0o700);
            let made = tempfile::Builder::new().prefix("gonogo-ssh-").permissions(private).tempdir();
            let made = made.map_err(|error| (EngineFault::Refused, format!("no directory for its socket: {error}")))?;
            // Another may have been faster: then this one goes away again.
            let _ = self.dir.set(made);
        }
        self.dir
            .get()
            .map(|dir| dir.path().join("engine.sock"))
            .ok_or_else(|| (EngineFault::Refused, "no directory for its socket".into()))
    }

    /// Sees to it that the way is there.
    pub(super) async fn hold(&self) -> Result<(), Wrong> {
        let mut held = self.ssh.lock().await;
        if let Some(ssh) = held.as_mut() {
            if matches!(ssh.try_wait(), Ok(None)) {
                drain(ssh.stderr.as_mut());
                drain(ssh.stdout.as_mut());
                return Ok(());
            }
            *held = None;
        }
        let socket = self.socket()?;
        let mut ssh = self.start(&socket)?;
        let failed = match open(&mut ssh, &socket).await {
            Ok(()) => {
                *held = Some(ssh);
                return Ok(());
            }
            Err(why) => why,
        };
        let _ = ssh.start_kill();
        let mut said = Vec::new();
        if let Some(words) = ssh.stderr.take() {
            let _ = timeout(Duration::from_secs(1), words.take(WORDS).read_to_end(&mut said)).await;
        }
        let _ = ssh.wait().await;
        let said = String::from_utf8_lossy(&said);
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        let lower = said.to_lowercase();
        let denied = ["permission denied", "host key verification", "prohibited", "too many authentication"];
        let fault =
            if denied.iter().any(|text| lower.contains(text)) { EngineFault::NoPermission } else { EngineFault::Away };
        Err((fault, if said.is_empty() { failed } else { format!("{failed}: {said}") }))
    }

    fn start(&self, socket: &Path) -> Result<Child, Wrong> {
        let wrong = |why: String| (EngineFault::NoEngine, why);
        let way = Way::of(&self.address).ok_or_else(|| wrong("it is no address such as ssh://me@build1".into()))?;
        let (program, args) = self.program.split_first().ok_or_else(|| wrong("GONOGO_SSH is empty".into()))?;
        let mut command = Command::new(program);
        command.args(args).arg("-T");
        for option in [
            // Nobody is there to be asked.
            "BatchMode=yes",
            "ConnectTimeout=10",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
            "ExitOnForwardFailure=yes",
            "StreamLocalBindUnlink=yes",
            "StreamLocalBindMask=0177",
            // A connection of its own: it ends when this one does, and nobody else's does.
            "ControlMaster=no",
            "ControlPath=none",
            "ForwardAgent=no",
            "ForwardX11=no",
            "LogLevel=ERROR",
        ] {
            command.args(["-o", option]);
        }
        command.arg("-L").arg(format!("{}:{}", socket.display(), way.socket));
        if let Some(user) = way.user {
            command.args(["-l", user]);
        }
        if let Some(port) = way.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", way.host, "echo ready; exec cat"]);
        command.env_clear().envs(self.variables.iter());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => (EngineFault::NoPermission, format!("there is no {program} on this machine")),
            _ => (EngineFault::Away, format!("{program} can't be started: {error}")),
        })
    }
}

/// Reads what has been printed meanwhile, so that ssh is never held up by a full pipe; nobody needs it.
fn drain(pipe: Option<&mut (impl AsyncRead + Unpin)>) {
    let mut some = [0; 1024];
    if let Some(pipe) = pipe {
        while let Some(Ok(1..)) = pipe.read(&mut some).now_or_never() {}
    }
}

/// Waits until somebody there has answered, and an engine answers through the socket.
async fn open(ssh: &mut Child, socket: &Path) -> Result<(), String> {
    let began = Instant::now();
    let mut ready = [0; 6];
    if let Some(out) = ssh.stdout.as_mut() {
        // What a login script prints before it does no harm: only that something comes counts.
        match timeout(PATIENCE, out.read(&mut ready)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return Err("ssh ended".into()),
            Err(_) => return Err(format!("ssh did not get there within {} s", PATIENCE.as_secs())),
        }
    }
    loop {
        if let Ok(mut stream) = UnixStream::connect(socket).await {
            let ask = async {
                stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n").await?;
                stream.read(&mut ready).await
            };
            match timeout(PATIENCE, ask).await {
                Ok(Ok(1..)) => return Ok(()),
                Ok(_) => return Err("ssh got there, but no engine answers at its socket".into()),
                Err(_) => return Err("ssh got there, but the engine does not answer".into()),
            }
        }
        if began.elapsed() > PATIENCE || !matches!(ssh.try_wait(), Ok(None)) {
            return Err("ssh did not forward the engine's socket".into());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What an address says.
#[derive(Debug, PartialEq, Eq)]
struct Way<'a> {
    user: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    socket: &'a str,
}

impl<'a> Way<'a> {
    /// `ssh://[user@]host[:port][/path/of/the.sock]`.
    fn of(address: &'a str) -> Option<Self> {
        let rest = address.strip_prefix("ssh://")?;
        let (place, socket) = rest.find('/').map_or((rest, SOCKET), |at| rest.split_at(at));
        let (user, place) = place.rsplit_once('@').map_or((None, place), |(user, place)| (Some(user), place));
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
            None => place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map(str::parse).transpose().ok()?;
        let plain = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_whitespace);
        let well = plain(host) && user.is_none_or(plain) && !socket.contains([':', '\0']);
        well.then_some(Self { user, host, port, socket: if socket == "/" { SOCKET } else { socket } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let way = |user, host, port, socket| Some(Way { user, host, port, socket });
        assert_eq!(Way::of("ssh://build1"), way(None, "build1", None, SOCKET));
        assert_eq!(Way::of("ssh://build1/"), way(None, "build1", None, SOCKET));
        assert_eq!(Way::of("ssh://me@build1:22"), way(Some("me"), "build1", Some(22), SOCKET));
        assert_eq!(Way::of("ssh://me@[::1]:2222/run/p.sock"), way(Some("me"), "::1", Some(2222), "/run/p.sock"));
        for wrong in ["ssh://", "ssh://-oProxyCommand=x", "ssh://-l@host", "ssh://host:x", "ssh://a b", "tcp://a"] {
            assert_eq!(Way::of(wrong), None, "{wrong}");
        }
    }
}
