//! What is wanted of conversations with agents, granted or refused. Pure.

use std::path::Path;

use crate::{
    domain::{actor::Actor, id::ThreadId, rule::Pattern},
    protocol::{
        command::Refusal,
        event::{ControlEvent, Event, ThreadEvent},
        query::Answer,
        thread::{About, Attached, Scope, ThreadCommand, Wish},
    },
    state::{
        board::State,
        rule::{Rule, subject},
        thread::Thread,
    },
};

use super::decide::{Granted, add_project};

/// Who answers where nobody is named.
const OPERATOR: &str = "operator";

/// So much may be said at once, in bytes.
const LONGEST: usize = 256 << 10;

/// A title is at most so long, in characters.
const TITLE: usize = 60;

/// Decides on what is wanted of a conversation.
pub(super) fn talk(state: &State, actor: &Actor, what: &ThreadCommand) -> Result<Granted, Refusal> {
    match what {
        ThreadCommand::Say { thread, root, about, role, model, text, attached } => {
            let words = Words { text, attached };
            match thread {
                Some(id) => {
                    find(state, *id)?;
                    words.check()?;
                    Ok((vec![of(*id, words.said(actor))], Answer::Thread { thread: *id }))
                }
                None => open(state, actor, root.as_deref(), (about, role.as_deref(), model.as_ref()), &words),
            }
        }
        ThreadCommand::Interrupt { thread } => {
            let found = find(state, *thread)?;
            if found.turn.is_none() {
                return Err(Refusal::new("the agent is not at work"));
            }
            // The turn itself says how it ended, when it has: see `perform`.
            Ok((Vec::new(), Answer::Done))
        }
        ThreadCommand::Again { thread } => {
            let found = find(state, *thread)?;
            idle(found)?;
            if found.turns == 0 {
                return Err(Refusal::new("nothing has been said yet"));
            }
            Ok((vec![of(*thread, ThreadEvent::AgainWanted { by: actor.clone() })], Answer::Done))
        }
        ThreadCommand::TakeBack { thread, from } => {
            idle(find(state, *thread)?)?;
            Ok((vec![of(*thread, ThreadEvent::TakenBack { from: *from, by: actor.clone() })], Answer::Done))
        }
        ThreadCommand::Change { thread, title, role, model } => {
            find(state, *thread)?;
            let changed = ThreadEvent::Changed { title: title.clone(), role: role.clone(), model: model.clone() };
            Ok((vec![of(*thread, changed)], Answer::Done))
        }
        ThreadCommand::Close { thread } => {
            idle(find(state, *thread)?)?;
            Ok((vec![of(*thread, ThreadEvent::Closed { by: actor.clone() })], Answer::Done))
        }
        ThreadCommand::Allow { thread, number, go, scope, why } => {
            allow(state, actor, (*thread, *number), (*go, scope, why))
        }
    }
}

struct Words<'a> {
    text: &'a str,
    attached: &'a [Attached],
}

impl Words<'_> {
    fn check(&self) -> Result<(), Refusal> {
        if self.text.trim().is_empty() {
            return Err(Refusal::new("there is nothing to say"));
        }
        if self.text.len() + self.attached.iter().map(|one| one.text.len()).sum::<usize>() > LONGEST {
            return Err(Refusal::new(format!("more than {} KiB can't be said at once", LONGEST >> 10))
                .hint("attach less, or name the file: agents read files themselves"));
        }
        Ok(())
    }

    fn said(&self, by: &Actor) -> ThreadEvent {
        ThreadEvent::Said { by: by.clone(), text: self.text.to_owned(), attached: self.attached.to_vec() }
    }

    fn title(&self) -> String {
        let line = self.text.trim().lines().next().unwrap_or_default();
        if line.chars().count() <= TITLE {
            return line.to_owned();
        }
        line.chars().take(TITLE - 1).chain(['…']).collect()
    }
}

fn open(
    state: &State,
    actor: &Actor,
    root: Option<&Path>,
    (about, role, model): (&About, Option<&str>, Option<&String>),
    words: &Words<'_>,
) -> Result<Granted, Refusal> {
    words.check()?;
    let thread = state.next_thread();
    let mut events = Vec::new();
    let project = match root {
        None => about.run.and_then(|run| state.runs.get(&run)).map(|run| run.project),
        Some(root) => Some(match state.project_at(root) {
            Some(project) if !project.forgotten => project.id,
            known => {
                events = add_project(state, root, None)?;
                known.map_or_else(|| state.next_project(), |project| project.id)
            }
        }),
    };
    let opened = ThreadEvent::Opened {
        project,
        about: about.clone(),
        role: role.unwrap_or(OPERATOR).to_owned(),
        title: words.title(),
        by: actor.clone(),
    };
    events.push(of(thread, opened));
    if let Some(model) = model {
        events.push(of(thread, ThreadEvent::Changed { title: None, role: None, model: Some(model.clone()) }));
    }
    events.push(of(thread, words.said(actor)));
    Ok((events, Answer::Thread { thread }))
}

pub(super) fn allow(
    state: &State,
    actor: &Actor,
    (thread, number): (ThreadId, u32),
    (go, scope, why): (bool, &Scope, &str),
) -> Result<Granted, Refusal> {
    if !matches!(actor, Actor::Person(_)) {
        return Err(Refusal::new("only a person may allow an agent something"));
    }
    let found = find(state, thread)?;
    let Some(asked) = found.wishes.get(&number) else {
        return Err(Refusal::new("this no longer waits for an answer"));
    };
    let scope = match scope {
        _ if !go => Scope::Once,
        Scope::Once => Scope::Once,
        _ if matches!(asked.wish, Wish::Verb { high: true, .. }) => {
            return Err(Refusal::new("what can't be taken back is allowed once at a time"));
        }
        _ if matches!(asked.wish, Wish::Question { .. }) => {
            return Err(Refusal::new("a question is answered once at a time"));
        }
        Scope::Thread => Scope::Thread,
        Scope::Always { pattern } => Scope::Always { pattern: ruled(&asked.wish, pattern)? },
    };
    let why = why.to_owned();
    let answered = ThreadEvent::PermissionAnswered { number, go, scope, by: actor.clone(), why };
    Ok((vec![of(thread, answered)], Answer::Done))
}

/// The pattern as it will be kept: it has to be one, and to fit what was asked.
fn ruled(wish: &Wish, pattern: &str) -> Result<String, Refusal> {
    let parsed: Pattern =
        pattern.parse().map_err(|error| Refusal::new(format!("`{pattern}` is no pattern: {error}")))?;
    match subject(wish) {
        Some((_, words)) if parsed.fits(words) => Ok(parsed.to_string()),
        _ => Err(Refusal::new(format!("`{parsed}` does not fit what was asked")).hint(
            "what a shell makes more of (quotes, ;, |, $) fits no pattern: allow it once, or for this conversation",
        )),
    }
}

/// Answers what waits and has been allowed since: with a rule, or for as long as its conversation goes on.
pub(super) fn release(state: &State, events: &mut Vec<Event>) {
    for thread in state.asking.iter().filter_map(|id| state.threads.get(id)) {
        for (number, asked) in &thread.wishes {
            let Some(by) = state.permits(thread, &asked.wish) else { continue };
            let rule: Option<(u32, &Rule)> = state.rule_for(thread.project, &asked.wish);
            let why = match rule {
                Some((number, rule)) => format!("rule {number}: {}", rule.pattern),
                None => "allowed for this conversation".to_owned(),
            };
            let answered = ThreadEvent::PermissionAnswered { number: *number, go: true, scope: Scope::Once, by, why };
            events.push(of(thread.id, answered));
        }
    }
}

/// Has agents ask again for what a rule allowed.
pub(super) fn revoke(state: &State, actor: &Actor, rule: u32) -> Result<Granted, Refusal> {
    if !matches!(actor, Actor::Person(_)) {
        return Err(Refusal::new("only a person may revoke a rule"));
    }
    if !state.rules.contains_key(&rule) {
        return Err(Refusal::new(format!("there is no rule {rule}")).hint("`gonogo rules` lists them"));
    }
    let event = ControlEvent::RuleRevoked { rule, by: actor.clone() };
    Ok((vec![Event::Control { event }], Answer::Done))
}

fn find(state: &State, id: ThreadId) -> Result<&Thread, Refusal> {
    let found = state.threads.get(&id).filter(|thread| !thread.closed);
    let found = found.ok_or_else(|| {
        Refusal::new(format!("there is no conversation {id}")).hint("`gonogo chat --list` lists them")
    })?;
    if found.aside {
        return Err(
            Refusal::new(format!("conversation {id} was put aside: it can only be looked at")).hint("begin a new one")
        );
    }
    Ok(found)
}

fn idle(thread: &Thread) -> Result<(), Refusal> {
    match thread.turn {
        Some(_) => Err(Refusal::new("the agent is at work").hint("stop it first")),
        None => Ok(()),
    }
}

fn of(thread: ThreadId, event: ThreadEvent) -> Event {
    Event::Thread { thread, event: Box::new(event) }
}
