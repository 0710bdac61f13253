//! `config.toml` exactly as it is typed. These structs, their comments included, are the schema.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    config::{
        choice::Choice,
        definition::file::FixFile,
        keymap::action::{ACTIONS, Context},
        schema::{OneOrMany, Table},
        settings::{Bandwidth, Color, Glyphs, Unpriced},
        text::{DurationText, EngineAddress, KeyText, MinuteText, ModelText, MoneyText, NodeName, SizeText},
    },
    domain::price::Decimal,
};

/// What one person wants of gonogo, in all projects.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SettingsFile {
    /// The repositories that the board shows.
    pub projects: Vec<ProjectFile>,
    /// Engines that run containers, by name.
    pub engines: Table<NodeName, EngineFile>,
    /// How much gonogo may use.
    pub limits: LimitsFile,
    /// How the board looks.
    pub theme: ThemeFile,
    /// How much is sent to the terminal.
    pub screen: ScreenFile,
    /// What may be repaired where a `gonogo.toml` doesn't say.
    pub fix: FixFile,
    /// How much may be spent on models.
    pub budgets: BudgetsFile,
    /// What models and minutes of engines cost, where gonogo does not know it.
    pub prices: PricesFile,
    /// Keys of actions, by the place where they have a meaning.
    pub keys: KeysFile,
}

/// How much may be spent on models.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BudgetsFile {
    /// Whether models without a known price may be asked although a budget has a `stop`: `refuse` or `allow`.
    pub unpriced: Option<Choice<Unpriced>>,
    /// For each run, with all its repairs.
    pub run: BudgetFile,
    /// For each day (UTC), over all projects.
    pub day: BudgetFile,
    /// For each month (UTC), over all projects.
    pub month: BudgetFile,
    /// For each month of a project, by its name.
    pub projects: BTreeMap<String, BudgetFile>,
    /// For each month of a model, by its name: `anthropic/claude-opus-5-5`, or `claude-opus-5-5` of any provider.
    pub models: BTreeMap<String, BudgetFile>,
}

/// How much may be spent on something.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BudgetFile {
    /// It is said when so much is spent.
    pub warn: Option<MoneyText>,
    /// No call is made that could cost more than is left of this.
    pub stop: Option<MoneyText>,
}

/// What models and minutes of engines cost.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PricesFile {
    /// What a minute of a job costs, by its engine: `local`, `docker`, `github`. Nothing if it isn't given.
    pub engines: BTreeMap<String, MinuteText>,
    /// What a model costs, by provider and model: `anthropic/claude-opus-5-5`.
    pub models: Table<ModelText, PriceFile>,
}

/// What a model costs, in USD for a million tokens.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
#[schemars(extend("required" = ["input", "output"]))]
pub struct PriceFile {
    /// Input that no cache had.
    #[schemars(with = "f64", range(min = 0))]
    pub input: Decimal,
    /// Output, reasoning included.
    #[schemars(with = "f64", range(min = 0))]
    pub output: Decimal,
    /// Input that was read from the provider's cache; as `input` if it isn't given.
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub cache_read: Option<Decimal>,
    /// Input that was written into the cache; as `input` if it isn't given.
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub cache_write: Option<Decimal>,
    /// Input that was written into the cache for an hour; as `cache_write` if it isn't given, of Claude twice `input`.
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub cache_write_1h: Option<Decimal>,
}

/// A repository that the board shows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["path"]))]
pub struct ProjectFile {
    /// Its directory; `~` is the home directory.
    pub path: Option<String>,
    /// What the board calls it; the directory's name if it isn't given.
    pub name: Option<String>,
}

/// An engine that runs containers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["docker"]))]
pub struct EngineFile {
    /// Its address, as `DOCKER_HOST` has it: `unix:///run/docker.sock`, `tcp://build1:2376` or `ssh://me@build1`.
    pub docker: Option<EngineAddress>,
    /// Directory of `ca.pem`, `cert.pem` and `key.pem`, for an address that begins with `tcp:`; `~` is the home directory.
    pub certificates: Option<String>,
    /// Labels by which jobs may ask for it.
    pub labels: Vec<NodeName>,
    /// Whether jobs that ask for none go there.
    pub default: bool,
    /// Whether workspaces are sent to it even if it is on this machine, because it sees other files.
    pub ship: bool,
}

/// How much gonogo may use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitsFile {
    /// Jobs at once, over all projects; the number of cores if it isn't given.
    #[schemars(range(min = 1, max = 1024))]
    pub jobs: Option<u32>,
    /// How long a job that is stopped has to end by itself; 10 seconds if it isn't given.
    pub grace: Option<DurationText>,
    /// Output older than this is removed; 30 days if it isn't given.
    pub output_age: Option<DurationText>,
    /// The oldest output is removed when all of it is larger than this; 10 GB if it isn't given.
    pub output_size: Option<SizeText>,
    /// Old runs of which the records are kept, the newest ones; all if it isn't given. Their summaries always stay.
    pub runs: Option<u64>,
    /// Records of old runs that ended longer ago are removed; none are if it isn't given.
    pub run_age: Option<DurationText>,
    /// The least recently used job caches are removed when all of them are larger than this; 10 GB if it isn't given.
    pub cache_size: Option<SizeText>,
}

/// How the board looks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ThemeFile {
    /// The colours; `default` is the terminal's own sixteen.
    pub name: Option<String>,
    /// What symbols are drawn with: `unicode`, `ascii`, or what the locale says (`auto`).
    pub glyphs: Option<Choice<Glyphs>>,
    /// Whether colours are used: `always`, `never`, or unless NO_COLOR is set (`auto`).
    pub color: Option<Choice<Color>>,
}

/// How much is sent to the terminal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScreenFile {
    /// How many bytes a second the board may draw with: `full`, `low` for a slow line, or what the line turns out to be (`auto`).
    pub bandwidth: Option<Choice<Bandwidth>>,
}

/// Keys of actions: context, name of the action, keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct KeysFile(pub BTreeMap<String, BTreeMap<String, OneOrMany<KeyText>>>);

impl JsonSchema for KeysFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "keys".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<OneOrMany<KeyText>>();
        let mut contexts = Map::new();
        for context in Context::ALL {
            let mut actions = Map::new();
            for entry in ACTIONS.iter().filter(|entry| entry.context == context) {
                let mut keys = keys.clone();
                keys.insert("description".into(), entry.about.into());
                keys.insert("default".into(), entry.keys.into());
                actions.insert(entry.name.into(), keys.to_value());
            }
            let actions = Value::Object(actions);
            let table = json_schema!({ "type": "object", "properties": actions, "additionalProperties": false });
            contexts.insert(context.name().into(), table.to_value());
        }
        json_schema!({ "type": "object", "properties": Value::Object(contexts), "additionalProperties": false })
    }
}
