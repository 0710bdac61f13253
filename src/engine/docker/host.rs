//! Which engines there are, and how each is reached.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

use crate::domain::{
    container::{EngineFault, EngineSpec},
    environment::Environment,
};

use super::{fault::Fault, sweep};

/// How long an engine may take to begin an answer, in seconds.
const PATIENCE: u64 = 60;

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
    client: OnceCell<Docker>,
    /// Which gonogo uses it, and the markers of the attempts that it takes up again.
    mine: OnceLock<(String, BTreeSet<String>)>,
    swept: OnceCell<()>,
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
        Self(Arc::new(specs.into_iter().map(|spec| Arc::new(Host::new(spec))).collect()))
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
    fn new(spec: EngineSpec) -> Self {
        Self { spec, client: OnceCell::new(), mine: OnceLock::new(), swept: OnceCell::new() }
    }

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

    /// A client of its API. Nothing is sent yet, but where the way to it is made first (ssh).
    pub async fn client(&self) -> Result<&Docker, Fault> {
        self.client.get_or_try_init(|| async { self.connect() }).await
    }

    /// The client, where there is one already.
    pub fn connected(&self) -> Option<Docker> {
        self.client.get().cloned()
    }

    /// Containers see the files of this machine.
    pub fn shares_files(&self) -> bool {
        self.spec.address.starts_with("unix://") && !self.spec.ship
    }

    fn connect(&self) -> Result<Docker, Fault> {
        let address = self.spec.address.as_str();
        let what = || format!("the engine {} at {address} can't be used", self.name());
        let connected = match (address.split_once("://").map_or("", |(scheme, _)| scheme), &self.spec.certificates) {
            ("unix", _) => Docker::connect_with_unix(address, PATIENCE, API_DEFAULT_VERSION),
            ("tcp" | "https", Some(dir)) => self.tls(dir),
            ("tcp" | "http", None) => Docker::connect_with_http(address, PATIENCE, API_DEFAULT_VERSION),
            ("ssh", _) => Docker::connect_with_ssh(address, PATIENCE, API_DEFAULT_VERSION, None),
            _ => {
                let why = "it begins with none of unix://, tcp://, https://, ssh://";
                return Err(Fault::new(EngineFault::NoEngine, what(), why));
            }
        };
        connected.map_err(|error| Fault::of(what(), &error))
    }

    fn tls(&self, dir: &Path) -> Result<Docker, bollard::errors::Error> {
        // Another crate may bring a provider of its own; the first one that is set stays.
        let (key, cert, ca) = (dir.join("key.pem"), dir.join("cert.pem"), dir.join("ca.pem"));
        Docker::connect_with_ssl(&self.spec.address, &key, &cert, &ca, PATIENCE, API_DEFAULT_VERSION)
    }
}
