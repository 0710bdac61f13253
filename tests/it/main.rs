//! The whole program, as its users meet it: the real binary, real processes, real repositories, a real terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod caller;
mod dock;
mod home;
mod inside;
mod script;
mod terminal;
mod wire;

mod agents;
mod architecture;
mod away;
mod beginnings;
mod board;
mod chat;
mod commands;
mod containers;
mod cost;
mod crash;
mod daemon;
mod demo;
mod disk;
mod docker;
mod edit;
mod engines;
mod examples;
mod gate;
mod images;
mod killed;
mod mischief;
mod models;
mod outlive;
mod recovery;
mod refused;
mod run;
mod shipped;
mod stop;
mod strangers;
mod surroundings;
mod together;
mod upgrade;
