//! The engines that run containers: whether each answers. All are asked at once.

use futures::future::join_all;

use crate::{
    domain::container::EngineState,
    engine::docker::host::{Host, Hosts},
    protocol::session::surroundings,
};

use super::{Finding, Place, bad, good, note, size};

/// What each engine says, within a few seconds.
pub(super) async fn look(place: &Place) -> Vec<Finding> {
    let named = &place.settings.engines;
    let hosts = Hosts::new(named, &surroundings());
    join_all(
        hosts.all().map(|host| async { finding(host, named.iter().any(|spec| spec.name == host.spec.name)).await }),
    )
    .await
}

async fn finding(host: &Host, named: bool) -> Finding {
    let what = if host.name() == "docker" { "docker".to_owned() } else { format!("engine {}", host.name()) };
    match host.look().await {
        Ok(state) => good(what, line(&state)),
        Err(fault) => {
            let said = format!("{}: {fault}", fault.fault.word());
            let hint = fault.fault.hint().unwrap_or("look at what it says");
            // Nobody has to have one: only what is in the settings should be there.
            if named { bad(what, said, hint) } else { note(what, said, "only jobs with `engine = \"docker\"` need it") }
        }
    }
}

fn line(state: &EngineState) -> String {
    let EngineState { address, version, api, os, arch, running, containers, cpus, memory, .. } = state;
    let kind = if state.podman { "Podman" } else { "Docker" };
    let rootless = if state.rootless { ", rootless" } else { "" };
    format!(
        "{kind} {version} (API {api}{rootless}) at {address}: {os}/{arch}, {cpus} processors, {}, {running} of {containers} containers run",
        size(*memory)
    )
}
