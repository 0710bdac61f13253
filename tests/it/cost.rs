//! What was spent, and what models cost, as the commands say it.

use gonogo::{
    domain::{
        actor::Actor,
        id::{Seq, ThreadId},
        talk::{ModelName, Stop},
        time::{Millis, Timestamp},
        usage::{NanoUsd, Usage},
    },
    protocol::{
        event::{Cause, Event, Record},
        thread::{About, CallEnd, ModelCall, ThreadEvent},
    },
    store::log::Log,
};
use serde_json::json;

use crate::home::Home;

const LIST: &str = r#"{ "anthropic": { "id": "anthropic", "models": {
    "claude-opus-5-5": { "cost": { "input": 4, "output": 20, "cache_read": 0.2, "cache_write": 5 } },
    "claude-next": { "cost": { "input": 0.3, "output": 0.7 } },
    "claude-odd": { "cost": { "input": "free", "output": 1 } } } } }"#;

#[test]
fn a_list_of_prices_is_taken_over_once_and_what_is_there_stays() {
    let home = Home::new();
    let file = home.tmp().join("api.json");
    std::fs::write(&file, LIST).unwrap();
    let file = file.to_str().unwrap();
    let own = home.gonogo().join("prices.toml");
    std::fs::create_dir_all(home.gonogo()).unwrap();
    std::fs::write(&own, "[mine.models.m]\ncost = { input = 1, output = 2 }\n").unwrap();

    let dry = home.ask(&["prices", "import", file, "--dry-run"]).expect(0).all();
    assert!(dry.contains("1 new or changed") && dry.contains("nothing was written"), "{dry}");
    let done = home.ask(&["prices", "import", file]).expect(0).all();
    assert!(done.contains("anthropic/claude-next  new: 0.3 / 0.7 / 0.3 / 0.3"), "{done}");
    assert!(done.contains("left out: anthropic/claude-odd: its `input` is no price"), "{done}");
    assert!(done.contains("1 as before"), "{done}");
    let before = std::fs::read_to_string(&own).unwrap();
    assert!(before.contains("mine") && before.contains("claude-next"), "{before}");
    home.ask(&["prices", "import", file]).expect(0);
    assert_eq!(std::fs::read_to_string(&own).unwrap(), before, "the second time changes nothing");

    let list = home.ask(&["prices", "list", "claude-next", "--json"]).expect(0).json();
    assert_eq!(list["prices"][0]["usd_per_million"]["input"], "0.3");
    let wrong = home.ask(&["prices", "import", own.to_str().unwrap()]).expect(2).all();
    assert!(wrong.contains("it is no JSON"), "{wrong}");
    std::fs::write(&own, "[broken").unwrap();
    let kept = home.ask(&["prices", "import", file]).expect(2).all();
    assert!(kept.contains("prices.toml") && kept.contains("hint:"), "{kept}");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "[broken", "what can't be read is not lost");
}

/// Records two calls of models: one priced, one not.
fn spend(home: &Home) {
    let log = Log::open(&home.gonogo().join("state")).unwrap();
    let call = |cost: Option<u64>, model: &str| ThreadEvent::Called {
        turn: 1,
        call: Box::new(ModelCall {
            model: ModelName { provider: "p".into(), model: model.into() },
            usage: Usage { input: 1_000, output: 10, ..Usage::default() },
            cost: cost.map(NanoUsd),
            priced_by: String::new(),
            first: Millis(1),
            took: Millis(2),
            retries: 0,
            end: CallEnd::Answered { stop: Stop::Done },
        }),
    };
    let (role, title) = ("operator".to_owned(), "why".to_owned());
    let opened = ThreadEvent::Opened { project: None, about: About::default(), role, title, by: Actor::Policy };
    log.begin().unwrap();
    for (seq, event) in (1..).zip([opened, call(Some(1_500_000_001), "dear"), call(None, "unknown")]) {
        let event = Event::Thread { thread: ThreadId(1), event: Box::new(event) };
        let record = Record { seq: Seq(seq), at: Timestamp::now(), cause: Cause::Control, event };
        log.append(&record, None).unwrap();
    }
    log.commit().unwrap();
}

#[test]
fn what_was_spent_is_told_to_the_nano_dollar() {
    let home = Home::new();
    let empty = home.ask(&["cost"]).expect(0).all();
    assert!(empty.contains("nothing was spent") && empty.contains("hint:"), "{empty}");

    spend(&home);
    home.settings("[budgets.day]\nwarn = \"$1\"\nstop = \"$1.50\"\n");
    let said = home.ask(&["cost", "--json"]).expect(0).json();
    assert_eq!(said["total"]["cost_nano_usd"], 1_500_000_001_u64);
    assert_eq!(said["total"]["unpriced"], 1);
    assert_eq!(said["rows"][0]["name"], "p/dear");
    assert_eq!(said["budgets"][0]["level"], json!("spent"));
    let table = home.ask(&["cost", "--by", "role", "--since", "30d"]).expect(0).all();
    for part in ["operator", "$1.50", "+ 1 unpriced", "1 call is unpriced", "if every day is as today", "spent"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let values = home.ask(&["cost", "--by", "agent", "--csv"]).expect(0).all();
    assert!(values.contains("1 operator: why,2,2000,") && values.contains(",1.500000001"), "{values}");
    home.ask(&["cost", "--by", "colour"]).expect(2);
}
