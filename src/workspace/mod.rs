//! Git: the exact tree of a checkout, isolated workspaces of it, and patches made, applied and taken back.
//!
//! Everything goes through the `git` program, so that its filters, attributes and configuration hold here as they do for
//! the person. The person's index, `HEAD`, stash and worktree list are touched by [`apply`] and [`undo`] alone, and by
//! these only for the paths of the patch. A workspace is a small repository of its own whose objects are borrowed from the
//! person's (see [`pool`]), so that jobs find a `.git` in it and the person's `git worktree list` knows nothing of it.

pub mod apply;
pub mod change;
mod entry;
pub mod git;
mod land;
pub mod pool;
pub mod repo;
mod settle;
mod slot;
mod step;
pub mod undo;

#[cfg(test)]
pub(crate) mod sandbox;
#[cfg(test)]
mod tests;
