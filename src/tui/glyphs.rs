//! Two sets of glyphs: what every font has, and what every terminal has.

use ratatui::symbols::border;

use crate::state::{
    job::JobStatus,
    timeline::{BarKind, Tone},
};

/// Characters that carry a meaning, each one column wide.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each stands for")]
pub struct Glyphs {
    pub passed: &'static str,
    pub failed: &'static str,
    pub running: &'static str,
    pub waiting: &'static str,
    pub queued: &'static str,
    pub retrying: &'static str,
    pub cached: &'static str,
    pub stopped: &'static str,
    pub skipped: &'static str,
    pub lost: &'static str,
    pub asking: &'static str,
    pub repair: &'static str,
    pub moment: &'static str,
    pub chosen: &'static str,
    pub open: &'static str,
    pub shut: &'static str,
    pub branch: &'static str,
    pub last: &'static str,
    pub error: &'static str,
    pub more: &'static str,
    pub arrow: &'static str,
    pub dot: &'static str,
    pub cursor: &'static str,
    pub now: &'static str,
    pub tick: &'static str,
    pub taken: &'static str,
    pub dropped: &'static str,
    pub rule: &'static str,
    pub upright: &'static str,
    pub times: &'static str,
    pub spark: [&'static str; 8],
    bars: [&'static str; 10],
    frame: border::Set<'static>,
    focused: border::Set<'static>,
}

/// For terminals with UTF-8: no emoji, nothing from the private use area.
pub static UNICODE: Glyphs = Glyphs {
    passed: "✓",
    failed: "✗",
    running: "●",
    waiting: "○",
    queued: "◌",
    retrying: "↻",
    cached: "◆",
    stopped: "⊘",
    skipped: "–",
    lost: "?",
    asking: "‖",
    repair: "◇",
    moment: "·",
    chosen: "▸",
    open: "▾",
    shut: "▸",
    branch: "├",
    last: "└",
    error: "▌",
    more: "…",
    arrow: "→",
    dot: "·",
    cursor: "▲",
    now: "▏",
    tick: "┴",
    taken: "▣",
    dropped: "□",
    rule: "─",
    upright: "│",
    times: "×",
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    bars: ["·", "━", "━", "╍", "━", "~", "◆", "≈", "═", "┈"],
    frame: border::PLAIN,
    focused: border::THICK,
};

/// For everything else.
pub static ASCII: Glyphs = Glyphs {
    passed: "+",
    failed: "x",
    running: "*",
    waiting: ".",
    queued: ",",
    retrying: "~",
    cached: "=",
    stopped: "/",
    skipped: "-",
    lost: "?",
    asking: "!",
    repair: "&",
    moment: ".",
    chosen: ">",
    open: "v",
    shut: ">",
    branch: "|",
    last: "`",
    error: "!",
    more: ".",
    arrow: ">",
    dot: "-",
    cursor: "^",
    now: "|",
    tick: "+",
    taken: "#",
    dropped: "_",
    rule: "-",
    upright: "|",
    times: "x",
    spark: ["_", ".", "-", "~", "=", "+", "*", "#"],
    bars: [",", "=", "x", "/", ">", "~", "c", "r", "p", "w"],
    frame: ASCII_FRAME,
    focused: ASCII_FOCUSED,
};

const ASCII_FRAME: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

const ASCII_FOCUSED: border::Set<'static> = border::Set {
    top_left: "#",
    top_right: "#",
    bottom_left: "#",
    bottom_right: "#",
    vertical_left: "#",
    vertical_right: "#",
    horizontal_top: "=",
    horizontal_bottom: "=",
};

impl Glyphs {
    /// For where a job stands.
    pub fn job(&self, status: &JobStatus) -> &'static str {
        match status {
            JobStatus::Waiting => self.waiting,
            JobStatus::Queued => self.queued,
            JobStatus::Running => self.running,
            JobStatus::Retrying { .. } => self.retrying,
            JobStatus::Passed => self.passed,
            JobStatus::Cached { .. } => self.cached,
            JobStatus::Failed => self.failed,
            JobStatus::Cancelled => self.stopped,
            JobStatus::Lost => self.lost,
            JobStatus::Skipped { .. } => self.skipped,
        }
    }

    /// For a moment.
    pub fn tone(&self, tone: Tone) -> &'static str {
        match tone {
            Tone::Plain => self.moment,
            Tone::Good => self.passed,
            Tone::Bad => self.failed,
            Tone::Person => self.asking,
            Tone::Repair => self.repair,
        }
    }

    /// What fills a bar.
    pub fn bar(&self, kind: BarKind) -> &'static str {
        self.bars[match kind {
            BarKind::Queued => 0,
            BarKind::Passed => 1,
            BarKind::Failed => 2,
            BarKind::Stopped => 3,
            BarKind::Running => 4,
            BarKind::Backoff => 5,
            BarKind::Cached => 6,
            BarKind::Repair => 7,
            BarKind::Proof => 8,
            BarKind::Waiting => 9,
        }]
    }

    /// The frame of a pane.
    pub fn frame(&self, focused: bool) -> border::Set<'static> {
        if focused { self.focused } else { self.frame }
    }

    /// A title's or a list's text in this set's characters: the few that texts are built with.
    pub fn plain(&self, text: &str) -> String {
        if std::ptr::eq(self, &raw const ASCII) {
            text.replace('→', ">").replace(['·', '−'], "-").replace('…', "~").replace('×', "x").replace('›', ">")
        } else {
            text.to_owned()
        }
    }
}
