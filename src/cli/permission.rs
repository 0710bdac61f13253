//! What an agent asks: shown, and answered with `gonogo go` and `gonogo nogo`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    domain::{id::ThreadId, rule::Pattern},
    protocol::{
        command::Command,
        thread::{Scope, ThreadCommand, Wish},
    },
    state::{
        board::State,
        rule::{subject, wish_words},
        thread::{Asked, Thread},
    },
};

use super::{
    connect::with_client,
    place::{Place, Reach},
    plain::say,
    report::Problem,
    status::pretty,
};

/// Shows all of it, and how it can be answered.
pub fn show(state: &State, id: (ThreadId, u32), json: bool) -> Result<(), Problem> {
    let (thread, asked) = find(state, id)?;
    let name = format!("t{}/{}", id.0, id.1);
    if json {
        say(&pretty(&to_json(&name, thread, asked)));
        return Ok(());
    }
    say(&format!("{name}  {} wants: {}", thread.role, wish_words(&asked.wish)));
    if let Wish::Run { why, .. } | Wish::Verb { why, .. } = &asked.wish
        && !why.is_empty()
    {
        say(&format!("  why     {why}"));
    }
    say(&format!("  in      conversation {}: {}", thread.id, thread.title));
    if let Wish::Verb { high: true, .. } = asked.wish {
        say("  risk    high: it can't be taken back, or reaches others");
    }
    say("  until   the agent's turn ends");
    say("");
    if let Wish::Question { .. } = asked.wish {
        say(&format!("answer: gonogo go {name} --say \"...\"   or: gonogo nogo {name} --why \"...\""));
        return Ok(());
    }
    say(&format!("once: gonogo go {name}   no: gonogo nogo {name} --why \"...\""));
    if let Some((_, words)) = subject(&asked.wish) {
        say(&format!("for this conversation: gonogo go {name} --thread"));
        if let Some(pattern) = Pattern::for_command(words) {
            say(&format!("always: gonogo go {name} --always '{pattern}'"));
        }
    }
    Ok(())
}

fn find(state: &State, (thread, number): (ThreadId, u32)) -> Result<(&Thread, &Asked), Problem> {
    let thread = state.threads.get(&thread);
    let asked = thread.and_then(|thread| thread.wishes.get(&number));
    thread
        .zip(asked)
        .ok_or_else(|| Problem::usage("this does not wait for an answer").hint("`gonogo approvals` lists what waits"))
}

fn to_json(id: &str, thread: &Thread, asked: &Asked) -> Value {
    json!({
        "id": id, "thread": thread.id, "role": thread.role, "run": thread.about.run, "wish": asked.wish, "asked_at": asked.since,
        "pattern": subject(&asked.wish).and_then(|(_, words)| Pattern::for_command(words)).map(|pattern| pattern.to_string()),
    })
}

/// Allows it, or does not.
pub async fn answer(
    (thread, number): (ThreadId, u32),
    (go, scope, why): (bool, Scope, String),
    reach: Reach,
) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    place.warn();
    with_client(&place, 1, async |client| {
        let (_, asked) = find(&client.state, (thread, number))?;
        if go && why.trim().is_empty() && matches!(asked.wish, Wish::Question { .. }) {
            return Err(
                Problem::usage("this is a question").hint(format!("gonogo go t{thread}/{number} --say \"...\""))
            );
        }
        let said = match (go, &scope) {
            (false, _) => "not allowed".to_owned(),
            (true, Scope::Once) => "allowed once".to_owned(),
            (true, Scope::Thread) => "allowed for this conversation".to_owned(),
            (true, Scope::Always { pattern }) => {
                format!("always allowed from now on: {pattern} (`gonogo rules` lists and revokes)")
            }
        };
        let what = ThreadCommand::Allow { thread, number, go, scope, why };
        client.command(Command::Talk { what }).await?;
        say(&said);
        Ok(ExitCode::SUCCESS)
    })
    .await
}
