//! The Docker engine: a job's steps in a container, through the API that Docker and Podman speak.
//!
//! One attempt is one container. Its own process is a shell that reads [`script`] from its standard input and runs the steps
//! in order; [`marks`] in its output say where each begins and ends. The engine keeps the output until the container is
//! removed, so that a gonogo that was killed, or a line that was cut, loses none of it ([`follow`], [`take_up`]). Everything
//! that is made carries [`label`]s, by which [`sweep`] finds what is left.

pub mod act;
mod archive;
mod attempt;
mod back;
mod body;
pub mod build;
mod capture;
pub mod credentials;
mod ending;
pub mod fault;
mod follow;
mod health;
pub mod host;
mod ignored;
pub mod image;
mod keychain;
pub mod label;
mod line;
pub mod log;
mod look;
mod manifest;
mod marks;
mod objects;
mod outcome;
mod pipe;
pub mod pool;
mod progress;
mod reach;
mod reference;
mod replay;
mod script;
pub mod service;
pub mod ship;
pub mod sweep;
mod take_up;
pub mod watch;

pub(super) use attempt::attempt;
pub use capture::capture;
