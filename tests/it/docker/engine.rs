//! The engines of this machine, with an image made for tests, and what is in them.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use bollard::{
    Docker, body_full,
    query_parameters::{
        BuildImageOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    },
};
use futures::StreamExt as _;
use gonogo::engine::docker::host::{Host, Hosts};
use serde_json::Value;

use crate::{
    caller::wait,
    dock::{self, Dockerd, Podman},
    home::Home,
};

/// An image of nothing but busybox, made here: nothing has to be pulled.
pub const IMAGE: &str = "gonogo-test/busybox:1";

/// An engine that tests may use.
#[derive(Clone)]
pub struct Engine {
    host: Arc<Host>,
    /// By what gonogo is told of it.
    variables: Vec<(String, String)>,
}

/// The engine at Docker's socket, or where `DOCKER_HOST` says.
pub fn docker() -> Option<Engine> {
    let hosts = Hosts::new(&[], &dock::variables());
    let host = hosts.all().next()?.clone();
    let variables = vec![("DOCKER_HOST".to_owned(), host.spec.address.clone())];
    Engine { host, variables }.ready()
}

/// Podman, which speaks the same language.
pub fn podman(podman: &Podman) -> Option<Engine> {
    let variables = vec![("DOCKER_HOST".to_owned(), podman.host.spec.address.clone())];
    Engine { host: podman.host.clone(), variables }.ready()
}

/// An engine elsewhere: it sees none of our files.
pub fn remote(dockerd: &Dockerd) -> Option<Engine> {
    let certificates = dockerd.path("");
    let host = dock::at(&dockerd.address(), Some(certificates.clone()), &dock::variables());
    let variables = vec![
        ("DOCKER_HOST".to_owned(), dockerd.address()),
        ("DOCKER_TLS_VERIFY".to_owned(), "1".to_owned()),
        ("DOCKER_CERT_PATH".to_owned(), certificates.display().to_string()),
    ];
    Engine { host, variables }.ready()
}

/// A Dockerfile and a busybox with its names.
fn context() -> Option<Vec<u8>> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].iter().map(Path::new).find(|path| path.exists())?;
    let listed = Command::new(busybox).arg("--list").stderr(Stdio::null()).output().ok()?;
    let mut archive = tar::Builder::new(Vec::new());
    let file = |archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, path, bytes)
    };
    file(&mut archive, "Dockerfile", 0o644, b"FROM scratch\nCOPY rootfs /\n").ok()?;
    file(&mut archive, "rootfs/bin/busybox", 0o755, &std::fs::read(busybox).ok()?).ok()?;
    file(&mut archive, "rootfs/etc/passwd", 0o644, b"root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/tmp:/bin/sh\n")
        .ok()?;
    for name in String::from_utf8_lossy(&listed.stdout).lines().filter(|name| *name != "busybox") {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("rootfs/bin/{name}"), "busybox").ok()?;
    }
    for directory in ["rootfs/tmp/", "rootfs/root/"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o1777);
        header.set_size(0);
        archive.append_data(&mut header, directory, std::io::empty()).ok()?;
    }
    archive.into_inner().ok()
}

impl Engine {
    /// The engine, if it answers and has the image.
    fn ready(self) -> Option<Self> {
        // Tests run side by side: one makes the image.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let made = self.with(|docker| async move {
            if docker.ping().await.is_err() {
                return Err("no engine answers".to_owned());
            }
            if docker.inspect_image(IMAGE).await.is_ok() {
                return Ok(());
            }
            let context = context().ok_or("there is no busybox that is linked statically")?;
            let options = BuildImageOptionsBuilder::new().t(IMAGE).rm(true).build();
            let mut build = std::pin::pin!(docker.build_image(options, None, Some(body_full(context.into()))));
            while let Some(said) = build.next().await {
                said.map_err(|error| error.to_string())?;
            }
            Ok(())
        });
        match made {
            Ok(()) => Some(self),
            Err(why) => {
                eprintln!("NOT RUN: {why} ({})", self.host.spec.address);
                None
            }
        }
    }

    /// A home whose default engine this is.
    pub fn home(&self, home: Home) -> Home {
        self.variables.iter().fold(home, |home, (name, value)| home.variable(name, value))
    }

    /// It sees the files of this machine.
    pub fn shares_files(&self) -> bool {
        self.host.shares_files()
    }

    /// Asks the engine itself.
    pub fn with<T, F: Future<Output = T>>(&self, ask: impl FnOnce(Docker) -> F) -> T {
        wait(async { ask(self.host.client().await.unwrap().clone()).await })
    }

    /// What the gonogo of this home has in the engine: containers, networks and volumes, by name.
    pub fn left(&self, home: &Home) -> Vec<String> {
        let state = home.gonogo().join("state");
        let hash = blake3::hash(std::path::absolute(state).unwrap().as_os_str().as_encoded_bytes()).to_hex();
        let filters =
            std::collections::HashMap::from([("label".to_owned(), vec![format!("dev.gonogo.home={}", &hash[..12])])]);
        self.with(|docker| async move {
            let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
            let mut names: Vec<String> = Vec::new();
            for container in docker.list_containers(Some(containers)).await.unwrap() {
                names.push(format!("container {}", container.names.unwrap_or_default().join(" ")));
            }
            for network in docker.list_networks(Some(networks)).await.unwrap() {
                names.push(format!("network {}", network.name.unwrap_or_default()));
            }
            for volume in docker.list_volumes(Some(volumes)).await.unwrap().volumes.unwrap_or_default() {
                names.push(format!("volume {}", volume.name));
            }
            names
        })
    }

    /// Everything that the engine says of the containers of a home.
    pub fn inspect(&self, home: &Home) -> Vec<Value> {
        let names = self.left(home);
        self.with(|docker| async move {
            let mut all = Vec::new();
            for name in names.iter().filter_map(|name| name.strip_prefix("container /")) {
                // One that has ended meanwhile says nothing.
                if let Ok(found) = docker.inspect_container(name, None).await {
                    all.push(serde_json::to_value(found).unwrap());
                }
            }
            all
        })
    }

    /// Removes the caches of a home, which stay otherwise.
    pub fn forget(&self, home: &Home) {
        let names = self.left(home);
        self.with(|docker| async move {
            for name in names.iter().filter_map(|name| name.strip_prefix("volume ")) {
                let _ = docker.remove_volume(name, None::<bollard::query_parameters::RemoveVolumeOptions>).await;
            }
        });
    }
}
