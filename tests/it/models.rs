//! Models over real HTTP: every provider's wire passes the same table of cases.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use gonogo::{
    agent::model::{BreakerState, Model, ModelError, Models, Patience, Piece, Prompt, Reply, Timing},
    config::settings,
    domain::{
        environment::Environment,
        talk::{Message, Stop, ToolResult, ToolSpec},
        usage::{NanoUsd, Usage},
    },
};
use serde_json::{Value, json};

use crate::wire::{Call, Ending, How, KEY, Said, Server, Turn, Wire};

/// Quick to try again.
fn patience() -> Patience {
    Patience { tries: 3, first: Duration::from_millis(1), longest: Duration::from_millis(4), ..Patience::default() }
}

/// Waits that no working server reaches.
fn timing() -> Timing {
    let long = Duration::from_mins(1);
    Timing { connect: long, first: long, idle: long, whole: long * 5 }
}

fn models_with(settings: &str, patience: Patience, timing: Timing) -> Models {
    let loaded = settings::parse("config.toml", settings, None, None);
    assert_eq!(loaded.problems, []);
    let path = std::env::var("PATH").unwrap();
    let environment: Environment = [("PATH".to_owned(), path)].into_iter().collect();
    Models::with(&loaded.settings.models, &environment, patience, timing)
}

fn models(server: &Server) -> Models {
    models_with(&server.settings(), patience(), timing())
}

fn prompt() -> Prompt {
    Prompt {
        messages: vec![
            Message::System { text: "You are terse.".into() },
            Message::User { text: "Why did it fail?".into() },
        ],
        tools: vec![ToolSpec {
            name: "read_file".into(),
            about: "Reads a file.".into(),
            schema: json!({ "type": "object", "properties": { "path": { "type": "string" } } }),
        }],
        max_output: 500,
    }
}

/// What was heard before the end, and the end.
struct Heard {
    pieces: Vec<Piece>,
    end: Result<Reply, ModelError>,
}

impl Heard {
    /// What a person saw of the last try.
    fn text(&self) -> String {
        let last = self.pieces.iter().rposition(|piece| matches!(piece, Piece::Again { .. })).map_or(0, |at| at + 1);
        let text = |piece: &Piece| if let Piece::Text(text) = piece { Some(text.clone()) } else { None };
        self.pieces[last..].iter().filter_map(text).collect()
    }

    fn reasoning(&self) -> String {
        let text = |piece: &Piece| if let Piece::Reasoning(text) = piece { Some(text.clone()) } else { None };
        self.pieces.iter().filter_map(text).collect()
    }

    fn again(&self) -> usize {
        self.pieces.iter().filter(|piece| matches!(piece, Piece::Again { .. })).count()
    }
}

async fn ask(models: &Models, prompt: Prompt) -> Heard {
    let model = models.chain("default", "").unwrap();
    hear(&*model, prompt).await
}

async fn hear(model: &dyn Model, prompt: Prompt) -> Heard {
    let mut stream = model.ask(prompt);
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(Piece::End(reply)) => {
                assert!(stream.next().await.is_none(), "the end is the last");
                return Heard { pieces, end: Ok(*reply) };
            }
            Ok(piece) => pieces.push(piece),
            Err(error) => {
                assert!(stream.next().await.is_none(), "an error is the last");
                return Heard { pieces, end: Err(error) };
            }
        }
    }
    panic!("it ended without an end: {pieces:?}");
}

/// One script for each wire; gives what was heard and the server.
async fn each(turns: impl Fn(Wire) -> Vec<Turn>, check: impl Fn(Wire, Heard, &Server)) {
    for wire in Wire::ALL {
        let server = Server::scripted(wire, turns(wire));
        let heard = ask(&models(&server), prompt()).await;
        check(wire, heard, &server);
    }
}

const TEXT: &str = "It failed because `total` is \u{dc}mlaut-free \u{1f680}.";

#[tokio::test]
async fn a_text_comes_in_pieces_and_whole_with_what_it_used() {
    each(
        |_| vec![Turn::text(TEXT)],
        |wire, heard, server| {
            assert_eq!(heard.text(), TEXT, "{wire:?}");
            let reply = heard.end.unwrap();
            let Message::Model { text, calls, .. } = &reply.message else { panic!("{wire:?}") };
            assert_eq!((text.as_str(), calls.len(), &reply.stop), (TEXT, 0, &Stop::Done), "{wire:?}");
            assert_eq!(reply.usage, Some(Usage { input: 100, output: 20, ..Usage::default() }), "{wire:?}");
            assert_eq!(reply.model.to_string(), "test/scripted-1");
            assert_eq!(reply.cost, (wire == Wire::OpenRouter).then_some(NanoUsd(420_000)), "{wire:?}");
            let seen = &server.seen()[0];
            let key = match wire {
                Wire::Anthropic => &seen.headers["x-api-key"],
                Wire::Gemini => &seen.headers["x-goog-api-key"],
                _ => seen.headers["authorization"].strip_prefix("Bearer ").unwrap(),
            };
            assert_eq!(key, KEY, "{wire:?}");
            assert!(!seen.query.contains(KEY));
            let limits = [
                &seen.body["max_tokens"],
                &seen.body["max_completion_tokens"],
                &seen.body["max_output_tokens"],
                &seen.body["generationConfig"]["maxOutputTokens"],
            ];
            assert_eq!(limits.iter().filter(|limit| **limit == 500).count(), 1, "{wire:?}");
            assert!(seen.body.get("temperature").is_none());
        },
    )
    .await;
}

#[tokio::test]
async fn tools_are_called_with_whole_arguments_and_their_results_go_back_with_the_reasoning() {
    let arguments = json!({ "path": "src/\u{e4}.rs", "lines": [1, 20], "deep": { "quote": "\"\\\n" } });
    for wire in Wire::ALL {
        let said = Said::calls(&[("read_file", arguments.clone()), ("list", json!({}))])
            .with_text("I look.")
            .with_reasoning("The test reads the wrong file.");
        let server = Server::scripted(wire, vec![Turn::Say(said), Turn::text("Done.")]);
        let models = models(&server);
        let mut prompt = prompt();
        let heard = ask(&models, prompt.clone()).await;
        assert_eq!(heard.reasoning(), "The test reads the wrong file.", "{wire:?}");
        assert!(
            heard.pieces.iter().any(|p| matches!(p, Piece::Calling { tool, .. } if tool == "read_file")),
            "{wire:?}"
        );
        let reply = heard.end.unwrap();
        assert_eq!(reply.stop, Stop::Tools, "{wire:?}");
        let called: Vec<(&str, &Value)> =
            reply.calls.iter().map(|call| (call.tool.as_str(), &call.arguments)).collect();
        assert_eq!(called, [("read_file", &arguments), ("list", &json!({}))], "{wire:?}");
        prompt.messages.push(reply.message.clone());
        for call in &reply.calls {
            let result = ToolResult { call: call.id.clone(), text: format!("result of {}", call.tool), ok: true };
            prompt.messages.push(Message::Tool { result });
        }
        ask(&models, prompt).await.end.unwrap();
        let body = &server.bodies()[1];
        let text = body.to_string();
        assert!(text.contains("result of read_file") && text.contains("result of list"), "{wire:?}");
        let ids = reply.calls.iter().filter(|call| text.matches(&format!("\"{}\"", call.id)).count() == 2).count();
        assert!(ids == 2 || wire == Wire::Gemini, "{wire:?}: each result names its call: {text}");
        // What the wire wants back, exactly as it was.
        match wire {
            Wire::Anthropic => {
                let content = body["messages"][1]["content"].as_array().unwrap();
                let kinds: Vec<&str> = content.iter().map(|block| block["type"].as_str().unwrap()).collect();
                assert_eq!(kinds, ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]);
                assert_eq!(content[0]["thinking"], "The test reads the wrong file.");
                assert_eq!(content[0]["signature"], "c2lnbmVkIHRob3VnaHQ=");
                assert_eq!(content[1]["data"], "cmVkYWN0ZWQ=");
            }
            Wire::Responses => {
                let reasoning =
                    body["input"].as_array().unwrap().iter().find(|item| item["type"] == "reasoning").unwrap();
                assert_eq!(reasoning["encrypted_content"], "ZW5jcnlwdGVk");
                assert_eq!(
                    (&body["store"], &body["include"][0]),
                    (&json!(false), &json!("reasoning.encrypted_content"))
                );
            }
            Wire::Gemini => {
                let parts = body["contents"][1]["parts"].as_array().unwrap();
                let calls: Vec<&Value> = parts.iter().filter(|part| part["functionCall"].is_object()).collect();
                assert_eq!(calls[0]["thoughtSignature"], "dGhvdWdodA==");
                assert!(calls[1].get("thoughtSignature").is_none());
            }
            Wire::DeepSeek | Wire::Generic => {
                assert_eq!(body["messages"][2]["reasoning_content"], "The test reads the wrong file.", "{wire:?}");
            }
            Wire::OpenRouter => {
                let details = &body["messages"][2]["reasoning_details"];
                assert_eq!(details.as_array().unwrap().len(), 1, "{details}");
                assert_eq!(details[0]["text"], "The test reads the wrong file.");
                assert_eq!(details[0]["signature"], "c2ln");
            }
            Wire::OpenAi | Wire::Ollama => {}
        }
    }
}

#[tokio::test]
async fn what_was_used_agrees_with_rows_computed_by_hand() {
    let rows = [
        (
            Wire::Anthropic,
            json!({
                "input_tokens": 1_000, "cache_creation_input_tokens": 700, "cache_read_input_tokens": 50_000,
                "cache_creation": { "ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 200 },
                "output_tokens": 300, "output_tokens_details": { "thinking_tokens": 120 },
            }),
            Usage {
                input: 1_000,
                cache_read: 50_000,
                cache_write_5m: 500,
                cache_write_1h: 200,
                output: 300,
                reasoning: 120,
            },
        ),
        (
            Wire::OpenAi,
            json!({
                "prompt_tokens": 9_000, "completion_tokens": 700, "total_tokens": 9_700,
                "prompt_tokens_details": { "cached_tokens": 6_000, "cache_write_tokens": 1_000 },
                "completion_tokens_details": { "reasoning_tokens": 400 },
            }),
            Usage {
                input: 2_000,
                cache_read: 6_000,
                cache_write_5m: 1_000,
                cache_write_1h: 0,
                output: 700,
                reasoning: 400,
            },
        ),
        (
            Wire::Responses,
            json!({
                "input_tokens": 300_000, "input_tokens_details": { "cached_tokens": 250_000 },
                "output_tokens": 64, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 300_064,
            }),
            Usage { input: 50_000, cache_read: 250_000, output: 64, ..Usage::default() },
        ),
        (
            Wire::Gemini,
            json!({
                "promptTokenCount": 1_200, "cachedContentTokenCount": 1_000, "candidatesTokenCount": 30, "thoughtsTokenCount": 70,
                "toolUsePromptTokenCount": 5, "totalTokenCount": 1_305,
            }),
            Usage { input: 205, cache_read: 1_000, output: 100, reasoning: 70, ..Usage::default() },
        ),
        (
            Wire::DeepSeek,
            json!({
                "prompt_tokens": 500, "completion_tokens": 40, "total_tokens": 540, "prompt_cache_hit_tokens": 384,
                "prompt_cache_miss_tokens": 116, "completion_tokens_details": { "reasoning_tokens": 25 },
            }),
            Usage { input: 116, cache_read: 384, output: 40, reasoning: 25, ..Usage::default() },
        ),
        (
            Wire::Ollama,
            json!({ "prompt_tokens": 26, "completion_tokens": 298, "total_tokens": 324 }),
            Usage { input: 26, output: 298, ..Usage::default() },
        ),
    ];
    for (wire, counts, expected) in rows {
        let said = Said::text("Yes.").with_reasoning("Hm.").with_usage(counts);
        let server = Server::scripted(wire, vec![Turn::Say(said)]);
        let reply = ask(&models(&server), prompt()).await.end.unwrap();
        assert_eq!(reply.usage, Some(expected), "{wire:?}");
    }
    let counts = json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "cost": 0.001_234_567 });
    let server = Server::scripted(Wire::OpenRouter, vec![Turn::Say(Said::text("Yes.").with_usage(counts))]);
    assert_eq!(ask(&models(&server), prompt()).await.end.unwrap().cost, Some(NanoUsd(1_234_567)));
}

#[tokio::test]
async fn where_nothing_is_said_of_usage_nothing_is_made_up() {
    each(
        |_| vec![Turn::Say(Said::text("Yes.").with_usage(Value::Null))],
        |wire, heard, _| assert_eq!(heard.end.unwrap().usage, None, "{wire:?}"),
    )
    .await;
}

#[tokio::test]
async fn a_rate_limit_and_faults_of_the_provider_are_tried_again() {
    let faults: [fn(Wire) -> Turn; 5] = [
        Turn::rate_limited,
        |wire| Turn::rate_limited_for(wire, 0),
        Turn::overloaded,
        Turn::broken,
        |wire| Turn::broken(wire).with_header("x-should-retry", "true"),
    ];
    for fault in faults {
        each(
            |wire| vec![fault(wire), fault(wire), Turn::text("At last.")],
            |wire, heard, server| {
                assert_eq!((heard.text().as_str(), heard.again()), ("At last.", 2), "{wire:?}");
                assert_eq!((heard.end.is_ok(), server.seen().len()), (true, 3), "{wire:?}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn what_waiting_does_not_help_is_said_at_once() {
    /// How a provider refuses, and what that is taken for.
    type Refusal = (fn(Wire) -> Turn, fn(&ModelError) -> bool);
    let refusals: [Refusal; 6] = [
        (Turn::no_credit, |error| matches!(error, ModelError::NoCredit { .. })),
        (Turn::denied, |error| matches!(error, ModelError::Denied { .. })),
        (Turn::too_long, |error| matches!(error, ModelError::TooLong { .. })),
        (Turn::bad_request, |error| matches!(error, ModelError::BadRequest { .. })),
        (
            |wire| Turn::broken(wire).with_header("x-should-retry", "false"),
            |error| matches!(error, ModelError::Unavailable { .. }),
        ),
        (
            |wire| Turn::rate_limited_for(wire, 3_600),
            |error| matches!(error, ModelError::RateLimited { after: Some(after), .. } if after.as_secs() == 3_600),
        ),
    ];
    for (refusal, is) in refusals {
        each(
            |wire| vec![refusal(wire), Turn::text("never asked for")],
            |wire, heard, server| {
                let error = heard.end.unwrap_err();
                assert!(is(&error), "{wire:?}: {error:?}");
                assert_eq!(server.seen().len(), 1, "{wire:?}");
            },
        )
        .await;
    }
}

fn broken(after: usize, how: How) -> Turn {
    Turn::Break { said: Said::text("This is a longer answer, in several pieces."), after, how }
}

#[tokio::test]
async fn an_answer_that_breaks_off_begins_anew_and_what_was_shown_of_it_is_void() {
    for how in [How::Cut, How::End, How::Malformed, How::Error] {
        each(
            |_| vec![broken(3, how.clone()), Turn::text("Whole.")],
            |wire, heard, server| {
                assert_eq!((heard.text().as_str(), heard.again()), ("Whole.", 1), "{wire:?} {how:?}: {:?}", heard.end);
                assert_eq!(server.seen().len(), 2, "{wire:?} {how:?}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_that_always_breaks_off_is_an_error_that_says_how() {
    for (how, word) in [(How::Cut, "cut"), (How::End, "whole"), (How::Malformed, "JSON")] {
        each(
            |_| vec![broken(3, how.clone()), broken(2, how.clone()), broken(3, how.clone())],
            |wire, heard, server| {
                let error = heard.end.unwrap_err();
                assert!(
                    matches!(&error, ModelError::BrokenOff { said, .. } if said.contains(word)),
                    "{wire:?}: {error:?}"
                );
                assert_eq!(server.seen().len(), 3, "{wire:?}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn half_json_an_empty_answer_a_refusal_and_the_limit_are_told_apart() {
    let half = || Said {
        calls: vec![Call { tool: "read_file".into(), arguments: "{\"path\": \"a".into() }],
        ..Said::default()
    };
    for wire in Wire::ALL {
        let server = Server::always(wire, Turn::Say(Said::text("")));
        let error = ask(&models(&server), prompt()).await.end.unwrap_err();
        assert!(
            matches!(&error, ModelError::BrokenOff { said, .. } if said.contains("says nothing")),
            "{wire:?}: {error:?}"
        );
        let state = &models(&server).state()[0];
        assert_eq!(state.breaker, BreakerState::Closed);

        // Gemini has its arguments as JSON in JSON: they can't be half.
        if wire != Wire::Gemini {
            let server = Server::always(wire, Turn::Say(half()));
            let error = ask(&models(&server), prompt()).await.end.unwrap_err();
            assert!(
                matches!(&error, ModelError::BrokenOff { said, .. } if said.contains("JSON")),
                "{wire:?}: {error:?}"
            );
            let server = Server::always(wire, Turn::Say(half().ending(Ending::Length)));
            let reply = ask(&models(&server), prompt()).await.end.unwrap();
            assert_eq!((reply.stop, reply.calls.len()), (Stop::Length, 0), "{wire:?}");
        }

        let refused = Said::default().ending(Ending::Refused("I won't.".into()));
        let server = Server::always(wire, Turn::Say(refused));
        let reply = ask(&models(&server), prompt()).await.end.unwrap();
        let Stop::Refused { why } = reply.stop else { panic!("{wire:?}: {:?}", reply.stop) };
        match wire {
            Wire::Anthropic | Wire::OpenAi | Wire::Responses => assert_eq!(why, "I won't.", "{wire:?}"),
            Wire::Gemini => assert_eq!(why, "SAFETY"),
            _ => {}
        }

        let server = Server::always(wire, Turn::Say(Said::text("Too lo").ending(Ending::Length)));
        assert_eq!(ask(&models(&server), prompt()).await.end.unwrap().stop, Stop::Length, "{wire:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_a_silent_one_is_not() {
    let drip = |_| {
        vec![Turn::Break { said: Said::text("Slow but whole."), after: 0, how: How::Drip(Duration::from_millis(3)) }]
    };
    each(drip, |wire, heard, _| assert!(heard.end.is_ok(), "{wire:?}: {:?}", heard.end)).await;
    let short = Duration::from_millis(200);
    for wire in Wire::ALL {
        for turn in [broken(3, How::Hang), Turn::Silent] {
            let server = Server::always(wire, turn);
            let patience = Patience { tries: 1, ..patience() };
            let models = models_with(&server.settings(), patience, Timing { first: short, idle: short, ..timing() });
            let error = ask(&models, prompt()).await.end.unwrap_err();
            assert!(
                matches!(&error, ModelError::BrokenOff { said, .. } if said.contains("nothing came")),
                "{wire:?}: {error:?}"
            );
            gone(&server).await;
        }
    }
}

/// Waits until the server sees that nobody listens any more.
async fn gone(server: &Server) {
    let begun = Instant::now();
    while server.open() > 0 {
        assert!(begun.elapsed() < crate::home::DEADLINE, "the connection is still open");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection_at_any_piece() {
    for wire in Wire::ALL {
        for after in [1, 3, 5] {
            let server = Server::always(wire, broken(after, How::Hang));
            let models = models(&server);
            let mut stream = models.chain("default", "").unwrap().ask(prompt());
            // As far as it says anything before it hangs.
            while let Ok(Some(piece)) = tokio::time::timeout(Duration::from_millis(100), stream.next()).await {
                piece.unwrap();
            }
            drop(stream);
            gone(&server).await;
            assert_eq!(models.state()[0].breaker, BreakerState::Closed, "{wire:?}");
        }
    }
}

/// Two servers: the first choice of every role, and the second.
fn two(first: &Server, second: &Server, context: [u32; 2]) -> Models {
    let provider = |name: &str, server: &Server, context: u32| {
        format!(
            "[providers.{name}]\nkind = \"openai-compatible\"\nurl = \"{}\"\n[models.{name}]\nprovider = \"{name}\"\nmodel = \"m\"\ncontext = {context}\n",
            server.url()
        )
    };
    let settings = format!(
        "{}{}[roles.default]\nmodels = [\"one\", \"two\"]\n",
        provider("one", first, context[0]),
        provider("two", second, context[1])
    );
    models_with(&settings, patience(), timing())
}

#[tokio::test]
async fn the_next_model_is_asked_where_that_can_help_and_only_there() {
    let wire = Wire::Generic;
    let cases: [(Turn, bool); 8] = [
        (Turn::no_credit(wire), true),
        (Turn::denied(wire), true),
        (Turn::overloaded(wire), true),
        (Turn::rate_limited_for(wire, 30), true),
        (Turn::rate_limited(wire), true),
        (broken(3, How::Cut), true),
        (Turn::bad_request(wire), false),
        (Turn::too_long(wire), false),
    ];
    for (turn, helps) in cases {
        let (first, second) = (Server::always(wire, turn.clone()), Server::always(wire, Turn::text("By the second.")));
        let heard = ask(&two(&first, &second, [8_000, 8_000]), prompt()).await;
        assert_eq!(second.seen().len(), usize::from(helps), "{turn:?}");
        if helps {
            assert_eq!(heard.text(), "By the second.", "{turn:?}");
            assert_eq!(heard.end.unwrap().model.to_string(), "two/m");
        }
    }
    let (first, second) = (Server::always(wire, Turn::too_long(wire)), Server::always(wire, Turn::text("It fits.")));
    assert_eq!(ask(&two(&first, &second, [8_000, 9_000]), prompt()).await.text(), "It fits.");
}

#[tokio::test]
async fn a_provider_that_fails_all_the_time_is_left_alone_and_the_next_one_asked_at_once() {
    let wire = Wire::Generic;
    let (first, second) = (Server::always(wire, Turn::broken(wire)), Server::always(wire, Turn::text("Here.")));
    let models = two(&first, &second, [8_000, 8_000]);
    for _ in 0..4 {
        assert_eq!(ask(&models, prompt()).await.text(), "Here.");
    }
    assert_eq!(first.seen().len(), 5, "three tries, two more, and then none");
    let state = models.state();
    assert!(matches!(state[0].breaker, BreakerState::Open { faults: 5, .. }), "{:?}", state[0]);
    assert_eq!((state[0].requests, state[1].requests), (5, 4));
    let alone = hear(&*models.chain("default", "one").unwrap(), prompt()).await;
    assert!(matches!(alone.end, Err(ModelError::Resting { faults: 5, .. })), "{:?}", alone.end);
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let settings =
        format!("providers.local = {{ kind = \"openai-compatible\", url = \"http://127.0.0.1:{port}/v1\" }}");
    let heard = ask(&models_with(&settings, patience(), timing()), prompt()).await;
    assert!(
        matches!(&heard.end, Err(ModelError::Unreachable { provider, .. }) if provider == "local"),
        "{:?}",
        heard.end
    );
}

#[tokio::test]
async fn a_key_is_known_to_redaction_and_shown_to_nobody() {
    let body =
        json!({ "error": { "message": format!("Incorrect API key provided: {KEY}."), "code": "invalid_api_key" } });
    let turn = Turn::Fail { status: 401, headers: Vec::new(), body };
    let server = Server::always(Wire::OpenAi, turn);
    let models = models(&server);
    let heard = ask(&models, prompt()).await;
    assert!(!format!("{:?} {:?}", heard.end, heard.pieces).contains(KEY));
    assert!(!format!("{models:?}").contains(KEY));
    assert!(models.secrets().iter().any(|(_, value)| value == KEY));
}

#[test]
fn any_compatible_server_is_put_behind_gonogo_by_one_line_or_one_variable() {
    let name = |settings: &str, variables: &[(&str, &str)]| {
        let loaded = settings::parse("config.toml", settings, None, None);
        assert_eq!(loaded.problems, []);
        let environment: Environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let models = Models::new(&loaded.settings.models, &environment);
        models.chain("engineer", "").map(|model| model.name().to_string()).map_err(|none| none.to_string())
    };
    let line =
        "providers.local = { kind = \"openai-compatible\", url = \"http://127.0.0.1:8080/v1\", model = \"qwen3\" }";
    assert_eq!(name(line, &[]).unwrap(), "local/qwen3");
    let url = ("GONOGO_MODEL_URL", "http://127.0.0.1:8080/v1");
    assert_eq!(name("", &[url, ("GONOGO_MODEL", "m")]).unwrap(), "local/m");
    assert_eq!(name("", &[("ANTHROPIC_API_KEY", "k")]).unwrap(), "anthropic/claude-sonnet-5-5");
    assert_eq!(name("", &[]).unwrap_err(), "no model is configured");
    let keyless = name("[models.a]\nprovider = \"openai\"\nmodel = \"gpt-6.1-sol\"\n", &[]).unwrap_err();
    assert!(keyless.contains("OPENAI_API_KEY") && keyless.contains("not set"), "{keyless}");
}

#[test]
fn the_scripted_server_says_what_is_written_down_and_keeps_what_it_was_asked() {
    let server = Server::scripted(Wire::OpenAi, vec![Turn::text("Good morning.")]);
    let address = server.url();
    let address = address.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let ask = || {
        let mut stream = TcpStream::connect(address).unwrap();
        let body = json!({ "model": "m" }).to_string();
        let length = body.len();
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let said = ask();
    assert!(said.contains("200 OK") && said.contains("\"content\":\"Good mo\"") && said.contains("[DONE]"), "{said}");
    assert!(ask().contains("used up"));
    assert_eq!(server.bodies()[0], json!({ "model": "m" }));
    assert_eq!((server.seen().len(), server.left()), (2, 0));
}
