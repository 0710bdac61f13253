//! Repairs: fixers make a candidate, the guard looks at it, a proof is run, and a proposal comes out.

pub mod guard;
