//! The agents of a repair: one that mends, and one that criticises what it made.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::{
    agent::{
        driver::{self, Ended},
        machine::Begin,
        model::Model,
        place::Place,
        port::outcome_words,
        prompt::{self, Fence},
        role::Role,
        tool::{Action, Toolbox},
    },
    control::repairs::Port,
    domain::{actor::Actor, diagnosis::Diagnosis, id::ThreadId, proposal::Proposal, talk::Message, usage::NanoUsd},
    fix::repair::{
        agent::{AgentRun, AgentTask, Review},
        port::RepairError,
    },
    protocol::thread::{About, ThreadEvent, TurnOutcome, Woken},
    state::thread::What,
    workspace::{change::Workspace, repo::TreeId},
};

use super::{
    bench::Bench,
    brief::{self, Task},
    desk::{self, Desk},
    look,
    turn::began,
    world::NoMind,
};

pub(in crate::control) use super::brief::lore;

/// Who mends.
pub(in crate::control) const ENGINEER: &str = "engineer";

/// Who criticises.
const REVIEWER: &str = "reviewer";

/// Lines of code around a finding.
const AROUND: usize = 15;

/// So many findings are shown with their code.
const FINDINGS: usize = 5;

/// Of what changed since it last passed, so much.
const CHANGED: usize = 12 << 10;

/// The conversations of a repair.
#[derive(Debug, Default)]
pub(in crate::control) struct Talk {
    threads: std::sync::Mutex<std::collections::BTreeMap<&'static str, (ThreadId, u32)>>,
    /// A person has stopped it: no other agent tries.
    stopped: AtomicBool,
}

impl Talk {
    /// A person has stopped it.
    pub(in crate::control) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// A role and its model, where both are there.
pub(in crate::control) fn mind(port: &Port<'_>, role: &str) -> Result<(Role, Arc<dyn Model>), NoMind> {
    let world = &port.ground().options.agents;
    let no = |why: String| NoMind { why, hint: None };
    let found = world.roles.get(role).ok_or_else(|| no(format!("there is no role `{role}`")))?;
    Ok((found.clone(), world.minds.mind(role, &found.model)?))
}

/// Lets an engineer work.
pub(in crate::control) async fn mend(port: &Port<'_>, task: &AgentTask<'_>) -> Result<AgentRun, RepairError> {
    if port.talk.is_stopped() {
        return Ok(AgentRun { cut_short: Some("it was stopped".into()), ..AgentRun::default() });
    }
    let (role, model) = match mind(port, ENGINEER) {
        Ok(found) => found,
        Err(no) => return Ok(AgentRun { cut_short: Some(no.why), ..AgentRun::default() }),
    };
    let place = look::place(&task.workspace.root, port.ground());
    let around = around(place.clone(), task.diagnosis).await;
    let changed = changed(port, task).await;
    let fence = Fence::new();
    let words = Task {
        job: port.job(),
        run: port.run(),
        steps: port.steps(),
        diagnosis: task.diagnosis,
        output: task.output,
        around: &around,
        changed: &changed,
        tried: task.tried,
        earlier: &port.lore().earlier,
    };
    let words = words.words(&fence);
    let proven = AtomicBool::new(false);
    let bench = Bench { port, workspace: task.workspace, base: task.tree.clone(), proven: &proven };
    let title = format!("repair of {} in run {}", port.job(), port.run());
    let about = (Woken::Repair, title, words);
    let Some((thread, ended)) = work(port, (&role, model), about, (place, Some(bench)), &fence).await else {
        return Err(RepairError::Port { what: "record what the agent does".into(), source: None });
    };
    let summary = summary(port, thread).await.unwrap_or_default();
    let cut_short = match &ended.outcome {
        TurnOutcome::Done => None,
        TurnOutcome::Interrupted { .. } if port.is_cancelled() => return Err(RepairError::Cancelled),
        TurnOutcome::Interrupted { .. } => {
            port.talk.stopped.store(true, Ordering::Relaxed);
            Some(outcome_words(&ended.outcome))
        }
        outcome => Some(outcome_words(outcome)),
    };
    let summary = if summary.is_empty() { ended.said.clone() } else { summary };
    Ok(AgentRun {
        cut_short,
        proven: proven.load(Ordering::Relaxed),
        summary,
        cost: cost(&ended),
        thread: Some(thread),
    })
}

/// Lets a reviewer say what it thinks; nothing where there is none, or it comes to nothing.
pub(in crate::control) async fn review(port: &Port<'_>, proposal: &Proposal, workspace: &Workspace) -> Option<Review> {
    let (role, model) = mind(port, REVIEWER).ok()?;
    if workspace.reset(&TreeId(proposal.base_tree.clone())).await.is_err() {
        return None;
    }
    let fence = Fence::new();
    let words = brief::review(proposal, &fence);
    let place = look::place(&workspace.root, port.ground());
    let title = format!("review of a repair of {} in run {}", port.job(), port.run());
    let (_, ended) = work(port, (&role, model), (Woken::Review, title, words), (place, None), &fence).await?;
    let words = ended.said.trim().to_owned();
    (ended.outcome == TurnOutcome::Done && !words.is_empty()).then(|| Review { words, cost: cost(&ended) })
}

/// What it said when it proposed.
async fn summary(port: &Port<'_>, thread: ThreadId) -> Option<String> {
    let proposed = move |state: &crate::state::board::State| {
        let entries = state.threads.get(&thread)?.entries.iter().rev();
        entries.clone().find_map(|entry| match &entry.what {
            What::Tool { tool, arguments, answer: Some(answer), .. } if tool == "propose" && answer.ok => {
                serde_json::from_str::<serde_json::Value>(arguments).ok()?["summary"].as_str().map(str::to_owned)
            }
            _ => None,
        })
    };
    port.ground().ask(proposed).await.flatten()
}

fn cost(ended: &Ended) -> Option<NanoUsd> {
    (ended.spent.cost > NanoUsd(0)).then_some(ended.spent.cost)
}

/// A turn of an agent of this repair; `None` if nothing can be recorded.
async fn work(
    port: &Port<'_>,
    (role, model): (&Role, Arc<dyn Model>),
    (why, title, words): (Woken, String, String),
    (place, bench): (Option<Arc<Place>>, Option<Bench<'_>>),
    fence: &Fence,
) -> Option<(ThreadId, Ended)> {
    let ground = port.ground();
    let who = if bench.is_some() { ENGINEER } else { REVIEWER };
    let known = port.talk.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(who).copied();
    let about =
        About { run: Some(port.run()), job: Some(port.job().clone()), repair: Some(port.number()), proposal: None };
    let turn = known.map_or(1, |(_, turn)| turn + 1);
    let mut facts = Vec::new();
    if known.is_none() {
        let (project, about, by) = (Some(port.project()), about.clone(), Actor::Policy);
        facts.push(ThreadEvent::Opened { project, about, role: role.name.clone(), title, by });
    }
    facts.push(began(turn, why));
    let thread = ground.record(known.map(|(thread, _)| thread), facts).await?;
    port.talk.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(who, (thread, turn));
    let place_words = "You are in an isolated workspace of the project.";
    let allowed = |name: &&str| bench.is_some() || !Action::needs_workspace(name);
    let begin = Begin {
        limits: role.limits.clone(),
        window: ground.options.agents.minds.window(&model.name()),
        tools: Toolbox::new(role.tools.iter().map(String::as_str).filter(allowed)),
        messages: vec![
            Message::System { text: prompt::system(role, fence, place_words) },
            Message::User { text: words },
        ],
    };
    let heard = ground.interrupts.listen(thread);
    let project = port.project();
    let known = ground.ask(move |state| {
        let permissions = state.threads.get(&thread).map_or(0, |thread| thread.permissions);
        (permissions, state.projects.get(&project).map(|project| project.name.clone()))
    });
    let (permissions, name) = known.await?;
    let desk = Desk {
        ground,
        thread,
        turn,
        role: role.name.clone(),
        about,
        project: Some(port.project()),
        name,
        root: Some(port.root().to_owned()),
        place,
        bench,
        secrets: desk::secrets(port.declared(), &ground.environment, &ground.options.agents),
        permissions: AtomicU32::new(permissions),
        // Its own time ends before.
        expiry: role.limits.time,
    };
    let ended = driver::drive(&desk, model, begin, (turn, fence), heard.stop(port.signal())).await;
    Some((thread, ended))
}

/// The code that a diagnosis names.
async fn around(place: Option<Arc<Place>>, diagnosis: &Diagnosis) -> String {
    let Some(place) = place else { return String::new() };
    let found: Vec<(String, usize)> = diagnosis
        .primary
        .iter()
        .chain(&diagnosis.diagnostics)
        .filter_map(|found| Some((found.file.clone()?, found.line.unwrap_or(1) as usize)))
        .collect();
    let read = move || {
        let mut text = String::new();
        let mut shown: Vec<(String, usize)> = Vec::new();
        for (file, line) in found {
            let near = |(other, at): &(String, usize)| *other == file && at.abs_diff(line) < AROUND;
            if shown.len() >= FINDINGS || shown.iter().any(near) {
                continue;
            }
            let Ok(code) = place.text(file.trim_start_matches("./")) else { continue };
            let first = line.saturating_sub(AROUND).max(1);
            let _ = writeln!(text, "{file}:");
            for (number, code) in (1..).zip(code.lines()).skip(first - 1).take(2 * AROUND) {
                let _ = writeln!(text, "{number:>5}  {}", code.chars().take(400).collect::<String>());
            }
            shown.push((file, line));
        }
        text
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// What changed since the job last passed.
async fn changed(port: &Port<'_>, task: &AgentTask<'_>) -> String {
    let Some((run, commit)) = &port.lore().green else { return String::new() };
    let plain = ["--no-color", "--no-ext-diff", "--no-textconv"];
    let git = |args: &[&str]| task.workspace.git([]).args(args);
    let log = git(&["log", "--max-count=20", "--format=%h %an: %s", &format!("{commit}..HEAD"), "--"]);
    let stat = git(&["diff", "--stat", plain[0], plain[1], plain[2], commit, &task.tree.0, "--"]);
    let diff = git(&["diff", plain[0], plain[1], plain[2], commit, &task.tree.0, "--"]);
    let mut text = format!("It passed in run {run}, at {}.\n", commit.get(..12).unwrap_or(commit));
    for (title, git) in [("Commits", log), ("Files", stat), ("Changes", diff)] {
        if let Ok(printed) = git.run().await {
            let said = String::from_utf8_lossy(&printed.out);
            let end = (0..=CHANGED.min(said.len())).rev().find(|at| said.is_char_boundary(*at)).unwrap_or(0);
            let _ = writeln!(text, "{title}:\n{}", said.get(..end).unwrap_or_default());
        }
    }
    text
}
