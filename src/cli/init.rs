//! `gonogo init`.

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{config::print, report::Problem};
use crate::{
    config::definition::{self, FILE_NAME},
    domain::definition::FixPolicy,
    survey::{self, Survey, machine::ThisMachine, write},
};

/// Arguments of `gonogo init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository; here, if it isn't given
    pub dir: Option<PathBuf>,
    /// Print the file instead of writing it
    #[arg(long)]
    pub print: bool,
    /// Replace a gonogo.toml that is there
    #[arg(long)]
    pub force: bool,
    /// Answer every question with yes
    #[arg(long, short)]
    pub yes: bool,
}

/// Looks at the repository and writes its `gonogo.toml`.
pub fn run(args: &Args) -> Result<ExitCode, Problem> {
    let directory = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    if !directory.is_dir() {
        return Err(Problem::usage(format!("`{}` is not a directory", directory.display())));
    }
    let survey = survey::survey(&directory, &ThisMachine);
    let text = write::definition(&survey);
    let wrong = definition::parse(FILE_NAME, &text, &FixPolicy::default()).problems;
    if let Some(problem) = wrong.first() {
        return Err(Problem::fault(format!("the file that was made for this repository is wrong:\n{problem}"))
            .hint("this is a mistake of gonogo's own; please report it"));
    }
    if args.print {
        return print(text.trim_end());
    }
    let file = directory.join(FILE_NAME);
    if file.exists() && !args.force && !args.yes && !may_replace(&file)? {
        return Err(Problem::no_go(format!("`{}` stays as it is", file.display())));
    }
    let cannot = |error: io::Error| Problem::fault(format!("cannot write `{}`", file.display())).because(&error);
    fs::write(&file, &text).map_err(cannot)?;
    print(story(&survey, &file).trim_end())
}

/// Asks, where somebody can answer.
fn may_replace(file: &Path) -> Result<bool, Problem> {
    let there = format!("`{}` is there already", file.display());
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Problem::usage(there).hint("`--force` replaces it, `--print` shows what would be written"));
    }
    eprint!("{there}. Replace it? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What was found, what became of it, and what to do next.
fn story(survey: &Survey, file: &Path) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.extend([words.as_str(), "\n"]);
    let seen = if survey.seen.is_empty() { "nothing that gonogo knows".to_owned() } else { survey.seen.join(", ") };
    line(format!("Found {seen}."));
    for job in survey.runnable() {
        let needs = if job.needs.is_empty() { String::new() } else { format!(" (after {})", job.needs.join(", ")) };
        line(format!("  {:<12} {}{needs}", job.name, job.why));
        for step in &job.steps {
            line(format!("  {:<12}   $ {}", "", step.run.replace('\n', "; ")));
        }
    }
    for job in survey.jobs.iter().filter(|job| job.hindered.is_some()) {
        line(format!("  {:<12} left out: {}", job.name, job.hindered.as_deref().unwrap_or_default()));
    }
    if !survey.skipped.is_empty() {
        let (count, were) = (survey.skipped.len(), if survey.skipped.len() == 1 { " was" } else { "s were" });
        line(format!("{count} step{were} not taken over; the file says which, and why."));
    }
    line(format!("Wrote {}.", file.display()));
    line(match survey.runnable().next() {
        Some(_) => "Next: `gonogo run` runs it; `gonogo` opens the board.".to_owned(),
        None => "Next: put the command in that checks your project, then `gonogo run`.".to_owned(),
    });
    text
}
