//! The runtime directory and the socket in it: for their owner alone.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::{UnixListener, UnixStream};

use crate::config::paths::user;

/// Longest path of a socket (`sun_path` of unix(7) less its end).
const LONGEST: usize = 107;

/// Why there can be no socket.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Somebody else could put a socket of their own in its place.
    #[error("{} {what}, so somebody else could answer in gonogo's place", path.display())]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The path is too long for a socket.
    #[error("the path of the socket has {} bytes, and {LONGEST} is the most that the system takes: {}", path.as_os_str().len(), path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// There is something at its place that is no socket.
    #[error("{} is no socket", path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// Another gonogo, with its state elsewhere, answers there.
    #[error("another gonogo answers at {}", path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// The system said no.
    #[error("can't {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl AddressError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unsafe { .. } => {
                "make it yours alone (`chmod 700`), or point XDG_RUNTIME_DIR or GONOGO_HOME at a directory that is"
            }
            Self::TooLong { .. } => "point XDG_RUNTIME_DIR or GONOGO_HOME at a directory with a shorter path",
            Self::NoSocket { .. } => "move it away",
            Self::Taken { .. } => {
                "end it first (`gonogo daemon stop` with its environment), or give this one a GONOGO_HOME of its own"
            }
            Self::Io { .. } => {
                "`gonogo doctor` looks at the directories; without a socket everything works with --in-process"
            }
        }
    }
}

/// Where the socket stands in a runtime directory.
pub fn socket(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("gonogo.sock")
}

/// Makes the runtime directory if there is none, and makes sure that it is ours and that nobody else can change what is in it.
pub fn prepare(runtime_dir: &Path) -> Result<(), AddressError> {
    let failed = |source| AddressError::Io { doing: "make the directory", path: runtime_dir.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(runtime_dir).map_err(failed)?;
    match check(runtime_dir)? {
        owner if owner == user() => Ok(()),
        _ => Err(AddressError::Unsafe { path: runtime_dir.to_owned(), what: ANOTHERS }),
    }
}

/// Makes sure that a runtime directory is a directory (no link to one), ours, and writable for nobody else; gives whose it is.
/// Root may call at anybody's.
pub fn check(runtime_dir: &Path) -> Result<u32, AddressError> {
    let not = |what| AddressError::Unsafe { path: runtime_dir.to_owned(), what };
    let failed = |source| AddressError::Io { doing: "look at", path: runtime_dir.to_owned(), source };
    let about = fs::symlink_metadata(runtime_dir).map_err(failed)?;
    if about.file_type().is_symlink() {
        return Err(not("is a link"));
    }
    if !about.is_dir() {
        return Err(not("is no directory"));
    }
    if about.uid() != user() && user() != 0 {
        return Err(not(ANOTHERS));
    }
    if about.permissions().mode() & 0o022 != 0 {
        return Err(not("can be written by others"));
    }
    if about.permissions().mode() & 0o077 != 0 && about.uid() == user() {
        let closed = fs::Permissions::from_mode(0o700);
        fs::set_permissions(runtime_dir, closed).map_err(failed)?;
    }
    Ok(about.uid())
}

/// What is wrong with a directory that is not ours.
const ANOTHERS: &str = "belongs to another user";

/// Begins to listen. Whoever calls this holds the log, so a socket that nobody answers at was left behind.
pub async fn listen(runtime_dir: &Path) -> Result<UnixListener, AddressError> {
    prepare(runtime_dir)?;
    let path = socket(runtime_dir);
    if path.as_os_str().len() > LONGEST {
        return Err(AddressError::TooLong { path });
    }
    let failed = |doing| {
        let path = path.clone();
        move |source| AddressError::Io { doing, path, source }
    };
    match fs::symlink_metadata(&path) {
        Ok(about) if !about.file_type().is_socket() => return Err(AddressError::NoSocket { path }),
        Ok(_) => {
            if is_answered(&path).await {
                return Err(AddressError::Taken { path });
            }
            fs::remove_file(&path).map_err(failed("remove the old socket"))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("look at")(error)),
    }
    // Nobody else gets into the directory, so the moment before its mode is set is nobody's opportunity.
    let listener = UnixListener::bind(&path).map_err(failed("listen at"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed("close to others"))?;
    Ok(listener)
}

/// Somebody listens there. A process that a killed daemon was just starting holds a copy of its socket for a moment.
async fn is_answered(path: &Path) -> bool {
    for _ in 0..20 {
        if UnixStream::connect(path).await.is_err() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

/// By what the socket of a runtime directory is known again.
pub fn identity(runtime_dir: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(socket(runtime_dir)).ok().map(|about| (about.dev(), about.ino()))
}

/// The socket there is still the one of this identity.
pub fn is_same(runtime_dir: &Path, identity: Option<(u64, u64)>) -> bool {
    identity.is_some() && self::identity(runtime_dir) == identity
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_directory_and_the_socket_are_for_their_owner() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("run");
        let _listener = listen(&dir).await.unwrap();
        assert_eq!((mode(&dir), mode(&socket(&dir))), (0o700, 0o600));
        let again = listen(&dir).await.unwrap_err();
        assert!(matches!(again, AddressError::Taken { .. }), "{again}");
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        drop(listen(home.path()).await.unwrap());
        assert!(socket(home.path()).exists());
        listen(home.path()).await.unwrap();
    }

    #[tokio::test]
    async fn a_directory_that_others_can_change_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let (dir, link) = (home.path().join("run"), home.path().join("link"));
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        for (path, with, what) in
            [(&dir, 0o770, "written by others"), (&dir, 0o702, "written by others"), (&link, 0o700, "is a link")]
        {
            fs::set_permissions(&dir, fs::Permissions::from_mode(with)).unwrap();
            let error = listen(path).await.unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        listen(&dir).await.unwrap();
        assert_eq!(mode(&dir), 0o700, "one that others can only read is closed");
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::write(socket(home.path()), "mine").unwrap();
        assert!(matches!(listen(home.path()).await, Err(AddressError::NoSocket { .. })));
        let long = home.path().join("x".repeat(120));
        assert!(matches!(listen(&long).await, Err(AddressError::TooLong { .. })));
    }
}
