//! Engines for tests: the one of this machine, and ones of a test's own; images and containers that go away with the test.

use std::{
    collections::HashMap,
    fs,
    net::TcpListener,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bollard::{
    Docker, body_full,
    models::{ContainerCreateBody, HostConfig, Mount, MountType},
    query_parameters::{
        BuildImageOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
        RemoveVolumeOptions, WaitContainerOptions,
    },
};
use futures::{StreamExt as _, TryStreamExt as _};
use gonogo::{
    domain::{
        container::{EngineSpec, EngineState},
        environment::Environment,
    },
    engine::docker::host::{Host, Hosts},
};

use crate::{caller::wait, home::is_there};

/// The image that most tests are made of: busybox alone.
pub const BOX: &str = "gonogo-test/images-box:1";

/// The variables that these tests are run with.
pub fn variables() -> Environment {
    std::env::vars().collect()
}

/// The engine of this machine, if one answers, with the image [`BOX`].
pub fn engine() -> Option<Arc<Host>> {
    let hosts = Hosts::new(&[], &variables());
    let host = hosts.all().next().unwrap().clone();
    ready(host).then_some(()).and_then(|()| hosts.all().next().cloned())
}

/// Whether it answers; it has the image then.
pub fn ready(host: Arc<Host>) -> bool {
    // Tests run side by side: one makes the image.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Err(fault) = wait(host.look()) {
        eprintln!("NOT RUN: {fault}");
        return false;
    }
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        eprintln!("NOT RUN: there is no /bin/busybox (busybox-static)");
        return false;
    }
    wait(async {
        let docker = host.client().await.unwrap();
        if docker.inspect_image(BOX).await.is_ok() {
            return;
        }
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_path_with_name(busybox, "busybox").unwrap();
        let file = b"FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\nCMD [\"sh\"]\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(file.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "Dockerfile", &file[..]).unwrap();
        let options = BuildImageOptionsBuilder::new().t(BOX).rm(true).forcerm(true).build();
        let body = body_full(tar.into_inner().unwrap().into());
        let mut events = docker.build_image(options, None, Some(body));
        while let Some(event) = events.next().await {
            event.unwrap();
        }
    });
    true
}

/// An engine at this address.
pub fn at(address: &str, certificates: Option<PathBuf>, variables: &Environment) -> Arc<Host> {
    let spec = EngineSpec {
        name: "other".into(),
        address: address.into(),
        certificates,
        default: true,
        ..EngineSpec::default()
    };
    Hosts::new(&[spec], variables).all().next().unwrap().clone()
}

/// Looks until it answers.
pub fn look(host: &Host) -> EngineState {
    let began = std::time::Instant::now();
    loop {
        match wait(host.look()) {
            Ok(state) => return state,
            Err(fault) if began.elapsed() > Duration::from_mins(1) => panic!("{fault}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// A port that is free now.
pub fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A container with a volume at `target`, created and not started. Both go when it is dropped.
pub struct Made {
    host: Arc<Host>,
    pub id: String,
    volume: String,
}

impl Made {
    pub fn new(host: &Arc<Host>, target: &str, user: &str, script: &str, read_only: bool) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let volume = format!("gonogo-test-images-{}-{number}", std::process::id());
        let mount = Mount {
            typ: Some(MountType::VOLUME),
            source: Some(volume.clone()),
            target: Some(target.to_owned()),
            ..Mount::default()
        };
        let body = ContainerCreateBody {
            image: Some(BOX.into()),
            user: Some(user.into()),
            working_dir: Some(target.into()),
            cmd: Some(["sh", "-c", script].map(str::to_owned).into()),
            labels: Some(HashMap::from([("gonogo-test".to_owned(), "images".to_owned())])),
            network_disabled: Some(true),
            host_config: Some(HostConfig {
                mounts: Some(vec![mount]),
                network_mode: Some("none".into()),
                readonly_rootfs: Some(read_only),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let create = async { host.client().await.unwrap().create_container(None, body).await.unwrap().id };
        Self { host: host.clone(), id: wait(create), volume }
    }

    /// Runs it to its end: exit status and what it printed.
    pub fn run(&self) -> (i64, String) {
        wait(async {
            let docker = self.host.client().await.unwrap();
            docker.start_container(&self.id, None).await.unwrap();
            let status = match docker.wait_container(&self.id, None::<WaitContainerOptions>).try_next().await {
                Ok(done) => done.map_or(0, |done| done.status_code),
                Err(bollard::errors::Error::DockerContainerWaitError { code, .. }) => code,
                Err(error) => panic!("{error}"),
            };
            let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
            let lines: Vec<_> = docker.logs(&self.id, Some(options)).try_collect().await.unwrap();
            (status, lines.iter().map(ToString::to_string).collect())
        })
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        wait(async {
            let Ok(docker) = self.host.client().await else { return };
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let _ = docker.remove_container(&self.id, Some(options)).await;
            let _ = docker.remove_volume(&self.volume, None::<RemoveVolumeOptions>).await;
        });
    }
}

/// Removes an image, if it is there.
pub async fn remove_image(docker: &Docker, name: &str) {
    let _ = docker.remove_image(name, None::<RemoveImageOptions>, None).await;
}

/// A program of the test's own that ends with it.
pub struct Served(pub Child);

impl Served {
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::create(log).unwrap();
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Self(child)
    }

    /// Asks it to end, and waits for that.
    pub fn stop(&mut self) {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.0.id().cast_signed()),
            nix::sys::signal::Signal::SIGTERM,
        );
        for _ in 0..300 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Podman's socket, served for a test; `registry` is one that is asked without TLS.
pub struct Podman {
    pub host: Arc<Host>,
    _served: Served,
    dir: tempfile::TempDir,
}

impl Podman {
    pub fn start(variables: &Environment, registry: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() || !is_there("podman") {
            eprintln!("NOT RUN: there is no podman that root may use");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("gonogo-podman-").tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("registries.conf"), format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n"))
            .unwrap();
        // What it would set by itself may be more than this machine allows.
        let limits = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
        fs::write(path("containers.conf"), limits).unwrap();
        let address = format!("unix://{}", path("p.sock").display());
        let mut command = Command::new("podman");
        command.arg("--root").arg(path("root")).arg("--runroot").arg(path("run"));
        command.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
        command.args(["system", "service", "--time=0", &address]);
        command.env("CONTAINERS_REGISTRIES_CONF", path("registries.conf"));
        command.env("CONTAINERS_CONF", path("containers.conf"));
        let served = Served::start(command.stdin(Stdio::null()), &path("log"));
        let host = at(&address, None, variables);
        look(&host);
        if !ready(host.clone()) {
            return None;
        }
        Some(Self { host, _served: served, dir })
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What vfs keeps is removed by Podman itself, which knows what is mounted.
        let path = |name: &str| self.dir.path().join(name);
        let mut command = Command::new("podman");
        command.arg("--root").arg(path("root")).arg("--runroot").arg(path("run"));
        let _ = command.args(["--storage-driver", "vfs", "system", "reset", "--force"]).output();
    }
}

/// Certificates of an authority of the test's own, for an engine at 127.0.0.1 and for a client.
pub fn certificates(dir: &Path) {
    let openssl = |args: &str| {
        let ran = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().unwrap();
        assert!(ran.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    fs::write(dir.join("server.ext"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n").unwrap();
    fs::write(dir.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=authority"));
    for (name, key_file, cert) in [("server", "server-key.pem", "server.pem"), ("client", "key.pem", "cert.pem")] {
        openssl(&format!("req {key} -keyout {key_file} -out {name}.csr -subj /CN={name}"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile {name}.ext -out {cert}"
        ));
    }
}

/// A Docker engine of the test's own, reached over TLS.
pub struct Dockerd {
    pub dir: tempfile::TempDir,
    pub port: u16,
    pub served: Served,
}

impl Dockerd {
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// With more arguments.
    pub fn start_with(more: &[&str]) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() || !is_there("dockerd") || !is_there("openssl") || !is_there("unshare") {
            eprintln!("NOT RUN: there is no dockerd and openssl that root may use");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("gonogo-tls-").tempdir().unwrap();
        certificates(dir.path());
        let port = port();
        let served = serve(dir.path(), port, more);
        let engine = Self { dir, port, served };
        look(&at(&engine.address(), Some(engine.path("")), &variables()));
        Some(engine)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn address(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }
}

/// Starts it in a network of its own, because two engines in one would quarrel about its bridge. It is handed the socket on which
/// it listens, and that is one of this network.
pub fn serve(dir: &Path, port: u16, more: &[&str]) -> Served {
    let path = |name: &str| dir.join(name).display().to_string();
    let mut command = Command::new("sh");
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec unshare --net dockerd \"$@\"";
    command.args(["-c", script, "sh"]);
    command.args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")]);
    command.args(["--iptables=false", "--ip-forward=false", "--storage-driver", "vfs"]);
    command.args(["--tlsverify", "--tlscacert", &path("ca.pem"), "--tlscert", &path("server.pem")]);
    command.args(["--tlskey", &path("server-key.pem"), "-H", "fd://"]);
    command.args(more);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    command.stdin(OwnedFd::from(listener));
    Served::start(&mut command, &dir.join("log"))
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.served.stop();
        // What it leaves mounted would keep its directory.
        for below in ["data", "exec/netns/default"] {
            let _ = Command::new("umount").arg(self.path(below)).output();
        }
    }
}
