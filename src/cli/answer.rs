//! `gonogo go` and `gonogo nogo`: answers what waits.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::{
    domain::{definition::ApplyInto, id::ApprovalId},
    protocol::{
        command::{Command, Decision},
        thread::Scope,
    },
    state::proposal::ProposalStatus,
};

use super::{
    attend::{self, Manner, attend},
    client::Client,
    connect::with_client,
    permission,
    place::{Place, Reach},
    report::Problem,
};

/// Arguments of `gonogo go`.
#[derive(Debug, clap::Args)]
pub struct GoArgs {
    /// A proposal's number, RUN/GATE, or what an agent asks (tTHREAD/NUMBER)
    pub id: ApprovalId,
    /// What an agent asks: allow it for as long as this conversation goes on
    #[arg(long, conflicts_with = "always")]
    pub thread: bool,
    /// What an agent asks: allow always what fits this pattern (`cargo test *`); `gonogo rules` lists and revokes
    #[arg(long, value_name = "PATTERN")]
    pub always: Option<String>,
    /// The answer to an agent's question
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub say: String,
    /// Where the patch goes; without it, what the project's policy says
    #[arg(long, value_enum)]
    pub into: Option<Into>,
    /// Only if the proposal's hash begins with this (see `gonogo approvals ID`)
    #[arg(long)]
    pub hash: Option<String>,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Where a patch goes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Into {
    /// A commit on the current branch
    Commit,
    /// A commit on a new branch
    Branch,
    /// The working tree, uncommitted
    WorkingTree,
}

impl From<Into> for ApplyInto {
    fn from(into: Into) -> Self {
        match into {
            Into::Commit => Self::Commit,
            Into::Branch => Self::Branch,
            Into::WorkingTree => Self::WorkingTree,
        }
    }
}

/// Arguments of `gonogo nogo`.
#[derive(Debug, clap::Args)]
pub struct NoGoArgs {
    /// A proposal's number, RUN/GATE, or what an agent asks (tTHREAD/NUMBER)
    pub id: ApprovalId,
    /// In your words
    #[arg(long, default_value = "")]
    pub why: String,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Says GO, and attends what follows.
pub async fn go(args: GoArgs, reach: Reach) -> Result<ExitCode, Problem> {
    if let ApprovalId::Permission { thread, number } = args.id {
        let scope = match args.always {
            Some(pattern) => Scope::Always { pattern },
            None if args.thread => Scope::Thread,
            None => Scope::Once,
        };
        return permission::answer((thread, number), (true, scope, args.say), reach).await;
    }
    if args.thread || args.always.is_some() || !args.say.is_empty() {
        return Err(Problem::usage("--thread, --always and --say are for what an agent asks")
            .hint("`gonogo approvals` lists what waits"));
    }
    let into = args.into.map(ApplyInto::from);
    let wanted = args.hash;
    answer(args.id, args.json, reach, |client, id| match id {
        ApprovalId::Gate { .. } | ApprovalId::Permission { .. } => Ok(Decision::Go { hash: None, into: None }),
        ApprovalId::Proposal(number) => {
            let hash = client.state.proposals.get(number).map(|proposal| proposal.proposal.hash.clone());
            if let (Some(wanted), Some(hash)) = (&wanted, &hash)
                && !hash.as_str().starts_with(wanted.as_str())
            {
                return Err(Problem::no_go(format!("proposal {number} has the hash {}, not {wanted}", hash.short()))
                    .hint(format!("look at it again: gonogo approvals {number}")));
            }
            Ok(Decision::Go { hash, into })
        }
    })
    .await
}

/// Says NO-GO.
pub async fn nogo(args: NoGoArgs, reach: Reach) -> Result<ExitCode, Problem> {
    if let ApprovalId::Permission { thread, number } = args.id {
        return permission::answer((thread, number), (false, Scope::Once, args.why), reach).await;
    }
    answer(args.id, args.json, reach, |_, _| Ok(Decision::NoGo { why: args.why.clone() })).await
}

async fn answer(
    id: ApprovalId,
    json: bool,
    reach: Reach,
    decide: impl FnOnce(&Client, &ApprovalId) -> Result<Decision, Problem>,
) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    place.warn();
    with_client(&place, 3, async |client| {
        let decision = decide(client, &id)?;
        let go = matches!(decision, Decision::Go { .. });
        let manner = Manner { json, go: false, tail: 0, stays: reach == Reach::Daemon };
        let command = Command::Answer { approval: id.clone(), decision };
        client.command(command).await?;
        let run = match &id {
            ApprovalId::Gate { run, .. } => Some(*run),
            ApprovalId::Permission { .. } => None,
            ApprovalId::Proposal(number) => client.state.proposals.get(number).map(|known| known.proposal.run),
        };
        while let Some((heard, run)) = client.unheard().zip(run) {
            attend::show(client, heard, run, manner).await?;
        }
        match &id {
            ApprovalId::Gate { run, .. } => attend(client, *run, manner).await,
            ApprovalId::Permission { .. } => Ok(ExitCode::SUCCESS),
            ApprovalId::Proposal(number) => {
                let status =
                    |client: &Client| client.state.proposals.get(number).map(|proposal| proposal.status.clone());
                let run = client.state.proposals.get(number).map(|proposal| proposal.proposal.run);
                while matches!(status(client), Some(ProposalStatus::Pending | ProposalStatus::Applying { .. })) {
                    let heard = client.hear().await?;
                    if let Some(run) = run {
                        attend::show(client, heard, run, manner).await?;
                    }
                }
                match (status(client), run) {
                    (Some(ProposalStatus::ApplyFailed { error, hint }), _) => {
                        let problem = Problem::no_go(format!("proposal {number} was not applied: {error}"));
                        Err(match hint {
                            Some(hint) => problem.hint(hint),
                            None => problem,
                        })
                    }
                    (Some(ProposalStatus::Applied), Some(run)) if go => attend(client, run, manner).await,
                    // With this answer nothing of the run may be open any more, and what was applied is followed up.
                    (_, Some(run)) if client.state.runs.get(&run).is_some_and(|run| run.followed_by.is_some()) => {
                        attend(client, run, manner).await.map(|_| ExitCode::SUCCESS)
                    }
                    _ => Ok(ExitCode::SUCCESS),
                }
            }
        }
    })
    .await
}
