//! What a step's process sees of the environment: a short list from the place where the run was asked for, and what the job declares.

use std::collections::BTreeMap;

use crate::{
    domain::{definition::StepSpec, environment::Environment, outcome::Failure},
    engine::port::Order,
};

/// Variables passed on from there: where things are, who asks, in which language. Nothing that holds a
/// credential, and nothing that changes from one terminal to the next.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOMODCACHE",
    "GOCACHE",
    "GOFLAGS",
    "GOPROXY",
    "JAVA_HOME",
    "M2_HOME",
    "GRADLE_USER_HOME",
    "NVM_DIR",
    "NODE_PATH",
    "PNPM_HOME",
    "VOLTA_HOME",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "POETRY_HOME",
    "PIPX_HOME",
    "RBENV_ROOT",
    "GEM_HOME",
    "GEM_PATH",
    "DOTNET_ROOT",
    "NIX_PATH",
    "NIX_SSL_CERT_FILE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "LD_LIBRARY_PATH",
    "PKG_CONFIG_PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_INDEX_URL",
    "PIP_CONFIG_FILE",
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_USERCONFIG",
    "DOCKER_HOST",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
];

/// The environment of one step, secrets apart: the passed ones, then gonogo's, then the job's, then the step's own.
pub(super) fn of(order: &Order, step: &StepSpec) -> BTreeMap<String, String> {
    let passed = order.surroundings.iter().filter(|(name, _)| PASSED.contains(name) || name.starts_with("LC_"));
    let mut variables: BTreeMap<String, String> =
        passed.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.extend(own(order));
    variables.extend(order.job.spec.env.clone());
    variables.extend(step.env.clone());
    let directory = step.dir.as_ref().map_or_else(|| order.workspace.clone(), |dir| order.workspace.join(dir));
    variables.entry("PWD".into()).or_insert_with(|| directory.to_string_lossy().into_owned());
    variables
}

/// What gonogo says of itself to every step, wherever it runs.
pub(super) fn own(order: &Order) -> BTreeMap<String, String> {
    let term = if order.job.spec.tty { "xterm-256color" } else { "dumb" };
    let own = [("TERM", term), ("CI", "true"), ("GONOGO", "1"), ("GONOGO_JOB_ID", order.marker.as_str())];
    let mut variables: BTreeMap<String, String> =
        own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.extend(order.env.clone());
    variables
}

/// The values of declared secrets, from where the run was asked for.
pub(super) fn secrets(names: &[String], surroundings: &Environment) -> Result<Vec<(String, String)>, Failure> {
    let mut values = Vec::with_capacity(names.len());
    let mut missing = Vec::new();
    for name in names {
        match surroundings.get(name) {
            Some(value) => values.push((name.clone(), value.to_owned())),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    let names = missing.join(", ");
    Err(Failure::NotRun {
        why: format!("no value for the secret {names}"),
        hint: Some(format!("set {names} in the environment from which you start the run, or run it again from there")),
    })
}
