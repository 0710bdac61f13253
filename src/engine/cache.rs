//! The job cache: a job whose inputs, commands, environment and tools are those of an attempt that passed is not run again.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::domain::{
    id::{Hash, RunId},
    time::Millis,
};

use super::{
    artifact,
    docker::host::Hosts,
    port::{Order, StopSignal},
};

/// What is remembered of an attempt that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The run that passed.
    pub run: Option<RunId>,
    /// How long it took.
    pub took: Millis,
}

/// Why the cache could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The globs of `inputs` are wrong.
    #[error("its `inputs` do not read")]
    Globs(#[from] globset::Error),
    /// A file could not be read.
    #[error("can't read {} for the job cache", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command of `tools` could not be run.
    #[error("`{command}` (of `tools`) {what}")]
    Tool {
        /// Which.
        command: String,
        /// What happened.
        what: String,
    },
    /// It was stopped on purpose.
    #[error("stopped")]
    Stopped,
    /// What the job declares can't be written down.
    #[error("the job can't be written down for the job cache")]
    Declared(#[from] serde_json::Error),
    /// A thread failed.
    #[error("the job cache could not be read")]
    Task(#[from] tokio::task::JoinError),
}

impl CacheError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tool { .. } => Some("install the tool, or take it out of `tools`".into()),
            Self::Globs(_) | Self::Read { .. } | Self::Stopped | Self::Declared(_) | Self::Task(_) => None,
        }
    }
}

/// How long a command of `tools` may take.
const TOOL_TIME: Duration = Duration::from_secs(30);

/// The key of an order, and what is remembered under it. On a hit the artifacts are put back into the workspace.
pub async fn look_up(
    dir: &Path,
    order: &Order,
    hosts: &Hosts,
    stop: &StopSignal,
) -> Result<(Hash, Option<Entry>), CacheError> {
    let mut versions = Vec::new();
    for command in &order.job.spec.tools {
        versions.push(version(order, hosts, command, stop.clone()).await?);
    }
    let (order, dir) = (order.clone(), dir.to_owned());
    tokio::task::spawn_blocking(move || {
        let key = key(&order, &versions)?;
        let place = place(&dir, &key);
        let written = place.join("entry.json");
        let entry = fs::read(&written).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if entry.is_some() {
            // Those that are of use stay when others have to go. Where that can't be noted, it is as old as it looks.
            let _ =
                fs::File::options().append(true).open(&written).and_then(|file| file.set_modified(SystemTime::now()));
        }
        // Where the artifacts can't be put back, the job has to run: that is a miss.
        let entry = entry.filter(|_: &Entry| restore(&place.join("artifacts"), &order.workspace).is_ok());
        Ok((key, entry))
    })
    .await?
}

/// Remembers that an order passed.
pub async fn remember(dir: &Path, key: &Hash, entry: &Entry, order: &Order) -> io::Result<()> {
    let (place, entry, order) = (place(dir, key), entry.clone(), order.clone());
    let write = tokio::task::spawn_blocking(move || {
        let artifacts = place.join("artifacts");
        fs::create_dir_all(&artifacts)?;
        let globs = artifact::globs(&order.job.spec.artifacts).map_err(io::Error::other)?;
        if !globs.is_empty() {
            artifact::copy(&order.workspace, &artifacts, &artifact::pick(&order.workspace, &globs, true))?;
        }
        // The entry comes last and by renaming: a half-written one is never seen.
        let new = place.join("entry.new");
        fs::write(&new, serde_json::to_vec(&entry).map_err(io::Error::other)?)?;
        fs::rename(new, place.join("entry.json"))
    });
    write.await.map_err(io::Error::other)?
}

fn place(dir: &Path, key: &Hash) -> PathBuf {
    dir.join("jobs").join(key.as_str().get(..2).unwrap_or("00")).join(key.as_str())
}

fn restore(artifacts: &Path, workspace: &Path) -> io::Result<()> {
    if !artifacts.is_dir() {
        return Ok(());
    }
    let all = artifact::globs(&["**".into()]).map_err(io::Error::other)?;
    artifact::copy(artifacts, workspace, &artifact::pick(artifacts, &all, true)).map(|_| ())
}

/// What the key is made of, beside files and tools: everything by which the outcome, or what is kept of it, may differ.
/// JSON says where each part ends, so that no two different orders give the same bytes.
fn declared(order: &Order) -> serde_json::Result<Vec<u8>> {
    let spec = &order.job.spec;
    let secret = |name: &String| (name.clone(), order.surroundings.get(name).map(str::to_owned));
    let secrets: Vec<(String, Option<String>)> = spec.secrets.iter().map(secret).collect();
    let place = (std::env::consts::OS, std::env::consts::ARCH, spec.engine, &spec.container, spec.workspace, spec.tty);
    serde_json::to_vec(&(place, &spec.env, secrets, &spec.steps, &spec.artifacts, &spec.inputs, &spec.tools))
}

/// The key: every part is preceded by its length.
fn key(order: &Order, versions: &[Vec<u8>]) -> Result<Hash, CacheError> {
    let mut hasher = blake3::Hasher::new_derive_key("gonogo job cache v2");
    let mut put = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(&declared(order)?);
    versions.iter().for_each(|version| put(version));
    if let Some(environment) = &order.job.environment {
        put(&serde_json::to_vec(environment)?);
    }
    for path in artifact::pick(&order.workspace, &artifact::globs(&order.job.spec.inputs)?, false) {
        let file = order.workspace.join(&path);
        let read = |source| CacheError::Read { path: file.clone(), source };
        put(path.as_os_str().as_encoded_bytes());
        let mut opened = fs::File::open(&file).map_err(read)?;
        let executable = opened.metadata().map_err(read)?.permissions().mode() & 0o111 != 0;
        put(&[u8::from(executable)]);
        let mut content = blake3::Hasher::new();
        content.update_reader(&mut opened).map_err(read)?;
        put(content.finalize().as_bytes());
    }
    Ok(Hash(hasher.finalize().to_hex().to_string()))
}

/// What a command of `tools` prints: run as every other command of the job, so it sees nothing undeclared and leaves nothing.
async fn version(order: &Order, hosts: &Hosts, command: &str, stop: StopSignal) -> Result<Vec<u8>, CacheError> {
    let wrong = |what: String| CacheError::Tool { command: command.to_owned(), what };
    let ran = super::capture(order, hosts, command, TOOL_TIME, stop).await;
    let ran = ran.map_err(|error| wrong(format!("could not be run: {error}")))?;
    match ran.status {
        Some(0) => Ok(ran.stdout),
        _ if ran.stopped => Err(CacheError::Stopped),
        Some(code) => Err(wrong(format!("failed (exit {code})"))),
        None => Err(wrong("did not end in 30 seconds".into())),
    }
}
