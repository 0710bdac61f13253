//! Pane 7: the containers of all engines, as many columns as there is room for.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::time::Millis,
    protocol::container::{ContainerRow, ContainerState, EngineLink, Health},
    state::board::State,
};

use crate::tui::{
    containers::{Known, Place, Sort},
    glyphs::Glyphs,
    layout::Layout,
    theme::Theme,
    ui::{Pane, Ui},
    widget::columns,
};

use super::{empty, pane, status};

/// Something that is shown of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Name,
    State,
    Health,
    Image,
    Up,
    Cpu,
    Spark,
    Memory,
    Net,
    Block,
    Pids,
    Ports,
    Engine,
}

impl Column {
    /// The most important first, with the room that each takes.
    const ALL: [(Self, usize); 13] = [
        (Self::Name, 16),
        (Self::State, 11),
        (Self::Cpu, 6),
        (Self::Memory, 6),
        (Self::Engine, 8),
        (Self::Up, 5),
        (Self::Spark, 8),
        (Self::Health, 9),
        (Self::Image, 18),
        (Self::Net, 11),
        (Self::Ports, 16),
        (Self::Block, 11),
        (Self::Pids, 4),
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::State => "STATE",
            Self::Health => "HEALTH",
            Self::Image => "IMAGE",
            Self::Up => "UP",
            Self::Cpu => "CPU",
            Self::Spark => "",
            Self::Memory => "MEM",
            Self::Net => "NET I/O /s",
            Self::Block => "DISK I/O /s",
            Self::Pids => "PIDS",
            Self::Ports => "PORTS",
            Self::Engine => "ENGINE",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Up | Self::Cpu | Self::Memory | Self::Net | Self::Block | Self::Pids)
    }
}

/// The columns that fit, in the order in which they stand, and how wide each is. What is left goes to the name.
fn fitting(ui: &Ui, width: usize) -> Vec<(Column, usize)> {
    let engines = ui.containers.engines.len() > 1;
    let mut left = width.saturating_sub(4);
    let mut chosen: Vec<(Column, usize)> = Vec::new();
    for (column, wide) in Column::ALL {
        if (column != Column::Engine || engines) && left > wide {
            left -= wide + 1;
            chosen.push((column, wide));
        }
    }
    chosen.sort_unstable();
    for (grows, most) in [(Column::Name, 20), (Column::Image, 16)] {
        if let Some((_, wide)) = chosen.iter_mut().find(|(column, _)| *column == grows) {
            let more = left.min(most);
            *wide += more;
            left -= more;
        }
    }
    chosen
}

/// Rows for containers: without the titles of the columns, the filter, and engines that are away.
pub fn room(ui: &Ui, layout: &Layout) -> usize {
    let height = usize::from(layout.inside(layout.containers).height);
    height.saturating_sub(usize::from(has_titles(height)) + footing(ui))
}

fn has_titles(height: usize) -> bool {
    height >= 4
}

fn footing(ui: &Ui) -> usize {
    let away = if ui.containers.known.is_empty() { 0 } else { away(ui).count() };
    away + usize::from(ui.containers.field.is_some())
}

fn away(ui: &Ui) -> impl Iterator<Item = String> {
    ui.containers.engines.iter().filter_map(|engine| match &engine.link {
        EngineLink::Away { why, since } => {
            Some(format!("{} is away since {}: {why}", engine.name, status::time_of_day(ui, *since)))
        }
        EngineLink::Asking | EngineLink::Up => None,
    })
}

/// Draws it; gives back where the cursor of the filter stands.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) -> Option<(u16, u16)> {
    if area.is_empty() {
        return None;
    }
    let area = pane::frame(buf, area, ui, layout, Some(Pane::Containers), "7 Containers", notes(ui));
    let places = ui.containers.places();
    let height = room(ui, layout);
    let mut row = 0;
    if places.is_empty() {
        empty::render(buf, area, ui, &nothing(ui));
    } else {
        let columns = fitting(ui, usize::from(area.width));
        if has_titles(usize::from(area.height)) {
            columns::put(buf, area, 0, &titles(ui, &columns));
            row = 1;
        }
        for place in places.iter().skip(ui.containers.scroll).take(height) {
            let line = match place {
                Place::Group(name) => group_line(ui, name, usize::from(area.width)),
                Place::Container(container) => match ui.containers.known.get(container) {
                    Some(known) => line(ui, state, known, &columns),
                    None => Line::default(),
                },
            };
            columns::put(buf, area, row, &line);
            if ui.containers.chosen.as_ref() == Some(place) {
                pane::choose(buf, Rect { y: area.y + row, height: 1, ..area }, ui, ui.focus == Pane::Containers);
            }
            row += 1;
        }
    }
    let mut last = area.height.saturating_sub(footing(ui) as u16);
    if !ui.containers.known.is_empty() {
        for text in away(ui) {
            let text = ui.options.glyphs.plain(&format!("{} {text}", ui.options.glyphs.lost));
            columns::put(buf, area, last, &Line::styled(text, ui.options.theme.warn));
            last += 1;
        }
    }
    let input = ui.containers.field.as_ref().filter(|_| last < area.height)?;
    let line = Line::from(vec![Span::styled("filter ", ui.options.theme.accent), Span::raw(input.text().to_owned())]);
    columns::put(buf, area, last, &line);
    let column = (7 + input.column() as u16).min(area.width.saturating_sub(1));
    Some((area.x + column, area.y + last))
}

fn notes(ui: &Ui) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let dot = format!(" {} ", ui.options.glyphs.dot);
    let pane = &ui.containers;
    let mut notes = Vec::new();
    if !pane.filter.is_empty() {
        notes.push(Span::styled(
            format!("/{}{dot}", columns::clip(&pane.filter, 20, ui.options.glyphs.more)),
            theme.warn,
        ));
    }
    if pane.sort != Sort::Project {
        notes.push(Span::styled(format!("{}{dot}", pane.sort.word()), theme.quiet));
    }
    let up = pane.known.values().filter(|known| known.row.is_up()).count();
    notes.push(Span::styled(format!("{up} up of {}", pane.known.len() + pane.omitted), theme.quiet));
    if pane.omitted > 0 {
        notes.push(Span::styled(format!("{dot}{} not shown", pane.omitted), theme.warn));
    }
    if let [engine] = pane.engines.as_slice() {
        let style = if matches!(engine.link, EngineLink::Away { .. }) { theme.warn } else { theme.quiet };
        notes.push(Span::styled(format!("{dot}{}", engine.name), style));
    }
    notes
}

/// What stands where no container is.
fn nothing(ui: &Ui) -> String {
    let pane = &ui.containers;
    if !pane.filter.is_empty() && !pane.known.is_empty() {
        return format!("No container has `{}` in its name, image, project or state.\nEsc shows all.", pane.filter);
    }
    if !pane.has_heard() {
        return "asking the engines…".into();
    }
    let mut text: String = away(ui).map(|away| format!("{away}\n")).collect();
    if text.is_empty() {
        text.push_str(
            "No container yet.\nA job with `container` in its gonogo.toml starts one, and so does `docker run`.",
        );
    } else {
        text.push_str("It is tried again every few seconds. `gonogo doctor` asks every engine; [engines] of config.toml says where they are.");
    }
    text
}

fn titles(ui: &Ui, columns: &[(Column, usize)]) -> Line<'static> {
    let mut text = String::from("    ");
    for (column, wide) in columns {
        let title = column.title();
        let _ = if column.is_number() { write!(text, "{title:>wide$} ") } else { write!(text, "{title:<wide$} ") };
    }
    Line::styled(text, ui.options.theme.quiet)
}

fn group_line(ui: &Ui, name: &str, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let open = if ui.containers.folded.contains(name) { glyphs.shut } else { glyphs.open };
    let (mut up, mut all, mut bad) = (0, 0, 0);
    for known in ui.containers.members(name) {
        all += 1;
        up += usize::from(known.row.is_up());
        bad += usize::from(is_bad(&known.row));
    }
    let mut right = Vec::new();
    if bad > 0 {
        right.push(Span::styled(format!("{}{bad} ", glyphs.failed), theme.bad));
    }
    right.push(Span::styled(format!("{up} of {all} up "), theme.quiet));
    let left = vec![Span::styled(format!("{open} "), theme.quiet), Span::styled(name.to_owned(), theme.strong)];
    columns::spread(left, right, width)
}

fn is_bad(row: &ContainerRow) -> bool {
    matches!(row.state, ContainerState::Exited { code } if code != 0)
        || row.state == ContainerState::Dead
        || row.health == Some(Health::Unhealthy)
}

/// Glyph and colour of a state.
pub fn badge(glyphs: &Glyphs, theme: &Theme, row: &ContainerRow) -> (&'static str, Style) {
    match row.state {
        ContainerState::Running if row.health == Some(Health::Unhealthy) => (glyphs.failed, theme.bad),
        ContainerState::Running => (glyphs.running, theme.good),
        ContainerState::Paused => (glyphs.asking, theme.warn),
        ContainerState::Restarting => (glyphs.retrying, theme.warn),
        ContainerState::Created => (glyphs.queued, theme.quiet),
        ContainerState::Removing => (glyphs.stopped, theme.quiet),
        ContainerState::Exited { code: 0 } => (glyphs.waiting, theme.quiet),
        ContainerState::Exited { .. } | ContainerState::Dead => (glyphs.failed, theme.bad),
    }
}

fn line(ui: &Ui, state: &State, known: &Known, columns: &[(Column, usize)]) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let row = &known.row;
    let (glyph, style) = badge(glyphs, theme, row);
    let indent = if ui.containers.sort == Sort::Project && row.group().is_some() { "  " } else { "" };
    let mut spans = vec![Span::raw(indent), Span::styled(format!("{glyph} "), style)];
    for (column, wide) in columns {
        let (text, style) = cell(ui, state, known, *column, *wide);
        let room = if *column == Column::Name { *wide + 2 - indent.len() } else { *wide };
        let text = columns::clip(&text, room, glyphs.more);
        let fill = " ".repeat(room - columns::width(&text));
        spans.push(if column.is_number() {
            Span::styled(format!("{fill}{text} "), style)
        } else {
            Span::styled(format!("{text}{fill} "), style)
        });
    }
    Line::from(spans)
}

fn cell(ui: &Ui, state: &State, known: &Known, column: Column, wide: usize) -> (String, Style) {
    let theme = &ui.options.theme;
    let (row, gauges) = (&known.row, known.gauges.as_ref());
    let quiet = if row.is_up() { theme.text } else { theme.quiet };
    match column {
        Column::Name => {
            let reads = ui.containers.reading.as_ref() == Some(&row.container);
            (name(state, row), if reads { theme.accent } else { quiet })
        }
        Column::State => {
            let word = if row.oom && !row.is_up() { "out of mem".into() } else { row.state.word() };
            (word, badge(ui.options.glyphs, theme, row).1)
        }
        Column::Health => match row.health.filter(|_| row.is_up()) {
            Some(health @ Health::Healthy) => (health.word().into(), theme.good),
            Some(health @ Health::Unhealthy) => (health.word().into(), theme.bad),
            Some(health @ Health::Starting) => (health.word().into(), theme.warn),
            None => (String::new(), theme.quiet),
        },
        Column::Image => (columns::clip_start(&row.image, wide, ui.options.glyphs.more), theme.quiet),
        Column::Up => (up_for(ui, row), quiet),
        Column::Cpu => {
            (gauges.map(|gauges| percent(gauges.cpu)).unwrap_or_default(), hot(theme, gauges.map(|g| g.cpu)))
        }
        Column::Spark => (spark(ui, known, wide), theme.accent),
        Column::Memory => {
            let share = gauges.filter(|gauges| gauges.memory_limit > 0);
            let share = share.map(|gauges| gauges.memory as f64 / gauges.memory_limit as f64 * 100.0);
            (gauges.map(|gauges| bytes(gauges.memory)).unwrap_or_default(), hot(theme, share))
        }
        Column::Net => (gauges.map(|g| both(g.net_in, g.net_out)).unwrap_or_default(), quiet),
        Column::Block => (gauges.map(|g| both(g.block_in, g.block_out)).unwrap_or_default(), quiet),
        Column::Pids => (gauges.map(|gauges| gauges.pids.to_string()).unwrap_or_default(), quiet),
        Column::Ports => {
            let mut ports: Vec<String> = row.ports.iter().map(ToString::to_string).collect();
            ports.dedup();
            (ports.join(" "), theme.quiet)
        }
        Column::Engine => (row.container.engine.clone(), theme.quiet),
    }
}

/// The name; of gonogo's own, what it is for.
fn name(state: &State, row: &ContainerRow) -> String {
    match &row.own {
        Some(own) => {
            let job = row.job().filter(|(run, _)| state.runs.contains_key(run));
            let job = job.and_then(|(_, job)| Some(job?.0.clone()));
            match (job, own.name.is_empty()) {
                (Some(job), true) => format!("{job} ({})", own.role),
                (Some(job), false) => format!("{job}: {}", own.name),
                (None, _) => row.name.clone(),
            }
        }
        None => match &row.compose {
            Some(compose) => row.name.strip_prefix(&format!("{}-", compose.project)).unwrap_or(&row.name).to_owned(),
            None => row.name.clone(),
        },
    }
}

fn hot(theme: &Theme, share: Option<f64>) -> Style {
    match share {
        Some(90.0..) => theme.bad,
        Some(70.0..) => theme.warn,
        _ => theme.text,
    }
}

/// How long it has been up, in its largest unit: `42s`, `12m`, `3h`, `9d`.
fn up_for(ui: &Ui, row: &ContainerRow) -> String {
    let Some(started) = row.started.filter(|_| row.is_up()) else { return String::new() };
    let seconds = Millis::between(started, ui.now()).0 / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `3.1%`, `212%`
pub fn percent(cpu: f64) -> String {
    if cpu < 99.95 { format!("{cpu:.1}%") } else { format!("{cpu:.0}%") }
}

/// `512B`, `1.2K`, `210M`, `3.4G`
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if count < 1000 {
        return format!("{count}B");
    }
    let mut value = count as f64;
    let mut unit = "";
    for next in UNITS {
        value /= 1024.0;
        unit = next;
        if value < 999.5 {
            break;
        }
    }
    if value < 9.95 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

fn both(into: Option<u64>, out: Option<u64>) -> String {
    match (into, out) {
        (Some(into), Some(out)) => format!("{}/{}", bytes(into), bytes(out)),
        _ => String::new(),
    }
}

fn spark(ui: &Ui, known: &Known, wide: usize) -> String {
    let history = &known.history;
    // A quarter of a processor is the least that makes a full bar: a flat line stays flat.
    let most = history.iter().copied().fold(25.0, f64::max);
    let glyphs = &ui.options.glyphs.spark;
    let skip = history.len().saturating_sub(wide);
    let bars: String =
        history.iter().skip(skip).map(|cpu| glyphs[((cpu / most * 7.0).round().clamp(0.0, 7.0)) as usize]).collect();
    format!("{}{bars}", " ".repeat(wide.saturating_sub(history.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_take_five_columns_at_most() {
        let shown: Vec<String> =
            [0, 999, 1000, 10_240, 220_200_960, 1_046_000_000, 3 << 40].into_iter().map(bytes).collect();
        assert_eq!(shown, ["0B", "999B", "1.0K", "10K", "210M", "998M", "3.0T"]);
        assert_eq!((percent(3.11).as_str(), percent(212.4).as_str()), ("3.1%", "212%"));
    }
}
