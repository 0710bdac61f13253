//! Pane 7.

use crate::{
    domain::id::{JobKey, RunId},
    protocol::{
        command::Command,
        container::{
            Compose, ContainerAction, ContainerMoment, ContainerNews, ContainerRef, ContainerRow, ContainerState,
            EngineLink, EngineState, Gauges, Happened, Health, Own, Port,
        },
        frame::Frame,
        telemetry::Telemetry,
    },
    state::board::State,
    tui::{
        fixture,
        glyphs::ASCII,
        picture,
        ui::{Effect, Overlay, Pane, Purpose, Ui},
        update,
    },
};

use super::{board, options, press, screen, screens::show};

fn named(engine: &str, id: u32) -> ContainerRef {
    ContainerRef { engine: engine.into(), id: format!("{id:064x}") }
}

fn ago(seconds: i64) -> crate::domain::time::Timestamp {
    fixture::now() - jiff::SignedDuration::from_secs(seconds)
}

fn row(id: u32, name: &str, image: &str, state: ContainerState) -> ContainerRow {
    ContainerRow {
        container: named("docker", id),
        name: name.into(),
        image: image.into(),
        state,
        created: ago(4000),
        started: Some(ago(i64::from(id) * 700)),
        ..ContainerRow::default()
    }
}

fn shop(id: u32, service: &str, image: &str, health: Option<Health>, port: u16) -> ContainerRow {
    let ports = vec![Port { host: Some(port), container: 80, protocol: "tcp".into() }];
    let compose = Some(Compose { project: "shop".into(), service: service.into() });
    ContainerRow { health, ports, compose, ..row(id, &format!("shop-{service}-1"), image, ContainerState::Running) }
}

fn news() -> ContainerNews {
    let own = |role: &str, name: &str| {
        let (run, job) = (Some(RunId(41)), Some(JobKey::from("test")));
        Some(Own { home: "f00".into(), ours: true, run, job, attempt: Some(1), role: role.into(), name: name.into() })
    };
    let uses = |cpu: f64, memory: u64, net: u64| {
        Some(Gauges {
            cpu,
            memory,
            memory_limit: 512 << 20,
            net_in: Some(net),
            net_out: Some(net / 3),
            block_in: Some(0),
            block_out: Some(4096),
            pids: 9,
        })
    };
    let up = ContainerState::Running;
    ContainerNews {
        whole: true,
        engines: vec![EngineState {
            name: "docker".into(),
            address: "unix:///run/docker.sock".into(),
            link: EngineLink::Up,
        }],
        rows: vec![
            ContainerRow { own: own("job", ""), ..row(1, "gonogo-41-test-1", "rust:1.95", up) },
            ContainerRow {
                own: own("service", "postgres"),
                health: Some(Health::Healthy),
                ..row(2, "gonogo-41-pg", "postgres:17", up)
            },
            shop(3, "web", "registry.example.org/shop/web:1.9.2", Some(Health::Unhealthy), 8080),
            shop(4, "payments", "shop/payments:1.9", Some(Health::Starting), 8090),
            ContainerRow { oom: true, ..row(5, "worker", "shop/worker:3", ContainerState::Exited { code: 137 }) },
            row(6, "migrate", "shop/migrate:3", ContainerState::Exited { code: 0 }),
            row(7, "cache", "redis:8", ContainerState::Paused),
            row(8, "漢字", "thing", ContainerState::Created),
        ],
        gauges: vec![
            (named("docker", 1), uses(187.3, 480 << 20, 0)),
            (named("docker", 2), uses(3.2, 96 << 20, 1200)),
            (named("docker", 3), uses(12.0, 210 << 20, 120_000)),
            (named("docker", 4), uses(0.4, 30 << 20, 90)),
        ],
        moments: [(3, Happened::Started), (5, Happened::OutOfMemory), (5, Happened::Died { code: 137 })]
            .into_iter()
            .enumerate()
            .map(|(at, (id, what))| ContainerMoment {
                container: named("docker", id),
                name: if id == 3 { "shop-web-1".into() } else { "worker".into() },
                at: ago(30 - at as i64 * 9),
                what,
            })
            .collect(),
        ..ContainerNews::default()
    }
}

fn tell(ui: &mut Ui, state: &State, news: ContainerNews) {
    update::hear(ui, state, Frame::Telemetry(Telemetry::Containers(Box::new(news))));
    update::settle(ui, state);
}

/// The board with pane 7 open and samples of the CPU.
fn opened((mut ui, state): (Ui, State)) -> (Ui, State) {
    press(&mut ui, &state, &["7"]);
    picture::read_all(&mut ui, &state);
    tell(&mut ui, &state, news());
    for step in 0..12 {
        let gauges = Gauges {
            cpu: f64::from(step * 37 % 23) * 8.0,
            memory: 480 << 20,
            memory_limit: 512 << 20,
            pids: 9,
            ..Gauges::default()
        };
        let gauges = vec![(named("docker", 1), Some(gauges))];
        tell(&mut ui, &state, ContainerNews { gauges, ..ContainerNews::default() });
    }
    (ui, state)
}

#[test]
fn what_it_looks_like() {
    for size in [(40, 10), (60, 15), (80, 24), (84, 46), (120, 36), (200, 50)] {
        let (ui, state) = opened(board(size));
        show(&format!("containers-{}x{}", size.0, size.1), &screen(&ui, &state));
    }
    let (ui, state) = opened(picture::story(options(&ASCII), (120, 36)));
    let text = screen(&ui, &state);
    show("containers-120x36-ascii", &text);
    assert_eq!(text.chars().filter(|c| !c.is_ascii() && !"漢字".contains(*c)).collect::<String>(), "");
}

#[test]
fn where_there_is_nothing_it_says_what_to_do() {
    let (mut ui, state) = board((80, 24));
    press(&mut ui, &state, &["7"]);
    update::settle(&mut ui, &state);
    assert!(screen(&ui, &state).contains("asking the engines"));
    let engine = |link| vec![EngineState { name: "docker".into(), address: String::new(), link }];
    tell(&mut ui, &state, ContainerNews { whole: true, engines: engine(EngineLink::Up), ..ContainerNews::default() });
    assert!(screen(&ui, &state).contains("No container yet"));
    let link = EngineLink::Away { why: "no such file or directory".into(), since: ago(12) };
    tell(&mut ui, &state, ContainerNews { engines: engine(link.clone()), ..ContainerNews::default() });
    show("containers-away-80x24", &screen(&ui, &state));
    tell(&mut ui, &state, ContainerNews { engines: engine(link), ..news() });
    assert!(screen(&ui, &state).contains("? docker is away since"), "what was known stays, and is said to be old");
    press(&mut ui, &state, &["/", "q", "q", "q"]);
    assert!(screen(&ui, &state).contains("No container has `qqq`"));
    press(&mut ui, &state, &["esc"]);
    assert!(screen(&ui, &state).contains("cache"));
}

#[test]
fn what_ends_something_asks_first() {
    let (mut ui, state) = opened(board((120, 36)));
    press(&mut ui, &state, &["/", "w", "e", "b", "enter", "j"]);
    assert_eq!(press(&mut ui, &state, &["x"]), []);
    assert!(matches!(ui.overlay, Some(Overlay::Confirm(_))));
    ui.clock.mono += std::time::Duration::from_secs(1);
    let done = press(&mut ui, &state, &["y"]);
    let [Effect::Command(Command::Container { name, what, of, .. }, Purpose::Say(said))] = done.as_slice() else {
        panic!("{done:?}")
    };
    assert_eq!((name.as_str(), *what, of), ("shop-web-1", ContainerAction::Stop, &None));
    assert_eq!(said, "shop-web-1 was stopped");
    assert_eq!(press(&mut ui, &state, &["D", "s", "h", "o", "p", "enter"]), []);
    assert!(ui.notice.as_ref().is_some_and(|notice| notice.bad), "it runs: its whole name is asked for");
    let done = press(&mut ui, &state, &["o"]);
    assert_eq!(done, [Effect::Browse("http://localhost:8080/".into())]);
    let done = press(&mut ui, &state, &["e"]);
    assert_eq!(done, [Effect::Shell { container: named("docker", 3), name: "shop-web-1".into() }]);
}

#[test]
fn enter_shows_the_log_and_a_jobs_container_leads_to_the_job() {
    let (mut ui, state) = opened(board((120, 36)));
    press(&mut ui, &state, &["/", "c", "a", "c", "h", "e", "enter", "enter"]);
    let output = ui.log.output.clone().unwrap_or_else(|| panic!("no log"));
    assert!(output.is_container() && output.job.as_str() == "cache" && ui.focus == Pane::Logs);
    press(&mut ui, &state, &["T"]);
    assert_eq!(ui.containers.window.word(), "1m");
    assert!(screen(&ui, &state).contains("3 Logs · cache"));
    press(&mut ui, &state, &["esc", "esc", "g", "j", "enter"]);
    let output = ui.log.output.clone().unwrap_or_else(|| panic!("no log"));
    assert_eq!((output.run, output.job.as_str()), (RunId(41), "test"));
    press(&mut ui, &state, &["2"]);
    update::settle(&mut ui, &state);
    assert!(!ui.containers.open && ui.log.output.is_some_and(|output| !output.is_container()));
}

#[test]
fn what_is_chosen_stays_chosen_while_others_come_and_go() {
    let (mut ui, state) = opened(board((80, 24)));
    press(&mut ui, &state, &["G", "k"]);
    let before = ui.containers.chosen.clone();
    let gone = vec![named("docker", 6)];
    let rows = (100..300).map(|id| row(id, &format!("a-{id}"), "x", ContainerState::Running)).collect();
    tell(&mut ui, &state, ContainerNews { rows, gone, ..ContainerNews::default() });
    assert_eq!(ui.containers.chosen, before);
    assert!(screen(&ui, &state).contains("208") || screen(&ui, &state).contains("of 207"));
    let effects = update::settle(&mut ui, &state);
    assert!(effects.len() <= 1, "{effects:?}");
}
