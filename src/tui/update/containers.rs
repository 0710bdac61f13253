//! What a person does to containers: look, start, stop, open a shell. Whatever destroys asks first.

use crate::{
    config::keymap::action::Action,
    protocol::{
        command::Command,
        container::{ContainerAction, ContainerRef, ContainerRow, ContainerState},
        query::Query,
    },
    state::board::State,
};

use crate::tui::{
    containers::{Known, Place},
    layout::Layout,
    log::LogPane,
    select, tree,
    ui::{Effect, Overlay, Pane, Purpose, Ui},
    view,
    widget::text_input::TextInput,
};

use super::navigate;

/// Does what a key means in pane 7; `None` where it means there what it means everywhere.
pub(super) fn act(ui: &mut Ui, state: &State, action: Action) -> Option<Vec<Effect>> {
    let nothing = Some(Vec::new());
    match action {
        Action::Find => ui.containers.field = Some(TextInput::default()),
        Action::FindNext | Action::FindPrev => ui.containers.step(if action == Action::FindNext { 1 } else { -1 }),
        Action::SortContainers => {
            ui.containers.sort = ui.containers.sort.next();
            ui.say(format!("containers {}", ui.containers.sort.word()));
        }
        Action::FoldGroup => fold(ui),
        Action::Copy => {
            let Some(known) = chosen(ui) else { return nothing };
            return Some(vec![Effect::Copy(known.row.container.id)]);
        }
        Action::Open => return Some(open(ui, state)),
        Action::Start => return Some(one(ui, ContainerAction::Start)),
        Action::Rerun => return Some(one(ui, ContainerAction::Restart)),
        Action::PauseContainer => {
            let Some(known) = chosen(ui) else { return nothing };
            let frozen = known.row.state == ContainerState::Paused;
            return Some(one(ui, if frozen { ContainerAction::Unpause } else { ContainerAction::Pause }));
        }
        Action::Stop => ask(ui, ContainerAction::Stop, "It is asked to end; after the engine's time it is ended."),
        Action::ForceStop => ask(ui, ContainerAction::Kill, "It gets no time to end by itself."),
        Action::RemoveContainer => remove(ui),
        Action::InspectContainer => {
            let Some(known) = chosen(ui) else { return nothing };
            let purpose = Purpose::Inspect { name: known.row.name };
            return Some(vec![Effect::Query(Query::Inspect { container: known.row.container }, purpose)]);
        }
        Action::Shell => return Some(shell(ui)),
        Action::OpenPort => return Some(open_port(ui)),
        Action::RerunAll | Action::Undo => {
            ui.complain("that is for runs: this pane holds containers", Some("2 goes to the runs".into()));
        }
        _ => return None,
    }
    nothing
}

/// The chosen container; says so where none is.
fn chosen(ui: &mut Ui) -> Option<Known> {
    let known = ui.containers.container().cloned();
    if known.is_none() {
        ui.complain("no container is chosen", None);
    }
    known
}

fn effect(row: &ContainerRow, what: ContainerAction) -> Effect {
    let of = row.job().map(|(run, job)| (run, job.cloned()));
    let command = Command::Container { container: row.container.clone(), name: row.name.clone(), of, what };
    Effect::Command(command, Purpose::Say(format!("{} was {}", row.name, what.done())))
}

/// Does what needs no question.
fn one(ui: &mut Ui, what: ContainerAction) -> Vec<Effect> {
    let Some(known) = chosen(ui) else { return Vec::new() };
    let up = known.row.is_up();
    if what == ContainerAction::Start && up {
        ui.complain(format!("{} runs already", known.row.name), None);
        return Vec::new();
    }
    if matches!(what, ContainerAction::Pause | ContainerAction::Unpause) && !up {
        ui.complain(format!("{} doesn't run", known.row.name), Some("S starts it".into()));
        return Vec::new();
    }
    ui.say(format!("{}: {}…", known.row.name, what.word()));
    vec![effect(&known.row, what)]
}

/// Asks before it ends something.
fn ask(ui: &mut Ui, what: ContainerAction, about: &str) {
    let Some(known) = chosen(ui) else { return };
    if !known.row.is_up() {
        ui.complain(format!("{} doesn't run", known.row.name), None);
        return;
    }
    let word = if what == ContainerAction::Kill { "Kill" } else { "Stop" };
    let mut text = vec![format!("{word} {}? {about}", known.row.name)];
    text.extend(belongs(&known.row));
    ui.confirm(text, vec![effect(&known.row, what)]);
}

/// A job's own container is not like any other.
fn belongs(row: &ContainerRow) -> Option<String> {
    let (own, (run, _)) = (row.own.as_ref()?, row.job()?);
    Some(format!("It belongs to run {run} ({}): `x` on the run stops that in good order.", own.role))
}

fn remove(ui: &mut Ui) {
    let Some(known) = chosen(ui) else { return };
    let row = &known.row;
    let then = |force| vec![effect(row, ContainerAction::Remove { force, volumes: false })];
    if row.is_up() {
        ui.overlay = Some(Overlay::Typed {
            text: vec![
                format!("Remove {}, which runs: it is killed, and what it has written goes with it.", row.name),
                "Type its name:".into(),
            ],
            word: row.name.clone(),
            input: TextInput::default(),
            then: then(true),
        });
        return;
    }
    let text = vec![format!("Remove {}? What it has written goes with it; volumes stay.", row.name)];
    let then = then(false);
    ui.confirm(text, then);
}

/// Opens or shuts the group of the chosen row.
fn fold(ui: &mut Ui) {
    let group = match &ui.containers.chosen {
        Some(Place::Group(name)) => Some(name.clone()),
        Some(Place::Container(container)) => ui.containers.known.get(container).and_then(|known| known.row.group()),
        None => None,
    };
    let Some(group) = group else { return };
    if !ui.containers.folded.remove(&group) {
        ui.containers.folded.insert(group.clone());
    }
    ui.containers.choose(Place::Group(group));
}

/// Left and right: shuts and opens groups.
pub(super) fn sideways(ui: &mut Ui, right: bool) {
    match &ui.containers.chosen {
        Some(Place::Group(name)) if ui.containers.folded.contains(name) == right => fold(ui),
        Some(Place::Container(_)) if !right => fold(ui),
        _ if right => ui.containers.step(1),
        _ => {}
    }
}

/// Enter: the log; of a job's container, the job's.
fn open(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if matches!(ui.containers.chosen, Some(Place::Group(_))) {
        fold(ui);
        return Vec::new();
    }
    let Some(known) = chosen(ui) else { return Vec::new() };
    let own = known.row.own.as_ref().filter(|own| own.role == "job");
    let job = own.and(known.row.job()).and_then(|(run, job)| Some((run, job?.clone())));
    if let Some((run, job)) = job.filter(|(run, job)| tree::find_job(state, *run, job).is_some()) {
        ui.containers.reading = None;
        ui.log.pinned = false;
        ui.log = LogPane::empty(ui.log.wrap, ui.log.time);
        select::choose_job(ui, state, run, &job);
        navigate::focus(ui, Pane::Logs);
        return Vec::new();
    }
    navigate::focus(ui, Pane::Logs);
    listen(ui, known.row.container, known.row.name)
}

/// Asks for a container's log.
fn listen(ui: &mut Ui, container: ContainerRef, name: String) -> Vec<Effect> {
    ui.containers.reading = Some(container.clone());
    let since = ui.containers.window.seconds();
    let query = Query::ContainerLog { container: container.clone(), name, since };
    vec![Effect::Query(query, Purpose::Listen { container })]
}

/// The log is being recorded: it is shown.
pub(super) fn listens(ui: &mut Ui, container: &ContainerRef, output: crate::domain::id::OutputId) {
    if ui.containers.reading.as_ref() == Some(container) && ui.containers.open {
        ui.log.show(output, None, true);
        ui.log.pinned = true;
    }
}

/// Another stretch of time of the container's log.
pub(super) fn next_window(ui: &mut Ui) -> Vec<Effect> {
    if !shows_container(ui) {
        ui.complain("only the log of a container has a window", Some("7 shows the containers".into()));
        return Vec::new();
    }
    ui.containers.window = ui.containers.window.next();
    let word = ui.containers.window.word();
    ui.say(if word == "all" { "the whole log".to_owned() } else { format!("the last {word}") });
    again(ui)
}

/// Asks for the log anew: for another window, or since whoever recorded it is gone.
pub(super) fn again(ui: &mut Ui) -> Vec<Effect> {
    let Some(container) = ui.containers.reading.clone() else { return Vec::new() };
    let name = ui.log.output.as_ref().filter(|output| output.is_container()).map(|output| output.job.0.clone());
    name.map(|name| listen(ui, container, name)).unwrap_or_default()
}

/// Pane 3 shows the log of a container.
pub(super) fn shows_container(ui: &Ui) -> bool {
    ui.log.output.as_ref().is_some_and(crate::domain::id::OutputId::is_container)
}

fn shell(ui: &mut Ui) -> Vec<Effect> {
    let Some(known) = chosen(ui) else { return Vec::new() };
    if known.row.state != ContainerState::Running {
        ui.complain(format!("{} doesn't run: nothing can be run in it", known.row.name), Some("S starts it".into()));
        return Vec::new();
    }
    if let Some(host) = &ui.options.host {
        let text = format!("a shell opens where the engine is: ssh -t {host} gonogo exec -it {} sh", known.row.name);
        ui.complain(text, None);
        return Vec::new();
    }
    vec![Effect::Shell { container: known.row.container, name: known.row.name }]
}

fn open_port(ui: &mut Ui) -> Vec<Effect> {
    let Some(known) = chosen(ui) else { return Vec::new() };
    let port = known.row.ports.iter().find_map(|port| port.host.filter(|_| port.protocol == "tcp"));
    let Some(port) = port else {
        ui.complain(format!("no port of {} is reached from outside", known.row.name), None);
        return Vec::new();
    };
    let engine = ui.containers.engines.iter().find(|engine| engine.name == known.row.container.engine);
    let far = engine.and_then(|engine| far_host(&engine.address));
    let near = ui.options.host.as_deref().map(|host| host.rsplit('@').next().unwrap_or(host).to_owned());
    let host = far.or(near).unwrap_or_else(|| "localhost".into());
    vec![Effect::Browse(format!("http://{host}:{port}/"))]
}

/// The machine of an engine's address, where that is another.
fn far_host(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split('/').next()?.rsplit('@').next()?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    (scheme != "unix" && !host.is_empty()).then(|| host.to_owned())
}

/// Esc, in pane 7; says whether it meant something there.
pub(super) fn back(ui: &mut Ui) -> bool {
    if ui.containers.filter.is_empty() {
        return false;
    }
    ui.containers.filter.clear();
    true
}

/// Keeps the pane true to the focus and to what there is. Gives back what is to be said of what is looked at.
pub(super) fn arrange(ui: &mut Ui, state: &State) {
    match ui.focus {
        Pane::Containers => (ui.containers.open, ui.cost.open) = (true, false),
        Pane::Projects | Pane::Runs | Pane::Cost => {
            ui.cost.open = ui.focus == Pane::Cost;
            if std::mem::take(&mut ui.containers.open) {
                ui.containers.reading = None;
                if shows_container(ui) {
                    ui.log = LogPane::empty(ui.log.wrap, ui.log.time);
                }
                select::refresh(ui, state);
            }
        }
        Pane::Logs | Pane::Timeline | Pane::Card => {}
    }
    let height = view::containers::room(ui, &Layout::of(ui));
    ui.containers.settle(height);
}

/// What is to be said of what is looked at.
pub(super) fn look(ui: &mut Ui, layout: &Layout) -> Option<Effect> {
    let height = view::containers::room(ui, layout);
    let now = ui.clock.mono;
    ui.containers.look(height, now).map(Effect::Look)
}
