//! What is sent to an engine to make the container of a job.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkingConfig,
};

use crate::{
    domain::{
        container::{ContainerSpec, Limits, Network},
        id::Hash,
    },
    engine::{artifact, port::Order},
};

use super::{image::Image, label, pool::parts, script};

/// How a workspace comes into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The engine sees this machine's files: it is mounted.
    Mounted,
    /// It is sent into a volume of this name, and what has changed is brought back.
    Sent(String),
}

/// Who runs in a container, and how the workspace comes there so that they can write in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// `User` of the container; `None` is the image's own.
    pub user: Option<String>,
    /// Its number, where it is known.
    pub uid: Option<u32>,
    /// The number of its group, where it is known.
    pub gid: Option<u32>,
    /// Files that it makes belong to root, which the workspace's owner is not.
    pub give_back: bool,
    /// It can't write into the workspace where it stands: it has to be sent.
    pub must_send: bool,
}

impl Who {
    /// Works it out: what is declared, or else the image's own user, or else the owner of the workspace.
    pub fn of(spec: &ContainerSpec, image_user: &str, workspace: &Path, shares_files: bool) -> Self {
        let about = std::fs::metadata(workspace).ok();
        let owner = about.map_or((0, 0), |about| (about.uid(), about.gid()));
        let declared = spec.user.as_deref();
        let user = declared.unwrap_or(image_user);
        let (name, group) = user.split_once(':').unwrap_or((user, ""));
        let (uid, gid) = match (name, name.parse()) {
            ("" | "root", _) => (Some(0), Some(0)),
            (_, Ok(uid)) => (Some(uid), group.parse().ok()),
            _ => (None, None),
        };
        let as_declared = |must_send| Self {
            user: declared.map(str::to_owned),
            uid,
            gid,
            give_back: uid == Some(0) && owner.0 != 0,
            must_send,
        };
        match uid {
            Some(0) => as_declared(false),
            Some(uid) if uid == owner.0 => as_declared(false),
            // The image wants nobody in particular but not root: the owner will do.
            _ if declared.is_none() && owner.0 != 0 && shares_files => Self {
                user: Some(format!("{}:{}", owner.0, owner.1)),
                uid: Some(owner.0),
                gid: Some(owner.1),
                give_back: false,
                must_send: false,
            },
            _ => as_declared(true),
        }
    }
}

/// The labels of something that is made for an order.
pub fn labels(order: &Order, role: &str, name: &str) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = [
        (label::HOME, order.home.clone()),
        (label::RUN, order.run.to_string()),
        (label::JOB, order.key().to_string()),
        (label::ATTEMPT, order.attempt.to_string()),
        (label::ROLE, role.to_owned()),
        (label::MARKER, order.marker.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if !name.is_empty() {
        labels.insert(label::NAME.to_owned(), name.to_owned());
    }
    labels
}

/// A name for something that is made for an order: plain, and the same each time.
pub fn name(order: &Order, what: &str) -> String {
    let plain: String =
        order.key().as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let tail = Hash::of(&order.marker).short().to_owned();
    let what = if what.is_empty() { String::new() } else { format!("-{what}") };
    format!("gonogo-{}-{}-{}{what}-{tail}", order.run, plain.trim_matches('-'), order.attempt)
}

/// Where the workspace stands in the container.
pub fn directory(order: &Order) -> PathBuf {
    order.job.spec.container.workdir.as_ref().map_or_else(|| order.workspace.clone(), PathBuf::from)
}

/// The caches of an order: name of the volume, and where it stands in the container.
pub fn caches(order: &Order) -> Vec<(String, PathBuf)> {
    let cache = |cache: &crate::domain::definition::CacheSpec| {
        let mut hasher = blake3::Hasher::new_derive_key("gonogo cache volume v1");
        for part in [order.home.as_bytes(), order.project.as_os_str().as_encoded_bytes(), cache.path.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        if let Ok(globs) = artifact::globs(&cache.key) {
            for path in artifact::pick(&order.workspace, &globs, false) {
                hasher.update(path.as_os_str().as_encoded_bytes());
                // What can't be read is as good as not there.
                hasher.update(&std::fs::read(order.workspace.join(&path)).unwrap_or_default());
            }
        }
        let name = format!("gonogo-cache-{}", &hasher.finalize().to_hex()[..24]);
        (name, directory(order).join(cache.path.trim_start_matches("./")))
    };
    order.job.spec.cache.iter().map(cache).collect()
}

/// The container in which the steps of an order run.
pub struct Made<'a> {
    /// The order.
    pub order: &'a Order,
    /// The image.
    pub image: &'a Image,
    /// Who runs in it.
    pub who: &'a Who,
    /// How the workspace comes into it.
    pub way: &'a Way,
    /// The network that it shares with its services.
    pub network: Option<&'a str>,
    /// What stands in the marks of its output.
    pub nonce: &'a str,
    /// What it is: `job` or `command`.
    pub role: &'a str,
    /// It keeps secrets in memory.
    pub keeps_secrets: bool,
}

impl Made<'_> {
    /// What is sent.
    pub fn body(&self) -> ContainerCreateBody {
        let order = self.order;
        let tty = order.job.spec.tty && self.role == "job";
        let mut labels = labels(order, self.role, "");
        labels.insert(label::NONCE.into(), self.nonce.into());
        labels.insert(label::IMAGE.into(), self.image.name.clone());
        let mut entrypoint = vec!["sh".to_owned()];
        if tty {
            // What is typed must not be shown, and is longer than a terminal's line.
            let quiet = format!(
                "stty -echo -icanon 2>/dev/null || exit 97; printf '\\036gonogo:{}:quiet\\036'; exec sh /dev/stdin",
                self.nonce
            );
            entrypoint.extend(["-c".to_owned(), quiet]);
        }
        // Where the image knows no such user, there is no home: at least a place to write to.
        let numbered = |user: &String| user.starts_with(|c: char| c.is_ascii_digit() && c != '0');
        let env = self.who.user.as_ref().filter(|user| numbered(user)).map(|_| vec!["HOME=/tmp".to_owned()]);
        ContainerCreateBody {
            env,
            image: Some(self.image.id.clone()),
            entrypoint: Some(entrypoint),
            cmd: Some(Vec::new()),
            user: self.who.user.clone(),
            labels: Some(labels),
            tty: Some(tty),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            // Whatever the image checks about itself says nothing of the steps.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
            host_config: Some(self.host_config()),
            networking_config: self.network.map(|network| {
                let endpoint = EndpointSettings { aliases: Some(vec!["job".into()]), ..EndpointSettings::default() };
                NetworkingConfig { endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])) }
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let (order, spec) = (self.order, &self.order.job.spec.container);
        let network = match (self.network, spec.network) {
            (Some(network), _) => Some(network.to_owned()),
            (None, _) if order.offline => Some("none".to_owned()),
            (None, Network::None) => Some("none".to_owned()),
            (None, Network::Host) => Some("host".to_owned()),
            (None, Network::Bridge) => None,
        };
        let target = directory(order).to_string_lossy().into_owned();
        let workspace = match self.way {
            Way::Mounted => Mount {
                typ: Some(MountType::BIND),
                source: Some(order.workspace.to_string_lossy().into_owned()),
                target: Some(target),
                ..Mount::default()
            },
            Way::Sent(volume) => volume_mount(volume, target),
        };
        let caches = caches(order).into_iter().map(|(name, at)| volume_mount(&name, at.to_string_lossy().into_owned()));
        // Directories of the project are those of this workspace: an isolated job leaves the others alone.
        let own = order.job.environment.iter().flat_map(|environment| parts::mounts(environment, &order.workspace));
        let mut tmpfs = tmpfs(&spec.tmpfs);
        if self.keeps_secrets {
            tmpfs.insert(script::KEEP.to_owned(), "mode=1777,size=1m".to_owned());
        }
        HostConfig {
            network_mode: network,
            mounts: Some([workspace].into_iter().chain(caches).chain(own).collect()),
            tmpfs: (!tmpfs.is_empty()).then_some(tmpfs),
            readonly_rootfs: Some(spec.read_only),
            security_opt: (!spec.new_privileges).then(|| vec!["no-new-privileges".to_owned()]),
            ..limits(&spec.limits)
        }
    }
}

fn volume_mount(volume: &str, target: String) -> Mount {
    Mount { typ: Some(MountType::VOLUME), source: Some(volume.to_owned()), target: Some(target), ..Mount::default() }
}

/// Directories in memory, as the API takes them.
pub fn tmpfs(paths: &[String]) -> HashMap<String, String> {
    paths.iter().map(|path| (path.clone(), "mode=1777,exec".to_owned())).collect()
}

/// What limits and the log come to. All of the output is kept by the engine until the container is removed: a gonogo that was
/// killed reads it from the beginning.
pub fn limits(limits: &Limits) -> HostConfig {
    HostConfig {
        nano_cpus: limits.millicpus.map(|cpus| cpus as i64 * 1_000_000),
        memory: limits.memory.map(|bytes| bytes as i64),
        memory_swap: limits.memory.map(|bytes| bytes as i64),
        pids_limit: limits.pids.map(i64::from),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([("max-size".into(), "1000g".into())])),
        }),
        ..HostConfig::default()
    }
}
