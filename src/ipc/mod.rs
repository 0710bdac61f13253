//! A session over a byte stream: a Unix socket on this machine, or a program (`ssh`) that reaches one on another.
//!
//! | file | about |
//! |---|---|
//! | `address` | the runtime directory and the socket in it: who may use them |
//! | `wire` | what is said, and how it is cut into messages |
//! | `server` | takes callers on, looks who they are, and gives each a session |
//! | `client` | a session that outlives its connection: calls again, goes on where it was cut |
//! | `keeper` | how that is done: asks that are sent again, silence that is noticed |
//! | `bridge` | stands between a caller's standard input and output and the socket |

pub mod address;
pub mod bridge;
pub mod client;
mod keeper;
pub mod server;
pub mod wire;

#[cfg(test)]
mod tests;
