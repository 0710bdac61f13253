//! Asks the compiler, follows it, asks again, as long as it gets better.

use std::path::Path;

use crate::fix::repair::port::{CommandRun, RepairError, RepairPort};

use super::{edit, rustc};

/// So often is the compiler asked at most.
const ASKED: usize = 12;

/// Runs `command` and makes the changes that it is sure of; where there are none, those that may be right, one at a time,
/// each kept only if its error is gone and there are not more than before. Gives the last run.
pub(in crate::fix) async fn rustc<P: RepairPort>(
    port: &P,
    command: &str,
    root: &Path,
    label: &str,
) -> Result<CommandRun, RepairError> {
    let dir = command.strip_prefix("cd ").and_then(|rest| rest.split(" && ").next()).map(|dir| dir.trim_matches('\''));
    let dir = dir.map(str::to_owned);
    let mut run = port.run_command(command, root, label).await?;
    let mut said = rustc::read(&run.stdout);
    let mut refused: Vec<rustc::Change> = Vec::new();
    for _ in 1..ASKED {
        let fresh = |change: &&rustc::Change| !refused.contains(*change);
        let mut choice: Vec<rustc::Change> = said.sure.iter().filter(fresh).cloned().collect();
        let sure = !choice.is_empty();
        if !sure {
            choice.extend(said.maybe.iter().find(fresh).cloned());
        }
        if said.errors.is_empty() || choice.is_empty() {
            break;
        }
        let before = edit::changes(root, dir.as_deref(), choice.clone()).await.map_err(RepairError::Edit)?;
        if before.is_empty() {
            refused.extend(choice);
            continue;
        }
        let next = port.run_command(command, root, label).await?;
        let after = rustc::read(&next.stdout);
        // Once names are resolved, more may come to light; what is sure is kept even so.
        let mended = !choice.iter().any(|change| after.errors.contains(&change.error));
        let (then, now) = (said.errors.len(), after.errors.len());
        let better = sure || now < then || (now == then && mended) || next.status == Some(0);
        if better {
            (run, said) = (next, after);
            // Places have moved: what was refused there means nothing here.
            refused.clear();
        } else {
            before.restore().await.map_err(RepairError::Edit)?;
            refused.extend(choice);
        }
    }
    Ok(run)
}
