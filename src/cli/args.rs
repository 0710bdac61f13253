//! What can be typed. Each subcommand's own arguments stand in its file.

use clap::{Parser, Subcommand};

use super::{
    answer, approvals, attach, backup, change, completions, config, cost, daemon, demo, diagnose, doctor, env, exec,
    init, logs, pictures, prices, prune, ps, run, stats, status, watch,
};

/// Mission control for software delivery, in a terminal.
#[derive(Debug, Parser)]
#[command(name = "gonogo", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; without it, the board.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Work without a daemon: what is under way ends with this command
    #[arg(long, global = true, env = "GONOGO_IN_PROCESS", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub in_process: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a pipeline and watch it to its end, in plain lines
    Run(run::Args),
    /// Watch what happens, in plain lines or JSON
    Watch(watch::Args),
    /// Say how projects and runs stand
    Status(status::Args),
    /// Print the output of a job, or of a container
    Logs(logs::Args),
    /// List the containers of all engines
    Ps(ps::Args),
    /// Show what containers use of the machine
    Stats(stats::Args),
    /// Run a command in a container
    Exec(exec::Args),
    /// Say what models and minutes of engines cost, and what budgets are left
    Cost(cost::Args),
    /// List what models cost, and take over lists of prices
    Prices(prices::Args),
    /// List what waits for an answer, or show one with its diff and proof
    Approvals(approvals::Args),
    /// Answer GO: apply a proposal, open a gate
    Go(answer::GoArgs),
    /// Answer NO-GO, with words
    Nogo(answer::NoGoArgs),
    /// Stop a run or one of its jobs
    Cancel(change::CancelArgs),
    /// Run the failed jobs of a run again
    Retry(change::RetryArgs),
    /// Look for a repair of a failed job again
    Repair(change::RepairArgs),
    /// Take back an applied proposal
    Undo(change::UndoArgs),
    /// Look at the repository and write a gonogo.toml whose pipeline runs there
    Init(init::Args),
    /// Check and describe the configuration files
    Config(config::Args),
    /// Say what a failing log says: category, place, findings, fingerprint
    Diagnose(diagnose::Args),
    /// Open the board of a gonogo, here or on another machine by ssh
    Attach(attach::Args),
    /// Start, end and look after the process in which runs go on without a terminal
    Daemon(daemon::Args),
    /// Show on a small real project what gonogo does
    Demo(demo::Args),
    /// Say whether machine, terminal and files are fit for work
    Doctor(doctor::Args),
    /// Keep prepared containers, and work in them
    Env(env::Args),
    /// Copy everything that is recorded into a file, also while gonogo is at work
    Backup(backup::BackupArgs),
    /// Put a copy in the place of what is recorded, and keep that
    Restore(backup::RestoreArgs),
    /// Delete old runs, outputs, job caches and workspaces
    Prune(prune::Args),
    /// Draw the pictures of the documentation
    #[command(hide = true)]
    Pictures(pictures::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}
