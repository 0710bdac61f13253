//! Events of the API, as far as they tell something. Pure.

use bollard::models::EventMessage;

use crate::{
    domain::time::Timestamp,
    protocol::container::{ContainerMoment, ContainerRef, Happened, Health},
};

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The container that it is about.
    pub(super) id: String,
    /// It is there no more.
    pub(super) gone: bool,
    /// It may stand differently now.
    pub(super) changed: bool,
    /// What is worth a line.
    pub(super) moment: Option<ContainerMoment>,
}

/// Reads an event of a container.
pub(super) fn said(engine: &str, event: EventMessage) -> Option<Said> {
    let actor = event.actor?;
    let id = actor.id?;
    let attributes = actor.attributes.unwrap_or_default();
    let action = event.action?;
    let happened = match action.as_str() {
        "start" => Some(Happened::Started),
        "die" => {
            Some(Happened::Died { code: attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(0) })
        }
        "oom" => Some(Happened::OutOfMemory),
        "restart" => Some(Happened::Restarted),
        "pause" => Some(Happened::Paused),
        "unpause" => Some(Happened::Unpaused),
        "destroy" => Some(Happened::Removed),
        "health_status: healthy" => Some(Happened::Health { health: Health::Healthy }),
        "health_status: unhealthy" => Some(Happened::Health { health: Health::Unhealthy }),
        _ => None,
    };
    // Each check of a container's health is a command that is run in it: that alone changes nothing.
    let changed = happened.is_some() || matches!(action.as_str(), "create" | "stop" | "kill" | "rename" | "update");
    let at = event.time_nano.and_then(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).ok());
    let at = at.or_else(|| Timestamp::from_second(event.time?).ok()).unwrap_or_default();
    let moment = happened.map(|what| ContainerMoment {
        container: ContainerRef { engine: engine.to_owned(), id: id.clone() },
        name: attributes.get("name").cloned().unwrap_or_default(),
        at,
        what,
    });
    Some(Said { id, gone: action == "destroy", changed, moment })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(action: &str) -> EventMessage {
        serde_json::from_value(serde_json::json!({
            "Type": "container", "Action": action, "time": 1, "timeNano": 1_500_000_000_i64,
            "Actor": { "ID": "f00", "Attributes": { "name": "one", "exitCode": "137" } },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_worth_a_line_and_what_is_noise() {
        let died = said("docker", event("die")).unwrap();
        let moment = died.moment.unwrap();
        assert_eq!((moment.what, moment.name.as_str()), (Happened::Died { code: 137 }, "one"));
        assert_eq!(moment.at.as_millisecond(), 1500);
        let check = said("docker", event("exec_start: /bin/sh -c true")).unwrap();
        assert!(!check.changed && check.moment.is_none());
        assert!(said("docker", event("destroy")).unwrap().gone);
    }
}
