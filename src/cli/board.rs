//! The board: a session, and the screen on it.

use std::{collections::BTreeMap, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use crate::{
    config::settings::{Color, Glyphs, model::ModelSpec},
    protocol::{
        command::Command,
        session::{Attach as _, Session, Visitor, VisitorKind},
    },
    tui::{
        self,
        glyphs::{ASCII, UNICODE},
        options::{Left, Options},
        theme::Theme,
    },
};

use super::{
    connect::{self, person},
    place::{Place, Reach},
    report::Problem,
    status,
};

/// What the board begins with.
#[derive(Debug, Default)]
pub struct Opening {
    /// The checkout that it was opened in.
    pub root: Option<PathBuf>,
    /// Commands that are given as soon as it is open.
    pub commands: Vec<Command>,
    /// The machine that its session comes from, where that is another.
    pub host: Option<String>,
    /// Control is in this process: what is under way ends with it.
    pub in_process: bool,
}

/// Opens the board on everything that is known, the project around the current directory first.
pub async fn run(reach: Reach) -> Result<ExitCode, Problem> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return match status::run(status::Args { run: None, count: 3, json: false }, reach).await {
            Ok(code) => {
                super::report::warn("this is no terminal, so here is the status; `gonogo watch` goes on reading");
                Ok(code)
            }
            Err(problem) => Err(problem),
        };
    }
    let place = Place::find(reach)?;
    let here = std::env::current_dir().ok().and_then(|dir| crate::config::definition::find(&dir));
    let root = here.and_then(|file| file.parent().map(PathBuf::from));
    open(&place, root, None).await
}

/// Opens the board; `first` is given as soon as it is open.
pub async fn open(place: &Place, root: Option<PathBuf>, first: Option<Command>) -> Result<ExitCode, Problem> {
    let configured = place.settings.projects.iter().map(|project| (project.path.clone(), Some(project.name.clone())));
    let here = root.iter().map(|root| (root.clone(), None));
    let add = configured.chain(here).map(|(root, name)| Command::AddProject { root, name });
    let opening = Opening { commands: add.chain(first).collect(), root, ..Opening::default() };
    match place.reach {
        Reach::Daemon => {
            let session = connect::session(place, VisitorKind::Board).await?;
            show(place, session, opening).await
        }
        Reach::InProcess => {
            let control = place.control(true)?;
            let limits = &place.settings.limits;
            control.tidy(super::prune::keep(limits), limits.cache_size);
            let session = control.attach(Visitor::here(person(), VisitorKind::Board), None);
            let left = show(place, session, Opening { in_process: true, ..opening }).await;
            control.shut_down(person()).await;
            left
        }
    }
}

/// Shows the board of a session until it is left.
pub async fn show(place: &Place, session: Session, opening: Opening) -> Result<ExitCode, Problem> {
    let left = tui::event_loop::run(session, options(place, opening)).await;
    place.warn();
    match left.map_err(|error| Problem::fault("the board failed").because(&error))? {
        Left::Detached => Ok(ExitCode::SUCCESS),
        Left::Gone { reason } => Err(Problem::fault(reason)),
        Left::Signal { number } => Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(255))),
    }
}

/// How much each named model takes in, where the configuration says so.
fn windows(models: &[ModelSpec]) -> BTreeMap<String, u64> {
    models.iter().filter_map(|model| Some((model.model.to_string(), model.context?))).collect()
}

fn options(place: &Place, opening: Opening) -> Options {
    let theme = &place.settings.theme;
    let mut options = Options {
        keymap: place.settings.keymap.clone(),
        root: opening.root,
        person: person().to_string(),
        in_process: opening.in_process,
        host: opening.host,
        opening: opening.commands,
        bandwidth: place.settings.bandwidth,
        budgets: place.settings.budgets.clone(),
        minutes: place.settings.minutes.clone(),
        models: place.settings.models.models.iter().map(|model| model.name.clone()).collect(),
        windows: windows(&place.settings.models.models),
        ..Options::default()
    };
    match theme.color {
        Color::Auto => {}
        Color::Always => options.theme = Theme::terminal(),
        Color::Never => options.theme = Theme::plain(),
    }
    match theme.glyphs {
        Glyphs::Auto => {}
        Glyphs::Unicode => options.glyphs = &UNICODE,
        Glyphs::Ascii => options.glyphs = &ASCII,
    }
    options
}
