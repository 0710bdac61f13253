//! The board: state in, screen out; keys in, requests out.
