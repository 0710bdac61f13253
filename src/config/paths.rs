//! Where gonogo keeps its files.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Where gonogo keeps its files. Nothing has been made yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The user's configuration.
    pub config_file: PathBuf,
    /// `records.db` and `output/`.
    pub state_dir: PathBuf,
    /// Job caches.
    pub cache_dir: PathBuf,
    /// `gonogo.sock`.
    pub runtime_dir: PathBuf,
}

/// The variable that moves everything into one directory.
pub const HOME_VARIABLE: &str = "GONOGO_HOME";

/// Why there is no place for the files.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// A relative path, and nothing that it is relative to.
    #[error("can't tell where {} is: the working directory is gone", path.display())]
    Nowhere {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is something else in its place.
    #[error("{HOME_VARIABLE} is {}, which is no directory", path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
}

impl PathsError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Nowhere { .. } => "go to a directory that is there, or set GONOGO_HOME to an absolute path",
            Self::NoDirectory { .. } => "set GONOGO_HOME to a directory; one that is not there yet is made",
        }
    }
}

impl Paths {
    /// The directory of the user's configuration.
    pub fn config_dir(&self) -> &Path {
        self.config_file.parent().unwrap_or(Path::new("/"))
    }

    /// Works the paths out: all are absolute. `variable` looks one up in the environment.
    pub fn resolve(variable: impl Fn(&str) -> Option<String>) -> Result<Self, PathsError> {
        if let Some(home) = variable(HOME_VARIABLE).filter(|home| !home.is_empty()) {
            let home = absolute(Path::new(&home))?;
            if home.metadata().is_ok_and(|about| !about.is_dir()) {
                return Err(PathsError::NoDirectory { path: home });
            }
            return Ok(Self::below(&home));
        }
        let Some(found) = directories::ProjectDirs::from("", "", "gonogo") else {
            // No home directory: a build user in a container. The files still need a place of their own.
            // Named after the user: what another one put there is not ours.
            return Ok(Self::below(&absolute(&std::env::temp_dir().join(format!("gonogo-{}", user())))?));
        };
        let state_dir = absolute(found.state_dir().unwrap_or_else(|| found.data_local_dir()))?;
        let runtime_dir = found.runtime_dir().map_or_else(|| Ok(state_dir.join("run")), absolute)?;
        Ok(Self {
            config_file: absolute(&found.config_dir().join("config.toml"))?,
            cache_dir: absolute(found.cache_dir())?,
            state_dir,
            runtime_dir,
        })
    }

    /// As [`Paths::resolve`], from the environment of this process.
    pub fn from_env() -> Result<Self, PathsError> {
        Self::resolve(|name| std::env::var(name).ok())
    }

    fn below(home: &Path) -> Self {
        Self {
            config_file: home.join("config.toml"),
            state_dir: home.join("state"),
            cache_dir: home.join("cache"),
            runtime_dir: home.join("run"),
        }
    }
}

/// A path that means the same wherever the process goes: a daemon goes to `/`.
fn absolute(path: &Path) -> Result<PathBuf, PathsError> {
    std::path::absolute(path).map_err(|source| PathsError::Nowhere { path: path.to_owned(), source })
}

/// Number of the user that this process runs as.
pub fn user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Login name of a user.
pub fn login(user: u32) -> String {
    let found = nix::unistd::User::from_uid(user.into()).ok().flatten();
    found.map_or_else(|| format!("user {user}"), |user| user.name)
}

/// Makes a directory that nobody else can look into, and the ones above it that are missing. One that is there already, and
/// ours, is closed to others.
pub fn private_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let about = std::fs::metadata(path)?;
    if about.uid() != user() {
        return Err(std::io::Error::other(format!("{} belongs to another user", path.display())));
    }
    if about.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_moves_everything() {
        let paths = Paths::resolve(|name| (name == HOME_VARIABLE).then(|| "/x".to_owned())).unwrap();
        assert_eq!(paths.config_file, Path::new("/x/config.toml"));
        assert_eq!(paths.state_dir, Path::new("/x/state"));
        assert_eq!(paths.cache_dir, Path::new("/x/cache"));
        assert_eq!(paths.runtime_dir, Path::new("/x/run"));
    }

    #[test]
    fn an_empty_variable_counts_for_nothing() {
        let paths = Paths::resolve(|_| Some(String::new())).unwrap();
        assert!(paths.config_file.is_absolute() && paths.runtime_dir.is_absolute());
    }

    #[test]
    fn a_relative_one_is_made_absolute() {
        let paths = Paths::resolve(|_| Some("x".to_owned())).unwrap();
        assert_eq!(paths.state_dir, std::env::current_dir().unwrap().join("x/state"));
    }

    #[test]
    fn a_file_is_no_home() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Paths::resolve(|_| file.path().to_str().map(str::to_owned)).unwrap_err();
        assert!(matches!(error, PathsError::NoDirectory { .. }) && error.hint().contains("directory"), "{error}");
        let path = file.path().to_path_buf();
        drop(file);
        Paths::resolve(|_| path.to_str().map(str::to_owned)).unwrap();
    }
}
