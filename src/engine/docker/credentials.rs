//! What registries are told: the logins of Docker's own configuration, from its file or from the programs that it names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt, io,
    path::PathBuf,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bollard::auth::DockerCredentials;
use futures::{StreamExt as _, stream};
use serde::Deserialize;

use crate::domain::environment::Environment;

use super::{
    keychain,
    reference::{self, normal},
};

/// Where the logins of a person are found. Nothing is read before a registry is asked, and nothing is kept.
#[derive(Clone, Default)]
pub struct Logins {
    file: Option<PathBuf>,
    variables: Environment,
}

/// The credentials of one registry; none for one that is asked as nobody in particular.
#[derive(Clone, Default)]
pub struct Login {
    /// What the engine is told.
    pub credentials: Option<DockerCredentials>,
    /// Why they can't be found out, for a person; it holds no credential.
    pub trouble: Option<String>,
}

/// Docker's `config.json`, as far as it matters. There is no `Debug`: nothing of it may be shown.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigFile {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Logins {
    /// Those of the person with this environment: `DOCKER_CONFIG`, or `.docker` in `HOME`.
    pub fn of(environment: &Environment) -> Self {
        let dir = environment.get("DOCKER_CONFIG").map(PathBuf::from);
        let dir = dir.or_else(|| environment.get("HOME").map(|home| PathBuf::from(home).join(".docker")));
        Self { file: dir.map(|dir| dir.join("config.json")), variables: environment.clone() }
    }

    /// What this registry (`ghcr.io`, `docker.io`) is told.
    pub async fn login(&self, registry: &str) -> Login {
        match self.read().await {
            Ok(config) => self.find(&config, &normal(registry)).await,
            Err(trouble) => Login { credentials: None, trouble: Some(trouble) },
        }
    }

    /// What every registry that the configuration names is told, by the address that engines know it by: a build may pull from
    /// any of them. Troubles come one a line.
    pub async fn all(&self) -> (HashMap<String, DockerCredentials>, Vec<String>) {
        let config = match self.read().await {
            Ok(config) => config,
            Err(trouble) => return (HashMap::new(), vec![trouble]),
        };
        let names: BTreeSet<String> =
            config.auths.keys().chain(config.cred_helpers.keys()).map(|n| normal(n)).collect();
        let config = &config;
        let asked = names.into_iter().map(|name| async move { (self.find(config, &name).await, name) });
        let found: Vec<(Login, String)> = stream::iter(asked).buffer_unordered(8).collect().await;
        let mut troubles = Vec::new();
        let mut all = HashMap::new();
        for (login, name) in found {
            troubles.extend(login.trouble);
            if let Some(credentials) = login.credentials {
                all.insert(reference::address(&name).to_owned(), credentials);
            }
        }
        (all, troubles)
    }

    async fn read(&self) -> Result<ConfigFile, String> {
        let Some(file) = &self.file else { return Ok(ConfigFile::default()) };
        match tokio::fs::read(file).await {
            // What is wrong with it is not said: the parser's words may quote it.
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                format!("{} can't be read: line {}, column {}", file.display(), error.line(), error.column())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ConfigFile::default()),
            Err(error) => Err(format!("{} can't be read: {error}", file.display())),
        }
    }

    /// The program for this registry, then the program for all, then the file.
    async fn find(&self, config: &ConfigFile, registry: &str) -> Login {
        let own = config.cred_helpers.iter().find(|(name, _)| normal(name) == registry).map(|(_, helper)| helper);
        let helper = own.or(Some(&config.creds_store)).filter(|helper| !helper.is_empty());
        let mut trouble = None;
        if let Some(helper) = helper {
            match keychain::ask(helper, registry, &self.variables).await {
                Ok(Some(credentials)) => return Login { credentials: Some(credentials), trouble },
                Ok(None) => {}
                Err(error) => trouble = Some(error),
            }
        }
        let entry = config.auths.iter().find(|(name, entry)| normal(name) == registry && !entry.is_empty());
        Login { credentials: entry.and_then(|(_, entry)| entry.credentials(registry)), trouble }
    }
}

impl Entry {
    fn is_empty(&self) -> bool {
        [&self.auth, &self.username, &self.identitytoken, &self.registrytoken].iter().all(|text| text.is_empty())
    }

    fn credentials(&self, registry: &str) -> Option<DockerCredentials> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let decoded = BASE64_STANDARD.decode(self.auth.trim_end_matches('\0')).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
        // Docker itself pads the password with NULs in some versions.
        let (username, password) = pair.map_or((given(&self.username), given(&self.password)), |(user, password)| {
            (given(user), given(password.trim_end_matches('\0')))
        });
        let found = DockerCredentials {
            username,
            password,
            identitytoken: given(&self.identitytoken),
            registrytoken: given(&self.registrytoken),
            serveraddress: Some(reference::address(registry).to_owned()),
            ..DockerCredentials::default()
        };
        let any = found.password.is_some() || found.identitytoken.is_some() || found.registrytoken.is_some();
        any.then_some(found)
    }
}

/// Says where it looks, and nothing that it has found.
impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Says whether there are any, and nothing of them.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, {:?})", if self.credentials.is_some() { "known" } else { "none" }, self.trouble)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    struct Person(tempfile::TempDir);

    impl Person {
        fn new(config: &str) -> (Self, Logins) {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("config.json"), config).unwrap();
            let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
            let variables = [
                ("DOCKER_CONFIG".to_owned(), path(dir.path())),
                ("PATH".to_owned(), format!("{}:/usr/bin:/bin", path(dir.path()))),
            ];
            let logins = Logins::of(&variables.into_iter().collect());
            (Self(dir), logins)
        }

        fn helper(&self, name: &str, script: &str) {
            let path = self.0.path().join(format!("docker-credential-{name}"));
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    async fn pair(logins: &Logins, registry: &str) -> Option<(String, String)> {
        let found = logins.login(registry).await.credentials?;
        Some((found.username.unwrap_or_default(), found.password.or(found.identitytoken).unwrap_or_default()))
    }

    fn both(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[tokio::test]
    async fn a_file_has_them_in_several_ways() {
        let (_person, logins) = Person::new(
            r#"{"auths":{
                "https://index.docker.io/v1/":{"auth":"bWU6YTpi"},
                "https://ghcr.io":{"identitytoken":"t0ken","auth":"bWU6"},
                "localhost:5000":{"username":"you","password":"pw"},
                "empty.example.org":{},
                "odd.example.org":{"auth":"%%%"}}}"#,
        );
        assert_eq!(pair(&logins, "docker.io").await, both("me", "a:b"));
        assert_eq!(pair(&logins, "ghcr.io").await, both("me", "t0ken"));
        assert_eq!(pair(&logins, "localhost:5000").await, both("you", "pw"));
        for none in ["empty.example.org", "odd.example.org", "quay.io"] {
            assert_eq!(pair(&logins, none).await, None, "{none}");
        }
        let (all, troubles) = logins.all().await;
        let mut names: Vec<&str> = all.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["ghcr.io", "https://index.docker.io/v1/", "localhost:5000"]);
        assert!(troubles.is_empty(), "{troubles:?}");
    }

    #[tokio::test]
    async fn programs_come_before_the_file() {
        let (person, logins) = Person::new(
            r#"{"auths":{"ghcr.io":{"auth":"bWU6ZmlsZQ=="},"quay.io":{"auth":"bWU6ZmlsZQ=="}},
                "credHelpers":{"ghcr.io":"own"},"credsStore":"store"}"#,
        );
        person.helper("own", r#"echo '{"Username":"own","Secret":"1"}'"#);
        person.helper("store", r"echo credentials not found in native keychain; exit 1");
        assert_eq!(pair(&logins, "ghcr.io").await, both("own", "1"));
        assert_eq!(pair(&logins, "quay.io").await, both("me", "file"), "the store has none");
        person.helper("store", "echo it is locked; exit 1");
        let login = logins.login("docker.io").await;
        assert!(login.credentials.is_none());
        assert_eq!(login.trouble.as_deref(), Some("docker-credential-store has failed: it is locked"));
    }

    #[tokio::test]
    async fn a_wrong_file_is_said_and_nothing_of_it_shown() {
        let (_person, logins) = Person::new(r#"{"auths":{"ghcr.io":{"auth":"s3cret"#);
        let login = logins.login("ghcr.io").await;
        let said = login.trouble.clone().unwrap();
        assert!(said.contains("config.json can't be read: line 1") && !said.contains("s3cret"), "{said}");
        let (_person, logins) = Person::new(r#"{"auths":{"ghcr.io":{"auth":"bWU6czNjcmV0"}}}"#);
        let login = logins.login("ghcr.io").await;
        assert_eq!(format!("{login:?}"), "Login(known, None)");
        assert!(!format!("{logins:?}").contains("PATH"));
        let nowhere = Logins::of(&Environment::default());
        assert!(nowhere.login("ghcr.io").await.trouble.is_none());
    }
}
