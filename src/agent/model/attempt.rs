//! One request over HTTP, from its first byte to the whole answer.

use std::{error::Error as _, time::Duration};

use futures::StreamExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use super::{
    ModelError, Piece, Reply,
    fault::{Fault, Refused},
    key::Key,
    sse::{Event, Events},
    wire::{Ask, Wrong},
};
use crate::{config::settings::model::ProviderKind, domain::time::Timestamp};

/// Bytes of a refusal that are read.
const REFUSAL: usize = 64 * 1024;

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For a connection.
    pub connect: Duration,
    /// For the beginning of an answer.
    pub first: Duration,
    /// For the next bytes of an answer.
    pub idle: Duration,
    /// For the whole answer.
    pub whole: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            first: Duration::from_mins(5),
            idle: Duration::from_mins(2),
            whole: Duration::from_mins(30),
        }
    }
}

/// Whom the pieces go to.
pub(super) type Pieces = mpsc::Sender<Result<Piece, ModelError>>;

/// What is needed for one request.
pub(super) struct Attempt<'a> {
    pub http: &'a reqwest::Client,
    /// The base address.
    pub url: &'a str,
    pub key: Option<&'a Key>,
    pub ask: Ask<'a>,
    pub timing: Timing,
}

impl Attempt<'_> {
    /// Asks, and hands on what is said.
    pub(super) async fn run(&self, pieces: &Pieces) -> Result<Reply, Fault> {
        let begun = Instant::now();
        let response = self.send().await?;
        let mut bytes = response.bytes_stream();
        let mut fold = self.ask.fold();
        let mut events = Events::default();
        let (mut came, mut shown) = (Vec::new(), Vec::new());
        let end = begun + self.timing.whole;
        while !fold.is_done() {
            let next = timeout_at(end.min(Instant::now() + self.timing.idle), bytes.next()).await;
            let failed = match next {
                Ok(Some(Ok(bytes))) => {
                    events.push(&bytes, &mut came).map_err(|_| self.broken("an event of it has no end"))?;
                    None
                }
                Ok(None) => {
                    events.end(&mut came);
                    Some(None)
                }
                Ok(Some(Err(error))) => Some(Some(self.broken(&format!("the connection was cut: {}", chain(&error))))),
                Err(_) => Some(Some(self.broken(&self.silence(begun)))),
            };
            for event in came.drain(..) {
                match event {
                    Event::Data(data) => fold.take(&data, &mut shown).map_err(|wrong| self.wrong(wrong))?,
                    Event::Comment => shown.push(Piece::Alive),
                }
                for piece in shown.drain(..) {
                    // Nobody listens: this is about to be dropped.
                    let _ = pieces.send(Ok(piece)).await;
                }
            }
            match failed {
                // Counts would still have come; what was said is whole.
                Some(_) if fold.is_whole() => break,
                Some(Some(fault)) => return Err(fault),
                Some(None) => break,
                None => {}
            }
        }
        let whole = fold.is_whole();
        fold.finish().map_err(|wrong| Fault { whole, ..self.wrong(wrong) })
    }

    async fn send(&self) -> Result<reqwest::Response, Fault> {
        let request = self.ask.request();
        let mut builder =
            self.http.post(format!("{}/{}", self.url.trim_end_matches('/'), request.path)).json(&request.body);
        if let Some(key) = self.key {
            let mark = |text: String| {
                let mut value = reqwest::header::HeaderValue::try_from(text).ok()?;
                value.set_sensitive(true);
                Some(value)
            };
            let (name, value) = match self.ask.kind {
                ProviderKind::Anthropic => ("x-api-key", mark(key.expose().to_owned())),
                ProviderKind::Gemini => ("x-goog-api-key", mark(key.expose().to_owned())),
                _ => ("authorization", mark(format!("Bearer {}", key.expose()))),
            };
            let Some(value) = value else {
                let said = "the key holds letters that no header takes".to_owned();
                return Err(ModelError::Denied { provider: self.provider(), said }.into());
            };
            builder = builder.header(name, value);
        }
        match self.ask.kind {
            ProviderKind::Anthropic => builder = builder.header("anthropic-version", "2023-06-01"),
            ProviderKind::OpenRouter => builder = builder.header("x-title", "gonogo"),
            _ => {}
        }
        let response = match timeout(self.timing.first, builder.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => {
                let said = self.clean(chain(&error));
                return Err(ModelError::Unreachable { provider: self.provider(), said }.into());
            }
            Ok(Err(error)) => return Err(self.broken(&format!("the connection was cut: {}", chain(&error)))),
            Err(_) => return Err(self.broken(&format!("nothing came for {} s", self.timing.first.as_secs_f32()))),
        };
        let status = response.status();
        if status.is_success() {
            let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if kind.starts_with("text/html") {
                let said = "a web page answers there, no model: is `url` right?".to_owned();
                return Err(ModelError::BadRequest { provider: self.provider(), said }.into());
            }
            return Ok(response);
        }
        let headers = response.headers().clone();
        let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let body = timeout(self.timing.idle, beginning(response)).await.unwrap_or_default();
        Err(self.refused(status.as_u16(), &header, &body))
    }

    fn refused(&self, status: u16, header: &dyn Fn(&str) -> Option<String>, body: &str) -> Fault {
        let body = self.clean(body.to_owned());
        let now = Timestamp::now();
        Refused { kind: self.ask.kind, model: self.ask.model, status, header, body: &body, now }.fault()
    }

    fn wrong(&self, wrong: Wrong) -> Fault {
        match wrong {
            Wrong::Said(body) => self.refused(0, &|_| None, &body.to_string()),
            Wrong::Broken(said) => self.broken(&said),
        }
    }

    fn broken(&self, said: &str) -> Fault {
        ModelError::BrokenOff { provider: self.provider(), said: self.clean(said.to_owned()) }.into()
    }

    fn silence(&self, begun: Instant) -> String {
        if begun.elapsed() >= self.timing.whole {
            format!("it was not whole after {} s", self.timing.whole.as_secs())
        } else {
            format!("nothing came for {} s", self.timing.idle.as_secs_f32())
        }
    }

    /// Some providers repeat the key that they refuse.
    fn clean(&self, text: String) -> String {
        match self.key {
            Some(key) => text.replace(key.expose(), "***"),
            None => text,
        }
    }

    fn provider(&self) -> String {
        self.ask.model.provider.clone()
    }
}

/// The beginning of a body.
async fn beginning(response: reqwest::Response) -> String {
    let mut bytes = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(Ok(more)) = bytes.next().await {
        body.extend_from_slice(&more);
        if body.len() >= REFUSAL {
            body.truncate(REFUSAL);
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// An error of the connection with its causes, without the address.
fn chain(error: &reqwest::Error) -> String {
    let mut said = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&error.to_string());
        source = error.source();
    }
    if said.is_empty() { "no connection".to_owned() } else { said }
}
