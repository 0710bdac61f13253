//! What the user wrote (`gonogo.toml`, `config.toml`), then what it means.
