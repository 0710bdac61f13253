//! `gonogo diagnose FILE|-`.

use std::{
    fs,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::report::Problem;
use crate::{
    diagnose::{Hints, diagnose},
    domain::diagnosis::{Diagnosis, Diagnostic},
};

/// Further findings that the summary names.
const FURTHER: usize = 20;

/// Arguments of `gonogo diagnose`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The log; `-` reads standard input
    pub file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// How the job's process ended
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub exit_code: Option<i32>,
    /// A JUnit XML report, or a glob of them; may be given again
    #[arg(long, value_name = "FILE")]
    pub report: Vec<String>,
}

/// Reads the log and prints what it says.
pub fn run(args: &Args) -> Result<ExitCode, Problem> {
    let output = read(&args.file)?;
    let mut reports = Vec::new();
    for pattern in &args.report {
        for path in matching(pattern)? {
            let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            reports.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    let hints = Hints { exit_code: args.exit_code, reports, ..Hints::default() };
    let diagnosis = diagnose(&output, &hints);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.json { json(&mut out, &diagnosis) } else { summary(&mut out, &diagnosis) };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &io::Error) -> Problem {
    Problem::usage(format!("cannot read {}", file.display()))
        .because(error)
        .hint("name a log file, or `-` to read it from standard input: `gh run view --log | gonogo diagnose -`")
}

/// The file of that name, or the files that the glob matches.
fn matching(pattern: &str) -> Result<Vec<PathBuf>, Problem> {
    let special = pattern.find(['*', '?', '[', '{']);
    let Some(special) = special.filter(|_| !Path::new(pattern).exists()) else { return Ok(vec![pattern.into()]) };
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    let glob =
        glob.map_err(|error| Problem::usage(format!("`{pattern}` is no glob")).because(&error))?.compile_matcher();
    let base = Path::new(&pattern[..special]).parent().map(Path::to_path_buf).unwrap_or_default();
    let root = if base.as_os_str().is_empty() { Path::new(".") } else { &base };
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).build();
    let mut files: Vec<PathBuf> = walk
        .flatten()
        .map(|entry| entry.path().strip_prefix("./").unwrap_or(entry.path()).to_path_buf())
        .filter(|path| path.is_file() && glob.is_match(path))
        .collect();
    files.sort();
    Ok(files)
}

fn json(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, diagnosis).map_err(io::Error::from)?;
    writeln!(out)
}

fn summary(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let tool = diagnosis.tool.as_deref().map(|tool| format!(" ({tool})")).unwrap_or_default();
    let guess = if diagnosis.confidence < 0.5 { ", a guess" } else { "" };
    writeln!(out, "{}{tool}{guess}", diagnosis.category)?;
    match &diagnosis.primary {
        Some(primary) => writeln!(out, "  {}", line(primary))?,
        None => writeln!(out, "  nothing in it says why it failed")?,
    }
    if let Some((first, last)) = diagnosis.evidence {
        let lines = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
        writeln!(out, "  {lines} of the output")?;
    }
    let further: Vec<&Diagnostic> = diagnosis.diagnostics.iter().skip(1).collect();
    if !further.is_empty() {
        writeln!(out, "\nalso")?;
        list(out, further.iter().map(|finding| line(finding)))?;
    }
    if !diagnosis.tests.is_empty() {
        writeln!(out, "\nfailing tests")?;
        list(out, diagnosis.tests.iter().cloned())?;
    }
    writeln!(out, "\nrepair: {}", repair(diagnosis))?;
    writeln!(out, "fingerprint: {}", diagnosis.fingerprint)
}

fn list(out: &mut impl Write, mut lines: impl ExactSizeIterator<Item = String>) -> io::Result<()> {
    let more = lines.len().saturating_sub(FURTHER);
    for line in lines.by_ref().take(FURTHER) {
        writeln!(out, "  {line}")?;
    }
    if more > 0 {
        writeln!(out, "  +{more} more")?;
    }
    Ok(())
}

/// Place, code and message as far as they are known.
fn line(finding: &Diagnostic) -> String {
    let code = finding.code.as_deref().filter(|code| !finding.message.contains(code)).map(|code| format!("[{code}]"));
    let parts = [finding.place(), code.unwrap_or_default(), finding.message.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What kind of repair is possible.
fn repair(diagnosis: &Diagnosis) -> &'static str {
    use crate::domain::diagnosis::Category::{Deploy, Format, Lint, Unknown};
    match diagnosis.category {
        Unknown => "unknown: a person has to look",
        Format | Lint => "the tool's own fixer may do it",
        Deploy => "not by a patch alone: the target has to be looked at",
        category if category.may_retry() => "none by a patch: run it again",
        category if category.can_repair() => "a change of the repository's files",
        _ => "none",
    }
}
