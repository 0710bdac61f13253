//! `config.toml`: read, checked, resolved. [`Settings`] is the only form that is passed around.

pub mod file;
mod money;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    config::{
        check::{self, Checked, Places},
        choice::{Choice, Named},
        definition::{self, ReadError},
        error::{ConfigError, Mistake, locate_all},
        keymap::{Keymap, action::Context},
        schema, syntax,
        text::{DurationText, EngineAddress, NodeName, SizeText},
    },
    domain::{
        budget::BudgetPolicy,
        container::EngineSpec,
        definition::FixPolicy,
        price::{MinutePrice, OwnPrice},
        time::Millis,
    },
};
use file::{EngineFile, KeysFile, LimitsFile, ProjectFile, SettingsFile, ThemeFile};

/// What one person wants of gonogo, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The repositories that the board shows.
    pub projects: Vec<ProjectPath>,
    /// Engines that run containers, by name.
    pub engines: Vec<EngineSpec>,
    /// How much gonogo may use.
    pub limits: Limits,
    /// How the board looks.
    pub theme: Theme,
    /// How many bytes a second the board may draw with.
    pub bandwidth: Bandwidth,
    /// What may be repaired where a `gonogo.toml` doesn't say.
    pub fix: FixPolicy,
    /// How much may be spent on models.
    pub budgets: BudgetPolicy,
    /// What models cost, where the user says so.
    pub prices: Vec<OwnPrice>,
    /// What a minute of an engine costs.
    pub minutes: Vec<MinutePrice>,
    /// Which key means what.
    pub keymap: Keymap,
}

/// A repository that the board shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectPath {
    /// What the board calls it.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
}

/// How much gonogo may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs at once, over all projects.
    pub jobs: usize,
    /// How long a job that is stopped has to end by itself.
    pub grace: Millis,
    /// Output older than this is removed.
    pub output_age: Millis,
    /// Bytes of output above which the oldest is removed.
    pub output_size: u64,
    /// Runs that were put aside of which the records are kept, the newest ones; `None`: all.
    pub runs: Option<u64>,
    /// Records of runs that were put aside and ended longer ago are removed; `None`: never.
    pub run_age: Option<Millis>,
    /// Bytes of job caches above which the least recently used are removed.
    pub cache_size: u64,
}

/// How the board looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// The colours' name.
    pub name: String,
    /// What symbols are drawn with.
    pub glyphs: Glyphs,
    /// Whether colours are used.
    pub color: Color,
}

/// What symbols are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// What the locale says.
    #[default]
    Auto,
    /// Unicode.
    Unicode,
    /// ASCII alone.
    Ascii,
}

impl Named for Glyphs {
    const ABOUT: &'static str = "set of glyphs";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("auto", Self::Auto), ("unicode", Self::Unicode), ("ascii", Self::Ascii)]
    }
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

impl Named for Color {
    const ABOUT: &'static str = "use of colours";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)]
    }
}

/// Whether models without a known price may be asked although a budget has a hard limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unpriced {
    /// No.
    #[default]
    Refuse,
    /// Yes.
    Allow,
}

impl Named for Unpriced {
    const ABOUT: &'static str = "treatment of models without a price";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("refuse", Self::Refuse), ("allow", Self::Allow)]
    }
}

/// How many bytes a second the board may draw with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bandwidth {
    /// As the line turns out to be.
    #[default]
    Auto,
    /// Enough for a fresh screen while a log is flooded.
    Full,
    /// Little, as on a slow line.
    Low,
}

impl Named for Bandwidth {
    const ABOUT: &'static str = "bandwidth";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("auto", Self::Auto), ("full", Self::Full), ("low", Self::Low)]
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            projects: Vec::new(),
            engines: Vec::new(),
            limits: limits(&LimitsFile::default()),
            theme: theme(ThemeFile::default()),
            bandwidth: Bandwidth::default(),
            fix: FixPolicy::default(),
            budgets: BudgetPolicy::default(),
            prices: Vec::new(),
            minutes: Vec::new(),
            keymap: Keymap::default(),
        }
    }
}

/// Settings, and what is wrong with the file they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// What is right in the file, over the defaults.
    pub settings: Settings,
    /// Everything that is wrong, in the order of the file.
    pub problems: Vec<ConfigError>,
}

/// Reads a file; one that isn't there says nothing. `home` is what `~` stands for.
pub fn load(path: &Path, home: Option<&Path>) -> Result<Loaded, ReadError> {
    let name = path.display().to_string();
    match definition::read(path) {
        Ok((text, not_utf8)) => {
            let mut loaded = parse(&name, &text, path.parent(), home);
            loaded.problems.splice(0..0, not_utf8.map(|mistake| mistake.locate(&name, &text)));
            Ok(loaded)
        }
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok(Loaded::default()),
        Err(error) => Err(error),
    }
}

/// Checks the text of a file. Paths of projects are relative to `base`.
pub fn parse(name: &str, source: &str, base: Option<&Path>, home: Option<&Path>) -> Loaded {
    let readable = syntax::readable(source);
    let Checked { value, places, mut mistakes } = check::check(schema::settings(), &syntax::parse(&readable.text));
    let file: SettingsFile = serde_json::from_value(value).unwrap_or_else(|error| {
        let message = format!("this file can't be read, though it looks right: {error}");
        mistakes.push(Mistake::new(0..0, &[], message).hint("this is a mistake of gonogo's own; please report it"));
        SettingsFile::default()
    });
    let auto_is_wrong =
        !readable.mistakes.is_empty() || mistakes.iter().any(|mistake| mistake.path.starts_with(&["fix".into()]));
    let mut fix = definition::policy(file.fix, &FixPolicy::default());
    if auto_is_wrong {
        fix.auto.clear();
    }
    let settings = Settings {
        projects: projects(file.projects, base, home),
        engines: engines(file.engines.0, base, home),
        limits: limits(&file.limits),
        theme: theme(file.theme),
        bandwidth: file.screen.bandwidth.map(|Choice(bandwidth)| bandwidth).unwrap_or_default(),
        fix,
        budgets: money::budgets(&file.budgets),
        prices: money::prices(&file.prices),
        minutes: money::minutes(&file.prices),
        keymap: keymap(&file.keys, &places, &mut mistakes),
    };
    let unclear = |path: &[String]| readable.mistakes.iter().any(|broken| path.starts_with(&broken.path));
    mistakes.retain(|mistake| !unclear(&mistake.path));
    mistakes.extend(readable.mistakes.iter().cloned());
    Loaded { settings, problems: locate_all(mistakes, name, source) }
}

fn projects(files: Vec<ProjectFile>, base: Option<&Path>, home: Option<&Path>) -> Vec<ProjectPath> {
    let project = |file: ProjectFile| {
        let path = resolve(&file.path?, base, home);
        let of_directory = || path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Some(ProjectPath { name: file.name.unwrap_or_else(of_directory), path })
    };
    files.into_iter().filter_map(project).collect()
}

/// The path that a text means: `~` is the home directory, and what is relative begins at `base`.
fn resolve(path: &str, base: Option<&Path>, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => base.unwrap_or(Path::new("")).join(path),
    }
}

fn engines(files: BTreeMap<String, EngineFile>, base: Option<&Path>, home: Option<&Path>) -> Vec<EngineSpec> {
    let engine = |(name, file): (String, EngineFile)| {
        let EngineAddress(address) = file.docker?;
        Some(EngineSpec {
            name,
            address,
            certificates: file.certificates.map(|path| resolve(&path, base, home)),
            labels: file.labels.into_iter().map(|NodeName(label)| label).collect(),
            default: file.default,
            ship: file.ship,
        })
    };
    files.into_iter().filter_map(engine).collect()
}

fn limits(file: &LimitsFile) -> Limits {
    const GB: u64 = 1_000_000_000;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Limits {
        jobs: file.jobs.map_or_else(cores, |jobs| jobs as usize),
        grace: file.grace.as_ref().map_or(Millis::from_secs(10), DurationText::millis),
        output_age: file.output_age.as_ref().map_or(Millis::from_secs(30 * 86_400), DurationText::millis),
        output_size: file.output_size.as_ref().map_or(10 * GB, SizeText::bytes),
        runs: file.runs,
        run_age: file.run_age.as_ref().map(DurationText::millis),
        cache_size: file.cache_size.as_ref().map_or(10 * GB, SizeText::bytes),
    }
}

fn theme(file: ThemeFile) -> Theme {
    Theme {
        name: file.name.unwrap_or_else(|| "default".to_owned()),
        glyphs: file.glyphs.map(|Choice(glyphs)| glyphs).unwrap_or_default(),
        color: file.color.map(|Choice(color)| color).unwrap_or_default(),
    }
}

fn keymap(file: &KeysFile, places: &Places, mistakes: &mut Vec<Mistake>) -> Keymap {
    let mut wanted = BTreeMap::new();
    for (context, actions) in &file.0 {
        let context = Context::ALL.into_iter().find(|known| known.name() == context);
        for (action, keys) in actions {
            let chords: Vec<_> = keys.clone().into_vec().iter().filter_map(|key| key.0.parse().ok()).collect();
            // An action with a wrong key keeps its default ones; an empty list takes them all away.
            let wrong = |context: Context| {
                let path = ["keys", context.name(), action.as_str()].map(str::to_owned);
                mistakes.iter().any(|mistake| mistake.path.starts_with(&path))
            };
            if let Some(context) = context.filter(|context| !wrong(*context)) {
                wanted.insert((context, action.as_str()), chords);
            }
        }
    }
    let (keymap, clashes) = Keymap::rebound(&wanted);
    for clash in clashes {
        let (wanted, holder) = (clash.wanted, clash.holder);
        let path = ["keys", wanted.context.name(), wanted.name].map(str::to_owned);
        let mistake = Mistake::new(places.get(&path).value, &path, clash.to_string());
        let other = format!("[keys.{}] {}", holder.context.name(), holder.name);
        mistakes.push(
            mistake
                .hint(format!("`{}` keeps its default keys; give it another, or give `{other}` another", wanted.name)),
        );
    }
    keymap
}

#[cfg(test)]
mod tests;
