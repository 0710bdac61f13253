//! The one table of what keys can do. The help overlay, the palette, the docs and the schema are made from it.

use super::chord::KeyChord;

/// Where a key has its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// In every pane.
    Global,
    /// In lists and trees: projects, runs.
    List,
    /// In the logs.
    Logs,
    /// In the timeline.
    Timeline,
    /// Among the containers.
    Containers,
    /// On an approval card, which is a mode of its own: only its keys are in force.
    Approval,
}

impl Context {
    /// All of them, in the order of the help overlay.
    pub const ALL: [Self; 6] = [Self::Global, Self::List, Self::Logs, Self::Timeline, Self::Containers, Self::Approval];

    /// As written in `config.toml`: `[keys.NAME]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::Logs => "logs",
            Self::Timeline => "timeline",
            Self::Containers => "containers",
            Self::Approval => "approval",
        }
    }

    /// Whether the keys of both can be in force at once.
    pub fn meets(self, other: Self) -> bool {
        let one_is_global = self == Self::Global || other == Self::Global;
        self == other || (one_is_global && self != Self::Approval && other != Self::Approval)
    }
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is done.
    pub action: Action,
    /// As written in `config.toml` and in the palette.
    pub name: &'static str,
    /// Where.
    pub context: Context,
    /// The keys where the user says nothing.
    pub keys: &'static [&'static str],
    /// What it does, in one line.
    pub about: &'static str,
}

impl Entry {
    /// The keys where the user says nothing.
    pub fn default_keys(&self) -> Vec<KeyChord> {
        self.keys.iter().filter_map(|key| key.parse().ok()).collect()
    }
}

macro_rules! actions {
    ($($action:ident $name:literal $context:ident [$($key:literal),*] $about:literal)*) => {
        /// What a key can do. Scrolling actions keep their meaning on an approval card, where they have rows of their own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the table says what each does")]
        pub enum Action {
            $($action,)*
        }

        impl Action {
            /// As written in `config.toml` and in the palette.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)*
                }
            }
        }

        /// Every action with its default keys, in the order of the help overlay.
        pub const ACTIONS: &[Entry] = &[
            $(Entry { action: Action::$action, name: $name, context: Context::$context, keys: &[$($key),*], about: $about },)*
        ];
    };
}

actions! {
    Down "down" Global ["j", "down"] "Move down"
    Up "up" Global ["k", "up"] "Move up"
    Left "left" Global ["h", "left"] "Move left, or to the previous event"
    Right "right" Global ["l", "right"] "Move right, or to the next event"
    Top "top" Global ["g", "home"] "Go to the first line"
    Bottom "bottom" Global ["G", "end"] "Go to the last line"
    HalfPageDown "half-page-down" Global ["J", "ctrl-d"] "Scroll down half a page"
    HalfPageUp "half-page-up" Global ["K", "ctrl-u"] "Scroll up half a page"
    PageDown "page-down" Global ["page-down", ">"] "Scroll down a page"
    PageUp "page-up" Global ["page-up", "<"] "Scroll up a page"
    Open "open" Global ["enter"] "Open what is selected"
    Back "back" Global ["esc", "backspace"] "Go back, or close what is open"
    Pane1 "pane-1" Global ["1"] "Projects"
    Pane2 "pane-2" Global ["2"] "Runs"
    Pane3 "pane-3" Global ["3"] "Logs"
    Pane4 "pane-4" Global ["4"] "Timeline"
    Pane6 "pane-6" Global ["6"] "Cost"
    Pane7 "pane-7" Global ["7"] "Containers"
    NextPane "next-pane" Global ["tab"] "Go to the next pane"
    PrevPane "prev-pane" Global ["shift-tab"] "Go to the previous pane"
    Zoom "zoom" Global ["z"] "Make the pane fill the screen, and back"
    Help "help" Global ["?"] "Show the keys of this place"
    Palette "palette" Global [":"] "Find a command by its name"
    Find "find" Global ["/"] "Find text"
    FindNext "find-next" Global ["n"] "Go to the next match"
    FindPrev "find-prev" Global ["N"] "Go to the previous match"
    Approvals "approvals" Global ["!"] "Show what waits for a person"
    Away "away" Global ["a"] "Show what happened while you were away"
    People "people" Global ["W"] "Show who else is here"
    Start "start" Global ["S"] "Start a pipeline"
    Rerun "retry" Global ["r"] "Retry: run what failed again"
    RerunAll "retry-all" Global ["A"] "Retry all: run everything again"
    Stop "stop" Global ["x"] "Stop it (asks first)"
    ForceStop "force-stop" Global ["X"] "Stop it at once (asks first)"
    Copy "copy" Global ["y"] "Copy it"
    Undo "undo" Global ["u"] "Undo the last repair (asks first)"
    Refresh "refresh" Global ["R"] "Look again"
    Repaint "repaint" Global ["L", "ctrl-l"] "Draw the screen anew"
    Quit "quit" Global ["q"] "Leave; with a daemon, runs go on"
    Suspend "suspend" Global ["Z", "ctrl-z"] "Suspend gonogo"
    Toggle "toggle" List ["space"] "Fold or unfold"
    Follow "follow" Logs ["f"] "Follow the end"
    Wrap "wrap" Logs ["w"] "Wrap long lines"
    Time "time" Logs ["t"] "Show the time of each line"
    NextError "next-error" Logs ["e"] "Go to the next error"
    PrevError "prev-error" Logs ["E"] "Go to the previous error"
    JumpLine "jump-line" Logs ["#"] "Go to a line by its number"
    JumpTime "jump-time" Logs ["@"] "Go to a time of day"
    LogWindow "window" Logs ["T"] "How far back the log of a container goes: all, 1m, 5m, 1h"
    ZoomIn "zoom-in" Timeline ["}"] "Show less time, larger"
    ZoomOut "zoom-out" Timeline ["{"] "Show more time, smaller"
    FoldGroup "fold" Containers ["space"] "Fold or unfold a project"
    SortContainers "sort" Containers ["s"] "Sort: by project, CPU, memory, name, the newest first"
    Shell "shell" Containers ["e"] "Open a shell in it"
    InspectContainer "inspect" Containers ["i"] "Show all that its engine knows of it"
    PauseContainer "pause" Containers ["p"] "Freeze it, or let it go on"
    RemoveContainer "remove" Containers ["D"] "Remove it (asks first)"
    OpenPort "open-port" Containers ["o"] "Open its first port in a browser, and copy the address"
    Yes "yes" Approval ["y"] "Go: do exactly what is shown, once"
    No "no" Approval ["n"] "No-go, with words if you like"
    Edit "edit" Approval ["e"] "Edit the patch in $EDITOR"
    TakeHunk "hunk" Approval ["space"] "Take or drop this hunk"
    NextHunk "next-hunk" Approval ["}"] "Go to the next hunk"
    PrevHunk "prev-hunk" Approval ["{"] "Go to the previous hunk"
    FullDiff "full" Approval ["f"] "Make the diff fill the screen, and back"
    CardDown "scroll-down" Approval ["j", "down"] "Scroll the diff down"
    CardUp "scroll-up" Approval ["k", "up"] "Scroll the diff up"
    CardPageDown "scroll-page-down" Approval ["J", "ctrl-d", "page-down"] "Scroll the diff down half a page"
    CardPageUp "scroll-page-up" Approval ["K", "ctrl-u", "page-up"] "Scroll the diff up half a page"
    CardHelp "card-help" Approval ["?"] "Show the keys of this card"
    Later "later" Approval ["esc"] "Decide later: nothing runs"
}
