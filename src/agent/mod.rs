//! Agents: models with a role and tools, that propose and never decide.
//!
//! ```text
//!  role (data) + prompt ─► machine: (state, event) -> effects ◄─► driver ─► port: control does what an agent asks for
//!                              tool: arguments, checked              └─► model: asked, streamed
//! ```
//!
//! [`machine`] is the pure course of a turn; [`driver`] performs its effects over [`port::AgentPort`]; [`model`] speaks with providers;
//! [`tool`] are the tools as models see them; [`place`] the files that they may reach.

pub mod driver;
pub mod machine;
pub mod model;
pub mod place;
pub mod port;
pub mod prompt;
pub mod role;
#[cfg(test)]
mod tests;
pub mod tool;
