//! The containers of a real engine: watched, commanded, read, entered. Without an engine nothing of this is run.

use std::{
    collections::HashMap,
    io::Write as _,
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{
        CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    },
};
use futures::StreamExt as _;
use gonogo::{
    control::handle::{self, ControlHandle, Options},
    domain::{actor::Actor, definition::FixPolicy},
    engine::docker::{host::Hosts, watch::Watch},
    protocol::{
        command::{Command, Refusal},
        container::{ContainerAction, ContainerRef, ContainerState, Happened, Look},
        frame::{Ask, Frame},
        query::{Answer, Query},
        session::{Attach as _, Session, Visitor, VisitorKind},
    },
};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::{
    home::{DEADLINE, Home, contains},
    terminal::Terminal,
};

const IMAGE: &str = "gonogo-test/pane-it";

/// An engine with an image that has a shell in it.
struct Engine {
    runtime: Runtime,
    client: Docker,
}

/// A container of a test; goes away with it.
struct Made<'a> {
    engine: &'a Engine,
    name: String,
    id: String,
}

impl Engine {
    /// Makes the image, where there is none yet.
    fn make_image(&self, busybox: &[u8]) {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        if self.runtime.block_on(self.client.inspect_image(&format!("{IMAGE}:1"))).is_ok() {
            return;
        }
        let image = image(busybox);
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(IMAGE).tag("1").build();
        self.runtime.block_on(async {
            let mut made = self.client.create_image(Some(options), Some(bollard::body_full(image.into())), None);
            while let Some(step) = made.next().await {
                step.unwrap();
            }
        });
    }

    /// `None`, and a word about it, where no engine answers or nothing can be made into an image.
    fn here() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let client = Docker::connect_with_unix_defaults().ok()?;
        if runtime.block_on(client.ping()).is_err() {
            eprintln!("NOT RUN: no Docker engine answers at /var/run/docker.sock");
            return None;
        }
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find_map(|path| std::fs::read(path).ok());
        let Some(busybox) = busybox else {
            eprintln!("NOT RUN: there is no static busybox to make an image of");
            return None;
        };
        let engine = Self { runtime, client };
        engine.make_image(&busybox);
        Some(engine)
    }

    /// Starts this script.
    fn start(&self, name: &str, script: &str) -> Made<'_> {
        self.start_with(name, script, HostConfig { nano_cpus: Some(200_000_000), ..HostConfig::default() })
    }

    fn start_with(&self, name: &str, script: &str, host: HostConfig) -> Made<'_> {
        let name = format!("gonogo-it-{name}-{}", std::process::id());
        let body = ContainerCreateBody {
            image: Some(format!("{IMAGE}:1")),
            cmd: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
            env: Some(vec!["PATH=/bin".into()]),
            labels: Some(HashMap::from([("gonogo-test".to_owned(), "pane".to_owned())])),
            host_config: Some(HostConfig { network_mode: Some("none".into()), ..host }),
            ..ContainerCreateBody::default()
        };
        let id = self.runtime.block_on(async {
            let options = CreateContainerOptionsBuilder::new().name(&name).build();
            let id = self.client.create_container(Some(options), body).await.unwrap().id;
            self.client.start_container(&id, None::<StartContainerOptions>).await.unwrap();
            id
        });
        Made { engine: self, name, id }
    }
}

impl Made<'_> {
    fn named(&self) -> ContainerRef {
        ContainerRef { engine: "docker".into(), id: self.id.clone() }
    }

    fn wait(&self) {
        self.engine.runtime.block_on(async {
            let mut ended =
                self.engine.client.wait_container(&self.id, None::<bollard::query_parameters::WaitContainerOptions>);
            let _ = tokio::time::timeout(DEADLINE, ended.next()).await.unwrap();
        });
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let _ = self.engine.runtime.block_on(self.engine.client.remove_container(&self.id, Some(options)));
    }
}

/// A file system with a shell in it.
fn image(busybox: &[u8]) -> Vec<u8> {
    let mut image = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(busybox.len() as u64);
    image.append_data(&mut header, "bin/busybox", busybox).unwrap();
    for name in ["sh", "cat", "sleep", "seq", "echo", "true", "tty", "stty"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        image.append_link(&mut header, format!("bin/{name}"), "busybox").unwrap();
    }
    image.into_inner().unwrap()
}

fn hosts() -> Hosts {
    Hosts::new(&[], &std::iter::empty::<(String, String)>().collect())
}

#[test]
fn what_there_is_what_it_uses_and_what_happens_to_it() {
    let Some(engine) = Engine::here() else { return };
    let tasks = TaskTracker::new();
    let watch = Watch::new(hosts(), "", engine.runtime.handle(), &tasks);
    let busy = engine.start("busy", "while :; do :; done");
    let mut view = watch.view(Look { shown: vec![busy.named()], rest: false });
    let late = engine.start("late", "sleep 0.2; exit 3");
    let gauges = engine.runtime.block_on(async {
        let (mut listed, mut died, mut ended, mut gauges) = (false, false, false, Vec::new());
        tokio::time::timeout(DEADLINE, async {
            while !(listed && died && ended && gauges.len() >= 3) {
                view.ready().await;
                let news = view.news();
                for row in news.rows {
                    listed |= row.container == busy.named() && row.name == busy.name && row.started.is_some();
                    ended |= row.container == late.named()
                        && row.state == ContainerState::Exited { code: 3 }
                        && row.finished.is_some();
                }
                died |= news
                    .moments
                    .iter()
                    .any(|moment| moment.container == late.named() && moment.what == Happened::Died { code: 3 });
                gauges.extend(news.gauges.into_iter().filter(|(of, _)| *of == busy.named()).filter_map(|(_, g)| g));
            }
        })
        .await
        .unwrap();
        gauges
    });
    let cpu = gauges.iter().map(|gauges| gauges.cpu).sum::<f64>() / gauges.len() as f64;
    assert!((8.0..35.0).contains(&cpu), "a fifth of a processor: {gauges:?}");
    assert!(gauges.iter().all(|gauges| gauges.memory > 10_000 && gauges.memory < 64 << 20 && gauges.pids >= 1));
    let gone = late.named();
    drop(late);
    engine.runtime.block_on(async {
        tokio::time::timeout(DEADLINE, async {
            while !view.news().gone.contains(&gone) {
                view.ready().await;
            }
        })
        .await
        .unwrap();
    });
    // Its tasks end with the last who looks.
    drop(view);
    tasks.close();
    engine.runtime.block_on(async { tokio::time::timeout(DEADLINE, tasks.wait()).await.unwrap() });
}

fn control(home: &Home, engine: &Engine) -> ControlHandle {
    let options = Options {
        resume: false,
        state_dir: home.gonogo().join("state"),
        cache_dir: home.gonogo().join("cache"),
        jobs: 1,
        grace: Duration::from_secs(1),
        hosts: hosts(),
        fix: FixPolicy::default(),
        agents: gonogo::control::agents::world::World::default(),
        budgets: gonogo::domain::budget::BudgetPolicy::default(),
    };
    handle::start(options, engine.runtime.handle()).unwrap()
}

/// What becomes of an ask.
async fn answer(
    session: &mut Session,
    ask: impl FnOnce(gonogo::domain::id::RequestId) -> Ask,
) -> Result<Answer, Refusal> {
    let wanted = session.next_id();
    session.ask(ask(wanted)).await.unwrap();
    loop {
        match tokio::time::timeout(DEADLINE, session.frame()).await.unwrap() {
            Some(Frame::Reply { id, result }) if id == wanted => return result,
            Some(_) => {}
            None => panic!("the session has ended"),
        }
    }
}

#[test]
fn commands_are_carried_out_for_people_alone_and_say_what_came_of_them() {
    let Some(engine) = Engine::here() else { return };
    let home = Home::new();
    let control = control(&home, &engine);
    let made = engine.start("acted", "sleep 1000");
    let me = Actor::Person("tester".into());
    engine.runtime.block_on(async {
        let mut session = control.attach(Visitor::here(me.clone(), VisitorKind::Command), None);
        let agent = Visitor::here(Actor::Agent("a".into()), VisitorKind::Command);
        let mut agent = control.attach(agent, None);
        let act = |what| {
            let command = Command::Container { container: made.named(), name: made.name.clone(), of: None, what };
            move |id| Ask::Command { id, command }
        };
        let refused = answer(&mut agent, act(ContainerAction::Kill)).await.unwrap_err();
        assert_eq!(refused.message, "only a person may kill a container");
        let state = async || {
            let inspected =
                engine.client.inspect_container(&made.id, None::<bollard::query_parameters::InspectContainerOptions>);
            inspected.await.map(|known| known.state.unwrap().status.unwrap().to_string())
        };
        for (what, then) in [
            (ContainerAction::Pause, "paused"),
            (ContainerAction::Unpause, "running"),
            (ContainerAction::Kill, "exited"),
            (ContainerAction::Start, "running"),
            (ContainerAction::Restart, "running"),
        ] {
            assert_eq!(answer(&mut session, act(what)).await, Ok(Answer::Done), "{what:?}");
            assert_eq!(state().await.unwrap(), then, "{what:?}");
        }
        let remove = |force| ContainerAction::Remove { force, volumes: false };
        let refused = answer(&mut session, act(remove(false))).await.unwrap_err();
        contains(&refused.message, "cannot remove");
        assert_eq!(answer(&mut session, act(remove(true))).await, Ok(Answer::Done));
        assert!(state().await.is_err());
        let refused = answer(&mut session, act(ContainerAction::Start)).await.unwrap_err();
        contains(&refused.message, "No such container");
        drop((session, agent));
        control.shut_down(me).await;
    });
}

#[test]
fn a_flood_is_recorded_whole_and_in_order_and_deleted_when_nobody_reads_it() {
    const LINES: u64 = 200_000;
    let Some(engine) = Engine::here() else { return };
    let home = Home::new();
    let control = control(&home, &engine);
    let made = engine.start_with("flood", &format!("seq 1 {LINES}; echo bad >/dev/stderr"), HostConfig::default());
    made.wait();
    let me = Actor::Person("tester".into());
    let scratch = home.gonogo().join("state/output/containers");
    engine.runtime.block_on(async {
        let mut session = control.attach(Visitor::here(me.clone(), VisitorKind::Board), None);
        let (container, name) = (made.named(), made.name.clone());
        let log = Query::ContainerLog { container, name, since: None };
        let Ok(Answer::Output { output }) = answer(&mut session, |id| Ask::Query { id, query: log }).await else {
            panic!("no output")
        };
        let mut lines = async |first, count| {
            let query = Query::Lines { output: output.clone(), first, count };
            match answer(&mut session, |id| Ask::Query { id, query }).await {
                Ok(Answer::Lines(page)) => page,
                other => panic!("{other:?}"),
            }
        };
        let end = Instant::now() + DEADLINE;
        while lines(0, 0).await.total_lines < LINES + 1 {
            assert!(Instant::now() < end, "{}", lines(0, 0).await.total_lines);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut next = 0;
        let mut bad = 0;
        while next < LINES + 1 {
            let page = lines(next, 2000).await;
            assert!(!page.lines.is_empty());
            for line in &page.lines {
                if line.text == "bad" {
                    bad += 1;
                } else {
                    assert_eq!(line.text, (next + 1 - bad).to_string());
                }
                assert!(line.at.as_second() > 1_000_000_000);
                next += 1;
            }
        }
        assert_eq!(bad, 1);
        assert!(scratch.read_dir().unwrap().next().is_some());
        drop(session);
        while scratch.read_dir().unwrap().next().is_some() {
            assert!(Instant::now() < end, "it is still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        control.shut_down(me).await;
    });
    let ran = home.ask(&["logs", "--container", &made.name]);
    let wanted: String = (1..=LINES).map(|number| format!("{number}\n")).collect();
    assert!(ran.stdout == wanted && ran.stderr == "bad\n", "{} bytes, {}", ran.stdout.len(), ran.stderr);
    let ran = home.ask(&["logs", &made.name, "--tail", "3", "--grep", "99"]);
    assert!(ran.stdout.lines().all(|line| line.contains("99")) && ran.stdout.lines().count() >= 1, "{}", ran.stdout);
}

#[test]
fn commands_list_run_and_fail_as_they_should() {
    let Some(engine) = Engine::here() else { return };
    let home = Home::new();
    let made = engine.start("cli", "while :; do echo tick; sleep 1; done");
    let ran = home.ask(&["ps", "--json"]).expect(0);
    let row = ran.stdout.lines().find(|line| line.contains(&made.name)).unwrap();
    contains(row, r#""state":{"is":"running"}"#);
    let ran = home.ask(&["stats", &made.name, "--once"]).expect(0);
    contains(&ran.stdout, &made.name);
    contains(&ran.stdout, "%");
    let ran = home.ask(&["exec", &made.name, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]).expect(7);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
    // The engine says so itself, with the status that shells have for it, or the one for what can't be started.
    let none = home.ask(&["exec", &made.name, "--", "no-such-program"]);
    assert!(matches!(none.status.code(), Some(126 | 127)), "{none:?}");
    let problem = home.ask(&["exec", "gonogo-it-nobody", "true"]).expect(2);
    contains(&problem.stderr, "there is no container `gonogo-it-nobody`");
    // A megabyte there and back.
    let text: String = (0..100_000).map(|number| format!("{number:09}\n")).collect();
    let mut command = home.command(&home.tmp(), &["exec", "-i", &made.name, "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = text.clone();
    let writer = std::thread::spawn(move || stdin.write_all(sent.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success() && output.stdout == text.as_bytes(), "{} bytes", output.stdout.len());
}

#[test]
fn the_board_shows_a_container_and_opens_a_shell_in_it() {
    let Some(engine) = Engine::here() else { return };
    let home = Home::new();
    let made = engine.start("shell", "while :; do echo tick; sleep 1; done");
    let terminal = Terminal::open(&home, &home.tmp(), &[], (120, 36));
    terminal.wait_text("GONOGO");
    terminal.press("7");
    terminal.wait_text("7 Containers");
    terminal.wait_text(&made.name);
    terminal.press("/");
    terminal.press(&made.name);
    terminal.press("\r");
    terminal.wait_text("/gonogo-it-shell");
    terminal.press("\r");
    terminal.wait_text("tick");
    terminal.press("7");
    terminal.press("e");
    terminal.wait_text("/ #");
    terminal.press("echo in-$((40+2)); tty; stty size\r");
    terminal.wait_text("in-42");
    terminal.wait_text("/dev/pts/");
    terminal.wait_text("36 120");
    terminal.press("exit\r");
    terminal.wait_text("7 Containers");
    terminal.insist("D", "the question", |terminal| terminal.text().contains("Type its name"));
    terminal.press(&made.name);
    terminal.press("\r");
    terminal.wait_text("was removed");
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
}
