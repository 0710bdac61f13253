//! Colour roles. The default takes the terminal's own 16 colours on its own background.

use ratatui::style::{Color, Modifier, Style};

use crate::state::timeline::{BarKind, Tone};

/// A style for each role; a view never names a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// What is read.
    pub text: Style,
    /// What is there if it is looked for: times, counts, labels.
    pub quiet: Style,
    /// What stands out without a meaning of its own: names.
    pub strong: Style,
    /// The one accent: what has the focus, and keys.
    pub accent: Style,
    /// Ended well.
    pub good: Style,
    /// Ended badly.
    pub bad: Style,
    /// Look at this: waits, retries, flags.
    pub warn: Style,
    /// Under way.
    pub running: Style,
    /// Repairs and proofs.
    pub repair: Style,
    /// Frames of panes.
    pub frame: Style,
    /// The chosen row of the pane that has the focus.
    pub chosen: Style,
    /// The chosen row of another pane.
    pub chosen_elsewhere: Style,
    /// What a search found.
    pub found: Style,
    /// The line that was jumped to.
    pub marked: Style,
}

impl Theme {
    /// The terminal's own 16 colours.
    pub fn terminal() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            text: Style::new(),
            quiet: fg(Color::DarkGray),
            strong: Style::new().add_modifier(Modifier::BOLD),
            accent: fg(Color::Cyan),
            good: fg(Color::Green),
            bad: fg(Color::Red),
            warn: fg(Color::Yellow),
            // plain blue is next to black in many terminals
            running: fg(Color::LightBlue),
            repair: fg(Color::Magenta),
            frame: fg(Color::DarkGray),
            chosen: Style::new().add_modifier(Modifier::REVERSED),
            chosen_elsewhere: Style::new().add_modifier(Modifier::BOLD),
            found: Style::new().fg(Color::Black).bg(Color::Yellow),
            marked: Style::new().add_modifier(Modifier::BOLD),
        }
    }

    /// No colour at all: bold, underlined and reversed only.
    pub fn plain() -> Self {
        let none = Style::new();
        let bold = none.add_modifier(Modifier::BOLD);
        let reversed = none.add_modifier(Modifier::REVERSED);
        Self {
            text: none,
            quiet: none,
            strong: bold,
            accent: bold,
            good: none,
            bad: bold,
            warn: none,
            running: none,
            repair: none,
            frame: none,
            chosen: reversed,
            chosen_elsewhere: bold,
            found: reversed,
            marked: bold,
        }
    }

    /// Whether colours that come with the text (SGR sequences of an output) may be shown.
    pub fn has_colour(&self) -> bool {
        self.good.fg.is_some()
    }

    /// For a moment of the timeline.
    pub fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => self.text,
            Tone::Good => self.good,
            Tone::Bad => self.bad,
            Tone::Person => self.warn,
            Tone::Repair => self.repair,
        }
    }

    /// For a bar of the timeline.
    pub fn bar(&self, kind: BarKind) -> Style {
        match kind {
            BarKind::Queued | BarKind::Stopped => self.quiet,
            BarKind::Passed => self.good,
            BarKind::Failed => self.bad,
            BarKind::Running => self.running,
            BarKind::Backoff | BarKind::Waiting => self.warn,
            BarKind::Cached => self.accent,
            BarKind::Repair | BarKind::Proof => self.repair,
        }
    }
}
