//! What pane 7 remembers: the containers as far as they were told of, what is chosen among them, how they are shown.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::protocol::container::{
    ContainerMoment, ContainerNews, ContainerRef, ContainerRow, EngineLink, EngineState, Gauges, Look,
};

use super::widget::text_input::TextInput;

/// Samples of the CPU that are kept of each container: what a sparkline needs.
const HISTORY: usize = 40;

/// Moments that are kept.
const MOMENTS: usize = 500;

/// What is looked at is not said more often than this.
const PAUSE: Duration = Duration::from_millis(250);

/// Pane 7.
#[derive(Clone, Debug, Default)]
pub struct ContainersPane {
    /// It is on the screen, in the place of projects and runs.
    pub open: bool,
    /// The containers.
    pub known: BTreeMap<ContainerRef, Known>,
    /// The engines.
    pub engines: Vec<EngineState>,
    /// What happened to them, oldest first.
    pub moments: VecDeque<ContainerMoment>,
    /// Containers that were not told of, since there are so many.
    pub omitted: usize,
    /// The chosen row.
    pub chosen: Option<Place>,
    /// First row shown.
    pub scroll: usize,
    /// Groups that are folded.
    pub folded: BTreeSet<String>,
    /// In which order.
    pub sort: Sort,
    /// Only those that this text occurs in.
    pub filter: String,
    /// The filter, while it is being typed.
    pub field: Option<TextInput>,
    /// The container whose log pane 3 shows.
    pub reading: Option<ContainerRef>,
    /// How far back its log goes.
    pub window: Window,
    /// Where the chosen row stood when it was last there.
    at: usize,
    looked: Option<Look>,
    looked_at: Duration,
}

/// A container.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What stands still about it.
    pub row: ContainerRow,
    /// What it uses now.
    pub gauges: Option<Gauges>,
    /// Its CPU, oldest first.
    pub history: VecDeque<f64>,
}

/// A row of the pane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A project of compose, or a run.
    Group(String),
    /// A container.
    Container(ContainerRef),
}

/// In which order rows stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By project, then by name.
    #[default]
    Project,
    /// What uses most of the CPU first.
    Cpu,
    /// What uses most memory first.
    Memory,
    /// By name.
    Name,
    /// The newest first.
    Newest,
}

impl Sort {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Project => "by project",
            Self::Cpu => "by CPU",
            Self::Memory => "by memory",
            Self::Name => "by name",
            Self::Newest => "newest first",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::Project => Self::Cpu,
            Self::Cpu => Self::Memory,
            Self::Memory => Self::Name,
            Self::Name => Self::Newest,
            Self::Newest => Self::Project,
        }
    }
}

/// How far back a container's log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// To its beginning.
    #[default]
    All,
    /// An hour.
    Hour,
    /// Five minutes.
    FiveMinutes,
    /// A minute.
    Minute,
}

impl Window {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Hour => "1h",
            Self::FiveMinutes => "5m",
            Self::Minute => "1m",
        }
    }

    /// In seconds; `None` for all.
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::Hour => Some(3600),
            Self::FiveMinutes => Some(300),
            Self::Minute => Some(60),
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Minute,
            Self::Minute => Self::FiveMinutes,
            Self::FiveMinutes => Self::Hour,
            Self::Hour => Self::All,
        }
    }
}

impl ContainersPane {
    /// Takes news in.
    pub fn learn(&mut self, news: ContainerNews) {
        if news.whole {
            self.known.clear();
            self.moments.clear();
        }
        if !news.engines.is_empty() {
            self.engines = news.engines;
        }
        for row in news.rows {
            let container = row.container.clone();
            self.known.entry(container).or_default().row = row;
        }
        for container in &news.gone {
            self.known.remove(container);
        }
        for (container, gauges) in news.gauges {
            let Some(known) = self.known.get_mut(&container) else { continue };
            known.gauges = gauges;
            match gauges {
                Some(gauges) => known.history.push_back(gauges.cpu),
                None => known.history.clear(),
            }
            let surplus = known.history.len().saturating_sub(HISTORY);
            known.history.drain(..surplus);
        }
        self.moments.extend(news.moments);
        let surplus = self.moments.len().saturating_sub(MOMENTS);
        self.moments.drain(..surplus);
        self.omitted = news.omitted;
    }

    /// Some engine has said what there is on it.
    pub fn has_heard(&self) -> bool {
        self.engines.iter().any(|engine| engine.link != EngineLink::Asking)
    }

    /// The rows in their order, of all that fit the filter.
    pub fn places(&self) -> Vec<Place> {
        let filter = self.filter.to_lowercase();
        let mut fit: Vec<&Known> = self.known.values().filter(|known| fits(known, &filter)).collect();
        let name = |known: &Known| (known.row.name.clone(), known.row.container.clone());
        match self.sort {
            Sort::Project => {
                let is_job = |known: &Known| known.row.own.as_ref().is_some_and(|own| own.role == "job");
                fit.sort_by_cached_key(|known| (!known.row.is_up(), !is_job(known), name(known)));
            }
            Sort::Name => fit.sort_by_cached_key(|known| name(known)),
            Sort::Newest => fit.sort_by_key(|known| std::cmp::Reverse(known.row.created)),
            Sort::Cpu => {
                let cpu = |known: &Known| known.gauges.map_or(-1.0, |gauges| gauges.cpu);
                fit.sort_by(|a, b| cpu(b).total_cmp(&cpu(a)).then_with(|| a.row.name.cmp(&b.row.name)));
            }
            Sort::Memory => {
                let memory = |known: &Known| known.gauges.map_or(0, |gauges| gauges.memory + 1);
                fit.sort_by(|a, b| memory(b).cmp(&memory(a)).then_with(|| a.row.name.cmp(&b.row.name)));
            }
        }
        let place = |known: &Known| Place::Container(known.row.container.clone());
        if self.sort != Sort::Project {
            return fit.into_iter().map(place).collect();
        }
        // gonogo's own first, what belongs to nothing last.
        let mut groups: BTreeMap<(bool, bool, String), Vec<Place>> = BTreeMap::new();
        for known in fit {
            let group = known.row.group();
            let key = (group.is_none(), !known.row.own.as_ref().is_some_and(|own| own.ours), group.unwrap_or_default());
            groups.entry(key).or_default().push(place(known));
        }
        let mut places = Vec::new();
        for ((loose, _, name), members) in groups {
            let folded = !loose && self.folded.contains(&name);
            if !loose {
                places.push(Place::Group(name));
            }
            if !folded {
                places.extend(members);
            }
        }
        places
    }

    /// The members of a group.
    pub fn members<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Known> {
        self.known.values().filter(move |known| known.row.group().as_deref() == Some(group))
    }

    /// The chosen container.
    pub fn container(&self) -> Option<&Known> {
        match self.chosen.as_ref()? {
            Place::Container(container) => self.known.get(container),
            Place::Group(_) => None,
        }
    }

    /// Moves the choice by so many rows.
    pub fn step(&mut self, by: i64) {
        let places = self.places();
        let at = self.position(&places);
        let last = places.len().saturating_sub(1) as i64;
        self.at = (at as i64).saturating_add(by).clamp(0, last) as usize;
        self.chosen = places.get(self.at).cloned();
    }

    /// Chooses this row.
    pub fn choose(&mut self, place: Place) {
        self.chosen = Some(place);
        let places = self.places();
        self.at = self.position(&places);
    }

    fn position(&self, places: &[Place]) -> usize {
        let there = self.chosen.as_ref().and_then(|chosen| places.iter().position(|place| place == chosen));
        there.unwrap_or_else(|| self.at.min(places.len().saturating_sub(1)))
    }

    /// Keeps what is chosen there and in sight, in so many rows. What is chosen and goes away gives its place to the next.
    pub fn settle(&mut self, height: usize) {
        let places = self.places();
        self.at = self.position(&places);
        self.chosen = places.get(self.at).cloned();
        let lowest = (self.at + 1).saturating_sub(height).min(self.at);
        self.scroll = self.scroll.clamp(lowest, self.at).min(places.len().saturating_sub(height).max(lowest));
    }

    /// What is to be said of what is looked at, if that has changed and it is time; `height` rows are shown.
    pub fn look(&mut self, height: usize, now: Duration) -> Option<Option<Look>> {
        let wanted = (self.open && height > 0).then(|| Look {
            shown: self
                .places()
                .into_iter()
                .skip(self.scroll)
                .take(height)
                .filter_map(|place| self.up(place))
                .collect(),
            rest: matches!(self.sort, Sort::Cpu | Sort::Memory),
        });
        let soon = self.looked.is_some() && wanted.is_some() && now < self.looked_at + PAUSE;
        if wanted == self.looked || soon {
            return None;
        }
        (self.looked, self.looked_at) = (wanted.clone(), now);
        Some(wanted)
    }

    fn up(&self, place: Place) -> Option<ContainerRef> {
        match place {
            Place::Container(container) => {
                self.known.get(&container).filter(|known| known.row.is_up()).map(|_| container)
            }
            Place::Group(_) => None,
        }
    }
}

fn fits(known: &Known, filter: &str) -> bool {
    let row = &known.row;
    let group = row.group().unwrap_or_default();
    filter.split_whitespace().all(|word| {
        [&row.name, &row.image, &row.container.engine, &group, &row.state.word()]
            .iter()
            .any(|text| text.to_lowercase().contains(word))
            || row.container.id.starts_with(word)
            || row.health.is_some_and(|health| health.word() == word)
    })
}
