//! Looks at a repository and says which pipeline would really run there (`gonogo init`).
