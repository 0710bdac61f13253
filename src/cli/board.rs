//! The board: control in this process, and the screen on it.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode};

use crate::{
    config::settings::{Color, Glyphs},
    domain::{actor::Actor, id::Seq},
    protocol::{command::Command, session::Attach as _},
    tui::{
        self,
        glyphs::{ASCII, UNICODE},
        options::{Left, Options},
        theme::Theme,
    },
};

use super::{
    connect::{Place, person},
    report::Problem,
    status,
};

/// Opens the board on everything that is known, the project around the current directory first.
pub async fn run() -> Result<ExitCode, Problem> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return match status::run(status::Args { run: None, count: 3, json: false }).await {
            Ok(code) => {
                super::report::warn("this is no terminal, so here is the status; `gonogo watch` goes on reading");
                Ok(code)
            }
            Err(problem) => Err(problem),
        };
    }
    let place = Place::find()?;
    let here = std::env::current_dir().ok().and_then(|dir| crate::config::definition::find(&dir));
    let root = here.and_then(|file| file.parent().map(PathBuf::from));
    open(&place, root, None).await
}

/// Opens the board; `first` is given as soon as it is open.
pub async fn open(place: &Place, root: Option<PathBuf>, first: Option<Command>) -> Result<ExitCode, Problem> {
    let control = place.control(true)?;
    let actor = person();
    let session = control.attach(actor.clone(), Seq(0));
    let configured = place.settings.projects.iter().map(|project| (project.path.clone(), Some(project.name.clone())));
    let here = root.iter().map(|root| (root.clone(), None));
    let add = configured.chain(here).map(|(root, name)| Command::AddProject { root, name });
    let opening = add.chain(first).collect();
    let left = tui::event_loop::run(session, Options { opening, ..options(place, root, &actor) }).await;
    control.shut_down(actor).await;
    place.warn();
    match left.map_err(|error| Problem::fault("the board failed").because(&error))? {
        Left::Detached => Ok(ExitCode::SUCCESS),
        Left::Gone { reason } => Err(Problem::fault(reason)),
        Left::Signal { number } => Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(255))),
    }
}

fn options(place: &Place, root: Option<PathBuf>, actor: &Actor) -> Options {
    let theme = &place.settings.theme;
    let mut options = Options {
        keymap: place.settings.keymap.clone(),
        bandwidth: place.settings.bandwidth,
        root,
        person: actor.to_string(),
        in_process: true,
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
