//! A gonogo of another version is at work: it finishes what it has begun, and then the new one takes its place.

use std::{sync::Arc, time::Duration};

use gonogo::{
    control::handle::{self, Options},
    domain::{actor::Actor, definition::FixPolicy, id::RunId, outcome::RunOutcome},
    ipc::{
        address,
        server::{Server, host},
        wire::Host,
    },
};
use tokio_util::sync::CancellationToken;

use crate::home::{Home, contains};

const LONG: &str =
    "[pipelines.ci.jobs.wait]\nsteps = [\"touch ../started; while ! test -e ../go; do sleep 0.05; done\"]\n";

/// An older gonogo, in a thread of this process, until it has been told to end.
fn older(home: &Home) -> std::thread::JoinHandle<()> {
    let (state, run) = (home.gonogo().join("state"), home.gonogo().join("run"));
    let cache = home.gonogo().join("cache");
    let (ready, is_ready) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let options = Options {
                resume: true,
                state_dir: state,
                cache_dir: cache,
                jobs: 2,
                grace: Duration::from_secs(1),
                hosts: gonogo::engine::docker::host::Hosts::default(),
                fix: FixPolicy { enabled: false, ..FixPolicy::default() },
                agents: gonogo::control::agents::world::World::default(),
                budgets: gonogo::domain::budget::BudgetPolicy::default(),
            };
            let control = Arc::new(handle::start(options, &tokio::runtime::Handle::current()).unwrap());
            let listener = address::listen(&run).await.unwrap();
            let stop = CancellationToken::new();
            let host = Host { protocol: 0, version: "0.0.1".into(), ..host() };
            let server = Server { attach: Arc::clone(&control) as _, host };
            let serving = tokio::spawn(server.serve(listener, stop.clone()));
            ready.send(()).unwrap();
            control.ended().await;
            std::fs::remove_file(address::socket(&run)).unwrap();
            stop.cancel();
            serving.await.unwrap();
            let Ok(control) = Arc::try_unwrap(control) else { panic!("control is still in use") };
            control.shut_down(Actor::Policy).await;
        });
    });
    is_ready.recv().unwrap();
    thread
}

#[test]
fn an_older_one_that_is_idle_makes_room_at_once() {
    let home = Home::with_daemon();
    let project = home.project("shop", "[pipelines.ci.jobs.a]\nsteps = [\"true\"]\n");
    let older = older(&home);
    contains(&home.run(&project, &["run"]).expect(0).stdout, "run 1 passed");
    older.join().unwrap();
    contains(&home.ask(&["daemon", "status"]).expect(0).stdout, env!("CARGO_PKG_VERSION"));
}

#[test]
fn an_older_one_that_is_at_work_finishes_first() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    // Begun by the older one itself, which knows nothing of newer callers.
    let before = home.start(&project, &["run", "--in-process"]);
    project.wait_for_file("../started");
    before.signal(nix::sys::signal::Signal::SIGKILL);
    before.finish();
    std::fs::remove_file(project.root.join("../started")).unwrap();
    let older = older(&home);
    crate::caller::wait(async {
        let mut stream = tokio::net::UnixStream::connect(home.gonogo().join("run/gonogo.sock")).await.unwrap();
        crate::upgrade::retry(&mut stream).await;
        project.wait_for_file("../started");
        let refused = home.run(&project, &["run"]).expect(255).stderr;
        contains(&refused, "is version 0.0.1");
        contains(&refused, "asked to end when its runs have ended");
        project.write("../go", "");
        drop(stream);
    });
    older.join().unwrap();
    contains(&home.run(&project, &["run"]).expect(0).stdout, "run 2 passed");
    assert_eq!(home.state().runs[&RunId(1)].outcome, Some(RunOutcome::Passed), "nothing was cut off");
}

/// Speaks as a client of the older version: runs the first run again.
async fn retry(stream: &mut tokio::net::UnixStream) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let say = |text: &str| {
        let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let path = std::env::var("PATH").unwrap();
    let attach = format!(
        r#"{{"want":"attach","protocol":0,"version":"0.0.1","kind":"command","from":"here","environment":{{"PATH":"{path}"}},"since":null}}"#
    );
    let retry = r#"{"ask":{"command":{"id":7,"command":{"do":"retry","run":1,"what":{"kind":"all"}}}}}"#;
    stream.write_all(&say(&attach)).await.unwrap();
    stream.write_all(&say(retry)).await.unwrap();
    let mut some = [0; 64];
    assert!(stream.read(&mut some).await.unwrap() > 0);
}
