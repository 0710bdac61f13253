//! Jobs in containers, by real engines: the same suite on Docker's, on Podman, and on one elsewhere over TLS.

mod engine;
mod environments;
mod restarted;
mod suite;

use crate::dock::{Dockerd, Podman, variables};

#[test]
fn podman_runs_the_same_suite() {
    let Some(podman) = Podman::start(&variables(), "127.0.0.1:1") else { return };
    if let Some(engine) = engine::podman(&podman) {
        suite::all(&engine);
    }
}

#[test]
fn an_engine_elsewhere_runs_the_same_suite_without_seeing_our_files() {
    let Some(dockerd) = Dockerd::start() else { return };
    if let Some(engine) = engine::remote(&dockerd) {
        assert!(!engine.shares_files());
        suite::all(&engine);
    }
}
