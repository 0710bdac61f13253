//! Git: the exact tree of a checkout, isolated worktrees of it, and patches made, applied and taken back.
