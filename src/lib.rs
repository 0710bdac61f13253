//! gonogo: mission control for software delivery, in a terminal.
//!
//! Everything that has happened is a record in one append-only log; everything that somebody wants is a request, and may be
//! refused; state is the fold of the records; screens and commands are views of it. `docs/architecture.md` has the whole.
//!
//! # The house
//!
//! Imports go downward only; siblings don't import each other (but for what `tests/it/architecture.rs` names), and L5 sees
//! neither control nor L3 and L2.
//!
//! ```text
//! L6  cli                                  what was typed: one file a subcommand
//! L5  tui                                  the board: state in, screen out; keys in, requests out
//!     ipc                                  a session over a socket, or over ssh
//! L4  control                              decide, observe, advance, schedule, commit, perform: the only writer of the log
//! L3  store  engine  fix  agent            the log and the outputs; where jobs run; repairs; models and agents
//! L2  workspace  diagnose  redact  survey  git; output to diagnoses; secrets out of bytes; what a repository can run
//!     price                                what calls of models cost
//! L1  state → protocol → domain            the fold; requests, records, sessions
//!     config → domain                      gonogo.toml, config.toml, keys, paths
//! L0  domain                               validated values
//! ```
//!
//! # What always holds
//!
//! 1. Only control appends; commit is append, then apply, then publish, in one place ([`control::commit`]).
//! 2. The log alone rebuilds [`state::board::State`], the same in every client.
//! 3. Intent is recorded before it is acted on: a job's process exists only if its record does.
//! 4. An approval names the proposal's hash; what was approved is what is applied, to the byte.
//! 5. A slow client skips no record, and control never waits for a client.
//! 6. Channels are bounded. Reports wait when full; telemetry drops and counts.
//! 7. Every task of control belongs to a tracker and stops in two stages: gracefully with a reason, then now.
//! 8. The screen is drawn at one call site, only when something that it shows has changed; one frame is under way.
//! 9. Secrets never reach the log, the output files or the screen: they are taken out before the first write.
//! 10. Nothing typed before a question was on the screen can answer it.
//! 11. A command that is sent again after a cut is done once.
//! 12. Who asks is what the kernel says of the caller, not what the caller says.
//! 13. An agent proposes and asks: it approves nothing, and every call of a model is set aside in the budgets before it is made.

pub mod agent;
pub mod cli;
pub mod config;
pub mod control;
pub mod diagnose;
pub mod domain;
pub mod engine;
pub mod fix;
pub mod ipc;
pub mod price;
pub mod protocol;
pub mod redact;
pub mod state;
pub mod store;
pub mod survey;
pub mod tui;
pub mod workspace;
