//! The board and its terminal: when a frame is drawn, and what comes back.

use std::{
    io::{self, Write},
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use tokio::time::timeout;

use super::{
    event_loop::Board,
    keyboard::{Answer, Heard, shifted_f3},
    layout::Layout,
    screen, update, view,
};

/// So long before a frame may go out, the lines that it will show are asked for.
const LOOK: Duration = Duration::from_millis(3);
/// They are waited for no longer than this.
const READ: Duration = Duration::from_millis(6);
/// Answers of the terminal that are under way are waited for no longer, when the board is left.
const LAST: Duration = Duration::from_secs(1);

impl<W: Write> Board<W> {
    /// When the next frame is drawn, or its lines are asked for.
    pub(super) fn draw_at(&self) -> Duration {
        let ready = self.pace.ready_at();
        match self.look_until {
            None => ready.saturating_sub(LOOK),
            Some(until) if self.ui.log.is_reading() => ready.max(until),
            Some(_) => ready,
        }
    }

    /// Takes in what the person or the terminal has said.
    pub(super) fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Event(event) => self.event(event),
            Heard::Answer(Answer::Cursor { row, column }) => {
                let now = (self.clock)().mono;
                if !self.pace.answered(now, column) && row == 1 {
                    return self.event(shifted_f3(column));
                }
                self.ui.link.round_trip = self.pace.round_trip();
                self.ui.dirty |= std::mem::replace(&mut self.ui.link.low, self.pace.is_low()) != self.ui.link.low;
            }
            // Known, and neither on nor off for good.
            Heard::Answer(Answer::Mode { mode: screen::SYNCHRONIZED, state: 1 | 2 }) => {
                self.terminal.backend_mut().synchronize();
            }
            Heard::Answer(_) => {}
        }
    }

    /// Takes in the answers that are under way: whoever reads the terminal next shall not find them.
    pub(super) async fn take_answers<E>(&mut self, heard: &mut E)
    where
        E: Stream<Item = io::Result<Heard>> + Unpin,
    {
        let end = (self.clock)().mono + LAST;
        while let Some(due) = self.pace.answer_due() {
            let left = due.min(end).saturating_sub((self.clock)().mono);
            match timeout(left, heard.next()).await {
                Ok(Some(Ok(answer @ Heard::Answer(_)))) => self.heard(answer),
                // What is typed while the board goes is for nobody.
                Ok(Some(Ok(Heard::Event(_)))) => {}
                _ => break,
            }
        }
    }

    /// Draws everything anew at the next draw.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().forget();
        self.terminal.clear()?;
        self.ui.dirty = true;
        self.pace.begin_anew((self.clock)().mono);
        self.draw_if_due()
    }

    /// The one place where the screen is drawn: if something that it shows has changed, and the last frame is out.
    pub(super) fn draw_if_due(&mut self) -> io::Result<()> {
        self.ui.clock = (self.clock)();
        let now = self.ui.clock.mono;
        if view::status::ticks(&self.ui, &self.state) && now >= self.next_tick {
            self.ui.dirty = true;
            self.next_tick = now + Duration::from_secs(1);
        }
        self.ui.dirty |= self.ui.card_is_armed() != self.shown_armed;
        if !self.ui.dirty || now < self.draw_at() || !self.gauge.is_idle() {
            return Ok(());
        }
        let size = self.terminal.size()?;
        self.ui.size = (size.width, size.height);
        if self.look_until.is_none() {
            self.look_until = Some(now + READ);
            let effects = update::settle(&mut self.ui, &self.state);
            self.perform(effects);
            if now < self.draw_at() {
                return Ok(());
            }
        }
        self.look_until = None;
        let unread = update::place(&mut self.ui, &self.state);
        let (ui, state) = (&self.ui, &self.state);
        let question = self.pace.question(now, self.gauge.took());
        self.terminal.backend_mut().ask(question);
        self.terminal.draw(|frame| view::draw(frame, ui, state))?;
        self.pace.sent(now, self.terminal.backend().sent(), question);
        self.draws += 1;
        self.shown_armed = self.ui.card_is_armed();
        let on_screen = Layout::of(&self.ui).shows_card(&self.ui) && self.ui.overlay.is_none();
        self.ui.card.was_drawn(on_screen, now);
        self.ui.dirty = unread;
        self.hurried &= unread;
        if self.hurried {
            self.pace.hurry(now);
        }
        if self.ui.link.caught_up {
            self.seen.shown = self.state.seq;
        }
        Ok(())
    }
}
