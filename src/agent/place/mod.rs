//! The files that an agent may reach: those of one directory, and nothing beyond it, wherever links lead.
//!
//! The directory is opened once; everything is opened beneath it, and no symbolic link is followed, not even one that is put there
//! meanwhile. Git's own directory and gonogo's are not there at all.

mod beneath;
mod look;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, renameat},
    sys::stat::{Mode, SFlag, fstat},
    unistd::{UnlinkatFlags, unlinkat},
};

use crate::workspace::change::unsafe_path;

pub use look::Found;

/// A file is read up to this size.
const LARGEST: u64 = 4 << 20;

/// A file is written up to this size.
const LARGEST_WRITTEN: usize = 1 << 20;

/// A directory whose files an agent may reach.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    top: OwnedFd,
    kept_out: Vec<PathBuf>,
    beneath: beneath::Way,
}

/// Why a file can't be had. In words for the model.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It may not be reached.
    #[error("`{path}` is {why}: it can't be reached from here")]
    Forbidden {
        /// As it was named.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// It can't be opened, read or written.
    #[error("`{path}`: {why}")]
    Failed {
        /// As it was named.
        path: String,
        /// Why.
        why: String,
    },
}

impl PlaceError {
    fn failed(path: &str, why: impl std::fmt::Display) -> Self {
        Self::Failed { path: path.to_owned(), why: why.to_string() }
    }

    fn of(path: &str, errno: Errno) -> Self {
        match errno {
            Errno::ELOOP | Errno::EXDEV => Self::Forbidden { path: path.to_owned(), why: "behind a symbolic link" },
            Errno::ENOENT => Self::failed(path, "there is no such file"),
            Errno::ENXIO => Self::failed(path, "not a plain file"),
            // What `O_DIRECTORY` says of a link that is not followed, too.
            Errno::ENOTDIR => Self::failed(path, "not a directory, or behind a symbolic link"),
            Errno::EISDIR => Self::failed(path, "a directory"),
            errno => Self::failed(path, errno.desc()),
        }
    }
}

/// Files that hold secrets by their name. What stands in others is redacted by its shape.
fn is_secret(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let example = ["example", "sample", "template", "dist"].iter().any(|end| name.ends_with(end));
    let variables = name.split('.').skip(1).any(|part| part == "env");
    let keys = [".pem", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"].iter().any(|end| name.ends_with(end));
    let known = [".netrc", ".npmrc", ".pypirc", ".git-credentials", "id_rsa", "id_ed25519", "id_ecdsa", ".dockercfg"];
    (variables && !example) || keys || known.contains(&name.as_str())
}

impl Place {
    /// The directory at `path`. What is below one of `kept_out` (absolute paths) is not there.
    pub fn open(path: &Path, kept_out: Vec<PathBuf>) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let top = beneath::top(&path)?;
        let canonical = |dir: PathBuf| dir.canonicalize().unwrap_or(dir);
        let kept_out = kept_out.into_iter().map(canonical).collect();
        Ok(Self { path, top, kept_out, beneath: beneath::Way::default() })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path as the tools below take it; refused where it names what is not for agents.
    fn checked(&self, path: &str) -> Result<String, PlaceError> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let plain = parts.join("/");
        if path.starts_with('/') {
            return Err(PlaceError::Forbidden { path: path.to_owned(), why: "outside the workspace" });
        }
        if let Some(why) = unsafe_path(&plain) {
            return Err(PlaceError::Forbidden { path: path.to_owned(), why });
        }
        if is_secret(&plain) {
            return Err(PlaceError::Forbidden { path: path.to_owned(), why: "a file of secrets" });
        }
        let whole = self.path.join(&plain);
        if self.kept_out.iter().any(|dir| whole.starts_with(dir)) {
            return Err(PlaceError::Forbidden { path: path.to_owned(), why: "gonogo's own" });
        }
        Ok(plain)
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, PlaceError> {
        let plain = self.checked(path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let file = self.beneath.open(&self.top, &plain, flags).map_err(|errno| PlaceError::of(path, errno))?;
        let stat = fstat(&file).map_err(|errno| PlaceError::of(path, errno))?;
        match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => {}
            SFlag::S_IFDIR => return Err(PlaceError::failed(path, "a directory: list_files lists it")),
            _ => return Err(PlaceError::failed(path, "not a plain file")),
        }
        if stat.st_size as u64 > LARGEST {
            return Err(PlaceError::failed(path, format!("larger than {} MiB", LARGEST >> 20)));
        }
        let mut bytes = Vec::new();
        File::from(file).take(LARGEST).read_to_end(&mut bytes).map_err(|error| PlaceError::failed(path, error))?;
        Ok(bytes)
    }

    /// Reads a file that is text.
    pub fn text(&self, path: &str) -> Result<String, PlaceError> {
        String::from_utf8(self.read(path)?).map_err(|_| PlaceError::failed(path, "not a text in UTF-8"))
    }

    /// Writes a file, with the directories that it needs. The old content is replaced in one step: whoever has the file by
    /// another name (a hard link into a package cache) keeps what it was.
    pub fn write(&self, path: &str, text: &str) -> Result<(), PlaceError> {
        let plain = self.checked(path)?;
        if text.len() > LARGEST_WRITTEN {
            return Err(PlaceError::failed(path, format!("more than {} KiB can't be written", LARGEST_WRITTEN >> 10)));
        }
        let of = |errno: Errno| PlaceError::of(path, errno);
        let (dir, name) = plain.rsplit_once('/').unwrap_or(("", &plain));
        let dir = self.beneath.make_dir(&self.top, dir).map_err(of)?;
        let old = self.beneath.open(&dir, name, OFlag::O_RDONLY | OFlag::O_NONBLOCK);
        let mode = match old {
            Ok(file) => {
                let stat = fstat(&file).map_err(of)?;
                if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
                    return Err(PlaceError::failed(path, "not a plain file"));
                }
                Mode::from_bits_truncate(stat.st_mode & 0o777)
            }
            Err(Errno::ENOENT) => Mode::from_bits_truncate(0o644),
            Err(errno) => return Err(of(errno)),
        };
        let beside = format!(".{name}.gonogo");
        // One that was left behind by a kill.
        let _ = unlinkat(&dir, beside.as_str(), UnlinkatFlags::NoRemoveDir);
        let new = beneath::create(&dir, &beside, mode).map_err(of)?;
        let mut file = File::from(new);
        let written = file.write_all(text.as_bytes()).map_err(|error| PlaceError::failed(path, error));
        let renamed = written.and_then(|()| renameat(&dir, beside.as_str(), &dir, name).map_err(of));
        if renamed.is_err() {
            let _ = unlinkat(&dir, beside.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        renamed
    }

    /// Replaces text that stands in a file exactly once.
    pub fn patch(&self, path: &str, old: &str, new: &str) -> Result<(), PlaceError> {
        let text = self.text(path)?;
        match text.matches(old).count() {
            1 => self.write(path, &text.replacen(old, new, 1)),
            0 => Err(PlaceError::failed(path, "`old` does not stand there; read the file again and give it exactly")),
            many => Err(PlaceError::failed(
                path,
                format!("`old` stands there {many} times; give more of what is around it"),
            )),
        }
    }
}
