//! What the API says of a container, as the row that is shown. Pure.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum, HealthStatusEnum,
    PortSummaryTypeEnum,
};

use crate::{
    domain::{id::JobKey, time::Timestamp},
    engine::docker::label,
    protocol::container::{Compose, ContainerRef, ContainerRow, ContainerState, Health, Own, Port},
};

/// From a list. When it was started is not said there, and how it ended only in words.
pub fn of_summary(engine: &str, summary: ContainerSummary) -> Option<ContainerRow> {
    let status = summary.status.unwrap_or_default();
    let labels = summary.labels.unwrap_or_default();
    let state = match summary.state? {
        ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::STOPPING => ContainerState::Running,
        ContainerSummaryStateEnum::PAUSED => ContainerState::Paused,
        ContainerSummaryStateEnum::RESTARTING => ContainerState::Restarting,
        ContainerSummaryStateEnum::REMOVING => ContainerState::Removing,
        ContainerSummaryStateEnum::EXITED => ContainerState::Exited { code: exit_code(&status).unwrap_or(0) },
        ContainerSummaryStateEnum::DEAD => ContainerState::Dead,
        ContainerSummaryStateEnum::CREATED | ContainerSummaryStateEnum::EMPTY => ContainerState::Created,
    };
    let ports: BTreeSet<Port> = summary
        .ports
        .unwrap_or_default()
        .into_iter()
        .map(|port| Port {
            host: port.public_port,
            container: port.private_port,
            protocol: match port.typ {
                Some(PortSummaryTypeEnum::UDP) => "udp",
                Some(PortSummaryTypeEnum::SCTP) => "sctp",
                _ => "tcp",
            }
            .to_owned(),
        })
        .collect();
    Some(ContainerRow {
        container: ContainerRef { engine: engine.to_owned(), id: summary.id? },
        name: name(summary.names.unwrap_or_default()),
        image: labels.get(label::IMAGE).cloned().unwrap_or_else(|| image(summary.image.unwrap_or_default())),
        state,
        health: health_in_words(&status),
        ports: ports.into_iter().collect(),
        created: summary.created.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default(),
        started: None,
        finished: None,
        oom: false,
        compose: compose(&labels),
        own: own(&labels),
    })
}

/// The container's own name: links give it more, with further slashes.
fn name(mut names: Vec<String>) -> String {
    names.sort_by_key(|name| name.matches('/').count());
    names.first().map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

/// Where an image has no name any more, its number stands there, of which the beginning is enough.
fn image(name: String) -> String {
    match name.strip_prefix("sha256:") {
        Some(number) => number.chars().take(12).collect(),
        None => name,
    }
}

/// `Exited (137) 2 hours ago`
fn exit_code(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

/// `Up 2 minutes (healthy)`, `Up 1 second (health: starting)`
fn health_in_words(status: &str) -> Option<Health> {
    match status.rsplit_once('(')?.1 {
        "healthy)" => Some(Health::Healthy),
        "unhealthy)" => Some(Health::Unhealthy),
        "health: starting)" => Some(Health::Starting),
        _ => None,
    }
}

fn compose(labels: &HashMap<String, String>) -> Option<Compose> {
    let project = labels.get("com.docker.compose.project")?.clone();
    Some(Compose { project, service: labels.get("com.docker.compose.service").cloned().unwrap_or_default() })
}

fn own(labels: &HashMap<String, String>) -> Option<Own> {
    let text = |name: &str| labels.get(name).filter(|text| !text.is_empty()).cloned();
    Some(Own {
        home: text(label::HOME)?,
        ours: false,
        run: text(label::RUN).and_then(|run| run.parse().ok()),
        job: text(label::JOB).map(JobKey),
        attempt: text(label::ATTEMPT).and_then(|attempt| attempt.parse().ok()),
        role: text(label::ROLE).unwrap_or_default(),
        name: text(label::NAME).unwrap_or_default(),
    })
}

/// With what only looking closer tells: the times, how it ended, its health.
pub fn refine(row: &ContainerRow, inspected: &ContainerInspectResponse) -> ContainerRow {
    let mut row = row.clone();
    if let Some(name) = &inspected.name {
        name.trim_start_matches('/').clone_into(&mut row.name);
    }
    let Some(state) = &inspected.state else { return row };
    let code = state.exit_code.unwrap_or(0);
    row.state = match state.status {
        Some(ContainerStateStatusEnum::CREATED) => ContainerState::Created,
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING) => ContainerState::Running,
        Some(ContainerStateStatusEnum::PAUSED) => ContainerState::Paused,
        Some(ContainerStateStatusEnum::RESTARTING) => ContainerState::Restarting,
        Some(ContainerStateStatusEnum::REMOVING) => ContainerState::Removing,
        Some(ContainerStateStatusEnum::EXITED) => ContainerState::Exited { code },
        Some(ContainerStateStatusEnum::DEAD) => ContainerState::Dead,
        Some(ContainerStateStatusEnum::EMPTY) | None => row.state,
    };
    row.oom = state.oom_killed.unwrap_or(false);
    row.started = state.started_at.as_deref().and_then(moment);
    row.finished = state.finished_at.as_deref().and_then(moment);
    row.health = match state.health.as_ref().and_then(|health| health.status) {
        Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
        Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
        Some(HealthStatusEnum::UNHEALTHY) => Some(Health::Unhealthy),
        _ => None,
    };
    row
}

/// The API writes the year 1 for never.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|at: &Timestamp| at.as_second() > 0)
}

/// What was learned by looking closer is not lost by listing again, as long as the container stands as it stood then.
pub(super) fn keep_details(listed: ContainerRow, known: &ContainerRow) -> ContainerRow {
    if listed.state != known.state {
        return listed;
    }
    ContainerRow { started: known.started, finished: known.finished, oom: known.oom, ..listed }
}

/// Nothing has been looked at closer.
pub(super) fn is_coarse(row: &ContainerRow) -> bool {
    row.started.is_none() && row.state != ContainerState::Created
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_list_are_read() {
        assert_eq!(exit_code("Exited (137) 2 hours ago"), Some(137));
        assert_eq!(exit_code("Up 3 minutes"), None);
        assert_eq!(health_in_words("Up 2 minutes (healthy)"), Some(Health::Healthy));
        assert_eq!(health_in_words("Up 1 second (health: starting)"), Some(Health::Starting));
        assert_eq!(health_in_words("Up 1 second (Paused)"), None);
        assert_eq!(name(vec!["/web/db".into(), "/db".into()]), "db");
        assert_eq!(moment("0001-01-01T00:00:00Z"), None);
    }

    #[test]
    fn labels_say_whose_it_is() {
        let labels = [(label::HOME, "abc"), (label::RUN, "7"), (label::JOB, "test [3.12]"), (label::ROLE, "service")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let summary = ContainerSummary {
            id: Some("f00".into()),
            names: Some(vec!["/one".into()]),
            state: Some(ContainerSummaryStateEnum::EXITED),
            status: Some("Exited (3) now".into()),
            labels: Some(labels),
            ..ContainerSummary::default()
        };
        let row = of_summary("docker", summary).unwrap_or_default();
        assert_eq!((row.name.as_str(), row.state), ("one", ContainerState::Exited { code: 3 }));
        let own = row.own.clone().unwrap_or_default();
        assert_eq!((own.run.map(|run| run.0), own.job.map(|job| job.0)), (Some(7), Some("test [3.12]".into())));
        assert_eq!(row.group().as_deref(), Some("another gonogo"));
    }
}
