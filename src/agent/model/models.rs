//! Who can be asked: providers and models of the settings and of the environment, and the chains made of them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Model, ModelError,
    attempt::Timing,
    breaker::{Breaker, BreakerState},
    chain::{Chain, Link},
    fault::Fault,
    key::{self, Key, KeyError},
    rate::Rate,
    retry::Patience,
};
use crate::{
    config::settings::model::{BUILT_IN, DEFAULT_ROLE, KeySource, ModelSettings, ProviderKind, ProviderSpec},
    domain::{environment::Environment, talk::ModelName},
};

/// Tokens of an answer where nothing says how many: enough for reasoning and a patch.
const MAX_OUTPUT: u32 = 16_384;

/// The name of that server's provider.
pub const BY_VARIABLE: &str = "local";
/// Variables that put any OpenAI-compatible server behind gonogo without a file.
pub const URL_VARIABLE: &str = "GONOGO_MODEL_URL";
const MODEL_VARIABLE: &str = "GONOGO_MODEL";
const KEY_VARIABLE: &str = "GONOGO_MODEL_KEY";

/// There is nobody to ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NoModel {
    /// Why.
    pub why: String,
    /// What to do.
    pub hint: String,
}

/// How a provider fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderState {
    /// Its name.
    pub name: String,
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// Its base address.
    pub url: String,
    /// Whether it has a key.
    pub key: KeyState,
    /// Whether it is left alone.
    pub breaker: BreakerState,
    /// Requests of the last minute.
    pub requests: usize,
    /// Requests a minute at most.
    pub limit: Option<u32>,
}

/// Whether there is a key, and where it comes from; never the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// None is needed.
    NotNeeded,
    /// It is there.
    There(String),
    /// A command prints it when it is needed.
    WhenNeeded(String),
    /// It isn't there: where it was looked for, and what was wrong.
    Missing(String),
}

/// Who can be asked. Cheap to clone: breakers, rates and connections are shared.
#[derive(Clone)]
pub struct Models(Arc<Shared>);

/// A mutex that nobody panics on.
#[derive(Debug)]
pub(super) struct Held<T>(Mutex<T>);

impl<T> Held<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        // Nothing panics while it is held, and what is in it is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A provider at work.
pub(super) struct Provider {
    pub(super) spec: ProviderSpec,
    pub(super) url: String,
    pub(super) rate: Held<Rate>,
    breaker: Held<Breaker>,
    /// What a command printed, and whether it still holds.
    printed: Held<Option<(Key, bool)>>,
    /// One command at a time.
    asking: tokio::sync::Mutex<()>,
}

/// What all chains have in common.
pub(super) struct Shared {
    pub(super) patience: Patience,
    pub(super) timing: Timing,
    pub(super) environment: Environment,
    providers: Vec<Arc<Provider>>,
    settings: ModelSettings,
    begun: Instant,
    /// By way of the system's proxy, and directly.
    http: [OnceLock<Result<reqwest::Client, String>>; 2],
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.providers.iter().map(|provider| &provider.spec.name)).finish()
    }
}

impl Models {
    /// Everybody who can be asked by these settings, with the variables of this environment.
    pub fn new(settings: &ModelSettings, environment: &Environment) -> Self {
        Self::with(settings, environment, Patience::default(), Timing::default())
    }

    /// The same, with a patience of one's own.
    pub fn with(settings: &ModelSettings, environment: &Environment, patience: Patience, timing: Timing) -> Self {
        let mut specs = settings.providers.clone();
        let mut add = |spec: ProviderSpec| {
            if specs.iter().all(|known| known.name != spec.name) {
                specs.push(spec);
            }
        };
        let built_in = |name: &str, kind| ProviderSpec {
            name: name.to_owned(),
            kind,
            url: None,
            key: KeySource::Usual,
            requests_per_minute: None,
            model: None,
        };
        if let Some(url) = environment.get(URL_VARIABLE) {
            let key = match environment.get(KEY_VARIABLE) {
                Some(_) => KeySource::Variable(KEY_VARIABLE.to_owned()),
                None => KeySource::Usual,
            };
            let model = environment.get(MODEL_VARIABLE).map(str::to_owned);
            add(ProviderSpec {
                url: Some(url.to_owned()),
                key,
                model,
                ..built_in(BY_VARIABLE, ProviderKind::Compatible)
            });
        }
        for (name, kind) in BUILT_IN {
            let has_key = kind.variables().iter().any(|variable| environment.get(variable).is_some());
            // Named models may need it; without a key they say so.
            if has_key || settings.models.iter().any(|model| model.model.provider == name) {
                add(built_in(name, kind));
            }
        }
        let provider = |spec: ProviderSpec| {
            let url = spec.url.clone().or(spec.kind.url().map(str::to_owned)).unwrap_or_default();
            Arc::new(Provider {
                url,
                rate: Held(Mutex::new(Rate::new(spec.requests_per_minute))),
                breaker: Held(Mutex::new(Breaker::default())),
                printed: Held(Mutex::new(None)),
                asking: tokio::sync::Mutex::new(()),
                spec,
            })
        };
        Self(Arc::new(Shared {
            patience,
            timing,
            environment: environment.clone(),
            providers: specs.into_iter().map(provider).collect(),
            settings: settings.clone(),
            begun: Instant::now(),
            http: [OnceLock::new(), OnceLock::new()],
        }))
    }

    /// A model for a role: the one of this name (in `[models]`, or `provider/model`), or if the name is empty the chain of the role.
    pub fn chain(&self, role: &str, model: &str) -> Result<Arc<dyn Model>, NoModel> {
        let shared = &self.0;
        let wanted: Vec<String> = if model.is_empty() { shared.chain_of(role)? } else { vec![model.to_owned()] };
        let mut missing = Vec::new();
        let mut links = Vec::new();
        for name in &wanted {
            let link = shared.link(name)?;
            match link.provider.key_state(&shared.environment) {
                KeyState::Missing(why) => missing.push(format!("{}: {why}", link.provider.spec.name)),
                _ => links.push(link),
            }
        }
        let mut links = links.into_iter();
        let Some(first) = links.next() else {
            missing.dedup();
            return Err(NoModel {
                why: format!("no model can be asked: {}", missing.join("; ")),
                hint: "set the variable, or say with `key-env`, `key-file` or `key-command` where the key is; everything else works without".to_owned(),
            });
        };
        Ok(Arc::new(Chain { shared: Arc::clone(shared), first, others: links.collect() }))
    }

    /// Tokens that a model takes in at all.
    pub fn window(&self, model: &ModelName) -> u64 {
        self.0.window(model)
    }

    /// How each provider fares.
    pub fn state(&self) -> Vec<ProviderState> {
        let now = self.0.now();
        let state = |provider: &Arc<Provider>| ProviderState {
            name: provider.spec.name.clone(),
            kind: provider.spec.kind,
            url: provider.url.clone(),
            key: provider.key_state(&self.0.environment),
            breaker: provider.breaker.lock().state(now),
            requests: provider.rate.lock().last_minute(now),
            limit: provider.spec.requests_per_minute,
        };
        self.0.providers.iter().map(state).collect()
    }

    /// Name and value of every key that is known, for redaction alone: also of variables that no provider uses.
    pub fn secrets(&self) -> Vec<(String, String)> {
        let shared = &self.0;
        let usual = BUILT_IN.iter().flat_map(|(_, kind)| kind.variables()).chain([&KEY_VARIABLE]);
        let set = |name: &&str| Some(((*name).to_owned(), shared.environment.get(name)?.trim().to_owned()));
        let mut secrets: BTreeMap<String, String> = usual.filter_map(set).collect();
        for provider in &shared.providers {
            let at_hand = key::at_hand(&provider.spec.key, provider.spec.kind, &shared.environment);
            let key = at_hand.and_then(Result::ok).or_else(|| provider.printed.lock().clone().map(|(key, _)| key));
            if let Some(key) = key {
                let name = match &provider.spec.key {
                    KeySource::Variable(name) => name.clone(),
                    _ => format!("KEY_OF_{}", provider.spec.name),
                };
                if !secrets.values().any(|known| known == key.expose()) {
                    secrets.insert(name, key.expose().to_owned());
                }
            }
        }
        secrets.into_iter().collect()
    }
}

impl Shared {
    /// Since these models were made.
    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The client for this address: machines of one's own are reached directly.
    pub(super) fn http(&self, url: &str) -> Result<reqwest::Client, String> {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let here = ["localhost", "127.", "[::1]"].iter().any(|start| host.starts_with(start));
        let client = self.http[usize::from(here)].get_or_init(|| {
            // The first one counts; all of gonogo uses the same.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder()
                .user_agent(concat!("gonogo/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(self.timing.connect)
                .tcp_keepalive(Duration::from_secs(30))
                // A key goes to the address that it is for, and nowhere else.
                .redirect(reqwest::redirect::Policy::none());
            let client = if here { client.no_proxy() } else { client };
            client.build().map_err(|error| error.to_string())
        });
        client.clone()
    }

    fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|provider| provider.spec.name == name)
    }

    /// The names of a role's chain.
    fn chain_of(&self, role: &str) -> Result<Vec<String>, NoModel> {
        let roles = &self.settings.roles;
        if let Some(chain) = roles.get(role).or_else(|| roles.get(DEFAULT_ROLE)) {
            return Ok(chain.clone());
        }
        if let Some(model) = self.settings.models.first() {
            return Ok(vec![model.name.clone()]);
        }
        let usable = |provider: &&Arc<Provider>| !matches!(provider.key_state(&self.environment), KeyState::Missing(_));
        let first = self.providers.iter().find(usable).or(self.providers.first());
        first.map(|provider| vec![provider.spec.name.clone()]).ok_or_else(|| NoModel {
            why: "no model is configured".to_owned(),
            hint: format!(
                "set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY, DEEPSEEK_API_KEY or OPENROUTER_API_KEY, or {URL_VARIABLE} to an OpenAI-compatible server, or see [providers] in docs/models.md; everything else works without"
            ),
        })
    }

    /// A model by its name in `[models]`, as `provider/model`, or by its provider alone.
    fn link(&self, name: &str) -> Result<Link, NoModel> {
        let spec = self.settings.models.iter().find(|spec| spec.name == name);
        let model = match (spec, name.split_once('/')) {
            (Some(spec), _) => spec.model.clone(),
            (None, Some((provider, model))) => ModelName { provider: provider.to_owned(), model: model.to_owned() },
            (None, None) => {
                let own = self.provider(name).map(|provider| {
                    provider.spec.model.clone().unwrap_or_else(|| provider.spec.kind.model().to_owned())
                });
                ModelName { provider: name.to_owned(), model: own.unwrap_or_default() }
            }
        };
        let unknown = || NoModel {
            why: format!("there is no model `{name}`"),
            hint: format!("name one of [models], or provider/model; providers: {}", self.names()),
        };
        let provider = self.provider(&model.provider).filter(|_| !model.model.is_empty()).ok_or_else(unknown)?;
        let spec = spec.or_else(|| self.settings.models.iter().find(|spec| spec.model == model));
        Ok(Link {
            provider: Arc::clone(provider),
            max_output: spec.and_then(|spec| spec.max_output).unwrap_or(MAX_OUTPUT),
            window: self.window(&model),
            effort: spec.and_then(|spec| spec.effort),
            model,
        })
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.providers.iter().map(|provider| provider.spec.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    fn window(&self, model: &ModelName) -> u64 {
        let spec = self.settings.models.iter().find(|spec| spec.model == *model);
        let name = model.model.as_str();
        let known = || {
            const WINDOWS: [(&str, u64); 6] = [
                ("claude-opus-5-5", 1_000_000),
                ("claude", 200_000),
                ("gpt-5", 272_000),
                ("gpt-6", 272_000),
                ("gemini", 1_000_000),
                ("deepseek", 1_000_000),
            ];
            // OpenRouter has the maker's name before it.
            let name = name.rsplit('/').next().unwrap_or(name);
            WINDOWS.iter().find(|(start, _)| name.starts_with(start)).map_or(32_768, |(_, window)| *window)
        };
        spec.and_then(|spec| spec.context).unwrap_or_else(known)
    }
}

impl Provider {
    fn key_state(&self, environment: &Environment) -> KeyState {
        let (source, kind) = (&self.spec.key, self.spec.kind);
        if *source == KeySource::Usual && kind.variables().is_empty() {
            return KeyState::NotNeeded;
        }
        match key::at_hand(source, kind, environment) {
            None => KeyState::WhenNeeded(key::place(source, kind)),
            Some(Ok(_)) => KeyState::There(key::place(source, kind)),
            Some(Err(error)) => KeyState::Missing(error.to_string()),
        }
    }

    /// The key, if one is needed.
    pub(super) async fn key(&self, environment: &Environment) -> Result<Option<Key>, KeyError> {
        let (source, kind) = (&self.spec.key, self.spec.kind);
        match source {
            KeySource::Usual if kind.variables().is_empty() => Ok(None),
            KeySource::Command(words) => {
                let _one = self.asking.lock().await;
                if let Some((key, true)) = self.printed.lock().clone() {
                    return Ok(Some(key));
                }
                let key = key::ask_command(words, source, kind, environment).await?;
                *self.printed.lock() = Some((key.clone(), true));
                Ok(Some(key))
            }
            KeySource::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || key::read_file(&path)).await;
                let read = read.unwrap_or_else(|_| Err("gonogo is about to end".to_owned()));
                read.map(Some).map_err(|why| KeyError { place: key::place(source, kind), why })
            }
            _ => key::at_hand(source, kind, environment).transpose(),
        }
    }

    /// The next request asks the command again.
    pub(super) fn forget_key(&self) {
        if let Some((_, holds)) = &mut *self.printed.lock() {
            *holds = false;
        }
    }

    /// An error if it is left alone now.
    pub(super) fn rests(&self, now: Duration) -> Result<(), Fault> {
        match self.breaker.lock().state(now) {
            open @ BreakerState::Open { .. } => Err(self.resting(open)),
            _ => Ok(()),
        }
    }

    fn resting(&self, state: BreakerState) -> Fault {
        let (for_, faults) = match state {
            BreakerState::Open { for_, faults } => (for_, faults),
            BreakerState::HalfOpen { faults } => (Duration::from_secs(1), faults),
            BreakerState::Closed => (Duration::ZERO, 0),
        };
        ModelError::Resting { provider: self.spec.name.clone(), for_, faults }.into()
    }

    /// A request may pass, or the provider is left alone.
    pub(super) fn pass<'a>(&'a self, shared: &'a Shared) -> Result<Pass<'a>, Fault> {
        self.breaker.lock().ask(shared.now()).map_err(|state| self.resting(state))?;
        Ok(Pass { provider: self, shared, settled: false })
    }
}

/// A request that has passed the breaker. Dropping it before it is settled means that nobody wanted the answer any more.
pub(super) struct Pass<'a> {
    provider: &'a Provider,
    shared: &'a Shared,
    settled: bool,
}

impl Pass<'_> {
    pub(super) fn settle(mut self, fault: Option<&Fault>) {
        self.settled = true;
        let mut breaker = self.provider.breaker.lock();
        match fault {
            Some(fault) if fault.is_the_providers() => breaker.failed(self.shared.now()),
            _ => breaker.well(),
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.provider.breaker.lock().dropped();
        }
    }
}
