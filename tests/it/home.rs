//! A place of its own for each test: configuration, state, caches, projects and temporary files in one directory that goes
//! away, and the program run in it with a deadline.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use gonogo::{domain::id::Seq, protocol::event::Record, state::board::State, store::log::LogReader};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// Nothing that a test waits for takes longer, even on a machine that is busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// What the tests want of gonogo unless they say otherwise: repairs only where a project asks for them.
const SETTINGS: &str = "[limits]\njobs = 4\ngrace = \"1s\"\n\n[fix]\nenabled = false\n";

/// The directory of one test. Dropping it ends every process that was started in it.
pub struct Home {
    dir: tempfile::TempDir,
    /// Commands go to a daemon.
    daemon: bool,
    variables: Vec<(String, String)>,
}

/// A git repository with a `gonogo.toml`.
pub struct Project {
    pub root: PathBuf,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("gonogo-it-").tempdir().unwrap();
        for name in ["gonogo", "person", "tmp", "projects"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let home = Self { dir, daemon: false, variables: Vec::new() };
        home.settings(SETTINGS);
        home
    }

    /// A home in which commands go to a daemon, as they do unless somebody says otherwise.
    pub fn with_daemon() -> Self {
        let mut home = Self::new();
        home.daemon = true;
        home
    }

    /// Writes `config.toml`.
    pub fn settings(&self, text: &str) {
        fs::write(self.gonogo().join("config.toml"), text).unwrap();
    }

    /// Sets a variable of the environment that gonogo is started from.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `GONOGO_HOME`.
    pub fn gonogo(&self) -> PathBuf {
        self.dir.path().join("gonogo")
    }

    /// `TMPDIR`.
    pub fn tmp(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    /// A repository of this name with this `gonogo.toml`, committed.
    pub fn project(&self, name: &str, definition: &str) -> Project {
        self.project_with(name, &[("gonogo.toml", definition)])
    }

    /// A repository of this name with these files, committed.
    pub fn project_with(&self, name: &str, files: &[(&str, &str)]) -> Project {
        let root = self.dir.path().canonicalize().unwrap().join("projects").join(name);
        fs::create_dir_all(&root).unwrap();
        let project = Project { root };
        for (path, text) in files {
            project.write(path, text);
        }
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["config", "user.name", "A Person"]);
        project.git(&["config", "user.email", "person@example.org"]);
        project.git(&["config", "commit.gpgsign", "false"]);
        project.commit("the beginning");
        project
    }

    /// The environment that gonogo is started from: nothing of the test's own but what tools need to be found.
    pub fn environment(&self) -> Vec<(String, String)> {
        let tools = |name: &str, below: &str| {
            let own = std::env::var(name).ok();
            let found = own.or_else(|| std::env::var("HOME").ok().map(|home| format!("{home}/{below}")))?;
            Path::new(&found).exists().then(|| (name.to_owned(), found))
        };
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut all = vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".to_owned(), text(self.dir.path().join("person"))),
            ("USER".to_owned(), "tester".to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("GONOGO_HOME".to_owned(), text(self.gonogo())),
            ("TMPDIR".to_owned(), text(self.tmp())),
        ];
        if !self.daemon {
            all.push(("GONOGO_IN_PROCESS".to_owned(), "1".to_owned()));
        }
        all.extend(tools("CARGO_HOME", ".cargo"));
        all.extend(tools("RUSTUP_HOME", ".rustup"));
        all.extend(std::env::var("RUSTUP_TOOLCHAIN").ok().map(|value| ("RUSTUP_TOOLCHAIN".to_owned(), value)));
        all.extend(self.variables.iter().cloned());
        all
    }

    /// The program with these arguments, to be started in `dir`.
    pub fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gonogo"));
        command.args(args).current_dir(dir).env_clear().envs(self.environment()).stdin(Stdio::null());
        command
    }

    /// Runs the program in a project, to its end.
    pub fn run(&self, project: &Project, args: &[&str]) -> Ran {
        finish(self.command(&project.root, args))
    }

    /// Runs the program where there is no project, to its end.
    pub fn ask(&self, args: &[&str]) -> Ran {
        finish(self.command(&self.dir.path().join("person"), args))
    }

    /// Starts the program in a project and leaves it running.
    pub fn start(&self, project: &Project, args: &[&str]) -> Running {
        Running::spawn(self.command(&project.root, args))
    }

    /// `status RUN --json`.
    pub fn status_of(&self, run: u64) -> Value {
        self.ask(&["status", &run.to_string(), "--json"]).json()
    }

    /// A job of a run, out of `status RUN --json`.
    pub fn job(&self, run: u64, key: &str) -> Value {
        let status = self.status_of(run);
        let jobs = status["jobs"].as_array().unwrap_or_else(|| panic!("no jobs: {status}"));
        jobs.iter().find(|job| job["key"] == key).unwrap_or_else(|| panic!("no job {key}: {status}")).clone()
    }

    /// Every record, out of `watch --json --since 0 --until-idle`.
    pub fn records(&self) -> Vec<Value> {
        self.ask(&["watch", "--json", "--since", "0", "--until-idle"]).records()
    }

    /// Every record so far, out of the log itself, whoever holds it.
    pub fn log(&self) -> Vec<Record> {
        let log = LogReader::open(&self.gonogo().join("state/records.db")).unwrap();
        if log.is_blank().unwrap() { Vec::new() } else { log.since(Seq(0), 1_000_000).unwrap() }
    }

    /// The state that the log makes.
    pub fn state(&self) -> State {
        let mut state = State::default();
        if self.gonogo().join("state/records.db").exists() {
            self.log().iter().for_each(|record| state.apply(record));
        }
        state
    }

    /// Waits until the state is so.
    #[track_caller]
    pub fn wait_state(&self, what: &str, is: impl Fn(&State) -> bool) -> State {
        wait_for(what, || {
            let state = self.state();
            if is(&state) { Ok(state) } else { Err(self.ask(&["status", "--json"]).stdout) }
        })
    }

    /// The output of a job.
    pub fn logs(&self, what: &str) -> String {
        let ran = self.ask(&["logs", what]);
        assert_eq!(ran.code(), 0, "{ran:?}");
        ran.stdout
    }

    /// Processes that jobs of this home have started and that are still there: id and command line.
    pub fn leftovers(&self) -> Vec<(i32, String)> {
        self.processes().into_iter().filter(|process| process.job).map(|process| (process.pid, process.line)).collect()
    }

    /// Waits until no process of a job is left, and says which are if they stay.
    pub fn expect_no_leftovers(&self) {
        wait_for("no process of a job to be left", || {
            let left = self.leftovers();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
    }

    /// Processes started in this home, which all know its temporary directory.
    fn processes(&self) -> Vec<Process> {
        let ours = format!("TMPDIR={}", self.tmp().display());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // One that has ended meanwhile, or is another user's, is none of ours.
            let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
            let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
            if variables.contains(&ours.as_bytes()) {
                let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                let job = variables.iter().any(|variable| variable.starts_with(b"GONOGO_JOB_ID="));
                found.push(Process { pid, line, job });
            }
        }
        found
    }
}

struct Process {
    pid: i32,
    line: String,
    job: bool,
}

impl Drop for Home {
    fn drop(&mut self) {
        // A test that failed may leave its program running, and what that started.
        for process in self.processes() {
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
    }
}

impl Project {
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        let path = self.root.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Runs git here, and gives what it printed.
    pub fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(args).current_dir(&self.root).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output: Output = git.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Waits until a job has written this file.
    pub fn wait_for_file(&self, path: &str) {
        wait_for(
            &format!("the file {path}"),
            || if self.has(path) { Ok(()) } else { Err("it is not there".to_owned()) },
        );
    }
}

/// The program, running.
pub struct Running {
    child: Child,
    readers: [JoinHandle<String>; 2],
}

impl Running {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let readers = [read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap())];
        Self { child, readers }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; one that takes too long is killed, and the test fails with what it had said.
    pub fn finish(mut self) -> Ran {
        let end = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() > end {
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if status.is_none() {
            self.child.kill().unwrap();
        }
        let [stdout, stderr] = self.readers.map(|reader| reader.join().unwrap());
        match status {
            Some(status) => Ran { status, stdout, stderr },
            None => panic!("it did not end in {DEADLINE:?}\n{}\n{}", last(&stdout), last(&stderr)),
        }
    }
}

/// The last of a long text.
fn last(text: &str) -> &str {
    let at = text.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
    &text[at..]
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs a command to its end.
pub fn finish(command: Command) -> Ran {
    Running::spawn(command).finish()
}

impl Ran {
    /// The exit status; a signal fails the test.
    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// Asserts the exit status, and shows everything where it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert!(
            self.status.code() == Some(code),
            "wanted exit {code}, got {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            last(&self.stdout),
            last(&self.stderr)
        );
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output as a JSON value a line.
    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// Both outputs, for what may stand in either.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Waits until `look` finds what it looks for; fails with what it saw last.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < end, "waited for {what}, but {seen}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Asserts that a text contains another, and shows both where it doesn't.
#[track_caller]
pub fn contains(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "no {wanted:?} in:\n{}", last(text));
}

/// Whether a program is there; a test that needs one that isn't says that it has not been run.
pub fn is_there(program: impl AsRef<OsStr>) -> bool {
    let name = program.as_ref().to_string_lossy().into_owned();
    let found = std::env::var("PATH").is_ok_and(|path| path.split(':').any(|dir| Path::new(dir).join(&name).is_file()));
    if !found {
        eprintln!("NOT RUN: there is no {name} on this machine");
    }
    found
}
