//! The Docker engine: a job's steps in a container, through the API that Docker and Podman speak.

mod archive;
mod back;
pub mod build;
pub mod credentials;
pub mod fault;
pub mod host;
mod ignored;
pub mod image;
mod keychain;
mod line;
mod look;
mod objects;
mod pipe;
mod progress;
mod reference;
pub mod ship;
