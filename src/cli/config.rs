//! `gonogo config check|schema|path`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    place::{find_paths, working_directory},
    report::Problem,
};
use crate::config::{
    definition::{self, FILE_NAME},
    error::ConfigError,
    paths::Paths,
    schema, settings,
};

/// Arguments of `gonogo config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check gonogo.toml (here or above) and config.toml, and name every mistake
    Check {
        /// A gonogo.toml, or a directory in or below whose repository one stands
        path: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a file
    Schema {
        /// Whose: gonogo.toml (definition) or config.toml (user)
        #[arg(value_enum, default_value_t = Which::Definition)]
        which: Which,
    },
    /// Say where the files are
    Path {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Definition,
    User,
}

/// Does what was asked.
pub fn run(args: &Args) -> Result<ExitCode, Problem> {
    let paths = find_paths()?;
    match &args.command {
        ConfigCommand::Check { path, json } => check(path.as_deref(), *json, &paths),
        ConfigCommand::Schema { which } => {
            let schema = match which {
                Which::Definition => schema::definition(),
                Which::User => schema::settings(),
            };
            print(&format!("{schema:#}"))
        }
        ConfigCommand::Path { json } => where_they_are(*json, &paths),
    }
}

/// Prints a text and ends its line.
pub(super) fn print(text: &str) -> Result<ExitCode, Problem> {
    match writeln!(std::io::stdout(), "{text}") {
        // Nobody is reading any more.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        done => Ok(done.map(|()| ExitCode::SUCCESS)?),
    }
}

/// The `gonogo.toml` that a path means.
fn locate(path: Option<&Path>) -> Result<Option<PathBuf>, Problem> {
    match path {
        Some(path) if path.is_file() => Ok(Some(path.to_owned())),
        Some(path) if !path.exists() => Err(Problem::usage(format!("there is no `{}`", path.display()))),
        Some(path) => match definition::find(path) {
            Some(file) => Ok(Some(file)),
            None => Err(Problem::usage(format!("there is no {FILE_NAME} in `{}` or above", path.display()))
                .hint("`gonogo init` writes one")),
        },
        None => {
            let here = working_directory()?;
            let file = definition::find(&here);
            // Shorter to read, and what an editor started here understands.
            Ok(file.map(|file| file.strip_prefix(&here).map(Path::to_owned).unwrap_or(file)))
        }
    }
}

fn check(path: Option<&Path>, json: bool, paths: &Paths) -> Result<ExitCode, Problem> {
    let unreadable = |error: &definition::ReadError| Problem::usage("the configuration can't be read").because(error);
    let home = std::env::home_dir();
    let user = settings::load(&paths.config_file, home.as_deref()).map_err(|error| unreadable(&error))?;
    let mut checked = vec![(paths.config_file.clone(), paths.config_file.exists(), user.problems)];
    match locate(path)? {
        Some(file) => {
            let loaded = definition::load(&file, &user.settings.fix).map_err(|error| unreadable(&error))?;
            checked.insert(0, (file, true, loaded.problems));
        }
        None => checked.insert(0, (PathBuf::from(FILE_NAME), false, Vec::new())),
    }
    let problems: Vec<&ConfigError> = checked.iter().flat_map(|(_, _, problems)| problems).collect();
    if json {
        let files: Vec<Value> = checked
            .iter()
            .map(|(file, found, problems)| json!({ "file": file, "found": found, "problems": problems.len() }))
            .collect();
        print(&format!("{:#}", json!({ "ok": problems.is_empty(), "files": files, "problems": problems })))?;
    } else {
        for problem in &problems {
            print(&format!("{problem}\n"))?;
        }
        for (file, found, problems) in &checked {
            let said = match (found, problems.len()) {
                (false, _) if file.ends_with(FILE_NAME) => "not there: `gonogo init` writes one".to_owned(),
                (false, _) => "not there, which is fine: the defaults hold".to_owned(),
                (true, 0) => "right".to_owned(),
                (true, 1) => "1 mistake".to_owned(),
                (true, many) => format!("{many} mistakes"),
            };
            print(&format!("{}: {said}", file.display()))?;
        }
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn where_they_are(json: bool, paths: &Paths) -> Result<ExitCode, Problem> {
    let definition = locate(None)?;
    if json {
        let object = json!({
            "definition": definition, "config": paths.config_file,
            "state": paths.state_dir, "cache": paths.cache_dir, "runtime": paths.runtime_dir,
        });
        return print(&format!("{object:#}"));
    }
    let definition = definition.map_or_else(|| "(none here or above)".to_owned(), |file| file.display().to_string());
    print(&format!("{FILE_NAME:<14}{definition}"))?;
    let rows = [
        ("config.toml", &paths.config_file),
        ("state", &paths.state_dir),
        ("cache", &paths.cache_dir),
        ("runtime", &paths.runtime_dir),
    ];
    for (name, path) in rows {
        print(&format!("{name:<14}{}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
