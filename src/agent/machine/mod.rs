//! The course of a turn as a pure machine: an event in, effects out.
