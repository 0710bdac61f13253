//! Conversations for tests, benches and pictures: one of each kind of thing that is said or done.

use std::sync::Arc;

use crate::{
    domain::{
        actor::Actor,
        id::{Hash, ProjectId, RunId, Seq, ThreadId},
        talk::{ModelName, Stop},
        time::{Millis, Timestamp},
        usage::{NanoUsd, Usage},
    },
    protocol::{
        event::{Cause, Event, Record, ThreadEvent},
        thread::{About, Attached, CallEnd, ModelCall, Scope, TurnOutcome, Wish, Woken},
    },
};

/// Writes records one after the other.
#[derive(Debug)]
pub struct Talk {
    /// The records so far.
    pub records: Vec<Arc<Record>>,
    seq: Seq,
    at: Timestamp,
    turn: u32,
}

/// Who is at the keyboard.
pub fn deniz() -> Actor {
    Actor::Person("deniz".into())
}

impl Talk {
    /// After this record, at this time.
    pub fn after(seq: Seq, at: Timestamp) -> Self {
        Self { records: Vec::new(), seq, at, turn: 0 }
    }

    /// Anything that happens in a conversation, a second later.
    pub fn push(&mut self, thread: u64, event: ThreadEvent) -> &mut Self {
        self.seq = self.seq.next();
        self.at = self.at.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(self.at);
        let event = Event::Thread { thread: ThreadId(thread), event: Box::new(event) };
        self.records.push(Arc::new(Record { seq: self.seq, at: self.at, cause: Cause::Control, event }));
        self
    }

    /// A conversation begins.
    pub fn open(&mut self, thread: u64, title: &str, run: Option<u64>) -> &mut Self {
        let about = About { run: run.map(RunId), ..About::default() };
        let (role, title) = ("operator".to_owned(), title.to_owned());
        self.turn = 0;
        self.push(thread, ThreadEvent::Opened { project: Some(ProjectId(1)), about, role, title, by: deniz() })
    }

    /// Somebody says something, and the agent goes to work.
    pub fn say(&mut self, thread: u64, text: &str) -> &mut Self {
        let attached = text.contains("@log").then(|| Attached { name: "@log 41/test".into(), text: "x".repeat(2048) });
        self.push(
            thread,
            ThreadEvent::Said { by: deniz(), text: text.into(), attached: attached.into_iter().collect() },
        );
        self.turn += 1;
        self.push(thread, ThreadEvent::TurnStarted { turn: self.turn, why: Woken::Said })
    }

    /// A model is called, and answers; `cost` in nano-dollars.
    pub fn call(&mut self, thread: u64, cost: Option<u64>) -> &mut Self {
        let turn = self.turn;
        let model = ModelName { provider: "anthropic".into(), model: "model-x".into() };
        self.push(thread, ThreadEvent::Asked { turn, model: model.clone(), prompt: Hash::of("prompt"), bound: None });
        let usage = Usage { input: 11_200, cache_read: 48_000, output: 830, ..Usage::default() };
        let call = ModelCall {
            model,
            usage,
            cost: cost.map(NanoUsd),
            priced_by: String::new(),
            first: Millis(420),
            took: Millis(3_100),
            retries: 0,
            end: CallEnd::Answered { stop: Stop::Done },
        };
        self.push(thread, ThreadEvent::Called { turn, call: Box::new(call) })
    }

    /// A tool is used.
    pub fn tool(&mut self, thread: u64, tool: &str, arguments: &str, answer: Option<(bool, &str)>) -> &mut Self {
        let (turn, call) = (self.turn, format!("call-{}", self.seq));
        let asked = ThreadEvent::ToolAsked { turn, call: call.clone(), tool: tool.into(), arguments: arguments.into() };
        self.push(thread, asked);
        if let Some((ok, text)) = answer {
            self.push(thread, ThreadEvent::ToolAnswered { turn, call, ok, text: text.into(), took: Millis(240) });
        }
        self
    }

    /// The agent says something.
    pub fn answer(&mut self, thread: u64, text: &str) -> &mut Self {
        self.push(thread, ThreadEvent::Answered { turn: self.turn, text: text.into() })
    }

    /// The agent asks for a permission.
    pub fn ask(&mut self, thread: u64, number: u32, wish: Wish) -> &mut Self {
        self.push(thread, ThreadEvent::PermissionAsked { number, wish })
    }

    /// The turn ends.
    pub fn end(&mut self, thread: u64, outcome: TurnOutcome) -> &mut Self {
        self.push(thread, ThreadEvent::TurnEnded { turn: self.turn, outcome })
    }
}

/// A command that an agent wants to run.
pub fn run(command: &str) -> Wish {
    Wish::Run { command: command.into(), why: "to see whether the retry is what charges twice".into() }
}

/// Four conversations: one stopped, one that could not be, one answered without a price, one at work that asks.
pub fn records(seq: Seq, at: Timestamp) -> Vec<Arc<Record>> {
    let mut talk = Talk::after(seq, at);
    talk.open(1, "rerun the failed ones", Some(39)).say(1, "rerun the failed ones").call(1, Some(2_100_000));
    talk.tool(1, "verb", "{\"verb\":\"retry 39\"}", Some((true, "run 39 is under way")));
    talk.answer(1, "Run 39 is under way again: `test` and `lint`.").end(1, TurnOutcome::Interrupted { by: deniz() });
    talk.open(2, "deploy web to preview", None).say(2, "deploy web to preview");
    let why = "no model is named for the role operator".to_owned();
    let hint = Some("name one under [models] in config.toml: docs/models.md".to_owned());
    talk.end(2, TurnOutcome::Failed { why, hint });
    talk.open(3, "what changed since Tuesday?", Some(41)).say(3, "what changed since Tuesday?").call(3, None);
    talk.answer(3, "Three commits.").end(3, TurnOutcome::Done);
    talk.open(4, "why is ci red?", Some(41)).say(4, "why is ci red?\nlook at @log 41/test").call(4, Some(42_000_000));
    talk.tool(4, "read_output", "{\"output\":\"41/test/1\",\"from\":365,\"count\":20}", Some((true, OUTPUT)));
    talk.tool(4, "read_file", "{\"path\":\"src/retry.rs\"}", Some((false, "src/retry.rs: no such file")));
    talk.call(4, Some(18_000_000)).answer(4, ANSWER);
    talk.push(4, ThreadEvent::PermissionAsked { number: 1, wish: run("cargo fetch") });
    talk.push(
        4,
        ThreadEvent::PermissionAnswered { number: 1, go: true, scope: Scope::Thread, by: deniz(), why: String::new() },
    );
    talk.tool(4, "run_step", "{\"job\":\"test\",\"step\":\"unit\"}", None);
    talk.ask(4, 2, run("cargo test --test charge retries_once"));
    talk.records
}

const OUTPUT: &str =
    "test charge::retries_once ... FAILED\nassertion `left == right` failed: charged twice\n  left: 2\n right: 1";

const ANSWER: &str = "\
## The retry charges twice

`Charge::once` is called **again** after a timeout, though the first call may have gone through:

```rust
for wait in WAITS {
    match charge.once(&card) { // no idempotency key
        Err(error) if error.is_transient() => sleep(wait),
        other => return other,
    }
}
```

| run | commit | test |
|-----|:------:|-----:|
| 38  | b7e23ec | 21.4 s |
| 41  | 4f2c1d9 | failed after 30.2 s |

1. give each charge a key,
2. send *the same* key again,
   - also after a restart.

> see [the gateway's notes](https://example.test/idempotency) 漢字 ok
";
