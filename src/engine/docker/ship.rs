//! Workspaces for engines that don't see the files of this machine: sent as a tar, and what has changed is brought back.

use std::{
    collections::{BTreeSet, HashMap},
    fs::Metadata,
    io::{self, Write},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use bollard::{body_try_stream, query_parameters::UploadToContainerOptionsBuilder};
use ignore::WalkBuilder;
use serde::{Deserialize, Serialize};
use tar::Builder;

use crate::{domain::container::EngineFault, workspace::git::Git};

pub use super::{
    archive::Owner,
    back::{Brought, bring_back},
};

use super::{
    archive::{self, Entry},
    fault::Fault,
    host::Host,
    objects::{Objects, borrowed},
    pipe,
};

/// What was sent: one short entry a file, so that what comes back can be told from it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sent {
    pub(super) entries: HashMap<PathBuf, Kept>,
    /// Bytes of files.
    pub bytes: u64,
}

/// One file, link or directory, as it was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) entry: Entry,
    pub(super) mode: u32,
    pub(super) size: u64,
    changed: (i64, i64),
}

impl Kept {
    pub(super) fn of(entry: Entry, metadata: &Metadata) -> Self {
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Self { entry, mode: metadata.mode() & 0o777, size: metadata.len(), changed }
    }

    /// Nobody has changed it here since.
    pub(super) fn is_still(&self, metadata: &Metadata) -> bool {
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        match self.entry {
            Entry::Directory => metadata.is_dir(),
            Entry::File(_) => metadata.is_file() && metadata.len() == self.size && changed == self.changed,
            Entry::Link(_) => metadata.is_symlink(),
        }
    }
}

impl Sent {
    /// Files, links and directories that were sent.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Sends a workspace into a container that is not started and has a volume at `target`: every file that git would not ignore,
/// empty directories, and `.git` where it is a directory. All of it belongs to `owner` there, `target` itself too. A container
/// whose own files can't be changed takes it as well, but `target` itself then stays as it is: root's, usually.
///
/// Ends with a fault; dropped, it ends soon.
pub async fn send(host: &Host, container: &str, workspace: &Path, target: &str, owner: Owner) -> Result<Sent, Fault> {
    let what = format!("the workspace can't be sent to the engine {}", host.name());
    let (parent, name) = split(target)
        .ok_or_else(|| Fault::new(EngineFault::Refused, &*what, format!("{target:?} is no place for it")))?;
    let tracked = tracked(workspace).await;
    let objects = borrowed(workspace).await.map_err(|why| Fault::new(EngineFault::Refused, &*what, why))?;
    // The directory itself is an entry of the one above: archives are not let change where they are unpacked.
    let (root, name) = (workspace.to_owned(), name.to_owned());
    let put_root =
        put(host, container, parent, &what, move |archive| archive::add(archive, &root, &name, owner).map(drop));
    match put_root.await {
        Err(fault) if !fault.why.contains("read-only") => return Err(fault),
        _ => {}
    }
    let load = Load { workspace: workspace.to_owned(), tracked, objects, owner };
    put(host, container, target, &what, move |archive| load.add(archive)).await
}

/// The directory that `target` is in, and its name there.
fn split(target: &str) -> Option<(&str, &Path)> {
    let path = Path::new(target);
    let plain = |part: Component| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(plain) {
        return None;
    }
    Some((path.parent()?.to_str()?, Path::new(path.file_name()?)))
}

/// What git keeps although it would ignore it. Where there is no repository, nothing.
async fn tracked(workspace: &Path) -> Vec<PathBuf> {
    let listed = Git::new(workspace).args(["ls-files", "-z", "--cached"]).run().await;
    let bytes = listed.map(|printed| printed.out).unwrap_or_default();
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name))).collect()
}

/// Unpacks at `at` what `pack` makes, while it makes it.
async fn put<T: Send + 'static>(
    host: &Host,
    container: &str,
    at: &str,
    what: &str,
    pack: impl FnOnce(&mut Builder<pipe::Outgoing>) -> io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let (sending, body) = pipe::pack(pack);
    let options = UploadToContainerOptionsBuilder::new().path(at).build();
    let work = async {
        let client = host.patient().await?;
        let put = client.upload_to_container(container, Some(options), body_try_stream(body)).await;
        put.map_err(|error| Fault::of(what, &error))
    };
    let put = host.attend(what, work).await;
    match (put, sending.await) {
        (Ok(()), Ok(Ok(sent))) => Ok(sent),
        // A file could not be read: the engine has only noticed that the archive ended.
        (_, Ok(Err(wrong))) if wrong.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::new(EngineFault::Refused, what, wrong.to_string()))
        }
        (Err(fault), _) => Err(fault),
        (Ok(()), _) => Err(Fault::new(EngineFault::Interrupted, what, "the engine did not take all of it")),
    }
}

/// What is sent, and as whose.
struct Load {
    workspace: PathBuf,
    tracked: Vec<PathBuf>,
    objects: Option<Objects>,
    owner: Owner,
}

impl Load {
    fn add(&self, archive: &mut Builder<impl Write>) -> io::Result<Sent> {
        let mut sent = Sent::default();
        let borrowed = Path::new(".git/objects/info/alternates");
        for path in self.list()? {
            if self.objects.is_some() && path == borrowed {
                continue;
            }
            let from = self.workspace.join(&path);
            let added = archive::add(archive, &from, &path, self.owner);
            let added = added.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
            if let Some((entry, metadata)) = added {
                sent.bytes += if metadata.is_file() { metadata.len() } else { 0 };
                sent.entries.insert(path, Kept::of(entry, &metadata));
            }
        }
        for (from, path) in self.objects.iter().flat_map(Objects::files) {
            archive::add(archive, &from, &path, self.owner)?;
        }
        Ok(sent)
    }

    /// Everything that is sent, parents before what is in them.
    fn list(&self) -> io::Result<BTreeSet<PathBuf>> {
        let mut all = BTreeSet::new();
        let mut walk = WalkBuilder::new(&self.workspace);
        walk.hidden(false).ignore(false).parents(false).require_git(false).follow_links(false);
        walk.filter_entry(|entry| entry.depth() != 1 || entry.file_name() != ".git");
        let git = self.workspace.join(".git");
        let is_there = git.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let mut own = WalkBuilder::new(&git);
        own.standard_filters(false).follow_links(false);
        for entry in walk.build().chain(is_there.then(|| own.build()).into_iter().flatten()) {
            let entry = entry.map_err(io::Error::other)?;
            if let Ok(path) = entry.path().strip_prefix(&self.workspace)
                && !path.as_os_str().is_empty()
            {
                all.insert(path.to_owned());
            }
        }
        for path in &self.tracked {
            // A submodule stands there as a directory, which the walk has seen; what is gone is left out when it is added.
            let path: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
            for above in path.ancestors().skip(1).take_while(|above| !above.as_os_str().is_empty()) {
                all.insert(above.to_owned());
            }
            all.insert(path);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_absolute_directory() {
        assert_eq!(split("/w"), Some(("/", Path::new("w"))));
        assert_eq!(split("/home/me/shop/"), Some(("/home/me", Path::new("shop"))));
        for wrong in ["/", "w", "", "/a/../b"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
