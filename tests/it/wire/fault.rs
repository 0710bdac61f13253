//! Refusals in the words of each provider.

use serde_json::{Value, json};

use super::{Turn, Wire};

impl Turn {
    fn fail(wire: Wire, status: u16, kind: &str, code: &str, said: &str, details: Value) -> Self {
        let body = match wire {
            Wire::Anthropic => {
                json!({ "type": "error", "error": { "type": kind, "message": said }, "request_id": "req_1" })
            }
            Wire::Gemini => {
                json!({ "error": { "code": status, "message": said, "status": kind, "details": details } })
            }
            Wire::OpenRouter => json!({ "error": { "code": status, "message": said, "metadata": {} } }),
            _ => json!({ "error": { "message": said, "type": kind, "param": null, "code": code } }),
        };
        Self::Fail { status, headers: Vec::new(), body }
    }

    /// The same, with a header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Fail { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    /// Too many requests, without a word of when to try again.
    pub fn rate_limited(wire: Wire) -> Self {
        let said = "Rate limit reached for requests";
        match wire {
            Wire::Anthropic => Self::fail(wire, 429, "rate_limit_error", "", said, Value::Null),
            Wire::Gemini => Self::fail(wire, 429, "RESOURCE_EXHAUSTED", "", said, json!([])),
            _ => Self::fail(wire, 429, "requests", "rate_limit_exceeded", said, Value::Null),
        }
    }

    /// Too many requests; try again after so many seconds.
    pub fn rate_limited_for(wire: Wire, seconds: u32) -> Self {
        if wire == Wire::Gemini {
            let details = json!([
                { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": "GenerateRequestsPerMinute" }] },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s") },
            ]);
            return Self::fail(wire, 429, "RESOURCE_EXHAUSTED", "", "Quota exceeded", details);
        }
        Self::rate_limited(wire).with_header("retry-after", &seconds.to_string())
    }

    /// The credit is spent.
    pub fn no_credit(wire: Wire) -> Self {
        match wire {
            Wire::Anthropic => Self::fail(
                wire,
                402,
                "billing_error",
                "",
                "Your credit balance is too low to access the Anthropic API.",
                Value::Null,
            ),
            Wire::Gemini => {
                let details = json!([{
                    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                    "violations": [{ "quotaId": "GenerateRequestsPerDayPerProjectPerModel" }],
                }]);
                Self::fail(wire, 429, "RESOURCE_EXHAUSTED", "", "You exceeded your current quota", details)
            }
            Wire::OpenAi | Wire::Responses | Wire::Generic => Self::fail(
                wire,
                429,
                "insufficient_quota",
                "credit_balance_exhausted",
                "You exceeded your current quota, please check your plan and billing details.",
                Value::Null,
            ),
            _ => Self::fail(wire, 402, "unknown_error", "invalid_request_error", "Insufficient Balance", Value::Null),
        }
    }

    /// It has too much to do.
    pub fn overloaded(wire: Wire) -> Self {
        match wire {
            Wire::Anthropic => Self::fail(wire, 529, "overloaded_error", "", "Overloaded", Value::Null),
            Wire::Gemini => Self::fail(wire, 503, "UNAVAILABLE", "", "The model is overloaded.", json!([])),
            _ => Self::fail(wire, 503, "service_unavailable_error", "server_is_overloaded", "Overloaded", Value::Null),
        }
    }

    /// A fault of its own.
    pub fn broken(wire: Wire) -> Self {
        match wire {
            Wire::Anthropic => Self::fail(wire, 500, "api_error", "", "Internal server error", Value::Null),
            Wire::Gemini => Self::fail(wire, 500, "INTERNAL", "", "An internal error has occurred", json!([])),
            _ => Self::fail(wire, 500, "server_error", "internal_error", "The server had an error", Value::Null),
        }
    }

    /// The key is wrong.
    pub fn denied(wire: Wire) -> Self {
        match wire {
            Wire::Anthropic => Self::fail(wire, 401, "authentication_error", "", "invalid x-api-key", Value::Null),
            Wire::Gemini => {
                Self::fail(wire, 403, "PERMISSION_DENIED", "", "Method doesn't allow unregistered callers", json!([]))
            }
            _ => Self::fail(
                wire,
                401,
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided",
                Value::Null,
            ),
        }
    }

    /// More was sent than fits its context.
    pub fn too_long(wire: Wire) -> Self {
        match wire {
            Wire::Anthropic => Self::fail(
                wire,
                400,
                "invalid_request_error",
                "",
                "prompt is too long: 208310 tokens > 200000 maximum",
                Value::Null,
            ),
            Wire::Gemini => Self::fail(
                wire,
                400,
                "INVALID_ARGUMENT",
                "",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                json!([]),
            ),
            _ => Self::fail(
                wire,
                400,
                "invalid_request_error",
                "context_length_exceeded",
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.",
                Value::Null,
            ),
        }
    }

    /// It does not understand what was asked.
    pub fn bad_request(wire: Wire) -> Self {
        match wire {
            Wire::Gemini => Self::fail(wire, 400, "INVALID_ARGUMENT", "", "Invalid value at 'tools'", json!([])),
            _ => {
                Self::fail(wire, 400, "invalid_request_error", "invalid_value", "tools.0: Field required", Value::Null)
            }
        }
    }
}
