//! Which engines there are, and how each is reached.

use std::{
    collections::BTreeSet,
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use tokio::{
    sync::OnceCell,
    time::{sleep, timeout},
};

use crate::domain::{
    container::{EngineFault, EngineSpec},
    environment::Environment,
};

use super::{credentials::Logins, fault::Fault, line::Line, sweep};

/// How long an engine may take to begin an answer, in seconds.
const PATIENCE: u64 = 60;

/// The same for what takes as long as it takes: [`Host::attend`] sees to it that somebody is there.
const LONG: Duration = Duration::from_hours(24);

/// How often an engine that is silent is asked whether it is there.
const PULSE: Duration = Duration::from_secs(20);

/// How long it may take to say so; after [`MISSES`] times in a row without an answer it is away.
const ANSWER: Duration = Duration::from_secs(10);
const MISSES: u32 = 3;

/// Where Docker's engine answers, if nothing else is said.
const SOCKET: &str = "unix:///var/run/docker.sock";

/// All engines that are known.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Arc<Vec<Arc<Host>>>);

/// One engine.
#[derive(Debug)]
pub struct Host {
    /// Its name, address and labels.
    pub spec: EngineSpec,
    /// What its registries are told.
    pub logins: Logins,
    client: OnceCell<Docker>,
    /// Which gonogo uses it, and the markers of the attempts that it takes up again.
    mine: OnceLock<(String, BTreeSet<String>)>,
    swept: OnceCell<()>,
    /// The way there, if it is over ssh.
    line: Line,
}

impl Hosts {
    /// The engines of the settings. Where none of them is the default, `DOCKER_HOST` of the environment, or the usual socket, is.
    pub fn new(specs: &[EngineSpec], environment: &Environment) -> Self {
        let mut specs = specs.to_vec();
        if !specs.iter().any(|spec| spec.default) {
            let address = environment.get("DOCKER_HOST").filter(|address| !address.is_empty());
            let path = |name: &str| environment.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
            let tls = path("DOCKER_TLS_VERIFY").is_some();
            let certificates =
                path("DOCKER_CERT_PATH").or_else(|| path("HOME").map(|home| home.join(".docker"))).filter(|_| tls);
            specs.insert(
                0,
                EngineSpec {
                    name: "docker".into(),
                    address: address.map_or_else(|| SOCKET.to_owned(), str::to_owned),
                    certificates,
                    default: true,
                    ..EngineSpec::default()
                },
            );
        }
        let logins = Logins::of(environment);
        let host = |spec: EngineSpec| {
            let line = Line::of(&spec, environment);
            let (client, mine, swept) = (OnceCell::new(), OnceLock::new(), OnceCell::new());
            Arc::new(Host { spec, logins: logins.clone(), client, line, mine, swept })
        };
        Self(Arc::new(specs.into_iter().map(host).collect()))
    }

    /// From now on they are used by the gonogo of this name, which takes up again the attempts with these markers. Everything
    /// else that an earlier one has left is removed before anything is made.
    pub fn begin(&self, home: &str, live: &BTreeSet<String>) {
        for host in self.all() {
            let _ = host.mine.set((home.to_owned(), live.clone()));
        }
    }

    /// All of them, in the order of the settings.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.0.iter()
    }

    /// The engine of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Host>> {
        self.all().find(|host| host.spec.name == name)
    }

    /// The first engine that has all of these names or labels; the default one for none.
    pub fn pick(&self, runs_on: &[String]) -> Result<Arc<Host>, Fault> {
        let fits = |host: &&Arc<Host>| {
            let spec = &host.spec;
            if runs_on.is_empty() {
                spec.default
            } else {
                runs_on.iter().all(|wanted| spec.name == *wanted || spec.labels.contains(wanted))
            }
        };
        self.all().find(fits).cloned().ok_or_else(|| {
            let known: Vec<String> = self
                .all()
                .map(|host| match host.spec.labels.as_slice() {
                    [] => host.spec.name.clone(),
                    labels => format!("{} ({})", host.spec.name, labels.join(", ")),
                })
                .collect();
            let what = format!("there is no engine for `runs-on` {}", runs_on.join(", "));
            Fault::new(EngineFault::NoEngine, what, format!("known are {}", known.join("; ")))
        })
    }
}

impl Host {
    /// Removes what an earlier gonogo has left in it, once.
    pub async fn sweep(&self) {
        if let Some((home, live)) = self.mine.get() {
            let _ = self.swept.get_or_try_init(|| sweep::leftovers(self, home, live)).await;
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// A client of its API. Nothing is sent yet, but where the way to it is made first (ssh): that is made anew whenever it
    /// has ended. Each request has a connection of its own, so nothing of an engine that went away stays behind.
    pub async fn client(&self) -> Result<&Docker, Fault> {
        if self.is_over_ssh() {
            self.line.hold().await.map_err(|(fault, why)| Fault::new(fault, self.unusable(), why))?;
        }
        self.client.get_or_try_init(|| async { self.connect() }).await
    }

    /// The client, where there is one already.
    pub fn connected(&self) -> Option<Docker> {
        self.client.get().cloned()
    }

    /// A client for what takes as long as it takes before the answer begins: to send a workspace, say. To be used within
    /// [`Host::attend`].
    pub async fn patient(&self) -> Result<Docker, Fault> {
        Ok(self.client().await?.clone().with_timeout(LONG))
    }

    /// Waits for what was asked of the engine for as long as the engine is there: it is asked every 20 s, and away after
    /// three times without an answer. `what` says what was wanted.
    pub async fn attend<T>(&self, what: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let mut work = pin!(work);
        let mut missed = 0;
        while missed < MISSES {
            tokio::select! {
                done = &mut work => return done,
                () = sleep(PULSE) => {}
            }
            let ping = async {
                let client = self.client().await?;
                client.ping().await.map(drop).map_err(|error| Fault::of(what, &error))
            };
            tokio::select! {
                done = &mut work => return done,
                answer = timeout(ANSWER, ping) => missed = if matches!(answer, Ok(Ok(()))) { 0 } else { missed + 1 },
            }
        }
        Err(Fault::new(EngineFault::Away, what, "it no longer answers"))
    }

    /// Containers see the files of this machine.
    pub fn shares_files(&self) -> bool {
        self.spec.address.starts_with("unix://") && !self.spec.ship
    }

    pub(super) fn is_over_ssh(&self) -> bool {
        self.spec.address.starts_with("ssh://")
    }

    fn unusable(&self) -> String {
        format!("the engine {} at {} can't be used", self.name(), self.spec.address)
    }

    fn connect(&self) -> Result<Docker, Fault> {
        let address = self.spec.address.as_str();
        let connected = match (address.split_once("://").map_or("", |(scheme, _)| scheme), &self.spec.certificates) {
            ("unix", _) => Docker::connect_with_unix(address, PATIENCE, API_DEFAULT_VERSION),
            ("tcp" | "https", Some(dir)) => {
                let (key, cert, ca) = (dir.join("key.pem"), dir.join("cert.pem"), dir.join("ca.pem"));
                Docker::connect_with_ssl(address, &key, &cert, &ca, PATIENCE, API_DEFAULT_VERSION)
            }
            ("tcp" | "http", None) => Docker::connect_with_http(address, PATIENCE, API_DEFAULT_VERSION),
            ("ssh", _) => {
                let socket = self.line.socket().map_err(|(fault, why)| Fault::new(fault, self.unusable(), why))?;
                Docker::connect_with_unix(&socket.to_string_lossy(), PATIENCE, API_DEFAULT_VERSION)
            }
            _ => {
                let why = "its address begins with none of unix://, tcp://, https://, ssh://";
                return Err(Fault::new(EngineFault::NoEngine, self.unusable(), why));
            }
        };
        match connected {
            Ok(client) => Ok(client.with_request_modifier(url_safe)),
            Err(error) => Err(Fault::of(self.unusable(), &error)),
        }
    }
}

/// Engines read credentials as base64 for URLs and ignore what isn't; the client writes the plain kind, in which some
/// passwords have other letters.
fn url_safe(mut request: BollardRequest) -> BollardRequest {
    for name in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = request.headers_mut().get_mut(name) else { continue };
        let text = value.to_str().map(|text| text.replace('+', "-").replace('/', "_"));
        if let Some(mut safe) = text.ok().and_then(|text| text.parse().ok()) {
            std::mem::swap(value, &mut safe);
            value.set_sensitive(true);
        }
    }
    request
}
