//! The providers of models: what is configured, and whether there is a key; never the key, and nobody is asked.

use crate::{
    agent::model::{KeyState, Models, ProviderState},
    protocol::session::surroundings,
};

use super::{Finding, Place, good, note};

/// One line a provider, and one if no agent can be asked at all.
pub(super) fn look(place: &Place) -> Vec<Finding> {
    let models = Models::new(&place.settings.models, &surroundings());
    let mut found: Vec<Finding> = models.state().iter().map(finding).collect();
    match models.chain("default", "") {
        Ok(model) => found.push(good("models", format!("agents ask {}", model.name()))),
        Err(none) => found.push(note("models", none.why, &none.hint)),
    }
    found
}

fn finding(provider: &ProviderState) -> Finding {
    let what = format!("provider {}", provider.name);
    let at = format!("{} at {}", provider.kind.name(), provider.url);
    // A key in the open on the way to another machine.
    let open = provider.url.starts_with("http://")
        && !["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| provider.url.starts_with(here));
    let there = |said: String| {
        if open {
            note(what.clone(), said, "its key goes there unencrypted: use https://")
        } else {
            good(what.clone(), said)
        }
    };
    match &provider.key {
        KeyState::NotNeeded => good(what, format!("{at}, without a key")),
        KeyState::There(place) => there(format!("{at}, key from {place}")),
        KeyState::WhenNeeded(place) => there(format!("{at}, key from {place} when it is needed")),
        KeyState::Missing(why) => {
            note(what, format!("{at}: {why}"), "put the key there, or take the provider out of config.toml")
        }
    }
}
