//! Where gonogo keeps its files.

use std::path::{Path, PathBuf};

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

impl Paths {
    /// Works the paths out. `variable` looks one up in the environment.
    pub fn resolve(variable: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(home) = variable(HOME_VARIABLE).filter(|home| !home.is_empty()) {
            let home = std::path::absolute(&home).unwrap_or_else(|_| PathBuf::from(home));
            return Self::below(&home);
        }
        let Some(found) = directories::ProjectDirs::from("", "", "gonogo") else {
            // No home directory: a build user in a container. The files still need a place of their own.
            // Named after the user: what another one put there is not ours.
            return Self::below(&std::env::temp_dir().join(format!("gonogo-{}", user_id())));
        };
        let state_dir = found.state_dir().unwrap_or_else(|| found.data_local_dir()).to_owned();
        let runtime_dir = found.runtime_dir().map_or_else(|| state_dir.join("run"), Path::to_owned);
        Self {
            config_file: found.config_dir().join("config.toml"),
            cache_dir: found.cache_dir().to_owned(),
            state_dir,
            runtime_dir,
        }
    }

    /// As [`Paths::resolve`], from the environment of this process.
    pub fn from_env() -> Self {
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

/// Number of the user that this process runs as.
fn user_id() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or(0, |about| about.uid())
}

/// Makes a directory that nobody else can look into, and the ones above it that are missing. One that is there already, and
/// ours, is closed to others.
pub fn private_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let about = std::fs::metadata(path)?;
    if about.uid() != user_id() {
        return Err(std::io::Error::other(format!("{} belongs to another user", path.display())));
    }
    if about.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_moves_everything() {
        let paths = Paths::resolve(|name| (name == HOME_VARIABLE).then(|| "/x".to_owned()));
        assert_eq!(paths.config_file, Path::new("/x/config.toml"));
        assert_eq!(paths.state_dir, Path::new("/x/state"));
        assert_eq!(paths.cache_dir, Path::new("/x/cache"));
        assert_eq!(paths.runtime_dir, Path::new("/x/run"));
    }

    #[test]
    fn an_empty_variable_counts_for_nothing() {
        let paths = Paths::resolve(|_| Some(String::new()));
        assert!(paths.config_file.is_absolute() && paths.runtime_dir.is_absolute());
    }
}
