//! A systemd user unit: the daemon starts when its user logs in, or with the machine where lingering is on.

use std::{path::PathBuf, process::ExitCode};

use crate::config::paths::HOME_VARIABLE;

use super::super::{place::Place, plain::say, report::Problem};

/// Arguments of `gonogo daemon install`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only print the unit
    #[arg(long)]
    print: bool,
    /// Remove the unit
    #[arg(long, conflicts_with = "print")]
    remove: bool,
}

/// Writes, prints or removes the unit.
pub fn run(place: &Place, args: &Args) -> Result<ExitCode, Problem> {
    let program = std::env::current_exe()?;
    // Whole, as it was worked out here: systemd starts the daemon in another directory.
    let moved = std::env::var(HOME_VARIABLE).is_ok_and(|home| !home.is_empty());
    let home = place.paths.config_file.parent().filter(|_| moved).map(|home| home.display().to_string());
    let unit = unit(&program.display().to_string(), home.as_deref());
    if args.print {
        say(unit.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let path = path()?;
    if args.remove {
        match std::fs::remove_file(&path) {
            Ok(()) => {
                say(&format!("removed {}", path.display()));
                say("next: systemctl --user daemon-reload");
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => say_nothing_there(&path),
            Err(error) => return Err(error.into()),
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&path, unit)?;
    say(&format!("wrote {}", path.display()));
    say("next: systemctl --user daemon-reload && systemctl --user enable --now gonogo");
    say("to keep it when you log out, and to start it with the machine: loginctl enable-linger");
    Ok(ExitCode::SUCCESS)
}

fn say_nothing_there(path: &std::path::Path) {
    say(&format!("there is no {}", path.display()));
}

/// `systemd.unit(5)`: units of a user are looked for in `$XDG_CONFIG_HOME/systemd/user`.
fn path() -> Result<PathBuf, Problem> {
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    let config = config.ok_or_else(|| Problem::usage("there is no home directory").hint("set HOME, or use --print"))?;
    Ok(config.join("systemd/user/gonogo.service"))
}

/// A text between quotes as systemd.syntax(7) reads it: `%` begins a specifier, `"` ends the text, `\` begins an escape.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '%' => quoted.push('%'),
            '"' | '\\' => quoted.push('\\'),
            _ => {}
        }
        quoted.push(c);
    }
    format!("\"{quoted}\"")
}

/// The unit. Jobs are ended by gonogo itself, which is told first; systemd ends what is left.
fn unit(program: &str, home: Option<&str>) -> String {
    let home =
        home.map(|home| format!("Environment={}\n", quoted(&format!("{HOME_VARIABLE}={home}")))).unwrap_or_default();
    // The path of a program, unlike its arguments, takes no variables: a `$` in it is one.
    let program = quoted(program);
    format!(
        "[Unit]
Description=gonogo: mission control for software delivery

[Service]
Type=exec
ExecStart={program} daemon serve --take-over
{home}Restart=on-failure
RestartSec=1
KillMode=mixed
TimeoutStopSec=90

[Install]
WantedBy=default.target
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_says_which_program_and_which_home() {
        let unit = unit("/opt/my tools/gonogo", Some("/srv/go"));
        assert!(unit.contains("ExecStart=\"/opt/my tools/gonogo\" daemon serve --take-over\n"));
        assert!(unit.contains("Environment=\"GONOGO_HOME=/srv/go\"\n"));
        assert!(unit.lines().all(|line| line.is_empty() || line.starts_with('[') || line.contains('=')));
    }

    #[test]
    fn what_means_something_to_systemd_is_escaped() {
        let unit = unit(r#"/opt/50%/a "b"\c/$d"#, Some(r#"/srv/%h/"x"\y$z"#));
        assert!(unit.contains("ExecStart=\"/opt/50%%/a \\\"b\\\"\\\\c/$d\" daemon serve"), "{unit}");
        assert!(unit.contains("Environment=\"GONOGO_HOME=/srv/%%h/\\\"x\\\"\\\\y$z\"\n"), "{unit}");
    }
}
