//! Opening a path beneath a directory without following any link: by the kernel (`openat2`), or part by part where it can't.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, mkdirat},
};

/// Whether the kernel is asked to stay beneath, or every part of a path is opened by itself.
#[derive(Debug, Default)]
pub(super) struct Way {
    by_hand: AtomicBool,
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);

/// The directory itself, by a path that is trusted.
pub(super) fn top(path: &Path) -> io::Result<OwnedFd> {
    let file = File::open(path)?;
    if !file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    Ok(file.into())
}

/// A new file in an open directory.
pub(super) fn create(dir: &impl AsFd, name: &str, mode: Mode) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir.as_fd(), name, flags, mode)
}

impl Way {
    #[cfg(test)]
    pub(super) fn by_hand() -> Self {
        Self { by_hand: AtomicBool::new(true) }
    }

    /// Opens `path`, which has plain parts alone; the empty one is the directory itself.
    pub(super) fn open(&self, top: &OwnedFd, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return openat(top, ".", flags | OFlag::O_CLOEXEC, Mode::empty());
        }
        #[cfg(target_os = "linux")]
        if !self.by_hand.load(Ordering::Relaxed) {
            use nix::fcntl::{OpenHow, ResolveFlag, openat2};
            let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
            let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
            match openat2(top, path, how) {
                // An old kernel, or a sandbox that does not know the call.
                Err(Errno::ENOSYS | Errno::EPERM) => self.by_hand.store(true, Ordering::Relaxed),
                // Something was renamed meanwhile, and the kernel was not sure: it says so to be asked again.
                Err(Errno::EAGAIN) => {}
                opened => return opened,
            }
        }
        Self::part_by_part(top, path, flags)
    }

    fn part_by_part(top: &OwnedFd, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        let mut dir: Option<OwnedFd> = None;
        let (parents, name) = path.rsplit_once('/').map_or(("", path), |(parents, name)| (parents, name));
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            let next = directory(dir.as_ref().unwrap_or(top), part)?;
            dir = Some(next);
        }
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(dir.as_ref().unwrap_or(top), name, flags, Mode::empty())
    }

    /// Opens a directory, and makes what is missing of it.
    pub(super) fn make_dir(&self, top: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
        let mut dir = openat(top, ".", DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            dir = match directory(&dir, part) {
                Err(Errno::ENOENT) => {
                    match mkdirat(&dir, part, Mode::from_bits_truncate(0o755)) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(errno) => return Err(errno),
                    }
                    directory(&dir, part)?
                }
                opened => opened?,
            };
        }
        Ok(dir)
    }
}

fn directory(dir: &OwnedFd, part: &str) -> Result<OwnedFd, Errno> {
    openat(dir, part, DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}
