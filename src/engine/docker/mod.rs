//! The Docker engine: a job's steps in a container, through the API that Docker and Podman speak.

pub mod act;
pub mod fault;
pub mod host;
pub mod label;
pub mod log;
pub mod watch;
