//! What a provider's refusal means: status, headers and body to a [`ModelError`]. Pure.

use std::time::Duration;

use serde_json::Value;

use super::ModelError;
use crate::{
    config::settings::model::ProviderKind,
    domain::{talk::ModelName, time::Timestamp},
};

/// Letters of a provider's words that are kept.
const WORDS: usize = 300;

/// Longer than this nobody means when they say when to try again.
const LONGEST_WAIT: f64 = 7.0 * 86_400.0;

/// A fault, and whether its provider says that trying again may help.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub error: ModelError,
    /// What the provider said to that, which wins over what gonogo thinks.
    pub again: Option<bool>,
    /// The answer came whole, and is of no use: no fault of the connection or the provider.
    pub whole: bool,
}

impl Fault {
    /// Whether it says that the provider is not well.
    pub(super) fn is_the_providers(&self) -> bool {
        use ModelError::{BrokenOff, Unavailable, Unreachable};
        !self.whole && matches!(self.error, Unavailable { .. } | Unreachable { .. } | BrokenOff { .. })
    }
}

impl From<ModelError> for Fault {
    fn from(error: ModelError) -> Self {
        Self { error, again: None, whole: false }
    }
}

/// What is known of a refusal.
pub(super) struct Refused<'a> {
    pub kind: ProviderKind,
    pub model: &'a ModelName,
    /// 0 where it came in the middle of an answer.
    pub status: u16,
    /// The value of a header, by its name in small letters.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    pub body: &'a str,
    pub now: Timestamp,
}

/// Names for spent credit, in `code` or `type`.
const SPENT: [&str; 9] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
];

/// Words for it, where no name says so.
const SPENT_WORDS: [&str; 5] =
    ["credit balance is too low", "insufficient balance", "insufficient credits", "key limit exceeded", "spend limit"];

/// Words for a conversation that is too long.
const LONG_WORDS: [&str; 8] = [
    "prompt is too long",
    "maximum context length",
    "context window",
    "context length exceeded",
    "exceeds the maximum number of tokens",
    "exceeds the available context size",
    "input is too long",
    "exceed context limit",
];

impl Refused<'_> {
    /// What it means.
    pub(super) fn fault(&self) -> Fault {
        let body: Value = serde_json::from_str(self.body).unwrap_or(Value::Null);
        // Gemini may have a list of one around it.
        let body = if body.is_array() { body[0].clone() } else { body };
        let error =
            [&body["error"], &body["response"]["error"]].into_iter().find(|error| !error.is_null()).unwrap_or(&body);
        let text = error["message"].as_str().or(error.as_str()).or(body["message"].as_str());
        let said = words(text.unwrap_or(self.body), self.status);
        let small = said.to_lowercase();
        let names = [&error["code"], &error["type"], &error["status"]].map(|name| name.as_str().unwrap_or_default());
        let named = |known: &[&str]| names.iter().any(|name| known.contains(name));
        let worded = |known: &[&str]| known.iter().any(|words| small.contains(words));
        // In the middle of an answer the status stands in the body, if anywhere.
        let status = match self.status {
            0 | 200..=299 => error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
            status => status,
        };
        let after = self.after(error);
        let provider = self.model.provider.clone();
        let daily = self.kind == ProviderKind::Gemini && after.is_none() && names_a_daily_quota(error);
        let error = if status == 402 || named(&SPENT) || worded(&SPENT_WORDS) || (status == 429 && daily) {
            ModelError::NoCredit { provider, said }
        } else if status == 413
            || named(&["context_length_exceeded", "exceed_context_size_error", "request_too_large"])
            || (matches!(status, 0 | 400 | 422 | 500) && worded(&LONG_WORDS))
        {
            ModelError::TooLong { model: self.model.clone() }
        } else if status == 429
            || named(&["rate_limit_error", "rate_limit_exceeded", "slow_down", "RESOURCE_EXHAUSTED"])
        {
            ModelError::RateLimited { provider, after, said }
        } else if matches!(status, 401 | 403) || named(&["authentication_error", "permission_error", "invalid_api_key"])
        {
            ModelError::Denied { provider, said }
        } else if (status == 0 && !named(&["invalid_request_error", "invalid_prompt"]))
            || matches!(status, 408 | 409 | 425 | 500..=599)
        {
            ModelError::Unavailable { provider, after, said }
        } else {
            ModelError::BadRequest { provider, said }
        };
        let again = match (self.header)("x-should-retry").as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        Fault { error, again, whole: false }
    }

    /// When it may be tried again.
    fn after(&self, error: &Value) -> Option<Duration> {
        let details = error["details"].as_array().into_iter().flatten();
        let delay = details.filter_map(|detail| detail["retryDelay"].as_str()).find_map(seconds);
        delay
            .or_else(|| Some(number((self.header)("retry-after-ms")?.trim())? / 1000.0))
            .or_else(|| {
                let text = (self.header)("retry-after")?;
                number(text.trim()).or_else(|| self.until(&text))
            })
            .map(Duration::from_secs_f64)
    }

    /// Seconds until a date as HTTP writes it.
    fn until(&self, date: &str) -> Option<f64> {
        let at = jiff::fmt::rfc2822::parse(date.trim()).ok()?.timestamp().as_millisecond();
        Some((at.saturating_sub(self.now.as_millisecond()).max(0) as f64 / 1000.0).min(LONGEST_WAIT))
    }
}

/// `59s`, `1.5s`.
fn seconds(text: &str) -> Option<f64> {
    number(text.strip_suffix('s')?)
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number >= 0.0)
        .map(|number| number.min(LONGEST_WAIT))
}

/// Gemini's quota of a day, after which waiting a minute does not help.
fn names_a_daily_quota(error: &Value) -> bool {
    let details = error["details"].as_array().into_iter().flatten();
    let violations = details.flat_map(|detail| detail["violations"].as_array().into_iter().flatten());
    violations.into_iter().any(|violation| violation["quotaId"].as_str().is_some_and(|quota| quota.contains("PerDay")))
}

/// A provider's words, fit for a line.
fn words(text: &str, status: u16) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match (clean.is_empty() || clean.starts_with('<'), status) {
        (true, 0) => "it does not say why".to_owned(),
        (true, status) => format!("status {status}"),
        (false, _) => clean,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn fault(kind: ProviderKind, status: u16, headers: &[(&str, &str)], body: &Value) -> Fault {
        let header =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let model = ModelName { provider: "p".into(), model: "m".into() };
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        Refused { kind, model: &model, status, header: &header, body: &body.to_string(), now }.fault()
    }

    fn after(headers: &[(&str, &str)]) -> Option<Duration> {
        match fault(ProviderKind::OpenAi, 429, headers, &json!({})).error {
            ModelError::RateLimited { after, .. } => after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn when_to_try_again_is_read_however_it_is_written() {
        let seconds = Duration::from_secs;
        assert_eq!(after(&[("retry-after", "7")]), Some(seconds(7)));
        assert_eq!(after(&[("retry-after-ms", "1500"), ("retry-after", "7")]), Some(Duration::from_millis(1500)));
        assert_eq!(after(&[("retry-after", "Fri, 20 Nov 2026 12:00:30 GMT")]), Some(seconds(30)));
        assert_eq!(after(&[("retry-after", "Fri, 20 Nov 2026 11:00:00 GMT")]), Some(seconds(0)), "a time that is over");
        for nonsense in ["soon", "-1", "nan", "inf", ""] {
            assert_eq!(after(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
        assert_eq!(after(&[("retry-after", "1e300")]), Some(Duration::from_secs_f64(LONGEST_WAIT)));
        let info = json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "59.5s" },
        ] } });
        let ModelError::RateLimited { after, .. } = fault(ProviderKind::Gemini, 429, &[], &info).error else {
            panic!()
        };
        assert_eq!(after, Some(Duration::from_millis(59_500)));
    }

    #[test]
    fn spent_credit_is_told_from_a_rate_limit() {
        let code = |code: &str| json!({ "error": { "message": "m", "type": "insufficient_quota", "code": code } });
        let spent =
            |kind, status, body: &Value| matches!(fault(kind, status, &[], body).error, ModelError::NoCredit { .. });
        for name in ["credit_balance_exhausted", "project_spend_limit_exceeded"] {
            assert!(spent(ProviderKind::OpenAi, 429, &code(name)), "{name}");
        }
        let low =
            json!({ "error": { "type": "invalid_request_error", "message": "Your credit balance is too low to ..." } });
        assert!(spent(ProviderKind::Anthropic, 400, &low));
        assert!(spent(ProviderKind::DeepSeek, 402, &json!({ "error": { "message": "x" } })));
        let day = |details: Value| json!({ "error": { "code": 429, "message": "m", "details": details } });
        let daily = json!({ "violations": [{ "quotaId": "GenerateRequestsPerDayPerProject" }] });
        assert!(spent(ProviderKind::Gemini, 429, &day(json!([daily]))));
        assert!(!spent(ProviderKind::Gemini, 429, &day(json!([daily, { "retryDelay": "3s" }]))));
        let limit = json!({ "error": { "message": "m", "type": "requests", "code": "rate_limit_exceeded" } });
        assert!(!spent(ProviderKind::OpenAi, 429, &limit));
    }

    #[test]
    fn each_status_has_its_meaning_and_a_provider_s_word_on_trying_again_is_kept() {
        let of = |status, body: Value| fault(ProviderKind::Compatible, status, &[], &body).error;
        let error = |message: &str| json!({ "error": { "message": message } });
        assert!(matches!(of(529, error("x")), ModelError::Unavailable { .. }));
        assert!(matches!(of(503, error("x")), ModelError::Unavailable { .. }));
        assert!(matches!(of(401, error("x")), ModelError::Denied { .. }));
        assert!(matches!(of(404, error("no such model")), ModelError::BadRequest { .. }));
        assert!(matches!(of(413, error("x")), ModelError::TooLong { .. }));
        assert!(matches!(of(400, error("prompt is too long: 3 > 2")), ModelError::TooLong { .. }));
        assert!(matches!(of(400, error("max_tokens: too large")), ModelError::BadRequest { .. }));
        assert!(matches!(of(0, error("Error in input stream")), ModelError::Unavailable { .. }));
        let header = [("x-should-retry", "false")];
        assert_eq!(fault(ProviderKind::Anthropic, 500, &header, &error("x")).again, Some(false));
    }

    #[test]
    fn words_of_a_page_or_of_many_lines_fit_a_line() {
        let model = ModelName::default();
        let refused = |body: &str| {
            let refused = Refused {
                kind: ProviderKind::Compatible,
                model: &model,
                status: 502,
                header: &|_| None,
                body,
                now: Timestamp::UNIX_EPOCH,
            };
            refused.fault().error.to_string()
        };
        assert!(refused("<html>\n<h1>Bad gateway</h1>").ends_with("status 502"));
        assert!(refused(&format!("a\nb\u{1b}[2J{}", "x".repeat(10_000))).len() < 400);
    }
}
