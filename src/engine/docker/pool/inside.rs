//! What runs inside a member, and ending it. A member has processes of its own; those of an assignment carry the variable
//! `GONOGO_LEASE`, by which they are found from within: the engine may be on another machine.

use bollard::{
    Docker,
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use futures::StreamExt as _;

use crate::{domain::container::EngineFault, engine::docker::fault::Fault, protocol::environment::LEASE};

/// More than this is never said by what is run here.
const MOST: usize = 64 << 10;

/// So often what does not end is ended again.
const ROUNDS: u32 = 20;

/// Whose processes are in a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Inside {
    /// Of a job: nobody hears it any more.
    pub(super) jobs: bool,
    /// Of a person or an agent, who may still be there.
    pub(super) people: bool,
}

/// Whose processes of leases that begin with `prefix` are in a container.
pub(super) async fn look(docker: &Docker, id: &str, prefix: &str) -> Result<Inside, Fault> {
    let script = each(&[(&format!("{prefix}j"), "echo jobs"), (&format!("{prefix}p"), "echo people")]);
    let (said, _) = run(docker, id, &script).await?;
    Ok(Inside { jobs: said.contains("jobs"), people: said.contains("people") })
}

/// Sends a signal to all processes of a lease; gives how many there were.
pub(super) async fn signal(docker: &Docker, id: &str, lease: &str, signal: &str) -> Result<usize, Fault> {
    let script = each(&[(lease, &format!("kill -{signal} ${{p#/proc/}} 2>/dev/null && echo one"))]);
    let (said, _) = run(docker, id, &script).await?;
    Ok(said.lines().filter(|line| *line == "one").count())
}

/// Ends all processes of a lease, or of all leases that begin so; says whether there were any.
pub(super) async fn end(docker: &Docker, id: &str, lease: &str) -> Result<bool, Fault> {
    for round in 0..ROUNDS {
        if signal(docker, id, lease, "KILL").await? == 0 {
            return Ok(round > 0);
        }
    }
    Err(Fault::new(EngineFault::Refused, "processes in it can't be ended", "they come again, or don't go"))
}

/// A script that does something with each process that has one of these leases. Only the shell and `cat` are needed.
fn each(cases: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;
    let mut script = String::from("for p in /proc/[0-9]*; do case \"$(cat $p/environ 2>/dev/null)\" in");
    for (lease, act) in cases {
        let _ = write!(script, " *{LEASE}={lease}*) {act};;");
    }
    // What was asked of a process that has just gone is no failure.
    script.push_str(" esac; done 2>/dev/null; exit 0");
    script
}

/// Runs a command with `sh` as root; gives what it printed and its exit status.
async fn run(docker: &Docker, id: &str, script: &str) -> Result<(String, i64), Fault> {
    let failed = |error| Fault::of("nothing could be run in it", &error);
    let exec = CreateExecOptions {
        cmd: Some(vec!["sh", "-c", script]),
        user: Some("0"),
        attach_stdout: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(id, exec).await.map_err(failed)?.id;
    let started = docker.start_exec(&exec, None::<StartExecOptions>).await.map_err(failed)?;
    let StartExecResults::Attached { mut output, .. } = started else { return Ok((String::new(), 0)) };
    let mut text = Vec::new();
    while let Some(part) = output.next().await {
        if let LogOutput::StdOut { message } = part.map_err(failed)?
            && text.len() < MOST
        {
            text.extend_from_slice(&message);
        }
    }
    let exit = docker.inspect_exec(&exec).await.map_err(failed)?.exit_code.unwrap_or(-1);
    if exit == 0 {
        return Ok((String::from_utf8_lossy(&text).into_owned(), exit));
    }
    let why = format!("it has no `sh`, or can't run it (exit {exit})");
    Err(Fault::new(EngineFault::Refused, "nothing could be run in it", why))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    #[test]
    fn processes_of_a_lease_are_found_and_no_others() {
        let lease = format!("test{}p1", std::process::id());
        let mut one = Command::new("sleep").arg("60").env(LEASE, &lease).spawn().unwrap();
        let mut other = Command::new("sleep").arg("60").env(LEASE, "another").spawn().unwrap();
        let script = each(&[(&lease, "echo ${p#/proc/}")]);
        let said = Command::new("sh").args(["-c", &script]).output().unwrap();
        let (found, end) = (String::from_utf8_lossy(&said.stdout).into_owned(), said.status.success());
        one.kill().unwrap();
        other.kill().unwrap();
        one.wait().unwrap();
        other.wait().unwrap();
        assert_eq!(found.lines().collect::<Vec<_>>(), [one.id().to_string()]);
        assert!(end);
    }
}
