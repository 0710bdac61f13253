//! `gonogo chat`: says something to an agent, and prints its answer as it comes.

use std::{io::Write as _, process::ExitCode};

use serde_json::{Value, json};

use crate::{
    domain::{id::ThreadId, time::Timestamp},
    protocol::{
        command::Command,
        event::{Event, Record, ThreadEvent},
        query::{Answer, Query},
        telemetry::Telemetry,
        thread::{About, Attached, ThreadCommand, TurnOutcome},
    },
    state::{board::State, rule::wish_words, thread::Thread},
    tui::{
        thread::{draft::named, export::outcome_words},
        widget::clean::visible,
    },
};

use super::{
    client::{Client, Heard},
    connect::{Interrupts, reading, with_client},
    place::{Place, Reach, working_directory},
    plain::{say, say_json},
    report::{Problem, warn},
    status::pretty,
};

/// Arguments of `gonogo chat`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to say; @file PATH, @log RUN/JOB, @run N and @diff in it are given along
    #[arg(required_unless_present = "list")]
    pub text: Vec<String>,
    /// Go on with this conversation
    #[arg(long, value_name = "N", conflicts_with_all = ["role", "list"])]
    pub thread: Option<ThreadId>,
    /// Who answers in a new conversation: operator, analyst, engineer, ...
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// A named model of config.toml that answers
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// List the conversations
    #[arg(long)]
    pub list: bool,
}

/// Says it and prints the answer; 0 if the agent has said all.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    if args.list {
        return list(&place, args.json).await;
    }
    place.warn();
    let root = working_directory()?;
    with_client(&place, 2, async |client| {
        let text = args.text.join(" ");
        let root = project_root(&client.state, &root);
        let attached = attach(client, &root, &text).await?;
        if let (Some(thread), Some(model)) = (args.thread, &args.model) {
            let what = ThreadCommand::Change { thread, title: None, role: None, model: Some(model.clone()) };
            client.command(Command::Talk { what }).await?;
        }
        let what = ThreadCommand::Say {
            thread: args.thread,
            root: Some(root),
            about: About::default(),
            role: args.role.clone(),
            model: args.model.clone(),
            text,
            attached,
        };
        let before = client.state.seq;
        match client.command(Command::Talk { what }).await? {
            Answer::Thread { thread } => Listening::new(thread, args.json, before).listen(client).await,
            _ => Err(Problem::fault("no conversation was begun")),
        }
    })
    .await
}

/// The checkout that the command was given in: of a project that is known, or the directory itself.
fn project_root(state: &State, here: &std::path::Path) -> std::path::PathBuf {
    let known = here.ancestors().find(|dir| state.project_at(dir).is_some() || dir.join(".git").exists());
    known.unwrap_or(here).to_owned()
}

async fn attach(client: &mut Client, root: &std::path::Path, text: &str) -> Result<Vec<Attached>, Problem> {
    let mut attached = Vec::new();
    for name in named(text) {
        if let Answer::Attached(one) = client.query(Query::Attach { root: Some(root.to_owned()), name }).await? {
            attached.push(one);
        }
    }
    Ok(attached)
}

/// What has been heard of a conversation, and printed.
struct Listening {
    thread: ThreadId,
    json: bool,
    /// Records up to here are of before.
    after: crate::domain::id::Seq,
    /// Bytes of the answer under way that were printed.
    printed: usize,
    /// Something was missed: the record says it.
    gap: bool,
}

impl Listening {
    fn new(thread: ThreadId, json: bool, after: crate::domain::id::Seq) -> Self {
        Self { thread, json, after, printed: 0, gap: false }
    }

    /// Until the agent has nothing more to say. Ctrl-C stops the turn, a second one leaves.
    async fn listen(&mut self, client: &mut Client) -> Result<ExitCode, Problem> {
        let mut keys = Interrupts::new()?;
        let mut stopped = false;
        loop {
            let heard = match client.unheard() {
                Some(heard) => heard,
                None => tokio::select! {
                    heard = client.hear() => heard?,
                    _ = keys.next() => {
                        if stopped {
                            return Err(Problem::no_go("interrupted; the conversation is kept")
                                .hint(format!("gonogo chat --thread {} \"...\" goes on with it", self.thread)));
                        }
                        stopped = true;
                        warn("stopping the agent; once more leaves");
                        let what = ThreadCommand::Interrupt { thread: self.thread };
                        // It may have ended just now.
                        let _ = client.command(Command::Talk { what }).await;
                        continue;
                    }
                },
            };
            match heard {
                Heard::Streamed(piece) => self.piece(&piece),
                Heard::Records(records) => {
                    for record in records {
                        if let Some(outcome) = self.record(&record)
                            && client.state.threads.get(&self.thread).is_none_or(Thread::is_quiet)
                        {
                            return self.end(client, &outcome);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn piece(&mut self, piece: &Telemetry) {
        let Telemetry::Streamed { thread, at, text, reasoning: false, .. } = piece else { return };
        if *thread != self.thread || self.json {
            return;
        }
        self.gap |= *at != self.printed as u64;
        if !self.gap {
            print(text);
            self.printed += text.len();
        }
    }

    /// Prints a record's news; says how the turn ended, if it says so.
    fn record(&mut self, record: &Record) -> Option<TurnOutcome> {
        let Event::Thread { thread, event } = &record.event else { return None };
        if *thread != self.thread || record.seq <= self.after {
            return None;
        }
        if self.json {
            say_json(record);
        }
        match &**event {
            ThreadEvent::Answered { text, .. } if !self.json => {
                print(text.get(self.printed..).unwrap_or_default());
                print("\n");
                (self.printed, self.gap) = (0, false);
            }
            ThreadEvent::ToolAsked { tool, arguments, .. } if !self.json => {
                let short: String = visible(arguments).replace('\n', " ").chars().take(120).collect();
                warn(&format!("  {} {short}", visible(tool)));
            }
            ThreadEvent::PermissionAsked { number, wish } if !self.json => {
                let id = format!("t{}/{number}", self.thread);
                warn(&format!(
                    "asks: {}\n      gonogo go {id}   or: gonogo nogo {id} --why \"...\"",
                    visible(&wish_words(wish))
                ));
            }
            ThreadEvent::TurnEnded { outcome, .. } => return Some(outcome.clone()),
            _ => {}
        }
        None
    }

    fn end(&self, client: &Client, outcome: &TurnOutcome) -> Result<ExitCode, Problem> {
        if *outcome == TurnOutcome::Done {
            if !self.json
                && let Some(thread) = client.state.threads.get(&self.thread)
            {
                warn(&format!("conversation {} · {}", self.thread, crate::tui::view::thread::cost_words(thread)));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let (words, hint) = match outcome {
            TurnOutcome::Failed { why, hint } => (why.clone(), hint.clone()),
            other => (outcome_words(other), None),
        };
        let problem = Problem::no_go(visible(&words));
        Err(match hint {
            Some(hint) => problem.hint(visible(&hint)),
            None => problem,
        })
    }
}

/// Prints a piece as it is, harmless; nobody may be reading.
fn print(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(visible(text).as_bytes());
    let _ = out.flush();
}

async fn list(place: &Place, json: bool) -> Result<ExitCode, Problem> {
    let Some(reading) = reading(place, false).await? else {
        say(if json { "[]" } else { NONE });
        return Ok(ExitCode::SUCCESS);
    };
    let (client, _kept) = reading.client().await?;
    let mut threads: Vec<&Thread> = client.state.threads.values().filter(|thread| !thread.closed).collect();
    threads.sort_by_key(|thread| std::cmp::Reverse(thread.touched));
    if json {
        say(&pretty(&Value::Array(threads.into_iter().map(|thread| to_json(&client.state, thread)).collect())));
        return Ok(ExitCode::SUCCESS);
    }
    if threads.is_empty() {
        say(NONE);
    }
    for thread in threads {
        let ago = crate::domain::time::Millis::between(thread.touched_at, Timestamp::now());
        let title = visible(&thread.title);
        say(&format!("{:<4} {:<9} {:<10} {title}  ({ago} ago)", thread.id.to_string(), thread.word(), thread.role));
    }
    Ok(ExitCode::SUCCESS)
}

const NONE: &str = "no conversation yet: gonogo chat \"why is ci red?\"";

/// A conversation's head as JSON.
pub fn to_json(state: &State, thread: &Thread) -> Value {
    let project = thread.project.and_then(|id| state.projects.get(&id)).map(|project| &project.name);
    json!({
        "thread": thread.id, "title": thread.title, "role": thread.role, "project": project, "run": thread.about.run,
        "state": thread.word(), "turns": thread.turns, "cost_nano_usd": thread.cost.0, "unpriced_calls": thread.unpriced,
        "tokens_in": thread.usage.prompt(), "tokens_out": thread.usage.output, "context": thread.context,
        "model": thread.last_model.as_ref().map(ToString::to_string), "opened_at": thread.opened_at,
        "touched_at": thread.touched_at, "put_aside": thread.aside,
    })
}
