//! What providers and models are called, in configurations, lists of prices and answers.

/// Kinds of providers whose models run on one's own machines.
const OWN: [&str; 6] = ["ollama", "vllm", "lmstudio", "llamacpp", "llama-cpp", "local"];

/// Whether a server's address is on this machine: what runs there is paid for already.
pub fn is_here(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host);
    host == "localhost"
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// The name of a provider in the table.
pub fn kind(provider: &str) -> &str {
    match provider {
        "gemini" | "google-genai" | "vertex" => "google",
        "openai-chat" | "openai-responses" | "openai_resp" => "openai",
        "open-router" | "open_router" => "openrouter",
        "grok" | "x-ai" => "xai",
        "z-ai" | "zhipuai" => "zai",
        "mistralai" => "mistral",
        "qwen" | "dashscope" => "alibaba",
        other => other,
    }
}

/// The rows in which a model's price may stand, the exact one first: a dated name is the model of that day.
pub fn spellings(provider: &str, model: &str) -> Vec<(String, String)> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let mut names = vec![model.to_owned()];
    names.extend(undated(model).map(str::to_owned));
    names.into_iter().map(|model| (provider.to_owned(), model)).collect()
}

/// The rows of the maker, where a provider passes on the models of others at their price: `anthropic/claude-opus-5.5`.
pub fn elsewhere(provider: &str, model: &str) -> Vec<(String, String)> {
    let Some((maker, model)) = model.split_once('/').filter(|_| provider == "openrouter") else { return Vec::new() };
    let mut rows = spellings(kind(maker), model);
    rows.extend(spellings(kind(maker), &model.replace('.', "-")));
    rows
}

/// Why a model costs nothing, if it does.
pub fn costs_nothing(provider: &str, model: &str) -> Option<&'static str> {
    if OWN.contains(&provider) {
        Some("runs on one's own machine")
    } else if provider == "openrouter" && model.ends_with(":free") {
        Some("a free model of OpenRouter")
    } else {
        None
    }
}

/// The name without the day at its end: `-20251001`, `@20250929`, `-2024-08-06`, `-latest`.
fn undated(model: &str) -> Option<&str> {
    if let Some(name) = model.strip_suffix("-latest") {
        return Some(name);
    }
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((name, day)) = model.rsplit_once(['-', '@'])
        && digits(day, 8)
    {
        return Some(name);
    }
    let mut parts = model.rsplitn(4, '-');
    let (day, month, year, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (digits(day, 2) && digits(month, 2) && digits(year, 4)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_at_the_end_is_no_part_of_the_name() {
        let found = [
            "claude-haiku-4-5-20251001",
            "claude-sonnet-4-5@20250929",
            "gpt-4o-2024-08-06",
            "claude-opus-5-5-latest",
            "gpt-4.1",
            "claude-opus-4-5",
            "gpt-4-1106-preview",
        ]
        .map(undated);
        let names = ["claude-haiku-4-5", "claude-sonnet-4-5", "gpt-4o", "claude-opus-5-5"];
        assert_eq!(found[..4], names.map(Some));
        assert_eq!(found[4..], [None; 3]);
    }
}
