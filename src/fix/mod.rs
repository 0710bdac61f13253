//! Repairs: fixers make a candidate, the guard looks at it, a proof is run, and a proposal comes out.
//!
//! [`repair`] is the procedure, and [`repair::port`] what it needs of the world; [`fixer`] says which fixers fit a fault;
//! `suggest` reads what compilers suggest; [`guard`] says what a patch must not do and what a person must know about it.

pub mod fixer;
pub mod guard;
pub mod repair;
mod suggest;
