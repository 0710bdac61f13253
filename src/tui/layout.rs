//! Where everything stands, by the size of the screen: one grammar, several sizes.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use super::ui::{Pane, Ui};

/// How much there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing but one line.
    Line,
    /// One pane and the bars.
    Single,
    /// Panes over each other (80x24).
    Stack,
    /// Panes over each other, with room for all (narrow and tall).
    Tall,
    /// Two columns, timeline across (120x36).
    Deck,
    /// Three columns (200x50).
    Wall,
}

impl Class {
    /// Of a screen of this size.
    pub fn of((columns, rows): (u16, u16)) -> Self {
        match (columns, rows) {
            (0..40, _) | (_, 0..10) => Self::Line,
            (0..60, _) | (_, 0..15) => Self::Single,
            (160.., 40..) => Self::Wall,
            (100.., 30..) => Self::Deck,
            (_, 46..) => Self::Tall,
            _ => Self::Stack,
        }
    }
}

/// Where everything stands.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How much there is room for.
    pub class: Class,
    /// The bar at the top.
    pub status: Rect,
    /// The panes with their frames; empty where one is not shown.
    pub projects: Rect,
    /// Pane 2.
    pub runs: Rect,
    /// Pane 3.
    pub logs: Rect,
    /// Pane 4.
    pub timeline: Rect,
    /// Pane 6.
    pub cost: Rect,
    /// Pane 7.
    pub containers: Rect,
    /// What happened, where that has a column of its own.
    pub history: Rect,
    /// The approval card.
    pub card: Rect,
    /// The line that says that somebody is asked, where there is no card.
    pub asks: Rect,
    /// The bar at the bottom.
    pub keys: Rect,
    /// Panes have a frame all round, rather than a rule over them.
    pub framed: bool,
}

const NOWHERE: Rect = Rect::ZERO;

impl Layout {
    /// For what the board shows now.
    pub fn of(ui: &Ui) -> Self {
        let area = Rect::new(0, 0, ui.size.0, ui.size.1);
        let class = Class::of(ui.size);
        let mut layout = Self {
            class,
            status: NOWHERE,
            projects: NOWHERE,
            runs: NOWHERE,
            logs: NOWHERE,
            timeline: NOWHERE,
            cost: NOWHERE,
            containers: NOWHERE,
            history: NOWHERE,
            card: NOWHERE,
            asks: NOWHERE,
            keys: NOWHERE,
            framed: matches!(class, Class::Deck | Class::Wall),
        };
        if class == Class::Line {
            layout.status = Rect { height: area.height.min(1), ..area };
            return layout;
        }
        let [status, body, keys] = rows(area, [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]);
        (layout.status, layout.keys) = (status, keys);
        let asked = ui.card.current.is_some();
        if asked && ui.card.full {
            layout.card = body;
            return layout;
        }
        match class {
            Class::Line => {}
            Class::Single => layout.single(ui, body, asked),
            Class::Stack => layout.stack(ui, body, asked),
            Class::Tall => layout.tall(ui, body, asked),
            Class::Deck => layout.deck(ui, body, asked),
            Class::Wall => layout.wall(ui, body, asked),
        }
        // Both take the same place.
        if ui.cost.open && layout.cost.is_empty() {
            layout.cost = std::mem::replace(&mut layout.containers, NOWHERE);
        }
        layout
    }

    fn single(&mut self, ui: &Ui, body: Rect, asked: bool) {
        if asked && ui.card.opened {
            self.card = body;
            return;
        }
        *self.pane_mut(ui.focus) = self.with_asks(body, asked);
    }

    fn stack(&mut self, ui: &Ui, body: Rect, asked: bool) {
        let opened = asked && ui.card.opened;
        if ui.zoom {
            let body = self.docked(body, opened, 10);
            *self.pane_mut(ui.focus) = self.with_asks(body, asked && !opened);
            return;
        }
        if opened {
            let [runs, logs, card] =
                rows(body, [Constraint::Length(4), Constraint::Fill(1), Constraint::Length((body.height / 2).max(9))]);
            *self.upper_mut(ui.focus) = runs;
            (self.logs, self.card) = (logs, card);
            return;
        }
        let body = self.with_asks(body, asked);
        if ui.containers.open || ui.cost.open {
            let time = body.height / 5;
            let logs = if ui.cost.open { Constraint::Length(4) } else { Constraint::Fill(4) };
            [self.containers, self.logs, self.timeline] =
                rows(body, [Constraint::Fill(5), logs, Constraint::Length(time)]);
            return;
        }
        let (runs, time) = if body.height >= 26 { (11, 6) } else { (body.height / 3 + 1, body.height / 4) };
        let [runs, logs, timeline] =
            rows(body, [Constraint::Length(runs), Constraint::Fill(1), Constraint::Length(time)]);
        *self.upper_mut(ui.focus) = runs;
        (self.logs, self.timeline) = (logs, timeline);
    }

    fn tall(&mut self, ui: &Ui, body: Rect, asked: bool) {
        let body = self.docked(body, asked, 14);
        if ui.zoom {
            *self.pane_mut(ui.focus) = body;
            return;
        }
        if ui.containers.open || ui.cost.open {
            [self.containers, self.logs, self.timeline] =
                rows(body, [Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(8)]);
            return;
        }
        let [projects, runs, logs, timeline] =
            rows(body, [Constraint::Length(4), Constraint::Length(10), Constraint::Fill(1), Constraint::Length(8)]);
        (self.projects, self.runs, self.logs, self.timeline) = (projects, runs, logs, timeline);
    }

    fn deck(&mut self, ui: &Ui, body: Rect, asked: bool) {
        // While it is being answered, the card needs the timeline's place; the log stays in sight.
        let opened = asked && ui.card.opened;
        let card = if opened { body.height / 2 } else { (body.height / 3).clamp(12, 15) };
        let body = self.docked(body, asked, card);
        if ui.zoom {
            *self.pane_mut(ui.focus) = body;
            return;
        }
        let time = match (opened, asked) {
            (true, _) => 0,
            (_, true) => 7,
            (_, false) => 10,
        };
        if ui.containers.open || ui.cost.open {
            let time = if time > 7 { 8 } else { 0 };
            let logs = if ui.cost.open { Constraint::Length(6) } else { Constraint::Fill(1) };
            [self.containers, self.logs, self.timeline] =
                rows(body, [Constraint::Fill(1), logs, Constraint::Length(time)]);
            return;
        }
        let [upper, timeline] = rows(body, [Constraint::Fill(1), Constraint::Length(time)]);
        let [left, logs] = columns(upper, [Constraint::Length(44), Constraint::Fill(1)]);
        let projects = if asked { 5 } else { 6 };
        let [projects, runs] = rows(left, [Constraint::Length(projects), Constraint::Fill(1)]);
        (self.projects, self.runs, self.logs, self.timeline) = (projects, runs, logs, timeline);
    }

    fn wall(&mut self, ui: &Ui, body: Rect, asked: bool) {
        let right = (body.width * 3 / 10).clamp(48, 72);
        let [rest, right] = columns(body, [Constraint::Fill(1), Constraint::Length(right)]);
        let card = if asked { Constraint::Fill(3) } else { Constraint::Length(4) };
        let history = if asked { Constraint::Fill(2) } else { Constraint::Fill(1) };
        [self.card, self.history] = rows(right, [card, history]);
        if ui.zoom {
            *self.pane_mut(ui.focus) = rest;
            return;
        }
        if ui.containers.open || ui.cost.open {
            [self.containers, self.logs, self.timeline] =
                rows(rest, [Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(10)]);
            return;
        }
        let [left, middle] = columns(rest, [Constraint::Length(44), Constraint::Fill(1)]);
        [self.projects, self.runs] = rows(left, [Constraint::Length(8), Constraint::Fill(1)]);
        [self.logs, self.timeline] = rows(middle, [Constraint::Fill(1), Constraint::Length(13)]);
    }

    /// Puts the card below, where it covers nothing.
    fn docked(&mut self, body: Rect, asked: bool, height: u16) -> Rect {
        if !asked {
            return body;
        }
        let [body, card] = rows(body, [Constraint::Fill(1), Constraint::Length(height)]);
        self.card = card;
        body
    }

    /// Keeps a line for the news that somebody is asked.
    fn with_asks(&mut self, body: Rect, asked: bool) -> Rect {
        if !asked {
            return body;
        }
        let [body, line] = rows(body, [Constraint::Fill(1), Constraint::Length(1)]);
        self.asks = line;
        body
    }

    /// Panes 1 and 2 share a place on small screens.
    fn upper_mut(&mut self, focus: Pane) -> &mut Rect {
        if focus == Pane::Projects { &mut self.projects } else { &mut self.runs }
    }

    fn pane_mut(&mut self, pane: Pane) -> &mut Rect {
        match pane {
            Pane::Projects => &mut self.projects,
            Pane::Runs => &mut self.runs,
            Pane::Logs | Pane::Card => &mut self.logs,
            Pane::Timeline => &mut self.timeline,
            Pane::Cost => &mut self.cost,
            Pane::Containers => &mut self.containers,
        }
    }

    /// Where a pane stands, frame included.
    pub fn pane(&self, pane: Pane) -> Rect {
        match pane {
            Pane::Projects => self.projects,
            Pane::Runs => self.runs,
            Pane::Logs => self.logs,
            Pane::Timeline => self.timeline,
            Pane::Cost => self.cost,
            Pane::Containers => self.containers,
            Pane::Card => self.card,
        }
    }

    /// What a pane has for itself inside its frame.
    pub fn inside(&self, area: Rect) -> Rect {
        if self.framed {
            let (width, height) = (area.width.saturating_sub(2), area.height.saturating_sub(2));
            Rect { x: area.x + 1.min(area.width), y: area.y + 1.min(area.height), width, height }
        } else {
            let below = area.height.min(1);
            Rect { y: area.y + below, height: area.height - below, ..area }
        }
    }

    /// Rows of output in the log pane.
    pub fn log_rows(&self) -> u16 {
        self.inside(self.logs).height
    }

    /// The card is on the screen and asks something.
    pub fn shows_card(&self, ui: &Ui) -> bool {
        ui.card.current.is_some() && self.card.height >= 4 && self.card.width >= 20
    }
}

fn rows<const N: usize>(area: Rect, constraints: [Constraint; N]) -> [Rect; N] {
    Split::vertical(constraints).areas(area)
}

fn columns<const N: usize>(area: Rect, constraints: [Constraint; N]) -> [Rect; N] {
    Split::horizontal(constraints).areas(area)
}
