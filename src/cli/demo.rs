//! `gonogo demo`: a small real project whose pipeline fails in three ways, repaired before your eyes.

use std::{
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{domain::actor::Trigger, protocol::command::Command, state::approval};

use crate::workspace::git::Git;

use super::{
    attend::Manner,
    board,
    connect::with_client,
    place::{Place, Reach},
    plain::say,
    report::Problem,
    run::start_and_attend,
};

/// Arguments of `gonogo demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Answer GO to every proposal (in plain lines)
    #[arg(long)]
    pub go: bool,
    /// Plain lines rather than the board
    #[arg(long)]
    pub plain: bool,
    /// Where to put the project; without it, a new temporary directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The project: path and text of each file.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../assets/demo/Cargo.toml.txt")),
    ("Cargo.lock", include_str!("../../assets/demo/Cargo.lock.txt")),
    (".gitignore", include_str!("../../assets/demo/gitignore.txt")),
    ("gonogo.toml", include_str!("../../assets/demo/gonogo.toml")),
    ("src/lib.rs", include_str!("../../assets/demo/src/lib.rs")),
    ("src/clock.rs", include_str!("../../assets/demo/src/clock.rs")),
    ("src/poll.rs", include_str!("../../assets/demo/src/poll.rs")),
    ("tests/launch.rs", include_str!("../../assets/demo/tests/launch.rs")),
];

/// Runs the demo.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    place.warn();
    check_tools().await?;
    let root = make_project(args.dir.as_deref()).await?;
    let start = Command::StartRun { root: root.clone(), pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual };
    let on_board = !args.plain && !args.go && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if on_board {
        let left = board::open(&place, Some(root.clone()), Some(start)).await?;
        say(&format!("the demo's project: {} (`git log` there shows the repairs)", root.display()));
        return Ok(left);
    }
    say(&format!("A small Rust project, with three faults: {}", root.display()));
    say("Its pipeline runs now. What fails is diagnosed, repaired in a workspace of its own, and proven there.\n");
    let done = with_client(&place, 3, async |client| {
        let manner = Manner { json: false, go: args.go, tail: 0, stays: reach == Reach::Daemon };
        let ended = start_and_attend(client, start, manner).await?;
        Ok::<_, Problem>((ended, approval::pending(&client.state).len()))
    })
    .await;
    let (ended, waiting) = done?;
    if args.go {
        say("\nThe repairs, as they stand in the project's history:");
        say(git(&root, &["log", "--oneline", "--stat", "-4"]).await?.trim_end());
        return Ok(ended);
    }
    if waiting > 0 {
        say(&format!("\n{waiting} proposals wait for you. Nothing has been changed in the project."));
        say("Look at them with `gonogo approvals`, answer with `gonogo go ID` or `gonogo nogo ID --why \"...\"`.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ended)
}

/// The demo's pipeline needs these; a machine without them is told before anything is begun.
async fn check_tools() -> Result<(), Problem> {
    let needed = [
        ("git", &["--version"][..], "install git"),
        ("cargo", &["--version"], "install Rust: https://rustup.rs"),
        ("cargo", &["fmt", "--version"], "rustup component add rustfmt"),
        ("cargo", &["clippy", "--version"], "rustup component add clippy"),
    ];
    for (program, args, hint) in needed {
        let ran = tokio::process::Command::new(program).args(args).output().await;
        if !ran.is_ok_and(|output| output.status.success()) {
            let what =
                format!("the demo needs `{program} {}`", args.first().unwrap_or(&"").trim_start_matches("--version"));
            return Err(Problem::usage(what.trim_end().replace(" `", "`")).hint(hint));
        }
    }
    Ok(())
}

async fn make_project(dir: Option<&Path>) -> Result<PathBuf, Problem> {
    let root = match dir {
        Some(dir) if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) => {
            return Err(Problem::usage(format!("{} is not empty", dir.display())).hint("name a new directory"));
        }
        Some(dir) => {
            fs::create_dir_all(dir)?;
            dir.to_owned()
        }
        None => tempfile::Builder::new().prefix("gonogo-demo-").tempdir()?.keep().join("countdown"),
    };
    for (path, text) in FILES {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    let root = root.canonicalize()?;
    git(&root, &["init", "--quiet"]).await?;
    // An identity of its own, so that the demo works where git has none.
    git(&root, &["config", "user.name", "gonogo demo"]).await?;
    git(&root, &["config", "user.email", "demo@localhost"]).await?;
    git(&root, &["config", "commit.gpgsign", "false"]).await?;
    git(&root, &["add", "--all"]).await?;
    git(&root, &["commit", "--quiet", "--no-verify", "--message", "a countdown, with three faults"]).await?;
    Ok(root)
}

/// Through the one way to run git, which heeds no `GIT_DIR` of whoever started us.
async fn git(root: &Path, args: &[&str]) -> Result<String, Problem> {
    let ran = Git::new(root).args(args).text().await;
    ran.map_err(|error| {
        Problem::fault(format!("`git {}` failed in {}", args.join(" "), root.display())).because(&error)
    })
}
