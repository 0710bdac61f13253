//! How something came about: the turns of the agents that had a hand in it, as lines of text.

use crate::{
    domain::{id::ProposalId, time::Millis},
    protocol::thread::{CallEnd, TurnOutcome, Woken},
};

use super::{
    board::State,
    rule::wish_words,
    thread::{Thread, Trod, What},
};

/// Arguments of a tool are cut here, in characters.
const ARGUMENTS: usize = 100;

/// How a proposal got here: what failed, who repaired it, who reviewed it, turn by turn.
pub fn of_proposal(state: &State, id: ProposalId) -> Vec<String> {
    let Some(known) = state.proposals.get(&id) else { return vec![format!("proposal #{id} is no longer at hand")] };
    let proposal = &known.proposal;
    let mut out = vec![
        format!("run {} › {}: {}", proposal.run, proposal.job, proposal.diagnosis.headline()),
        format!("made by {} · hash {} · asked {}", proposal.fixer, proposal.hash.short(), known.asked_at),
    ];
    if let Some(before) = proposal.revises {
        out.push(format!("an edited form of #{before}"));
    }
    let mine = |thread: &&Thread| {
        let repairs = thread.about.repair.is_some()
            && thread.about.run == Some(proposal.run)
            && thread.about.job.as_ref() == Some(&proposal.job);
        repairs || thread.about.proposal == Some(id)
    };
    let mut agents = state.threads.values().filter(mine).peekable();
    if agents.peek().is_none() {
        out.push("no agent had a hand in it: a tool made it".into());
    }
    for thread in agents {
        out.push(String::new());
        out.extend(of_thread(thread));
    }
    out
}

/// A conversation, turn by turn.
pub fn of_thread(thread: &Thread) -> Vec<String> {
    let unpriced = if thread.unpriced > 0 { format!(" + {} unpriced", thread.unpriced) } else { String::new() };
    let mut out = vec![format!(
        "{} · conversation {} · {} turns · {}{unpriced}",
        thread.role, thread.id, thread.turns, thread.cost
    )];
    if thread.aside {
        out.push("  put aside: `5` shows it, read from the log".into());
    }
    for trod in &thread.trail {
        out.extend(turn(thread, trod));
    }
    out
}

fn turn(thread: &Thread, trod: &Trod) -> Vec<String> {
    let woken = match &trod.why {
        Woken::Said => "somebody said something".to_owned(),
        Woken::Again { by } => format!("tried once more, asked by {by}"),
        Woken::Repair => "a job failed, and no other fixer mended it".to_owned(),
        Woken::Review => "a proposal was to be reviewed".to_owned(),
        Woken::Unknown => "for a reason that this version does not know".to_owned(),
    };
    let mut out = vec![format!("  turn {}  {}  {woken}", trod.turn, trod.at)];
    let mut prompts = trod.prompts.iter();
    for entry in &thread.entries {
        match &entry.what {
            What::Called { turn, call } if *turn == trod.turn => {
                let hash = prompts.next().map_or("-", |hash| hash.short());
                let cost = call.cost.map_or_else(|| "unpriced".to_owned(), |cost| cost.to_string());
                let (prompt, output) = (call.usage.prompt(), call.usage.output);
                let ended = match &call.end {
                    CallEnd::Answered { .. } => String::new(),
                    CallEnd::Failed { why } => format!(" · failed: {why}"),
                    CallEnd::Cancelled => " · stopped".into(),
                    CallEnd::Lost => " · lost".into(),
                };
                out.push(format!(
                    "    {}  prompt {hash}  in {prompt} out {output} tokens  first {} all {}  {cost}{ended}",
                    call.model, call.first, call.took
                ));
            }
            What::Tool { turn, tool, arguments, answer, .. } if *turn == trod.turn => {
                let word = answer.as_ref().map_or_else(
                    || "under way".to_owned(),
                    |answer| format!("{} {}", if answer.ok { "ok" } else { "failed" }, answer.took),
                );
                let short: String = arguments.chars().take(ARGUMENTS).collect();
                out.push(format!("    tool {tool} {short}  {word}"));
            }
            What::Permitted { wish, go, by, .. } if trod.covers(entry.at) => {
                let verdict = if *go { "GO" } else { "NO-GO" };
                out.push(format!("    {verdict} by {by}: {}", wish_words(wish)));
            }
            _ => {}
        }
    }
    if let Some((outcome, at)) = &trod.ended {
        let took = Millis::between(trod.at, *at);
        out.push(format!("    {} after {took}", outcome_word(outcome)));
    }
    out
}

impl Trod {
    fn covers(&self, at: crate::domain::time::Timestamp) -> bool {
        at >= self.at && self.ended.as_ref().is_none_or(|(_, end)| at <= *end)
    }
}

/// How a turn ended, in a word.
pub fn outcome_word(outcome: &TurnOutcome) -> &'static str {
    match outcome {
        TurnOutcome::Done => "done",
        TurnOutcome::Limit { .. } => "limit",
        TurnOutcome::Stuck { .. } => "stuck",
        TurnOutcome::Refused { .. } => "refused",
        TurnOutcome::Failed { .. } => "failed",
        TurnOutcome::Interrupted { .. } => "stopped",
        TurnOutcome::Lost => "lost",
        TurnOutcome::Unknown => "ended",
    }
}
