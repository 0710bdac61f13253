//! The Docker engine: a job's steps in a container, through the API that Docker and Podman speak.

pub mod fault;
pub mod host;
pub mod label;
pub mod marks;
pub mod script;
