//! A model's server on this machine: real HTTP on a port of its own, which speaks as a provider does, and answers what a test has
//! written down. It runs on a thread of its own, so tests of every kind can use it, those with a paused clock too.
//!
//! ```ignore
//! let server = Server::scripted(Wire::OpenAi, vec![Turn::calls(&[("read_file", json!({ "path": "a.py" }))]), Turn::text("Done.")]);
//! home.settings(&server.settings());          // `[providers]`, `[models]` and `[roles]` that lead to it
//! // ... gonogo works ...
//! assert!(!server.bodies().iter().any(|body| body.to_string().contains("secret")));
//! ```

#![allow(dead_code, reason = "each test uses another part of it")]

mod fault;
mod shape;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::oneshot;

#[allow(unused_imports, reason = "each test uses another part of it")]
pub use shape::{Call, Ending, Said};

/// The key that the settings of a scripted server lead to.
pub const KEY: &str = "scripted-key-0123456789";

/// Whose wire is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Anthropic,
    OpenAi,
    Responses,
    Gemini,
    DeepSeek,
    OpenRouter,
    Ollama,
    Generic,
}

impl Wire {
    pub const ALL: [Self; 8] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::Responses,
        Self::Gemini,
        Self::DeepSeek,
        Self::OpenRouter,
        Self::Ollama,
        Self::Generic,
    ];

    /// Its `kind` in `config.toml`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Responses => "openai-responses",
            Self::Gemini => "gemini",
            Self::DeepSeek => "deepseek",
            Self::OpenRouter => "openrouter",
            Self::Ollama => "ollama",
            Self::Generic => "openai-compatible",
        }
    }

    /// Where its addresses begin.
    fn base(self) -> &'static str {
        match self {
            Self::Gemini => "/v1beta",
            Self::DeepSeek => "",
            Self::OpenRouter => "/api/v1",
            _ => "/v1",
        }
    }

    /// Where it is asked.
    fn takes(self, path: &str) -> bool {
        match self {
            Self::Anthropic => path == "/v1/messages",
            Self::Responses => path == "/v1/responses",
            Self::Gemini => path.starts_with("/v1beta/models/") && path.ends_with(":streamGenerateContent"),
            other => path == format!("{}/chat/completions", other.base()),
        }
    }
}

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It answers.
    Say(Said),
    /// It refuses, or fails, before it says anything.
    Fail { status: u16, headers: Vec<(&'static str, String)>, body: Value },
    /// It begins to answer, and after so many events something goes wrong.
    Break { said: Said, after: usize, how: How },
    /// It takes the request and says nothing at all.
    Silent,
}

/// What goes wrong in the middle.
#[derive(Clone, Debug)]
pub enum How {
    /// The connection is cut.
    Cut,
    /// The answer ends as if it were whole.
    End,
    /// Nothing more comes.
    Hang,
    /// An event comes that is no JSON; then it goes on.
    Malformed,
    /// The provider says that it failed.
    Error,
    /// Every event comes so much later than the one before, but it comes.
    Drip(Duration),
}

impl Turn {
    /// A text, and no more.
    pub fn text(text: &str) -> Self {
        Self::Say(Said::text(text))
    }

    /// Calls of tools.
    pub fn calls(calls: &[(&str, Value)]) -> Self {
        Self::Say(Said::calls(calls))
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub query: String,
    /// By name in small letters.
    pub headers: BTreeMap<String, String>,
    /// Its JSON; a text where it is none.
    pub body: Value,
}

/// A server that answers what a test has written down.
pub struct Server {
    wire: Wire,
    port: u16,
    script: Arc<Script>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Script {
    wire: Wire,
    turns: Mutex<VecDeque<Turn>>,
    /// What is done when the turns are used up.
    then: Mutex<Option<Turn>>,
    seen: Mutex<Vec<Seen>>,
    open: AtomicUsize,
}

impl Server {
    /// Answers one request after the other with these; one more is refused with a 500 that says so.
    pub fn scripted(wire: Wire, turns: Vec<Turn>) -> Self {
        Self::start(wire, turns, None)
    }

    /// Answers every request with this.
    pub fn always(wire: Wire, turn: Turn) -> Self {
        Self::start(wire, Vec::new(), Some(turn))
    }

    /// Answers with these, and then every request with that.
    pub fn start(wire: Wire, turns: Vec<Turn>, then: Option<Turn>) -> Self {
        let script = Arc::new(Script {
            wire,
            turns: Mutex::new(turns.into()),
            then: Mutex::new(then),
            seen: Mutex::default(),
            open: AtomicUsize::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let app = Router::new().fallback(answer).with_state(script.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let serve = async { axum::serve(listener, app).await };
                tokio::select! { _ = serve => {} _ = stopped => {} }
            });
            // Streams that hang go with it.
            runtime.shutdown_background();
        });
        Self { wire, port, script, stop: Some(stop), thread: Some(thread) }
    }

    /// The base address, as `url` in `[providers.NAME]` has it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.wire.base())
    }

    /// The tables of `config.toml` that make this server the model of every role.
    pub fn settings(&self) -> String {
        format!(
            "[providers.test]\nkind = \"{}\"\nurl = \"{}\"\nkey-command = \"echo {KEY}\"\n\n[models.scripted]\nprovider = \"test\"\nmodel = \"scripted-1\"\nmax-output = 1000\ncontext = 200000\n\n[roles.default]\nmodels = [\"scripted\"]\n",
            self.wire.kind(),
            self.url(),
        )
    }

    /// What is answered next, behind what is already written down.
    pub fn push(&self, turn: Turn) {
        self.script.turns.lock().unwrap().push_back(turn);
    }

    /// Everything that was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// The bodies of it.
    pub fn bodies(&self) -> Vec<Value> {
        self.seen().into_iter().map(|seen| seen.body).collect()
    }

    /// How many turns were not asked for yet.
    pub fn left(&self) -> usize {
        self.script.turns.lock().unwrap().len()
    }

    /// How many answers are being sent.
    pub fn open(&self) -> usize {
        self.script.open.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}

/// Counts an answer for as long as it is being sent.
struct Open(Arc<Script>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(State(script): State<Arc<Script>>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let path = head.uri.path().to_owned();
    let number = {
        let mut seen = script.seen.lock().unwrap();
        let query = head.uri.query().unwrap_or_default().to_owned();
        seen.push(Seen { path: path.clone(), query, headers, body });
        seen.len()
    };
    if !script.wire.takes(&path) {
        return json_answer(
            404,
            &[],
            &json!({ "error": { "message": format!("no such address: {path}"), "code": 404 } }),
        );
    }
    let next = script.turns.lock().unwrap().pop_front();
    let next = next.or_else(|| script.then.lock().unwrap().clone());
    match next {
        None => json_answer(500, &[], &json!({ "error": { "message": "the script of this test is used up" } })),
        Some(Turn::Fail { status, headers, body }) => json_answer(status, &headers, &body),
        Some(Turn::Say(said)) => events(&script, shape::events(script.wire, &said, number), usize::MAX, None),
        Some(Turn::Break { said, after, how }) => {
            events(&script, shape::events(script.wire, &said, number), after, Some(how))
        }
        Some(Turn::Silent) => {
            script.open.fetch_add(1, Ordering::SeqCst);
            let _open = Open(script);
            std::future::pending().await
        }
    }
}

fn json_answer(status: u16, headers: &[(&'static str, String)], body: &Value) -> Response {
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(body.to_string())).unwrap()
}

/// What comes next of an answer.
enum Next {
    Event(String),
    Pause(Duration),
    Hang,
    Cut,
}

/// The events as a body that is sent one by one, with whatever goes wrong after so many of them.
fn events(script: &Arc<Script>, events: Vec<String>, after: usize, how: Option<How>) -> Response {
    let wire = script.wire;
    let mut rest: VecDeque<Next> = VecDeque::new();
    for (at, event) in events.into_iter().enumerate() {
        if at >= after {
            match &how {
                Some(How::Cut) => rest.push_back(Next::Cut),
                Some(How::Hang) => rest.push_back(Next::Hang),
                Some(How::Malformed) if at == after => rest.push_back(Next::Event(shape::malformed(wire))),
                Some(How::Error) => rest.push_back(Next::Event(shape::error(wire))),
                Some(How::Drip(pause)) => rest.push_back(Next::Pause(*pause)),
                _ => {}
            }
            if matches!(how, Some(How::Cut | How::Hang | How::Error | How::End)) {
                break;
            }
        }
        rest.push_back(Next::Event(event));
    }
    script.open.fetch_add(1, Ordering::SeqCst);
    let state = (rest, Open(script.clone()));
    let body = stream::unfold(state, |(mut rest, open)| async move {
        loop {
            let item = match rest.pop_front()? {
                Next::Event(event) => Ok(Bytes::from(event)),
                Next::Pause(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Next::Hang => std::future::pending().await,
                Next::Cut => {
                    // What was said before has to be on its way first.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Err(std::io::Error::other("cut by the script"))
                }
            };
            // Each event in a packet of its own, as far as that can be had.
            tokio::task::yield_now().await;
            return Some((item, (rest, open)));
        }
    });
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .body(Body::from_stream(body))
        .unwrap()
}
