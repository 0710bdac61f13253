//! Providers, models and the chains of roles, from `config.toml`: checked against each other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    config::{
        check::Places,
        choice::{Choice, Named},
        error::Mistake,
        schema::OneOrMany,
        suggest,
        text::NodeName,
    },
    domain::talk::ModelName,
};

use super::{
    file::{ModelFile, ProviderFile, RoleFile},
    resolve,
};

/// The role whose chain holds for all that have none of their own.
pub const DEFAULT_ROLE: &str = "default";

/// Who is asked, and which models of theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelSettings {
    /// In the order of the file.
    pub providers: Vec<ProviderSpec>,
    /// In the order of the file.
    pub models: Vec<ModelSpec>,
    /// Names of models by role, the first choice first.
    pub roles: BTreeMap<String, Vec<String>>,
}

/// A provider of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSpec {
    /// Its name.
    pub name: String,
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// Its base address; the kind's own if none is given.
    pub url: Option<String>,
    /// Where its key comes from.
    pub key: KeySource,
    /// Requests a minute at most.
    pub requests_per_minute: Option<u32>,
    /// Its model, where nothing else says which.
    pub model: Option<String>,
}

/// Where a key comes from. The key itself never stands in a file of gonogo's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The usual variables of this kind of provider; none is fine where the kind needs no key.
    Usual,
    /// A variable of the environment.
    Variable(String),
    /// A file that holds the key and nothing else.
    File(PathBuf),
    /// A command that prints it.
    Command(Vec<String>),
}

/// A model by a name of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSpec {
    /// The name in `config.toml`.
    pub name: String,
    /// Whose it is, and what they call it.
    pub model: ModelName,
    /// Tokens of an answer at most, reasoning included.
    pub max_output: Option<u32>,
    /// Tokens that it takes in at all.
    pub context: Option<u64>,
    /// How much it is to reason.
    pub effort: Option<Effort>,
}

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderKind {
    /// Anthropic's messages.
    Anthropic,
    /// OpenAI's chat completions.
    OpenAi,
    /// OpenAI's responses.
    OpenAiResponses,
    /// Google's Gemini.
    Gemini,
    /// DeepSeek.
    DeepSeek,
    /// OpenRouter.
    OpenRouter,
    /// Ollama, on this machine unless an address says otherwise.
    Ollama,
    /// Any server that speaks OpenAI's chat completions.
    Compatible,
}

impl ProviderKind {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        Self::all().into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// The variables that usually hold its key.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Anthropic => &["ANTHROPIC_API_KEY"],
            Self::OpenAi | Self::OpenAiResponses => &["OPENAI_API_KEY"],
            Self::Gemini => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Self::DeepSeek => &["DEEPSEEK_API_KEY"],
            Self::OpenRouter => &["OPENROUTER_API_KEY"],
            Self::Ollama | Self::Compatible => &[],
        }
    }

    /// Its address, if it has one of its own.
    pub fn url(self) -> Option<&'static str> {
        Some(match self {
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::OpenAi | Self::OpenAiResponses => "https://api.openai.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
            Self::DeepSeek => "https://api.deepseek.com",
            Self::OpenRouter => "https://openrouter.ai/api/v1",
            Self::Ollama => "http://localhost:11434/v1",
            Self::Compatible => return None,
        })
    }

    /// The model that is asked where nothing says which.
    pub fn model(self) -> &'static str {
        match self {
            Self::Anthropic => "claude-sonnet-5-5",
            Self::OpenAi | Self::OpenAiResponses => "gpt-6.1-sol",
            Self::Gemini => "gemini-3.8-flash",
            Self::DeepSeek => "deepseek-v4-pro",
            Self::OpenRouter => "anthropic/claude-sonnet-5.5",
            Self::Ollama | Self::Compatible => "default",
        }
    }
}

impl Named for ProviderKind {
    const ABOUT: &'static str = "kind of provider";
    fn all() -> Vec<(&'static str, Self)> {
        vec![
            ("anthropic", Self::Anthropic),
            ("openai", Self::OpenAi),
            ("openai-responses", Self::OpenAiResponses),
            ("gemini", Self::Gemini),
            ("deepseek", Self::DeepSeek),
            ("openrouter", Self::OpenRouter),
            ("ollama", Self::Ollama),
            ("openai-compatible", Self::Compatible),
        ]
    }
}

/// How much a model is to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// As much as it can.
    Max,
}

impl Effort {
    /// Its name, in the file and on the wires.
    pub fn name(self) -> &'static str {
        Self::all().into_iter().find(|(_, effort)| *effort == self).map_or("", |(name, _)| name)
    }
}

impl Named for Effort {
    const ABOUT: &'static str = "effort";
    fn all() -> Vec<(&'static str, Self)> {
        vec![
            ("none", Self::None),
            ("low", Self::Low),
            ("medium", Self::Medium),
            ("high", Self::High),
            ("max", Self::Max),
        ]
    }
}

/// Beginnings of keys that providers hand out.
const KEY_SHAPES: [&str; 9] = ["sk-", "sk_", "AIza", "AQ.", "gsk_", "xai-", "ghp_", "github_pat_", "Bearer "];

/// Whether a text looks like a key rather than like the name of a place where one is.
fn looks_like_key(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=');
    let mixed = text.chars().any(|c| c.is_ascii_digit()) && text.chars().any(|c| c.is_ascii_lowercase());
    KEY_SHAPES.iter().any(|shape| text.starts_with(shape) && text.len() > shape.len() + 4)
        || (text.len() >= 32 && text.chars().all(word) && mixed)
}

/// The text with everything in quotes that looks like a key made unreadable, byte for byte as long: mistakes are shown with their lines.
pub(super) fn masked(source: &str) -> String {
    let mut masked = String::with_capacity(source.len());
    for line in source.split_inclusive('\n') {
        for (at, part) in line.split_inclusive(['"', '\'']).enumerate() {
            let inside = part.trim_end_matches(['"', '\'']);
            if at > 0 && looks_like_key(inside) {
                masked.push_str(&"*".repeat(inside.len()));
                masked.push_str(&part[inside.len()..]);
            } else {
                masked.push_str(part);
            }
        }
    }
    masked
}

/// Where things stand in the file, and what is wrong with them.
pub(super) struct Check<'a> {
    pub places: &'a Places,
    pub mistakes: &'a mut Vec<Mistake>,
    pub base: Option<&'a Path>,
    pub home: Option<&'a Path>,
}

impl Check<'_> {
    fn wrong(&mut self, path: &[&str], message: String) -> &mut Mistake {
        let path: Vec<String> = path.iter().map(|&part| part.to_owned()).collect();
        let place = self.places.get(&path);
        self.mistakes.push(Mistake::new(place.value, &path, message));
        let last = self.mistakes.len() - 1;
        &mut self.mistakes[last]
    }

    /// In the order of the file.
    fn ordered<V>(&self, table: &str, files: BTreeMap<String, V>) -> Vec<(String, V)> {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_by_key(|(name, _)| self.places.get(&[table.to_owned(), name.clone()]).name().start);
        files
    }

    /// Everything about models that is right.
    pub fn models(
        mut self,
        providers: BTreeMap<String, ProviderFile>,
        models: BTreeMap<String, ModelFile>,
        roles: BTreeMap<String, RoleFile>,
    ) -> ModelSettings {
        let providers: Vec<ProviderSpec> = self
            .ordered("providers", providers)
            .into_iter()
            .filter_map(|(name, file)| self.provider(name, file))
            .collect();
        let known: Vec<String> = self
            .places
            .below(&["providers".to_owned()])
            .filter_map(|(path, _)| path.get(1).cloned())
            .chain(BUILT_IN.iter().map(|(name, _)| (*name).to_owned()))
            .collect();
        let models: Vec<ModelSpec> = self
            .ordered("models", models)
            .into_iter()
            .filter_map(|(name, file)| self.model(name, file, &known))
            .collect();
        let named: Vec<String> =
            self.places.below(&["models".to_owned()]).filter_map(|(path, _)| path.get(1).cloned()).collect();
        let roles = roles.into_iter().filter_map(|(name, file)| {
            let chain = file.models;
            for (at, model) in chain.iter().enumerate() {
                let provider = model.split_once('/').map(|(provider, _)| provider.to_owned());
                if named.contains(model) || provider.is_some_and(|provider| known.contains(&provider)) {
                    continue;
                }
                let near = suggest::did_you_mean(model, named.iter().map(String::as_str));
                let at = at.to_string();
                let wrong = self.wrong(&["roles", &name, "models", &at], format!("there is no model `{model}`"));
                wrong.expected = Some("the name of a table in `[models]`, or provider/model".to_owned());
                wrong.hint = near;
            }
            (!chain.is_empty()).then_some((name, chain))
        });
        let roles = roles.collect();
        ModelSettings { providers, models, roles }
    }

    fn provider(&mut self, name: String, file: ProviderFile) -> Option<ProviderSpec> {
        let table = ["providers", name.as_str()];
        let Choice(kind) = file.kind?;
        if kind == ProviderKind::Compatible && file.url.is_none() {
            self.wrong(&table, format!("provider `{name}` has no `url`")).expected =
                Some("the base address of a server, such as \"http://127.0.0.1:8080/v1\"".to_owned());
            return None;
        }
        let command = file.key_command.map(|command| match command {
            OneOrMany::One(line) => vec!["sh".to_owned(), "-c".to_owned(), line],
            OneOrMany::Many(words) => words,
        });
        let plain = [
            ("key-env", file.key_env.as_deref()),
            ("key-file", file.key_file.as_deref()),
            ("key-command", command.as_ref().and_then(|words| words.last()).map(String::as_str)),
        ];
        if let Some((key, _)) = plain.iter().find(|(_, text)| text.is_some_and(looks_like_key)) {
            let wrong = self.wrong(&["providers", &name, key], format!("`{key}` looks like a key itself"));
            wrong.hint = Some("keys never stand in this file: name a variable (key-env), a file (key-file) or a command that prints it (key-command)".to_owned());
            return None;
        }
        let mut sources = Vec::new();
        if let Some(variable) = file.key_env {
            if !variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || variable.is_empty() {
                self.wrong(&["providers", &name, "key-env"], "this isn't the name of a variable".to_owned()).expected =
                    Some("such as \"ANTHROPIC_API_KEY\"".to_owned());
                return None;
            }
            sources.push(KeySource::Variable(variable));
        }
        sources.extend(file.key_file.map(|path| KeySource::File(resolve(&path, self.base, self.home))));
        sources.extend(command.filter(|words| !words.is_empty()).map(KeySource::Command));
        if sources.len() > 1 {
            self.wrong(&table, format!("provider `{name}` says twice where its key is")).hint =
                Some("keep one of `key-env`, `key-file` and `key-command`".to_owned());
            return None;
        }
        Some(ProviderSpec {
            kind,
            url: file.url.map(|url| url.0),
            key: sources.pop().unwrap_or(KeySource::Usual),
            requests_per_minute: file.requests_per_minute,
            model: file.model,
            name,
        })
    }

    fn model(&mut self, name: String, file: ModelFile, known: &[String]) -> Option<ModelSpec> {
        let provider = file.provider.map(|NodeName(provider)| provider)?;
        if !known.contains(&provider) {
            let near = suggest::did_you_mean(&provider, known.iter().map(String::as_str));
            let wrong = self.wrong(&["models", &name, "provider"], format!("there is no provider `{provider}`"));
            wrong.expected = Some("the name of a table in `[providers]`, or a built-in one".to_owned());
            wrong.hint = near;
            return None;
        }
        let model = ModelName { provider, model: file.model? };
        Some(ModelSpec {
            name,
            model,
            max_output: file.max_output,
            context: file.context,
            effort: file.effort.map(|Choice(effort)| effort),
        })
    }
}

/// Providers that are there without a table, as soon as one of their usual variables holds a key.
pub const BUILT_IN: [(&str, ProviderKind); 5] = [
    ("anthropic", ProviderKind::Anthropic),
    ("openai", ProviderKind::OpenAiResponses),
    ("gemini", ProviderKind::Gemini),
    ("deepseek", ProviderKind::DeepSeek),
    ("openrouter", ProviderKind::OpenRouter),
];
