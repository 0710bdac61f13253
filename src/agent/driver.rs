//! Performs what the machine wants: asks the model, streams what it says, uses tools, writes everything down first.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::{
    FutureExt as _, StreamExt as _,
    future::{AbortHandle, abortable},
    stream::{BoxStream, FuturesUnordered},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    domain::{
        actor::Actor,
        id::Hash,
        talk::{Message, ModelName, ToolCall},
        time::Millis,
        usage::{NanoUsd, Usage},
    },
    protocol::thread::{CallEnd, ModelCall, ThreadEvent, TurnOutcome},
    redact::Secrets,
};

use super::{
    machine::{Begin, Course, Effect, Event, Key, Spent},
    model::{Model, ModelError, Piece, Prompt, Reply},
    port::{AgentPort, Reserve},
    prompt::{self, Fence, Stream},
};

/// Of arguments and answers, so much is recorded.
const RECORDED: usize = 8 << 10;

/// Of an answer, so much is told to the model.
const TOLD: usize = 48 << 10;

/// What a turn came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How it ended.
    pub outcome: TurnOutcome,
    /// The last that was said.
    pub said: String,
    /// What it used.
    pub spent: Spent,
}

/// Runs a turn to its end. `stop` comes back when somebody wants it stopped; the turn's begin is recorded before, its end by this.
pub async fn drive<P: AgentPort>(
    port: &P,
    model: Arc<dyn Model>,
    begin: Begin,
    (turn, fence): (u32, &Fence),
    stop: impl Future<Output = Actor> + Send,
) -> Ended {
    let time = begin.limits.time;
    let secrets = port.secrets();
    let driver = Driver {
        port,
        model,
        turn,
        fence,
        secrets,
        asking: None,
        working: FuturesUnordered::new(),
        open: BTreeMap::new(),
        permitting: BTreeMap::new(),
        said: String::new(),
        outcome: None,
    };
    driver.run(Course::new(begin), time, stop).await
}

struct Driver<'a, P: AgentPort> {
    port: &'a P,
    model: Arc<dyn Model>,
    turn: u32,
    fence: &'a Fence,
    secrets: Arc<Secrets>,
    asking: Option<Asking<P::Reserved>>,
    working: FuturesUnordered<Pin<Box<dyn Future<Output = Option<Event>> + Send + 'a>>>,
    open: BTreeMap<Key, Open>,
    /// Permissions that are waited for, and since when.
    permitting: BTreeMap<Key, Instant>,
    said: String,
    outcome: Option<TurnOutcome>,
}

/// A model that is being asked.
struct Asking<R> {
    name: ModelName,
    stream: BoxStream<'static, Result<Piece, ModelError>>,
    reserved: R,
    since: Instant,
    first: Option<Duration>,
    text: Stream,
    shown: u64,
    reasoning: Stream,
    reasoned: u64,
}

/// A call that is not answered yet.
struct Open {
    call: ToolCall,
    since: Instant,
    work: Option<AbortHandle>,
}

impl<P: AgentPort> Driver<'_, P> {
    async fn run(mut self, mut course: Course, time: Duration, stop: impl Future<Output = Actor> + Send) -> Ended {
        let mut end = Instant::now() + time;
        let mut stop = std::pin::pin!(stop.fuse());
        let mut event = Some(Event::Begin);
        loop {
            for effect in event.take().map(|event| course.take(event)).unwrap_or_default() {
                if !self.perform(effect).await {
                    // The log can't be written: nothing is done that nobody would know of.
                    self.outcome.get_or_insert(TurnOutcome::Lost);
                    break;
                }
            }
            if let Some(outcome) = self.outcome {
                return Ended { outcome, said: self.said, spent: course.spent() };
            }
            event = tokio::select! {
                by = &mut stop => Some(Event::Interrupted { by }),
                () = sleep_until(end), if !self.waits() => Some(Event::TimeUp),
                piece = next(&mut self.asking) => self.heard(piece).await,
                Some(done) = self.working.next(), if !self.working.is_empty() => done,
            };
            if let Some(Event::Permitted { key, .. }) = &event
                && let Some(since) = self.permitting.remove(key)
                && !self.port.waits_count()
            {
                end += since.elapsed();
            }
        }
    }

    /// `false` if it could not be written down.
    async fn perform(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Ask { prompt, left } => return self.ask(prompt, left).await,
            Effect::Hush => return self.hush().await,
            Effect::Show { text, reasoning } => self.show(&text, reasoning),
            Effect::Say { text } => {
                let text = self.secrets.redact_text(&text);
                self.said.clone_from(&text);
                return self.port.record(vec![ThreadEvent::Answered { turn: self.turn, text }]).await;
            }
            Effect::Call { key, call } => return self.call(key, call).await,
            Effect::Permit { key, action } => {
                let port = self.port;
                self.permitting.insert(key, Instant::now());
                self.work(key, async move {
                    let permit = port.permit(&action).await;
                    Event::Permitted { key, permit }
                });
            }
            Effect::Use { key, action } => {
                let (port, fence, secrets) = (self.port, self.fence, Arc::clone(&self.secrets));
                self.work(key, async move {
                    let used = port.use_tool(&action).await;
                    let text = clip(&secrets.redact_text(&used.text), TOLD);
                    Event::Used { key, ok: used.ok, text: prompt::answered(fence, &text) }
                });
            }
            Effect::Drop { key } => {
                if let Some(work) = self.open.get(&key).and_then(|open| open.work.as_ref()) {
                    work.abort();
                }
            }
            Effect::Told { key, ok, text } => return self.told(key, ok, &text).await,
            Effect::End { outcome } => {
                let ended = ThreadEvent::TurnEnded { turn: self.turn, outcome: outcome.clone() };
                let recorded = self.port.record(vec![ended]).await;
                self.outcome = Some(outcome);
                return recorded;
            }
        }
        true
    }

    async fn ask(&mut self, mut prompt: Prompt, left: Option<NanoUsd>) -> bool {
        prompt::redact(&self.secrets, &mut prompt.messages);
        let name = self.model.name();
        let written = serde_json::to_string(&prompt.messages).unwrap_or_default();
        // No token is shorter than a byte: the bound must hold.
        let tokens =
            written.len() as u64 + prompt.tools.iter().map(|tool| tool.schema.to_string().len() as u64).sum::<u64>();
        let reserved = match self.port.reserve(&name, tokens, prompt.max_output, left) {
            Ok(reserved) => reserved,
            Err(outcome) => {
                self.queue(Event::NotAsked { outcome });
                return true;
            }
        };
        let asked = ThreadEvent::Asked {
            turn: self.turn,
            model: name.clone(),
            prompt: Hash::of(&written),
            bound: reserved.bound(),
        };
        if !self.port.record(vec![asked]).await {
            reserved.settle(Some(NanoUsd(0)));
            return false;
        }
        self.asking = Some(Asking {
            name,
            stream: self.model.ask(prompt),
            reserved,
            since: Instant::now(),
            first: None,
            text: Stream::new(&self.secrets),
            shown: 0,
            reasoning: Stream::new(&self.secrets),
            reasoned: 0,
        });
        true
    }

    /// What came of the model.
    async fn heard(&mut self, piece: Option<Result<Piece, ModelError>>) -> Option<Event> {
        let asking = self.asking.as_mut()?;
        let broke = |said: &str| ModelError::BrokenOff { provider: asking.name.provider.clone(), said: said.into() };
        let error = match piece {
            Some(Ok(Piece::End(reply))) => return self.replied(*reply).await,
            Some(Ok(Piece::Again { .. })) => {
                // What was shown is void: the next piece is the first.
                (asking.text, asking.shown) = (Stream::new(&self.secrets), 0);
                (asking.reasoning, asking.reasoned) = (Stream::new(&self.secrets), 0);
                return None;
            }
            Some(Ok(piece)) => {
                asking.first.get_or_insert_with(|| asking.since.elapsed());
                return match piece {
                    Piece::Text(text) => Some(Event::Piece { text, reasoning: false }),
                    Piece::Reasoning(text) => Some(Event::Piece { text, reasoning: true }),
                    Piece::Calling { .. } | Piece::Alive | Piece::Again { .. } | Piece::End(_) => None,
                };
            }
            Some(Err(error)) => error,
            None => broke("it ended without an end"),
        };
        let asking = self.asking.take()?;
        // What had begun to answer may have been billed.
        let cost = if asking.first.is_some() { asking.reserved.bound() } else { Some(NanoUsd(0)) };
        let call = asking.call(cost, "upper bound", Usage::default(), CallEnd::Failed { why: error.to_string() });
        asking.reserved.settle(cost);
        self.called(call).await.then_some(Event::Failed { error })
    }

    async fn replied(&mut self, mut reply: Reply) -> Option<Event> {
        let rest = self.asking.as_mut().map(|asking| {
            asking.first.get_or_insert_with(|| asking.since.elapsed());
            (asking.text.finish(), asking.shown, asking.reasoning.finish(), asking.reasoned)
        });
        if let Some((text, at, reasoning, reasoned)) = rest {
            if !reasoning.is_empty() {
                self.port.show(reasoned, reasoning, true);
            }
            if !text.is_empty() {
                self.port.show(at, text, false);
            }
        }
        let mut asking = self.asking.take()?;
        asking.name.clone_from(&reply.model);
        let (cost, by) = match (reply.cost, &reply.usage) {
            (Some(cost), _) => (Some(cost), "provider".to_owned()),
            (None, Some(usage)) => self.port.price(&reply.model, usage),
            (None, None) => (asking.reserved.bound(), "upper bound".to_owned()),
        };
        let end = CallEnd::Answered { stop: reply.stop.clone() };
        let call = asking.call(cost, &by, reply.usage.unwrap_or_default(), end);
        asking.reserved.settle(cost);
        if !self.called(call).await {
            return None;
        }
        // What it says it may say again: it is sent back to it.
        if let Message::Model { text, .. } = &mut reply.message {
            *text = self.secrets.redact_text(text);
        }
        Some(Event::Replied { reply: Box::new(reply), cost })
    }

    /// Writes a row of the ledger; if that can't be done, it is over.
    async fn called(&mut self, call: Box<ModelCall>) -> bool {
        let recorded = self.port.record(vec![ThreadEvent::Called { turn: self.turn, call }]).await;
        if !recorded {
            self.outcome = Some(TurnOutcome::Lost);
        }
        recorded
    }

    /// Stops listening; what it cost until then is not known.
    async fn hush(&mut self) -> bool {
        let Some(asking) = self.asking.take() else { return true };
        let cost = asking.reserved.bound();
        let call = asking.call(cost, "upper bound", Usage::default(), CallEnd::Cancelled);
        asking.reserved.settle(cost);
        self.called(call).await
    }

    fn show(&mut self, text: &str, reasoning: bool) {
        let Some(asking) = &mut self.asking else { return };
        let (stream, at) = if reasoning {
            (&mut asking.reasoning, &mut asking.reasoned)
        } else {
            (&mut asking.text, &mut asking.shown)
        };
        let shown = stream.push(text);
        if !shown.is_empty() {
            let before = *at;
            *at += shown.len() as u64;
            self.port.show(before, shown, reasoning);
        }
    }

    async fn call(&mut self, key: Key, mut call: ToolCall) -> bool {
        prompt::redact_value(&self.secrets, &mut call.arguments);
        let asked = ThreadEvent::ToolAsked {
            turn: self.turn,
            call: name_of(key, &call),
            tool: clip(&call.tool, 64),
            arguments: clip(&call.arguments.to_string(), RECORDED),
        };
        self.open.insert(key, Open { call, since: Instant::now(), work: None });
        self.port.record(vec![asked]).await
    }

    async fn told(&mut self, key: Key, ok: bool, text: &str) -> bool {
        let Some(open) = self.open.remove(&key) else { return true };
        let text = self.secrets.redact_text(&text.replace(self.fence.boundary(), ""));
        let answered = ThreadEvent::ToolAnswered {
            turn: self.turn,
            call: name_of(key, &open.call),
            ok,
            text: clip(text.trim_matches('\n'), RECORDED),
            took: open.since.elapsed().into(),
        };
        self.port.record(vec![answered]).await
    }
}

impl<'a, P: AgentPort> Driver<'a, P> {
    /// It waits for a person, which costs it no time.
    fn waits(&self) -> bool {
        !self.permitting.is_empty() && !self.port.waits_count()
    }

    fn work(&mut self, key: Key, work: impl Future<Output = Event> + Send + 'a) {
        let (work, handle) = abortable(work);
        if let Some(open) = self.open.get_mut(&key) {
            open.work = Some(handle);
        }
        self.working.push(Box::pin(work.map(Result::ok)));
    }

    fn queue(&mut self, event: Event) {
        self.working.push(Box::pin(std::future::ready(Some(event))));
    }
}

impl<R> Asking<R> {
    fn call(&self, cost: Option<NanoUsd>, by: &str, usage: Usage, end: CallEnd) -> Box<ModelCall> {
        Box::new(ModelCall {
            model: self.name.clone(),
            usage,
            cost,
            priced_by: if cost.is_some() { by.to_owned() } else { String::new() },
            first: self.first.map_or(Millis(0), Into::into),
            took: self.since.elapsed().into(),
            retries: 0,
            end,
        })
    }
}

/// The next piece of a model that is being asked; nothing at all while none is.
async fn next<R>(asking: &mut Option<Asking<R>>) -> Option<Result<Piece, ModelError>> {
    match asking {
        Some(asking) => asking.stream.next().await,
        None => std::future::pending().await,
    }
}

/// Within a turn, each call has a name of its own, whatever its provider calls it.
fn name_of(key: Key, call: &ToolCall) -> String {
    // As every provider takes it, since it is sent again in later turns.
    let plain = |c: &char| c.is_ascii_alphanumeric() || ['_', '-'].contains(c);
    format!("{}-{}", key.0, call.id.chars().filter(plain).take(40).collect::<String>())
}

fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\n[{} more bytes]", text.get(..end).unwrap_or_default(), text.len() - end)
}
