//! How the board is to look and behave, and how it was left.

use std::{env, path::PathBuf};

use jiff::tz::TimeZone;

use crate::{
    config::{keymap::Keymap, settings::Bandwidth},
    domain::{budget::BudgetPolicy, price::MinutePrice},
    protocol::command::Command,
};

use super::{
    glyphs::{ASCII, Glyphs, UNICODE},
    theme::Theme,
};

/// What the board is told when it is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which key does what.
    pub keymap: Keymap,
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: &'static Glyphs,
    /// How many bytes a second may be drawn with.
    pub bandwidth: Bandwidth,
    /// The checkout that the person stands in: its project is chosen first, and `S` starts its pipeline.
    pub root: Option<PathBuf>,
    /// The person's name, as it will stand in the log.
    pub person: String,
    /// In which times of day are shown.
    pub zone: TimeZone,
    /// Control runs in this process: leaving ends what runs, so leaving asks.
    pub in_process: bool,
    /// The machine that the session comes from, where that is another.
    pub host: Option<String>,
    /// What may be spent on models.
    pub budgets: BudgetPolicy,
    /// What a minute of an engine costs.
    pub minutes: Vec<MinutePrice>,
    /// Given as soon as the board is open.
    pub opening: Vec<Command>,
}

impl Default for Options {
    /// From the environment: `NO_COLOR`, and UTF-8 or not by the locale.
    fn default() -> Self {
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            keymap: Keymap::default(),
            theme: if no_colour { Theme::plain() } else { Theme::terminal() },
            glyphs: if locale_is_utf8() { &UNICODE } else { &ASCII },
            bandwidth: Bandwidth::default(),
            root: None,
            person: env::var("USER").unwrap_or_default(),
            zone: TimeZone::system(),
            in_process: false,
            host: None,
            budgets: BudgetPolicy::default(),
            minutes: Vec::new(),
            opening: Vec::new(),
        }
    }
}

/// As the C library decides: the first of these that is set.
fn locale_is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Why the board was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// The person left; what runs goes on.
    Detached,
    /// The other side ended.
    Gone {
        /// Why, in its words.
        reason: String,
    },
    /// A signal asked for it.
    Signal {
        /// As in `signal(7)`.
        number: i32,
    },
}

/// The terminal failed.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// Standard output or input is no terminal.
    #[error("the board needs a terminal")]
    NoTerminal,
    /// It could not be read or written.
    #[error("the terminal failed")]
    Terminal(#[from] std::io::Error),
}
