//! The wheel: keys, frames and time in; requests and drawings out.

use std::{
    collections::VecDeque,
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use crossterm::event::{Event, KeyEventKind};
use futures::{Stream, StreamExt as _};
use ratatui::{Terminal, layout::Size};
use tokio::time::{Instant, sleep};

use crate::{
    domain::{id::ProposalId, patch::PatchText, time::Timestamp},
    protocol::{
        container::ContainerRef,
        frame::{Ask, Frame},
        session::Session,
    },
    state::board::State,
};

use super::{
    editor,
    fold::Anew,
    input,
    keyboard::{Heard, Keyboard},
    options::{BoardError, Left, Options},
    pace::Pace,
    screen::{
        Screen,
        pipe::{Gauge, Pipe},
    },
    seen::Seen,
    shell,
    terminal::{self, Asked, Guard, Signals},
    ui::{Clock, Effect, Intent, Purpose, Ui},
    update, view,
};

/// The first frame waits no longer than this for what has happened so far; a longer log is drawn as it comes.
const FIRST: Duration = Duration::from_millis(15);
/// Frames of the session taken in before the screen gets its turn.
const BATCH: usize = 512;

/// Opens the board on a session, until it is left.
pub async fn run(session: Session, options: Options) -> Result<Left, BoardError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(BoardError::NoTerminal);
    }
    let guard = Guard::take()?;
    let (pipe, gauge) = Pipe::to_stdout()?;
    let size = || crossterm::terminal::size().map(|(width, height)| Size { width, height });
    let start = Instant::now();
    let clock = move || Clock { wall: Timestamp::now(), mono: start.elapsed() };
    let mut board = Board::new(session, options, Screen::new(pipe, Box::new(size)), gauge.clone(), Box::new(clock))?;
    board.catch_up().await;
    board.draw_if_due()?;
    let mut signals = Some(Signals::listen()?);
    let left = loop {
        let mut keyboard = Keyboard::open()?;
        let exit = board.turn(&mut keyboard, &mut signals).await?;
        gauge.wait(Duration::from_millis(500));
        if exit != Exit::Resumed {
            board.take_answers(&mut keyboard).await;
        }
        // It must be gone before somebody else reads there.
        drop(keyboard);
        match exit {
            Exit::Leave(left) => break left,
            Exit::Suspend => {
                guard.lend();
                terminal::stop_here();
            }
            Exit::Resumed => {}
            Exit::Edit { proposal, patch } => {
                guard.lend();
                let edited = board.while_editing(editor::edit(&patch)).await;
                board.edited(proposal, &patch, edited);
            }
            Exit::Shell { container, name } => {
                guard.lend();
                let ended = board.while_editing(shell::open(&container)).await;
                board.left_shell(&name, ended);
            }
        }
        guard.retake()?;
        board.repaint()?;
    };
    drop(guard);
    Ok(left)
}

/// Why the wheel stands still.
#[derive(Debug, PartialEq)]
pub(super) enum Exit {
    Leave(Left),
    Suspend,
    Resumed,
    Edit { proposal: ProposalId, patch: PatchText },
    Shell { container: ContainerRef, name: String },
}

/// Everything that turns with the wheel.
pub(super) struct Board<W: Write> {
    pub(super) ui: Ui,
    pub(super) state: State,
    session: Session,
    pub(super) terminal: Terminal<Screen<W>>,
    pub(super) gauge: Gauge,
    pub(super) clock: Box<dyn Fn() -> Clock + Send>,
    outbox: VecDeque<Ask>,
    anew: Anew,
    pub(super) seen: Seen,
    exit: Option<Exit>,
    pub(super) pace: Pace,
    /// The next frame's lines have been asked for: they are waited for until then.
    pub(super) look_until: Option<Duration>,
    /// A key came, and what it wants to see has not been drawn whole yet.
    pub(super) hurried: bool,
    pub(super) next_tick: Duration,
    pub(super) shown_armed: bool,
    /// How often the screen was drawn.
    pub(super) draws: u64,
}

impl<W: Write> Board<W> {
    pub(super) fn new(
        mut session: Session,
        mut options: Options,
        screen: Screen<W>,
        gauge: Gauge,
        clock: Box<dyn Fn() -> Clock + Send>,
    ) -> io::Result<Self> {
        let terminal = Terminal::new(screen)?;
        let size = terminal.size()?;
        let now = clock();
        let opening = std::mem::take(&mut options.opening);
        let pace = Pace::new(options.bandwidth, now.mono);
        let outbox = opening.into_iter().map(|command| Ask::Command { id: session.next_id(), command }).collect();
        let mut ui = Ui::new(options, (size.width, size.height), now);
        ui.link.low = pace.is_low();
        Ok(Self {
            ui,
            state: State::default(),
            session,
            terminal,
            gauge,
            clock,
            outbox,
            anew: Anew::default(),
            seen: Seen::default(),
            exit: None,
            pace,
            look_until: None,
            hurried: false,
            next_tick: now.mono,
            shown_armed: false,
            draws: 0,
        })
    }

    /// Turns until there is a reason to stand still.
    pub(super) async fn turn<E>(&mut self, heard: &mut E, signals: &mut Option<Signals>) -> io::Result<Exit>
    where
        E: Stream<Item = io::Result<Heard>> + Unpin,
    {
        loop {
            let pause = self.wake_at().map(|at| at.saturating_sub((self.clock)().mono));
            tokio::select! {
                biased;
                asked = next_signal(signals) => self.signal(asked),
                heard = heard.next() => match heard {
                    Some(heard) => self.heard(heard?),
                    None => self.exit = Some(Exit::Leave(Left::Gone { reason: "the terminal was closed".into() })),
                },
                frame = self.session.frame() => match frame {
                    Some(frame) => {
                        self.hear(frame);
                        self.hear_all();
                    }
                    None => {
                        let reason = self.ui.link.gone.clone().unwrap_or_else(|| "gonogo's control has ended".into());
                        self.exit = Some(Exit::Leave(Left::Gone { reason }));
                    }
                },
                () = self.gauge.out() => {}
                () = wait(pause) => {}
            }
            self.flush_outbox();
            if let Some(exit) = self.exit.take() {
                self.say_seen(true);
                return Ok(exit);
            }
            self.draw_if_due()?;
            self.say_seen(false);
        }
    }

    /// When there is something to do by itself.
    fn wake_at(&self) -> Option<Duration> {
        let now = (self.clock)().mono;
        let soon = now + Duration::from_millis(5);
        // While a write is under way, its end is what is waited for.
        let draw = (self.ui.dirty && self.gauge.is_idle()).then(|| self.draw_at());
        let arm = self.ui.card.arms_at().filter(|at| *at > now && self.ui.card_may_take_keys());
        let tick = view::status::ticks(&self.ui, &self.state).then_some(self.next_tick);
        let send = (!self.outbox.is_empty()).then_some(soon);
        let seen = self.seen.due_at().filter(|_| self.ui.link.hears());
        [draw, arm, tick, send, seen].into_iter().flatten().min()
    }

    fn signal(&mut self, asked: Asked) {
        self.exit = match asked {
            Asked::End(number) => Some(Exit::Leave(Left::Signal { number })),
            Asked::Suspend => Some(Exit::Suspend),
            Asked::Resumed => Some(Exit::Resumed),
            Asked::Resized => {
                self.ui.dirty = true;
                None
            }
        };
    }

    pub(super) fn event(&mut self, event: Event) {
        self.ui.clock = (self.clock)();
        let intent = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                let intent = input::intent(&mut self.ui, &key);
                self.ui.dirty |= intent.is_none() && self.ui.notice.take().is_some();
                intent
            }
            Event::Paste(text) => {
                self.ui.card.disturb(self.ui.clock.mono);
                self.ui.is_typing().then_some(Intent::Paste(text))
            }
            _ => None,
        };
        if let Some(intent) = intent {
            let effects = update::update(&mut self.ui, &self.state, intent);
            self.perform(effects);
            self.pace.hurry(self.ui.clock.mono);
            // Lines that were asked for before the key are not those that it wants to see.
            self.look_until = None;
            self.hurried = true;
        }
    }

    fn hear(&mut self, frame: Frame) {
        self.ui.clock = (self.clock)();
        if let Frame::Reply { id, .. } = &frame
            && !matches!(self.ui.awaiting.get(id), None | Some(Purpose::Lines { .. }))
        {
            // Somebody waits for it.
            self.pace.hurry(self.ui.clock.mono);
        }
        let anew = self.anew.fold(&mut self.state, &frame);
        let effects = update::hear(&mut self.ui, &self.state, frame);
        if anew {
            update::link::began_anew(&mut self.ui, &self.state);
            self.seen = Seen::default();
        }
        self.perform(effects);
    }

    /// Takes in what is there now.
    pub(super) fn hear_all(&mut self) {
        for _ in 0..BATCH {
            let Some(frame) = self.session.try_frame() else { break };
            self.hear(frame);
        }
    }

    /// Takes in what has happened so far, for a moment, so that the first frame shows it.
    async fn catch_up(&mut self) {
        let end = tokio::time::Instant::now() + FIRST;
        while !self.ui.link.caught_up {
            let Ok(Some(frame)) = tokio::time::timeout_at(end, self.session.frame()).await else { break };
            self.hear(frame);
        }
    }

    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Command(command, purpose) => {
                    let id = self.session.next_id();
                    self.ui.awaiting.insert(id, purpose);
                    self.outbox.push_back(Ask::Command { id, command });
                }
                Effect::Query(query, purpose) => {
                    let id = self.session.next_id();
                    self.ui.awaiting.insert(id, purpose);
                    self.outbox.push_back(Ask::Query { id, query });
                }
                Effect::Drop(id) => self.outbox.push_back(Ask::Drop { id }),
                Effect::Copy(text) => self.copy(&text),
                Effect::Edit { proposal, patch } => self.exit = Some(Exit::Edit { proposal, patch }),
                Effect::Look(look) => self.outbox.push_back(Ask::Look { look }),
                Effect::Shell { container, name } => self.exit = Some(Exit::Shell { container, name }),
                Effect::Browse(url) => self.browse(&url),
                Effect::Repaint => {
                    if self.repaint().is_err() {
                        self.ui.complain("the screen could not be drawn anew", None);
                    }
                }
                Effect::Suspend => self.exit = Some(Exit::Suspend),
                Effect::Leave(left) => self.exit = Some(Exit::Leave(left)),
            }
        }
        self.flush_outbox();
    }

    fn flush_outbox(&mut self) {
        while let Some(ask) = self.outbox.pop_front() {
            if let Err(ask) = self.session.try_ask(ask) {
                self.outbox.push_front(*ask);
                break;
            }
        }
    }

    /// Says up to where a person has seen what happened.
    fn say_seen(&mut self, leaving: bool) {
        let now = (self.clock)().mono;
        if self.ui.link.hears()
            && let Some(seq) = self.seen.take(now, leaving)
        {
            self.outbox.push_back(Ask::Seen { seq });
            self.flush_outbox();
        }
    }

    fn copy(&mut self, text: &str) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        const MOST: usize = 74_000;
        if text.len() > MOST {
            self.ui.complain(
                format!("{} bytes are more than terminals take by OSC 52 ({MOST})", text.len()),
                Some("copy a part of it, or use `gonogo logs`".into()),
            );
            return;
        }
        let sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
        match self.terminal.backend_mut().send(sequence.as_bytes()) {
            Ok(()) => self.ui.say(format!("sent by OSC 52, {} bytes", text.len())),
            Err(error) => self.ui.complain(format!("not sent: {error}"), None),
        }
    }

    /// Opens an address in a browser where there is one; its text goes to the clipboard in any case.
    fn browse(&mut self, url: &str) {
        self.copy(url);
        let opened = shell::browse(url);
        self.ui.say(format!("{url}: sent to the clipboard{}", if opened { ", opened in a browser" } else { "" }));
    }

    fn left_shell(&mut self, name: &str, ended: io::Result<Option<i32>>) {
        match ended {
            Ok(Some(0)) => {}
            Ok(code) => {
                let code = code.map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
                let hint = Some(format!("`gonogo exec -it {name} sh` says more, if it could not be opened"));
                self.ui.complain(format!("the shell in {name} ended {code}"), hint);
            }
            Err(error) => self.ui.complain(format!("no shell could be opened: {error}"), None),
        }
    }

    /// Waits for the editor, taking frames in meanwhile: what happens is not held up by it.
    async fn while_editing<T>(&mut self, editing: impl Future<Output = T>) -> T {
        tokio::pin!(editing);
        let mut open = true;
        loop {
            tokio::select! {
                edited = &mut editing => return edited,
                frame = self.session.frame(), if open => match frame {
                    Some(frame) => self.hear(frame),
                    None => open = false,
                },
            }
        }
    }

    fn edited(&mut self, proposal: ProposalId, before: &PatchText, edited: io::Result<String>) {
        match edited {
            Ok(text) => {
                let effects = update::answer::edited(&mut self.ui, proposal, before, text);
                self.perform(effects);
            }
            Err(error) => self.ui.complain(
                format!("the editor could not be run: {error}"),
                Some("set VISUAL or EDITOR to a command that edits a file".into()),
            ),
        }
    }
}

async fn next_signal(signals: &mut Option<Signals>) -> Asked {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

async fn wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}
