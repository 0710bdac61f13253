//! A thousand runs of five jobs in flight at once: from the exit of a job's process to its record's being on every client.
//! Limit: 50 ms for 99 of 100. `cargo bench --bench flight [-- RUNS]`

#![allow(clippy::expect_used, reason = "a bench that cannot go on has failed")]

mod screen;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use gonogo::{
    domain::{
        actor::Trigger,
        id::{JobKey, RunId},
    },
    ipc::client::{self, Call, CallError, Calling, Stream, Why},
    protocol::{
        command::Command,
        event::{Event, JobEvent, RunEvent},
        frame::{Ask, Frame},
        session::{Session, VisitorKind},
    },
};
use tokio::net::UnixStream;

const JOBS: usize = 5;
const LIMIT: f64 = 50.0;

struct Socket(PathBuf);

impl Call for Socket {
    fn call(&self, _why: Why) -> Calling<'_> {
        Box::pin(async {
            let stream = UnixStream::connect(&self.0).await.map_err(CallError::unreachable)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

#[tokio::main]
async fn main() {
    let runs: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1000);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let project = dir.path();
    fs::create_dir_all(project.join("home")).expect("a directory");
    fs::create_dir_all(project.join("ended")).expect("a directory");
    fs::write(project.join("home/config.toml"), "[limits]\njobs = 4\n").expect("a configuration");
    let job = |at: usize| {
        format!("[pipelines.ci.jobs.job-{at}]\nsteps = [\"exec date +%s%N > ended/$GONOGO_RUN-$GONOGO_JOB\"]\n")
    };
    fs::write(project.join("gonogo.toml"), (0..JOBS).map(job).collect::<String>()).expect("a definition");
    screen::run(project, &["daemon", "start"]);
    let daemon = screen::daemon(project);

    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.push(tokio::spawn(hear(attach(project).await, runs * JOBS)));
    }
    let mut asks = attach(project).await;
    let began = Instant::now();
    for _ in 0..runs {
        start(&mut asks, project).await;
    }
    drop(asks);
    println!("{runs} runs of {JOBS} jobs asked for in {:.2} s", began.elapsed().as_secs_f64());
    let mut late = Vec::new();
    for heard in heard {
        for ((run, job), at) in heard.await.expect("a client") {
            let ended = fs::read_to_string(project.join(format!("ended/{run}-{job}"))).expect("when it ended");
            late.push((at - ended.trim().parse::<i128>().expect("a time")) as f64 / 1e6);
        }
    }
    let took = began.elapsed().as_secs_f64();
    late.sort_by(f64::total_cmp);
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    println!(
        "{} jobs in {took:.1} s ({:.0} a second); exit to record on both clients: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms; limit {LIMIT} ms: {:.2}x",
        runs * JOBS,
        (runs * JOBS) as f64 / took,
        at(0.5),
        at(0.99),
        at(1.0),
        at(0.99) / LIMIT
    );
    println!("daemon: at most {:.0} MB", screen::peak_memory(daemon));
    screen::run(project, &["daemon", "stop", "--now"]);
}

async fn attach(project: &Path) -> Session {
    let socket = Socket(project.join("home/run/gonogo.sock"));
    let attached = client::attach(Arc::new(socket), client::caller(VisitorKind::Board, "a bench".into())).await;
    attached.expect("a session").0
}

async fn start(session: &mut Session, project: &Path) {
    let id = session.next_id();
    let command =
        Command::StartRun { root: project.to_owned(), pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual };
    session.ask(Ask::Command { id, command }).await.expect("a session");
    while !matches!(session.frame().await.expect("a session"), Frame::Reply { id: of, .. } if of == id) {}
}

/// When each job's end was heard, in nanoseconds since 1970.
async fn hear(mut session: Session, jobs: usize) -> HashMap<(RunId, JobKey), i128> {
    let mut heard = HashMap::new();
    while heard.len() < jobs {
        let frame =
            tokio::time::timeout(Duration::from_mins(2), session.frame()).await.expect("something within two minutes");
        let Frame::Records(records) = frame.expect("a session") else { continue };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as i128;
        for record in records {
            if let Event::Run { run, event: RunEvent::Job { job, event: JobEvent::Finished { .. } } } = &record.event {
                heard.insert((*run, job.clone()), now);
            }
        }
    }
    heard
}
