//! What a container has made of a workspace, brought back: only what differs from what was sent, and nothing outside of it.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    },
    path::{Component, Path, PathBuf},
};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures::StreamExt as _;
use tar::{Archive, EntryType};

use crate::domain::container::EngineFault;

use super::{
    archive::Entry,
    fault::Fault,
    host::Host,
    pipe,
    ship::{Kept, Sent},
};

/// Files up to this size are compared in memory; larger ones in a file beside their place.
const SMALL: u64 = 1 << 20;

/// No more refused entries than this are named.
const NAMED: usize = 100;

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Files and links that are new or have changed.
    pub written: u64,
    /// Files, links and directories that are gone.
    pub removed: u64,
    /// What was not taken, each with the reason; the first hundred.
    pub refused: Vec<String>,
}

/// Brings back what a container has changed of a workspace that was sent to `target`. `skip` are directories of the workspace
/// that stay there (caches); what is called `.git` stays there too. Every file is written aside and takes its place at once.
///
/// Dropped, it ends soon, and then nothing is removed.
pub async fn bring_back(
    host: &Host,
    container: &str,
    target: &str,
    workspace: &Path,
    sent: &Sent,
    skip: &[String],
) -> Result<Brought, Fault> {
    let what = format!("the workspace can't be brought back from the engine {}", host.name());
    let (sender, reader) = pipe::incoming();
    let sent = sent.clone();
    let mut back = Back::new(workspace, target, sent, skip);
    let unpacking = tokio::task::spawn_blocking(move || back.unpack(reader).map(|()| back.brought));
    let work = async {
        let client = host.patient().await?;
        let options = DownloadFromContainerOptionsBuilder::new().path(target).build();
        let mut pieces = client.download_from_container(container, Some(options));
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| Fault::of(&*what, &error))?;
            if !piece.is_empty() && sender.send(Ok(piece)).await.is_err() {
                // Whoever unpacks has ended, and says why.
                return Ok(());
            }
        }
        let _ = sender.send(Ok(Bytes::new())).await;
        Ok(())
    };
    let received = host.attend(&what, work).await;
    drop(sender);
    let unpacked = unpacking.await;
    received?;
    match unpacked {
        Ok(Ok(brought)) => Ok(brought),
        Ok(Err(error)) => {
            let fault = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineFault::NoSpace,
                io::ErrorKind::UnexpectedEof => EngineFault::Interrupted,
                _ => EngineFault::Refused,
            };
            Err(Fault::new(fault, what, error.to_string()))
        }
        Err(error) => Err(Fault::new(EngineFault::Refused, what, error.to_string())),
    }
}

/// The unpacking of one archive.
struct Back {
    workspace: PathBuf,
    target: PathBuf,
    sent: Sent,
    skip: Vec<PathBuf>,
    /// What was sent and has not come back, so far.
    missing: HashSet<PathBuf>,
    /// Modes of directories, set when all that is in them is written.
    modes: Vec<(PathBuf, u32)>,
    links: u64,
    brought: Brought,
}

/// An entry that is not taken: why. Or the workspace's disk fails.
enum Not {
    Taken(String),
    Io(io::Error),
}

impl From<io::Error> for Not {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn refuse<T>(why: &str) -> Result<T, Not> {
    Err(Not::Taken(why.to_owned()))
}

impl Back {
    fn new(workspace: &Path, target: &str, sent: Sent, skip: &[String]) -> Self {
        let plain = |path: &String| {
            Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect::<PathBuf>()
        };
        let skip: Vec<PathBuf> = skip.iter().map(plain).filter(|path| !path.as_os_str().is_empty()).collect();
        let mut back = Self {
            workspace: workspace.to_owned(),
            target: Path::new(target).components().collect(),
            missing: HashSet::new(),
            sent,
            skip,
            modes: Vec::new(),
            links: 0,
            brought: Brought::default(),
        };
        back.missing = back.sent.entries.keys().filter(|path| !back.stays_there(path)).cloned().collect();
        back
    }

    fn stays_there(&self, path: &Path) -> bool {
        let git = |part: Component| part.as_os_str().as_bytes().eq_ignore_ascii_case(b".git");
        path.components().any(git) || self.skip.iter().any(|skip| path.starts_with(skip))
    }

    fn unpack(&mut self, reader: impl Read) -> io::Result<()> {
        let mut archive = Archive::new(reader);
        let mut came = 0_u64;
        for entry in archive.entries()? {
            let mut entry = entry?;
            let named = PathBuf::from(std::ffi::OsStr::from_bytes(&entry.path_bytes()));
            match inside(&named) {
                None => self.note(&named, "it is outside of the workspace"),
                Some(path) if path.as_os_str().is_empty() || self.stays_there(&path) => {}
                Some(path) => {
                    came += 1;
                    self.missing.remove(&path);
                    match self.take(&path, &mut entry) {
                        Ok(()) => {}
                        Err(Not::Taken(why)) => self.note(&path, &why),
                        Err(Not::Io(error)) => {
                            return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                        }
                    }
                }
            }
        }
        // To the very end: what was cut off must not look as if files had been removed.
        io::copy(&mut archive.into_inner(), &mut io::sink())?;
        if came == 0 && !self.missing.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "nothing came back at all: what is here stays as it is",
            ));
        }
        self.remove();
        for (path, mode) in std::mem::take(&mut self.modes).into_iter().rev() {
            fs::set_permissions(self.workspace.join(path), Permissions::from_mode(mode | 0o700))?;
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, why: &str) {
        if self.brought.refused.len() < NAMED {
            self.brought.refused.push(format!("{}: {why}", path.display()));
        }
    }

    fn take(&mut self, path: &Path, entry: &mut tar::Entry<impl Read>) -> Result<(), Not> {
        let mode = entry.header().mode()? & 0o777;
        match entry.header().entry_type() {
            EntryType::Directory => self.directory(path, mode),
            EntryType::Regular | EntryType::Continuous => self.file(path, mode, entry.size(), entry),
            EntryType::Symlink => {
                let target = entry.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
                self.link(path, &target)
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
                let Some(other) = inside(Path::new(std::ffi::OsStr::from_bytes(&target))) else {
                    return refuse("it is one with a file outside of the workspace");
                };
                // One with a file that stays there, or that was not taken.
                if other.as_os_str().is_empty() || self.stays_there(&other) || self.parents(&other).is_err() {
                    return refuse("it is one with a file that was not brought back");
                }
                let opened = OpenOptions::new()
                    .read(true)
                    .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
                    .open(self.workspace.join(&other));
                let Ok(mut file) = opened else { return refuse("it is one with a file that was not brought back") };
                let metadata = file.metadata()?;
                if !metadata.is_file() {
                    return refuse("it is one with something that is no file");
                }
                self.file(path, metadata.permissions().mode() & 0o777, metadata.len(), &mut file)
            }
            _ => refuse("it is none of file, directory and link"),
        }
    }

    /// Sees to it that every directory above is one, and no link.
    fn parents(&self, path: &Path) -> Result<(), Not> {
        let mut above = self.workspace.clone();
        for part in path.parent().into_iter().flat_map(Path::components) {
            above.push(part);
            match above.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return refuse("what it is in is no directory"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&above)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, mode: u32) -> Result<(), Not> {
        self.parents(path)?;
        let place = self.workspace.join(path);
        match place.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                fs::remove_file(&place)?;
                fs::create_dir(&place)?;
            }
            Err(_) => fs::create_dir(&place)?,
        }
        if self.sent.entries.get(path).is_none_or(|kept| kept.mode != mode || kept.entry != Entry::Directory) {
            self.modes.push((path.to_owned(), mode));
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, mode: u32, size: u64, from: &mut impl Read) -> Result<(), Not> {
        self.parents(path)?;
        let place = self.workspace.join(path);
        let kept = self.sent.entries.get(path);
        let same = kept.and_then(|kept| match &kept.entry {
            Entry::File(hash) if kept.size == size => Some(*hash),
            _ => None,
        });
        let mut small = Vec::new();
        if let Some(hash) = same.filter(|_| size <= SMALL) {
            from.read_to_end(&mut small)?;
            if *blake3::hash(&small).as_bytes() == hash {
                return self.mode(path, kept, mode);
            }
        }
        let dir = place.parent().unwrap_or(&self.workspace);
        let mut aside = tempfile::Builder::new().prefix(".gonogo-").tempfile_in(dir)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut rest = small.chain(from);
        loop {
            let count = rest.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            aside.write_all(&buffer[..count])?;
        }
        if same.is_some_and(|hash| *hasher.finalize().as_bytes() == hash) {
            return self.mode(path, kept, mode);
        }
        aside.as_file().set_permissions(Permissions::from_mode(mode))?;
        self.make_room(path)?;
        aside.persist(&place).map_err(|error| error.error)?;
        self.brought.written += 1;
        Ok(())
    }

    /// A file whose bytes are as they were: its mode may not be.
    fn mode(&self, path: &Path, kept: Option<&Kept>, mode: u32) -> Result<(), Not> {
        if kept.is_some_and(|kept| kept.mode != mode) {
            let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
            let file = OpenOptions::new().read(true).custom_flags(flags).open(self.workspace.join(path));
            if let Some(file) = file.ok().filter(|file: &File| file.metadata().is_ok_and(|found| found.is_file())) {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
        }
        Ok(())
    }

    fn link(&mut self, path: &Path, target: &[u8]) -> Result<(), Not> {
        if self.sent.entries.get(path).is_some_and(|kept| matches!(&kept.entry, Entry::Link(old) if old == target)) {
            return Ok(());
        }
        let Some(target) = self.points_inside(path, Path::new(std::ffi::OsStr::from_bytes(target))) else {
            return refuse("the link leads out of the workspace");
        };
        self.parents(path)?;
        self.make_room(path)?;
        let place = self.workspace.join(path);
        let aside = loop {
            self.links += 1;
            let aside = place.with_file_name(format!(".gonogo-{}-{}", std::process::id(), self.links));
            match symlink(&target, &aside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => break made.map(|()| aside)?,
            }
        };
        if let Err(error) = fs::rename(&aside, &place) {
            let _ = fs::remove_file(&aside);
            return Err(error.into());
        }
        self.brought.written += 1;
        Ok(())
    }

    /// Where a link may point: `..` only at its beginning, and not out of the workspace. (Further on it could lead out by way
    /// of other links, each of which stays inside.) What begins with `target` there begins with the workspace here.
    fn points_inside(&self, path: &Path, target: &Path) -> Option<PathBuf> {
        let (depth, rest, here) = if target.is_absolute() {
            let rest = target.strip_prefix(&self.target).ok()?;
            (0, rest, Some(self.workspace.join(rest)))
        } else {
            (path.components().count() - 1, target, None)
        };
        let mut ups = 0;
        let mut down = false;
        for part in rest.components() {
            match part {
                Component::ParentDir if down => return None,
                Component::ParentDir => ups += 1,
                Component::Normal(name) if name.as_bytes().eq_ignore_ascii_case(b".git") && !down => return None,
                Component::Normal(_) => down = true,
                Component::CurDir => {}
                _ => return None,
            }
        }
        (ups <= depth && !rest.as_os_str().is_empty()).then(|| here.unwrap_or_else(|| target.to_owned()))
    }

    /// Where a directory was sent and something else came back, what was sent of the directory goes.
    fn make_room(&mut self, path: &Path) -> Result<(), Not> {
        let place = self.workspace.join(path);
        if !place.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
        let mut below: Vec<PathBuf> =
            self.missing.iter().filter(|other| other.starts_with(path) && *other != path).cloned().collect();
        below.sort_unstable();
        for path in below.iter().rev() {
            self.remove_one(path);
            self.missing.remove(path);
        }
        fs::remove_dir(&place).or_else(|_| refuse("there is a directory here with more in it than was sent"))
    }

    /// Removes what was sent and has not come back, unless somebody has changed it here.
    fn remove(&mut self) {
        let mut gone: Vec<PathBuf> = std::mem::take(&mut self.missing).into_iter().collect();
        gone.sort_unstable();
        for path in gone.iter().rev() {
            self.remove_one(path);
        }
    }

    fn remove_one(&mut self, path: &Path) {
        let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        let real = |above: &Path| self.workspace.join(above).symlink_metadata().is_ok_and(|found| found.is_dir());
        let place = self.workspace.join(path);
        let (Some(kept), Ok(metadata), true) =
            (self.sent.entries.get(path), place.symlink_metadata(), above.into_iter().all(real))
        else {
            return;
        };
        if !kept.is_still(&metadata) {
            return;
        }
        // A directory that has more in it stays.
        let removed = if metadata.is_dir() { fs::remove_dir(&place) } else { fs::remove_file(&place) };
        self.brought.removed += u64::from(removed.is_ok());
    }
}

/// The path within the archive's one directory, which Docker names as it is named and Podman `/`; none for what leads out of it.
fn inside(named: &Path) -> Option<PathBuf> {
    let mut parts = named.components().filter(|part| *part != Component::CurDir);
    let Some(Component::Normal(_) | Component::RootDir) = parts.next() else { return None };
    parts.map(|part| if let Component::Normal(name) = part { Some(name) } else { None }).collect()
}

#[cfg(test)]
#[path = "tests/back.rs"]
mod tests;
