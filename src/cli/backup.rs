//! `gonogo backup` and `gonogo restore`: everything that is recorded, in one file, and back.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use crate::{
    config::paths::private_directory,
    domain::id::RunId,
    store::{
        hold::{Held, Hold, HoldError, look},
        log::{
            FILE,
            replace::{self, About},
        },
        retain,
    },
};

use super::{
    doctor::size,
    place::{Place, Reach},
    plain::say,
    report::Problem,
    status::{nothing_yet, pretty},
};

/// Arguments of `gonogo backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Where the copy goes
    pub file: PathBuf,
    /// Replace a file that stands there
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gonogo restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// A copy that `gonogo backup` made
    pub file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

fn counts(about: &About) -> String {
    let s = |count: u64| if count == 1 { "" } else { "s" };
    format!("{} record{} of {} run{}", about.records, s(about.records), about.runs, s(about.runs))
}

/// Copies the log, whoever writes it meanwhile.
pub fn backup(args: &BackupArgs) -> Result<ExitCode, Problem> {
    let log = Place::find(Reach::Daemon)?.paths.state_dir.join(FILE);
    if !log.exists() {
        return Err(nothing_yet());
    }
    if args.file.exists() && !args.force {
        return Err(Problem::usage(format!("{} is there already", args.file.display()))
            .hint("name another file, or replace this one with `--force`"));
    }
    let is_log = |file: &Path| file.canonicalize().is_ok_and(|file| log.canonicalize().is_ok_and(|log| file == log));
    if args.file.is_dir() || is_log(&args.file) {
        return Err(Problem::usage(format!("a copy can't be put at {}", args.file.display())).hint("name another file"));
    }
    let about = replace::back_up(&log, &args.file).map_err(|error| {
        let mut problem = Problem::fault(format!("{} was not written", args.file.display())).because(&error);
        problem.hint.get_or_insert_with(|| "is the directory there, writable for you, with space in it?".to_owned());
        problem
    })?;
    if args.json {
        let said = json!({ "file": args.file, "records": about.records, "runs": about.runs, "bytes": about.bytes });
        say(&pretty(&said));
    } else {
        say(&format!("{}: {}, {}, checked", args.file.display(), counts(&about), size(about.bytes)));
        say("outputs and artifacts of jobs are not in it");
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a copy in the place of the log, and keeps what stood there.
pub fn restore(args: &RestoreArgs) -> Result<ExitCode, Problem> {
    let place = Place::find(Reach::Daemon)?;
    let directory = &place.paths.state_dir;
    if !args.file.is_file() {
        return Err(Problem::usage(format!("there is no file {}", args.file.display())));
    }
    let about = replace::check(&args.file)
        .map_err(|error| Problem::usage(format!("{} can't be restored", args.file.display())).because(&error))?;
    private_directory(directory)
        .map_err(|error| Problem::fault(format!("can't use {}", directory.display())).because(&error))?;
    let _hold = take_hold(directory)?;
    let kept = replace::restore(&args.file, directory)
        .map_err(|error| Problem::fault("nothing was restored").because(&error))?;
    let outputs = put_outputs_away(directory, about.newest_run, kept.as_deref())?;
    if args.json {
        let said = json!({
            "records": about.records, "runs": about.runs, "kept": kept, "outputs_kept": outputs,
        });
        say(&pretty(&said));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("restored {} from {}", counts(&about), args.file.display()));
    if let Some(outputs) = outputs {
        say(&format!("outputs of later runs are kept in {}", outputs.display()));
    }
    if let Some(kept) = kept {
        say(&format!("what was recorded until now is kept; to go back: gonogo restore '{}'", kept.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Holds the log for work that nobody may do beside a running gonogo.
pub fn take_hold(directory: &Path) -> Result<Hold, Problem> {
    Hold::take(directory).map_err(|error| match &error {
        HoldError::Taken { pid, .. } => Problem::no_go(&error).hint(match (look(directory), pid) {
            (Held::ByDaemon(_), _) => "end it first: `gonogo daemon stop`".to_owned(),
            (_, Some(pid)) => format!("end it first: close its board, or `kill {pid}`, which ends it in good order"),
            (_, None) => "end it first".to_owned(),
        }),
        HoldError::Io { .. } => Problem::fault("the log can't be held").because(&error),
    })
}

/// Outputs of runs that the restored log doesn't know: the next runs have their numbers, and must not find them. They are kept
/// beside the log that knows them.
pub fn put_outputs_away(directory: &Path, newest: RunId, kept: Option<&Path>) -> Result<Option<PathBuf>, Problem> {
    let name = kept.and_then(Path::file_name).map_or_else(|| "unknown".into(), |name| name.to_string_lossy());
    let mut away = None;
    for folder in ["output", "artifacts"] {
        for run in retain::later(&directory.join(folder), newest)? {
            let place = directory.join(format!("{name}-outputs"));
            std::fs::create_dir_all(place.join(folder))?;
            let to = place.join(folder).join(run.to_string());
            std::fs::rename(directory.join(folder).join(run.to_string()), to)?;
            away = Some(place);
        }
    }
    Ok(away)
}
