//! What agents need beside control: roles, models and money. Everything that is not of control itself comes in here.

use std::{fmt, path::PathBuf, sync::Arc};

use crate::{
    agent::{
        model::{Model, Models},
        port::Reserve,
        role::Roles,
    },
    domain::{
        id::RunId,
        talk::ModelName,
        usage::{NanoUsd, Usage},
    },
    price::table::Prices,
    protocol::thread::TurnOutcome,
};

/// Why no model can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMind {
    /// Why.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Models by role.
pub trait Minds: Send + Sync {
    /// The model that a role speaks through; `model` is a named one of `config.toml`, or empty for the role's own.
    fn mind(&self, role: &str, model: &str) -> Result<Arc<dyn Model>, NoMind>;

    /// Tokens of context that a model has; 0 where nobody knows.
    fn window(&self, model: &ModelName) -> u64;

    /// Name and value of the keys of providers: they are sent to nobody but them.
    fn keys(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Minds for Models {
    fn mind(&self, role: &str, model: &str) -> Result<Arc<dyn Model>, NoMind> {
        self.chain(role, model).map_err(|none| NoMind { why: none.why, hint: Some(none.hint) })
    }

    fn window(&self, model: &ModelName) -> u64 {
        Models::window(self, model)
    }

    fn keys(&self) -> Vec<(String, String)> {
        self.secrets()
    }
}

/// Who pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payer<'a> {
    /// Name of the project.
    pub project: Option<&'a str>,
    /// The run.
    pub run: Option<RunId>,
}

/// Money that was set aside.
pub struct Aside {
    bound: Option<NanoUsd>,
    settle: Option<Box<dyn FnOnce(Option<NanoUsd>) + Send>>,
}

impl Aside {
    /// So much, and what to do when it is known what it was in the end. Dropping it without that is for `settle`'s owner to see.
    pub fn new(bound: Option<NanoUsd>, settle: impl FnOnce(Option<NanoUsd>) + Send + 'static) -> Self {
        Self { bound, settle: Some(Box::new(settle)) }
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aside({:?})", self.bound)
    }
}

impl Reserve for Aside {
    fn bound(&self) -> Option<NanoUsd> {
        self.bound
    }

    fn settle(mut self, actual: Option<NanoUsd>) {
        if let Some(settle) = self.settle.take() {
            settle(actual);
        }
    }
}

/// Prices and budgets.
pub trait Purse: Send + Sync {
    /// What a call can cost at most; `None`: no price is known.
    fn bound(&self, model: &ModelName, prompt_tokens: u64, max_output: u32) -> Option<NanoUsd>;

    /// Sets that aside; the outcome is what the turn ends with where a budget forbids it.
    fn reserve(&self, payer: &Payer<'_>, model: &ModelName, bound: Option<NanoUsd>) -> Result<Aside, TurnOutcome>;

    /// What a call cost, and what says so.
    fn price(&self, model: &ModelName, usage: &Usage) -> (Option<NanoUsd>, String);
}

/// What agents need beside control.
#[derive(Clone)]
pub struct World {
    /// The roles.
    pub roles: Arc<Roles>,
    /// The models.
    pub minds: Arc<dyn Minds>,
    /// The prices that are known.
    pub prices: Prices,
    /// Who keeps the money; `None`: control itself, by these prices and its budgets.
    pub purse: Option<Arc<dyn Purse>>,
    /// Directories that are not for agents, beside those of control.
    pub kept_out: Vec<PathBuf>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("roles", &self.roles.all().count()).finish_non_exhaustive()
    }
}

impl Default for World {
    /// Without a model.
    fn default() -> Self {
        Self {
            roles: Arc::new(Roles::built_in()),
            minds: Arc::new(Mindless),
            prices: Prices::built_in(),
            purse: None,
            kept_out: Vec::new(),
        }
    }
}

struct Mindless;

impl Minds for Mindless {
    fn mind(&self, _role: &str, _model: &str) -> Result<Arc<dyn Model>, NoMind> {
        let hint = Some("name a model under [models] in config.toml, and its provider's key".into());
        Err(NoMind { why: "no model is set up".into(), hint })
    }

    fn window(&self, _model: &ModelName) -> u64 {
        0
    }
}
