//! The board: state in, screen out; keys in, requests out.
//!
//! A key becomes an intent ([`input`]), an intent changes what is looked at and asks for things ([`update`]), and what is
//! looked at, with the [`crate::state`], becomes a screen ([`view`]). [`event_loop`] turns the wheel; `drawing` is the one place
//! where anything is drawn, at the [`pace`] of the terminal's answers. [`ui`] is all that the board itself remembers; nothing
//! of it matters to anybody else.

pub mod card;
pub mod containers;
mod drawing;
mod editor;
pub mod event_loop;
pub mod fixture;
mod fold;
pub mod glyphs;
pub mod input;
pub mod keyboard;
pub mod layout;
pub mod link;
pub mod log;
pub mod markdown;
pub mod options;
pub mod overlay;
pub mod pace;
pub mod past;
pub mod picture;
pub mod screen;
mod seen;
pub mod select;
mod shell;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod theme;
pub mod thread;
pub mod tree;
pub mod ui;
pub mod update;
pub mod view;
pub mod widget;

pub use event_loop::run;
pub use options::{BoardError, Left, Options};
